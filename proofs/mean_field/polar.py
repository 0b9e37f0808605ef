"""The nuclear norm of a rational matrix between two rational numbers, and when a contraction attains it exactly.

|X|_* = max tr(R^T X) over |R|_op <= 1, and |X|_* = min (tr(X^T X Y^{-1}) + tr(Y)) / 2 over Y > 0, as
|X Y^{-1/2}|_F^2 + |Y^{1/2}|_F^2 >= 2 |X|_*. So every R bounds it from below and every Y from above.
"""

from __future__ import annotations

from flint import arb, arb_mat, ctx, fmpq, fmpq_mat

from proofs.rational_matrix import identity, inertia, trace

WORK = 1000  # bits of arithmetic that need not be rigorous
SHIFT = 64  # -log2 of how far a matrix is moved off the singular ones, in units of its norm
FINE = 2**80  # entries of a rational matrix near one of intervals are multiples of 1 / FINE
SHRINK = fmpq(2**60 - 1, 2**60)  # more than rounding k^2 entries can add to the norm
LIFT = fmpq(1, 2**40)  # keeps Y positive definite where X is singular; in units of tr(X^T X)^{1/2}, roughly


def is_contraction(R: fmpq_mat) -> bool:
    """Whether |R|_op <= 1: I - R^T R has no negative eigenvalue."""
    return inertia(identity(R.ncols()) - R.transpose() * R)[0] == 0


def nearby_contraction(X: arb_mat) -> fmpq_mat:
    """A rational matrix of norm at most 1 near the midpoints of a matrix that has norm at most 1."""
    R = fmpq_mat([[rounded(x) for x in row] for row in X.tolist()]) * SHRINK
    if not is_contraction(R):
        raise ArithmeticError("not close enough to a matrix of norm 1")
    return R


def rounded(x: arb) -> fmpq:
    """The midpoint, rounded to a multiple of 1 / FINE."""
    with ctx.workprec(WORK):
        return fmpq(int((x.mid() * FINE).floor().unique_fmpz()), FINE)


def near_polar_factor(X: fmpq_mat) -> fmpq_mat:
    """A rational R of norm at most 1 with tr(R^T X) near |X|_*, for X != 0.

    Newton's iteration Y -> (Y + Y^{-T}) / 2 ends at the orthogonal polar factor of a matrix; X is moved a little, so
    that it has an inverse. Nothing rests on how exact this is: R bounds |X|_* from below whatever it is.
    """
    k, size = X.nrows(), trace(X.transpose() * X)
    with ctx.workprec(WORK):
        Y = arb_mat(X) * (1 / arb(size).sqrt()) + arb_mat(identity(k)) * arb(2) ** -SHIFT
        for _ in range((k + 1) * SHIFT):  # the determinant is of order 2^(-k SHIFT); a step halves what is large
            Y = ((Y + Y.inv().transpose()) * (arb(1) / 2)).mid()
    return nearby_contraction(Y)


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
