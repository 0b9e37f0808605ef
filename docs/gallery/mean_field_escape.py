"""Escape from a saddle: logarithmic in the push at the best attention matrix, not in joint training (MF18n, MF19n)."""

from __future__ import annotations

import torch
from gallery import Comparison, Exhibit, show
from mean_field_figures import escape_picture

from numerics.mean_field.escape import Saddle, escape_time, random_saddle, slow_escape
from numerics.threads import one_thread
from verify.report.legend import name_curves

ETA, SHARE, STEP = 100.0, 1e-4, 0.25  # attention rate, share of the loss that is lost at the end, step in 1 / lambda
PUSHES = (3e-3, 1.7e-3, 1e-3)  # |b_0|
WITHIN = 0.05  # of the predicted time
WHY = "the linearised flow, followed for 1% of the way"


def measured(saddle: Saddle, push: float, joint: bool) -> float:
    v = saddle.fastest * (push / saddle.rate**0.5)
    attention = (ETA, torch.zeros((1, 1), dtype=torch.float64)) if joint else None
    return escape_time(saddle, saddle.pushed(v), SHARE, STEP / saddle.rate, 1e3, attention)


def predicted(saddle: Saddle, push: float, joint: bool) -> float:
    if joint:
        return slow_escape(push, saddle.rate, ETA, SHARE)
    return saddle.predicted(saddle.fastest * (push / saddle.rate**0.5), SHARE)


@one_thread()
def main() -> Exhibit:
    saddle = random_saddle(1, 3, 32, 64, torch.Generator().manual_seed(0), "tanh", "gaussian")
    some = [10 ** (-2.5 - i / 20) for i in range(71)]
    figure, comparisons = escape_picture(), list[Comparison]()
    for joint, pushes in ((True, PUSHES), (False, tuple(x * 0.1 for x in PUSHES))):
        name = "joint, from W = 0" if joint else "at the best W"
        found = [measured(saddle, push, joint) for push in pushes]
        figure.axes[0].loglog(
            some, [saddle.rate * predicted(saddle, x, joint) for x in some], label=f"{name}: predicted"
        )
        figure.axes[0].plot(pushes, [saddle.rate * x for x in found], "o", color="0.2", markersize=4)
        for push, time in zip(pushes, found, strict=True):
            expected = predicted(saddle, push, joint)
            units = saddle.rate * time, saddle.rate * expected, WITHIN * saddle.rate * expected
            comparisons.append(Comparison(f"lambda t, {name}, push {push:.0e}", *units, WHY))
    name_curves(figure.axes[0])
    return Exhibit(figure, comparisons)


if __name__ == "__main__":
    show(__file__, main())
