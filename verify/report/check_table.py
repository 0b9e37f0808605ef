"""Results of a check as a table for people."""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from verify.claim import Paper, Result, Verdict
from verify.printing import printable
from verify.settings import Settings

COLUMNS = ("id", "claim", "verdict", "evidence", "found", "predicted", "scope")
NARROW = 110  # columns of a terminal in which seven columns are too many
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
    """One row per claim: the number that decides beside the predicted one, and the scope of the verdict.

    Below NARROW columns it is one block per claim, a line for each cell.
    """
    table = (narrow_table if width < NARROW else wide_table)(results)
    lines = io.StringIO()
    console = Console(file=lines, width=width, force_terminal=colour, no_color=not colour, highlight=False)
    console.print(Text(printable(f"{paper.name}   {paper.headline(settings)}") + "\n"))
    console.print(table)
    for result in results:
        if result.finding.footnote:
            console.print(Text(printable(result.finding.footnote, keep="\n")))
    good = sum(result.as_expected for result in results)
    seconds = sum(result.seconds for result in results)
    last = Text(f"{good} of {len(results)} as expected in {seconds:.1f} s      details: {printable(command)}")
    if paper.provenance:
        console.print(Text(printable(paper.provenance)))
    console.print(last, soft_wrap=True)  # a command is pasted as one line
    return "".join(line.rstrip() + "\n" for line in lines.getvalue().splitlines())


def wide_table(results: Sequence[Result]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in COLUMNS:
        table.add_column(column, overflow="fold", no_wrap=column in ("id", "verdict", "evidence"))
    for result in results:
        table.add_row(*cells(result))
    return table


def narrow_table(results: Sequence[Result]) -> Table:
    table = Table.grid(padding=(0, 2))
    for result in results:
        id, *rest = cells(result)
        for column, cell in zip(COLUMNS[1:], rest, strict=True):
            table.add_row(id if column == COLUMNS[1] else "", column, cell)
    return table


def cells(result: Result) -> list[Text]:
    """In the order of COLUMNS."""
    finding = result.finding
    surprise = "" if result.as_expected else f" (expected {result.expected})"
    verdict = Text(result.verdict + surprise, style=COLOURS[result.verdict] if result.as_expected else "bold red")
    evidence = f"{finding.evidence or ''}{', formal' if result.formal else ''}"
    found = "; ".join(text for text in (finding.found, finding.reason) if text)
    texts = [evidence, found, finding.predicted, finding.scope]
    return [Text(result.claim.id), Text(result.claim.title), verdict, *(Text(printable(text)) for text in texts)]
