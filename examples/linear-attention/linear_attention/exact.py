"""Polynomials, and the signs of eigenvalues: exactly, in rational numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

from flint import Ordering, fmpq, fmpq_mat, fmpq_mpoly_ctx

import landscape_verifier as lv
from linear_attention.model import Matrix

Residuals = list[tuple[str, Any]]  # what is compared, and the difference, a number or polynomial


def variables(names: Sequence[str]) -> list[Any]:
    """Of the ring of polynomials with rational coefficients."""
    return list(fmpq_mpoly_ctx.get(list(names), Ordering.lex).gens())


def rational(x: Fraction) -> fmpq:
    """As python-flint writes it."""
    return fmpq(x.numerator, x.denominator)


def fraction(x: fmpq) -> Fraction:
    return Fraction(int(x.p), int(x.q))


def proved(residuals: Callable[[], Residuals], scope: str, certificate: lv.Certificate) -> lv.Finding:
    """VERIFIED if every residual is the zero of its ring, in which polynomials have one expanded form only."""
    found = residuals()
    failed = [(label, str(residual)) for label, residual in found if residual != 0]
    return lv.decide(
        not failed,
        evidence=lv.Evidence.PROOF,
        scope=scope,
        instances=len(found),
        found=f"{len(failed)} residuals",
        predicted="0 residuals",
        undecided="there is no identity",
        counterexample=lv.Counterexample(
            {"identity": failed[0][0], "residual": failed[0][1][:300]},
            lambda: any(residual != 0 for _, residual in residuals()),
        )
        if failed
        else None,
        certificate=certificate,
    )


def inertia(matrix: Matrix) -> tuple[int, int, int]:
    """How many eigenvalues of a symmetric matrix are negative, 0, positive: by congruence (Sylvester)."""
    rows = [list(row) for row in matrix]
    negative = positive = 0
    while rows:
        size = range(len(rows))
        pivot = next((i for i in size if rows[i][i] != 0), None)
        if pivot is None:
            pair = next(((i, j) for i in size for j in size if rows[i][j] != 0), None)
            if pair is None:
                break
            pivot, other = pair  # both diagonal entries are 0: the sum of the two vectors has 2 rows[i][j]
            rows[pivot] = [a + b for a, b in zip(rows[pivot], rows[other], strict=True)]
            for row in rows:
                row[pivot] += row[other]
        value, line = rows[pivot][pivot], rows[pivot]
        negative, positive = negative + (value < 0), positive + (value > 0)
        rows = [
            [x - row[pivot] * y / value for j, (x, y) in enumerate(zip(row, line, strict=True)) if j != pivot]
            if row[pivot] != 0
            else [x for j, x in enumerate(row) if j != pivot]
            for i, row in enumerate(rows)
            if i != pivot
        ]
    return negative, len(rows), positive


def inertia_by_polynomial(matrix: Matrix) -> tuple[int, int, int]:
    """The same by Descartes' rule, which is exact for the characteristic polynomial: all its roots are real."""
    coefficients = list(fmpq_mat([[rational(x) for x in row] for row in matrix]).charpoly())
    zero = next(i for i, c in enumerate(coefficients) if c != 0)
    positive = _changes(coefficients)
    return len(matrix) - zero - positive, zero, positive


def _changes(coefficients: Sequence[Any]) -> int:
    signs = [c > 0 for c in coefficients if c != 0]
    return sum(a != b for a, b in pairwise(signs))


class Landscape:
    """A polynomial in parameters, with its gradient and Hessian at rational points."""

    def __init__(self, polynomial: Any, count: int) -> None:
        self.value, self.count = polynomial, count
        self.first = [polynomial.derivative(i) for i in range(count)]
        self.second = [[slope.derivative(j) for j in range(i + 1)] for i, slope in enumerate(self.first)]

    def gradient(self, point: Sequence[Fraction]) -> list[Fraction]:
        at = [rational(x) for x in point]
        return [fraction(slope(*at)) for slope in self.first]

    def hessian(self, point: Sequence[Fraction]) -> list[list[Fraction]]:
        at = [rational(x) for x in point]
        lower = [[fraction(entry(*at)) for entry in row] for row in self.second]
        return [[lower[max(i, j)][min(i, j)] for j in range(self.count)] for i in range(self.count)]


def gradient_by_differences(value: Callable[[list[Fraction]], Fraction], point: Sequence[Fraction]) -> list[Fraction]:
    """The gradient of such a polynomial as below."""
    at = list(point)
    sides = [[value([*at[:i], x + step, *at[i + 1 :]]) for step in (1, -1)] for i, x in enumerate(at)]
    return [(right - left) / 2 for right, left in sides]


def hessian_by_differences(value: Callable[[list[Fraction]], Fraction], point: Sequence[Fraction]) -> list[list[Any]]:
    """The Hessian of a polynomial that is of degree at most 2 in each single variable: there differences are exact."""

    def moved(*steps: tuple[int, int]) -> Fraction:
        at = list(point)
        for i, step in steps:
            at[i] += step
        return value(at)

    size, here = range(len(point)), value(list(point))
    lower = [
        [
            moved((i, 1)) - 2 * here + moved((i, -1))
            if i == j
            else sum((a * b * moved((i, a), (j, b)) for a in (1, -1) for b in (1, -1)), Fraction(0)) / 4
            for j in range(i + 1)
        ]
        for i in size
    ]
    return [[lower[max(i, j)][min(i, j)] for j in size] for i in size]
