"""How far kernels are from mixed, in floats: the R of sub-n-grams/finite-length#sn18 for many kernels, and its mean."""

from __future__ import annotations

import torch
from torch import Tensor

from proofs.sub_ngrams.finite_length import FiniteLength

MOST_DOUBLINGS = 60  # of the number of steps


def mixing(kernels: Tensor, numbers: FiniteLength) -> Tensor:
    """R of every kernel [batch, S^(n-1), S]: min(1, min_g 6 d(g) + S^L (S+1) (2g + n-1) / m).

    g runs through 1, 2, 3, 4, 6, 8, 12, ... only, so that R is a little too large, never too small.
    """
    P, step = transitions(kernels), numbers.S**numbers.L * (numbers.S + 1) / numbers.m
    stationary, R = power_of(P, MOST_DOUBLINGS)[:, :1], torch.ones(len(kernels), dtype=torch.float64)
    previous, power, g = P, P, 1
    while step * (2 * g + numbers.n - 1) < 1:
        for steps, law in ((g, power), (g + g // 2, power @ previous)):
            distance = (law - stationary).clamp(min=0).sum(-1).amax(-1)
            R = torch.minimum(R, 6 * distance + step * (2 * steps + numbers.n - 1))
        previous, power, g = power, power @ power, 2 * g
    return R


def transitions(kernels: Tensor) -> Tensor:
    """P(u, v) of the chain of contexts: [batch, S^(n-1), S^(n-1)]."""
    D, S = kernels.shape[1:]
    P = kernels.new_zeros(len(kernels), D, D)
    for u in range(D):
        for s in range(S):
            P[:, u, (u * S + s) % D] += kernels[:, u, s]
    return P


def power_of(P: Tensor, doublings: int) -> Tensor:
    """P to the power 2^doublings, rows divided by their sum each time."""
    for _ in range(doublings):
        P = P @ P
        P = P / P.sum(-1, keepdim=True)
    return P


def drawn_kernels(numbers: FiniteLength, alpha: float, count: int, seed: int) -> Tensor:
    """Kernels of the prior."""
    generator = torch.Generator().manual_seed(seed)
    shape = torch.full((count, numbers.D, numbers.S), alpha, dtype=torch.float64)
    gammas = torch._standard_gamma(shape, generator=generator)
    return gammas / gammas.sum(-1, keepdim=True)
