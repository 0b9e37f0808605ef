"""The tokens are alike: what relabelling them leaves of the score blocks.

The law does not change when the tokens are permuted, so that a block of the population gradient has one value on its
diagonal ("same" token) and one off it ("different"), and of the final n-grams that are relabellings of each other one
stands for all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product

import torch
from torch import Tensor

from proofs.sub_ngrams.configuration import Configuration, Row
from proofs.sub_ngrams.counting import by_matched_context
from proofs.sub_ngrams.law import NGramLaw, Word
from proofs.sub_ngrams.score_blocks import ScoreBlocks

Ends = dict[Word, int]  # final n-grams, and how many each stands for


def all_ends(law: NGramLaw) -> Ends:
    return dict.fromkeys(product(range(law.S), repeat=law.n), 1)


def representatives(law: NGramLaw, configuration: Configuration) -> Ends:
    """All final n-grams with one matched context of each kind: its tokens first occur in the order 0, 1, 2, ...

    Engines work through one matched context after the other, and have all its final n-grams for the price of one.
    """
    ends: Ends = {}
    for matched, group in by_matched_context(configuration, list(all_ends(law))):
        tokens = list(dict.fromkeys(token for _, token in matched))
        if tokens == list(range(len(tokens))):
            ends |= dict.fromkeys(group, math.perm(law.S, len(tokens)))
    return ends


def same_and_different(by_end: Tensor, law: NGramLaw, ends: Ends) -> Tensor:
    """[batch, a, b, (same, different)]: the mean entry on and off the diagonal of blocks, from [batch, end, b, v']."""
    S = law.S
    counts = by_end.new_tensor(list(ends.values()))
    queries = torch.tensor(list(ends), device=by_end.device).flip(1)[..., None]  # x_{T-a}, by end and a
    is_same = (queries == torch.arange(S, device=by_end.device)) * counts[:, None, None]
    same = (by_end.transpose(1, 2).flatten(2) @ is_same.transpose(1, 2).flatten(0, 1)).mT
    total = (by_end.sum(-1).transpose(1, 2) @ counts)[:, None]
    return torch.stack([same / S, (total - same) / (S * (S - 1))], -1)


def score_blocks(
    value: Tensor,
    error: Tensor,
    law: NGramLaw,
    level: float | None,
    *,
    rows: Mapping[Row, Sequence[float]] | None = None,
    row_errors: Mapping[Row, Sequence[float]] | None = None,
) -> ScoreBlocks:
    """Score blocks from [a, b, (same, different)], and rows, which are the same whatever the names of the tokens."""
    diagonal = torch.eye(law.S, dtype=torch.int64)
    full = [x.cpu().flip(-1)[..., diagonal].tolist() for x in (value, error)]
    return ScoreBlocks.from_nested(full[0], full[1], level, rows=rows, row_errors=row_errors)
