"""What a recorded trajectory passes through: plateaus, levels, gradients, nearest configurations (claim SN15)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from numerics.sub_ngrams.gradient_norm import GradientNorm, gradient_norms
from numerics.sub_ngrams.levels import Level, TestSet, ladder, nearest_level
from numerics.sub_ngrams.plateaus import Stretch, find_plateaus
from numerics.sub_ngrams.symmetries import Distance, distances
from numerics.sub_ngrams.trajectory import Trajectory
from proofs.sub_ngrams.law import NGramLaw

LEVEL_SEED, GRADIENT_SEED = 101, 202  # added to the seed: streams of their own
HALF_A_GAP = 0.5  # nearer than half a gap to a level: that is what makes it the plateau's level


@dataclass(frozen=True)
class Snapshot:
    """The network at one step: its test loss, population gradient (by parameter), distances to theta_1, ...,
    theta_n.
    """

    step: int
    loss: float
    gradients: Mapping[str, GradientNorm]
    distances: Sequence[Distance]

    @property
    def finite(self) -> bool:
        """Whether all numbers are: parameters of an absurd size overflow."""
        numbers = [self.loss, *(x.squared for x in self.gradients.values()), *(x.absolute for x in self.distances)]
        return all(map(math.isfinite, numbers))


@dataclass(frozen=True)
class Plateau:
    """A plateau from step `first` to step `last`.

    level    the k-gram level nearest to the median loss
    error    median loss minus level;  relative: in units of the gap to the next level on that side
    drift    loss at its end minus loss at its start
    """

    first: int
    last: int
    loss: float
    level: Level
    error: float
    relative: float
    drift: float

    @property
    def on_level(self) -> bool:
        """Whether it is a plateau that was predicted: the loss of a run that is stuck or diverges is flat elsewhere."""
        return abs(self.relative) <= HALF_A_GAP


@dataclass(frozen=True)
class Jump:
    """From step `first` to step `last` the loss falls by `fall`."""

    first: int
    last: int
    fall: float


@dataclass(frozen=True)
class Stages:
    """A whole trajectory."""

    levels: Sequence[Level]
    snapshots: Sequence[Snapshot]
    plateaus: Sequence[Plateau]
    jumps: Sequence[Jump]

    def on(self, stretch: Plateau | Jump) -> list[Snapshot]:
        """Snapshots strictly inside, where there are any; else those at the ends."""
        inside = [shot for shot in self.snapshots if stretch.first < shot.step < stretch.last]
        return inside or [shot for shot in self.snapshots if stretch.first <= shot.step <= stretch.last]


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
    """Levels on `test_samples` fresh sequences; at every snapshot its loss there, and its gradient by
    `gradient_samples`.

    Plateaus are found on the recorded losses; they are matched with the levels by the snapshots' losses on the same
    sequences as the levels, so that the choice of test sequences cancels to a great extent. Every snapshot's gradient
    is estimated on sequences of its own, so that the errors are independent.
    """
    T = trajectory.shape[2]
    tests = TestSet.draw(law, T, test_samples, epsilon, torch.Generator().manual_seed(seed + LEVEL_SEED))
    levels, shots = ladder(law, tests), []
    for step, network in trajectory.networks.items():
        progress(f"snapshot {step}")
        generator = torch.Generator().manual_seed(seed + GRADIENT_SEED + step)
        loss = tests.mean_loss(network)
        gradients = gradient_norms(network, law, T, epsilon, gradient_samples, generator)
        shots.append(Snapshot(step, loss, gradients, distances(network)))
    stretches, jumps = find_plateaus(trajectory.steps, trajectory.losses)
    steps = trajectory.steps
    return Stages(
        levels,
        shots,
        [_plateau(stretch, steps, shots, levels) for stretch in stretches],
        [Jump(steps[jump.first], steps[jump.last], -jump.drift) for jump in jumps],
    )


def _plateau(stretch: Stretch, steps: Sequence[int], shots: Sequence[Snapshot], levels: Sequence[Level]) -> Plateau:
    first, last = steps[stretch.first], steps[stretch.last]
    losses = sorted(shot.loss for shot in shots if first <= shot.step <= last)
    loss = losses[len(losses) // 2] if losses else stretch.loss
    level, relative = nearest_level(levels, loss)
    return Plateau(first, last, loss, level, loss - level.loss, relative, stretch.drift)
