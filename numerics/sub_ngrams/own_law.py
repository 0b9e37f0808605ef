"""Sequences of any law for modules that predict at some positions: all of them with their weights, or drawn ones."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from numerics.sub_ngrams.draws import DRAW, draw
from numerics.sub_ngrams.own_module import Positions
from numerics.sub_ngrams.sequences import JOINT, Batch, joint, predictive
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.laws import Law, StationaryStarts, components, require_consistent

LANES = 2**20  # tokens, and numbers in urns, that are drawn side by side

AnyLaw = NGramLaw | Law


def shortest(law: AnyLaw) -> int:
    """The fewest tokens after which what comes next is predicted: n-1, or 1."""
    return max(1, law.n - 1)


def fits(law: AnyLaw, T: int, most: int) -> bool:
    """Whether the law has at most so many sequences of this length, and tells their probabilities."""
    known = all(type(part) is not StationaryStarts for _, part in components(law))
    return known and T * (law.S.bit_length() - 1) <= most.bit_length() and most >= law.S**T


def numbered(law: AnyLaw, T: int, first: int, last: int, positions: Positions, device: torch.device) -> Batch:
    """The sequences first, ..., last-1 of all S^T in lexicographic order, weighted by their probability.

    P is B x S, or with positions "all" B x R x S: after the first `shortest`, ..., T tokens. Those that never come are
    left out. ValueError for a law of one's own whose predictive is not the one that its probabilities give.
    """
    place = torch.tensor([law.S**t for t in reversed(range(T))], device=device)
    x = torch.arange(first, last, device=device)[:, None] // place % law.S
    if _known(law):
        weight, P = joint(law, x)
        possible = weight > 0
        x = x[possible]
        P = P[possible] if positions == "last" else _predictives(law, x, positions)
        return Batch(x, P, weight[possible])
    words = [tuple(word) for word in x.tolist()]
    exact = [law.probability(word) for word in words]
    for word, p in zip(words, exact, strict=True):
        if p:
            require_consistent(law, word, p, law.predictive(word))
    weight = torch.tensor([float(p) for p in exact], dtype=torch.float64, device=device)
    x = x[weight > 0]
    return Batch(x, _predictives(law, x, positions), weight[weight > 0])


def drawn(law: AnyLaw, T: int, count: int, positions: Positions, generator: torch.Generator) -> Iterator[Batch]:
    """So many drawn sequences, some at a time, of weight 1 each, and P as in `numbered`, or with the same mean."""
    lanes = max(1, LANES // max(T, law.S ** min(law.n, 12)))
    for first in range(0, count, lanes):
        x, P = _drawn(law, T, min(lanes, count - first), generator)
        if positions == "all":
            P = _predictives(law, x, positions)
        yield Batch(x, P, torch.ones_like(x[:, 0], dtype=torch.float64))


def can_be_drawn(law: AnyLaw) -> bool:
    """Whether all parts of it are laws that are known, or say how to draw from them."""
    return all(type(part) in DRAW or callable(getattr(part, "sample", None)) for _, part in components(law))


def chosen(law: AnyLaw, x: Tensor, positions: Positions) -> Batch:
    """These sequences, without those that the law never yields, of weight 1 each."""
    if type(law) is not NGramLaw and not isinstance(law, StationaryStarts):
        x = x[torch.tensor([law.probability(word) > 0 for word in x.tolist()], dtype=torch.bool, device=x.device)]
    return Batch(x, _predictives(law, x, positions), torch.ones_like(x[:, 0], dtype=torch.float64))


def _known(law: AnyLaw) -> bool:
    """Whether all parts of it are laws that are computed in tensors."""
    return all(type(part) in JOINT for _, part in components(law))


def _drawn(law: AnyLaw, T: int, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """From a mixture: how many come from each part is drawn first."""
    parts = list(components(law))
    if len(parts) == 1:
        return draw(law, T, count, generator)
    weights = torch.tensor([float(weight) for weight, _ in parts], dtype=torch.float64, device=generator.device)
    which = torch.multinomial(weights, count, replacement=True, generator=generator)
    counts = which.bincount(minlength=len(parts)).tolist()
    found = [draw(part, T, n, generator) for n, (_, part) in zip(counts, parts, strict=True) if n]
    return torch.cat([x for x, _ in found]), torch.cat([P for _, P in found])


def _predictives(law: AnyLaw, x: Tensor, positions: Positions) -> Tensor:
    if isinstance(law, StationaryStarts):
        if positions == "all":
            raise ValueError("stationary starts of a random kernel: what comes after the first tokens is not known")
        return _predictives(law.prior, x, positions)  # for lengths of gradients, where any P will do
    lengths = [x.shape[1]] if positions == "last" else range(shortest(law), x.shape[1] + 1)
    if type(law) is NGramLaw:
        P = torch.stack([predictive(law, x[:, :t]) for t in lengths], 1)
    elif _known(law):
        P = torch.stack([joint(law, x[:, :t])[1] for t in lengths], 1)
    else:
        rows = [[[float(p) for p in law.predictive(word[:t])] for t in lengths] for word in x.tolist()]
        P = torch.tensor(rows, dtype=torch.float64, device=x.device).view(len(x), len(lengths), law.S)
    return P[:, 0] if positions == "last" else P
