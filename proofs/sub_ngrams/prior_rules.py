"""The Dirichlet prior of a kernel, for rules over it: its parts, their Gauss nodes, their quantiles, its known means.

A row is built by breaking a stick: token 0 gets a part y_0 of it, token 1 a part y_1 of the rest, and so on, with
independent y_i ~ Beta(alpha, (S-1-i) alpha). For small alpha a part is nearly always out of reach of the floats:
quantiles and kernels are logarithms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special

from proofs.sub_ngrams.law import NGramLaw, float_alpha

Array = NDArray[np.float64]
Nodes = tuple[Array, Array, Array]  # y, 1 - y and the weights

TINY = -40.0  # log y, below which y is as good as 0 beside 1


def stick_parts(law: NGramLaw) -> list[tuple[float, float]]:
    """Beta parameters of the parts of one row."""
    alpha = float_alpha(law)
    return [(alpha, (law.S - 1 - i) * alpha) for i in range(law.S - 1)]


def dimension(law: NGramLaw) -> int:
    """Free parameters of a kernel."""
    return int(law.S ** (law.n - 1)) * (law.S - 1)


def gauss_nodes(a: float, b: float, count: int) -> Nodes:
    """Gauss's rule for Beta(a, b): exact for polynomials of degree 2 count - 1, but for rounding of about 1e-15.

    By scipy, whose constants under- and overflow beyond some a and b; there by Golub and Welsch's eigenvalues of the
    Jacobi matrix, with weights that add up to 1 whatever a and b are.
    """
    if min(a, b) >= 0.1 and max(a, b) <= 100:
        with np.errstate(divide="ignore", invalid="ignore"):  # of branches that scipy does not take
            x, w = special.roots_jacobi(count, b - 1, a - 1)
        return (1 + x) / 2, (1 - x) / 2, w / w.sum()
    k = np.arange(1, count, dtype=np.float64)
    c = 2 * (k - 1) + a + b
    diagonal = np.concatenate([[(a - b) / (a + b)], (a - b) * (a + b - 2) / (c * (c + 2))])
    first = 4 * (a / (a + b)) * (b / (a + b)) / (a + b + 1)
    m, d = k[1:], c[1:]
    others = 4 * m * (m - 1 + a) * (m - 1 + b) * (m - 2 + a + b) / (d**2 * (d + 1) * (d - 1))
    squares = np.concatenate([[first], others])[: count - 1]
    eigenvalues, vectors = linalg.eigh_tridiagonal(diagonal, np.sqrt(squares))
    x = np.asarray(np.clip(eigenvalues, -1, 1), dtype=np.float64)
    return (1 + x) / 2, (1 - x) / 2, np.square(vectors[0])


def clustered_nodes(a: float, b: float, count: int, order: int) -> Nodes:
    """Nodes for y = I(t) ~ Beta(a, b), I the regularised incomplete beta function of (order, order).

    Near 0, y ~ t^order, and the density in t is t^(order a - 1) (1-t)^(order b - 1) times a smooth function: the
    powers are left to Gauss. So nodes are close together where functions depend on ratios of vanishing parts.
    """
    t, u, w = gauss_nodes(order * a, order * b, count)
    y, z = special.betainc(order, order, t), special.betainc(order, order, u)
    log_smooth = (a - 1) * (np.log(y) - order * np.log(t)) + (b - 1) * (np.log(z) - order * np.log(u))
    constant = special.betaln(order * a, order * b) - special.betaln(a, b) - special.betaln(order, order)
    return y, z, w * np.exp(log_smooth + constant)


def log_quantiles(a: float, b: float, u: Array) -> tuple[Array, Array]:
    """log y and log(1-y) at the quantiles 0 < u < 1 of y ~ Beta(a, b), both accurate relatively."""
    if a == 1:
        rest = np.log1p(-u) / b
        return np.log(-np.expm1(rest)), rest
    # P(y < x) = x^a / (a B(a, b)) (1 + O(x)), and likewise from above
    log_y: Array = (np.log(u) + np.log(a) + special.betaln(a, b)) / a
    log_z = (np.log1p(-u) + np.log(b) + special.betaln(a, b)) / b
    low, high = log_y < TINY, log_z < TINY
    with np.errstate(under="ignore"):
        log_z[low], log_y[high] = -np.exp(log_y[low]), -np.exp(log_z[high])
    half = special.betainc(a, b, 0.5)
    for middle, (c, d), v, log_small, log_rest in (
        (~low & (u <= half), (a, b), u, log_y, log_z),
        (~high & (u > half), (b, a), 1 - u, log_z, log_y),
    ):
        small = special.betaincinv(c, d, v[middle])
        log_small[middle], log_rest[middle] = np.log(small), np.log1p(-small)
    return log_y, log_z


def log_kernels(law: NGramLaw, u: Array) -> Array:
    """Logarithms [row, token, point] of the kernels with these quantiles [row, part, point] of their parts."""
    logs = np.empty((len(u), law.S, u.shape[-1]))
    logs[:, -1] = 0.0  # of what is left of the stick
    for i, (a, b) in enumerate(stick_parts(law)):
        part, rest = log_quantiles(a, b, u[:, i])
        logs[:, i] = logs[:, -1] + part
        logs[:, -1] += rest
    return logs


@dataclass(frozen=True)
class KnownMean:
    """A function of the logarithms of a row [token, ...] whose mean over the prior is known."""

    exact: float
    of_row: Callable[[Sequence[Array]], Array]


def known_means(law: NGramLaw) -> list[KnownMean]:
    """Moments are chances of words drawn from one urn, and rational. The mean logarithm sees how far out the prior
    reaches where alpha is small, the variance how narrow it is where alpha is large.
    """
    mean, alpha = law.urn(0, 0), float_alpha(law)
    return [
        KnownMean(float(mean), lambda row: np.exp(row[0])),
        KnownMean(float(mean * law.urn(0, 1)), lambda row: np.exp(row[0] + row[-1])),
        KnownMean(float(mean * law.urn(1, 1) - mean**2), lambda row: (np.exp(row[0]) - float(mean)) ** 2),
        KnownMean(float(special.digamma(alpha) - special.digamma(law.S * alpha)), lambda row: row[-1]),
    ]
