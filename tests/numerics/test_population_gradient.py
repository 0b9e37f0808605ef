"""The population gradient of modules whose gradient is known, and what is refused."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from numerics.sub_ngrams.autograd import parameter_gradients
from numerics.sub_ngrams.network import Network
from numerics.sub_ngrams.population_gradient import population_gradient, population_loss
from numerics.sub_ngrams.sequences import UNIT_ROUNDOFF, law_error
from proofs.sub_ngrams.law import NGramLaw
from tests.strategies import laws


class Bigram(nn.Module):
    """p = softmax of the row of the last token."""

    def __init__(self, S: int, seed: int = 0) -> None:
        super().__init__()
        self.E = nn.Parameter(torch.randn(S, S, generator=torch.Generator().manual_seed(seed), dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return torch.softmax(self.E[x[:, -1]], 1)


class AddConstant(nn.Module):
    """p proportional to a + N(s) for i.i.d. tokens (n = 1); at a = alpha this is the posterior predictive."""

    def __init__(self, S: int, a: float) -> None:
        super().__init__()
        self.S, self.a = S, nn.Parameter(torch.tensor(a, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        counts = nn.functional.one_hot(x, self.S).sum(1)
        return (self.a + counts) / (self.S * self.a + x.shape[1])


class Broken(nn.Module):
    """Hands the probabilities of a bigram through `spoil`."""

    def __init__(self, spoil: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.inner, self.spoil = Bigram(2), spoil

    def forward(self, x: Tensor) -> object:
        return self.spoil(self.inner(x))


@given(laws(), st.data())
def test_bigram_module_against_exact_sums(law: NGramLaw, data: st.DataObject) -> None:
    """dL/dE[v] = sum over x with x_T = v of probability (softmax(E[v]) - P), with exact rational weights."""
    T = data.draw(st.integers(law.n, int(math.log(243, law.S) + 1e-9)))
    batch, module = data.draw(st.sampled_from([1024, 17])), Bigram(law.S)
    found = population_gradient(module, law, T, batch=batch)
    assert set(found) == {"E"}
    mass, target = Counter[int](), Counter[tuple[int, int]]()
    for x in product(range(law.S), repeat=T):
        mass[x[-1]] += law.probability(x)
        for s, P in enumerate(law.predictive(x)):
            target[x[-1], s] += law.probability(x) * P
    p = torch.softmax(module.E.detach(), 1)
    allowed = law_error(T) + UNIT_ROUNDOFF * (law.S**T + 100)  # each entry sums numbers that add up to at most 1
    for v in range(law.S):
        for s in range(law.S):
            due = float(mass[v]) * float(p[v, s]) - float(target[v, s])
            assert abs(float(found["E"][v, s]) - due) <= allowed


@settings(max_examples=10)
@given(st.sampled_from([Fraction(1, 2), Fraction(1), Fraction(5, 2)]), st.integers(2, 3), st.integers(1, 6))
def test_bayes_is_stationary(alpha: Fraction, S: int, T: int) -> None:
    """The posterior predictive minimises the population loss: no gradient there, and one towards it elsewhere."""
    law = NGramLaw(S, 1, alpha)
    gradient = {a: float(population_gradient(AddConstant(S, a), law, T)["a"]) for a in (0.25, float(alpha), 4.0)}
    # d log p / da is at most 1/a + S / (S a + T) <= 2/a <= 4; the sum cancels to rounding
    assert abs(gradient[float(alpha)]) <= 4 * (law_error(T) + UNIT_ROUNDOFF * (S**T + 100))
    assert gradient[0.25] < 0 < gradient[4.0]


@given(laws(), st.integers(3, 5), st.integers(0, 99), st.sampled_from([0.0, 0.01]))
def test_network_is_a_module_like_others(law: NGramLaw, T: int, seed: int, epsilon: float) -> None:
    network = Network.random(law, T, torch.Generator().manual_seed(seed), scale=0.5)
    found = population_gradient(network, law, T, epsilon=epsilon)
    due = parameter_gradients(network, law, T, epsilon=epsilon)
    assert found.keys() == due.keys()
    for name, gradient in found.items():
        # the one by log(p), the other by differences of logsumexp: some hundred operations apart
        assert gradient.shape == due[name].shape
        assert bool(((gradient - due[name]).abs() <= 5000 * UNIT_ROUNDOFF).all())


@pytest.mark.parametrize("epsilon", [1e-3, 1e-8])
def test_gradient_is_the_slope_of_the_loss(epsilon: float) -> None:
    law, T = NGramLaw(2, 2, Fraction(1, 2)), 5
    network = Network.random(law, T, torch.Generator().manual_seed(3), scale=0.5)
    gradient = population_gradient(network, law, T, epsilon=epsilon)
    for name, value in network.named_parameters():
        step = 1e-5 * torch.randn(value.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        ends = []
        with torch.no_grad():
            for sign in (1, -2):
                value += sign * step
                ends.append(population_loss(network, law, T, epsilon=epsilon))
            value += step
        slope = float((gradient[name] * step).sum())
        # central differences: third derivative times |step|^3 ~ 1e-13, and the rounding of the losses ~ 1e-15
        assert abs((ends[0] - ends[1]) / 2 - slope) <= 1e-12
        assert abs(slope) > 1e-9


def test_loss_of_uniform_predictions_is_log_S_and_of_copying_is_infinite() -> None:
    law = NGramLaw(3, 2)
    module = Bigram(3)
    with torch.no_grad():
        module.E.zero_()
    assert abs(population_loss(module, law, 4) - math.log(3)) <= law_error(4) + 200 * UNIT_ROUNDOFF
    network = Network.random(law, 4, torch.Generator().manual_seed(0))
    assert population_loss(network, law, 4) == math.inf  # SN10: absent tokens
    assert math.isfinite(population_loss(network, law, 4, epsilon=1e-8))


def test_parameters_without_influence() -> None:
    module = Bigram(2)
    module.unused = nn.Parameter(torch.ones(3, dtype=torch.float64))
    module.frozen = nn.Parameter(torch.ones(1, dtype=torch.float64), requires_grad=False)
    found = population_gradient(module, NGramLaw(2, 2), 4)
    assert set(found) == {"E", "unused"} and not bool(found["unused"].any())
    assert module.E.grad is None  # nothing is left behind in the module


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda p: p[:, :1], r"returns \(16, 1\) for 16 sequences: must be a 16 x 2 tensor"),
        (lambda p: p.tolist(), "returns list"),
        (lambda p: p.float(), "must be float64"),
        (lambda p: p.log(), "not logits"),
        (lambda p: p / 0, "non-finite"),
        (lambda p: p * math.nan, "non-finite"),
        (lambda p: 2 * p, "do not sum to 1"),
        (lambda p: torch.softmax(p + torch.rand_like(p), 1), r"module\.eval\(\)"),
        (
            lambda p: 0 * p + torch.tensor([1.0, 0.0]),
            r"probability 0 to token 1, which occurs in the sequence \[0, 0, 0, 1\]",
        ),
    ],
)
@pytest.mark.parametrize("function", [population_gradient, population_loss])
def test_modules_that_are_refused(
    function: Callable[..., object], spoil: Callable[[Tensor], object], message: str
) -> None:
    if "probability 0" in message and function is population_loss:
        assert population_loss(Broken(spoil), NGramLaw(2, 2), 4) == math.inf
        return
    with pytest.raises(ValueError, match=message):
        function(Broken(spoil), NGramLaw(2, 2), 4)


@pytest.mark.parametrize("function", [population_gradient, population_loss])
def test_arguments_that_are_refused(function: Callable[..., object]) -> None:
    with pytest.raises(ValueError, match=r"S\^T = 2\^40 = 1099511627776 sequences"):
        function(Bigram(2), NGramLaw(2, 2), 40)
    with pytest.raises(ValueError, match="T=1"):
        function(Bigram(2), NGramLaw(2, 2), 1)
    with pytest.raises(ValueError, match=r"epsilon=-0\.1"):
        function(Bigram(2), NGramLaw(2, 2), 4, epsilon=-0.1)
    with pytest.raises(ValueError, match="epsilon=nan"):
        function(Bigram(2), NGramLaw(2, 2), 4, epsilon=math.nan)
    with pytest.raises(ValueError, match="no parameters"):
        function(nn.Softmax(1), NGramLaw(2, 2), 4)
