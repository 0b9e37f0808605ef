"""Numbers that the claims on sub-n-grams print, held against values computed in another way."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from numerics.sub_ngrams.escape_race import drawn_kernels, race, repetition
from proofs.log_numbers import as_floats
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.escape import word_weights
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.prior import PriorMean
from verify.papers.sub_ngrams import PAPER
from verify.papers.sub_ngrams.decay import Point, decay, faster_paths, slope_of_rate
from verify.papers.sub_ngrams.loss import doubts_of_levels, is_below_its_bound
from verify.papers.sub_ngrams.second_computations import literal_norms
from verify.settings import read_words, validate

LAW = NGramLaw(2, 3)


def point(T: int, norm: float, error: float = 0.0) -> Point:
    return Point(T, {"total": norm}, {"total": error}, "none", None)


def test_the_slope_of_a_power_law_is_its_exponent() -> None:
    assert decay([point(10, 3 / 10), point(1000, 3 / 1000)]) == "slope -1.000 from T=10 to 1000 with padded heads"
    last = decay([point(5, 7.0), point(100, 100**-0.3), point(10**4, 10**-1.2)])  # the last step counts
    assert last == "slope -0.300 from T=100 to 10000 with padded heads"
    assert decay([point(10, 1 / 10, 0.01), point(1000, 1 / 1000)]).startswith("slope -1.00 +- 0.03 ")


def test_the_slope_of_the_rate_has_its_logarithm() -> None:
    at = [Point(T, {"total": math.log(T) ** 1.5 / T}, {"total": 0.0}, "none", None) for T in (1000, 10**6)]
    assert decay(at).startswith(f"slope {slope_of_rate(at, 1.0):.3f} ") and slope_of_rate(at, 1.0) < -0.8


def test_a_slope_that_is_lost_in_the_errors_is_a_bound() -> None:
    """From at least 1 at T=10 to at most 0.01 at T=1000."""
    assert (
        decay([point(10, 2.0, 1.0), point(1000, 0.005, 0.005)])
        == "slope below -1.00 from T=10 to 1000 with padded heads"
    )
    assert decay([point(10, 1.0, 1.0), point(1000, 0.005, 0.005)]) == "no slope beyond the errors"


@pytest.mark.parametrize("words", ["k=2 n=3", "lags=2 n=3", "k=2 n=2 alpha=1/2"])
def test_norms_along_faster_paths_are_those_of_the_literal_network(words: str) -> None:
    """At c = T^2 = 36 the score blocks of q = inf are off by 6 e^-36 at most."""
    settings = validate(PAPER.settings, read_words(words.split()))
    literal, error = literal_norms(settings.law, Configuration(settings.lag_set, math.exp(36)), 6)
    assert abs(faster_paths(settings)["c = T^2"]["6"] - literal["total"]) <= error


def test_the_saddle_that_needs_no_new_head() -> None:
    """-(sum_v P(u_{k-1} = v, s = v) - sum_{h,v} P(h, u_{k-1} = v) P(v | h)), from the words of the drawn kernels."""
    words = {word: as_floats(x) for word, x in word_weights(drawn_kernels(LAW, 500, 3)).items()}
    total, k = sum(words.values()), 2

    def P(condition: object) -> np.ndarray:
        chosen = [x for word, x in words.items() if condition(word)]  # type: ignore[operator] # a function of a word
        return sum(chosen) / total

    repeats = sum(P(lambda w, v=v: w[-1 - k] == v == w[-1]) for v in range(2))
    expected = sum(
        P(lambda w, h=h, v=v: w[-2] == h and w[-1 - k] == v)
        * P(lambda w, h=h, v=v: w[-2] == h and w[-1] == v)
        / P(lambda w, h=h: w[-2] == h)
        for h, v in product(range(2), repeat=2)
    )
    values = expected - repeats
    found = repetition(LAW, (1,), 500, 3)
    assert found.mean == pytest.approx(values.mean(), abs=1e-12)
    assert found.standard_error == pytest.approx(values.std(ddof=1) / math.sqrt(500), rel=1e-9)


def test_standard_errors_are_those_of_independent_parts() -> None:
    """Means of 50 runs scatter as one run says."""
    runs = [next(iter(race(LAW, (1,), 200, seed).values())) for seed in range(50)]
    scatter = np.std([run.mean for run in runs], ddof=1)
    assert 0.7 < scatter / np.mean([run.standard_error for run in runs]) < 1.4


def test_probabilities_of_absent_tokens() -> None:
    """S=2, n=3, alpha=1: 1 / (2T(T-1)), as documented."""
    for T in (3, 4, 7):
        assert not is_below_its_bound(LAW, T, Fraction(1, 2 * T * (T - 1)))


@pytest.mark.parametrize(
    ("values", "doubts"),
    [
        ((0.6, 0.5, 0.4), 0),
        ((0.6, 0.6 + 1e-4, 0.4), 0),  # within the errors
        ((0.7, 0.5, 0.4), 1),  # above log 2
        ((0.6, 0.5, -0.1), 1),
        ((0.5, 0.6, 0.4), 1),
        ((math.nan, 0.5, 0.4), 2),
    ],
)
def test_levels_that_are_no_entropies_are_doubted(values: tuple[float, ...], doubts: int) -> None:
    mean = PriorMean(values, (1e-3,) * 3, "tensor", None, 1)
    assert len(doubts_of_levels(mean, 2)) == doubts
