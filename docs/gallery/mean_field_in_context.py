"""Trained on prompts of one length, tested on another: the loss in closed form, and simulated (MF16, MF17)."""

from __future__ import annotations

from dataclasses import replace

import torch
from gallery import Comparison, Exhibit, show
from mean_field_figures import in_context_picture

from numerics.mean_field.particles import random_particles, random_points
from numerics.mean_field.prompts import Examples, Setting
from numerics.threads import one_thread

TRAINED = (2, 8, 32)
TESTED = (2, 8, 32, 128)
ENDLESS = 10**9
PROMPTS, ERRORS = 20_000, 5


def random_setting(random: torch.Generator, points: int = 64, k: int = 2) -> Setting:
    """Two tanh networks at Gaussian points, and Sigma_v = I."""
    X = random_points(points, 3, random)
    h, f = (random_particles(32, 3, k, random).features(X) for _ in "hf")
    h, f = (x * (k / x.square().sum(1).mean()).sqrt() for x in (h, f))
    law = Examples(h, f, torch.full((points,), 1 / points, dtype=torch.float64))
    return Setting(law, law, torch.eye(k, dtype=torch.float64), 1, 0.0)


@one_thread()
def main() -> Exhibit:
    random = torch.Generator().manual_seed(0)
    base = random_setting(random)
    endless = replace(base, n=ENDLESS)
    least = endless.loss(endless.best)
    lengths = [round(10 ** (i / 20)) for i in range(6, 81)]
    trained = {n: replace(base, n=n).best for n in TRAINED}
    best = [replace(base, n=n).loss(replace(base, n=n).best) - least for n in lengths]
    curves = {n: [replace(base, n=t).loss(W) - least for t in lengths] for n, W in trained.items()}
    limits = {n: endless.loss(W) - least for n, W in trained.items()}
    figure = in_context_picture(lengths, best, curves, limits)
    comparisons = []
    for n, W in trained.items():
        for t in TESTED:
            setting = replace(base, n=t)
            mean, error = setting.simulated(W, PROMPTS, random)
            name = f"loss, trained at n={n}, tested at n={t}"
            comparisons.append(Comparison(name, mean, setting.loss(W), ERRORS * error, f"{ERRORS} standard errors"))
    return Exhibit(figure, comparisons)


if __name__ == "__main__":
    show(__file__, main())
