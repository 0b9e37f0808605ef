"""theta_k^+ in floats (sub-n-grams/training#corrected-k-grams; claims SN15, SN25, SN26).

Position j has the logit z_j = sum_l c_l m_jl - beta f(x_j): a scale c_l for every lag l = 1..k-1, m_jl = 1{x_{j-l} =
x_{T-l+1}}, and f(s) = N(s) / T, the frequencies of the tokens in the sequence. The head that reads f is head n-1: its
row at T is uniform. At k = n it is also lag n-1 of the keys, and at j = T those read that row: there m is
f(x_{T-n+2}).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor

from numerics.sub_ngrams.levels import C_RANGE, TestSet, k_gram_level
from proofs.sub_ngrams.law import NGramLaw

BETA_RANGE = (-60.0, 60.0)  # frequencies are at most 1: beyond, e^-beta f is 0 for a token that fills the sequence


@dataclass(frozen=True)
class Corrected:
    """theta_k^+: the scales c_1..c_{k-1}, and beta."""

    scales: tuple[float, ...]
    beta: float

    @property
    def k(self) -> int:
        return len(self.scales) + 1


@dataclass(frozen=True)
class CorrectedLevel:
    """The least loss of theta_k^+ over its scales and beta, on a test set; standard_error is the mean's."""

    k: int
    loss: float
    standard_error: float
    best: Corrected

    @property
    def name(self) -> str:
        return f"{self.k}-gram+"


@dataclass(frozen=True)
class Kinds:
    """The positions of B sequences, those that are alike taken together: J kinds in each.

    tokens       B x J, x_j
    matches      B x J x (k-1), m_jl
    counts       B x J, how many positions are of this kind
    frequencies  B x S, f(s)
    """

    tokens: Tensor
    matches: Tensor
    counts: Tensor
    frequencies: Tensor

    def logits(self, scales: Tensor, beta: Tensor | float) -> Tensor:
        """z_j of every kind, B x J; scales (k-1)."""
        return self.matches @ scales - beta * self.frequencies.gather(1, self.tokens)

    def predictions(self, scales: Tensor, beta: Tensor | float) -> Tensor:
        """p(s): B x S."""
        a = torch.softmax(self.logits(scales, beta) + self.counts.log(), 1)
        return torch.zeros_like(self.frequencies).scatter_add(1, self.tokens, a)

    def at(self, corrected: Corrected) -> Tensor:
        """p(s) at these parameters."""
        return self.predictions(self.frequencies.new_tensor(corrected.scales), corrected.beta)


def kinds(x: Tensor, k: int, n: int, S: int) -> Kinds:
    """Of sequences x (B x T, T >= n) for theta_k^+ in the network with lags up to n-1 (k <= n, n >= 2)."""
    B, T = x.shape
    if not 1 <= k <= n or n < 2 or n > T:
        raise ValueError(f"k={k} n={n} T={T}: must be 1 <= k <= n, and 2 <= n <= T")
    tokens = x.long()
    frequencies = torch.zeros(B, S, dtype=torch.float64, device=x.device)
    frequencies.scatter_add_(1, tokens, torch.full(x.shape, 1 / T, dtype=torch.float64, device=x.device))
    pattern = torch.zeros_like(tokens)
    for lag in range(1, k):
        pattern[:, lag:] += (x[:, :-lag] == x[:, T - lag, None]).long() << (lag - 1)
    patterns = 2 ** (k - 1)
    match_of = torch.tensor(list(product((0.0, 1.0), repeat=k - 1)), dtype=torch.float64, device=x.device)
    match_of = match_of.flip(1).reshape(patterns, k - 1)  # lag 1 is the lowest bit
    if S * patterns < T:  # fewer kinds than positions
        code = (tokens * patterns + pattern)[:, :-1]
        counts = torch.zeros(B, S * patterns, dtype=torch.float64, device=x.device)
        counts.scatter_add_(1, code, torch.ones_like(code, dtype=torch.float64))
        kind = torch.arange(S * patterns, device=x.device).expand(B, -1)
        inner = kind // patterns, match_of[kind % patterns], counts
    else:
        inner = tokens[:, :-1], match_of[pattern[:, :-1]], torch.ones(B, T - 1, dtype=torch.float64, device=x.device)
    last = match_of[pattern[:, -1]].clone()
    if k == n:
        last[:, n - 2] = frequencies.gather(1, tokens[:, T - n + 1, None])[:, 0]
    return Kinds(
        torch.cat([inner[0], tokens[:, -1:]], 1),
        torch.cat([inner[1], last[:, None]], 1),
        torch.cat([inner[2], torch.ones(B, 1, dtype=torch.float64, device=x.device)], 1),
        frequencies,
    )


def corrected_ladder(law: NGramLaw, tests: TestSet) -> list[CorrectedLevel]:
    """The levels of theta_1^+, ..., theta_n^+ on the test set."""
    return [corrected_level(k, law.n, tests) for k in range(1, law.n + 1)]


def corrected_level(k: int, n: int, tests: TestSet) -> CorrectedLevel:
    """theta_k^+ on the test set, at its best scales and beta, sought from the best k-gram."""
    start = k_gram_level(k, tests).c or 0.0
    alike = kinds(tests.x, k, n, tests.P.shape[1])
    best = best_corrected(alike, tests, [start] * (k - 1))
    losses = tests.losses(alike.at(best))
    return CorrectedLevel(k, float(losses.mean()), float(losses.std()) / math.sqrt(len(losses)), best)


def best_corrected(alike: Kinds, tests: TestSet, start: Sequence[float], *, beta: float | None = None) -> Corrected:
    """The scales and beta of least mean loss (beta fixed where it is given), from these scales on."""

    def loss_and_slope(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        free = torch.from_numpy(values).to(tests.P.device).requires_grad_()
        scales, term = (free[:-1], free[-1]) if beta is None else (free, beta)
        with torch.enable_grad():
            loss = tests.losses(alike.predictions(scales, term)).mean()
            (slope,) = torch.autograd.grad(loss, free)
        return float(loss.detach()), slope.cpu().numpy()

    free = [*start, *([0.0] if beta is None else [])]
    if not free:
        return Corrected((), beta or 0.0)
    bounds = [C_RANGE] * len(start) + ([BETA_RANGE] if beta is None else [])
    found = minimize(
        loss_and_slope, np.array(free), jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-13}
    ).x.tolist()
    return Corrected(tuple(found), beta) if beta is not None else Corrected(tuple(found[:-1]), found[-1])


def variation(p: Tensor, q: Tensor) -> float:
    """The mean over sequences of the total variation between two predictions, B x S both."""
    return float((p - q).abs().sum(1).mean()) / 2
