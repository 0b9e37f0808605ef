"""Rational functions as a polynomial over powers of polynomials: whether one is identically 0, or positive.

Denominators stay products, as they stand in the expression: they are multiplied out nowhere, and nothing is cancelled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import mul

import sympy as sp
from flint import Ordering, fmpq, fmpq_mpoly, fmpq_mpoly_ctx


@dataclass(frozen=True)
class Quotient:
    """numerator / product of the bases, each to its power > 0."""

    numerator: fmpq_mpoly
    powers: Mapping[sp.Expr, int]


class Quotients:
    """Brings expressions in these symbols to this form; those in which something else stands raise TypeError.

    bases  the numerator of every expression that something has been divided by
    """

    def __init__(self, symbols: set[sp.Symbol]) -> None:
        self.symbols = sorted(symbols, key=str)
        self.context = fmpq_mpoly_ctx.get([f"x{i}" for i in range(len(self.symbols))], Ordering.degrevlex)
        self.generators = dict(zip(self.symbols, self.context.gens(), strict=True))
        self.bases: dict[sp.Expr, fmpq_mpoly] = {}

    def of(self, expression: sp.Expr) -> Quotient:
        if isinstance(expression, sp.Symbol):
            return Quotient(self.generators[expression], {})
        if isinstance(expression, sp.Rational):
            return Quotient(self.context.constant(fmpq(int(expression.p), int(expression.q))), {})
        if isinstance(expression, sp.Add):
            return self.sum([self.of(part) for part in expression.args])
        if isinstance(expression, sp.Mul):
            return self.product([self.of(part) for part in expression.args])
        if isinstance(expression, sp.Pow) and isinstance(expression.exp, sp.Integer):
            return self.power(expression.base, int(expression.exp))
        raise TypeError(f"{type(expression).__name__}: not a rational function")

    def sum(self, parts: list[Quotient]) -> Quotient:
        common = {base: max(part.powers.get(base, 0) for part in parts) for part in parts for base in part.powers}
        numerators = [
            part.numerator * self.multiplied({base: k - part.powers.get(base, 0) for base, k in common.items()})
            for part in parts
        ]
        return Quotient(sum(numerators, self.context.constant(0)), common)

    def product(self, parts: list[Quotient]) -> Quotient:
        powers = {base: sum(part.powers.get(base, 0) for part in parts) for part in parts for base in part.powers}
        return Quotient(reduce(mul, (part.numerator for part in parts)), powers)

    def power(self, base: sp.Expr, k: int) -> Quotient:
        """ZeroDivisionError where k < 0 and the base is identically 0."""
        of_base = self.of(base)
        if k >= 0:
            return Quotient(of_base.numerator**k, {other: k * power for other, power in of_base.powers.items() if k})
        if of_base.numerator == 0:
            raise ZeroDivisionError(f"{base} is identically 0")
        self.bases[base] = of_base.numerator
        return Quotient(self.multiplied({other: -k * power for other, power in of_base.powers.items()}), {base: -k})

    def multiplied(self, powers: Mapping[sp.Expr, int]) -> fmpq_mpoly:
        """The product of the bases, each to its power >= 0."""
        return reduce(mul, (self.bases[base] ** k for base, k in powers.items() if k), self.context.constant(1))

    def expression(self, polynomial: fmpq_mpoly) -> sp.Expr:
        """The polynomial in its symbols."""
        return sp.Add(
            *(
                sp.Mul(
                    sp.Rational(int(c.p), int(c.q)),
                    *(s ** int(k) for s, k in zip(self.symbols, exponents, strict=True)),
                )
                for exponents, c in polynomial.to_dict().items()
            )
        )


def numerator(expression: sp.Expr) -> sp.Expr:
    """The expanded numerator of a rational function: 0 iff the function is identically 0."""
    quotients = Quotients(expression.free_symbols)
    return quotients.expression(quotients.of(expression).numerator)


def is_positive(expression: sp.Expr) -> bool:
    """Whether numerator and denominator have positive coefficients only: then the function is > 0 at positive points.

    Sufficient, not necessary.
    """
    quotients = Quotients(expression.free_symbols)
    quotient = quotients.of(expression)
    parts = [quotient.numerator, *(quotients.bases[base] for base in quotient.powers)]
    return all(part != 0 and all(coefficient > 0 for coefficient in part.coeffs()) for part in parts)
