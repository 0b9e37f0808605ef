"""Particle networks with the user's activation and law of x: prompts drawn at random (MF16n), birth and death (MF20n).

Thresholds were settled after exploratory runs, and not moved since.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from numerics.threads import one_thread
from verify.claim import Evidence, Finding, Run, decide
from verify.papers.mean_field.common import of_file, short
from verify.papers.mean_field.particle_runs import ERRORS, NEURONS, POINTS, RUNS, D, generator_of, networks
from verify.papers.mean_field.premises import claim
from verify.papers.mean_field.settings import MeanFieldSettings

if TYPE_CHECKING:
    from torch import Tensor

    from numerics.mean_field.birth_death import Measure
    from numerics.mean_field.particles import Task

PROMPTS, LENGTHS = 5_000, (4, 16, 64)
MIXED, CYCLES, FLOW = 0.2, 5, (0.05, 30)  # gamma, births at most, step and steps of the flow between them
ROUNDING = 1e-9  # of a loss, in E|f°|^2; at a loss below that nothing is left to see


@claim("MF16n", "prompts drawn at random", requires=("MF16",))
@one_thread()
def simulated_prompts(settings: MeanFieldSettings, run: Run) -> Finding:
    """[D] For networks, the loss in context at other lengths, another Sigma_v and another law of the prompt's x is the
    one of MF16.

    Means over drawn prompts against the closed form, for the attention matrix that is best in training.
    """
    import torch

    from numerics.mean_field.particles import random_particles, random_points
    from numerics.mean_field.prompts import Examples, Setting

    random, k = generator_of(settings, 16), settings.k
    X = random_points(POINTS, D, random, settings.inputs)
    h, f = (random_particles(NEURONS, D, k, random, settings.activation).features(X) for _ in "hf")
    h, f = (x * (k / x.square().sum(1).mean()).sqrt() for x in (h, f))
    even = torch.full((POINTS,), 1 / POINTS, dtype=torch.float64)
    tilted = torch.softmax(X[:, 0] / 2, 0)
    root = torch.randn((k, k), dtype=torch.float64, generator=random)
    V = root @ root.mT + torch.eye(k, dtype=torch.float64) / 4
    query = Examples(h, f, even)
    W = Setting(query, query, torch.eye(k, dtype=torch.float64), 8, 0.0).best
    off, without = list[float](), list[float]()
    for n in LENGTHS:
        setting = Setting(Examples(h, f, tilted), query, V, n, 0.25)
        mean, error = setting.simulated(W, PROMPTS, random)
        endless = Setting(setting.prompt, query, V, 10**9, 0.25).loss(W)
        off.append((mean - setting.loss(W)) / error)
        without.append((mean - endless) / error)
    worst = max(map(abs, off))
    return decide(
        worst <= ERRORS,
        evidence=Evidence.STATISTICAL,
        scope=f"one network of each kind, {networks(settings)}, k={k}, trained at n=8 and Sigma_v = I, tested at n="
        f"{', '.join(map(str, LENGTHS))}, another Sigma_v and law of x, {PROMPTS} prompts each{of_file(settings)}; "
        f"level: {ERRORS} standard errors",
        instances=len(LENGTHS),
        found=f"mean loss at most {worst:.2g} standard errors off the formula",
        predicted=f"at most {ERRORS}",
        details={"standard errors": [short(x) for x in off], "without the terms in 1/n": [short(x) for x in without]},
        undecided=f"{worst:.2g} standard errors off: {RUNS}",
    )


@claim("MF20n", "birth and death, step by step", requires=("MF14",))
@one_thread()
def birth_death(settings: MeanFieldSettings, run: Run) -> Finding:
    """[D] Let a part gamma of the mass die at fixed times and be born again from pi, symmetric in a, dmu°/dpi <= R_4.
    The loss stays as it is, and right after that it falls at a rate of at least 2 gamma / (R_4 m_2) |MZ|_*^2, also for
    a network that was at rest: it moves on.

    Up to five births with gamma = 1/5, and the flow between them; from a random network, and from one neuron at rest.
    """
    ratios, jumps, moved, rest = list[float](), list[float](), list[bool](), 0.0
    for task, mu, pi, bounds in _starts(settings):
        births = list(_cycles(task, mu, pi, bounds))
        ratios += [ratio for ratio, _, _ in births]
        jumps += [jump for _, jump, _ in births]
        moved.append(births[-1][2] < _loss(task, mu))
        rest = _dissipation(task, mu)  # of the second start: 0 up to the width of its weight
    least, jump = min(ratios), max(jumps)
    return decide(
        least >= 1 and jump <= ROUNDING and all(moved) and rest <= ROUNDING,
        evidence=Evidence.NUMERIC,
        scope=f"{len(ratios)} births, gamma = {MIXED}, R_4 = 4, from {4 * settings.k + 4} neurons at k={settings.k}, "
        f"{networks(settings)}, and from one {settings.activation} neuron at rest{of_file(settings)}",
        instances=len(ratios),
        found=f"after a birth -dL/dt >= {least:.3g} x its bound; a birth moves L by {max(jump, 1e-15):.0e} E|f°|^2 "
        "at most",
        predicted=f">= 1 x its bound; at most {ROUNDING:.0e}",
        details={"rate over bound": [short(x) for x in ratios], "rate of the neuron at rest": short(rest)},
        undecided=f"rate {least:.3g} x bound, loss moved by {jump:.0e}, {sum(moved)} of {len(moved)} moved on: {RUNS}",
    )


def _starts(settings: MeanFieldSettings) -> Iterator[tuple[Task, Measure, Measure, float]]:
    """(task, mu, pi, R_4 m_2); half of pi are the target's neurons, so that R_4 = 4."""
    import torch

    from numerics.mean_field.birth_death import Measure
    from numerics.mean_field.particles import Particles, Task, normalised, random_particles, random_points
    from proofs.mean_field.one_neuron import resting_place, target

    random, k, kind = generator_of(settings, 20), settings.k, settings.activation

    def even(p: Particles) -> Measure:
        return Measure(torch.full((len(p.a),), 1 / len(p.a), dtype=torch.float64), p.a, p.w, kind)

    def column(values: list[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float64)[:, None]

    X = random_points(POINTS, D, random, settings.inputs)
    teacher, student, others = (random_particles(n, D, k, random, kind) for n in (k + 3, 4 * k + 4, k + 3))
    pi = even(teacher).mixed(even(others), 1 / 2).mirrored()
    yield Task(X, teacher.features(X)), even(normalised(student, X)), pi, 4 * float(teacher.a.square().sum(1).mean())

    points = target(kind)
    X, f = (column([float(x) for x in values]) for values in zip(*points, strict=True))
    weights = column([1.0, -1.0] if kind == "relu" else [0.5, 1.0, 2.0])
    a = torch.linalg.lstsq(
        Particles(torch.eye(len(weights), dtype=torch.float64), weights, kind).features(X), f
    ).solution
    teacher, others = Particles(a, weights, kind), random_particles(3, 1, 1, random, kind)
    low, high = resting_place(kind)
    at_rest = Particles(column([1.0]), column([float(low + high) / 2]), kind)
    pi = even(teacher).mixed(even(others), 1 / 2).mirrored()
    yield Task(X, teacher.features(X)), even(at_rest), pi, 4 * float(a.square().sum(1).mean())


def _cycles(task: Task, mu: Measure, pi: Measure, R_4_m_2: float) -> Iterator[tuple[float, float, float]]:
    """After each birth the rate over its bound, the jump of the loss in E|f°|^2, and the loss after the flow."""
    from numerics.mean_field.birth_death import descend, steepest

    size = float(task.f.square().sum(1).mean())
    for _ in range(CYCLES):
        before = _loss(task, mu)
        if not before > ROUNDING * size:
            return
        mu = mu.mixed(pi, MIXED)
        jump = abs(_loss(task, mu) - before) / size
        ratio = _dissipation(task, mu) / (2 * MIXED / R_4_m_2 * steepest(task, mu) ** 2)
        mu = descend(task, mu, *FLOW)
        yield ratio, jump, _loss(task, mu)


def _loss(task: Task, mu: Measure) -> float:
    from numerics.mean_field.birth_death import loss

    return loss(task, mu)


def _dissipation(task: Task, mu: Measure) -> float:
    from numerics.mean_field.birth_death import dissipation

    return dissipation(task, mu)
