"""What holds at every full-rank H: the strict-saddle dichotomy and the inequalities below r_low/2 (MF8, MF9).

Each number is a rational where it is one, and otherwise a rigorous interval: so equality can be decided where it holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from random import Random
from typing import Any

from flint import arb, arb_mat, ctx, fmpq, fmpq_mat

from proofs.mean_field.enclosures import PRECISION, Number, eigenvector, largest, smallest
from proofs.mean_field.instances import random_rotation
from proofs.mean_field.model import Model
from proofs.mean_field.polar import nearby_contraction
from proofs.rational_matrix import (
    eigenspace,
    is_zero,
    largest_eigenvalue_at_least,
    matrix,
    smallest_eigenvalue_at_least,
    squared_norm,
    to_fmpq,
)
from proofs.rationals import to_fraction

CLOSE = fmpq(1, 2**78)  # no entry of Dichotomy.R is rounded by more, up to a common factor


@dataclass(frozen=True)
class Dichotomy:
    """Along R = u v^T, |R| = 1: v a top eigenvector of Z, u a left singular vector of M for its least singular value.

    Except for `gain`, and `z` = lambda_max(Z), all is in units of z^2: at critical points the rest is rational then,
    even where z is not. As Z v = z v, D^2 L[RF, RF] is z |M^T u|^2 + 2 z (v . M^T u)^2 - z^2 u^T A^{-1} u.
    """

    model: Model

    @cached_property
    def z(self) -> Number:
        return largest(self.model.Z)

    @cached_property
    def norm(self) -> Number:
        """||A||."""
        return largest(self.model.A)

    @cached_property
    def gain(self) -> Number:
        """||MZ||^2."""
        return largest(self.model.Z * self.model.M.transpose() * self.model.M * self.model.Z)

    @cached_property
    def u(self) -> fmpq_mat | arb_mat:
        return _vector(self.model.M * self.model.M.transpose(), smallest, 0)

    @cached_property
    def v(self) -> fmpq_mat | arb_mat:
        return _vector(self.model.Z, largest, -1)

    @cached_property
    def form(self) -> Number:
        """D^2 L[RF, RF]."""
        with ctx.workprec(PRECISION):
            u, v, Mu = self.u, self.v, self.model.M.transpose() * self.u
            uu = _dot(u, u)
            vMu, rising = _dot(v, Mu), fmpq(0)
            if not (isinstance(Mu, fmpq_mat) and is_zero(Mu)):
                rising = (_dot(Mu, Mu) + 2 * vMu * vMu / _dot(v, v)) / (uu * self.z)
            return rising - _dot(u, self.model.A_inverse * u) / uu

    @cached_property
    def bound(self) -> Number:
        """-z^2 / ||A|| + 3 ||MZ||^2 / z: the claim is form <= bound."""
        with ctx.workprec(PRECISION):
            return (3 * self.gain / self.z**3 if self.gain != 0 else fmpq(0)) - 1 / self.norm

    @cached_property
    def enough(self) -> Number:
        """z^3 / (6 ||A||), not in units of z^2: a gain of less leaves the bound below `strict`."""
        with ctx.workprec(PRECISION):
            return self.z**3 / (6 * self.norm)

    @cached_property
    def strict(self) -> Number:
        """-z^2 / (2 ||A||)."""
        with ctx.workprec(PRECISION):
            return fmpq(-1, 2) / self.norm

    @cached_property
    def R(self) -> fmpq_mat:
        """A rational matrix near u v^T / |u| |v|; a multiple of it where u and v are rational."""
        if isinstance(self.u, fmpq_mat) and isinstance(self.v, fmpq_mat):
            return self.u * self.v.transpose()
        return nearby_contraction(self._direction)

    @cached_property
    def _direction(self) -> arb_mat:
        """u v^T / |u| |v|."""
        with ctx.workprec(PRECISION):
            u, v = (arb_mat(x) * (1 / arb(_dot(x, x)).sqrt()) for x in (self.u, self.v))
            return u * v.transpose()

    @property
    def is_precise(self) -> bool:
        """Whether u and v are known well enough for R: intervals around those of badly scaled matrices can be wide."""
        rational = isinstance(self.u, fmpq_mat) and isinstance(self.v, fmpq_mat)
        return rational or all(x.is_finite() and x.rad() < arb(CLOSE) for x in self._direction.entries())

    @cached_property
    def slack(self) -> Fraction:
        """How far D^2 L[RF, RF] / |R|^2 at the rational R can be from z^2 form: 0 where both are rational.

        |D^2 L[RF,RF] - D^2 L[SF,SF]| <= Q (|R| + |S|) |R - S| with Q = 3 |M|^2 |Z| + |A^{-1}| |Z|^2. Up to a factor,
        which |R|^2 takes out, no entry of R is off by more than CLOSE and the radius of the interval for it.
        """
        if isinstance(self.u, fmpq_mat) and isinstance(self.v, fmpq_mat):
            return Fraction(0)
        M, Z, a = (1 + squared_norm(X) for X in (self.model.M, self.model.Z, self.model.A_inverse))
        with ctx.workprec(PRECISION):
            radius = max(float(x.rad()) for x in self._direction.entries())
        off = CLOSE + to_fmpq(Fraction(2 * radius))  # twice, as a float may be rounded down
        return to_fraction(4 * (3 * M * Z + a * Z) * off * self.model.M.nrows())


def _vector(S: fmpq_mat, extreme: Any, position: int) -> fmpq_mat | arb_mat:
    """An eigenvector for the least or largest eigenvalue: rational where that is, and of any length then."""
    eigenvalue = extreme(S)
    return eigenspace(S, eigenvalue)[0] if isinstance(eigenvalue, fmpq) else eigenvector(S, position)


def squared_gradient_excess(model: Model, r_low: Any) -> fmpq:
    """2L (r_low - 2L), which ||A|| ||gradient||^2 has to reach (MF9, for 2L < r_low)."""
    return 2 * model.loss * (to_fmpq(r_low) - 2 * model.loss)


def squared_gradient_at_least(model: Model, r_low: Any) -> bool:
    """Whether ||gradient||^2 >= 2L (r_low - 2L) / ||A||, decided exactly."""
    excess, squared = squared_gradient_excess(model, r_low), squared_norm(model.gradient)
    if squared == 0:
        return bool(excess <= 0)
    return largest_eigenvalue_at_least(model.A, excess / squared)


def rational_r_low(model: Model) -> fmpq:
    """The least eigenvalue of S°, or a rational number just below it; claims with this number are the weaker ones."""
    r_low = smallest(model.S)
    if isinstance(r_low, fmpq):
        return r_low
    with ctx.workprec(PRECISION):
        mantissa, exponent = (int(x) for x in r_low.lower().man_exp())
    below = fmpq(mantissa) * fmpq(2) ** exponent
    if not smallest_eigenvalue_at_least(model.S, below):
        raise ArithmeticError("not a lower bound on the least eigenvalue")
    return below


def slope_bound(model: Model) -> arb:
    """2L sqrt((r_low - 2L) / ||A||), which ||MZ||_* has to reach (MF9, for 2L < r_low)."""
    with ctx.workprec(PRECISION):
        return 2 * model.loss * arb((smallest(model.S) - 2 * model.loss) / largest(model.A)).sqrt()


def slope_bound_is_attained(model: Model) -> bool:
    """Whether ||MZ||_* is exactly that.

    With c = (r_low - 2L) / ||A|| it is where Z M^T M Z = c Z^2. Then M Z lies in the top eigenspace of A, so that ||A||
    is rational and so is r_low.
    """
    r_low, norm = smallest(model.S), largest(model.A)
    if not (isinstance(r_low, fmpq) and isinstance(norm, fmpq)):
        return False
    MZ, Z = model.M * model.Z, model.Z
    return bool(MZ.transpose() * MZ == Z * Z * ((r_low - 2 * model.loss) / norm))


def tight_model(k: int, m: int, p: int | Fraction, r: int | Fraction, random: Random) -> Model:
    """A model, m > k, with equality in form <= bound, and in both inequalities of MF9; r_low = 1.

    Up to rotations the first row of H is p e_1 + r e_{k+1} and that of F is e_1; row j > 1 is e_j in H and 2 e_j in F.
    The gain is 6 p^2 / r^2 times `enough`.
    """
    H: list[list[int | Fraction]] = [[int(i == j) for j in range(m)] for i in range(k)]
    F = [[2 * x for x in row] for row in H]
    H[0][0], H[0][k], F[0][0] = p, r, 1
    V = random_rotation(random, m)
    return Model(random_rotation(random, k) * matrix(H) * V, random_rotation(random, k) * matrix(F) * V)


def _dot(x: Any, y: Any) -> Any:
    return (x.transpose() * y)[0, 0]
