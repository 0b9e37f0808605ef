"""The gradient in the positional logits A of soft heads, sequence by sequence (claim SN14)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from numerics.sub_ngrams.network import Network


def norms_in_A(network: Network, x: Tensor, P: Tensor) -> Tensor:
    """The norm of dl/dA for each sequence, B, of a factorised network with soft heads and any parameters.

    x  B x T sequences;  P  B x S, the law of the next token given each.

    By SN1, dl/dz_j = a_j (rho - P(x_j)/p(x_j)), so dl/dX_j = dl/dz_j K Q^T X_T, and for the last position the query's
    share besides. A head's row is a softmax w of its logits: dl/dA_ti = w_ti (f_i - sum w f), f_i the slope in what it
    reads at i.
    """
    assert network.A is not None, "hard heads have no A"
    assert network.Q is not None, "factorised"
    assert network.K is not None, "factorised"
    S, T = network.S, x.shape[1]
    with torch.no_grad():
        tokens = one_hot(x, S).to(P.dtype)
        X, a = network.stream(x), torch.softmax(network.logits(x), 1)
        p = torch.einsum("bj,bjs->bs", a, tokens)
        rho = (P * (p > 0)).sum(1, keepdim=True)
        g = a * (rho - (P / p).gather(1, x))
        W = network.Q @ network.K.T
        slope = g[:, :, None] * (X[:, -1] @ W)[:, None]
        slope[:, -1] += torch.einsum("bj,bjd->bd", g, X) @ W.T
        future = torch.ones(T, T, dtype=torch.bool, device=x.device).triu(1)
        squares = torch.zeros(len(x), dtype=P.dtype, device=x.device)
        for h in range(1, network.H + 1):
            seen = slope[:, :, h * S : (h + 1) * S] @ network.V[h - 1].T  # B x T x S
            w = torch.softmax(network.A[h - 1].masked_fill(future, -math.inf), 1)
            f = torch.einsum("bts,bis->bti", seen, tokens)
            squares += (w * (f - (w * f).sum(2, keepdim=True))).square().sum((1, 2))
        return squares.sqrt()
