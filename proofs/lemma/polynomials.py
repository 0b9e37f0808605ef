"""Polynomials with rational coefficients in which equal is equal: FLINT's, and sympy's where FLINT is not installed."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any, Protocol

from proofs.rationals import to_fraction

Exponents = tuple[int, ...]
MOST_TERMS, MOST_DEGREE = 60, 12  # of a polynomial that is factored


class Ring(Protocol):
    """Polynomials in `count` variables."""

    count: int

    def gen(self, i: int) -> Any: ...
    def constant(self, x: Fraction) -> Any: ...
    def polynomial(self, terms: dict[Exponents, Fraction]) -> Any: ...


def terms(polynomial: Any) -> list[tuple[Exponents, Fraction]]:
    """(exponents, coefficient) of each term."""
    return [(tuple(map(int, exponents)), to_fraction(c)) for exponents, c in polynomial.terms() if c != 0]


def quotient(polynomial: Any, divisor: Any) -> Any | None:
    """The exact quotient; None if there is a remainder."""
    found, rest = divmod(polynomial, divisor)
    return found if rest == 0 else None


def factors(polynomial: Any) -> list[tuple[Any, int]]:
    """Irreducible factors with their powers, without the constant; none where looking for them could take long."""
    listed = terms(polynomial)
    if len(listed) > MOST_TERMS or max(sum(exponents) for exponents, _ in listed) > MOST_DEGREE:
        return []
    if hasattr(polynomial, "factor_list"):
        return list(polynomial.factor_list()[1])
    return [(factor, int(e)) for factor, e in polynomial.factor()[1]]


@cache
def flint_ring(count: int) -> Ring:
    from flint import Ordering, fmpq, fmpq_mpoly_ctx

    context = fmpq_mpoly_ctx.get([f"x{i}" for i in range(count)], Ordering.degrevlex)

    class Flint:
        def __init__(self) -> None:
            self.count = count

        def gen(self, i: int) -> Any:
            return context.gen(i)

        def constant(self, x: Fraction) -> Any:
            return context.constant(fmpq(x.numerator, x.denominator))

        def polynomial(self, terms: dict[Exponents, Fraction]) -> Any:
            return context.from_dict({e: fmpq(c.numerator, c.denominator) for e, c in terms.items()})

    return Flint()


@cache
def sympy_ring(count: int) -> Ring:
    from sympy.polys.domains import QQ
    from sympy.polys.orderings import grevlex
    from sympy.polys.rings import ring

    polynomials, *generators = ring([f"x{i}" for i in range(count)], QQ, grevlex)

    class Sympy:
        def __init__(self) -> None:
            self.count = count

        def gen(self, i: int) -> Any:
            return generators[i]

        def constant(self, x: Fraction) -> Any:
            return polynomials(QQ(x.numerator, x.denominator))

        def polynomial(self, terms: dict[Exponents, Fraction]) -> Any:
            return polynomials.from_dict({e: QQ(c.numerator, c.denominator) for e, c in terms.items() if c != 0})

    return Sympy()


def ring(count: int) -> Ring:
    """FLINT's ring, which is faster by far; sympy's without it."""
    try:
        return flint_ring(count)
    except ImportError:
        return sympy_ring(count)
