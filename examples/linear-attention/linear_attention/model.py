"""The population loss as a function of K, and K as a function of the heads. Numbers of any commutative ring.

Coordinates are those in which Lambda is diagonal, lam its eigenvalues, largest first; nu = 1/N. With
mu_d = lam_d + nu (lam_d + tr Lambda) the best K is diagonal, with entries a_d = 1/mu_d.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

Vector = Sequence[Any]
Matrix = Sequence[Sequence[Any]]


def mu(lam: Vector, nu: Any) -> list[Any]:
    trace = sum(lam[1:], lam[0])
    return [x + nu * (x + trace) for x in lam]


def twice_loss(lam: Vector, nu: Any, K: Matrix) -> Any:
    """2 L(K) = E (y_q - yhat)^2 = sum_d lam_d - 2 sum_d lam_d^2 K_dd + sum_de lam_d mu_d lam_e K_de^2."""
    scale, D = mu(lam, nu), range(len(lam))
    linear = sum(lam[d] - 2 * lam[d] * lam[d] * K[d][d] for d in D)
    return linear + sum(lam[d] * scale[d] * lam[e] * K[d][e] * K[d][e] for d in D for e in D)


def slope(lam: Vector, nu: Any, K: Matrix) -> list[list[Any]]:
    """G = dL/dK = M K Lambda - Lambda^2, where M = E C^2 is diagonal with entries lam_d mu_d."""
    scale, D = mu(lam, nu), range(len(lam))
    return [[lam[d] * scale[d] * lam[e] * K[d][e] - (lam[d] * lam[d] if d == e else 0) for e in D] for d in D]


def product(A: Matrix, B: Matrix) -> list[list[Any]]:
    return [[dot(row, column) for column in zip(*B, strict=True)] for row in A]


def transposed(A: Matrix) -> list[list[Any]]:
    return [list(column) for column in zip(*A, strict=True)]


def dot(x: Vector, y: Vector) -> Any:
    return sum((a * b for a, b in zip(x, y, strict=True)), 0)


def subsets(D: int) -> list[tuple[int, ...]]:
    """Of {0, .., D-1}, by size."""
    return [S for size in range(D + 1) for S in combinations(range(D), size)]


def learned(lam: Vector, nu: Any, S: Sequence[int]) -> list[list[Any]]:
    """K_S = sum_{d in S} a_d e_d e_d^T, in a field."""
    scale, D = mu(lam, nu), range(len(lam))
    return [[1 / scale[d] if d == e and d in S else 0 * lam[0] for e in D] for d in D]


@dataclass(frozen=True)
class Merged:
    """K = sum_i v_i U_i."""

    v: Vector
    U: Sequence[Matrix]

    @property
    def K(self) -> list[list[Any]]:
        D = range(len(self.U[0]))
        return [[dot(self.v, [U[d][e] for U in self.U]) for e in D] for d in D]

    @property
    def parameters(self) -> list[Any]:
        return [*self.v, *(x for U in self.U for row in U for x in row)]

    @staticmethod
    def of(parameters: Vector, heads: int, D: int) -> Merged:
        rest = iter(parameters[heads:])
        return Merged(parameters[:heads], [[[next(rest) for _ in range(D)] for _ in range(D)] for _ in range(heads)])

    def gradient(self, G: Matrix) -> list[Any]:
        """dL/dv_i = <U_i, G>, dL/dU_i = v_i G."""
        inner = [dot([x for row in U for x in row], [x for row in G for x in row]) for U in self.U]
        return [*inner, *(v * x for v in self.v for row in G for x in row)]

    @staticmethod
    def names(heads: int, D: int) -> list[str]:
        numbers = range(1, D + 1)
        U = [f"U{i}_{d}{e}" for i in range(1, heads + 1) for d in numbers for e in numbers]
        return [*(f"v{i}" for i in range(1, heads + 1)), *U]


@dataclass(frozen=True)
class Separate:
    """K = sum_i v_i k_i q_i^T."""

    v: Vector
    k: Matrix
    q: Matrix

    @property
    def K(self) -> list[list[Any]]:
        weighted = [[v * x for x in row] for v, row in zip(self.v, self.k, strict=True)]
        return product(transposed(weighted), self.q)

    @property
    def parameters(self) -> list[Any]:
        return [*self.v, *(x for row in self.k for x in row), *(x for row in self.q for x in row)]

    @staticmethod
    def of(parameters: Vector, heads: int, D: int) -> Separate:
        rest = iter(parameters[heads:])
        k, q = ([[next(rest) for _ in range(D)] for _ in range(heads)] for _ in "kq")
        return Separate(parameters[:heads], k, q)

    def gradient(self, G: Matrix) -> list[Any]:
        """dL/dv_i = k_i^T G q_i, dL/dk_i = v_i G q_i, dL/dq_i = v_i G^T k_i."""
        Gq = [[dot(row, q) for row in G] for q in self.q]
        Gk = [[dot(column, k) for column in zip(*G, strict=True)] for k in self.k]
        value = [dot(k, image) for k, image in zip(self.k, Gq, strict=True)]
        return [*value, *scaled(self.v, Gq), *scaled(self.v, Gk)]

    @staticmethod
    def names(heads: int, D: int) -> list[str]:
        vectors = [f"{x}{i}_{d}" for x in "kq" for i in range(1, heads + 1) for d in range(1, D + 1)]
        return [*(f"v{i}" for i in range(1, heads + 1)), *vectors]


def scaled(v: Vector, rows: Matrix) -> Iterator[Any]:
    return (factor * x for factor, row in zip(v, rows, strict=True) for x in row)
