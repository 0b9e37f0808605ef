"""theta_k^+, the k-gram with a frequency term: what the network computes, and what the term does (SN24, SN25, SN26)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import product
from typing import Any

from verify.printing import shown
from verify.recheck.arithmetic import total
from verify.recheck.certificate import Certificate, bits
from verify.recheck.sub_ngrams.chains import EVERY, at, grouped, read_chains
from verify.recheck.sub_ngrams.network import dot, read_size, score
from verify.recheck.sub_ngrams.sequences import read_law, urns

Matrix = list[list[Any]]


def parameters(S: int, n: int, root_cs: Sequence[Any], root_beta: Any) -> dict[str, dict[tuple[int, int], Any]]:
    """Q and K at theta_k^+: by (stream, slot) the number r of a block r I; all other blocks are 0."""
    Q, K = {(n - 1, 0): root_beta}, {(0, 0): -root_beta}
    for lag, root in enumerate(root_cs, 1):
        Q[lag - 1, lag] = K[lag, lag] = root
    return {"Q": Q, "K": K}


def logit(S: int, n: int, query: Matrix, key: Matrix, theta: dict[str, dict[tuple[int, int], Any]]) -> Any:
    """<X_T Q, X_j K> slot by slot; query and key are what is read at lag 0 and by heads 1..n-1, with V = I."""
    z = []
    for slot, i in product(range(n), range(S)):
        left = total(query[a][i] * theta["Q"][a, slot] for a in range(n) if (a, slot) in theta["Q"])
        right = total(key[b][i] * theta["K"][b, slot] for b in range(n) if (b, slot) in theta["K"])
        z.append(left * right)
    return total(z)


def frequencies(x: Sequence[int], S: int) -> list[Fraction]:
    return [Fraction(list(x).count(s), len(x)) for s in range(S)]


def reads(x: Sequence[int], j: int, n: int, k: int, S: int, one: Any) -> Matrix:
    """At position j: its own token, what padded heads 1..n-2 read, and head n-1, uniform at the last position."""
    found = [[one * int(j >= lag and x[j - lag] == s) for s in range(S)] for lag in range(n)]
    if j == len(x) - 1 or k < n:
        found[n - 1] = [one * list(x[: j + 1]).count(s) / (one * (j + 1)) for s in range(S)]
    return found


def network_with_a_frequency_term(c: Certificate) -> str:
    """SN24: first for any reads, so that T and x are any, then with those of every sequence of length T."""
    S, n, T = read_size(c.parameters)
    c.demand(n > 1, "parameters.n: no head")
    c.afford(n * (S**T * T + 1) * 8 * n * n * S, "logits of every sequence")
    F = c.field
    for k in range(1, n + 1):
        root_cs, root_beta = F.draws(k - 1), F.draw()
        theta = parameters(S, n, root_cs, root_beta)
        query, key = [F.draws(S) for _ in range(n)], [F.draws(S) for _ in range(n)]
        expected = total(root * root * dot(query[lag - 1], key[lag]) for lag, root in enumerate(root_cs, 1))
        expected = expected - root_beta * root_beta * dot(query[n - 1], key[0])
        c.zero(logit(S, n, query, key, theta) - expected, f"z for any reads, k={k}")
        for x in product(range(S), repeat=T):
            query = reads(x, T - 1, n, k, S, F.one)
            for j in range(T):
                z = logit(S, n, query, reads(x, j, n, k, S, F.one), theta)
                c.zero(z - predicted_logit(x, j, n, k, root_cs, root_beta, F.one), f"z_{j} at x={x}, k={k}")
    return f"padded heads; every T, c, beta; S={S}, n={n}, k=1..{n}; by exhaustion T={T}"


def predicted_logit(x: Sequence[int], j: int, n: int, k: int, root_cs: Sequence[Any], root_beta: Any, one: Any) -> Any:
    """sum_l c_l m_jl - beta f(x_j)."""
    T, z = len(x), []
    for lag, root in enumerate(root_cs, 1):
        if k == n == lag + 1 and j == T - 1:
            m = one * list(x).count(x[T - lag]) / (one * T)
        else:
            m = one * int(j >= lag and x[j - lag] == x[T - lag])
        z.append(root * root * m)
    return total(z) - root_beta * root_beta * (one * list(x).count(x[j]) / (one * T))


@dataclass(frozen=True)
class Effect:
    """At theta_k: dL/dbeta of the term on x_j, of the corpus' frequencies, of the term on x_{j-1}; a bound on the
    gain of theta_k^+.
    """

    slope: Fraction
    corpus: Fraction
    previous: Fraction
    gain: Fraction

    @property
    def lowers(self) -> bool:
        return self.slope < 0 < self.gain


def effects(c: Certificate) -> tuple[list[Effect], str]:
    """For k = 1..n, over all sequences; and the scope. They have to be those of the certificate."""
    S, n, T = read_size(c.parameters)
    alpha, initial = read_law(c.parameters)
    root, damping = c.parameters.rational("e^(c/T)"), c.parameters.rational("e^(-beta/T)")
    c.demand(n > 1 and alpha > 0 and root >= 1 and 0 < damping < 1, "parameters: no head, or numbers out of range")
    c.afford(n * S**T * T * (T + 4 * S + 16), "sequences", T * (8 + bits(alpha)) + n * T * bits(root, damping))
    found = [effect(S, n, T, alpha, initial, k, root, damping) for k in range(1, n + 1)]
    for name in ("slope", "corpus", "previous", "gain"):
        values = [getattr(one, name) for one in found]
        c.demand(c.witness.rationals(name) == values, f"witness.{name}: it is {', '.join(map(shown, values))}")
    law = f"S={S}, n={n}, T={T}, alpha={shown(alpha)}, initial {initial}, k=1..{n}"
    return found, f"padded heads; {law}; e^(c/T) = {shown(root)}, e^(-beta/T) = {shown(damping)}"


@lru_cache(maxsize=64)  # the certificates of SN25a, c, d and f mostly share their parameters
def effect(S: int, n: int, T: int, alpha: Fraction, initial: str, k: int, root: Fraction, damping: Fraction) -> Effect:
    slope = corpus = previous = gain = Fraction(0)
    for x in product(range(S), repeat=T):
        probability, P = urns(x, S, n, alpha, initial)
        f, E = frequencies(x, S), []
        for j in range(T):
            whole = [int(j >= lag and x[j - lag] == x[T - lag]) * T for lag in range(1, k)]
            if k == n and j == T - 1:
                whole[-1] = x.count(x[T - n + 1])
            E.append(root ** sum(whole))
        damped = [E_j * damping ** x.count(s) for E_j, s in zip(E, x, strict=True)]
        g = score(x, E, P)
        slope -= probability * sum(g_j * f[s] for g_j, s in zip(g, x, strict=True))
        corpus -= probability * sum(g) / S  # each token is as frequent as any other
        previous -= probability * sum((g[j] * f[x[j - 1]] for j in range(1, T)), Fraction(0))
        for s in set(x):
            p, corrected = (Fraction(sum(w for w, y in zip(W, x, strict=True) if y == s)) / sum(W) for W in (E, damped))
            gain += probability * P[s] * (1 - p / corrected)
    return Effect(slope, corpus, previous, gain)


def lowers_the_loss(c: Certificate) -> str:
    """SN25a."""
    found, scope = effects(c)
    c.demand(all(one.lowers for one in found), "a slope is not below 0, or a gain not above")
    return scope


def corpus_does_nothing(c: Certificate) -> str:
    """SN25c."""
    found, scope = effects(c)
    c.demand(any(not one.corpus < 0 for one in found), "every slope is below 0")
    return scope


def token_before_does_less(c: Certificate) -> str:
    """SN25d."""
    found, scope = effects(c)
    c.demand(any(not 2 * one.previous <= one.slope for one in found), "every slope is at most half of the other")
    return scope


def raises_the_loss(c: Certificate) -> str:
    """SN25f."""
    found, scope = effects(c)
    c.demand(any(not one.slope < 0 for one in found), "every slope is below 0")
    return scope


def nothing_at_infinite_length(c: Certificate) -> str:
    """SN26a: sum_s f(s) (sum_h P(h) p(s|h) - sum_u P(u) tau(s|u)) = 0; the second derivative is a mean of variances."""
    S, n = c.parameters.integer("S", 2, 50), c.parameters.integer("n", 2, 12)
    chains, scope = read_chains(c, S, n, 8 * n * S**n, "slopes")
    f = c.field.draws(S)
    for words in chains:
        for k in range(1, n + 1):
            lags = range(1, k)
            P_h = grouped(words, lambda w, lags=lags: at(w, lags))  # type: ignore[misc]
            P_hs = grouped(words, lambda w, lags=lags: (at(w, lags), w[-1]))  # type: ignore[misc]
            P_u = grouped(words, lambda w: w[:-1])
            predicted = [(u, total(P_hs[at((*u, 0), lags), s] / P_h[at((*u, 0), lags)] * f[s] for s in range(S)))
                         for u in P_u]  # fmt: skip
            slope = total(P_u[u] * mean for u, mean in predicted) - total(w * f[word[-1]] for word, w in words.items())
            c.zero(slope, f"dL/dbeta at k={k}")
    return f"every f; {EVERY if scope == EVERY else scope}, S={S}, n={n}, k=1..{n}"
