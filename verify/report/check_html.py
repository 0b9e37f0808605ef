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
from verify.claim import NOTHING, Paper, Result
from verify.report import colours
from verify.report.claim_graph import draw_graph
from verify.report.claim_plot import draw_plot
from verify.report.details import details_html
from verify.report.glossary import GRADES, TERMS, TRUST, VERDICTS, explained_in, symbols_in
from verify.report.inline_svg import inline_svg
from verify.report.mathml import statement_html
from verify.report.plain import plain
from verify.report.values import compact, readable, source_html, typeset
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
    found: Markup
    symbols: Sequence[str]
    own: Mapping[str, str]
    command: str
    counterexample: Markup | None
    details: Markup | None
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
    headline = ", ".join(paper.headline(settings).split("  "))
    at = symbols_in([headline], paper.symbols)
    uses = {symbol: [entry.result.claim.id for entry in entries if symbol in entry.symbols] for symbol in paper.symbols}
    return TEMPLATES.get_template("check.html.j2").render(
        paper=paper,
        source=source_html(paper.source),
        headline=headline,
        headline_symbols=at,
        model=[statement_html(part, ids) for part in paper.model],
        version=__version__,
        entries={entry.result.claim.id: entry for entry in entries},
        good=sum(result.as_expected for result in results),
        counts=Counter(result.verdict for result in results),
        surprises=[result for result in results if not result.as_expected],
        nothing=[result.claim.id for result in results if result.reason.startswith(NOTHING)],
        graph=draw_graph({result.claim.id: result.claim.requires for result in results}, controls),
        symbols={symbol: (paper.symbols[symbol], ids) for symbol, ids in uses.items() if ids or symbol in at},
        terms=TERMS,
        grades=GRADES,
        trust=TRUST,
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
    symbols, own = explained_in([*said, *names_in(details, paper.symbols)], paper, claim.id)
    digits = compact(details)
    plot = draw_plot(result.claim.plot, details)
    counterexample = details.pop("counterexample", None)
    return Entry(
        result,
        statement_html(result.claim.title),
        statement_html(result.claim.statement, others),
        statement_html("; ".join(result.claim.assumptions), others),
        typeset(finding.found or "–"),
        symbols,
        own,
        command,
        details_html(counterexample, paper.labels) if counterexample is not None else None,
        details_html(details, paper.labels) if details else None,
        digits,
        inline_svg(plot.figure, name=result.claim.id, label=plot.caption, colours=COLOURS) if plot else None,
        plot.caption if plot else "",
        [other.claim.id for other in results if other.claim.controls == claim.id],
    )


def names_in(value: Any, symbols: Mapping[str, str]) -> set[str]:
    """Words that stand in the details as they do in the glossary: engines, say."""
    if isinstance(value, str):
        return {value} & symbols.keys() if len(value) > 1 else set()
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return set().union(*(names_in(part, symbols) for part in parts))


SHORT = re.compile(r"(; |: |\. ).*")


def short(meaning: str) -> Markup:
    """The first part of what a symbol means, which says what it is."""
    return statement_html(SHORT.sub("", meaning))


def place(reference: str) -> Markup:
    """Where something is written: a link where it is an address, else a page of the documentation."""
    if reference.startswith(("https://", "http://")):
        return Markup('<a href="{0}">{0}</a>').format(reference)
    return Markup("<code>{}</code>").format(reference)


def anchor(word: str, kind: str = "symbol-") -> str:
    """Where the glossary explains the word."""
    return kind + "".join(sign if sign.isalnum() or sign == "_" else f"-{ord(sign):x}" for sign in word)


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
    templates.filters |= {"typeset": typeset, "short": short, "anchor": anchor, "place": place}
    return templates


TEMPLATES = _templates()
