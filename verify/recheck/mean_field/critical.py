"""Critical points of the loss with their spectra and directions of negative curvature (MF6, MF6c, MF7, MF9c).

With X = F H' A^-1, X H is the best prediction of F, and L(H) = |F - X H|^2 / 2. At any H + t E this X gives at least
L(H + t E), with equality at t = 0, so that both have the same derivative there: dL/dH = - X' (F - X H) = - M zeta.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from math import comb
from typing import Any

from verify.printing import shown
from verify.recheck.arithmetic import total
from verify.recheck.certificate import Certificate, Fields, bits, growth
from verify.recheck.mean_field.identities import Model, along, critical_equation, read_k_m
from verify.recheck.mean_field.matrices import Matrix, inner

Subset = tuple[int, ...]


class Target:
    """F with F F' = sum_j lambda_j u_j u_j'; row j of V is u_j' F, of squared length lambda_j."""

    def __init__(self, F: Matrix, eigenvalues: list[Fraction], U: Matrix) -> None:
        self.F, self.eigenvalues, self.U, self.V = F, eigenvalues, U, U * F

    def part(self, S: Subset, weights: list[Fraction]) -> Matrix:
        """sum over j in S of weights_j u_j u_j'."""
        U = self.U.rows
        D = [[weights[j] if i == j and j in S else Fraction(0) for j in range(len(U))] for i in range(len(U))]
        return self.U.T * Matrix(D) * self.U


def read_shaped(f: Fields, key: str, rows: int, columns: int, c: Certificate) -> Matrix:
    """A matrix of this shape; one with no rows is []. DeclinedError if its products with itself are too large."""
    X = Matrix([] if f.any(key) == [] else f.matrix(key))
    fits = len(X.rows) == rows and all(len(row) == columns for row in X.rows)
    c.demand(fits, f"{f.where}.{key}: not {rows} x {columns}")
    widest = max((growth([line]) for line in [*X.rows, *X.T.rows]), default=0)
    c.afford(2 * rows * columns * max(rows, columns), f"{f.where}.{key}", 2 * widest)
    return X


def read_target(c: Certificate, k: int, m: int) -> Target:
    """F of rank k with different eigenvalues, and its eigenvectors."""
    F = read_shaped(c.parameters, "F", k, m, c)
    values, U = c.witness.rationals("eigenvalues"), read_shaped(c.witness, "eigenvectors", k, k, c)
    c.demand(len(values) == k and all(x > 0 for x in values), "witness.eigenvalues: not k numbers above 0")
    c.demand(len(set(values)) == k, "witness.eigenvalues: two are equal")
    c.afford(4 * k**3, "eigenvalues", growth([values]) + growth(U.rows))
    c.demand((U * U.T - Matrix.identity(k)).is_zero, "witness.eigenvectors: not orthonormal")
    goal = Target(F, values, U)
    everything = tuple(range(k))
    same = (F * F.T - goal.part(everything, values)).is_zero
    c.demand(same, "witness: not the eigenvalues and eigenvectors of F F'")
    return goal


def read_saddles(c: Certificate, goal: Target, k: int, m: int, least: int) -> list[tuple[Fields, Subset, Model]]:
    """The fields, S and H of one critical point for each S with |S| >= least and m >= k + |S|.

    At each, Z = sum over S of lambda_i u_i u_i', so that L = (sum of lambda_i over S) / 2.
    """
    fields = c.witness.objects("points")
    subsets = [tuple(f.integers("S", 0, k - 1)) for f in fields]
    every = [S for size in sizes(k, m, least) for S in combinations(range(k), size)]
    c.demand(bool(every) and sorted(subsets) == sorted(every), "witness.points: not every S once")
    points = []
    for f, S in zip(fields, subsets, strict=True):
        model = check_critical(c, f, k, m, goal.F)
        fits = (model.Z - goal.part(S, goal.eigenvalues)).is_zero
        c.demand(fits, f"{f.where}.H: its Z does not belong to S={list(S)}")
        points.append((f, S, model))
    return points


def check_critical(c: Certificate, f: Fields, k: int, m: int, F: Matrix) -> Model:
    """H of rank k (A has an inverse) with dL/dH = 0; see the top of this file."""
    H = read_shaped(f, "H", k, m, c)
    c.afford(8 * k**4 + 2 * k * m * (k + m), "inverse", 2 * growth(H.rows))
    model = Model(H, F)
    made = bits(model.a.rows, model.zeta.rows, H.rows, F.rows)
    c.afford(10 * k * (k**3 + k * m + m * m), "critical point", 2 * made)
    c.demand(model.gradient.is_zero, f"{f.where}.H: not critical")
    return model


def sizes(k: int, m: int, least: int) -> range:
    """The |S| of critical points."""
    return range(least, min(k, m - k) + 1)


def critical_cost(k: int, m: int) -> int:
    """Operations with residues that a point takes."""
    return 60 * k * (k**3 + k * m + m * m) + m**3


def afford_points(c: Certificate, k: int, m: int, least: int) -> None:
    """DeclinedError if the points are too many even for small numbers, RejectedError unless there is one for each S."""
    count = sum(comb(k, size) for size in sizes(k, m, least))
    c.afford(count * critical_cost(k, m), "critical points")
    c.demand(len(c.witness.objects("points")) == count, "witness.points: not every S once")


def classification(c: Certificate) -> str:
    """MF6: a critical point for each S, with its loss and its spectrum; and that there are no others.

    At a critical point M Z = 0, hence F F' Z = Z^2 (critical_equation, every k and m): Z commutes with F F', equals it
    on its range and is 0 on the complement, so that Z = sum over some S of lambda_i u_i u_i'. Then u_j' Z u_j = 0 for
    j not in S puts u_j' F into the row space of H; and M u_i = 0 for i in S makes u_i' F orthogonal to it. What is left
    of the row space has |S| dimensions that F does not see, and L = (sum of lambda_i in S) / 2: 0, or >= r_low / 2.

    The spectrum: where H H' = I, and elsewhere in coordinates that make it so (L(G H) = L(H), |G E|^2 = tr(E' A^-1 E)),
    the directions E_ab = H w_a q_b', for an orthogonal basis w_a of the row space and q_b of all, are orthogonal with
    squared lengths |w_a|^2 |q_b|^2. The Hessian is diagonal on them with eigenvalues g_a - g_b, 0 where q_b lies in the
    row space. For S not empty one of them is -lambda_i: no local minimum.
    """
    k, m = read_k_m(c)
    afford_points(c, k, m, 0)
    goal = read_target(c, k, m)
    critical_equation(c)
    points = read_saddles(c, goal, k, m, 0)
    for f, S, model in points:
        loss = f.rational("loss")
        c.demand(model.loss == loss == sum((goal.eigenvalues[i] for i in S), Fraction(0)) / 2, f"{f.where}.loss")
        check_spectrum(c, f, S, model, goal)
        f.finish()
    listed = ", ".join(map(shown, goal.eigenvalues))
    return f"loss and spectrum at an H for all {len(points)} S, eigenvalues {listed}, m={m}; no others: every k, m"


def check_spectrum(c: Certificate, f: Fields, S: Subset, model: Model, goal: Target) -> None:
    """`unseen` completes the rows of V to an orthogonal basis; its first |S| vectors lie in the row space of H."""
    k, m = len(goal.U.rows), len(goal.F.rows[0])
    unseen = read_shaped(f, "unseen", m - k, m, c)
    kept = [j for j in range(k) if j not in S]
    basis = Matrix(goal.V.rows + unseen.rows)
    c.afford(m**3, f"{f.where}.unseen", 2 * max(growth([row]) for row in basis.rows))
    gram = (basis * basis.T).rows
    c.demand(all(gram[i][j] == 0 for i in range(m) for j in range(i)), f"{f.where}.unseen: not orthogonal")
    c.demand(all(gram[i][i] > 0 for i in range(m)), f"{f.where}.unseen: a vector is 0")
    inside = [*kept, *range(k, k + len(S))]
    rows = Matrix([basis.rows[a] for a in inside])
    c.demand(model.outside(rows).is_zero, f"{f.where}.unseen: the row space of H is another one")

    def g(a: int) -> Fraction:
        return goal.eigenvalues[a] if a < k else Fraction(0)

    # Where the form is diagonal at variable coefficients X, it is diagonal
    X = Matrix.generic(c.field, k, m)
    predicted: list[Any] = []
    for row, a in zip(X.rows, inside, strict=True):
        for b, x in enumerate(row):
            eigenvalue = 0 if b in inside else g(a) - g(b)
            predicted.append(x * x * (eigenvalue * gram[a][a] * gram[b][b]))
    H, F, rows, basis = (Y * c.field.one for Y in (model.H, goal.F, rows, basis))
    form = along(H, H * rows.T * X * basis, F)[2] * 2
    c.zero(form - total(predicted), f"{f.where}: the Hessian's spectrum")


def saddle(c: Certificate) -> str:
    """MF6c and MF9c: a critical point whose loss is not 0.

    As F has k rows, some H of full rank holds their span in its row space: there L = 0, so that this is no global
    minimum. And |dL/dH|^2 = 0 is less than any c L with c > 0.
    """
    k, m = read_k_m(c)
    c.afford(critical_cost(k, m), "critical point")
    F = read_shaped(c.witness, "F", k, m, c)
    model = check_critical(c, c.witness, k, m, F)
    c.demand(model.loss == c.witness.rational("loss"), f"witness.loss: it is {shown(model.loss)}")
    c.demand(model.loss > 0, "witness.loss: 0 is a global minimum")
    return f"a critical point with L = {shown(model.loss)} at k={k}, m={m}; L = 0 where rows of H span those of F"


def no_loss(c: Certificate) -> str:
    """MF6c and MF9c where m = k: the rows of every H of full rank span everything."""
    k, m = read_k_m(c)
    c.demand(m == k, "parameters.m: not k")
    c.afford(50 * k**4, "generic matrices")
    c.zero(Model(Matrix.generic(c.field, k, k), Matrix.generic(c.field, k, k)).loss, "L")
    return f"L = 0 at every F and full-rank H, k = m = {k}"


def negative_curvature(c: Certificate) -> str:
    """MF7: the direction R at a saddle of each kind, and the family that attains the bound.

    R is a partial isometry from range(Z) to ker(M'), as R' R is the projection on range(Z), and M' R = 0. Where the
    first bound holds, tr(Z^2) >= tr(Z)^2 / k gives the second.
    """
    k, m = read_k_m(c)
    afford_points(c, k, m, 1)
    goal = read_target(c, k, m)
    points = read_saddles(c, goal, k, m, 1)
    one = Fraction(1)
    for f, S, model in points:
        R = read_shaped(f, "R", k, k, c)
        c.demand((R.T * R - goal.part(S, [one] * k)).is_zero, f"{f.where}.R: not a partial isometry from range(Z)")
        c.demand((model.M.T * R).is_zero, f"{f.where}.R: not into ker(M')")
        RZ = R * model.Z
        curvature = -inner(RZ, model.a * RZ)
        c.demand(curvature == f.rational("curvature"), f"{f.where}.curvature: it is {shown(curvature)}")
        c.demand(curvature < 0, f"{f.where}.curvature: not below 0")
        H, F, velocity = (Y * c.field.one for Y in (model.H, goal.F, R * goal.F - model.H))
        line = along(H, velocity, F)
        c.zero(line[1], f"{f.where}: dL/ds")
        c.zero(line[2] * 2 - curvature, f"{f.where}: d^2L/ds^2")
        for bound in (inner(model.Z, model.Z), 4 * model.loss * model.loss / k):  # over |A|, largest eigenvalue of A
            reached = norm_at_least(model.A, -bound / curvature)
            c.demand(reached, f"{f.where}: the curvature {shown(curvature)} is above the bound")
        f.finish()
    check_tight(c, k)
    return f"all {len(points)} kinds of saddle, k={k}, m={m}; the bound is attained at F = [I 0], H = [0 I]"


def check_tight(c: Certificate, k: int) -> None:
    """F = [I 0], H = [0 I], R = I: critical, A = I, and d^2L/ds^2 = -4 L^2 / k."""
    F = Matrix([[Fraction(i == j) for j in range(2 * k)] for i in range(k)])
    H = Matrix([[Fraction(k + i == j) for j in range(2 * k)] for i in range(k)])
    model, line = Model(H, F), along(H, F - H, F)
    as_described = model.gradient.is_zero and (model.A - Matrix.identity(k)).is_zero
    c.demand(as_described, "tight family: not critical, or A is not I")
    c.zero(line[2] * 2 + 4 * line[0] * line[0] / k, "tight family")


def norm_at_least(A: Matrix, bound: Fraction) -> bool:
    """Whether the largest eigenvalue of A reaches the bound: whether bound I - A is not positive definite."""
    rows = (Matrix.identity(len(A.rows)) * bound - A).rows
    for i, row in enumerate(rows):
        if row[i] <= 0:  # a pivot, the quotient of two leading minors
            return True
        for j in range(i + 1, len(rows)):
            rows[j] = [x - y * rows[j][i] / row[i] for x, y in zip(rows[j], row, strict=True)]
    return False
