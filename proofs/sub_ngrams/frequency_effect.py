"""What a frequency term does to the loss, exactly: at small T over all sequences, and at T = infinity (claims SN25a,
SN25c, SN25d, SN26a).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from typing import Any

from sympy.polys.domains import ZZ
from sympy.polys.fields import field

from proofs.identities import Identities, decide
from proofs.sub_ngrams.derivation import closed_form
from proofs.sub_ngrams.escape import Words
from proofs.sub_ngrams.frequency import FrequencyConfiguration
from proofs.sub_ngrams.law import NGramLaw, Word, require_ngram_law


@dataclass(frozen=True)
class FrequencyEffect:
    """At theta_k, over all sequences of length T.

    slope     dL/dbeta of the term -beta f(x_j), f the frequencies in the sequence
    corpus    of -beta f(x_j), f the frequencies in the whole corpus, E N(s)/T
    previous  of -beta f(x_{j-1}), on the token before
    gain      E sum_s P(s) (1 - p(s)/p^+(s)) over the tokens that occur: since log y >= 1 - 1/y, the loss of theta_k^+
              is lower than that of theta_k, at the same scales, by at least so much
    """

    slope: Fraction
    corpus: Fraction
    previous: Fraction
    gain: Fraction


def frequency_effect(law: NGramLaw, configuration: FrequencyConfiguration) -> FrequencyEffect:
    """At theta_k with the scales of this configuration; the gain with its beta."""
    require_ngram_law(law)
    S, T = law.S, configuration.T
    plain = replace(configuration, damping=Fraction(1))
    slope = previous = gain = Fraction(0)
    by_token = [Fraction(0)] * S  # E sum over the positions that hold s of g_j
    frequency = [Fraction(0)] * S
    for x in product(range(S), repeat=T):
        weight, P, E = law.probability(x), law.predictive(x), plain.weights(x)
        f = [Fraction(x.count(s), T) for s in range(S)]
        p, corrected = plain.output(x, S), configuration.output(x, S)
        gain += weight * sum((P[s] * (1 - p[s] / corrected[s]) for s in set(x)), Fraction(0))
        for s in range(S):
            frequency[s] += weight * f[s]
        for j in range(T):
            g = weight * closed_form(x, j, E, P)
            slope -= g * f[x[j]]
            by_token[x[j]] += g
            if j:
                previous -= g * f[x[j - 1]]
    corpus = -sum((g * f for g, f in zip(by_token, frequency, strict=True)), Fraction(0))
    return FrequencyEffect(slope, corpus, previous, gain)


def calibrated_at_infinity(S: int, n: int, k: int) -> Identities:
    """Claim SN26a: at T = infinity, then c = infinity, dL/dbeta = 0 at beta = 0, for every kernel and every f.

    The law of a word of n tokens is any weights W(w), w = (u, s): the context u and the next token. theta_k predicts
    p(s) = W(h, s) / W(h) from the last k-1 tokens h of u, the truth is W(u, s) / W(u); all are symbols, f(s) too.
    """
    names = [f"w{''.join(map(str, word))}" for word in product(range(S), repeat=n)] + [f"f{s}" for s in range(S)]
    _, *symbols = field(names, ZZ)
    words = dict(zip(product(range(S), repeat=n), symbols, strict=False))
    slope = _slope_and_curvature(words, symbols[-S:], k)[0]
    return decide(f"dL/dbeta = 0 for all kernels and f, S={S} n={n} k={k}", [("dL/dbeta", slope)])


def curvature_at_infinity(words: Words, k: int) -> tuple[Fraction, Fraction]:
    """dL/dbeta and d2L/dbeta2 at beta = 0, T = infinity, c = infinity, f the law of one token; exact on given weights
    of words of n tokens, any multiple of their law.
    """
    total = sum(words.values())
    S = 1 + max(word[-1] for word in words)
    f = [sum((w for word, w in words.items() if word[-1] == s), Fraction(0)) / total for s in range(S)]
    slope, curvature = _slope_and_curvature({word: w / total for word, w in words.items()}, f, k)
    return slope, curvature


def _slope_and_curvature(words: Any, f: Any, k: int) -> tuple[Any, Any]:
    """-sum_u W(u) sum_s f(s) (p(s|h) - tau(s|u)) and sum_u W(u) Var_p(f), tau(s|u) = W(u, s) / W(u)."""
    by_read = dict[Word, dict[Word, Any]]()
    for word, w in words.items():
        by_read.setdefault(word[len(word) - k : -1], {})[word] = w
    slope = curvature = 0
    for alike in by_read.values():  # the words with the same h
        read, joint, truth = 0, [0] * len(f), 0
        for word, w in alike.items():
            read += w
            joint[word[-1]] += w
            truth += w * f[word[-1]]  # W(u) tau(s|u) f(s)
        p = [w / read for w in joint]
        mean = sum(p_s * f_s for p_s, f_s in zip(p, f, strict=True))
        slope -= read * mean - truth
        curvature += read * (sum(p_s * f_s * f_s for p_s, f_s in zip(p, f, strict=True)) - mean * mean)
    return slope, curvature
