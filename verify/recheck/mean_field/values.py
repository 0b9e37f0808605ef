"""MF15: the critical values of any F, whatever its rank and however often an eigenvalue occurs.

At full-rank H, with G = F'F, P = H+ H and Q = I - P: dL/dH = - a H G Q is 0 exactly where P G Q = 0, so that the null
space of H, of dimension m - k, is invariant under G, and 2L = tr(Q G Q) is the sum of the eigenvalues of G there: of at
most m - k positive ones, counted with multiplicity. Every such sum is attained, as G has m - rank F >= m - k zeros to
fill up with. Where L > 0, M Z = 0 and Z != 0 leave a u != 0 with M'u = 0, and R = u z' has curvature
- (u' a u) |Z z|^2 < 0 for a z with Z z != 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise, product

from verify.recheck.arithmetic import total
from verify.recheck.certificate import Certificate, Fields, growth
from verify.recheck.mean_field.critical import check_critical, critical_cost, read_shaped
from verify.recheck.mean_field.identities import Model, along, read_k_m, vanishes
from verify.recheck.mean_field.matrices import Matrix, Words, inner

DIGITS = 64  # bits of an eigenvalue
LARGEST = 5000  # size of its exponent
MOST_SUMS = 100_000


def critical_values(c: Certificate) -> str:
    """MF15: the eigenvalues of F F' to 64 bits, and critical points at some of their sums."""
    k, m = read_k_m(c)
    fields, points = c.witness.objects("eigenvalues"), c.witness.objects("points")
    c.demand(bool(points), "witness.points: none")
    c.afford(len(points) * critical_cost(k, m), "critical points")
    F = read_shaped(c.parameters, "F", k, m, c)
    c.afford(20 * (len(fields) + 1) * k**4, "eigenvalues", growth((F * F.T).rows) + 4 * DIGITS)
    check_gradient(c)
    values = read_eigenvalues(c, fields, characteristic((F * F.T).rows))
    sums = 1
    for _, _, times in values:
        sums *= times + 1
    c.demand(sums <= MOST_SUMS, "witness.eigenvalues: too many sums")
    for f in points:
        model = check_critical(c, f, k, m, F)
        c.demand(is_reduced(model.H.rows), f"{f.where}.H: not in reduced row echelon form")
        check_point(c, f, values, model)
        f.finish()
    chosen = product(*(range(times + 1) for _, _, times in values))
    count = sum(sum(counts) <= m - k for counts in chosen)
    return f"{count} sums of eigenvalues of one F, k={k}, m={m}, {len(points)} critical points; no others: every k, m"


def check_gradient(c: Certificate) -> None:
    """dL/dH = - a H G Q, in words alone, for every k and m."""
    H, F, E = (Words.letter(name) for name in "HFE")
    model = Model(H, F)
    vanishes(c, along(H, E, F)[1] + inner(model.a * H * model.outside(F.T * F), E), "dL/dH = - a H G Q")


def characteristic(S: Sequence[Sequence[Fraction]]) -> list[Fraction]:
    """Coefficients of det(x - S), the constant first, by Faddeev and Le Verrier."""
    n, one = len(S), Matrix.identity(len(S))
    power, coefficients = one * 0, [Fraction(1)]
    for i in range(1, n + 1):
        power = Matrix(S) * power + one * coefficients[-1]
        coefficients.append(-(Matrix(S) * power).trace() / i)
    return coefficients[::-1]


def roots_above(p: Sequence[Fraction], x: Fraction, reached: bool) -> int:
    """How many roots of p, all of them real, are above x (or at it, if `reached`): Descartes' rule of signs."""
    shifted = list(p)
    for i in range(len(p) - 1):
        for j in range(len(p) - 2, i - 1, -1):
            shifted[j] += x * shifted[j + 1]
    zeros = next(i for i, y in enumerate(shifted) if y != 0)
    signs = [y > 0 for y in shifted if y != 0]
    return sum(one != other for one, other in pairwise(signs)) + (zeros if reached else 0)


def read_eigenvalues(
    c: Certificate, fields: Sequence[Fields], p: Sequence[Fraction]
) -> list[tuple[Fraction, Fraction, int]]:
    """(low, high, multiplicity) of each positive root, low <= root < high, to DIGITS bits, in rising order."""
    values: list[tuple[Fraction, Fraction, int]] = []
    for f in fields:
        mantissa = f.integer("mantissa", 2 ** (DIGITS - 1), 2**DIGITS - 1)
        unit, times = Fraction(2) ** f.integer("exponent", -LARGEST, LARGEST), f.integer("times", 1)
        low, high = mantissa * unit, (mantissa + 1) * unit
        c.demand(not values or values[-1][1] <= low, f"{f.where}: not above the one before")
        found = roots_above(p, low, True) - roots_above(p, high, True)
        c.demand(found == times, f"{f.where}: {found} eigenvalues there")
        f.finish()
        values.append((low, high, times))
    positive = roots_above(p, Fraction(0), False)
    c.demand(positive == sum(times for _, _, times in values), f"witness.eigenvalues: there are {positive} above 0")
    return values


def check_point(c: Certificate, f: Fields, values: Sequence[tuple[Fraction, Fraction, int]], model: Model) -> None:
    """2L is the sum of the eigenvalues that are missed; where it is not 0 the loss falls to second order."""
    missed = f.integers("missed", 0)
    c.demand(len(missed) == len(values), f"{f.where}.missed: not one number for each eigenvalue")
    possible = all(n <= times for n, (_, _, times) in zip(missed, values, strict=True))
    c.demand(possible, f"{f.where}.missed: more often than it occurs")
    low, high = (total(n * value[i] for n, value in zip(missed, values, strict=True)) for i in (0, 1))
    doubled = 2 * model.loss
    c.demand(low <= doubled < high or doubled == 0 == high, f"{f.where}.missed: 2L is another sum")
    if doubled > 0:
        u, z = null_vector(model.M.T.rows), next(i for i, row in enumerate(model.Z.rows) if any(row))
        c.demand(u is not None, f"{f.where}: M is invertible")
        R = Matrix([[x if j == z else Fraction(0) for j in range(len(model.H.rows))] for x in u or []])
        RZ = R * model.Z
        curvature = -inner(RZ, model.a * RZ)
        c.demand(curvature < 0, f"{f.where}: no direction falls")
        H, velocity, F = (Y * c.field.one for Y in (model.H, R * model.F, model.F))
        c.zero(along(H, velocity, F)[2] * 2 - curvature, f"{f.where}: D^2 L[RF, RF]")


def is_reduced(rows: Sequence[Sequence[Fraction]]) -> bool:
    """Whether these independent rows are in reduced row echelon form, which no other basis of their span is."""
    leading = [next((j for j, x in enumerate(row) if x != 0), -1) for row in rows]
    return all(i < j for i, j in pairwise(leading)) and all(
        row[j] == (place == i) for i, j in enumerate(leading) for place, row in enumerate(rows)
    )


def null_vector(rows: Sequence[Sequence[Fraction]]) -> list[Fraction] | None:
    """A v != 0 with X v = 0, by elimination."""
    rest, placed, n = [list(row) for row in rows], dict[int, list[Fraction]](), len(rows[0])
    for column in range(n):
        pivot = next((row for row in rest if row[column] != 0), None)
        if pivot is None:
            return [placed[j][column] * -1 if j in placed else Fraction(j == column) for j in range(n)]
        rest.remove(pivot)
        pivot = [x / pivot[column] for x in pivot]
        rest = [[x - y * row[column] for x, y in zip(row, pivot, strict=True)] for row in rest]
        for j, row in placed.items():
            placed[j] = [x - y * row[column] for x, y in zip(row, pivot, strict=True)]
        placed[column] = pivot
    return None
