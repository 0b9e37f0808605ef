"""Where gradient flow from a small start rests, in closed form (sub-n-grams/training#gradient-flow; claim SN27).

With V = 0, and Q and K zero but for the rows that read tokens, the loss depends on w in Q_0 K_0^T = w (I - J/S) alone:
position j has the logit w 1{x_j = x_T}. At w = 0 this is theta_1, at the best w the repetition point. Both are critical
points of the whole network.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import brentq
from torch import Tensor
from torch.nn.functional import one_hot

from numerics.sub_ngrams.network import Network
from numerics.sub_ngrams.sequences import Batch

Array = NDArray[np.float64]
FARTHEST = 60.0  # e^60 positions are more than any sequence has


@dataclass(frozen=True)
class RestPoint:
    """A rest, and how it is left.

    w     the attention logit on positions that hold the last token
    rate  |lambda|, lambda the lowest eigenvalue of the Hessian; -lambda is one as well
    """

    name: str
    w: float
    rate: float


def rest_points(batch: Batch) -> tuple[RestPoint, RestPoint]:
    """theta_1 and the repetition point of the loss over these weighted sequences (tokens absent from a sequence left
    out), which has to be the same when the S tokens are renamed. Rates are at A = 0.
    """
    S = batch.P.shape[1]
    alone = _Alone(S, batch)
    best = float(brentq(alone.slope, -FARTHEST, FARTHEST, xtol=1e-14))
    query, key = alone.head_slopes(best)
    return (
        RestPoint("theta_1", 0.0, abs(alone.slope(0.0)) / (S - 1)),
        RestPoint("repetition", best, math.sqrt(abs(best)) * math.hypot(query, key) / (S - 1)),
    )


class _Alone:
    """Attention to the last token alone: p(s) is proportional to N(s) e^(w 1{s = x_T})."""

    def __init__(self, S: int, batch: Batch) -> None:
        tokens = one_hot(batch.x, S).double()
        self.weight, self.counts, self.last = batch.weight, tokens.sum(1), tokens[:, -1]
        self.P = batch.P * (self.counts > 0)
        self.frequencies = self.counts / batch.x.shape[1]
        seen = tokens.cumsum(1) / torch.arange(1, batch.x.shape[1] + 1, dtype=torch.float64)[:, None]
        at_keys = torch.einsum("bts,bs->bt", seen, self.last)  # how much of the past of a position is x_T
        self.last_at = torch.einsum("bt,bts->bs", at_keys, tokens) / self.counts.clamp(min=1)

    def predictions(self, w: float) -> Tensor:
        return torch.softmax(self.counts.log() + w * self.last, 1)

    def _slopes(self, w: float) -> Tensor:
        """dL/dz summed over the positions that hold s: B x S."""
        return self.P.sum(1, keepdim=True) * self.predictions(w) - self.P

    def slope(self, w: float) -> float:
        """dL/dw, which increases: S-1 times the one eigenvalue of dL/dW_00 that is not 0."""
        return float(self.weight @ (self._slopes(w) * self.last).sum(1))

    def head_slopes(self, w: float) -> tuple[float, float]:
        """tr dL/dW_h0 and tr dL/dW_0h of a head that averages all tokens so far, with V_h = I: as query it reads the
        frequencies of tokens, as key the past of a position.
        """
        slopes = self._slopes(w)
        query, key = (slopes * self.frequencies).sum(1), (slopes * self.last_at).sum(1)
        return float(self.weight @ query), float(self.weight @ key)


def nearest_rest(network: Network, w: float) -> Network:
    """The rest with this w that is nearest to the network: A = V = 0, and of all Q_0 and K_0 with Q_0 K_0^T =
    w (I - J/S) and no part in common but sqrt(|w|) the nearest ones.
    """
    assert network.A is not None
    assert network.Q is not None
    assert network.K is not None
    S, (V, A, Q, K) = network.S, (value.detach() for value in (network.V, network.A, network.Q, network.K))
    sign = math.copysign(1.0, w)
    both = Q[:S] + sign * K[:S]
    left, _, right = torch.linalg.svd(both - both.mean(0), full_matrices=False)
    shared = math.sqrt(abs(w)) * left[:, : S - 1] @ right[: S - 1]
    Q, K = torch.zeros_like(Q), torch.zeros_like(K)
    Q[:S], K[:S] = shared, sign * shared
    return Network(torch.zeros_like(V), A=torch.zeros_like(A), Q=Q, K=K)
