"""The plot of what a claim has found, drawn from the details of its finding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from verify.claim import Plot
from verify.report.picture import fix_layout
from verify.report.style import SIZE, STYLE


@dataclass(frozen=True)
class Drawn:
    """A figure, and the sentence below it that says what it shows."""

    figure: Figure
    caption: str


def draw_plot(plot: Plot | None, details: Mapping[str, Any]) -> Drawn | None:
    """The plot of these details (in plain values, as in JSON); None if there is none, or they lack what it needs."""
    if plot is None or not all(details.get(key) for key in plot.needs):
        return None
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=SIZE, layout="constrained")
        caption = plot.draw(figure.subplots(), details)
        fix_layout(figure)
    return Drawn(figure, caption)
