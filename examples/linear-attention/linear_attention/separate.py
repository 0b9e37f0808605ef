"""LA4: fixed points of separate heads, one for every set of eigenvectors."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import landscape_verifier as lv
from linear_attention.exact import Residuals, proved, variables
from linear_attention.loss import GAUSSIAN
from linear_attention.model import Separate, mu, product, slope, subsets, transposed, twice_loss
from linear_attention.settings import LinearAttentionSettings


@lv.claim(
    "LA4",
    "separate heads: fixed points",
    requires=("LA2",),
    assumptions=(GAUSSIAN, "eigenvalues of Lambda different, as many heads as dimensions"),
    reference="README.md#la4",
)
def fixed_points(settings: LinearAttentionSettings, run: lv.Run) -> lv.Finding:
    """With K = sum_i v_i k_i q_i^T every fixed point of the loss has K = K_S = sum_{d in S} a_d e_d e_d^T for a set S
    of eigenvectors e_d of Lambda, and each of the 2^D sets has one.

    At a fixed point G K^T = 0 = G^T K. So X = M^-1 G K^T and Y = Lambda^-1 G^T K vanish, and with p = lambda a K_de
    (lambda_e p_e - lambda_d p_d) = lambda_e (X_de - X_ed) + p_d (Y_de - Y_ed); lambda p increases with lambda. So K is
    diagonal, and (G K^T)_dd = lambda_d^2 K_dd (K_dd / a_d - 1). Heads with K_S: one for every e_d in S.
    """
    D = settings.D
    return proved(
        lambda: [*_gradients(D), *_diagonal(D), *_attained(D)],
        f"every Lambda of different eigenvalues, N, v, k and q; D={D}, {D} heads; {2**D} sets",
        lv.Certificate({"D": D, "heads": D}),
    )


def _symbols(names: Sequence[str], D: int) -> tuple[list[Any], list[Any], Any]:
    """Symbols of these names, the eigenvalues, 1/N."""
    symbols = variables([*names, *(f"lam{d}" for d in range(D)), "nu"])
    return symbols[: len(names)], symbols[len(names) : -1], symbols[-1]


def _gradients(D: int) -> Residuals:
    """Of the polynomial, against the chain rule; and the two sums over heads."""
    names = Separate.names(D, D)
    parameters, lam, nu = _symbols(names, D)
    heads = Separate.of(parameters, D, D)
    K = heads.K
    loss, G = twice_loss(lam, nu, K), slope(lam, nu, K)
    slopes = [loss.derivative(i) for i in range(len(names))]
    found = [
        (f"dL/d{name}", found - 2 * value) for name, found, value in zip(names, slopes, heads.gradient(G), strict=True)
    ]
    of = Separate.of(slopes, D, D)  # slopes in the place of parameters
    at_keys = product(transposed(of.k), heads.k)
    at_queries = product(transposed(of.q), heads.q)
    found += _equal("sum_i dL/dk_i k_i^T = G K^T", at_keys, product(G, transposed(K)), 2)
    found += _equal("sum_i dL/dq_i q_i^T = G^T K", at_queries, product(transposed(G), K), 2)
    return found


def _equal(label: str, A: Any, B: Any, factor: int) -> Residuals:
    return [
        (f"{label}, entry {d + 1}{e + 1}", a - factor * b)
        for d, rows in enumerate(zip(A, B, strict=True))
        for e, (a, b) in enumerate(zip(*rows, strict=True))
    ]


def _diagonal(D: int) -> Residuals:
    """What G K^T = 0 = G^T K says of any matrix K, times what stands below fractions."""
    entries, lam, nu = _symbols([f"K{d}{e}" for d in range(D) for e in range(D)], D)
    K = [entries[d * D : (d + 1) * D] for d in range(D)]
    G, m, trace = slope(lam, nu, K), mu(lam, nu), sum(lam[1:], lam[0])
    A, B = product(G, transposed(K)), product(transposed(G), K)
    found: Residuals = []
    for d, e in combinations(range(D), 2):
        gap = lam[e] ** 2 * m[d] - lam[d] ** 2 * m[e]
        below = lam[d] * lam[e]
        above = lam[e] * (A[d][e] * lam[e] * m[e] - A[e][d] * lam[d] * m[d]) + lam[d] * m[e] * (
            lam[e] * B[d][e] - lam[d] * B[e][d]
        )
        found.append((f"K_{d + 1}{e + 1}", K[d][e] * below * gap - above))
        mirrored = lam[d] * (A[e][d] * lam[d] * m[d] - A[d][e] * lam[e] * m[e]) + lam[e] * m[d] * (
            lam[d] * B[e][d] - lam[e] * B[d][e]
        )
        found.append((f"K_{e + 1}{d + 1}", -K[e][d] * below * gap - mirrored))
        rising = (lam[e] - lam[d]) * ((1 + nu) * lam[d] * lam[e] + nu * trace * (lam[d] + lam[e]))
        found.append((f"lambda p at {d + 1} and {e + 1}", gap - rising))
    diagonal = [[K[d][d] if d == e else 0 * nu for e in range(D)] for d in range(D)]
    ends = product(slope(lam, nu, diagonal), diagonal)
    found += [(f"K_{d + 1}{d + 1}", ends[d][d] - lam[d] ** 2 * K[d][d] * (m[d] * K[d][d] - 1)) for d in range(D)]
    return found


def _attained(D: int) -> Residuals:
    """One head for every e_d in S, with v = 1, k = x_d e_d, q = e_d: the gradient is a multiple of x_d / a_d - 1."""
    x, lam, nu = _symbols([f"x{d}" for d in range(D)], D)
    m, zero = mu(lam, nu), 0 * nu
    found: Residuals = []
    for S in subsets(D):
        unit = [[zero + 1 if d == i and i in S else zero for d in range(D)] for i in range(D)]
        heads = Separate([zero + (i in S) for i in range(D)], [[x[i] * y for y in unit[i]] for i in range(D)], unit)
        miss = [lam[i] ** 2 * (m[i] * x[i] - 1) if i in S else zero for i in range(D)]
        predicted = [
            *(x[i] * miss[i] for i in range(D)),
            *(miss[i] * y for i in range(D) for y in unit[i]),
            *(x[i] * miss[i] * y for i in range(D) for y in unit[i]),
        ]
        gradient = heads.gradient(slope(lam, nu, heads.K))
        found += [(f"gradient at S={list(S)}", a - b) for a, b in zip(gradient, predicted, strict=True)]
    return found
