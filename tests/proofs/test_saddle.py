"""Claim SN23: the second derivatives of the loss in Q_a and K_0, at T = infinity and c = infinity."""

from __future__ import annotations

import math
import random
from itertools import product

import pytest

from proofs.sub_ngrams.escape import Feature, coefficient, kernel_on_lags, word_weights
from proofs.sub_ngrams.infinite_length import Kernel, random_kernel, symbolic_kernel
from proofs.sub_ngrams.saddle import entry_that_stays, loss_along, mixed_derivatives, query_lag

CASES = [(2, 2, ()), (2, 3, ()), (2, 3, (1,)), (2, 3, (2,)), (3, 2, ()), (2, 4, (1, 2)), (3, 3, (1,))]


@pytest.mark.parametrize(("S", "n", "lags"), CASES)
def test_the_mixed_derivatives_are_the_score_block_and_nothing_else(S: int, n: int, lags: tuple[int, ...]) -> None:
    kernel: Kernel = symbolic_kernel(S, n) if S**n <= 9 else random_kernel(S, n, random.Random(0))
    found = mixed_derivatives(kernel, lags)
    assert found.hold and found.checked == 5 * S**2, found.counterexample
    assert mixed_derivatives(kernel, lags, scale=2).failed > 0
    assert entry_that_stays(kernel, lags) is not None


def test_the_trace_is_the_coefficient_of_the_identities_in_a_slot() -> None:
    """x I and y I in S coordinates, as SN12 builds its features: another series of the same network."""
    words = word_weights(random_kernel(3, 3, random.Random(1)))
    entries = [loss_along(words, (1,), 1, v, v)[1, 1] for v in range(3)]
    assert sum(entries) == coefficient(words, Feature((1,), 1, 0))


@pytest.mark.parametrize("x", [0.3, -0.3])
def test_the_loss_falls_on_one_side(x: float) -> None:
    """The loss itself, in floats: along Q_a = x e_v, K_0 = +-x e_w it moves by +-x^2 M[v][w], up to x^4."""
    kernel = random_kernel(2, 3, random.Random(2))
    words = {word: float(weight) for word, weight in word_weights(kernel).items()}
    entry = entry_that_stays(kernel, (1,))
    assert entry is not None
    v, w, m = entry

    def loss(z: float) -> float:
        total, value = sum(words.values()), 0.0
        for word, weight in words.items():
            keys = [
                sum(y for k, y in words.items() if k[-1] == s and k[-2] == word[-2])
                * math.exp(z * (s == w and word[-3] == v))
                for s in range(2)
            ]
            value -= weight / total * math.log(keys[word[-1]] / sum(keys))
        return value

    rise = loss(x * abs(x)) - loss(0)
    assert abs(rise - x * abs(x) * float(m)) <= x**4 and rise * m * x > 0


def test_a_kernel_that_reads_the_used_lags_only_has_no_such_derivative() -> None:
    rows = random_kernel(2, 2, random.Random(3))
    kernel = kernel_on_lags(2, 3, (1,), rows)
    assert entry_that_stays(kernel, (1,)) is None
    words = word_weights(kernel)
    assert all(not loss_along(words, (1,), 1, v, w).terms for v, w in product(range(2), repeat=2))
    assert entry_that_stays(kernel, ()) is not None  # of the unigram it is one: Q_0 x K_0


def test_the_query_lag_is_that_of_a_head_in_place() -> None:
    assert [query_lag(4, lags) for lags in ((), (1,), (2,), (1, 2), (1, 3), (2, 3))] == [0, 1, 0, 2, 1, 0]
    with pytest.raises(ValueError, match="every lag below n=3"):
        query_lag(3, (1, 2))
