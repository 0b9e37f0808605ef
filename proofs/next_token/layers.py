"""One layer's training problem as the bounds for every step see it (mathematics/next-token#finite-time)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from proofs.next_token.dataset import Dataset
from proofs.next_token.max_margin import MarginCertificate, MarginProblem, attention_problems, feed_forward_problems
from proofs.next_token.max_margin_solver import solve

Row = tuple[int, int, int]  # column, right choice, wrong choice

LATE_MASS = 1 / 16  # mass on wrong choices in a sentence from which bounds start where odds may rise


@dataclass(frozen=True)
class Layer:
    """What the bounds need to know of the training of one layer.

    columns    column -> its margin problem and solution
    sentences  for each, its weight pi, and the odds at W = 0 of every pair
    kappa      L - L* is at least kappa times the mass on wrong choices, in every sentence
    beta       scale of the frozen first layer, 0 in stage 1
    falling    whether the odds of wrong choices fall at every step
    loss       L - L* at W = 0
    """

    columns: Mapping[int, tuple[MarginProblem, MarginCertificate]]
    sentences: Sequence[tuple[float, Mapping[Row, float]]]
    kappa: float
    beta: float
    falling: bool
    loss: float

    @cached_property
    def norm(self) -> float:
        """|W*|."""
        return math.sqrt(sum(certificate.squared_norm for _, certificate in self.columns.values()))

    @property
    def gamma(self) -> float:
        return 1 / self.norm

    @cached_property
    def least_weight(self) -> float:
        return min(weight for weight, _ in self.sentences)

    @cached_property
    def mass(self) -> float:
        """What the mass on wrong choices is at most, in every sentence and from the start of the bounds on."""
        if not self.falling:
            return LATE_MASS
        odds = max(sum(pairs.values()) for _, pairs in self.sentences)
        return odds / (1 + odds)

    @property
    def first_loss(self) -> float:
        """What L - L* is at most where the bounds start: at t = 0, or at the first step that reaches this."""
        return self.loss if self.falling else LATE_MASS * self.kappa * self.least_weight

    def weights(self) -> dict[Row, float]:
        """omega of every pair: the sum of pi times its odds at W = 0."""
        omega: dict[Row, float] = {}
        for weight, pairs in self.sentences:
            for row, odds in pairs.items():
                omega[row] = omega.get(row, 0.0) + weight * odds
        return omega


def feed_forward_layer(dataset: Dataset) -> Layer:
    """Stage 1, with the weights of the dataset."""
    weights = dataset.collocation_weights
    problems = feed_forward_problems(dataset)
    return Layer(
        columns={x: (problem, solve(problem)) for x, problem in problems.items()},
        sentences=[(float(weights[x]), {(x, *pair): 1.0 for pair in problem.pairs}) for x, problem in problems.items()],
        kappa=1.0,
        beta=0.0,
        falling=True,
        loss=float(sum(weights.values())) * math.log(dataset.V),
    )


def attention_layer(dataset: Dataset, beta: float) -> Layer:
    """Stage 2 with W_ov = beta W_ov*."""
    V, sentences, loss = dataset.V, list[tuple[float, dict[Row, float]]](), 0.0
    for sentence in dataset.longer:
        best, counts = dataset.optimal(sentence), sentence.counts
        odds = {(sentence.query, best, x): count / counts[best] for x, count in counts.items() if x != best}
        if odds:
            sentences.append((float(sentence.weight), odds))
            loss += float(sentence.weight) * first_excess(V, beta, list(odds.values()))
    return Layer(
        columns={q: (problem, solve(problem)) for q, problem in attention_problems(dataset).items()},
        sentences=sentences,
        kappa=beta * V / (math.exp(beta) + V - 1),
        beta=beta,
        falling=has_two_levels(dataset) and optimal_is_most_frequent(dataset),
        loss=loss,
    )


def first_excess(V: int, beta: float, odds: Sequence[float]) -> float:
    """A sentence's loss minus its infimum at these odds of its wrong tokens."""
    best = 1 / (1 + sum(odds))
    others = sum(math.exp(beta * (x - 1) * best) for x in odds) + (V - 1 - len(odds)) * math.exp(-beta * best)
    return math.log1p(others) - math.log1p((V - 1) * math.exp(-beta))


def has_two_levels(dataset: Dataset) -> bool:
    """Whether no token is optimal in one sentence and non-optimal in another of the same query."""
    orders = (dataset.order(query) for query in dataset.queries)
    return all({a for a, _ in order}.isdisjoint(b for _, b in order) for order in orders)


def optimal_is_most_frequent(dataset: Dataset) -> bool:
    """Whether no token of a sentence occurs more often than the optimal one."""
    return all(s.counts[dataset.optimal(s)] == max(s.counts.values()) for s in dataset.longer)
