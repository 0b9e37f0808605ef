"""SN8: the norm alone does not suffice, at fixed length."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING

from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.enumeration import enumeration
from proofs.sub_ngrams.law import NGramLaw
from verify.claim import (
    Certificate,
    Counterexample,
    Evidence,
    Finding,
    Origin,
    Run,
    claims_on,
    decide,
    from_identities,
    too_dear,
    undecided,
)
from verify.papers.sub_ngrams.engines import (
    ENGINES,
    Options,
    choose_engine,
    reached,
)
from verify.papers.sub_ngrams.identities import affordable
from verify.papers.sub_ngrams.premises import control_unless_no_lags, other_law
from verify.papers.sub_ngrams.settings import SubNGramSettings, braces

if TYPE_CHECKING:
    pass

claim = claims_on("mathematics/sub-n-grams/limits")

ENUMERABLE = 1000  # sequences that a counterexample is checked on once more, one by one


@claim(
    "SN8",
    "c -> infinity at fixed T (control)",
    requires=("SN2",),
    expected=control_unless_no_lags,
    vacuous=other_law,
    beside="SN5",
    origin=Origin.CONTROL,
)
def large_norm_suffices(settings: SubNGramSettings, run: Run) -> Finding:
    """At fixed T the factorised population gradient tends to 0 as c -> infinity.

    One non-zero limit of a block refutes it.
    """
    if not settings.lag_set:
        return critical_without_lags(settings)
    law, configuration = settings.law, Configuration(settings.lag_set, math.inf)
    streams = (0, *configuration.active_heads)
    visible = [(a, lag) for a in streams for lag in settings.lag_set]
    visible += [(lag - 1, b) for lag in settings.lag_set for b in streams]
    where, shortest = None, max(settings.n, min(8, settings.enumerable_length(ENUMERABLE)))
    for T in (shortest, shortest + 1):  # of many tokens, the first sequences are too short to repeat any
        if not reached(law, configuration, T, exact=True):
            return undecided(f"no exact engine reaches S={law.S}, n={law.n}, T={T}")
        engine = choose_engine(law, configuration, T, exact=True)
        seconds = sum(e.seconds(law, configuration, T, Options()) for e in (engine, ENGINES["enumeration"]))
        if seconds > run.seconds:
            return too_dear(seconds, run, what=f"all sequences of T={T}, by two engines", scope=f"S={law.S}, n={law.n}")
        M = engine.compute(law, configuration, T)
        where = next(
            ((a, b, v, w) for a, b in visible for v in range(law.S) for w in range(law.S) if M[a, b][v][w] != 0), None
        )
        if where is not None:
            break
    counterexample, certificate, found = None, None, "all limits 0"
    if where is not None:
        a, b, v, w = where
        limit = Fraction(M[a, b][v][w])
        found = f"lim M_{{{a},{b}}}[{v}][{w}] = {limit}"
        counterexample = Counterexample(
            {"T": T, "block": [a, b], "entry": [v, w], "limit": str(limit)},
            partial(is_nonzero_limit, law, configuration, T, where, limit),
        )
        certificate = Certificate(
            {"S": law.S, "n": law.n, "T": T, "lags": settings.lag_set, "alpha": law.alpha, "initial": law.initial},
            {"a": a, "b": b, "query token": v, "key token": w, "limit": limit},
        )
    return decide(
        where is None,
        evidence=Evidence.EXACT,
        scope=f"padded heads; S={law.S}, n={law.n}, T={T}, alpha={law.alpha}, initial {law.initial}, "
        f"lags {braces(settings.lag_set)}",
        instances=len(visible) * law.S**2,
        found=found,
        predicted="not 0",
        counterexample=counterexample,
        certificate=certificate,
        undecided="a limit was not computed",
    )


def is_nonzero_limit(
    law: NGramLaw, configuration: Configuration, T: int, where: tuple[int, int, int, int], limit: Fraction
) -> bool:
    """Whether this is the entry's limit as c -> infinity, sequence by sequence, and not 0."""
    a, b, v, w = where
    return enumeration(law, configuration, T)[a, b][v][w] == limit != 0


def critical_without_lags(settings: SubNGramSettings) -> Finding:
    """SN7 and SN8 without lags: nothing of Q, K, V is switched on, and the literal network's derivatives are all 0."""
    from proofs.sub_ngrams import derivation

    S, n, T, _ = affordable(settings)
    return from_identities(
        lambda: [derivation.chain_rule(S, n, T, ())],
        f"no lags, padded heads; all c, P; S={S}, n={n}, T={T}, every sequence",
        certificate=Certificate({"S": S, "n": n, "T": T, "lags": []}),
    )
