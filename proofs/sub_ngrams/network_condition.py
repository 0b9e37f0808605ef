"""The configuration meets the sufficient condition of SN4, at T = infinity and then c = infinity (claim SN4n).

G is the kernel and the tokens h at the lags of Lambda before the next token. At c = infinity attention is on the keys
that match h at all of these lags, in proportion to their stationary weights, so that

    (i)   p(s) is the mean of tau(s | u) over the final contexts u with these h,
    (ii)  d log p(s) = E[dz | match, s] - E[dz | match] is the same for all u with these h, in all entries of Q, K, V,

dz being the derivative of the logit of a key, z = <X_T Q, X_j K>, without its factors sqrt(c) and c. It is taken from
the streams and matrices themselves, not from the chain rule of SN2.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from itertools import product
from typing import Any

from proofs.identities import Identities, decide
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.escape import word_weights
from proofs.sub_ngrams.infinite_length import Kernel, shape
from proofs.sub_ngrams.law import Word

Vector = Mapping[tuple[int, int], int]  # (component, coordinate) -> entry that is not 0


def stream(word: Word, heads: tuple[int, ...]) -> Vector:
    """X at a position whose last n tokens are the word: e_{x_t}, and e_{x_{t-h}} for the heads h that are active."""
    return {(h, word[-1 - h]): 1 for h in (0, *heads)}


def image(X: Vector, slots: Mapping[int, int]) -> Vector:
    """X Q, or X K, for the matrix that has the identity from component a to slot slots[a]."""
    return {(slots[a], v): x for (a, v), x in X.items() if a in slots}


def logit_derivatives(final: Word, key: Word, lags: tuple[int, ...], S: int) -> dict[Hashable, int]:
    """dz in every entry of Q, K and V in which it is not 0, at c = 1.

    Q has component l-1 in slot l, K has component l in slot l, for every lag l; V^(h) = I for active heads.
    """
    n = len(final)
    heads = Configuration(lags, 1.0).active_heads
    X_T, X_j = stream(final, heads), stream(key, heads)
    to_query, to_key = {lag - 1: lag for lag in lags}, {lag: lag for lag in lags}
    query, held = image(X_T, to_query), image(X_j, to_key)
    found: dict[Hashable, int] = {}
    for (a, v), x in X_T.items():
        for at, y in held.items():
            found["Q", (a, v), at] = x * y
    for (b, v), x in X_j.items():
        for at, y in query.items():
            found["K", (b, v), at] = x * y
    for h, w in product(range(1, n), range(S)):  # dX = e_{x_{t-h}} dV^(h), of the last position and of the key
        if (force := held.get((to_query.get(h, 0), w), 0)) != 0:
            found["V", (h, final[-1 - h]), w] = found.get(("V", (h, final[-1 - h]), w), 0) + force
        if (force := query.get((to_key.get(h, 0), w), 0)) != 0:
            found["V", (h, key[-1 - h]), w] = found.get(("V", (h, key[-1 - h]), w), 0) + force
    return found


def merged_derivatives(final: Word, key: Word, lags: tuple[int, ...], S: int) -> dict[Hashable, int]:
    """dz in every entry of W, for the control: the first query lag that is not read is no function of h."""
    heads = Configuration(lags, 1.0).active_heads
    return {("W", at, to): 1 for at in stream(final, heads) for to in stream(key, heads)}


def conditions(kernel: Kernel, lags: tuple[int, ...], derivatives: Any = logit_derivatives) -> Identities:
    """(i) and (ii) given a kernel with positive entries; for the generic kernel, for all of them."""
    S, n = shape(kernel)
    words = word_weights(kernel)
    return decide(
        f"p = E[tau | G] and d log p is G-measurable, S={S} n={n} lags={lags}",
        (residual for h in product(range(S), repeat=len(lags)) for residual in _given(h, words, lags, S, derivatives)),
    )


def _given(
    h: Word, words: Mapping[Word, Any], lags: tuple[int, ...], S: int, derivatives: Any
) -> Iterator[tuple[str, Any]]:
    tokens = range(S)
    keys = {word: x for word, x in words.items() if tuple(word[-1 - lag] for lag in lags) == h}
    held = [sum(x for word, x in keys.items() if word[-1] == s) for s in tokens]
    mass = sum(held)
    finals = [word for word in words if tuple(word[-lag] for lag in lags) == h]  # the last n tokens
    outgoing = {word[1:]: sum(words[(*word[1:], s)] for s in tokens) for word in finals}
    ends = sum(words[word] for word in finals)
    for s in tokens:
        mean = sum(words[word] * (words[(*word[1:], s)] / outgoing[word[1:]]) for word in finals) / ends
        yield f"p({s}) given {h}", held[s] / mass - mean

    seen: dict[tuple[int, ...], list[Any]] = {}

    def d_log_p(pattern: tuple[int, ...]) -> list[Any]:
        """From dz at every key."""
        pattern = tuple(x - pattern[0] for x in pattern)  # what is added to all logits changes nothing
        if pattern not in seen:
            zero = mass - mass
            marked = [zero] * S
            for (word, weight), x in zip(keys.items(), pattern, strict=True):
                marked[word[-1]] = marked[word[-1]] + weight * x
            seen[pattern] = [marked[s] / held[s] - sum(marked) / mass for s in tokens]
        return seen[pattern]

    rows = {word: [derivatives(word, key, lags, S) for key in keys] for word in finals}
    entries = dict.fromkeys(entry for row in rows.values() for dz in row for entry in dz)
    for entry in entries:
        first, *others = (d_log_p(tuple(dz.get(entry, 0) for dz in rows[word])) for word in finals)
        for word, other in zip(finals[1:], others, strict=True):
            for s in tokens:
                yield f"d log p({s}) in {entry} after {word}", other[s] - first[s]
