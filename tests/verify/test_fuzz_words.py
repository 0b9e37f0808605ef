"""Arbitrary words for every command: they end in settings or in a usage error of one line, and never in anything else.

A longer run, not part of the suite, in which a word that takes longer than TIMEOUT seconds is a failure too:
    python tests/verify/test_fuzz_words.py 100000
"""

from __future__ import annotations

import contextlib
import io
import math
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, get_args, get_origin

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from verify import check
from verify.command import USAGE, check_output
from verify.papers.sub_ngrams.gradient.settings import GradientSettings
from verify.papers.sub_ngrams.settings import refuse_what_cannot_fit
from verify.papers.sub_ngrams.training.settings import TrainSettings
from verify.registry import papers
from verify.report.plain import dumps, settings_as_plain
from verify.settings import LONGEST_WORD, Settings, UsageError, read_words, validate

TIMEOUT = 20.0  # seconds, on a slow and busy machine
LONGEST_LINE = LONGEST_WORD + 500  # an error repeats a path, and lists the known keys


# --- what the commands do with words before they compute anything ---


def of_check(words: Sequence[str]) -> Settings:
    values = read_words(words)
    paper = check.get_paper(values.get("paper", "sub-n-grams"))
    given, claims = check.parse_request(paper, values)
    assert claims and paper.headline(given)
    return given  # type: ignore[no-any-return]  # a paper may have any settings


def of_gradient(words: Sequence[str]) -> Settings:
    given = validate(GradientSettings, read_words(words))
    refuse_what_cannot_fit(given)
    for T in given.T or (32,):
        assert all(math.isfinite(point.c) or point.at_limit for point in given.configurations(T))
    return given


def of_train(words: Sequence[str]) -> Settings:
    given = validate(TrainSettings, read_words(words))
    check_output(given.checkpoint, key="checkpoint")
    assert given.recipe_text
    return given


COMMANDS: dict[str, tuple[Callable[[Sequence[str]], Settings], type[Settings]]] = {
    **{f"paper={name}": (of_check, paper.settings) for name, paper in papers().items()},
    "gradient": (of_gradient, GradientSettings),
    "train": (of_train, TrainSettings),
}


def outcome(command: str, words: Sequence[str]) -> str:
    """'settings' or 'usage'; anything else is raised."""
    parse_request, _ = COMMANDS[command]
    try:
        given = parse_request([command, *words] if "=" in command else words)
        check_output(given.output)
    except UsageError as error:
        line = str(error)
        assert line.strip() and line.isprintable() and len(line) <= LONGEST_LINE, line
        return "usage"
    assert dumps(settings_as_plain(given))
    return "settings"


# --- words ---

ODD = """
0 -1 +5 --5 1e30 1e99 -1e99 1e100 1e400 1e-400 0.5 .5 5. . / // 1/2 1/0 0/0 1//2 1/-2 1.5e300 00012 0x10 1_000
2**3 e5 1e inf -inf oo nan NaN Infinity logT c=1 = , ,, 1,2 1,,2 1,1,1 2,1e30 64,65536 1e9 auto cpu gpu true None 7/2
١٢ ３ ½ ² é 你 .. / /dev/null ~ -h SN5 SN NT1 random named DS-A type_classes transfer processes dask:tcp://a:1
""".split()  # noqa: SIM905  # a list of 70 strings in quotes is hard to read
ODD += ["", " ", "3 ", " 3", "\0", "1\0", "2\n3", "\x1b[31m", "\u2028", "\ud800", "9" * 40, "9" * 41, "9" * 10_000]
ODD += ["1," * 1000 + "1", "x" * 300, "x" * LONGEST_WORD, "/" * 2000, "x" * 200 + ".npz"]

LIKELY = {
    "select": ["", "SN", "MF", "NT", "SN5,SN8"],
    "ignore": ["", "SN1", "MF2", "NT3"],
    "output": ["x.json", "x.svg"],
    "engine": ["auto", "transfer", "monte_carlo", "type_classes"],
    "executor": ["auto", "inline", "processes"],
    "dataset": ["named", "DS-A", "random"],
    "checkpoint": ["x.npz"],
    "tolerance": ["1e-3", "0.1"],
    "minutes": ["0.01", "2"],
    "epsilon": ["1e-8"],
    "T": ["8", "32", "4,8", "200"],
    "q": ["5", "7/2,10"],
    "c": ["3", "inf", "1,logT"],
    "lags": ["", "1", "2", "1,2"],
}
small = st.one_of(st.integers(1, 4), st.integers(1, 100), st.fractions(0, 4, max_denominator=7)).map(str)
numbers = st.one_of(st.integers().map(str), st.fractions(max_denominator=1000).map(str), st.floats().map(repr))
lists = st.lists(st.one_of(small, numbers, st.sampled_from(ODD)), min_size=1, max_size=4).map(",".join)
odd = st.one_of(numbers, lists, st.sampled_from(ODD), st.text(max_size=12))


@st.composite
def lines(draw: st.DrawFn, model: type[Settings]) -> list[str]:
    """Likely words, each key once, so that many lines are understood or get as far as the rules between keys; one odd
    value, or more, or none."""
    words = []
    odds = draw(st.sampled_from([0.0, 0.2, 1.0]))
    for key in draw(st.lists(st.sampled_from(list(model.model_fields)), max_size=5, unique=True)):
        choices = get_args(model.model_fields[key].annotation)
        literal = get_origin(model.model_fields[key].annotation) is Literal
        likely = st.sampled_from(choices) if literal else st.sampled_from(LIKELY[key]) if key in LIKELY else small
        words.append(f"{key}={draw(odd if draw(st.floats(0, 1)) < odds else likely)}")
    return draw(
        st.permutations(words + ([draw(st.one_of(odd, st.text()))] if odds == 1 and draw(st.booleans()) else []))
    )


@st.composite
def commands(draw: st.DrawFn) -> tuple[str, list[str]]:
    command = draw(st.sampled_from(list(COMMANDS)))
    return command, draw(lines(COMMANDS[command][1]))


@settings(max_examples=100)
@given(commands())
def test_any_words_end_in_settings_or_in_one_line(given: tuple[str, list[str]]) -> None:
    assert outcome(*given) in ("settings", "usage")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_key_takes_every_odd_value_or_says_no(command: str) -> None:
    """All of them, one at a time; most keys take some and refuse others."""
    _, model = COMMANDS[command]
    seen = {key: Counter(outcome(command, [f"{key}={value}"]) for value in ODD) for key in model.model_fields}
    numeric = {"seed", "n", "k", "m", "S", "T", "V", "eta", "alpha", "workers", "steps"} & seen.keys()
    assert len(numeric) > 2 and all(seen[key]["usage"] > 10 for key in numeric)
    assert sum(count["settings"] for count in seen.values()) > 30


@settings(max_examples=25)
@given(st.sampled_from(list(papers())).flatmap(lambda name: st.tuples(st.just(name), lines(papers()[name].settings))))
@example(("sub-n-grams", []))
@example(("next-token", ["format=json"]))
def test_a_whole_check_that_has_no_time_ends_in_a_status(given: tuple[str, list[str]]) -> None:
    """Through the command itself, report included: 3, since nothing is decided."""
    name, words = given
    words = [word for word in words if not word.startswith(("output", "budget", "certificate"))]
    report, line = io.StringIO(), ""
    try:
        with contextlib.redirect_stdout(report), contextlib.redirect_stderr(io.StringIO()):
            status = check.main([f"paper={name}", "budget=1e-9", *words])
    except UsageError as error:
        status, line = USAGE, str(error)
    assert not line or line.isprintable()
    assert bool(line) == (status == USAGE) == (not report.getvalue())
    # 0: help was asked for, or none but claims that are expected to stay undecided at these parameters
    assert status in (0, USAGE, 3)


# --- the longer run ---


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    def late(number: int, frame: Any) -> None:
        raise TimeoutError(f"more than {seconds} s")

    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def long_run(inputs: int) -> Counter[tuple[str, str]]:
    count: Counter[tuple[str, str]] = Counter()

    @settings(max_examples=inputs, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(commands())
    def test(given: tuple[str, list[str]]) -> None:
        with at_most(TIMEOUT):
            count[given[0], outcome(*given)] += 1

    test()
    return count


if __name__ == "__main__":
    for (command, result), times in sorted(long_run(int(sys.argv[1])).items()):
        print(f"{command:<20} {result:<9} {times}")
