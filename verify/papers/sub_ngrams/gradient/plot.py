"""Pictures of the gradient over lengths and scales: its decay in T, and the map over (T, c)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from verify.papers.sub_ngrams.gradient.norms import NormPoint
from verify.report.colours import MARKERS, MUTED
from verify.report.legend import name_curves
from verify.report.style import SIZE, STYLE, TALL

FloatArray = npt.NDArray[np.float64]


@mpl.rc_context(STYLE)
def gradient_figure(title: str, curves: Mapping[str, Sequence[NormPoint]]) -> Figure:
    """Left: norm against T, one curve per label. Right, where several T have several c: the map over (T, c).

    Predicted in the map: up to about c = log T the gradient falls with c, like its part at infinite length, of order
    sqrt(c) e^-c. Above, the part of finite length remains, of order sqrt(c)/T in Q and K at most and, seen at
    alpha = 1, c log T / T^2 in V: it stops vanishing where c is of the order of T^2 / log T.
    """
    points = [point for curve in curves.values() for point in curve]
    scales = Counter(T for T, _ in {(p.T, p.c) for p in points if p.norm > 0})
    with_map = sum(count > 1 for count in scales.values()) > 1 and scales.total() >= 6  # not all points on one curve
    figure = Figure(figsize=TALL if with_map else SIZE, layout="constrained")
    axes = figure.subplots(2 if with_map else 1, 1, squeeze=False)[:, 0]
    axes[0].set_title(title)
    draw_decay(axes[0], curves)
    if with_map:
        draw_map(axes[1], points)
    return figure


def draw_decay(
    axes: Axes,
    curves: Mapping[str, Sequence[NormPoint]],
    fall: Callable[[FloatArray], FloatArray] = lambda T: 1 / T,
    name: str = "slope -1",
) -> None:
    """Norm against T on logarithmic axes, with its bound if there is one and, for the eye, what falls like `fall`."""
    for (label, curve), marker in zip(curves.items(), cycle(MARKERS), strict=False):
        shown = sorted((p for p in curve if p.norm > 0), key=lambda p: p.T)
        drawn = axes.errorbar(
            [p.T for p in shown],
            [p.norm for p in shown],
            yerr=[min(p.error, p.norm * 0.999) for p in shown],
            marker=marker,
            markersize=4,
            capsize=2,
            linewidth=1.2,
            label=label,
        )
        limits = [(p.T, p.bound) for p in shown if p.bound is not None]
        if limits:
            colour = drawn.lines[0].get_color()
            axes.plot(*zip(*limits, strict=True), color=colour, linestyle="-.", linewidth=1, label=f"{label}, bound")
    every = [p for curve in curves.values() for p in curve if p.norm > 0]
    if every:
        first = min(p.T for p in every)
        T = np.geomspace(first, max(p.T for p in every), 100)
        start = max(p.norm for p in every if first == p.T)
        axes.plot(T, start * fall(T) / fall(T[:1]), color=MUTED, linestyle="--", linewidth=1, label=name)
    scale = "log" if every else "linear"  # of nothing there is no logarithm
    axes.set(xscale=scale, yscale=scale, xlabel="sequence length T", ylabel="norm of the parameter gradient")
    axes.grid(alpha=0.25)
    name_curves(axes)


def draw_map(axes: Axes, points: Sequence[NormPoint]) -> None:
    """log10 of the norm over (T, c), interpolated between the computed points, with the predicted lines."""
    positive = [p for p in points if p.norm > 0]
    T, c = np.array([p.T for p in positive], float), np.array([p.c for p in positive])
    norm = np.array([p.norm for p in positive])
    # contours of the logarithm: between the points it is far nearer to linear than the norm is
    log_norm = np.log10(norm)
    levels = np.linspace(log_norm.min(), log_norm.max() + 1e-9, 25)
    image = axes.tricontourf(T, c, log_norm, levels=levels, cmap="cividis")
    axes.plot(T, c, ".", color="white", markersize=3, alpha=0.7)
    grid = np.geomspace(T.min(), T.max(), 200)
    lines = ((np.log(grid), r"$c = \log\,T$", "--"), (grid**2 / np.log(grid), r"$c = T^2 / \log\,T$", ":"))
    for curve, label, style in lines:
        inside = (curve >= c.min()) & (curve <= c.max())
        if inside.any():
            axes.plot(grid[inside], curve[inside], color="white", linestyle=style, linewidth=1.6, label=label)
    draw_where_the_bound_says_something(axes, positive)
    bar = axes.figure.colorbar(image, ax=axes, format=lambda value, _: f"{10**value:.2g}")
    bar.set_label("norm of the parameter gradient")
    axes.set(xscale="log", xlabel="sequence length T (tokens)", ylabel="scale c = log q (nats)")
    axes.xaxis.set_minor_formatter(NullFormatter())
    if axes.get_legend_handles_labels()[0]:
        name_curves(axes, frameon=True, facecolor="0.4", labelcolor="white")


def draw_where_the_bound_says_something(axes: Axes, points: Sequence[NormPoint]) -> None:
    """The line where the bound on the norm is 1, if it is both below and above 1 at some of the points."""
    bounded = [(p.T, p.c, math.log10(p.bound)) for p in points if p.bound is not None and p.bound > 0]
    if bounded and min(b for _, _, b in bounded) < 0 < max(b for _, _, b in bounded):
        T, c, bound = (np.array(values) for values in zip(*bounded, strict=True))
        lines = axes.tricontour(T, c, bound, levels=[0.0], colors="white", linestyles="-.", linewidths=1.6)
        axes.clabel(lines, fmt={0.0: "bound = 1"}, fontsize=8)
