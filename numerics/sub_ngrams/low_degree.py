"""Averages over kernels of polynomials of low degree, exactly and with few nodes."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, permutations, product
from typing import Literal

import torch

from numerics.sub_ngrams.kernel_rules import Nodes, gauss, gauss_points
from proofs.sub_ngrams.law import NGramLaw, Word

Degree = Literal[3, 5, 7]


def low_degree(law: NGramLaw, degree: Degree, at_most: int) -> Nodes | None:
    """Nodes and weights, some negative, exact for polynomials of this degree that treat all tokens alike.

    The deviations of different rows from 1/S are independent with mean 0: a term with a mean is of degree 2 or more in
    each of its rows and so, up to degree 7 in all, of degree 4 or more in one of them at most. Only few rows have to
    vary at a time, and one set of rows stands for its relabellings. None if that takes more than `at_most` nodes.
    """
    contexts = list(law.contexts)
    uniform = torch.full((1, len(contexts), law.S), 1 / law.S, dtype=torch.float64)
    cubic, parts = _row_rule(law, 3), [Nodes(uniform, torch.ones(1, 1, dtype=torch.float64))]
    for size in range(1, min(degree // 2, len(contexts)) + 1):
        in_one_row = degree - 2 * (size - 1)
        choices = [([cubic] * size, 1)]
        if in_one_row > 3:
            if gauss_points(in_one_row) ** (law.S - 1) > at_most:
                return None
            fine = _row_rule(law, in_one_row)
            choices = [([fine if i == j else cubic for j in range(size)], 1) for i in range(size)]
            choices += [([cubic] * size, 1 - size)]
        for (rows, count), (rules, sign) in product(_kinds(contexts, size).items(), choices):
            chosen = torch.cartesian_prod(*(torch.arange(len(rule)) for rule in rules)).view(-1, size)
            kernels, weights = uniform.repeat(len(chosen), 1, 1), torch.full((len(chosen), 1), float(sign * count))
            for row, rule, i in zip(rows, rules, chosen.T, strict=True):
                kernels[:, contexts.index(row)] = rule.kernels[i, 0]
                weights = weights * rule.weights[i]
            parts.append(Nodes(kernels, weights))
            if sum(map(len, parts)) > at_most:
                return None
    return Nodes(*(torch.cat([getattr(part, name) for part in parts]) for name in ("kernels", "weights")))


def _row_rule(law: NGramLaw, degree: int) -> Nodes:
    """For the average over one row, minus the value at 1/S.

    Up to degree 3 points on the way from 1/S to the corners do: with the fraction r = 2/(S alpha + 2) of the way and
    weights (S alpha + 2)^2 / (4 S (S alpha + 1)), the moments are those of the prior.
    """
    S, alpha = law.S, float(law.alpha)
    uniform = torch.full((1, 1, S), 1 / S, dtype=torch.float64)
    if degree > 3:
        nodes, _ = gauss(NGramLaw(S, 1, law.alpha), degree)
    else:
        corners = torch.eye(S, dtype=torch.float64)[:, None]
        weights = torch.full((S, 1), (S * alpha + 2) ** 2 / (4 * S * (S * alpha + 1)), dtype=torch.float64)
        nodes = Nodes(torch.lerp(uniform, corners, 2 / (S * alpha + 2)), weights)
    return Nodes(torch.cat([nodes.kernels, uniform]), torch.cat([nodes.weights, -nodes.weights.sum(0, keepdim=True)]))


def _kinds(contexts: list[Word], size: int) -> dict[tuple[Word, ...], int]:
    """Sets of so many contexts, one of each kind up to the names of the tokens, and how many each stands for."""
    first: dict[Word, tuple[Word, ...]] = {}
    count: Counter[tuple[Word, ...]] = Counter()
    for rows in combinations(contexts, size):
        spelt = (sum(order, ()) for order in permutations(rows))
        kind = min(tuple(list(dict.fromkeys(tokens)).index(token) for token in tokens) for tokens in spelt)
        count[first.setdefault(kind, rows)] += 1
    return dict(count)
