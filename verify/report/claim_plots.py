"""Plots of what claims have found, drawn from the details of their findings."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler

from verify.report.gradient_plot import draw_decay
from verify.report.norms import NormPoint
from verify.report.picture import settle

SIZE = 4.8, 3.0  # inches: still readable at the width of a telephone
INK, MUTED, GRID, FIRST, SECOND = "#1a1b1e", "#6a6c72", "#c9cbd1", "#1b5e9b", "#b3541e"
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
class Plot:
    """A figure, and the sentence below it that says what it shows."""

    figure: Figure
    caption: str


Draw = Callable[[Axes, Mapping[str, Any]], str]  # draws the details into the axes and returns the caption


def claim_plot(id: str, details: Mapping[str, Any]) -> Plot | None:
    """The plot of this claim's details (in plain values, as in JSON); None if it has none, or they are not there."""
    needs, draw = PLOTS.get(id, ((), None))
    if draw is None or not all(details.get(key) for key in needs):
        return None
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=SIZE, layout="constrained")
        caption = draw(figure.subplots(), details)
        settle(figure)
    return Plot(figure, caption)


def draw_gradient_decay(axes: Axes, details: Mapping[str, Any]) -> str:
    points = [NormPoint(p["T"], math.log(p["T"]), p["norms"]["total"], p["errors"]["total"]) for p in details["points"]]
    draw_decay(axes, {"all parameters": points})
    return "Norm of the population gradient along c = log T, with its error bars, beside the predicted slope −1."


def draw_hessian(axes: Axes, details: Mapping[str, Any]) -> str:
    hessian = details["hessian"]
    values = sorted(hessian["eigenvalues"])
    axes.axhline(0, color=MUTED, linewidth=0.8)
    axes.plot(range(1, len(values) + 1), values, ".", color=FIRST, markersize=4)
    axes.axhline(
        hessian["predicted_lowest"], color=SECOND, linestyle="--", linewidth=1, label="predicted lowest eigenvalue"
    )
    axes.set(xlabel="eigenvalue, in rising order", ylabel="eigenvalue of the Hessian")
    axes.set_yscale("symlog", linthresh=1e-3)
    axes.legend(fontsize=8, loc="lower right")
    return (
        f"The {len(values)} eigenvalues of the Hessian at T={hessian['T']}, q={hessian['q']}; {hessian['negative']} "
        "are negative. The scale is linear between −0.001 and 0.001, logarithmic beyond."
    )


def draw_soft_heads(axes: Axes, details: Mapping[str, Any]) -> str:
    gaps = details["mean |p_soft - p_hard|"]
    axes.errorbar(
        details["T"],
        [gap for gap, _ in gaps],
        yerr=[2 * error for _, error in gaps],
        marker="o",
        markersize=4,
        capsize=2,
        linewidth=1.2,
    )
    axes.set(xscale="log", xlabel="sequence length T", ylabel="mean |p_soft − p_hard|")
    axes.set_ylim(bottom=0)
    axes.set_xticks(details["T"], [str(T) for T in details["T"]])
    axes.minorticks_off()
    axes.grid(alpha=0.5)
    return "Mean distance between the outputs with soft and with hard heads; the bars are two standard errors."


def draw_plateaus(axes: Axes, details: Mapping[str, Any]) -> str:
    for level in details["levels"]:
        axes.axhline(level["loss"], color=MUTED, linewidth=0.8, linestyle="--")
        axes.annotate(
            level["name"], (1.0, level["loss"]), xycoords=("axes fraction", "data"), xytext=(3, 0),
            textcoords="offset points", va="center", fontsize=8, annotation_clip=False,
        )  # fmt: skip
    for plateau in details["plateaus"]:
        axes.plot([plateau["first"], plateau["last"]], [plateau["loss"]] * 2, color=FIRST, linewidth=3)
    for jump in details["jumps"]:
        axes.axvspan(jump["first"], jump["last"], color=SECOND, alpha=0.18, linewidth=0)
    axes.set(xlabel="training step", ylabel="loss in nats")
    return (
        "Mean loss on each plateau of the recorded run (bars) and the k-gram losses (dashed); "
        "shaded steps are the jumps."
    )


def draw_critical_points(axes: Axes, details: Mapping[str, Any]) -> str:
    for value, *eigenvalues in details[CRITICAL].values():
        axes.plot(
            [float(Fraction(value))] * len(eigenvalues),
            [float(Fraction(eigenvalue)) for eigenvalue in eigenvalues],
            "_",
            color=FIRST,
            markersize=11,
            markeredgewidth=1.6,
        )
    axes.axhline(0, color=MUTED, linewidth=0.8)
    axes.set(xlabel="loss L of the critical point", ylabel="eigenvalues of its Hessian")
    axes.grid(alpha=0.5)
    return "Eigenvalues of the Hessian at every kind of critical point, above the loss there."


CRITICAL = "S: value, Hessian eigenvalues at A=I"
PLOTS: dict[str, tuple[tuple[str, ...], Draw]] = {
    "SN7": (("points",), draw_gradient_decay),
    "SN12": (("hessian",), draw_hessian),
    "SN14": (("T", "mean |p_soft - p_hard|"), draw_soft_heads),
    "SN14c": (("T", "mean |p_soft - p_hard|"), draw_soft_heads),
    "SN15": (("levels", "plateaus", "jumps"), draw_plateaus),
    "MF6": ((CRITICAL,), draw_critical_points),
}
