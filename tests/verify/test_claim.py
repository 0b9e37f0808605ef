"""The one place where a verdict is given cannot be fooled."""

import math
from types import ModuleType
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
    Origin,
    Result,
    Run,
    Step,
    Verdict,
    claim,
    claims_of,
    claims_on,
    decide,
    from_identities,
    too_dear,
    undecided,
)
from verify.registry import papers


def finding(
    holds: bool, instances: int = 1, counterexample: Counterexample | None = None, undecided: str = "not known"
) -> Finding:
    return decide(
        holds,
        evidence=Evidence.EXACT,
        scope="",
        instances=instances,
        found="",
        predicted="",
        undecided=undecided,
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
    for each in paper.claims:
        assert each.title and each.statement.endswith(".") and each.reference
        assert set(each.requires) <= set(ids)
    assert any(each.control for each in paper.claims)


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
    def made(**words: Any) -> Claim:
        return Claim("X1", "x", "x.", "", never, **words)

    assert made().expected_verdict(None) is Verdict.VERIFIED
    assert made(origin=Origin.CONTROL).expected_verdict(None) is Verdict.REFUTED
    by_settings = made(origin=Origin.CONTROL, expected=lambda settings: settings)
    assert by_settings.expected_verdict(Verdict.UNDECIDED) is Verdict.UNDECIDED


def test_the_page_of_a_claim_has_an_anchor_of_its_id() -> None:
    def check(settings: object, run: Run) -> Finding:
        """x."""
        raise AssertionError

    assert claims_on("pages/x")("XY7c", "x")(check).reference == "pages/x#xy7c"
    assert claims_on("pages/x")("XY7c", "x", reference="pages/y#z")(check).reference == "pages/y#z"
    assert claim("XY7c", "x")(check).reference == ""


def test_where_there_is_nothing_to_check_the_check_is_not_called() -> None:
    """And UNDECIDED is expected exactly there, by the same function."""
    found = undecided("as far as the check went")
    made = Claim("X1", "x", "x.", "", lambda settings, run: found, vacuous=lambda settings: settings)
    assert made("", Run()) is found and made.expected_verdict("") is Verdict.VERIFIED
    assert made.expected_verdict("no lag") is Verdict.UNDECIDED
    vacuous = Claim("X1", "x", "x.", "", never, vacuous=lambda settings: settings)("no lag", Run())
    assert (vacuous.verdict, vacuous.reason, vacuous.scope) == (Verdict.UNDECIDED, f"{NOTHING}: no lag", "no lag")


def never(settings: object, run: Run) -> Finding:
    raise AssertionError


def test_a_claim_is_made_of_its_check() -> None:
    @claim("X12c", "x (control)", requires=["X1"], origin=Origin.CONTROL, reference="page#x12c")
    def check(settings: int, run: Run) -> Finding:
        """Every x
        is y.

        By z.
        """
        return undecided(f"settings {settings}")

    assert (check.statement, check.mathematics, check.requires) == ("Every x is y.", "By z.", ("X1",))
    assert check.control and check(3, Run()).reason == "settings 3"


def test_a_claim_without_statement_or_with_a_strange_id_is_refused() -> None:
    with pytest.raises(ValueError, match="X1: its check has no docstring"):
        claim("X1", "x")(never)
    for id in ("", "7", "SN", "SN7C", "S-7"):
        with pytest.raises(ValueError, match="must be letters, a number"):
            claim(id, "x")


def test_claims_of_modules_come_by_number_and_once() -> None:
    def check(settings: object, run: Run) -> Finding:
        """It holds."""
        raise AssertionError

    module, other = ModuleType("module"), ModuleType("other")
    for id in ("X10", "X2", "X2c"):
        setattr(module, id, claim(id, id)(check))
    other.imported = module.X2
    assert [found.id for found in claims_of(module, other)] == ["X2", "X2c", "X10"]
    other.again = claim("X10", "another")(check)
    with pytest.raises(ValueError, match="two claims are called X10"):
        claims_of(module, other)


def test_every_undecided_finding_says_why() -> None:
    assert finding(True, instances=0).reason == f"{NOTHING}: not known"
    assert finding(True, instances=0, undecided=f"{NOTHING}: no lag is in use").reason == f"{NOTHING}: no lag is in use"
    assert finding(True, instances=0, undecided="").reason == NOTHING
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
    result = Result(
        Claim(id, "x", "x.", "", never, origin=Origin.CONTROL if control else Origin.DERIVED),
        verdict,
        Finding(verdict, ""),
        0.0,
    )
    assert [found.theorem for found in result.formal][:1] == ([theorem] if theorem else [])
    assert result.general is (Evidence.FORMAL if theorem else None)


def test_theorems_on_a_part_of_a_claim_are_not_its_general_form() -> None:
    """SN2 is about rows of A and literal heads, too."""
    found = Finding(Verdict.VERIFIED, "padded and literal heads")
    result = Result(Claim("SN2", "x", "x.", "", never), Verdict.VERIFIED, found, 0.0)
    assert len(result.formal) == 3 and result.general is None


STEPS = (Step("a", Evidence.FORMAL, theorem="x"), Step("b", Evidence.WRITTEN), Step("c", Evidence.EXACT))


@pytest.mark.parametrize(
    ("verdict", "steps", "general"),
    [
        (Verdict.VERIFIED, STEPS, Evidence.WRITTEN),
        (Verdict.VERIFIED, STEPS[::2], Evidence.EXACT),
        (Verdict.UNDECIDED, STEPS, None),
        (Verdict.REFUTED, STEPS, None),
    ],
)
def test_a_proof_is_worth_its_weakest_step(verdict: Verdict, steps: tuple[Step, ...], general: Evidence | None) -> None:
    """SN3 has a theorem in Coq: steps that rest on less are not hidden behind it."""
    result = Result(Claim("SN3", "x", "x.", "", never, steps=steps), verdict, Finding(verdict, ""), 0.0)
    assert result.general is general


@pytest.mark.parametrize("grade", [Evidence.FORMAL, Evidence.WRITTEN])
def test_no_verdict_rests_on_what_no_run_finds_out(grade: Evidence) -> None:
    with pytest.raises(ValueError, match=f"evidence {grade}"):
        decide(True, evidence=grade, scope="x", instances=1, found="", predicted="", undecided="x")
