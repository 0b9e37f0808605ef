"""Power series in any number of variables, truncated at a total degree, coefficients in any field. Plain Python."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from operator import add
from typing import Any

Exponents = tuple[int, ...]


def exponents_up_to(degree: int, variables: int) -> Iterator[Exponents]:
    """Of all monomials of at most this total degree."""
    if variables == 0:
        yield ()
        return
    for first in range(degree + 1):
        for rest in exponents_up_to(degree - first, variables - 1):
            yield (first, *rest)


@dataclass(frozen=True)
class Series:
    """The sum of terms[e] x_1^e_1 ... x_m^e_m over exponents e of total degree at most `degree`; the rest is cut off.

    Adds, subtracts, multiplies and divides with series in the same variables and of the same degree, and with scalars
    of the coefficients' field. A coefficient that is 0 is no term. ZeroDivisionError for a divisor without constant
    term.
    """

    variables: int
    degree: int
    terms: Mapping[Exponents, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        terms = {e: x for e, x in self.terms.items() if sum(e) <= self.degree and x != 0}
        object.__setattr__(self, "terms", terms)

    def __getitem__(self, exponents: Exponents) -> Any:
        """A coefficient; the integer 0 where there is no term."""
        if len(exponents) != self.variables:
            raise ValueError(f"{exponents}: must be {self.variables} exponents")
        return self.terms.get(exponents, 0)

    def __add__(self, other: Any) -> Series:
        terms = dict(self.terms)
        for e, x in self._like(other).terms.items():
            terms[e] = terms[e] + x if e in terms else x
        return self._of(terms)

    def __mul__(self, other: Any) -> Series:
        if not isinstance(other, Series):
            return self._of({e: x * other for e, x in self.terms.items()})
        terms: dict[Exponents, Any] = {}
        for first, x in self.terms.items():
            for second, y in self._like(other).terms.items():
                e = tuple(map(add, first, second))
                if sum(e) <= self.degree:
                    terms[e] = terms[e] + x * y if e in terms else x * y
        return self._of(terms)

    def __truediv__(self, other: Any) -> Series:
        if not isinstance(other, Series):
            return self._of({e: x / other for e, x in self.terms.items()})
        constant, higher = (0,) * self.variables, dict(self._like(other).terms)
        if constant not in higher:
            raise ZeroDivisionError("a series without constant term divides none")
        unit, rest, quotient = higher.pop(constant), dict(self.terms), dict[Exponents, Any]()
        for e in sorted(exponents_up_to(self.degree, self.variables), key=sum):
            if e in rest:
                quotient[e] = rest[e] / unit
                for more, y in higher.items():
                    later = tuple(map(add, e, more))
                    rest[later] = rest.get(later, 0) - quotient[e] * y
        return self._of(quotient)

    def __rtruediv__(self, other: Any) -> Series:
        return self._like(other) / self

    def __sub__(self, other: Any) -> Series:
        return self + self._like(other) * -1

    def expm1(self) -> Series:
        """exp(f) - 1 for a series f without constant term: the sum of f^i / i!."""
        c, coefficients = Fraction(1), []
        for i in range(1, self.degree + 1):
            c /= i
            coefficients.append(c)
        return self._composed(coefficients)

    def log1p(self) -> Series:
        """log(1 + f) for a series f without constant term: the sum of (-1)^(i-1) f^i / i."""
        return self._composed(Fraction((-1) ** (i - 1), i) for i in range(1, self.degree + 1))

    def _composed(self, coefficients: Iterable[Fraction]) -> Series:
        """The sum of c_i f^i over i = 1, 2, ..."""
        if (0,) * self.variables in self.terms:
            raise ValueError("the series has a constant term")
        total, power = self._of({}), self
        for c in coefficients:
            total = total + self._of({e: x * c.numerator / c.denominator for e, x in power.terms.items()})
            power = power * self
        return total

    def _of(self, terms: Mapping[Exponents, Any]) -> Series:
        return Series(self.variables, self.degree, terms)

    def _like(self, other: Any) -> Series:
        """A series as it is, a scalar as a constant one; ValueError if variables or degrees differ."""
        if not isinstance(other, Series):
            return self._of({(0,) * self.variables: other})
        if (self.variables, self.degree) != (other.variables, other.degree):
            raise ValueError(
                f"series in {self.variables} and {other.variables} variables, of degrees {self.degree} and "
                f"{other.degree}, do not mix"
            )
        return other

    __radd__ = __add__
    __rmul__ = __mul__
