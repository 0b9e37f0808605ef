"""Averages over kernels with an error: lattices that have to agree, and scrambled points with confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
import torch
from scipy.special import stdtrit
from torch import Tensor

from numerics.sub_ngrams.kernel_rules import Nodes, dimension, lattices, of_shift
from proofs.sub_ngrams.law import NGramLaw

STEPS = tuple(3.75 * 0.8**i for i in range(13))  # of the lattices, coarse to fine; the first is only compared with
SHELL = 4.0  # a lattice reaches farther by so many powers of e in the density at a time
# A pair of lattices without a coarser one is not trusted; if there is time for one only, to ALONE times its difference.
ALONE = 40.0
SLOWLY = 2.0  # the error left is at most so many times the last change, if a refinement leaves at most 2/3 of it
VISIBLE = 1e-6  # entries smaller than this part of the largest are rounding noise where others are compared with them
SCRAMBLINGS = 32
FIRST = 16  # points of every sequence, at least: means of fewer are too skew for intervals where rare kernels count
NEGLIGIBLE_SHARE = 0.01  # of the variance of every entry; a part with no more is not worth more points
RELATIVE = 1e-2  # error of an entry that is good enough while others are worse


@dataclass(frozen=True)
class Sums:
    """Sums over nodes, [sum, a, b, (same, different)]: of the values, of their absolute values, of their errors."""

    value: Tensor
    size: Tensor
    error: Tensor

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.value + other.value, self.size + other.size, self.error + other.error)

    @staticmethod
    def join(parts: Sequence[Sums]) -> Sums:
        """Different sums, one after the other."""
        return Sums(*(torch.cat([getattr(part, name) for part in parts]) for name in ("value", "size", "error")))

    def split(self, first: int) -> tuple[Sums, Sums]:
        """The first so many of them, and the others."""
        parts = (self.value, self.size, self.error)
        return Sums(*(part[:first] for part in parts)), Sums(*(part[first:] for part in parts))


@dataclass(frozen=True)
class Integral:
    """An average over kernels, the error of each of its entries, and how many nodes it is made of."""

    value: Tensor
    error: Tensor
    nodes: int = 0

    def __add__(self, other: Integral) -> Integral:
        return Integral(self.value + other.value, self.error + other.error, self.nodes + other.nodes)


Integrand = Callable[[Nodes], Sums]


def by_lattices(
    f: Integrand,
    allowed: Callable[[Tensor], Tensor | float],
    at_most: int,
    *,
    law: NGramLaw,
    needed: Tensor | None = None,
) -> Integral | None:
    """The average of f by lattices, finer and farther until the error is within the tolerance; None if the coarsest has
    more than `at_most` nodes.

    The error has two parts. Of the step: the larger of SLOWLY times the last refinement's change and what the
    difference of the two shifted lattices allows for (`of_shift`); where this is small by coincidence, the entries that
    fare worst speak for all, in proportion to their mean absolute values. Of the reach: what the outermost SHELL adds.
    The larger part is mended next. More than `at_most` nodes end it with what is reached.

    allowed  of a value, the errors asked for
    needed   1 at the entries whose errors have to be within those, 0 at the others; all by default
    """

    def largest(error: Tensor, value: Tensor) -> float:
        """In units of the error allowed."""
        error = error / allowed(value)
        return float((error if needed is None else error * needed).max())

    i, known, reach = 0, 3 * SHELL, 4 * SHELL
    change: Tensor | None = None  # by the last refinement
    coarser: Tensor | None = None  # what it changed
    inner: Sums | None = None  # sums over the nodes up to the depth `known`,
    inside = 0  # which are so many
    result: Integral | None = None
    while i < len(STEPS):
        core = lattices(law, STEPS[i], (-1.0, known), at_most) if inner is None else None
        shell = lattices(law, STEPS[i], (known, reach), at_most)
        if shell is None or (inner is None and core is None):
            break
        if not len(shell):  # says nothing
            reach += SHELL
            continue
        if core is not None:  # what a call costs beside its nodes is paid once
            inside = len(core)
            inner, outer = f(core.beside(shell)).split(core.weights.shape[1])
        else:
            outer = f(shell)
        assert inner is not None
        sums = inner + outer
        value = sums.value.mean(0)
        half = of_shift(dimension(law)) * (sums.value[0] - sums.value[1]).abs()
        if coarser is not None:
            change, coarser = (value - coarser).abs(), None
        of_step = ALONE * half if change is None else torch.maximum(SLOWLY * change, half)
        of_step, of_reach = _in_proportion(of_step, sums.size.mean(0)), outer.size.mean(0)
        result = Integral(value, of_step + of_reach + sums.error.mean(0), inside + len(shell))
        if change is not None and largest(of_step + of_reach, value) <= 1:
            break
        if change is not None and largest(of_reach, value) > largest(of_step, value):
            known, reach, inner, inside = reach, reach + SHELL, sums, inside + len(shell)
        else:
            i, coarser, inner = i + 1, value, None
    return result


def _in_proportion(error: Tensor, size: Tensor) -> Tensor:
    """At least the largest relative error times the size, for every entry."""
    visible = size > VISIBLE * size.max()
    return torch.maximum(error, (error / size).where(visible, 0).max() * size)


@dataclass
class Sampled:
    """A summand of what is averaged, and its sums over the points so far of SCRAMBLINGS Sobol sequences.

    sums     (first, count): over the next points of every sequence
    seconds  that a point takes
    """

    sums: Callable[[int, int], Sums]
    seconds: float
    points: int = 0
    total: Sums | None = None

    def affordable(self, seconds: float) -> int:
        """How many points more of every sequence, in a quarter of the time left: twice as many in all, or fewer if that
        is too long, down to a quarter more, or none."""
        left = seconds / (SCRAMBLINGS * self.seconds)
        count = int(min(self.points, max(self.points / 4, left / 4)))
        return count if count <= left else 0

    def extend(self, count: int) -> float:
        """By so many points of every sequence. Returns how many seconds that should take."""
        sums = self.sums(self.points, count)
        self.total = sums if self.total is None else self.total + sums
        self.points += count
        return SCRAMBLINGS * count * self.seconds

    def means(self) -> Tensor:
        """[sequence, ...]"""
        assert self.total is not None
        return self.total.value / self.points

    def error(self) -> Tensor:
        """Of the mean, as far as values are in error."""
        assert self.total is not None
        return self.total.error.mean(0) / self.points


def half_width(level: float, entries: int, means: Tensor) -> Tensor:
    """Of intervals that hold for so many entries at once, in standard errors, given the means of the sequences.

    Student's quantile, with fewer degrees of freedom the less certain the standard error is: 2 / (relative variance of
    the sample variance), which by the kurtosis of the means are SCRAMBLINGS - 1 if they are normal.
    """
    R = len(means)
    squares = (means - means.mean(0)).square()
    kurtosis = squares.square().mean(0) / squares.mean(0).square().clamp(min=1e-300)
    freedom = (2 * R / (kurtosis - (R - 3) / (R - 1)).clamp(min=2 * R / (R - 1))).clamp(min=1)
    return torch.from_numpy(np.asarray(stdtrit(freedom.numpy(), 1 - (1 - level) / 2 / entries)))


def allowance(value: Tensor, tolerance: float, relative: float) -> Tensor:
    """The errors asked for, of a value [..., entry]: `tolerance`, or `relative` times the largest entry of the block,
    whichever is more."""
    return (relative * value.abs().amax(-1, keepdim=True)).clamp(min=tolerance).expand_as(value)


def by_sobol(
    parts: list[Sampled], known: Tensor, tolerance: float, seconds: float, *, level: float, relative: float = 0.0
) -> Integral:
    """The average of a sum of parts over independently scrambled Sobol sequences, plus a known average.

    The error is the half-width of Student intervals that hold for all entries at once with probability `level`
    (Bonferroni), plus the error of the values. Until it is within the `allowance`, or the time left does not allow to
    mend it, more of those points are drawn which do most, for their time, for the entry that profits most; entries
    count relatively, down to the allowance, and those better than RELATIVE only when all are.
    """
    for part in parts:
        seconds -= part.extend(FIRST)
    while True:
        means = torch.stack([part.means() for part in parts])
        value, spread = known + means.mean(1).sum(0), means.sum(0).std(0)
        half = half_width(level, value.numel(), means.sum(0)) * spread / math.sqrt(SCRAMBLINGS)
        allowed = allowance(value, tolerance, relative)
        wanted = torch.maximum(RELATIVE * value.abs(), allowed)
        missed = half > wanted if bool((half > wanted).any()) else half > allowed
        worth = {
            i: float((own / wanted)[missed].max()) ** 2 / (part.points * part.seconds)
            for i, (part, own) in enumerate(zip(parts, means.std(1), strict=True))
            if part.affordable(seconds) and bool((missed & (own**2 > NEGLIGIBLE_SHARE * spread**2)).any())
        }
        if not worth:
            break
        best = parts[max(worth, key=lambda i: worth[i])]
        seconds -= best.extend(best.affordable(seconds))
    nodes = SCRAMBLINGS * sum(part.points for part in parts)
    return Integral(value, half + reduce(add, (part.error() for part in parts)), nodes)
