"""Every engine against every other: the same score blocks, within the errors that both report."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given, settings

from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from tests.strategies import problems
from verify.papers.sub_ngrams.engines import ENGINES, Engine, Options, choose_engine

QUICK = 10.0  # seconds of the transfer engine; slower problems are in its own tests
SURE = Options(
    level=1 - 1e-9, samples=1000, interval="bernstein", tolerance=1e-9
)  # a false alarm is out of the question
Problem = tuple[NGramLaw, Configuration, int]


@settings(max_examples=10)
@given(problems(max_sequences=32))
def test_all_pairs_agree_on_drawn_problems(problem: Problem) -> None:
    able = {name: engine for name, engine in ENGINES.items() if engine.obstacle(*problem) is None}
    if able["transfer"].work(*problem) > QUICK:
        del able["transfer"]
    assert {"enumeration", "derivation", "type_classes", "autograd", "closed_form", "monte_carlo"} <= set(able)
    blocks = {name: engine.compute(*problem, SURE) for name, engine in able.items()}
    for first, second in combinations(blocks, 2):
        assert blocks[first].excess(blocks[second]) <= 0, (first, second)


@given(problems())
def test_exact_engines_are_equal_and_say_that_they_are_exact(problem: Problem) -> None:
    exact = [ENGINES["enumeration"].compute(*problem), ENGINES["type_classes"].compute(*problem)]
    assert all(blocks.exact and blocks.error == 0 for blocks in exact)
    assert exact[0].blocks == exact[1].blocks


@pytest.mark.parametrize("T", [12, 16])
def test_floats_over_all_sequences_agree_with_type_classes_where_enumeration_is_slow(T: int) -> None:
    law, configuration = NGramLaw(2, 3, Fraction(1, 2)), Configuration((1,), math.inf)
    exact = ENGINES["type_classes"].compute(law, configuration, T)
    floats = ENGINES["closed_form"].compute(law, configuration, T)
    assert floats.excess(exact) <= 0 and 0 < floats.error < 1e-10


def test_a_scale_that_is_no_rational_is_for_float_engines() -> None:
    law, configuration, T = NGramLaw(2, 2), Configuration((1,), math.exp(1.5)), 6
    assert ENGINES["enumeration"].obstacle(law, configuration, T) is not None
    engine = choose_engine(law, configuration, T)
    assert not engine.exact
    close = Configuration((1,), Fraction(configuration.q))  # the same float, as the rational that it is
    assert engine.compute(law, configuration, T).excess(ENGINES["enumeration"].compute(law, close, T)) <= 0


@pytest.mark.parametrize("engine", ENGINES.values(), ids=lambda engine: engine.name)
@pytest.mark.parametrize(("S", "n", "T"), [(50, 12, 10**30), (50, 2, 10**6), (2, 12, 10**5), (3, 8, 300)])
def test_what_does_not_fit_is_refused_at_once(engine: Engine, S: int, n: int, T: int) -> None:
    if engine.name != "monte_carlo" or T > 10**5:
        assert engine.obstacle(NGramLaw(S, n), Configuration((1,), math.inf), T) is not None


@pytest.mark.parametrize(
    ("S", "n", "T", "c", "minutes", "due"),
    [
        (3, 3, 7, math.inf, 0.5, "type_classes"),
        (3, 3, 7, 1.5, 0.5, "closed_form"),  # no rational q
        (2, 4, 12, math.inf, 0.5, "type_classes"),
        (2, 3, 20, math.inf, 0.5, "transfer"),  # a Gauss rule: no estimate
        (2, 3, 60, math.inf, 0.5, "transfer"),  # type classes take longer
        (3, 3, 7, math.inf, 1e-4, "transfer"),  # no time for them
        (3, 2, 1000, math.inf, 0.5, "transfer"),  # out of their reach
    ],
)
def test_transfer_hands_over_what_it_would_only_estimate(S, n, T, c, minutes, due) -> None:
    law, configuration = NGramLaw(S, n), Configuration((1,), math.exp(c) if c < math.inf else c)
    options = Options(minutes=minutes)
    assert choose_engine(law, configuration, T, name="transfer", options=options).name == due
    assert choose_engine(law, configuration, T, name="transfer") is ENGINES["transfer"]
    for name in ("monte_carlo", "closed_form"):  # other engines do what they are asked for
        assert choose_engine(law, configuration, T, name=name, options=options) is ENGINES[name]
