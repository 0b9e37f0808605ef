"""Results of a check as JUnit XML, which continuous-integration servers read."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from verify import __version__
from verify.claim import Paper, Result, Verdict
from verify.printing import printable
from verify.report.plain import dumps, settings_as_plain
from verify.settings import Settings


def check_junit(paper: Paper, settings: Settings, results: Sequence[Result]) -> str:
    """A claim is a test case. It fails if its verdict is wrong; without one it is an error, or skipped.

    An expected verdict passes, whatever it is: a control that comes out REFUTED is a passed test. Times are 0, so that
    the text is the same for the same version, settings and seed.
    """
    outcomes = [outcome(result) for result in results]
    counts = {
        "tests": str(len(results)),
        "failures": str(outcomes.count("failure")),
        "errors": str(outcomes.count("error")),
    }
    root = Element("testsuites", counts | {"time": "0"})
    name = printable(f"{paper.name} {paper.headline(settings)}")
    suite = SubElement(
        root, "testsuite", {"name": name, **counts, "skipped": str(outcomes.count("skipped")), "time": "0"}
    )
    properties = SubElement(suite, "properties")
    for key, value in {"version": __version__, **settings_as_plain(settings)}.items():
        shown = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        if value not in (None, []):
            SubElement(properties, "property", {"name": key, "value": printable(shown)})
    for result, kind in zip(results, outcomes, strict=True):
        title = printable(f"{result.claim.id} {result.claim.title}")
        case = SubElement(suite, "testcase", {"classname": f"verify.{paper.name}", "name": title, "time": "0"})
        if kind:
            message = printable(
                f"{result.verdict}, expected {result.expected}: {result.finding.reason or result.finding.found}"
            )
            SubElement(case, kind, {"message": message, "type": result.verdict.value}).text = account(result)
        SubElement(case, "system-out").text = account(result)
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def outcome(result: Result) -> str:
    """The element that a test case holds: none where the verdict is the expected one."""
    if result.as_expected:
        return ""
    kinds = {Verdict.ERROR: "error", Verdict.UNDECIDED: "skipped", Verdict.SKIPPED: "skipped"}
    return kinds.get(result.verdict, "failure")


def account(result: Result) -> str:
    """What was claimed and what was found, in lines."""
    finding = result.finding
    lines = {
        "claim": result.claim.statement,
        "verdict": f"{result.verdict} (expected {result.expected})",
        "evidence": finding.evidence or "none",
        "in general": result.general or "",
        **{f"step {i}": f"{step.text} ({step.evidence})" for i, step in enumerate(result.claim.steps, 1)},
        "found": finding.found,
        "predicted": finding.predicted,
        "reason": finding.reason,
        "scope": finding.scope,
    }
    told = "".join(f"{name}: {printable(text)}\n" for name, text in lines.items() if text)
    if not result.as_expected and finding.details:
        told += f"details: {dumps(finding.details)}"
    return told
