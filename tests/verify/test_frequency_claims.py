"""SN25 and SN26: what turns them red."""

from __future__ import annotations

from dataclasses import replace

import pytest

from numerics.sub_ngrams.frequency import Corrected
from numerics.sub_ngrams.frequency_gain import FrequencyGain
from numerics.sub_ngrams.frequency_network import saturated_network
from numerics.sub_ngrams.symmetries import attention_maps
from verify.claim import Run, Verdict
from verify.papers.sub_ngrams import frequency_numbers as numbers
from verify.papers.sub_ngrams.settings import SubNGramSettings

POINT = numbers.POINTS[-1]


def test_the_other_sign_of_beta_raises_the_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "POINTS", (replace(POINT, beta=-POINT.beta),))
    found = numbers.nearer_to_stationary(SubNGramSettings(), Run())
    assert found.verdict is Verdict.REFUTED and found.details["counterexample"]["gain"][0] < 0


def test_the_wrong_scales_are_not_nearer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "POINTS", (replace(POINT, corrected=(1.0, 1.0)),))
    assert numbers.nearer_to_stationary(SubNGramSettings(), Run()).verdict is Verdict.REFUTED


def test_what_the_errors_leave_open_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    noisy = numbers.Compared(POINT.name, (3e-4, 1e-4), (2e-4, 1e-4), gain=(0.01, 0.0001))
    monkeypatch.setattr(numbers, "POINTS", (POINT,))
    monkeypatch.setattr(numbers, "compared", lambda *given: noisy)
    found = numbers.nearer_to_stationary(SubNGramSettings(), Run())
    assert found.verdict is Verdict.UNDECIDED and found.reason == "lost in the errors at S=3 k=3"


def gains(exponent: float, error: float = 1e-6) -> list[FrequencyGain]:
    return [FrequencyGain(T, float(T**exponent), error, 0.01, (1.0,)) for T in numbers.LENGTHS]


@pytest.mark.parametrize(
    ("exponent", "verdict"), [(-1.0, Verdict.VERIFIED), (-0.3, Verdict.REFUTED), (-1.7, Verdict.REFUTED)]
)
def test_another_rate_is_seen(monkeypatch: pytest.MonkeyPatch, exponent: float, verdict: Verdict) -> None:
    monkeypatch.setattr(numbers, "gains", lambda *given, **words: gains(exponent))
    assert numbers.fades(SubNGramSettings(), Run()).verdict is verdict


def test_slopes_within_their_errors_decide_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "gains", lambda *given, **words: gains(-1.0, error=1.0))
    assert numbers.fades(SubNGramSettings(), Run()).verdict is Verdict.UNDECIDED


def test_the_network_is_the_one_that_is_trained() -> None:
    """Soft heads that attend to their lag, and a uniform last row in head n-1."""
    maps = attention_maps(saturated_network(numbers.paper_law(3), Corrected((1.0, 1.0), 1.0), 8))
    assert float(maps[0, 5, 4]) == float(maps[1, 5, 3]) == 1.0
    assert float((maps[1, -1] - 1 / 8).abs().max()) < 1e-15 and float(maps[0, -1, -2]) == 1.0
