"""Score blocks at T = infinity, c = infinity, averaged over the Dirichlet prior (claim SN9).

The quenched blocks are the ones of `limit_blocks`, the same code that the symbolic claims use, on arrays of kernels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from proofs.sub_ngrams.infinite_length import limit_blocks
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.prior import prior_mean


@dataclass(frozen=True)
class AnnealedBlock:
    """block[v][v'] and a bound or estimate of the error of every entry; method, level, points as in `PriorMean`."""

    block: tuple[tuple[float, ...], ...]
    errors: tuple[tuple[float, ...], ...]
    method: str
    level: float | None
    points: int


def annealed_block(
    law: NGramLaw,
    lags: tuple[int, ...],
    a: int,
    b: int,
    *,
    points: int = 3_200_000,
    scramblings: int = 16,
    level: float = 0.99,
    seed: int = 0,
) -> AnnealedBlock:
    """The mean of M_ab over the prior, at T = infinity, c = infinity, where the first tokens play no part."""

    def entries(kernel: Sequence[Sequence[Any]]) -> list[Any]:
        return [entry for row in limit_blocks(kernel, lags, None, [(a, b)])[a, b] for entry in row]

    mean = prior_mean(law, entries, points=points, scramblings=scramblings, level=level, seed=seed)
    return AnnealedBlock(_square(mean.values, law.S), _square(mean.errors, law.S), mean.method, mean.level, mean.points)


def _square(values: tuple[float, ...], S: int) -> tuple[tuple[float, ...], ...]:
    return tuple(values[v * S : (v + 1) * S] for v in range(S))
