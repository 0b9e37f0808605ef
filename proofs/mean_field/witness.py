"""The slow and obvious twin of every formula: standard library only, no linear algebra beyond Gram's determinants.

The loss is half the squared distance of the rows of F to the span of the rows of H. It is computed here over any field,
and along a line as a series, so that derivatives need no formula at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from math import lcm
from typing import Any

Rows = Sequence[Sequence[Any]]


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
    """L, dL/dt and d^2L/dt^2 at t = 0 of H + t E, from Gram determinants as series in t, in whole numbers.

    The squared distance of f to the span of the rows of H is det Gram(H, f) / det Gram(H), and stays the same where
    rows of H + t E are multiplied by numbers.
    """
    moving = [_whole(row, moved) for row, moved in zip(H, E, strict=True)]
    size = lcm(*(Fraction(x).denominator for row in F for x in row))
    still = [([int(x * size) for x in row], [0] * len(row)) for row in F]
    minors = _minors([[_product(p, q) for q in (*moving, *still)] for p in (*moving, *still)], len(H))
    squares = [sum(x) for x in zip(*(minors[i][i] for i in range(len(H), len(minors))), strict=True)]
    d = minors[len(H) - 1][len(H) - 1]
    value = Fraction(squares[0], d[0])
    slope = (squares[1] - value * d[1]) / d[0]
    half = (squares[2] - value * d[2] - slope * d[1]) / d[0]
    return value / (2 * size**2), slope / (2 * size**2), half / size**2


def _whole(row: Sequence[Any], moved: Sequence[Any]) -> tuple[list[int], list[int]]:
    """Both times the least number that makes all entries whole."""
    scale = lcm(*(Fraction(x).denominator for x in (*row, *moved)))
    return [int(x * scale) for x in row], [int(x * scale) for x in moved]


def _product(p: tuple[list[int], list[int]], q: tuple[list[int], list[int]]) -> tuple[int, int, int]:
    """(p + t p') . (q + t q'), up to t^2."""
    (a, b), (c, d) = p, q
    return _dot(a, c), _dot(a, d) + _dot(b, c), _dot(b, d)


def _minors(S: list[list[tuple[int, int, int]]], steps: int) -> list[list[tuple[int, int, int]]]:
    """Elimination without fractions (Bareiss) in series up to t^2: entry (i, j) becomes the determinant of the first
    `steps` rows and columns with row i and column j, or of the first min(i, j) rows with these for i or j < steps.
    """
    before = (1, 0, 0)
    for n in range(steps):
        pivot = S[n][n]
        for i in range(n + 1, len(S)):
            S[i] = S[i][: n + 1] + [
                _quotient(_difference(pivot, S[i][j], S[i][n], S[n][j]), before) for j in range(n + 1, len(S))
            ]
        before = pivot
    return S


def _difference(a: Sequence[int], b: Sequence[int], c: Sequence[int], d: Sequence[int]) -> tuple[int, int, int]:
    """a b - c d."""
    return (
        a[0] * b[0] - c[0] * d[0],
        a[0] * b[1] + a[1] * b[0] - c[0] * d[1] - c[1] * d[0],
        a[0] * b[2] + a[1] * b[1] + a[2] * b[0] - c[0] * d[2] - c[1] * d[1] - c[2] * d[0],
    )


def _quotient(a: Sequence[int], d: Sequence[int]) -> tuple[int, int, int]:
    """a / d where that has whole coefficients."""
    first = a[0] // d[0]
    second = (a[1] - first * d[1]) // d[0]
    return first, second, (a[2] - first * d[2] - second * d[1]) // d[0]


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

    h and f hold the values of h_mu and f° (k x number of points, points equally likely). A task v is one of `tasks(k)`;
    y = v^T f°(x) + noise * sign; the prediction is (1/n) sum_i y_i h(x_i)^T W h(x_query).
    """
    points = range(len(h[0]))
    hs = [[row[x] for row in h] for x in points]
    fs = [[row[x] for row in f] for x in points]
    prompt_signs = list(product((1, -1), repeat=n)) if noise else [(0,) * n]
    query_signs = (1, -1) if query_noise else (0,)
    Wh = [[_dot(row, hs[q]) for row in W] for q in points]
    total, count = Fraction(0), 0
    for v in tasks(len(h)):
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


def tasks(k: int) -> list[list[int]]:
    """Fewer than 2k tasks v of signs, the mean of v v^T is I: rows of a Hadamard matrix (Sylvester), cut to size k."""
    return [[-1 if (i & j).bit_count() % 2 else 1 for i in range(k)] for j in range(1 << (k - 1).bit_length())]


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


def solutions(S: Rows, T: Rows) -> list[list[Any]]:
    """An X with S X = T, by elimination; ArithmeticError if there is none."""
    n = len(S)
    rest, placed = [[*row, *right] for row, right in zip(S, T, strict=True)], dict[int, list[Any]]()
    for column in range(n):
        pivot = next((row for row in rest if row[column] != 0), None)
        if pivot is not None:
            rest.remove(pivot)
            pivot = [x / pivot[column] for x in pivot]
            rest, done = ([_cleared(row, pivot, column) for row in rows] for rows in (rest, placed.values()))
            placed = {**dict(zip(placed, done, strict=True)), column: pivot}
    if any(x != 0 for row in rest for x in row):
        raise ArithmeticError("no solution")
    return [placed[i][n:] if i in placed else [Fraction(0)] * len(T[0]) for i in range(n)]


def _cleared(row: Sequence[Any], pivot: Sequence[Any], column: int) -> list[Any]:
    return [x - y * row[column] for x, y in zip(row, pivot, strict=True)]


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
