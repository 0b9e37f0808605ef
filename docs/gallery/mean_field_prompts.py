"""Prompts of finite length flatten a saddle to fourth order (claim MF12)."""

from __future__ import annotations

import math

import torch
from gallery import Comparison, Exhibit, show
from mean_field_figures import optimal_loss, prompts_picture, turned_features

LENGTHS = (1, 4, 16, 64, math.inf)
ROUNDING = 1e-12  # losses are of size 1/2


def predicted(angle: float, n: float) -> float:
    """1/2 - s^4 / (2 (s^2 (1 - 1/n) + 1/n)) with s = sin(angle)."""
    s, share = math.sin(angle), 0.0 if n == math.inf else 1 / n
    return 1 / 2 - s**4 / (2 * (s**2 * (1 - share) + share))


def main(angle: float = 0.3) -> Exhibit:
    figure = prompts_picture(LENGTHS)
    some = [0.1 * i for i in range(1, 16)]
    features, f = turned_features(torch.tensor([angle], dtype=torch.float64))
    comparisons = []
    for n in LENGTHS:
        figure.axes[0].plot(some, [predicted(a, n) for a in some], ".", color="0.5", markersize=4)
        computed = float(optimal_loss(features, f, n)[0])
        name = f"loss at angle {angle:g}, n={n:g}"
        comparisons.append(Comparison(name, computed, predicted(angle, n), ROUNDING, "rounding"))
    figure.axes[0].set_title("With prompts of finite length the saddle is flat; dots: closed form")
    return Exhibit(figure, comparisons)


if __name__ == "__main__":
    show(__file__, main())
