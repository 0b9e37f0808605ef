"""One neuron at a saddle of the Wasserstein flow, by quadrature and autograd (MF13)."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor


def tanh_saddle_loss(eps: Tensor, nodes: int) -> Tensor:
    """L of the network tanh(w . x), w = e_2 + eps e_1, for the target tanh(x_1), x ~ N(0, I_2): k = 1.

    Gauss-Hermite quadrature with `nodes` nodes in each direction.
    """
    roots, weights = np.polynomial.hermite_e.hermegauss(nodes)
    x = torch.tensor(roots, dtype=torch.float64, device=eps.device)
    p = torch.tensor(weights / math.sqrt(2 * math.pi), dtype=torch.float64, device=eps.device)
    mass, f = p[:, None] * p, torch.tanh(x)[:, None]
    h = torch.tanh(eps * x[:, None] + x)
    overlap, size, total = (mass * f * h).sum(), (mass * h * h).sum(), (mass * f * f).sum()
    loss: Tensor = (total - overlap**2 / size) / 2
    return loss


def second_derivative(nodes: int, device: torch.device | str = "cpu") -> tuple[float, float, float]:
    """Loss, first and second derivative at the saddle, by autograd."""
    eps = torch.zeros((), dtype=torch.float64, device=device, requires_grad=True)
    loss = tanh_saddle_loss(eps, nodes)
    (first,) = torch.autograd.grad(loss, eps, create_graph=True)
    (second,) = torch.autograd.grad(first, eps)
    return float(loss.detach()), float(first.detach()), float(second)
