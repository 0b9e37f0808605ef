"""The loss averaged over positions (SN21, SN21c): sequence by sequence, position by position, as means over keys."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from typing import Any

from verify.recheck.certificate import Certificate, Fields, RejectedError, array, bits, rational
from verify.recheck.sub_ngrams.finite import Word, phi_above, type_two
from verify.recheck.sub_ngrams.network import braces, read_lags
from verify.recheck.sub_ngrams.sequences import urns

Law = Sequence[tuple[Word, Fraction]]
Sums = dict[Word, Fraction]  # (query token, key token) -> entry


def averaged(law: Law, n: int, lags: Sequence[int], q: Fraction | None, ab: tuple[int, int]) -> Sums:
    """(1/m) sum_t E 1{y occurs} 1{x_{t-a} = v} (mean over keys of 1{x_{j-b} = w} - that where x_j = y), y = x_{t+1}."""
    (a, b), (top, bottom), M = ab, (q or Fraction(1)).as_integer_ratio(), Sums()
    power = [top**i * bottom ** (len(lags) - i) for i in range(len(lags) + 1)]
    for x, probability in law:
        m = len(x) - n + 1
        for t in range(n - 1, len(x)):
            keys = range(t)
            holders = [j for j in keys if x[j] == x[t]]
            if a >= t or not holders:
                continue
            matches = [sum(j >= lag and x[j - lag] == x[t - lag] for lag in lags) for j in keys]
            for sign, chosen in ((1, keys), (-1, holders)):
                best = max(matches[j] for j in chosen)
                weight = {j: int(matches[j] == best) if q is None else power[matches[j]] for j in chosen}
                total, marked = sum(weight.values()), dict[int, int]()
                for j in chosen:
                    if j >= b:
                        marked[x[j - b]] = marked.get(x[j - b], 0) + weight[j]
                for w, held in marked.items():
                    vw = (x[t - 1 - a], w)
                    M[vw] = M.get(vw, Fraction(0)) + sign * probability / m * Fraction(held, total)
    return M


def size(M: Sums) -> Fraction:
    up = sum((x for x in M.values() if x > 0), Fraction(0))
    return max(up, -sum((x for x in M.values() if x < 0), Fraction(0)))


def phi_below(x: Fraction, terms: int = 30) -> Fraction:
    """At most x (1 - log x), x < 1: x = y / 2^k, 1/2 < y <= 1, and -log y is at least sum_{i<=N} (1-y)^i / i."""
    if x >= 1:
        return Fraction(1)

    def minus_log(y: Fraction) -> Fraction:
        return sum(((1 - y) ** i / i for i in range(1, terms + 1)), Fraction(0))

    halvings = 0
    while x * 2**halvings <= Fraction(1, 2):
        halvings += 1
    return x * (1 + halvings * minus_log(Fraction(1, 2)) + minus_log(x * 2**halvings))


def every_position(c: Certificate) -> str:
    """SN21: sizes of averaged blocks against phi(K r / m); averaged over a prior, of M_{a,0}, all lags read."""
    S, n = c.parameters.integer("S", 2, 50), c.parameters.integer("n", 2, 12)
    lags, alpha = read_lags(c.parameters, n), c.parameters.rational("alpha")
    c.demand(bool(lags), "parameters.lags: none")
    c.demand(alpha > 0, "parameters.alpha: not above 0")
    blocks, laws = 0, 0
    for item in c.parameters.objects("instances"):
        annealed, law = item.integer("annealed", 0, 1), read_law(item, S, n)
        T, qs = len(law[0][0]) - 1, [read_q(q, item.where) for q in array(item.any("q"), item.where)]
        if annealed:
            c.afford(S ** (T + 1) * T, "sequences", T * (8 + bits(alpha)))
            c.demand(is_prior(law, S, n, alpha), f"{item.where}.law: not the mean over the prior")
        for q in qs:
            c.afford(len(law) * T * T * (4 + n * len(lags)), "positions", T * (bits(q or Fraction(1)) + 8))
            for ab, allowed in bounds(S, n, lags, alpha, T, q, annealed=bool(annealed)).items():
                found = size(averaged(law, n, lags, q, ab))
                c.demand(found <= allowed, f"{item.where}: |M_{ab}| = {float(found):.6g} > {float(allowed):.6g}")
                blocks += 1
        laws += 1
        item.finish()
    c.demand(blocks > 0, "parameters.instances: none")
    return f"{blocks} blocks of {laws} laws of sequences, S={S}, n={n}, lags {braces(lags)}"


def bounds(
    S: int, n: int, lags: Sequence[int], alpha: Fraction, T: int, q: Fraction | None, *, annealed: bool
) -> dict[tuple[int, int], Fraction]:
    """For each block whose key lag is read, phi(K r / m); for M_{a,0} too where it has a bound."""
    m, r, L = T - n + 2, max(Fraction(1), Fraction(0) if q is None else T / q), len(lags)
    found = dict.fromkeys(product(range(n), lags), phi_below(S ** (L + 1) * r / m))
    if annealed and n - 1 == L:
        D, own = S ** (n - 1), max(Fraction(1), S * alpha)
        two = phi_below(D * r / m) + (1 - Fraction(1, S)) * phi_below(D * own / m)
        found |= dict.fromkeys(type_two(n, lags), two)
    return found


def read_q(value: Any, where: str) -> Fraction | None:
    """q >= 1, or None where it is "inf"."""
    q = None if value == "inf" else rational(value, f"{where}.q")
    if q is not None and q < 1:
        raise RejectedError(f"{where}.q: below 1")
    return q


def read_law(item: Fields, S: int, n: int) -> Law:
    """Sequences of one length with probabilities that add up to 1."""
    law = list[tuple[Word, Fraction]]()
    for entry in item.objects("law"):
        law.append((tuple(entry.integers("x", 0, S - 1)), entry.rational("probability")))
        entry.finish()
    if not law or min(p for _, p in law) < 0 or sum(p for _, p in law) != 1:
        raise RejectedError(f"{item.where}.law: probabilities do not add up to 1")
    if len({len(x) for x, _ in law}) != 1 or len(law[0][0]) < n + 1:
        raise RejectedError(f"{item.where}.law: not sequences of one length, n+1 at least")
    return law


def is_prior(law: Law, S: int, n: int, alpha: Fraction) -> bool:
    """Whether all sequences are there, once each, with the probability that Pólya urns give them."""
    length = len(law[0][0])
    if len(law) != S**length or len({x for x, _ in law}) != len(law):
        return False
    initials = ("uniform", "dirichlet")
    return any(all(urns(x, S, n, alpha, initial)[0] == p for x, p in law) for initial in initials)


def beyond(c: Certificate) -> str:
    """SN21c: an averaged block with a+1 in Lambda and b not in Lambda beyond phi(K r / m), of one sequence."""
    S, n = c.parameters.integer("S", 2, 50), c.parameters.integer("n", 2, 12)
    lags, q = read_lags(c.parameters, n), c.parameters.rational("q")
    c.demand(q >= 1, "parameters.q: below 1")
    x = tuple(c.witness.integers("x", 0, S - 1))
    a, b = (c.witness.integer(key, 0, n - 1) for key in ("a", "b"))
    c.demand((a, b) in type_two(n, lags), f"witness: M_{a},{b} is no such block")
    T = len(x) - 1
    c.demand(n <= T, "witness.x: too short")
    c.afford(T * T * (6 + len(lags)), "positions", 64 + T)
    value = averaged([(x, Fraction(1))], n, lags, q, (a, b)).get((0, 0), Fraction(0))
    told = c.witness.rational("value, rounded down")
    c.demand(told == Fraction(int(value * 10**6 // 1), 10**6), f"witness.value, rounded down: it is {float(value):.6f}")
    limit = phi_above(S ** (len(lags) + 1) * max(Fraction(1), T / q) / (T - n + 2))
    c.demand(value > limit, f"witness: {float(value):.6g} is not above {float(limit):.6g}")
    return f"M_{a},{b}[0][0] = {float(value):.6g} > {float(limit):.6g}; S={S}, n={n}, lags {braces(lags)}, T={T}"
