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
    """

    def __init__(self, P: Tensor) -> None:
        self.N = P.shape[-1]
        A = P.clone()
        self.leave = torch.ones_like(A[..., 0])  # probability of leaving k for a state before k
        for k in range(self.N - 1, 0, -1):
            self.leave[:, k] = A[:, k, :k].sum(-1)
            A[:, :k, k] /= self.leave[:, k, None]  # expected visits to k per visit to i < k
            A[:, :k, :k] += A[:, :k, k, None] * A[:, None, k, :k]
        self.A = A
        pi = torch.ones_like(self.leave)
        for k in range(1, self.N):
            pi[:, k] = (pi[:, :k] * A[:, :k, k]).sum(-1)
        self.pi = pi / pi.sum(-1, keepdim=True)

    def sum_forward(self, f: Tensor) -> Tensor:
        """sum_i P^i f for functions f [batch, N, m] with pi f = 0: the expected total of f along the chain."""
        f = f.clone()
        for k in range(self.N - 1, 0, -1):
            f[:, :k] += self.A[:, :k, k, None] * f[:, k, None]
        y = torch.zeros_like(f)
        for k in range(1, self.N):
            y[:, k] = (f[:, k] + (self.A[:, k, :k, None] * y[:, :k]).sum(1)) / self.leave[:, k, None]
        return y - (self.pi[..., None] * y).sum(1, keepdim=True)

    def sum_backward(self, f: Tensor) -> Tensor:
        """sum_i f P^i for signed measures f [batch, N, m] of total 0: the excess of expected visits."""
        f = f.clone()
        for k in range(self.N - 1, 0, -1):
            f[:, k] = f[:, k] / self.leave[:, k, None]
            f[:, :k] += f[:, k, None] * self.A[:, k, :k, None]
        x = torch.zeros_like(f)
        for k in range(1, self.N):
            x[:, k] = f[:, k] + (x[:, :k] * self.A[:, :k, k, None]).sum(1)
        return x - x.sum(1, keepdim=True) * self.pi[..., None]
