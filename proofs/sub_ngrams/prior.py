"""Means over the Dirichlet prior of functions of the kernel, by quadrature, with an error.

What is hard is the prior's corners, where the chain is slow and the function depends on ratios of vanishing
probabilities. Rows are broken into independent Beta variables, which are mapped so that nodes cluster at both ends.
Beyond a few variables, scrambled Sobol points give confidence intervals.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats
from scipy.stats import qmc

from proofs.sub_ngrams.law import NGramLaw, float_alpha

Array = NDArray[np.float64]
Nodes = tuple[Array, Array, Array]  # b, 1-b and the weights
Integrand = Callable[[Sequence[Sequence[Any]]], Sequence[Any]]  # kernel of arrays -> arrays, all broadcast alike

UNIT_ROUNDOFF = 2.0**-53
LEAST_NODES = 10  # per variable, for a product grid to mean something
MOST_NODES = 64


@dataclass(frozen=True)
class PriorMean:
    """Mean values and a bound or estimate of the error of each.

    method  "tensor": product quadrature, the errors are the difference between two grids and the rounding;
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

    A product grid of at most `points` kernels where that gives at least 10 nodes per variable, else a quarter as many
    Sobol points (quantiles are dearer than grids).
    """
    dimension = law.S ** (law.n - 1) * (law.S - 1)
    nodes = min(MOST_NODES, int(points ** (1 / dimension)))
    if nodes >= LEAST_NODES:
        return _tensor(law, integrand, nodes)
    return _sobol(law, integrand, points // 4, scramblings, level, seed)


def _tensor(law: NGramLaw, integrand: Integrand, nodes: int) -> PriorMean:
    """The mean on a fine grid; a grid with a third fewer nodes and another clustering tells the error."""
    alpha, dimension = float_alpha(law), law.S ** (law.n - 1) * (law.S - 1)
    coarse_nodes = nodes * 2 // 3
    # tau ~ t^order near 0: orders well above 1/alpha make the density smooth in t
    order = min(24, 2 + math.ceil(2 / alpha))
    fine, coarse = (
        _on_grid(law, integrand, [beta_nodes(alpha, (law.S - 1 - i) * alpha, count, o) for i in range(law.S - 1)])
        for count, o in ((nodes, order), (coarse_nodes, order - 1))
    )
    # the values are about 1 at most; sums over the axes, and at most S^(2n) operations on the way to one value
    rounding = (dimension * nodes + law.S ** (2 * law.n)) * UNIT_ROUNDOFF
    evaluated = nodes**dimension + coarse_nodes**dimension
    return PriorMean(tuple(fine.tolist()), tuple((abs(fine - coarse) + rounding).tolist()), "tensor", None, evaluated)


def beta_nodes(alpha: float, beta: float, nodes: int, order: int) -> Nodes:
    """Nodes for a Beta(alpha, beta) variable b = I(t), I the regularised incomplete beta function of (order, order).

    Near 0, b ~ t^order, and the density in t is t^(order alpha - 1) (1-t)^(order beta - 1) times a smooth function:
    Gauss-Jacobi takes the powers.
    """
    x, w = special.roots_jacobi(nodes, order * beta - 1, order * alpha - 1)
    t, u = (1 + x) / 2, (1 - x) / 2
    b, c = special.betainc(order, order, t), special.betainc(order, order, u)
    smooth = (b / t**order) ** (alpha - 1) * (c / u**order) ** (beta - 1) / special.beta(order, order)
    jacobi = 2.0 ** (order * (alpha + beta) - 1)
    return b, c, w * smooth / (jacobi * special.beta(alpha, beta))


def _on_grid(law: NGramLaw, integrand: Integrand, betas: list[Nodes]) -> Array:
    """The means over the product grid, one axis per Beta variable; slice by slice of the first, to spare memory."""
    S, rows = law.S, law.S ** (law.n - 1)
    axes = list(product(range(rows), range(S - 1)))
    total: Any = 0.0
    for k in range(len(betas[0][0])):
        sticks = []
        for axis, (_, i) in enumerate(axes):
            shape = [-1 if other == axis else 1 for other in range(1, len(axes))]
            b, c, _ = betas[i]
            sticks.append((b[k], c[k]) if axis == 0 else (b.reshape(shape), c.reshape(shape)))
        kernel = [_break(sticks[row * (S - 1) : (row + 1) * (S - 1)]) for row in range(rows)]
        means = []
        for value in integrand(kernel):
            mean = np.broadcast_to(value, tuple(len(betas[i][0]) for _, i in axes[1:]))
            for _, i in reversed(axes[1:]):
                mean = mean @ betas[i][2]
            means.append(mean)
        total = total + betas[0][2][k] * np.array(means, dtype=np.float64)
    return np.asarray(total)


def _sobol(law: NGramLaw, integrand: Integrand, points: int, scramblings: int, level: float, seed: int) -> PriorMean:
    """Independent scramblings of a power of two of Sobol points, through the quantiles of the Beta variables."""
    S, rows, alpha = law.S, law.S ** (law.n - 1), float_alpha(law)
    bits = int(math.log2(points / scramblings))
    means = []
    for rng in np.random.default_rng(seed).spawn(scramblings):
        engine = qmc.Sobol(rows * (S - 1), scramble=True, bits=32, rng=rng)
        u = (engine.random_base2(bits) + 2.0**-33).T.reshape(rows, S - 1, -1)  # cell centres: never 0 or 1
        kernel = [_break([_beta_quantile(alpha, (S - 1 - i) * alpha, row[i]) for i in range(S - 1)]) for row in u]
        means.append([np.mean(value) for value in integrand(kernel)])
    # all intervals at once: Bonferroni
    quantile = stats.t.ppf(1 - (1 - level) / (2 * len(means[0])), scramblings - 1)
    half_widths = quantile * np.std(means, axis=0, ddof=1) / math.sqrt(scramblings)
    values = np.mean(means, axis=0)
    return PriorMean(tuple(values.tolist()), tuple(half_widths.tolist()), "sobol", level, scramblings * 2**bits)


def _beta_quantile(alpha: float, beta: float, u: Array) -> tuple[Array, Array]:
    return special.betaincinv(alpha, beta, u), special.betaincinv(beta, alpha, 1 - u)


def _break(sticks: Any) -> list[Any]:
    """A row of the kernel from its Beta variables (b, 1-b): b_0, (1-b_0) b_1, ..., and what is left."""
    row, rest = [], 1.0
    for b, c in sticks:
        row.append(rest * b)
        rest = rest * c
    return [*row, rest]
