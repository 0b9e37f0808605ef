"""Averages over kernels with an error: lattices that have to agree, and scrambled points with confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from numerics.sub_ngrams.kernel_rules import Nodes, Sobol, lattices
from proofs.sub_ngrams.law import NGramLaw

STEPS = tuple(3.0 * 0.8**i for i in range(12))  # of the lattices, coarse to fine
SHELL = 4.0  # a lattice reaches farther by so many powers of e in the density at a time
ALONE = 10.0  # a pair of lattices that has no coarser pair to be compared with is trusted to ALONE times its difference
SLOWLY = 2.0  # the error left is at most so many times the last change, if a refinement leaves at most 2/3 of it
VISIBLE = 1e-6  # entries smaller than this part of the largest are rounding noise where others are compared with them
SCRAMBLINGS = 16


@dataclass(frozen=True)
class Sums:
    """Sums over nodes, [sum, a, b, (same, different)]: of the values, of their absolute values, of their errors."""

    value: Tensor
    size: Tensor
    error: Tensor

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.value + other.value, self.size + other.size, self.error + other.error)


@dataclass(frozen=True)
class Integral:
    """An average over kernels, the error of each of its entries, and how many nodes it is made of."""

    value: Tensor
    error: Tensor
    nodes: int = 0

    def __add__(self, other: Integral) -> Integral:
        return Integral(self.value + other.value, self.error + other.error, self.nodes + other.nodes)


Integrand = Callable[[Nodes], Sums]
Draw = Callable[[Sobol, int], Nodes]  # the next m points of a sequence


def by_lattices(f: Integrand, tolerance: Callable[[Tensor], float], at_most: int, *, law: NGramLaw) -> Integral:
    """The average of f by lattices, finer and farther until the error is within the tolerance.

    The error has two parts. Of the step: the larger of SLOWLY times the last refinement's change and half the
    difference of the two shifted lattices; where this is small by coincidence, the entries that fare worst speak for
    all, in proportion to their mean absolute values. Of the reach: what the outermost SHELL adds. The larger part is
    mended next. tolerance maps a value to the error asked for; more than `at_most` nodes end it with what is reached.
    """
    i, known, reach = 0, 3 * SHELL, 4 * SHELL
    change: Tensor | None = None  # by the last refinement
    coarser: Tensor | None = None  # what it changed
    inner: Sums | None = None  # sums over the nodes up to the depth `known`,
    inside = 0  # which are so many
    result: Integral | None = None
    while i < len(STEPS):
        core = lattices(law, STEPS[i], (-1.0, known), at_most) if inner is None else None
        shell = lattices(law, STEPS[i], (known, reach), at_most)
        if shell is not None and core is not None:
            inner, inside = f(core), len(core)
        if shell is None or inner is None:
            break
        if not len(shell):  # says nothing
            reach += SHELL
            continue
        outer = f(shell)
        sums = inner + outer
        value, half = sums.value.mean(0), (sums.value[0] - sums.value[1]).abs() / 2
        if coarser is not None:
            change, coarser = (value - coarser).abs(), None
        of_step = ALONE * half if change is None else torch.maximum(SLOWLY * change, half)
        of_step, of_reach = _in_proportion(of_step, sums.size.mean(0)), outer.size.mean(0)
        result = Integral(value, of_step + of_reach + sums.error.mean(0), inside + len(shell))
        if float((of_step + of_reach).max()) <= tolerance(value):
            break
        if float(of_reach.max()) > float(of_step.max()):
            known, reach, inner, inside = reach, reach + SHELL, sums, inside + len(shell)
        else:
            i, coarser, inner = i + 1, value, None
    if result is None:
        raise ValueError(f"{at_most} nodes do not make a lattice for S={law.S}, n={law.n}")
    return result


def _in_proportion(error: Tensor, size: Tensor) -> Tensor:
    """At least the largest relative error times the size, for every entry."""
    visible = size > VISIBLE * size.max()
    return torch.maximum(error, (error / size).where(visible, 0).max() * size)


def by_sobol(
    f: Integrand,
    tolerance: Callable[[Tensor], float],
    at_most: int,
    draw: Draw,
    *,
    law: NGramLaw,
    level: float,
    seed: Sequence[int],
) -> Integral:
    """The average of f over independently scrambled Sobol sequences, doubled until the intervals are short enough.

    The error is the half-width of Student intervals that hold for all entries at once with probability `level`
    (Bonferroni), plus that of the values. At most `at_most` nodes in all.
    """
    seeds = np.random.SeedSequence(list(seed)).generate_state(SCRAMBLINGS, np.uint32)
    sequences = [Sobol(law, int(s)) for s in seeds]
    points, total, error = 0, torch.zeros(()), torch.zeros(())
    while True:
        m = max(points, 8)
        drawn = [draw(sequence, m) for sequence in sequences]
        weights = torch.block_diag(*(nodes.weights for nodes in drawn))  # type: ignore[no-untyped-call] # torch
        sums = f(Nodes(torch.cat([nodes.kernels for nodes in drawn]), weights))
        total, error, points = total + m * sums.value, error + m * sums.error.mean(0), points + m
        means = total / points
        quantile = float(stats.t.ppf(1 - (1 - level) / 2 / means[0].numel(), SCRAMBLINGS - 1))
        half, value = quantile * means.std(0) / math.sqrt(SCRAMBLINGS), means.mean(0)
        if float(half.max()) <= tolerance(value) or 2 * points * SCRAMBLINGS > at_most:
            return Integral(value, half + error / points, points * SCRAMBLINGS)
