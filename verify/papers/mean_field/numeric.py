"""The claims of the float layer: networks of particles, random searches, integrated flows, training."""

from __future__ import annotations

import sys
from itertools import pairwise
from typing import TYPE_CHECKING

from numerics.threads import one_thread
from proofs.mean_field.critical import target
from proofs.mean_field.examples import tanh_saddle
from verify.claim import Evidence, Finding, Origin, Run, decide
from verify.papers.mean_field.common import each_takes, generator, of_file, short
from verify.papers.mean_field.premises import FINITE, claim, no_saddle
from verify.papers.mean_field.settings import MeanFieldSettings

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from numerics.mean_field.particles import Particles, Task
    from numerics.mean_field.training import Curve

EPS = sys.float_info.epsilon
ATTENTION_RATES = (1.0, 10.0, 100.0)
NETWORKS = 2  # that are trained
FLOATS = "floats do not tell whether the formula is wrong"


def _eigenvalues(settings: MeanFieldSettings, claim: str) -> list[float]:
    """Those of the exact claims at these k and m."""
    return [float(x) for x in target(settings.k, settings.m, generator(settings, claim)).eigenvalues]


def _torch_generator(settings: MeanFieldSettings) -> torch.Generator:
    import torch

    return torch.Generator().manual_seed(settings.seed)


@claim("MF3n", "variations of a neural network", requires=("MF2", "MF3"))
@each_takes(lambda k, m: 7e-3)
@one_thread()
def particle_variations(settings: MeanFieldSettings, run: Run) -> Finding:
    """[D] For a network of particles (a, w) the first variation, and the second along (id + eps v)_# mu, are int v^T
    Hess(dL/dmu) v + iint v^T d d' (d^2L/dmu^2) v', as the formulas of MF2 and MF3 give them.

    The loss differentiated twice by autograd, against the formulas.
    """
    import torch

    from numerics.device import resolve_device
    from numerics.mean_field.particles import ACTIVATIONS, Task, random_particles, variations

    random, device, k = _torch_generator(settings), resolve_device(settings.device), settings.k
    d, neurons, points = 2, 3 * k + 3, 4 * k + 8
    count, holds, largest, widest = 0, True, 0.0, 0.0
    for activation in ACTIVATIONS:
        for _ in range(settings.instances):
            X, f, va, vw = (
                torch.randn(shape, dtype=torch.float64, generator=random).to(device)
                for shape in ((points, d), (points, k), (neurons, k), (neurons, d))
            )
            particles, task = random_particles(neurons, d, k, random, activation, device), Task(X, f)
            found = _autograd(particles, task, va, vw)
            errors = [abs(float(x - y)) for x, y in zip(found, variations(particles, task, va, vw), strict=True)]
            bound = _rounding(particles, task, va, vw)
            holds = holds and max(errors) <= bound
            largest, widest = max(largest, *errors), max(widest, bound)
            count += 1
    return decide(
        holds,
        evidence=Evidence.NUMERIC,
        scope=f"{count} random networks ({', '.join(ACTIVATIONS)}), k={k}, {neurons} neurons, {points} points"
        f"{of_file(settings)}",
        instances=count,
        found=f"autograd and formulas at most {largest:.0e} apart",
        predicted=f"at most the rounding, {widest:.0e}",
        undecided=f"apart {largest:.0e} at most, over the bound on rounding at one of {count} networks: {FLOATS}",
    )


def _autograd(particles: Particles, task: Task, va: Tensor, vw: Tensor) -> tuple[Tensor, Tensor]:
    import torch

    from numerics.mean_field.particles import Particles

    eps = torch.zeros((), dtype=torch.float64, device=task.X.device, requires_grad=True)
    moved = Particles(particles.a + eps * va, particles.w + eps * vw, particles.activation)
    (first,) = torch.autograd.grad(task.loss(moved.features(task.X)), eps, create_graph=True)
    (second,) = torch.autograd.grad(first, eps)
    return first.detach(), second


def _rounding(particles: Particles, task: Task, va: Tensor, vw: Tensor) -> float:
    """A bound on the rounding of both variations.

    With e and b the first and second derivatives of h along v, and r the least eigenvalue of Sigma_mumu, no term of
    MF2 and MF3 exceeds 2 tr(S°) E|e|^2 / r or tr(S°) sqrt(E|b|^2 / r), and the first is at most
    tr(S°) sqrt(E|e|^2 / r). A sum of N + n products rounds by at most N + n eps, a solve with Sigma_mumu by k times its
    condition number; each term has two solves.
    """
    import torch

    from numerics.mean_field.particles import derivatives

    h, e, b = derivatives(particles, task.X, va, vw)
    A, _, S = task.covariances(h)
    values = torch.linalg.eigvalsh(A)
    r, condition = values[0], values[-1] / values[0]
    sizes = [x.square().sum(1).mean() / r for x in (e, b)]
    scale = S.trace() * (6 * sizes[0] + sizes[0].sqrt() + sizes[1].sqrt())
    return float(EPS * (len(particles.a) + len(h) + 2 * h.shape[1] * condition) * scale)


@claim("MF6n", "critical points found at random", requires=("MF6",), assumptions=(FINITE,))
@one_thread()
def critical_search(settings: MeanFieldSettings, run: Run) -> Finding:
    """[D] Critical points found from random starts have L within k |M^T A| |M Z| / r_low of a value of MF6.

    Newton's method from 500 random starts, with a computed error bound, against the predicted values.
    """
    from numerics.device import resolve_device
    from numerics.mean_field.finite import eigenvalue_target
    from numerics.mean_field.search import critical_values, search

    random, device = _torch_generator(settings), resolve_device(settings.device)
    eigenvalues = _eigenvalues(settings, "MF6n")
    F = eigenvalue_target(eigenvalues, settings.m, random, device)
    starts, values = 500, critical_values(eigenvalues, settings.m).to(device)
    found = search(F, starts, random)
    nearest = (found.losses[:, None] - values).abs().min(1)
    seen = len(set(nearest.indices.tolist()))
    farthest = float(nearest.values.max()) if len(found.losses) else float("nan")
    return decide(
        bool((nearest.values <= found.bounds).all()),
        evidence=Evidence.NUMERIC,
        scope=f"{len(found.losses)} critical points from {starts} starts, one F, k={settings.k}, m={settings.m}"
        f"{of_file(settings)}",
        instances=len(found.losses),
        found=f"L at most {farthest:.0e} off a value of MF6, {seen} of {len(values)} values met",
        predicted=f"at most its bound, {float(found.bounds.max()):.0e} or less" if len(found.losses) else "",
        undecided=f"a loss off the list by up to {farthest:.0e}, more than its bound: {FLOATS}",
    )


@claim("MF10n", "the flow, integrated", requires=("MF10",), vacuous=no_saddle)
@one_thread()
def integrated_flow(settings: MeanFieldSettings, run: Run) -> Finding:
    """[D] Integrated numerically, dH/dt = -dL/dH conserves H H^T, follows the closed form of MF10, and leaves a saddle
    from distance delta after (1/lambda) log cot(delta).

    Runge-Kutta with two step sizes against the closed form and the predicted escape time.
    """
    import torch

    from numerics.device import resolve_device
    from numerics.mean_field.finite import eigenvalue_target, orthonormalise, random_orthonormal
    from numerics.mean_field.flow import closed_form, integrate

    random, device = _torch_generator(settings), resolve_device(settings.device)
    eigenvalues = _eigenvalues(settings, "MF10n")
    F = eigenvalue_target(eigenvalues, settings.m, random, device)
    start = random_orthonormal((settings.k, settings.m), random, device)
    time, steps = 6 / max(eigenvalues), 400
    exact = closed_form(start, F, time, steps)
    coarse = integrate(start, F, time, steps)
    fine = integrate(start, F, time, 2 * steps)[::2]
    # Halving the step of a method of order 4 divides its error by 16: the difference is 15 times the finer error.
    estimate = float((coarse - fine).abs().max()) + EPS * steps * settings.m
    one = torch.eye(settings.k, dtype=F.dtype, device=device)
    drift = float((fine @ fine.mT - one).abs().max())
    apart = float(torch.linalg.matrix_norm(_projection(exact) - _projection(orthonormalise(fine)), 2).max())
    late = [_escape_error(10.0**-n) for n in (2, 4, 6)]
    size = settings.k * settings.m  # entries that the norm of an error can add up
    return decide(
        drift <= 2 * size * estimate and apart <= 2 * size * estimate and all(0 <= x <= 1 for x in late),
        evidence=Evidence.NUMERIC,
        scope=f"one start at k={settings.k}, m={settings.m}, t <= {time:.3g}{of_file(settings)}; "
        "escape from 1e-2, 1e-4, 1e-6 at k=1",
        instances=1 + len(late),
        found=f"row space at most {apart:.0e} off the closed form, H H^T off I by {drift:.0e}; "
        f"escapes up to {max(late):.2f} steps late",
        predicted=f"at most the error, {2 * size * estimate:.0e}; 0 to 1",
        details={"escape times, in steps after the predicted one": [f"{x:.3f}" for x in late]},
        undecided=f"apart {apart:.0e}, drift {drift:.0e}, escapes off by {', '.join(f'{x:.2f}' for x in late)} steps: "
        "more than two step sizes differ by",
    )


def _projection(H: Tensor) -> Tensor:
    return H.mT @ H


def _escape_error(delta: float) -> float:
    """How many steps after the predicted time half of the loss is gone: between 0 and 1 if the prediction is right."""
    from numerics.mean_field.finite import loss, orthonormalise
    from numerics.mean_field.flow import escape_time, integrate, near_saddle, predicted_escape

    H, F = near_saddle(0.5, delta)
    predicted = predicted_escape(0.5, delta)
    time, steps = 1.25 * predicted, 400
    return (escape_time(loss(orthonormalise(integrate(H, F, time, steps)), F), time) - predicted) * steps / time


@claim("MF13n", "that saddle, by autograd", requires=("MF13",))
@one_thread()
def particle_saddle(settings: MeanFieldSettings, run: Run) -> Finding:
    """[D] The loss of that network, integrated by quadrature and differentiated by autograd, has this second
    derivative.

    Two quadratures, whose difference estimates the error of the coarser one.
    """
    from numerics.device import resolve_device
    from numerics.mean_field.saddle import second_derivative

    coarse, fine = (second_derivative(nodes, resolve_device(settings.device)) for nodes in (40, 80))
    known = tanh_saddle()
    exact, loss_there = float(known["closed form"].mid()), float(known["loss"].mid())
    estimate = abs(coarse[2] - fine[2]) + 80**2 * EPS
    return decide(
        abs(fine[2] - exact) <= estimate and abs(fine[1]) <= estimate and abs(fine[0] - loss_there) <= estimate,
        evidence=Evidence.NUMERIC,
        scope=f"Gauss-Hermite, 40 and 80 nodes in each direction{of_file(settings)}",
        instances=1,
        found=f"d^2L = {fine[2]:.10g}",
        predicted=f"{exact:.10g} +- {estimate:.0e}",
        details={"loss": repr(fine[0]), "slope": repr(fine[1])},
        undecided=f"{fine[2]:.10g} is off by more than 40 and 80 nodes differ by: {FLOATS}",
    )


@claim(
    "MF10t",
    "training lingers above saddles",
    requires=("MF6",),
    assumptions=("one seed, small networks",),
    origin=Origin.STRENGTHENED,
)
@one_thread()
def training(settings: MeanFieldSettings, run: Run) -> Finding:
    """[D] Networks trained jointly with the attention matrix linger just above critical values of MF6; the same
    networks at the best attention matrix do not linger. [F] Joint training resembles two-timescale training; [D] the
    more so the faster the attention matrix learns.

    How far joint training is from two-timescale training, and where either lingers.

    A plateau that had nothing to do with the levels would be in the lowest quarter between two of them in one case
    out of four. The levels are those that training visits: the largest eigenvalues are learned first.
    """
    import torch

    from numerics.device import resolve_device
    from numerics.mean_field.particles import normalised, random_particles, random_task
    from numerics.mean_field.training import plateaus, train

    device, eigenvalues = resolve_device(settings.device), [0.3, 0.6, 0.9]
    levels = torch.tensor([0.0, 0.15, 0.45, 0.9], dtype=torch.float64)
    gaps: list[list[float]] = []
    heights, at_the_best = list[float](), 0
    for network in range(NETWORKS):
        random = torch.Generator().manual_seed(settings.seed + network)
        task = random_task(eigenvalues, 10, 200, random, device=device)
        start = normalised(random_particles(60, 10, 3, random, "sigmoid", device), task.X)
        ideal = train(task, start, 600, 0.005)
        at_the_best += len(plateaus(ideal.losses))
        gaps.append([])
        for rate in ATTENTION_RATES:
            run.progress(f"attention rate {rate:g}, network {network + 1} of {NETWORKS}")
            curve = train(task, start, 600, 0.005, rate)
            gaps[-1].append(float((curve.losses / ideal.losses).log().abs().mean()))
            heights += _heights(curve, levels)
    ordered = all(faster < slower for row in gaps for slower, faster in pairwise(row))
    low = all(0 <= x <= 0.25 for x in heights)
    falling = " > ".join(f"{max(column):.2g}" for column in zip(*gaps, strict=True))
    return decide(
        ordered and low and len(heights) > 0 and at_the_best == 0,
        evidence=Evidence.NUMERIC,
        scope=f"{NETWORKS} sigmoid networks, d=10, k=3, 60 neurons{of_file(settings)}, attention rates 1, 10, 100 "
        f"and at the best attention matrix; {len(heights)} plateaus",
        instances=NETWORKS * len(ATTENTION_RATES),
        found=f"{len(heights)} plateaus, up to {max(heights, default=0):.2g} of the way to the next level; "
        f"{at_the_best} at the best W; |log| of the ratio of losses {falling}",
        predicted="at most 1/4; none; falling with the rate",
        details={"height above the level, of the gap to the next": [short(x) for x in heights], "gaps": gaps},
        undecided=f"{len(heights)} plateaus of joint training, up to {max(heights, default=0):.2g} of the way to the "
        f"next level, {at_the_best} at the best attention matrix, gaps {falling}: one seed does not refute it",
    )


def _heights(curve: Curve, levels: Tensor) -> list[float]:
    """The height of each plateau above the level below it, as a part of the distance to the next level."""
    import torch

    from numerics.mean_field.training import plateaus

    found = curve.losses[plateaus(curve.losses)]
    above = torch.searchsorted(levels, found).clamp(1, len(levels) - 1)
    return ((found - levels[above - 1]) / (levels[above] - levels[above - 1])).tolist()
