"""Sequences drawn from any law, and the law of the next token of each (sub-n-grams/laws)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from numerics.sub_ngrams.sampling import dirichlet, draw_kernels, polya_urn, walk
from numerics.sub_ngrams.sequences import table, words
from proofs.sub_ngrams.infinite_length import stationary_weights
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.laws import DirichletLaw, FixedKernel, Law, StationaryStarts

Drawn = tuple[Tensor, Tensor]


def draw(law: NGramLaw | Law, T: int, count: int, generator: torch.Generator) -> Drawn:
    """So many sequences (count x T, int64) of length T >= n, and the law of each one's next token (count x S, float64).

    That is the predictive given the sequence or, where a kernel was drawn for it, that kernel's row: the mean of what
    is linear in it is the same. ValueError for a mixture (draw from its parts), and for a law of one's own without a
    method `sample`, or whose samples have another shape or are no probabilities.
    """
    return DRAW.get(type(law), _sample)(law, T, count, generator)


def _polya_urns(law: NGramLaw, T: int, count: int, generator: torch.Generator) -> Drawn:
    return polya_urn(law, T, count, generator)


def _fixed_kernel(law: FixedKernel, T: int, count: int, generator: torch.Generator) -> Drawn:
    kernel, start = table(law.kernel, generator.device), table(law.start, generator.device)
    return _chains(kernel.expand(count, -1, -1).contiguous(), start.expand(count, -1), law, T, generator)


def _dirichlet_law(law: DirichletLaw, T: int, count: int, generator: torch.Generator) -> Drawn:
    urns, start = table(law.alpha, generator.device), table(law.start, generator.device)
    return _chains(urns.repeat(count, 1, 1), start.expand(count, -1), law, T, generator, reinforce=True)


def _stationary_starts(law: StationaryStarts, T: int, count: int, generator: torch.Generator) -> Drawn:
    if isinstance(law.prior, NGramLaw):
        kernels = draw_kernels(law.prior, count, generator)
    else:
        kernels = dirichlet(table(law.prior.alpha, generator.device).repeat(count, 1, 1), generator)
    return _chains(kernels, stationary(kernels), law, T, generator)


def _sample(law: Any, T: int, count: int, generator: torch.Generator) -> Drawn:
    """Of a law of one's own, by its method, whose results are looked at."""
    name = type(law).__name__
    if not callable(getattr(law, "sample", None)):
        raise ValueError(f"{name} has no method sample(count, T, generator) to draw sequences with")
    x, P = law.sample(count, T, generator)
    if x.shape != (count, T) or x.dtype != torch.int64 or not bool(((x >= 0) & (x < law.S)).all()):
        raise ValueError(f"sample of {name}: sequences must be int64 tokens from 0 to S-1 in a tensor {count} x {T}")
    if P.shape != (count, law.S) or P.dtype != torch.float64 or not bool(((P.sum(1) - 1).abs() <= 1e-9).all()):
        raise ValueError(f"sample of {name}: predictives must be float64 with sum 1 in a tensor {count} x {law.S}")
    return x, P


DRAW: Mapping[type, Callable[[Any, int, int, torch.Generator], Drawn]] = {  # by the type itself: a subclass may differ
    NGramLaw: _polya_urns,
    FixedKernel: _fixed_kernel,
    DirichletLaw: _dirichlet_law,
    StationaryStarts: _stationary_starts,
}


def stationary(kernels: Tensor) -> Tensor:
    """The stationary law of the contexts of each kernel (batch x S^(n-1) x S, positive entries): batch x S^(n-1)."""
    rows = [[kernels[:, u, s] for s in range(kernels.shape[2])] for u in range(kernels.shape[1])]
    weights = [torch.as_tensor(w, dtype=torch.float64).expand(len(kernels)) for w in stationary_weights(rows).values()]
    found = torch.stack(weights, 1)
    found = found / found.sum(1, keepdim=True)
    if not bool(found.isfinite().all()):
        raise ArithmeticError("a kernel drawn from the prior has entries below the floats: take a larger alpha")
    return found


def _chains(
    rows: Tensor, start: Tensor, law: Any, T: int, generator: torch.Generator, *, reinforce: bool = False
) -> Drawn:
    """Sequences whose first context is drawn from `start` (batch x contexts), and their tokens from `rows`."""
    n, S = law.n, law.S
    if n > T:
        raise ValueError(f"T={T}: sequences have at least n={n} tokens")
    u = torch.multinomial(start, 1, generator=generator)[:, 0]
    first = [u[None] // S**i % S for i in reversed(range(n - 1))]
    x = torch.cat([*first, *walk(rows, u, T - n + 1, generator, torch.int64, reinforce=reinforce)]).T
    last = rows[torch.arange(len(x), device=x.device), words(x[:, T + 1 - n :], n - 1, S)[:, 0]]
    return x, last / last.sum(1, keepdim=True)
