"""Whether the parameters of a trajectory have the losses that are recorded beside them.

They do not where an array is stored in another convention than it is read in (K for its transpose), where steps are
mixed up, or where the data had another law. All that is computed from the parameters would then be about another run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import torch

from numerics.sub_ngrams.levels import TestSet
from numerics.sub_ngrams.network import Network
from numerics.sub_ngrams.trajectory import Trajectory
from proofs.sub_ngrams.law import NGramLaw

FALSE_ALARM = 1e-6  # probability that a sound trajectory, at any of its steps, is called contradictory
MOST_SEQUENCES, FEWEST_SEQUENCES = 1024, 128
WORK = 2**35  # multiplications in the first layer: a few seconds


@dataclass(frozen=True)
class Contradiction:
    """At one step: the loss of its parameters, the recorded one, and how far apart sampling could take the two."""

    step: int
    loss: float
    recorded: float
    tolerance: float


def find_contradiction(
    trajectory: Trajectory, law: NGramLaw, epsilon: float, *, test_samples: int, generator: torch.Generator
) -> Contradiction | None:
    """Where they differ by more than the sampling errors of both, in normal approximation; of several such steps, the
    worst.

    Every network is looked at, or as many, evenly chosen, as WORK allows for.

    test_samples   sequences that each recorded loss is the mean of
    """
    S, n, T = trajectory.shape
    one = (n - 1) * S * T**2  # multiplications for one sequence
    count = max(FEWEST_SEQUENCES, min(MOST_SEQUENCES, WORK // one // 2))
    steps = evenly(list(trajectory.networks), max(2, WORK // (one * count)))
    recorded = dict(zip(trajectory.steps, trajectory.losses, strict=True))
    tests = TestSet.draw(law, T, count, epsilon, generator)
    errors = NormalDist().inv_cdf(1 - FALSE_ALARM / 2 / len(steps))
    found = []
    for step in steps:
        loss, own, single = loss_with_errors(trajectory.networks[step], tests)
        tolerance = errors * math.hypot(own, single / math.sqrt(test_samples))
        if not abs(loss - recorded[step]) <= tolerance:  # nor if it is not a number
            found.append(Contradiction(step, loss, recorded[step], tolerance))
    return max(found, key=lambda one: abs(one.loss - one.recorded) / one.tolerance, default=None)


def evenly(items: Sequence[int], most: int) -> list[int]:
    """At most so many of the items (two or more), evenly chosen, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    return [items[i * (len(items) - 1) // (most - 1)] for i in range(most)]


def loss_with_errors(network: Network, tests: TestSet) -> tuple[float, float, float]:
    """The mean loss; its standard error; and the standard deviation of one sequence's loss as it may be recorded.

    A recording may weigh the next token by its law given the sequence, by the sequence's own kernel, or draw it. The
    mean is the same and the deviation the largest where it is drawn (law of total variance): that one is returned.
    """
    surprise = -(tests.predictions(network) + tests.epsilon).log()
    losses = (tests.P * surprise).sum(1)
    mean = float(losses.mean())
    variance = float((tests.P * surprise**2).sum(1).mean()) - mean**2
    return mean, float(losses.std()) / math.sqrt(len(losses)), math.sqrt(max(variance, 0.0))
