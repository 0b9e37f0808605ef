"""Which claims lack a certificate."""

from __future__ import annotations

from collections.abc import Sequence

from verify.claim import Evidence, Result, Verdict

EXACT = (Evidence.PROOF, Evidence.EXACT)


def without_certificate(results: Sequence[Result]) -> list[str]:
    """Claims settled by `proof` or `exact` that have none: there should be no such claim."""
    settled = (Verdict.VERIFIED, Verdict.REFUTED)
    return [
        result.claim.id
        for result in results
        if result.verdict in settled and result.finding.evidence in EXACT and result.finding.certificate is None
    ]
