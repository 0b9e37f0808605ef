"""How a Lambda-gram configuration is left, at T = infinity and then c = infinity (claim SN12).

A new feature compares the query token at lag a with the key token at lag b. To build it, the network needs

    Q_a = x I and K_b = y I in a slot of Q and K that the configuration does not use,
    and, for each of the lags a, b >= 1 that no active head reads, a head h with lag weight e_h: it reads
        e_h e_{x_{t-h}} + (1 - e_h) pi,     pi: the token frequencies, what a head with A = 0 reads at T = infinity,
    with values V^(h) = I, or V^(h) = v_h I where the head has none yet (V^(h) = 0 at the configuration).

`loss_series` is the loss of this network as a power series in x, y, e_h (and v_h). To compare with lag l, as the
(k+1)-gram does with l = k, is the feature (a, b) = (l-1, l).

The lag weight is a coordinate of the attention, not of its logits: a head whose logits are 0 but for A on position t-h
has e_h = (e^A - 1) / (e^A + t - 1), so that de_h/dA = 1/t at A = 0.

A kernel with positive entries is given, one to one, by the stationary weights of the words of n tokens up to a factor:
then everything is a ratio of sums of weights, and `generic_words` stands for all kernels at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from proofs.identities import Identities, decide
from proofs.series import Series, exponents_up_to
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.escape_ratios import Ratio, ratios
from proofs.sub_ngrams.infinite_length import Kernel, limit_blocks, stationary_weights
from proofs.sub_ngrams.law import Word

Words = Mapping[Word, Any]  # weight of every word of n tokens, oldest first, in a stationary chain


@dataclass(frozen=True)
class Feature:
    """A comparison of the query token at lag `query` with the key token at lag `key`, at the configuration `lags`.

    query    at most n-2: the final context is n-1 tokens long
    aligned  heads that have found their lag already (lag weight 1, V = I), besides the active ones
    values   whether a head that is built has to find its values too (V^(h) = v_h I, from 0), or has V^(h) = I
    """

    lags: tuple[int, ...]
    query: int
    key: int
    aligned: tuple[int, ...] = ()
    values: bool = False

    def __post_init__(self) -> None:
        if not (self.query >= 0 and self.key >= 0) or any(lag < 1 for lag in self.lags):
            raise ValueError(f"query={self.query} key={self.key} lags={self.lags}: lags are not negative")

    @staticmethod
    def of_lag(lags: tuple[int, ...], lag: int, aligned: tuple[int, ...] = (), values: bool = False) -> Feature:
        """The feature by which an unused lag joins: x_{T-lag+1} against x_{j-lag}."""
        return Feature(lags, lag - 1, lag, aligned, values)

    @property
    def new_heads(self) -> tuple[int, ...]:
        """Heads that have to be built."""
        present = {0, *Configuration(self.lags, 1.0).active_heads, *self.aligned}
        return tuple(sorted({self.query, self.key} - present))

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the new parameters: all are 0 at the configuration."""
        heads = [f"e{h}" for h in self.new_heads] + [f"v{h}" for h in self.new_heads if self.values]
        return ("x", "y", *heads)

    @property
    def order(self) -> int:
        """The order at which all of them work together; below, none of them does anything."""
        return len(self.variables)


def word_weights(kernel: Kernel) -> Words:
    """The stationary weights of a kernel with positive entries whose rows sum to 1."""
    contexts = stationary_weights(kernel)
    rows = zip(contexts.items(), kernel, strict=True)
    return {(*u, s): weight * x for (u, weight), row in rows for s, x in enumerate(row)}


def generic_words(S: int, n: int) -> Words:
    """All stationary chains at once: linear forms in S^n - S^(n-1) + 1 independent symbols.

    The weights of a stationary chain are those with sum_s w(s, u) = sum_s w(u, s) for every word u of n-1 tokens: the
    circulations on the graph whose edges u -> (u, s)[1:] are the words. The edges off a spanning tree are the symbols.
    """
    words, tree = list(product(range(S), repeat=n)), {}
    reached = {(0,) * (n - 1)}
    while len(reached) < S ** (n - 1):
        edge = next(w for w in words if w[:-1] in reached and w[1:] not in reached)
        tree[edge[1:]] = edge  # the one tree edge into this context
        reached.add(edge[1:])
    free = [w for w in words if w not in tree.values()]
    symbols = ratios([f"w{''.join(map(str, w))}" for w in free])
    weights: dict[Word, Any] = dict(zip(free, symbols, strict=True))
    for u, edge in reversed(tree.items()):  # leaves first, so that all other edges at u are known
        outgoing = sum(weights[(*u, s)] for s in range(S) if (*u, s) != edge)
        incoming = sum(weights[(s, *u)] for s in range(S) if (s, *u) != edge)
        weights[edge] = outgoing - incoming
    return weights


def loss_series(words: Words, feature: Feature, degree: int | None = None) -> Series:
    """The loss minus its value at the configuration, in feature.variables, up to `degree` (default: the feature's
    order).

    Straight from the literal network: streams, attention logits z_j = <X_T Q, X_j K>, p(s), -E log p(s).
    """
    S, total = _size(words), sum(words.values())
    n = len(next(iter(words)))
    if feature.query > n - 2 or feature.key > n - 1 or any(lag > n - 1 for lag in feature.lags):
        raise ValueError(f"{feature}: words of n={n} tokens hold query lags up to n-2, key lags up to n-1")
    degree, names, one = feature.order if degree is None else degree, feature.variables, total**0
    nothing = Series(len(names), degree)
    units = {name: tuple(int(name == other) for other in names) for name in names}
    theta = {name: Series(len(names), degree, {unit: one}) for name, unit in units.items()}
    pi = [sum(x for w, x in words.items() if w[-1] == s) / total for s in range(S)]

    def stream(token: int, lag: int) -> list[Any]:
        """Component `lag` of X at a position that has `token` at this lag: S numbers or series."""
        hard = [one if token == s else one * 0 for s in range(S)]
        if lag not in feature.new_heads:
            return hard
        e, v = theta[f"e{lag}"], theta.get(f"v{lag}", one)
        return [(e * (hard[s] - pi[s]) + pi[s]) * v for s in range(S)]

    # w = (u, s): u the final context and s the next token, or s the token of position j and u those before it
    finals = _marginal(words, lambda w: (_tokens(w, feature.lags), w[-2 - feature.query], w[-1]))
    keys = _marginal(words, lambda w: (_tokens(w, feature.lags), w[-1 - feature.key], w[-1]))
    loss = nothing
    for h, v in dict.fromkeys((h, v) for h, v, _ in finals):  # the attention of a final context depends on these only
        query = stream(v, feature.query)
        change, mass = [nothing] * S, [one * 0] * S  # attention that each token gets, before normalisation
        for (_, token, s), x in ((group, x) for group, x in keys.items() if group[0] == h):
            z = sum((q * k for q, k in zip(query, stream(token, feature.key), strict=True)), nothing)
            change[s] = change[s] + (theta["x"] * theta["y"] * z).expm1() * x
            mass[s] = mass[s] + x
        overall = (sum(change, nothing) * (one / sum(mass))).log1p()
        for s in range(S):
            log_p = (change[s] * (one / mass[s])).log1p() + overall * -1  # minus its value at the configuration
            loss = loss + log_p * (-finals[h, v, s] / total)
    return loss


def coefficient(words: Words, feature: Feature) -> Any:
    """The mixed derivative in all new parameters: the coefficient of their product."""
    return loss_series(words, feature)[(1,) * feature.order]


@dataclass(frozen=True)
class Square:
    """A term residual^2 / (product of divisors); residual 0 says that token s does not depend on v at the lag, given
    h.
    """

    residual: Any
    divisors: tuple[Any, ...]

    @property
    def value(self) -> Any:
        value = self.residual**2
        for divisor in self.divisors:
            value = value / divisor
        return value


def squares(words: Words, lags: tuple[int, ...], lag: int) -> list[Square]:
    """Terms that sum to sum_{h,v} P(h,v)^2 / P(h) chi2(tau(.|v,h) from tau(.|h)); v is the token at `lag`, h those at
    `lags`.

    P(h,v)^2 / P(h) (tau(s|v,h) - tau(s|h))^2 / tau(s|h) = (P(h,v,s) P(h) - P(h,v) P(h,s))^2 / (P(h)^2 P(h,s)). What it
    divides by are sums of weights: positive.
    """
    tokens, below = range(_size(words)), divisors(words, lags)
    P_hvs = _marginal(words, lambda w: (_tokens(w, lags), w[-1 - lag], w[-1]))
    P_hv = _marginal(words, lambda w: (_tokens(w, lags), w[-1 - lag]))
    P_hs = _marginal(words, lambda w: (_tokens(w, lags), w[-1]))
    P_h = _marginal(words, lambda w: _tokens(w, lags))
    return [
        Square(P_hvs[h, v, s] * P_h[h] - P_hv[h, v] * P_hs[h, s], below[h, s])
        for h, v, s in product(P_h, tokens, tokens)
    ]


def divisors(words: Words, lags: tuple[int, ...]) -> dict[tuple[Word, int], tuple[Any, ...]]:
    """What `squares` divides by, for every h and s."""
    P_hs = _marginal(words, lambda w: (_tokens(w, lags), w[-1]))
    P_h, total = _marginal(words, lambda w: _tokens(w, lags)), sum(words.values())
    return {(h, s): (P_h[h], P_h[h], x, total) for (h, s), x in P_hs.items()}


def predicted_coefficient(words: Words, lags: tuple[int, ...], lag: int) -> Any:
    """-sum_{h,v} P(h,v)^2 / P(h) chi2(tau(.|v,h) from tau(.|h))."""
    return -sum(term.value for term in squares(words, lags, lag))


def first_derivative(words: Words, feature: Feature, scale: Any = 1) -> Identities:
    """For an unused lag: every derivative up to the feature's order is 0, but the mixed one, and that is the
    prediction.

    `scale` multiplies the prediction: with anything but 1 the identity has to fail.
    """
    series, mixed = loss_series(words, feature), (1,) * feature.order
    predicted = predicted_coefficient(words, feature.lags, feature.key) * scale
    exponents = (e for e in exponents_up_to(feature.order, feature.order) if sum(e) > 0)
    return decide(
        f"derivatives up to order {feature.order} in the {feature.order} parameters that build lag {feature.key}, "
        f"lags={feature.lags}",
        ((str(e), series[e] - (predicted if e == mixed else 0)) for e in exponents),
    )


def tower(kernel: Kernel, lags: tuple[int, ...]) -> Identities:
    """Of the features that need no new head, at the k-gram (lags 1..k-1), none but (a, b) = (k-1, 0) moves the loss.

    M_ab = 0 for the others by the tower property (claim SN5). M_{k-1,0} is invisible to the gradient, as Q_{k-1} and
    K_0 are 0 at the configuration; but it stands in the Hessian, as the derivative in both.
    """
    k = len(lags) + 1
    M = limit_blocks(kernel, lags, None, [(a, b) for a in range(k) for b in range(k)])
    return decide(
        f"M_ab = 0 for a, b < k but (k-1, 0), lags {lags}",
        (
            (f"M_{ab}[{v}][{w}]", x)
            for ab, block in M.items()
            if ab != (k - 1, 0)
            for v, row in enumerate(block)
            for w, x in enumerate(row)
        ),
    )


def positive_terms(S: int, n: int, lags: tuple[int, ...], lag: int) -> Identities:
    """That `squares` divides by positive numbers: as polynomials in the weights, taken as independent symbols, the
    denominators have positive coefficients only. A residual counts those that have not.
    """
    words = dict(zip(product(range(S), repeat=n), ratios([f"w{i}" for i in range(S**n)]), strict=True))
    return decide(
        f"positive denominators for lag {lag}, S={S} n={n} lags {lags}",
        ((str(x), _not_positive(x)) for below in divisors(words, lags).values() for x in below),
    )


def kernel_on_lags(S: int, n: int, lags: tuple[int, ...], rows: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    """A kernel that reads the tokens at `lags` only: one row for each word at these lags, in lexicographic order."""
    row = dict(zip(product(range(S), repeat=len(lags)), rows, strict=True))
    return [row[tuple(u[-lag] for lag in lags)] for u in product(range(S), repeat=n - 1)]


def unused_lags(n: int, lags: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(lag for lag in range(1, n) if lag not in lags)


def _size(words: Words) -> int:
    return 1 + max(w[-1] for w in words)


def _tokens(word: Word, lags: Iterable[int]) -> Word:
    """What stands at these lags before the last token."""
    return tuple(word[-1 - lag] for lag in lags)


def _marginal(words: Words, label: Callable[[Word], Any]) -> dict[Any, Any]:
    """Sums of the weights of the words that have the same label."""
    sums: dict[Any, Any] = {}
    for w, x in words.items():
        sums[label(w)] = sums[label(w)] + x if label(w) in sums else x
    return sums


def _not_positive(x: Ratio) -> int:
    """How many coefficients of a quotient of polynomials are not positive; 1 if there are none at all."""
    polynomials = [x.numerator, *x.factors]
    return 1 if x == 0 else sum(not c > 0 for polynomial in polynomials for c in polynomial.values())
