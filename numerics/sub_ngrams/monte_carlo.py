"""Engine `monte_carlo`: drawn sequences, the closed form of each, confidence intervals. Any S, n, T."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from fractions import Fraction
from operator import mul
from typing import Any, Literal, get_args

import torch
from scipy.special import ndtri, stdtrit
from torch import Tensor
from torch.nn.functional import one_hot

from numerics.sub_ngrams.closed_form import (
    by_row,
    lag_sums,
    lag_sums_of_counts,
    query_tokens,
    row_slopes,
    row_slopes_of_counts,
    score_error,
)
from numerics.sub_ngrams.draws import draw
from numerics.sub_ngrams.sampling import predictive_of_counts, urn_counts
from numerics.sub_ngrams.sequences import UNIT_ROUNDOFF, law_error
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.laws import Law, Mixture, components
from proofs.sub_ngrams.score_blocks import Blocks, ScoreBlocks

Interval = Literal["student", "bernstein"]

PILOT = 2048  # sequences drawn to plan the run, which are not part of the answer; fewer where they are long:
PILOT_TOKENS = 2**25
MARGIN = 1.1  # more sequences than the pilot's variance asks for, as that is itself an estimate
MAX_SAMPLES = 10**9
MAX_LANES = {"cpu": 2**13, "cuda": 2**18}  # sequences drawn side by side: enough to hide the cost of a step
MAX_BYTES = {"cpu": 2**28, "cuda": 2**30}  # of urns held at once


def monte_carlo(
    law: NGramLaw | Law,
    configuration: Configuration,
    T: int,
    *,
    samples: int | None = None,
    tolerance: float | None = None,
    budget: float | None = None,
    seed: int = 0,
    level: float = 0.99,
    interval: Interval = "bernstein",
    device: torch.device | None = None,
) -> ScoreBlocks:
    """Score blocks with `errors` the half-widths of confidence intervals: each entry's holds with probability `level`.

    How many sequences: `samples`, or as many as a half-width of `tolerance` is likely to need, or as many as fit in
    `budget` seconds; the fewest, where several are given. The number is fixed beforehand, from a pilot of separate
    sequences, so that the intervals do not depend on it (by `budget` the answer depends on the machine's speed).

    interval  "bernstein", right for every number of sequences: the empirical Bernstein bound of Maurer and Pontil (COLT
              2009, theorem 4) on values of known range. "student", narrower, is right only as the number grows: where
              sequences that are rare carry the mean (small alpha, large q) a sample may hold none of them, and nothing
              in it tells

    `NGramLaw` does not change when tokens are relabelled, so a block has one value on its diagonal and one off it. Each
    sequence gives the average over all relabellings of its own blocks: unbiased, and of smaller variance. Under another
    law, each gives its own blocks. A mixture is drawn from its parts, each at a level such that all hold at once.
    """
    if samples is tolerance is budget is None:
        raise ValueError("one of samples, tolerance, budget says how many sequences to draw")
    if samples is not None and samples < 2:
        raise ValueError(f"samples={samples}: a variance needs at least 2")
    if not 0 < level < 1:
        raise ValueError(f"level={level}: between 0 and 1")
    if interval not in get_args(Interval):
        raise ValueError(f"interval={interval!r}: one of {', '.join(get_args(Interval))}")
    if type(law) is Mixture:
        parts = list(components(law))
        below = 1 - (1 - level) / len(parts)
        each = [
            monte_carlo(
                part,
                configuration,
                T,
                samples=samples and max(2, samples // len(parts)),
                tolerance=tolerance,
                budget=budget and budget / len(parts),
                seed=seed + i,
                level=below,
                interval=interval,
                device=device,
            )
            for i, (_, part) in enumerate(parts)
        ]
        return weighted([(weight, blocks) for (weight, _), blocks in zip(parts, each, strict=True)], level)
    generator = torch.Generator(device or torch.device("cpu")).manual_seed(seed)
    count, ranges = samples or MAX_SAMPLES, _ranges(law, configuration).to(generator.device)
    if tolerance is not None or budget is not None:
        start = time.perf_counter()
        size = min(PILOT, max(64, PILOT_TOKENS // T))
        pilot = sampled_moments(law, configuration, T, size, generator)
        seconds = time.perf_counter() - start
        if tolerance is not None:
            count = min(count, _needed(pilot, ranges, tolerance, level, interval))
        if budget is not None:
            count = min(count, max(2, int(size * (budget - seconds) / seconds)))
        if count == MAX_SAMPLES and samples is None:
            raise ValueError(f"tolerance={tolerance}: more than {MAX_SAMPLES} sequences; give samples or budget")
    moments = sampled_moments(law, configuration, T, count, generator)
    # rounding is far below any half-width, unless the variance is 0: values are at most 1, summed over the n-grams and
    # `count` at a time
    rounding = 2 * (score_error(configuration, law.S) + law_error(0) + UNIT_ROUNDOFF * (law.S**law.n + count))
    half = _half_widths(moments, ranges, level, interval) + rounding
    in_rows = sum(t for _, t in configuration.averaging_rows)
    (blocks, rows), (block_errors, row_errors) = (x.split([len(x) - in_rows, in_rows]) for x in (moments.mean, half))
    return ScoreBlocks.from_nested(
        _nested(blocks, law),
        _nested(block_errors, law),
        level,
        rows=by_row(rows.tolist(), configuration),
        row_errors=by_row(row_errors.tolist(), configuration),
    )


def symmetrised(x: Tensor, R: Tensor) -> Tensor:
    """Every sequence's M_ab averaged over all relabellings of the tokens, from its `lag_sums` R: B x 2 x n x n.

    Index 0: an entry of the diagonal, M_ab[v, v]; index 1: one off it. From M_ab = e_{x_{T-a}} R_b^T.
    """
    n, S = R.shape[1:]
    same = R.transpose(1, 2).gather(1, query_tokens(x, n)[:, :, None].expand(-1, -1, n))  # R_b[x_{T-a}], by a and b
    different = R.sum(2)[:, None] - same
    return torch.stack([same / S, different / (S * (S - 1))], 1)


class Moments:
    """Count, mean and sum of squared deviations, gathered batch by batch (Chan, Golub and LeVeque 1983)."""

    def __init__(self, count: int = 0, mean: Tensor | None = None, squares: Tensor | None = None) -> None:
        self.count = count
        self.mean = torch.zeros(()) if mean is None else mean
        self.squares = torch.zeros(()) if squares is None else squares

    def add(self, values: Tensor) -> None:
        """values: batch x anything, float64."""
        mean = values.mean(0)
        self.join(Moments(len(values), mean, (values - mean).square().sum(0)))

    def join(self, other: Moments) -> None:
        """Those of other values beside these."""
        if self.count == 0:
            self.count, self.mean, self.squares = other.count, other.mean, other.squares
            return
        total, gap = self.count + other.count, other.mean - self.mean
        self.mean = self.mean + gap * (other.count / total)
        self.squares = self.squares + other.squares + gap.square() * (self.count * other.count / total)
        self.count = total

    @property
    def variance(self) -> Tensor:
        """The unbiased sample variance."""
        return self.squares / (self.count - 1)


def own_blocks(x: Tensor, R: Tensor) -> Tensor:
    """Every sequence's M_ab = e_{x_{T-a}} R_b^T from its `lag_sums` R: B x n x n x S x S."""
    ends = one_hot(query_tokens(x, R.shape[1]), R.shape[2]).to(R)
    return ends[:, :, None, :, None] * R[:, None, :, None, :]


def sampled_moments(
    law: NGramLaw | Law, configuration: Configuration, T: int, count: int, generator: torch.Generator
) -> Moments:
    """Of `symmetrised`, flat, or of `own_blocks` under another law than `NGramLaw`, and then of the entries of the rows
    of A, for so many drawn sequences."""
    kind = generator.device.type
    if type(law) is not NGramLaw:
        return _moments_of_own_blocks(law, configuration, T, count, generator)
    lanes = max(1, min(MAX_LANES[kind], MAX_BYTES[kind] // (8 * law.S**law.n)))
    dtype = torch.uint8 if law.S <= 256 else torch.int32
    moments = Moments()
    for first in range(0, count, lanes):
        start, last, grams = urn_counts(law, T, min(lanes, count - first), generator, dtype)
        P = predictive_of_counts(law, last, grams)
        drawn = start, last, grams, P, configuration, law.n
        values = [symmetrised(last, lag_sums_of_counts(*drawn)).flatten(1)]
        if configuration.averaging_rows:  # which relabelling leaves as they are
            values.append(row_slopes_of_counts(*drawn))
        moments.add(torch.cat(values, 1))
    return moments


def _moments_of_own_blocks(
    law: NGramLaw | Law, configuration: Configuration, T: int, count: int, generator: torch.Generator
) -> Moments:
    kind, moments = generator.device.type, Moments()
    tokens = 8 * (T + law.S**law.n + law.n**2 * law.S**2)  # bytes of one sequence, of its urns and of its blocks
    lanes = max(1, min(MAX_LANES[kind], MAX_BYTES[kind] // tokens))
    for first in range(0, count, lanes):
        x, P = draw(law, T, min(lanes, count - first), generator)
        values = own_blocks(x, lag_sums(x, P, configuration, law.n)).flatten(1)
        moments.add(torch.cat([values, row_slopes(x, P, configuration, law.n)], 1))
    return moments


def weighted(parts: Sequence[tuple[Fraction, ScoreBlocks]], level: float | None) -> ScoreBlocks:
    """The mean of float gradients with these weights: that under a mixture. Errors hold where those of all parts do."""
    n = max(a for a, _ in parts[0][1].blocks) + 1
    weights = [float(weight) for weight, _ in parts]

    def mean(each: Sequence[Blocks], rounding: float = 0.0) -> dict[tuple[int, int], list[list[float]]]:
        return {
            key: [
                [math.fsum(map(mul, weights, entry)) + rounding for entry in zip(*rows, strict=True)]
                for rows in zip(*(blocks[key] for blocks in each), strict=True)
            ]
            for key in each[0]
        }

    def nested(blocks: dict[tuple[int, int], list[list[float]]]) -> list[list[list[list[float]]]]:
        return [[blocks[a, b] for b in range(n)] for a in range(n)]

    rounding = 4 * UNIT_ROUNDOFF
    return ScoreBlocks.from_nested(
        nested(mean([found.blocks for _, found in parts])),
        nested(mean([found.errors or {} for _, found in parts], rounding)),
        level,
        rows={key: row for key, (row,) in mean([found.rows for _, found in parts]).items()},
        row_errors={key: row for key, (row,) in mean([found.row_errors or {} for _, found in parts], rounding).items()},
    )


def _half_widths(moments: Moments, ranges: Tensor, level: float, interval: Interval) -> Tensor:
    """Half-widths for `count` independent values with these moments and ranges."""
    m, variance = moments.count, moments.variance
    if interval == "student":
        return float(stdtrit(m - 1, (1 + level) / 2)) * (variance / m).sqrt()
    return bernstein(moments, ranges, level)


def bernstein(moments: Moments, ranges: Tensor, level: float) -> Tensor:
    """Half-widths of intervals for the means of independent values of known ranges (Maurer and Pontil, COLT 2009,
    theorem 4, both sides)."""
    log = math.log(4 / (1 - level))
    m = moments.count
    return (2 * moments.variance * log / m).sqrt() + 7 * ranges * log / (3 * (m - 1))


def _ranges(law: NGramLaw | Law, configuration: Configuration) -> Tensor:
    """Ranges of the values of `sampled_moments`. g sums to 0, |g| to at most 2, so g over any positions, however they
    share it, is in [-1, 1]. In a row of t entries it is multiplied by at most (1 - 1/t)/t either way."""
    S, n = law.S, law.n
    alike = [2 / S] * n**2 + [2 / (S * (S - 1))] * n**2
    blocks = alike if type(law) is NGramLaw else [2.0] * (n * S) ** 2
    rows = [2 * (t - 1) / t**2 for _, t in configuration.averaging_rows for _ in range(t)]
    return torch.tensor(blocks + rows, dtype=torch.float64)


def _nested(flat: Tensor, law: NGramLaw | Law) -> list[Any]:
    """The values of blocks as nested lists [a][b][v][v']."""
    n, S = law.n, law.S
    if type(law) is NGramLaw:
        return _spread(flat.view(2, n, n), S)
    nested: list[Any] = flat.view(n, n, S, S).tolist()
    return nested


def _needed(pilot: Moments, ranges: Tensor, tolerance: float, level: float, interval: Interval) -> int:
    """The number of sequences for which all half-widths would be `tolerance`, were the variance the pilot's."""
    if not tolerance > 0:
        raise ValueError(f"tolerance={tolerance}: a positive number")
    variance = float(pilot.variance.max())
    if interval == "student":
        count = variance * (float(ndtri((1 + level) / 2)) / tolerance) ** 2
    else:  # h sqrt(count)^2 - b sqrt(count) - c = 0, with h the tolerance
        log = math.log(4 / (1 - level))
        b, c = math.sqrt(2 * variance * log), 7 * float(ranges.max()) * log / 3
        count = ((b + math.sqrt(b * b + 4 * tolerance * c)) / (2 * tolerance)) ** 2
    return min(MAX_SAMPLES, max(2, math.ceil(MARGIN * count)))


def _spread(pair: Tensor, S: int) -> list[list[list[list[float]]]]:
    """2 x n x n, diagonal and off it, to nested lists [a][b][v][v']."""
    eye = torch.eye(S, dtype=torch.bool, device=pair.device)
    spread: list[list[list[list[float]]]] = torch.where(
        eye, pair[0][:, :, None, None], pair[1][:, :, None, None]
    ).tolist()
    return spread
