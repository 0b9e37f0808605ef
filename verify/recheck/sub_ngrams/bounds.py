"""Bounds on the gradient at infinite length, given the kernel (SN19, SN19c)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from typing import Any

from verify.printing import shown
from verify.recheck.certificate import Certificate
from verify.recheck.sub_ngrams.chains import block_cost, read_chains, score_blocks
from verify.recheck.sub_ngrams.finite import gamma, size
from verify.recheck.sub_ngrams.network import braces, read_lags


def infinite_blocks(c: Certificate) -> str:
    """SN19: |M_ab| <= Gamma for a+1 in Lambda, <= 2 Gamma for the others with b in Lambda; both parts of the norm."""
    S, n = c.parameters.integer("S", 2, 50), c.parameters.integer("n", 2, 12)
    lags, qs = read_lags(c.parameters, n), c.parameters.rationals("q")
    c.demand(bool(lags), "parameters.lags: none")
    c.demand(bool(qs) and all(q >= 1 for q in qs), "parameters.q: none, or below 1")
    L = len(lags)
    words, scope = read_chains(c, S, n, len(qs) * (n * S) ** 2 * block_cost(S, n, L), "score blocks")
    for q, chain_words in product(qs, words):
        G, M = gamma(S, q, L), blocks_at(chain_words, S, n, lags, q)
        for (a, b), block in M.items():
            allowed = G if a + 1 in lags else 2 * G
            c.demand(size(block) <= allowed, f"q={shown(q)}: |M_{a},{b}| = {float(size(block)):.6g} is too large")
        for found, allowed in zip(squared_norms(M, lags), norm_bounds(n, L, G), strict=True):
            c.demand(found <= allowed, f"q={shown(q)}: a part of the squared norm is {float(found):.6g}, too large")
    return f"{scope}, S={S}, n={n}, lags {braces(lags)}, {len(qs)} q"


def blocks_at(words: Any, S: int, n: int, lags: Sequence[int], q: Fraction) -> dict[tuple[int, int], Any]:
    """The blocks with a+1 or b in Lambda."""
    M = score_blocks(words, S, n, lags, [1 / q**i for i in range(len(lags) + 1)])
    pairs = [(a, b) for a, b in product(range(n), range(n)) if a + 1 in lags or b in lags]
    return {(a, b): [[M(a, b, v, w) for w in range(S)] for v in range(S)] for a, b in pairs}


def norm_bounds(n: int, L: int, G: Fraction) -> tuple[Fraction, Fraction]:
    """2 L G^2 (5n-3L) for |Q|^2 + |K|^2 without the factor c, 8 L G^2 for |V|^2 without c^2."""
    return 2 * L * G**2 * (5 * n - 3 * L), 8 * L * G**2


def squared_norms(M: dict[tuple[int, int], Any], lags: Sequence[int]) -> tuple[Fraction, Fraction]:
    """|Q|^2 + |K|^2 without the factor c, and |V|^2 without c^2."""
    streams, tokens = {0, *lags, *(lag - 1 for lag in lags)}, range(len(next(iter(M.values()))))
    square = {ab: sum((x * x for row in block for x in row), Fraction(0)) for ab, block in M.items()}
    read = [(a, lag) for a in streams for lag in lags] + [(lag - 1, b) for b in streams for lag in lags]
    V = Fraction(0)
    for h, v, w in product(streams - {0}, tokens, tokens):
        x = M[h - 1, h][w][v] if h in lags else Fraction(0)
        V += (x + (M[h, h + 1][v][w] if h + 1 in lags else Fraction(0))) ** 2
    return sum((square[ab] for ab in read), Fraction(0)), V


def beyond_half_gamma(c: Certificate) -> str:
    """SN19c: a block with a+1 in Lambda beyond Gamma / 2."""
    S, n = c.parameters.integer("S", 2, 50), c.parameters.integer("n", 2, 12)
    lags, q = read_lags(c.parameters, n), c.parameters.rational("q")
    c.demand(q >= 1, "parameters.q: below 1")
    a, b = (c.witness.integer(key, 0, n - 1) for key in ("a", "b"))
    c.demand(a + 1 in lags, f"witness.a: {a + 1} is not among the lags")
    (words,), _ = read_chains(c, S, n, S * S * block_cost(S, n, len(lags)), "a score block")
    M = score_blocks(words, S, n, lags, [1 / q**i for i in range(len(lags) + 1)])
    value, half = size([[M(a, b, v, w) for w in range(S)] for v in range(S)]), gamma(S, q, len(lags)) / 2
    c.demand(value == c.witness.rational("size"), f"witness.size: it is {shown(value)}")
    c.demand(value > half, f"witness: |M_{a},{b}| = {float(value):.6g} is not above {float(half):.6g}")
    return f"|M_{a},{b}| = {float(value):.6g} > {float(half):.6g}; S={S}, n={n}, lags {braces(lags)}, q={shown(q)}"
