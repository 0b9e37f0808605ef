"""Training of particle networks: at the best attention matrix (two time scales), or together with it (MF10t)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from numerics.mean_field.particles import Particles, Task


@dataclass(frozen=True)
class Curve:
    """Losses at every step, the first before any training; `attention_rate` is None for two-timescale training."""

    losses: Tensor
    rate: float
    attention_rate: float | None
    particles: Particles


def train(task: Task, start: Particles, steps: int, rate: float, attention_rate: float | None = None) -> Curve:
    """Gradient descent with the mean-field step theta_j <- theta_j - rate N dL/dtheta_j.

    With attention_rate None the loss is the one at the best W. Otherwise W starts at 0 and follows its own gradient
    flow for a time rate * attention_rate per step, with the features held fixed: exactly, by Lemma 3.1, so that any
    attention_rate is stable and two-timescale training is its limit. Deterministic: no noise, all points at once.
    """
    steps_taken = islice(descent(task, start, rate, attention_rate), steps + 1)
    losses, particles = zip(*steps_taken, strict=True)
    return Curve(torch.stack(losses).cpu(), rate, attention_rate, particles[-1])


def descent(
    task: Task, start: Particles, rate: float, attention_rate: float | None
) -> Iterator[tuple[Tensor, Particles]]:
    """The loss before each step, and the particles it belongs to, for ever."""
    a, w = start.a.clone(), start.w.clone()
    W = torch.zeros((a.shape[1], a.shape[1]), dtype=a.dtype, device=a.device)
    while True:
        particles = Particles(a.requires_grad_(), w.requires_grad_(), start.activation)
        h = particles.features(task.X)
        loss = task.loss(h) if attention_rate is None else task.joint_loss(h, W)
        slope_a, slope_w = torch.autograd.grad(loss, (a, w))
        a, w, h = a.detach(), w.detach(), h.detach()
        yield loss.detach(), Particles(a, w, start.activation)
        if attention_rate is not None:
            W = attention_after(task, h, W, rate * attention_rate)
        a, w = a - rate * len(a) * slope_a, w - rate * len(w) * slope_w


def attention_after(task: Task, h: Tensor, W: Tensor, time: float) -> Tensor:
    """W_t of dW/dt = -dL_TF/dW for fixed features: u_i^T (W_t - A^{-1}) q_j decays as e^{-t s_i alpha_j} (MF11)."""
    A, B, _ = task.covariances(h)
    s, U = torch.linalg.eigh(B.mT @ B)
    alpha, Q = torch.linalg.eigh(A)
    rates = s[:, None] * alpha
    modes = U.mT @ W @ Q
    inverse = U.mT @ Q / alpha  # of A, in these bases
    moved: Tensor = U @ (inverse + (modes - inverse) * (-time * rates).exp()) @ Q.mT
    return moved


def plateaus(losses: Tensor) -> list[int]:
    """Steps where the loss lingers: its speed is at a minimum, and at most a tenth of the fastest before and after."""
    speed = (losses[:-1] - losses[1:]).abs()
    before, after = speed.cummax(0).values, speed.flip(0).cummax(0).values.flip(0)
    lowest = (speed[1:-1] < speed[:-2]) & (speed[1:-1] <= speed[2:])
    slow = lowest & (10 * speed[1:-1] <= before[1:-1]) & (10 * speed[1:-1] <= after[1:-1])
    return [int(i) + 1 for i in slow.nonzero().flatten()]
