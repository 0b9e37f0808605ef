"""Matrices of rationals (FLINT's fmpq_mat), and exact answers to questions about their eigenvalues."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

from flint import fmpq, fmpq_mat, fmpq_poly

from proofs.rationals import to_fraction


def to_fmpq(x: Any) -> fmpq:
    """A rational number, as FLINT writes it."""
    return fmpq(x.numerator, x.denominator) if isinstance(x, (int, Fraction)) else fmpq(x)


def matrix(rows: Iterable[Sequence[Any]]) -> fmpq_mat:
    """From rows of whole numbers, Fractions or fmpqs."""
    return fmpq_mat([[to_fmpq(x) for x in row] for row in rows])


def fractions(X: fmpq_mat) -> list[list[Fraction]]:
    """The rows as Fractions: what the witnesses of the standard library take."""
    return [[to_fraction(x) for x in row] for row in X.table()]


def identity(n: int) -> fmpq_mat:
    return diagonal([1] * n)


def diagonal(entries: Sequence[Any]) -> fmpq_mat:
    return matrix([[x if i == j else 0 for j in range(len(entries))] for i, x in enumerate(entries)])


def select(X: fmpq_mat, rows: Iterable[int] | None = None, columns: Iterable[int] | None = None) -> fmpq_mat:
    """The submatrix of the given rows and columns, in the given order."""
    rows = range(X.nrows()) if rows is None else rows
    columns = range(X.ncols()) if columns is None else list(columns)
    return fmpq_mat([[X[i, j] for j in columns] for i in rows])


def trace(X: Any) -> Any:
    """The trace of a matrix of rationals, or of a matrix that knows its own."""
    return X.trace() if hasattr(X, "trace") else sum((X[i, i] for i in range(X.nrows())), fmpq(0))


def inner(X: Any, Y: Any) -> Any:
    """<X, Y> = tr(X^T Y)."""
    return trace(X.transpose() * Y)


def squared_norm(X: Any) -> Any:
    """||X||_F^2."""
    return inner(X, X)


def is_zero(X: fmpq_mat) -> bool:
    return all(x == 0 for x in X.entries())


def kronecker(X: fmpq_mat, Y: fmpq_mat) -> fmpq_mat:
    """X (x) Y, so that with columns stacked vec(Y E X^T) = (X (x) Y) vec(E)."""
    return fmpq_mat([[x * y for x in row for y in other] for row in X.table() for other in Y.table()])


def kernel(X: fmpq_mat) -> fmpq_mat:
    """A basis of {v : X v = 0}, as columns. A matrix with no columns if there is none but 0."""
    reduced, rank = X.rref()
    n = X.ncols()
    pivots = [next(j for j in range(n) if reduced[i, j] != 0) for i in range(rank)]
    free = [j for j in range(n) if j not in pivots]
    basis = fmpq_mat(n, len(free))
    for column, j in enumerate(free):
        basis[j, column] = 1
        for i, pivot in enumerate(pivots):
            basis[pivot, column] = -reduced[i, j]
    return basis


def projection(X: fmpq_mat) -> fmpq_mat:
    """The orthogonal projection on the column space of X, whose columns are independent."""
    if X.ncols() == 0:
        return fmpq_mat(X.nrows(), X.nrows())
    return X * (X.transpose() * X).inv() * X.transpose()


def cayley(K: fmpq_mat) -> fmpq_mat:
    """The rotation (I - K)(I + K)^{-1} of a skew-symmetric K: rational, orthogonal, and as general as one likes."""
    one = identity(K.nrows())
    return (one - K) * (one + K).inv()


def inertia(S: fmpq_mat) -> tuple[int, int, int]:
    """How many eigenvalues of the symmetric matrix S are negative, zero and positive.

    The characteristic polynomial of S has only real roots, so that Descartes' rule of signs counts the positive ones
    exactly.
    """
    p = S.charpoly()
    coefficients = [p[i] for i in range(p.degree() + 1)]
    zero = next(i for i, x in enumerate(coefficients) if x != 0)
    signs = [x > 0 for x in coefficients if x != 0]
    positive = sum(first != second for first, second in pairwise(signs))
    return S.nrows() - zero - positive, zero, positive


def largest_eigenvalue_at_least(S: fmpq_mat, bound: Any) -> bool:
    """Whether lambda_max(S) >= bound, decided exactly: bound I - S has an eigenvalue that is not positive."""
    return bool(inertia(to_fmpq(bound) * identity(S.nrows()) - S)[2] < S.nrows())


def smallest_eigenvalue_at_least(S: fmpq_mat, bound: Any) -> bool:
    """Whether lambda_min(S) >= bound, decided exactly."""
    return inertia(S - to_fmpq(bound) * identity(S.nrows()))[0] == 0


def rational_eigenvalues(S: fmpq_mat) -> list[fmpq]:
    """Those eigenvalues that are rational numbers, each once."""
    _, factors = S.charpoly().factor()
    return [-p[0] / p[1] for p, _ in factors if p.degree() == 1]


def eigenspace(S: fmpq_mat, eigenvalue: fmpq) -> list[fmpq_mat]:
    """A basis of the eigenspace, of columns."""
    basis = kernel(S - eigenvalue * identity(S.nrows()))
    return [select(basis, columns=[j]) for j in range(basis.ncols())]


def polynomial_with_roots(roots: Iterable[Any]) -> fmpq_poly:
    """The monic polynomial with these roots, each as often as it is listed."""
    p = fmpq_poly([1])
    for root in roots:
        p *= fmpq_poly([-to_fmpq(root), 1])
    return p
