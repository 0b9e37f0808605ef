"""Both training stages as one kind of problem, with gradients that keep relative accuracy (mathematics/next-token).

In a stage every sentence has one right choice and M wrong ones: the next token among the tokens of the vocabulary
(stage 1), the optimal token among the tokens of the sentence (stage 2). Wrong choice m has the log odds

    delta_m = w[entry of m] - w[entry of the right one] + offset_m,     mass a_m = exp delta_m / (1 + sum exp delta).

Normalised gradient descent divides by the norm of the gradient, so that its residuals must be accurate relative to
themselves, however small. Hence nothing is ever computed as 1 - p: the mass of the right choice is never subtracted
from 1, its entry of the gradient is minus the sum of the others, and a factor exp(shift), the largest mass, is taken
out of all of them. Losses below 1e-308 therefore pose no problem either.

Shapes: B datasets, N sentences, M wrong choices, D = V^2 entries of the weights, R logits; smaller datasets are
padded with offset -inf and weight 0. A sentence reads and moves its own M + 1 entries of the weights only; and tokens
whose logits are the same whatever the attention, to the last bit, share one logit: under an aligned W_ov that is all
tokens that follow none of the sentence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from proofs.next_token.dataset import Dataset, Sentence
from proofs.next_token.max_margin import Vector


@dataclass(frozen=True)
class Stage:
    """One stage of training for a batch of datasets.

    entries  D
    wrong    [B, N, M]     the entry of every wrong choice in the flattened weights
    right    [B, N]        that of the right one
    offsets  [B, N, M]     log(count of the wrong / count of the right); -inf where there is no such choice
    weights  [B, N]        pi
    base     [B, N, R]     stage 2: logit of other tokens minus logit n(X) when the right choice has all the mass, plus
                           the log of how many tokens share it; -inf for padding
    slopes   [B, N, M, R]  stage 2: how fast that difference grows with the mass of wrong choice m
    """

    entries: int
    wrong: Tensor
    right: Tensor
    offsets: Tensor
    weights: Tensor
    base: Tensor | None = None
    slopes: Tensor | None = None

    @property
    def batch(self) -> int:
        return self.weights.shape[0]

    def zeros(self) -> Tensor:
        """The initial weights, [B, D]."""
        return self.weights.new_zeros(self.batch, self.entries)

    def log_odds(self, w: Tensor) -> Tensor:
        """delta, [B, N, M]."""
        return self._all_odds(w)[:, :, 1:]

    def gaps(self, w: Tensor) -> Tensor:
        """How far the right choice is above each wrong one in w [B, D], [B, N, M]; of no meaning for padding."""
        entries = w.take(self._places)
        return entries[:, :, :1] - entries[:, :, 1:]

    def log_masses(self, w: Tensor) -> Tensor:
        """log a, [B, N, M]."""
        return self._all_odds(w).log_softmax(-1)[:, :, 1:]

    def _all_odds(self, w: Tensor) -> Tensor:
        """Log odds against the right choice, of the right one itself, 0, and of the wrong ones, [B, N, 1 + M]."""
        entries = w.take(self._places)
        return self._all_offsets + (entries - entries[:, :, :1])

    @cached_property
    def _choices(self) -> Tensor:
        """The entries of the right choice and the wrong ones, [B, N, 1 + M]."""
        return torch.cat((self.right.unsqueeze(2), self.wrong), 2)

    @cached_property
    def _places(self) -> Tensor:
        """Where these are if the weights of all datasets stand in a row."""
        return self._choices + self.entries * torch.arange(self.batch, device=self.right.device)[:, None, None]

    @cached_property
    def _all_offsets(self) -> Tensor:
        return pad(self.offsets, (1, 0))

    @cached_property
    def _logits(self) -> tuple[Tensor, Tensor]:
        """`base` and `slopes` by sentences, with those of n(X) and of the right choice, 0, in front: [B N, 1, 1 + R]
        and [B N, 1 + M, 1 + R]."""
        assert self.base is not None
        assert self.slopes is not None
        return pad(self.base, (1, 0)).flatten(0, 1).unsqueeze(1), pad(self.slopes, (1, 0, 1, 0)).flatten(0, 1)

    def gradient(self, w: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The gradient of the loss as (direction [B, D], log scale [B]): direction * exp(log scale). With other weights
        [B, N], 0 for sentences that are left out, if they are given.
        """
        log_all = self._all_odds(w).log_softmax(-1)
        log_a = log_all[:, :, 1:]
        if weights is None:
            weights = self.weights
        else:
            log_a = log_a.masked_fill((weights == 0)[:, :, None], -torch.inf)
        shift = log_a.amax((1, 2), keepdim=True)
        pull = (log_a - shift).exp() * weights.unsqueeze(2)
        if self.slopes is not None:
            pull = pull * self._pull(log_all.exp())
        pulls = torch.cat((-pull.sum(2, keepdim=True), pull), 2)
        return self.zeros().scatter_add_(1, self._choices.flatten(1), pulls.flatten(1)), shift.flatten()

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
            y = (self.limit_probabilities() * rise * over(torch.expm1, rise * shift.exp()[:, :, None])).sum(-1)
        return self.weights * y * over(torch.log1p, y * shift.exp()), shift

    def dominance(self, w: Tensor, rounding: float) -> Tensor:
        """Whether no wrong choice has more mass than the right one in any sentence, up to rounding, [B]."""
        return (self.log_odds(w) <= rounding).all(-1).all(-1)

    def limit_probabilities(self) -> Tensor:
        """Stage 2: predicted probabilities of all tokens but n(X) (which gets 0) at full mass on the right choice."""
        assert self.base is not None
        return (self.base - log_one_plus_sum(self.base)).exp()

    def infimum(self) -> Tensor:
        """The loss when every sentence has all mass on its right choice, [B]. The infimum if no tail is negative."""
        if self.base is None:
            return self.weights.new_zeros(self.batch)
        return (self.weights * log_one_plus_sum(self.base)[:, :, 0]).sum(-1)

    def tails(self) -> Tensor:
        """omega, [B, N, M]: as the masses of wrong choices vanish, the loss is its infimum + sum omega exp(-gap)."""
        omega = self.weights[:, :, None] * self.offsets.exp()
        if self.slopes is not None:
            omega = omega * torch.einsum("bnr,bnmr->bnm", self.limit_probabilities(), self.slopes)
        return omega

    def underflows(self) -> Tensor:
        """Whether a tail is too small for a double with all its digits, [B]: then losses near the infimum, and their
        gradients, mean nothing.
        """
        tiny = self.tails().abs() < torch.finfo(torch.float64).tiny
        return (tiny & self.offsets.isfinite()).any(-1).any(-1)

    def _pull(self, masses: Tensor) -> Tensor:
        """sum_y a_y (g_m - g_y), the gradient in delta_m over a_m, [B, N, M], of all masses [B, N, 1 + M]; g is counted
        from that of the right choice.

        Term by term: g_m minus the mean of g would lose its digits where a wrong choice has nearly all the mass.
        """
        base, slopes = self._logits
        a = masses.flatten(0, 1).unsqueeze(1)
        g = torch.baddbmm(base, a, slopes).softmax(-1).bmm(slopes.mT)
        return (g.mT[:, 1:] - g).bmm(a.mT).reshape(self.offsets.shape)


def feed_forward_stage(datasets: Sequence[Dataset], device: torch.device | str = "cpu") -> Stage:
    """Stage 1: the loss -sum pi log softmax(W_ov x)_n(x) over the collocations. Entry (v, x) of W_ov is v V + x."""
    V = max(dataset.V for dataset in datasets)
    B, N = len(datasets), max(len(dataset.n) for dataset in datasets)
    wrong, right = np.zeros((B, N, V - 1), dtype=np.int64), np.zeros((B, N), dtype=np.int64)
    offsets, weights = np.full((B, N, V - 1), -np.inf), np.zeros((B, N))
    for b, dataset in enumerate(datasets):
        tokens = np.arange(dataset.V)
        for i, (x, n_x) in enumerate(sorted(dataset.n.items())):
            weights[b, i] = float(dataset.collocation_weights[x])
            wrong[b, i, : dataset.V - 1] = tokens[tokens != n_x] * V + x
            right[b, i] = n_x * V + x
            offsets[b, i, : dataset.V - 1] = 0
    return Stage(V**2, *(torch.from_numpy(array).to(device) for array in (wrong, right, offsets, weights)))


def attention_stage(datasets: Sequence[Dataset], W_ov: Tensor) -> Stage:
    """Stage 2, with W_ov [B, V, V] frozen, on its device. Entry (x, q) of W_kq is x V + q."""
    V = W_ov.shape[-1]
    frozen = W_ov.detach().to("cpu", torch.float64).numpy()
    logits = [[_logits(d, s, frozen[b, : d.V]) for s in d.longer] for b, d in enumerate(datasets)]
    N = max(len(dataset.longer) for dataset in datasets)
    M = max(len(sentence.counts) for dataset in datasets for sentence in dataset.longer) - 1
    B, R = len(datasets), max(len(rows) for of_dataset in logits for rows in of_dataset)
    wrong, right = np.zeros((B, N, M), dtype=np.int64), np.zeros((B, N), dtype=np.int64)
    offsets, weights = np.full((B, N, M), -np.inf), np.zeros((B, N))
    base, slopes = np.full((B, N, R), -np.inf), np.zeros((B, N, M, R))
    for b, dataset in enumerate(datasets):
        for i, sentence in enumerate(dataset.longer):
            best, q, counts, rows = dataset.optimal(sentence), sentence.query, sentence.counts, logits[b][i]
            others = [x for x in counts if x != best]
            weights[b, i] = float(sentence.weight)
            right[b, i] = best * V + q
            wrong[b, i, : len(others)] = [x * V + q for x in others]
            offsets[b, i, : len(others)] = [math.log(Fraction(counts[x], counts[best])) for x in others]
            base[b, i, : len(rows)] = rows[:, 0]
            slopes[b, i, : len(others), : len(rows)] = rows[:, 1:].T
    arrays = (wrong, right, offsets, weights, base, slopes)
    return Stage(V**2, *(torch.from_numpy(array).to(W_ov.device) for array in arrays))


def _logits(dataset: Dataset, sentence: Sentence, W: np.ndarray) -> np.ndarray:
    """Per logit of a sentence other than that of n(X): the base, then the slope of each wrong choice. W is [V, V]."""
    best = dataset.optimal(sentence)
    odds = np.delete(W - W[sentence.next], sentence.next, axis=0)
    columns = [odds[:, best], *(odds[:, x] - odds[:, best] for x in sentence.counts if x != best)]
    rows, counts = np.unique(np.stack(columns, -1), axis=0, return_counts=True)
    rows[:, 0] += np.log(counts)
    return rows


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


def log_one_plus_sum(delta: Tensor) -> Tensor:
    """log(1 + sum exp delta) over the last axis, which is kept."""
    zero = delta.new_zeros(*delta.shape[:-1], 1)
    return torch.cat((zero, delta), -1).logsumexp(-1, keepdim=True)


def _largest(logs: Tensor) -> Tensor:
    """The largest entry of the last axis; very small, but finite, where all are -inf."""
    return logs.amax(-1).clamp(min=-1e300)


def over(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """function(x) / x for expm1 and log1p. Near 0 it is 1 to all digits, where a denormal x would lose some."""
    tiny = x.abs() < 1e-18
    return torch.where(tiny, 1.0, function(x) / torch.where(tiny, 1.0, x))
