"""Infinite length: only the final context is random, and it is stationary (SN5, SN6, SN9, SN11, SN12, SN13).

A chain is the weights of all words of n tokens, oldest first: stationary law of the first n-1 times the kernel's row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from itertools import combinations, product
from typing import Any

from verify.recheck.arithmetic import Series, is_zero, solve, total
from verify.recheck.certificate import Certificate, Fields, RejectedError, growth
from verify.recheck.sub_ngrams.network import (
    braces,
    check_estimator_bound,
    increasing,
    is_exact_zero,
    predicted_gradient,
    read_lags,
)

Word = tuple[int, ...]
Chain = dict[Word, Any]

EVERY = "every positive kernel"


def chain(kernel: Sequence[Sequence[Any]], S: int, n: int) -> Chain:
    """P(u) tau(s | u) with P stationary: P A = P, sum P = 1. Kernel rows in lexicographic order of the contexts."""
    contexts = list(product(range(S), repeat=n - 1))
    column = {u: i for i, u in enumerate(contexts)}
    balance = [[0 * kernel[0][0] for _ in contexts] for _ in contexts]
    for i, u in enumerate(contexts):
        balance[i][i] = balance[i][i] - 1
        for s in range(S):
            j = column[(*u, s)[1:]]
            balance[j][i] = balance[j][i] + kernel[i][s]
    one = total(kernel[0])
    balance[-1] = [one] * len(contexts)
    stationary = solve(balance, [0 * one] * (len(contexts) - 1) + [one])
    return {(*u, s): stationary[i] * kernel[i][s] for i, u in enumerate(contexts) for s in range(S)}


def read_chains(c: Certificate, S: int, n: int, operations: int, what: str) -> tuple[list[Chain], str]:
    """The chains that `kernels` names: one with independent variables for "every positive kernel", or rational ones.

    DeclinedError if the operations with each of them are too many.
    """
    rows = S ** (n - 1)
    if c.parameters.any("kernels") == EVERY:
        c.afford(3 * rows**3 + operations, what)
        return [chain([c.field.distribution(S) for _ in range(rows)], S, n)], EVERY
    kernels = c.parameters.matrices("kernels")
    if not kernels:
        raise RejectedError("parameters.kernels: none")
    for kernel in kernels:
        check_kernel(c, kernel, S, n, "parameters.kernels", operations, what)
    different = list({tuple(map(tuple, kernel)): kernel for kernel in kernels}.values())
    return [chain(kernel, S, n) for kernel in different], f"{len(different)} rational kernels"


def check_kernel(
    c: Certificate, kernel: Sequence[Sequence[Fraction]], S: int, n: int, where: str, operations: int, what: str
) -> None:
    """RejectedError unless these are positive rows with sum 1, DeclinedError if the operations are too many."""
    if len(kernel) != S ** (n - 1) or len(kernel[0]) != S:
        raise RejectedError(f"{where}: not S^(n-1) rows of S")
    c.afford(3 * len(kernel) ** 3 + operations, what, growth(kernel))
    if not all(x > 0 for row in kernel for x in row) or any(sum(row) != 1 for row in kernel):
        raise RejectedError(f"{where}: rows are not positive with sum 1")


def read_S_n(f: Fields) -> tuple[int, int]:
    return f.integer("S", 2, 50), f.integer("n", 1, 12)


def at(word: Word, lags: Sequence[int]) -> Word:
    """The tokens of a word at these lags before its last token."""
    return tuple(word[-1 - lag] for lag in lags)


def grouped(words: Chain, label: Callable[[Word], Any]) -> dict[Any, Any]:
    """Weights of the words, added up where they have the same label."""
    sums: dict[Any, Any] = {}
    for w, x in words.items():
        key = label(w)
        sums[key] = sums[key] + x if key in sums else x
    return sums


def score_blocks(words: Chain, S: int, n: int, lags: Sequence[int], powers: Sequence[Any]) -> Callable[..., Any]:
    """M_ab[v, v'] = -E sum_{w,s} a(w,s) (tau(s|u)/p(s) - 1) 1{u_a = v} 1{(w,s)_b = v'} as a function (a, b, v, v').

    Attention a(w, s) is proportional to the weight of (w, s) and to powers[number of lags that do not match the final
    context u]: 1, 1/q, 1/q^2, ...
    """
    follow = {w: x / total(words[(*w[:-1], s)] for s in range(S)) for w, x in words.items()}
    settled: dict[Word, tuple[Any, Any, Any]] = {}
    for h in product(range(S), repeat=len(lags)):
        E = {w: powers[sum(w[-1 - lag] != s for lag, s in zip(lags, h, strict=True))] * x for w, x in words.items()}
        settled[h] = E, total(E.values()), [total(x for w, x in E.items() if w[-1] == s) for s in range(S)]
    finals = [(u, words[u], tuple(u[-lag] for lag in lags)) for u in words]  # u: the last n tokens of a long sequence

    def M(a: int, b: int, v: int, w: int) -> Any:
        result: Any = 0
        for h, (E, Z, held) in settled.items():
            query = [(u, x) for u, x, tokens in finals if tokens == h and u[-1 - a] == v]
            if not query:
                continue
            mass = total(x for _, x in query)
            for s in range(S):
                tau = total(x * follow[(*u[1:], s)] for u, x in query)
                marked = total(y for k, y in E.items() if k[-1] == s and k[-1 - b] == w and not is_exact_zero(y))
                # a tau/p = E tau / held[s], a = E / Z
                result = result + (marked * mass / Z - marked * tau / held[s])
        return result

    return M


def factorised_gradient(words: Chain, S: int, n: int, lags: tuple[int, ...], powers: Sequence[Any]) -> dict[Any, Any]:
    """The entries of the gradient that are not 0 by the chain rule, without the factors sqrt(c) and c."""
    return predicted_gradient(score_blocks(words, S, n, lags, powers), S, n, lags, 1)


def check_stationary(c: Certificate, words: Chain, S: int, n: int, lags: tuple[int, ...]) -> None:
    """At c = infinity only words that match in every lag count."""
    for entry, value in factorised_gradient(words, S, n, lags, [1] + [0] * n).items():
        c.zero(value, f"gradient in {entry} at T = inf, c = inf")


def blocks_cost(S: int, n: int, L: int, degree: int = 0) -> int:
    """Operations for the factorised gradient with L lags, as a series up to the degree."""
    return S * S * L * (4 * L + 6) * block_cost(S, n, L, degree)


def block_cost(S: int, n: int, L: int, degree: int = 0) -> int:
    """Operations for an entry of a score block."""
    cost: int = S ** (L + n) * (S + 3 + 5 * degree) // 4
    return cost


def stationary(c: Certificate) -> str:
    """SN5."""
    (S, n), chains, scope, lags = _chains_and_lags(c, blocks_cost)
    for words in chains:
        check_stationary(c, words, S, n, lags)
    return f"{scope}, S={S}, n={n}, lags {braces(lags)}"


def _chains_and_lags(
    c: Certificate, cost: Callable[[int, int, int], int]
) -> tuple[tuple[int, int], list[Chain], str, tuple[int, ...]]:
    S, n = read_S_n(c.parameters)
    lags = read_lags(c.parameters, n)
    chains, scope = read_chains(c, S, n, cost(S, n, len(lags)), "score blocks")
    return (S, n), chains, scope, lags


def check_degrees(c: Certificate, words: Chain, S: int, n: int, lags: tuple[int, ...], degrees: dict[str, int]) -> None:
    """Every entry of group Q, K, V as a function of q has at most the degree -d: what stands at q^0 .. q^(1-d) is 0."""
    order = max(degrees.values())
    powers = [Series.monomial(Fraction(1), mismatches, order) for mismatches in range(len(lags) + 1)]
    for entry, value in factorised_gradient(words, S, n, lags, powers).items():
        for k in range(degrees[entry[0]]):
            coefficient = value[k] if isinstance(value, Series) else value
            c.zero(coefficient, f"coefficient of q^-{k} of the gradient in {entry}")


def scale(c: Certificate) -> str:
    """SN6, and more: the gradient in V is O(c e^-2c)."""
    (S, n), chains, scope, lags = _chains_and_lags(c, partial(blocks_cost, degree=2))
    for words in chains:
        check_degrees(c, words, S, n, lags, {"Q": 1, "K": 1, "V": 2})
    return f"q^-1 (Q, K), q^-2 (V); {scope}, S={S}, n={n}, lags {braces(lags)}"


def merged_at_full_context(c: Certificate) -> str:
    """SN9 where Lambda is 1..n-1: the prediction is the kernel, and every block is 0."""
    (S, n), chains, scope, lags = _chains_and_lags(c, lambda S, n, L: (n * S) ** 2 * block_cost(S, n, L))
    c.demand(lags == tuple(range(1, n)), "parameters.lags: a lag is missing")
    for words in chains:
        M = score_blocks(words, S, n, lags, [1] + [0] * n)
        for a, b, v, w in product(range(n), range(n), range(S), range(S)):
            c.zero(M(a, b, v, w), f"M_{a},{b}[{v}][{w}]")
    return f"{scope}, S={S}, n={n}, every lag read"


def every_lag_set(c: Certificate) -> str:
    """SN13: SN3 by its polynomial, SN5 and SN6 on rational kernels, for the listed sets of lags."""
    S, n = read_S_n(c.parameters)
    sets = [increasing(tuple(lags), n, "parameters") for lags in c.parameters.integer_rows("sets", 1, max(1, n - 1))]
    c.demand(bool(sets) and len(set(sets)) == len(sets), "parameters.sets: none, or one of them twice")
    chains, scope = read_chains(c, S, n, sum(blocks_cost(S, n, len(lags), 1) for lags in sets), "score blocks")
    check_estimator_bound(c)
    for lags, words in product(sets, chains):
        check_degrees(c, words, S, n, lags, dict.fromkeys("QKV", 1))  # degree -1: 0 at c = infinity, and O(1/q)
    return f"{len(sets)} of {2 ** (n - 1)} sets of lags, {scope}, S={S}, n={n}"


def ladder(c: Certificate) -> str:
    """SN11: for every set of lags and one lag v more, P(s|h,v) differs from P(s|h) somewhere.

    The gap H(s|h) - H(s|h,v) = sum P(h,v,s) log(P(s|h,v) / P(s|h)) is by definition the conditional mutual information;
    by Gibbs' inequality it is positive exactly where the two differ.
    """
    S, n = read_S_n(c.parameters)
    chains, scope = read_chains(c, S, n, 4 * 2**n * n * S**n, "rungs")
    rungs = 0
    for words, size in product(chains, range(n - 1)):
        for lags in combinations(range(1, n), size):
            for lag in set(range(1, n)) - set(lags):
                strict = any(not is_zero(residual) for residual, *_ in dependence(words, S, lags, lag))
                c.demand(strict, f"lag {lag} adds nothing to the lags {braces(lags)}")
                rungs += 1
    c.demand(rungs == c.witness.integer("rungs", 1, 10**6), f"witness.rungs: there are {rungs}")
    return f"{rungs} rungs, {'almost ' * (scope == EVERY)}{scope}, S={S}, n={n}"


def dependence(words: Chain, S: int, lags: Sequence[int], lag: int) -> list[tuple[Any, Any, Any]]:
    """(P(h,v,s) P(h) - P(h,v) P(h,s), P(h), P(h,s)) for all h at the lags, v at the lag, s the last token."""
    P_hvs = grouped(words, lambda w: (at(w, lags), at(w, [lag]), w[-1]))
    P_hv = grouped(words, lambda w: (at(w, lags), at(w, [lag])))
    P_hs = grouped(words, lambda w: (at(w, lags), w[-1]))
    P_h = grouped(words, lambda w: at(w, lags))
    return [(x * P_h[h] - P_hv[h, v] * P_hs[h, s], P_h[h], P_hs[h, s]) for (h, v, s), x in P_hvs.items()]


def predicted_coefficient(words: Chain, S: int, lags: Sequence[int], lag: int) -> Any:
    """-sum_{h,v} P(h,v)^2 / P(h) chi2(tau(.|v,h) from tau(.|h)): minus squares, divided by positive numbers."""
    return -total(d * d / (P_h * P_h * P_hs) for d, P_h, P_hs in dependence(words, S, lags, lag))


def loss_along_a_line(
    words: Chain, S: int, lags: Sequence[int], lag: int, heads: Sequence[int], values: bool, draw: Callable[[], Any]
) -> tuple[Series, Any]:
    """The loss minus its value at the Lambda-gram, as a series in t, and the product of the slopes.

    The new parameters are t times their slopes: Q_{lag-1} and K_lag in a free slot, the lag weight e_h of every new
    head h, which reads e_h e_(x_{t-h}) + (1 - e_h) pi, and the size of V^(h) if `values`.
    """
    names = ["x", "y", *(f"e{h}" for h in heads), *(f"v{h}" for h in heads if values)]
    slopes, order = {name: draw() for name in names}, len(names)
    theta = {name: Series.monomial(slope, 1, order) for name, slope in slopes.items()}
    pi = grouped(words, lambda w: w[-1])

    def stream(token: int, h: int) -> list[Any]:
        one_hot = [int(token == s) for s in range(S)]
        if h not in heads:
            return one_hot
        return [(theta[f"e{h}"] * (one_hot[s] - pi[s]) + pi[s]) * theta.get(f"v{h}", 1) for s in range(S)]

    # Whether s is the next token after a final context or the token of a position: what stands before it reads alike
    groups = grouped(words, lambda w: (at(w, lags), w[-1 - lag], w[-1]))
    loss: Any = Series([0] * (order + 1))
    for h, v in dict.fromkeys((h, v) for h, v, _ in groups):
        query = stream(v, lag - 1)
        change: list[Any] = [Series([0] * (order + 1)) for _ in range(S)]
        mass: list[Any] = [0] * S
        for (tokens, token, s), x in groups.items():
            if tokens == h:
                inner = total(a * b for a, b in zip(query, stream(token, lag), strict=True))
                change[s] = change[s] + (theta["x"] * theta["y"] * inner).expm1() * x
                mass[s] = mass[s] + x
        overall = (total(change) * (1 / total(mass))).log1p()
        for s in range(S):
            loss = loss - ((change[s] * (1 / mass[s])).log1p() - overall) * groups[h, v, s]
    together: Any = 1
    for slope in slopes.values():
        together = slope * together
    return loss, together


def ways_to_build(lags: Sequence[int], lag: int) -> list[tuple[tuple[int, ...], bool]]:
    """(new heads, whether they have to find their values): from nothing, with V = I given, with all heads aligned."""
    heads = tuple(sorted({lag - 1, lag} - {0, *lags, *(other - 1 for other in lags)}))
    return [((), False)] + ([(heads, False), (heads, True)] if heads else [])


def escape_cost(S: int, n: int, L: int) -> int:
    """Operations for the series of the loss in up to six parameters, in three ways, for every lag but L."""
    each = S ** (L + 2) * (100 * S + 600) + S ** (2 * L + 3) + 4 * S**n
    cost: int = 3 * max(1, n - 1 - L) * each
    return cost


def first_escape(c: Certificate) -> str:
    """SN12 along a random line through the Lambda-gram: all orders below the mixed one vanish, and that one is < 0."""
    S, n = read_S_n(c.parameters)
    lags = read_lags(c.parameters, n)
    cost = escape_cost(S, n, len(lags)) + (len(lags) * S) ** 2 * block_cost(S, n, len(lags))
    chains, scope = read_chains(c, S, n, cost, "series of the loss")
    unused = [lag for lag in range(1, n) if lag not in lags]
    c.demand(bool(unused), "parameters.lags: no lag is left to add")
    for words, lag in product(chains, unused):
        for heads, values in ways_to_build(lags, lag):
            loss, together = loss_along_a_line(words, S, lags, lag, heads, values, c.field.draw)
            *below, mixed = loss.coefficients
            for order, value in enumerate(below):
                c.zero(value, f"order {order} of the loss for lag {lag}")
            predicted = predicted_coefficient(words, S, lags, lag)
            c.zero(mixed - predicted * together, f"mixed derivative for lag {lag}")
        strict = any(not is_zero(residual) for residual, *_ in dependence(words, S, lags, lag))
        c.demand(strict, f"lag {lag}: the coefficient is 0")
    if lags and lags == tuple(range(1, len(lags) + 1)):
        for words in chains:
            check_tower(c, words, S, n, lags)
    return f"lags {braces(lags)} and each of {braces(unused)}; {scope}, S={S}, n={n}"


def check_tower(c: Certificate, words: Chain, S: int, n: int, lags: tuple[int, ...]) -> None:
    """Of the blocks a, b < k only (k-1, 0) is not 0."""
    k = len(lags) + 1
    M = score_blocks(words, S, n, lags, [1] + [0] * n)
    for a, b, v, w in product(range(k), range(k), range(S), range(S)):
        if (a, b) != (k - 1, 0):
            c.zero(M(a, b, v, w), f"M_{a},{b}[{v}][{w}]")


def vanishing_coefficient(c: Certificate) -> str:
    """SN12c: a kernel for which the mixed derivative is 0: by the formula of SN12, and in the network's loss."""
    S, n = read_S_n(c.parameters)
    lags, lag = read_lags(c.parameters, n), c.witness.integer("lag", 1, n - 1)
    kernel = c.witness.matrix("kernel")
    c.demand(lag not in lags, "witness.lag: is in use")
    check_kernel(c, kernel, S, n, "witness.kernel", escape_cost(S, n, len(lags)), "series of the loss")
    words = chain(kernel, S, n)
    c.demand(predicted_coefficient(words, S, lags, lag) == 0, "witness.kernel: the formula's value is not 0")
    for heads, values in ways_to_build(lags, lag):
        loss, _ = loss_along_a_line(words, S, lags, lag, heads, values, lambda: Fraction(1))
        c.demand(loss[len(loss.coefficients) - 1] == 0, "witness.kernel: the coefficient is not 0")
    c.demand(c.witness.rational("coefficient") == 0, "witness.coefficient: it is 0")
    return f"one kernel, S={S}, n={n}, lags {braces(lags)} and {lag}"
