"""A training run as a figure: the loss between the k-gram levels, the population gradient, attention on plateaus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from numerics.sub_ngrams.gradient_norm import TOTAL
from numerics.sub_ngrams.stages import Stages
from numerics.sub_ngrams.symmetries import attention_maps
from numerics.sub_ngrams.trajectory import Trajectory
from verify.papers.sub_ngrams.training.report import plateau_steps
from verify.report.picture import fix_layout

WIDTH = 6.75  # inches: the text width of a page
INK, LOSS, LEVEL = "#222222", "#1b5e9b", "#8a8a8a"
GROUPS = {TOTAL: ("all parameters", INK), "A": ("attention logits $A$", "#c4511d")}
SHADE = "#e9eef4"
STYLE: Any = {
    "font.size": 8,
    "font.family": "serif",
    "mathtext.fontset": "cm",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
}
MAX_MAPS = 4  # plateaus whose attention is drawn


def training_figure(trajectory: Trajectory, stages: Stages) -> Figure:
    """Loss and gradient over the steps, one below the other; below them the heads' maps at the middle of each
    plateau.
    """
    steps = plateau_steps(stages)[:MAX_MAPS] or [max(trajectory.networks)]
    heads = trajectory.shape[1] - 1
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 5.6), layout="constrained")
        halves: Any = figure.subfigures(2, 1, height_ratios=[3.4, 1.9])
        above, below = halves
        loss, gradient = above.subplots(2, 1, sharex=True, height_ratios=[1.7, 1])
        _shade(loss, stages)
        _shade(gradient, stages)
        _draw_loss(loss, trajectory, stages)
        _draw_gradient(gradient, stages)
        maps = below.subplots(1, len(steps) * heads, squeeze=False)[0]
        _draw_maps(list(maps), trajectory, steps)
        fix_layout(figure)
    return figure


def _draw_loss(axes: Axes, trajectory: Trajectory, stages: Stages) -> None:
    for level in stages.levels:
        axes.axhline(
            level.loss, color=LEVEL, linewidth=0.7, linestyle=(0, (5, 3)) if level.k else (0, (1, 2)), zorder=1
        )
        axes.annotate(
            level.name, (1.0, level.loss), xycoords=("axes fraction", "data"), xytext=(3, 0),
            textcoords="offset points", va="center", color=INK, annotation_clip=False,
        )  # fmt: skip
    axes.plot(trajectory.steps, trajectory.losses, color=LOSS, linewidth=1.2, zorder=3)
    for jump in stages.jumps:
        middle = (jump.first + jump.last) / 2
        axes.axvline(middle, color="#c4511d", linewidth=0.6, linestyle=":", zorder=2)
        axes.text(middle, 1.0, "jump", transform=axes.get_xaxis_transform(), ha="center", va="bottom", fontsize=7)
    axes.set_ylabel("test loss")
    axes.set_xlim(trajectory.steps[0], trajectory.steps[-1])


def _draw_gradient(axes: Axes, stages: Stages) -> None:
    for name, (label, colour) in GROUPS.items():
        known = [(shot.step, shot.gradients[name]) for shot in stages.snapshots if shot.gradients[name].squared > 0]
        if not known:
            continue
        steps = [step for step, _ in known]
        axes.plot(
            steps, [g.norm for _, g in known], color=colour, linewidth=0.9, marker=".", markersize=2.5, label=label
        )
        low = [max(g.squared - 2 * g.standard_error, 0.0) ** 0.5 for _, g in known]
        high = [(g.squared + 2 * g.standard_error) ** 0.5 for _, g in known]
        axes.fill_between(steps, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.set_yscale("log")
    norms = [shot.gradients[name].norm for shot in stages.snapshots for name in GROUPS]
    axes.set_ylim(bottom=min((norm for norm in norms if norm > 0), default=1e-3) / 3)  # error bars may reach to 0
    axes.set_ylabel("population gradient")
    axes.set_xlabel("step")
    axes.legend(frameon=False, loc="upper right", ncols=2, fontsize=7)


def _draw_maps(axes: Sequence[Axes], trajectory: Trajectory, steps: Sequence[int]) -> None:
    heads = trajectory.shape[1] - 1
    for i, ax in enumerate(axes):
        step, h = steps[i // heads], i % heads
        ax.imshow(attention_maps(trajectory.networks[step])[h].numpy(), cmap="Greys", vmin=0, vmax=1, aspect="equal")
        ax.set_title(f"step {step}, head {h + 1}", fontsize=8)
        ax.set_xticks([])
        ax.set_yticks([])
        for spine in ax.spines.values():
            spine.set_visible(True)
        ax.set_xlabel("attended position", fontsize=7)
        if i == 0:
            ax.set_ylabel("position", fontsize=7)


def _shade(axes: Axes, stages: Stages) -> None:
    for plateau in (plateau for plateau in stages.plateaus if plateau.on_level):
        axes.axvspan(plateau.first, plateau.last, color=SHADE, linewidth=0, zorder=0)
