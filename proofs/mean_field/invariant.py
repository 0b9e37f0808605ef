"""The critical points of any target F, whatever its rank and however often an eigenvalue occurs.

dL/dH = 0 says that P G Q = 0 for G = F^T F: the null space of H is invariant under G, of dimension m - k, and 2L is the
sum of the eigenvalues of G there. So 2L is the sum of at most m - k positive eigenvalues of G, counted with
multiplicity, and every such sum is attained: as rank F <= k, the kernel of G fills up the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from flint import arb, ctx, fmpq, fmpq_mat, fmpq_poly, fmpz_poly

from proofs.mean_field.enclosures import PRECISION
from proofs.mean_field.model import Model
from proofs.rational_matrix import identity, inertia, kernel


@dataclass(frozen=True)
class CriticalPoint:
    """A rational critical H, L there, and what of G is on the null space of H: how often each of the positive
    eigenvalues, and the characteristic polynomial.
    """

    H: fmpq_mat
    value: fmpq
    counts: tuple[int, ...]
    unseen: fmpq_poly


class AnyTarget:
    """F (k x m, rationals) with the factors of the characteristic polynomial of G = F^T F, other than x."""

    def __init__(self, F: fmpq_mat):
        self.F, self.k, self.m = F, F.nrows(), F.ncols()
        self.G = F.transpose() * F
        _, factors = self.G.charpoly().numer().factor()
        self.factors: list[tuple[fmpz_poly, int]] = [(p, times) for p, times in factors if p[0] != 0]

    @cached_property
    def roots(self) -> list[tuple[arb, int]]:
        """The positive eigenvalues of F F^T in rising order, as enclosures, each with the number of its factor."""
        with ctx.workprec(PRECISION):
            found = [(x, i) for i, (p, _) in enumerate(self.factors) for x in _real_roots(p)]
        return sorted(found, key=lambda pair: pair[0].mid())

    @cached_property
    def eigenvalues(self) -> list[tuple[arb, int]]:
        """The same, each with its multiplicity."""
        return [(x, self.factors[i][1]) for x, i in self.roots]

    @cached_property
    def critical_values(self) -> list[tuple[tuple[int, ...], arb]]:
        """How often each eigenvalue is taken, and L there; by size of L."""
        found = []
        with ctx.workprec(PRECISION):
            for counts in product(*(range(times + 1) for _, times in self.eigenvalues)):
                if sum(counts) <= self.m - self.k:
                    terms = (x * t for (x, _), t in zip(self.eigenvalues, counts, strict=True))
                    found.append((counts, sum(terms, arb(0)) / 2))
        return sorted(found, key=lambda pair: pair[1].mid())

    @property
    def rank(self) -> int:
        return sum(p.degree() * times for p, times in self.factors)

    @property
    def least(self) -> arb:
        """The least positive eigenvalue, of F != 0."""
        return self.eigenvalues[0][0]

    def reached(self, value: fmpq) -> bool:
        """Whether `value` is at least the least positive eigenvalue, exactly."""
        return inertia(self.G - identity(self.m) * value)[2] < self.rank

    def spectrum(self, counts: Sequence[int]) -> list[arb]:
        """The different eigenvalues of the Hessian at H H^T = 1 where the null space of H holds these eigenvalues."""
        seen = [x for (x, times), t in zip(self.eigenvalues, counts, strict=True) if t < times]
        unseen = [x for (x, _), t in zip(self.eigenvalues, counts, strict=True) if t > 0]
        seen += [arb(0)] * (self.k > self.rank - sum(counts))
        unseen += [arb(0)] * (self.m - self.k > sum(counts))
        with ctx.workprec(PRECISION):
            found = [*(x - y for x in seen for y in unseen if x is not y), arb(0)]
        return sorted(found, key=lambda x: x.mid())

    def rational_points(self) -> Iterator[CriticalPoint]:
        """A rational critical H for each choice of whole sets of conjugate eigenvalues, and L there (Vieta)."""
        for counts in product(*(range(times + 1) for _, times in self.factors)):
            chosen = list(zip(self.factors, counts, strict=True))
            size = sum(p.degree() * t for (p, _), t in chosen)
            if size > self.m - self.k:
                continue
            rows = [row for (p, _), t in chosen for row in self._invariant(p, t)]
            rows += kernel(self.F).transpose().table()[: self.m - self.k - size]
            H = kernel(fmpq_mat(rows)).transpose() if rows else identity(self.m)
            doubled = sum((fmpq(-p[p.degree() - 1], p[p.degree()]) * t for (p, _), t in chosen), fmpq(0))
            unseen = fmpq_poly([0, 1]) ** (self.m - self.k - size)
            for (p, _), t in chosen:
                unseen *= (fmpq_poly(p) / p[p.degree()]) ** t
            yield CriticalPoint(H, doubled / 2, tuple(counts[i] for _, i in self.roots), unseen)

    def _invariant(self, p: fmpz_poly, times: int) -> list[list[fmpq]]:
        """A basis of a G-invariant space on which p is the minimal polynomial, of dimension times deg p."""
        value, power = fmpq_mat(self.m, self.m), identity(self.m)
        for coefficient in p.coeffs():
            value, power = value + power * fmpq(coefficient), power * self.G
        rows: list[list[fmpq]] = []
        for start in kernel(value).transpose().table():
            if len(rows) == times * p.degree():
                break
            if fmpq_mat([*rows, start]).rank() > len(rows):
                vector = fmpq_mat([start])
                for _ in range(p.degree()):
                    rows.append(vector.table()[0])
                    vector = vector * self.G
        return rows


def _real_roots(p: fmpz_poly) -> list[arb]:
    """The roots of a polynomial with real roots alone, in the precision of the context."""
    return [arb(fmpq(-p[0], p[1]))] if p.degree() == 1 else [root.real for root, _ in p.complex_roots()]


def descent(model: Model) -> fmpq_mat:
    """R = u z^T, M^T u = 0 and a unit vector z, Z z != 0, at a critical point with L > 0; 0 where there is no such u.

    There is one, as M Z = 0 and Z != 0. D^2 L[RF,RF] = - (u^T A^-1 u) |Z z|^2.
    """
    null = kernel(model.M.transpose()).transpose().table()
    if not null:
        return model.Z * 0
    column = next(j for j, row in enumerate(model.Z.table()) if any(x != 0 for x in row))
    return fmpq_mat([[x] for x in null[0]]) * fmpq_mat([identity(model.Z.nrows()).table()[column]])
