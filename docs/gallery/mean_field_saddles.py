"""Training lingers just above the predicted saddle levels (claims MF6, MF10t)."""

from __future__ import annotations

import torch
from gallery import Comparison, Exhibit, show
from mean_field_figures import training_picture

from numerics.mean_field.particles import normalised, random_particles, random_task
from numerics.mean_field.training import plateaus, train
from numerics.threads import one_thread

EIGENVALUES = [0.2, 0.4, 0.6, 0.8, 1.0]
RATE = 0.005


@one_thread()
def main(steps: int = 2000, points: int = 400, neurons: int = 100) -> Exhibit:
    generator = torch.Generator().manual_seed(1)
    task = random_task(EIGENVALUES, d=20, points=points, generator=generator, steepness=1.0)
    start = normalised(random_particles(neurons, 20, 5, generator, "sigmoid"), task.X)
    curves = [train(task, start, steps, RATE, attention_rate) for attention_rate in (None, 10.0, 1.0)]
    title = f"{neurons} sigmoid neurons, d=20, k=5; dashed: saddle levels"
    figure = training_picture(curves, EIGENVALUES, title)

    levels = [sum(EIGENVALUES[:j]) / 2 for j in range(len(EIGENVALUES) + 1)]  # the largest are learned first
    comparisons = []
    for curve in curves:
        for step in plateaus(curve.losses):
            loss = float(curve.losses[step])
            nearest, second = sorted(levels, key=lambda level: abs(level - loss))[:2]
            rate = "at its optimum" if curve.attention_rate is None else f"x {curve.attention_rate:g}"
            name = f"slowest at step {step}, attention {rate}"
            why = "a tenth of the gap to the next level"
            comparisons.append(Comparison(name, loss, nearest, abs(nearest - second) / 10, why))
    return Exhibit(figure, comparisons)


if __name__ == "__main__":
    show(__file__, main())
