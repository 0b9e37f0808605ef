"""Bounds for every step of normalised descent, with constants that are known before it starts (NT12, NT13, NT14).

They are derived in mathematics/next-token#finite-time. W* is the max-margin solution of the layer, gamma = 1/|W*|,
alpha its duals, v = e_right - e_wrong a pair, odds those of a wrong choice against the right one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from proofs.next_token.layers import Layer, Row
from proofs.next_token.max_margin import MarginProblem, Pair, gap, support

Array: TypeAlias = NDArray[np.float64]

LONGEST_STEP = 0.49  # odds change by the factor e^(sqrt 2 eta) at most: they double or halve
SHARE = 0.5  # of the first-order decrease of the loss, which terms of second order may use up
SETTLED = 1e-4  # of the rate: where the recursion for the constant of the loss ends


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

    def largest_log_loss(self, t: Array) -> Array:
        """Of L - L*, at the steps t."""
        return self.log_loss - self.eta * (t - self.start) / self.norm

    def least_norm(self, t: Array) -> Array:
        """Of W_t; the largest is eta t."""
        early = self.eta * t / (math.sqrt(2) * self.norm) if self.falling else 0.0 * t
        return np.maximum(early, self.eta * t - self.norm * self.deficit)

    def largest_error(self, t: Array) -> Array:
        """Of the direction, at t >= 1."""
        largest: Array = self.direction * (1 + np.log(t)) / t
        return largest


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


def _rows(problem: MarginProblem, pairs: Sequence[Pair]) -> Array:
    """v of the pairs, as rows."""
    rows = np.zeros((len(pairs), problem.size))
    for i, (a, b) in enumerate(pairs):
        rows[i, a], rows[i, b] = 1, -1
    return rows


def _singular_values(rows: Array) -> Array:
    """Those that are not 0, descending."""
    values = np.linalg.svd(rows, compute_uv=False)
    largest_first: Array = values[values > 1e-9 * values[0]]
    return largest_first


def _span(rows: Array) -> Array:
    """An orthonormal basis of the span of the rows, as rows."""
    _, values, basis = np.linalg.svd(rows, full_matrices=False)
    rows_of_basis: Array = basis[values > 1e-9 * values[0]]
    return rows_of_basis
