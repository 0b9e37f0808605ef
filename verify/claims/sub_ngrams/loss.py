"""SN10 and SN11: the population loss, infinite at finite length and a ladder of entropies at infinite length."""

from __future__ import annotations

import random
from fractions import Fraction

from proofs.sub_ngrams.absent_tokens import (
    absent_probability,
    closed_form,
    constant_sequences,
    positive_at_every_length,
)
from proofs.sub_ngrams.infinite_length import random_kernel
from proofs.sub_ngrams.ladder import entropy, rungs
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.markov_types import estimated_classes
from proofs.sub_ngrams.prior import PriorMean, prior_mean
from verify.claim import Certificate, Evidence, Finding, Run, decide
from verify.claims.sub_ngrams.settings import SubNGramSettings

KERNELS = 3  # rational kernels on which every rung is looked at exactly
AFFORDABLE_CLASSES = 3000  # type classes of a moment's work


def infinite_at_finite_length(settings: SubNGramSettings, run: Run) -> Finding:
    """SN10: a positive lower bound at every length; exact probabilities at some, and their closed form in T."""
    law = settings.law
    lengths = [T for T in range(law.n, law.n + 6) if _few_classes(law, T)] or [law.n]
    exact = {T: absent_probability(law, T) for T in lengths}
    bounded = all(0 < constant_sequences(law, T) <= p for T, p in exact.items())
    form = closed_form(law) if law.S == 2 else None  # with more tokens it is no hypergeometric term of modest degree
    T = lengths[-1]
    return decide(
        positive_at_every_length(law) and bounded,
        evidence=Evidence.PROOF,
        scope=f"every T >= {law.n}, S={law.S}, alpha={law.alpha}; exact at T = {lengths[0]}..{T}",
        instances=len(exact),
        found=str(form)
        if form and len(str(form)) < 32
        else f"p({T}) = {exact[T]}"
        if exact[T].denominator < 10**9
        else f"p({T}) = {float(exact[T]):.6g}",
        predicted="above 0",
        details={
            "P(next token absent)": {T: str(p) for T, p in exact.items()},
            "closed form": None if form is None else str(form),
            "closed form checked at further lengths": None if form is None else form.held_out,
        },
        certificate=Certificate(
            {"S": law.S, "n": law.n, "alpha": law.alpha, "initial": law.initial, "T": lengths},
            {"probabilities": list(exact.values())},
        ),
    )


def _few_classes(law: NGramLaw, T: int) -> bool:
    return estimated_classes(law.S, law.n, T, tokens=law.S - 1) <= AFFORDABLE_CLASSES


def ladder(settings: SubNGramSettings, run: Run) -> Finding:
    """SN11: every rung on rational kernels, exactly; the levels of the k-grams as means over the prior, in nats."""
    kernels = _kernels(settings)
    steps = [rung for kernel in kernels for rung in rungs(kernel)]
    strict = {(rung.lags, rung.finer) for rung in steps if rung.strict}
    everywhere = strict == {(rung.lags, rung.finer) for rung in steps}
    means = _levels(settings)
    levels = " > ".join(f"{value:.5f}" for value in means.values)
    return decide(
        everywhere and all(rung.is_information for rung in steps),
        evidence=Evidence.EXACT,
        scope=f"{len(strict)} rungs on {len(kernels)} rational kernels, S={settings.S}, n={settings.n}",
        instances=len(steps),
        found=levels if len(levels) < 32 else f"{len(strict)} strict rungs",
        predicted="every rung strict",
        details={"k-gram levels in nats": list(means.values), "errors": list(means.errors), "method": means.method},
        certificate=Certificate({"S": settings.S, "n": settings.n, "kernels": kernels}, {"rungs": len(steps)}),
        footnote=f"ladder    k = 1..{settings.n}: {levels} nats, +- {max(means.errors):.0e}",
    )


def _kernels(settings: SubNGramSettings) -> list[list[list[Fraction]]]:
    rng = random.Random(settings.seed)
    return [random_kernel(settings.S, settings.n, rng) for _ in range(KERNELS)]


def _levels(settings: SubNGramSettings) -> PriorMean:
    """E H(next token | lags 1..k-1) for k = 1..n."""
    return prior_mean(
        settings.law,
        lambda kernel: [entropy(kernel, tuple(range(1, k))) for k in range(1, settings.n + 1)],
        points=settings.quadrature_points(),
        seed=settings.seed,
    )
