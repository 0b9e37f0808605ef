"""Numbers to evaluate formulas at: residues at random points, polynomials, dual numbers, power series.

An identity between rational functions with rational coefficients is decided by evaluating its two sides modulo a
random prime at a random point. Every residue carries `size`, a bound on the degree and on the number of bits of the
coefficients' absolute sum, of numerator and denominator of the function that it is a value of. If the difference of
the sides is not the zero function, its numerator is an integer polynomial within that size: it vanishes modulo at most
size/127 of the more than 2^120 primes of 128 bits, and modulo any other at no more than a fraction size/2^127 of all
points (Schwartz, Zippel). So an identity that fails is accepted with probability at most size / 2^120.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

CERTAINTY = 120  # -log2 of the probability that an identity of size 1 which fails is accepted


def is_prime(p: int, rounds: int = 64) -> bool:
    """Miller and Rabin's test with random bases: a composite number passes with probability at most 4^-rounds."""
    if p < 4 or p % 2 == 0:
        return p in (2, 3)
    twos = ((p - 1) & -(p - 1)).bit_length() - 1
    for _ in range(rounds):
        x = pow(2 + secrets.randbelow(p - 3), (p - 1) >> twos, p)
        if x not in (1, p - 1) and not any((x := x * x % p) == p - 1 for _ in range(twos - 1)):
            return False
    return True


def random_prime() -> int:
    """A random prime of 128 bits."""
    while not is_prime(p := (1 << 127) + secrets.randbits(127) | 1):
        pass
    return p


class Residue:
    """The value of a rational function modulo a prime, at the point that was drawn."""

    __slots__ = ("prime", "size", "value")

    def __init__(self, value: int, size: int, prime: int) -> None:
        self.value, self.size, self.prime = value % prime, size, prime

    def _read(self, other: Any) -> tuple[int, int]:
        """Value and size of another residue, or of a rational number."""
        if isinstance(other, Residue):
            return other.value, other.size
        if isinstance(other, int):
            return other, other.bit_length()
        if isinstance(other, Fraction):
            top, bottom = other.as_integer_ratio()
            return top * self._inverse(bottom), top.bit_length() + bottom.bit_length()
        raise TypeError(f"{other!r} is not a rational number")

    def _inverse(self, value: int) -> int:
        if value % self.prime == 0:
            raise ZeroDivisionError
        return pow(value, -1, self.prime)

    def __add__(self, other: Any) -> Residue:
        if not isinstance(other, Residue | int | Fraction):
            return NotImplemented
        value, size = self._read(other)
        return Residue(self.value + value, self.size + size + 1, self.prime)

    def __mul__(self, other: Any) -> Residue:
        if not isinstance(other, Residue | int | Fraction):
            return NotImplemented
        value, size = self._read(other)
        return Residue(self.value * value, self.size + size, self.prime)

    def __truediv__(self, other: Any) -> Residue:
        if not isinstance(other, Residue | int | Fraction):
            return NotImplemented
        value, size = self._read(other)
        return Residue(self.value * self._inverse(value), self.size + size, self.prime)

    def __rtruediv__(self, other: Any) -> Residue:
        return Residue(self._inverse(self.value), self.size, self.prime).__mul__(other)

    def __pow__(self, power: int) -> Residue:
        if power < 0:
            raise ValueError("a negative power: `size` would be negative too")
        return Residue(pow(self.value, power, self.prime), self.size * power, self.prime)

    def __neg__(self) -> Residue:
        return Residue(-self.value, self.size, self.prime)

    def __sub__(self, other: Any) -> Residue:
        return self.__add__(-other)

    def __rsub__(self, other: Any) -> Residue:
        return (-self).__add__(other)

    __radd__ = __add__
    __rmul__ = __mul__


class Field:
    """A random prime, and values of independent variables modulo it."""

    def __init__(self) -> None:
        self.prime = random_prime()
        self.one = Residue(1, 1, self.prime)

    def draw(self) -> Residue:
        return Residue(secrets.randbelow(self.prime), 1, self.prime)

    def draws(self, count: int) -> list[Residue]:
        return [self.draw() for _ in range(count)]

    def distribution(self, S: int) -> list[Any]:
        """S variables that sum to 1."""
        free = self.draws(S - 1)
        return [*free, self.one - total(free)]


def is_zero(x: Any) -> bool:
    """Whether a number is 0: a residue by its value, anything else exactly. TypeError for a float."""
    if isinstance(x, float):
        raise TypeError(f"{x!r}: a float decides nothing")
    return bool(x.value == 0) if isinstance(x, Residue) else bool(x == 0)


def divided(x: Any, y: Any) -> Any:
    """x / y, for whole numbers too a rational number and never a float."""
    return Fraction(x, y) if isinstance(x, int) and isinstance(y, int) else x / y


class Dual:
    """a + b epsilon with epsilon^2 = 0: a value and its derivative in one direction; a and b of any kind of number."""

    __slots__ = ("tangent", "value")

    def __init__(self, value: Any, tangent: Any = 0) -> None:
        self.value, self.tangent = value, tangent

    @staticmethod
    def of(x: Any) -> Dual:
        return x if isinstance(x, Dual) else Dual(x)

    def __add__(self, other: Any) -> Dual:
        other = Dual.of(other)
        return Dual(self.value + other.value, self.tangent + other.tangent)

    def __mul__(self, other: Any) -> Dual:
        other = Dual.of(other)
        return Dual(self.value * other.value, self.value * other.tangent + self.tangent * other.value)

    def __truediv__(self, other: Any) -> Dual:
        other = Dual.of(other)
        quotient = divided(self.value, other.value)
        return Dual(quotient, divided(self.tangent - quotient * other.tangent, other.value))

    def __rtruediv__(self, other: Any) -> Dual:
        return Dual.of(other).__truediv__(self)

    def __neg__(self) -> Dual:
        return Dual(-self.value, -self.tangent)

    def __sub__(self, other: Any) -> Dual:
        return self + -Dual.of(other)

    def __rsub__(self, other: Any) -> Dual:
        return (-self).__add__(other)

    __radd__ = __add__
    __rmul__ = __mul__


class Series:
    """c_0 + c_1 t + ... + c_d t^d, truncated; coefficients of any kind of number."""

    __slots__ = ("coefficients",)

    def __init__(self, coefficients: Sequence[Any]) -> None:
        self.coefficients = list(coefficients)

    @staticmethod
    def monomial(coefficient: Any, power: int, degree: int) -> Series:
        return Series([coefficient if i == power else 0 for i in range(degree + 1)])

    def __getitem__(self, i: int) -> Any:
        return self.coefficients[i]

    def _like(self, other: Any) -> Series:
        return other if isinstance(other, Series) else Series.monomial(other, 0, len(self.coefficients) - 1)

    def __add__(self, other: Any) -> Series:
        return Series([a + b for a, b in zip(self.coefficients, self._like(other).coefficients, strict=True)])

    def __mul__(self, other: Any) -> Series:
        a, b = self.coefficients, self._like(other).coefficients
        return Series([sum((a[i] * b[k - i] for i in range(k + 1)), 0) for k in range(len(a))])

    def __truediv__(self, other: Any) -> Series:
        b, quotient = self._like(other).coefficients, list[Any]()
        for k, a in enumerate(self.coefficients):
            quotient.append(divided(a - sum((quotient[i] * b[k - i] for i in range(k)), 0), b[0]))
        return Series(quotient)

    def __rtruediv__(self, other: Any) -> Series:
        return self._like(other).__truediv__(self)

    def __neg__(self) -> Series:
        return Series([-a for a in self.coefficients])

    def __sub__(self, other: Any) -> Series:
        return self + -self._like(other)

    def __rsub__(self, other: Any) -> Series:
        return (-self).__add__(other)

    def log1p(self) -> Series:
        """log(1 + self), where c_0 = 0: the integral of self' / (1 + self)."""
        slope = [*(k * a for k, a in enumerate(self.coefficients) if k > 0), 0]
        quotient = Series(slope) / (self + 1)
        return Series([0, *(a * Fraction(1, k + 1) for k, a in enumerate(quotient.coefficients[:-1]))])

    def expm1(self) -> Series:
        """exp(self) - 1, where c_0 = 0."""
        total, term = self, self
        for k in range(2, len(self.coefficients)):
            term = term * self * Fraction(1, k)
            total = total + term
        return total

    __radd__ = __add__
    __rmul__ = __mul__


class Polynomial:
    """Expanded, with rational coefficients: {exponents: coefficient}, exponents as sorted pairs (name, power)."""

    __slots__ = ("terms",)

    def __init__(self, terms: dict[tuple[tuple[str, int], ...], Fraction]) -> None:
        self.terms = {monomial: c for monomial, c in terms.items() if c != 0}

    @staticmethod
    def variables(names: str) -> list[Polynomial]:
        return [Polynomial({((name, 1),): Fraction(1)}) for name in names.split()]

    @staticmethod
    def of(x: Any) -> Polynomial:
        return x if isinstance(x, Polynomial) else Polynomial({(): Fraction(x)})

    def __add__(self, other: Any) -> Polynomial:
        terms = dict(self.terms)
        for monomial, c in Polynomial.of(other).terms.items():
            terms[monomial] = terms.get(monomial, Fraction(0)) + c
        return Polynomial(terms)

    def __mul__(self, other: Any) -> Polynomial:
        terms: dict[tuple[tuple[str, int], ...], Fraction] = {}
        for m, a in self.terms.items():
            for k, b in Polynomial.of(other).terms.items():
                powers = dict(m)
                for name, power in k:
                    powers[name] = powers.get(name, 0) + power
                product = tuple(sorted(powers.items()))
                terms[product] = terms.get(product, Fraction(0)) + a * b
        return Polynomial(terms)

    def __pow__(self, power: int) -> Polynomial:
        if power < 0:
            raise ValueError("a negative power of a polynomial")
        result = Polynomial.of(1)
        for _ in range(power):
            result = result * self
        return result

    def __neg__(self) -> Polynomial:
        return self * -1

    def __sub__(self, other: Any) -> Polynomial:
        return self + -Polynomial.of(other)

    def __rsub__(self, other: Any) -> Polynomial:
        return (-self).__add__(other)

    def __eq__(self, other: object) -> bool:
        return self.terms == Polynomial.of(other).terms

    __hash__ = None  # type: ignore[assignment]  # not a key of anything
    __radd__ = __add__
    __rmul__ = __mul__

    @property
    def nowhere_negative(self) -> bool:
        """Whether no coefficient is negative, so that the polynomial is >= 0 where its variables are."""
        return all(c >= 0 for c in self.terms.values())


def total(numbers: Iterable[Any]) -> Any:
    """Their sum, without adding the integer 0 to the first of them."""
    iterator = iter(numbers)
    result = next(iterator, 0)
    for x in iterator:
        result = result + x
    return result


def solve(A: Sequence[Sequence[Any]], b: Sequence[Any]) -> list[Any]:
    """The solution of A x = b by elimination, in any field; ZeroDivisionError if A is singular."""
    rows = [[*row, right] for row, right in zip(A, b, strict=True)]
    for k in range(len(rows)):
        pivot = next((i for i in range(k, len(rows)) if not is_zero(rows[i][k])), None)
        if pivot is None:
            raise ZeroDivisionError
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [divided(x, rows[k][k]) for x in rows[k]]
        for i in range(len(rows)):
            if i != k and not is_zero(rows[i][k]):
                rows[i] = [x - rows[i][k] * y for x, y in zip(rows[i], rows[k], strict=True)]
    return [row[-1] for row in rows]
