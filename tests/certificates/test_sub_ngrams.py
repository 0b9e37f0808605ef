"""What `verify.check certificate=FILE` writes for sub-n-grams is what `verify.replay` accepts."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from verify import replay
from verify.check import get_paper, parse_request
from verify.recheck.arithmetic import Series
from verify.recheck.certificate import RejectedError, digest
from verify.recheck.registry import rechecks
from verify.recheck.sub_ngrams import bounds, chains, conditions, finite, network, positions, saddles, sequences, visits
from verify.registry import papers
from verify.report.certificates import certificates_json, exactly
from verify.runner import run_claims

PAPER = papers()["sub-n-grams"]


@pytest.mark.parametrize("value", [0.5, True, float("nan"), {1, 2}, object()])
def test_nothing_inexact_goes_into_a_certificate(value: object) -> None:
    with pytest.raises(ValueError, match="certificate"):
        exactly({"x": [value]})


@pytest.mark.parametrize(
    ("claim", "module", "name", "change"),
    [
        ("SN1", network, "score", lambda found: [-g for g in found]),
        ("SN2", network, "predicted_gradient", lambda found: {entry: -value for entry, value in found.items()}),
        ("SN2", network, "predicted_gradient", lambda found: {}),
        ("SN4", network, "conditional", lambda found: found[::-1]),
        ("SN4n", conditions, "stream", lambda X: [X[1], X[0], *X[2:]]),
        ("SN5", chains, "predicted_gradient", lambda found: {entry: value + 1 for entry, value in found.items()}),
        ("SN6", chains, "predicted_gradient", lambda found: {entry: value + 1 for entry, value in found.items()}),
        ("SN12", chains, "predicted_coefficient", lambda found: -found),
        ("SN12c", chains, "predicted_coefficient", lambda found: found + 1),
        ("SN13", chains, "predicted_gradient", lambda found: {entry: value + 1 for entry, value in found.items()}),
        ("SN16c", finite, "phi_above", lambda found: 2 * found),
        ("SN16c", finite, "type_two", lambda found: []),
        ("SN16s", finite, "phi_above", lambda found: 2 * found),
        ("SN16v", visits, "first_visit", lambda found: found / 2),
        ("SN18", finite, "mixing", lambda found: found / 1000),
        ("SN18c", finite, "gamma", lambda found: 2 * found),
        ("SN19", bounds, "gamma", lambda found: found / 2),
        ("SN19", bounds, "norm_bounds", lambda found: (found[0], found[1] / 100)),
        ("SN19", bounds, "norm_bounds", lambda found: (found[0] / 100, found[1])),
        ("SN19c", bounds, "gamma", lambda found: 2 * found),
        ("SN21", positions, "phi_below", lambda found: found / 10),
        ("SN21c", positions, "phi_above", lambda found: 2 * found),
        ("SN23", saddles, "score_blocks", lambda M: lambda *entry: 2 * M(*entry)),
        ("SN23", saddles, "loss_on_a_line", lambda found: found + 1),
        ("SN23c", saddles, "loss_on_a_line", lambda found: found + 1),
    ],
)
def test_a_changed_statement_is_rejected(
    monkeypatch: pytest.MonkeyPatch, claim: str, module: ModuleType, name: str, change: Callable[[Any], Any]
) -> None:
    """The same certificate, after a sign or a term of the statement has been changed in the checker."""
    entries = replay.read(str(Path(__file__).parent / "valid" / "sub-n-grams.json"))
    entry = next(item["entry"] for item in entries if item["entry"]["claim"] == claim)
    true = getattr(module, name)
    monkeypatch.setattr(module, name, lambda *given: change(true(*given)))
    with pytest.raises(RejectedError):
        replay.replay("sub-n-grams", entry)


def recorded(claim: str) -> dict[str, Any]:
    entries = replay.read(str(Path(__file__).parent / "valid" / "sub-n-grams.json"))
    entry: dict[str, Any] = next(item["entry"] for item in entries if item["entry"]["claim"] == claim)
    return entry


def test_a_limit_of_0_refutes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequences, "limit_entry", lambda *given: Fraction(0))
    entry = recorded("SN8")
    with pytest.raises(RejectedError, match="0 shows nothing"):
        replay.replay("sub-n-grams", {**entry, "witness": {**entry["witness"], "limit": "0"}})


def test_a_sequence_at_the_bound_is_not_beyond_it() -> None:
    """Without lags both sides are 0."""
    parameters = {"S": 2, "n": 3, "lags": [], "q": "2"}
    said = ("SN3c", rechecks()["sub-n-grams"].STATEMENTS["SN3c"], "REFUTED", parameters)
    entry = dict(zip(("claim", "statement", "verdict", "parameters"), said, strict=True))
    with pytest.raises(RejectedError, match="within the bound"):
        replay.replay("sub-n-grams", {**entry, "digest": digest(*said), "witness": {"x": [0, 1, 0, 1, 0]}})


def test_heads_that_are_not_saturated_are_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that stay equal as the logit grows move with the logits."""
    monkeypatch.setattr(network.Series, "monomial", lambda value, power, order: Series([value] + [0] * order))
    with pytest.raises(RejectedError, match="derivative of weight"):
        replay.replay("sub-n-grams", recorded("SN2"))


def of_every_lag() -> dict[str, Any]:
    entries = replay.read(str(Path(__file__).parent / "valid" / "sub-n-grams-every-lag.json"))
    entry: dict[str, Any] = next(item["entry"] for item in entries if item["entry"]["claim"] == "SN2")
    return entry


def with_heads(entry: dict[str, Any], heads: Any) -> dict[str, Any]:
    parameters = {**entry["parameters"], "heads": heads}
    said = digest(entry["claim"], entry["statement"], entry["verdict"], parameters)
    return {**entry, "parameters": parameters, "digest": said}


def test_averaging_rows_are_derived_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """That the gradient in A is 0 with literal heads too is rejected; with padded heads there is nothing to look at."""
    monkeypatch.setattr(network, "predicted_row", lambda x, h, t, lags: [Fraction(0)] * t)
    with pytest.raises(RejectedError, match=r"dl/dA\^\(2\)_\(2,1\)"):
        replay.replay("sub-n-grams", of_every_lag())
    assert replay.replay("sub-n-grams", with_heads(of_every_lag(), ["padded"]))[2].startswith("padded heads; ")


@pytest.mark.parametrize("heads", [[], ["soft"], ["literal", "padded"], "literal", None, ["literal", "literal"]])
def test_heads_that_are_none_are_rejected(heads: Any) -> None:
    with pytest.raises(RejectedError, match="heads"):
        replay.replay("sub-n-grams", with_heads(of_every_lag(), heads))


def test_true_certificates_of_a_large_vocabulary_are_not_rejected() -> None:
    """S = 20 is in the documented range; the checker used to stop at 12."""
    paper = get_paper("sub-n-grams")
    chosen, claims = parse_request(paper, {"k": "2", "n": "2", "S": "20", "select": "SN3,SN11"})
    written = certificates_json(paper, run_claims(claims, chosen))
    assert [outcome for outcome, _ in replay.outcomes(replay.parse(written.encode()), replay.LIMIT)] == ["accepted"] * 2
