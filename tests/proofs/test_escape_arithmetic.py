"""The two small rings that SN12 computes in: truncated power series, and quotients with factored denominators."""

from __future__ import annotations

from fractions import Fraction
from math import factorial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.series import Series
from proofs.sub_ngrams.escape_ratios import Ratio, ratios

fractions = st.fractions(min_value=-5, max_value=5, max_denominator=6)
exponents = st.tuples(st.integers(0, 3), st.integers(0, 3)).filter(lambda e: 0 < sum(e) <= 3)
series = st.builds(
    lambda terms: Series(2, 3, {e: x for e, x in terms.items() if x}), st.dictionaries(exponents, fractions)
)


@given(series, series, series)
def test_series_form_a_ring(f: Series, g: Series, h: Series) -> None:
    assert (f + g).terms == (g + f).terms
    assert (f * g).terms == (g * f).terms
    assert (f * (g + h)).terms == (f * g + f * h).terms
    assert ((f * g) * h).terms == (f * (g * h)).terms
    assert (f + f * -1).terms == {}


@given(series)
def test_exponential_and_logarithm_are_inverse(f: Series) -> None:
    assert f.expm1().log1p().terms == f.terms
    assert f.log1p().expm1().terms == f.terms


@given(series, series)
def test_exponential_of_a_sum(f: Series, g: Series) -> None:
    assert ((f.expm1() + 1) * (g.expm1() + 1)).terms == ((f + g).expm1() + 1).terms


def test_coefficients_of_the_exponential() -> None:
    x = Series(1, 5, {(1,): Fraction(1)})
    assert [x.expm1()[i,] for i in range(1, 6)] == [Fraction(1, factorial(i)) for i in range(1, 6)]


def test_a_constant_term_is_refused() -> None:
    with pytest.raises(ValueError, match="constant"):
        (Series(1, 2) + Fraction(1)).log1p()


POINT = (Fraction(3, 7), Fraction(-11, 5))


@st.composite
def quotients(draw: st.DrawFn) -> Ratio:
    x, y = ratios(["x", "y"])
    found = x * draw(fractions) + y * draw(fractions) + draw(fractions)
    for _ in range(draw(st.integers(0, 2))):
        found = found / draw(st.sampled_from([x, y, x + y, x * 2 + 1]))
    return found


@given(quotients(), quotients())
def test_quotients_compute_as_their_values_do(f: Ratio, g: Ratio) -> None:
    a, b = f.value(POINT), g.value(POINT)
    assert (f + g).value(POINT) == a + b
    assert (f * g).value(POINT) == a * b
    assert (f - g).value(POINT) == a - b
    assert (f**2).value(POINT) == a**2
    assert (f / 3).value(POINT) == a / 3
    if g != 0:
        assert (f / g).value(POINT) == a / b


def test_zero_is_decided() -> None:
    x, y = ratios(["x", "y"])
    assert 1 / Fraction(1) * x / (x + y) + y / (x + y) - 1 == 0
    assert x / (x + y) + y / (x + y) != 2
    assert (x - y) * (x + y) - x**2 + y**2 == 0
    with pytest.raises(ZeroDivisionError):
        x / (y - y)
