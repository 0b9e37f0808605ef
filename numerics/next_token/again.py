"""Short runs by the formulas of `reference`, with enough digits: a second computation of what long runs measure.

Nothing here shares code with `stage`, `descent` or `training`. The numbers are those at an earlier time, so that they
differ from the limits by more; they tell whether a long run or its prediction is to blame for a disagreement.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from numerics.next_token import reference
from numerics.next_token.reference import Matrix
from proofs.next_token.dataset import Dataset

STEPS = 128  # of normalised descent, whose losses need many digits
PLAIN_STEPS = 1000  # of plain descent, whose losses do not: double precision does


@dataclass(frozen=True)
class Again:
    """A run of T steps, repeated.

    step    W_t -> W_(t+1)
    excess  W -> L - L*
    """

    dataset: Dataset
    ctx: Any
    step: Callable[[Matrix], Matrix]
    excess: Callable[[Matrix], Any]
    T: int

    @cached_property
    def halves(self) -> tuple[Matrix, Matrix]:
        """W at T/2 and at T, from 0."""
        half, last = self.at(self.T // 2, self.T)
        return half, last

    def at(self, *times: int) -> list[Matrix]:
        """W at these times, which ascend, from 0."""
        W, found, now = reference.zeros(self.dataset, self.ctx), [], 0
        for t in times:
            for _ in range(now, t):
                W = self.step(W)
            found.append(W)
            now = t
        return found

    def one_step(self, w: Tensor, V: int) -> Tensor:
        """W_(t+1) where the long run has W_t = w, [D]."""
        rows = w.reshape(V, V)[: self.dataset.V, : self.dataset.V].tolist()
        return flat(self.step([[self.ctx.mpf(entry) for entry in row] for row in rows]), V)

    def weights(self, V: int) -> tuple[Tensor, Tensor]:
        """The same, padded to V x V and flattened."""
        first, last = (flat(W, V) for W in self.halves)
        return first, last

    def slope(self) -> float:
        """Of log(L - L*), between T/2 and T."""
        return self.slope_of(self.excess)

    def slope_of(self, excess: Callable[[Matrix], Any]) -> float:
        """Of the log of another loss, over the same weights."""
        first, last = (self.ctx.log(excess(W)) for W in self.halves)
        return float(last - first) / (self.T - self.T // 2)

    def scaled_excess(self) -> float:
        """T (L - L*) at T."""
        return self.T * float(self.excess(self.halves[1]))


def attention_again(
    dataset: Dataset, W_ov: Tensor, step: float, T: int, normalised: bool = True, precise: bool = True
) -> Again:
    """Stage 2 with W_ov [V, V] frozen; in double precision if not `precise`, which plain descent can do with."""
    ctx = reference.context(digits_for(step * T, float(W_ov.max() - W_ov.min())) if precise else None)
    frozen = [[ctx.mpf(entry) for entry in row] for row in W_ov[: dataset.V, : dataset.V].tolist()]
    return Again(
        dataset,
        ctx,
        lambda W: reference.attention_step(dataset, frozen, W, step, ctx, normalised),
        lambda W: reference.loss(dataset, frozen, W, ctx) - reference.infimum(dataset, frozen, ctx),
        T,
    )


def mini_batches_again(
    dataset: Dataset, W_ov: Tensor, eta: float, T: int, batch: Callable[[int], Sequence[int]]
) -> Tensor:
    """W_T of stage 2, flattened, where step t goes along the longer sentences of these numbers only."""
    ctx = reference.context(digits_for(eta * T, float(W_ov.max() - W_ov.min())))
    frozen = [[ctx.mpf(entry) for entry in row] for row in W_ov.tolist()]
    W = reference.zeros(dataset, ctx)
    for t in range(T):
        W = reference.attention_step(dataset, frozen, W, eta, ctx, True, [dataset.longer[i] for i in batch(t)])
    return flat(W, dataset.V)


def feed_forward_again(dataset: Dataset, eta: float, T: int) -> Again:
    """Stage 1."""
    ctx = reference.context(digits_for(eta * T, 0.0))
    return Again(
        dataset,
        ctx,
        lambda W: reference.output_step(dataset, W, eta, ctx),
        lambda W: reference.output_loss(dataset, W, ctx),
        T,
    )


def digits_for(length: float, spread: float) -> int:
    """Decimal digits for differences of 1 and probabilities, after a path of this length, where |W*|^2 is at least 1/2,
    and with logits so far apart: both may be as small as the exponential.
    """
    return 30 + math.ceil((length * math.sqrt(2) + spread) / math.log(10))


def flat(W: Matrix, V: int) -> Tensor:
    """The matrix padded to V x V, [V^2]."""
    padded = torch.zeros(V, V, dtype=torch.float64)
    padded[: len(W), : len(W)] = torch.tensor([[float(entry) for entry in row] for row in W], dtype=torch.float64)
    return padded.flatten()
