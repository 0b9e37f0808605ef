"""All sequences of a length, and their annealed probability and predictive, as tensors (sub-n-grams/law-and-network).

A batch of B sequences of length T is an int64 tensor B x T. The exact twins are `NGramLaw.probability` and
`NGramLaw.predictive`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from proofs.sub_ngrams.law import NGramLaw, float_alpha, require_integer, require_ngram_law

MAX_SEQUENCES = 2**24  # a minute or so; above, another engine is the right one
UNIT_ROUNDOFF = 2.0**-53


class Batch(NamedTuple):
    """Sequences x (B x T), the predictive P (B x S) of their next token, and their weights (B) in an expectation."""

    x: Tensor
    P: Tensor
    weight: Tensor


def enumerate_sequences(law: NGramLaw, T: int, *, batch: int, device: torch.device) -> Iterator[Batch]:
    """All S^T sequences in lexicographic order, weighted by their annealed probability.

    Raises ValueError when T < n, when there are more than MAX_SEQUENCES of them, for a batch below 1, and for another
    law than NGramLaw.
    """
    require_ngram_law(law)
    require_integer("batch", batch, at_least=1)
    require_integer("T", T, at_least=1)
    if law.n > T:
        raise ValueError(f"T={T}: sequences have at least n={law.n} tokens")
    long = T * law.S.bit_length() > 128  # then S^T, far too many, is not computed
    if long or law.S**T > MAX_SEQUENCES:
        count = "" if long else f" = {law.S**T}"
        raise ValueError(f"S^T = {law.S}^{T}{count} sequences: at most {MAX_SEQUENCES} can be enumerated")
    return _enumerated(law, T, batch, device)


def _enumerated(law: NGramLaw, T: int, batch: int, device: torch.device) -> Iterator[Batch]:
    place = torch.tensor([law.S**t for t in reversed(range(T))], device=device)
    for first in range(0, law.S**T, batch):
        index = torch.arange(first, min(first + batch, law.S**T), device=device)
        x = index[:, None] // place % law.S
        yield Batch(x, predictive(law, x), probability(law, x))


def probability(law: NGramLaw, x: Tensor) -> Tensor:
    """Annealed probability of each of B sequences, of length T >= n-1: float64 (B). Memory B x T^2."""
    S, n = law.S, law.n
    start = x[:, : n - 1]
    p = _polya(law, torch.zeros_like(start), start) if law.initial == "dirichlet" else float(S) ** (1 - n)
    return p * _polya(law, words(x, n - 1, S)[:, :-1], x[:, n - 1 :])


def predictive(law: NGramLaw, x: Tensor) -> Tensor:
    """P(s) = E[tau(s | u) | x], u the last n-1 tokens, for each of B sequences: float64 (B x S)."""
    S, n, alpha = law.S, law.n, float_alpha(law)
    contexts = words(x, n - 1, S)
    again = contexts[:, :-1] == contexts[:, -1:]  # where the final context has stood before
    followers = (one_hot(x[:, n - 1 :], S) * again[:, :, None]).sum(1).double()
    return (alpha + followers) / (S * alpha + followers.sum(1, keepdim=True))


def law_error(T: int) -> float:
    """Bound on the relative error of probability * P(s): T urn factors and P, of 7 roundings each, and the start."""
    return UNIT_ROUNDOFF * (7 * T + 10)


def words(x: Tensor, length: int, S: int) -> Tensor:
    """All words of `length` consecutive tokens, oldest token first, each as a number in base S: B x (T+1-length)."""
    B, T = x.shape
    code = x.new_zeros(B, T + 1 - length)
    for i in range(length):
        code = code * S + x[:, i : T + 1 - length + i]
    return code


def _polya(law: NGramLaw, contexts: Tensor, tokens: Tensor) -> Tensor:
    """Probability that Pólya urns, one per context, yield these tokens (B x t, both): the product over t."""
    same = (contexts[:, :, None] == contexts[:, None, :]).tril(-1)
    visits = same.sum(2).double()
    follows = (same & (tokens[:, :, None] == tokens[:, None, :])).sum(2).double()
    alpha = float_alpha(law)
    return ((alpha + follows) / (law.S * alpha + visits)).prod(1)
