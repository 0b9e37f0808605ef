"""For which settings claims say something: why there is nothing to check, "" where there is something; and verdicts."""

from __future__ import annotations

from verify.claim import Verdict
from verify.papers.sub_ngrams.settings import SubNGramSettings


def control_unless_no_lags(settings: SubNGramSettings) -> Verdict:
    return Verdict.REFUTED if settings.lag_set else Verdict.VERIFIED


def control_unless_full_context(settings: SubNGramSettings) -> Verdict:
    return Verdict.VERIFIED if settings.full_context else Verdict.REFUTED


def no_lags(settings: SubNGramSettings) -> str:
    return "" if settings.lag_set else "without lags the factorised gradient is 0, and there is no such block"


def no_heads(settings: SubNGramSettings) -> str:
    return "" if settings.lag_set else "no lag is in use, so no head is"


def no_lag_to_drop(settings: SubNGramSettings) -> str:
    return "" if settings.n > 1 else "at n = 1 there is no lag"


def no_unused_lag(settings: SubNGramSettings) -> str:
    return "every lag is in use" if settings.full_context else ""


def no_full_context(settings: SubNGramSettings) -> str:
    return no_lags(settings) or ("" if settings.full_context else "a lag below n is not read")


def no_lag_read_and_lag_unread(settings: SubNGramSettings) -> str:
    return no_lags(settings) or ("every lag is read (see SN17)" if settings.full_context else "")
