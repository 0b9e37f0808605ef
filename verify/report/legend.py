"""The names of curves: told apart by more than colour, and never on top of what is drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.container import Container
from matplotlib.lines import Line2D
from matplotlib.transforms import Bbox, ScaledTranslation

from verify.report.colours import MARKERS

BELOW = 33 / 72  # inches from the axes to what stands below the name of the horizontal one
DENSE = 12  # points of a line from which on not each of them is marked
ENOUGH = 0.16  # between two marks, of the diagonal of the axes


def name_curves(axes: Axes, **options: Any) -> None:
    """The legend of what has a label, inside the axes where it covers no line, else below them.

    Call it when all is drawn. Lines that look the same but for their colour get marks of their own. `options` are those
    of matplotlib's legend.
    """
    _mark(axes)
    figure = axes.get_figure(root=True)
    assert figure is not None
    axes.legend(**options)
    figure.draw_without_rendering()
    if covered(axes):
        below = axes.transAxes + ScaledTranslation(0, -BELOW, figure.dpi_scale_trans)
        place = {"loc": "upper left", "bbox_to_anchor": (0, 0), "bbox_transform": below, "borderaxespad": 0}
        legend = axes.legend(**{"ncols": 2} | options | place)
        legend.set_in_layout(False)  # until it is known how wide it is
        figure.draw_without_rendering()
        if legend.get_window_extent().x1 > figure.bbox.x1:
            legend = axes.legend(**options | place | {"ncols": 1})
        legend.set_in_layout(True)


def covered(axes: Axes) -> list[str]:
    """Labels of the lines and error bars that its legend covers, as it was drawn last. Empty without a legend."""
    legend = axes.get_legend()
    box = Bbox.intersection(legend.get_window_extent(), axes.bbox) if legend else None  # lines are cut off outside
    if box is None:
        return []
    bars = [part for part in axes.collections if isinstance(part, LineCollection)]
    paths = [(line, line.get_path()) for line in axes.lines] + [(bar, path) for bar in bars for path in bar.get_paths()]
    drawn = [(artist, artist.get_transform().transform_path(path)) for artist, path in paths if np.size(path.vertices)]
    return [
        str(artist.get_label())
        for artist, path in drawn
        if path.intersects_bbox(box, filled=False) or box.count_contains(np.asarray(path.vertices))
    ]


def _mark(axes: Axes) -> None:
    taken = set[tuple[str, str]]()
    for handle in axes.get_legend_handles_labels()[0]:
        line = handle[0] if isinstance(handle, Container) else handle
        if not isinstance(line, Line2D) or line.get_linestyle() == "None":
            continue
        style = str(line.get_linestyle())
        look = style, str(line.get_marker())
        if look in taken:
            look = style, next((mark for mark in MARKERS if (style, mark) not in taken), MARKERS[-1])
            line.set(marker=look[1], markersize=4)
            if np.size(line.get_xdata()) > DENSE:
                line.set_markevery((ENOUGH * len(taken) / len(MARKERS), ENOUGH))
        taken.add(look)
