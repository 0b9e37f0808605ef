"""The slow and obvious twin of every formula: standard library only, no linear algebra beyond Gram and Schmidt.

The loss is half the squared distance of the rows of F to the span of the rows of H. It is computed here over any field:
rationals, or power series along a line, so that derivatives need no formula at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from typing import Any

from proofs.series import Series

Rows = Sequence[Sequence[Any]]
ZERO = Fraction(0)


def twice_loss(H: Rows, F: Rows) -> Any:
    """2 L: the squared distances of the rows of F to the span of the independent rows of H, added up."""
    basis: list[list[Any]] = []
    for row in H:
        basis.append(_residual(row, basis))
    squares = [_dot(r, r) for r in (_residual(row, basis) for row in F)]
    total = squares[0]
    for square in squares[1:]:
        total = total + square
    return total


def along_line(H: Rows, F: Rows, E: Rows) -> tuple[Fraction, Fraction, Fraction]:
    """L, dL/dt and d^2L/dt^2 at t = 0 of H + t E."""
    moving = [[_line(x, e) for x, e in zip(row, moved, strict=True)] for row, moved in zip(H, E, strict=True)]
    found = twice_loss(moving, [[_line(x) for x in row] for row in F])
    value, slope, half = (Fraction(found[power,]) for power in range(3))
    return value / 2, slope / 2, half  # the second derivative is twice the coefficient of t^2


def _line(x: Fraction, e: Fraction = ZERO) -> Series:
    """x + e t, with two derivatives."""
    return Series(1, 2, {(0,): x, (1,): e})


def _residual(row: Sequence[Any], basis: Sequence[Sequence[Any]]) -> list[Any]:
    """The part of the row that is orthogonal to the orthogonal basis."""
    rest = list(row)
    for b in basis:
        factor = _dot(rest, b) / _dot(b, b)
        rest = [x - factor * y for x, y in zip(rest, b, strict=True)]
    return rest


def _dot(x: Sequence[Any], y: Sequence[Any]) -> Any:
    total = x[0] * y[0]
    for p, q in zip(x[1:], y[1:], strict=True):
        total = total + p * q
    return total


def prompt_loss(
    h: Rows, f: Rows, W: Rows, n: int, noise: Fraction = Fraction(0), query_noise: Fraction = Fraction(0)
) -> Fraction:
    """L^n_TF(W) by enumeration of all prompts x_1..x_n, all queries, all tasks v and all label noises.

    h and f hold the values of h_mu and f° (k x number of points, points equally likely). A task is v with independent
    signs, E[v v^T] = I; y = v^T f°(x) + noise * sign; the prediction is (1/n) sum_i y_i h(x_i)^T W h(x_query).
    """
    points = range(len(h[0]))
    hs = [[row[x] for row in h] for x in points]
    fs = [[row[x] for row in f] for x in points]
    prompt_signs = list(product((1, -1), repeat=n)) if noise else [(0,) * n]
    query_signs = (1, -1) if query_noise else (0,)
    Wh = [[_dot(row, hs[q]) for row in W] for q in points]
    total, count = Fraction(0), 0
    for v in product((1, -1), repeat=len(h)):
        label = [_dot(v, fs[x]) for x in points]
        for prompt in product(points, repeat=n):
            for signs in prompt_signs:
                ys = [label[x] + noise * sign for x, sign in zip(prompt, signs, strict=True)]
                read = [sum(y * hs[x][i] for y, x in zip(ys, prompt, strict=True)) / n for i in range(len(h))]
                for q in points:
                    for sign in query_signs:
                        total += (label[q] + query_noise * sign - _dot(read, Wh[q])) ** 2 / 2
                        count += 1
    return total / count


def pivots(S: Rows) -> list[Fraction] | None:
    """The pivots of symmetric elimination. None where one is 0 and its row is not: then S is indefinite."""
    rest, found = [list(row) for row in S], []
    for i, row in enumerate(rest):
        found.append(row[i])
        if row[i] == 0:
            if any(x != 0 for x in row[i:]):
                return None
            continue
        for j in range(i + 1, len(rest)):
            factor = rest[j][i] / row[i]
            rest[j] = [x - factor * y for x, y in zip(rest[j], row, strict=True)]
    return found


def is_semidefinite(S: Rows) -> bool:
    """Whether the symmetric matrix S has no negative eigenvalue."""
    found = pivots(S)
    return found is not None and all(x >= 0 for x in found)


def rank(X: Rows) -> int:
    """By elimination."""
    rest, found = [list(row) for row in X], 0
    for column in range(len(X[0])):
        pivot = next((row for row in rest if row[column] != 0), None)
        if pivot is not None:
            rest.remove(pivot)
            rest = [[x - y * (row[column] / pivot[column]) for x, y in zip(row, pivot, strict=True)] for row in rest]
            found += 1
    return found


def hessian_by_jets(H: Rows, F: Rows) -> list[list[Fraction]]:
    """The matrix of second derivatives of L on the entries of H, row by row: from those along e_p + e_q."""
    k, m = len(H), len(H[0])

    def along(*entries: int) -> Fraction:
        E = [[Fraction(entries.count(i * m + j)) for j in range(m)] for i in range(k)]
        return along_line(H, F, E)[2]

    single = [along(p) for p in range(k * m)]
    return [[(along(p, q) - single[p] - single[q]) / 2 for q in range(k * m)] for p in range(k * m)]


def has_spectrum(H: Rows, F: Rows, spectrum: Sequence[Fraction]) -> bool:
    """Whether the Hessian at H has these eigenvalues, in coordinates G H with G H H^T G^T = I.

    They are those of D (A (x) I), with D the Hessian at H, which is similar to a symmetric matrix: an eigenvalue has
    multiplicity km - rank(D (A (x) I) - eigenvalue).
    """
    k, m, D = len(H), len(H[0]), hessian_by_jets(H, F)
    A = [[_dot(x, y) for y in H] for x in H]
    N = [[sum(row[i * m + b] * A[i][j] for i in range(k)) for j in range(k) for b in range(m)] for row in D]

    def multiplicity(x: Fraction) -> int:
        return k * m - rank([[y - x * (p == q) for q, y in enumerate(row)] for p, row in enumerate(N)])

    return len(spectrum) == k * m and all(multiplicity(x) == list(spectrum).count(x) for x in set(spectrum))
