"""The plot of what a claim has found, drawn from the details of its finding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler

from verify.claim import Plot
from verify.report.colours import FIRST, GRID, INK, SECOND
from verify.report.picture import fix_layout

SIZE = 4.8, 3.0  # inches: still readable at the width of a telephone
STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.prop_cycle": cycler(color=[FIRST, SECOND]),
    "grid.color": GRID,
    "legend.frameon": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


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
