"""What claims presuppose: assumptions in words, and verdicts that theory predicts only for some settings."""

from __future__ import annotations

from verify.claim import Verdict
from verify.papers.mean_field.settings import MeanFieldSettings

FINITE = "finite model: m orthonormal features, H of full rank k"


def needs_a_saddle(settings: MeanFieldSettings) -> Verdict:
    """With m = k every full-rank H has loss 0, and there is nothing to check."""
    return Verdict.VERIFIED if settings.m > settings.k else Verdict.UNDECIDED


def control_unless_no_saddle(settings: MeanFieldSettings) -> Verdict:
    return Verdict.REFUTED if settings.m > settings.k else Verdict.VERIFIED
