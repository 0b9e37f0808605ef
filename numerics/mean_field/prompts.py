"""Prompts drawn at random: the loss in context, simulated and in closed form (MF16n)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Examples:
    """Values h and f° (points, k) at points of these probabilities."""

    h: Tensor
    f: Tensor
    weights: Tensor

    def mean(self, x: Tensor, y: Tensor) -> Tensor:
        """E[x y^T]."""
        return (x * self.weights[:, None]).mT @ y


@dataclass(frozen=True)
class Setting:
    """Laws of prompt and query; v ~ N(0, V); normal label noise of this variance in prompts of n examples."""

    prompt: Examples
    query: Examples
    V: Tensor
    n: int
    noise_variance: float

    @property
    def moment(self) -> Tensor:
        """K."""
        p = self.prompt
        B = p.mean(p.f, p.h)
        C = p.mean(p.h * ((p.f @ self.V) * p.f).sum(1, keepdim=True), p.h)
        return B.mT @ self.V @ B * (1 - 1 / self.n) + (C + self.noise_variance * p.mean(p.h, p.h)) / self.n

    @property
    def linear(self) -> Tensor:
        """B_q^T V B."""
        p, q = self.prompt, self.query
        return q.mean(q.f, q.h).mT @ self.V @ p.mean(p.f, p.h)

    def loss(self, W: Tensor) -> float:
        """L_n(W) as MF16 has it."""
        q = self.query
        quadratic = (self.moment @ W @ q.mean(q.h, q.h) @ W.mT).trace()
        return float((self.V @ q.mean(q.f, q.f)).trace() / 2 - (self.linear @ W).trace() + quadratic / 2)

    @property
    def best(self) -> Tensor:
        q = self.query
        W: Tensor = torch.linalg.solve(self.moment, self.linear.mT) @ torch.linalg.inv(q.mean(q.h, q.h))
        return W

    def simulated(self, W: Tensor, prompts: int, generator: torch.Generator) -> tuple[float, float]:
        """Mean loss and its standard error, over drawn tasks, prompts, label noises and queries."""
        p, q, k = self.prompt, self.query, len(W)

        def normal(*shape: int) -> Tensor:
            return torch.randn(shape, dtype=torch.float64, generator=generator)

        v = normal(prompts, k) @ torch.linalg.cholesky(self.V).mT
        drawn = torch.multinomial(p.weights, prompts * self.n, True, generator=generator).reshape(prompts, self.n)
        asked = torch.multinomial(q.weights, prompts, True, generator=generator)
        labels = (p.f[drawn] * v[:, None]).sum(2) + self.noise_variance**0.5 * normal(prompts, self.n)
        read = (labels[..., None] * p.h[drawn]).mean(1)
        errors = (q.f[asked] * v).sum(1) - (read * (q.h[asked] @ W.mT)).sum(1)
        losses = errors.square() / 2
        return float(losses.mean()), float(losses.std() / prompts**0.5)
