"""Bounds for every step of normalised descent, with constants that are known before it starts (NT12, NT13, NT14).

They are derived in mathematics/next-token#finite-time. W* is the max-margin solution of the layer, gamma = 1/|W*|, alpha
its duals, v = e_right - e_wrong a pair, odds those of a wrong choice against the right one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from proofs.next_token.dataset import Dataset
from proofs.next_token.max_margin import (
    MarginCertificate,
    MarginProblem,
    attention_problems,
    feed_forward_problems,
    gap,
    support,
)
from proofs.next_token.max_margin_solver import solve

Row = tuple[int, int, int]  # column, right choice, wrong choice

LONGEST_STEP = 0.49  # odds change by the factor e^(sqrt 2 eta) at most: they double or halve
LATE_MASS = 1 / 16  # mass on wrong choices in a sentence from which bounds start where odds may rise
SHARE = 0.5  # of the first-order decrease of the loss, which terms of second order may use up
SETTLED = 1e-4  # of the rate: where the recursion for the constant of the loss ends


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

    @property
    def least_weight(self) -> float:
        return min(weight for weight, _ in self.sentences)

    @property
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


@dataclass(frozen=True)
class Bounds:
    """At every step t >= start of normalised descent with steps of length eta.

    norm       |W*|
    log_loss   L - L* <= exp(log_loss - eta (t - start) / |W*|)
    deficit    <v, W_t> >= eta t / |W*| - deficit for every pair v
    direction  |W_t/|W_t| - W*/|W*|| <= direction (1 + log t) / t
    """

    eta: float
    start: int
    falling: bool
    norm: float
    log_loss: float
    deficit: float
    direction: float

    def largest_log_loss(self, t: np.ndarray) -> np.ndarray:
        """Of L - L*, at the steps t."""
        return self.log_loss - self.eta * (t - self.start) / self.norm

    def least_norm(self, t: np.ndarray) -> np.ndarray:
        """Of W_t; the largest is eta t."""
        early = self.eta * t / (math.sqrt(2) * self.norm) if self.falling else 0.0 * t
        return np.maximum(early, self.eta * t - self.norm * self.deficit)

    def largest_error(self, t: np.ndarray) -> np.ndarray:
        """Of the direction, at t >= 1."""
        return self.direction * (1 + np.log(t)) / t


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


def largest_step(layer: Layer) -> float:
    """The largest step length for which the bounds are proved, up to bisection."""
    low, high = 0.0, LONGEST_STEP
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if is_short(layer, middle) else (low, middle)
    return low


def is_short(layer: Layer, eta: float) -> bool:
    """Whether both conditions on the step length hold."""
    gamma = layer.gamma
    tilt = eta * _second_order(2 * math.sqrt(2) * eta) * (4 / gamma + math.sqrt(2) - gamma)
    return tilt <= 1 and curvature(layer, eta) * layer.mass <= SHARE


def _second_order(z: float) -> float:
    """(e^z - 1 - z) / z^2."""
    return (math.expm1(z) - z) / z**2 if z > 1e-4 else 0.5 + z  # above it, since it is at most 1/2 + z/6 + z^2/24 there


def curvature(layer: Layer, eta: float) -> float:
    """k: by terms of second order a sentence's loss falls by less, at most by the share k times its mass on wrong
    choices; 0 in stage 1, whose loss is concave in the odds.
    """
    if not layer.beta:
        return 0.0
    growth, beta = math.expm1(math.sqrt(2) * eta), layer.beta
    quadratic = growth**2 * (1 + growth) ** 2 * math.exp(beta * growth / 2) / 2
    return quadratic * (4 * beta + 2 / (1 - layer.mass)) / -math.expm1(-eta * layer.gamma)


def loss_constant(layer: Layer, eta: float) -> float:
    """log C such that L - L* <= C exp(-eta gamma s) after s steps from the start.

    E -> E (1 - c (1 - A) (1 - k A)) bounds a step, with A = min(mass, E / (kappa pi_min)) and c = 1 - e^(-eta gamma):
    C e^(-eta gamma s) lies above this sequence.
    """
    c, k = -math.expm1(-eta * layer.gamma), curvature(layer, eta)
    scale = layer.kappa * layer.least_weight
    slowest = 1 - c * (1 - layer.mass) * (1 - k * layer.mass)
    waiting = max(0, math.ceil(math.log(layer.first_loss / (layer.mass * scale)) / -math.log(slowest)))
    log_loss, steps = math.log(layer.first_loss) + waiting * math.log(slowest), waiting
    lost = 1.0  # of the rate, by A > 0
    while lost > SETTLED:
        A = min(layer.mass, math.exp(log_loss) / scale)
        lost = A + k * A * (1 - A)
        log_loss += math.log1p(-c * (1 - lost))
        steps += 1
    return log_loss + steps * eta * layer.gamma + 4 * lost / (1 - c)  # `lost` falls by c/2 of itself at least


def bounds(layer: Layer, eta: float, start: int = 0) -> Bounds:
    """The bounds, with a start at which L - L* is at most `first_loss`; ValueError if the step is too long."""
    if not is_short(layer, eta):
        raise ValueError(f"eta={eta}: the bounds are proved for steps up to {largest_step(layer)}")
    log_C = loss_constant(layer, eta)
    deficit = margin_deficit(layer, log_C) + eta * start * layer.gamma
    direction = direction_constant(layer, eta, start, deficit)
    return Bounds(eta, start, layer.falling, layer.norm, log_C, deficit, direction)


def margin_deficit(layer: Layer, log_C: float) -> float:
    """How far a margin lags behind eta gamma (t - start), at most: its odds are at most E / (kappa pi (1 - mass))."""
    lags: dict[Row, float] = {}
    for weight, pairs in layer.sentences:
        for row, odds in pairs.items():
            lag = log_C - math.log(layer.kappa * weight * odds * (1 - layer.mass))
            lags[row] = min(lag, lags.get(row, math.inf))
    return max(0.0, *lags.values())


def direction_constant(layer: Layer, eta: float, start: int, deficit: float) -> float:
    """C of the direction error, from the distance of W_t from eta t W*/|W*| within the span of the support and outside
    of it: they are at most `inside` and fixed + growing (1 + log t).
    """
    inside = distance_inside(layer, deficit)
    fixed, growing = distance_outside(layer, eta, start, inside)
    return 2 * (inside + eta * start + fixed + growing) / eta


def distance_inside(layer: Layer, deficit: float) -> float:
    """The sum of alpha (margin - eta gamma t + deficit) is at most |W*|^2 deficit, with no term below 0."""
    duals = [dual for _, certificate in layer.columns.values() for dual in certificate.duals if dual > 0]
    largest = max(1.0, float(sum(duals) / min(duals)) - 1)
    least_square = min(
        float(_singular_values(_rows(problem, support(problem, certificate)))[-1]) ** 2
        for problem, certificate in layer.columns.values()
    )
    return deficit * math.sqrt((len(duals) - 1 + largest**2) / least_square)


def distance_outside(layer: Layer, eta: float, start: int, inside: float) -> tuple[float, float]:
    """What pairs without dual move outside of the span of the support: fixed + growing (1 + log t)."""
    omega, carried, loose, waiting = layer.weights(), list[float](), list[float](), 0.0
    for column, (problem, certificate) in layer.columns.items():
        carriers = support(problem, certificate)
        carried += [omega[column, *pair] for pair in carriers]
        basis = _span(_rows(problem, carriers))
        for pair in problem.pairs:
            v = _rows(problem, [pair])[0]
            if pair in carriers or np.linalg.norm(v - basis.T @ (basis @ v)) < 1e-9:  # else it is at least 1/V
                continue
            loose.append(omega[column, *pair])
            slack = float(gap(certificate.solution, pair) - 1)
            if slack > 0:
                lead = float(gap(certificate.drift, pair))
                waiting = max(waiting, (1 - lead) * layer.norm / slack)
    if not loose:
        return 0.0, 0.0
    drift = math.sqrt(sum(float(x) ** 2 for _, c in layer.columns.values() for x in c.drift))
    pull = eta * layer.beta * sum(loose) * layer.norm / (layer.kappa * (1 - layer.mass) ** 2 * min(carried))
    per_log = 2 * drift + waiting
    return eta + math.sqrt(2 * pull / math.e) + per_log * math.sqrt(2) * inside, per_log


def _rows(problem: MarginProblem, pairs: Sequence[tuple[int, int]]) -> np.ndarray:
    """v of the pairs, as rows."""
    rows = np.zeros((len(pairs), problem.size))
    for i, (a, b) in enumerate(pairs):
        rows[i, a], rows[i, b] = 1, -1
    return rows


def _singular_values(rows: np.ndarray) -> np.ndarray:
    """Those that are not 0, descending."""
    values = np.linalg.svd(rows, compute_uv=False)
    return values[values > 1e-9 * values[0]]


def _span(rows: np.ndarray) -> np.ndarray:
    """An orthonormal basis of the span of the rows, as rows."""
    _, values, basis = np.linalg.svd(rows, full_matrices=False)
    return basis[values > 1e-9 * values[0]]
