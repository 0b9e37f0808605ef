"""Results of a check as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from verify import __version__
from verify.claim import Result
from verify.report.plain import dumps, settings_as_plain
from verify.settings import Settings

SCHEMA = "landscape-verifier/check/1"


def check_json(settings: Settings, results: Sequence[Result]) -> str:
    """The same text for the same version, settings and seed."""
    return dumps(
        {
            "schema": SCHEMA,
            "version": __version__,
            "settings": settings_as_plain(settings),
            "claims": [claim_entry(result) for result in results],
            "summary": {
                "claims": len(results),
                "as_expected": sum(result.as_expected for result in results),
                "verdicts": Counter(result.verdict.value for result in results),
            },
        }
    )


def claim_entry(result: Result) -> dict[str, Any]:
    claim, finding = result.claim, result.finding
    return {
        "id": claim.id,
        "title": claim.title,
        "statement": claim.statement,
        "assumptions": claim.assumptions,
        "requires": claim.requires,
        "control": claim.control,
        "origin": claim.origin.value,
        "reference": claim.reference,
        "verdict": result.verdict.value,
        "expected": result.expected.value,
        "evidence": None if finding.evidence is None else finding.evidence.value,
        "general": None if result.general is None else result.general.value,
        "steps": [asdict(step) for step in claim.steps],
        "formal": [asdict(theorem) for theorem in result.formal],
        "scope": finding.scope,
        "instances": finding.instances,
        "found": finding.found,
        "predicted": finding.predicted,
        "reason": finding.reason,
        "details": finding.details,
    }
