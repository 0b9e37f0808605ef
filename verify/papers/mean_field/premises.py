"""What claims presuppose: assumptions in words, and for which settings they say something."""

from __future__ import annotations

from verify.claim import Verdict, claims_on
from verify.papers.mean_field.settings import MeanFieldSettings

claim = claims_on("mathematics/mean-field")
FINITE = "finite model: m orthonormal features, H of full rank k"


def no_saddle(settings: MeanFieldSettings) -> str:
    """With m = k every full-rank H has loss 0."""
    return "" if settings.m > settings.k else "the loss is 0 everywhere at m = k"


def control_unless_no_saddle(settings: MeanFieldSettings) -> Verdict:
    return Verdict.VERIFIED if no_saddle(settings) else Verdict.REFUTED
