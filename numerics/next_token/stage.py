"""Both training stages as one kind of problem, with gradients that keep relative accuracy (mathematics/next-token).

In a stage every sentence has one right choice and M wrong ones: the next token among the tokens of the vocabulary
(stage 1), the optimal token among the tokens of the sentence (stage 2). Wrong choice m has the log odds

    delta_m = w[entry of m] - w[entry of the right one] + offset_m,     mass a_m = exp delta_m / (1 + sum exp delta).

Normalised gradient descent divides by the norm of the gradient, so that its residuals must be accurate relative to
themselves, however small. Hence nothing is ever computed as 1 - p: the mass of the right choice is never subtracted
from 1, its entry of the gradient is minus the sum of the others, and a factor exp(shift), the largest mass, is taken
out of all of them. Losses below 1e-308 therefore pose no problem either.

Shapes: B datasets, N sentences, M wrong choices, D = V^2 entries of the weights, R = V logits; smaller datasets are
padded with offset -inf and weight 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from proofs.next_token.dataset import Dataset
from proofs.next_token.max_margin import Vector


@dataclass(frozen=True)
class Stage:
    """One stage of training for a batch of datasets.

    pairs    [B, N, M, D]  e(wrong) - e(right), as entries of the flattened weights
    offsets  [B, N, M]     log(count of the wrong / count of the right); -inf where there is no such choice
    weights  [B, N]        pi
    base     [B, N, R]     stage 2: logit v minus logit n(X) when the right choice has all the mass; -inf at n(X)
    slopes   [B, N, M, R]  stage 2: how fast that difference grows with the mass of wrong choice m
    """

    pairs: Tensor
    offsets: Tensor
    weights: Tensor
    base: Tensor | None = None
    slopes: Tensor | None = None

    @property
    def batch(self) -> int:
        return self.pairs.shape[0]

    @property
    def entries(self) -> int:
        return self.pairs.shape[-1]

    def zeros(self) -> Tensor:
        """The initial weights, [B, D]."""
        return self.weights.new_zeros(self.batch, self.entries)

    def log_odds(self, w: Tensor) -> Tensor:
        """delta, [B, N, M]."""
        return torch.einsum("bnmd,bd->bnm", self.pairs, w) + self.offsets

    def log_masses(self, w: Tensor) -> Tensor:
        """log a, [B, N, M]."""
        delta = self.log_odds(w)
        return delta - _log_one_plus_sum(delta)

    def gradient(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """The gradient of the loss as (direction [B, D], log scale [B]): direction * exp(log scale)."""
        log_a = self.log_masses(w)
        shift = log_a.amax((1, 2))
        pull = (log_a - shift[:, None, None]).exp() * self.weights[:, :, None]
        if self.slopes is not None:
            right = (-_log_one_plus_sum(self.log_odds(w))).exp()
            pull = pull * self._pull(log_a.exp(), right)
        return torch.einsum("bnm,bnmd->bd", pull, self.pairs), shift

    def log_excess_losses(self, w: Tensor) -> Tensor:
        """log of pi times the loss minus its infimum (0 in stage 1), per sentence, [B, N]; -inf for padding."""
        excess, shift = self._excess(w)
        return shift + excess.log()

    def log_excess_loss(self, w: Tensor) -> Tensor:
        """log of the loss minus its infimum, [B]."""
        excess, shift = self._excess(w)
        largest = shift.amax(-1)
        return largest + (excess * (shift - largest[:, None]).exp()).sum(-1).log()

    def _excess(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """pi times the loss minus its infimum, per sentence, as (excess, log scale), [B, N] each."""
        if self.slopes is None:  # the loss is log(1 + sum exp delta)
            delta = self.log_odds(w)
            shift = _largest(delta)
            y = (delta - shift[:, :, None]).exp().sum(-1)
        else:  # the loss is its infimum + log(1 + sum p (exp rise - 1))
            log_a = self.log_masses(w)
            shift = _largest(log_a)
            rise = torch.einsum("bnm,bnmr->bnr", (log_a - shift[:, :, None]).exp(), self.slopes)
            y = (self.limit_probabilities() * rise * _over(torch.expm1, rise * shift.exp()[:, :, None])).sum(-1)
        return self.weights * y * _over(torch.log1p, y * shift.exp()), shift

    def dominance(self, w: Tensor, rounding: float) -> Tensor:
        """Whether no wrong choice has more mass than the right one in any sentence, up to rounding, [B]."""
        return (self.log_odds(w) <= rounding).all(-1).all(-1)

    def limit_probabilities(self) -> Tensor:
        """Stage 2: predicted probabilities of all tokens but n(X) (which gets 0) at full mass on the right choice."""
        assert self.base is not None
        return (self.base - _log_one_plus_sum(self.base)).exp()

    def infimum(self) -> Tensor:
        """The loss when every sentence has all mass on its right choice, [B]. The infimum if no tail is negative."""
        if self.base is None:
            return self.weights.new_zeros(self.batch)
        return (self.weights * _log_one_plus_sum(self.base)[:, :, 0]).sum(-1)

    def tails(self) -> Tensor:
        """omega, [B, N, M]: as the masses of wrong choices vanish, the loss is its infimum + sum omega exp(-gap)."""
        omega = self.weights[:, :, None] * self.offsets.exp()
        if self.slopes is not None:
            omega = omega * torch.einsum("bnr,bnmr->bnm", self.limit_probabilities(), self.slopes)
        return omega

    def _pull(self, a: Tensor, right: Tensor) -> Tensor:
        """sum_y a_y (g_m - g_y), the gradient in delta_m over a_m; `right` is the mass of the right choice, [B, N, 1].

        Term by term: g_m minus the mean of g would lose its digits where a wrong choice has nearly all the mass.
        """
        assert self.base is not None
        assert self.slopes is not None
        logits = self.base + torch.einsum("bnm,bnmr->bnr", a, self.slopes)
        p = (logits - _log_one_plus_sum(logits)).exp()
        h = torch.einsum("bnr,bnmr->bnm", p, self.slopes)  # g, counted from that of the right choice
        return right * h + (a[:, :, None, :] * (h[:, :, :, None] - h[:, :, None, :])).sum(-1)


def feed_forward_stage(datasets: Sequence[Dataset], device: torch.device | str = "cpu") -> Stage:
    """Stage 1: the loss -sum pi log softmax(W_ov x)_n(x) over the collocations. Entry (v, x) of W_ov is v V + x."""
    V = max(dataset.V for dataset in datasets)
    N = max(len(dataset.n) for dataset in datasets)
    pairs = torch.zeros(len(datasets), N, V - 1, V * V, dtype=torch.float64)
    offsets = torch.full((len(datasets), N, V - 1), -torch.inf, dtype=torch.float64)
    weights = torch.zeros(len(datasets), N, dtype=torch.float64)
    for b, dataset in enumerate(datasets):
        for i, (x, n_x) in enumerate(sorted(dataset.n.items())):
            weights[b, i] = float(dataset.collocation_weights[x])
            for m, v in enumerate(v for v in range(dataset.V) if v != n_x):
                pairs[b, i, m, v * V + x], pairs[b, i, m, n_x * V + x] = 1, -1
                offsets[b, i, m] = 0
    return Stage(pairs.to(device), offsets.to(device), weights.to(device))


def attention_stage(datasets: Sequence[Dataset], W_ov: Tensor) -> Stage:
    """Stage 2, with W_ov [B, V, V] frozen, on its device. Entry (x, q) of W_kq is x V + q."""
    V = W_ov.shape[-1]
    frozen = W_ov.detach().to("cpu", torch.float64)
    N = max(len(dataset.longer) for dataset in datasets)
    M = max(len(sentence.counts) for dataset in datasets for sentence in dataset.longer) - 1
    B = len(datasets)
    pairs = torch.zeros(B, N, M, V * V, dtype=torch.float64)
    offsets = torch.full((B, N, M), -torch.inf, dtype=torch.float64)
    weights = torch.zeros(B, N, dtype=torch.float64)
    base = torch.full((B, N, V), -torch.inf, dtype=torch.float64)
    slopes = torch.zeros(B, N, M, V, dtype=torch.float64)
    for b, dataset in enumerate(datasets):
        logits = frozen[b, : dataset.V]
        for i, sentence in enumerate(dataset.longer):
            best, q, counts = dataset.optimal(sentence), sentence.query, sentence.counts
            weights[b, i] = float(sentence.weight)
            odds = logits - logits[sentence.next]  # of every token against the next one, per token that is attended to
            base[b, i, : dataset.V] = odds[:, best]
            base[b, i, sentence.next] = -torch.inf
            for m, x in enumerate(x for x in counts if x != best):
                pairs[b, i, m, x * V + q], pairs[b, i, m, best * V + q] = 1, -1
                offsets[b, i, m] = torch.tensor(float(Fraction(counts[x], counts[best])), dtype=torch.float64).log()
                slopes[b, i, m, : dataset.V] = odds[:, x] - odds[:, best]
    tensors = (pairs, offsets, weights, base, slopes)
    return Stage(*(tensor.to(W_ov.device) for tensor in tensors))


def aligned_output(datasets: Sequence[Dataset], beta: float, device: torch.device | str = "cpu") -> Tensor:
    """beta W_ov*, [B, V, V]: what stage 1 tends to; column x is beta (e_n(x) - 1/V), or 0 without a collocation."""
    V = max(dataset.V for dataset in datasets)
    W = torch.zeros(len(datasets), V, V, dtype=torch.float64)
    for b, dataset in enumerate(datasets):
        for x, n_x in dataset.n.items():
            W[b, : dataset.V, x] = -beta / dataset.V
            W[b, n_x, x] += beta
    return W.to(device)


def flat_solution(columns: Mapping[int, Vector], V: int) -> Tensor:
    """The matrix with the given columns, padded to V x V and flattened."""
    W = torch.zeros(V, V, dtype=torch.float64)
    for column, entries in columns.items():
        for row, value in enumerate(entries):
            W[row, column] = float(value)
    return W.flatten()


def _log_one_plus_sum(delta: Tensor) -> Tensor:
    """log(1 + sum exp delta) over the last axis, which is kept."""
    zero = delta.new_zeros(*delta.shape[:-1], 1)
    return torch.cat((zero, delta), -1).logsumexp(-1, keepdim=True)


def _largest(logs: Tensor) -> Tensor:
    """The largest entry of the last axis; very small, but finite, where all are -inf."""
    return logs.amax(-1).clamp(min=-1e300)


def _over(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """function(x) / x for expm1 and log1p. Near 0 it is 1 to all digits, where a denormal x would lose some."""
    tiny = x.abs() < 1e-18
    return torch.where(tiny, 1.0, function(x) / torch.where(tiny, 1.0, x))
