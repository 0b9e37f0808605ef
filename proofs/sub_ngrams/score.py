"""The gradient of one sequence's loss in its attention logits (sub-n-grams/gradient; claim SN1)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from proofs.sub_ngrams.configuration import Configuration, Row


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
    """Softmax weights of positions with match counts m: proportional to q^(m/unit); uniform over the best at q = inf.

    ValueError where these weights are not rational.
    """
    if configuration.at_limit:
        best = max(m)
        weights = [Fraction(m_j == best) for m_j in m]
    else:
        root = rational_root(configuration)
        weights = [root**m_j for m_j in m]
    total = sum(weights)
    return [w / total for w in weights]


def rational_root(configuration: Configuration) -> Fraction:
    """q^(1/unit), the base of all weights. A float q is the rational number that it is. ValueError if there is none."""
    exact = Configuration(configuration.lags, Fraction(configuration.q), configuration.heads)
    if exact.root is None:
        raise ValueError(f"q={configuration.q}: literal heads need a q whose root of degree {exact.unit} is rational")
    return exact.root


def row_slopes(x: Sequence[int], g: Sequence[Any], configuration: Configuration) -> dict[Row, list[Any]]:
    """dl/dA^(h)_{t,i} / c for i = 1..t, in the rows (h, t) where literal heads average; g from any field.

    The key at t reads sum_i w_i e_{x_i} with w = softmax of the row, all w_i = 1/t, and its logit is c times the weight
    of x_{T-h+1} in it: dl/dA_{t,i} = g_t c (1{x_i = x_{T-h+1}} - mean over the row) / t.
    """
    slopes = {}
    for h, t in configuration.averaging_rows:
        holds = [int(x[i] == x[len(x) - h]) for i in range(t)]
        slopes[h, t] = [g[t - 1] * (t * hold - sum(holds)) / t**2 for hold in holds]
    return slopes
