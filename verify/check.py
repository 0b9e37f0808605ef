"""python -m verify.check k=2 n=3: every claim of a paper at these parameters."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence

from verify.claims import PAPERS
from verify.command import Progress, asks_for_help, check_output, emit, key_help, run_command
from verify.report.check_json import check_json
from verify.report.check_table import check_table
from verify.runner import exit_status, run_claims, select_claims
from verify.settings import UsageError, did_you_mean, read_words, validate

PIPE_WIDTH = 160  # of a table that does not go to a terminal

HELP = """python -m verify.check [KEY=VALUE ...]
Checks every claim of a paper at the given parameters; for example: python -m verify.check k=2 n=3
exit status: 0 every verdict as expected, 1 a wrong verdict, 2 usage, 3 something undecided or skipped, 4 internal error
"""


def main(words: Sequence[str]) -> int:
    """Checks and reports; the exit status says whether every verdict is the expected one."""
    if asks_for_help(words):
        emit(HELP + "".join(f"\npaper={p.name}: {p.title}\n{key_help(p.settings)}\n" for p in PAPERS.values()), None)
        return 0
    values = read_words(words)
    name = values.get("paper", "sub-n-grams")
    if name not in PAPERS:
        raise UsageError(f"paper={name}: unknown paper{did_you_mean(name, PAPERS)}")
    paper = PAPERS[name]
    settings = validate(paper.settings, values)
    claims = select_claims(paper.claims, settings.select, settings.ignore)
    paper.refuse(settings)
    check_output(settings.output)
    with Progress() as progress:
        results = run_claims(
            claims,
            settings,
            budget=settings.budget,
            progress=lambda claim, text: progress.doing(f"{claim.id} {claim.title} {text}"),
            finished=lambda result: progress.done(f"{result.claim.id} {result.verdict}  {result.seconds:.1f} s"),
        )
    if settings.format == "json":
        emit(check_json(settings, results), settings.output)
    else:
        colour = settings.output is None and sys.stdout.isatty() and "NO_COLOR" not in os.environ
        width = shutil.get_terminal_size().columns if colour else PIPE_WIDTH
        again = next((r.claim.id for r in results if not r.as_expected), results[0].claim.id)
        chosen = [word for word in words if not word.startswith(("select=", "format=", "output="))]
        command = " ".join(["python -m verify.check", *chosen, f"select={again}", "format=json"])
        emit(check_table(paper, settings, results, width=width, colour=colour, command=command), settings.output)
    return exit_status(results)


if __name__ == "__main__":
    run_command("verify.check", main)
