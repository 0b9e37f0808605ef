"""Particle networks with the user's activation and law of x leave saddles: MF18n, MF18h, MF19n.

Predictions are computed before their run. Thresholds were settled after exploratory runs, once tightened, once
split, and not moved since.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from numerics.threads import one_thread
from verify.claim import Counterexample, Evidence, Finding, Origin, Run, decide
from verify.papers.mean_field.common import of_file, short
from verify.papers.mean_field.premises import claim
from verify.papers.mean_field.settings import MeanFieldSettings

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from numerics.mean_field.escape import Saddle

D, NEURONS, POINTS = 3, 32, 64  # inputs, neurons and points of a saddle
SHARE = 1e-6  # of the loss, whose loss is the escape: the linearised flow is followed for 0.1% of the way in c
DELTAS = (1e-5, 1e-7, 1e-9)
NOISE, KINDS = 1e-7, {"isotropic": False, "process": True}  # random perturbations: their size, whether smooth
TOLERANCE = 0.02  # of an escape time: at 0.1% of the way the flow is off by that order, some 1 / lambda long
STEP = 0.25  # in units of 1 / lambda: an error of 1e-5 in the exponent of growth by Runge and Kutta's method
PUSHES, ERRORS = 2000, 5  # draws of a perturbation, and standard errors that their mean may be off
ATTENTION_RATE, STRETCHES = 100.0, (30, 100)  # MF19n: blow-up after so many 1 / lambda
LATE_SHARE, LATE_TOLERANCE = 1e-4, 0.05  # MF19n from W = 0, where b is some percent of its range from the start
RUNS = "of a few runs: they refute nothing"


def generator_of(settings: MeanFieldSettings, offset: int) -> torch.Generator:
    import torch

    return torch.Generator().manual_seed((settings.seed * 1000 + offset) % 2**63)


def networks(settings: MeanFieldSettings) -> str:
    return f"{settings.activation}, x {settings.inputs} in R^{D}"


def _saddle(settings: MeanFieldSettings, k: int, offset: int) -> Saddle:
    from numerics.mean_field.escape import random_saddle

    random = generator_of(settings, offset)
    return random_saddle(k, D, NEURONS, POINTS, random, settings.activation, settings.inputs)


@claim("MF18n", "escape from a saddle, measured", requires=("MF18",))
@one_thread()
def escape(settings: MeanFieldSettings, run: Run) -> Finding:
    """[D] At a saddle with B = 0, a network perturbed by delta along its fastest direction has lost a share of 10^-6 of
    the loss after log(1/delta)/lambda + const; perturbed by independent noise, or by a Gaussian process on its neurons,
    after the time that the linearised flow of MF18 takes from there. N independent perturbations push b A^(-1/2) by
    tr(G) / N in mean square, G = Gamma at A = I, a process with kernel K by iint tr(J K J'^T) dmu dmu'.

    Runge-Kutta against times that are computed before the run.
    """
    from numerics.mean_field.escape import perturbations

    ratios, pushes, count = dict[str, list[float]](), list[float](), 0
    for k in sorted({1, settings.k}):
        saddle, random = _saddle(settings, k, 18), generator_of(settings, 180)
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
        f"{networks(settings)}, delta 1e-5 to 1e-9{of_file(settings)}",
        instances=count,
        found=f"escape times at most {100 * worst:.2g}% off, mean squares of pushes by {pushed:.2g} standard errors",
        predicted=f"at most {100 * TOLERANCE:g}%, {ERRORS}",
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
        scope=f"one network of {NEURONS} neurons, k=1, {networks(settings)}, delta 1e-5 and 1e-7{of_file(settings)}",
        instances=1,
        found=f"a hundredth of delta takes {found / claimed:.4f} of 2 log(100)/lambda more",
        predicted=f"1/2 of it within {100 * TOLERANCE:g}%",
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
        scope=f"one network of {NEURONS} neurons, k=1, {networks(settings)}, eta = {ATTENTION_RATE:g}, 2 starts at W "
        f"= 0 and one at W = 1{of_file(settings)}",
        instances=len(errors),
        found=f"escape times at most {100 * worst:.2g}% off; {short(limit)} of pi/(2 |b_0| sqrt(2 eta lambda)) "
        "at |b_0| = 1e-6",
        predicted=f"at most {100 * LATE_TOLERANCE:g}%; 1 within 0.1%",
        details={"off by": [short(x) for x in errors], "escape times, in 1 / lambda": [short(x) for x in delays]},
        undecided=f"a time {100 * worst:.2g}% off, {short(limit)} of the limit: {RUNS}",
    )
