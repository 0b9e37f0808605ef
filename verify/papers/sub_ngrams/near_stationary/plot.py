"""The picture of a run: norms with their intervals, the fit, the claims."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from verify.expressions import read_expression
from verify.papers.sub_ngrams.near_stationary.judge import halves
from verify.report.colours import FIRST, INK, MUTED, SECOND
from verify.report.legend import name_curves
from verify.report.style import SIZE, STYLE

if TYPE_CHECKING:
    from verify.papers.sub_ngrams.near_stationary.result import NearStationary

BELOW = 0.3  # of the smallest number that is shown: where an interval that reaches 0 ends


def norms_figure(found: NearStationary) -> Figure:
    """On logarithmic axes; an interval that reaches 0 runs out of the picture below."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=SIZE, layout="constrained")
        axes = figure.subplots()
        draw_norms(axes, found)
    return figure


def draw_norms(axes: Axes, found: NearStationary) -> None:
    points = [point for point in found.points if point.total.high > 0]
    positive = [x for p in points for x in (p.total.low, p.total.norm, p.total.high) if x > 0] or [1.0]
    floor = BELOW * min(positive)
    for method, colour, marker, label in (("all", INK, "o", "all sequences"), ("drawn", FIRST, "s", "drawn, interval")):
        shown = [point for point in points if point.method == method]
        norms = [max(point.total.norm, floor) for point in shown]
        below = [norm - max(p.total.low, floor / 2) for norm, p in zip(norms, shown, strict=True)]
        above = [p.total.high - norm for norm, p in zip(norms, shown, strict=True)]
        if shown:
            axes.errorbar(
                [point.T for point in shown],
                norms,
                yerr=[np.maximum(below, 0), np.maximum(above, 0)],
                color=colour,
                marker=marker,
                markersize=4,
                linestyle="",
                linewidth=1.2,
                capsize=2.5,
                label=label,
            )
    T = np.geomspace(min(p.T for p in points), max(p.T for p in points), 100) if points else np.ones(1)
    fitted = found.fit
    if fitted is not None:
        label = f"fit $T^{{{fitted.exponent:.2f}}}$"
        axes.plot(T, fitted.C * T**fitted.exponent, color=MUTED, linewidth=1, label=label)
    rate = found.settings.rate
    early, late = halves(found.settings.lengths)
    if rate is not None and late and all(any(t == p.T for p in points) for t in early):
        C = max(p.total.high * p.T**rate for p in points if p.T in early)
        span = np.geomspace(max(early), max(late), 50)
        label = f"claimed at most, $C\\,T^{{-{rate:g}}}$"
        axes.plot(span, C * span**-rate, color=SECOND, linestyle="--", linewidth=1.2, label=label)
    if found.settings.bound is not None:
        bound = read_expression(found.settings.bound, "T")
        label = f"claimed at most, {bound.text}"
        axes.plot(T, [bound(float(t)) for t in T], color=SECOND, linestyle=":", linewidth=1.2, label=label)
    axes.set(xscale="log", yscale="log", xlabel="sequence length T", ylabel="norm of the gradient")
    axes.set_ylim(bottom=floor)
    axes.set_xticks([p.T for p in points], [str(p.T) for p in points])
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=12))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.grid(axis="y", linewidth=0.6)
    name_curves(axes)
