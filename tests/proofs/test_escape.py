"""Claim SN12: the first derivative in the parameters that build a feature, at T = infinity and c = infinity."""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import combinations, product
from typing import Any

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofs.sub_ngrams.escape import (
    Feature,
    coefficient,
    first_derivative,
    generic_words,
    kernel_on_lags,
    loss_series,
    positive_terms,
    predicted_coefficient,
    squares,
    tower,
    unused_lags,
    word_weights,
)
from proofs.sub_ngrams.infinite_length import Kernel, limit_blocks, random_kernel, symbolic_kernel

SIZES = [(2, 2), (2, 3), (3, 2)]


def lag_sets(n: int) -> list[tuple[int, ...]]:
    return [lags for size in range(n - 1) for lags in combinations(range(1, n), size)]


def cases() -> list[Any]:
    return [(S, n, lags, lag) for S, n in SIZES for lags in lag_sets(n) for lag in unused_lags(n, lags)]


@pytest.mark.parametrize(("S", "n", "lags", "lag"), cases())
def test_the_coefficient_for_every_kernel(S: int, n: int, lags: tuple[int, ...], lag: int) -> None:
    words = generic_words(S, n)
    feature = Feature.of_lag(lags, lag)
    for built in (feature, Feature.of_lag(lags, lag, aligned=feature.new_heads)):
        found = first_derivative(words, built)
        assert found.hold, found.counterexample
        assert first_derivative(words, built, scale=Fraction(1, 2)).failed == 1


@pytest.mark.parametrize(("S", "n", "lags", "lag"), [case for case in cases() if case[3] == len(case[2]) + 1])
def test_with_values_to_find_each_head_adds_an_order(S: int, n: int, lags: tuple[int, ...], lag: int) -> None:
    feature = Feature.of_lag(lags, lag, values=True)
    assert feature.order == Feature.of_lag(lags, lag).order + len(feature.new_heads)
    assert first_derivative(generic_words(S, n), feature).hold


def test_orders_of_the_k_gram() -> None:
    assert Feature.of_lag((), 1).variables == ("x", "y", "e1")
    assert Feature.of_lag((), 1, aligned=(1,)).order == 2
    assert Feature.of_lag((), 1, values=True).order == 4
    assert Feature.of_lag((1,), 2).order == 3
    assert Feature.of_lag((), 2).order == 4  # two heads: one for the query, one for the key
    assert Feature.of_lag((2,), 1).order == 2  # head 1 serves the query of lag 2 already


@pytest.mark.parametrize(("S", "n", "lags", "lag"), cases())
def test_the_sign_is_decided(S: int, n: int, lags: tuple[int, ...], lag: int) -> None:
    """A sum of squares over positive numbers, and not all squares vanish."""
    assert positive_terms(S, n, lags, lag).hold
    assert any(term.residual != 0 for term in squares(generic_words(S, n), lags, lag))


@pytest.mark.parametrize(("S", "n"), [(2, 1), *SIZES, (2, 4), (3, 3)])
def test_generic_words_are_the_stationary_chains(S: int, n: int) -> None:
    generic = generic_words(S, n)
    assert list(generic) != [] and len(generic) == S**n
    for u in product(range(S), repeat=n - 1):
        assert sum(generic[(*u, s)] for s in range(S)) - sum(generic[(s, *u)] for s in range(S)) == 0
    weights = word_weights(random_kernel(S, n, random.Random(n)))
    names = [w for w, x in generic.items() if len(x.numerator) == 1 and x.numerator.LC == 1 and not x.factors]
    symbols = {w: generic[w].numerator for w in names if sum(generic[w].numerator.degrees()) == 1}
    order = next(iter(symbols.values())).ring.gens
    point = [weights[next(w for w, x in symbols.items() if x == generator)] for generator in order]
    assert len(order) == S**n - S ** (n - 1) + 1
    assert {w: x.value(point) for w, x in generic.items()} == dict(weights)


kernels = st.builds(
    lambda S_n, seed: random_kernel(*S_n, random.Random(seed)),
    st.sampled_from([(2, 2), (2, 3), (3, 2), (2, 4), (3, 3)]),
    st.integers(0, 10**6),
)


@given(kernels, st.data())
@settings(max_examples=15)
def test_the_trace_of_a_score_block_is_the_same_number(kernel: Kernel, data: st.DataObject) -> None:
    """Another way: M_{l-1,l} in closed form, that is the derivative in W_{l-1,l} of a network with all heads
    aligned.
    """
    n = len(next(iter(word_weights(kernel))))
    lags = data.draw(st.sampled_from(lag_sets(n)))
    lag = data.draw(st.sampled_from(unused_lags(n, lags)))
    block = limit_blocks(kernel, lags, None, [(lag - 1, lag)])[lag - 1, lag]
    trace = sum(block[v][v] for v in range(len(block)))
    words = word_weights(kernel)
    assert predicted_coefficient(words, lags, lag) == trace
    assert coefficient(words, Feature.of_lag(lags, lag)) == trace


def test_closed_form_for_two_tokens() -> None:
    """tau(1|0) = a, tau(0|1) = b: -2 (1 - a - b)^2 a b / (a + b)^2."""
    a, b = Fraction(1, 3), Fraction(2, 7)
    words = word_weights([[1 - a, a], [b, 1 - b]])
    assert predicted_coefficient(words, (), 1) == -2 * (1 - a - b) ** 2 * a * b / (a + b) ** 2


@pytest.mark.parametrize(("S", "n", "lags"), [(2, 2, ()), (2, 3, ()), (2, 3, (1,)), (2, 3, (2,)), (3, 3, (1,))])
def test_a_kernel_that_ignores_the_other_lags_has_coefficient_zero(S: int, n: int, lags: tuple[int, ...]) -> None:
    rows = random_kernel(S, len(lags) + 1, random.Random(1))
    words = word_weights(kernel_on_lags(S, n, lags, rows))
    for lag in unused_lags(n, lags):
        assert coefficient(words, Feature.of_lag(lags, lag)) == 0
        assert all(term.residual == 0 for term in squares(words, lags, lag))


def test_the_only_feature_that_needs_no_new_head() -> None:
    """Of M_ab with streams present only M_{k-1,0} survives, and x y tr M_{k-1,0} is the loss in Q_{k-1} = x I, K_0 =
    y I.
    """
    assert tower(symbolic_kernel(2, 3), (1,)).hold
    kernel = random_kernel(2, 3, random.Random(5))
    block = limit_blocks(kernel, (1,), None, [(1, 0)])[1, 0]
    series = loss_series(word_weights(kernel), Feature((1,), 1, 0))
    assert series[1, 1] == block[0][0] + block[1][1] != 0
    assert series[1, 0] == series[0, 1] == series[2, 0] == series[0, 2] == 0


def test_words_too_short_for_the_feature() -> None:
    words = word_weights(random_kernel(2, 2, random.Random(0)))
    with pytest.raises(ValueError, match="n=2"):
        loss_series(words, Feature((), 1, 1))


# --- finite differences of the literal loss, in floating point of high precision ---


def literal_loss(
    kernel: Kernel, lags: tuple[int, ...], lag: int, q: Any, x: Any, y: Any, weights: dict[int, Any]
) -> Any:
    """The network at T = infinity and finite q, written out once more: matrices Q, K, streams, softmax, cross entropy.

    weights: head -> lag weight, for every head that is on; active heads have 1.
    """
    words = word_weights(kernel)
    S = len(kernel[0])
    words = {w: mpmath.mpf(p.numerator) / p.denominator for w, p in words.items()}
    total = mpmath.fsum(words.values())
    pi = [mpmath.fsum(p for w, p in words.items() if w[-1] == s) / total for s in range(S)]
    root_c = mpmath.sqrt(mpmath.log(q))

    def stream(tokens: tuple[int | None, ...], h: int) -> list[Any]:
        """tokens: at lags 0, 1, ... of the position."""
        one_hot = [mpmath.mpf(tokens[h] == s) for s in range(S)]
        if h == 0:
            return one_hot
        e = weights.get(h)
        return [mpmath.mpf(0)] * S if e is None else [e * one_hot[s] + (1 - e) * pi[s] for s in range(S)]

    def logit(query: tuple[int | None, ...], key: tuple[int | None, ...]) -> Any:
        slots = [(used, used - 1, root_c, root_c) for used in lags] + [(lag, lag - 1, x, y)]  # slot, query lag, Q, K
        return mpmath.fsum(
            mpmath.fsum(a * Q * b * K for a, b in zip(stream(query, lag_Q), stream(key, slot), strict=True))
            for slot, lag_Q, Q, K in slots
        )

    loss = mpmath.mpf(0)
    for final, p_final in words.items():
        query = (*final[-2::-1], None)  # the final context, newest first; the last of `final` is the next token
        attention = {w: p * mpmath.exp(logit(query, w[::-1])) for w, p in words.items()}
        held = mpmath.fsum(p for w, p in attention.items() if w[-1] == final[-1])
        loss -= p_final / total * mpmath.log(held / mpmath.fsum(attention.values()))
    return loss


@pytest.mark.parametrize(("S", "n", "lags", "lag"), [(2, 2, (), 1), (2, 3, (1,), 2), (3, 2, (), 1), (2, 3, (), 2)])
def test_finite_differences_agree_to_six_digits(S: int, n: int, lags: tuple[int, ...], lag: int) -> None:
    """At q = 10^40 the loss differs from its limit by O(1/q), far below what the differences resolve."""
    kernel, feature = random_kernel(S, n, random.Random(3)), Feature.of_lag(lags, lag)
    active = {h: 1 for used in lags for h in (used, used - 1) if h}
    with mpmath.workdps(70):
        step = mpmath.mpf(10) ** -6

        def loss(*signs: int) -> Any:
            x, y, *e = [sign * step for sign in signs]
            return literal_loss(
                kernel, lags, lag, mpmath.mpf(10) ** 40, x, y, active | dict(zip(feature.new_heads, e, strict=True))
            )

        total = mpmath.fsum(loss(*signs) * mpmath.fprod(signs) for signs in product((1, -1), repeat=feature.order))
        difference = total / (2 * step) ** feature.order
        exact = coefficient(word_weights(kernel), feature)
        exact = mpmath.mpf(exact.numerator) / exact.denominator
        assert exact < 0
        assert abs(difference / exact - 1) < 1e-6
