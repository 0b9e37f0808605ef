"""Polynomials whose average over kernels is known exactly, left out of what is sampled: control variates.

They are made of the Taylor terms of the summands of M_inf, with coefficients fitted to a sample of kernels that is not
averaged over, so that the averages stay unbiased.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import reduce
from operator import add

import numpy as np
import torch
from torch import Tensor

from numerics.sub_ngrams.given_kernel import Gradient
from numerics.sub_ngrams.kernel_rules import Nodes, Sobol
from numerics.sub_ngrams.low_degree import low_degree

DEGREES = (3, 5, 7, 9)  # that are tried,
AVERAGE_SHARE = 0.25  # while the average takes such a part of the time at most
SAMPLE = 2**6, 2**8  # points of every sequence to which coefficients are fitted, at least and at most,
SAMPLE_SHARE = 0.005  # and in between as many as the cheapest part takes such a part of the time for
NO_TERM = 1e-6  # relative to the others; what is smaller is rounding


@dataclass(frozen=True)
class Controlled:
    """Parts, some of them without polynomials; the sum of the polynomials, and the nodes for its average."""

    parts: list[Gradient]
    polynomial: Gradient | None = None
    nodes: Nodes | None = None

    @property
    def seconds(self) -> float:
        """What the average takes."""
        return 0.0 if self.polynomial is None or self.nodes is None else len(self.nodes) * self.polynomial.seconds


def without_polynomials(parts: list[Gradient], tolerance: float, seconds: float, seeds: list[int]) -> Controlled:
    """The parts without the polynomials, of one degree, that leave least to chance in so many seconds, less those that
    their average takes; a part that does not gain by it keeps its polynomial, and so may all.

    What a polynomial leaves to chance is seen in the second half of the sample, with coefficients fitted to the first.
    A sum whose parts have variances V_i per point that takes t_i seconds has at least the variance
    (sum sqrt(V_i t_i))^2 / t in the time t. What is known to the tolerance is not made better.
    """
    law = parts[0].law
    points = min(max(SAMPLE[0], int(SAMPLE_SHARE * seconds / min(p.seconds for p in parts) / len(seeds))), SAMPLE[1])
    points = 2 ** (points.bit_length() - 1)  # for which Sobol sequences are balanced
    kernels = torch.cat([Sobol(law, seed).prior(points).kernels for seed in seeds])
    shards = torch.split(kernels.to(parts[0].device), min(part.shard for part in parts))
    values = [torch.cat([part.given(shard, 1.0)[0] for shard in shards]) for part in parts]
    half = points * (len(seeds) // 2)
    alone = [_chance(value[half:], points) for value in values]
    choices = [(_least(alone, parts, seconds), Controlled(parts))]
    for degree in DEGREES if max(alone) > tolerance**2 else ():
        terms = torch.cat([parts[0].taylor_terms(shard, degree) for shard in shards], 1)
        chosen, chances = list(parts), list(alone)
        for i, (part, value) in enumerate(zip(parts, values, strict=True)):
            trial = replace(part, polynomial=_fitted(value[:half], terms[:, :half]))
            left = _chance(value[half:] - trial.combined(terms[:, half:]), points)
            if left * trial.seconds < alone[i] * part.seconds:
                chosen[i], chances[i] = replace(part, polynomial=_fitted(value, terms)), left
        polynomials = [part.polynomial for part in chosen if part.polynomial is not None]
        if not polynomials:
            continue
        polynomial = replace(parts[0], part="polynomial", polynomial=reduce(add, polynomials))
        nodes = low_degree(law, degree, int(AVERAGE_SHARE * seconds / polynomial.seconds))
        if nodes is None:
            break
        controlled = Controlled(chosen, polynomial, nodes)
        choices.append((_least(chances, chosen, seconds - controlled.seconds), controlled))
        if max(chances) <= tolerance**2:
            break
    return min(choices, key=lambda choice: choice[0])[1]


def _chance(value: Tensor, points: int) -> float:
    """The variance of the mean over a sequence of so many points, all entries added up."""
    return float(value.view(-1, points, *value.shape[1:]).mean(1).var(0).sum())


def _least(chances: list[float], parts: list[Gradient], seconds: float) -> float:
    return sum(math.sqrt(chance * part.seconds) for chance, part in zip(chances, parts, strict=True)) ** 2 / seconds


def _fitted(value: Tensor, terms: Tensor) -> Tensor:
    """The combinations of terms that are nearest to the mean diagonal entries: [degree, summand, a, b], from value
    [batch, a, b, (same, different)] and terms [degree, batch, summand]."""
    x = terms.movedim(1, 0).flatten(1).cpu().numpy()
    y = value[..., 0].flatten(1).cpu().numpy()
    scale = x.std(0)
    scale[scale <= NO_TERM * scale.max()] = np.inf
    coefficients = np.linalg.lstsq((x - x.mean(0)) / scale, y - y.mean(0), rcond=NO_TERM)[0] / scale[:, None]
    return torch.from_numpy(coefficients).view(len(terms), -1, *value.shape[1:3])
