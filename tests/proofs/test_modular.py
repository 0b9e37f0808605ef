"""Residues: a field, and the image of the rationals."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.modular import PRIME, Residue

rationals = st.fractions(max_denominator=10**9)


@given(rationals, rationals)
def test_reduction_keeps_sums_differences_products_and_quotients(x: Fraction, y: Fraction) -> None:
    a, b = Residue.of(x), Residue.of(y)
    assert a + b == Residue.of(x + y)
    assert a - b == Residue.of(x - y)
    assert a * b == Residue.of(x * y)
    if y:
        assert a / b == Residue.of(x / y)


@given(rationals, st.integers(-(2**70), 2**70))
def test_integers_mix_with_residues(x: Fraction, k: int) -> None:
    a = Residue.of(x)
    assert a + k == k + a == Residue.of(x + k)
    assert a * k == k * a == Residue.of(x * k)
    assert a - k == Residue.of(x - k)


def test_division_by_a_multiple_of_the_prime_is_refused() -> None:
    with pytest.raises(ValueError, match="not invertible"):
        Residue.ratio(1, PRIME)
    assert pow(3, PRIME - 1, PRIME) == 1  # Fermat
