"""The one style of all figures: of reports, of commands and of the documentation."""

from __future__ import annotations

from typing import Any

from matplotlib.rcsetup import cycler

from verify.report.colours import CURVES, GRID, INK

SIZE = 4.8, 3.0  # inches: still readable at the width of a telephone
TALL = 4.8, 6.4  # of two panels, one below the other
STYLE: Any = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.prop_cycle": cycler(color=CURVES),
    "grid.color": GRID,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}
