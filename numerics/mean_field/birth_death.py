"""Birth and death: at fixed times a part of the mass dies, and is born again from a law pi (MF20n)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from numerics.mean_field.escape import of_neurons, residual
from numerics.mean_field.particles import ACTIVATIONS, Task


@dataclass(frozen=True)
class Measure:
    """Neurons (a, w) with their masses: a (N, k), w (N, d), masses (N,) that add up to 1."""

    masses: Tensor
    a: Tensor
    w: Tensor
    activation: str

    def features(self, X: Tensor) -> Tensor:
        """h_mu at the points, (n, k)."""
        return ACTIVATIONS[self.activation](X @ self.w.mT) * self.masses @ self.a

    def mixed(self, other: Measure, part: float) -> Measure:
        """(1 - part) of this and part of the other."""
        masses = torch.cat([(1 - part) * self.masses, part * other.masses])
        return Measure(masses, torch.cat([self.a, other.a]), torch.cat([self.w, other.w]), self.activation)

    def mirrored(self) -> Measure:
        """Half of each neuron at a, half at -a: the network is 0."""
        masses = torch.cat([self.masses, self.masses]) / 2
        return Measure(masses, torch.cat([self.a, -self.a]), torch.cat([self.w, self.w]), self.activation)


def loss(task: Task, mu: Measure) -> float:
    return float(task.loss(mu.features(task.X)))


def dissipation(task: Task, mu: Measure) -> float:
    """-dL/dt = int |grad dL/dmu|^2 dmu along the Wasserstein flow."""
    by_a, by_w = _velocity(task, mu)
    return float((mu.masses * (by_a.square().sum(1) + by_w.square().sum(1))).sum())


def _velocity(task: Task, mu: Measure) -> tuple[Tensor, Tensor]:
    R = residual(task, mu.features(task.X))
    return of_neurons(task.X, mu.activation, mu.a, mu.w, R)


def steepest(task: Task, mu: Measure) -> float:
    """|M Z|_*, the slope of the best homotopy."""
    A, B, S = task.covariances(mu.features(task.X))
    M = torch.linalg.solve(A, B.mT)
    Z = S - B @ M
    return float(torch.linalg.matrix_norm(M @ Z, "nuc"))


def descend(task: Task, mu: Measure, dt: float, steps: int) -> Measure:
    """Euler steps of the flow; where the loss would rise a step is not taken, and the next ones are half as long."""
    now = loss(task, mu)
    for _ in range(steps):
        by_a, by_w = _velocity(task, mu)
        ahead = Measure(mu.masses, mu.a + dt * by_a, mu.w + dt * by_w, mu.activation)
        reached = loss(task, ahead)
        if reached <= now:
            mu, now = ahead, reached
        else:
            dt /= 2
    return mu
