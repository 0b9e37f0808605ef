"""Comparing gradients: exact on exact entries, and never fooled by NaN."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.enumeration import enumeration
from proofs.sub_ngrams.score_blocks import ScoreBlocks, blocks_in_use, parameter_gradient, parameter_norms
from tests.strategies import configurations, problems


def single(x: float | Fraction, error: float | None = None) -> ScoreBlocks:
    return ScoreBlocks({(0, 0): ((x,),)}, None if error is None else {(0, 0): ((error,),)})


def test_exact_entries_agree_only_if_equal() -> None:
    third = Fraction(1, 3)
    assert single(third).excess(single(third)) == 0
    assert single(third).excess(single(third + Fraction(1, 10**40))) > 0
    assert single(third).excess(single(1 / 3)) > 0  # the float is not the rational


def test_errors_allow_a_difference() -> None:
    assert single(1.0, 0.25).excess(single(1.5, 0.25)) <= 0
    assert single(1.0, 0.25).excess(single(1.75, 0.25)) > 0
    assert single(1.0, 0.25).share_of_errors(single(1.75, 0.25)) == 1.5
    assert single(1.0, 0.25).share_of_errors(single(1.125, 0.25)) == 0.25
    assert math.isnan(single(math.nan, 0.25).share_of_errors(single(1.0, 0.25)))
    assert single(1.0).share_of_errors(single(2.0)) == 0  # no error is reported


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_nan_and_infinity_agree_with_nothing(bad: float) -> None:
    blocks = ScoreBlocks.from_nested([[[[0.0, bad, 0.0]]]])
    assert not blocks.excess(blocks) <= 0
    assert math.isnan(blocks.difference(blocks))
    assert not single(0.0, bad).excess(single(0.0)) <= 0


def test_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="shapes"):
        single(1.0).excess(ScoreBlocks({(0, 1): ((1.0,),)}))


@given(problems(max_sequences=32))
def test_the_factorised_gradient_sees_the_blocks_of_the_lags_only(problem) -> None:  # type: ignore[no-untyped-def]
    law, configuration, T = problem
    M = enumeration(law, configuration, T)
    gradient = parameter_gradient(M, configuration)
    assert {lag for _, lag in gradient.Q} == set(configuration.lags) == {lag for _, lag in gradient.K}
    if configuration.lags:  # a head that is off is 0 in the stream: its rows of Q and K have no gradient
        assert {a for a, _ in gradient.Q} == {0, *configuration.active_heads} == {b for b, _ in gradient.K}
    assert set(gradient.V) == set(configuration.active_heads)
    norms = parameter_norms(M, configuration)
    if configuration.at_limit:
        assert norms is None
    else:
        assert norms is not None
        assert norms["total"] ** 2 == pytest.approx(sum(norms[key] ** 2 for key in "QKVA"), rel=1e-12)
        if not configuration.lags:
            assert norms["total"] == 0


def test_norms_of_the_reference_point() -> None:
    """S=2, n=3, k=2, T=8, q=5; block (0,1) has entries 59985833/6077111040, -8917413143/1531431982080."""
    from proofs.sub_ngrams.law import NGramLaw

    configuration = Configuration.k_gram(2, Fraction(5))
    M = enumeration(NGramLaw(2, 3), configuration, 8)
    norms = parameter_norms(M, configuration)
    same, different = Fraction(59985833, 6077111040), Fraction(-8917413143, 1531431982080)
    assert norms is not None
    assert norms["V"] == pytest.approx(math.log(5) * math.sqrt(2 * same**2 + 2 * different**2), rel=1e-14)


@given(st.fractions(min_value=1, max_value=10**300))
def test_c_is_the_logarithm_of_q(q: Fraction) -> None:
    assert Configuration((1,), q).c == pytest.approx(math.log(q), rel=1e-13, abs=1e-13)


@pytest.mark.parametrize("power", [1, 5, 15, 16, 20, 100, 300])
def test_c_is_accurate_where_q_is_near_1(power: int) -> None:
    assert Configuration((1,), 1 + Fraction(1, 10**power)).c == pytest.approx(
        math.log1p(10.0**-power), rel=1e-13, abs=0
    )


@given(st.sampled_from([2, 3, 4]), st.data(), st.sampled_from(["padded", "literal"]))
def test_the_gradient_sees_the_blocks_in_use_and_no_other(n, data, heads):
    configuration = Configuration(data.draw(configurations(n)).lags, math.inf, heads)
    rows = {(h, t): ((0,) * t,) for h, t in configuration.averaging_rows}
    for block in product(range(n), repeat=2):
        M = ScoreBlocks({ab: ((int(ab == block),),) for ab in product(range(n), repeat=2)}, rows=rows)
        gradient = parameter_gradient(M, configuration)
        seen = any(x != 0 for blocks in (gradient.Q, gradient.K, gradient.V) for of in blocks.values() for x in of[0])
        assert seen == (block in blocks_in_use(configuration))
