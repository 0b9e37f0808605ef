"""Finite length: every sequence, in rationals, with its probability under Polya's urns (SN8, SN10)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product

from verify.printing import shown
from verify.recheck.certificate import Certificate, Fields, bits
from verify.recheck.sub_ngrams.network import braces, read_lags, read_size


def read_law(f: Fields) -> tuple[Fraction, str]:
    """(alpha, initial)."""
    alpha = f.rational("alpha")
    return alpha, f.text("initial", ("uniform", "dirichlet"))


def urns(x: Sequence[int], S: int, n: int, alpha: Fraction, initial: str) -> tuple[Fraction, list[Fraction]]:
    """The probability of x, and that of every next token given x."""
    probability = Fraction(1)
    for t in range(len(x)):
        if t < n - 1 and initial == "uniform":
            probability /= S
        else:
            probability *= predictive(x[:t], S, n if t >= n - 1 else 1, alpha)[x[t]]
    return probability, predictive(x, S, n, alpha)


def predictive(x: Sequence[int], S: int, n: int, alpha: Fraction) -> list[Fraction]:
    """(alpha + N(u, s)) / (S alpha + N(u)): u the last n-1 tokens, N counts what has followed them in x."""
    end = tuple(x[len(x) - n + 1 :])
    followers = [x[t] for t in range(n - 1, len(x)) if tuple(x[t - n + 1 : t]) == end]
    return [(alpha + followers.count(s)) / (S * alpha + len(followers)) for s in range(S)]


def limit_entry(
    S: int, n: int, T: int, alpha: Fraction, initial: str, lags: Sequence[int], a: int, b: int, v: int, w: int
) -> Fraction:
    """lim M_ab[v][w] as c -> infinity: weights are uniform over the best matches, overall and on every token."""
    value = Fraction(0)
    for x in product(range(S), repeat=T):
        if x[T - 1 - a] != v:
            continue
        marked = [j for j in range(b, T) if x[j - b] == w]
        if not marked:
            continue
        m = [sum(j >= lag and x[j - lag] == x[T - lag] for lag in lags) for j in range(T)]
        best = [j for j in range(T) if m[j] == max(m)]
        probability, P = urns(x, S, n, alpha, initial)
        rho = sum((P[s] for s in set(x)), Fraction(0))
        g = rho * len(set(best) & set(marked)) / len(best)
        for s in set(x):
            held = [j for j in range(T) if x[j] == s]
            among = [j for j in held if m[j] == max(m[i] for i in held)]
            g -= P[s] * len(set(among) & set(marked)) / Fraction(len(among))
        value += probability * g
    return value


def large_norm_counterexample(c: Certificate) -> str:
    """SN8: a block that the factorised gradient sees and whose limit at fixed T is not 0."""
    S, n, T = read_size(c.parameters)
    lags = read_lags(c.parameters, n)
    alpha, initial = read_law(c.parameters)
    c.demand(alpha > 0, "parameters.alpha: not above 0")
    a, b = (c.witness.integer(key, 0, n - 1) for key in ("a", "b"))
    v, w = (c.witness.integer(key, 0, S - 1) for key in ("query token", "key token"))
    streams = {0, *lags, *(lag - 1 for lag in lags)}
    seen = (a in streams and b in lags) or (a + 1 in lags and b in streams)
    c.demand(seen, f"witness: M_{a},{b} does not stand in the factorised gradient")
    c.afford(S**T * T * (T + S + 8) // 4, "sequences", T * (8 + bits(alpha)))
    value = limit_entry(S, n, T, alpha, initial, lags, a, b, v, w)
    c.demand(value == c.witness.rational("limit"), f"witness.limit: it is {shown(value)}")
    c.demand(value != 0, "witness.limit: 0 shows nothing")
    law = f"S={S}, n={n}, alpha={shown(alpha)}, initial {initial}"
    return f"lim M_{a},{b}[{v}][{w}] = {shown(value)}; {law}, T={T}, lags {braces(lags)}"


def infinite_loss(c: Certificate) -> str:
    """SN10: exact probabilities that the next token is absent; and why that is positive at every T >= n.

    A sequence of one token only has positive probability at every length (all urns give each token at least
    alpha / (S alpha + T) > 0), and so has any other token after it.
    """
    S, n = c.parameters.integer("S", 2, 50), c.parameters.integer("n", 1, 12)
    alpha, initial = read_law(c.parameters)
    c.demand(alpha > 0, "parameters.alpha: not above 0")
    lengths, values = c.parameters.integers("T", n, 60), c.witness.rationals("probabilities")
    c.demand(bool(lengths) and len(values) == len(lengths), "witness.probabilities: not one for each T")
    for T in lengths:
        c.afford(S**T * T * (T + 8) // 8, f"sequences of length {T}", T * (8 + bits(alpha)))
    for T, value in zip(lengths, values, strict=True):
        absent = Fraction(0)
        for x in product(range(S), repeat=T):
            if len(set(x)) < S:
                probability, P = urns(x, S, n, alpha, initial)
                absent += probability * sum(P[s] for s in range(S) if s not in x)
        c.demand(absent == value > 0, f"witness.probabilities: at T={T} it is {shown(absent)}")
    return f"every T >= {n}, S={S}, n={n}, alpha={shown(alpha)}; exact at T in {braces(lengths)}"
