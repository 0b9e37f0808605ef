"""Q_a and K_0 moved in a slot that the configuration does not use (SN23): the loss along a line in both."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from typing import Any

from verify.recheck.arithmetic import Series, is_zero, total
from verify.recheck.certificate import Certificate
from verify.recheck.sub_ngrams.chains import (
    EVERY,
    Chain,
    at,
    block_cost,
    chain,
    check_kernel,
    grouped,
    read_chains,
    read_S_n,
    score_blocks,
)
from verify.recheck.sub_ngrams.network import braces, read_lags

ORDER = 2


def loss_on_a_line(words: Chain, S: int, lags: Sequence[int], a: int, Q: Sequence[Any], K: Sequence[Any]) -> Series:
    """The loss minus its value at the configuration, up to t^2, where token v at query lag a has the coordinate t Q[v]
    in a free slot, and a key with token w has t K[w] there: the key's logit grows by t^2 Q[v] K[w].
    """
    finals = grouped(words, lambda x: (at(x, lags), x[-2 - a], x[-1]))
    keys = grouped(words, lambda x: (at(x, lags), x[-1]))
    change = Series([0] * (ORDER + 1))
    for h, v in dict.fromkeys((h, v) for h, v, _ in finals):
        logits = [Series.monomial(Q[v], 1, ORDER) * Series.monomial(K[w], 1, ORDER) for w in range(S)]
        share = 1 / total(keys[h, w] for w in range(S))
        overall = total(logits[w].expm1() * (keys[h, w] * share) for w in range(S)).log1p()
        for s in range(S):
            change = change - (logits[s] - overall) * finals[h, v, s]
    return change


def query_lag(c: Certificate, n: int, lags: Sequence[int]) -> int:
    unused = [lag for lag in range(1, n) if lag not in lags]
    c.demand(bool(unused), "parameters.lags: every lag is in use")
    return unused[0] - 1


def cost(S: int, n: int, L: int) -> int:
    """Operations for the series of three lines, and for the block by its formula."""
    operations: int = 3 * (4 * S**n + 60 * S ** (L + 2)) + S * S * block_cost(S, n, L)
    return operations


def second_order_saddle(c: Certificate) -> str:
    """SN23 along random lines: with one of Q_a, K_0 at rest nothing happens; with both, order 2 is Q M_{a,0} K."""
    S, n = read_S_n(c.parameters)
    lags = read_lags(c.parameters, n)
    a = query_lag(c, n, lags)
    chains, scope = read_chains(c, S, n, cost(S, n, len(lags)), "series of the loss")
    for words in chains:
        M = score_blocks(words, S, n, lags, [1] + [0] * n)
        block = {(v, w): M(a, 0, v, w) for v, w in product(range(S), range(S))}
        Q, K, rest = c.field.draws(S), c.field.draws(S), [0] * S
        for what, line in (("Q", (Q, rest)), ("K", (rest, K))):
            for order, value in enumerate(loss_on_a_line(words, S, lags, a, *line).coefficients):
                c.zero(value, f"order {order} of the loss in {what} alone")
        found = loss_on_a_line(words, S, lags, a, Q, K)
        c.zero(found[0], "order 0 of the loss")
        c.zero(found[1], "order 1 of the loss")
        c.zero(found[2] - total(Q[v] * x * K[w] for (v, w), x in block.items()), "mixed derivatives")
        c.demand(any(not is_zero(x) for x in block.values()), f"M_{a},0 is 0")
    return f"Q_{a} x K_0, lags {braces(lags)}; {'almost ' * (scope == EVERY)}{scope}, S={S}, n={n}"


def no_saddle(c: Certificate) -> str:
    """SN23c: a kernel whose loss has no term up to the second order in Q_a and K_0, whatever they are."""
    S, n = read_S_n(c.parameters)
    lags = read_lags(c.parameters, n)
    a = query_lag(c, n, lags)
    c.demand(c.witness.integer("query lag", 0, n - 1) == a, f"witness.query lag: it is {a}")
    kernel = c.witness.matrix("kernel")
    check_kernel(c, kernel, S, n, "witness.kernel", S * S * cost(S, n, len(lags)), "series of the loss")
    words = chain(kernel, S, n)
    for v, w in product(range(S), range(S)):
        Q, K = ([Fraction(int(t == token)) for t in range(S)] for token in (v, w))
        for order, value in enumerate(loss_on_a_line(words, S, lags, a, Q, K).coefficients):
            c.demand(value == 0, f"witness.kernel: order {order} in Q_{a}[{v}] and K_0[{w}] is not 0")
    return f"one kernel, Q_{a} x K_0, S={S}, n={n}, lags {braces(lags)}"
