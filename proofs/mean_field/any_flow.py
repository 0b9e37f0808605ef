"""The gradient flow of the features from an H_0 with H_0 H_0^T = I, for any target F (MF10), in enclosures.

With Y = A^{-1/2} H, A = H H^T, which is conserved, and P the projection on the row space, the gradient flow of any H is
dY/dt = A^{-1} Y G (I - P), G = F^T F. Where A = c I this is Oja's flow at the time t / c. Other A turn the row space in
another way: det(H F^T), which stays 0 where it is so in Oja's flow, does not stay 0, and there is no closed form here.

Let r = rank F, V the row space of F, and rank(H_0 F^T) = r: the row space of H_0 then projects onto V. It is the sum of
K = {rows of it that F does not see}, of dimension k - r, and of the graph v -> v + v X_0 of a map X_0 from V to the
vectors that are orthogonal to V and K. The row space of H_t is that of H_0 e^{tG}: K, and the graph of
X_t = e^{-tG} X_0. So L_t = tr(G X_t X_t^T (1 + X_t X_t^T)^{-1}) / 2, which decays as c e^{-2 lambda t}: lambda is the
least eigenvalue with Pi X_0 != 0, Pi its eigenprojection, and c = lambda |Pi X_0|^2 / 2.

Where rank(H_0 F^T) < r, that is so for ever, and some f in V is orthogonal to all rows of H_t: 2L >= f G f^T / |f|^2,
which is at least the least positive eigenvalue.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from flint import arb, arb_mat, ctx, fmpq, fmpq_mat, fmpz_poly

from proofs.mean_field.invariant import AnyTarget
from proofs.mean_field.model import Model
from proofs.rational_matrix import identity, is_zero, kernel, projection, select, to_fmpq, trace

BITS = 1000  # for eigenvalues of very different sizes
NEAR = arb(2) ** -20  # how near to 1 the loss over its law of decay has to come
LATEST = 80  # in doublings of the time


@dataclass(frozen=True)
class AnyFlow:
    """dH/dt = -dL/dH from an orthonormal basis of the row space of `start`, (H H^T)^{-1/2} H at its H."""

    target: AnyTarget
    start: Model

    @cached_property
    def scale(self) -> fmpq | None:
        """c, where H H^T = c I: the flow from H itself is then at the time t where this one is at t / c."""
        c = self.start.A[0, 0]
        return c if identity(self.target.k) * c == self.start.A else None

    @cached_property
    def arrives(self) -> bool:
        """Whether L -> 0: rank(H_0 F^T) = rank F."""
        return bool(self.start.B.rank() == self.target.rank)

    @cached_property
    def X_0(self) -> fmpq_mat:
        """The map of the graph as an m x m matrix, 0 on the complement of V; for flows that arrive and F != 0."""
        H, F, B = self.start.H, self.target.F, self.start.B
        lifted = select(H, _basis(B.transpose()))
        seen = lifted * projection(select(F, _basis(F)).transpose())
        unseen = kernel(B).transpose() * H  # y with B y = 0: F does not see y H
        rest = lifted - seen
        rest -= rest * projection(unseen.transpose())
        return seen.transpose() * (seen * seen.transpose()).inv() * rest

    @cached_property
    def parts(self) -> list[tuple[arb, arb_mat]]:
        """(eigenvalue lambda, Pi X_0) for those with Pi X_0 != 0, which is decided exactly; the least first."""
        found = []
        for p, _ in self.target.factors:
            space = kernel(at_matrix(p, self.target.G))
            if is_zero(space.transpose() * self.X_0):
                continue
            with ctx.workprec(BITS):
                onto = arb_mat(projection(space) * self.X_0)
                roots = [root.real for root, _ in p.complex_roots()]
                for x in roots:
                    part = onto
                    for y in roots:
                        if y is not x:
                            part = (arb_mat(self.target.G) * part - part * y) * (1 / (x - y))
                    found.append((x, part))
        return sorted(found, key=lambda pair: pair[0].mid())

    def loss_at(self, t: arb) -> arb:
        """L_t, for flows that arrive."""
        m = self.target.m
        with ctx.workprec(BITS):
            X = arb_mat(m, m)
            for x, part in self.parts:
                X += part * (-t * x).exp()
            square = X * X.transpose()
            one = arb_mat(identity(m))
            return _trace(arb_mat(self.target.G) * square * (one + square).inv()) / 2

    def sublevel_bound(self, t: arb) -> arb:
        """L_0 e^{-2 (r_low - 2 L_0) t}, where 2 L_0 < r_low."""
        with ctx.workprec(BITS):
            return self.start.loss * (-2 * (self.r_low - 2 * self.start.loss) * t).exp()

    @cached_property
    def r_low(self) -> arb:
        return self.target.least if self.target.rank == self.target.k else arb(0)

    @cached_property
    def limit(self) -> arb:
        """c = lambda |Pi X_0|^2 / 2."""
        x, part = self.parts[0]
        with ctx.workprec(BITS):
            return x * _trace(part * part.transpose()) / 2

    @cached_property
    def late(self) -> tuple[arb, arb] | None:
        """The first of 1 / lambda, 2 / lambda, 4 / lambda, .. at which L_t e^{2 lambda t} is near c, and the ratio."""
        with ctx.workprec(BITS):
            t = 1 / self.parts[0][0]
            for _ in range(LATEST):
                ratio = self.loss_at(t) * (2 * self.parts[0][0] * t).exp() / self.limit
                if abs(ratio - 1) < NEAR:
                    return t, ratio
                t *= 2
        return None

    def time(self, t: Fraction) -> arb:
        """t / tr(G)."""
        with ctx.workprec(BITS):
            return arb(to_fmpq(t) / trace(self.target.G))

    def loss_by_exponential(self, t: Fraction) -> arb:
        """L at the time t / tr(G), from H_0 e^{tG}, also of flows that do not arrive; for moderate t."""
        with ctx.workprec(BITS):
            G = arb_mat(self.target.G)
            Y = arb_mat(self.start.H) * (G * self.time(t)).exp()
            P = Y.transpose() * (Y * Y.transpose()).inv() * Y
            return (arb(trace(self.target.G)) - _trace(P * G)) / 2


def at_matrix(p: fmpz_poly, G: fmpq_mat) -> fmpq_mat:
    """p(G)."""
    value, power = G * 0, identity(G.nrows())
    for coefficient in p.coeffs():
        value, power = value + power * fmpq(coefficient), power * G
    return value


def _basis(X: fmpq_mat) -> list[int]:
    """The numbers of some rows that are a basis of the row space."""
    chosen: list[int] = []
    for i in range(X.nrows()):
        if select(X, [*chosen, i]).rank() > len(chosen):
            chosen.append(i)
    return chosen


def _trace(X: arb_mat) -> arb:
    return sum((X[i, i] for i in range(X.nrows())), arb(0))
