"""The gradient of one sequence's loss in its attention logits (sub-n-grams/gradient; claim SN1)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from proofs.sub_ngrams.configuration import Configuration


def score(x: Sequence[int], P: Sequence[Fraction], configuration: Configuration) -> list[Fraction]:
    """g_j = dl/dz_j for every position j of the sequence x, in exact rationals.

    g_j = rho a_j - P(x_j) (weight of j within the positions that hold x_j), where a is the attention and rho the
    predictive mass of the tokens that occur in x. Tokens that do not occur have p_theta = 0 for every theta and
    contribute nothing. At the limit q = inf, weights are uniform over the best-matching positions, of the whole
    sequence and among those that hold x_j. P is the predictive, indexed by token; q is a Fraction or math.inf.
    """
    m = [configuration.matches(x, j) for j in range(len(x))]
    a = attention(m, configuration)
    g = [sum((P[s] for s in set(x)), Fraction(0)) * a_j for a_j in a]
    for s in set(x):
        holders = [j for j in range(len(x)) if x[j] == s]
        for j, within in zip(holders, attention([m[j] for j in holders], configuration), strict=True):
            g[j] -= P[s] * within
    return g


def attention(m: Sequence[int], configuration: Configuration) -> list[Fraction]:
    """Softmax weights of positions with match counts m: proportional to q^m, or uniform over the best at q = inf."""
    if configuration.at_limit:
        weights = [Fraction(m_j == max(m)) for m_j in m]
    else:
        weights = [Fraction(configuration.q) ** m_j for m_j in m]
    return [w / sum(weights) for w in weights]
