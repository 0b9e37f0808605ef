"""Runs claims in the order of what they rest on, within a budget, and turns every ending into a Result."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

from verify.alarm import Alarm, OutOfBudgetError
from verify.claim import (
    CLAIM_SECONDS,
    Claim,
    Finding,
    Result,
    Run,
    Verdict,
    undecided,
)
from verify.executors import Pool, WorkersLostError
from verify.kept import Kept
from verify.printing import named, trace
from verify.registry import get_paper
from verify.settings import UsageError, did_you_mean, validate
from verify.shards import CODE, OTHER_CODE, fingerprint
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


@dataclass(frozen=True)
class Elsewhere:
    """Where checks run that do not run here.

    pool   an open executor, see verify.executors; left by an exception, it drops what still runs
    paper  the name or the path by which a worker finds the paper again
    words  what it makes the settings of
    """

    pool: AbstractContextManager[Pool]
    paper: str
    words: Mapping[str, str]


def run_claims(
    claims: Sequence[Claim],
    settings: Any,
    *,
    budget: float | None = None,
    progress: Callable[[Claim, str], None] = lambda claim, text: None,
    finished: Callable[[Result], None] = lambda result: None,
    elsewhere: Elsewhere | None = None,
    kept: Kept | None = None,
) -> list[Result]:
    """One Result per claim, in the order given. Stops at the budget (seconds) or at Ctrl-C with what it has.

    elsewhere  there claims that do not rest on each other are checked side by side; by default all are checked here
    kept       has findings of an earlier run, and gets those of this one
    """
    run = _Course(claims, settings, budget, progress, finished, kept)
    with Alarm(budget) as alarm:
        if elsewhere is None:
            run.here(alarm)
        else:
            run.side_by_side(alarm, elsewhere)
    return [run.results[claim.id] for claim in claims]


class _Course:
    """Of a run: what is finished, what may start, and why it has ended."""

    def __init__(
        self,
        claims: Sequence[Claim],
        settings: Any,
        budget: float | None,
        progress: Callable[[Claim, str], None],
        finished: Callable[[Result], None],
        kept: Kept | None,
    ) -> None:
        self.claims = {claim.id: claim for claim in claims}
        self.places = {claim.id: place for place, claim in enumerate(claims)}
        self.graph = {claim.id: [id for id in claim.requires if id in self.claims] for claim in claims}
        self.settings, self.progress, self.finished, self.kept = settings, progress, finished, kept
        self.end = None if budget is None else time.monotonic() + budget
        self.out = f"budget={budget:g} s is used up" if budget is not None else ""
        self.results: dict[str, Result] = {}

    def here(self, alarm: Alarm) -> None:
        stopped = ""
        for id in TopologicalSorter(self.graph).static_order():
            start = time.monotonic()
            finding, stopped = self.settled(id, stopped), stopped or self.over
            if finding is None:
                finding, stopped = self.check(self.claims[id], alarm)
                self.keep(id, finding)
            self.finish(id, finding, start)

    def side_by_side(self, alarm: Alarm, elsewhere: Elsewhere) -> None:
        order = TopologicalSorter(self.graph)
        order.prepare()
        waiting, running, stopped = list[str](), dict[Future[Finding], tuple[str, float]](), ""
        latest = ""  # the last one to finish, in the process that waits for work now
        try:
            with elsewhere.pool as pool:
                while order.is_active():
                    waiting += order.get_ready()
                    while waiting and len(running) < pool.slots():
                        id, start = self.next(waiting, {id for id, _ in running.values()}, latest), time.monotonic()
                        if id is None:
                            break
                        waiting.remove(id)
                        finding = self.settled(id, self.over)
                        if finding is None:
                            self.progress(self.claims[id], "")
                            work = (elsewhere.paper, dict(elsewhere.words), id, self.seconds, fingerprint(CODE))
                            running[pool.executor.submit(check_elsewhere, *work)] = id, start
                        else:
                            self.finish(id, finding, start)
                            order.done(id)
                            waiting += order.get_ready()
                    for future in alarm.guard(lambda: wait(running, return_when=FIRST_COMPLETED).done):
                        id, start = running[future]
                        self.keep(id, future.result())
                        self.finish(id, future.result(), start)
                        del running[future]
                        order.done(id)
                        latest = id
        except (KeyboardInterrupt, OutOfBudgetError) as ending:
            stopped = "interrupted" if isinstance(ending, KeyboardInterrupt) else self.out
        except WorkersLostError as error:
            stopped = str(error)
        for id, start in running.values():
            if id not in self.results:
                self.finish(id, undecided(f"not finished: {stopped}"), start)
        for id in TopologicalSorter(self.graph).static_order():
            if id not in self.results:
                self.finish(id, undecided(f"not started: {stopped}"), time.monotonic())

    def next(self, waiting: Collection[str], running: Collection[str], latest: str) -> str | None:
        """Of the claims that wait the one to start; None for one that shares a computation with a running claim: it is
        there when that has finished.

        First one that shares a computation with the latest to finish, then, once there is a verdict, others that share
        one, as it takes long; then the first in the paper, as what others rest on stands first.
        """
        making = {self.claims[id].shares for id in running} - {""}
        made = self.claims[latest].shares if latest else ""

        def late(id: str) -> tuple[bool, bool, int]:
            shared = self.claims[id].shares
            return shared == "" or shared != made, shared == "" and bool(self.results), self.places[id]

        return min((id for id in waiting if self.claims[id].shares not in making), key=late, default=None)

    @property
    def over(self) -> str:
        """Why nothing more is started; "" while there is time."""
        return self.out if self.end is not None and time.monotonic() >= self.end else ""

    @property
    def seconds(self) -> float:
        """Granted to a claim: of a budget half of what is left, so that one claim does not take it all."""
        return CLAIM_SECONDS if self.end is None else max(CLAIM_SECONDS, (self.end - time.monotonic()) / 2)

    def settled(self, id: str, stopped: str) -> Finding | None:
        """What is known of a claim without its check."""
        failed = [other for other in self.graph[id] if not self.results[other].as_expected]
        if stopped or self.over:
            return undecided(f"not started: {stopped or self.over}")
        if failed:
            return Finding(Verdict.SKIPPED, "", reason=f"rests on {', '.join(failed)}, not as expected")
        return self.kept.read(id) if self.kept else None

    def check(self, claim: Claim, alarm: Alarm) -> tuple[Finding, str]:
        """What the claim's check finds, and why the run ends with it; "" if it goes on."""
        doing = [""]

        def tell(text: str) -> None:
            doing.append(text)
            self.progress(claim, text)

        tell("")
        run = Run(tell, self.seconds)
        with torch_modes_kept():
            try:
                return alarm.guard(lambda: claim(self.settings, run)), ""
            except (KeyboardInterrupt, OutOfBudgetError) as ending:
                stopped = "interrupted" if isinstance(ending, KeyboardInterrupt) else str(ending)
                at = f" while at {doing[-1]}" if doing[-1] else ""
                return undecided(f"not finished{at}: {stopped}"), stopped
            except Exception as error:
                return failure(error), ""

    def keep(self, id: str, finding: Finding) -> None:
        if self.kept:
            self.kept.write(id, finding)

    def finish(self, id: str, finding: Finding, start: float) -> None:
        claim = self.claims[id]
        self.results[id] = Result(claim, claim.expected_verdict(self.settings), finding, time.monotonic() - start)
        self.finished(self.results[id])


def failure(error: Exception) -> Finding:
    """Whatever a check raises is the verdict ERROR, never a lost run."""
    return Finding(Verdict.ERROR, "", details={"traceback": trace(error)}, reason=named(error, MESSAGE))


def check_elsewhere(paper: str, words: dict[str, str], id: str, seconds: float, expected: str) -> Finding:
    """What the check of this claim finds, in a process that knows nothing yet.

    expected  the fingerprint where it was asked for; UsageError if code or libraries are others here
    """
    if fingerprint(CODE) != expected:
        raise UsageError(OTHER_CODE)
    try:
        found = get_paper(paper)
        settings = validate(found.settings, words)
        (claim,) = (claim for claim in found.claims if claim.id == id)
        return claim(settings, Run(seconds=seconds))
    except Exception as error:
        return failure(error)


def exit_status(results: Sequence[Result]) -> int:
    """0 every verdict as expected; 1 a wrong one; 4 a check failed; 3 nothing wrong, but something undecided."""
    unexpected = {result.verdict for result in results if not result.as_expected}
    if unexpected & {Verdict.VERIFIED, Verdict.REFUTED}:
        return 1
    if Verdict.ERROR in unexpected:
        return 4
    return 3 if unexpected else 0
