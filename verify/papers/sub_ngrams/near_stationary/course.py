"""The course of a run: the stages of all lengths side by side, by any executor, until all are done or it is stopped."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from numerics.sub_ngrams.own_law import fits
from verify.command import UNFINISHED
from verify.executors import Outcome, run_shards
from verify.papers.sub_ngrams.near_stationary.lengths import Length, NormAtLength
from verify.papers.sub_ngrams.near_stationary.problem import Problem
from verify.papers.sub_ngrams.near_stationary.shards import ProbeShard, RiseShard
from verify.shards import Result, Shard, Store

SMALL = 2**33  # tokens times parameters: some seconds
CHUNK = 2**12  # sequences in a shard of the second computation


@dataclass(frozen=True)
class Resources:
    """Where work is done, how long it may take, and who is told.

    tell   about what is to be seen in any case; `doing` about what is being done
    """

    executor: str = "inline"
    workers: int | None = None
    store: Store | None = None
    budget: float | None = None
    tell: Callable[[str], None] = lambda text: None
    doing: Callable[[str], None] = lambda text: None

    def run(self, shards: Sequence[Shard[Result]], *, budget: float | None, small: bool = False) -> Outcome[Result]:
        """small: so little that, where it is left open, other processes are not worth their start."""
        return run_shards(
            shards,
            "inline" if small and self.executor == "auto" and self.workers is None else self.executor,
            workers=self.workers,
            store=self.store,
            budget=budget,
            progress=self.doing,
        )


@dataclass(frozen=True)
class Course:
    """What a run has found.

    points  of the lengths of which something is known, in increasing order
    status  the exit status: 0 if all is done
    reason  otherwise: what stopped it
    left    seconds of the budget that are left; None without one
    """

    points: tuple[NormAtLength, ...]
    status: int
    reason: str
    left: float | None


def run_course(
    given: Problem,
    T: Sequence[int],
    resources: Resources,
    *,
    error: float,
    level: float,
    samples: int,
    most: int,
    seed: int,
) -> Course:
    """The gradient at each of these lengths; see `Length` and `NormAtLength`.

    level  with which all intervals of whole gradients hold together
    most   so many sequences are taken all of, and not drawn
    """
    start = time.monotonic()
    looks = {t: given.look(t) for t in sorted(set(T))}
    everything = {t for t in looks if fits(given.the_law, t, most)}
    runs = [
        Length(
            given,
            t,
            look.fingerprint,
            look.shapes,
            size=look.S**t if t in everything else None,
            miss=(1 - level) / max(1, len(looks) - len(everything)),
            error=error,
            samples=samples,
            seed=seed,
        )
        for t, look in looks.items()
    ]
    status, reason = 0, ""

    def left() -> float | None:
        return None if resources.budget is None else max(1e-3, resources.budget - (time.monotonic() - start))

    while not status:
        todo = [(run, shard) for run in runs for shard in run.shards()]
        if not todo:
            break
        work = sum(run.work * shard.count for run, shard in todo)
        outcome = resources.run([shard for _, shard in todo], budget=left(), small=work <= SMALL)
        status, reason = outcome.status, outcome.reason
        if status == UNFINISHED and resources.budget is not None:  # in which the last shards had what was left
            reason = f"budget={resources.budget:g} s is used up"
        for run in runs:
            _take(run, todo, outcome, resources)
    points = [run.point(f"stopped: {reason}") for run in runs]
    return Course(tuple(point for point in points if point is not None), status, reason, left())


def _take(run: Length, todo: Sequence[tuple[Length, ProbeShard]], outcome: Outcome[Any], resources: Resources) -> None:
    mine = [i for i, (other, _) in enumerate(todo) if other is run]
    found = [outcome.finished[i] for i in mine if i in outcome.finished]
    if not found:
        return
    run.take(found, whole=len(found) == len(mine))
    if run.whole is not None:
        about = f"|grad| in [{run.total.low:.3g}, {run.total.high:.3g}]" if run.total else "all"
        resources.tell(f"T={run.T}: {run.whole.count} sequences, {about}")


def rises_more(given: Problem, point: NormAtLength, most: float, resources: Resources, seed: int) -> bool | None:
    """Whether differences of losses, along the gradient that was found, say that it is longer than `most`: over all
    sequences, or as many fresh ones as it comes from. None if this was stopped."""
    look = given.look(point.T)
    flat = torch.cat([part.flatten() for part in point.gradient.values()])
    direction = flat / flat.norm()
    part: Literal["all", "drawn"] = "all" if point.method == "all" else "drawn"
    shards = [
        RiseShard(
            given, look.fingerprint, point.T, part, seed, 0, first, min(CHUNK, point.sequences - first), direction
        )
        for first in range(0, point.sequences, CHUNK)
    ]
    outcome = resources.run(shards, budget=resources.budget, small=True)
    if outcome.status:
        return None
    rises: dict[int, Any] = dict(outcome.finished)
    slope = math.fsum(rises[i] for i in range(len(shards)))
    return slope / (1 if part == "all" else point.sequences) > most
