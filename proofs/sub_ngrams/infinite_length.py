"""Engine `infinite_length`: the gradient at T = infinity, given the kernel (claims SN5, SN6).

For a kernel with positive entries the empirical frequencies of a sequence converge to those of the stationary chain,
and with them the attention and the score blocks: only the final context is still random, and it is stationary too.

One function, `limit_blocks`, does the arithmetic. It only adds, multiplies and divides, so that the entries of the
kernel may be Fractions, rational functions of the kernel's own entries or of q (claims for all kernels, for all q),
or numpy arrays of many kernels.

Kernels are nested sequences: one row per context, in the order of NGramLaw.contexts (oldest token most significant).
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import product
from typing import Any

from proofs.identities import Identities, decide
from proofs.series import Series
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import Word
from proofs.sub_ngrams.score_blocks import ParameterGradient, ScoreBlocks, parameter_gradient

Kernel = Sequence[Sequence[Any]]


def infinite_length(kernel: Sequence[Sequence[Fraction]], configuration: Configuration) -> ScoreBlocks:
    """The quenched score blocks at T = infinity, exact: rows of positive Fractions that sum to 1, q rational or inf."""
    if any(not isinstance(entry, Fraction) or entry <= 0 for row in kernel for entry in row):
        raise ValueError("the kernel needs positive Fractions")
    if any(sum(row) != 1 for row in kernel):
        raise ValueError("the rows of the kernel sum to 1")
    if not configuration.exact:
        raise ValueError(f"q={configuration.q!r}: this engine needs a rational q, or inf")
    return ScoreBlocks(limit_blocks(kernel, configuration.lags, None if configuration.at_limit else configuration.q))


def shape(kernel: Kernel) -> tuple[int, int]:
    """(S, n) of a kernel with S^(n-1) rows of S."""
    S, n, rows = len(kernel[0]), 1, len(kernel)
    while S ** (n - 1) < rows:
        n += 1
    if S < 2 or S ** (n - 1) != rows or any(len(row) != S for row in kernel):
        raise ValueError(f"a kernel has S^(n-1) rows of S >= 2 entries; this one has {rows} rows, the first of {S}")
    return S, n


def stationary_weights(kernel: Kernel) -> dict[Word, Any]:
    """The stationary law of the contexts, up to a common factor."""
    exact = all(isinstance(x, Fraction) for row in kernel for x in row)
    return dict(_remembered(tuple(map(tuple, kernel))) if exact else state_reduction(kernel))


@lru_cache(maxsize=16)
def _remembered(kernel: tuple[tuple[Fraction, ...], ...]) -> dict[Word, Any]:
    """For the few kernels of fractions that many sets of lags are looked at with: their numbers get long."""
    return state_reduction(kernel)


def state_reduction(kernel: Kernel) -> dict[Word, Any]:
    """Grassmann-Taksar-Heyman: states are removed one by one, the chain watched on the others. It subtracts nothing, so
    in floats it keeps full relative precision.
    """
    S, n = shape(kernel)
    contexts = list(product(range(S), repeat=n - 1))
    flow: dict[tuple[int, int], Any] = {}
    for i, row in enumerate(kernel):
        for s, x in enumerate(row):
            j = (i * S + s) % len(contexts)  # the number of the context that follows
            flow[i, j] = flow.get((i, j), 0) + x
    for k in range(len(contexts) - 1, 0, -1):
        sources = [i for i in range(k) if (i, k) in flow]
        targets = [j for j in range(k) if (k, j) in flow]
        leaving = sum(flow[k, j] for j in targets)
        for i in sources:
            flow[i, k] = flow[i, k] / leaving
            for j in targets:
                flow[i, j] = flow.get((i, j), 0) + flow[i, k] * flow[k, j]
    weights: list[Any] = [1]
    for k in range(1, len(contexts)):
        weights.append(sum(weights[i] * flow[i, k] for i in range(k) if (i, k) in flow))
    return dict(zip(contexts, weights, strict=True))


def limit_blocks(
    kernel: Kernel, lags: tuple[int, ...], q: Any, pairs: Iterable[tuple[int, int]] | None = None
) -> dict[tuple[int, int], tuple[tuple[Any, ...], ...]]:
    """M_ab = -E sum_{w,s} a(w,s) (tau(s|u) / p(s) - 1) e_{u_a} e_{(w,s)_b}^T, for the given pairs (a, b) or for all.

    a(w, s) is the attention on positions that hold s after the n-1 tokens w, p(s) its sum over w. q = None: the limit,
    where only positions that match in every lag count (there are some, the entries being positive).
    """
    return _blocks(kernel, lags, 0 if q is None else 1 / q, pairs)


def _blocks(
    kernel: Kernel, lags: tuple[int, ...], r: Any, pairs: Iterable[tuple[int, int]] | None
) -> dict[tuple[int, int], tuple[tuple[Any, ...], ...]]:
    """The same with r = 1/q: attention is proportional to r^(number of lags that do not match)."""
    S, n = shape(kernel)
    if any(not 1 <= lag < n for lag in lags):
        raise ValueError(f"lags={lags}: lags lie between 1 and n-1 = {n - 1}")
    tokens = range(S)
    context_weights = stationary_weights(kernel)
    follow = dict(zip(context_weights, kernel, strict=True))
    words = {(*w, s): context_weights[w] * follow[w][s] for w in context_weights for s in tokens}
    onward = {word: [x * tau for tau in follow[word[1:]]] for word, x in words.items()}  # and the next token
    total = sum(context_weights.values())
    nothing = total * 0 if r == 0 else total * 0 * r**1
    pairs = list(pairs) if pairs is not None else [(a, b) for a in range(n) for b in range(n)]
    M: dict[Any, Any] = {(a, b, v, w): nothing for a, b in pairs for v in tokens for w in tokens}
    for h in product(tokens, repeat=len(lags)):  # h: the final context at the lags that the attention reads
        final = [word for word in words if all(word[-lag] == s for lag, s in zip(lags, h, strict=True))]
        key = {}
        for word, x in words.items():
            mismatches = sum(word[-1 - lag] != s for lag, s in zip(lags, h, strict=True))
            if mismatches == 0:
                key[word] = x
            elif r != 0:
                key[word] = x * r**mismatches
        N = [sum(x for word, x in key.items() if word[-1] == s) for s in tokens]
        Z = sum(N)
        # query[a][v][s]: weight of final words with token v at lag a, the next token being s; held[b][w][s]: of keys
        query = {a: _by_token(((word[-1 - a], s, x) for word in final for s, x in enumerate(onward[word])), S)
                 for a in {a for a, _ in pairs}}  # fmt: skip
        held = {
            b: _by_token(((word[-1 - b], word[-1], x) for word, x in key.items()), S) for b in {b for _, b in pairs}
        }
        for a, b in pairs:
            for w, attention in held[b].items():
                of_all, of_token = sum(attention) / Z, [x / N_s for x, N_s in zip(attention, N, strict=True)]
                for v, weight in query[a].items():
                    within = sum(x * share for x, share in zip(weight, of_token, strict=True))
                    M[a, b, v, w] = M[a, b, v, w] + sum(weight) * of_all - within
    return {(a, b): tuple(tuple(M[a, b, v, w] / total for w in tokens) for v in tokens) for a, b in pairs}


def _by_token(weights: Iterable[tuple[int, int, Any]], S: int) -> dict[int, list[Any]]:
    """Sums of weights (token, next token, weight): token -> one for every next token. Tokens without weight are left
    out: where a lag is read, all but one.
    """
    sums: dict[int, list[Any]] = {}
    for token, s, x in weights:
        row = sums.setdefault(token, [0] * S)
        row[s] = row[s] + x
    return sums


def symbolic_kernel(S: int, n: int) -> Kernel:
    """The generic kernel: its entries generate a field of rational functions, rows sum to one."""
    from sympy.polys.domains import ZZ  # only here: what else is in this module takes no sympy
    from sympy.polys.fields import field

    contexts = ["".join(map(str, u)) for u in product(range(S), repeat=n - 1)]
    _, *free = field([f"t{u}_{s}" for u in contexts for s in range(S - 1)], ZZ)
    rows = [free[i * (S - 1) : (i + 1) * (S - 1)] for i in range(len(contexts))]
    return [[*row, 1 - sum(row)] for row in rows]


def random_kernel(S: int, n: int, rng: random.Random, largest: int = 9) -> list[list[Fraction]]:
    """A kernel of positive rationals, rows made of integers up to `largest`."""
    counts = [[rng.randint(1, largest) for _ in range(S)] for _ in range(S ** (n - 1))]
    return [[Fraction(count, sum(row)) for count in row] for row in counts]


def stationary_point(kernel: Kernel, lags: tuple[int, ...]) -> Identities:
    """Claim SN5: at T = infinity, then c = infinity, every entry of the gradient in every Q_a, K_b, V^(h) is 0.

    The entries that are 0 by the chain rule at any T and c (claim SN2) are counted as well: with no lags, all are. For
    the generic kernel, a proof for all kernels with positive entries.
    """
    from proofs.sub_ngrams.derivation import every_entry  # sympy

    S, n = shape(kernel)
    gradient = _factorised_gradient(kernel, lags, 0)
    return decide(
        f"factorised gradient = 0 at T = inf, c = inf, S={S} n={n} lags={lags}",
        ((str(entry), value) for entry, value in every_entry(gradient, S, n, 1)),
    )


def vanishing_blocks(kernel: Kernel, lags: tuple[int, ...]) -> Identities:
    """At T = infinity, then c = infinity, every score block is 0: true for lags 1..n-1, where p_theta is the kernel."""
    S, n = shape(kernel)
    return decide(
        f"every M_ab = 0 at T = inf, c = inf, S={S} n={n} lags={lags}",
        (
            (f"M_{a}{b}[{v},{w}]", x)
            for (a, b), block in limit_blocks(kernel, lags, None).items()
            for v, row in enumerate(block)
            for w, x in enumerate(row)
        ),
    )


@dataclass(frozen=True)
class Decay:
    """The order in q of a group of gradient entries at T = infinity, their factor sqrt(c) or c left out.

    entries  how many entries the chain rule reads
    degree   the largest degree in q (numerator minus denominator), -2 for -2 or less; None if there are no entries
    """

    entries: int
    degree: int | None


def generic_decay(S: int, n: int, lags: tuple[int, ...]) -> dict[str, Decay]:
    """`decay` of the generic kernel: of all kernels, but those where the leading coefficients vanish."""
    return decay(symbolic_kernel(S, n), lags)


def decay(kernel: Kernel, lags: tuple[int, ...]) -> dict[str, Decay]:
    """Claim SN6: the groups Q, K and V by expansion in 1/q up to its first power.

    By SN5 they vanish at infinity, so the degree is at most -1 for every positive kernel; -2 stands for -2 or less: the
    coefficients of q^0 and q^-1 are 0. For V it is at most -2: the blocks M_{l-1,l} fix the query token that lag l is
    compared with. Averaged over the rest of the context, the bracket tau/p - 1 is O(1/q), and so is the attention on
    keys that differ at lag l; rows sum to zero.
    """
    _, n = shape(kernel)
    one = kernel[0][0] / kernel[0][0]
    reciprocals = _Powers(tuple(Series(1, 1, {(power,): one}) for power in range(n + 1)))

    def largest(expansions: list[Any]) -> Decay:
        first = [next((-k for k in range(2) if f[k,] != 0), -2) for f in expansions]
        return Decay(len(expansions), max(first, default=None))

    return {name: largest(group) for name, group in _groups(_factorised_gradient(kernel, lags, reciprocals)).items()}


@dataclass(frozen=True)
class _Powers:
    """A quantity known by its powers 0, 1, 2, ..."""

    powers: tuple[Any, ...]

    def __pow__(self, power: int) -> Any:
        return self.powers[power]


def _groups(gradient: ParameterGradient) -> dict[str, list[Any]]:
    """All entries of the gradient, in Q, in K and in V."""
    groups: dict[str, Mapping[Any, Any]] = {"Q": gradient.Q, "K": gradient.K, "V": gradient.V}
    return {name: [x for block in blocks.values() for row in block for x in row] for name, blocks in groups.items()}


def _factorised_gradient(kernel: Kernel, lags: tuple[int, ...], r: Any) -> ParameterGradient:
    """The chain rule at r = 1/q, from the score blocks that it reads."""
    configuration = Configuration(lags, Fraction(2))  # the chain rule does not read the value of q
    return parameter_gradient(ScoreBlocks(_blocks(kernel, lags, r, pairs_read(lags))), configuration)


def pairs_read(lags: tuple[int, ...]) -> set[tuple[int, int]]:
    """The (a, b) of the score blocks that the gradient in Q, K, V consists of."""
    streams = (0, *Configuration(lags, Fraction(2)).active_heads)
    return {*product(streams, lags), *product((lag - 1 for lag in lags), streams)}
