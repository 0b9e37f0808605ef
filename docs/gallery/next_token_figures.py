"""Pictures of training beside the predictions. Each function returns a matplotlib Figure and keeps no state."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from numerics.next_token.descent import normalised_descent, plain_descent
from numerics.next_token.joint import train_jointly
from numerics.next_token.stage import aligned_output, attention_stage
from numerics.next_token.training import Training, train_attention
from proofs.next_token.dataset import Dataset
from verify.report.colours import CURVES
from verify.report.legend import name_curves
from verify.report.style import SIZE, TALL


def loss_figure(datasets: Sequence[Dataset], eta: float = 0.5, beta: float = 3.0, T: int = 120) -> Figure:
    """Loss minus its infimum on a log scale: normalised descent with the slope -eta/|W*|, and plain descent."""
    figure, axes = _figure(
        f"Loss minus its infimum, eta = {eta:g}", "step t", "L - L*   (log scale)", "dashed: slope predicted from |W*|"
    )
    stage = attention_stage(datasets, aligned_output(datasets, beta))
    times = range(T + 1)
    normalised = _losses(normalised_descent(stage, eta, times), stage.log_excess_loss)
    plain = _losses(plain_descent(stage, eta, times), stage.log_excess_loss)
    training = train_attention(datasets, aligned_output(datasets, beta), eta, 8)
    for i, dataset in enumerate(datasets):
        slope = training.predictions[i].loss_slope(eta)
        axes.plot(
            times, [math.exp(value) for value in normalised[i]], color=CURVES[i], label=f"{dataset.name}, normalised"
        )
        start = T // 2
        line = [math.exp(normalised[i][start] + slope * (t - start)) for t in (0, T)]
        axes.plot((0, T), line, color="black", linestyle="--", linewidth=0.8)
        axes.plot(
            times,
            [math.exp(value) for value in plain[i]],
            color=CURVES[i],
            linestyle=":",
            label=f"{dataset.name}, plain",
        )
    axes.set_yscale("log")
    axes.set_xlim(0, T)
    name_curves(axes, ncols=2)
    return figure


def direction_figure(datasets: Sequence[Dataset], eta: float = 0.5, beta: float = 3.0, T: int = 20_000) -> Figure:
    """t times the direction error: constant for an error of 1/t, a straight line in log t for (log t)/t."""
    figure, axes = _figure(
        f"Direction of attention, eta = {eta:g}",
        "step t   (log scale)",
        "t | W/|W| - W*/|W*| |",
        "dashed: predicted limit or slope",
    )
    times = sorted({round(T ** (k / 60)) for k in range(61)} - {0})
    training = train_attention(datasets, aligned_output(datasets, beta), eta, T, times=times)
    for i, dataset in enumerate(datasets):
        prediction = training.predictions[i]
        values = [t * training.direction_error(i, t) for t in times]
        axes.plot(times, values, color=CURVES[i], label=dataset.name)
        slope, end = prediction.drift_constant(eta), values[-1]
        if prediction.degenerate_pairs:
            line = [end + slope * (math.log(t) - math.log(times[-1])) for t in (10, times[-1])]
        else:
            line = [prediction.direction_constant(eta)] * 2
        axes.plot((10, times[-1]), line, color="black", linestyle="--", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    name_curves(axes)
    return figure


def score_figure(dataset: Dataset, eta: float = 0.5, beta: float = 3.0, T: int = 2000) -> Figure:
    """The attention scores of all tokens with one query: optimal ones rise, unseen ones stay at 0, others fall."""
    query = max(dataset.queries, key=lambda q: len(dataset.order(q)))
    name = dataset.vocabulary[query]
    figure, axes = _figure(
        f"Attention scores with query {name}, {dataset.name}",
        "step t   (log scale)",
        f"score W_kq[token, {name}]",
        "symmetric log scale; dashed: predicted",
    )
    times = sorted({round(T ** (k / 80)) for k in range(81)} - {0})
    snapshots = normalised_descent(attention_stage([dataset], aligned_output([dataset], beta)), eta, times)
    V = dataset.V
    better = {x for x, _ in dataset.order(query)}
    worse = {x for _, x in dataset.order(query)}
    kinds = (
        ("optimal", better - worse, "-"),
        ("in between", better & worse, "-."),
        ("unseen", set(range(V)) - dataset.seen(query), ":"),
        ("non-optimal", worse - better, "--"),
    )
    for (kind, tokens, style), colour in zip(kinds, CURVES, strict=False):
        for number, x in enumerate(sorted(tokens)):
            values = [float(snapshots[t][0].reshape(V, V)[x, query]) for t in times]
            shade = 1 - 0.25 * number
            axes.plot(
                times,
                values,
                color=colour,
                linestyle=style,
                alpha=max(shade, 0.3),
                label=f"{dataset.vocabulary[x]}: {kind}",
            )
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=1.0)
    name_curves(axes, ncols=3)
    return figure


def both_layers_figure(layers: Mapping[str, Training], times: Sequence[int]) -> Figure:
    """The paper's plots: loss, direction error and norm of each layer against eta t, with what is predicted."""
    figure = Figure(figsize=(TALL[0], 1.4 * TALL[1]), layout="constrained")
    panels = figure.subplots(3, 1)
    names = ("log(L - L*)", "| W/|W| - W*/|W*| |", "|W|")
    for axes, name in zip(panels, names, strict=True):
        axes.set_xlabel("eta t")
        axes.set_ylabel(name)
    for (name, training), colour in zip(layers.items(), CURVES, strict=False):
        x, prediction = [training.step * t for t in times], training.predictions[0]
        logs = [float(training.log_excess_losses[t][0]) for t in times]
        errors = [training.direction_error(0, t) for t in times]
        norms = [float(training.weights(0, t).norm()) for t in times]
        for axes, y in zip(panels, (logs, errors, norms), strict=True):
            axes.plot(x, y, color=colour, label=f"{name}, eta = {training.step:.3g}")
        line = {"color": "black", "linestyle": "--", "linewidth": 0.8}
        panels[0].plot(x, [logs[-1] + (t - x[-1]) * -1 / prediction.norm for t in x], **line)
        panels[1].plot(x, [prediction.direction_constant(1.0) / t for t in x], **line)
        panels[2].plot(x, x, **line)
    for axes in panels[1:]:
        axes.set_xscale("log")
        axes.set_yscale("log")
    panels[1].set_ylim(top=2)
    name_curves(panels[0])
    panels[0].set_title("Loss, direction and norm of both layers; dashed: predicted")
    return figure


def joint_figure(datasets: Sequence[Dataset], eta: float = 0.5, beta: float = 3.0, T: int = 1000) -> Figure:
    """|W_kq| in the second of two stages, and in joint training by normalised and by plain descent."""
    figure, axes = _figure(
        f"Norm of attention, eta = {eta:g}", "step t   (log scale)", "|W_kq|   (log scale)", "dashed: slope predicted"
    )
    times = sorted({round(T ** (k / 60)) for k in range(61)} - {0})
    second = train_attention(datasets, aligned_output(datasets, beta), eta, T, times)
    joint, plain = (train_jointly(datasets, eta, T, times, normalised=normalised) for normalised in (True, False))
    for i, dataset in enumerate(datasets):
        runs = (
            ("second stage", [float(second.weights(i, t).norm()) for t in times], "-"),
            ("joint", [joint.norms(i, t)[1] for t in times], "-."),
            ("joint, plain", [plain.norms(i, t)[1] for t in times], ":"),
        )
        for name, norms, style in runs:
            axes.plot(times, norms, color=CURVES[i], linestyle=style, label=f"{dataset.name}, {name}")
        late, growth = times[-20:], 2 * second.predictions[i].norm
        line = [runs[1][1][-1] + growth * math.log(t / T) for t in late]
        axes.plot(late, line, color="black", linestyle="--", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_yscale("log")
    name_curves(axes)
    return figure


def _losses(snapshots: dict[int, torch.Tensor], log_excess: object) -> list[list[float]]:
    assert callable(log_excess)
    return torch.stack([log_excess(w) for w in snapshots.values()]).T.tolist()


def _figure(title: str, x: str, y: str, note: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(f"{title}\n{note}" if note else title)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    return figure, axes
