"""A search for kernels, starts, T and q beyond the bounds at finite length: python -m benchmarks.violations.

Gradient-free: kernels are drawn, nearly deterministic ones among them, and the best are changed at random, generation
by generation. Up to T = 13 every sequence is added up, so that any start can be tried; longer ones go through the
transfer engine, from a uniform start. It prints the largest ratios found. A ratio above 1 would be a counterexample.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import torch

from numerics.sub_ngrams.mixing import mixing
from numerics.sub_ngrams.transfer import transfer
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.finite_length import FiniteLength, phi, type_one, type_two
from proofs.sub_ngrams.law import NGramLaw

PARENTS, CHILDREN, GENERATIONS = 12, 36, 16  # of each search
FIRST = 120  # kernels that it begins with
Ratios = dict[str, np.ndarray]  # what is compared -> one ratio for every kernel
SHORT = [  # n, lags, T, q: all S^(T+1) sequences of S = 2
    (2, (1,), 4, 4.0), (2, (1,), 9, 9.0), (2, (1,), 13, 13.0), (2, (1,), 13, math.inf), (2, (1,), 12, 2.0),
    (3, (1, 2), 5, 5.0), (3, (1,), 6, 6.0),
    (3, (1,), 10, math.inf), (3, (1,), 10, 1.0), (3, (2,), 10, 10.0), (3, (1, 2), 10, 10.0),
    (4, (1,), 7, 7.0), (4, (2,), 10, math.inf),
]  # fmt: skip
LONG = [(2, (1,), 100), (3, (1,), 60), (3, (1,), 200), (3, (1,), 1000), (3, (2,), 200)]  # n, lags, T = q


@dataclass(frozen=True)
class Short:
    """All sequences x_1..x_{T+1} of two tokens, and what each adds to the blocks and to the chances of Lemma 4."""

    n: int
    lags: tuple[int, ...]
    T: int
    q: float

    @cached_property
    def numbers(self) -> FiniteLength:
        q = self.q if self.q == math.inf else Fraction(self.q)
        return FiniteLength(2, self.n, self.T, Configuration(self.lags, q))

    @cached_property
    def x(self) -> np.ndarray:
        codes = np.arange(2 ** (self.T + 1))
        return (codes[:, None] >> np.arange(self.T, -1, -1)) & 1

    def key(self, j: int, b: int, w: int) -> np.ndarray:
        """1{x_{j-b} = w}, positions from 0."""
        return self.x[:, j - b] == w if j >= b else np.zeros(len(self.x), bool)

    @cached_property
    def blocks(self) -> dict[tuple[int, int], np.ndarray]:
        """(a, b) -> [sequence, v, w]: 1{x_{T-a} = v} (mean of 1{x_{j-b} = w} - the same over the label's keys)."""
        x, T = self.x, self.T
        read = [(lag, s, x[:, T - lag] == s) for lag in self.lags for s in (0, 1)]
        matches = np.stack([sum(self.key(j, lag, s) * h for lag, s, h in read) for j in range(T)], 1)
        holds = x[:, :T] == x[:, T:]

        def weights(chosen: np.ndarray) -> np.ndarray:
            best = np.where(chosen, matches, -1).max(1, keepdims=True)
            base = 1 / self.q if self.q < math.inf else 0.0
            weight = np.where(chosen, base ** np.maximum(best - matches, 0.0), 0.0)
            return weight / np.maximum(weight.sum(1, keepdims=True), 1e-300)

        g = (weights(np.ones_like(holds)) - weights(holds)) * holds.any(1, keepdims=True)
        found = {}
        for a, b in {*type_one(self.n, self.lags), *type_two(self.n, self.lags)}:
            sums = np.stack([sum(g[:, j] * self.key(j, b, w) for j in range(T)) for w in (0, 1)], 1)
            found[a, b] = sums[:, None] * (x[:, T - 1 - a, None] == np.arange(2))[:, :, None]
        return found

    @cached_property
    def visits(self) -> tuple[np.ndarray, np.ndarray]:
        """r / (N - 1 + r) of the last word's class; and for each class whether the last word is its first."""
        label = sum(self.x[:, self.n - 1 - lag : self.T + 1 - lag] * 2**i for i, lag in enumerate((*self.lags, 0)))
        N, r = (label == label[:, -1:]).sum(1), float(self.numbers.r)
        return r / (N - 1 + r), (label[:, -1:] == np.arange(self.numbers.K)) & (N == 1)[:, None]

    def probabilities(self, kernels: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """[kernel, sequence], from the start laws on contexts."""
        code = sum(self.x[:, i] * 2 ** (self.n - 2 - i) for i in range(self.n - 1))
        found = starts[:, code]
        for t in range(self.n - 1, self.T + 1):
            found = found * kernels[:, code, self.x[:, t]]
            code = (2 * code + self.x[:, t]) % 2 ** (self.n - 1)
        return found

    def ratios(self, kernels: np.ndarray, starts: np.ndarray) -> Ratios:
        P, numbers = self.probabilities(kernels, starts), self.numbers
        one, R = float(phi(numbers.type_one())), mixing(torch.tensor(kernels), numbers).numpy()
        share, first = self.visits
        sizes = {ab: size(np.einsum("kx,xvw->kvw", P, block, optimize=True)) for ab, block in self.blocks.items()}
        read, unread = ([sizes[ab] for ab in which(self.n, self.lags)] for which in (type_one, type_two))
        bound = f"bound {'1' if one == 1 else 'below 1'}"
        return {
            f"(I), {bound}": np.max(read, 0) / one,
            "(II)": np.max(unread, 0) / np.minimum(1, float(numbers.gamma) + R),
            f"Lemma 4, mean, {bound}": P @ share / one,
            "Lemma 4, first visit": (P @ first).max(1) * numbers.m / numbers.D,
        }


@dataclass(frozen=True)
class Long:
    """The transfer engine at T = q, from a uniform start."""

    n: int
    lags: tuple[int, ...]
    T: int

    def ratios(self, kernels: np.ndarray, _: np.ndarray) -> Ratios:
        configuration, tensor = Configuration(self.lags, Fraction(self.T)), torch.tensor(kernels)
        numbers = FiniteLength(2, self.n, self.T, configuration)
        M = transfer(tensor, NGramLaw(2, self.n), configuration, self.T).blocks.numpy()
        limits = {"(I), bound below 1": (type_one, float(phi(numbers.type_one())))}
        limits["(II)"] = (type_two, np.minimum(1, float(numbers.gamma) + mixing(tensor, numbers).numpy()))
        pairs = {name: (which(self.n, self.lags), limit) for name, (which, limit) in limits.items()}
        return {name: np.max([size(M[:, a, b]) for a, b in ab], 0) / limit for name, (ab, limit) in pairs.items()}


def size(blocks: np.ndarray) -> np.ndarray:
    return np.maximum(blocks.clip(min=0).sum((1, 2)), -blocks.clip(max=0).sum((1, 2)))


def search(ratios: Callable[[np.ndarray, np.ndarray], Ratios], name: str, D: int, seed: int) -> tuple[float, int]:
    """The largest ratio of this name, and how many kernels were tried."""
    rng, tried = np.random.default_rng(seed), 0
    scales = rng.choice([1.0, 4.0, 12.0, 30.0], size=(FIRST, 1))
    genes, best = rng.normal(size=(FIRST, 3 * D)) * scales, np.empty(0)  # logits of rows, then of the start
    kept = genes[:0]
    for _ in range(GENERATIONS + 1):
        logits = genes.clip(-40, 40)
        rows = 1 / (1 + np.exp(logits[:, :D] - logits[:, D : 2 * D]))
        start = np.exp(logits[:, 2 * D :] - logits[:, 2 * D :].max(1, keepdims=True))
        found = ratios(np.stack([rows, 1 - rows], -1), start / start.sum(1, keepdims=True))[name]
        tried += len(genes)
        together, values = np.concatenate([kept, genes]), np.concatenate([best, found])
        order = values.argsort()[::-1][:PARENTS]
        kept, best = together[order], values[order]
        steps = 10 ** rng.uniform(-1.5, 1.2, size=(CHILDREN, 1))
        genes = kept[rng.integers(len(kept), size=CHILDREN)] + rng.normal(size=(CHILDREN, 3 * D)) * steps
    return float(best[0]), tried


def results() -> Iterator[tuple[str, str, float, int]]:
    for seed, problem in enumerate([*(Short(*line) for line in SHORT), *(Long(*line) for line in LONG)]):
        D = 2 ** (problem.n - 1)
        half = np.full((1, D, 2), 0.5), np.full((1, D), 1 / D)
        for name in problem.ratios(*half):
            q = problem.q if isinstance(problem, Short) else problem.T
            yield (
                name,
                f"n={problem.n}, lags {problem.lags}, T={problem.T}, q={q:g}",
                *search(problem.ratios, name, D, seed),
            )


def main() -> None:
    rows = [*results()]
    print(f"{'compared':<28}  {'largest ratio':>13}  kernels  at")
    for name in dict.fromkeys(name for name, *_ in rows):
        of_this = [row for row in rows if row[0] == name]
        _, where, ratio, _ = max(of_this, key=lambda row: row[2])
        print(f"{name:<28}  {ratio:>13.4f}  {sum(row[3] for row in of_this):>7}  {where}")


if __name__ == "__main__":
    main()
