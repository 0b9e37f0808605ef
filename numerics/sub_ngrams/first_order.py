"""The first correction to infinite length: M_T = M_inf + C/T + O(1/T^2), given the kernel.

An average N/Z over positions, N = sum omega phi and Z = sum omega, has the limit r = E omega phi / E omega. With
z = E omega, psi = omega (phi - r) and Psi the sum of psi over all positions,

    E[1{e} N/Z] = r P(e) + E[1{e} Psi] / (T z) - E[1{e} Psi (Z - T z)] / (T z)^2 + O(1/T^2).

Both expectations come from the fundamental matrix of the chain: Psi has mean 0 but for what the start and the end of
the sequence add, and its covariance with Z is T sigma, sigma = sum_k Cov(psi_0, omega_k). That a token does not occur
is exponentially rare.

Where the chain is slow the expansion fails and C is large, but an average is off its limit by at most P(e). With each
such term x/T bounded by x / hypot(T, x/P(e)), the correction is a control variate for integrals over kernels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor

from numerics.sub_ngrams.infinite_length import Stationary
from numerics.sub_ngrams.transfer import gather_blocks
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.counting import Counting, by_matched_context
from proofs.sub_ngrams.law import NGramLaw, Word


def first_order(kernels: Tensor, law: NGramLaw, configuration: Configuration) -> Tensor:
    """lim T (M_T - M_inf) given each kernel: [batch, a, b, v, v']. Entries of kernels > 0."""
    ends = list(product(range(law.S), repeat=law.n))
    return gather_blocks(correction(Stationary(kernels, law), configuration, ends), law, ends)


def correction(
    stationary: Stationary, configuration: Configuration, ends: Sequence[Word], T: float = math.inf
) -> Tensor:
    """C by final n-gram, [batch, end, b, v']; for finite T every average in it bounded by T P(end)."""
    law = stationary.law
    marks = stationary.lag_is.movedim(0, 1).flatten(1)  # phi: [word, mark (b, v')]
    fundamental = stationary.chain.fundamental()
    result = stationary.pi.new_zeros(len(stationary.pi), len(ends), law.n, law.S)
    for matched, group in by_matched_context(configuration, list(ends)):
        number = [stationary.number(end) for end in group]
        # over all positions, and over those that hold one token
        countings = [stationary.counting(configuration, matched, s) for s in (None, *range(law.S))]
        averages = _averages(stationary, fundamental, countings, marks, number, T)
        target = stationary.kernels[:, [i % stationary.chain.N for i in number], :, None]
        g = averages[:, :, 0] - (target * averages[:, :, 1:]).sum(2)
        result[:, [ends.index(end) for end in group]] = g.reshape(*g.shape[:2], law.n, law.S)
    return result


def _averages(
    stationary: Stationary, fundamental: Tensor, countings: list[Counting], marks: Tensor, number: list[int], T: float
) -> Tensor:
    """T (E[1{e} N/Z] - its limit) to first order, bounded, for ends by number: [batch, end, counting, mark]."""
    pi, tau, N, S = stationary.pi, stationary.tau, stationary.chain.N, stationary.law.S
    omega = torch.stack([stationary.weights(counting) for counting in countings], 1)  # [word, counting]
    omega_phi = torch.stack([omega[..., None] * phi[:, None] for phi in (marks, 1 - marks)])
    z = pi @ omega
    r, rest = torch.einsum("iw,kwcm->kicm", pi, omega_phi) / z[..., None]  # r + rest = 1

    def psi(f: Tensor) -> Tensor:
        """omega (phi - r), of omega phi and omega (1 - phi) averaged somehow: [2, batch, place, counting, mark]."""
        difference: Tensor = rest[:, None] * f[0] - r[:, None] * f[1]
        return difference

    def ahead(f: Tensor) -> Tensor:
        """Expected total from now on of a function, given its expectation in each context."""
        return (fundamental @ f.flatten(2)).view_as(f)

    by_context, by_next = (omega_phi.reshape(2, *shape, *omega_phi.shape[2:]) for shape in ((N, S), (S, N)))
    tau_by_context, pi_by_next = tau.reshape(-1, N, S), pi.reshape(-1, S, N)
    leaving_psi = psi(torch.einsum("ius,kuscm->kiucm", tau_by_context, by_context))
    arriving_psi = psi(torch.einsum("isu,ksucm->kiucm", pi_by_next, by_next))
    zeta = omega - z[:, None]
    leaving_zeta = torch.einsum("ius,iusc->iuc", tau_by_context, zeta.view(len(z), N, S, -1))
    arriving_zeta = torch.einsum("isu,isuc->iuc", pi_by_next, zeta.view(len(z), S, N, -1))
    ahead_psi, ahead_zeta = ahead(leaving_psi), ahead(leaving_zeta)
    sigma = psi(torch.einsum("iwc,kwcm->kicm", pi[..., None] * zeta, omega_phi)[:, :, None])[:, 0]
    sigma += (arriving_psi * ahead_zeta[..., None] + arriving_zeta[..., None] * ahead_psi).sum(1)

    P = pi[:, number, None, None]
    before = (fundamental.mT @ arriving_psi.flatten(2)).view_as(arriving_psi)  # excess of what came before, by context
    Psi = P * (_start(stationary.law, countings, r, ahead_psi)[:, None] + psi(omega_phi[:, None, number]))
    Psi = Psi + before[:, [i // S for i in number]] * tau[:, number, None, None]  # E[1{e} Psi]
    value = Psi / z[:, None, :, None] - P * (sigma / z[..., None] ** 2)[:, None]
    return value / torch.hypot(torch.ones_like(value), value / (T * P.clamp(min=torch.finfo(P.dtype).tiny)))


def _start(law: NGramLaw, countings: list[Counting], r: Tensor, ahead_psi: Tensor) -> Tensor:
    """What the first n-1 tokens, and the law of the chain after them, add to the expectation of Psi."""
    new, positions = r.new_tensor, [(u, j) for u in law.contexts for j in range(law.n - 1)]
    probability = new([float(law.probability(u)) for u in law.contexts])
    phi = [[j >= b and u[j - b] == v for b in range(law.n) for v in range(law.S)] for u, j in positions]
    omega = [[law.probability(u) * counting.weight(u[: j + 1]) for u, j in positions] for counting in countings]
    weights = new([[float(x) for x in row] for row in omega]).view(len(countings), len(positions))
    start = weights @ new(phi).view(len(positions), r.shape[2]) - weights.sum(1)[:, None] * r
    return torch.einsum("u,iucm->icm", probability, ahead_psi) + start
