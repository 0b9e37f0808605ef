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
from proofs.sub_ngrams.counting import Counting, Matched, by_matched_context
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
    result = stationary.pi.new_zeros(len(stationary.pi), len(ends), law.n, law.S)
    for matched, group in by_matched_context(configuration, list(ends)):
        every = _average(stationary, configuration, matched, None, group, T)
        g = torch.zeros_like(every)
        for s in range(law.S):
            target = stationary.kernels[:, [stationary.number(end[1:]) for end in group], s, None]
            g += target * (every - _average(stationary, configuration, matched, s, group, T))
        result[:, [ends.index(end) for end in group]] = g.reshape(*g.shape[:2], law.n, law.S)
    return result


def _average(
    stationary: Stationary,
    configuration: Configuration,
    matched: Matched,
    holders: int | None,
    ends: list[Word],
    T: float,
) -> Tensor:
    """T (E[1{e} N/Z] - its limit) to first order, bounded, for each end and mark (b, v'): [batch, end, b v']."""
    law, pi, tau, chain = stationary.law, stationary.pi, stationary.tau, stationary.chain
    S, N = law.S, chain.N
    phi = stationary.lag_is.movedim(0, 1).flatten(1)  # [word, mark]
    counting = stationary.counting(configuration, matched, holders)
    omega = stationary.weights(counting)
    z = (pi * omega).sum(1)[:, None]
    r, rest = ((pi * omega) @ x / z for x in (phi, 1 - phi))  # rest = 1 - r, also where that would cancel
    psi = omega[:, None] * (phi * rest[:, None] - (1 - phi) * r[:, None])  # [batch, word, mark]
    zeta = (pi @ (omega - omega[:, None]))[..., None]  # omega - z

    def ahead(f: Tensor) -> Tensor:
        """Expected total of f over all n-grams from now on, by context."""
        return chain.sum_forward((tau[..., None] * f).reshape(len(f), N, S, -1).sum(2))

    def arriving(f: Tensor) -> Tensor:
        """pi f, summed over the n-grams that lead into each context."""
        return (pi[..., None] * f).reshape(len(f), S, N, -1).sum(1)

    ahead_psi, ahead_zeta, arriving_psi, arriving_zeta = ahead(psi), ahead(zeta), arriving(psi), arriving(zeta)
    sigma = (pi[..., None] * psi * zeta).sum(1) + (arriving_psi * ahead_zeta + arriving_zeta * ahead_psi).sum(1)

    number = [stationary.number(end) for end in ends]
    P = pi[:, number, None]
    before = chain.sum_backward(arriving_psi)[:, [i // S for i in number]] * tau[:, number, None]
    Psi = P * (_start(law, counting, r, ahead_psi)[:, None] + psi[:, number]) + before  # E[1{e} Psi]
    value = Psi / z[:, None] - P * (sigma / z**2)[:, None]
    return value / torch.hypot(torch.ones_like(value), value / (T * P.clamp(min=torch.finfo(P.dtype).tiny)))


def _start(law: NGramLaw, counting: Counting, r: Tensor, ahead_psi: Tensor) -> Tensor:
    """What the first n-1 tokens, and the law of the chain after them, add to the expectation of Psi: [batch, b v']."""
    probability = r.new_tensor([float(law.probability(u)) for u in law.contexts])
    total = torch.einsum("u,ium->im", probability, ahead_psi)
    for u, p in zip(law.contexts, probability, strict=True):
        for j in range(law.n - 1):
            phi = r.new_tensor([float(j >= b and u[j - b] == v) for b in range(law.n) for v in range(law.S)])
            total = total + p * float(counting.weight(u[: j + 1])) * (phi - r)
    return total
