"""All sequences of a length, and their probability and predictive, as tensors (sub-n-grams/law-and-network).

A batch of B sequences of length T is an int64 tensor B x T. The exact twins are the methods `probability` and
`predictive` of the laws; those of a law of one's own are called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from proofs.sub_ngrams.law import NGramLaw, float_alpha, require_integer
from proofs.sub_ngrams.laws import DirichletLaw, FixedKernel, Law, Mixture, components, every_sequence

MAX_SEQUENCES = 2**24  # a minute or so; above, another engine is the right one
MAX_OWN = 2**18  # of a law of one's own, whose functions are called for each
UNIT_ROUNDOFF = 2.0**-53


class Batch(NamedTuple):
    """Sequences x (B x T), the predictive P (B x S) of their next token, and their weights (B) in an expectation."""

    x: Tensor
    P: Tensor
    weight: Tensor


def enumerate_sequences(law: NGramLaw | Law, T: int, *, batch: int, device: torch.device) -> Iterator[Batch]:
    """All S^T sequences in lexicographic order, weighted by their annealed probability.

    Raises ValueError when T < n, when there are more than MAX_SEQUENCES of them (MAX_OWN of a law of one's own), and
    for a batch below 1.
    """
    require_integer("batch", batch, at_least=1)
    require_integer("T", T, at_least=1)
    if law.n > T:
        raise ValueError(f"T={T}: sequences have at least n={law.n} tokens")
    known = all(type(part) in JOINT for _, part in components(law))
    most = MAX_SEQUENCES if known else MAX_OWN
    long = T * law.S.bit_length() > 128  # then S^T, far too many, is not computed
    if long or most < law.S**T:
        count = "" if long else f" = {law.S**T}"
        raise ValueError(f"S^T = {law.S}^{T}{count} sequences: at most {most} can be enumerated")
    return _enumerated(law, T, batch, device) if known else _one_by_one(law, T, batch, device)


def _enumerated(law: NGramLaw | Law, T: int, batch: int, device: torch.device) -> Iterator[Batch]:
    place = torch.tensor([law.S**t for t in reversed(range(T))], device=device)
    for first in range(0, law.S**T, batch):
        index = torch.arange(first, min(first + batch, law.S**T), device=device)
        x = index[:, None] // place % law.S
        weight, P = joint(law, x)
        yield Batch(x, P, weight)


def _one_by_one(law: NGramLaw | Law, T: int, batch: int, device: torch.device) -> Iterator[Batch]:
    every = every_sequence(law, T)
    while part := list(islice(every, batch)):
        x, weight, P = zip(*part, strict=True)
        yield Batch(torch.tensor(x, device=device), table(P, device), table(weight, device))


def joint(law: NGramLaw | Law, x: Tensor) -> tuple[Tensor, Tensor]:
    """The probability of each of B sequences (B, float64) and its predictive (B x S, float64); memory B x T^2.

    ValueError for a law of one's own. Where the probability is 0, the predictive is some law of the next token.
    """
    if type(law) not in JOINT:
        raise ValueError(f"the law is a {type(law).__name__}: must be one of {', '.join(t.__name__ for t in JOINT)}")
    return JOINT[type(law)](law, x)


def _of_ngram_law(law: NGramLaw, x: Tensor) -> tuple[Tensor, Tensor]:
    return probability(law, x), predictive(law, x)


def _of_fixed_kernel(law: FixedKernel, x: Tensor) -> tuple[Tensor, Tensor]:
    kernel, start = table(law.kernel, x.device), table(law.start, x.device)
    u = words(x, law.n - 1, law.S)
    return start[u[:, 0]] * kernel[u[:, :-1], x[:, law.n - 1 :]].prod(1), kernel[u[:, -1]]


def _of_dirichlet_law(law: DirichletLaw, x: Tensor) -> tuple[Tensor, Tensor]:
    alpha, start = table(law.alpha, x.device), table(law.start, x.device)
    u, tokens = words(x, law.n - 1, law.S), x[:, law.n - 1 :]
    before = u[:, :-1]
    visits, follows = _earlier(before, tokens)
    urns = (alpha[before, tokens] + follows) / (alpha.sum(1)[before] + visits)
    drawn = alpha[u[:, -1]] + (one_hot(tokens, law.S) * (before == u[:, -1:])[:, :, None]).sum(1)
    return start[u[:, 0]] * urns.prod(1), drawn / drawn.sum(1, keepdim=True)


def _of_mixture(law: Mixture, x: Tensor) -> tuple[Tensor, Tensor]:
    parts = [(float(weight), *joint(part, x)) for weight, part in law.parts]
    probability = sum((weight * p for weight, p, _ in parts), torch.zeros_like(parts[0][1]))
    with_next = sum((weight * p[:, None] * P for weight, p, P in parts), torch.zeros_like(parts[0][2]))
    return probability, torch.where(probability[:, None] > 0, with_next / probability[:, None], 1 / law.S)


JOINT: Mapping[
    type, Callable[[Any, Tensor], tuple[Tensor, Tensor]]
] = {  # by the type itself: a subclass may be another law
    NGramLaw: _of_ngram_law,
    FixedKernel: _of_fixed_kernel,
    DirichletLaw: _of_dirichlet_law,
    Mixture: _of_mixture,
}


def table(rows: Any, device: torch.device) -> Tensor:
    """Fractions, in rows or a single one, as float64."""
    values = [[float(x) for x in row] if isinstance(row, tuple) else float(row) for row in rows]
    return torch.tensor(values, dtype=torch.float64, device=device)


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


def law_error(T: int, law: NGramLaw | Law | None = None) -> float:
    """Bound on the relative error of probability * P(s), by default of `NGramLaw`.

    T urn factors and P, of 7 roundings each, and the start; a row of S parameters is summed, at a rounding each, and
    Fractions become floats. In a mixture, the parts are added, for the probability and for P.
    """
    if law is None or type(law) is NGramLaw:
        return UNIT_ROUNDOFF * (7 * T + 10)
    if type(law) is Mixture:
        parts = len(law.parts)
        return 3 * (max(law_error(T, part) for _, part in law.parts) + UNIT_ROUNDOFF * (parts + 4))
    return UNIT_ROUNDOFF * ((8 + law.S) * T + 10 + law.S)


def words(x: Tensor, length: int, S: int) -> Tensor:
    """All words of `length` consecutive tokens, oldest token first, each as a number in base S: B x (T+1-length)."""
    B, T = x.shape
    code = x.new_zeros(B, T + 1 - length)
    for i in range(length):
        code = code * S + x[:, i : T + 1 - length + i]
    return code


def _earlier(contexts: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """How often the context of every position has stood before, and how often with its token (B x t, float64)."""
    same = (contexts[:, :, None] == contexts[:, None, :]).tril(-1)
    return same.sum(2).double(), (same & (tokens[:, :, None] == tokens[:, None, :])).sum(2).double()


def _polya(law: NGramLaw, contexts: Tensor, tokens: Tensor) -> Tensor:
    """Probability that Pólya urns, one per context, yield these tokens (B x t, both): the product over t."""
    visits, follows = _earlier(contexts, tokens)
    alpha = float_alpha(law)
    return ((alpha + follows) / (law.S * alpha + visits)).prod(1)
