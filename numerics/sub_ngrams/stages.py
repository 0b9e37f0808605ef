"""What a recorded trajectory passes through: plateaus, levels, gradients, nearest predictors (claim SN15)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import fmean

import torch

from numerics.sub_ngrams.frequency import CorrectedLevel, corrected_ladder, kinds, variation
from numerics.sub_ngrams.gradient_norm import GradientNorm, gradient_norms
from numerics.sub_ngrams.levels import Level, TestSet, ladder
from numerics.sub_ngrams.network import Network
from numerics.sub_ngrams.plateaus import Stretch, find_plateaus
from numerics.sub_ngrams.stage_rule import QUARTER
from numerics.sub_ngrams.symmetries import Distance, distances
from numerics.sub_ngrams.trajectory import Trajectory
from proofs.sub_ngrams.law import NGramLaw

LEVEL_SEED, GRADIENT_SEED, AVERAGE_SEED = 101, 202, 2**40  # added to the seed: streams of their own


@dataclass(frozen=True)
class Snapshot:
    """The network at one step.

    loss        on the test set
    gradients   of the population, by parameter
    distances   of its parameters to theta_1, ..., theta_n
    variations  mean total variation of its predictions to those of theta_1^+, ..., theta_n^+, at the levels' scales
    """

    step: int
    loss: float
    gradients: Mapping[str, GradientNorm]
    distances: Sequence[Distance]
    variations: Sequence[float]

    @property
    def finite(self) -> bool:
        """Whether all numbers are: parameters of an absurd size overflow."""
        numbers = [self.loss, *(x.squared for x in self.gradients.values()), *(x.absolute for x in self.distances)]
        return all(map(math.isfinite, [*numbers, *self.variations]))


@dataclass(frozen=True)
class Plateau:
    """A plateau from step `first` to step `last`.

    level       of the predictor theta_k^+ that is nearest to the network's predictions: its name is the plateau's.
                None where there is no snapshot to tell
    loss        the median; error: median loss minus level;  relative: in units of the local gap between such levels
    drift       loss at its end minus loss at its start
    variations  of its snapshots to theta_1^+, ..., theta_n^+: the means
    averaged    the population gradient at the mean of its snapshots' parameters; there the noise of single steps is
                small. Empty where there is no snapshot
    """

    first: int
    last: int
    loss: float
    drift: float
    level: CorrectedLevel | None = None
    relative: float = math.nan
    variations: Sequence[float] = ()
    averaged: Mapping[str, GradientNorm] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.level.name if self.level else "no snapshot"

    @property
    def error(self) -> float:
        return self.loss - self.level.loss if self.level else math.nan

    @property
    def on_level(self) -> bool:
        """Whether it is a plateau that was predicted: the loss of a run that is stuck or diverges is flat elsewhere."""
        return abs(self.relative) <= QUARTER


@dataclass(frozen=True)
class Jump:
    """From step `first` to step `last` the loss falls by `fall`."""

    first: int
    last: int
    fall: float


@dataclass(frozen=True)
class Stages:
    """A whole trajectory: the k-gram levels (and Bayes'), those of theta_k^+, and what the run passes through."""

    levels: Sequence[Level]
    corrected: Sequence[CorrectedLevel]
    snapshots: Sequence[Snapshot]
    plateaus: Sequence[Plateau]
    jumps: Sequence[Jump]

    def inside(self, stretch: Plateau | Jump) -> list[Snapshot]:
        """Snapshots strictly inside."""
        return [shot for shot in self.snapshots if stretch.first < shot.step < stretch.last]

    def on(self, stretch: Plateau | Jump) -> list[Snapshot]:
        """Snapshots strictly inside, where there are any; else those at the ends."""
        return on(self.snapshots, stretch.first, stretch.last)

    def next_jump(self, plateau: Plateau) -> Jump | None:
        """The jump that begins where the plateau ends."""
        return next((jump for jump in self.jumps if jump.first == plateau.last), None)


def analyse(
    trajectory: Trajectory,
    law: NGramLaw,
    *,
    epsilon: float,
    test_samples: int,
    gradient_samples: int,
    seed: int = 0,
    progress: Callable[[str], None] = lambda text: None,
) -> Stages:
    """Levels on `test_samples` fresh sequences; at every snapshot its loss and predictions there, and its gradient by
    `gradient_samples`.

    Plateaus are found on the recorded losses; they are matched with the levels by the snapshots' predictions and losses
    on the same sequences as the levels, so that the choice of test sequences cancels to a great extent. Every gradient
    is estimated on sequences of its own, so that the errors are independent.
    """
    T = trajectory.shape[2]
    tests = TestSet.draw(law, T, test_samples, epsilon, torch.Generator().manual_seed(seed + LEVEL_SEED))
    progress("levels")
    corrected = corrected_ladder(law, tests)
    predictors = [kinds(tests.x, level.k, law.n, law.S).at(level.best) for level in corrected]

    def gradients(network: Network, stream: int) -> dict[str, GradientNorm]:
        generator = torch.Generator().manual_seed(seed + stream)
        return gradient_norms(network, law, T, epsilon, gradient_samples, generator)

    shots = []
    for step, network in trajectory.networks.items():
        progress(f"snapshot {step}")
        p = tests.predictions(network)
        loss = float(tests.losses(p).mean())
        variations = [variation(p, other) for other in predictors]
        shots.append(Snapshot(step, loss, gradients(network, GRADIENT_SEED + step), distances(network), variations))
    steps = trajectory.steps
    stretches, jumps = find_plateaus(steps, trajectory.losses)

    def plateau(stretch: Stretch) -> Plateau:
        first, last = steps[stretch.first], steps[stretch.last]
        seen = on(shots, first, last)
        if not seen:
            return Plateau(first, last, stretch.loss, stretch.drift)
        progress(f"plateau {first}-{last}")
        losses = sorted(shot.loss for shot in shots if first <= shot.step <= last)
        loss = losses[len(losses) // 2]
        variations = [fmean(column) for column in zip(*(shot.variations for shot in seen), strict=True)]
        level = min(corrected, key=lambda one: variations[one.k - 1])
        at_mean = gradients(averaged([trajectory.networks[shot.step] for shot in seen]), AVERAGE_SEED + first)
        return Plateau(first, last, loss, stretch.drift, level, in_gaps(corrected, level, loss), variations, at_mean)

    return Stages(
        ladder(law, tests),
        corrected,
        shots,
        [plateau(stretch) for stretch in stretches],
        [Jump(steps[jump.first], steps[jump.last], -jump.drift) for jump in jumps],
    )


def on(shots: Sequence[Snapshot], first: int, last: int) -> list[Snapshot]:
    """Snapshots strictly between two steps, where there are any; else those at the two."""
    inside = [shot for shot in shots if first < shot.step < last]
    return inside or [shot for shot in shots if first <= shot.step <= last]


def averaged(networks: Sequence[Network]) -> Network:
    """The network whose parameters are the means of theirs."""
    named = [dict(network.named_parameters()) for network in networks]
    return Network(**{name: torch.stack([each[name].detach() for each in named]).mean(0) for name in named[0]})


def in_gaps(levels: Sequence[CorrectedLevel], level: CorrectedLevel, loss: float) -> float:
    """loss - level, in units of the gap between this level and its neighbour on the loss's side; where there is none,
    of the gap on the other side.
    """
    ranked = sorted(levels, key=lambda one: one.loss)
    gaps = {}
    for below, above in pairwise(ranked):
        gaps[above.k, -1] = gaps[below.k, 1] = above.loss - below.loss
    side = 1 if loss > level.loss else -1
    return (loss - level.loss) / gaps.get((level.k, side), gaps.get((level.k, -side), math.inf))
