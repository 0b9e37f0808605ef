"""Sizes of next-token data: what exact margins and steps of training cost.

Random realizable data, eta = 0.5, W_ov = 3 W_ov*. Seconds of the exact max-margin solutions of both layers with their
certificates, and of 5,000 steps of attention with their predictions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from benchmarks.timing import doing, seconds, table
from numerics.next_token.stage import aligned_output
from numerics.next_token.training import train_attention
from proofs.next_token.dataset import Dataset
from proofs.next_token.examples import random_dataset
from proofs.next_token.max_margin import MarginProblem, attention_problems, feed_forward_problems
from proofs.next_token.max_margin_solver import solve

SIZES = ((20, 20), (24, 200), (24, 2000), (48, 200), (200, 1000))  # V, sentences
STEPS = 5000


def next_token() -> str:
    rows: list[list[object]] = []
    for V, sentences in SIZES:
        doing(f"next-token, V={V}, {sentences} sentences")
        solve.cache_clear()
        dataset = random_dataset(0, V, sentences=sentences)
        spent = [margins(dataset, layer) for layer in (feed_forward_problems, attention_problems)]
        spent.append(seconds(partial(train, dataset))[0])
        rows.append([V, sentences, *(f"{x:.2g}" for x in (*spent, sum(spent)))])
    explanation = (__doc__ or "").split("\n\n")[1]
    head = ["V", "sentences", "margins of W_ov", "margins of W_kq", "training", "in all"]
    return f"{explanation.strip()}\n\n{table(head, rows)}"


def margins(dataset: Dataset, layer: Callable[[Dataset], Mapping[int, MarginProblem]]) -> float:
    """Seconds of all columns of a layer."""
    return seconds(lambda: [solve(problem) for problem in layer(dataset).values()])[0]


def train(dataset: Dataset) -> None:
    train_attention([dataset], aligned_output([dataset], 3.0), 0.5, STEPS)
