"""SN10 and SN11: the population loss, infinite at finite length and a ladder of entropies at infinite length."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from itertools import pairwise, product
from typing import TYPE_CHECKING

from proofs.sub_ngrams.absent_tokens import (
    absent_probability,
    closed_form,
    constant_sequences,
    positive_at_every_length,
)
from proofs.sub_ngrams.law import NGramLaw, Word
from proofs.sub_ngrams.markov_types import estimated_classes
from verify.claim import (
    Certificate,
    Counterexample,
    Evidence,
    Finding,
    Run,
    claims_on,
    decide,
    how_many,
    too_dear,
    undecided,
)
from verify.papers.sub_ngrams.engines import MOST_GRAMS
from verify.papers.sub_ngrams.kernels import elimination, ladder_rungs, quadrature_points, rational_kernels
from verify.papers.sub_ngrams.premises import first_of, no_lag_to_drop, other_law
from verify.papers.sub_ngrams.settings import SubNGramSettings
from verify.papers.sub_ngrams.stationary import EVERY, evidence_of, generic_sizes

if TYPE_CHECKING:
    from proofs.sub_ngrams.escape import Words
    from proofs.sub_ngrams.ladder import Rung
    from proofs.sub_ngrams.prior import PriorMean

claim = claims_on("mathematics/sub-n-grams/loss-and-escape")

KERNELS = 3  # rational kernels on which every rung is looked at exactly
AFFORDABLE_CLASSES = 3000  # type classes of a moment's work
ENUMERABLE = 20_000  # sequences that a counterexample is checked on once more, one by one
ROUNDING = 1e-13  # of sums of logarithms in floats, for each word


@claim(
    "SN10",
    "the loss itself is infinite",
    vacuous=other_law,
    reference="mathematics/sub-n-grams/law-and-network#sn10",
)
def infinite_at_finite_length(settings: SubNGramSettings, run: Run) -> Finding:
    """At every length T >= n the next token is absent from x with positive probability, so that the population loss is
    +infinity for every theta.

    a positive lower bound at every length; exact probabilities at some, and a closed form in T that was fitted to some
    of these, agrees with the others, and is not proved for every T.
    """
    law = settings.law
    lengths = [T for T in range(law.n, law.n + 6) if _few_classes(law, T)]
    if not lengths:
        return undecided(
            f"no exact probability: at T={law.n} there are more than {AFFORDABLE_CLASSES} type classes, or more than "
            f"{MOST_GRAMS} n-grams",
            scope=f"S={law.S}, n={law.n}",
        )
    exact = {T: absent_probability(law, T) for T in lengths}
    below = next((T for T, p in exact.items() if not 0 < constant_sequences(law, T) <= p), None)
    form = closed_form(law) if law.S == 2 else None  # with more tokens it is no hypergeometric term of modest degree
    T = lengths[-1]
    return decide(
        positive_at_every_length(law) and below is None,
        evidence=Evidence.PROOF,
        scope=f"every T >= {law.n}, S={law.S}, n={law.n}, alpha={law.alpha}, initial {law.initial}; "
        f"exact at T = {lengths[0]}..{T}",
        instances=len(exact),
        found=f"{form} at T = {law.n}..{law.n + form.guessed + form.held_out - 1}"
        if form and len(str(form)) < 32
        else f"p({T}) = {exact[T]}"
        if exact[T].denominator < 10**9
        else f"p({T}) = {float(exact[T]):.6g}",
        predicted="above 0",
        counterexample=None
        if below is None
        else Counterexample(
            {"T": below, "P(next token absent)": str(exact[below])},
            partial(is_below_its_bound, law, below, exact[below]),
        ),
        details={
            "P(next token absent)": {T: str(p) for T, p in exact.items()},
            "closed form": None if form is None else str(form),
            "closed form checked at further lengths": None if form is None else form.held_out,
        },
        certificate=Certificate(
            {"S": law.S, "n": law.n, "alpha": law.alpha, "initial": law.initial, "T": lengths},
            {"probabilities": list(exact.values())},
        ),
        undecided="no lower bound was found that is positive at every length",
    )


def is_below_its_bound(law: NGramLaw, T: int, probability: Fraction) -> bool:
    """Whether this is the probability that the next token is absent, sequence by sequence, and not above 0 or not as
    large as that of the constant sequences alone. Not confirmed where there are too many sequences.
    """
    if law.S**T > ENUMERABLE:
        return False
    absent = Fraction(0)
    for x in product(range(law.S), repeat=T):
        missing = [P for s, P in enumerate(law.predictive(x)) if s not in x]
        absent += law.probability(x) * sum(missing, Fraction(0))
    return absent == probability and not 0 < constant_sequences(law, T) <= probability


def _few_classes(law: NGramLaw, T: int) -> bool:
    return law.S**law.n <= MOST_GRAMS and estimated_classes(law.S, law.n, T, tokens=law.S - 1) <= AFFORDABLE_CLASSES


@claim("SN11", "loss ladder", vacuous=first_of(no_lag_to_drop, other_law))
def ladder(settings: SubNGramSettings, run: Run) -> Finding:
    """For each kernel in the scope the entropy H(next token | lags Lambda) of its stationary chain falls strictly along
    nested lag sets; each gap, a rung, is a conditional mutual information. A gap is an analytic function of the kernel,
    and as it is not 0 at one kernel, it differs from 0 at almost every kernel.

    Every rung exactly: of the generic kernel where (S, n) permits, where strict means that a rational function of its
    entries is not 0; and of rational kernels. An instance is a rung of one kernel. The levels of the k-grams as means
    over the prior, in nats.
    """
    from proofs.sub_ngrams.infinite_length import symbolic_kernel
    from proofs.sub_ngrams.ladder import rungs

    S, n = settings.S, settings.n
    seconds = elimination(S, n) + ladder_rungs(S, n)
    kernels = rational_kernels(S, n, how_many(KERNELS, seconds, run), settings.seed)
    if not kernels:
        return too_dear(seconds, run, what="the ladder of one rational kernel", scope=f"S={S}, n={n}")
    symbolic = generic_sizes(settings)
    every = [*kernels, *(symbolic_kernel(S, n) for S, n, _ in symbolic)]
    steps = [(kernel, rung) for kernel in every for rung in rungs(kernel)]
    of_each = len(steps) // len(every)
    flat = next((step for step in steps if not (step[1].strict and step[1].is_information)), None)
    points = quadrature_points(settings, run.seconds / 3)
    means = _levels_of(settings.law, points, settings.seed) if points else None
    doubts = doubts_of_entropy(kernels) + doubts_of_quadrature(settings)
    doubts += doubts_of_levels(means, S) if means else []
    levels = in_order(means) if means else ""
    printed = (
        {"k-gram levels in nats": list(means.values), "errors": list(means.errors), "method": means.method}
        if means
        else {}
    )
    return decide(
        flat is None and not doubts,
        evidence=evidence_of(symbolic),
        scope=f"{f'almost every positive kernel, by {of_each} generic rungs; ' * bool(symbolic)}"
        f"{len(kernels) * of_each} rungs on {len(kernels)} rational kernel{'s' * (len(kernels) > 1)}, S={S}, n={n}",
        instances=len(steps),
        found=f"{len(steps)} strict rungs" + (f"; on average {levels} nats" if 0 < len(levels) < 32 else ""),
        predicted="every rung strict",
        counterexample=None if flat is None else _no_rung(*flat),
        details=printed,
        certificate=Certificate(
            {"S": S, "n": n, "kernels": EVERY if symbolic else kernels},
            {"rungs": of_each if symbolic else len(steps)},
        ),
        footnote=f"ladder    k = 1..{n}: {levels} nats, +- {max(means.errors):.0e}" if means else "",
        undecided=f"every rung is strict, but its numbers cannot be trusted: {'; '.join(doubts)}",
    )


def _no_rung(kernel: Sequence[Sequence[Fraction]], rung: Rung) -> Counterexample:
    values = {"kernel": kernel, "lags": rung.lags, "finer": rung.finer}
    return Counterexample(values, partial(is_no_rung, kernel, rung.lags, rung.finer))


def is_no_rung(kernel: Sequence[Sequence[Fraction]], lags: tuple[int, ...], finer: tuple[int, ...]) -> bool:
    """Whether the finer lags tell no more about the next token, or another amount than their information.

    No more: no square of SN12's coefficient is positive. Information: P(h,v,s) log(P(h,v,s) P(h) / (P(h,v) P(h,s))).
    """
    from proofs.sub_ngrams.escape import squares, word_weights

    (lag,) = set(finer) - set(lags)
    words = word_weights(kernel)
    if all(term.residual == 0 for term in squares(words, lags, lag)):
        return True
    P = [law_at(words, at) for at in ((*lags, lag), lags)]
    information = math.fsum(
        float(p) * math.log(p * P[1][h[:-1], None] / (P[0][h, None] * P[1][h[:-1], s]))
        for (h, s), p in P[0].items()
        if s is not None
    )
    gap = entropy_at(words, lags) - entropy_at(words, finer)
    return not abs(gap - information) <= ROUNDING * len(words)


def in_order(means: PriorMean) -> str:
    """The levels, with > between those that are more than both errors apart."""
    text = f"{means.values[0]:.5f}"
    for (a, b), (e, f) in zip(pairwise(means.values), pairwise(means.errors), strict=True):
        text += f" {'>' if a - e > b + f else '~'} {b:.5f}"
    return text


def doubts_of_levels(means: PriorMean, S: int) -> list[str]:
    """What is wrong with levels that are no entropies of at most log S, or that rise."""
    inside = all(-e <= x <= math.log(S) + e for x, e in zip(means.values, means.errors, strict=True))
    pairs = zip(pairwise(means.values), pairwise(means.errors), strict=True)
    falling = all(b - f <= a + e for (a, b), (e, f) in pairs)
    return ([] if inside else ["a level is not between 0 and log S"]) + ([] if falling else ["a level rises with k"])


def doubts_of_entropy(kernels: Sequence[Sequence[Sequence[Fraction]]]) -> list[str]:
    """What is wrong with `entropy` in floats, held against logarithms of the rationals that it stands for."""
    from proofs.sub_ngrams.escape import word_weights
    from proofs.sub_ngrams.ladder import entropy

    for kernel in kernels:
        words, floats = word_weights(kernel), [[float(x) for x in row] for row in kernel]
        for k in range(1, len(next(iter(words))) + 1):
            lags = tuple(range(1, k))
            if not abs(entropy(floats, lags) - entropy_at(words, lags)) <= ROUNDING * len(words):
                return [f"the level of the {k}-gram is not the entropy that rationals give on a rational kernel"]
    return []


def law_at(words: Words, lags: Sequence[int]) -> dict[tuple[Word, int | None], Fraction]:
    """P(tokens at these lags, last token), and P(tokens at these lags) under None."""
    total, P = sum(words.values()), defaultdict[tuple[Word, int | None], Fraction](Fraction)
    for word, weight in words.items():
        h = tuple(word[-1 - lag] for lag in lags)
        P[h, word[-1]] += weight / total
        P[h, None] += weight / total
    return P


def entropy_at(words: Words, lags: Sequence[int]) -> float:
    """H(last token | tokens at these lags), from the weights of all words of n tokens."""
    P = law_at(words, lags)
    return -math.fsum(float(p) * math.log(p / P[h, None]) for (h, s), p in P.items() if s is not None)


def doubts_of_quadrature(settings: SubNGramSettings) -> list[str]:
    """What is wrong with the same quadrature at n = 1, where the mean is psi(S alpha + 1) - psi(alpha + 1)."""
    from scipy.special import digamma

    law = NGramLaw(settings.S, 1, settings.law.alpha)
    mean = _levels_of(law, settings.quadrature_points(), settings.seed)
    exact = float(digamma(float(law.S * law.alpha) + 1) - digamma(float(law.alpha) + 1))
    agrees = abs(mean.values[0] - exact) <= mean.errors[0] + ROUNDING
    return [] if agrees else [f"at n=1 the quadrature gives {mean.values[0]:.6g}, exact is {exact:.6g}"]


def _levels_of(law: NGramLaw, points: int, seed: int) -> PriorMean:
    """E H(next token | lags 1..k-1) for k = 1..n."""
    from proofs.sub_ngrams.ladder import entropies
    from proofs.sub_ngrams.prior import prior_mean

    return prior_mean(
        law,
        lambda kernel: entropies(kernel, [tuple(range(1, k)) for k in range(1, law.n + 1)]),
        points=points,
        seed=seed,
    )
