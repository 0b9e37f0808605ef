"""No operation mixes devices, on a machine without CUDA too: fake tensors have a device and a shape but no values.

They are on the device "meta", since torch without CUDA cannot slice a fake tensor that is on "cuda". What depends on
values (how many squarings, which kernels are still active, bincount) is left to `test_cuda`: here the parts between.
Not seen is what torch does not see in fake tensors: adding in place, and a tensor of the CPU indexed by one elsewhere.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import product
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from numerics.mean_field.finite import loss
from numerics.sub_ngrams import closed_form, sequences
from numerics.sub_ngrams.chain_power import multiply
from numerics.sub_ngrams.infinite_length import Stationary, limit
from numerics.sub_ngrams.levels import k_gram_predictions
from numerics.sub_ngrams.monte_carlo import Moments, own_blocks, symmetrised
from numerics.sub_ngrams.network import Network
from numerics.sub_ngrams.relabelling import all_ends, same_and_different
from numerics.sub_ngrams.transfer import gather_blocks, transitions
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw

LAW, T, B = NGramLaw(2, 3, Fraction(1, 2)), 8, 5
CONFIGURATIONS = [
    Configuration(lags, q, heads)
    for lags, q, heads in product([(), (1,), (2,), (1, 2)], [math.inf, Fraction(4)], ["padded", "literal"])
]
ELSEWHERE = torch.device("meta")


@pytest.fixture
def elsewhere() -> Iterator[Callable[..., torch.Tensor]]:
    """Makes fake tensors there, of this shape and type. What is kept for later calls has values before and after."""
    forget()
    with FakeTensorMode(allow_non_fake_inputs=True):
        yield lambda *shape, dtype=torch.float64: torch.empty(shape, dtype=dtype, device=ELSEWHERE)
    forget()


def forget() -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith("numerics."):
            for kept in vars(module).values():
                getattr(kept, "cache_clear", lambda: None)()


Make = Callable[..., torch.Tensor]


@pytest.fixture(autouse=True)
def counts_have_a_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of bincount depends on values."""
    monkeypatch.setattr(
        closed_form, "_count", lambda code, codes: code.new_empty(len(code), codes, dtype=torch.float64)
    )


@pytest.mark.parametrize(
    "mix",
    [
        torch.add,
        torch.mul,
        torch.dot,
        torch.maximum,
        lambda x, y: torch.cat([x, y]),
        lambda x, y: x.masked_fill(y > 0, 0),
    ],
)
def test_that_mixing_is_seen(mix: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], elsewhere: Make) -> None:
    with pytest.raises(RuntimeError, match="device"):
        mix(elsewhere(3), torch.empty(3, dtype=torch.float64, device="cpu"))


@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=str)
@pytest.mark.parametrize("name", ["score", "lag_sums", "row_slopes", "block_mean"])
def test_the_closed_form(name: str, configuration: Configuration, elsewhere: Make) -> None:
    x, P = elsewhere(B, T, dtype=torch.int64), elsewhere(B, LAW.S)
    work = {
        "score": lambda: closed_form.score(x, P, configuration),
        "lag_sums": lambda: closed_form.lag_sums(x, P, configuration, LAW.n),
        "row_slopes": lambda: closed_form.row_slopes(x, P, configuration, LAW.n),
        "block_mean": lambda: closed_form.block_mean(x, P, elsewhere(B), configuration, LAW.n),
    }
    assert work[name]().device == ELSEWHERE


@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=str)
def test_the_closed_form_of_counts(configuration: Configuration, elsewhere: Make) -> None:
    start, last = elsewhere(B, LAW.n - 1, dtype=torch.int64), elsewhere(B, LAW.n, dtype=torch.int64)
    grams, P = elsewhere(B, LAW.S**LAW.n), elsewhere(B, LAW.S)
    for of_counts in (closed_form.lag_sums_of_counts, closed_form.row_slopes_of_counts):
        assert of_counts(start, last, grams, P, configuration, LAW.n).device == ELSEWHERE


def test_laws_of_sequences(elsewhere: Make) -> None:
    x = elsewhere(B, T, dtype=torch.int64)
    for law in (LAW, NGramLaw(3, 2, initial="dirichlet")):
        for found in (sequences.probability(law, x), sequences.predictive(law, x), *sequences.joint(law, x)):
            assert found.device == ELSEWHERE


def test_moments_of_monte_carlo(elsewhere: Make) -> None:
    x, R = elsewhere(B, T, dtype=torch.int64), elsewhere(B, LAW.n, LAW.S)
    for values in (own_blocks(x, R), symmetrised(x, R)):
        moments = Moments()
        moments.add(values)
        assert moments.variance.device == ELSEWHERE


@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=str)
def test_what_a_kernel_has_at_infinite_length(
    configuration: Configuration, elsewhere: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.Tensor, "__bool__", lambda self: True)  # all entries are positive
    chain, ends = Stationary(elsewhere(B, LAW.S ** (LAW.n - 1), LAW.S), LAW), all_ends(LAW)
    assert limit(chain, configuration, ends).device == ELSEWHERE


def test_powers_of_chains(elsewhere: Make) -> None:
    N = LAW.S ** (LAW.n - 1)
    A = transitions(elsewhere(B, N, LAW.S), LAW)
    assert multiply(A, A).device == ELSEWHERE
    by_end, ends = elsewhere(B, len(all_ends(LAW)), LAW.n, LAW.S), list(all_ends(LAW))
    assert gather_blocks(by_end, LAW, ends).device == ELSEWHERE
    assert same_and_different(by_end, LAW, all_ends(LAW)).device == ELSEWHERE


@pytest.mark.parametrize("parametrisation", ["factorised", "merged"])
@pytest.mark.parametrize("c_A", [math.inf, 3.0])
@pytest.mark.parametrize("epsilon", [0.0, 1e-6])
def test_a_step_of_training(parametrisation: Any, c_A: float, epsilon: float, elsewhere: Make) -> None:
    network = Network.at_configuration(
        LAW, Configuration((1,), Fraction(4)), T, parametrisation=parametrisation, c_A=c_A, device=ELSEWHERE
    )
    x, P = elsewhere(B, T, dtype=torch.int64), elsewhere(B, LAW.S)
    optimiser = torch.optim.AdamW(network.parameters())
    network.losses(x, P, epsilon).mean().backward()
    optimiser.step()
    assert {parameter.device for parameter in network.parameters()} == {ELSEWHERE}
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_predictions_of_k_grams(elsewhere: Make) -> None:
    assert k_gram_predictions(2, 5.0, elsewhere(B, T, dtype=torch.int64), LAW.S).device == ELSEWHERE


def test_mean_field(elsewhere: Make) -> None:
    assert loss(elsewhere(2, 4), elsewhere(2, 4)).device == ELSEWHERE
