"""What a frequency term gains at theta_k as T grows (sub-n-grams/training#rate; claim SN26).

The loss is convex in beta at fixed scales, with -dL/dbeta = E sum_s f(s) (rho p(s) - P(s)) =: D and d2L/dbeta2 =
E rho Var_p(f) =: V at beta = 0, so that the best beta is D / V and the gain D^2 / (2 V) to leading order.

D is small beside the spread of what it is the mean of. At T = infinity that spread is the one of C = sum_s pi(s)
(pi(s | h) - tau(s | u)), pi the law of the chain at the end, given its kernel tau: its mean given tau is known, and C
less this mean is taken off.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from numerics.sub_ngrams.frequency import best_corrected, kinds
from numerics.sub_ngrams.levels import TestSet
from numerics.sub_ngrams.sampling import chains, draw_kernels
from numerics.sub_ngrams.sequences import words
from proofs.sub_ngrams.law import NGramLaw, require_ngram_law

TOKENS = 2**22  # of sequences that are held at once
FIT = 256  # sequences on which the scales are sought, at least
EPSILON = 1e-8  # in the loss that they are the best for


@dataclass(frozen=True)
class FrequencyGain:
    """At one length: D with its standard error, V, and the scales c of theta_k at which they were taken."""

    T: int
    slope: float
    standard_error: float
    curvature: float
    scales: tuple[float, ...]

    @property
    def beta(self) -> float:
        return self.slope / self.curvature

    @property
    def gain(self) -> float:
        return self.slope**2 / (2 * self.curvature)


def frequency_gain(law: NGramLaw, k: int, T: int, samples: int, generator: torch.Generator) -> FrequencyGain:
    """From `samples` sequences, at the scales that are the best for others."""
    fit = TestSet.draw(law, T, max(FIT, samples // 4), EPSILON, generator)
    scales = best_corrected(kinds(fit.x, k, law.n, law.S), fit, [1.0] * (k - 1), beta=0.0).scales
    parts, left = [], samples
    while left:
        count = min(left, max(1, TOKENS // T))
        parts.append(slopes_and_curvatures(law, k, T, scales, count, generator))
        left -= count
    slopes, curvatures = (torch.cat(column) for column in zip(*parts, strict=True))
    error = float(slopes.std()) / math.sqrt(samples)
    return FrequencyGain(T, float(slopes.mean()), error, float(curvatures.mean()), scales)


def slopes_and_curvatures(
    law: NGramLaw, k: int, T: int, scales: tuple[float, ...], count: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """One number for each of `count` sequences; their means are D and V."""
    tau = draw_kernels(law, count, generator)
    x = chains(law, tau, T, generator)
    u = words(x[:, T - law.n + 1 :], law.n - 1, law.S)[:, 0]
    P = tau[torch.arange(count), u]
    alike = kinds(x, k, law.n, law.S)
    f, p = alike.frequencies, alike.predictions(torch.tensor(scales, dtype=torch.float64), 0.0)
    rho = (P * (f > 0)).sum(1, keepdim=True)
    slopes = (f * (rho * p - P)).sum(1) - centred_control(law, k, T, tau, u)
    curvatures = rho[:, 0] * ((p * f**2).sum(1) - (p * f).sum(1) ** 2)
    return slopes, curvatures


def centred_control(law: NGramLaw, k: int, T: int, tau: Tensor, u: Tensor) -> Tensor:
    """C at the last context u (B), less its mean given the kernel tau (B x contexts x S): mean 0, B."""
    require_ngram_law(law)
    S, B, contexts = law.S, len(tau), law.S ** (law.n - 1)
    code = torch.arange(contexts)
    step = torch.zeros(B, contexts, contexts, dtype=torch.float64)
    for s in range(S):
        step[:, code, (code * S + s) % contexts] += tau[:, :, s]
    start = torch.tensor([float(law.probability(word)) for word in law.contexts], dtype=torch.float64)
    end = start @ torch.linalg.matrix_power(step, T - law.n + 1)  # law of the last context, B x contexts
    pi = torch.zeros(B, S, dtype=torch.float64).index_add(1, code % S, end)
    read = code % S ** (k - 1)  # h, the last k-1 tokens of a context
    joint = torch.zeros(B, S ** (k - 1), S, dtype=torch.float64).index_add(1, read, end[:, :, None] * tau)
    given = joint / joint.sum(2, keepdim=True)
    C = (pi[:, None] * (given[:, read] - tau)).sum(2)  # B x contexts
    centred: Tensor = C[torch.arange(B), u] - (end * C).sum(1)
    return centred
