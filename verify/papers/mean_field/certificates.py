"""What the checks of this paper hand to `verify.replay`."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from flint import arb, fmpq, fmpq_mat

from proofs.mean_field.critical import CriticalPoint, Target, common_denominator
from proofs.mean_field.invariant import AnyTarget
from proofs.mean_field.model import Model
from proofs.rational_matrix import fractions, kernel, projection
from proofs.rationals import to_fraction
from verify.claim import Certificate
from verify.papers.mean_field.conditions import ends
from verify.papers.mean_field.settings import MeanFieldSettings


def of_size(settings: MeanFieldSettings) -> Certificate:
    """For what holds for all matrices: the statement is enough."""
    return Certificate({"k": settings.k, "m": settings.m})


def of_saddle(settings: MeanFieldSettings, model: Model) -> Certificate:
    """For the controls: a critical point whose loss is not 0."""
    witness = {"H": fractions(model.H), "F": fractions(model.F), "loss": to_fraction(model.loss)}
    return Certificate({"k": settings.k, "m": settings.m}, witness)


def of_points(settings: MeanFieldSettings, goal: Target, points: Sequence[dict[str, Any]]) -> Certificate:
    """For critical points of one target."""
    parameters = {"k": settings.k, "m": settings.m, "F": fractions(goal.F)}
    eigenvectors = fractions(goal.U.transpose())  # a row each
    witness = {"eigenvalues": goal.eigenvalues, "eigenvectors": eigenvectors, "points": list(points)}
    return Certificate(parameters, witness)


def of_values(settings: MeanFieldSettings, goal: AnyTarget) -> Certificate | None:
    """For the critical values of any F: its eigenvalues to 64 bits, and the rational critical points.

    H is in reduced row echelon form, the only one of its row space. None where two eigenvalues are the same in 64 bits.
    """
    values = [(leading_bits(x), times) for x, times in goal.eigenvalues]
    if any(found is None for found, _ in values) or len({found for found, _ in values}) < len(values):
        return None
    parameters = {"k": settings.k, "m": settings.m, "F": fractions(goal.F)}
    eigenvalues = [{"mantissa": x[0], "exponent": x[1], "times": times} for x, times in values if x is not None]
    points = [{"H": fractions(point.H.rref()[0]), "missed": list(point.counts)} for point in goal.rational_points()]
    return Certificate(parameters, {"eigenvalues": eigenvalues, "points": points})


def leading_bits(x: arb) -> tuple[int, int] | None:
    """(n, e) with n 2^e <= x < (n + 1) 2^e and n of 64 bits, where the interval x > 0 tells them."""
    low, high = ends(x)
    exponent = low.numerator.bit_length() - low.denominator.bit_length() - 64
    while low // Fraction(2) ** exponent >= 2**64:
        exponent += 1
    first, last = (int(end // Fraction(2) ** exponent) for end in (low, high))
    return (first, exponent) if first == last else None


def classified(point: CriticalPoint) -> dict[str, Any]:
    """A critical point with its loss and the vectors that complete its eigenvectors (see `unseen_basis`)."""
    H = fractions(point.model.H)
    return {"S": point.S, "H": H, "loss": to_fraction(point.value), "unseen": fractions(unseen_basis(point))}


def curved(point: CriticalPoint, curvature: fmpq) -> dict[str, Any]:
    """A saddle with its direction R of negative curvature, and the value of that."""
    H, R = fractions(point.model.H), fractions(point.R)
    return {"S": point.S, "H": H, "R": R, "curvature": to_fraction(curvature)}


def unseen_basis(point: CriticalPoint) -> fmpq_mat:
    """m - k orthogonal rows of whole numbers that F does not see; the first |S| of them in the row space of H."""
    H, X = point.model.H, point.target.X
    candidates = fmpq_mat((H - H * projection(X.transpose())).table() + kernel(X).transpose().table())
    basis: list[list[fmpq]] = []
    for row in candidates.table():
        for other in basis:
            factor = _dot(row, other) / _dot(other, other)
            row = [x - factor * y for x, y in zip(row, other, strict=True)]
        if any(x != 0 for x in row):
            common = common_denominator([to_fraction(x) for x in row])
            basis.append([x * common for x in row])
    return fmpq_mat(basis) if basis else fmpq_mat(0, point.target.m)


def _dot(x: Sequence[fmpq], y: Sequence[fmpq]) -> fmpq:
    return sum((a * b for a, b in zip(x, y, strict=True)), fmpq(0))
