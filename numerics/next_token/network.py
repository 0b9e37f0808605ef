"""The transformer itself, by autograd, for any embeddings: the obvious twin of the closed-form gradients."""

from __future__ import annotations

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
