"""Pictures of the mean-field landscape: every function returns a matplotlib Figure and draws nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from numerics.mean_field.finite import critical_rows, hessian, loss, orthonormalise
from numerics.mean_field.training import Curve
from verify.report.legend import name_curves
from verify.report.style import SIZE

PREDICTED: dict[str, Any] = {"color": "0.55", "linewidth": 0.8, "linestyle": "--"}


def training_picture(curves: Sequence[Curve], eigenvalues: Sequence[float], title: str) -> Figure:
    """Losses over time, and the levels that training visits: half the sums of the smallest eigenvalues."""
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.add_subplot()
    smallest = sorted(eigenvalues)
    for j in range(1, len(smallest) + 1):
        level = sum(smallest[:j]) / 2
        axes.axhline(level, **PREDICTED)
        axes.annotate(f" {level:.3g}", (1.0, level), xycoords=("axes fraction", "data"), va="center", color="0.4")
    colours = {curve.attention_rate: f"C{i}" for i, curve in enumerate(curves)}
    for curve in curves:
        rate = curve.attention_rate
        name = "attention at its optimum" if rate is None else f"attention learns {rate:g} times as fast"
        times = curve.rate * torch.arange(1, len(curve.losses) + 1, dtype=torch.float64)
        axes.loglog(times, curve.losses, color="k" if rate is None else colours[rate], label=name, linewidth=1.4)
    axes.set(xlabel="time (step size times steps)", ylabel="loss", title=title)
    name_curves(axes)
    return figure


def spectrum_picture(F: Tensor) -> Figure:
    """The Hessian's eigenvalues at every kind of critical point: computed (dots) over predicted (rings)."""
    k, m = F.shape
    values = torch.linalg.svdvals(F).square().tolist()
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.add_subplot()
    subsets = [S for size in range(min(k, m - k) + 1) for S in combinations(range(k), size)]
    subsets.sort(key=lambda S: sum(values[i] for i in S))
    for row, S in enumerate(subsets):
        found = torch.linalg.eigvalsh(hessian(critical_rows(F, S), F))
        rows = [values[j] for j in range(k) if j not in S] + [0.0] * len(S)
        columns = [values[i] for i in S] + [0.0] * (m - k - len(S))
        predicted = sorted([a - b for a in rows for b in columns] + [0.0] * k**2)
        label = (None, None) if row else ("predicted", "computed")
        axes.plot(predicted, [row] * len(predicted), "o", mfc="none", mec="0.6", ms=11, label=label[0])
        axes.plot(found.tolist(), [row] * len(found), "o", color="C0", ms=3.5, label=label[1])
    axes.axvline(0, **PREDICTED)
    names = ["{" + ", ".join(f"{values[i]:.3g}" for i in S) + "}" for S in subsets]
    levels = [sum(values[i] for i in S) / 2 for S in subsets]
    labels = [f"{name}   L = {level:.3g}" for name, level in zip(names, levels, strict=True)]
    axes.set_yticks(range(len(subsets)), labels, fontsize=8)
    axes.set(xlabel="eigenvalue of the Hessian", ylabel="eigenvalues missed", ylim=(-0.7, len(subsets) - 0.3))
    axes.set_title(f"Hessian at the critical points, k={k}, m={m}")
    name_curves(axes)
    return figure


def homotopy_picture(F: Tensor) -> Figure:
    """The loss along (1-s) H + s R F from saddles with a single missed eigenvalue, with its curvature as predicted.

    R leads from the missed direction of F to the spare direction of H, as in MF7; on the rest H is F already, up to
    lengths.
    """
    k, m = F.shape
    values = torch.linalg.svdvals(F).square().tolist()
    U = torch.linalg.svd(F).U
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.add_subplot()
    s = torch.linspace(0, 1, 201, dtype=F.dtype, device=F.device)
    subsets = [S for size in range(1, min(k, m - k) + 1) for S in combinations(range(k), size)]
    for index, S in enumerate(sorted(subsets, key=lambda S: -sum(values[i] for i in S))):
        H = critical_rows(F, S)
        R = torch.zeros((k, k), dtype=F.dtype, device=F.device)
        for spare, missed in enumerate(S):
            R[k - len(S) + spare] = U[:, missed]
        line = (1 - s)[:, None, None] * H + s[:, None, None] * (R @ F)
        kept = line[:-1]  # at s = 1 only the missed directions are left, and H is singular
        curvature = -sum(values[i] ** 2 for i in S)
        level = sum(values[i] for i in S) / 2
        colour = f"C{index}"
        name = ", ".join(f"{values[i]:.3g}" for i in S)
        axes.plot(s[:-1].cpu(), loss(orthonormalise(kept), F).cpu(), color=colour, label=f"missed: {name}")
        near = s[s <= min(0.35, math.sqrt(2 * level / -curvature))]
        axes.plot(near.cpu(), (level + curvature * near**2 / 2).cpu(), color=colour, linewidth=0.9, linestyle=":")
    axes.set(
        xlabel="s", ylabel="loss", ylim=(0, None), title="From saddles along the homotopy; dotted: curvature predicted"
    )
    name_curves(axes)
    return figure


def prompts_picture(lengths: Sequence[float]) -> Figure:
    """The loss with prompts of length n, from a saddle (angle 0) to the target: flat to fourth order at finite n."""
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.add_subplot()
    angles = torch.linspace(1e-3, math.pi / 2, 300, dtype=torch.float64)
    features, f = turned_features(angles)
    for index, n in enumerate(lengths):
        name = "infinite prompts" if n == math.inf else f"n = {n:g}"
        colour = "k" if n == math.inf else f"C{index}"
        axes.plot(angles, optimal_loss(features, f, n), color=colour, label=name)
    axes.set(
        xlabel="angle between the network and the saddle",
        ylabel="loss",
        title="With prompts of finite length the saddle at angle 0 is flat",
    )
    name_curves(axes)
    return figure


def escape_picture() -> Figure:
    """Axes for escape times over pushes: dots on top of predictions."""
    figure = Figure(figsize=SIZE, layout="constrained")
    figure.add_subplot().set(
        xlabel="push along the fastest direction",
        ylabel="lambda times the time of escape",
        title="Leaving a saddle: logarithmic in the push,\nor inverse to it; dots: runs",
    )
    figure.axes[0].invert_xaxis()
    return figure


def in_context_picture(
    lengths: Sequence[int], best: Sequence[float], curves: dict[int, list[float]], limits: dict[int, float]
) -> Figure:
    """The loss above that of infinite prompts, over the length in the test: trained at that length, or at another."""
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.add_subplot()
    axes.loglog(lengths, best, color="k", label="trained at the length of the test")
    for index, (n, losses) in enumerate(curves.items()):
        axes.loglog(lengths, losses, color=f"C{index}", label=f"trained at n = {n}")
        axes.axhline(limits[n], **PREDICTED | {"color": f"C{index}"})
    axes.set(
        xlabel="examples in the prompt of the test",
        ylabel="loss above that of infinite prompts",
        title="In context at other lengths;\ndashed: at infinite prompts",
    )
    name_curves(axes)
    return figure


# --- prompts of finite length in floats ---


def optimal_loss(h: Tensor, f: Tensor, n: float, noise_variance: float = 0.0) -> Tensor:
    """L^n at its best attention matrix; h and f are values at equally likely points, (..., points, k); n may be inf."""
    points = h.shape[-2]
    A, B = h.mT @ h / points, f.mT @ h / points
    C = h.mT @ (h * f.square().sum(-1, keepdim=True)) / points
    BtB = B.mT @ B
    share = 0.0 if n == math.inf else 1 / n
    S_n = (1 - share) * BtB + share * (C + noise_variance * A)
    explained = torch.linalg.solve(S_n, BtB) @ torch.linalg.solve(A, BtB)  # tr(B^T B S_n^{-1} B^T B A^{-1}), rotated
    total = f.square().sum((-2, -1)) / points
    loss: Tensor = (total - explained.diagonal(dim1=-2, dim2=-1).sum(-1)) / 2
    return loss


def turned_features(angles: Tensor) -> tuple[Tensor, Tensor]:
    """k = 1: h = cos(angle) g + sin(angle) f° for two features f°, g with values +-1 (a saddle at angle 0)."""
    f = torch.tensor([1.0, 1.0, -1.0, -1.0], dtype=angles.dtype, device=angles.device)[:, None]
    g = torch.tensor([1.0, -1.0, 1.0, -1.0], dtype=angles.dtype, device=angles.device)[:, None]
    return angles.cos()[..., None, None] * g + angles.sin()[..., None, None] * f, f
