"""How far a network is from a k-gram configuration, up to the symmetries that leave its function alone (claim SN15).

The attention logit of position j is a bilinear form in all tokens of the sequence: the token at position i, seen by the
query through head a, meets the token at position i', seen by the key at j through head b, with score

    sum_{a,b} alpha_a(T, i) alpha_b(j, i') B_ab[x_i, x_i'],      B_ab = V_a Q_a K_b^T V_b^T,

where alpha_h are the attention maps (alpha_0 = 1, V_0 = I). This form does not change when heads are permuted, when
V^(h) -> V^(h) G, Q_h -> G^-1 Q_h, K_h -> G^-1 K_h (value gauge), or Q -> Q R, K -> K R^-T (Q/K gauge). Nor does the
network's
function when a row of B_ab gains a constant: all logits gain it. So rows are centred. What is left is compared.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from numerics.sub_ngrams.network import Network


@dataclass(frozen=True)
class ScoreForm:
    """The form above, in its factors.

    attention  (H+1) x T x T: alpha_0 = identity, then the heads' maps
    blocks     (H+1) x (H+1) x S x S: B_ab, rows centred
    """

    attention: Tensor
    blocks: Tensor

    def inner(self, other: ScoreForm) -> float:
        """The mean over positions j of the sum over all pairs (i, i') of the products of the scores.

        Over positions that have all lags: before them, soft heads cannot do what hard heads do (output 0).
        """
        H = len(self.attention) - 1
        queries = torch.einsum("ai,ci->ac", self.attention[:, -1], other.attention[:, -1])
        own, others = self.attention[:, H:], other.attention[:, H:]
        keys = torch.einsum("bji,dji->bd", own, others) / own.shape[1]
        tokens = torch.einsum("abvw,cdvw->abcd", self.blocks, other.blocks)
        return float(torch.einsum("ac,bd,abcd->", queries, keys, tokens))

    @property
    def norm(self) -> float:
        return math.sqrt(max(self.inner(self), 0.0))


@dataclass(frozen=True)
class Distance:
    """From a network to the nearest k-gram configuration theta_k(c), the scale c >= 0 being free.

    absolute  norm of the difference of the score forms (root mean square over positions)
    relative  the same, divided by the norm of the network's own score form: 0 at a configuration, 1 far away
    c         the scale of the nearest configuration
    """

    k: int
    absolute: float
    relative: float
    c: float


def attention_maps(network: Network) -> Tensor:
    """What each head of the first layer attends to: H x T x T, rows are positions t."""
    assert network.A is not None
    T = network.A.shape[1]
    future = torch.ones(T, T, dtype=torch.bool, device=network.A.device).triu(1)
    return torch.softmax(network.A.detach().masked_fill(future, -math.inf), 2)


def score_form(network: Network) -> ScoreForm:
    """The score form of a network with positional logits and factorised second layer."""
    assert network.Q is not None
    assert network.K is not None
    n, S = network.H + 1, network.S
    eye = torch.eye(S, dtype=network.V.dtype, device=network.V.device)
    V = torch.cat([eye[None], network.V.detach()])
    Q = V @ network.Q.detach().view(n, S, -1)
    K = V @ network.K.detach().view(n, S, -1)
    maps = attention_maps(network)
    positions = torch.eye(maps.shape[1], dtype=maps.dtype, device=maps.device)
    return ScoreForm(torch.cat([positions[None], maps]), _centred(torch.einsum("avd,bwd->abvw", Q, K)))


def k_gram_form(k: int, n: int, S: int, T: int, like: Tensor) -> ScoreForm:
    """The score form of the k-gram configuration at c = 1, with hard heads: head h reads position t-h."""
    attention = torch.stack([torch.eye(T, dtype=like.dtype, device=like.device)] * n)
    for h in range(1, n):
        attention[h] = torch.diag(torch.ones(T - h, dtype=like.dtype, device=like.device), -h)
    blocks = like.new_zeros(n, n, S, S)
    for lag in range(1, k):
        blocks[lag - 1, lag] = torch.eye(S)
    return ScoreForm(attention, _centred(blocks))


def distances(network: Network) -> list[Distance]:
    """The distances to the k-gram configurations, k = 1..n; for k = 1 (Q = K = 0) it is the norm itself."""
    form = score_form(network)
    n, S, T, norm = network.H + 1, network.S, form.attention.shape[1], form.norm
    found = [Distance(1, norm, 1.0 if norm else 0.0, 0.0)]
    for k in range(2, n + 1):
        target = k_gram_form(k, n, S, T, form.blocks)
        size = target.norm
        c = max(form.inner(target), 0.0) / size**2
        rest = math.sqrt(max(norm**2 - (c * size) ** 2, 0.0))
        found.append(Distance(k, rest, rest / norm if norm else 0.0, c))
    return found


def nearest(found: Sequence[Distance]) -> Distance:
    """The nearest of them; of equally near ones (a network without scores) the smallest k."""
    return min(found, key=lambda distance: distance.absolute)


def _centred(blocks: Tensor) -> Tensor:
    return blocks - blocks.mean(-1, keepdim=True)
