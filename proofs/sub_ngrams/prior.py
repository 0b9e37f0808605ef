"""Means over the Dirichlet prior of functions of the kernel, by quadrature, with an error.

What is hard is the prior's corners, where the chain is slow and the function depends on ratios of vanishing
probabilities. Two families of rules, which fail differently:

    tensor  Gauss nodes that are close together at both ends of every part of a row; few dimensions, alpha not small
    sobol   scrambled Sobol points through the quantiles, as logarithms: any dimension, any alpha, a confidence interval

A tensor rule is held against a few Sobol points, and every rule against means that are known in closed form.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from proofs.log_numbers import LogNumbers, as_floats
from proofs.sub_ngrams.law import NGramLaw, float_alpha
from proofs.sub_ngrams.prior_rules import (
    clustered_nodes,
    dimension,
    gauss_nodes,
    known_means,
    log_kernels,
    stick_parts,
)

Array = NDArray[np.float64]
# a kernel of arrays of floats or of LogNumbers -> arrays, all broadcast alike
Integrand = Callable[[Sequence[Sequence[Any]]], Sequence[Any]]

UNIT_ROUNDOFF = 2.0**-53
LEAST_NODES = 10  # per variable, for a product grid to mean something
MOST_NODES = 64
SMALL = 0.25  # an alpha below which so much lies in the corners that Sobol points do better
LARGE = 8.0  # an alpha from which so little lies there that nodes need not be close together
CHECK = 2**14  # Sobol points that a tensor rule is held against
CHECK_LEVEL = 1 - 1e-6
FAR_OFF = 3.0  # a known mean missed by so many errors at CHECK_LEVEL is no accident
NEARLY = 1e-5  # relative error of a known mean that does not count: coarse grids do not see logarithms well
FLOATS = 650.0  # e^-FLOATS and its inverse are floats, with some room


@dataclass(frozen=True)
class PriorMean:
    """Mean values and a bound or estimate of the error of each.

    method  "tensor": product quadrature; the errors are the difference between two grids, the rounding, and what a few
            Sobol points, an independent rule, do not allow for
            "sobol": scrambled Sobol points, the errors are half-widths of confidence intervals
    level   the confidence that all intervals hold at once; None for "tensor"
    points  kernels evaluated
    """

    values: tuple[float, ...]
    errors: tuple[float, ...]
    method: str
    level: float | None
    points: int


def prior_mean(
    law: NGramLaw,
    integrand: Integrand,
    *,
    points: int = 3_200_000,
    scramblings: int = 16,
    level: float = 0.99,
    seed: int = 0,
) -> PriorMean:
    """The means of the integrand's values over kernels drawn from the prior; each value at most about 1 in size.

    A product grid of at most `points` kernels where alpha is not small and that gives at least 10 nodes per variable,
    else a quarter as many Sobol points (quantiles are dearer than grids). Raises ArithmeticError if a mean that is
    known in closed form is missed by many errors: then the rule is not one over this prior.
    """
    nodes = min(MOST_NODES, int(points ** (1 / dimension(law))))
    if nodes >= LEAST_NODES and law.alpha >= SMALL:
        return _tensor(law, integrand, nodes, scramblings, seed)
    values, errors, used = _sobol(law, integrand, points // 4, scramblings, level, seed)
    return PriorMean(tuple(values.tolist()), tuple(errors.tolist()), "sobol", level, used)


def _tensor(law: NGramLaw, integrand: Integrand, nodes: int, scramblings: int, seed: int) -> PriorMean:
    """The mean on a fine grid; a coarser one, clustered otherwise, and Sobol points tell the error."""
    alpha, coarse_nodes = float_alpha(law), nodes * 2 // 3
    # y ~ t^order near 0: orders well above 1/alpha make the density smooth in t
    order = 2 + math.ceil(2 / alpha)

    def grid(count: int, order: int) -> tuple[Array, Array]:
        if alpha >= LARGE:
            return _on_grid(law, integrand, [gauss_nodes(a, b, count) for a, b in stick_parts(law)])
        return _on_grid(law, integrand, [clustered_nodes(a, b, count, order) for a, b in stick_parts(law)])

    (fine, known), (coarse, coarsely_known) = grid(nodes, order), grid(coarse_nodes, order - 1)
    # the values are about 1 at most; sums over the axes, and at most S^(2n) operations on the way to one value
    rounding = (dimension(law) * nodes + law.S ** (2 * law.n)) * UNIT_ROUNDOFF
    check, half_widths, checked = _sobol(law, integrand, CHECK, scramblings, CHECK_LEVEL, seed)
    errors = np.abs(fine - coarse) + rounding + np.maximum(np.abs(fine - check) - half_widths, 0)
    errors *= _factor(law, known, np.abs(known - coarsely_known))
    evaluated = nodes ** dimension(law) + coarse_nodes ** dimension(law) + checked
    return PriorMean(tuple(fine.tolist()), tuple(errors.tolist()), "tensor", None, evaluated)


def _on_grid(law: NGramLaw, integrand: Integrand, parts: list[tuple[Array, Array, Array]]) -> tuple[Array, Array]:
    """The means over the product grid, one axis per part, slice by slice of the first, to spare memory; and those of
    `known_means` over the last row."""
    S, rows = law.S, law.S ** (law.n - 1)
    axes = list(product(range(rows), range(S - 1)))

    def mean(value: Any, axes: Sequence[tuple[int, int]]) -> Array:
        found = np.broadcast_to(value, tuple(len(parts[i][0]) for _, i in axes))
        for _, i in reversed(axes):
            found = found @ parts[i][2]
        return found

    total: Any = 0.0
    for k in range(len(parts[0][0])):
        sticks = []
        for axis, (_, i) in enumerate(axes):
            shape = [-1 if other == axis else 1 for other in range(1, len(axes))]
            y, z, _ = parts[i]
            sticks.append((y[k], z[k]) if axis == 0 else (y.reshape(shape), z.reshape(shape)))
        kernel = [_break(sticks[u * (S - 1) : (u + 1) * (S - 1)]) for u in range(rows)]
        total = total + parts[0][2][k] * np.array([mean(value, axes[1:]) for value in integrand(kernel)])
    of_row = axes[: S - 1]
    shapes = [[-1 if i == j else 1 for j in range(S - 1)] for i in range(S - 1)]
    row = _break([(y.reshape(shape), z.reshape(shape)) for (y, z, _), shape in zip(parts, shapes, strict=True)])
    logs = [np.log(entry) for entry in row]
    return np.asarray(total), np.array([mean(known.of_row(logs), of_row) for known in known_means(law)])


def _break(sticks: Sequence[tuple[Any, Any]]) -> list[Any]:
    """A row of the kernel from its parts (y, 1-y): y_0, (1-y_0) y_1, ..., and what is left."""
    row, rest = [], 1.0
    for y, z in sticks:
        row.append(rest * y)
        rest = rest * z
    return [*row, rest]


def _sobol(
    law: NGramLaw, integrand: Integrand, points: int, scramblings: int, level: float, seed: int
) -> tuple[Array, Array, int]:
    """Means over independent scramblings of a power of two of Sobol points, the half-widths of intervals that hold for
    all of them at once (Bonferroni), and how many points there were."""
    from scipy.stats import qmc  # takes most of a second

    rows, known = law.S ** (law.n - 1), known_means(law)
    bits = int(math.log2(points / scramblings))
    means, known_in_rows = [], []
    for rng in np.random.default_rng(seed).spawn(scramblings):
        engine = qmc.Sobol(dimension(law), scramble=True, bits=32, rng=rng)
        u = (engine.random_base2(bits) + 2.0**-33).T.reshape(rows, law.S - 1, -1)  # cell centres: never 0 or 1
        logs = log_kernels(law, u)
        means.append(_mean(integrand, logs))
        known_in_rows.append([np.mean([mean.of_row(row) for row in logs]) for mean in known])

    def half_widths(means: Any, level: float) -> Array:
        quantile = stdtrit(scramblings - 1, 1 - (1 - level) / (2 * len(means[0])))
        return np.asarray(quantile * np.std(means, axis=0, ddof=1) / math.sqrt(scramblings))

    used = scramblings * 2**bits
    # where alpha is small, a value may come from kernels so rare that no point is among them
    unseen = [-math.log(1 - x) / used if law.alpha < SMALL else 0.0 for x in (level, CHECK_LEVEL)]
    factor = _factor(law, np.mean(known_in_rows, axis=0), half_widths(known_in_rows, CHECK_LEVEL) + unseen[1])
    return np.mean(means, axis=0), factor * half_widths(means, level) + unseen[0], used


def _mean(integrand: Integrand, logs: Array) -> list[float]:
    """The mean over these kernels; by LogNumbers where products of probabilities may leave the floats."""
    rows, points = len(logs), logs.shape[-1]
    far = logs.min(axis=(0, 1)) < -FLOATS / (2 * rows + 2)

    def total(kernel: Sequence[Sequence[Any]], points: int) -> list[Any]:
        return [np.sum(np.broadcast_to(as_floats(value), points)) for value in integrand(kernel)]

    sums = []
    if not far.all():
        sums.append(total([list(np.exp(row)) for row in logs[:, :, ~far]], int((~far).sum())))
    if far.any():
        sums.append(total([[LogNumbers(log) for log in row] for row in logs[:, :, far]], int(far.sum())))
    return [math.fsum(parts) / points for parts in zip(*sums, strict=True)]


def _factor(law: NGramLaw, found: Array, errors: Array) -> float:
    """By how much errors have to be larger for the known means to be within theirs; 1 if they are."""
    exact = np.array([known.exact for known in known_means(law)])
    allowed = errors + NEARLY * np.abs(exact)
    factor = float(np.max(np.abs(found - exact) / allowed))
    if not factor <= FAR_OFF:
        raise ArithmeticError(
            f"a rule over the prior with alpha={law.alpha} gives {found.tolist()} for means that are {exact.tolist()}"
        )
    return max(1.0, factor)
