"""Words to settings: what is understood, and one clear line for what is not."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.claims.sub_ngrams.settings import SubNGramSettings, refuse_what_cannot_fit
from verify.settings import UsageError, read_words, validate


def settings(line: str) -> SubNGramSettings:
    return validate(SubNGramSettings, read_words(line.split()))


def test_defaults() -> None:
    given = settings("")
    assert (given.n, given.S, given.alpha, given.lag_set) == (3, 2, 1, (1,))
    assert [configuration.q for configuration in given.configurations(8)] == [math.inf]


@pytest.mark.parametrize(
    ("line", "lags"),
    [("k=1 n=2", ()), ("k=3 n=3", (1, 2)), ("lags=2 n=3", (2,)), ("lags=3,1 n=4", (1, 3)), ("n=1", ()), ("lags=", ())],
)
def test_lag_sets(line: str, lags: tuple[int, ...]) -> None:
    assert settings(line).lag_set == lags


@pytest.mark.parametrize(
    ("line", "qs"),
    [
        ("q=7/2", [Fraction(7, 2)]),
        ("q=2.5,3", [Fraction(5, 2), Fraction(3)]),
        ("c=inf", [math.inf]),
        ("c=1,2,logT", [math.exp(1), math.exp(2), Fraction(8)]),
    ],
)
def test_scales(line: str, qs: list[Fraction | float]) -> None:
    assert [configuration.q for configuration in settings(line).configurations(8)] == qs


def test_numbers_may_be_written_with_exponents() -> None:
    assert settings("T=8,1e3").T == (8, 1000)
    assert settings("alpha=1e-3").alpha == Fraction(1, 1000)


BAD = [
    ("k=4 n=3", "k=4"),
    ("k=0 n=2", "k=0"),
    ("S=1", "S=1"),
    ("T=1", "T=1"),
    ("T=8,2", "T=2"),
    ("q=1", "q=1"),
    ("q=0", "q=0"),
    ("q=nan", "q=nan"),
    ("c=0", "c=0"),
    ("c=701", "c=701"),
    ("c=nan", "c=nan"),
    ("c=1,-1", "c=1,-1"),
    ("c=log", "c=log"),
    ("q=2,1", "q=1"),
    ("alpha=0", "alpha=0"),
    ("alpha=-1", "alpha=-1"),
    ("alpha=1/0", "alpha=1/0"),
    ("alpha=1e99999999", "alpha="),
    ("lags=3 n=3", "lags=3"),
    ("lags=1,1 n=3", "lags=1,1"),
    ("lags=1 k=2", "k and lags"),
    ("foo=1", "foo=1"),
    ("alhpa=1", "did you mean alpha"),
    ("k", "k: not a key=value"),
    ("=3", "=3: not a key=value"),
    ("k=two", "k=two"),
    ("k=2 k=3", "twice"),
    ("c=3 q=5", "q and c"),
    ("seed=-1", "seed=-1"),
    ("engine=nope", "engine=nope"),
    ("T=1e30 engine=enumeration", "engine=enumeration would need"),
    ("T=8 c=3 engine=type_classes", "needs a rational q"),
    ("format=xml", "format=xml"),
    ("device=tpu", "device=tpu"),
    ("budget=0", "budget=0"),
]


@pytest.mark.parametrize(("line", "fragment"), BAD, ids=[line for line, _ in BAD])
def test_what_is_wrong_is_named_in_one_line(line: str, fragment: str) -> None:
    with pytest.raises(UsageError) as caught:
        refuse_what_cannot_fit(settings(line))
    assert fragment in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.lists(st.text(alphabet="knSTqcalphgs=,./-+eE0123456789inf ", max_size=12), max_size=4))
def test_any_words_end_in_settings_or_a_usage_error(words: list[str]) -> None:
    try:
        outcome = validate(SubNGramSettings, read_words(words)).law.n >= 1
    except UsageError as error:
        outcome = "\n" not in str(error)
    assert outcome
