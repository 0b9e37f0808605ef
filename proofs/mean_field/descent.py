"""Directions of negative curvature at any saddle: range(Z) and ker(M^T) by rational vectors of any length (MF7)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from flint import arb, ctx, fmpq, fmpq_mat

from proofs.mean_field.enclosures import PRECISION, largest
from proofs.mean_field.model import Model
from proofs.rational_matrix import identity, inertia, inner, is_zero, kernel, trace


@dataclass(frozen=True)
class NullDirections:
    """The partial isometry R = sum_j u_j w_j^T / |u_j| |w_j| at a saddle of full-rank H.

    Rows w_j are an orthogonal basis of range(Z), rows u_j are as many orthogonal vectors of ker(M^T).
    """

    model: Model

    @cached_property
    def w(self) -> fmpq_mat:
        return orthogonal_rows(self.model.Z)

    @cached_property
    def u(self) -> fmpq_mat:
        """As M Z = 0, the kernel of M^T has at least the dimension of range(Z)."""
        null = orthogonal_rows(kernel(self.model.M.transpose()).transpose())
        if null.nrows() < self.w.nrows():
            raise ArithmeticError("not a critical point")
        return fmpq_mat(null.table()[: self.w.nrows()])

    @cached_property
    def rational(self) -> list[fmpq_mat]:
        """u_1 w_1^T and the sum of all u_j w_j^T."""
        u, w = self.u, self.w
        first = fmpq_mat(u.table()[:1]).transpose() * fmpq_mat(w.table()[:1])
        return [first, *([u.transpose() * w] if u.nrows() > 1 else [])]

    def curvature_along(self, R: fmpq_mat) -> fmpq:
        """- tr(Z R^T A^-1 R Z)."""
        RZ = R * self.model.Z
        return -inner(RZ, self.model.A_inverse * RZ)

    @cached_property
    def size(self) -> arb:
        """tr(Z R^T A^-1 R Z) for the partial isometry: the curvature along it is minus that."""
        u, w, Zw = self.u, self.w, self.w * self.model.Z
        left, right = u * self.model.A_inverse * u.transpose(), Zw * Zw.transpose()
        lengths = [inner_row(u, j) * inner_row(w, j) for j in range(u.nrows())]
        with ctx.workprec(PRECISION):
            roots = [arb(x).sqrt() for x in lengths]
            terms = (
                arb(left[i, j] * right[i, j]) / (roots[i] * roots[j])
                for i in range(u.nrows())
                for j in range(u.nrows())
            )
            return sum(terms, arb(0))

    @cached_property
    def ratio(self) -> arb:
        """The curvature over its bound - 4 L^2 / (k |A|)."""
        with ctx.workprec(PRECISION):
            return arb(largest(self.model.A)) * self.size * self.model.H.nrows() / (4 * self.model.loss**2)

    @cached_property
    def attains_squares(self) -> bool:
        """Whether the curvature is exactly - tr(Z^2) / |A|: where all u_j are eigenvectors of A for |A|.

        A u = |A| u for a rational u makes |A| rational.
        """
        A, u = self.model.A, self.u
        norm = inner_row(u * A, 0, u) / inner_row(u, 0)
        top = inertia(A - identity(A.nrows()) * norm)[2] == 0
        return bool(top and is_zero(u * A - u * norm))

    @cached_property
    def attains_both(self) -> bool:
        """Whether it is exactly - 4 L^2 / (k |A|)."""
        Z = self.model.Z
        return bool(self.attains_squares and inner(Z, Z) * Z.nrows() == trace(Z) ** 2)


def inner_row(X: fmpq_mat, j: int, Y: fmpq_mat | None = None) -> fmpq:
    """The inner product of row j of X and of Y (or of X)."""
    return sum((x * y for x, y in zip(X.table()[j], (X if Y is None else Y).table()[j], strict=True)), fmpq(0))


def orthogonal_rows(X: fmpq_mat) -> fmpq_mat:
    """An orthogonal basis of the row space, by Gram and Schmidt without lengths."""
    basis: list[list[fmpq]] = []
    for row in X.table():
        rest = list(row)
        for b in basis:
            factor = sum((x * y for x, y in zip(rest, b, strict=True)), fmpq(0)) / sum((y * y for y in b), fmpq(0))
            rest = [x - factor * y for x, y in zip(rest, b, strict=True)]
        if any(x != 0 for x in rest):
            basis.append(rest)
    return fmpq_mat(basis) if basis else fmpq_mat(0, X.ncols())
