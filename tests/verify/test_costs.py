"""Claims know what they take: instances shrink and the scope says so, or nothing is started. No clock is looked at."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Any

import pytest

from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from verify.claim import SHARE, Finding, Paper, Run, Verdict, how_many
from verify.papers.sub_ngrams import kernels
from verify.papers.sub_ngrams.engines import ENGINES, Options
from verify.papers.sub_ngrams.settings import SubNGramSettings
from verify.registry import papers
from verify.settings import validate

NO_TIME = Run(seconds=1e-9)


def check(paper: str, id: str, words: str, run: Run) -> Finding:
    settings: Any = validate(papers()[paper].settings, dict(word.split("=") for word in words.split()))
    return claim(papers()[paper], id)(settings, run)


def claim(paper: Paper, id: str) -> Any:
    return next(claim for claim in paper.claims if claim.id == id)


def test_how_many_instances() -> None:
    run = Run(seconds=10)
    assert how_many(5, 0.001, run) == 5
    assert how_many(5, 0.5, run) == 4 and how_many(5, 0.5, run, share=0.1) == 2
    assert how_many(5, 9, run) == 1  # all of the time for one, if need be
    assert how_many(5, 11, run) == 0


@pytest.mark.parametrize(
    ("paper", "id", "words"),
    [
        *(
            ("sub-n-grams", id, "k=2 n=3")
            for id in ("SN4n", "SN5", "SN6", "SN9", "SN11", "SN12c", "SN13", "SN15", "SN23", "SN23c", "SN27")
        ),
        ("sub-n-grams", "SN9", "k=3 n=3"),
        ("sub-n-grams", "SN12", "k=2 n=4"),
        *(
            ("next-token", id, "dataset=DS-A")
            for id in ("NT6w", "NT7", "NT7d", "NT9", "NT10", "NT11", "NT9t", "NT12", "NT13", "NT14", "NT15")
        ),
        ("next-token", "NT8", "dataset=DS-D"),
    ],
)
def test_what_is_too_dear_is_not_started(paper: str, id: str, words: str) -> None:
    found = check(paper, id, words, NO_TIME)
    assert found.verdict is Verdict.UNDECIDED
    assert re.search(r"would take about \S+ s, a claim may take 0 s: a larger budget=SECONDS allows more", found.reason)
    assert found.instances == 0 and not found.details


def test_without_time_for_any_engine_nothing_is_started() -> None:
    for id, reason in (("SN7", "no engine reaches T=16 in seconds"), ("SN0", "no two engines reach S=2, n=3, T=5 in")):
        found = check("sub-n-grams", id, "k=2 n=3", NO_TIME)
        assert found.verdict is Verdict.UNDECIDED and found.reason.startswith(reason)


ONE_KERNEL = Run(seconds=1.5 / SHARE * (kernels.elimination(2, 4) + kernels.in_powers(2, 4, (1,))))


def test_fewer_kernels_and_the_scope_says_so() -> None:
    assert "5 random rational kernels" in check("sub-n-grams", "SN6", "k=2 n=4", Run()).scope
    few = check("sub-n-grams", "SN6", "k=2 n=4", ONE_KERNEL)
    assert few.verdict is Verdict.VERIFIED and "1 random rational kernel," in few.scope
    assert few.certificate is not None and len(few.certificate.parameters["kernels"]) == 1


def test_fewer_sets_of_lags_and_the_scope_says_so() -> None:
    assert "8 of 8 sets, 3 rational kernels" in check("sub-n-grams", "SN13", "k=2 n=4", Run()).scope
    two = kernels.elimination(2, 4) + sum(
        kernels.at_infinity(2, 4, lags) + kernels.in_powers(2, 4, lags) for lags in ((), (1,))
    )
    few = check("sub-n-grams", "SN13", "k=2 n=4", Run(seconds=1.1 * two))
    assert few.verdict is Verdict.VERIFIED and "2 of 8 sets, 1 rational kernel," in few.scope
    assert few.details["sets of lags"] == ["{}", "{1}"]


def test_dear_levels_are_left_out_of_the_ladder() -> None:
    seconds = kernels.elimination(2, 3) + kernels.ladder_rungs(2, 3)
    few = check("sub-n-grams", "SN11", "k=2 n=3", Run(seconds=1.5 * seconds / SHARE))
    assert few.verdict is Verdict.VERIFIED and "on 1 rational kernel," in few.scope
    assert few.footnote == "" and few.found == "8 strict rungs"


def test_of_many_lengths_some_are_chosen() -> None:
    lengths = ",".join(str(T) for T in range(8, 40))
    words = f"k=2 n=2 engine=enumeration T={lengths}"
    assert check("sub-n-grams", "SN7", words, Run()).reason.startswith("no engine reaches T=")  # 2^39 sequences
    law, configuration = NGramLaw(2, 2), Configuration((1,), 10.0)
    each = ENGINES["monte_carlo"].seconds(law, configuration, 100, Options(samples=1000))
    few = check(
        "sub-n-grams",
        "SN7",
        f"k=2 n=2 engine=monte_carlo samples=1000 T={','.join(str(T) for T in range(50, 150))}",
        Run(seconds=5 * each),
    )
    assert [point["T"] for point in few.details["points"]] == [50, 74, 99, 124, 149]
    assert few.scope.endswith("T in {50, 74, 99, 124, 149}, q = T")


def test_fewer_random_models_and_the_scope_says_so() -> None:
    assert ", 4 models," in check("mean-field", "MF12", "k=1 m=2", Run()).scope
    assert ", 1 models," in check("mean-field", "MF12", "k=1 m=2 instances=1000", NO_TIME).scope
    for id, told in (("MF16", " 1 pairs of laws,"), ("MF17", "1 laws on 2 points"), ("MF18", "1 saddles ")):
        assert told in check("mean-field", id, "k=1 m=2 instances=1000", NO_TIME).scope


@pytest.mark.parametrize("id", [c.id for c in papers()["sub-n-grams"].claims if c.id not in ("SN1", "SN2", "SN15")])
def test_every_claim_ends_at_the_largest_size(id: str) -> None:
    found = check("sub-n-grams", id, "S=50 n=12", Run())
    assert found.verdict is not Verdict.ERROR
    assert found.reason if found.verdict is Verdict.UNDECIDED else found.instances > 0


def test_what_theory_predicts_does_not_depend_on_what_can_be_reached() -> None:
    for words, expected in (
        ("S=50 n=12", (Verdict.VERIFIED, Verdict.REFUTED)),
        ("k=3 n=3", (Verdict.UNDECIDED, Verdict.UNDECIDED)),
    ):
        settings = validate(SubNGramSettings, dict(word.split("=") for word in words.split()))
        claims = [claim(papers()["sub-n-grams"], id) for id in ("SN12", "SN12c")]
        assert tuple(c.expected_verdict(settings) for c in claims) == expected


def test_estimates_grow_with_the_problem() -> None:
    for S, n in ((2, 4), (3, 3), (5, 2)):
        for larger in ((S + 1, n), (S, n + 1)):
            assert kernels.elimination(*larger) > kernels.elimination(S, n)
            assert kernels.ladder_rungs(*larger) > kernels.ladder_rungs(S, n)
            assert kernels.quadrature(*larger, 10_000) > kernels.quadrature(S, n, 10_000)
            for estimate in (kernels.at_infinity, kernels.in_powers):
                assert estimate(*larger, (1,)) > estimate(S, n, (1,))


def test_engines_that_count_n_grams_refuse_more_than_fit() -> None:
    configuration = Configuration((1,), Fraction(2))
    for name in ("type_classes", "monte_carlo"):
        assert "n-grams (limit" in (ENGINES[name].obstacle(NGramLaw(50, 12), configuration, 12) or "")
    assert ENGINES["monte_carlo"].obstacle(NGramLaw(50, 3), configuration, 12) is None


def test_sequences_that_are_too_short_for_a_limit_refute_nothing_and_verify_nothing() -> None:
    """With 11 tokens only T = 2 is among the first thousand sequences, and there every limit is 0."""
    longer = check("sub-n-grams", "SN8", "S=11 n=2", Run())
    assert longer.verdict is Verdict.REFUTED and "T=3," in longer.scope
    assert check("sub-n-grams", "SN8", "S=50 n=2", Run()).verdict is Verdict.UNDECIDED


@pytest.mark.parametrize(("S", "T"), [(18, 254), (5, 875), (50, 181), (2, 1100)])
def test_more_sequences_than_floats_hold_are_too_many(S: int, T: int) -> None:
    law, configuration = NGramLaw(S, 2), Configuration((1,), math.inf)
    assert "sequences" in str(ENGINES["enumeration"].obstacle(law, configuration, T))
