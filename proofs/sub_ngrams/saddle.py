"""The saddle of second order at a configuration that leaves out a lag, at T = infinity and then c = infinity (SN23).

Let a + 1 be the first unused lag: a = k-1 for the k-gram. Token x_{T-a} is in the stream already, and so is the token
of every key. In a slot of Q and K that the configuration does not use, let Q_a = X and K_0 = Y. Nothing else stands in
that slot, so that the network sees X Y^T only: with X = 0 or with Y = 0 it is the configuration's, and the loss has no
pure derivative in either. The mixed derivative in X[v] and Y[w] is M_{a,0}[v][w]. Where that is not 0, the Hessian
restricted to the two is ((0, m), (m, 0)), with the eigenvalues m and -m.
"""

from __future__ import annotations

from typing import Any

from proofs.identities import Identities, decide
from proofs.series import Series, exponents_up_to
from proofs.sub_ngrams.escape import Words, word_weights
from proofs.sub_ngrams.infinite_length import Kernel, limit_blocks, shape

ORDER = 2
MIXED = (1, 1)


def query_lag(n: int, lags: tuple[int, ...]) -> int:
    """a, with a + 1 the first unused lag: 0, or the lag of an active head. ValueError if every lag is in use."""
    unused = [lag for lag in range(1, n) if lag not in lags]
    if not unused:
        raise ValueError(f"lags={lags}: every lag below n={n} is in use")
    return unused[0] - 1


def loss_along(words: Words, lags: tuple[int, ...], a: int, v: int, w: int) -> Series:
    """The loss minus its value at the configuration, to second order in x and y, where Q_a = x e_v and K_0 = y e_w in
    one coordinate of a free slot: the logit of a key that holds w grows by x y if the final context has v at lag a.
    """
    total = sum(words.values())
    tokens = range(1 + max(word[-1] for word in words))
    nothing, z = Series(2, ORDER), Series(2, ORDER, {MIXED: total**0})
    keys: dict[Any, Any] = {}  # weight of matching keys with each token
    finals: dict[Any, Any] = {}  # of final contexts with v at lag a, and their next tokens
    for word, weight in words.items():
        h = tuple(word[-1 - lag] for lag in lags)
        keys[h, word[-1]] = keys.get((h, word[-1]), 0) + weight
        if word[-2 - a] == v:  # the word is a final context and the next token
            finals[h, word[-1]] = finals.get((h, word[-1]), 0) + weight
    loss = nothing
    for (h, s), weight in finals.items():
        share = keys[h, w] / sum(keys[h, t] for t in tokens)
        log_p = (z.expm1() * share).log1p() * -1  # minus its value at the configuration
        loss = loss + (log_p + z if s == w else log_p) * (-weight / total)
    return loss


def mixed_derivatives(kernel: Kernel, lags: tuple[int, ...], scale: int = 1) -> Identities:
    """That of the derivatives up to the second order only the mixed ones are there, and that they are M_{a,0}.

    `scale` multiplies M: with anything but 1 the identities have to fail where M is not 0.
    """
    S, n = shape(kernel)
    a, words = query_lag(n, lags), word_weights(kernel)
    M = limit_blocks(kernel, lags, None, [(a, 0)])[a, 0]
    exponents = [e for e in exponents_up_to(ORDER, 2) if sum(e) > 0]
    return decide(
        f"derivatives in Q_{a} and K_0 up to order 2, S={S} n={n} lags={lags}",
        (
            (f"x^{e[0]} y^{e[1]} at [{v}][{w}]", series[e] - (M[v][w] * scale if e == MIXED else 0))
            for v in range(S)
            for w in range(S)
            for series in [loss_along(words, lags, a, v, w)]
            for e in exponents
        ),
    )


def entry_that_stays(kernel: Kernel, lags: tuple[int, ...]) -> tuple[int, int, Any] | None:
    """(v, w, M_{a,0}[v][w]) of an entry that is not 0, the first; None if there is none."""
    S, n = shape(kernel)
    a = query_lag(n, lags)
    M = limit_blocks(kernel, lags, None, [(a, 0)])[a, 0]
    return next(((v, w, M[v][w]) for v in range(S) for w in range(S) if M[v][w] != 0), None)
