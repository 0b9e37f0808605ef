"""Identities between polynomials or rational functions: how many were tested, and the first that failed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from proofs.rationals import to_fraction


@dataclass(frozen=True)
class Identities:
    """Identities of one kind, each decided by whether its residual is the zero of its ring or field.

    statement       what was compared, and for which values of the symbols
    checked         number of identities tested
    failed          number of those whose residual is not zero
    counterexample  the first that failed, with its residual; None when none did
    """

    statement: str
    checked: int
    failed: int
    counterexample: str | None

    @property
    def hold(self) -> bool:
        """Whether at least one identity was tested and none failed."""
        return self.checked > 0 and self.failed == 0


def decide(statement: str, residuals: Iterable[tuple[str, Any]]) -> Identities:
    """Tests each labelled residual against zero.

    A residual is a number, or an element of a polynomial ring or of its field of fractions. These keep a unique form
    (expanded; in lowest terms), so that `== 0` decides the identity and nothing is left to a simplifier.
    """
    checked, failed, counterexample = 0, 0, None
    for label, residual in residuals:
        checked += 1
        if residual != 0:
            failed += 1
            counterexample = counterexample or f"{label}: residual {residual}"
    return Identities(statement, checked, failed, counterexample)


def limit_at_infinity(numerator: Any, denominator: Any) -> Fraction:
    """Limit of a rational function of one variable, given as two polynomials of sympy.polys over QQ or ZZ.

    Raises ZeroDivisionError where the function is unbounded.
    """
    if numerator == 0:
        return Fraction(0)
    degree = numerator.degree() - denominator.degree()
    if degree > 0:
        raise ZeroDivisionError(f"({numerator})/({denominator}) is unbounded at infinity")
    return to_fraction(numerator.LC) / to_fraction(denominator.LC) if degree == 0 else Fraction(0)
