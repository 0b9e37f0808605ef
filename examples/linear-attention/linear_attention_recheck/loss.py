"""The loss, and LA1, LA2, LA2c: prompts are enumerated one by one."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise, product
from typing import Any

from verify.recheck.certificate import Certificate, bits

Matrix = Sequence[Sequence[Any]]
SIGNS = (1, -1)
INPUTS = {0: Fraction(2, 3), 1: Fraction(1, 6), -1: Fraction(1, 6)}  # in units of sqrt(3): Gaussian moments up to 5


def prompts(D: int, N: int) -> list[tuple[tuple[tuple[int, ...], ...], Fraction]]:
    """N whitened inputs each, in units of sqrt(3), and how probable they are."""
    found = []
    for flat in product(INPUTS, repeat=D * N):
        weight = Fraction(1)
        for s in flat:
            weight *= INPUTS[s]
        found.append((tuple(flat[n * D : n * D + D] for n in range(N)), weight))
    return found


def scales(lam: Sequence[Any], nu: Any) -> list[Any]:
    """1 / a_d."""
    return [x + nu * (x + sum(lam[1:], lam[0])) for x in lam]


def twice_loss(lam: Sequence[Any], nu: Any, K: Matrix) -> Any:
    """tr(Lambda) - 2 tr(Lambda^2 K) + tr(K^T M K Lambda)."""
    D, m = range(len(lam)), scales(lam, nu)
    found = lam[0] - lam[0]
    for d in D:
        found = found + lam[d] - 2 * lam[d] * lam[d] * K[d][d]
        for e in D:
            found = found + lam[d] * m[d] * lam[e] * K[d][e] * K[d][e]
    return found


def diagonal_loss(lam: Sequence[Fraction], entries: Sequence[Fraction], N: int) -> Fraction:
    """L at a diagonal K: prompts of 1 and of 2 examples, and then N, as L_N is a constant plus a multiple of 1/N."""
    D, values = range(len(lam)), []
    for length in (1, 2):
        value = Fraction(0)
        for xs, weight in prompts(len(lam), length):
            for d, f in product(D, D):
                read = Fraction(3 * sum(x[d] * x[f] for x in xs), length) * lam[f] * entries[f]
                value += weight * lam[d] * ((d == f) - read) ** 2 / 2
        values.append(value)
    infinite = 2 * values[1] - values[0]
    return infinite + (values[0] - infinite) / N


def added(terms: Sequence[Any]) -> Any:
    return sum(terms[1:], terms[0])


def read_instance(c: Certificate) -> tuple[list[Fraction], int]:
    """Eigenvalues, largest first, and N."""
    lam, N = c.parameters.rationals("eigenvalues"), c.parameters.integer("N", 1, 10**9)
    c.demand(2 <= len(lam) <= 6, "parameters.eigenvalues: 2 to 6 are wanted")
    falling = all(x > y for x, y in pairwise(lam)) and lam[-1] > 0
    c.demand(falling, "parameters.eigenvalues: not positive and falling")
    return lam, N


def said(lam: Sequence[Fraction], N: int) -> str:
    return f"eigenvalues {', '.join(map(str, lam))}, N={N}"


def moment(c: Certificate) -> str:
    """LA1: entry by entry, E Z_de Z_fg = [d=e][f=g] + ([d=f][e=g] + [d=g][e=f]) / N."""
    D = c.parameters.integer("D", 2, 6)
    pairs = [(d, e) for d in range(D) for e in range(d, D)]
    c.afford(9**D * len(pairs) ** 2, "prompts", 20)
    for N in (1, 2):
        mean = {both: Fraction(0) for both in product(pairs, repeat=2)}
        for xs, weight in prompts(D, N):
            Z = {(d, e): sum(x[d] * x[e] for x in xs) for d, e in pairs}
            for (left, right), share in ((both, Z[both[0]] * Z[both[1]]) for both in mean):
                if share:
                    mean[left, right] += weight * share
        for ((d, e), (f, g)), found in mean.items():
            predicted = (d == e and f == g) + Fraction((d == f and e == g) + (d == g and e == f), N)
            c.zero(found * Fraction(9, N * N) - predicted, f"E Z_{d}{e} Z_{f}{g} at N={N}")
    return f"every Lambda, A, N; D={D}"


def loss(c: Certificate) -> str:
    """LA2: literally, over all tasks and queries of signs, and prompts; then the squares."""
    D = c.parameters.integer("D", 2, 6)
    c.afford(4**D * (9**D + 3**D) * 3 * D, "tasks, queries and prompts")
    roots, K = c.field.draws(D), [c.field.draws(D) for _ in range(D)]
    queries = [[r * s for r, s in zip(roots, ss, strict=True)] for ss in product(SIGNS, repeat=D)]
    read = [[added([k * x for k, x in zip(row, query, strict=True)]) for row in K] for query in queries]
    lam = [r * r for r in roots]
    for N in (1, 2):
        terms = []
        for w, (xs, weight) in product(product(SIGNS, repeat=D), prompts(D, N)):
            labels = [added([a * r * s for a, r, s in zip(w, roots, x, strict=True)]) for x in xs]
            beta = [added([y * x[d] for y, x in zip(labels, xs, strict=True)]) * roots[d] for d in range(D)]
            beta = [b * Fraction(3, N) for b in beta]
            for query, image in zip(queries, read, strict=True):
                y = added([a * x for a, x in zip(w, query, strict=True)])
                error = y - added([b * x for b, x in zip(beta, image, strict=True)])
                terms.append(error * error * weight)
        c.zero(added(terms) * Fraction(1, 4**D) - twice_loss(lam, Fraction(1, N), K), f"L(K) at N={N}")
    nu = c.field.draw()
    m = scales(lam, nu)
    squares = [x - x * x / y + x * x * (y * K[d][d] - 1) ** 2 / y for d, (x, y) in enumerate(zip(lam, m, strict=True))]
    squares += [lam[d] * m[d] * lam[e] * K[d][e] * K[d][e] for d in range(D) for e in range(D) if d != e]
    c.zero(twice_loss(lam, nu, K) - added(squares), "completed squares")
    return f"every Lambda, K, N; D={D}"


def infinite(c: Certificate) -> str:
    """LA2c: at K = Lambda^-1 the loss of infinite prompts is 0."""
    lam, N = read_instance(c)
    c.afford(9 ** len(lam) * len(lam) ** 2 * 8, "prompts", bits(lam))
    found = diagonal_loss(lam, [1 / x for x in lam], N)
    c.demand(found == c.witness.rational("loss"), f"witness.loss: it is {found}")
    c.demand(found != 0, "witness.loss: 0, as that of infinite prompts")
    return f"L(Lambda^-1) = {found}, {said(lam, N)}"
