"""A backward pass that is not the derivative of the forward pass is refused, and no module that bends is."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from numerics.sub_ngrams.population_gradient import population_gradient
from numerics.sub_ngrams.slopes import ENDS, STEPS, slope
from proofs.sub_ngrams.law import NGramLaw

LAW = NGramLaw(3, 2, Fraction(1, 2))
T = 4
NOT_THE_SLOPE = r"the gradient in {} is not the slope of the loss: .* autograd\.Function"


class Scaled(torch.autograd.Function):
    """The identity, with a backward pass that multiplies."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, z: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return z.clone()

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, g: Tensor) -> tuple[Tensor, None]:
        return ctx.factor * g, None


def scaled(factor: float) -> Callable[[Tensor], Tensor]:
    return lambda z: Scaled.apply(z, factor)


def hooked(z: Tensor) -> Tensor:
    z = z.clone()
    if z.requires_grad:
        z.register_hook(lambda g: g / 2)
    return z


class Net(nn.Module):
    """Embedding of the last token, a layer with a small weight, logits; `spoil` acts on one of them."""

    def __init__(self, spoil: Callable[[Tensor], Tensor], where: str, small: float = 0.1, **embedding: object) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.spoil, self.where = spoil, where
        self.embedding, self.out = nn.Embedding(3, 3, **embedding), nn.Linear(3, 3)
        self.small = nn.Parameter(torch.full((3,), small))

    def forward(self, x: Tensor) -> Tensor:
        parts = {"embedding": self.embedding(x).mean(1), "small": self.small}
        parts[self.where] = self.spoil(parts[self.where])
        return self.out(parts["embedding"]) + 1e-5 * parts["small"].sin()


WRONG: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "padding_idx": (lambda: Net(lambda z: z, "embedding", padding_idx=1), r"embedding\.weight"),
    "scale_grad_by_freq": (lambda: Net(lambda z: z, "embedding", scale_grad_by_freq=True), r"embedding\.weight"),
    "twice": (lambda: Net(scaled(2.0), "embedding"), r"embedding\.weight"),
    "a thousandth more": (lambda: Net(scaled(1.001), "embedding"), r"embedding\.weight"),
    "the other sign": (lambda: Net(scaled(-1.0), "embedding"), r"embedding\.weight"),
    "a hook": (lambda: Net(hooked, "embedding"), r"embedding\.weight"),
    "half of it hidden": (lambda: Net(lambda z: z / 2 + z.detach() / 2, "embedding"), r"embedding\.weight"),
    "rounded, straight through": (
        lambda: Net(lambda z: z + ((64 * z).round() / 64 - z).detach(), "embedding"),
        r"embedding\.weight",
    ),
    "small and half as large": (lambda: Net(scaled(0.5), "small"), "small"),
    "small and not there": (lambda: Net(lambda z: z.detach() + 0 * z, "small"), "small"),
    "two kinks that cancel": (lambda: Net(lambda z: z.relu() - (-z).relu(), "small", small=0.0), "small"),
}


@pytest.mark.parametrize("batch", [1024, 7])
@pytest.mark.parametrize("name", WRONG)
def test_another_backward_pass_is_refused(name: str, batch: int) -> None:
    make, parameter = WRONG[name]
    with pytest.raises(ValueError, match=NOT_THE_SLOPE.format(parameter)):
        population_gradient(make().double().eval(), LAW, T, batch=batch, output="logits")


class Stack(nn.Module):
    """An embedding of all tokens, layers, logits."""

    def __init__(self, *layers: nn.Module, seed: int = 0, zero: bool = False, scale: float = 1.0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.embedding, self.layers = nn.Embedding(3, 8), nn.Sequential(*layers)
        self.out = nn.Linear(8, 3)
        with torch.no_grad():
            for name, value in self.named_parameters():
                value.mul_(scale)
                if zero and "embedding" not in name:
                    value.zero_()

    def forward(self, x: Tensor) -> Tensor:
        z = self.layers(self.embedding(x))
        return self.out(z.mean(1) if z.dim() == 3 else z)


class Bent(nn.Module):
    def __init__(self, bend: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.bend, self.shift = bend, nn.Parameter(torch.zeros(8))

    def forward(self, z: Tensor) -> Tensor:
        return self.bend(z + self.shift)


def mlp() -> list[nn.Module]:
    return [nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 8), nn.ReLU()]


RIGHT: dict[str, Callable[[int], nn.Module]] = {
    "relu": lambda seed: Stack(*mlp(), seed=seed),
    "relu in single precision": lambda seed: Stack(*mlp(), seed=seed).float(),
    "relu, large": lambda seed: Stack(*mlp(), seed=seed, scale=4.0),
    "relu, tiny": lambda seed: Stack(*mlp(), seed=seed, scale=1e-4),
    "relu at 0, every one": lambda seed: Stack(*mlp(), seed=seed, zero=True),
    "leaky": lambda seed: Stack(nn.Linear(8, 8), nn.LeakyReLU(0.3), seed=seed),
    "abs": lambda seed: Stack(Bent(torch.abs), seed=seed),
    "the largest": lambda seed: Stack(Bent(lambda z: z.amax(1)), seed=seed),
    "clamped": lambda seed: Stack(Bent(lambda z: z.clamp(-0.5, 0.5)), seed=seed),
    "norm and gelu": lambda seed: Stack(nn.LayerNorm(8), nn.Linear(8, 8), nn.GELU(), nn.Tanh(), seed=seed),
    "transformer": lambda seed: Stack(
        nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True), seed=seed
    ).eval(),
    "the largest two": lambda seed: Stack(Bent(lambda z: z * (z >= z.topk(2, -1)[0][..., -1:])), seed=seed),
    "steps": lambda seed: Stack(Bent(lambda z: z + (z > 0)), seed=seed),
    "steep": lambda seed: Stack(Bent(lambda z: (30 * z).tanh()), seed=seed, scale=0.3),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_gradients_are_not_refused(name: str) -> None:
    for seed in range(2):
        found = population_gradient(RIGHT[name](seed).double(), LAW, T, output="logits")
        assert all(bool(torch.isfinite(gradient).all()) for gradient in found.values())


@pytest.mark.parametrize("near", [0.0, 1e-12, 1e-9, 1e-7, 1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 1e-2])
@pytest.mark.parametrize("sign", [1, -1])
def test_kinks_near_by_are_not_refused(near: float, sign: int) -> None:
    """All logits bend at the same distance, as with biases that start at 0."""

    class Kink(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(sign * torch.tensor([near, 1.0, 2.0], dtype=torch.float64))

        def forward(self, x: Tensor) -> Tensor:
            return torch.stack([self.w[0].relu(), self.w[1] * 0 + 0.5, (self.w[2] - 2 * sign).abs()]).expand(len(x), 3)

    population_gradient(Kink(), LAW, T, output="logits")


BENDS = st.floats(-1, 1), st.floats(-5, 5), st.floats(-5, 5), st.floats(-3, 3)


@given(*BENDS, st.floats(0, 1.2), st.sampled_from(STEPS))
def test_the_error_covers_a_curve_or_a_kink(a: float, b: float, c: float, jump: float, at: float, step: float) -> None:
    """Slope a at 0; or with a kink at 0, any slope from a to a + jump. No wider than it has to be."""
    found, error = slope([a * t + b * t**2 + c * t**3 for t in (end * step for end in ENDS)], 0.0, step)
    assert abs(found - a) <= error <= 2 * abs(c) * step**2 + 4e-13 / step
    found, error = slope([a * t + jump * max(0.0, t - at * step) for t in (end * step for end in ENDS)], 0.0, step)
    for due in (a, a + jump) if at == 0 else (a,):
        assert abs(found - due) <= error * (1 + 1e-12)
    assert at < 1 or error <= 4e-13 / step


@given(*BENDS, st.floats(1e-12, 1e-2), st.sampled_from([1, -1]))
def test_a_curve_with_a_kink_is_covered_at_two_steps(
    a: float, b: float, c: float, jump: float, at: float, side: int
) -> None:
    def f(t: float) -> float:
        return a * t + b * t**2 + c * t**3 + jump * max(0.0, side * t - at)

    covered = [abs(slope([f(t * step) for t in ENDS], 0.0, step)[0] - a) for step in STEPS]
    errors = [slope([f(t * step) for t in ENDS], 0.0, step)[1] for step in STEPS]
    assert sum(gap <= error for gap, error in zip(covered, errors, strict=True)) >= 2
