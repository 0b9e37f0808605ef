"""Runs of particle networks with the user's activation and law of x: MF16n, MF18n, MF18h, MF19n, MF20n.

Every threshold below was written down before the runs that it judges; predictions are computed before their run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from numerics.threads import one_thread
from verify.claim import Counterexample, Evidence, Finding, Origin, Run, decide
from verify.papers.mean_field.common import of_file, short
from verify.papers.mean_field.premises import claim
from verify.papers.mean_field.settings import MeanFieldSettings

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from numerics.mean_field.birth_death import Measure
    from numerics.mean_field.escape import Saddle
    from numerics.mean_field.particles import Task

D, NEURONS, POINTS = 3, 32, 64  # inputs, neurons and points of a saddle
SHARE = 1e-6  # of the loss, whose loss is the escape: the linearised flow is followed for 0.1% of the way in c
DELTAS = (1e-5, 1e-7, 1e-9)
NOISE, KINDS = 1e-7, {"isotropic": False, "process": True}  # random perturbations: their size, whether smooth
TOLERANCE = 0.02  # of an escape time: at 0.1% of the way the flow is off by that order, some 1 / lambda long
STEP = 0.25  # in units of 1 / lambda: an error of 1e-5 in the exponent of growth by Runge and Kutta's method
PUSHES, ERRORS = 2000, 5  # draws of a perturbation, and standard errors that their mean may be off
ATTENTION_RATE, STRETCHES = 100.0, (30, 100)  # MF19n: blow-up after so many 1 / lambda
LATE_SHARE, LATE_TOLERANCE = 1e-4, 0.05  # MF19n from W = 0, where b is some percent of its range from the start
PROMPTS, LENGTHS = 5_000, (4, 16, 64)
MIXED, CYCLES, FLOW = 0.2, 5, (0.05, 30)  # gamma, births at most, step and steps of the flow between them
ROUNDING = 1e-9  # of a loss, in E|f°|^2; at a loss below that nothing is left to see
RUNS = "of a few runs: they refute nothing"


def _generator(settings: MeanFieldSettings, offset: int) -> torch.Generator:
    import torch

    return torch.Generator().manual_seed((settings.seed * 1000 + offset) % 2**63)


def _networks(settings: MeanFieldSettings) -> str:
    return f"{settings.activation}, x {settings.inputs} in R^{D}"


def _saddle(settings: MeanFieldSettings, k: int, offset: int) -> Saddle:
    from numerics.mean_field.escape import random_saddle

    random = _generator(settings, offset)
    return random_saddle(k, D, NEURONS, POINTS, random, settings.activation, settings.inputs)


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

    random, k = _generator(settings, 16), settings.k
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
        scope=f"one network of each kind, {_networks(settings)}, k={k}, trained at n=8 and Sigma_v = I, tested at n="
        f"{', '.join(map(str, LENGTHS))}, another Sigma_v and law of x, {PROMPTS} prompts each{of_file(settings)}; "
        f"level: {ERRORS} standard errors",
        instances=len(LENGTHS),
        found=f"off by {worst:.2g} standard errors",
        predicted=f"<= {ERRORS}",
        details={"standard errors": [short(x) for x in off], "without the terms in 1/n": [short(x) for x in without]},
        undecided=f"{worst:.2g} standard errors off: {RUNS}",
    )


@claim("MF18n", "escape from a saddle, measured", requires=("MF18",))
@one_thread()
def escape(settings: MeanFieldSettings, run: Run) -> Finding:
    """[D] At a saddle with B = 0, a network perturbed by delta along its fastest direction has lost a share of 10^-6 of
    the loss after log(1/delta)/lambda + const; perturbed by independent noise, or by a Gaussian process on its neurons,
    after the time that the linearised flow of MF18 takes from there. N independent perturbations push b A^-1/2 by tr(G)
    / N in mean square, G = Gamma at A = I, a process with kernel K by iint tr(J K J'^T) dmu dmu'.

    Runge-Kutta against times that are computed before the run.
    """
    from numerics.mean_field.escape import perturbations

    ratios, pushes, count = dict[str, list[float]](), list[float](), 0
    for k in sorted({1, settings.k}):
        saddle, random = _saddle(settings, k, 18), _generator(settings, 180)
        directed = [("directed", saddle.fastest * delta) for delta in DELTAS]
        draws = {name: perturbations(saddle, smooth, PUSHES, random) for name, smooth in KINDS.items()}
        noises = [(name, NOISE * draw[0]) for name, draw in draws.items()]
        for name, v in [*directed, *noises]:
            run.progress(f"{name} perturbation, k={k}")
            ratios.setdefault(name, []).append(_escape(saddle, v, STEP) / saddle.predicted(v, SHARE))
            count += 1
        pushes += [_push_error(saddle, draws[name], smooth) for name, smooth in KINDS.items()]
    worst = max(abs(x - 1) for row in ratios.values() for x in row)
    pushed = max(map(abs, pushes))
    return decide(
        worst <= TOLERANCE and pushed <= ERRORS,
        evidence=Evidence.NUMERIC,
        scope=f"{count} perturbations of {NEURONS} neurons, k in {{{', '.join(map(str, sorted({1, settings.k})))}}}, "
        f"{_networks(settings)}, delta 1e-5 to 1e-9{of_file(settings)}",
        instances=count,
        found=f"off by {100 * worst:.2g}%; pushes by {pushed:.2g} standard errors",
        predicted=f"<= {100 * TOLERANCE:g}%; <= {ERRORS}",
        details={f"measured over predicted, {name}": [short(x) for x in row] for name, row in ratios.items()},
        undecided=f"an escape {100 * worst:.2g}% off, pushes {pushed:.2g} standard errors: {RUNS}",
    )


def _escape(saddle: Saddle, v: Tensor, step: float) -> float:
    from numerics.mean_field.escape import escape_time

    return escape_time(saddle, saddle.pushed(v), SHARE, step / saddle.rate, 3 * saddle.predicted(v, SHARE))


def _push_error(saddle: Saddle, draws: Tensor, smooth: bool) -> float:
    """How many standard errors the mean of |c|^2 over draws is off."""
    from numerics.mean_field.escape import mean_square_push

    squares = saddle.push(draws).square().sum(1)
    return float((squares.mean() - mean_square_push(saddle, smooth)) / (squares.std() / PUSHES**0.5))


@claim("MF18h", "escape at half that rate (control)", requires=("MF18",), origin=Origin.CONTROL)
@one_thread()
def half_rate(settings: MeanFieldSettings, run: Run) -> Finding:
    """Perturbed by delta along its fastest direction, a network leaves a saddle after 2 log(1/delta)/lambda + const:
    each hundredth of delta takes it 2 log(100)/lambda more.

    The time between two escapes, again with half the step.
    """
    saddle = _saddle(settings, 1, 18)
    claimed = 2 * math.log(DELTAS[0] / DELTAS[1]) / saddle.rate

    def waits(step: float) -> float:
        late, early = (_escape(saddle, saddle.fastest * delta, step) for delta in (DELTAS[1], DELTAS[0]))
        return late - early

    found = waits(STEP)
    holds = abs(found / claimed - 1) <= TOLERANCE
    values = {"deltas": [str(x) for x in DELTAS[:2]], "longer by": short(found), "claimed": short(claimed)}
    again = Counterexample(values, lambda: abs(waits(STEP / 2) / claimed - 1) > TOLERANCE)
    return decide(
        holds,
        evidence=Evidence.NUMERIC,
        scope=f"one network of {NEURONS} neurons, k=1, {_networks(settings)}, delta 1e-5 and 1e-7{of_file(settings)}",
        instances=1,
        found=f"{found / claimed:.4f} of it",
        predicted=f"1 within {100 * TOLERANCE:g}%",
        counterexample=None if holds else again,
        undecided=f"{found / claimed:.4f} of it",
    )


@claim("MF19n", "joint training leaves late", requires=("MF18n",))
@one_thread()
def joint_escape(settings: MeanFieldSettings, run: Run) -> Finding:
    """[D] With k=1, A = S° = 1 and W trained eta times as fast, db/dt = lambda b W (2 - W), dW/dt = eta b^2 (1 - W) to
    leading order near b = 0. So from W = 0 a network leaves the saddle at about pi / (2 |b_0| sqrt(2 eta lambda)),
    however small b_0 and large eta are; from the best W = 1 after log(1/|b_0|) / lambda + const, whatever eta.

    Runge-Kutta against times computed before the run.
    """
    import torch

    from numerics.mean_field.escape import blow_up, escape_time, slow_escape

    saddle = _saddle(settings, 1, 19)
    first, best = torch.zeros((1, 1), dtype=torch.float64), torch.ones((1, 1), dtype=torch.float64)
    errors, delays = list[float](), list[float]()
    for stretch in STRETCHES:
        run.progress(f"joint training, blow-up after {stretch} / lambda")
        push = blow_up(1.0, saddle.rate, ATTENTION_RATE) * saddle.rate / stretch
        v = saddle.fastest * (push / saddle.rate**0.5)
        late = slow_escape(push, saddle.rate, ATTENTION_RATE, LATE_SHARE)
        start, dt = saddle.pushed(v), STEP / saddle.rate
        time = escape_time(saddle, start, LATE_SHARE, dt, 2 * late, (ATTENTION_RATE, first))
        errors.append(time / late - 1)
        delays.append(time * saddle.rate)
    v = saddle.fastest * DELTAS[0]
    early = saddle.predicted(v, SHARE)
    time = escape_time(saddle, saddle.pushed(v), SHARE, STEP / saddle.rate, 3 * early, (ATTENTION_RATE, best))
    errors.append(time / early - 1)
    limit = slow_escape(1e-6, saddle.rate, ATTENTION_RATE, LATE_SHARE) / blow_up(1e-6, saddle.rate, ATTENTION_RATE)
    worst = max(map(abs, errors))
    return decide(
        worst <= LATE_TOLERANCE and abs(limit - 1) <= 1e-3,
        evidence=Evidence.NUMERIC,
        scope=f"one network of {NEURONS} neurons, k=1, {_networks(settings)}, eta = {ATTENTION_RATE:g}, 2 starts at W = "
        f"0 and one at W = 1{of_file(settings)}",
        instances=len(errors),
        found=f"off by {100 * worst:.2g}%; {short(limit)} of pi/(2 |b_0| ..)",
        predicted=f"<= {100 * LATE_TOLERANCE:g}%; 1",
        details={"off by": [short(x) for x in errors], "escape times, in 1 / lambda": [short(x) for x in delays]},
        undecided=f"a time {100 * worst:.2g}% off, {short(limit)} of the limit: {RUNS}",
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
        before = _loss(task, mu)
        rest = _dissipation(task, mu)  # of the second start: nearly 0
        reached = before
        for ratio, jump, reached in _cycles(task, mu, pi, bounds):
            ratios.append(ratio)
            jumps.append(jump)
        moved.append(reached < before)
    least, jump = min(ratios), max(jumps)
    return decide(
        least >= 1 and jump <= ROUNDING and all(moved),
        evidence=Evidence.NUMERIC,
        scope=f"{len(ratios)} births, gamma = {MIXED}, R_4 = 4, from {4 * settings.k + 4} neurons at k={settings.k}, "
        f"{_networks(settings)}, and from one {settings.activation} neuron at rest{of_file(settings)}",
        instances=len(ratios),
        found=f"rate >= {least:.3g} x bound; loss moved by {jump:.0e}",
        predicted=f">= 1 x bound; <= {ROUNDING:.0e}",
        details={"rate over bound": [short(x) for x in ratios], "rate of the neuron at rest": short(rest)},
        undecided=f"rate {least:.3g} x bound, loss moved by {jump:.0e}, {sum(moved)} of {len(moved)} moved on: {RUNS}",
    )


def _starts(settings: MeanFieldSettings) -> Iterator[tuple[Task, Measure, Measure, float]]:
    """(task, mu, pi, R_4 m_2); half of pi are the target's neurons, so that R_4 = 4."""
    import torch

    from numerics.mean_field.birth_death import Measure
    from numerics.mean_field.particles import Particles, Task, normalised, random_particles, random_points
    from proofs.mean_field.one_neuron import resting_place, target

    random, k, kind = _generator(settings, 20), settings.k, settings.activation

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
    """After each birth the rate over its bound, by what part of E|f°|^2 the loss jumped, and the loss after the flow."""
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
