"""Claim SN11: the ladder of entropies of the next token given some lags, the losses of Lambda-grams at T = infinity.

For a kernel with positive entries the prediction of the Lambda-gram tends to P(s | h), h the tokens at the lags, and
the loss to H(s | h). One lag more, v, lowers it by the conditional mutual information of s and v given h:

    H(s | h) - H(s | h, v)  =  sum_{h, v} P(h, v) KL( P(. | h, v) || P(. | h) )  >=  0,

which is 0 only if P(s | h, v) = P(s | h) throughout. Averaged over kernels, the gap is positive as soon as one kernel
in the support of the prior has P(s | h, v) != P(s | h): the quenched gap is continuous in the kernel.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Any

from proofs.log_numbers import information
from proofs.sub_ngrams.infinite_length import Kernel, shape, stationary_weights
from proofs.sub_ngrams.law import Word

Lags = tuple[int, ...]
Joint = dict[tuple[Word, int], Any]  # (tokens at the lags, next token) -> probability


@dataclass(frozen=True)
class Rung:
    """One step of the ladder for one kernel: from `lags` to `finer`, which has one lag more.

    is_information  whether the gap of the entropies is the conditional mutual information, as an identity between
                    integer-free combinations of logarithms of probabilities
    strict          whether some P(s | h, v) differs from P(s | h), so that the gap is positive
    """

    lags: Lags
    finer: Lags
    is_information: bool
    strict: bool


def rungs(kernel: Sequence[Sequence[Fraction]]) -> Iterator[Rung]:
    """Every way to add one lag to a set of lags out of 1..n-1, for an exact kernel with positive entries."""
    _, n = shape(kernel)
    words = word_law(kernel)
    laws = {lags: joint_law(words, lags) for size in range(n) for lags in combinations(range(1, n), size)}
    for lags, coarse in laws.items():
        for lag in sorted(set(range(1, n)) - set(lags)):
            finer = tuple(sorted((*lags, lag)))
            fine = laws[finer]
            yield Rung(
                lags, finer, gap_is_information(coarse, fine, lags, finer), gap_is_strict(coarse, fine, lags, finer)
            )


def word_law(kernel: Kernel) -> Joint:
    """P(context, next token) of the stationary chain; entries of any field, or arrays of many kernels."""
    weights = stationary_weights(kernel)
    total = sum(weights.values())
    rows = zip(weights.items(), kernel, strict=True)
    return {(u, s): weight * tau / total for (u, weight), row in rows for s, tau in enumerate(row)}


def joint_law(words: Joint, lags: Lags) -> Joint:
    """P(tokens at the lags, next token), from P(context, next token)."""
    law: Joint = defaultdict(int)
    for (u, s), p in words.items():
        at = tuple(u[-lag] for lag in lags), s
        law[at] = law[at] + p  # not in place: arrays that broadcast have different shapes
    return law


def marginal(law: Joint) -> dict[Word, Any]:
    """P(tokens at the lags)."""
    contexts: dict[Word, Any] = defaultdict(int)
    for (h, _), p in law.items():
        contexts[h] = contexts[h] + p
    return contexts


def entropy(kernel: Kernel, lags: Lags) -> Any:
    """H(next token | tokens at the lags) in nats, for arrays of floats or `LogNumbers`, one entry for every kernel."""
    return entropies(kernel, [lags])[0]


def entropies(kernel: Kernel, several: Sequence[Lags]) -> list[Any]:
    """The same for several sets of lags."""
    words, found = word_law(kernel), []
    for lags in several:
        law = joint_law(words, lags)
        contexts = marginal(law)
        found.append(-sum(information(p, contexts[h]) for (h, _), p in law.items()))
    return found


def gap_is_strict(coarse: Joint, fine: Joint, lags: Lags, finer: Lags) -> bool:
    """Whether P(s | finer context) != P(s | its coarser part) for some context and token, exactly."""
    P_fine, P_coarse = marginal(fine), marginal(coarse)
    return any(
        p * P_coarse[restrict(h, finer, lags)] != coarse[restrict(h, finer, lags), s] * P_fine[h]
        for (h, s), p in fine.items()
    )


def gap_is_information(coarse: Joint, fine: Joint, lags: Lags, finer: Lags) -> bool:
    """Whether H(s | h) - H(s | h, v) and the sum of Kullback-Leibler divergences are one combination of logarithms.

    Each side is sum_i c_i log p_i with rational c_i and the p_i probabilities of events; the events are kept apart by
    name, so that equal coefficients prove equality.
    """
    gap, information = Counter[Hashable](), Counter[Hashable]()
    for (h, s), p in coarse.items():  # -sum p log p(s|h)
        gap["coarse", h, s] -= p
        gap["coarse", h] += p
    for (h, s), p in fine.items():
        gap["fine", h, s] += p
        gap["fine", h] -= p
        g = restrict(h, finer, lags)
        information["fine", h, s] += p
        information["fine", h] -= p
        information["coarse", g, s] -= p
        information["coarse", g] += p
    return {event: c for event, c in gap.items() if c} == {event: c for event, c in information.items() if c}


def restrict(h: Word, finer: Lags, lags: Lags) -> Word:
    """The tokens of a finer context at the lags of the coarser one."""
    return tuple(h[finer.index(lag)] for lag in lags)
