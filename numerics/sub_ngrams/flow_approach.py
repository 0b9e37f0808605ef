"""How near a gradient flow comes to theta_k^+ (sub-n-grams/training#gradient-flow; claim SN27)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from numerics.sub_ngrams.flow import Array, Flow, Path
from numerics.sub_ngrams.frequency import best_corrected, kinds
from numerics.sub_ngrams.levels import TestSet
from numerics.sub_ngrams.sequences import Batch
from numerics.sub_ngrams.stage_rule import HALF


@dataclass(frozen=True)
class Weighted(TestSet):
    """Sequences with weights that add up to 1. Tokens absent from a sequence are left out of its loss."""

    weight: Tensor

    def losses(self, p: Tensor) -> Tensor:
        """Times the number of sequences, so that their mean is the expectation."""
        log_p = torch.where(p > 0, p, 1.0).log()
        return -(self.P * log_p).sum(1) * self.weight * len(self.weight)


@dataclass(frozen=True)
class Approach:
    """The moment of a path at which its predictions are nearest to those of theta_k^+, at its best scales and beta.

    variation  mean total variation between both; others: to the nearest other theta_k'^+, at that moment
    speed      |dL/dtheta| there, over the largest on the path
    near       how long, on the path, the variation is at most HALF of that to any other
    """

    k: int
    time: float
    variation: float
    others: float
    speed: float
    near: float


def approaches(flow: Flow, path: Path) -> list[Approach]:
    """For k = 1..n. Between the ends of the integrator's steps the path is not looked at."""
    predictors = best_predictors(flow.batch, flow.network.H + 1)
    table = [variations(flow, moment.theta, predictors) for moment in path.moments]
    fastest = max(moment.speed for moment in path.moments)
    found = []
    for k in range(1, flow.network.H + 2):
        own, other = [row[k - 1] for row in table], [min(row[: k - 1] + row[k:]) for row in table]
        i = min(range(len(own)), key=own.__getitem__)
        near = sum(
            after.time - before.time
            for (before, after), a, b in zip(pairwise(path.moments), own, other, strict=False)
            if a <= HALF * b
        )
        moment = path.moments[i]
        found.append(Approach(k, moment.time, own[i], other[i], moment.speed / fastest, near))
    return found


def best_predictors(batch: Batch, n: int) -> list[Tensor]:
    """The predictions (B x S) of theta_k^+ at its best scales and beta on these sequences, k = 1..n."""
    tests = Weighted(batch.x, batch.P, 0.0, batch.weight)
    found = []
    for k in range(1, n + 1):
        alike = kinds(batch.x, k, n, batch.P.shape[1])
        found.append(alike.at(best_corrected(alike, tests, [1.0] * (k - 1))))
    return found


def variations(flow: Flow, theta: Array, predictors: Sequence[Tensor]) -> list[float]:
    """The mean total variation between the network's predictions and each of these."""
    with torch.no_grad():
        p = flow.at(theta)(flow.batch.x)
    return [float(flow.batch.weight @ (p - other).abs().sum(1)) / 2 for other in predictors]
