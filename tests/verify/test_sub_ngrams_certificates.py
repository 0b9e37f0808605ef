"""Every exact claim of sub-n-grams writes a certificate, and `verify.replay` accepts it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.certificates.completeness import without_certificate
from tests.verify.sub_ngrams_runs import found, run
from verify import replay
from verify.claim import Result
from verify.papers.sub_ngrams import PAPER
from verify.report.certificates import certificates_json
from verify.runner import select_claims

RECORDED = Path(__file__).parents[1] / "certificates" / "valid" / "sub-n-grams.json"
# minutes of sampling and training that no certificate is about
BY_FLOATS = ("SN0", "SN7", "SN14", "SN15", "SN25", "SN25e", "SN26", "SN27", "SN27c")
EXACT = [claim.id for claim in select_claims(PAPER.claims, (), BY_FLOATS)]


def accepted(results: list[Result]) -> str:
    """What is written of them, after the assertion that all of it is accepted and nothing is missing."""
    assert without_certificate(results) == []
    text = certificates_json(PAPER, results)
    entries = replay.parse(text.encode())
    assert [outcome for outcome, _ in replay.outcomes(entries, 1e8)] == ["accepted"] * len(entries)
    assert len(entries) >= 10
    return text


def test_those_at_the_defaults_are_the_recorded_ones() -> None:
    text = accepted(found("k=2 n=3", *EXACT))
    assert json.loads(text)["certificates"] == json.loads(RECORDED.read_text())["certificates"]


@pytest.mark.parametrize("words", ["k=1 n=1", "lags=2 n=3"])
def test_at_other_settings(words: str) -> None:
    accepted(found(words, *EXACT))


def test_of_one_run() -> None:
    """After each other in one process, skipped where what they rest on is not as expected."""
    results = run("k=2 n=2 alpha=1/2 initial=dirichlet seed=7", *EXACT)
    assert all(result.as_expected for result in results)
    accepted(results)
