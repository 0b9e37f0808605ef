"""Results of a check as a table for people."""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from verify.claim import Paper, Result, Verdict
from verify.settings import Settings

COLOURS = {
    Verdict.VERIFIED: "green",
    Verdict.REFUTED: "yellow",
    Verdict.UNDECIDED: "cyan",
    Verdict.SKIPPED: "cyan",
    Verdict.ERROR: "red",
}


def check_table(
    paper: Paper, settings: Settings, results: Sequence[Result], *, width: int, colour: bool, command: str
) -> str:
    """One row per claim: the number that decides beside the predicted one, and the scope of the verdict."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in ("id", "claim", "verdict", "evidence", "found", "predicted", "scope"):
        table.add_column(column, overflow="fold", no_wrap=column in ("id", "verdict", "evidence"))
    for result in results:
        finding = result.finding
        surprise = "" if result.as_expected else f" (expected {result.expected})"
        verdict = Text(result.verdict + surprise, style=COLOURS[result.verdict] if result.as_expected else "bold red")
        cells = [result.claim.title, finding.evidence or "", finding.found, finding.predicted, finding.scope]
        table.add_row(result.claim.id, cells[0], verdict, *(Text(cell) for cell in cells[1:]))
    lines = io.StringIO()
    console = Console(file=lines, width=width, force_terminal=colour, no_color=not colour, highlight=False)
    console.print(Text(f"{paper.name}   {paper.headline(settings)}\n"))
    console.print(table)
    for result in results:
        if result.finding.footnote:
            console.print(Text(result.finding.footnote))
    good = sum(result.as_expected for result in results)
    seconds = sum(result.seconds for result in results)
    console.print(Text(f"{good} of {len(results)} as expected in {seconds:.1f} s      details: {command}"))
    return "".join(line.rstrip() + "\n" for line in lines.getvalue().splitlines())
