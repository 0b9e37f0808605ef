"""Results of a check as one page of HTML that loads nothing: for a screen of any width, and for paper."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from verify import __version__
from verify.claim import Evidence, Paper, Result, Verdict
from verify.printing import printable
from verify.report import colours
from verify.report.claim_graph import HEIGHT, WIDTH, draw_graph
from verify.report.claim_plot import draw_plot
from verify.report.inline_svg import inline_svg
from verify.report.mathml import statement_html
from verify.report.plain import plain
from verify.settings import Settings

GRADES = {
    Evidence.FORMAL: "Proved for all sizes at once, and the proof checked by Coq.",
    Evidence.PROOF: "Proved for all values in the scope, by exact algebra.",
    Evidence.EXACT: "Exact rational numbers at each instance in the scope; no rounded number decides.",
    Evidence.ENCLOSURE: "Interval arithmetic: the true number certainly lies in the interval found.",
    Evidence.STATISTICAL: "Rests on random samples: a confidence interval, which may miss.",
    Evidence.NUMERIC: "Rests on floating-point numbers with estimated errors: support, not proof.",
    Evidence.WRITTEN: "Proved in writing, for people to judge: no program has checked it.",
}
VERDICTS = {
    Verdict.VERIFIED: "a positive test succeeded on every instance in the scope",
    Verdict.REFUTED: "there is a counterexample, and a second computation confirms it",
    Verdict.UNDECIDED: "neither: too little time or precision, or nothing to check",
    Verdict.SKIPPED: "a claim that this one rests on did not come out as expected",
    Verdict.ERROR: "the check itself failed",
}
COLOURS = {
    colours.INK: "var(--ink)",
    colours.MUTED: "var(--muted)",
    "#999999": "var(--muted)",  # the slope in the picture of the decay
    colours.GRID: "var(--line)",
    colours.FIRST: "var(--first)",
    colours.SECOND: "var(--second)",
}
LINE = 88  # letters of a line of details
SHORT = 60  # letters of a value that stands beside its name


@dataclass(frozen=True)
class Entry:
    """What the page says about one claim, beyond its result."""

    result: Result
    title: Markup
    statement: Markup
    assumptions: Sequence[Markup]
    command: str
    counterexample: Any
    details: Mapping[str, Any]
    plot: Markup | None
    caption: str


def check_html(
    paper: Paper,
    settings: Settings,
    results: Sequence[Result],
    *,
    command: str,
    command_for: Callable[[str], str],
    environment: str,
) -> str:
    """The page. It holds no time and no date: the same text for the same results and environment.

    command      what was typed
    command_for  the command that checks the claim of this id again
    environment  versions and devices, for the foot of the page; the rest does not depend on them
    """
    ids = [result.claim.id for result in results]
    entries = [_entry(result, ids, command_for(result.claim.id)) for result in results]
    return TEMPLATES.get_template("check.html.j2").render(
        paper=paper,
        headline=paper.headline(settings),
        version=__version__,
        entries={entry.result.claim.id: entry for entry in entries},
        good=sum(result.as_expected for result in results),
        counts=Counter(result.verdict for result in results),
        surprises=[result for result in results if not result.as_expected],
        graph=draw_graph({result.claim.id: result.claim.requires for result in results}),
        node={"width": WIDTH, "height": HEIGHT},
        grades=GRADES,
        verdicts=VERDICTS,
        origins=any(mark in result.claim.statement for result in results for mark in ("[F]", "[D]")),
        command=command,
        environment=environment,
    )


def _entry(result: Result, ids: Sequence[str], command: str) -> Entry:
    others = [id for id in ids if id != result.claim.id]
    details = plain(result.finding.details)
    plot = draw_plot(result.claim.plot, details)
    return Entry(
        result,
        statement_html(result.claim.title),
        statement_html(result.claim.statement, others),
        [statement_html(assumption, others) for assumption in result.claim.assumptions],
        command,
        details.pop("counterexample", None),
        details,
        inline_svg(plot.figure, name=result.claim.id, label=plot.caption, colours=COLOURS) if plot else None,
        plot.caption if plot else "",
    )


def is_flat(value: Any) -> bool:
    """Whether the value is one number, word or truth value."""
    return value is None or isinstance(value, bool | int | float | str)


def is_short(value: Any) -> bool:
    """Whether the value is flat, or a small list of such."""
    return is_flat(value) or (isinstance(value, list) and all(map(is_flat, value)) and len(compact(value)) <= SHORT)


def is_pairs(value: Any) -> bool:
    """Whether the value is a mapping to short values: a table with a name before each row."""
    return isinstance(value, dict) and bool(value) and all(map(is_short, value.values()))


def is_records(value: Any) -> bool:
    """Whether the value is a list of mappings with the same keys and short values: a table with a head."""
    rows = isinstance(value, list) and bool(value) and all(map(is_pairs, value))
    return rows and all(row.keys() == value[0].keys() for row in value)


def is_matrix(value: Any) -> bool:
    """Whether the value is a list of equally long lists of flat values: a table without a head."""
    if not isinstance(value, list) or not value or not all(isinstance(row, list) and row for row in value):
        return False
    return len({len(row) for row in value}) == 1 and all(is_flat(item) for row in value for item in row)


def readable(value: Any) -> Any:
    """What the page shows of a text: line breaks stay, in code and in what the browser folds."""
    return printable(value, keep="\n") if isinstance(value, str) and not isinstance(value, Markup) else value


def compact(value: Any, indent: int = 0) -> str:
    """The value as JSON, on one line where it fits; numbers that stand together are one line in any case."""
    line = json.dumps(value, ensure_ascii=False)
    parts = value.values() if isinstance(value, Mapping) else value
    if is_flat(value) or indent + len(line) <= LINE or all(map(is_flat, parts)):
        return line
    inner = " " * (indent + 2)
    if isinstance(value, Mapping):
        parts = [f"{json.dumps(key, ensure_ascii=False)}: {compact(item, indent + 2)}" for key, item in value.items()]
        return "{\n" + ",\n".join(inner + part for part in parts) + "\n" + " " * indent + "}"
    return "[\n" + ",\n".join(inner + compact(item, indent + 2) for item in value) + "\n" + " " * indent + "]"


def _templates() -> Environment:
    templates = Environment(
        loader=PackageLoader("verify.report"),
        autoescape=True,
        finalize=readable,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters["compact"] = compact
    templates.tests |= {"short": is_short, "pairs": is_pairs, "records": is_records, "matrix": is_matrix}
    return templates


TEMPLATES = _templates()
