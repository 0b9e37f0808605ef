"""The nuclear norm of a rational matrix between two rational numbers, and when a contraction attains it exactly.

|X|_* = max tr(R^T X) over |R|_op <= 1, and |X|_* = min (tr(X^T X Y^{-1}) + tr(Y)) / 2 over Y > 0, as
|X Y^{-1/2}|_F^2 + |Y^{1/2}|_F^2 >= 2 |X|_*. So every R bounds it from below and every Y from above.
"""

from __future__ import annotations

from flint import arb_mat, fmpq, fmpq_mat

from proofs.rational_matrix import identity, inertia, trace

FINE = 2**80  # entries of a rational matrix near one of intervals are multiples of 1 / FINE
SHRINK = fmpq(2**60 - 1, 2**60)  # more than rounding k^2 entries can add to the norm
LIFT = fmpq(1, 2**40)  # keeps Y positive definite where X is singular; in units of tr(X^T X)^{1/2}, roughly


def is_contraction(R: fmpq_mat) -> bool:
    """Whether |R|_op <= 1: I - R^T R has no negative eigenvalue."""
    return inertia(identity(R.ncols()) - R.transpose() * R)[0] == 0


def nearby_contraction(polar: arb_mat) -> fmpq_mat:
    """A rational matrix of norm at most 1 near the midpoints of a matrix that has norm at most 1."""
    rows = [[fmpq(int((x.mid() * FINE).floor().unique_fmpz()), FINE) for x in row] for row in polar.tolist()]
    R = fmpq_mat(rows) * SHRINK
    if not is_contraction(R):
        raise ArithmeticError("the enclosure of the polar factor is too wide")
    return R


def dual(X: fmpq_mat, R: fmpq_mat) -> fmpq_mat:
    """Y > 0 near (X^T X)^{1/2}, for R near the polar factor of X != 0."""
    P = R.transpose() * X
    half = (P + P.transpose()) * fmpq(1, 2)
    Y = half + identity(X.ncols()) * (LIFT * trace(half))
    if inertia(Y)[2] < X.ncols():
        raise ArithmeticError("not close enough to the polar factor")
    return Y


def upper_bound(X: fmpq_mat, Y: fmpq_mat) -> fmpq:
    """(tr(X^T X Y^{-1}) + tr(Y)) / 2, at least |X|_* for every Y > 0."""
    bound: fmpq = (trace(X.transpose() * X * Y.inv()) + trace(Y)) / 2
    return bound


def attains_nuclear_norm(R: fmpq_mat, X: fmpq_mat) -> bool:
    """Whether tr(R^T X) = |X|_* for a contraction R: exactly where R^T X is the square root of X^T X."""
    P = R.transpose() * X
    return bool(P.transpose() == P and X.transpose() * X == P * P and inertia(P)[0] == 0)
