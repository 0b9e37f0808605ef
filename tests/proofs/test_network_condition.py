"""Claim SN4n: the configuration meets conditions (i) and (ii) of SN4, and the merged parameter does not."""

from __future__ import annotations

import random

import pytest

from proofs.sub_ngrams import network_condition
from proofs.sub_ngrams.infinite_length import Kernel, random_kernel, symbolic_kernel
from proofs.sub_ngrams.network_condition import conditions, logit_derivatives, merged_derivatives

CASES = [
    (2, 2, (1,)),
    (2, 3, ()),
    (2, 3, (1,)),
    (2, 3, (2,)),
    (2, 3, (1, 2)),
    (3, 2, (1,)),
    (3, 3, (1,)),
    (2, 4, (1, 3)),
]


@pytest.mark.parametrize(("S", "n", "lags"), CASES)
def test_the_configuration_meets_both_conditions(S: int, n: int, lags: tuple[int, ...]) -> None:
    kernel: Kernel = symbolic_kernel(S, n) if S**n <= 9 else random_kernel(S, n, random.Random(0))
    found = conditions(kernel, lags)
    assert found.hold and found.checked > 0, found.counterexample


@pytest.mark.parametrize(("S", "n", "lags"), [(2, 3, ()), (2, 3, (1,)), (2, 3, (2,)), (3, 2, ())])
def test_with_w_itself_as_the_parameter_the_second_fails(S: int, n: int, lags: tuple[int, ...]) -> None:
    found = conditions(random_kernel(S, n, random.Random(0)), lags, merged_derivatives)
    assert found.failed > 0 and "d log p" in str(found.counterexample)


def test_weights_that_are_not_stationary_fail_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = random_kernel(2, 3, random.Random(0))
    words = {(*u, s): kernel[i][s] for i, u in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]) for s in range(2)}
    monkeypatch.setattr(network_condition, "word_weights", lambda kernel: words)
    found = conditions(kernel, (1,))
    assert found.failed > 0 and str(found.counterexample).startswith("p(0) given (0,)")


def test_slopes_are_those_of_the_logit() -> None:
    """By hand, n = 3, lags {1}: Q_a in slot 1 against the key's token at lag 1, K_b against the query's at lag 0, V^(1)
    on the key's side against the query's token."""
    final, key = (0, 1, 0), (1, 0, 1)  # x_{T-2}, x_{T-1}, x_T
    assert logit_derivatives(final, key, (1,), 2) == {
        ("Q", (0, 0), (1, 0)): 1,
        ("Q", (1, 1), (1, 0)): 1,
        ("K", (0, 1), (1, 0)): 1,
        ("K", (1, 0), (1, 0)): 1,
        ("V", (1, 0), 0): 1,
    }
