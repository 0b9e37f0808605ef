"""Numbers with their errors, read back."""

import math
import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.uncertain import with_error

SHOWN = re.compile(r"(-?[0-9]+(?:\.([0-9]+))?)\(([0-9]+)\)(?:e([+-][0-9]+))?")
numbers = st.floats(1e-300, 1e300)


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.009616861, 2.3e-8, "0.00961686(3)"),
        (-4.0180540315e-06, 2.5e-08, "-4.02(3)e-06"),
        (1.25, 1.0, "1(1)"),
        (123456.7, 20.0, "123457(20)"),
        (9.99999, 0.001, "10.000(1)"),
        (3.4e-9, 6.1e-9, "3e-09 +- 6e-09"),
        (0.5, 0.00096, "0.500(1)"),
        (1.0, 1e-300, "1.000000000000000(1)"),
        (0.0, 1e-12, "0 +- 1e-12"),
        (5e-324, 0.0, "4.94066e-324"),
        (1e-323, 5e-324, "1e-323 +- 5e-324"),
        (0.25, 0.0, "0.25"),
        (math.nan, 1.0, "nan +- 1"),
        (1.0, math.inf, "1 +- inf"),
    ],
)
def test_examples(value: float, error: float, text: str) -> None:
    assert with_error(value, error) == text


@given(numbers, numbers, st.booleans())
def test_what_is_shown_contains_what_is_meant(value: float, error: float, negative: bool) -> None:
    """The interval printed reaches over the interval given, but for the rounding of the last digit shown."""
    value = -value if negative else value
    text = with_error(value, error)
    if not error < abs(value):
        assert " +- " in text
        return
    shown = SHOWN.fullmatch(text)
    assert shown, text
    mantissa, decimals, units, power = shown.groups()
    unit = Fraction(10) ** (int(power or 0) - len(decimals or ""))
    middle, width = Fraction(mantissa) * Fraction(10) ** int(power or 0), int(units) * unit
    slack = Fraction(1, 10**9) * abs(Fraction(value))  # of powers of ten in floats
    assert abs(middle - Fraction(value)) <= unit / 2 + slack
    assert Fraction(error) <= width + slack
    assert width <= max(2 * Fraction(error), unit) + slack  # not much more than is meant
