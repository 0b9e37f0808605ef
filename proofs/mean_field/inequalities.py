"""What holds at every full-rank H: the strict-saddle dichotomy and the inequalities below r_low/2 (design, A3.8, A3.9).

Each function returns both sides of an inequality, as rationals or as rigorous intervals.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from flint import arb, arb_mat, ctx, fmpq

from proofs.mean_field.enclosures import (
    PRECISION,
    eigenvector,
    largest_eigenvalue,
    nuclear_norm,
    smallest_eigenvalue,
)
from proofs.mean_field.model import Model
from proofs.rational_matrix import (
    largest_eigenvalue_at_least,
    smallest_eigenvalue_at_least,
    squared_norm,
    to_fmpq,
)
from proofs.rationals import to_fraction


@dataclass(frozen=True)
class Dichotomy:
    """Along R = u v^T with v a top eigenvector of Z and u a left singular vector of M for its least singular value.

    form   D^2 L[RF, RF]
    bound  -z^2 / ||A|| + 3 ||MZ||^2 / z with z = lambda_max(Z); the claim is form <= bound
    gain   ||MZ||^2, and `enough` = z^3 / (6 ||A||): a gain of less than `enough` leaves the bound at most `strict`
    strict -z^2 / (2 ||A||)
    """

    form: arb
    bound: arb
    gain: arb
    enough: arb
    strict: arb


def dichotomy(model: Model) -> Dichotomy:
    """For a model with Z != 0."""
    Z, M = model.Z, model.M
    with ctx.workprec(PRECISION):
        z, norm = largest_eigenvalue(Z), largest_eigenvalue(model.A)
        v, u = eigenvector(Z, -1), eigenvector(M * M.transpose(), 0)
        Mu, Zv = arb_mat(M.transpose()) * u, arb_mat(Z) * v
        vMu = _dot(v, Mu)
        u_norm = _dot(u, arb_mat(model.A_inverse) * u)
        form = _dot(v, Zv) * _dot(Mu, Mu) - u_norm * _dot(Zv, Zv) + 2 * vMu * _dot(v, arb_mat(Z) * Mu)
        gain = largest_eigenvalue(Z * M.transpose() * M * Z)
        return Dichotomy(form, 3 * gain / z - z**2 / norm, gain, z**3 / (6 * norm), -(z**2) / (2 * norm))


def rank_one_dichotomy(model: Model) -> tuple[fmpq, fmpq]:
    """The same two sides for k = 1, where both are rational (and equal)."""
    z, M, A = model.Z[0, 0], model.M[0, 0], model.A[0, 0]
    return 3 * z * M**2 - z**2 / A, -(z**2) / A + 3 * (M * z) ** 2 / z


def squared_gradient_at_least(model: Model, r_low: Fraction) -> bool:
    """Whether ||gradient||^2 >= 2L (r_low - 2L) / ||A||, decided exactly (A3.9 asserts it for 2L < r_low)."""
    excess = 2 * model.loss * (to_fmpq(r_low) - 2 * model.loss)
    squared = squared_norm(model.gradient)
    if squared == 0:
        return bool(excess <= 0)
    return largest_eigenvalue_at_least(model.A, excess / squared)


def rational_r_low(model: Model) -> Fraction:
    """The least eigenvalue of S°, or a rational number just below it; claims with this number are the weaker ones."""
    if model.S.nrows() == 1:
        return to_fraction(model.S[0, 0])
    below = Fraction(float(smallest_eigenvalue(model.S).mid())) * Fraction(2**30 - 1, 2**30)
    if not smallest_eigenvalue_at_least(model.S, below):
        raise ArithmeticError("the enclosure of the least eigenvalue is too wide")
    return below


def best_slope(model: Model) -> tuple[arb, arb]:
    """||MZ||_*, the best slope of a homotopy, and 2L sqrt((r_low - 2L) / ||A||) (A3.9, for 2L < r_low)."""
    with ctx.workprec(PRECISION):
        twice = arb(2 * model.loss)
        r_low = smallest_eigenvalue(model.S)
        bound = twice * ((r_low - twice) / largest_eigenvalue(model.A)).sqrt()
        return nuclear_norm(model.M * model.Z), bound


def _dot(x: arb_mat, y: arb_mat) -> arb:
    return (x.transpose() * y)[0, 0]
