"""How things are timed here: processor time, which others on the machine disturb least, of runs that take turns."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

Result = TypeVar("Result")


def seconds(run: Callable[[], Result]) -> tuple[float, Result]:
    """Seconds of processor time, and what came out."""
    start = time.process_time()
    result = run()
    return time.process_time() - start, result


def in_turns(runs: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of every run in every round; in a round each runs once, one after the other."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            times[name].append(seconds(run)[0])
    return times


def ratio(times: list[float], base: list[float]) -> str:
    """The median over the rounds of times / base, and the smallest and the largest."""
    ratios = [a / b for a, b in zip(times, base, strict=True)]
    return f"{statistics.median(ratios):.3g} ({min(ratios):.3g} to {max(ratios):.3g})"


def table(head: list[str], rows: list[list[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def doing(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
