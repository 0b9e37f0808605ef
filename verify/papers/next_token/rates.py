"""NT6w, NT7, NT7d, NT8, NT10, NT11: measured rates against those that the max-margin solution predicts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from statistics import pstdev
from typing import TYPE_CHECKING

from proofs.next_token.dataset import Dataset
from verify.claim import Finding, Origin, Run
from verify.papers.next_token.comparisons import Comparison, describe, report, why_nothing
from verify.papers.next_token.premises import (
    ALIGNED,
    ATTENDING,
    KINDS,
    SMALL_STEP,
    claim,
    no_degenerate_pair,
    only_degenerate_pairs,
)
from verify.papers.next_token.runs import (
    STAGE_2,
    attention_run,
    attention_seconds,
    feed_forward_run,
    feed_forward_seconds,
    if_time_allows,
    plain_run,
    reweighted,
    two_stage_run,
    two_stage_seconds,
)
from verify.papers.next_token.settings import NextTokenSettings

if TYPE_CHECKING:
    from numerics.next_token.training import Training

# A measurement decides only if its estimated error is below these: otherwise agreement would mean nothing.
SLOPE_RESOLUTION = 1e-4  # relative
OFFSET_RESOLUTION = 0.05  # absolute, of log ratios, which are of order 1
DRIFT_RESOLUTION = 0.1  # relative: the alternative, O(1/t), is no growth at all
SUBLINEAR_RESOLUTION = 0.02  # relative; datasets that have not settled that far are left out, and counted

SLOPE = "slope of log(L - L*)"
OFFSET = "distance from rho"
DIRECTION = "t times direction error"
DRIFT = "growth along u per eta log t"
SUBLINEAR = "eta t (L - L*)"

TOO_LARGE = "eta above the threshold of NT7c"
OVERSTEPPED = "attention on a non-optimal token has not fallen like 1/t yet: a step has taken it too far, or T is small"
TRAPPED = "a sentence attends most to another token at t=T, see NT7b"


def slope(training: Training, index: int) -> Comparison:
    """The slope of log(L - L*), against -eta/|W*|."""
    predicted, measured = training.predictions[index].loss_slope(training.step), training.loss_slope(index)
    return Comparison(
        training.datasets[index].name,
        SLOPE,
        measured,
        predicted,
        SLOPE_RESOLUTION * min(abs(predicted), abs(measured.value)),
        lambda: training.again(index).slope(),
        training.mature(index),
    )


def offset(training: Training, index: int) -> Comparison:
    """The distance of the weights from rho within the span of the support, against 0."""
    import torch

    prediction = training.predictions[index]

    def again() -> float:
        _, w = training.again(index).weights(training.V)
        return float(torch.linalg.vector_norm(prediction.within(w) - prediction.rho))

    name, mature = training.datasets[index].name, training.mature(index)
    return Comparison(name, OFFSET, training.offset_distance(index), 0.0, OFFSET_RESOLUTION, again, mature)


def direction_limit(training: Training, index: int, predicted: float | None = None) -> Comparison:
    """t times the direction error, where nothing of it lies outside the span of the support."""
    import torch

    prediction = training.predictions[index]
    if predicted is None:
        predicted = prediction.direction_constant(training.step)

    def again() -> float:
        shorter, star = training.again(index), prediction.solution
        _, w = shorter.weights(training.V)
        return shorter.T * float(torch.linalg.vector_norm(w / w.norm() - star / star.norm()))

    name, measured = training.datasets[index].name, training.direction_limit(index)
    resolution, mature = OFFSET_RESOLUTION / training.step, training.mature(index)
    return Comparison(name, DIRECTION, measured, predicted, resolution, again, mature)


def is_plain(training: Training, index: int) -> bool:
    """Whether the whole direction error is that within the span of the support."""
    prediction = training.predictions[index]
    return prediction.spanning and not prediction.degenerate_pairs


@claim(
    "NT6w", "stage 1 with any weights", requires=("NT7m", "NT1r"), assumptions=(SMALL_STEP,), origin=Origin.STRENGTHENED
)
@if_time_allows(feed_forward_seconds)
def feed_forward(settings: NextTokenSettings, run: Run) -> Finding:
    """[F] The feed-forward layer converges in direction, sub-linearly, to its max-margin solution. [D] log L has slope
    -eta/|W_ov*|; within the span of the support, W_t without its part along W_ov* tends to rho; and t times the
    direction error tends to |W_ov*| std(log pi) / eta. Where all weights pi are the same, they are replaced by 8, 4, 2,
    1 in turn.

    Both measured in training, with an estimated error, beside the prediction.
    """
    training = feed_forward_run(settings, run)
    used, left_out = _stable(training, range(len(training.datasets)))
    limits = [direction_limit(training, i, spread_of_weights(training.datasets[i], training.step)) for i in used]
    comparisons = [compare(training, i) for i in used for compare in (slope, offset)] + limits
    return report(
        comparisons,
        scope=describe(training, used, left_out) + reweighted(settings.datasets, used),
        T=training.T,
        nothing=why_nothing(training, left_out),
        footnote=_constants(limits),
    )


def spread_of_weights(dataset: Dataset, eta: float) -> float:
    """|W_ov*| std(log pi) / eta, as NT6w states it."""
    norm = math.sqrt(len(dataset.n) * (dataset.V - 1) / dataset.V)
    return norm * pstdev(math.log(weight) for weight in dataset.collocation_weights.values()) / eta


@claim(
    "NT7",
    "linear convergence of the loss",
    requires=("NT7m", "NT7i", "NT1r"),
    assumptions=(ALIGNED, SMALL_STEP, ATTENDING),
    origin=Origin.STRENGTHENED,
    shares=STAGE_2,
)
@if_time_allows(attention_seconds)
def loss_slope(settings: NextTokenSettings, run: Run) -> Finding:
    """[F] The cross-entropy loss converges linearly. [D] log(L - L*) has the slope -eta/|W_kq*| in t.

    The slope measured in training, with an estimated error, beside the prediction.
    """
    training = attention_run(settings, run)
    used, left_out = _stable(training, range(len(training.datasets)))
    comparisons = [slope(training, i) for i in used]
    numbers = [f"{c.name} {c.measured.value:.8f} ({c.predicted:.8f})" for c in comparisons[:4]]
    return report(
        comparisons,
        scope=describe(training, used, left_out),
        T=training.T,
        nothing=why_nothing(training, left_out),
        footnote=f"slope (predicted): {'   '.join(numbers)}",
    )


@claim(
    "NT7d",
    "direction, in the support",
    requires=("NT7m", "NT1r"),
    assumptions=(ALIGNED, SMALL_STEP, ATTENDING),
    origin=Origin.STRENGTHENED,
    shares=STAGE_2,
)
@if_time_allows(attention_seconds)
def direction(settings: NextTokenSettings, run: Run) -> Finding:
    """[F] Attention converges in direction, sub-linearly, to its max-margin solution. [D] Within the span of the
    support, W_t without its part along W_kq* tends to the rho, orthogonal to W_kq*, that minimises
    sum omega_i e^-<v_i, rho>; and where all seen pairs lie in this span and none is degenerate, t times the direction
    error tends to |rho| / eta.

    The distance from rho, and t times the direction error, measured in training beside their predictions.
    """
    training = attention_run(settings, run)
    used, left_out = _stable(training, range(len(training.datasets)))
    limits = [direction_limit(training, i) for i in used if is_plain(training, i)]
    return report(
        [*(offset(training, i) for i in used), *limits],
        scope=f"{describe(training, used, left_out)}; t times the error in {len(limits)}",
        T=training.T,
        nothing=why_nothing(training, left_out),
        footnote=_constants(limits),
    )


@claim(
    "NT8",
    "degenerate pairs: (log t)/t",
    requires=("NT7m", "NT1r"),
    assumptions=(ALIGNED, SMALL_STEP, ATTENDING, "no degenerate pair is degenerate for u, too"),
    vacuous=no_degenerate_pair,
    shares=STAGE_2,
)
@if_time_allows(attention_seconds)
def degenerate(settings: NextTokenSettings, run: Run) -> Finding:
    """[D] Where pairs are degenerate, W_t grows along u by |u| per unit of log t, with u the shortest matrix that has
    margin 0 on the support and 1 on the degenerate pairs: a direction error of (log t)/t.

    The growth along u over eta, late in training, per unit of log t, beside |u|/eta.
    """
    training = attention_run(settings, run)
    stable, left_out = _stable(training, range(len(training.datasets)))
    with_pairs, left_out[KINDS["none"]] = _split(stable, lambda i: training.predictions[i].degenerate_pairs > 0)
    used, left_out[KINDS["twice"]] = _split(with_pairs, lambda i: not training.predictions[i].iterated_logs)
    return report(
        [drift(training, i) for i in used],
        scope=describe(training, used, left_out),
        T=training.T,
        nothing=why_nothing(training, left_out),
    )


def drift(training: Training, index: int) -> Comparison:
    """The growth of W along u per unit of log t, over eta, against |u|/eta."""
    prediction = training.predictions[index]
    predicted, measured = prediction.drift_constant(training.step), training.drift(index)

    def again() -> float:
        first, last = training.again(index).weights(training.V)
        along = (last - first) @ prediction.drift / prediction.drift.norm()
        return float(along) / training.step / math.log(2)

    name = training.datasets[index].name
    resolution = DRIFT_RESOLUTION * min(predicted, abs(measured.value))
    return Comparison(name, DRIFT, measured, predicted, resolution, again, training.mature(index))


@claim(
    "NT10",
    "plain gradient descent",
    requires=("NT7m", "NT7i", "NT1r"),
    assumptions=(ALIGNED, "no degenerate pair, and a run that has settled"),
    vacuous=only_degenerate_pairs,
)
@if_time_allows(attention_seconds)
def plain_descent(settings: NextTokenSettings, run: Run) -> Finding:
    """[D] Under plain gradient descent the loss is sub-linear: eta t (L - L*) tends to |W_kq*|^2.

    The product at step T, with an error estimated from its value at T/2, beside |W_kq*|^2.
    """
    training = plain_run(settings, run)
    sound, dropped = _split(range(len(training.datasets)), lambda i: not training.predictions[i].degenerate_pairs)
    # a fixed rate may be too large at first, and it takes long to recover from that when the loss is sub-linear
    falling, stuck = _split(sound, training.falls)
    comparisons = {i: sublinear(training, i) for i in falling}
    settled, late = _split(falling, lambda i: comparisons[i].measured.error <= comparisons[i].resolution)
    left_out: dict[str, list[int]] = {KINDS["once"]: dropped, OVERSTEPPED: stuck}
    used, left_out["not settled"] = (settled, late) if settled else (falling, [])
    return report(
        [comparisons[i] for i in used],
        scope=describe(training, used, left_out),
        T=training.T,
        nothing=why_nothing(training, left_out),
    )


def sublinear(training: Training, index: int) -> Comparison:
    """eta t (L - L*) of plain descent, against |W*|^2."""
    limit, measured = training.predictions[index].norm ** 2, training.sublinear_constant(index)
    return Comparison(
        training.datasets[index].name,
        SUBLINEAR,
        measured,
        limit,
        SUBLINEAR_RESOLUTION * min(limit, measured.value),
        lambda: training.step * training.again(index).scaled_excess(),
    )


@claim(
    "NT11",
    "two stages, unequal weights",
    requires=("NT7", "NT7d"),
    assumptions=(SMALL_STEP, ATTENDING, "T_1 large enough that no attention on a non-optimal token lowers the loss"),
)
@if_time_allows(two_stage_seconds)
def two_stages(settings: NextTokenSettings, run: Run) -> Finding:
    """[D] Where stage 2 goes on from the W_ov that T_1 steps of stage 1 with unequal weights have led to, log(L - L*)
    has slope -eta/|W_kq*|, and within the span of the support W_t without its part along W_kq* tends to the rho that
    goes with this W_ov. Where all weights of stage 1 are the same, they are replaced by 8, 4, 2, 1 in turn.

    Slope and offset of stage 2, measured in training, beside their predictions.
    """
    training = two_stage_run(settings, run)
    tails, underflows = training.stage.tails().cpu(), training.stage.underflows().cpu()
    there, gone = _split(range(len(training.datasets)), lambda i: not underflows[i])
    sound, dropped = _split(there, lambda i: bool((tails[i] >= 0).all()))
    used, left_out = _stable(training, sound)
    # where a tail coefficient is negative, L* is not the infimum of the loss, and the claim says nothing
    left_out["T1 too small: mass on a non-optimal token lowers the loss"] = dropped
    left_out["T1 too large: what attention can gain underflows"] = gone
    return report(
        [compare(training, i) for i in used for compare in (slope, offset)],
        scope=describe(training, used, left_out) + reweighted(settings.datasets, used),
        T=training.T,
        nothing=why_nothing(training, left_out),
    )


def _stable(training: Training, indices: Iterable[int]) -> tuple[list[int], dict[str, list[int]]]:
    """Those for which the step size is below the threshold and no sentence is trapped (NT7b); the others left out."""
    small, too_large = _split(indices, training.stable)
    used, trapped = _split(small, training.attends)
    return used, {TOO_LARGE: too_large, TRAPPED: trapped}


def _split(indices: Iterable[int], holds: Callable[[int], bool]) -> tuple[list[int], list[int]]:
    """Those for which it holds, and the others."""
    chosen = list(indices)
    return [i for i in chosen if holds(i)], [i for i in chosen if not holds(i)]


def _constants(limits: list[Comparison]) -> str:
    """t times the direction error beside its prediction."""
    numbers = [f"{c.name} {c.measured.value:.5f} ({c.predicted:.5f})" for c in limits[:4]]
    return f"{DIRECTION} (predicted): {'   '.join(numbers)}" if numbers else ""
