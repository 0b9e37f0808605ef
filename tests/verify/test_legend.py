"""Names of curves stand where nothing is drawn, and more than colour tells curves apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from verify.report.legend import covered, name_curves


def drawn(draw: Callable[[Axes], object]) -> Axes:
    figure = Figure(figsize=(4.8, 3.0), layout="constrained")
    axes = figure.subplots()
    draw(axes)
    return axes


def lay_out(axes: Axes) -> None:
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()


def everywhere(axes: Axes) -> None:
    x = np.arange(2000)
    axes.plot(x, (-1.0) ** x, label="everywhere")


def rising(axes: Axes) -> None:
    axes.plot(range(5), range(5), label="rising")


@pytest.mark.parametrize(
    ("draw", "place", "found"),
    [
        (rising, "upper left", []),
        (rising, "upper right", ["rising"]),
        (everywhere, "upper left", ["everywhere"]),
        (lambda axes: axes.errorbar([0, 1], [0, 1], yerr=0.3, fmt="o", label="bars"), "lower left", ["_nolegend_"]),
        (lambda axes: axes.plot([0, 0.99, 1], [0, 0.99, 1], ".", label="dots"), "lower left", ["dots"]),
    ],
)
def test_what_a_legend_covers_is_found(draw: Callable[[Axes], object], place: Any, found: list[str]) -> None:
    axes = drawn(draw)
    axes.legend(loc=place)
    lay_out(axes)
    assert covered(axes)[: len(found) or None] == found


@pytest.mark.parametrize("draw", [rising, everywhere])
def test_names_cover_nothing(draw: Callable[[Axes], object]) -> None:
    axes = drawn(draw)
    name_curves(axes)
    lay_out(axes)
    legend = axes.get_legend()
    assert legend is not None and covered(axes) == []
    inside = axes.bbox.overlaps(legend.get_window_extent())
    assert inside == (draw is rising)


def test_below_the_axes_it_stands_below_their_name_and_in_the_figure() -> None:
    axes = drawn(everywhere)
    axes.set_xlabel("a name")
    for long in ("a name that takes more than half of the width", "another name that takes more than half of it"):
        axes.plot([0, 1], [0, 1], label=long)
    name_curves(axes)
    lay_out(axes)
    legend = axes.get_legend()
    assert legend is not None
    assert 0 <= legend.get_window_extent().x0 < legend.get_window_extent().x1 <= 480
    assert 0 <= legend.get_window_extent().y0 < legend.get_window_extent().y1 <= axes.xaxis.label.get_window_extent().y0


def test_curves_of_one_style_get_marks() -> None:
    axes = drawn(lambda axes: [axes.plot(range(50), np.arange(50.0) * i, label=str(i)) for i in range(4)])
    axes.plot(range(50), linestyle=":", label="dotted")
    axes.errorbar([1, 2], [1, 2], fmt="o-", label="one")
    axes.errorbar([1, 2], [2, 1], fmt="o-", label="other")
    name_curves(axes)
    looks = [(line.get_linestyle(), line.get_marker()) for line in axes.lines if line.get_marker() not in ("|", "_")]
    assert len(set(looks)) == len(looks) >= 7
