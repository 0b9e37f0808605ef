"""Critical points, exactly: their classification, Hessian spectra and negative curvature (MF6 and MF7)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import combinations
from random import Random

from flint import fmpq, fmpq_mat, fmpq_poly

from proofs.mean_field.instances import random_rational, random_rotation
from proofs.mean_field.model import Model
from proofs.rational_matrix import (
    fractions,
    identity,
    inner,
    kernel,
    matrix,
    projection,
    select,
    squared_norm,
)
from proofs.rationals import to_fraction

Subset = tuple[int, ...]


@dataclass(frozen=True)
class Target:
    """F = U X with U orthogonal (k x k) and X of orthogonal rows (k x m): F F^T = U diag(eigenvalues) U^T.

    The eigenvalues are the squared norms of the rows of X; row j of X is sqrt(lambda_j) v_j^T.
    """

    U: fmpq_mat
    X: fmpq_mat

    @property
    def k(self) -> int:
        return int(self.X.nrows())

    @property
    def m(self) -> int:
        return int(self.X.ncols())

    @cached_property
    def F(self) -> fmpq_mat:
        return self.U * self.X

    @cached_property
    def eigenvalues(self) -> tuple[Fraction, ...]:
        gram = self.X * self.X.transpose()
        return tuple(to_fraction(gram[j, j]) for j in range(self.k))

    @property
    def r_low(self) -> Fraction:
        return min(self.eigenvalues)

    @cached_property
    def subsets(self) -> tuple[Subset, ...]:
        """The subsets S of eigenvalues that a critical point can miss: those with m >= k + |S|."""
        sizes = range(min(self.k, self.m - self.k) + 1)
        return tuple(S for size in sizes for S in combinations(range(self.k), size))

    def critical_value(self, S: Subset) -> Fraction:
        """L = (sum of lambda_i over i in S) / 2."""
        return sum((self.eigenvalues[i] for i in S), Fraction(0)) / 2

    def kept(self, S: Subset) -> Subset:
        return tuple(j for j in range(self.k) if j not in S)

    def critical_rows(self, S: Subset, random: Random) -> fmpq_mat:
        """k rows: v_j (up to length) for j not in S, then |S| vectors that F does not see."""
        unseen = kernel(self.X).transpose()
        mixing = fmpq_mat(len(S), unseen.nrows())
        while mixing.rank() < len(S):
            mixing = matrix([[random.randint(-2, 2) for _ in range(unseen.nrows())] for _ in S])
        rows = select(self.X, self.kept(S)).table() + (mixing * unseen).table()
        return fmpq_mat(rows)

    def flow(self, q: Fraction, common: int) -> fmpq_mat:
        """e^{t F^T F} at t = common log q, where common times every eigenvalue is whole: rational for rational q."""
        result = identity(self.m)
        for j, eigenvalue in enumerate(self.eigenvalues):
            row = select(self.X, [j])
            growth = fmpq(q.numerator, q.denominator) ** int(eigenvalue * common) - 1
            result += row.transpose() * row * (growth / fmpq(eigenvalue.numerator, eigenvalue.denominator))
        return result


def target(k: int, m: int, random: Random) -> Target:
    """A target with different eigenvalues: (3, 2, 1/2) for k = 3 where m allows it, else squares of k/2, ..., 1/2."""
    rows: list[list[int | Fraction]]
    if k == 3 and m >= 5:
        rows = [[1, 1, 1, 0, 0], [1, -1, 0, 0, 0], [0, 0, 0, Fraction(1, 2), Fraction(1, 2)]]
    else:
        rows = [[Fraction(k - j, 2) if i == j else 0 for i in range(k)] for j in range(k)]
    X = matrix([[*row, *[0] * (m - len(row))] for row in rows]) * random_rotation(random, m)
    return Target(random_rotation(random, k), X)


@dataclass(frozen=True)
class CriticalPoint:
    """A critical point that misses the eigenvalues in S, in general position.

    H = O T (rows), where O is a rotation and T is triangular, so that U holds orthonormal columns in the kernel of M^T.
    """

    target: Target
    S: Subset
    H: fmpq_mat
    U: fmpq_mat

    @cached_property
    def model(self) -> Model:
        return Model(self.H, self.target.F)

    @property
    def value(self) -> Fraction:
        return self.target.critical_value(self.S)

    @cached_property
    def R(self) -> fmpq_mat:
        """The direction of negative curvature: a partial isometry from range(Z) to the kernel of M^T (MF7)."""
        return self.U * select(self.target.U, columns=self.S).transpose()

    @cached_property
    def is_partial_isometry(self) -> bool:
        """Whether R^T R is the projection on range(Z), and M^T R = 0."""
        W = select(self.target.U, columns=self.S)
        onto = self.R.transpose() * self.R == projection(W)
        return bool(onto and squared_norm(self.model.M.transpose() * self.R) == 0)


def critical_point(target: Target, S: Subset, random: Random) -> CriticalPoint:
    k, kept = target.k, target.k - len(S)
    T = [[random_rational(random) if j < kept and j < i else Fraction(0) for j in range(k)] for i in range(k)]
    for i in range(k):
        T[i][i] = Fraction(random.randint(1, 6), random.randint(1, 3))
    O = random_rotation(random, k)  # noqa: E741  # a rotation is called O
    H = O * matrix(T) * target.critical_rows(S, random)
    return CriticalPoint(target, S, H, select(O, columns=range(kept, k)))


def critical_points(target: Target, random: Random) -> Iterator[CriticalPoint]:
    for S in target.subsets:
        yield critical_point(target, S, random)


def hessian_blocks(model: Model) -> list[list[fmpq_mat]]:
    """D^2 L on rows i and j of E: k x k matrices, each m x m."""
    k, gradient, MMt = model.H.nrows(), model.gradient, model.M * model.M.transpose()
    Q, unexplained = identity(model.H.ncols()) - model.P, model.outside(model.F)
    onto = unexplained.transpose() * unexplained
    slopes = [select(gradient, [i]) for i in range(k)]
    columns = [select(model.H_plus, columns=[i]) for i in range(k)]

    def block(i: int, j: int) -> fmpq_mat:
        cross = columns[j] * slopes[i] + slopes[j].transpose() * columns[i].transpose()
        return Q * MMt[i, j] - onto * model.A_inverse[i, j] - cross

    return [[block(i, j) for j in range(k)] for i in range(k)]


def hessian(model: Model) -> fmpq_mat:
    """D^2 L as a matrix on the entries of E, row by row (km x km)."""
    tables = [[block.table() for block in blocks] for blocks in hessian_blocks(model)]
    return fmpq_mat([[x for table in row for x in table[a]] for row in tables for a in range(model.H.ncols())])


@dataclass(frozen=True)
class SplitHessian:
    """F^T F on the row space of H and on its null space, where D^2 L is made of the two alone.

    In directions E = X [H^T N]^T, the columns of N a basis of the null space, the metric tr(E^T A^{-1} E), which is
    |GE|^2 for (GH)(GH)^T = 1, has the matrix A^{-1} (x) [H^T N]^T [H^T N]. Where D^2 L has the matrix
    M M^T (x) N^T N - A^{-1} (x) N^T F^T F N for the columns N and is 0 for those of H^T, its eigenvalues at GH are 0,
    k^2 times, and g_a - g_b for the eigenvalues g_a of A M M^T = B^T B A^{-1} and g_b of (N^T N)^{-1} N^T F^T F N.
    All is rational, although G is not.

    seen, unseen  the characteristic polynomials of these two, of degrees k and m - k
    """

    seen: fmpq_poly
    unseen: fmpq_poly

    @cached_property
    def spectrum(self) -> list[Fraction] | None:
        """The km eigenvalues in rising order; None where not all g_a, g_b are rational."""
        g_a, g_b = _rational_roots(self.seen), _rational_roots(self.unseen)
        if g_a is None or g_b is None:
            return None
        return sorted([a - b for a in g_a for b in g_b] + [Fraction(0)] * len(g_a) ** 2)


def split_hessian(model: Model) -> SplitHessian | None:
    """None where the Hessian at H is not made in this way; it is at critical points."""
    H, MMt, inverse = model.H, model.M * model.M.transpose(), model.A_inverse
    k, m = H.nrows(), H.ncols()
    N, FN = kernel(H), model.F * kernel(H)
    gram, onto = N.transpose() * N, FN.transpose() * FN
    basis = fmpq_mat([p + q for p, q in zip(H.transpose().table(), N.table(), strict=True)])
    blocks = hessian_blocks(model)
    for i in range(k):
        for j in range(i, k):
            block = blocks[i][j]
            if block.transpose() != blocks[j][i]:
                return None
            claimed = fmpq_mat(m, m)
            for a, values in enumerate((gram * MMt[i, j] - onto * inverse[i, j]).table() if m > k else []):
                for b, value in enumerate(values):
                    claimed[k + a, k + b] = value
            if basis.transpose() * block * basis != claimed:
                return None
    seen = (model.A * MMt).charpoly()
    return SplitHessian(seen, (gram.inv() * onto).charpoly() if m > k else fmpq_poly([1]))


def _rational_roots(p: fmpq_poly) -> list[Fraction] | None:
    _, factors = p.factor()
    if any(q.degree() > 1 for q, _ in factors):
        return None
    return [to_fraction(-q[0] / q[1]) for q, times in factors for _ in range(times)]


def predicted_spectrum(target: Target, S: Subset) -> list[Fraction]:
    """The km eigenvalues of the Hessian at a critical point with H H^T = I (MF6)."""
    rows = [target.eigenvalues[j] for j in target.kept(S)] + [Fraction(0)] * len(S)
    columns = [target.eigenvalues[i] for i in S] + [Fraction(0)] * (target.m - target.k - len(S))
    return [a - b for a in rows for b in columns] + [Fraction(0)] * target.k**2


def rational_example() -> Model:
    """The saddle of MF7: L = 1/2, and L'' = -1 along R = e_2 e_1^T."""
    return Model(matrix([[0, 1, 0, 0], [0, 0, 1, 0]]), matrix([[1, 0, 0, 0], [0, 2, 0, 0]]))


def line(model: Model, R: fmpq_mat) -> tuple[list[list[Fraction]], ...]:
    """H, F and the velocity RF - H of the homotopy, as the witness takes them."""
    return fractions(model.H), fractions(model.F), fractions(R * model.F - model.H)


def curvature_bound_factor(model: Model, curvature: fmpq, k: int) -> tuple[fmpq, fmpq]:
    """The two values that ||A||_op has to reach: for -tr(Z^2)/||A|| and for -4 L^2/(k ||A||) to bound the curvature."""
    Z2 = inner(model.Z, model.Z)
    return Z2 / -curvature, 4 * model.loss**2 / k / -curvature


def common_denominator(values: Sequence[Fraction]) -> int:
    """The least whole number that makes every value whole."""
    common = 1
    for value in values:
        common *= (value * common).denominator
    return common
