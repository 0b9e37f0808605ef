"""What claims presuppose: assumptions in words, and for which datasets they say something."""

from __future__ import annotations

from verify.claim import Verdict, claims_on
from verify.papers.next_token.comparisons import by_reason
from verify.papers.next_token.settings import NextTokenSettings

claim = claims_on("mathematics/next-token")
ALIGNED = "W_ov = beta W_ov* when attention is trained"
ATTENDING = "each sentence attends most to its optimal token at t=T"
SMALL_STEP = "eta below the threshold 2 |W*| / lambda_max, which NT7c exceeds"

LOST_AT_ONCE = "another token occurs more often than the optimal one, so that dominance is not there at t=0"

KINDS = {
    "none": "no degenerate pair",
    "once": "degenerate pairs",
    "twice": "a pair is degenerate for the drift, too",
}


def no_degenerate_pair(settings: NextTokenSettings) -> str:
    return _without(settings, "once")


def only_degenerate_pairs(settings: NextTokenSettings) -> str:
    return _without(settings, "none")


def _without(settings: NextTokenSettings, kind: str) -> str:
    """What the datasets are instead, if none is of this kind."""
    from proofs.next_token.max_margin_solver import degenerate_kinds  # scipy, only where it is needed

    kinds = degenerate_kinds(settings.datasets)
    if kind in kinds:
        return ""
    names = {other: [d.name for d, k in zip(settings.datasets, kinds, strict=True) if k == other] for other in KINDS}
    return by_reason({KINDS[other]: found for other, found in names.items()})


def unless_lost_at_once(settings: NextTokenSettings) -> Verdict:
    """UNDECIDED where dominance is not there at t = 0 in any dataset, so that nothing holds as long as it lasts."""
    from proofs.next_token.layers import optimal_is_most_frequent

    return Verdict.VERIFIED if any(map(optimal_is_most_frequent, settings.datasets)) else Verdict.UNDECIDED
