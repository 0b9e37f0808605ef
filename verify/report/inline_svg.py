"""Figures as SVG inside a page: letters stay text, colours follow the page, identifiers stay apart."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping

import matplotlib
from markupsafe import Markup, escape
from matplotlib.figure import Figure


def inline_svg(figure: Figure, *, name: str, label: str, colours: Mapping[str, str]) -> Markup:
    """The figure as an <svg> element.

    name     goes before every identifier, so that several figures fit on a page
    label    what a screen reader says
    colours  what replaces each colour (#rrggbb) of the figure, for example var(--ink)
    """
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "landscape-verifier", "svg.fonttype": "none"}):
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]  # the XML declaration has no place inside a page
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' (?:width|height)="[\d.]+pt"', "", svg, count=2)
    svg = re.sub(r' xmlns(?::\w+)?="[^"]*"', "", svg).replace("xlink:href", "href")
    svg = re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    for colour, replacement in colours.items():
        svg = re.sub(re.escape(colour), replacement, svg, flags=re.IGNORECASE)
    return Markup(svg.replace("<svg", f'<svg role="img" aria-label="{escape(label)}"', 1))
