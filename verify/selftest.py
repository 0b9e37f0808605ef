"""python -m verify selftest: whether this installation computes what it should. Needs no clone, only the package."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import verify
from verify.check import parse_request
from verify.claim import Paper
from verify.command import Progress, asks_for_help, emit, emit_help, run_command
from verify.printing import shown
from verify.registry import papers
from verify.runner import run_claims
from verify.settings import UsageError, read_words

HELP = """python -m verify selftest
Checks an installation in under a minute: exact reference values, engines against each other, a claim that is false on \
purpose, certificates, the recorded training run, claims of every paper. One line for each step.
exit status
  0    every step is ok
  1    a step failed
  2    usage
  4    internal error
  130  Ctrl-C
"""


class StepError(Exception):
    """A step came out otherwise than it should; the message says what it found."""


def main(words: Sequence[str]) -> int:
    """Runs the steps in turn, prints a line for each, and returns 1 if one failed."""
    if asks_for_help(words):
        emit_help(HELP)
        return 0
    if words:
        raise UsageError(f"{shown(words[0])}: selftest takes no arguments")
    emit(f"landscape-verifier {verify.__version__} in {Path(verify.__file__).parent}\n", None)
    failed = 0
    with Progress() as progress:
        for name, step in (todo := steps()).items():
            progress.doing(name)
            start = time.monotonic()
            try:
                outcome, found = "ok", step()
            except Exception as error:  # whatever a step raises is a failure of the installation
                reason = str(error) if isinstance(error, StepError) else f"{type(error).__name__}: {error}"
                outcome, found, failed = "failed", shown(reason, most=300), failed + 1
            emit(f"{outcome:<6}  {name:<22}  {found}  ({time.monotonic() - start:.1f} s)\n", None)
    emit(f"{len(todo) - failed} of {len(todo)} ok\n", None)
    return 1 if failed else 0


def steps() -> dict[str, Callable[[], str]]:
    """Those of every paper."""
    return {
        name: partial(load, words) if ":" in words else partial(claims, paper, words)
        for paper in papers().values()
        for name, words in paper.selftest.items()
    }


def load(place: str) -> str:
    """What the function "module:function" says."""
    module, function = place.split(":")
    said: str = getattr(importlib.import_module(module), function)()
    return said


def claims(paper: Paper, words: str) -> str:
    """The claims that the words select come out as expected."""
    settings, chosen = parse_request(paper, read_words(words.split()))
    results = run_claims(chosen, settings)
    for result in results:
        if not result.as_expected:
            found = f"{result.finding.found} {result.finding.reason or result.finding.scope}"
            raise StepError(f"{result.claim.id} is {result.verdict}, expected {result.expected}: {found}")
    return ", ".join(f"{result.claim.id} {result.verdict}" for result in results)


if __name__ == "__main__":
    run_command("verify.selftest", main)
