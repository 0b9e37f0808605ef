"""Runs claims in the order of what they rest on, within a budget, and turns every ending into a Result."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence
from graphlib import TopologicalSorter
from typing import Any

from verify.claim import Claim, Finding, Result, Run, Verdict
from verify.settings import UsageError, did_you_mean


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
    deadline = None if budget is None else time.monotonic() + budget
    results: dict[str, Result] = {}
    stopped = ""
    for id in TopologicalSorter(graph).static_order():
        claim, start = by_id[id], time.monotonic()
        run = Run(progress=lambda text, claim=claim: progress(claim, text), deadline=deadline)  # type: ignore[misc]  # mypy cannot infer a lambda with a default
        failed = [other for other in graph[id] if not results[other].as_expected]
        if stopped or run.out_of_time:
            finding = Finding(Verdict.UNDECIDED, stopped or "not started within the budget")
        elif failed:
            finding = Finding(Verdict.SKIPPED, f"rests on {', '.join(failed)}, not as expected")
        else:
            progress(claim, "")
            try:
                finding = claim.load()(settings, run)
            except KeyboardInterrupt:
                stopped = "interrupted"
                finding = Finding(Verdict.UNDECIDED, stopped)
            except Exception as error:  # whatever a check raises is the verdict ERROR, never a lost run
                finding = Finding(
                    Verdict.ERROR,
                    f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}",
                    details={"traceback": traceback.format_exc().splitlines()},
                )
        results[id] = Result(claim, claim.expected_verdict(settings), finding, time.monotonic() - start)
        finished(results[id])
    return [results[claim.id] for claim in claims]


def exit_status(results: Sequence[Result]) -> int:
    """0 every verdict as expected; 1 a wrong one; 4 a check failed; 3 nothing wrong, but something undecided."""
    unexpected = {result.verdict for result in results if not result.as_expected}
    if unexpected & {Verdict.VERIFIED, Verdict.REFUTED}:
        return 1
    if Verdict.ERROR in unexpected:
        return 4
    return 3 if unexpected else 0
