"""What claims presuppose: assumptions in words, and verdicts that theory predicts only for some settings."""

from __future__ import annotations

from verify.claim import Verdict
from verify.papers.next_token.settings import NextTokenSettings

ALIGNED = "W_ov = beta W_ov* when attention is trained"
SMALL_STEP = "eta below the threshold 2 |W*| / lambda_max of NT7c"


def needs_a_degenerate_pair(settings: NextTokenSettings) -> Verdict:
    """Without one there is nothing to check."""
    from proofs.next_token.max_margin_solver import degenerate_kinds  # scipy, only where it is needed

    kinds = degenerate_kinds(settings.datasets)
    return Verdict.VERIFIED if "once" in kinds else Verdict.UNDECIDED


def needs_no_degenerate_pair(settings: NextTokenSettings) -> Verdict:
    from proofs.next_token.max_margin_solver import degenerate_kinds  # scipy, only where it is needed

    kinds = degenerate_kinds(settings.datasets)
    return Verdict.VERIFIED if "none" in kinds else Verdict.UNDECIDED
