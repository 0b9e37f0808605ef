"""Normalised descent with a look at every step, and a step length for each dataset (NT9t, NT12, NT13, NT14)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from numerics.next_token.stage import Stage
from numerics.threads import one_thread


@dataclass(frozen=True)
class EveryStep:
    """Of B datasets, at t = 0, ..., T.

    etas       [B]       step lengths
    log_losses [T+1, B]  log(L - L*)
    norms      [T+1, B]  |W_t|
    errors     [T+1, B]  |W_t/|W_t| - W*/|W*||, NaN at t = 0
    """

    etas: tuple[float, ...]
    log_losses: np.ndarray
    norms: np.ndarray
    errors: np.ndarray

    @property
    def T(self) -> int:
        return len(self.norms) - 1

    def rounding(self, index: int) -> float:
        """Bound on what rounding adds to a norm of the weights."""
        return sys.float_info.epsilon * self.etas[index] * self.T**2


@one_thread()
def watched(stage: Stage, etas: Sequence[float], T: int, look: Callable[[Tensor], Tensor]) -> Tensor:
    """What `look` sees in W_t, [B, D], at t = 0, ..., T, on the CPU: one more axis in front."""
    seen = []
    w, lengths = stage.zeros(), torch.tensor(etas, dtype=torch.float64, device=stage.weights.device)[:, None]
    with torch.inference_mode():
        for t in range(T + 1):
            seen.append(look(w).cpu())
            if t < T:
                direction, _ = stage.gradient(w)
                w = w - lengths * direction / torch.linalg.vector_norm(direction, dim=-1, keepdim=True)
    return torch.stack(seen)


def watch(stage: Stage, solutions: Tensor, etas: Sequence[float], T: int) -> EveryStep:
    """Loss, norm and direction error beside the max-margin solutions, [B, D]."""
    units = (solutions / torch.linalg.vector_norm(solutions, dim=-1, keepdim=True)).to(stage.weights.device)

    def look(w: Tensor) -> Tensor:
        norms = torch.linalg.vector_norm(w, dim=-1)
        errors = torch.linalg.vector_norm(w / norms[:, None] - units, dim=-1)
        return torch.stack([stage.log_excess_loss(w), norms, errors])

    seen = watched(stage, etas, T, look).numpy()
    return EveryStep(tuple(etas), seen[:, 0], seen[:, 1], seen[:, 2])
