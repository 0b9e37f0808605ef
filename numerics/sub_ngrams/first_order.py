"""The first correction to infinite length: M_T = M_inf + C/T + O(1/T^2), given the kernel.

An average N/Z over positions, N = sum omega phi and Z = sum omega, has the limit r = E omega phi / E omega. With
z = E omega, psi = omega (phi - r), zeta = omega / z - 1, and Psi and Zeta their sums over all positions,

    E[1{e} N/Z] = r P(e) + E[1{e} Psi] / (T z) - E[1{e} Psi Zeta] / (T^2 z) + O(1/T^2).

Both expectations come from the fundamental matrix of the chain: Psi has mean 0 but for what the start and the end of
the sequence add, and its covariance with Zeta is T sigma, sigma = sum_k Cov(psi_0, zeta_k). That a token does not occur
is exponentially rare.

Where the chain is slow the expansion fails and C is large, but an average is off its limit by at most P(e). With each
such term x/T bounded by x / hypot(T, x/P(e)), the correction is a control variate for integrals over kernels.

Where r or z is close to 0 or 1, psi and zeta keep their digits, because functions come as two: with 1 - r from
E omega (1 - phi), psi = (1 - r) omega phi - r omega (1 - phi) has no difference in it, nor has zeta with omega and
1 - omega. (An average does not depend on the scale of omega, whose largest value is 1.)
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import torch
from torch import Tensor

from numerics.sub_ngrams.infinite_length import Stationary, best_matches
from numerics.sub_ngrams.relabelling import Ends
from numerics.sub_ngrams.transfer import gather_blocks
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.counting import Matched, by_matched_context
from proofs.sub_ngrams.law import NGramLaw, Word


def first_order(kernels: Tensor, law: NGramLaw, configuration: Configuration) -> Tensor:
    """lim T (M_T - M_inf) given each kernel: [batch, a, b, v, v']. Entries of kernels > 0."""
    ends = list(product(range(law.S), repeat=law.n))
    by_end = kernels.new_zeros(len(kernels), len(ends), law.n, law.S)
    for group, lags, value in _by_context(Stationary(kernels, law), configuration, ends, math.inf):
        for b, of_lag in zip(lags, value.unbind(1), strict=True):
            by_end[:, [ends.index(end) for end in group], b] = of_lag.mT
    return gather_blocks(by_end, law, ends)


def correction(stationary: Stationary, configuration: Configuration, ends: Ends, T: float = math.inf) -> Tensor:
    """C given each kernel, over final n-grams that stand for others: [batch, a, b, (same, different)], the mean entry
    on and off the diagonal of every block. For finite T every average in it is bounded by T P(end)."""
    S, n, kernels = stationary.law.S, stationary.law.n, stationary.kernels
    same, total = kernels.new_zeros(len(kernels), n, n), kernels.new_zeros(len(kernels), n, 1)  # [batch, b, a]
    for group, lags, by_end in _by_context(stationary, configuration, list(ends), T):
        counts = kernels.new_tensor([ends[end] for end in group])
        queries = torch.tensor(group, device=kernels.device).T.flip(0)[:, None]  # x_{T-a}, by a and end
        is_same = (queries == torch.arange(S, device=kernels.device)[:, None]) * counts  # [a, v', end]
        same[:, lags] += by_end.flatten(2) @ is_same.flatten(1).T
        total[:, lags] += by_end.sum(2) @ counts[:, None]
    return torch.stack([same / S, (total - same) / (S * (S - 1))], -1).transpose(1, 2)


def _by_context(
    stationary: Stationary, configuration: Configuration, ends: list[Word], T: float
) -> Iterator[tuple[list[Word], list[int], Tensor]]:
    """C by final n-gram, [batch, b, v', end], for those with one matched context after the other; all other b add 0."""
    law, pi = stationary.law, stationary.pi
    fundamental = stationary.chain.fundamental()
    # how many more visits to each context are expected than from a stationary start
    start = _start(law, pi.device) @ fundamental
    for matched, group in by_matched_context(configuration, ends):
        terms = _terms(law, configuration, matched, tuple(group), pi.device)
        averages, L = _averages(stationary, fundamental, start, terms, T), len(terms.lags)
        every = averages[:, : L * law.S].view(len(pi), L, law.S, len(group))  # over all positions
        holding = averages[:, L * law.S :].view(len(pi), law.S, L - 1, law.S, len(group))  # over those that hold s
        target = stationary.kernels.index_select(1, terms.ends % stationary.chain.N).mT[:, :, None, None]
        every[:, 1:] -= (target * holding).sum(1)
        yield group, terms.lags, every


@lru_cache(maxsize=64)
def _start(law: NGramLaw, device: torch.device) -> Tensor:
    """The law of the first n-1 tokens."""
    return torch.tensor([float(law.probability(u)) for u in law.contexts], dtype=torch.float64, device=device)


@dataclass(frozen=True)
class _Terms:
    """The averages that do not vanish in C for one matched context, and what they have in common for all kernels.

    Each is a pair of a counting, over all positions or over those that hold s, and of a mark phi = 1{w_b = v'}. Where
    phi is constant wherever omega > 0, psi is 0: b = 0 among the holders of s, and matched lags b at q = inf.

    lags      b of the pairs over all positions; 0, the first, is left out among holders
    counting  [pair] place of its counting
    omega     [word, 2, counting] omega and 1 - omega
    previous  [place] contexts of the words with omega > 0, and
    leaving   [place, last token, 2, pair] omega phi and omega (1 - phi) of the words with these contexts
    next      [place] contexts that follow the words with omega > 0, and
    arriving  [place, first token, 2, pair] omega phi and omega (1 - phi) of the words that these contexts follow
    squared   likewise omega^2 phi and omega^2 (1 - phi)
    start     [2, pair] omega phi and omega (1 - phi) summed over the first n-1 positions, their expectation
    ends      [end] the final n-grams, as numbers
    sharing   those of them with omega > 0, as places among ends, and
    own       [2, sharing, pair] their omega phi and omega (1 - phi)
    """

    lags: list[int]
    counting: Tensor
    omega: Tensor
    previous: Tensor
    leaving: Tensor
    next: Tensor
    arriving: Tensor
    squared: Tensor
    start: Tensor
    ends: Tensor
    sharing: Tensor
    own: Tensor


@lru_cache(maxsize=64)
def _terms(
    law: NGramLaw, configuration: Configuration, matched: Matched, group: tuple[Word, ...], device: torch.device
) -> _Terms:
    S, n, N = law.S, law.n, law.S ** (law.n - 1)
    words, starts = list(product(range(S), repeat=n)), [w for k in range(1, n) for w in product(range(S), repeat=k)]
    windows = words + starts  # what the weight of a position depends on: n tokens, fewer at the first n-1 positions
    counting = best_matches(configuration, matched)
    weight = torch.tensor([float(counting.weight(window)) for window in windows], dtype=torch.float64)
    tokens = torch.tensor([(-1,) * (n - len(window)) + window for window in windows]).flip(1)
    lag_is = (tokens[..., None] == torch.arange(S)).to(weight)  # [window, b, v]
    for i, window in enumerate(starts, len(words)):
        for b in range(len(window), n):
            for v, share in configuration.reads(window, b).items():
                lag_is[i, b, v] = float(share)

    lags = [b for b in range(n) if not (configuration.at_limit and b in configuration.lags)]
    pairs = [(c, b, v) for c in range(1 + S) for b in (lags[1:] if c else lags) for v in range(S)]
    c, b, v = torch.tensor(pairs).T
    omega = (weight / weight.max())[:, None] * torch.cat([torch.ones(len(windows), 1).to(weight), lag_is[:, 0]], 1)
    marked = torch.stack([omega[:, c] * lag_is[:, b, v], omega[:, c] * (1 - lag_is[:, b, v])], 1)
    probability = torch.tensor([float(law.probability(w)) for w in starts], dtype=torch.float64)
    start = torch.einsum("w,wkp->kp", probability, marked[len(words) :])
    omega, marked = omega[: len(words)], marked[: len(words)]
    squared = marked * omega[:, None, c]
    shares = omega[:, 0] > 0
    previous = torch.nonzero(shares.view(N, S).any(1)).flatten()
    following = torch.nonzero(shares.view(S, N).any(0)).flatten()
    ends = torch.tensor([words.index(end) for end in group])
    sharing = torch.nonzero(shares[ends]).flatten()
    tensors = {
        "counting": c,
        "omega": torch.stack([omega, 1 - omega], 1),
        "previous": previous,
        "leaving": marked.view(N, S, 2, -1)[previous],
        "next": following,
        "arriving": marked.view(S, N, 2, -1)[:, following].movedim(1, 0),
        "squared": squared.view(S, N, 2, -1)[:, following].movedim(1, 0),
        "start": start,
        "ends": ends,
        "sharing": sharing,
        "own": marked[ends[sharing]].movedim(1, 0),
    }
    return _Terms(lags, **{name: x.to(device) for name, x in tensors.items()})


def _averages(stationary: Stationary, fundamental: Tensor, start: Tensor, terms: _Terms, T: float) -> Tensor:
    """T (E[1{e} N/Z] - its limit) to first order, bounded: [batch, pair, end]."""
    pi, tau, N, S = stationary.pi, stationary.tau, stationary.chain.N, stationary.law.S
    tau_by_context, pi_by_next = tau.view(-1, N, S), pi.view(-1, S, N)

    # expectations of functions of a word, given its context ("leaving") or by the context that follows ("arriving")
    leaving_omega = torch.einsum("ius,uskc->kiuc", tau_by_context, terms.omega.view(N, S, 2, -1))
    arriving_omega = torch.einsum("isu,sukc->kiuc", pi_by_next, terms.omega.view(S, N, 2, -1))
    leaving_marked = torch.einsum("ius,uskp->kiup", tau_by_context.index_select(1, terms.previous), terms.leaving)
    pi_by_next = pi_by_next.index_select(2, terms.next)
    arriving_marked = torch.einsum("isu,uskp->kiup", pi_by_next, terms.arriving)
    squared = torch.einsum("isu,uskp->kip", pi_by_next, terms.squared)[:, :, None]
    mean, mean_of_rest = arriving_omega.sum(2, keepdim=True)
    odds = mean_of_rest / mean
    marked = arriving_marked.sum(2, keepdim=True)
    r, rest = marked / marked.sum(0)  # r + rest = 1
    z = mean.index_select(2, terms.counting)

    def zeta(f: Tensor) -> Tensor:
        """omega / z - 1, of omega and 1 - omega averaged somehow: [2, batch, place, counting]."""
        difference: Tensor = odds * f[0] - f[1]
        return difference

    def psi(f: Tensor) -> Tensor:
        """omega (phi - r), of omega phi and omega (1 - phi) averaged somehow: [2, batch, place, pair]."""
        difference: Tensor = rest * f[0] - r * f[1]
        return difference

    # Psi whatever the end is: what the start adds, minus sigma. Totals along the chain are of zeta, not of psi: they
    # are fewer; and psi is averaged before it meets them, because it may cancel where a total is large
    leaving_psi, arriving_psi = psi(leaving_marked), psi(arriving_marked)
    from_next = fundamental.index_select(1, terms.next)
    ahead_zeta = from_next @ zeta(leaving_omega)
    behind_zeta = fundamental.index_select(2, terms.previous).mT @ zeta(arriving_omega)
    visits = start.index_select(1, terms.previous)[..., None] - behind_zeta
    always = psi(terms.start[:, None, None]) - psi(squared) / z
    always += (leaving_psi * visits.index_select(2, terms.counting)).sum(1, keepdim=True)
    always -= (arriving_psi * ahead_zeta.index_select(2, terms.counting)).sum(1, keepdim=True)

    # and what came before the end, and the end itself
    P, tau_end = (x.index_select(1, terms.ends)[:, None] for x in (pi, tau))
    reached = from_next.index_select(2, terms.ends // S) * tau_end
    value: Tensor = (torch.cat([arriving_psi, always], 1) / z).mT @ torch.cat([reached, P], 1)
    value.index_add_(2, terms.sharing, (psi(terms.own[:, None]) / z).mT * P.index_select(2, terms.sharing))
    # in place, and without hypot, slow in itself: this is the largest tensor
    bound = value / (T * P.clamp(min=torch.finfo(P.dtype).tiny))
    value *= bound.square_().add_(1).rsqrt_()
    return value
