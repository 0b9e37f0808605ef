"""Averages over kernels of polynomials of low degree, exactly and with few nodes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations, permutations, product

import numpy as np
import torch

from numerics.sub_ngrams.kernel_rules import Nodes
from proofs.sub_ngrams.law import NGramLaw, Word, float_alpha


def low_degree(law: NGramLaw, degree: int, at_most: int) -> Nodes | None:
    """Nodes and weights, some negative, exact for polynomials of this odd degree that treat all tokens alike.

    The deviations of different rows from 1/S are independent with mean 0: a term with a mean is of degree 2 or more in
    each of its rows, so that only few rows have to vary at a time, and the more rows, the lower the degree in each. One
    set of rows stands for its relabellings. None if that takes more than `at_most` nodes.
    """
    contexts, half = list(law.contexts), (degree - 1) // 2
    uniform = torch.full((1, len(contexts), law.S), 1 / law.S, dtype=torch.float64)
    rows_of = [_layer(law, t) for t in range(half + 1)]
    weight = torch.full((1, 1), _factor(law, half, ()), dtype=torch.float64)
    parts, count = [Nodes(uniform, weight)], 1
    for size in range(1, min(half, len(contexts)) + 1):
        steps = [tuple(t + 1 for t in above) for above in _vectors(size, half - size)]
        each = sum(math.prod(len(rows_of[t]) for t in layers) for layers in steps)
        if math.comb(len(contexts), size) > at_most:  # a set takes as long as a node to sort
            return None
        kinds = _kinds(contexts, law.S, size)
        count += len(kinds) * each
        if count > at_most:
            return None
        for (rows, alike), layers in product(kinds.items(), steps):
            chosen = torch.cartesian_prod(*(torch.arange(len(rows_of[t])) for t in layers)).view(-1, size)
            kernels = uniform.repeat(len(chosen), 1, 1)
            weights = torch.full((len(chosen), 1), alike * _factor(law, half, layers), dtype=torch.float64)
            for row, t, i in zip(rows, layers, chosen.T, strict=True):
                kernels[:, row] = rows_of[t].kernels[i, 0]
                weights = weights * rows_of[t].weights[i]
            parts.append(Nodes(kernels, weights))
    return Nodes(*(torch.cat([getattr(part, name) for part in parts]) for name in ("kernels", "weights")))


def _layer(law: NGramLaw, t: int) -> Nodes:
    """The points (alpha + 2 beta) / (S alpha + 2t) of one row, beta whole numbers that add up to t, with weights
    prod_i alpha (alpha + 1) .. (alpha + beta_i - 1) / beta_i!.

    With the factors of `_in_one_row` the layers up to t = s are exact up to degree 2s + 1: the rule of Grundmann and
    Moeller (1978, SIAM J. Numer. Anal. 15, 282-290) for the simplex, here with the density of the prior.
    """
    S, alpha = law.S, float_alpha(law)
    beta = torch.tensor(list(_vectors(S, t, exactly=True)), dtype=torch.float64)
    rising = torch.exp(torch.lgamma(alpha + beta) - math.lgamma(alpha) - torch.lgamma(beta + 1)).prod(1, keepdim=True)
    return Nodes(((alpha + 2 * beta) / (S * alpha + 2 * t))[:, None], rising)


def _in_one_row(law: NGramLaw, s: int, t: int) -> Fraction:
    A = law.S * law.alpha
    rising = math.prod((A + i for i in range(s + t + 1)), start=Fraction(math.factorial(s - t)))
    size: Fraction = 2 * (A / 2 + t) ** (2 * s + 1) / rising
    return -size if (s - t) % 2 else size


def _factor(law: NGramLaw, half: int, layers: tuple[int, ...]) -> float:
    """What the weights of nodes with these layers t >= 1 in as many rows, and 1/S in the others, are multiplied by.

    The average is a sum over sets of rows, of the rules minus the value at 1/S in each row of the set: by Smolyak's
    combination of products of rules with s = 1 + level, levels that add up to at most `half` minus the number of rows.
    Nodes with rows at 1/S belong to larger sets too.
    """
    N, total = law.S ** (law.n - 1), Fraction(not layers)
    for size in range(max(1, len(layers)), min(half, N) + 1):
        most = half - size
        for levels in _vectors(size, most):
            left = most - sum(levels)
            combined = Fraction((-1) ** left * math.comb(size - 1, left))
            for level, t in zip(levels, layers + (0,) * (size - len(layers)), strict=True):
                combined *= (_in_one_row(law, 1 + level, t) if t <= 1 + level else 0) - (t == 0)
            total += math.comb(N - len(layers), size - len(layers)) * combined
    return float(total)


def _vectors(size: int, total: int, *, exactly: bool = False) -> Iterator[tuple[int, ...]]:
    """All of so many whole numbers that add up to the total, or at most to it."""
    if size == 0:
        yield from [()] if total == 0 or not exactly else []
        return
    for first in range(total + 1):
        yield from ((first, *others) for others in _vectors(size - 1, total - first, exactly=exactly))


def _kinds(contexts: list[Word], S: int, size: int) -> dict[tuple[int, ...], int]:
    """Sets of so many contexts, as places: one of each kind up to the names of the tokens, and how many there are."""
    sets = np.array(list(combinations(range(len(contexts)), size)))
    tokens = np.array(contexts).reshape(len(contexts), -1)
    length = size * tokens.shape[1]
    if not length:  # n = 1
        return {(0,): 1}
    kind = np.full(len(sets), np.iinfo(np.int64).max)
    for order in permutations(range(size)):
        spelt = tokens[sets[:, order]].reshape(len(sets), length)
        first = (spelt[:, :, None] == spelt[:, None, :]).argmax(2)  # where a token occurs for the first time
        names = (first == np.arange(length)).cumsum(1) - 1  # 0, 1, .. in the order in which tokens occur
        kind = np.minimum(kind, np.take_along_axis(names, first, 1) @ S ** np.arange(length))
    _, chosen, counts = np.unique(kind, return_index=True, return_counts=True)
    return {tuple(rows): int(count) for rows, count in zip(sets[chosen].tolist(), counts, strict=True)}
