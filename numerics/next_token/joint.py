"""Joint training: both layers at once, from 0, on the loss of all sentences, collocations included (NT15).

The weights are W_ov and W_kq, flattened one after the other. As in `stage`, nothing is computed as 1 - p: residuals are
accurate relative to themselves, and a common factor is taken out of all of them.

Shapes: B datasets, N sentences, K distinct tokens in a sentence, D = 2 V^2; padding has weight 0 or log count -inf.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import softplus

from numerics.next_token.descent import normalised_descent, plain_descent
from numerics.next_token.training import MATURE, Measured, halvings, late_growth, late_slope, late_times, rounding
from proofs.next_token.dataset import Dataset

NEAR = math.log(2)  # log of the ratio of two losses
TINY = -40.0  # log(1 + e^z) is e^z to all digits


@dataclass(frozen=True)
class Joint:
    """The loss of all sentences of a batch of datasets.

    V           of the largest
    tokens      [B, N, K]  distinct tokens
    log_counts  [B, N, K]  how often each occurs; -inf where there is none
    query       [B, N]
    next        [B, N]
    absent      [B, 1, V]  tokens that are not in the vocabulary of the dataset
    weights     [B, N]     pi
    """

    V: int
    tokens: Tensor
    log_counts: Tensor
    query: Tensor
    next: Tensor
    absent: Tensor
    weights: Tensor

    def zeros(self) -> Tensor:
        """The initial weights, [B, D]."""
        return self.weights.new_zeros(len(self.weights), 2 * self.V**2)

    def layers(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """W_ov and W_kq, [B, V, V] each."""
        W_ov, W_kq = w.reshape(len(w), 2, self.V, self.V).unbind(1)
        return W_ov, W_kq

    def gradient(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """The gradient of the loss as (direction [B, D], log scale [B]): direction * exp(log scale)."""
        a, odds, z = self._forward(w)
        log_p = z.log_softmax(-1).masked_fill(self._left_out, -torch.inf)
        shift = log_p.amax((1, 2), keepdim=True)
        residual = (log_p - shift).exp() * self.weights.unsqueeze(2)
        B, V, K = len(w), self.V, a.shape[2]
        h = residual.reshape(-1, 1, V).bmm(odds.reshape(-1, K, V).mT).reshape(a.shape)
        pull = a * (a.unsqueeze(2) * (h.unsqueeze(3) - h.unsqueeze(2))).sum(-1)
        residual = residual.scatter_add(2, self.next.unsqueeze(2), -residual.sum(-1, keepdim=True))
        in_ov = (a.unsqueeze(3) * residual.unsqueeze(2)).reshape(-1, V)
        columns, scores = self._places
        G_ov = w.new_zeros(B * V, V).index_add_(0, columns, in_ov).reshape(B, V, V).mT
        G_kq = w.new_zeros(B * V * V).index_add_(0, scores, pull.flatten())
        return torch.cat((G_ov.reshape(B, -1), G_kq.reshape(B, -1)), -1), shift.flatten()

    def log_excess_loss(self, w: Tensor) -> Tensor:
        """log of the loss, whose infimum is 0, [B]."""
        return (self.log_losses(w) + self.weights.log()).logsumexp(-1)

    def log_losses(self, w: Tensor) -> Tensor:
        """log of the loss of every sentence, without its weight, [B, N]."""
        z = self._forward(w)[2].scatter(2, self.next.unsqueeze(2), -torch.inf).logsumexp(-1)
        return torch.where(z < TINY, z, softplus(z).log())

    def attention(self, w: Tensor) -> Tensor:
        """Attention on every token of every sentence, [B, N, K]."""
        return self._forward(w)[0]

    def _forward(self, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Attention [B, N, K]; logits against that of the next token, of each token alone [B, N, K, V], and mixed by
        attention [B, N, V], 0 for the next token itself and -inf for tokens that are not in the vocabulary.
        """
        W_ov, W_kq = self.layers(w)
        columns, scores = self._places
        B, N, K = self.tokens.shape
        a = (W_kq.take(scores).reshape(B, N, K) + self.log_counts).softmax(-1)
        alone = W_ov.mT.reshape(-1, self.V).index_select(0, columns).reshape(B * N, K, self.V)
        odds = alone - alone.gather(2, self._next)
        z = a.reshape(-1, 1, K).bmm(odds).reshape(B, N, self.V)
        return a, odds.reshape(B, N, K, self.V), z.masked_fill(self.absent, -torch.inf)

    @cached_property
    def _places(self) -> tuple[Tensor, Tensor]:
        """Where the tokens of all sentences of all datasets in a row have their columns in W_ov, and their scores."""
        columns = self.tokens + self.V * torch.arange(len(self.weights), device=self.tokens.device)[:, None, None]
        return columns.flatten(), (self.V * columns + self.query.unsqueeze(2)).flatten()

    @cached_property
    def _next(self) -> Tensor:
        """The next token of each sentence, [B N, K, 1]."""
        return self.next.reshape(-1, 1, 1).expand(-1, self.tokens.shape[2], 1)

    @cached_property
    def _left_out(self) -> Tensor:
        """The next token itself, and sentences that do not count, [B, N, V]."""
        return (self.weights == 0).unsqueeze(2).expand(-1, -1, self.V).scatter(2, self.next.unsqueeze(2), value=True)


def joint_loss(datasets: Sequence[Dataset], device: torch.device | str = "cpu") -> Joint:
    """The loss of all sentences of these datasets."""
    V, B = max(dataset.V for dataset in datasets), len(datasets)
    N = max(len(dataset.sentences) for dataset in datasets)
    K = max(len(sentence.counts) for dataset in datasets for sentence in dataset.sentences)
    tokens, log_counts = torch.zeros(B, N, K, dtype=torch.long), torch.full((B, N, K), -torch.inf, dtype=torch.float64)
    query, following = torch.zeros(B, N, dtype=torch.long), torch.zeros(B, N, dtype=torch.long)
    weights = torch.zeros(B, N, dtype=torch.float64)
    log_counts[:, :, 0] = 0
    for b, dataset in enumerate(datasets):
        for i, sentence in enumerate(dataset.sentences):
            for k, (x, count) in enumerate(sentence.counts.items()):
                tokens[b, i, k], log_counts[b, i, k] = x, math.log(count)
            query[b, i], following[b, i], weights[b, i] = sentence.query, sentence.next, float(sentence.weight)
    absent = torch.tensor([[[v >= dataset.V for v in range(V)]] for dataset in datasets])
    tensors = (tokens, log_counts, query, following, absent, weights)
    return Joint(V, *(tensor.to(device) for tensor in tensors))


@dataclass(frozen=True)
class JointTraining:
    """A run of joint training up to time T; snapshots at `halvings` and `late_times` at least."""

    datasets: tuple[Dataset, ...]
    loss: Joint
    step: float
    T: int
    snapshots: Mapping[int, Tensor]

    @cached_property
    def log_losses(self) -> dict[int, Tensor]:
        """log L at the snapshots, [B] each."""
        return {t: self.loss.log_excess_loss(w).cpu() for t, w in self.snapshots.items()}

    def mature(self, index: int) -> bool:
        """Whether the loss of every sentence, whatever its weight, had come down by the first of the late times, and to
        near that of its optimal token alone: what attention leaves to other tokens no longer matters.
        """
        losses = self.loss.log_losses(self.snapshots[late_times(self.T)[0]])[index].tolist()
        told = list(zip(self.datasets[index].sentences, losses, strict=False))  # without padding
        alone = {sentence.next: loss for sentence, loss in told if len(sentence.tokens) == 1}
        return all(loss <= MATURE and loss - alone[sentence.next] <= NEAR for sentence, loss in told)

    def attends(self, index: int) -> bool:
        """Whether no sentence has more attention on another token than on its optimal one, at the end."""
        a, dataset = self.loss.attention(self.snapshots[self.T])[index].cpu(), self.datasets[index]
        best = [list(s.counts).index(dataset.before[s.next]) for s in dataset.sentences]
        return all(bool((a[i, k] >= a[i]).all()) for i, k in enumerate(best))

    def loss_slope(self, index: int) -> Measured:
        """The slope of log L between T/sqrt 2 and T."""
        logs = {t: float(values[index]) for t, values in self.log_losses.items()}
        return late_slope(logs, self.T, rounding(self.step, self.T))

    def attention_growth(self, index: int) -> Measured:
        """Growth of |W_kq| per unit of log t between T/sqrt 2 and T."""
        return late_growth({t: self.norms(index, t)[1] for t in late_times(self.T)}, rounding(self.step, self.T))

    def norms(self, index: int, t: int) -> tuple[float, float]:
        """|W_ov| and |W_kq| at time t."""
        W_ov, W_kq = self.loss.layers(self.snapshots[t])
        return float(W_ov[index].norm()), float(W_kq[index].norm())


def train_jointly(
    datasets: Sequence[Dataset],
    step: float,
    T: int,
    times: Iterable[int] = (),
    normalised: bool = True,
    device: torch.device | str = "cpu",
) -> JointTraining:
    """Both layers by normalised gradient descent, or by plain."""
    loss = joint_loss(datasets, device)
    descend = normalised_descent if normalised else plain_descent
    return JointTraining(tuple(datasets), loss, step, T, descend(loss, step, {*halvings(T), *late_times(T), *times}))
