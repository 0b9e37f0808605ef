"""The two-layer network (sub-n-grams/law-and-network), written down literally and differentiated by sympy.

The network is written once, with the tokens as symbolic one-hot vectors, in two parts that meet at the attention
logits z_j: the logit of one position as a function of the parameters, and the log-probability of a token as a
function of all logits. Each is differentiated at symbolic arguments; sequences and configurations are substituted
later. No closed form of the gradient appears here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from itertools import product
from typing import Any

import sympy

from proofs.sub_ngrams.configuration import Configuration, Heads

Window = tuple[int | None, ...]  # the tokens at lags 0..n-1 of a position; None where there is none
Entry = tuple[
    str, tuple[int, ...]
]  # one parameter: "Q" (a, v, slot, i), "K" (b, v, slot, i), "V" (h, v, i), "W" (a, b, v, i)


def factorised_entries(S: int, n: int) -> list[Entry]:
    """All parameters of the factorised network but the positional logits: Q and K have D = nS columns, n slots of S."""
    tokens, streams = range(S), range(n)
    return [
        *((name, index) for name in "QK" for index in product(streams, tokens, streams, tokens)),
        *(("V", index) for index in product(range(1, n), tokens, tokens)),
    ]


def merged_entries(S: int, n: int) -> list[Entry]:
    """All parameters W_ab[v, i] of the merged second layer."""
    return [("W", index) for index in product(range(n), range(n), range(S), range(S))]


@cache
def factorised_logit(S: int, n: int) -> Callable[..., Any]:
    """The attention logit of one position in the factorised network: a function (parameters, query, key) -> z.

    Parameters in the order of `factorised_entries`; query and key are n vectors of S in a row, at lag 0 the token of
    the position, at lag h what head h reads there.
    """
    z, theta, query, key = _factorised(S, n)
    return _function(z, theta, query, key)


@cache
def factorised_slopes(S: int, n: int) -> Callable[..., Any]:
    """The derivatives of `factorised_logit`: (parameters, query, key) -> [dz/dparameter]."""
    return _slopes(*_factorised(S, n))


@cache
def _factorised(S: int, n: int) -> tuple[Any, dict[Entry, Any], Any, Any]:
    """z and the symbols in it."""
    theta = _symbols(factorised_entries(S, n))
    query, key = sympy.symbols(f"x:{n * S}"), sympy.symbols(f"y:{n * S}")

    def stream(reads: Sequence[Any]) -> dict[tuple[int, int], Any]:
        """X_t = [e_{x_t}; y_t^(1); ...; y_t^(n-1)], where y_t^(h) = (what head h reads at t) V^(h)."""
        X = {(0, i): reads[i] for i in range(S)}
        for h, i in product(range(1, n), range(S)):
            X[h, i] = sum(reads[h * S + v] * theta["V", (h, v, i)] for v in range(S))
        return X

    X_T, X_j = stream(query), stream(key)
    z = sum(
        sum(X_T[a, v] * theta["Q", (a, v, slot, i)] for a, v in X_T)
        * sum(X_j[b, v] * theta["K", (b, v, slot, i)] for b, v in X_j)
        for slot, i in product(range(n), range(S))
    )
    return z, theta, query, key


@cache
def merged_slopes(S: int, n: int) -> Callable[..., Any]:
    """The same derivatives with the merged second layer, all heads of the first switched on (V^(h) = I)."""
    theta = _symbols(merged_entries(S, n))
    query, key = sympy.symbols(f"x:{n * S}"), sympy.symbols(f"y:{n * S}")
    z = sum(query[a * S + v] * W * key[b * S + i] for (_, (a, b, v, i)), W in theta.items())
    return _slopes(z, theta, query, key)


@cache
def log_probability_derivative(T: int, j: int) -> Callable[..., Any]:
    """d log p(s) / dz_j, a function (E, o) -> (numerator, denominator).

    p(s) = sum_j a_j 1{x_j = s} with a = softmax(z). E_j = exp(z_j) and o_j = 1{x_j = s} are symbols, so that this
    is every sequence of length T, every token s that occurs in it, and all logits.
    """
    z, E, o = sympy.symbols(f"z:{T}"), sympy.symbols(f"E:{T}", positive=True), sympy.symbols(f"o:{T}")
    Z = sum(map(sympy.exp, z))
    p = sum(o_j * sympy.exp(z_j) / Z for o_j, z_j in zip(o, z, strict=True))
    in_terms_of_E = {z_j: sympy.log(E_j) for z_j, E_j in zip(z, E, strict=True)}
    derivative = sympy.diff(sympy.log(p), z[j]).subs(in_terms_of_E)
    return sympy.lambdify([E, o], sympy.fraction(sympy.together(derivative)))  # type: ignore[no-any-return]  # untyped


def score_derivative(x: Sequence[int], j: int, E: Sequence[Any], P: Sequence[Any]) -> Any:
    """dl/dz_j of the loss l = -sum_s P_s log p(s) over the tokens s that occur in x; E and P from any field."""
    total = 0
    for s in sorted(set(x)):
        numerator, denominator = log_probability_derivative(len(x), j)(E, [int(token == s) for token in x])
        total -= P[s] * numerator / denominator
    return total


def configuration_values(S: int, n: int, configuration: Configuration, root_c: Any) -> list[Any]:
    """The parameters at the configuration (sub-n-grams/configuration), with `root_c` for the square root of c."""

    if any(lag >= n for lag in configuration.lags):
        raise ValueError(f"lags={configuration.lags}: lags lie between 1 and n-1 = {n - 1}")

    def value(name: str, index: tuple[int, ...]) -> Any:
        if name == "V":
            h, v, i = index
            return int(h in configuration.active_heads and v == i)
        stream, v, slot, i = index
        # slot l compares x_{T-l+1}, lag l-1 of the query, with x_{j-l}, lag l of the key
        lag = stream + 1 if name == "Q" else stream
        return root_c if lag in configuration.lags and slot == lag and v == i else 0

    return [value(name, index) for name, index in factorised_entries(S, n)]


def window(x: Sequence[int], j: int, n: int) -> Window:
    """The tokens x_j, x_{j-1}, ..., x_{j-n+1}: the position's own and those that hard heads 1..n-1 read."""
    return tuple(x[j - b] if j >= b else None for b in range(n))


def one_hot(tokens: Window, S: int, heads: Heads = "padded") -> list[int | Fraction]:
    """The window as n vectors of S in a row; where there is no token a padded head reads 0, a literal head the mean of
    the tokens that there are, all up to the position."""
    there = [token for token in tokens if token is not None]
    without = [Fraction(there.count(v), len(there)) if heads == "literal" else 0 for v in range(S)]
    return [without[v] if token is None else int(token == v) for token in tokens for v in range(S)]


@cache
def softmax_slopes(t: int, preferred: int | None = None) -> Any:
    """d(weight i)/d(logit k) of a softmax row of t logits as [i][k]: functions of r = e^c_A, the logits being c_A at
    the index `preferred` and 0 elsewhere."""
    r, A = sympy.Symbol("r", positive=True), sympy.symbols(f"A:{t}")
    Z = sum(map(sympy.exp, A))
    at_configuration = {A_m: sympy.log(r) if m == preferred else 0 for m, A_m in enumerate(A)}
    return [[sympy.diff(sympy.exp(A_i) / Z, A_k).subs(at_configuration) for A_k in A] for A_i in A]


def _symbols(entries: list[Entry]) -> dict[Entry, Any]:
    return {(name, index): sympy.Symbol("_".join([name, *map(str, index)])) for name, index in entries}


def _slopes(z: Any, theta: dict[Entry, Any], query: Any, key: Any) -> Callable[..., Any]:
    return _function([sympy.diff(z, parameter) for parameter in theta.values()], theta, query, key)


def _function(value: Any, theta: dict[Entry, Any], query: Any, key: Any) -> Callable[..., Any]:
    return sympy.lambdify([list(theta.values()), query, key], value, cse=True)  # type: ignore[no-any-return]  # untyped
