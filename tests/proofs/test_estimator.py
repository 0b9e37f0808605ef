"""SN3: the bound on all sequences, its proof, and what happens when it is asked for too much."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.estimator import bound_is_proved, check_estimator, matched_followers, output
from tests.strategies import configurations, problems, rational_qs


@given(problems())
def test_the_bound_holds_for_all_lag_sets(problem) -> None:
    law, configuration, T = problem
    check = check_estimator(law.S, configuration, T)
    assert check.instances >= law.S  # in a constant sequence the context is matched
    assert check.holds
    assert check.largest is None or check.largest < 1
    assert (check.largest is None) == (configuration.at_limit or not configuration.lags)


@pytest.mark.parametrize(("lags", "T"), [((1,), 5), ((2,), 7), ((3,), 4), ((1, 2), 8)])
def test_the_constant_cannot_be_one(lags: tuple[int, ...], T: int) -> None:
    configuration = Configuration(lags, Fraction(10))
    check = check_estimator(2, configuration, T, constant=Fraction(1))
    assert not check.holds
    assert check.largest is not None and check.largest > 1
    x = check.counterexample  # once more, by hand
    assert x is not None
    followers = matched_followers(x, 2, lags)
    N = sum(followers)
    distance = sum(abs(p - Fraction(N_s, N)) for p, N_s in zip(output(x, 2, configuration), followers, strict=True))
    assert distance > (T - N) / (configuration.q * N)


def test_the_constant_two_is_the_best_possible() -> None:
    # In 0 1 0 1 0 the matched positions hold 1 and the others 0: N = 2, R = U = 3, and the distance is 2R/(q N + R).
    assert matched_followers((0, 1, 0, 1, 0), 2, (1,)) == [0, 2]
    for q in (Fraction(10), Fraction(1000)):
        check = check_estimator(2, Configuration((1,), q), 5)
        assert check.largest == 2 * q / (2 * q + 3)


def test_the_proof_goes_through_from_constant_two_on() -> None:
    assert bound_is_proved()
    assert bound_is_proved(Fraction(5, 2))
    assert not bound_is_proved(Fraction(199, 100))
    assert not bound_is_proved(Fraction(1))


@given(configurations(3, rational_qs), st.lists(st.integers(0, 2), min_size=3, max_size=12))
def test_what_the_proof_starts_from(configuration: Configuration, x: list[int]) -> None:
    # p_theta(s) = (q^L N_s + R_s) / (q^L N + R) with 0 <= R_s <= q^(L-1) U_s.
    L, q, T = len(configuration.lags), Fraction(configuration.q), len(x)
    followers = matched_followers(x, 3, configuration.lags)
    m = [configuration.matches(x, j) for j in range(T)]
    R = [sum((q ** m[j] for j in range(T) if x[j] == s and m[j] < L), Fraction(0)) for s in range(3)]
    Z = q**L * sum(followers) + sum(R)
    assert output(x, 3, configuration) == [(q**L * N_s + R_s) / Z for N_s, R_s in zip(followers, R, strict=True)]
    for s in range(3):
        assert 0 <= R[s] <= q ** (L - 1) * (x.count(s) - followers[s])


def test_the_estimator_by_hand() -> None:
    # x = 0 1 1 0 1 0, lag 1: the query reads 0, that precedes positions 1 and 4, both of which hold 1.
    x = (0, 1, 1, 0, 1, 0)
    assert matched_followers(x, 2, (1,)) == [0, 2]
    assert output(x, 2, Configuration((1,), math.inf)) == [0, 1]
    assert output(x, 2, Configuration((1,), Fraction(3))) == [Fraction(3, 10), Fraction(7, 10)]
    assert matched_followers(x, 2, ()) == [3, 3]
    # lags 1 and 2 read 0 and 1: x_{j-1} = 0 and x_{j-2} = 1 at position 4 only
    assert matched_followers(x, 2, (1, 2)) == [0, 1]


def test_nothing_checked_is_not_verified() -> None:
    assert not check_estimator(2, Configuration((3,), Fraction(2)), 3).holds


def test_a_float_is_refused() -> None:
    with pytest.raises(ValueError, match=r"q=2\.5"):
        check_estimator(2, Configuration((1,), 2.5), 4)
