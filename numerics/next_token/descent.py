"""Normalised and plain gradient descent, batched over datasets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from numerics.next_token.stage import Stage
from numerics.threads import one_thread


class Loss(Protocol):
    """What descent needs of a loss over weights [B, D]: see `numerics.next_token.stage.Stage`."""

    def zeros(self) -> Tensor: ...

    def gradient(self, w: Tensor) -> tuple[Tensor, Tensor]: ...


def normalised_descent(
    loss: Loss, eta: float, times: Iterable[int], watch: Callable[[Tensor], None] = lambda w: None
) -> dict[int, Tensor]:
    """W at the given times, each [B, D], under W <- W - eta grad L / |grad L| from W = 0. All steps have length eta.

    `watch` is shown every W in turn.
    """

    def step(w: Tensor, t: int) -> Tensor:
        direction, _ = loss.gradient(w)
        norm: Tensor = torch.linalg.vector_norm(direction, dim=-1, keepdim=True)
        return torch.addcdiv(w, direction, norm, value=-eta)

    return _run(loss, step, times, watch)


def mini_batch_descent(
    stage: Stage, eta: float, times: Iterable[int], seed: int, watch: Callable[[Tensor], None] = lambda w: None
) -> dict[int, Tensor]:
    """Normalised descent, each step on half of the sentences, see `in_batch`."""

    def step(w: Tensor, t: int) -> Tensor:
        direction, _ = stage.gradient(w, stage.weights * in_batch(stage.weights, seed, t))
        norm: Tensor = torch.linalg.vector_norm(direction, dim=-1, keepdim=True)
        return torch.addcdiv(w, direction, norm, value=-eta)

    return _run(stage, step, times, watch)


def in_batch(weights: Tensor, seed: int, t: int) -> Tensor:
    """Which sentences step t goes along, [B, N]: half of those of positive weight, rounded up, drawn by seed and t."""
    there = (weights > 0).cpu().numpy()
    drawn = np.where(there, np.random.default_rng([seed, t]).random(there.shape), np.inf)
    ranks = drawn.argsort(1).argsort(1)
    return torch.from_numpy(ranks < (there.sum(1, keepdims=True) + 1) // 2).to(weights.device)


def plain_descent(loss: Loss, rate: float, times: Iterable[int]) -> dict[int, Tensor]:
    """The same under W <- W - rate grad L."""

    def step(w: Tensor, t: int) -> Tensor:
        direction, log_scale = loss.gradient(w)
        return w - rate * direction * log_scale.exp()[:, None]

    return _run(loss, step, times)


@one_thread()
def _run(
    loss: Loss,
    step: Callable[[Tensor, int], Tensor],
    times: Iterable[int],
    watch: Callable[[Tensor], None] = lambda w: None,
) -> dict[int, Tensor]:
    wanted = set(times)
    snapshots: dict[int, Tensor] = {}
    w = loss.zeros()
    with torch.inference_mode():
        for t in range(max(wanted) + 1):
            watch(w)
            if t in wanted:
                snapshots[t] = w
            w = step(w, t)
    return {t: w.clone() for t, w in snapshots.items()}
