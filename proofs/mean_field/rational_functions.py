"""Matrices of rational functions: the identities at one small size, for all entries, by polynomial arithmetic.

A second witness beside `words`, which shares nothing with it but the formulas. All denominators are powers of one
polynomial d = det(H H^T), so that a matrix is a matrix of numerator polynomials and one power, and it is zero exactly
where every numerator is the zero polynomial.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flint import Ordering, fmpq, fmpq_mpoly, fmpq_mpoly_ctx

from proofs.mean_field.model import Model

Rows = list[list[fmpq_mpoly]]


@dataclass(frozen=True)
class RationalFunctions:
    """numerators / d^power, a matrix."""

    numerators: Rows
    d: fmpq_mpoly
    power: int = 0

    def over(self, power: int) -> Rows:
        """The numerators over the denominator d^power."""
        factor = self.d ** (power - self.power)
        return [[x * factor for x in row] for row in self.numerators]

    def __add__(self, other: RationalFunctions) -> RationalFunctions:
        power = max(self.power, other.power)
        pairs = zip(self.over(power), other.over(power), strict=True)
        return RationalFunctions([[x + y for x, y in zip(*rows, strict=True)] for rows in pairs], self.d, power)

    def __sub__(self, other: RationalFunctions) -> RationalFunctions:
        return self + other * -1

    def __mul__(self, other: Any, /) -> RationalFunctions:
        if not isinstance(other, RationalFunctions):
            return RationalFunctions([[x * other for x in row] for row in self.numerators], self.d, self.power)
        columns = list(zip(*other.numerators, strict=True))
        products = [
            [sum((x * y for x, y in zip(row, column, strict=True)), self.d * 0) for column in columns]
            for row in self.numerators
        ]
        return RationalFunctions(products, self.d, self.power + other.power)

    def __truediv__(self, number: int) -> RationalFunctions:
        scaled: RationalFunctions = self * fmpq(1, number)
        return scaled

    def transpose(self) -> RationalFunctions:
        return RationalFunctions([list(row) for row in zip(*self.numerators, strict=True)], self.d, self.power)

    def inv(self) -> RationalFunctions:
        """The inverse of a matrix of polynomials whose determinant is d: its adjugate over d."""
        if self.power != 0 or determinant(self.numerators) != self.d:
            raise ValueError("only the matrix with determinant d has an inverse here")
        n = len(self.numerators)
        return RationalFunctions([[cofactor(self.numerators, j, i) for j in range(n)] for i in range(n)], self.d, 1)

    def trace(self) -> RationalFunctions:
        """The trace, a 1 x 1 matrix."""
        total = sum((self.numerators[i][i] for i in range(len(self.numerators))), self.d * 0)
        return RationalFunctions([[total]], self.d, self.power)

    def derivative(self, velocities: Mapping[str, fmpq_mpoly]) -> RationalFunctions:
        """d/dt by the quotient rule, where dx/dt = velocities[x] for the variables x."""

        def move(p: fmpq_mpoly) -> fmpq_mpoly:
            return sum((p.derivative(x) * v for x, v in velocities.items()), self.d * 0)

        falling = move(self.d) * self.power
        moved = [[move(x) * self.d - x * falling for x in row] for row in self.numerators]
        return RationalFunctions(moved, self.d, self.power + 1)

    @property
    def is_zero(self) -> bool:
        return all(x.is_zero() for row in self.numerators for x in row)


def determinant(rows: Sequence[Sequence[Any]]) -> Any:
    """By the first row."""
    if not rows:
        return 1
    return sum(rows[0][j] * cofactor(rows, 0, j) for j in range(len(rows)))


def cofactor(rows: Sequence[Sequence[Any]], i: int, j: int) -> Any:
    minor = [[x for b, x in enumerate(row) if b != j] for a, row in enumerate(rows) if a != i]
    if not minor:
        return rows[0][0] * 0 + 1
    return determinant(minor) * (-1) ** (i + j)


@dataclass(frozen=True)
class Generic:
    """H, F and directions of size k x m, and R and W of size k x k, with a variable for every entry."""

    k: int
    m: int

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        return dict.fromkeys(("H", "F", "E"), (self.k, self.m)) | dict.fromkeys(("R", "W"), (self.k, self.k))

    def names(self, matrix: str) -> list[list[str]]:
        rows, columns = self.shapes[matrix]
        return [[f"{matrix}{i}{j}" for j in range(columns)] for i in range(rows)]

    @property
    def context(self) -> fmpq_mpoly_ctx:
        names = [x for matrix in self.shapes for row in self.names(matrix) for x in row]
        return fmpq_mpoly_ctx.get(names, Ordering.degrevlex)

    def entries(self, matrix: str) -> Rows:
        return [[self.context.gen(self.context.variable_to_index(x)) for x in row] for row in self.names(matrix)]

    @property
    def d(self) -> fmpq_mpoly:
        H = self.entries("H")
        return determinant([[sum(x * y for x, y in zip(p, q, strict=True)) for q in H] for p in H])

    def matrix(self, name: str) -> RationalFunctions:
        return RationalFunctions(self.entries(name), self.d)

    @property
    def model(self) -> Model:
        return Model(self.matrix("H"), self.matrix("F"))

    def moving(self, velocity: RationalFunctions) -> dict[str, fmpq_mpoly]:
        """dH/dt = velocity, a matrix of polynomials."""
        if velocity.power != 0:
            raise ValueError("velocities are polynomials")
        names = [x for row in self.names("H") for x in row]
        return dict(zip(names, [x for row in velocity.numerators for x in row], strict=True))


def _gradient(size: Generic) -> Any:
    E = size.matrix("E")
    return size.model.loss.derivative(size.moving(E)) - (size.model.gradient.transpose() * E).trace()


def _hessian(size: Generic) -> Any:
    E = size.matrix("E")
    along = size.moving(E)
    return size.model.loss.derivative(along).derivative(along) - size.model.hessian_form(E)


def _slope(size: Generic) -> Any:
    R = size.matrix("R")
    line = size.moving(R * size.matrix("F") - size.matrix("H"))
    return size.model.loss.derivative(line) - size.model.homotopy_slope(R)


def _curvature(size: Generic) -> Any:
    """d^2L/ds^2 along the straight line: the velocity RF - H is taken at s = 0 and stays the same."""
    R, F, H = size.matrix("R"), size.matrix("F"), size.matrix("H")
    return size.model.hessian_form(R * F - H) - size.model.homotopy_curvature(R)


def _attention(size: Generic) -> Any:
    W = size.matrix("W")
    gap = size.model.B * (W - size.model.A_inverse) * size.model.H
    return size.model.attention_loss(W) - size.model.loss - (gap.transpose() * gap).trace() / 2


def _orbit(size: Generic) -> Any:
    return size.model.gradient * size.matrix("H").transpose()


def _explained(size: Generic) -> Any:
    model = size.model
    return model.M.transpose() * model.A * model.M - model.S + model.Z


DIFFERENCES: dict[str, Callable[[Generic], Any]] = {
    "attention": _attention,
    "gradient": _gradient,
    "hessian": _hessian,
    "orbit": _orbit,
    "slope": _slope,
    "curvature": _curvature,
    "explained": _explained,
}
