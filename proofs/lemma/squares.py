"""Sums of squares: clarabel finds one in floats, which is rounded to rationals that add up exactly.

A parameter t that is not negative is s^2 for the search. Monomials of one parity in these s belong together, and what
they share is the product m of some t before the square. Where the sum has to vanish at some points, as where equality
holds, the solution is singular: its kernel is read off, rounded, and divided out first.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations_with_replacement, product

import numpy as np
from numpy.typing import NDArray

Exponents = tuple[int, ...]
Terms = dict[Exponents, Fraction]
Found = list[tuple[Fraction, Exponents, Terms]]
Floats = NDArray[np.float64]
Rows = list[list[Fraction]]

MOST_CANDIDATES = 20_000  # monomials that are looked at
MOST_MONOMIALS = 60  # in the squares
MOST_EQUATIONS = 300
SINGULAR = 1e-4  # eigenvalues below this part of the largest are taken for 0
FEASIBLE = -1e-4  # of the least eigenvalue, where the largest coefficient is 1
DENOMINATOR = 60  # of the kernel's entries
CLOSE = 1e-3  # to which a kernel's entries have to be such numbers
ROUNDINGS = (2**6, 2**12, 2**20, 2**30)


def sum_of_squares(polynomial: Terms, signed: Sequence[bool]) -> Found | None:
    """(c, m, q) with c > 0, m a product of signed parameters, and the sum of c m q^2 the polynomial; None: not found.

    The sum is exact for the rational numbers that are returned; whoever uses it adds it up again.
    """
    scale = max((abs(c) for c in polynomial.values()), default=Fraction(0))
    if scale == 0:
        return []
    target = {_doubled(e, signed): c / scale for e, c in polynomial.items() if c != 0}
    blocks = _monomials(target, signed)
    if blocks is None:
        return None
    grams = _grams(target, blocks)
    if grams is None:
        return None
    bases = [_without_kernel(gram, max(float(np.abs(g).max()) for g in grams)) for gram in grams]
    for rounding in ROUNDINGS:
        exact = _exact_grams(target, blocks, bases, grams, rounding)
        if exact is None:
            return None
        squares = [_squares(gram) for gram in exact]
        if all(part is not None for part in squares):
            return [
                (c * scale, *_term(row, basis, block, signed))
                for part, basis, block in zip(squares, bases, blocks, strict=True)
                for c, row in part or []
            ]
    return None


def _doubled(exponents: Exponents, signed: Sequence[bool]) -> Exponents:
    return tuple(2 * e if s else e for e, s in zip(exponents, signed, strict=True))


def _monomials(target: Terms, signed: Sequence[bool]) -> list[list[Exponents]] | None:
    """Those that can occur in the squares, by their parity in the signed parameters; None if too many, or too few."""
    columns = list(zip(*target, strict=True))
    ranges = [range(-(-min(column) // 2), max(column) // 2 + 1) for column in columns]
    if np.prod([len(r) for r in ranges], dtype=object) > MOST_CANDIDATES:
        return None
    degrees = [sum(e) for e in target]
    within = [e for e in product(*ranges) if min(degrees) <= 2 * sum(e) <= max(degrees)]
    groups = dict[Exponents, list[Exponents]]()
    for e in within:
        groups.setdefault(tuple(x % 2 if s else 0 for x, s in zip(e, signed, strict=True)), []).append(e)
    while True:
        reached = dict[Exponents, int]()
        for block in groups.values():
            for a, b in combinations_with_replacement(block, 2):
                reached[_sum(a, b)] = reached.get(_sum(a, b), 0) + 1
        if not all(e in reached for e in target) or len(reached) > 50 * MOST_EQUATIONS:
            return None
        alone = {e for block in groups.values() for e in block if _sum(e, e) not in target and reached[_sum(e, e)] == 1}
        if not alone:
            break
        groups = {parity: [e for e in block if e not in alone] for parity, block in groups.items()}
    blocks = [block for block in groups.values() if block]
    return blocks if len(reached) <= MOST_EQUATIONS and sum(map(len, blocks)) <= MOST_MONOMIALS else None


def _sum(a: Exponents, b: Exponents) -> Exponents:
    return tuple(x + y for x, y in zip(a, b, strict=True))


def _grams(target: Terms, blocks: list[list[Exponents]]) -> list[Floats] | None:
    """Gram matrices with the largest least eigenvalue; None if it is certainly negative."""
    import clarabel
    from scipy import sparse

    places = [(k, i, j) for k, block in enumerate(blocks) for j in range(len(block)) for i in range(j + 1)]
    equations = dict[Exponents, list[tuple[int, float]]]()
    for column, (k, i, j) in enumerate(places):
        equations.setdefault(_sum(blocks[k][i], blocks[k][j]), []).append((column, 1.0 if i == j else 2.0))
    size, count = len(places) + 1, len(equations)
    A = sparse.lil_matrix((count + 1 + len(places), size))
    b = np.zeros(count + 1 + len(places))
    for row, (e, parts) in enumerate(equations.items()):
        b[row] = float(target.get(e, 0))
        for column, weight in parts:
            A[row, column] = weight
    A[count, size - 1], b[count] = 1.0, 1.0  # the least eigenvalue is at most 1: the search is bounded
    for column, (_, i, j) in enumerate(places):
        A[count + 1 + column, column] = -1.0 if i == j else -np.sqrt(2)
        if i == j:
            A[count + 1 + column, size - 1] = 1.0
    cones = [clarabel.ZeroConeT(count), clarabel.NonnegativeConeT(1)]
    cones += [clarabel.PSDTriangleConeT(len(block)) for block in blocks]
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-10
    settings.time_limit = 3.0
    objective = np.zeros(size)
    objective[-1] = -1.0
    P = sparse.csc_matrix((size, size))
    x = np.array(clarabel.DefaultSolver(P, objective, sparse.csc_matrix(A), b, cones, settings).solve().x)
    if not np.isfinite(x).all() or not x[-1] >= FEASIBLE:
        return None
    grams = [np.zeros((len(block), len(block))) for block in blocks]
    for value, (k, i, j) in zip(x, places, strict=False):
        grams[k][i, j] = grams[k][j, i] = value
    return grams


def _without_kernel(gram: Floats, largest: float) -> Rows:
    """Rows that span what is orthogonal to its kernel, whose entries are rounded; the identity if it has none."""
    from flint import fmpq_mat

    from proofs.rational_matrix import fractions, kernel, matrix

    size = len(gram)
    identity = [[Fraction(int(i == j)) for j in range(size)] for i in range(size)]
    values, vectors = np.linalg.eigh(gram)
    null = vectors[:, values < SINGULAR * max(largest, 1e-300)].T.copy()
    if not len(null):
        return identity
    for row in range(len(null)):  # reduced, with the largest entry that is left as pivot
        pivot = int(np.argmax(np.abs(null[row])))
        null[row] /= null[row, pivot]
        for other in range(len(null)):
            if other != row:
                null[other] -= null[other, pivot] * null[row]
    rounded = [[Fraction(float(x)).limit_denominator(DENOMINATOR) for x in row] for row in null]
    if (
        max(
            abs(float(x) - y)
            for row, floats in zip(rounded, null, strict=True)
            for x, y in zip(row, floats, strict=True)
        )
        > CLOSE
    ):
        return identity
    complement: fmpq_mat = kernel(matrix(rounded))
    return [list(column) for column in zip(*fractions(complement), strict=True)] if complement.ncols() else []


def _exact_grams(
    target: Terms, blocks: list[list[Exponents]], bases: list[Rows], grams: list[Floats], rounding: int
) -> list[Rows] | None:
    """Rational matrices in these bases near the given ones, whose quadratic forms add up to the target exactly."""
    from proofs.rational_matrix import fractions, matrix

    places = [(k, i, j) for k, basis in enumerate(bases) for j in range(len(basis)) for i in range(j + 1)]
    if not places:
        return None
    columns, guess = list[Terms](), list[Fraction]()
    reduced = [_in_basis(gram, basis) for gram, basis in zip(grams, bases, strict=True)]
    for k, i, j in places:
        column = dict[Exponents, Fraction]()
        for (a, x), (b, y) in product(
            zip(blocks[k], bases[k][i], strict=True), zip(blocks[k], bases[k][j], strict=True)
        ):
            if x and y:
                e = _sum(a, b)
                column[e] = column.get(e, Fraction(0)) + x * y * (1 if i == j else 2)
        columns.append(column)
        guess.append(Fraction(round(float(reduced[k][i, j]) * rounding), rounding))
    equations = sorted({e for column in columns for e in column} | target.keys())
    row_of = {e: r for r, e in enumerate(equations)}
    rest = [target.get(e, Fraction(0)) for e in equations]
    normal = [[Fraction(0)] * len(equations) + [Fraction(0)] for _ in equations]
    for column, value in zip(columns, guess, strict=True):
        for e, x in column.items():
            rest[row_of[e]] -= x * value
            for f, y in column.items():
                normal[row_of[e]][row_of[f]] += x * y
    for row, value in zip(normal, rest, strict=True):
        row[-1] = value
    solution = _solved(fractions(matrix(normal).rref()[0]))
    if solution is None:
        return None
    exact = [[[Fraction(0)] * len(basis) for _ in basis] for basis in bases]
    for (k, i, j), column, value in zip(places, columns, guess, strict=True):
        mended = value + sum((x * solution[row_of[e]] for e, x in column.items()), Fraction(0))
        exact[k][i][j] = exact[k][j][i] = mended
    return exact


def _in_basis(gram: Floats, basis: Rows) -> Floats:
    """Q' with B^T Q' B = Q, up to the kernel."""
    if not basis:
        return np.zeros((0, 0))
    inverse = np.linalg.pinv(np.array(basis, dtype=np.float64))
    return np.asarray(inverse.T @ gram @ inverse)


def _solved(rows: Rows) -> list[Fraction] | None:
    """A solution of the reduced equations (matrix, right side): 0 where it is free; None if there is none."""
    solution = [Fraction(0)] * (len(rows[0]) - 1)
    for row in rows:
        pivot = next((j for j, x in enumerate(row) if x != 0), None)
        if pivot is not None:
            if pivot == len(solution):
                return None
            solution[pivot] = row[-1]
    return solution


def _squares(gram: Rows) -> list[tuple[Fraction, list[Fraction]]] | None:
    """d_k and rows l_k with gram = sum of d_k l_k^T l_k, d_k > 0; None unless it is positive semidefinite."""
    rest, found = [list(row) for row in gram], list[tuple[Fraction, list[Fraction]]]()
    for k in range(len(rest)):
        pivot = rest[k][k]
        if pivot < 0 or (pivot == 0 and any(rest[k])):
            return None
        if pivot:
            row = [x / pivot for x in rest[k]]
            found.append((pivot, row))
            rest = [[x - pivot * row[i] * row[j] for j, x in enumerate(line)] for i, line in enumerate(rest)]
    return found


def _term(row: list[Fraction], basis: Rows, block: list[Exponents], signed: Sequence[bool]) -> tuple[Exponents, Terms]:
    """m and q of the square of this combination of the basis."""
    parity = tuple(x % 2 if s else 0 for x, s in zip(block[0], signed, strict=True))
    q = dict[Exponents, Fraction]()
    for weight, vector in zip(row, basis, strict=True):
        for x, e in zip(vector, block, strict=True):
            place = tuple((a - p) // 2 if s else a for a, p, s in zip(e, parity, signed, strict=True))
            q[place] = q.get(place, Fraction(0)) + weight * x
    return parity, {e: c for e, c in q.items() if c != 0}
