"""python -m verify.check k=2 n=3: every claim of a paper at these parameters."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Sequence
from typing import Any

from verify.claim import Claim, Paper, Result
from verify.command import (
    Progress,
    asks_for_help,
    check_output,
    emit,
    emit_help,
    in_colour,
    key_help,
    kinds_of,
    output_width,
    run_command,
)
from verify.executors import cores, open_pool
from verify.kept import kept
from verify.printing import log, shown
from verify.registry import get_paper, is_path, paper_of, papers
from verify.report.certificates import certificates_json
from verify.report.check_json import check_json
from verify.report.check_junit import check_junit
from verify.report.check_markdown import check_markdown
from verify.report.check_table import check_table
from verify.runner import Elsewhere, exit_status, run_claims, select_claims
from verify.settings import CheckSettings, read_words, undashed, validate

COMMAND = ("python", "-m", "verify.check")
MANY = 9  # claims that are worth the second in which processes start
PIPE_WIDTH = 160  # of a table that does not go to a terminal

HELP = """python -m verify.check [FILE.py] [ID ...] [KEY=VALUE ...]
Checks every claim of a paper at the given parameters; for example: python -m verify.check k=2 n=3
SN5 SN8, or select=SN5,SN8, checks these claims, ignore=SN14 all but these; ids: python -m verify
my_lemmas.py, or paper=my_lemmas.py, checks the lemmas in a file, or the paper that it defines
exit status
  0    every verdict as expected
  1    a verdict that is not the expected one
  2    usage
  3    nothing wrong, but something undecided or skipped, as after Ctrl-C
  4    a check failed, or internal error
"""


def main(words: Sequence[str]) -> int:
    """Checks and reports; the exit status says whether every verdict is the expected one."""
    if asks_for_help(words):
        emit_help(help_text())
        return 0
    words = selected([f"paper={word}" if "=" not in word and is_path(word) else word for word in undashed(words)])
    values = read_words(words)
    paper = get_paper(values["paper"] if "paper" in values else paper_of(values.get("select", "")))
    settings, claims = parse_request(paper, values)
    check_output(settings.output, kinds=kinds_of(settings.format))
    check_output(settings.certificate, key="certificate", kinds=kinds_of("json"))
    start = time.monotonic()
    with Progress() as progress:
        results = run_claims(
            claims,
            settings,
            budget=settings.budget,
            progress=lambda claim, text: progress.doing(f"{claim.id} {claim.title} {text}"),
            finished=lambda result: progress.done(f"{result.claim.id} {result.verdict}  {result.seconds:.1f} s"),
            elsewhere=elsewhere(settings, values, len(claims)),
            kept=kept(settings, values, claims, progress.tell),
        )
    emit(report(paper, settings, results, words, time.monotonic() - start), settings.output)
    if settings.certificate is not None:
        write_certificates(paper, results, settings.certificate)
    return exit_status(results)


ID = re.compile(r"[A-Z]+[0-9]+[a-z]?")


def selected(words: Sequence[str]) -> list[str]:
    """The words with the ids of claims that stand alone, as in SN5 SN8, put together to select=SN5,SN8."""
    ids = [word for word in words if ID.fullmatch(word)]
    if not ids:
        return list(words)
    return [*(word for word in words if word not in ids), f"select={','.join(ids)}"]


def write_certificates(paper: Paper, results: Sequence[Result], path: str) -> None:
    """Writes the certificates of those claims that have one; a line on standard error, and no file, if none has."""
    if any(result.finding.certificate is not None for result in results):
        emit(certificates_json(paper, results), path)
    else:
        log(f"verify.check: certificate={shown(path)}: not written, as no claim here has a certificate")


def parse_request(paper: Paper, values: dict[str, str]) -> tuple[Any, list[Claim]]:
    """The settings that the words mean for this paper, and the claims that they select; UsageError if none can be."""
    settings = validate(paper.settings, {**values, "paper": paper.name})
    claims = select_claims(paper.claims, settings.select, settings.ignore)
    paper.refuse(settings)
    return settings, claims


def elsewhere(settings: CheckSettings, values: dict[str, str], claims: int) -> Elsewhere | None:
    """Where so many claims are checked, if not here."""
    few = claims < MANY or cores() == 1
    if settings.executor == "inline" or (settings.executor == "auto" and settings.workers is None and few):
        return None
    pool = open_pool(settings.executor, settings.workers or cores())
    return Elsewhere(pool, values.get("paper", settings.paper), {**values, "paper": settings.paper})


def report(
    paper: Paper, settings: CheckSettings, results: Sequence[Result], words: Sequence[str], seconds: float
) -> str:
    """The results in the format asked for, of a run that took so many seconds."""
    if settings.format == "json":
        return check_json(settings, results)
    if settings.format == "junit":
        return check_junit(paper, settings, results)
    if settings.format == "markdown":
        return check_markdown(paper, settings, results)
    if settings.format == "html":
        from verify.env import environment
        from verify.report.check_html import check_html  # jinja2 and matplotlib, only where they are needed

        return check_html(
            paper,
            settings,
            results,
            command=shlex.join([*COMMAND, *(word for word in words if not word.startswith("shards="))]),
            command_for=lambda id: command_for(words, id),
            environment=environment(),
        )
    colour = settings.output is None and in_colour()
    width = output_width(PIPE_WIDTH) if settings.output is None else PIPE_WIDTH
    return check_table(
        paper, settings, results, width=width, colour=colour, again=lambda id: command_for(words, id), seconds=seconds
    )


def command_for(words: Sequence[str], id: str) -> str:
    """The command that checks one claim again, or with "" those of this run, at the same parameters."""
    left_out = ("format", "output", "certificate", "budget", "shards", *(("select", "ignore") if id else ()))
    chosen = [word for word in words if word.partition("=")[0] not in left_out]
    chosen = [path if is_path(path := word.removeprefix("paper=")) and path != word else word for word in chosen]
    return shlex.join([*COMMAND, *chosen, *([f"select={id}"] if id else [])])


def help_text() -> str:
    """Keys of every paper, then those that belong to every check."""
    shared = CheckSettings.model_fields
    parts = [f"\npaper={p.name}\n  {p.title}\n{key_help(p.settings, without=shared)}" for p in papers().values()]
    return "".join([HELP, *parts, "\nwith every paper\n", key_help(CheckSettings)])


if __name__ == "__main__":
    run_command("verify.check", main)
