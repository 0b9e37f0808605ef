"""True certificates of the mean-field paper, and what the tests do with them."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

from tests.certificates.completeness import without_certificate
from verify import replay
from verify.papers.mean_field import PAPER
from verify.papers.mean_field.settings import MeanFieldSettings
from verify.recheck.certificate import digest
from verify.recheck.mean_field import STATEMENTS
from verify.report.certificates import certificates_json
from verify.runner import run_claims
from verify.settings import validate

EXACT = [claim for claim in PAPER.claims if claim.id in STATEMENTS]
LANDSCAPE = ("MF6", "MF6c", "MF7", "MF9c")  # those with a witness

Entry = dict[str, Any]


@cache
def produced(k: int, m: int, only: tuple[str, ...] = tuple(STATEMENTS)) -> tuple[dict[str, Entry], list[str]]:
    """(claim -> certificate, settled claims without one) of a check at k, m."""
    settings = validate(MeanFieldSettings, {"k": str(k), "m": str(m)})
    results = run_claims([claim for claim in EXACT if claim.id in only], settings)
    parsed = replay.parse(certificates_json(PAPER, results).encode())
    return {item["entry"]["claim"]: item["entry"] for item in parsed}, without_certificate(results)


def entry(claim: str, k: int, m: int) -> Entry:
    """A copy of a true certificate."""
    return copy.deepcopy(produced(k, m, LANDSCAPE if claim in LANDSCAPE else (claim,))[0][claim])


def accept(item: Entry) -> str:
    """The scope; an error if the certificate is not accepted. The digest is made to fit: it protects nothing here."""
    item["digest"] = digest(item["claim"], item["statement"], item["verdict"], item["parameters"])
    return replay.replay("mean-field", item)[2]


def made(claim: str, verdict: str = "VERIFIED", **parameters: Any) -> Entry:
    """A certificate without a witness."""
    return {
        "claim": claim,
        "statement": STATEMENTS[claim],
        "verdict": verdict,
        "parameters": parameters,
        "digest": "",
        "witness": {},
    }
