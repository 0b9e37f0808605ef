"""NT6w, NT7, NT7d, NT8, NT10, NT11: measured rates against those that the max-margin solution predicts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from numerics.next_token.training import Measured, Training
from verify.claim import Evidence, Finding, Run, decide
from verify.claims.next_token.runs import (
    attention_run,
    feed_forward_run,
    plain_run,
    two_stage_run,
)
from verify.claims.next_token.settings import NextTokenSettings

# A measurement decides only if its estimated error is below these: otherwise agreement would mean nothing.
SLOPE_RESOLUTION = 1e-4  # relative: the four digits of the design
OFFSET_RESOLUTION = 0.05  # absolute, of log ratios, which are of order 1
DRIFT_RESOLUTION = 0.1  # relative: the alternative, O(1/t), is no growth at all
SHIFT_RESOLUTION = 1e-2  # relative: drifting scores are slow to settle, and the training slope is another by a factor
SUBLINEAR_RESOLUTION = 0.02  # relative; datasets that have not settled that far are left out, and counted


@dataclass(frozen=True)
class Comparison:
    """A measured number and its prediction for one dataset."""

    name: str
    measured: Measured
    predicted: float
    resolution: float
    note: tuple[tuple[str, object], ...] = ()

    @property
    def agrees(self) -> bool:
        return self.measured.agrees(self.predicted, self.resolution)

    @property
    def deviation(self) -> float:
        return abs(self.measured.value - self.predicted)


def report(comparisons: Sequence[Comparison], scope: str, footnote: str = "", also: bool = True) -> Finding:
    """VERIFIED if every measurement agrees with its prediction, and `also` holds.

    One measurement is shown as it is, several by the worst.
    """
    worst = max(comparisons, key=lambda c: (not c.agrees, c.deviation), default=None)
    unsettled = any(not comparison.measured.error <= comparison.resolution for comparison in comparisons)
    found = predicted = ""
    if worst is not None and (len(comparisons) == 1 or not worst.agrees):
        found, predicted = f"{worst.measured.value:.6g} ({worst.measured.error:.0e})", f"{worst.predicted:.6g}"
    elif worst is not None:
        found, predicted = f"off by {worst.deviation:.0e}", "0"
    return decide(
        also and all(comparison.agrees for comparison in comparisons),
        evidence=Evidence.NUMERIC,
        scope=scope + ("; not settled, a larger T may decide" if unsettled else ""),
        instances=len(comparisons),
        found=found,
        predicted=predicted,
        details={"comparisons": [_details(comparison) for comparison in comparisons]},
        footnote=footnote,
    )


def slope(training: Training, index: int) -> Comparison:
    """The slope of log(L - L*), against -eta/|W*|."""
    predicted = training.predictions[index].loss_slope(training.step)
    name = training.datasets[index].name
    return Comparison(name, training.loss_slope(index), predicted, SLOPE_RESOLUTION * abs(predicted))


def offset(training: Training, index: int) -> Comparison:
    """The distance of the weights from rho within the span of the support, against 0."""
    prediction, T = training.predictions[index], training.T
    note = (
        ("t_times_direction_error", T * training.direction_error(index, T)),
        ("predicted_within_support", prediction.direction_constant(training.step)),
        ("nothing_outside_support", prediction.spanning and not prediction.degenerate_pairs),
    )
    return Comparison(training.datasets[index].name, training.offset_distance(index), 0.0, OFFSET_RESOLUTION, note)


def feed_forward(settings: NextTokenSettings, run: Run) -> Finding:
    training = feed_forward_run(settings, run)
    used = _stable(training, range(len(settings.datasets)))
    comparisons = [compare(training, i) for i in used for compare in (slope, offset)]
    return report(comparisons, _scope(training, used, settings), _constants(training, used))


def loss_slope(settings: NextTokenSettings, run: Run) -> Finding:
    training = attention_run(settings, run)
    used = _stable(training, range(len(settings.datasets)))
    comparisons = [slope(training, i) for i in used]
    numbers = [f"{c.name} {c.measured.value:.8f} ({c.predicted:.8f})" for c in comparisons[:4]]
    return report(comparisons, _scope(training, used, settings), f"NT7: slope (predicted): {'   '.join(numbers)}")


def direction(settings: NextTokenSettings, run: Run) -> Finding:
    training = attention_run(settings, run)
    used = _stable(training, range(len(settings.datasets)))
    return report([offset(training, i) for i in used], _scope(training, used, settings), _constants(training, used))


def degenerate(settings: NextTokenSettings, run: Run) -> Finding:
    training = attention_run(settings, run)
    used = [
        i
        for i in _stable(training, range(len(training.datasets)))
        if training.predictions[i].degenerate_pairs and not training.predictions[i].iterated_logs
    ]
    comparisons = [
        Comparison(
            training.datasets[i].name,
            training.drift(i),
            1.0,
            DRIFT_RESOLUTION,
            (("drift_constant", training.predictions[i].drift_constant(training.step)),),
        )
        for i in used
    ]
    names = ", ".join(training.datasets[i].name for i in used[:3])
    return report(comparisons, f"growth / (|u|/eta): {names}{', ...' if len(used) > 3 else ''}")


def plain_descent(settings: NextTokenSettings, run: Run) -> Finding:
    training = plain_run(settings, run)
    comparisons = [
        Comparison(
            training.datasets[i].name,
            training.sublinear_constant(i),
            prediction.norm**2,
            SUBLINEAR_RESOLUTION * prediction.norm**2,
        )
        for i, prediction in enumerate(training.predictions)
        if not prediction.degenerate_pairs
    ]
    # a fixed rate may be too large at first, and it takes long to recover from that when the loss is sub-linear
    settled = [comparison for comparison in comparisons if comparison.measured.error <= comparison.resolution]
    scope = f"{len(settled)} of {len(training.datasets)} datasets, settled at t={training.T}"
    return report(settled, scope)


def two_stages(settings: NextTokenSettings, run: Run) -> Finding:
    training = two_stage_run(settings, run)
    # where a tail coefficient is negative, L* is not the infimum of the loss, and the claim says nothing
    sound = [i for i, tails in enumerate(training.stage.tails().cpu()) if bool((tails >= 0).all())]
    used = _stable(training, sound)
    comparisons = [compare(training, i) for i in used for compare in (slope, offset)]
    return report(comparisons, _scope(training, used, settings))


def _stable(training: Training, indices: Iterable[int]) -> list[int]:
    """Those for which the step size is below the threshold."""
    return [i for i in indices if training.stable(i)]


def _scope(training: Training, used: Sequence[int], settings: NextTokenSettings) -> str:
    """Which datasets, and how many of them had to be left out."""
    data = training.datasets[used[0]].name if len(used) == 1 else f"{len(used)} datasets"
    left_out = len(settings.datasets) - len(used)
    return f"{data}, t={training.T}" + (f"; {left_out} left out, see assumptions" if left_out else "")


def _constants(training: Training, used: Sequence[int]) -> str:
    """t times the direction error beside its prediction, where nothing lies outside the span of the support."""
    plain = [i for i in used if training.predictions[i].spanning and not training.predictions[i].degenerate_pairs]
    numbers = [
        f"{training.datasets[i].name} {training.T * training.direction_error(i, training.T):.5f} "
        f"({training.predictions[i].direction_constant(training.step):.5f})"
        for i in plain[:4]
    ]
    claim = "NT6w" if training.stage.slopes is None else "NT7d"
    return f"{claim}: t * direction error (predicted): {'   '.join(numbers)}" if numbers else ""


def _details(comparison: Comparison) -> dict[str, object]:
    return {
        "dataset": comparison.name,
        "found": comparison.measured.value,
        "error": comparison.measured.error,
        "predicted": comparison.predicted,
        **dict(comparison.note),
    }
