"""Gradient flow of the literal network, and how long it stays at a rest (sub-n-grams/training#gradient-flow; claim
SN27).

All parameters V, A, Q, K in a row are theta; theta' = -dL/dtheta, with L the mean loss over weighted sequences, tokens
that are absent from a sequence left out. Over all S^T sequences with their exact weights this is the population's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import permutations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.integrate import DOP853, RK45
from scipy.optimize import brentq

from numerics.sub_ngrams.hessian import spectrum_on
from numerics.sub_ngrams.network import Network
from numerics.sub_ngrams.population_gradient import expected_gradient
from numerics.sub_ngrams.rest_points import RestPoint, nearest_rest
from numerics.sub_ngrams.sampling import polya_urn
from numerics.sub_ngrams.sequences import Batch, enumerate_sequences
from proofs.sub_ngrams.law import NGramLaw

Array = NDArray[np.float64]
SOLVERS = {"DOP853": DOP853, "RK45": RK45}
ABSOLUTE = 1e-2  # the absolute tolerance is so much of the relative one, times the largest entry of the start
OVERFLOW = 300.0  # of exponents


def everything(law: NGramLaw, T: int) -> Batch:
    """All sequences of length T."""
    (batch,) = enumerate_sequences(law, T, batch=law.S**T, device=torch.device("cpu"))
    return batch


def drawn(law: NGramLaw, T: int, count: int, seed: int) -> Batch:
    """`count` drawn sequences, each with its tokens renamed in all S! ways: in place of the population, which is
    symmetric.
    """
    x, P = polya_urn(law, T, count, torch.Generator().manual_seed(seed))
    names = [torch.tensor(names) for names in permutations(range(law.S))]
    weight = torch.full((count * len(names),), 1 / (count * len(names)), dtype=torch.float64)
    return Batch(torch.cat([name[x] for name in names]), torch.cat([P[:, name.argsort()] for name in names]), weight)


def small_start(law: NGramLaw, T: int, size: float, seed: int) -> Network:
    """The authors' start (A = 0, V, Q and K random), but of this size |theta|."""
    network = Network.initial(law, T, torch.Generator().manual_seed(seed))
    factor = size / float(np.linalg.norm(flat(network)))
    with torch.no_grad():
        for value in network.parameters():
            value.mul_(factor)
    return network


def flat(network: Network) -> Array:
    return torch.cat([value.detach().flatten() for value in network.parameters()]).numpy()


class Flow:
    """The flow over these sequences; `network` gives the shapes, and is overwritten."""

    def __init__(self, network: Network, batch: Batch) -> None:
        self.network, self.batch, self.evaluations = network, batch, 0

    def at(self, theta: Array) -> Network:
        """The network with these parameters, until the next call."""
        sizes = [value.numel() for value in self.network.parameters()]
        parts = torch.split(torch.from_numpy(theta), sizes)
        with torch.no_grad():
            for value, part in zip(self.network.parameters(), parts, strict=True):
                value.copy_(part.view_as(value))
        return self.network

    def velocity(self, time: float, theta: Array) -> Array:
        self.evaluations += 1
        network = self.at(theta)
        found = expected_gradient(dict(network.named_parameters()), network.losses, [self.batch])
        return -torch.cat([value.flatten() for value in found.values()]).numpy()

    def distance(self, theta: Array, rest: RestPoint) -> float:
        """|theta - theta*|, theta* the nearest parameters at rest."""
        return float(np.linalg.norm(theta - flat(nearest_rest(self.at(theta), rest.w))))


@dataclass(frozen=True)
class Stay:
    """From time `start` to `end` the flow is within a radius of a rest; theta where it comes in."""

    rest: RestPoint
    start: float
    end: float
    theta: Array

    @property
    def duration(self) -> float:
        return self.end - self.start


@dataclass(frozen=True)
class Moment:
    """Of the flow: the time, its parameters, its speed |dL/dtheta|."""

    time: float
    theta: Array
    speed: float


@dataclass(frozen=True)
class Path:
    """stays in the order of the rests, those that have ended; moments: the ends of the integrator's steps."""

    stays: Sequence[Stay]
    moments: Sequence[Moment]


def follow(
    flow: Flow,
    start: Array,
    rests: Sequence[RestPoint],
    radius: float,
    *,
    tolerance: float,
    most: int,
    at_least: int = 0,
    method: str = "DOP853",
) -> Path:
    """From `start`, within `radius` of the first rest, until the stay at the last one ends.

    most, at_least  evaluations of the gradient after which it ends before; and until which it goes on after that
    tolerance       of an integrator's step, relative
    ValueError where the start is not within the radius.
    """
    if not flow.distance(start, rests[0]) < radius:
        raise ValueError(f"the start is not within {radius:g} of {rests[0].name}")
    absolute = tolerance * ABSOLUTE * float(np.abs(start).max())
    solver = SOLVERS[method](flow.velocity, 0.0, start.copy(), math.inf, rtol=tolerance, atol=absolute)
    stays: list[Stay] = []
    moments = [Moment(0.0, start.copy(), float(np.linalg.norm(solver.f)))]
    entered: tuple[float, Array] | None = (0.0, start.copy())
    before = flow.evaluations
    while solver.status == "running":
        done = flow.evaluations - before
        if done >= max(at_least, most if len(stays) < len(rests) else 0):
            break
        solver.step()
        moments.append(Moment(float(solver.t), solver.y.copy(), float(np.linalg.norm(solver.f))))
        since = float(solver.t_old)
        while len(stays) < len(rests):  # a long step can leave a rest and come to the next
            rest = rests[len(stays)]
            if (flow.distance(solver.y, rest) < radius) is (entered is not None):
                break
            since, theta = _crossing(solver, since, partial(flow.distance, rest=rest), radius)
            if entered is None:
                entered = since, theta
            else:
                stays.append(Stay(rest, entered[0], since, entered[1]))
                entered = None
    return Path(stays, moments)


def _crossing(solver: DOP853, since: float, distance: Callable[[Array], float], radius: float) -> tuple[float, Array]:
    """When, within the last step and not before `since`, the distance is the radius, and theta then."""
    inside = solver.dense_output()
    time = float(brentq(lambda t: distance(inside(t)) - radius, since, solver.t, rtol=1e-12))
    return time, inside(time)


def linear_stay(flow: Flow, stay: Stay, radius: float) -> float:
    """How long the flow that is linearised at the nearest rest is within the radius, from where the stay begins.

    The squared distance is a sum of exponentials, and so convex in time. A does not matter to the loss at V = 0, and
    stays where it is. inf where nothing grows.
    """
    rest = nearest_rest(flow.at(stay.theta), stay.rest.w)
    moved = [
        now.detach() - value.detach() for now, value in zip(flow.network.parameters(), rest.parameters(), strict=True)
    ]
    assert rest.A is not None
    rest.A.requires_grad_(False)
    spectrum = spectrum_on(rest, flow.batch)
    of_A = [value is rest.A for value in rest.parameters()]
    free = torch.cat([part.flatten() for part, is_A in zip(moved, of_A, strict=True) if not is_A])
    still = sum(float((part**2).sum()) for part, is_A in zip(moved, of_A, strict=True) if is_A)
    rates = np.append(spectrum.eigenvalues.numpy(), 0.0)
    squares = np.append(((spectrum.eigenvectors.T @ free) ** 2).numpy(), still)
    return exit_time(rates, squares, radius)


def exit_time(rates: Array, squares: Array, radius: float) -> float:
    """The last time at which sum_i squares_i e^(-2 rates_i t) = radius^2, from at most that at t = 0."""

    def outside(t: float) -> float:
        return float(squares @ np.exp(-2 * rates * t)) - radius**2

    def growth(t: float) -> float:
        return float(-(rates * squares) @ np.exp(-2 * rates * t))

    if not rates.min() < 0:
        return math.inf
    farthest = OVERFLOW / -rates.min()
    if not outside(farthest) > 0:
        return math.inf
    lowest = 0.0 if growth(0.0) >= 0 else float(brentq(growth, 0.0, farthest))
    return float(brentq(outside, lowest, farthest)) if outside(lowest) < 0 else 0.0
