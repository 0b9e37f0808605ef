"""Truncated series: a ring with division, and evaluation is compatible with it."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.series import Series, exponents_up_to

DEGREE = 3
numbers = st.fractions(-3, 3, max_denominator=5)
exponents = st.sampled_from([*exponents_up_to(DEGREE, 2)])
series = st.builds(lambda terms: Series(2, DEGREE, terms), st.dictionaries(exponents, numbers))
units = st.builds(lambda x, c: x - x[0, 0] + c, series, numbers.filter(bool))
ONE = Series(2, DEGREE, {(0, 0): Fraction(1)})
Y, Z = Series(2, DEGREE, {(1, 0): Fraction(1)}), Series(2, DEGREE, {(0, 1): Fraction(1)})


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
    assert (1 / (ONE - Z * 2)).terms == {(0, 0): 1, (0, 1): 2, (0, 2): 4, (0, 3): 8}
    assert (1 / (ONE - Y - Z))[1, 2] == 3  # the orders in which one factor is y, and two are z
    assert Z * Z * Y * Z == ONE * 0


def test_misuse_is_refused() -> None:
    with pytest.raises(ZeroDivisionError):
        _ = ONE / Z
    with pytest.raises(ValueError, match="must be 2 exponents"):
        _ = ONE[0,]
    for operation in (Series.__add__, Series.__mul__, Series.__truediv__):
        with pytest.raises(ValueError, match="in 2 and 1 variables, of degrees 3 and 3"):
            operation(ONE, Series(1, DEGREE))
        with pytest.raises(ValueError, match="in 2 and 2 variables, of degrees 3 and 2"):
            operation(ONE, Series(2, DEGREE - 1))
