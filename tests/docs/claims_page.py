"""Writes docs/claims.md, whose rows tests compare: python -m tests.docs.claims_page, after a change of a claim."""

from __future__ import annotations

import re

from tests.docs.pages import DOCS
from verify.claim import Evidence, Result
from verify.registry import papers
from verify.report.check_markdown import check_markdown
from verify.runner import run_claims
from verify.settings import validate

PAGE = DOCS / "claims.md"
COMMANDS = {"sub-n-grams": "k=2 n=3", "mean-field": "paper=mean-field", "next-token": "paper=next-token"}
INTRODUCTION = """\
# All claims at their defaults

What the check of each paper prints at its default parameters, claim by claim: how the columns read is told with
[one of them](verdicts.md), what decides each with [all of them](decided.md). A claim that is *REFUTED, as due* is a
control, false on purpose; the id leads to the derivation. A test compares each row with what the program finds; numbers
in rows graded `numeric` and `statistical`, which rest on floats, are examples of one machine.
"""
NUMBER = re.compile(r"\d[\d.]*(?:e\\?[-+]?\d+)?")


def row(result: Result) -> str:
    """The line of the page on this claim."""
    paper = papers()[next(name for name, known in papers().items() if result.claim in known.claims)]
    line = check_markdown(paper, validate(paper.settings, {"paper": paper.name}), [result]).splitlines()[-1]
    id = result.claim.id
    return line.replace(f"| {id} |", f"| [{id}](#{id.lower()}) |", 1)


def compared(line: str) -> str:
    """The line as it is on any machine: without the numbers that it finds in floats."""
    cells = re.split(r"(?<!\\) \| ", line)
    if len(cells) > 4 and set(cells[3].split(", ")) & {Evidence.NUMERIC, Evidence.STATISTICAL}:
        cells[4] = NUMBER.sub("#", cells[4])
        cells[5] = NUMBER.sub("#", cells[5])
    return " | ".join(cells)


def rows() -> dict[str, str]:
    """The lines of the page by the id of their claim, as they are compared."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    return {match[1]: compared(line) for line in lines if (match := re.match(r"\| \[(\w+)\]", line))}


def page() -> str:
    parts = [INTRODUCTION]
    for name, words in COMMANDS.items():
        paper = papers()[name]
        results = run_claims(paper.claims, validate(paper.settings, {"paper": name}))
        head = check_markdown(paper, validate(paper.settings, {"paper": name}), results).splitlines()[2:4]
        parts.append(f"## {paper.title}\n\n```console\n$ python -m verify.check {words}\n```\n")
        parts.append("\n".join([*head, *map(row, results)]) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
