"""Sound proofs that a rational function is nowhere negative: nonnegative coefficients, or a sum of squares.

What is shown is D square^2 factor = sum of c m q^2, with c > 0, m a product of parameters that are not negative, and
`factor` a polynomial with positive coefficients in even powers of the free ones. Where square and factor do not vanish
D >= 0 follows; elsewhere by continuity, where D is defined.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from proofs.lemma.domains import Sign
from proofs.lemma.field import Field, Quotient
from proofs.lemma.polynomials import Exponents, terms

Terms = dict[Exponents, Fraction]
MARGIN = Fraction(1, 1024)  # of the value at 0: what a strict inequality is proved with


@dataclass(frozen=True)
class Weighted:
    """c m q^2."""

    c: Fraction
    m: Exponents
    q: Terms


@dataclass(frozen=True)
class Sum:
    """D square^2 factor = the sum of the terms."""

    square: Terms
    factor: Terms
    terms: tuple[Weighted, ...]


def nonnegative(D: Quotient, field: Field, *, strict: bool) -> Sum | None:
    """A proof that D >= 0, or with `strict` D > 0, wherever it is defined; None if none was found."""
    one = field.one
    square, factor, P = one, one, D.numerator
    for i, e in D.below:
        divisor, sign = field.denominators[i], definite(field.denominators[i], field)
        for _ in range(e // 2):
            square = field.times(square, divisor)
        if e % 2 and sign:
            factor, P = field.times(factor, divisor * sign), P * sign
        elif e % 2:
            square, P = field.times(square, divisor), field.times(P, divisor)
    found = by_coefficients(P, field, strict) or by_squares(P, field, strict)
    if found is None or not adds_up(found, P, field):
        return None
    return Sum(dict(terms(square)), dict(terms(factor)), tuple(found))


def definite(P: Any, field: Field) -> int:
    """1 or -1 where all coefficients have this sign and all powers of free parameters are even; else 0."""
    listed = terms(P)
    even = all(
        e % 2 == 0 or field.signs[i] is not Sign.FREE for exponents, _ in listed for i, e in enumerate(exponents)
    )
    signs = {c > 0 for _, c in listed}
    return (1 if signs == {True} else -1) if even and len(signs) == 1 else 0


def by_coefficients(P: Any, field: Field, strict: bool) -> list[Weighted] | None:
    """Each term by itself. Strict where one of them has positive parameters only."""
    listed = terms(P)
    if listed and definite(P, field) != 1:
        return None
    if strict and not any(
        all(not e or field.signs[i] is Sign.POSITIVE for i, e in enumerate(exponents)) for exponents, _ in listed
    ):
        return None
    return [
        Weighted(c, tuple(e % 2 for e in exponents), {tuple(e // 2 for e in exponents): Fraction(1)})
        for exponents, c in listed
    ]


def by_squares(P: Any, field: Field, strict: bool) -> list[Weighted] | None:
    """A sum of squares, with products of the signed parameters before them."""
    from proofs.lemma.squares import sum_of_squares  # numpy, scipy and clarabel

    listed = dict(terms(P))
    constant = listed.get((0,) * field.ring.count, Fraction(0))
    if strict and constant <= 0:
        return None
    if strict:
        listed[(0,) * field.ring.count] = constant * (1 - MARGIN)
    signed = [sign is not Sign.FREE for sign in field.signs]
    found = sum_of_squares(listed, signed + [False] * (field.ring.count - len(signed)))
    if found is None:
        return None
    squares = [Weighted(c, m, q) for c, m, q in found]
    none = (0,) * field.ring.count
    return [*squares, Weighted(constant * MARGIN, none, {none: Fraction(1)})] if strict else squares


def adds_up(found: list[Weighted], P: Any, field: Field) -> bool:
    """Whether the terms are of the kind they should be, and their sum is P."""
    total, ring = field.ring.constant(Fraction(0)), field.ring
    for term in found:
        signed = all(not e or field.signs[i] is not Sign.FREE for i, e in enumerate(term.m))
        if not (term.c > 0 and signed):
            return False
        q = ring.polynomial(term.q)
        total = total + field.times(ring.polynomial({term.m: term.c}), field.times(q, q))
    return bool(total == P)
