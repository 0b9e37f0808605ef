"""Runs claims in the order of what they rest on, within a budget, and turns every ending into a Result."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from graphlib import TopologicalSorter
from typing import Any

from verify.alarm import Alarm, OutOfBudgetError
from verify.claim import CLAIM_SECONDS, Claim, Finding, Result, Run, Verdict, undecided
from verify.printing import named, trace
from verify.settings import UsageError, did_you_mean
from verify.torch_modes import torch_modes_kept

MESSAGE = 300  # characters of an exception's message in the table


def select_claims(claims: Sequence[Claim], select: Sequence[str], ignore: Sequence[str]) -> list[Claim]:
    """The claims whose id equals, or starts with, a selected word and no ignored one. An empty `select` takes all.

    An id is meant exactly where it exists: SN1 does not select SN10. UsageError for words that match nothing.
    """
    ids = [claim.id for claim in claims]

    def matching(key: str, words: Sequence[str]) -> set[str]:
        found: set[str] = set()
        for word in words:
            hits = {word} if word in ids else {id for id in ids if id.startswith(word)}
            if not hits:
                raise UsageError(f"{key}={word}: no claim has this id or prefix{did_you_mean(word, ids)}")
            found |= hits
        return found

    chosen = (matching("select", select) or set(ids)) - matching("ignore", ignore)
    if not chosen:
        raise UsageError("select and ignore leave no claim to check")
    return [claim for claim in claims if claim.id in chosen]


def run_claims(
    claims: Sequence[Claim],
    settings: Any,
    *,
    budget: float | None = None,
    progress: Callable[[Claim, str], None] = lambda claim, text: None,
    finished: Callable[[Result], None] = lambda result: None,
) -> list[Result]:
    """One Result per claim, in the order given. Stops at the budget (seconds) or at Ctrl-C with what it has."""
    by_id = {claim.id: claim for claim in claims}
    graph = {claim.id: [id for id in claim.requires if id in by_id] for claim in claims}
    end = None if budget is None else time.monotonic() + budget
    results: dict[str, Result] = {}
    stopped = ""
    with Alarm(budget) as alarm:
        for id in TopologicalSorter(graph).static_order():
            claim, start = by_id[id], time.monotonic()
            failed = [other for other in graph[id] if not results[other].as_expected]
            if not stopped and end is not None and start >= end:
                stopped = f"budget={budget:g} s is used up"
            if stopped:
                finding = undecided(f"not started: {stopped}")
            elif failed:
                finding = Finding(Verdict.SKIPPED, "", reason=f"rests on {', '.join(failed)}, not as expected")
            else:
                with torch_modes_kept():
                    finding, stopped = _check(claim, settings, alarm, end, progress)
            results[id] = Result(claim, claim.expected_verdict(settings), finding, time.monotonic() - start)
            finished(results[id])
    return [results[claim.id] for claim in claims]


def _check(
    claim: Claim, settings: Any, alarm: Alarm, end: float | None, progress: Callable[[Claim, str], None]
) -> tuple[Finding, str]:
    """What the claim's check finds, and why the run ends with it; "" if it goes on."""
    doing = [""]

    def tell(text: str) -> None:
        doing.append(text)
        progress(claim, text)

    tell("")
    # half of what is left of a budget, so that one claim does not take it all
    seconds = CLAIM_SECONDS if end is None else max(CLAIM_SECONDS, (end - time.monotonic()) / 2)
    try:
        return alarm.guard(lambda: claim.check(settings, Run(tell, seconds))), ""
    except (KeyboardInterrupt, OutOfBudgetError) as ending:
        stopped = "interrupted" if isinstance(ending, KeyboardInterrupt) else str(ending)
        at = f" while at {doing[-1]}" if doing[-1] else ""
        return undecided(f"not finished{at}: {stopped}"), stopped
    except Exception as error:  # whatever a check raises is the verdict ERROR, never a lost run
        return Finding(Verdict.ERROR, "", details={"traceback": trace(error)}, reason=named(error, MESSAGE)), ""


def exit_status(results: Sequence[Result]) -> int:
    """0 every verdict as expected; 1 a wrong one; 4 a check failed; 3 nothing wrong, but something undecided."""
    unexpected = {result.verdict for result in results if not result.as_expected}
    if unexpected & {Verdict.VERIFIED, Verdict.REFUTED}:
        return 1
    if Verdict.ERROR in unexpected:
        return 4
    return 3 if unexpected else 0
