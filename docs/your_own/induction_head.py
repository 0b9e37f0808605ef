"""A GPT-like network of two attention layers with softmax output, set by hand to be an induction head."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

S = 2


class Attention(nn.Module):
    """One causal head."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(d, d, bias=False) for _ in range(3))
        self.scale = math.sqrt(d)

    def forward(self, h: Tensor) -> Tensor:
        q, k, v = (layer(h)[:, None] for layer in (self.query, self.key, self.value))
        return scaled_dot_product_attention(q * self.scale, k, v, is_causal=True)[:, 0]


class GPT(nn.Module):
    """Tokens (B x T) to logits (B x T x S). The stream holds token, position, the token before, and the answer."""

    def __init__(self, T: int) -> None:
        super().__init__()
        d = 3 * S + T
        self.token, self.position = nn.Embedding(S, d), nn.Embedding(T, d)
        self.first, self.second = Attention(d), Attention(d)
        self.output = nn.Linear(d, S, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        h = self.token(x) + self.position.weight[: x.shape[1]]
        h = h + self.first(h)
        h = h + self.second(h)
        return self.output(h)


@torch.no_grad()
def build(T: int, scale: float = 4.0) -> GPT:
    """Layer 1 copies the token before into its slot, layer 2 attends to where that is the current token and copies what
    stands there, the output multiplies the frequencies that it finds by `scale`."""
    network = GPT(T)
    for parameter in network.parameters():
        parameter.zero_()
    token, position, before, answer = (
        slice(a, b) for a, b in ((0, S), (S, S + T), (S + T, 2 * S + T), (2 * S + T, None))
    )
    eye, strong = torch.eye(S), math.sqrt(2 * math.log(T))
    network.token.weight[:, token] = eye
    network.position.weight[:, position] = torch.eye(T)
    network.first.query.weight[position, position] = strong * torch.eye(T)
    network.first.key.weight[position, position] = strong * torch.eye(T).roll(1, 0)  # asked for by the position after
    network.first.value.weight[before, token] = eye
    network.second.query.weight[before, token] = strong * eye
    network.second.key.weight[before, before] = strong * eye
    network.second.value.weight[answer, token] = eye
    network.output.weight[:, answer] = scale * eye
    return network


def build_calm(T: int) -> GPT:
    """The same with frequencies multiplied by 2."""
    return build(T, 2.0)


def directions(T: int) -> dict[str, dict[str, Tensor]]:
    """The output's scale; and a path from the current token straight to its own probability."""
    network = build(T)
    straight = torch.zeros_like(network.token.weight)
    straight[:, 2 * S + T :] = torch.eye(S)
    return {"scale": {"output.weight": network.output.weight.detach()}, "repetition": {"token.weight": straight}}
