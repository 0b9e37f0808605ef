"""Steps of training, against the shape of the authors' loop.

Their loop computes the second layer for all queries (dense T x T attention) and reads off the last one, and draws each
batch by itself. Here only the last query is computed, and batches are drawn 64 at a time. Both are written in torch,
float64, one thread, so that the ratios are of work and not of libraries.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import torch
from torch import Tensor
from torch.nn.functional import one_hot

import numerics.sub_ngrams.training as training
from benchmarks.timing import doing, in_turns, ratio, table
from numerics.sub_ngrams.network import Network
from numerics.sub_ngrams.training import Recipe, Trainer
from numerics.threads import one_thread
from proofs.sub_ngrams.law import NGramLaw

ROUNDS, STEPS = 5, 128
SETTINGS = [(3, 3, 32, 128), (5, 3, 32, 128), (3, 4, 128, 128)]  # S, n, T, batch; the second is the paper's


def dense_losses(network: Network, x: Tensor, P: Tensor, epsilon: float) -> Tensor:
    """The same loss with the second layer's attention for every query; only its last row is used."""
    assert network.Q is not None
    assert network.K is not None
    X, T = network.stream(x), x.shape[1]
    future = torch.ones(T, T, dtype=torch.bool).triu(1)
    z = (X @ network.Q) @ (X @ network.K).transpose(1, 2)
    p = torch.softmax(z.masked_fill(future, -math.inf), 2) @ one_hot(x, network.S).to(z.dtype)
    return -(P * (p[:, -1] + epsilon).log()).sum(1)


class Dense(Network):
    """The same network with that loss."""

    def losses(self, x: Tensor, P: Tensor, epsilon: float = 0.0) -> Tensor:
        return dense_losses(self, x, P, epsilon)


class DenseTrainer(Trainer):
    """The loop with dense attention; `ahead` batches are drawn at once."""

    def __init__(self, recipe: Recipe, ahead: int = training.AHEAD) -> None:
        before, training.AHEAD = training.AHEAD, ahead
        try:
            super().__init__(recipe)
        finally:
            training.AHEAD = before
        self.network.__class__ = Dense


def steps(trainer: Trainer) -> Callable[[], None]:
    def run() -> None:
        for _ in range(STEPS):
            trainer.step()

    return run


@one_thread()
def steps_of_training() -> str:
    rows: list[list[object]] = []
    for S, n, T, batch in SETTINGS:
        doing(f"S={S} n={n} T={T}")
        recipe = Recipe(NGramLaw(S, n, Fraction(1, 2), "dirichlet"), T, batch=batch, targets="transition")
        gap = abs(Trainer(recipe).step() - DenseTrainer(recipe).step())  # the same loss on the same batch
        if not gap < 1e-12:
            raise SystemExit(f"the two losses differ by {gap}")
        loops = {"ours": Trainer(recipe), "dense": DenseTrainer(recipe), "one by one": DenseTrainer(recipe, ahead=1)}
        times = in_turns({name: steps(trainer) for name, trainer in loops.items()}, ROUNDS)
        rate = STEPS / min(times["ours"])
        ratios = [ratio(times[name], times["ours"]) for name in ("dense", "one by one")]
        rows.append([S, n, T, batch, f"{rate:.0f}", *ratios])
    head = ["S", "n", "T", "batch", "steps a second", "dense attention, times slower", "and batches one by one"]
    return "\n\n".join((__doc__ or "").split("\n\n")[1:]).strip() + "\n\n" + table(head, rows)
