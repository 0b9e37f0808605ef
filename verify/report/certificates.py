"""Certificates of a check as JSON, for `verify.replay`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from verify import __version__
from verify.claim import Paper, Result
from verify.recheck.certificate import digest
from verify.replay import SCHEMA


def certificates_json(paper: Paper, results: Sequence[Result]) -> str:
    """One certificate for every claim that has one; the same text for the same version, settings and seed."""
    document = {
        "schema": SCHEMA,
        "version": __version__,
        "paper": paper.recheck or paper.name,
        "certificates": [entry(result) for result in results if result.finding.certificate is not None],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def entry(result: Result) -> dict[str, Any]:
    """One certificate. ValueError for a float: certificates are exact."""
    certificate = result.finding.certificate
    assert certificate is not None
    claim, verdict = result.claim, result.verdict.value
    parameters = exactly(certificate.parameters)
    return {
        "claim": claim.id,
        "statement": claim.statement,
        "verdict": verdict,
        "parameters": parameters,
        "digest": digest(claim.id, claim.statement, verdict, parameters),
        "witness": exactly(certificate.witness),
    }


def exactly(value: Any) -> Any:
    """As JSON without floats: whole numbers stay, Fractions become strings in lowest terms."""
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, bool | float):
        raise ValueError(f"{value!r}: a certificate holds whole numbers, fractions and strings")
    if isinstance(value, Mapping):
        return {str(key): exactly(value[key]) for key in value}
    if isinstance(value, list | tuple):
        return [exactly(item) for item in value]
    if isinstance(value, int | str):
        return value
    raise ValueError(f"{type(value).__name__}: has no place in a certificate")
