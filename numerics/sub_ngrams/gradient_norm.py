"""The norm of the population gradient, estimated from samples without the bias that the noise of a batch brings."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from numerics.sub_ngrams.network import Network
from numerics.sub_ngrams.sampling import polya_urn
from proofs.sub_ngrams.law import NGramLaw

GROUPS = 16  # independent batches; their 120 pairs give the estimate and its error
TOTAL = "total"


@dataclass(frozen=True)
class GradientNorm:
    """An estimate of |g|^2, g the population gradient.

    With independent batch gradients g_1, ..., g_m: E <g_i, g_j> = |g|^2 for i != j, while E |g_i|^2 = |g|^2 + noise /
    batch.

    squared         the mean of <g_i, g_j> over all pairs: unbiased, may be negative where the noise prevails
    standard_error  of it, by the jackknife over the batches
    noise           the trace of the covariance of one sequence's gradient
    """

    squared: float
    standard_error: float
    noise: float

    @property
    def norm(self) -> float:
        return math.sqrt(max(self.squared, 0.0))


@torch.inference_mode(False)  # nor no_grad, whatever the caller has
def gradient_norms(
    network: Network, law: NGramLaw, T: int, epsilon: float, samples: int, generator: torch.Generator
) -> dict[str, GradientNorm]:
    """For each parameter ("V", "A", "Q", "K") and in total, from `samples` fresh sequences in GROUPS batches.

    The loss is taken given x, -sum_s P(s) log(p(s) + epsilon): same expectation, less noise than with drawn targets.
    """
    batch = max(1, samples // GROUPS)
    x, P = polya_urn(law, T, batch * GROUPS, generator)
    parameters = dict(network.named_parameters())
    gradients: dict[str, list[Tensor]] = {name: [] for name in parameters}
    for i in range(GROUPS):
        rows = slice(i * batch, (i + 1) * batch)
        loss = network.losses(x[rows], P[rows], epsilon).mean()
        for name, part in zip(parameters, torch.autograd.grad(loss, list(parameters.values())), strict=True):
            gradients[name].append(part.flatten())
    stacked = {name: torch.stack(parts) for name, parts in gradients.items()}
    stacked[TOTAL] = torch.cat(list(stacked.values()), 1)
    return {name: from_batches(g, batch) for name, g in stacked.items()}


def from_batches(g: Tensor, batch: int) -> GradientNorm:
    """The estimate from m >= 3 independent batch gradients (m x parameters), each the mean over `batch` sequences."""
    m, gram = len(g), g @ g.T
    pairs = gram.sum() - gram.diagonal().sum()  # ordered
    squared = pairs / (m * (m - 1))
    without = (pairs - 2 * (gram.sum(1) - gram.diagonal())) / ((m - 1) * (m - 2))  # each batch left out in turn
    jackknife = ((m - 1) / m * (without - without.mean()).square().sum()).sqrt()
    noise = batch * (gram.diagonal().mean() - squared)
    return GradientNorm(float(squared), float(jackknife), float(noise))
