"""What `verify.check certificate=FILE` writes for sub-n-grams is what `verify.replay` accepts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from verify import replay
from verify.claims import PAPERS
from verify.report.certificates import certificates_json, exactly, without_certificate
from verify.runner import run_claims, select_claims
from verify.settings import read_words, validate

PAPER = PAPERS["sub-n-grams"]
BY_FLOATS = ("SN0", "SN7", "SN14", "SN15")  # minutes of sampling and training that no certificate is about


@pytest.mark.parametrize(
    ("words", "recorded"),
    [
        ("k=2 n=3", "sub-n-grams"),
        ("k=1 n=1", None),
        ("lags=2 n=3", None),
        ("k=2 n=2 alpha=1/2 initial=dirichlet seed=7", None),
    ],
)
def test_every_exact_claim_has_a_certificate_that_is_accepted(words: str, recorded: str | None) -> None:
    settings = validate(PAPER.settings, read_words(words.split()))
    results = run_claims(select_claims(PAPER.claims, (), BY_FLOATS), settings)
    assert without_certificate(results) == []
    text = certificates_json(PAPER, results)
    entries = replay.parse(text.encode())
    assert [outcome for outcome, _ in replay.outcomes(entries, 1e8)] == ["accepted"] * len(entries) and len(
        entries
    ) >= 10
    if recorded:
        file = Path(__file__).parent / "valid" / f"{recorded}.json"
        assert json.loads(text)["certificates"] == json.loads(file.read_text())["certificates"]


@pytest.mark.parametrize("value", [0.5, True, float("nan"), {1, 2}, object()])
def test_nothing_inexact_goes_into_a_certificate(value: object) -> None:
    with pytest.raises(ValueError, match="certificate"):
        exactly({"x": [value]})
