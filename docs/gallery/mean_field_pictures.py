"""Makes the mean-field pictures of this folder in a minute: `python docs/gallery/mean_field_pictures.py [FOLDER]`."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import torch

from numerics.mean_field.finite import eigenvalue_target
from numerics.mean_field.particles import normalised, random_particles, random_task
from numerics.mean_field.pictures import homotopy_picture, prompts_picture, spectrum_picture, training_picture
from numerics.mean_field.training import train
from numerics.threads import one_thread

EIGENVALUES = [0.2, 0.4, 0.6, 0.8, 1.0]
STEPS, RATE = 3000, 0.005


@one_thread()
def main(folder: Path) -> None:
    generator = torch.Generator().manual_seed(1)
    task = random_task(EIGENVALUES, d=20, points=1000, generator=generator, steepness=1.0)
    start = normalised(random_particles(200, 20, 5, generator, "sigmoid"), task.X)
    curves = [train(task, start, STEPS, RATE, attention_rate) for attention_rate in (None, 100.0, 10.0, 1.0, 0.1)]
    F = eigenvalue_target([3.0, 2.0, 0.5], 8, torch.Generator().manual_seed(0))
    pictures = {
        "training": training_picture(
            curves, EIGENVALUES, "200 sigmoid neurons, d=20, k=5, 1000 inputs; dashed: predicted saddle levels"
        ),
        "spectra": spectrum_picture(F),
        "homotopy": homotopy_picture(F),
        "prompts": prompts_picture([1, 4, 16, 64, math.inf]),
    }
    for name, figure in pictures.items():
        figure.savefig(folder / f"mean_field_{name}.png", dpi=110)
    for curve in curves:
        marks = "  ".join(f"{step}: {float(curve.losses[step]):.4f}" for step in (0, 100, 300, 600, 1000, STEPS))
        print(f"attention rate {curve.attention_rate}   {marks}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
