"""The configuration meets the sufficient condition at infinite length (SN4n), by dual numbers in the network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from verify.recheck.arithmetic import Dual, total
from verify.recheck.certificate import Certificate
from verify.recheck.sub_ngrams.chains import Chain, Word, at, read_chains, read_S_n
from verify.recheck.sub_ngrams.network import braces, read_lags

Entry = tuple[str, int, int, int, int]  # matrix, component (head), token, slot, coordinate


def parameters(S: int, n: int) -> Iterator[Entry]:
    """All entries of Q and K, and of V^(h)."""
    for name, a, v, slot, w in product("QK", range(n), range(S), range(n), range(S)):
        yield name, a, v, slot, w
    for h, v, w in product(range(1, n), range(S), range(S)):
        yield "V", h, v, 0, w


def stream(word: Word, S: int, lags: Sequence[int], entry: Entry) -> list[list[Any]]:
    """Components 0..n-1 of X where the last n tokens are these; V^(h) = I for heads in use, the entry has tangent 1."""
    heads = {0, *lags, *(lag - 1 for lag in lags)}
    X: list[list[Any]] = [[int(h in heads and word[-1 - h] == s) for s in range(S)] for h in range(len(word))]
    name, h, v, _, w = entry
    if name == "V" and word[-1 - h] == v:
        X[h][w] = Dual(X[h][w], 1)
    return X


def image(X: list[list[Any]], place: dict[int, int], S: int, entry: Entry | None) -> dict[tuple[int, int], Any]:
    """X times the matrix with the identity from component a to slot place[a], the entry having tangent 1."""
    found: dict[tuple[int, int], Any] = {
        (place[a], v): x for a, row in enumerate(X) if a in place for v, x in enumerate(row)
    }
    if entry is not None:
        _, a, v, slot, w = entry
        found[slot, w] = found.get((slot, w), 0) + Dual(0, 1) * X[a][v]
    return found


def slope(final: Word, key: Word, S: int, lags: Sequence[int], entry: Entry) -> int:
    """dz of z = <X_T Q, X_j K> in the entry, c = 1."""
    name = entry[0]
    query = image(stream(final, S, lags, entry), {lag - 1: lag for lag in lags}, S, entry if name == "Q" else None)
    held = image(stream(key, S, lags, entry), {lag: lag for lag in lags}, S, entry if name == "K" else None)
    z = Dual.of(total(query[place] * held[place] for place in query.keys() & held.keys()))
    tangent: int = z.tangent
    return tangent


def cost(S: int, n: int, L: int) -> int:
    """Operations for all parameters, final words and keys that match."""
    operations: int = (2 * (n * S) ** 2 + (n - 1) * S * S) * S ** (2 * n - L) * 4 * n * S
    return operations


def check_conditions(c: Certificate, words: Chain, S: int, n: int, lags: tuple[int, ...]) -> None:
    tokens = range(S)
    tau = {u: [words[(*u, s)] / total(words[(*u, t)] for t in tokens) for s in tokens] for u in {w[1:] for w in words}}
    for h in product(tokens, repeat=len(lags)):
        keys = {w: x for w, x in words.items() if at(w, lags) == h}
        finals = [w for w in words if tuple(w[-lag] for lag in lags) == h]
        held = [total(x for w, x in keys.items() if w[-1] == s) for s in tokens]
        mass = total(held)
        for s in tokens:
            mean = total(words[w] * tau[w[1:]][s] for w in finals) / total(words[w] for w in finals)
            c.zero(held[s] / mass - mean, f"(i) for token {s} after {braces(h)}")
        for entry in parameters(S, n):
            first: list[Any] = []
            for u in finals:
                moved = {w: slope(u, w, S, lags, entry) * x for w, x in keys.items()}
                overall = total(moved.values()) / mass
                d_log_p = [total(x for w, x in moved.items() if w[-1] == s) / held[s] - overall for s in tokens]
                first = first or d_log_p
                for s in tokens:
                    c.zero(d_log_p[s] - first[s], f"(ii) in {entry} after {braces(u)}")


def configuration_meets_the_condition(c: Certificate) -> str:
    """SN4n."""
    S, n = read_S_n(c.parameters)
    lags = read_lags(c.parameters, n)
    chains, scope = read_chains(c, S, n, cost(S, n, len(lags)), "derivatives of the logits")
    for words in chains:
        check_conditions(c, words, S, n, lags)
    return f"(i) and (ii); {scope}, S={S}, n={n}, lags {braces(lags)}"
