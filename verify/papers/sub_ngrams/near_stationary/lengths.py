"""What is done at one length, stage by stage, and what it comes to.

All sequences where there are few enough. Else drawn ones: a pilot tells how long single gradients are; a first stage
gives a mean; every further stage measures fresh sequences along the mean of all before, and joins them. The chance of
a miss that a length may have is shared out among its stages, so that it does not matter when one stops.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from numerics.norm_interval import NormInterval, along, around, both, mean_square_bound, needed, radius
from numerics.sub_ngrams.probe import Pilot, Sums, lengths, together
from numerics.sub_ngrams.sequences import UNIT_ROUNDOFF
from verify.papers.sub_ngrams.near_stationary.problem import Problem
from verify.papers.sub_ngrams.near_stationary.shards import ProbeShard
from verify.settings import UsageError

SUM_TOLERANCE = 1e-9  # of the probabilities of all sequences, far above rounding
FIRST = 1024  # sequences of the first stage
SECOND = 4  # times as many in the second
GROWTH = 8  # a stage has at most so many times as many as all before, or twice that where it is the last
AIM = 0.9  # of the error asked for, since a variance is itself an estimate
ROOM = 2.0  # no gradient is taken to be longer than so many times the longest that was seen
ROUNDINGS = 100  # of a sum over all sequences, in its size without cancellation; for each token
SHARD_WORK = 2**31  # tokens times parameters of a shard, roughly
FIXED = 1000  # parameters that the rest of the work is as dear as
LEAST, MOST = 64, 2**17  # sequences in a shard; tokens
SHARDS = 64  # of a stage at most: the gradients of all are held until it ends


@dataclass(frozen=True)
class NormAtLength:
    """The gradient at one length.

    method      "all" sequences with their weights, or "drawn" ones
    sequences   how many
    total       the norm of the whole gradient
    parameters  those of its parts, by the name of the parameter; their intervals hold each by itself
    loss        the mean; inf where a token that may come has p = 0 whatever the parameters are
    loss_error  its standard error; None where all sequences are there, or the loss is infinite
    longest     no sequence's gradient is taken to be longer; None where all sequences are there
    gradient    its parts, in the parameters' shapes; where sequences were drawn, their mean
    off         how far that may be from the whole gradient, an interval by itself
    reason      why no more were drawn
    """

    T: int
    method: Literal["all", "drawn"]
    sequences: int
    total: NormInterval
    parameters: Mapping[str, NormInterval]
    loss: float
    loss_error: float | None
    longest: float | None
    gradient: Mapping[str, Tensor]
    off: float
    reason: str


class Length:
    """The stages of one length.

    size     S^T, if all sequences are taken; else None
    miss     the chance of a miss that it may have
    samples  how many sequences may be drawn at most
    """

    def __init__(
        self,
        given: Problem,
        T: int,
        fingerprint: str,
        shapes: Mapping[str, tuple[int, ...]],
        *,
        size: int | None,
        miss: float,
        error: float,
        samples: int,
        seed: int,
    ) -> None:
        self.given, self.T, self.fingerprint, self.shapes, self.size = given, T, fingerprint, dict(shapes), size
        self.miss, self.error, self.samples, self.seed = miss, error, samples, seed
        self.stage = 0
        self.pilot: Pilot | None = None
        self.whole: Sums | None = None
        self.along: Sums | None = None  # of the last stage
        self.total: NormInterval | None = None
        self.reason = ""

    # --- what is to be done ---

    def shards(self) -> list[ProbeShard]:
        """Those of the next stage; none where there is nothing left to do."""
        if self.reason:
            return []
        if self.size is not None:
            return [self._shard("check"), *self._split("all", self.size)]
        if self.stage == 0:
            return [self._shard("pilot")]
        return self._split("drawn", self._next_count())

    @property
    def work(self) -> int:
        """Of one sequence: tokens times parameters, roughly."""
        return int(self.T * (FIXED + sum(map(_numel, self.shapes.values()))))

    def _next_count(self) -> int:
        if self.whole is None:
            return min(FIRST, self.samples)
        before, left = self.whole.count, self.samples - self.whole.count
        if self.along is None or self.along.along is None:
            return left if left < 2 * SECOND * before else SECOND * before
        slopes = self.along.along
        most = left if left < 2 * GROWTH * before else GROWTH * before
        return needed(
            AIM * self.error,
            abs(float(slopes.mean)),
            self._radius(self.stage),
            float(slopes.variance),
            self._longest(-1),
            1 - self._share(self.stage),
            min(before, left),
            most,
        )

    def _shard(self, part: Literal["check", "pilot"]) -> ProbeShard:
        return ProbeShard(self.given, self.fingerprint, self.T, part, self.seed)

    def _split(self, part: Literal["all", "drawn"], count: int) -> list[ProbeShard]:
        each = max(LEAST, min(SHARD_WORK // self.work, MOST // self.T), -(-count // SHARDS))
        direction = None
        if self.whole is not None:
            direction = self.whole.gradient / max(float(self.whole.gradient.norm()), TINY)
        return [
            ProbeShard(
                self.given,
                self.fingerprint,
                self.T,
                part,
                self.seed,
                self.stage,
                first,
                min(each, count - first),
                direction,
            )
            for first in range(0, count, each)
        ]

    # --- what has come of it ---

    def take(self, found: Sequence[Sums | Pilot], *, whole: bool) -> None:
        """The results of a stage's shards, all of them or, where the run is stopped, some."""
        pilots = [part for part in found if isinstance(part, Pilot)]
        sums = [part for part in found if isinstance(part, Sums)]
        if self.size is not None:
            if whole:
                self.whole, self.reason = together(sums), "all sequences"
                if not abs(self.whole.weight - 1) <= SUM_TOLERANCE:
                    raise UsageError(
                        f"T={self.T}: the probabilities of the law sum to {self.whole.weight:.6g}, not to 1"
                    )
            return
        if pilots:
            self.pilot, self.stage = pilots[0], 1
        if not sums or together(sums).count < 2:
            return
        fresh = together(sums)
        if self.whole is not None:
            self.along = fresh
            length, R = float(self.whole.gradient.norm()) / self.whole.count, self._longest(-1)
            assert fresh.along is not None
            seen = along(length, self._radius(self.stage), fresh.along, R, 1 - self._share(self.stage))
            self.total = seen if self.total is None else both(self.total, seen)
            self.whole = together([_without(self.whole), _without(fresh)])
        else:
            self.whole = fresh
            self.total = around(float(fresh.gradient.norm()) / fresh.count, self._radius(self.stage))
        self.stage += 1
        if self.total.relative <= self.error:
            self.reason = f"within {self.error:g}"
        elif self.whole.count >= self.samples:
            self.reason = f"samples={self.samples} are drawn"

    def _share(self, stage: int) -> float:
        """The chance of a miss of one of a stage's three bounds; all of all stages come to `miss`."""
        return self.miss / (3 * stage * (stage + 1))

    def _radius(self, stage: int) -> float:
        """How far the mean of all sequences so far may be from the gradient."""
        assert self.whole is not None or stage == 1
        return self._distance(-1, self._share(stage))

    def _distance(self, i: int, share: float) -> float:
        assert self.pilot is not None
        assert self.whole is not None
        R, squares = self._longest(i), self.pilot.squares
        one = type(squares)(squares.count, squares.mean[i], squares.squares[i])
        return radius(self.whole.count, mean_square_bound(one, R, 1 - share), R, 1 - share)

    def _longest(self, i: int) -> float:
        assert self.pilot is not None
        return ROOM * float(self.pilot.longest[i])

    def point(self, reason: str) -> NormAtLength | None:
        """What is known; None where that is nothing. `reason`: why the run was stopped, if it was."""
        if self.whole is None:
            return None
        everything, count = self.size is not None, self.whole.count
        mean = self.whole.gradient if everything else self.whole.gradient / count
        sizes = [_numel(shape) for shape in self.shapes.values()]
        pairs = zip(self.shapes.items(), torch.split(mean, sizes), strict=True)
        parts = {name: part.view(shape) for (name, shape), part in pairs}
        norms = lengths(list(parts.values()), mean).tolist()
        if everything:
            errors = (ROUNDINGS * self.T * UNIT_ROUNDOFF * self.whole.sizes).tolist()
        else:
            errors = [self._distance(i, self.miss / 2) for i in range(len(norms))]
        each = [around(norm, error) for norm, error in zip(norms, errors, strict=True)]
        losses = self.whole.losses
        finite = self.whole.loss < float("inf")
        return NormAtLength(
            self.T,
            "all" if everything else "drawn",
            count,
            self.total or each[-1],
            dict(zip(parts, each[:-1], strict=True)),
            self.whole.loss if everything or not finite else float(losses.mean),
            float((losses.variance / count).sqrt()) if finite and not everything else None,
            None if everything else self._longest(-1),
            parts,
            errors[-1],
            self.reason or reason,
        )


TINY = 1e-300  # in the place of the length of a gradient that is 0


def _numel(shape: Sequence[int]) -> int:
    product = 1
    for side in shape:
        product *= side
    return product


def _without(sums: Sums) -> Sums:
    """Without slopes, which are of one stage."""
    return replace(sums, along=None)
