"""python -m benchmarks.training: steps of training per second, as ratios to the shape of the authors' loop.

Their loop computes the second layer for all queries (dense T x T attention) and reads off the last one, and draws each
batch by itself. Here only the last query is computed, and batches are drawn 64 at a time. Both are written in torch,
float64, one thread, so that the ratios are of work and not of libraries. Seconds are the minimum of a few runs and
depend on the machine.
"""

from __future__ import annotations

import math
import os
import platform
import sys
import time
from collections.abc import Callable
from fractions import Fraction

import torch
from torch import Tensor
from torch.nn.functional import one_hot

import numerics.sub_ngrams.training as training
from numerics.sub_ngrams.network import Network
from numerics.sub_ngrams.training import Batches, Recipe, Trainer
from proofs.sub_ngrams.law import NGramLaw

REPEATS = 3
STEPS = 64
SETTINGS = [(3, 3, 32, 128), (5, 3, 32, 128), (3, 4, 128, 128)]  # S, n, T, batch


def dense_losses(network: Network, x: Tensor, P: Tensor, epsilon: float) -> Tensor:
    """The same loss with the second layer's attention for every query; only its last row is used."""
    assert network.Q is not None
    assert network.K is not None
    X, T = network.stream(x), x.shape[1]
    future = torch.ones(T, T, dtype=torch.bool).triu(1)
    z = (X @ network.Q) @ (X @ network.K).transpose(1, 2)
    p = torch.softmax(z.masked_fill(future, -math.inf), 2) @ one_hot(x, network.S).to(z.dtype)
    return -(P * (p[:, -1] + epsilon).log()).sum(1)


class DenseTrainer(Trainer):
    """The loop with dense attention."""

    def step(self) -> float:
        assert self.batches is not None
        x, P, weight = next(self.batches)
        loss = (weight * dense_losses(self.network, x, P, self.recipe.epsilon)).sum()
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's backward has no annotations
        self.optimiser.step()
        self.steps += 1
        return float(loss.detach())


def one_by_one(recipe: Recipe) -> Batches:
    """Batches drawn each by itself."""
    before, training.AHEAD = training.AHEAD, 1
    try:
        return Batches(recipe, torch.device("cpu"))
    finally:
        training.AHEAD = before


def seconds(run: Callable[[], object]) -> float:
    """For one step: the best of a few runs of STEPS."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        for _ in range(STEPS):
            run()
        times.append((time.perf_counter() - start) / STEPS)
    return min(times)


def main() -> None:
    torch.set_num_threads(1)
    print(f"{platform.machine()}, {os.cpu_count()} cores, python {platform.python_version()}\n")
    print("| S | n | T | batch | steps a second | of which sampling | dense attention | and batches one by one |")
    print("|---|---|---|---|---|---|---|---|")
    for S, n, T, batch in SETTINGS:
        print(f"S={S} n={n} T={T}", file=sys.stderr)
        recipe = Recipe(NGramLaw(S, n, Fraction(1, 2)), T, batch=batch, targets="transition")
        assert abs(Trainer(recipe).step() - DenseTrainer(recipe).step()) < 1e-12  # the same loss on the same batch
        theirs = DenseTrainer(recipe)
        theirs.batches = one_by_one(recipe)
        ours = seconds(Trainer(recipe).step)
        sampling = seconds(Batches(recipe, torch.device("cpu")).__next__) / ours
        ratios = [seconds(trainer.step) / ours for trainer in (DenseTrainer(recipe), theirs)]
        row = [S, n, T, batch, f"{1 / ours:.0f}", f"{sampling:.0%}", *(f"{ratio:.1f} times slower" for ratio in ratios)]
        print("| " + " | ".join(map(str, row)) + " |", flush=True)


if __name__ == "__main__":
    main()
