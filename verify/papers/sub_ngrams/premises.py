"""What claims presuppose: assumptions in words, and verdicts that theory predicts only for some settings."""

from __future__ import annotations

from verify.claim import Verdict
from verify.papers.sub_ngrams.settings import SubNGramSettings


def control_unless_no_lags(settings: SubNGramSettings) -> Verdict:
    return Verdict.REFUTED if settings.lag_set else Verdict.VERIFIED


def control_unless_full_context(settings: SubNGramSettings) -> Verdict:
    return Verdict.VERIFIED if settings.full_context else Verdict.REFUTED


def needs_a_lag_to_drop(settings: SubNGramSettings) -> Verdict:
    return Verdict.VERIFIED if settings.n > 1 else Verdict.UNDECIDED


def needs_lags(settings: SubNGramSettings) -> Verdict:
    return Verdict.VERIFIED if settings.lag_set else Verdict.UNDECIDED


def control_needs_lags(settings: SubNGramSettings) -> Verdict:
    return Verdict.REFUTED if settings.lag_set else Verdict.UNDECIDED


def has_an_unused_lag(settings: SubNGramSettings) -> bool:
    return settings.n > 1 and not settings.full_context


def needs_an_unused_lag(settings: SubNGramSettings) -> Verdict:
    return Verdict.VERIFIED if has_an_unused_lag(settings) else Verdict.UNDECIDED


def control_needs_an_unused_lag(settings: SubNGramSettings) -> Verdict:
    return Verdict.REFUTED if has_an_unused_lag(settings) else Verdict.UNDECIDED


def needs_full_context(settings: SubNGramSettings) -> Verdict:
    return Verdict.VERIFIED if settings.lag_set and settings.full_context else Verdict.UNDECIDED


def needs_an_unused_lag_and_one(settings: SubNGramSettings) -> Verdict:
    return Verdict.VERIFIED if settings.lag_set and not settings.full_context else Verdict.UNDECIDED


def control_needs_an_unused_lag_and_one(settings: SubNGramSettings) -> Verdict:
    return Verdict.REFUTED if settings.lag_set and not settings.full_context else Verdict.UNDECIDED
