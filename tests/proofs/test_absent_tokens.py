"""SN10: the exact probability against enumeration, its closed form, and the bound that holds at every length."""

from fractions import Fraction
from itertools import product

import pytest
from flint import fmpq_poly
from hypothesis import given
from hypothesis import strategies as st

from proofs.sub_ngrams.absent_tokens import (
    RationalFunction,
    absent_probability,
    closed_form,
    constant_sequences,
    constant_sequences_ratio,
    interpolation,
    positive_at_every_length,
)
from proofs.sub_ngrams.law import NGramLaw
from tests.strategies import laws


def enumerated(law: NGramLaw, T: int) -> Fraction:
    return sum(
        law.probability(x) * sum(P for s, P in enumerate(law.predictive(x)) if s not in x)
        for x in product(range(law.S), repeat=T)
    )


@given(laws(max_S=4), st.integers(0, 4))
def test_agrees_with_enumeration(law: NGramLaw, extra: int) -> None:
    T = max(law.n, min(law.n + extra, 5 if law.S == 4 else 6))
    assert absent_probability(law, T) == enumerated(law, T)


@pytest.mark.parametrize("T", [2, 3, 10, 57, 1000])
def test_one_over_t_times_t_plus_one(T: int) -> None:
    assert absent_probability(NGramLaw(2, 2), T) == Fraction(1, T * (T + 1))


@given(laws(), st.integers(0, 6))
def test_constant_sequences_are_a_bound_and_for_two_tokens_all_there_is(law: NGramLaw, extra: int) -> None:
    T = law.n + extra
    bound, exact = constant_sequences(law, T), absent_probability(law, T)
    assert 0 < bound <= exact
    assert (bound == exact) == (law.S == 2 or T == 1)


@given(laws(max_S=4), st.integers(0, 30))
def test_the_closed_product_is_the_law_of_constant_sequences(law: NGramLaw, extra: int) -> None:
    T = law.n + extra
    x = (0,) * T
    assert constant_sequences(law, T) == law.S * law.probability(x) * (1 - law.predictive(x)[0])


@given(laws(max_S=4), st.integers(0, 30))
def test_the_ratio_of_the_bound_and_its_sign(law: NGramLaw, extra: int) -> None:
    T = law.n + extra
    ratio = constant_sequences_ratio(law)
    assert constant_sequences(law, T + 1) == constant_sequences(law, T) * ratio(T - law.n + 1)
    assert positive_at_every_length(law)


def test_the_closed_form_of_the_smallest_case() -> None:
    form = closed_form(NGramLaw(2, 2))
    assert form is not None
    assert str(form) == "p(T) = 1/(T (T + 1))"
    assert form.held_out >= 5
    assert form(10**6) == Fraction(1, 10**6 * (10**6 + 1))


@given(laws().filter(lambda law: law.S == 2 or law.n == 1))
def test_two_tokens_or_no_memory_have_a_closed_form_that_predicts_further_lengths(law: NGramLaw) -> None:
    form = closed_form(law)
    assert form is not None
    for T in (law.n, 20, 31):
        assert form(T) == absent_probability(law, T)


def test_a_closed_form_that_is_no_rational_function_of_the_length() -> None:
    # Two tokens: with alpha = 1/2 a run of equal tokens has p(T+1)/p(T) = (1/2 + T-1)/(1 + T-1 + 1), never rational p.
    form = closed_form(NGramLaw(2, 2, Fraction(1, 2)))
    assert form is not None
    assert str(form) == "p(T+1)/p(T) = (2T - 1)/(2 (T + 1)), p(2) = 1/8"


@pytest.mark.parametrize("n", [2, 3])
def test_three_tokens_with_memory_have_no_closed_form_of_this_kind(n: int) -> None:
    assert closed_form(NGramLaw(3, n), degree=3) is None


def test_a_guess_is_rejected_at_a_held_out_length() -> None:
    # 2^T is no rational function: any degree fits the values it was made from, and fails at the next.
    values = {T: Fraction(2**T) for T in range(1, 8)}
    for degree in range(3):
        function = interpolation({T: values[T] for T in range(1, 2 * degree + 2)}, degree)
        assert function is None or function(2 * degree + 2) != values[2 * degree + 2]
    with pytest.raises(ValueError, match="held_out=0"):
        closed_form(NGramLaw(2, 2), held_out=0)


polynomials = st.lists(st.integers(1, 9), min_size=1, max_size=3)


@given(polynomials, polynomials)
def test_interpolation_finds_the_rational_function_with_these_values(above, below) -> None:
    function = RationalFunction.reduced(fmpq_poly(above), fmpq_poly(below))
    degree = max(function.numerator.degree(), function.denominator.degree())
    found = interpolation({T: function(T) for T in range(2, 2 * degree + 3)}, degree)
    assert found is not None
    assert found.numerator * function.denominator == function.numerator * found.denominator


def test_too_many_classes_are_refused() -> None:
    with pytest.raises(ValueError, match="more than 10"):
        absent_probability(NGramLaw(3, 3), 12, most=10)
