"""Gradient flows with exact solutions: the features (Oja's flow, MF10) and the attention matrix (Lemma 3.1, MF11)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from flint import arb, ctx, fmpq, fmpq_mat, fmpq_poly

from proofs.mean_field.critical import Target, common_denominator
from proofs.mean_field.enclosures import PRECISION, Number, least_nonzero, smallest
from proofs.mean_field.model import Model
from proofs.rational_matrix import identity, inner, is_zero, kernel, kronecker, projection, select, to_fmpq


@dataclass(frozen=True)
class OjaFlow:
    """dH/dt = -dL/dH from H_0 with H_0 H_0^T = I: row space of H_t = row space of H_0 e^{t F^T F}.

    Only the row space of `start` counts. At t = common log q with rational q the flow is rational.
    """

    target: Target
    start: fmpq_mat

    @cached_property
    def common(self) -> int:
        return common_denominator(self.target.eigenvalues)

    def at(self, q: Fraction) -> Model:
        """The model at t = common log q, up to a change of basis, which the loss does not see."""
        return Model(self.start * self.target.flow(q, self.common), self.target.F)

    @cached_property
    def reaches_global_minimum(self) -> bool:
        """Whether H_0 F^T is invertible."""
        return bool((self.start * self.target.F.transpose()).det() != 0)

    @cached_property
    def decay_degree(self) -> int:
        """n with L = Theta(q^n) as q grows: the loss is a rational function of q, and this is its degree."""
        q = fmpq_poly([0, 1])
        flow = [[fmpq_poly([x]) for x in row] for row in identity(self.target.m).table()]
        for j, eigenvalue in enumerate(self.target.eigenvalues):
            row = self.target.X.table()[j]
            growth = (q ** int(eigenvalue * self.common) - 1) / eigenvalue.numerator * eigenvalue.denominator
            for i, x in enumerate(row):
                flow[i] = [entry + growth * (x * y) for entry, y in zip(flow[i], row, strict=True)]
        moved = _product(_polynomials(self.start), flow)
        rows = [*moved, *_polynomials(self.target.F)]
        gram, k = minors(_product(rows, list(zip(*rows, strict=True))), len(moved)), len(moved)
        distances = sum((gram[i][i] for i in range(k, len(rows))), fmpq_poly([0]))
        return int(distances.degree() - gram[k - 1][k - 1].degree())

    @cached_property
    def is_generic(self) -> bool:
        """Whether the slowest direction is there: L e^{2 r_low t} then has a limit that is not 0.

        Written as rows v_j + w_j with v_j = x_j / lambda_j and w_j outside the row space of F, the row space of H_t has
        the rows v_j + e^{-lambda_j t} w_j; the one of the least eigenvalue must have w_j != 0.
        """
        X = self.target.X
        if not self.reaches_global_minimum:
            return False
        rows = (self.start * X.transpose()).inv() * self.start
        outside = rows - rows * projection(X.transpose())
        return not is_zero(select(outside, [self.target.eigenvalues.index(self.target.r_low)]))

    def sublevel_bound(self, q: Fraction) -> arb:
        """L_0 e^{-2 (r_low - 2 L_0) t} at t = common log q: a bound on L where 2 L_0 < r_low (MF10, ||A|| = 1)."""
        with ctx.workprec(PRECISION):
            start = Model(self.start, self.target.F)
            t = self.common * (arb(q.numerator) / q.denominator).log()
            return start.loss * (-sublevel_rate(start, self.target.r_low) * t).exp()


def sublevel_rate(start: Model, r_low: Fraction) -> fmpq:
    """2 (r_low - 2 L_0)."""
    rate: fmpq = 2 * (to_fmpq(r_low) - 2 * start.loss)
    return rate


def _polynomials(X: fmpq_mat) -> list[list[fmpq_poly]]:
    """The entries as constant polynomials."""
    return [[fmpq_poly([x]) for x in row] for row in X.table()]


def _product(X: Sequence[Sequence[fmpq_poly]], Y: Sequence[Sequence[fmpq_poly]]) -> list[list[fmpq_poly]]:
    columns = list(zip(*Y, strict=True))
    return [[sum((x * y for x, y in zip(row, c, strict=True)), fmpq_poly([0])) for c in columns] for row in X]


def minors(S: list[list[fmpq_poly]], steps: int) -> list[list[fmpq_poly]]:
    """Elimination without fractions (Bareiss): entry (i, j) becomes the determinant of the first `steps` rows and
    columns with row i and column j, or of the first min(i, j) rows and columns with these.

    Of the Gram matrix of rows h_1, .., h_k, f, ..: the last diagonal entries over the k-th one are the squared
    distances of the rows f to the span of the first k.
    """
    before = fmpq_poly([1])
    for n in range(steps):
        for i in range(n + 1, len(S)):
            first, pivot = S[i][n], S[n][n]
            S[i][n + 1 :] = [(pivot * S[i][j] - first * S[n][j]) // before for j in range(n + 1, len(S))]
        before = S[n][n]
    return S


@dataclass(frozen=True)
class AttentionFlow:
    """dW/dt = -dL_TF/dW = -B^T B (W A - I), from W_0, for fixed features."""

    model: Model
    start: fmpq_mat

    @cached_property
    def BtB(self) -> fmpq_mat:
        return self.model.B.transpose() * self.model.B

    @cached_property
    def limit(self) -> fmpq_mat:
        """A^{-1} + Pi (W_0 - A^{-1}), with Pi the projection on the kernel of B."""
        gap = self.start - self.model.A_inverse
        return self.model.A_inverse + projection(kernel(self.model.B)) * gap

    @cached_property
    def operator(self) -> fmpq_mat:
        """W -> B^T B W A on stacked columns, symmetric: the gap to the limit obeys dG/dt = - B^T B G A."""
        return kronecker(self.model.A, self.BtB)

    @cached_property
    def rate(self) -> Number:
        """The rate of linear convergence: (least eigenvalue of B^T B that is not 0) (least eigenvalue of A)."""
        with ctx.workprec(PRECISION):
            return least_nonzero(self.BtB) * smallest(self.model.A)

    @cached_property
    def energy(self) -> fmpq:
        """<G, B^T B G A> = -(d|G|^2/dt) / 2 for the gap G at the start."""
        gap = self.start - self.limit
        return inner(gap, self.BtB * gap * self.model.A)
