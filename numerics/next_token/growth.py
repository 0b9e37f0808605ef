"""The norm of the weights and dominance, at every step of a run (NT5)."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import torch
from torch import Tensor

from numerics.next_token.descent import mini_batch_descent, normalised_descent
from numerics.next_token.stage import Stage


@dataclass(frozen=True)
class Growth:
    """What was seen at t = 0, ..., T, for each of B datasets.

    norms      [T+1, B]  |W_t|
    dominance  [T+1, B]  whether the optimal token has the most attention in every sentence
    """

    eta: float
    norms: Tensor
    dominance: Tensor

    @property
    def T(self) -> int:
        return len(self.norms) - 1

    @property
    def rounding(self) -> float:
        """Bound on what rounding adds to a norm."""
        return sys.float_info.epsilon * self.eta * self.T**2

    def lasts(self, index: int) -> int:
        """The last t up to which dominance held at every step before; T if it was never lost."""
        lost = (~self.dominance[:-1, index]).nonzero()
        return int(lost[0]) if len(lost) else self.T

    def speeds(self, index: int) -> Tensor:
        """|W_t| / (eta t) at t = 1, ..., T."""
        return self.norms[1:, index] / (self.eta * torch.arange(1, self.T + 1, dtype=torch.float64))


def watch_growth(stage: Stage, eta: float, T: int, batches: int | None = None) -> Growth:
    """Normalised descent for T steps, watched; on mini-batches drawn with the seed `batches`, if there is one."""
    norms: list[Tensor] = []
    dominance: list[Tensor] = []

    def watch(w: Tensor) -> None:
        norms.append(torch.linalg.vector_norm(w, dim=-1).cpu())
        # odds of counts that are equal are 0, and those of scores that are equal are 0 up to rounding
        dominance.append(stage.dominance(w, sys.float_info.epsilon * (1 + eta * len(norms)) * len(norms)).cpu())

    if batches is None:
        normalised_descent(stage, eta, (T,), watch)
    else:
        mini_batch_descent(stage, eta, (T,), batches, watch)
    return Growth(eta, torch.stack(norms), torch.stack(dominance))
