"""Rational numbers, across the libraries that write them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any


def to_fraction(x: Any) -> Fraction:
    """A rational number of any library (int, Fraction, FLINT, sympy's domains) as a Fraction of Python ints."""
    return Fraction(int(x.numerator), int(x.denominator))
