"""Eigenvalues, eigenvectors and singular values of rational matrices in rigorous intervals (arb)."""

from __future__ import annotations

from math import isqrt
from typing import TypeAlias

from flint import arb, arb_mat, ctx, fmpq, fmpq_mat

from proofs.rational_matrix import identity, inertia, rational_eigenvalues

Number: TypeAlias = fmpq | arb
PRECISION = 160  # bits, about 48 digits; a claim that needs more comes out undecided, never wrong
VECTORS = 2000  # bits for eigenvectors, whose entries and eigenvalues may be of very different sizes


def agree(x: arb, y: arb) -> bool:
    """Whether two intervals overlap and are narrow. Overlap alone proves nothing: NaN overlaps everything."""
    with ctx.workprec(PRECISION):
        return bool(x.overlaps(y) and abs(x - y) < arb(2) ** (-PRECISION // 2) * (1 + abs(y)))


def distinct_eigenvalues(S: fmpq_mat, bits: int = PRECISION) -> list[tuple[arb, int]]:
    """The different eigenvalues of a symmetric matrix, increasing, with multiplicities.

    They are the roots of its characteristic polynomial; an eigenvalue 0 comes out as exactly 0.
    """
    p, zeros = S.charpoly(), 0
    while p[zeros] == 0:
        zeros += 1
    with ctx.workprec(bits):
        roots = (
            [(root.real, count) for root, count in p.right_shift(zeros).complex_roots()] if zeros < S.nrows() else []
        )
        roots += [(arb(0), zeros)] if zeros else []
    if sum(count for _, count in roots) != S.nrows():
        raise ArithmeticError("roots of the characteristic polynomial were lost")
    return sorted(roots, key=lambda root: root[0].mid())


def eigenvalues(S: fmpq_mat) -> list[arb]:
    """The eigenvalues of a symmetric matrix, increasing."""
    return [root for root, count in distinct_eigenvalues(S) for _ in range(count)]


def largest_eigenvalue(S: fmpq_mat) -> arb:
    """An interval that holds the largest eigenvalue."""
    with ctx.workprec(PRECISION):
        values = distinct_eigenvalues(S)
        result = values[0][0]
        for root, _ in values[1:]:
            result = result.max(root)
        return result


def largest(S: fmpq_mat) -> Number:
    """The largest eigenvalue: exactly where it is rational, else in an interval."""
    exact = next((x for x in rational_eigenvalues(S) if inertia(S - x * identity(S.nrows()))[2] == 0), None)
    return largest_eigenvalue(S) if exact is None else exact


def smallest(S: fmpq_mat) -> Number:
    with ctx.workprec(PRECISION):
        return -largest(S * -1)


def least_nonzero(S: fmpq_mat) -> Number:
    """The least eigenvalue other than 0 of a positive semidefinite matrix S != 0."""
    nullity = inertia(S)[1]
    for x in rational_eigenvalues(S):
        if x > 0 and inertia(S - x * identity(S.nrows()))[0] == nullity:
            return x
    return eigenvalues(S)[nullity]


def eigenprojection(S: fmpq_mat, position: int) -> arb_mat:
    """The orthogonal projection on the eigenspace of the given one of the `distinct_eigenvalues`.

    It is the product of (S - mu) / (lambda - mu) over the other eigenvalues mu.
    """
    n, values = S.nrows(), [root for root, _ in distinct_eigenvalues(S, VECTORS)]
    with ctx.workprec(VECTORS):
        one = arb_mat([[int(i == j) for j in range(n)] for i in range(n)])
        result = one
        for i, mu in enumerate(values):
            if i != position:
                result = result * (arb_mat(S) - one * mu) * (1 / (values[position] - mu))
        return result


def eigenvector(S: fmpq_mat, position: int) -> arb_mat:
    """A unit vector (n x 1) in that eigenspace."""
    n = S.nrows()
    with ctx.workprec(VECTORS):
        projection = eigenprojection(S, position % len(distinct_eigenvalues(S)))
        j = max(range(n), key=lambda i: projection[i, i].mid())
        return arb_mat([[projection[i, j] / projection[j, j].sqrt()] for i in range(n)])


def nuclear_norm(X: fmpq_mat) -> arb:
    """The sum of the singular values."""
    with ctx.workprec(PRECISION):
        squares = eigenvalues(X.transpose() * X)
        return sum((square.max(arb(0)).sqrt() for square in squares), arb(0))


def squared_nuclear_norm(X: fmpq_mat) -> Number:
    """Its square: exactly where X^T X has rational eigenvalues other than 0 whose quotients are squares."""
    _, factors = (X.transpose() * X).charpoly().factor()
    squares = [(-p[0] / p[1], times) for p, times in factors if p.degree() == 1 and p[0] != 0]
    roots = [(_root(x / squares[0][0]), times) for x, times in squares]
    if all(p.degree() == 1 for p, _ in factors) and all(root is not None for root, _ in roots):
        total = sum((root * times for root, times in roots if root is not None), fmpq(0))
        return squares[0][0] * total**2 if squares else fmpq(0)
    with ctx.workprec(PRECISION):
        return nuclear_norm(X) ** 2


def _root(x: fmpq) -> fmpq | None:
    """The square root of x > 0, if that is rational."""
    p, q = isqrt(int(x.p)), isqrt(int(x.q))
    return fmpq(p, q) if fmpq(p * p, q * q) == x else None
