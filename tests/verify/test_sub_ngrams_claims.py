"""Every claim has its expected verdict where theory says so, and every claim turns when its mathematics is broken."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from proofs.sub_ngrams import (
    annealed_limit,
    derivation,
    enumeration,
    estimator,
    infinite_length,
    ladder,
    sufficient_condition,
)
from proofs.sub_ngrams.score_blocks import ScoreBlocks
from verify.claim import Evidence, Result, Verdict
from verify.claims.sub_ngrams import PAPER, limits, loss, variants
from verify.engines import Engine
from verify.runner import exit_status, run_claims, select_claims
from verify.settings import read_words, validate


def run(words: str, *select: str) -> list[Result]:
    settings = validate(PAPER.settings, read_words(words.split()))
    return run_claims(select_claims(PAPER.claims, select, ()), settings)


@pytest.mark.parametrize(
    "words", ["k=2 n=3", "k=1 n=2", "k=3 n=3", "k=2 n=3 S=3", "lags=2 n=3", "alpha=1/2", "initial=dirichlet", "k=1 n=1"]
)
def test_every_verdict_is_the_expected_one(words: str) -> None:
    results = run(words)
    for result in results:
        assert result.as_expected, (result.claim.id, result.verdict, result.finding.scope, result.finding.found)
        assert result.finding.instances > 0 or result.verdict is Verdict.UNDECIDED
        assert result.finding.scope and result.finding.found
    assert exit_status(results) == 0


def test_controls_are_refuted_by_exact_counterexamples() -> None:
    by_id = {result.claim.id: result for result in run("k=2 n=3", "SN3c", "SN4c", "SN8")}
    assert {result.verdict for result in by_id.values()} == {Verdict.REFUTED}
    assert {result.finding.evidence for result in by_id.values()} == {Evidence.EXACT}
    assert by_id["SN8"].finding.details["counterexample"]["limit"] == "131/4032"


def test_the_surviving_block_of_the_bigram_case_is_enclosed() -> None:
    (result,) = run("k=1 n=2", "SN9")
    assert result.finding.evidence is Evidence.ENCLOSURE
    lower, upper = (Fraction(result.finding.details[end]) for end in ("lower", "upper"))
    assert lower <= upper < lower + Fraction(1, 10**15)
    assert abs(float(lower) - (7 / 6 - 5 / 3 * math.log(2))) < 1e-15


def test_the_ladder_of_the_bigram_case() -> None:
    """S=2, n=2, alpha=1: E H(pi) = 2 log 2 - pi^2/12, by hand from the density 1/(2 max(r, 1-r)^2) of b/(a+b)."""
    (result,) = run("k=1 n=2", "SN11")
    value, error = result.finding.details["k-gram levels in nats"][0], result.finding.details["errors"][0]
    assert abs(value - (2 * math.log(2) - math.pi**2 / 12)) <= error < 1e-10


def negated_rho(*args: Any) -> list[Fraction]:
    from proofs.sub_ngrams.score import score

    return [-g for g in score(*args)]


def zeros(engine: Engine, law: Any, configuration: Any, T: int, options: Any = None) -> ScoreBlocks:
    return ScoreBlocks.from_nested([[[[Fraction(0)] * law.S] * law.S] * law.n] * law.n)


def doubled(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **kwargs: 2 * function(*args, **kwargs)


def uniform_weights(kernel: Any) -> Any:
    return dict.fromkeys(infinite_length_weights(kernel), 1)


infinite_length_weights = infinite_length.stationary_weights

MUTATIONS = [  # claim, where, what: one formula broken at a time
    ("SN0", enumeration, "score", negated_rho),
    ("SN1", derivation, "score_derivative", doubled(derivation.score_derivative)),
    ("SN2", derivation, "score_sums", lambda x, g, S, n: [[[[g[0]] * S] * S] * n] * n),
    ("SN3", estimator, "matched_followers", lambda x, S, lags: [1] * S),
    ("SN4", sufficient_condition, "conditional", lambda weights, taus: list(taus[0])),
    ("SN5", infinite_length, "stationary_weights", uniform_weights),
    ("SN6", infinite_length, "stationary_weights", uniform_weights),
    ("SN7", limits, "parameter_norms", lambda M, configuration: {"total": 1.0}),
    ("SN8", Engine, "compute", zeros),
    ("SN9", annealed_limit, "limit_blocks", lambda kernel, lags, q, pairs: {pairs[0]: [[0 * kernel[0][0]] * 2] * 2}),
    ("SN10", loss, "absent_probability", lambda law, T: Fraction(0)),
    ("SN11", ladder, "joint_law", lambda kernel, lags: {((0,) * len(lags), s): Fraction(1, 2) for s in range(2)}),
    ("SN13", infinite_length, "stationary_weights", uniform_weights),
    ("SN14", variants, "output_gap", lambda settings, T, c_A, seed: (math.nan, 0.0)),
    ("SN14c", variants, "output_gap", lambda settings, T, c_A, seed: (1 / T, 0.0)),
    ("SN3c", estimator, "matched_followers", lambda x, S, lags: [0] * S),
    ("SN4c", sufficient_condition, "_centred", lambda p, y: [0 * y_s for y_s in y]),
]


@pytest.mark.parametrize(("id", "place", "name", "broken"), MUTATIONS, ids=[mutation[0] for mutation in MUTATIONS])
def test_a_broken_formula_turns_its_claim(
    monkeypatch: pytest.MonkeyPatch, id: str, place: Any, name: str, broken: Any
) -> None:
    monkeypatch.setattr(place, name, broken)
    (result,) = run("k=2 n=3", id)
    assert not result.as_expected


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_engines_that_return_nonsense_verify_nothing(monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    def nonsense(engine: Engine, law: Any, configuration: Any, T: int, options: Any = None) -> ScoreBlocks:
        return ScoreBlocks.from_nested([[[[value] * law.S] * law.S] * law.n] * law.n)

    monkeypatch.setattr(Engine, "compute", nonsense)
    for result in run("k=2 n=3", "SN0", "SN7"):
        assert result.verdict is not Verdict.VERIFIED
