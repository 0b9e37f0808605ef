"""Plateaus and jumps of a loss curve, by a rule that is stated in full (claim SN15)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

DROP = 1 / 20  # of the whole descent
FLAT = 1 / 2  # of the pace
SPACING = 1 / 20  # of the time of descent: records that are closer are thinned out
SHORTEST = 1 / 10  # of the time of descent

RULE = (
    f"The time of descent ends when the loss first comes within 1/{1 / DROP:.0f} of the whole descent of its lowest "
    "value; the pace is the mean fall per step until then. "
    f"Records at least 1/{1 / SPACING:.0f} of that time apart are kept; an interval between two is flat if the loss "
    f"falls at most 1/{1 / FLAT:.0f} as fast as the pace. "
    f"A plateau is a maximal run of flat intervals that lasts at least 1/{1 / SHORTEST:.0f} of that time; two with a "
    f"fall of less than 1/{1 / DROP:.0f} of the whole descent between them are one. "
    "A jump is what lies before a plateau, back to the previous one or to the start, if the loss falls by at least as "
    "much."
)


@dataclass(frozen=True)
class Stretch:
    """The records from index `first` to index `last` of a loss curve, both included."""

    first: int
    last: int
    losses: tuple[float, ...]

    @property
    def loss(self) -> float:
        """The median."""
        return median(self.losses)

    @property
    def drift(self) -> float:
        """Last minus first loss: negative where the loss goes on falling."""
        return self.losses[-1] - self.losses[0]


def find_plateaus(steps: Sequence[int], losses: Sequence[float]) -> tuple[list[Stretch], list[Stretch]]:
    """The plateaus and the jumps of a curve, in order, by RULE. A curve that never falls is one plateau."""
    lowest, descent = min(losses), losses[0] - min(losses)
    if not descent > 0:
        return [_stretch(losses, 0, len(losses) - 1)], []
    down = next(i for i, loss in enumerate(losses) if loss <= lowest + DROP * descent)
    time = steps[down] - steps[0]
    pace = (losses[0] - losses[down]) / time
    flat: list[tuple[int, int]] = []
    for i, j in pairwise(_thinned(steps, SPACING * time)):
        if losses[i] - losses[j] <= FLAT * pace * (steps[j] - steps[i]):
            flat.append((flat.pop()[0], j) if flat and flat[-1][1] == i else (i, j))
    merged: list[tuple[int, int]] = []
    for first, last in flat:
        if steps[last] - steps[first] >= SHORTEST * time:
            joined = merged and losses[merged[-1][1]] - losses[first] < DROP * descent
            merged.append((merged.pop()[0], last) if joined else (first, last))
    jumps, end = [], 0
    for first, last in merged:
        if losses[end] - losses[first] >= DROP * descent:
            jumps.append((end, first))
        end = last
    return [_stretch(losses, *ij) for ij in merged], [_stretch(losses, *ij) for ij in jumps]


def _thinned(steps: Sequence[int], apart: float) -> list[int]:
    """Indices of records at least so many steps apart, the first and the last among them."""
    kept = [0]
    for i in range(1, len(steps)):
        if steps[i] - steps[kept[-1]] >= apart:
            kept.append(i)
    if kept[-1] != len(steps) - 1:
        kept[1 if len(kept) == 1 else -1 :] = [len(steps) - 1]  # the last record takes the place of one too close to it
    return kept


def _stretch(losses: Sequence[float], first: int, last: int) -> Stretch:
    return Stretch(first, last, tuple(losses[first : last + 1]))
