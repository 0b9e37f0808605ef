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
    network: Network,
    law: NGramLaw,
    T: int,
    epsilon: float,
    samples: int,
    generator: torch.Generator,
    *,
    symmetric: bool = False,
) -> dict[str, GradientNorm]:
    """For each parameter ("V", "A", "Q", "K") and in total, from `samples` fresh sequences in GROUPS batches.

    The loss is taken given x, -sum_s P(s) log(p(s) + epsilon): same expectation, less noise than with drawn targets.

    symmetric  the parameters do not change when tokens are relabelled, all S x S blocks being multiples of I: nor does
               the population gradient then, as the law does not, and each batch's is averaged over all relabellings
    """
    batch = max(1, samples // GROUPS)
    x, P = polya_urn(law, T, batch * GROUPS, generator)
    parameters = dict(network.named_parameters())
    gradients: dict[str, list[Tensor]] = {name: [] for name in parameters}
    for i in range(GROUPS):
        rows = slice(i * batch, (i + 1) * batch)
        loss = network.losses(x[rows], P[rows], epsilon).mean()
        for name, part in zip(parameters, torch.autograd.grad(loss, list(parameters.values())), strict=True):
            gradients[name].append((over_relabellings(part, law.S) if symmetric else part).flatten())
    stacked = {name: torch.stack(parts) for name, parts in gradients.items()}
    stacked[TOTAL] = torch.cat(list(stacked.values()), 1)
    return {name: from_batches(g, batch) for name, g in stacked.items()}


def over_relabellings(g: Tensor, S: int) -> Tensor:
    """The mean over all relabellings of the tokens: every S x S block gets one value on its diagonal and one off it.

    V (H x S x S), Q and K (nS x nS, nS columns in slots of S) have such blocks; A (T x T in its last axes) has none.
    """
    if g.dim() == 2 and g.shape[0] == g.shape[1] and g.shape[0] % S == 0:
        n = len(g) // S
        blocks = g.view(n, S, n, S).transpose(1, 2)
    elif g.dim() == 3 and g.shape[1:] == (S, S):
        blocks = g
    else:
        return g
    eye = torch.eye(S, dtype=g.dtype, device=g.device)
    trace, whole = (blocks * eye).sum((-2, -1)), blocks.sum((-2, -1))
    diagonal, off = (trace / S)[..., None, None], ((whole - trace) / (S * (S - 1)))[..., None, None]
    mean = diagonal * eye + off * (1 - eye)
    return mean.transpose(1, 2).reshape(g.shape) if g.dim() == 2 else mean


def from_batches(g: Tensor, batch: int) -> GradientNorm:
    """The estimate from m >= 3 independent batch gradients (m x parameters), each the mean over `batch` sequences."""
    m, gram = len(g), g @ g.T
    pairs = gram.sum() - gram.diagonal().sum()  # ordered
    squared = pairs / (m * (m - 1))
    without = (pairs - 2 * (gram.sum(1) - gram.diagonal())) / ((m - 1) * (m - 2))  # each batch left out in turn
    jackknife = ((m - 1) / m * (without - without.mean()).square().sum()).sqrt()
    noise = batch * (gram.diagonal().mean() - squared)
    return GradientNorm(float(squared), float(jackknife), float(noise))
