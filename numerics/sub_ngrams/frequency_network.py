"""The literal network at theta_k^+ (sub-n-grams/training#corrected-k-grams; claims SN24, SN25)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from numerics.sub_ngrams.frequency import Corrected
from numerics.sub_ngrams.network import Network
from proofs.sub_ngrams.law import NGramLaw

SATURATED = 1000.0  # e^-1000 is 0 in floats


class FrequencyNetwork(Network):
    """The network of `Network` with hard heads, but for head n-1 at the last position: there it has a row of positional
    logits, a parameter. For k < n all its rows are that of A = 0, uniform over what is past; no key reads them.

    row  T: the logits of head n-1 at the last position
    """

    row: nn.Parameter

    def __init__(self, V: Tensor, Q: Tensor, K: Tensor, row: Tensor, *, shifts: bool) -> None:
        super().__init__(V, Q=Q, K=K)
        self.row, self.shifts = nn.Parameter(row), shifts

    def read(self, values: Tensor, *, last: bool = False) -> Tensor:
        T = values.shape[2]
        *shifts, averaged = values.unbind(1)
        seen = [pad(part, (0, 0, h, 0))[:, :T] for h, part in enumerate(shifts, 1)]
        frequencies = torch.einsum("t,btc->bc", torch.softmax(self.row, 0), averaged)[:, None]
        if self.shifts:
            before = pad(averaged, (0, 0, self.H, 0))[:, : T - 1]
        else:
            before = (averaged.cumsum(1) / torch.arange(1, T + 1, device=values.device)[:, None])[:, :-1]
        every = torch.stack([*seen, torch.cat([before, frequencies], 1)], 1)
        return every[:, :, -1:] if last else every


def padded_network(law: NGramLaw, corrected: Corrected, T: int, *, key_lag: int = 0) -> FrequencyNetwork:
    """theta_k^+ with padded heads: hard, reading 0 where position t-h does not exist. `key_lag`: see `_matrices`."""
    V, Q, K = _matrices(law, corrected, key_lag)
    row = torch.zeros(T, dtype=torch.float64)
    return FrequencyNetwork(V, Q, K, row, shifts=corrected.k == law.n or key_lag == law.n - 1)


def saturated_network(law: NGramLaw, corrected: Corrected, T: int) -> Network:
    """theta_k^+ as training can reach it: soft heads with a logit that saturates them in floats. Where position t-h
    does not exist they read the average of all tokens so far.
    """
    V, Q, K = _matrices(law, corrected)
    A = torch.zeros(law.n - 1, T, T, dtype=torch.float64)
    for h in range(1, corrected.k):
        A[h - 1].diagonal(-h).fill_(SATURATED)
    if corrected.beta:
        A[law.n - 2, -1] = 0.0
    return Network(V, A=A, Q=Q, K=K)


def _matrices(law: NGramLaw, corrected: Corrected, key_lag: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """V, Q, K.

    Slots l = 1..k-1 hold sqrt(c_l) I in Q_{l-1} and K_l; slot 0 holds sqrt(|beta|) I in Q_{n-1} and K_0, there with the
    sign of -beta. K_b in place of K_0, b = `key_lag`, makes the term -beta f(x_{j-b}). At beta = 0 head n-1 is off
    (V = 0) unless it is a lag: theta_k.
    """
    n, S, k = law.n, law.S, corrected.k
    active = {*range(1, k), *((n - 1, key_lag) if corrected.beta else ())}
    eye = torch.eye(S, dtype=torch.float64)
    V = torch.stack([eye * (h in active) for h in range(1, n)])
    Q, K = eye.new_zeros(n, S, n, S), eye.new_zeros(n, S, n, S)  # lag, token, slot, coordinate
    for lag, c in enumerate(corrected.scales, 1):
        Q[lag - 1, :, lag] = K[lag, :, lag] = math.sqrt(c) * eye
    root = math.sqrt(abs(corrected.beta))
    Q[n - 1, :, 0] = root * eye
    K[key_lag, :, 0] = -math.copysign(root, corrected.beta) * eye
    return V, Q.reshape(n * S, -1), K.reshape(n * S, -1)
