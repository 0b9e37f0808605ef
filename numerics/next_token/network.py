"""The transformer itself, by autograd, for any embeddings: the obvious twin of the closed-form gradients."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from proofs.next_token.dataset import Dataset, Sentence


def next_token_probabilities(sentence: Sentence, W_ov: Tensor, W_kq: Tensor, embeddings: Tensor) -> Tensor:
    """softmax(W_ov X softmax(X^T W_kq x_L)), [V].

    embeddings [V, d] has the token's vectors as rows, W_ov is [V, d] and W_kq [d, d].
    """
    X = embeddings[list(sentence.tokens)].T
    attention = (X.T @ W_kq @ X[:, -1]).softmax(0)
    return (W_ov @ X @ attention).softmax(0)


def loss(dataset: Dataset, W_ov: Tensor, W_kq: Tensor, embeddings: Tensor) -> Tensor:
    """The main loss: -sum pi(X) log p(n(X)) over the longer sentences."""
    return torch.stack(
        [
            -float(sentence.weight) * next_token_probabilities(sentence, W_ov, W_kq, embeddings)[sentence.next].log()
            for sentence in dataset.longer
        ]
    ).sum()


def feed_forward_loss(dataset: Dataset, W_ov: Tensor, embeddings: Tensor) -> Tensor:
    """The loss of the first stage: -sum pi log softmax(W_ov x)_n(x) over the collocations."""
    return torch.stack(
        [
            -float(weight) * (W_ov @ embeddings[x]).log_softmax(0)[dataset.n[x]]
            for x, weight in dataset.collocation_weights.items()
        ]
    ).sum()


def joint_loss(dataset: Dataset, W_ov: Tensor, W_kq: Tensor, embeddings: Tensor) -> Tensor:
    """The loss of all sentences, collocations included."""
    return loss(dataset, W_ov, W_kq, embeddings) + feed_forward_loss(dataset, W_ov, embeddings)


def descend_jointly(dataset: Dataset, eta: float, times: Iterable[int]) -> dict[int, tuple[float, float, float]]:
    """|W_ov|, |W_kq| and log of the loss at the given times, in order, under normalised descent of both from 0."""
    one = torch.eye(dataset.V, dtype=torch.float64)
    layers = [torch.zeros_like(one), torch.zeros_like(one)]
    wanted, found = sorted(times), {}
    for t in range(wanted[-1] + 1):
        layers = [W.detach().requires_grad_() for W in layers]
        value = joint_loss(dataset, layers[0], layers[1], one)
        gradients = torch.autograd.grad(value, layers)
        length = torch.stack([g.norm() for g in gradients]).norm()
        if t in wanted:
            found[t] = (float(layers[0].detach().norm()), float(layers[1].detach().norm()), float(value.detach().log()))
        layers = [W - eta * g / length for W, g in zip(layers, gradients, strict=True)]
    return found
