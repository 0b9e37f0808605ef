"""The stationary law of a Markov chain and its fundamental matrix, also where the chain is very slow.

State elimination without subtractions (Grassmann, Taksar, Heyman 1985): state k is taken out by letting the chain jump
over it. The diagonal of I - P, where 1 - P_kk would cancel, is the sum of the row instead, so that transition
probabilities of any size down to 1e-300 keep their digits.
"""

from __future__ import annotations

import torch
from torch import Tensor


class Elimination:
    """The factors of I - P for stochastic matrices P [batch, N, N] in which every state is reached from every other.

    pi  [batch, N] the stationary law

    Inside, the batch comes last, so that it is contiguous in memory.
    """

    def __init__(self, P: Tensor) -> None:
        self.N = P.shape[-1]
        A = P.movedim(0, -1).clone(memory_format=torch.contiguous_format)
        self.leave = torch.ones_like(A[0])  # probability of leaving k for a state before k
        for k in range(self.N - 1, 0, -1):
            self.leave[k] = A[k, :k].sum(0)
            A[:k, k] /= self.leave[k]  # expected visits to k per visit to i < k
            A[:k, :k].addcmul_(A[:k, k, None], A[None, k, :k])
        self.A = A
        pi = torch.ones_like(self.leave)
        for k in range(1, self.N):
            pi[k] = (pi[:k] * A[:k, k]).sum(0)
        self._pi = pi / pi.sum(0)
        self.pi = self._pi.T.contiguous()

    def fundamental(self) -> Tensor:
        """sum_i (P^i - 1 pi), [batch, N, N]: of a function with mean 0 its total along the chain, and of a signed
        measure of total 0 (from the left) the excess of expected visits."""
        f = torch.eye(self.N, dtype=self._pi.dtype, device=self._pi.device)[..., None] - self._pi
        for k in range(self.N - 1, 0, -1):
            f[:k].addcmul_(self.A[:k, k, None], f[None, k])
        y = torch.zeros_like(f)
        for k in range(1, self.N):
            y[k] = (f[k] + (self.A[k, :k, None] * y[:k]).sum(0)) / self.leave[k]
        return (y - (self._pi[:, None] * y).sum(0)).movedim(-1, 0).contiguous()
