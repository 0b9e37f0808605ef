"""Trajectories that have closed forms (NT6, NT7)."""

from __future__ import annotations

import math

from proofs.next_token.dataset import Dataset


def uniform_feed_forward_loss(dataset: Dataset, eta: float, t: int) -> float:
    """Stage 1 with equal weights pi = 1: N log(1 + (V-1) e^-s) with s = eta t / |W_ov*|, |W_ov*|^2 = N (V-1)/V."""
    N, V = len(dataset.n), dataset.V
    s = eta * t / math.sqrt(N * (V - 1) / V)
    return N * math.log1p((V - 1) * math.exp(-s))


def pairs_log_excess_loss(N: int, V: int, eta: float, beta: float, t: int) -> float:
    """Stage 2 on N sentences of two tokens with different queries and weight 1 (DS-A: N = V = 4): log(L - L*).

    Training stays on the ray of W_kq*, |W_kq*|^2 = N/2, so that each optimal token leads by m = eta t / sqrt(N/2). With
    attention 1 - b on it, b = 1/(1 + e^m), each loss is log(1 + e^(2 beta b - beta) + (V-2) e^(beta b - beta)), and
    log(1 + (V-1) e^-beta) at b = 0; expm1 and log1p keep their difference accurate.
    """
    m = eta * t / math.sqrt(N / 2)
    b = 1 / (1 + math.exp(m))
    rise = math.exp(-beta) * (math.expm1(2 * beta * b) + (V - 2) * math.expm1(beta * b))
    return math.log(N * math.log1p(rise / (1 + (V - 1) * math.exp(-beta))))
