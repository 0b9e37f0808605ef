"""Quotients of polynomials with the denominator kept in factors, so that no greatest common divisor is ever needed.

For identities between many quotients with few denominators this is much faster than fractions in lowest terms. The
form is not unique, but zero is: a quotient is 0 if and only if its numerator is the zero polynomial.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from sympy.polys.domains import QQ
from sympy.polys.rings import ring


@dataclass(frozen=True, eq=False)
class Ratio:
    """numerator / product of factor^power; sympy.polys.rings elements with rational coefficients, factors not 0."""

    numerator: Any
    factors: Mapping[Any, int] = field(default_factory=dict)

    def __add__(self, other: Any) -> Ratio:
        if isinstance(other, int | Fraction):
            other = Ratio(self.numerator.ring(_rational(other)))
        if not isinstance(other, Ratio):
            return NotImplemented
        shared = {f: max(self.factors.get(f, 0), other.factors.get(f, 0)) for f in {**self.factors, **other.factors}}
        return Ratio(self._over(shared) + other._over(shared), shared)

    def __mul__(self, other: Any) -> Ratio:
        if isinstance(other, int | Fraction):
            return Ratio(self.numerator * _rational(other), self.factors)
        if not isinstance(other, Ratio):
            return NotImplemented
        powers = {f: self.factors.get(f, 0) + other.factors.get(f, 0) for f in {**self.factors, **other.factors}}
        return Ratio(self.numerator * other.numerator, powers)

    def __truediv__(self, other: Any) -> Ratio:
        if not isinstance(other, Ratio):
            return self * (1 / Fraction(other))
        if other == 0:
            raise ZeroDivisionError
        ring = self.numerator.ring
        inverse = Ratio(ring.one, {other.numerator: 1})
        for f, power in other.factors.items():
            inverse = inverse * Ratio(f**power)
        return self * inverse

    def __pow__(self, power: int) -> Ratio:
        return Ratio(self.numerator**power, {f: power * i for f, i in self.factors.items() if power})

    def __neg__(self) -> Ratio:
        return self * -1

    def __sub__(self, other: Any) -> Ratio:
        return self.__add__(other * -1)

    def __eq__(self, other: object) -> bool:
        return bool((self - other).numerator == 0)

    __hash__ = None  # type: ignore[assignment]  # equal quotients may be written differently
    __radd__ = __add__
    __rmul__ = __mul__

    def value(self, point: Sequence[Any]) -> Any:
        """The number at this point: one value for each symbol."""
        denominator = 1
        for f, power in self.factors.items():
            denominator *= _evaluate(f, point) ** power
        return _evaluate(self.numerator, point) / denominator

    def _over(self, shared: Mapping[Any, int]) -> Any:
        """The numerator over a common denominator."""
        numerator = self.numerator
        for f, power in shared.items():
            numerator *= f ** (power - self.factors.get(f, 0))
        return numerator


def ratios(names: Sequence[str]) -> list[Ratio]:
    """One symbol for each name."""
    _, *symbols = ring(names, QQ)
    return [Ratio(symbol) for symbol in symbols]


def _rational(x: int | Fraction) -> Any:
    return QQ(x.numerator, x.denominator)


def _evaluate(polynomial: Any, point: Sequence[Any]) -> Any:
    total = Fraction(0)
    for exponents, c in polynomial.terms():
        term = Fraction(int(c.numerator), int(c.denominator))
        for x, power in zip(point, exponents, strict=True):
            term *= x**power
        total += term
    return total
