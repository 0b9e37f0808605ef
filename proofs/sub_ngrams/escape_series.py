"""Power series in several variables, truncated at a total degree, with coefficients in any field. Plain Python."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
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
class Taylor:
    """The sum of terms[e] x_1^e_1 ... x_m^e_m over the exponents e of total degree at most `degree`; the rest is cut
    off.

    Adds and multiplies with series in the same m variables and of the same degree, and with scalars of the field.
    """

    variables: int
    degree: int
    terms: Mapping[Exponents, Any] = field(default_factory=dict)

    def variable(self, i: int, one: Any) -> Taylor:
        """x_i as such a series; `one` is the field's 1."""
        return self._of({tuple(int(i == j) for j in range(self.variables)): one})

    def __getitem__(self, exponents: Exponents) -> Any:
        return self.terms.get(exponents, 0)

    def __add__(self, other: Any) -> Taylor:
        more = other.terms if isinstance(other, Taylor) else {(0,) * self.variables: other}
        terms = dict(self.terms)
        for exponents, x in more.items():
            terms[exponents] = terms[exponents] + x if exponents in terms else x
        return self._of(terms)

    def __mul__(self, other: Any) -> Taylor:
        if not isinstance(other, Taylor):
            return self._of({exponents: x * other for exponents, x in self.terms.items()})
        terms: dict[Exponents, Any] = {}
        for first, x in self.terms.items():
            for second, y in other.terms.items():
                exponents = tuple(i + j for i, j in zip(first, second, strict=True))
                if sum(exponents) <= self.degree:
                    terms[exponents] = terms[exponents] + x * y if exponents in terms else x * y
        return self._of(terms)

    def expm1(self) -> Taylor:
        """exp(f) - 1 for a series f without constant term: the sum of f^i / i!."""
        c, coefficients = Fraction(1), []
        for i in range(1, self.degree + 1):
            c /= i
            coefficients.append(c)
        return self._composed(coefficients)

    def log1p(self) -> Taylor:
        """log(1 + f) for a series f without constant term: the sum of (-1)^(i-1) f^i / i."""
        return self._composed(Fraction((-1) ** (i - 1), i) for i in range(1, self.degree + 1))

    def _composed(self, coefficients: Iterable[Fraction]) -> Taylor:
        """The sum of c_i f^i over i = 1, 2, ..."""
        if any(sum(exponents) == 0 for exponents in self.terms):
            raise ValueError("the series has a constant term")
        total, power = self._of({}), self
        for c in coefficients:
            total = total + self._of({e: x * c.numerator / c.denominator for e, x in power.terms.items()})
            power = power * self
        return total

    def _of(self, terms: Mapping[Exponents, Any]) -> Taylor:
        return Taylor(self.variables, self.degree, {exponents: x for exponents, x in terms.items() if x != 0})

    __radd__ = __add__
    __rmul__ = __mul__
