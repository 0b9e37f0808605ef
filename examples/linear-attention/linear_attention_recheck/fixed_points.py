"""LA3, LA3c and LA4: which K the fixed points have, at variable eigenvalues, N and heads."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from typing import Any

from linear_attention_recheck.heads import merged, separate, size_of, slope, slopes, times, turned, vectors
from linear_attention_recheck.loss import SIGNS, added, diagonal_loss, read_instance, said, scales, twice_loss
from verify.recheck.certificate import Certificate, bits


def read_size(c: Certificate) -> tuple[int, int]:
    return c.parameters.integer("D", 2, 6), c.parameters.integer("heads", 1, 6)


def generic(c: Certificate, D: int) -> tuple[list[Any], Any]:
    """Eigenvalues and 1/N, variables."""
    return c.field.draws(D), c.field.draw()


def merged_points(c: Certificate) -> str:
    """LA3: the gradient by differences. K is variable with its heads."""
    D, heads = read_size(c)
    c.afford(3 * size_of("merged", heads, D) * D * D * (heads + 6), "gradient")
    (lam, nu), at = generic(c, D), c.field.draws(size_of("merged", heads, D))
    K, m = merged(at, heads, D), scales(lam, nu)
    G, U = slope(lam, nu, K), [at[heads + i * D * D : heads + (i + 1) * D * D] for i in range(heads)]
    flat = [x for row in G for x in row]
    found = slopes(lambda at: twice_loss(lam, nu, merged(at, heads, D)), at)
    predicted = [added([a * b for a, b in zip(matrix, flat, strict=True)]) for matrix in U]
    predicted += [v * x for v in at[:heads] for x in flat]
    for i, (x, y) in enumerate(zip(found, predicted, strict=True)):
        c.zero(x - 2 * y, f"slope {i}")
    for d, e in product(range(D), repeat=2):
        c.zero(G[d][e] - lam[d] * (m[d] * K[d][e] - (d == e)) * lam[e], f"G_{d}{e}")
    return f"every Lambda, N, v, U; D={D}, {heads} heads"


def merged_set(c: Certificate) -> str:
    """LA3c: dL/dK_DD at a_1 e_1 e_1^T, which is not 0; dL/dU_i is v_i times it, and some v_i is not 0."""
    lam, N = read_instance(c)
    c.afford(9 ** len(lam) * len(lam) ** 2 * 16, "prompts", bits(lam))
    entries = [1 / scales(lam, Fraction(1, N))[0], *[Fraction(0) for _ in lam[1:]]]
    right, left = (diagonal_loss(lam, [*entries[:-1], Fraction(step)], N) for step in SIGNS)
    found = (right - left) / 2
    c.demand(found == c.witness.rational("slope"), f"witness.slope: it is {found}")
    c.demand(found != 0, "witness.slope: 0")
    return f"dL/dK = {found} at the last entry, {said(lam, N)}"


def separate_points(c: Certificate) -> str:
    """LA4: the sums over heads, what they say of K, and a point for every set."""
    D, heads = read_size(c)
    c.demand(heads >= D, "parameters.heads: fewer than D")
    size = size_of("separate", heads, D)
    c.afford((2**D + 2) * 2 * size * D * D * (2 * heads + 6), "gradient")
    (lam, nu), at = generic(c, D), c.field.draws(size)
    m, p = scales(lam, nu), [x / y for x, y in zip(lam, scales(lam, nu), strict=True)]

    def value(at: Sequence[Any]) -> Any:
        return twice_loss(lam, nu, separate(at, heads, D))

    K, found = separate(at, heads, D), slopes(value, at)
    G = slope(lam, nu, K)
    (k, q), (by_k, by_q) = vectors(at, heads, D), vectors(found, heads, D)
    for left, right, name in (
        (times(turned(by_k), k), times(G, turned(K)), "G K^T"),
        (times(turned(by_q), q), times(turned(G), K), "G^T K"),
    ):
        for d, e in product(range(D), repeat=2):
            c.zero(left[d][e] - 2 * right[d][e], f"{name}, entry {d}{e}")
    K = [c.field.draws(D) for _ in range(D)]
    G = slope(lam, nu, K)
    X = [[x / (lam[d] * m[d]) for x in row] for d, row in enumerate(times(G, turned(K)))]
    Y = [[x / lam[d] for x in row] for d, row in enumerate(times(turned(G), K))]
    for d, e in product(range(D), repeat=2):
        sums = lam[e] * (X[d][e] - X[e][d]) + p[d] * (Y[d][e] - Y[e][d])
        c.zero(K[d][e] * (lam[e] * p[e] - lam[d] * p[d]) - sums, f"K_{d}{e}")
        gap = lam[e] * lam[e] * m[d] - lam[d] * lam[d] * m[e]  # of lambda p, times both m: of the sign of lam_e - lam_d
        rising = (1 + nu) * lam[d] * lam[e] + nu * added(lam) * (lam[d] + lam[e])
        c.zero(gap - (lam[e] - lam[d]) * rising, f"lambda p at {d}, {e}")
    K = [[K[d][e] if d == e else 0 * nu for e in range(D)] for d in range(D)]
    for d, row in enumerate(times(slope(lam, nu, K), turned(K))):
        c.zero(row[d] - lam[d] * lam[d] * K[d][d] * (m[d] * K[d][d] - 1), f"K_{d}{d}")
    for S in product((0, 1), repeat=D):
        at = [0 * nu] * size
        for d in [d for d in range(D) if S[d]]:
            at[d], at[heads + d * D + d], at[heads + heads * D + d * D + d] = 1 / m[d], 1 + 0 * nu, 1 + 0 * nu
        for i, x in enumerate(slopes(value, at)):
            c.zero(x, f"slope {i} at S={S}")
    return f"every Lambda of different eigenvalues, N, v, k, q; D={D}, {heads} heads"
