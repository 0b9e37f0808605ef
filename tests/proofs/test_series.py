"""Truncated series: a ring with division, and evaluation is compatible with it."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.series import Series

ORDER = 4
numbers = st.fractions(-3, 3, max_denominator=5)
series = st.builds(lambda x: Series(tuple(x)), st.lists(numbers, min_size=ORDER, max_size=ORDER))
units = series.filter(lambda x: x[0] != 0)
ONE = Series.monomial(0, ORDER, Fraction(0), Fraction(1))
Z = Series.monomial(1, ORDER, Fraction(0), Fraction(1))


def constant(x: Fraction) -> Series:
    return ONE * x


@given(series, series, series)
def test_ring(x: Series, y: Series, z: Series) -> None:
    assert x + y == y + x and x * y == y * x
    assert (x + y) + z == x + (y + z) and (x * y) * z == x * (y * z)
    assert x * (y + z) == x * y + x * z
    assert x * ONE == x and (x - y) + y == x


@given(series, units)
def test_division_undoes_multiplication(x: Series, y: Series) -> None:
    assert x / y * y == x
    assert x * y / y == x
    assert 1 / y == ONE / y and Fraction(2) / y == constant(Fraction(2)) / y


@given(series, numbers)
def test_a_scalar_is_a_constant_series(x: Series, a: Fraction) -> None:
    assert x + a == x + constant(a) == a + x
    assert x - a == x - constant(a)
    assert x * a == x * constant(a) == a * x
    if a:
        assert x / a == x / constant(a)


def test_the_geometric_series() -> None:
    assert (1 / (ONE - Z * 2)).coefficients == (1, 2, 4, 8)
    assert Z * Z * Z * Z == ONE * 0


def test_misuse_is_refused() -> None:
    with pytest.raises(ZeroDivisionError):
        _ = ONE / Z
    for operation in (Series.__add__, Series.__mul__, Series.__truediv__):
        with pytest.raises(ValueError, match="orders 4 and 1"):
            operation(ONE, Series((Fraction(1),)))
