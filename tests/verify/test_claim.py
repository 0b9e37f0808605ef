"""The one place where a verdict is given cannot be fooled."""

import math

import pytest

from verify.claim import Counterexample, Evidence, Finding, Verdict, decide
from verify.claims import PAPERS


def finding(holds: bool, instances: int = 1, counterexample: Counterexample | None = None) -> Finding:
    return decide(
        holds,
        evidence=Evidence.EXACT,
        scope="",
        instances=instances,
        found="",
        predicted="",
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


@pytest.mark.parametrize("paper", PAPERS.values(), ids=lambda paper: paper.name)
def test_claims_are_complete(paper) -> None:  # type: ignore[no-untyped-def]  # a fixture value
    ids = [claim.id for claim in paper.claims]
    assert len(set(ids)) == len(ids)
    for claim in paper.claims:
        assert claim.title and claim.statement.endswith(".")
        assert set(claim.requires) <= set(ids)
        assert callable(claim.load())
    assert any(claim.control for claim in paper.claims)
