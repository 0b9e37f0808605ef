"""Kernels that take a time of order T to change between two sets of contexts: the rate of SN7 for small alpha.

For S=2, n=3, lags {1} and q = T: the constant that is predicted for T^(2 alpha) M_00[0][0], and the block itself, by
the transfer engine on kernels among which slow ones are drawn more often than the prior has them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from scipy.special import beta, betaln, roots_jacobi
from scipy.stats import qmc

from numerics.sub_ngrams.transfer import transfer
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

SCRAMBLINGS = 16
STEP = 1e-30  # of derivatives in the imaginary direction: nothing cancels


def misled(leave: Array, enter: Array, rho: float, step: float = 0.4) -> Array:
    """E[(rho t_B 1_A - rho t_A 1_B) / (t_A + rho t_B)] over a unit of time, for a process that leaves A at rate
    `leave`, enters it at rate `enter` and starts there with probability 1/4; t_A + t_B = 1 are the times spent, 1_A
    and 1_B tell where it ends.

    1/Z is the integral of e^(-sZ) over s, taken by the trapezoidal rule in log s; times are derivatives in s.
    """
    s = np.exp(np.arange(-25, 45, step)).reshape(-1, *[1] * leave.ndim)

    def ends(x: Complex, y: Complex) -> tuple[Complex, Complex]:
        """E[1_A e^(-x t_A - y t_B)] and with 1_B: an exponential of a 2 x 2 matrix."""
        mean, half = -(leave + x + enter + y) / 2, (-leave - x + enter + y) / 2
        root = np.sqrt(half**2 + leave * enter + 0j)
        large, small = np.exp(-(leave * y + enter * x + x * y) / (root - mean)), np.exp(mean - root)
        cosh, sinh = (large + small) / 2, np.where(abs(root) > 1e-6, (large - small) / (2 * root), np.exp(mean))
        return (
            cosh / 4 + sinh * (half / 4 + 3 * enter / 4),
            3 * cosh / 4 + sinh * (leave / 4 - 3 * half / 4),
        )

    in_A = -ends(s + 0j, rho * s + 1j * STEP)[0].imag / STEP
    in_B = -ends(s + 1j * STEP, rho * s + 0j)[1].imag / STEP
    return np.asarray(rho * step * ((in_A - in_B) * s).sum(0))


def predicted_constant(alpha: float, *, highest: int = 9, lowest: int = -40, nodes: int = 6) -> float:
    """The predicted limit of T^(2 alpha) M_00[0][0], for alpha < 1/2; the integral over rates from e^lowest to
    e^highest, and what lies beyond, which falls like the power 2 alpha - 1 of the rates, by extrapolation from
    e^(highest - 2).
    """
    rates = np.exp(np.arange(lowest, highest))
    leave, enter = np.meshgrid(rates, rates, indexing="ij")
    inner = np.maximum(leave, enter) < math.exp(highest - 2)
    x, weights = roots_jacobi(nodes, alpha - 1, alpha - 1)
    x, weights = (x + 1) / 2, weights / weights.sum()
    whole = part = 0.0
    for a, of_a in zip(x, weights, strict=True):
        for b, of_b in zip(x, weights, strict=True):
            rho = b / (2 * b + 1 - a)
            terms = of_a * of_b * rho**-alpha * (leave * enter) ** alpha * misled(leave, enter, rho)
            whole, part = whole + terms.sum(), part + terms[inner].sum()
    beyond = (whole - part) / (math.exp(2 * (1 - 2 * alpha)) - 1)
    return float(-(whole + beyond) / beta(alpha, alpha) ** 2)


@dataclass(frozen=True)
class Sampled:
    """A mean and the half-width of its 99 % interval; the weights' mean, whose expectation is 1, and its half-width."""

    mean: float
    half_width: float
    weight: float
    weight_half_width: float


def sampled_block(
    T: int, alpha: Fraction, *, bits: int = 9, proposal: tuple[float, ...] = (0.125,) * 4, seed: int = 0
) -> Sampled:
    """M_00[0][0] at q = T from 16 scramblings of 2^bits Sobol points, the rows of the kernels drawn from
    Beta(proposal) instead of Beta(alpha), at most alpha, and weighted."""
    law, at, ends = NGramLaw(2, 3, alpha), float(alpha), np.array(proposal)
    means, weights = [], []
    for rng in np.random.default_rng([T, seed]).spawn(SCRAMBLINGS):
        u = qmc.Sobol(4, scramble=True, bits=32, rng=rng).random_base2(bits) + 2.0**-33
        near = stats.beta(ends, ends).ppf(np.minimum(u, 1 - u)).clip(1e-290, 0.5)
        y, z = np.where(u < 0.5, near, 1 - near), np.where(u < 0.5, 1 - near, near)
        logs = ((at - ends) * (np.log(y) + np.log(z))).sum(1) + (betaln(ends, ends) - betaln(at, at)).sum()
        kernels = torch.tensor(np.stack([y, z], -1))
        found = transfer(kernels, law, Configuration((1,), Fraction(T)), T, tolerance=1e-3 / T)
        blocks = found.blocks[:, 0, 0].numpy()
        weight = np.exp(logs)
        means.append(float((weight * (blocks[:, 0, 0] + blocks[:, 1, 1]) / 2).mean()))  # alike, by relabelling
        weights.append(float(weight.mean()))
    width = float(stats.t.ppf(0.995, SCRAMBLINGS - 1)) / math.sqrt(SCRAMBLINGS)
    spread = [width * float(np.std(values, ddof=1)) for values in (means, weights)]
    return Sampled(float(np.mean(means)), spread[0] + found.error, float(np.mean(weights)), spread[1])
