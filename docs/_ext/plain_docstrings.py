"""Docstrings of this project are plain text, with aligned lists and formulas: shown as they are.

A paragraph that is indented, or has columns, is kept line by line; the rest is running text. Identifiers of claims
become links to the page of the mathematics, and a check's docstring ends in a link to the claim that it decides.
"""

import re
from typing import Any

from sphinx.application import Sphinx

from verify.registry import papers

CLAIMS = {claim.id: claim for paper in papers().values() for claim in paper.claims}
CLAIM = re.compile(r"\b[A-Z]{2}\d+[a-z]?\b")
COLUMNS = re.compile(r"\S {2,}\S")
SPECIAL = re.compile(r"([\\*_`|<>:])")


def with_links(text: str) -> str:
    """The text with nothing in it that reads as markup, but links at the claims."""

    def link(found: re.Match[str]) -> str:
        return f"\\ :ref:`{found[0]} <{found[0].lower()}>`\\ " if found[0] in CLAIMS else found[0]

    return CLAIM.sub(link, SPECIAL.sub(r"\\\1", text))


def paragraphs(lines: list[str]) -> list[list[str]]:
    """Runs of lines without an empty one."""
    runs: list[list[str]] = [[]]
    for line in lines:
        if line.strip():
            runs[-1].append(line)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def rewrite(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """The handler of autodoc's event: changes the lines in place."""
    result: list[str] = []
    for run in paragraphs(lines):
        if any(line.startswith(" ") or COLUMNS.search(line) for line in run):
            result += ["::", "", *(f"    {line}" for line in run), ""]
        else:
            result += [with_links(" ".join(run)), ""]
    decided = next((claim for claim in CLAIMS.values() if claim.check is thing), None)
    if decided is not None:
        result += [f"Decides {with_links(decided.id)}.", ""]
    lines[:] = result


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", rewrite)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
