"""Words to settings: what is understood, and one clear line for what is not."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Any, get_args

import pytest

from verify.papers.mean_field.settings import MeanFieldSettings
from verify.papers.next_token.settings import NextTokenSettings
from verify.papers.sub_ngrams.gradient.settings import GradientSettings
from verify.papers.sub_ngrams.near_stationary.settings import StationarySettings
from verify.papers.sub_ngrams.settings import SubNGramSettings, headline, refuse_what_cannot_fit
from verify.papers.sub_ngrams.training.settings import TrainSettings
from verify.report.plain import settings_as_plain
from verify.settings import Settings, UsageError, did_you_mean, nearest, read_words, requirement, validate


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


@pytest.mark.parametrize("model", [SubNGramSettings, GradientSettings])
@pytest.mark.parametrize(
    ("line", "k", "lags"),
    [
        ("", 2, [1]),
        ("n=1", 1, []),
        ("k=3 n=4", 3, [1, 2]),
        ("lags=2,1", 3, [1, 2]),
        ("lags=", 1, []),
        ("lags=2", None, [2]),
        ("lags=1,3 n=4", None, [1, 3]),
    ],
)
def test_reports_have_the_k_and_the_lags_of_the_headline(model: Any, line: str, k: int | None, lags: list[int]) -> None:
    given = validate(model, read_words(line.split()))
    plain = settings_as_plain(given)
    assert (plain["k"], plain["lags"]) == (k, lags)
    assert headline(given).startswith(f"n={given.n}" if k is None else f"k={k}  n={given.n}")
    assert f"lags {{{', '.join(map(str, lags))}}}" in headline(given)


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
    ("q=2,1", "q=2,1"),
    ("alpha=0", "alpha=0"),
    ("alpha=-1", "alpha=-1"),
    ("alpha=1/0", "alpha=1/0"),
    ("alpha=1e99999999", "alpha="),
    ("lags=3 n=3", "lags=3"),
    ("lags=1,1 n=3", "lags=1,1"),
    ("lags=1 k=2", "k and lags"),
    ("foo=1", "foo=1"),
    ("alhpa=1", "did you mean alpha"),
    ("--kk=2", "did you mean k?"),
    ("--k", "--k: a value is missing; for example k=VALUE"),
    ("-k", "-k: not of the form key=value; did you mean k=VALUE?"),
    ("q=T", "q = T is written c=logT"),
    ("c=0*logT", "c=0*logT"),
    ("c=x*logT", "c=x*logT"),
    ("s=3", "did you mean S?"),
    ("k", "k: not of the form key=value"),
    ("=3", "=3: not of the form key=value"),
    ("k=two", "k=two"),
    ("k=2 k=3", "twice"),
    ("c=3 q=5", "q and c"),
    ("seed=-1", "seed=-1"),
    ("engine=nope", "engine=nope"),
    ("T=1e30 engine=enumeration", "engine=enumeration would need"),
    ("T=8 c=3 engine=type_classes", "needs a rational q"),
    ("format=jsn", "did you mean json?"),
    ("format=JSON", "did you mean json?"),
    ("format=xml", "format=xml: format must be table"),
    ("initial=unifrom", "did you mean uniform?"),
    ("engine=auot", "did you mean auto?"),
    ("engine=trasnfer", "did you mean transfer?"),
    ("device=gpu", "device=gpu: device must be auto, cpu or cuda"),
    ("c=1e999", "c=1e999"),
    ("c=infinity", "c=infinity"),
    ("c=1_0", "c=1_0"),
    ("n=\u0663", "n=\u0663"),
    ("alpha=\u0661/2", "alpha="),
    ("c=\uff13", "c=\uff13"),
    ("q=" + "9" * 41, "q=99"),
    ("k=" + "9" * 10_000, "(10002 characters)"),
    ("T=" + "8," * 1000 + "x", "T=8,8,"),
    ("budget=0", "budget=0"),
]


@pytest.mark.parametrize(("line", "fragment"), BAD, ids=[line for line, _ in BAD])
def test_what_is_wrong_is_named_in_one_line(line: str, fragment: str) -> None:
    with pytest.raises(UsageError) as caught:
        refuse_what_cannot_fit(settings(line))
    assert fragment in str(caught.value)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


MODELS = [SubNGramSettings, GradientSettings, StationarySettings, TrainSettings, MeanFieldSettings, NextTokenSettings]
NUMBER = re.compile(r"(\d+)\^(\d+)|\d+(?:\.\d+)?(?:e-?\d+)?")


@pytest.mark.parametrize("model", MODELS)
def test_descriptions_name_the_bounds_that_are_checked(model: type[Settings]) -> None:
    """And every number has a bound above: its own, or one that another key sets."""
    for key, field in model.model_fields.items():
        told_in = requirement(field)
        told = [Fraction(m[1]) ** int(m[2]) if m[1] else Fraction(m[0]) for m in NUMBER.finditer(told_in)]
        inner = [data for item in get_args(field.annotation) for data in getattr(item, "__metadata__", ())]
        bounds = [
            getattr(data, side)
            for source in [*field.metadata, *inner]
            for data in getattr(source, "metadata", [source])
            for side in ("le", "lt", *(() if "from n" in told_in or "from k" in told_in else ("ge", "gt")))
            if getattr(data, side, None) is not None
        ]
        for bound in bounds:
            assert any(abs(number - Fraction(bound)) <= abs(number) / 10**12 for number in told), (key, bound, told)
        above = any(side in f"{field.metadata}{inner}" for side in ("Le(", "Lt(", "le=", "lt="))
        assert not bounds or above or key in ("k", "start"), key


@pytest.mark.parametrize(
    ("model", "word", "bound"),
    [
        (GradientSettings, "T=1e101", "to 10^100"),
        (GradientSettings, "T=8,1e999", "to 10^100"),
        (GradientSettings, "q=1e101", "to 10^100"),
        (GradientSettings, "alpha=1e-101", "from 1e-100 to 1000"),
        (GradientSettings, "alpha=1001", "from 1e-100 to 1000"),
        (GradientSettings, "c=1e-7", "from 1e-06 to 700"),
        (GradientSettings, "c=1e-400", "from 1e-06 to 700"),
        (GradientSettings, "minutes=1e300", "at most 10000"),
        (GradientSettings, "budget=1e300", "at most 10^9"),
        (GradientSettings, "budget=1e400", "at most 10^9"),
        (GradientSettings, "seed=1e19", "to 9223372036854775807"),
        (GradientSettings, "alpha=" + "1" * 41 + "/7", "at most 40 characters before an exponent, not 43"),
        (TrainSettings, "steps=1e8", "to 10^7"),
        (TrainSettings, "every=1e100", "to 10^7"),
        (TrainSettings, "save_seconds=1e400", "at most 10^9"),
        (TrainSettings, "alpha=1e-200", "from 1e-100 to 1000"),
    ],
)
def test_numbers_out_of_range_are_told_the_range(model: type[Settings], word: str, bound: str) -> None:
    with pytest.raises(UsageError, match=re.escape(bound)):
        validate(model, read_words([word]))


@pytest.mark.parametrize(
    "line", ["T=1e100", "q=1e100", "alpha=1e-100", "c=1e-6", "c=700", "minutes=1e4", "budget=1e9", f"seed={2**63 - 1}"]
)
def test_the_bounds_themselves_are_taken(line: str) -> None:
    validate(GradientSettings, read_words([line]))


def test_at_the_least_length_a_smaller_one_is_no_remedy() -> None:
    with pytest.raises(UsageError, match="give a smaller S or n"):
        refuse_what_cannot_fit(settings("S=50 n=12 T=12"))
    with pytest.raises(UsageError, match="give a smaller T, S or n"):
        refuse_what_cannot_fit(settings("S=50 n=11 T=1e6"))


@pytest.mark.parametrize("word", ["k=2\n", "k=\x00", "k=\x1b[31m", "\u2028=1", "output=\udcff", "k=2\x85"])
def test_words_that_would_break_a_line_are_escaped(word: str) -> None:
    with pytest.raises(UsageError, match="printable characters") as caught:
        read_words([word])
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("model", [GradientSettings, TrainSettings])
@pytest.mark.parametrize("key", ["select", "ignore"])
def test_only_the_check_chooses_claims(model: type[Settings], key: str) -> None:
    with pytest.raises(UsageError, match=f"{key}=SN3: unknown key; only python -m verify.check takes it"):
        validate(model, {key: "SN3"})
    assert getattr(validate(SubNGramSettings, {key: "SN3"}), key) == ("SN3",)


@pytest.mark.parametrize(
    ("word", "known"), [("alhpa", "alpha"), ("ALPHA", "alpha"), ("SM5", "SN5"), ("zzz", None), ("", None)]
)
def test_the_nearest_name(word: str, known: str | None) -> None:
    names = ["alpha", "beta", "SN5", "SN12"]
    assert nearest(word, names) == known
    assert did_you_mean(word, names) == (f"; did you mean {known}?" if known else "; known: alpha, beta, SN5, SN12")
