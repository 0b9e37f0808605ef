"""Claims that are false. Each is refuted by an explicit example, which a second computation of another kind re-checks.

The examples have their own step size and length of training, so that they do not depend on the settings.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import islice
from typing import Any

from flint import arb

from numerics.next_token import reference
from numerics.next_token.stage import aligned_output
from numerics.next_token.training import train_attention
from proofs.next_token.dataset import Dataset
from proofs.next_token.examples import NAMED
from proofs.next_token.max_margin import attention_problems
from proofs.next_token.max_margin_solver import solve
from verify.claim import Counterexample, Evidence, Finding, Run, decide
from verify.claims.next_token.rates import DRIFT_RESOLUTION, SLOPE_RESOLUTION
from verify.claims.next_token.settings import NextTokenSettings

OVERSTEP = 1.2  # NT7c: the step size, in units of the threshold
ETA, BETA, T = 0.5, 3.0, 4000


def sign_lemma_without_dominance(settings: NextTokenSettings, run: Run) -> Finding:
    """X = [0, 2, 1, 1, 1], optimal 0, n = (1, 2, 3, 4, 0), beta = 20, W_kq = 0: token 2 is pushed up."""
    beta, masses = 20, {0: Fraction(1, 5), 1: Fraction(3, 5), 2: Fraction(1, 5)}
    exponentials = {x: arb(_whole(beta * mass)).exp() for x, mass in masses.items()}
    total = exponentials[0] + exponentials[1] + exponentials[2] + 2
    p = {x: e / total for x, e in exponentials.items()}
    mean = sum((_arb(masses[x]) * p[x] for x in masses), arb(0))
    # NT4's identity: G_2 = beta a_2 (p_2 + a_0 - sum a p)
    entry = beta * _arb(masses[2]) * (p[2] + _arb(masses[0]) - mean)

    def recheck() -> bool:
        """By hand: e > 27/10 gives p_1 > 1/(1 + 2/(27/10)^8 + 2/(27/10)^12) and p_2 < (10/27)^8."""
        e = Fraction(27, 10)
        p_1, p_2 = 1 / (1 + 2 / e**8 + 2 / e**12), 1 / e**8
        return p_2 + masses[0] - masses[1] * p_1 < 0

    false = bool(entry < 0)
    return decide(
        not false,
        evidence=Evidence.ENCLOSURE,
        scope="X=[0,2,1,1,1], q=1, optimal 0, beta=20",
        instances=1,
        found=f"{float(entry.mid()):.4f}",
        predicted="below 0",
        counterexample=Counterexample({"sentence": "0 2 1 1 1", "token": 2, "entry": entry.str(10)}, recheck)
        if false
        else None,
    )


def _arb(x: Fraction) -> arb:
    return arb(x.numerator) / arb(x.denominator)


def _whole(x: Fraction) -> int:
    assert x.denominator == 1
    return x.numerator


def slope_at_any_step(settings: NextTokenSettings, run: Run) -> Finding:
    """DS-C with a step size above the threshold: the loss falls more slowly."""
    dataset = NAMED["DS-C"]
    W_ov = aligned_output([dataset], BETA)
    threshold = train_attention([dataset], W_ov, 0.1, 8).predictions[0].largest_stable_eta
    training = train_attention([dataset], W_ov, OVERSTEP * threshold, 400)
    predicted = training.predictions[0].loss_slope(training.step)
    measured = training.loss_slope(0)
    ratio, error = measured.value / predicted, measured.error / abs(predicted)
    false = 1 - ratio > max(error, 10 * SLOPE_RESOLUTION)

    def recheck() -> bool:
        """The naive formulas with enough digits for losses of e^-300."""
        early, late = (_log_excess(dataset, training.step, t, digits=120) for t in (75, 150))
        return (late - early) / 75 / predicted < 1 - 10 * SLOPE_RESOLUTION

    return decide(
        not false,
        evidence=Evidence.NUMERIC,
        scope=f"DS-C, eta={training.step:.4g}, {OVERSTEP} times the threshold {threshold:.4g}",
        instances=1,
        found=f"{ratio:.5f} of the slope",
        predicted="less than 1",
        counterexample=Counterexample({"dataset": "DS-C", "eta": training.step, "ratio": ratio}, recheck)
        if false
        else None,
    )


def direction_always_one_over_t(settings: NextTokenSettings, run: Run) -> Finding:
    """DS-D: t times the direction error grows by the same amount whenever t doubles."""
    dataset = NAMED["DS-D"]
    training = train_attention([dataset], aligned_output([dataset], BETA), ETA, T)
    drift, predicted = training.drift(0), training.predictions[0].drift_constant(ETA) * math.log(2)
    growth, error = drift.value * predicted, drift.error * predicted
    false = drift.agrees(1.0, DRIFT_RESOLUTION)

    def recheck() -> bool:
        """The naive formulas with enough digits; half of the predicted growth would do."""
        times = (64, 128, 256)
        values = [t * _direction_error(dataset, t) for t in times]
        return min(values[1] - values[0], values[2] - values[1]) > predicted / 2

    return decide(
        not false,
        evidence=Evidence.NUMERIC,
        scope=f"DS-D, t={T // 2}..{T}",
        instances=1,
        found=f"t err + {growth:.4f} per doubling",
        predicted=f"+ {predicted:.4f}",
        counterexample=Counterexample({"dataset": "DS-D", "growth": growth, "error": error}, recheck)
        if false
        else None,
        footnote="NT8c: in DS-D the pair (0, 1) has dual 0 in every solution of the dual problem. Were t err bounded, "
        "its share of the\ngradient would stay above a positive constant, and W_t would leave the ray at linear speed.",
    )


def plain_descent_is_linear(settings: NextTokenSettings, run: Run) -> Finding:
    """DS-A: the loss is bounded below by a multiple of 1/t.

    For one sentence with score gap m, a step of rate eta changes e^m by a factor exp(2 eta |G|), |G| <= 2 beta e^-m;
    since y exp(b/y) <= y + e^b - 1 for y >= 1, e^m is at most 1 + (e^(4 eta beta) - 1) t: it grows linearly at most.
    """
    dataset = NAMED["DS-A"]
    training = train_attention([dataset], aligned_output([dataset], BETA), ETA, T, normalised=False)
    late = training.sublinear_constant(0)
    false = late.agrees(2.0, 0.1)

    def recheck() -> bool:
        """The naive formulas, in double precision, at t = 500 and 1000: far from any fixed factor per step."""
        ctx = reference.context(None)
        W_ov = reference.aligned_output(dataset, BETA, ctx)
        runs = islice(reference.train(dataset, W_ov, ETA, ctx, normalised=False), 1001)
        losses = {
            t: reference.loss(dataset, W_ov, W, ctx) - reference.infimum(dataset, W_ov, ctx)
            for t, W in enumerate(runs)
            if t in (500, 1000)
        }
        return bool(losses[1000] > 0.4 * losses[500])

    return decide(
        not false,
        evidence=Evidence.NUMERIC,
        scope=f"DS-A, t={T}",
        instances=1,
        found=f"eta t (L-L*) = {late.value:.4f}",
        predicted="2",
        footnote="NT10c: e^gap <= 1 + (e^(4 eta beta) - 1) t for all t, on DS-A: L - L* is at least a multiple of 1/t.",
        counterexample=Counterexample({"dataset": "DS-A", "eta_t_excess": late.value}, recheck) if false else None,
    )


def _weights_at(dataset: Dataset, eta: float, t: int, ctx: Any) -> tuple[Any, Any]:
    W_ov = reference.aligned_output(dataset, BETA, ctx)
    return W_ov, next(islice(reference.train(dataset, W_ov, eta, ctx), t, None))


def _log_excess(dataset: Dataset, eta: float, t: int, digits: int) -> float:
    """log(L - L*) at time t."""
    ctx = reference.context(digits)
    W_ov, W = _weights_at(dataset, eta, t, ctx)
    return float(ctx.log(reference.loss(dataset, W_ov, W, ctx) - reference.infimum(dataset, W_ov, ctx)))


def _direction_error(dataset: Dataset, t: int) -> float:
    """|W/|W| - W*/|W*|| at time t, with enough digits for losses of e^(-eta t)."""
    ctx = reference.context(30 + math.ceil(ETA * t / math.log(10)))
    _, W = _weights_at(dataset, ETA, t, ctx)
    star = {q: solve(problem).solution for q, problem in attention_problems(dataset).items()}
    norm = ctx.sqrt(sum(entry**2 for row in W for entry in row))
    star_norm = ctx.sqrt(sum(float(entry) ** 2 for column in star.values() for entry in column))
    total = ctx.mpf(0)
    for x in range(dataset.V):
        for q in range(dataset.V):
            total += (W[x][q] / norm - (float(star[q][x]) if q in star else 0) / star_norm) ** 2
    return float(ctx.sqrt(total))
