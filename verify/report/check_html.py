"""Results of a check as one page of HTML that loads nothing: for a screen of any width, and for paper."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from verify import __version__
from verify.claim import Paper, Result
from verify.report import colours
from verify.report.claim_graph import draw_graph
from verify.report.claim_plot import draw_plot
from verify.report.glossary import GRADES, TERMS, VERDICTS, symbols_in
from verify.report.inline_svg import inline_svg
from verify.report.mathml import statement_html
from verify.report.plain import plain
from verify.report.values import (
    compact,
    is_matrix,
    is_pairs,
    is_short,
    matrix_html,
    readable,
    rows,
    source_html,
    typeset,
)
from verify.settings import Settings

COLOURS = {
    colours.INK: "var(--ink)",
    colours.MUTED: "var(--muted)",
    "#999999": "var(--muted)",  # the slope in the picture of the decay
    colours.GRID: "var(--line)",
    colours.FIRST: "var(--first)",
    colours.SECOND: "var(--second)",
}


@dataclass(frozen=True)
class Entry:
    """What the page says about one claim, beyond its result."""

    result: Result
    title: Markup
    statement: Markup
    assumptions: Markup
    symbols: Sequence[str]
    command: str
    counterexample: Any
    details: Mapping[str, Any]
    json: str
    plot: Markup | None
    caption: str
    controls: Sequence[str]


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
    entries = [_entry(paper, result, results, command_for(result.claim.id)) for result in results]
    controls = {id: result.claim.controls for id, result in zip(ids, results, strict=True) if result.claim.control}
    uses = {symbol: [entry.result.claim.id for entry in entries if symbol in entry.symbols] for symbol in paper.symbols}
    return TEMPLATES.get_template("check.html.j2").render(
        paper=paper,
        source=source_html(paper.source),
        headline=", ".join(paper.headline(settings).split("  ")),
        version=__version__,
        entries={entry.result.claim.id: entry for entry in entries},
        good=sum(result.as_expected for result in results),
        counts=Counter(result.verdict for result in results),
        surprises=[result for result in results if not result.as_expected],
        graph=draw_graph({result.claim.id: result.claim.requires for result in results}, controls),
        symbols={symbol: (paper.symbols[symbol], ids) for symbol, ids in uses.items() if ids},
        terms=TERMS,
        grades=GRADES,
        verdicts=VERDICTS,
        origins=any(mark in result.claim.statement for result in results for mark in ("[F]", "[D]")),
        command=command,
        environment=environment,
    )


def _entry(paper: Paper, result: Result, results: Sequence[Result], command: str) -> Entry:
    claim, finding = result.claim, result.finding
    others = [other.claim.id for other in results if other is not result]
    said = [claim.title, claim.statement, *claim.assumptions, finding.scope, finding.found, finding.predicted]
    details = plain(finding.details)
    digits = compact(details)
    plot = draw_plot(result.claim.plot, details)
    return Entry(
        result,
        statement_html(result.claim.title),
        statement_html(result.claim.statement, others),
        statement_html("; ".join(result.claim.assumptions), others),
        symbols_in(said, paper.symbols),
        command,
        details.pop("counterexample", None),
        details,
        digits,
        inline_svg(plot.figure, name=result.claim.id, label=plot.caption, colours=COLOURS) if plot else None,
        plot.caption if plot else "",
        [other.claim.id for other in results if other.claim.controls == claim.id],
    )


SHORT = re.compile(r"(; |: |\. ).*")


def short(meaning: str) -> Markup:
    """The first part of what a symbol means, which says what it is."""
    return statement_html(SHORT.sub("", meaning))


def anchor(symbol: str) -> str:
    """Where the glossary explains the symbol."""
    return "symbol-" + "".join(sign if sign.isalnum() or sign == "_" else f"-{ord(sign):x}" for sign in symbol)


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
    templates.filters |= {"compact": compact, "typeset": typeset, "rows": rows, "matrix_html": matrix_html}
    templates.filters |= {"short": short, "anchor": anchor, "linked": statement_html}
    templates.tests |= {"short": is_short, "pairs": is_pairs, "matrix": is_matrix}
    return templates


TEMPLATES = _templates()
