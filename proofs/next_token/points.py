"""Points at which a rational function is not what an identity or an inequality says, in plain rationals.

Another way than the symbolic one: values are calculated term by term, and nothing is expanded or brought together.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction

import sympy as sp

Point = Mapping[sp.Symbol, Fraction]

TRIALS = 200


def value_at(expression: sp.Expr, point: Point) -> Fraction:
    """The value of an expression in symbols, rationals, sums, products and whole powers."""
    if isinstance(expression, sp.Symbol):
        return point[expression]
    if isinstance(expression, sp.Rational):
        return Fraction(int(expression.p), int(expression.q))
    values = [value_at(part, point) for part in expression.args]
    if isinstance(expression, sp.Add):
        return sum(values, Fraction(0))
    if isinstance(expression, sp.Mul):
        product = Fraction(1)
        for value in values:
            product *= value
        return product
    if isinstance(expression, sp.Pow) and values[1].denominator == 1:
        return values[0] ** int(values[1])
    raise TypeError(f"{type(expression).__name__}: not a rational function")


def find_point(expression: sp.Expr, symbols: Iterable[sp.Symbol], wanted: Callable[[Fraction], bool]) -> Point | None:
    """Whole numbers from 2 to 9, then positive rationals of many sizes, at which the value is as wanted; None if TRIALS
    of them are not.

    symbols  those of the expression at least: a point names all of them
    """
    rng = random.Random(0)
    ordered = sorted(symbols, key=str)
    for trial in range(TRIALS):
        sizes = 3 * int(trial >= TRIALS // 2)
        point = {s: rng.randint(2, 9) * Fraction(10) ** rng.randint(-sizes, sizes) for s in ordered}
        try:
            if wanted(value_at(expression, point)):
                return point
        except ZeroDivisionError:
            continue
    return None
