"""Results of a check as a table for people."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable, Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from verify.claim import Paper, Result, Verdict
from verify.printing import printable
from verify.settings import Settings

COLUMNS = ("id", "claim", "verdict", "evidence", "found", "predicted", "scope")
UNBROKEN = ("id", "verdict", "evidence")
GAP = 3  # between columns
NARROW = 110  # columns of a terminal in which seven columns are too many
CALM = {Verdict.VERIFIED: "green", Verdict.REFUTED: "green", Verdict.UNDECIDED: "dim"}  # of verdicts that are expected
LOUD = "bold red"
INDENT = 7  # of what belongs to a claim, below the table


def check_table(
    paper: Paper,
    settings: Settings,
    results: Sequence[Result],
    *,
    width: int,
    colour: bool,
    again: Callable[[str], str],
    seconds: float | None = None,
) -> str:
    """One row per claim: the number that decides beside the predicted one, and the scope of the verdict.

    Below NARROW columns it is one block per claim, a line for each cell. `again` is the command that checks the claim
    with this id once more, or with "" all of them: what one may type next ends the table. seconds: that the run took,
    by default all claims one after the other.
    """
    table = narrow_table(results) if width < NARROW else wide_table(results, width)
    lines = io.StringIO()
    console = Console(file=lines, width=width, force_terminal=colour, no_color=not colour, highlight=False)
    console.print(Text(printable(f"{paper.name}   {paper.headline(settings)}") + "\n"))
    console.print(table)
    for result in results:
        if result.finding.footnote:
            console.print(Text(footnote(result, width)))
    good = sum(result.as_expected for result in results)
    seconds = sum(result.seconds for result in results) if seconds is None else seconds
    summary = Text(f"{good} of {len(results)} as expected", style="" if good == len(results) else LOUD)
    if paper.provenance:
        console.print(Text(printable(paper.provenance)))
    console.print(summary.append(f" in {seconds:.1f} s", style="not bold default"))
    first = next((r.claim.id for r in results if not r.as_expected), results[0].claim.id)
    steps = {"details": f"{again(first)} format=json", "report": f"{again('')} format=html output=report.html"}
    for what, command in steps.items():  # each is pasted as one line
        console.print(Text(f"{what}: {printable(command)}"), soft_wrap=True)
    return "".join(line.rstrip() + "\n" for line in lines.getvalue().splitlines())


def footnote(result: Result, width: int) -> str:
    """The lines of a claim's footnote beside its id, folded below themselves."""
    indent = " " * INDENT
    lines = []
    for line in printable(result.finding.footnote, keep="\n").splitlines():
        lines += textwrap.wrap(line, max(width - INDENT, 40), subsequent_indent="    ", break_on_hyphens=False) or [""]
    lines = [indent + line for line in lines]
    return "\n".join([result.claim.id.ljust(INDENT) + lines[0].strip(), *lines[1:]]) + "\n"


def wide_table(results: Sequence[Result], width: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    rows = [cells(result) for result in results]
    for column, cell_width in zip(COLUMNS, widths([[cell.plain for cell in row] for row in rows], width), strict=True):
        table.add_column(column, overflow="fold", no_wrap=column in UNBROKEN, width=cell_width)
    for row in rows:
        table.add_row(*row)
    return table


def widths(rows: Sequence[Sequence[str]], width: int) -> list[int | None]:
    """Of the columns of a table so wide, where rich would break a word in two; else None, and rich has its way."""
    columns = [[name, *cells] for name, *cells in zip(COLUMNS, *rows, strict=True)]
    longest = [max(map(cell_len, column)) for column in columns]
    words = [max(cell_len(word) for cell in column for word in cell.split()) for column in columns]
    room = width - GAP * (len(columns) - 1)
    fixed = [n if name in UNBROKEN else 1 for name, n in zip(COLUMNS, longest, strict=True)]
    even = narrowed(longest, fixed, room)
    whole = narrowed(longest, [max(pair) for pair in zip(fixed, words, strict=True)], room)
    broken = any(word > n for word, n in zip(words, even, strict=True))
    return [*whole] if broken and sum(whole) <= room else [None] * len(columns)


def narrowed(longest: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Widths that fit into the room, if these least ones do: the widest that can gives way first."""
    found = [*longest]
    while sum(found) > room and (wide := [i for i in range(len(found)) if found[i] > least[i]]):
        found[max(wide, key=found.__getitem__)] -= 1
    return found


def narrow_table(results: Sequence[Result]) -> Table:
    table = Table.grid(padding=(0, 2))
    for result in results:
        id, *rest = cells(result)
        for column, cell in zip(COLUMNS[1:], rest, strict=True):
            table.add_row(id if column == COLUMNS[1] else "", column, cell)
    return table


def cells(result: Result) -> list[Text]:
    """In the order of COLUMNS."""
    finding, surprise = result.finding, "" if result.as_expected else f" (expected {result.expected})"
    if result.as_expected and result.verdict is Verdict.REFUTED:
        surprise = ", as due"
    verdict = Text(result.verdict + surprise, style=CALM[result.verdict] if result.as_expected else LOUD)
    evidence = ", ".join(grade for grade in (finding.evidence, result.general) if grade)
    found = "; ".join(text for text in (finding.found, finding.reason) if text)
    texts = [evidence, found, finding.predicted, finding.scope]
    return [Text(result.claim.id), Text(result.claim.title), verdict, *(Text(printable(text)) for text in texts)]
