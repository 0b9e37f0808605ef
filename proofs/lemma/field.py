"""Rational functions of independent variables, in which a lemma's steps are evaluated and its equalities decided.

An element is numerator / product of known denominators, none of which is the zero polynomial: it is zero as a function
exactly where its numerator is the zero polynomial, and no common factor has to be found for that.

exp, log and sqrt add variables of their own. What holds for all values of these holds for those that the functions
take; what is known of them beside is used:

- exp(u + v) = exp(u) exp(v), exp(n u) = exp(u)^n for whole n; exp(0) = 1; an exponential is positive
- log(u v) = log(u) + log(v) and log(u/v) = log(u) - log(v) for polynomials u, v with positive coefficients in positive
  variables; log(exp(u)) = u; log(1) = 0
- sqrt(u)^2 = u; a root is not negative

Multiplications are refused beforehand where they could be large: nothing interrupts FLINT.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from proofs.lemma import polynomials
from proofs.lemma.domains import Sign
from proofs.lemma.polynomials import Exponents, Ring, terms
from proofs.lemma.recording import Step
from proofs.lemma.worlds import NotExactError, exact_function

MOST_PRODUCTS = 2_000_000  # of terms, in a multiplication: a second or less
MOST_TERMS = 200_000  # of a polynomial
MOST_FUNCTIONS = 48  # values of exp, log and sqrt
WORTH_DIVIDING = 100_000  # products of terms, up to which a common factor is looked for


class TooLargeError(ArithmeticError):
    """The expansion would be too large."""


@dataclass(frozen=True)
class Quotient:
    """numerator / product of field.denominators[i]^e over (i, e) in `below`."""

    numerator: Any
    below: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Function:
    """A variable that stands for the value of exp, log or sqrt."""

    name: str
    argument: Quotient


class Field:
    """Rational functions of parameters with these signs."""

    def __init__(self, signs: Sequence[Sign], functions: bool, ring: Ring | None = None) -> None:
        self.signs = list(signs)
        self.ring = ring or polynomials.ring(max(1, len(signs) + (MOST_FUNCTIONS if functions else 0)))
        self.functions = dict[Any, int]()  # what a variable stands for, by what makes it unique
        self.meaning = dict[int, Function]()
        self.denominators = list[Any]()
        self.one = self.ring.constant(Fraction(1))

    # --- arithmetic ---

    def constant(self, x: Fraction) -> Quotient:
        return Quotient(self.ring.constant(x))

    def parameter(self, i: int) -> Quotient:
        return Quotient(self.ring.gen(i))

    def times(self, a: Any, b: Any) -> Any:
        """A product of polynomials; TooLargeError where it could take long."""
        if len(a) * len(b) > MOST_PRODUCTS:
            raise TooLargeError(f"the expansion has more than {MOST_PRODUCTS} products of terms")
        return a * b

    def add(self, a: Quotient, b: Quotient, sign: int = 1) -> Quotient:
        below, have, other = dict(a.below), dict(a.below), dict(b.below)
        for i, e in b.below:
            below[i] = max(e, below.get(i, 0))
        left = self._raised(a.numerator, below, have)
        right = self._raised(b.numerator, below, other)
        total = left + right if sign > 0 else left - right
        if len(total) > MOST_TERMS:
            raise TooLargeError(f"the expansion has more than {MOST_TERMS} terms")
        return self._cancelled(total, below)

    def multiply(self, a: Quotient, b: Quotient) -> Quotient:
        below = dict(a.below)
        for i, e in b.below:
            below[i] = below.get(i, 0) + e
        return self._cancelled(self.times(a.numerator, b.numerator), below)

    def divide(self, a: Quotient, b: Quotient) -> Quotient:
        """ZeroDivisionError where b is 0 everywhere."""
        if self.is_zero(b):
            raise ZeroDivisionError("divides by an expression that is 0 everywhere")
        leading = terms(b.numerator)[0][1]
        monic, top = b.numerator * self.ring.constant(1 / leading), a.numerator
        for i, e in b.below:
            for _ in range(e):
                top = self.times(top, self.denominators[i])
        below = dict(a.below)
        if monic != self.one:
            place = next((i for i, known in enumerate(self.denominators) if known == monic), len(self.denominators))
            if place == len(self.denominators):
                self.denominators.append(monic)
            below[place] = below.get(place, 0) + 1
        return self._cancelled(top * self.ring.constant(1 / leading), below)

    def power(self, a: Quotient, n: int) -> Quotient:
        result, square = self.constant(Fraction(1)), a
        while n:
            if n & 1:
                result = self.multiply(result, square)
            n >>= 1
            if n:
                square = self.multiply(square, square)
        return result

    def _raised(self, numerator: Any, below: dict[int, int], have: dict[int, int]) -> Any:
        for i, e in below.items():
            for _ in range(e - have.get(i, 0)):
                numerator = self.times(numerator, self.denominators[i])
        return numerator

    def _cancelled(self, numerator: Any, below: dict[int, int]) -> Quotient:
        """Without those denominators that divide the numerator, where that is quickly seen."""
        if numerator == 0:
            return Quotient(numerator)
        for i, known in enumerate(self.denominators):
            while below.get(i, 0) and len(numerator) * len(known) <= WORTH_DIVIDING:
                found = polynomials.quotient(numerator, known)
                if found is None:
                    break
                numerator, below[i] = found, below[i] - 1
        return Quotient(numerator, tuple(sorted((i, e) for i, e in below.items() if e)))

    # --- exp, log, sqrt ---

    def apply(self, name: str, a: Quotient) -> Quotient:
        listed = terms(a.numerator)
        if not listed or (not a.below and len(listed) == 1 and not any(listed[0][0])):
            try:
                return self.constant(exact_function(name, listed[0][1] if listed else Fraction(0)))
            except NotExactError:
                pass  # a constant of its own, as sqrt(2)
        return {"exp": self._exp, "log": self._log, "sqrt": self._sqrt}[name](a)

    def _exp(self, a: Quotient) -> Quotient:
        if a.below:
            return self._variable("exp", a)
        result = self.constant(Fraction(1))
        for exponents, c in terms(a.numerator):
            part = Quotient(self.ring.polynomial({exponents: Fraction(1, c.denominator)}))
            base = self._variable("exp", part)
            base = base if c > 0 else self.divide(self.constant(Fraction(1)), base)
            result = self.multiply(result, self.power(base, abs(c.numerator)))
        return result

    def _log(self, a: Quotient) -> Quotient:
        factors = [(a.numerator, 1), *((self.denominators[i], -e) for i, e in a.below)]
        if not all(self.positive(factor) for factor, _ in factors):
            return self._variable("log", a)
        result = self.constant(Fraction(0))
        for factor, e in factors:
            for part, power in self._split(factor):
                result = self.add(result, self.multiply(self.constant(Fraction(e * power)), self._log_of(part)))
        return result

    def _log_of(self, polynomial: Any) -> Quotient:
        if polynomial == self.one:
            return self.constant(Fraction(0))
        for i, function in self.meaning.items():
            if function.name == "exp" and polynomial == self.ring.gen(i):
                return function.argument
        return self._variable("log", Quotient(polynomial))

    def _split(self, polynomial: Any) -> list[tuple[Any, int]]:
        """Its constant, and its factors with their powers where they are all positive; else what is left, as one."""
        rest, found = polynomial, list[tuple[Any, int]]()
        for factor, e in polynomials.factors(polynomial):
            leading = terms(factor)[0][1]
            monic = factor * self.ring.constant(1 / leading)
            if not self.positive(monic):
                return [(polynomial, 1)]
            found.append((monic, e))
            for _ in range(e):
                rest = polynomials.quotient(rest, monic)
        return [(rest, 1), *found]

    def _sqrt(self, a: Quotient) -> Quotient:
        return self._variable("sqrt", a)

    def _variable(self, name: str, a: Quotient) -> Quotient:
        key = (name, tuple(sorted(terms(a.numerator))), a.below)
        if key not in self.functions:
            place = len(self.signs)
            if place >= self.ring.count:
                raise TooLargeError(f"more than {MOST_FUNCTIONS} different values of exp, log and sqrt")
            self.signs.append({"exp": Sign.POSITIVE, "log": Sign.FREE, "sqrt": Sign.NONNEGATIVE}[name])
            self.functions[key], self.meaning[place] = place, Function(name, a)
        return self.parameter(self.functions[key])

    # --- decisions ---

    def positive(self, polynomial: Any) -> bool:
        """Whether all coefficients are positive, and all variables in it."""
        return all(
            c > 0 and all(not e or self.signs[i] is Sign.POSITIVE for i, e in enumerate(exponents))
            for exponents, c in terms(polynomial)
        )

    def is_zero(self, a: Quotient) -> bool:
        """Whether the numerator is the zero polynomial once sqrt(u)^2 = u is put in, for the last root first."""
        rest = a.numerator
        for i in sorted((i for i, f in self.meaning.items() if f.name == "sqrt"), reverse=True):
            rest = self._rooted(rest, i)
        return bool(rest == 0)

    def _rooted(self, polynomial: Any, i: int) -> Any:
        """The numerator of the polynomial with even powers of this root replaced."""
        parts = dict[int, dict[Exponents, Fraction]]()
        for exponents, c in terms(polynomial):
            rest = tuple(e % 2 if j == i else e for j, e in enumerate(exponents))
            parts.setdefault(exponents[i] // 2, {})[rest] = c
        total = self.constant(Fraction(0))
        for power, part in parts.items():
            squares = self.power(self.meaning[i].argument, power)
            total = self.add(total, self.multiply(Quotient(self.ring.polynomial(part)), squares))
        return total.numerator


def evaluated(steps: Sequence[Step], entries: Mapping[str, Sequence[Quotient]], field: Field) -> list[Quotient]:
    """Every step as an element of the field. TooLargeError, or ZeroDivisionError where a divisor is 0 everywhere."""
    values = list[Quotient]()
    for name, *rest in steps:
        if name == "entry":
            value = entries[rest[0]][rest[1]]
        elif name == "rational":
            value = field.constant(rest[0])
        elif name == "^":
            value = field.power(values[rest[0]], rest[1])
        elif name in ("+", "-"):
            value = field.add(values[rest[0]], values[rest[1]], 1 if name == "+" else -1)
        elif name == "*":
            value = field.multiply(values[rest[0]], values[rest[1]])
        elif name == "/":
            value = field.divide(values[rest[0]], values[rest[1]])
        else:
            value = field.apply(name, values[rest[0]])
        values.append(value)
    return values


class Element:
    """An element of the field with operators: what the parametrisation of a domain computes with."""

    def __init__(self, value: Quotient, field: Field) -> None:
        self.value, self.field = value, field

    def _of(self, x: Any) -> Quotient:
        return x.value if isinstance(x, Element) else self.field.constant(Fraction(x))

    def __add__(self, other: Any) -> Element:
        return Element(self.field.add(self.value, self._of(other)), self.field)

    def __sub__(self, other: Any) -> Element:
        return Element(self.field.add(self.value, self._of(other), -1), self.field)

    def __rsub__(self, other: Any) -> Element:
        return Element(self.field.add(self._of(other), self.value, -1), self.field)

    def __mul__(self, other: Any) -> Element:
        return Element(self.field.multiply(self.value, self._of(other)), self.field)

    def __truediv__(self, other: Any) -> Element:
        return Element(self.field.divide(self.value, self._of(other)), self.field)

    def __rtruediv__(self, other: Any) -> Element:
        return Element(self.field.divide(self._of(other), self.value), self.field)

    def __neg__(self) -> Element:
        return self * -1

    __radd__, __rmul__ = __add__, __mul__
