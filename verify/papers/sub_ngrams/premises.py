"""For which settings claims say something: why there is nothing to check, "" where there is something; and verdicts."""

from __future__ import annotations

from collections.abc import Callable

from proofs.sub_ngrams.law import NGramLaw
from verify.claim import Verdict
from verify.papers.sub_ngrams.settings import SubNGramSettings, braces


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


def needs_all_lags(settings: SubNGramSettings) -> str:
    return f"it needs Lambda = {braces(range(1, settings.n))}, here it is {braces(settings.lag_set)}"


def no_full_context(settings: SubNGramSettings) -> str:
    return no_lags(settings) or ("" if settings.full_context else needs_all_lags(settings))


def no_lag_read_and_lag_unread(settings: SubNGramSettings) -> str:
    return no_lags(settings) or ("every lag is read (see SN17)" if settings.full_context else "")


def other_law(settings: SubNGramSettings) -> str:
    """For claims that are about the mean over the symmetric prior, or checked with it."""
    symmetric = isinstance(settings.any_law, NGramLaw)
    return "" if symmetric else "checked under symmetric priors only: alpha=NUMBER, initial=uniform or dirichlet"


def kernel_with_a_zero(settings: SubNGramSettings) -> str:
    """For claims about kernels with positive entries, which take the one of the settings."""
    own = settings.own_kernel
    return "" if own is None or all(x > 0 for row in own for x in row) else "the kernel of the file has an entry 0"


def first_of(*premises: Callable[[SubNGramSettings], str]) -> Callable[[SubNGramSettings], str]:
    """The first reason that one of these gives."""
    return lambda settings: next((why for premise in premises if (why := premise(settings))), "")
