"""Sums of gradients of somebody's module: the same as `population_gradient`, at any law and at all positions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise, product
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from numerics.sub_ngrams import curvature as curvature_module
from numerics.sub_ngrams.curvature import curvature, drawn_curvature
from numerics.sub_ngrams.hessian import spectrum
from numerics.sub_ngrams.network import Network
from numerics.sub_ngrams.own_law import AnyLaw, chosen, drawn, fits, numbered, shortest
from numerics.sub_ngrams.own_module import OwnModule, Positions, asking
from numerics.sub_ngrams.population_gradient import population_gradient, population_loss
from numerics.sub_ngrams.probe import differentiable_twice, measure, pilot, rise, strange
from numerics.sub_ngrams.sequences import Batch
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.laws import DirichletLaw, FixedKernel, Mixture, StationaryStarts

LAW, T = NGramLaw(2, 2), 5
CPU = torch.device("cpu")


class Chain:
    """Tokens from one kernel, the first uniform: a law that says itself what it is."""

    S, n = 2, 2
    kernel = ((Fraction(1, 4), Fraction(3, 4)), (Fraction(1), Fraction(0)))

    def probability(self, x: Any) -> Fraction:
        p = Fraction(1, 2)
        for u, s in pairwise(x):
            p *= self.kernel[u][s]
        return p

    def predictive(self, x: Any) -> tuple[Fraction, ...]:
        if not self.probability(x):
            raise ZeroDivisionError("never comes")
        return self.kernel[x[-1]]

    def sample(self, count: int, T: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        x = [torch.randint(2, (count,), generator=generator)]
        rows = torch.tensor([[float(p) for p in row] for row in self.kernel], dtype=torch.float64)
        while len(x) < T:
            x.append((torch.rand(count, generator=generator, dtype=torch.float64) < rows[x[-1], 1]).long())
        return torch.stack(x, 1), rows[x[-1]]


KERNEL = FixedKernel(((Fraction(1, 4), Fraction(3, 4)), (Fraction(2, 3), Fraction(1, 3))), "stationary")
UNEVEN = DirichletLaw(((Fraction(1), Fraction(1, 2)),), 2)
MIXED = Mixture(((Fraction(1, 3), KERNEL), (Fraction(2, 3), UNEVEN)))


class Causal(nn.Module):
    """A recurrent network, with logits at every position."""

    def __init__(self, S: int = 2) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.cell, self.out = nn.Embedding(S, 3), nn.GRU(3, 3, batch_first=True), nn.Linear(3, S)
        self.double()

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.cell(self.embed(x))[0])


def asked(law: AnyLaw, positions: Positions = "last", module: nn.Module | None = None) -> Any:
    return asking(module or Causal(), law.S, "logits", 0.0, positions=positions, shortest=shortest(law))


def all_of(law: AnyLaw, own: OwnModule, T: int) -> Iterator[Batch]:
    return (numbered(law, T, i, min(i + 64, law.S**T), own.positions, CPU) for i in range(0, law.S**T, 64))


def by_hand(law: AnyLaw, module: nn.Module, T: int, positions: Positions) -> tuple[float, Tensor]:
    """Loss and gradient, sequence by sequence, with the fractions of the law itself."""
    loss = torch.zeros((), dtype=torch.float64)
    for x in product(range(law.S), repeat=T):
        weight = law.probability(x)
        if weight:
            log_p = module(torch.tensor([x])).log_softmax(-1)[0]
            lengths = [T] if positions == "last" else range(max(1, law.n - 1), T + 1)
            P = torch.tensor([[float(p) for p in law.predictive(x[:t])] for t in lengths], dtype=torch.float64)
            loss = loss - float(weight) * (P * log_p[[t - 1 for t in lengths]]).sum(1).mean()
    gradients = torch.autograd.grad(loss, list(module.parameters()))
    return float(loss.detach()), torch.cat([g.flatten() for g in gradients])


@pytest.mark.parametrize("positions", ["last", "all"])
@pytest.mark.parametrize(
    "law", [LAW, Chain(), NGramLaw(3, 1), NGramLaw(2, 3, Fraction(1, 2), "dirichlet"), KERNEL, UNEVEN, MIXED]
)
def test_sums_are_those_by_hand(law: AnyLaw, positions: Positions) -> None:
    module = Causal(law.S)
    loss, gradient = by_hand(law, module, 4, positions)
    with asked(law, positions, module) as own:
        found = measure(own, all_of(law, own, 4), 5)
    assert abs(found.loss - loss) < 1e-12 and float((found.gradient - gradient).norm()) < 1e-12
    assert float(found.sizes[-1]) >= float(gradient.norm()) * (1 - 1e-12)
    assert float(gradient.norm()) > 1e-3


def test_the_last_of_all_positions_is_the_only_one_that_counts() -> None:
    module = Causal()

    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = module

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x)[:, -1]

    whole = population_gradient(module, LAW, T, output="logits")
    last = population_gradient(Last(), LAW, T, output="logits")
    assert all(torch.equal(whole[name], last[f"inner.{name}"]) for name in whole)
    assert population_loss(module, LAW, T, output="logits") == population_loss(Last(), LAW, T, output="logits")


def test_slopes_along_a_direction_and_differences_of_losses() -> None:
    with asked(LAW) as own, differentiable_twice():
        batches = list(all_of(LAW, own, T))
        g = measure(own, batches, 8).gradient
        direction = torch.linspace(-1, 1, len(g), dtype=torch.float64)
        direction /= direction.norm()
        due = float(g @ direction)
        ones = [Batch(x, P, torch.ones_like(weight)) for x, P, weight in batches]
        each = measure(own, ones, 8, direction)
        assert each.along is not None and each.along.count == 2**T
        (uniform,) = {float(each.along.mean)}
        flat = measure(own, ones, 8).gradient
        assert uniform == pytest.approx(float(flat @ direction) / 2**T, rel=1e-12)
        assert rise(own, batches, 8, direction) == pytest.approx(due, rel=1e-6)
        assert abs(due) > 1e-3


def test_a_network_that_copies_has_an_infinite_loss_and_a_gradient() -> None:
    network = Network.at_configuration(LAW, Configuration.k_gram(2, Fraction(5)), T)
    due = population_gradient(network, LAW, T)
    with asking(network, 2, "probabilities", 0.0) as own, differentiable_twice():
        found = measure(own, all_of(LAW, own, T), 8)
    assert found.loss == math.inf and found.losses.mean < math.inf
    assert torch.allclose(found.gradient, torch.cat([part.flatten() for part in due.values()]), rtol=0, atol=1e-14)


def test_fused_attention_is_differentiated_twice() -> None:
    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.E = nn.Parameter(torch.eye(2, dtype=torch.float64))

        def forward(self, x: Tensor) -> Tensor:
            h = self.E[x][:, None]
            return nn.functional.scaled_dot_product_attention(h, h, h, is_causal=True)[:, 0, -1]

    with asked(LAW, "last", Attention()) as own:
        batches = list(all_of(LAW, own, T))
        direction = torch.ones(4, dtype=torch.float64) / 2
        with differentiable_twice():
            found = measure(own, batches, 8, direction)
        assert found.along is not None and float(found.along.variance) > 0


def test_a_pilot_sees_what_the_law_hardly_ever_draws() -> None:
    """At small alpha sequences are nearly constant, and their gradients short."""
    law = NGramLaw(2, 2, Fraction(1, 10**9))

    class Change(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.zeros(2, dtype=torch.float64))

        def forward(self, x: Tensor) -> Tensor:
            return (x[:, 1:] != x[:, :-1]).sum(1, keepdim=True) % 5 * self.w

    with asked(law, "last", Change()) as own:
        found = pilot(own, law, 8, torch.Generator().manual_seed(0))
        assert float(found.longest[-1]) > 1.5
        assert float(strange(law, 8, torch.Generator().manual_seed(0))[:2].float().std(1).max()) == 0


@pytest.mark.parametrize("law", [Chain(), KERNEL, UNEVEN, MIXED])
def test_drawn_sequences_come_as_often_as_the_law_says(law: AnyLaw) -> None:
    (batch,) = drawn(law, 4, 4000, "last", torch.Generator().manual_seed(0))
    words, where, counts = batch.x.unique(dim=0, return_inverse=True, return_counts=True)
    for i, (word, count) in enumerate(zip(words.tolist(), counts.tolist(), strict=True)):
        p = float(law.probability(word))
        assert abs(count / 4000 - p) <= 5 * math.sqrt(p / 4000)
        due = torch.tensor([float(q) for q in law.predictive(word)], dtype=torch.float64)
        assert float((batch.P[where == i].mean(0) - due).abs().max()) <= 5 * 0.5 / math.sqrt(count)
    assert len(words) >= 5


def test_what_is_no_law_is_refused() -> None:
    class Silent(Chain):
        sample = None  # type: ignore[assignment]

    class Other(NGramLaw):
        def probability(self, x: Any) -> Fraction:
            return Fraction(1, self.S) ** len(x)

    generator = torch.Generator().manual_seed(0)
    for bad in (Silent(), Other(2, 2)):
        with pytest.raises(ValueError, match="has no method sample"):
            list(drawn(bad, 4, 3, "last", generator))
    with pytest.raises(ValueError, match="Other"):  # its predictive is that of another law
        numbered(Other(2, 2), 3, 0, 8, "last", CPU)
    assert len(chosen(Chain(), torch.tensor([[1, 1], [0, 1]]), "last").x) == 1  # 1 never follows 1
    random = StationaryStarts(LAW)
    assert fits(LAW, 16, 2**16) and not fits(LAW, 17, 2**16) and not fits(random, 4, 2**16)
    assert not fits(NGramLaw(3, 1), 10**9, 2**24)
    with pytest.raises(ValueError, match="stationary starts"):
        list(drawn(random, 4, 3, "all", generator))


# --- curvature ---

CONFIGURATION = Configuration.k_gram(2, Fraction(6))


@pytest.mark.parametrize("dense", [200, 1])
def test_the_lowest_eigenvalues_are_those_of_the_whole_hessian(dense: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curvature_module, "DENSE", dense)
    law = NGramLaw(2, 2)
    network = Network.at_configuration(law, CONFIGURATION, 6)
    due = spectrum(network, law, 6).eigenvalues
    with asking(network, 2, "probabilities", 0.0) as own, differentiable_twice():
        found = curvature(own, 6, lambda: all_of(law, own, 6), 2, 64, 0)
        fresh = [*drawn(law, 6, 500, "last", torch.Generator().manual_seed(1))]
        sample = [Batch(x, P, weight / 500) for x, P, weight in fresh]
        other = [*drawn(law, 6, 2000, "last", torch.Generator().manual_seed(2))]
        some = drawn_curvature(own, 6, lambda: sample, lambda: fresh[:1], lambda: other, 0.99, 1, 500, 0)
    assert found.whole == (dense == 200)
    assert abs(found.eigenvalues[0] - float(due[0])) <= found.errors[0] <= 1e-6
    assert float(due[0]) < -0.01 and found.kind == "saddle"
    assert some.slope[0] - 0.02 <= float(due[0]) <= some.slope[1]  # no direction is steeper than the lowest eigenvalue
    assert some.kind == ("saddle" if some.slope[1] < 0 else "undecided")


@pytest.mark.parametrize(
    ("value", "kind"), [(-2e-8, "saddle"), (-1e-9, "undecided"), (1e-9, "undecided"), (2e-8, "minimum")]
)
def test_a_sign_within_the_error_decides_nothing(value: float, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curvature_module, "_lowest", lambda *args: ([value], [1e-8], torch.ones(1, 1), True))
    with asked(LAW) as own:
        assert curvature(own, T, list, 1, 8, 0).kind == kind


class Bowl(nn.Module):
    """Two logits from parameters; with `flat` one more of which nothing depends... but on their sum."""

    def __init__(self, flat: bool) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(2 if flat else 1, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        z = self.w if len(self.w) == 2 else torch.cat([self.w, -self.w])
        return z.expand(len(x), 2)


@pytest.mark.parametrize(("flat", "kind"), [(False, "minimum"), (True, "undecided")])
def test_a_minimum_and_a_flat_direction(flat: bool, kind: str) -> None:
    with asked(LAW, "last", Bowl(flat)) as own, differentiable_twice():
        assert curvature(own, T, lambda: all_of(LAW, own, T), 1, 8, 0).kind == kind
