"""The gradient flow of H, integrated and in closed form (MF10)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from numerics.mean_field.finite import orthonormalise


def integrate(H: Tensor, F: Tensor, time: float, steps: int) -> Tensor:
    """H at steps + 1 equal times, dH/dt = -dL/dH by the classical Runge-Kutta method; H H^T is left to itself."""
    dt = time / steps
    path = [H]
    for _ in range(steps):
        first = _velocity(H, F)
        second = _velocity(H + dt / 2 * first, F)
        third = _velocity(H + dt / 2 * second, F)
        fourth = _velocity(H + dt * third, F)
        H = H + dt / 6 * (first + 2 * second + 2 * third + fourth)
        path.append(H)
    return torch.stack(path)


def _velocity(H: Tensor, F: Tensor) -> Tensor:
    """-dL/dH = M F Q for any full-rank H: the flow itself has to keep H H^T."""
    A = H @ H.mT
    solved = torch.linalg.solve(A, H)  # A^{-1} H
    velocity: Tensor = solved @ F.mT @ (F - F @ H.mT @ solved)
    return velocity


def closed_form(H: Tensor, F: Tensor, time: float, steps: int) -> Tensor:
    """Orthonormal bases of the row spaces of H e^{t F^T F} at steps + 1 equal times: one factor and one QR per step."""
    values, vectors = torch.linalg.eigh(F.mT @ F)
    growth = vectors * (values * time / steps).exp() @ vectors.mT
    H = orthonormalise(H)
    path = [H]
    for _ in range(steps):
        H = orthonormalise(H @ growth)
        path.append(H)
    return torch.stack(path)


def near_saddle(eigenvalue: float, delta: float) -> tuple[Tensor, Tensor]:
    """k = 1, m = 2: H at the angle delta from the saddle of L = eigenvalue sin^2 / 2, and F."""
    F = torch.tensor([[math.sqrt(eigenvalue), 0.0]], dtype=torch.float64)
    return torch.tensor([[math.sin(delta), math.cos(delta)]], dtype=torch.float64), F


def escape_time(losses: Tensor, time: float) -> float:
    """The first of the equal times at which at most half of the first loss is left; inf if there is none."""
    below = (losses <= losses[0] / 2).nonzero()
    return math.inf if len(below) == 0 else time * int(below[0]) / (len(losses) - 1)


def predicted_escape(eigenvalue: float, delta: float) -> float:
    """(1 / lambda) log cot(delta)."""
    return -math.log(math.tan(delta)) / eigenvalue
