"""The one place where a verdict is given cannot be fooled."""

import math
from typing import Any

import pytest

from proofs.identities import Identities
from verify.claim import (
    NOTHING,
    Certificate,
    Claim,
    Counterexample,
    Evidence,
    Finding,
    Result,
    Run,
    Verdict,
    decide,
    from_identities,
    too_dear,
)
from verify.registry import papers


def finding(holds: bool, instances: int = 1, counterexample: Counterexample | None = None) -> Finding:
    return decide(
        holds,
        evidence=Evidence.EXACT,
        scope="",
        instances=instances,
        found="",
        predicted="",
        undecided="not known",
        counterexample=counterexample,
    )


def test_verified_needs_a_positive_test_and_an_instance() -> None:
    assert finding(True).verdict is Verdict.VERIFIED
    assert finding(False).verdict is Verdict.UNDECIDED
    assert finding(True, instances=0).verdict is Verdict.UNDECIDED


def test_nan_verifies_nothing() -> None:
    error = math.nan
    assert finding(error <= 1.0).verdict is Verdict.UNDECIDED


def test_truthy_values_are_not_true() -> None:
    assert finding(1).verdict is Verdict.UNDECIDED  # type: ignore[arg-type]  # a caller without types


@pytest.mark.parametrize(
    ("recheck", "verdict"), [(True, Verdict.REFUTED), (False, Verdict.UNDECIDED), (math.nan, Verdict.UNDECIDED)]
)
def test_refuted_needs_a_counterexample_that_fails_twice(recheck: bool, verdict: Verdict) -> None:
    assert finding(False, counterexample=Counterexample({"x": 1}, lambda: recheck)).verdict is verdict


def test_a_counterexample_forbids_verified() -> None:
    assert finding(True, counterexample=Counterexample({}, lambda: True)).verdict is Verdict.UNDECIDED
    assert finding(True, counterexample=Counterexample({}, lambda: False)).verdict is Verdict.UNDECIDED


def test_a_counterexample_without_instances_refutes_nothing() -> None:
    assert finding(False, instances=0, counterexample=Counterexample({}, lambda: True)).verdict is Verdict.UNDECIDED


@pytest.mark.parametrize("paper", papers().values(), ids=lambda paper: paper.name)
def test_claims_are_complete(paper) -> None:  # type: ignore[no-untyped-def]  # a fixture value
    ids = [claim.id for claim in paper.claims]
    assert len(set(ids)) == len(ids)
    for claim in paper.claims:
        assert claim.title and claim.statement.endswith(".")
        assert set(claim.requires) <= set(ids)
        assert callable(claim.check)
    assert any(claim.control for claim in paper.claims)


GOOD, FALSE, EMPTY = (
    Identities("good", 3, 0, None),
    Identities("false", 3, 1, "x: residual 1"),
    Identities("empty", 0, 0, None),
)


@pytest.mark.parametrize(
    ("proofs", "verdict"),
    [
        ([GOOD, GOOD], Verdict.VERIFIED),
        ([GOOD, EMPTY], Verdict.UNDECIDED),
        ([EMPTY], Verdict.UNDECIDED),
        ([], Verdict.UNDECIDED),
        ([GOOD, FALSE], Verdict.REFUTED),
    ],
)
def test_identities_decide_when_all_hold(proofs: list[Identities], verdict: Verdict) -> None:
    found = from_identities(lambda: proofs, "")
    assert found.verdict is verdict and found.instances == sum(proof.checked for proof in proofs)
    counterexample = found.details.get("counterexample")
    assert counterexample == ({"identity": "false", "residual": "x: residual 1"} if FALSE in proofs else None)


def test_an_identity_that_fails_only_once_refutes_nothing() -> None:
    runs = iter([[FALSE], [GOOD]])
    assert from_identities(lambda: next(runs), "").verdict is Verdict.UNDECIDED


@pytest.mark.parametrize(("holds", "kept"), [(True, True), (False, False)])
def test_only_a_decided_claim_has_a_certificate(holds: bool, kept: bool) -> None:
    certificate = Certificate({"S": 2})
    found = decide(
        holds,
        evidence=Evidence.EXACT,
        scope="",
        instances=1,
        found="",
        predicted="",
        undecided="",
        certificate=certificate,
    )
    assert (found.certificate is certificate) is kept
    assert from_identities(lambda: [GOOD], "", certificate=certificate).certificate is certificate


def test_the_expected_verdict() -> None:
    def claim(**words: Any) -> Claim:
        return Claim("X1", "x", "x.", "module:check", **words)

    assert claim().expected_verdict(None) is Verdict.VERIFIED
    assert claim(control=True).expected_verdict(None) is Verdict.REFUTED
    assert (
        claim(control=True, expected=lambda settings: settings).expected_verdict(Verdict.UNDECIDED) is Verdict.UNDECIDED
    )


def test_every_undecided_finding_says_why() -> None:
    assert finding(True, instances=0).reason == NOTHING
    assert finding(False).reason and finding(True).reason == ""
    unconfirmed = finding(False, counterexample=Counterexample({}, lambda: False))
    assert "second computation" in unconfirmed.reason
    assert finding(False, counterexample=Counterexample({}, lambda: True)).reason == ""


def test_what_is_too_dear_says_how_dear_and_what_to_do() -> None:
    reason = too_dear(1e7, Run(seconds=15), what="all words").reason
    assert "1e+07 s" in reason and "15 s" in reason and "budget" in reason


@pytest.mark.parametrize(
    ("id", "control", "verdict", "theorem"),
    [
        ("SN3", False, Verdict.VERIFIED, "estimator_bound"),
        ("SN3", False, Verdict.UNDECIDED, None),
        ("SN3", False, Verdict.REFUTED, None),
        ("SN3c", True, Verdict.REFUTED, "half_bound_fails"),
        ("SN3c", True, Verdict.VERIFIED, None),
        ("SN7", False, Verdict.VERIFIED, None),
    ],
)
def test_a_formal_theorem_stands_by_the_verdict_that_it_proves(
    id: str, control: bool, verdict: Verdict, theorem: str | None
) -> None:
    result = Result(Claim(id, "x", "x.", "m:f", control=control), verdict, Finding(verdict, ""), 0.0)
    assert [found.theorem for found in result.formal][:1] == ([theorem] if theorem else [])
