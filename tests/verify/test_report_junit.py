"""JUnit XML: a claim is a test case, and only a verdict that is not the expected one does not pass."""

from __future__ import annotations

from xml.etree.ElementTree import Element, fromstring

import pytest

from tests.verify.report_sample import results
from verify.check import main
from verify.claim import Verdict
from verify.registry import papers
from verify.report.check_junit import check_junit
from verify.runner import exit_status

PAPER = papers()["sub-n-grams"]


def suite(changes: dict[str, dict[str, object]] | None = None) -> Element:
    found = results(PAPER.name, changes)
    root = fromstring(check_junit(PAPER, PAPER.settings(), found))
    assert root.tag == "testsuites" and [child.tag for child in root] == ["testsuite"]
    return root[0]


def kinds(case: Element) -> set[str]:
    return {child.tag for child in case} - {"system-out"}


@pytest.mark.parametrize("paper", papers())
def test_every_claim_is_a_case_and_what_is_expected_passes(paper: str) -> None:
    """Controls that come out REFUTED pass too."""
    known = papers()[paper]
    found = results(paper)
    assert {result.verdict for result in found} >= {Verdict.VERIFIED, Verdict.REFUTED}
    text = check_junit(known, known.settings(), found)
    assert text == check_junit(known, known.settings(), found)
    cases = list(fromstring(text).iter("testcase"))
    assert [case.get("name", "").split()[0] for case in cases] == [claim.id for claim in known.claims]
    assert {case.get("classname") for case in cases} == {f"verify.{paper}"}
    assert not [case for case in cases if kinds(case)]
    assert all(
        claim.statement in (case.findtext("system-out") or "") for claim, case in zip(known.claims, cases, strict=True)
    )


@pytest.mark.parametrize(
    ("id", "verdict", "kind"),
    [
        ("SN1", Verdict.REFUTED, "failure"),
        ("SN3c", Verdict.VERIFIED, "failure"),
        ("SN1", Verdict.ERROR, "error"),
        ("SN1", Verdict.UNDECIDED, "skipped"),
        ("SN3c", Verdict.SKIPPED, "skipped"),
    ],
)
def test_an_unexpected_verdict_does_not_pass(id: str, verdict: Verdict, kind: str) -> None:
    read = suite({id: {"verdict": verdict, "details": {"residual": "1/3"}}})
    (case,) = (case for case in read.iter("testcase") if kinds(case))
    assert case.get("name", "").split()[0] == id and kinds(case) == {kind}
    (child,) = case.findall(kind)
    assert child.get("type") == verdict and "expected" in child.get("message", "") and "1/3" in (child.text or "")
    counts = {name: int(read.get(name, "")) for name in ("tests", "failures", "errors", "skipped")}
    plural = {"failure": "failures", "error": "errors", "skipped": "skipped"}[kind]
    assert counts == {"tests": len(PAPER.claims), "failures": 0, "errors": 0, "skipped": 0} | {plural: 1}
    status = exit_status(results(PAPER.name, {id: {"verdict": verdict}}))
    assert status == {"failure": 1, "error": 4, "skipped": 3}[kind]


def test_times_are_nothing_and_order_is_the_one_of_the_table() -> None:
    read = suite()
    assert {case.get("time") for case in read.iter("testcase")} == {"0"} == {read.get("time")}
    properties = {entry.get("name"): entry.get("value") for entry in read.iter("property")}
    assert properties["seed"] == "0" and properties["n"] == "3" and "output" not in properties


def test_text_that_xml_cannot_hold_is_replaced_and_the_rest_escaped() -> None:
    bad = ']]> <failure/> & "quoted" \x00\x1b\ufffe\ud800 θ'
    read = suite({"SN1": {"verdict": Verdict.REFUTED, "found": bad, "scope": bad, "details": {}}})
    (case,) = (case for case in read.iter("testcase") if kinds(case))
    said = (case.findtext("system-out") or "") + (case.findtext("failure") or "")
    assert "\\x00\\x1b\\ufffe\\ud800 θ" in said and "<failure/>" in said and len(case.findall("failure")) == 1


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["paper=next-token", "select=NT7m", "dataset=DS-A", "format=junit"]) == 0
    root = fromstring(capsys.readouterr().out)
    assert root.get("tests") == "1" and root.get("failures") == "0"
