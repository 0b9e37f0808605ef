"""A training run as a figure: the loss between both ladders of levels, the population gradient and the noise of a batch
apart from it, attention on plateaus.
"""

from __future__ import annotations

import math
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
from verify.report.colours import FIRST, INK, MUTED, SECOND, THIRD
from verify.report.legend import name_curves
from verify.report.picture import fix_layout
from verify.report.style import STYLE, TALL

LOSS, LEVEL, CORRECTED = FIRST, MUTED, THIRD
GROUPS = {TOTAL: ("all parameters", INK), "A": ("attention logits $A$", SECOND)}
PALE = 0.35  # opacity of what stands behind
SHADE = 0.12
IN_A_ROW, MAP_HEIGHT = 4, 1.5  # maps, and inches of a row of them
SMALL = STYLE["legend.fontsize"]
MAX_MAPS = 4  # plateaus whose attention is drawn


def training_figure(
    trajectory: Trajectory, stages: Stages, *, batch: int = 128, beside: Sequence[Trajectory] = ()
) -> Figure:
    """Loss and gradient over the steps, one below the other; below them the heads' maps at the middle of each
    plateau.

    batch   sequences a step: what the noise of a step's gradient is drawn for
    beside  runs of other seeds, whose losses are drawn behind this one's
    """
    steps = plateau_steps(stages)[:MAX_MAPS] or [max(trajectory.networks)]
    heads = trajectory.shape[1] - 1
    with mpl.rc_context(STYLE):
        rows = math.ceil(len(steps) * heads / IN_A_ROW)
        figure = Figure(figsize=(TALL[0], TALL[1] + MAP_HEIGHT * rows), layout="constrained")
        halves: Any = figure.subfigures(2, 1, height_ratios=[TALL[1], MAP_HEIGHT * rows])
        above, below = halves
        loss, gradient = above.subplots(2, 1, sharex=True, height_ratios=[1.7, 1])
        loss.set_title("Loss and gradient in training; grey: plateaus at a level", pad=15)
        _shade(loss, stages)
        _shade(gradient, stages)
        for other in beside:
            loss.plot(other.steps, other.losses, color=LOSS, alpha=PALE, linewidth=0.7, zorder=2)
        _draw_loss(loss, trajectory, stages)
        _draw_gradient(gradient, stages, batch)
        _draw_maps(list(below.subplots(rows, IN_A_ROW, squeeze=False).flat), trajectory, steps)
        below.supxlabel("attended position", fontsize=SMALL)
        below.supylabel("position", fontsize=SMALL)
        fix_layout(figure)
    return figure


def _draw_loss(axes: Axes, trajectory: Trajectory, stages: Stages) -> None:
    lines: list[tuple[str, float, str, Any]] = [
        (level.name, level.loss, LEVEL, (0, (5, 3)) if level.k else (0, (1, 2))) for level in stages.levels
    ]
    lines += [(level.name, level.loss, CORRECTED, (0, (5, 2))) for level in stages.corrected]
    for _, level, colour, style in lines:
        axes.axhline(level, color=colour, linewidth=0.7, linestyle=style, zorder=1)
    axes.plot(trajectory.steps, trajectory.losses, color=LOSS, linewidth=1.2, zorder=3)
    low = min([level for _, level, *_ in lines] + [min(trajectory.losses)])
    high = max([level for _, level, *_ in lines] + [trajectory.losses[0]])
    axes.set_ylim(low - 0.04 * (high - low), high + 0.04 * (high - low))
    for (name, level, colour, _), y in zip(lines, _apart([level for _, level, *_ in lines], axes), strict=True):
        axes.annotate(
            name, (1.0, level), xycoords=("axes fraction", "data"), xytext=(1.02, y),
            textcoords=("axes fraction", "data"),
            va="center", color=INK if colour == LEVEL else colour, fontsize=SMALL, annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.4, "shrinkA": 0, "shrinkB": 0},
        )  # fmt: skip
    for jump in stages.jumps:
        middle = (jump.first + jump.last) / 2
        axes.axvline(middle, color=SECOND, linewidth=0.6, linestyle=":", zorder=2)
        axes.text(middle, 1.0, "jump", transform=axes.get_xaxis_transform(), ha="center", va="bottom", fontsize=SMALL)
    axes.set_ylabel("test loss in nats")
    axes.set_xlim(trajectory.steps[0], trajectory.steps[-1])


def _apart(levels: Sequence[float], axes: Axes) -> list[float]:
    """Heights for the names of the levels, so that none lies on another."""
    low, high = axes.get_ylim()
    least = 0.062 * (high - low)
    places = dict[int, float]()
    for i in sorted(range(len(levels)), key=lambda i: levels[i]):
        places[i] = max([levels[i], *(place + least for place in places.values())])
    return [places[i] for i in range(len(levels))]


def _draw_gradient(axes: Axes, stages: Stages, batch: int) -> None:
    for name, (label, colour) in GROUPS.items():
        known = [(shot.step, shot.gradients[name]) for shot in stages.snapshots if shot.gradients[name].squared > 0]
        if not known:
            continue
        steps = [step for step, _ in known]
        axes.plot(steps, [g.norm for _, g in known], color=colour, linewidth=0.9, marker=".", markersize=3, label=label)
        low = [max(g.squared - 2 * g.standard_error, 0.0) ** 0.5 for _, g in known]
        high = [(g.squared + 2 * g.standard_error) ** 0.5 for _, g in known]
        axes.fill_between(steps, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.plot(
        [shot.step for shot in stages.snapshots],
        [math.sqrt(max(shot.gradients[TOTAL].noise, 0.0) / batch) for shot in stages.snapshots],
        color=LEVEL, linewidth=0.9, linestyle=(0, (4, 2)), label=f"noise of a batch of {batch}",
    )  # fmt: skip
    bars = [plateau for plateau in stages.plateaus if plateau.averaged and plateau.averaged[TOTAL].squared > 0]
    for i, plateau in enumerate(bars):
        norm = plateau.averaged[TOTAL].norm
        label = "_nolegend_" if i else "at averaged parameters"
        axes.plot([plateau.first, plateau.last], [norm, norm], color=CORRECTED, linewidth=2.2, label=label)
    axes.set_yscale("log")
    norms = [shot.gradients[name].norm for shot in stages.snapshots for name in GROUPS]
    norms += [plateau.averaged[TOTAL].norm for plateau in bars]
    axes.set_ylim(bottom=min((norm for norm in norms if norm > 0), default=1e-3) / 3)  # error bars may reach to 0
    axes.set_ylabel("norm of the gradient")
    axes.set_xlabel("training step")
    name_curves(axes)


def _draw_maps(axes: Sequence[Axes], trajectory: Trajectory, steps: Sequence[int]) -> None:
    heads = trajectory.shape[1] - 1
    for ax in axes[len(steps) * heads :]:
        ax.set_visible(False)
    for i, ax in enumerate(axes[: len(steps) * heads]):
        step, h = steps[i // heads], i % heads
        ax.imshow(attention_maps(trajectory.networks[step])[h].numpy(), cmap="Greys", vmin=0, vmax=1, aspect="equal")
        ax.set_title(f"step {step}\nhead {h + 1}", fontsize=SMALL)
        ax.set_xticks([])
        ax.set_yticks([])
        for spine in ax.spines.values():
            spine.set_visible(True)


def _shade(axes: Axes, stages: Stages) -> None:
    for plateau in (plateau for plateau in stages.plateaus if plateau.on_level):
        axes.axvspan(plateau.first, plateau.last, color=LEVEL, alpha=SHADE, linewidth=0, zorder=0)
