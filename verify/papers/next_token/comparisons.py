"""Measured numbers against predicted ones: they agree, they certainly differ, or the measurement is too coarse."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from verify.claim import NOTHING, Counterexample, Evidence, Finding, decide, undecided

if TYPE_CHECKING:
    from numerics.next_token.training import Measured, Training


@dataclass(frozen=True)
class Comparison:
    """A measured number and its prediction for one dataset.

    name        of the dataset
    what        is measured, in a few words
    resolution  how large the error of the measurement may be: agreement with a larger one would mean nothing
    again       the same number by an independent computation, which need not be as accurate
    mature      whether the run has come as far as an asymptotic statement asks for, so that it could refute one
    note        further values for the JSON output
    """

    name: str
    what: str
    measured: Measured
    predicted: float
    resolution: float
    again: Callable[[], float]
    mature: bool = True
    note: tuple[tuple[str, object], ...] = ()

    @property
    def agrees(self) -> bool:
        return self.measured.agrees(self.predicted, self.resolution)

    @property
    def differs(self) -> bool:
        return self.mature and self.measured.differs(self.predicted, self.resolution)

    @property
    def deviation(self) -> float:
        return abs(self.measured.value - self.predicted)

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """The larger, the worse."""
        return self.differs, not self.agrees, self.deviation

    @property
    def doubt(self) -> str:
        """Why it neither agrees nor differs."""
        where, error = f"{self.name}, {self.what}", self.measured.error
        if not (math.isfinite(self.measured.value) and math.isfinite(error)):
            return f"{where}: not a number, or it has underflowed"
        if self.measured.differs(self.predicted, self.resolution):
            return f"{where}: off by {self.deviation:.1e}, but at T/sqrt 8 the loss was not near its limit yet"
        if error <= self.resolution:
            return f"{where}: off by {self.deviation:.1e}, with an estimated error of {error:.0e}"
        return f"{where}: estimated error {error:.0e}, which must be at most {self.resolution:.0e}"


def worst(comparisons: Sequence[Comparison]) -> Comparison:
    """The one that is off by the most; one that differs, or at least does not agree, before all others."""
    return max(comparisons, key=lambda comparison: comparison.rank)


def report(comparisons: Sequence[Comparison], *, scope: str, T: int, nothing: str, footnote: str = "") -> Finding:
    """VERIFIED if every measurement agrees with its prediction, REFUTED if one differs and a second computation sides
    with the measurement. Of several of a kind the one is shown that is the farthest off.
    """
    if not comparisons:
        return undecided(f"{NOTHING}: {nothing}")
    shown = worst(comparisons)
    told = _farthest_off(comparisons) if shown.agrees else [shown]
    several = len({comparison.name for comparison in comparisons}) > 1
    found = ", ".join(
        f"{c.what} is {c.measured.value:.6g} +- {c.measured.error:.1g}{f' in {c.name}' if several else ''}"
        for c in told
    )
    return decide(
        all(comparison.agrees for comparison in comparisons),
        evidence=Evidence.NUMERIC,
        scope=scope,
        instances=len(comparisons),
        found=found if len(told) == len(comparisons) else f"{found}: farthest off of {len(comparisons)}",
        predicted=", ".join(f"{c.predicted:.6g}" for c in told),
        counterexample=Counterexample(
            {"dataset": shown.name, "measured": shown.what, "value": shown.measured.value},
            partial(sides_with, shown.measured.value, shown.predicted, shown.again),
        )
        if shown.differs
        else None,
        details={"comparisons": [_details(comparison) for comparison in comparisons]},
        footnote=footnote,
        undecided=f"{shown.doubt}; at T={T}, a larger T may decide",
    )


def _farthest_off(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """One of each kind."""
    kinds = dict.fromkeys(comparison.what for comparison in comparisons)
    return [max((c for c in comparisons if c.what == kind), key=lambda c: c.deviation) for kind in kinds]


def sides_with(measured: float, predicted: float, again: Callable[[], float]) -> bool:
    """Whether the second computation is nearer to what was measured than to what was predicted."""
    second = again()
    return abs(second - measured) < abs(second - predicted)


def describe(training: Training, used: Sequence[int], left_out: Mapping[str, Sequence[int]]) -> str:
    """What ran: which datasets, for how long, and how many were left out, and why."""
    data = training.datasets[used[0]].name if len(used) == 1 else f"{len(used)} datasets"
    reasons = [f"; {len(indices)} left out: {reason}" for reason, indices in left_out.items() if indices]
    return f"{data}, t={training.T}{''.join(reasons)}"


def why_nothing(training: Training, left_out: Mapping[str, Sequence[int]]) -> str:
    """Why no dataset is left."""
    return by_reason({reason: [training.datasets[i].name for i in indices] for reason, indices in left_out.items()})


def by_reason(names: Mapping[str, Sequence[str]]) -> str:
    """Datasets, the first three of each reason, and the reasons."""
    return "; ".join(
        f"{', '.join(found[:3])}{', ...' if len(found) > 3 else ''}: {reason}"
        for reason, found in names.items()
        if found
    )


def _details(comparison: Comparison) -> dict[str, object]:
    return {
        "dataset": comparison.name,
        "measured": comparison.what,
        "found": comparison.measured.value,
        "error": comparison.measured.error,
        "resolution": comparison.resolution,
        "predicted": comparison.predicted,
        **dict(comparison.note),
    }
