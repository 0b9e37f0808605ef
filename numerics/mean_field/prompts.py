"""The landscape that prompts of finite length see, in floats (MF12)."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def optimal_loss(h: Tensor, f: Tensor, n: float, noise_variance: float = 0.0) -> Tensor:
    """L^n at its best attention matrix; h and f are values at equally likely points, (..., points, k); n may be inf."""
    points = h.shape[-2]
    A, B = h.mT @ h / points, f.mT @ h / points
    C = h.mT @ (h * f.square().sum(-1, keepdim=True)) / points
    BtB = B.mT @ B
    share = 0.0 if n == math.inf else 1 / n
    S_n = (1 - share) * BtB + share * (C + noise_variance * A)
    explained = torch.linalg.solve(S_n, BtB) @ torch.linalg.solve(A, BtB)  # tr(B^T B S_n^{-1} B^T B A^{-1}), rotated
    total = f.square().sum((-2, -1)) / points
    loss: Tensor = (total - explained.diagonal(dim1=-2, dim2=-1).sum(-1)) / 2
    return loss


def turned_features(angles: Tensor) -> tuple[Tensor, Tensor]:
    """k = 1: h = cos(angle) g + sin(angle) f° for two features f°, g with values +-1 (a saddle at angle 0)."""
    f = torch.tensor([1.0, 1.0, -1.0, -1.0], dtype=angles.dtype, device=angles.device)[:, None]
    g = torch.tensor([1.0, -1.0, 1.0, -1.0], dtype=angles.dtype, device=angles.device)[:, None]
    return angles.cos()[..., None, None] * g + angles.sin()[..., None, None] * f, f
