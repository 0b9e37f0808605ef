"""Results of a check as a table in Markdown, for the summary of a run of continuous integration."""

from __future__ import annotations

import re
from collections.abc import Sequence

from verify.claim import Paper, Result
from verify.printing import printable
from verify.report.check_table import COLUMNS, cells
from verify.settings import Settings

SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~$-])")


def check_markdown(paper: Paper, settings: Settings, results: Sequence[Result]) -> str:
    """One row per claim, as in the table for people; what is not as expected stands in bold."""
    good = sum(result.as_expected for result in results)
    lines = [
        f"**{escaped(paper.name)}** {escaped(paper.headline(settings))}: {good} of {len(results)} as expected",
        "",
        _row(COLUMNS),
        _row(["---"] * len(COLUMNS)),
    ]
    for result in results:
        texts = [escaped(cell.plain) for cell in cells(result)]
        lines.append(_row(texts if result.as_expected else [f"**{text}**" if text else "" for text in texts]))
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """The text as Markdown shows it."""
    return SPECIAL.sub(r"\\\1", " ".join(printable(text).split()))


def _row(texts: Sequence[str]) -> str:
    return "| " + " | ".join(texts) + " |"
