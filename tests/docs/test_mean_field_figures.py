"""Pictures show what was computed: the numbers are read back from the figures."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import torch

from docs.gallery.mean_field_figures import (
    escape_picture,
    homotopy_picture,
    in_context_picture,
    prompts_picture,
    spectrum_picture,
    training_picture,
)
from numerics.mean_field.finite import eigenvalue_target
from numerics.mean_field.particles import normalised, random_particles, random_task
from numerics.mean_field.training import train


def test_training_picture_shows_levels_and_curves(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    task = random_task([0.4, 0.8], 3, 40, generator)
    start = normalised(random_particles(10, 3, 2, generator), task.X)
    curves = [train(task, start, 20, 0.01, rate) for rate in (None, 1.0)]
    figure = training_picture(curves, [0.8, 0.4], "title")
    (axes,) = figure.axes
    dashed = [float(line.get_ydata()[0]) for line in axes.lines if line.get_linestyle() == "--"]  # type: ignore[index]  # an array
    assert dashed == [0.2, 0.4 / 2 + 0.8 / 2]
    solid = [line for line in axes.lines if line.get_linestyle() == "-"]
    assert len(solid) == 2 and list(solid[0].get_ydata()) == curves[0].losses.tolist()
    figure.savefig(tmp_path / "training.png")
    assert (tmp_path / "training.png").stat().st_size > 1000


def test_spectrum_picture_has_computed_dots_on_predicted_rings() -> None:
    F = eigenvalue_target([3.0, 2.0, 0.5], 8, torch.Generator().manual_seed(0))
    (axes,) = spectrum_picture(F).axes
    lines = [line for line in axes.lines if line.get_marker() == "o"]
    assert len(lines) == 2 * 8
    for predicted, computed in zip(lines[::2], lines[1::2], strict=True):
        gaps = torch.tensor(predicted.get_xdata()) - torch.tensor(computed.get_xdata())
        assert float(gaps.abs().max()) < 1e-12


def test_homotopy_picture_starts_at_the_saddles_and_with_their_curvature() -> None:
    F = eigenvalue_target([2.0, 0.5], 5, torch.Generator().manual_seed(0))
    (axes,) = homotopy_picture(F).axes
    solid = [line for line in axes.lines if line.get_linestyle() == "-"]
    assert len(solid) == 3
    for line, level, curvature in zip(solid, (1.25, 1.0, 0.25), (-4.25, -4.0, -0.25), strict=True):
        s, L = (torch.tensor(x, dtype=torch.float64) for x in (line.get_xdata(), line.get_ydata()))
        assert abs(float(L[0]) - level) < 1e-12
        second = float((L[2] - 2 * L[1] + L[0]) / (s[1] - s[0]) ** 2)
        assert abs(second - curvature) < 0.05 * abs(curvature)  # a one-sided difference over steps of 1/200


def test_prompts_picture_is_ordered_by_length() -> None:
    (axes,) = prompts_picture([1, 8, math.inf]).axes
    losses = [torch.tensor(line.get_ydata(), dtype=torch.float64) for line in axes.lines]
    assert len(losses) == 3
    rounding = 1e-14  # all are 0 at the end
    assert all(bool((longer <= shorter + rounding).all()) for shorter, longer in pairwise(losses))
    assert float((losses[0] - losses[2]).max()) > 0.1


def test_in_context_picture_has_a_curve_and_a_limit_for_each_training() -> None:
    (axes,) = in_context_picture([1, 10], [0.5, 0.1], {4: [0.7, 0.3], 9: [0.9, 0.2]}, {4: 0.25, 9: 0.15}).axes
    curves = [list(line.get_ydata()) for line in axes.lines if line.get_linestyle() == "-"]
    dashed = [float(line.get_ydata()[0]) for line in axes.lines if line.get_linestyle() == "--"]  # type: ignore[index]  # an array
    assert curves == [[0.5, 0.1], [0.7, 0.3], [0.9, 0.2]] and dashed == [0.25, 0.15]


def test_escape_picture_goes_to_smaller_pushes() -> None:
    (axes,) = escape_picture().axes
    axes.loglog([1e-2, 1e-4], [1.0, 2.0])
    left, right = axes.get_xlim()
    assert left > right
