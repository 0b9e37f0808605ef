"""Heads as lists of parameters, v first, and derivatives along them by differences.

These are exact: every parameter of a head enters K once, so that the loss is of degree 2 in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import combinations
from typing import Any

from linear_attention_recheck.loss import SIGNS, Matrix, added, scales


def slope(lam: Sequence[Any], nu: Any, K: Matrix) -> list[list[Any]]:
    """M K Lambda - Lambda^2."""
    D, m = range(len(lam)), scales(lam, nu)
    return [[lam[d] * m[d] * K[d][e] * lam[e] - (lam[d] * lam[d] if d == e else 0) for e in D] for d in D]


def times(A: Matrix, B: Matrix) -> list[list[Any]]:
    return [[added([a * b for a, b in zip(row, column, strict=True)]) for column in turned(B)] for row in A]


def turned(A: Matrix) -> list[list[Any]]:
    return [list(column) for column in zip(*A, strict=True)]


def merged(at: Sequence[Any], heads: int, D: int) -> list[list[Any]]:
    """K = sum_i v_i U_i."""
    U = [at[heads + i * D * D : heads + (i + 1) * D * D] for i in range(heads)]
    return [[added([at[i] * U[i][d * D + e] for i in range(heads)]) for e in range(D)] for d in range(D)]


def vectors(at: Sequence[Any], heads: int, D: int) -> tuple[list[list[Any]], list[list[Any]]]:
    """Keys and queries, a row each."""
    rows = [list(at[heads + i * D : heads + (i + 1) * D]) for i in range(2 * heads)]
    return rows[:heads], rows[heads:]


def separate(at: Sequence[Any], heads: int, D: int) -> list[list[Any]]:
    """K = sum_i v_i k_i q_i^T."""
    k, q = vectors(at, heads, D)
    return [[added([at[i] * k[i][d] * q[i][e] for i in range(heads)]) for e in range(D)] for d in range(D)]


MAKES: dict[str, Callable[[Sequence[Any], int, int], list[list[Any]]]] = {"merged": merged, "separate": separate}


def size_of(kind: str, heads: int, D: int) -> int:
    return heads * (1 + (D * D if kind == "merged" else 2 * D))


def moved(at: Sequence[Any], *steps: tuple[int, int]) -> list[Any]:
    there = list(at)
    for i, step in steps:
        there[i] = there[i] + step
    return there


def slopes(value: Callable[[Sequence[Any]], Any], at: Sequence[Any]) -> list[Any]:
    half = Fraction(1, 2)
    return [(value(moved(at, (i, 1))) - value(moved(at, (i, -1)))) * half for i in range(len(at))]


def curvatures(value: Callable[[Sequence[Any]], Fraction], at: Sequence[Fraction]) -> list[list[Fraction]]:
    here, size = value(at), range(len(at))
    found = [[Fraction(0) for _ in size] for _ in size]
    for i in size:
        found[i][i] = value(moved(at, (i, 1))) + value(moved(at, (i, -1))) - 2 * here
        for j in range(i):
            corners = [a * b * value(moved(at, (i, a), (j, b))) for a in SIGNS for b in SIGNS]
            found[i][j] = found[j][i] = sum(corners, Fraction(0)) / 4
    return found


def signs(rows: list[list[Fraction]]) -> list[int]:
    """How many eigenvalues are negative, 0, positive: squares are split off the quadratic form (Lagrange)."""
    counts, left = [0, 0, 0], list(range(len(rows)))
    while left:
        square = next((i for i in left if rows[i][i]), None)
        if square is None:
            mixed = next(((i, j) for i, j in combinations(left, 2) if rows[i][j]), None)
            if mixed is None:
                counts[1] += len(left)
                break
            i, j = mixed  # x_j = y + x_i turns 2 c x_i x_j into 2 c x_i^2 + ..
            for k in left:
                rows[i][k] += rows[j][k]
            for k in left:
                rows[k][i] += rows[k][j]
            continue
        counts[2 if rows[square][square] > 0 else 0] += 1
        left.remove(square)
        for i in left:
            if rows[i][square]:
                share = rows[i][square] / rows[square][square]
                for j in left:
                    rows[i][j] -= share * rows[square][j]
    return counts
