"""What was claimed beforehand of norms over lengths, held against intervals for them.

Every verdict is about the lengths listed; a limit is never proved by numbers. All intervals hold at once at the level
of the run, and so does what follows from them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from verify.claim import Counterexample, Evidence, Finding, decide
from verify.expressions import Expression
from verify.papers.sub_ngrams.near_stationary.lengths import NormAtLength

# T, bound -> whether a second computation finds the norm above the bound; None if it was stopped
Again = Callable[[int, float], bool | None]


def halves(lengths: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The earlier half, which has one more where they are odd, and the later half."""
    ordered = sorted(set(lengths))
    middle = (len(ordered) + 1) // 2
    return tuple(ordered[:middle]), tuple(ordered[middle:])


def judge_rate(
    rate: float, lengths: Sequence[int], points: Sequence[NormAtLength], level: float, again: Again
) -> Finding:
    """|grad| <= C T^-rate on the later half of the lengths, with the C of the earlier half: max |grad| T^rate there."""
    early, late = halves(lengths)
    known = {point.T: point for point in points}
    scope = f"T in {_braces(late)}, C from T in {_braces(early)}"
    predicted = f"|grad| <= C T^-{rate:g}"
    missing = [T for T in (*early, *late) if T not in known]
    if missing or not late:
        why = f"nothing is known at T in {_braces(missing)}" if missing else "nothing to check: one length alone"
        return _finding(points, level, scope, predicted, "", False, 0, why, None)
    scaled = {T: (p.total.low * T**rate, p.total.high * T**rate) for T, p in known.items()}
    C = max(scaled[T][0] for T in early), max(scaled[T][1] for T in early)
    worst = max(late, key=lambda T: scaled[T][0])
    shown = f"|grad| T^{rate:g} <= {max(scaled[T][1] for T in late):.4g}, C in [{C[0]:.4g}, {C[1]:.4g}]"
    if scaled[worst][0] > C[1]:
        shown = f"at T={worst} |grad| T^{rate:g} >= {scaled[worst][0]:.4g}, C <= {C[1]:.4g}"
        return _refuted(points, level, scope, predicted, shown, known[worst], C[1] * worst**-rate, len(late), again)
    holds = all(scaled[T][1] <= C[0] for T in late)
    open_ = [T for T in late if not scaled[T][1] <= C[0]]
    wide = max((*early, *open_), key=lambda T: known[T].total.relative)
    why = (
        f"at T in {_braces(open_)} the interval for |grad| T^{rate:g} reaches across that for C; the widest is that of "
        f"T={wide}, {_percent(known[wide])} ({known[wide].reason})"
    )
    return _finding(points, level, scope, predicted, shown, holds, len(late), why, None)


def judge_bound(
    bound: Expression, lengths: Sequence[int], points: Sequence[NormAtLength], level: float, again: Again
) -> Finding:
    """|grad| <= bound(T) at all lengths."""
    known = {point.T: point for point in points}
    scope, predicted = f"T in {_braces(sorted(set(lengths)))}", f"|grad| <= {bound.text}"
    ratios = {T: (p.total.low / bound(T), p.total.high / bound(T)) for T, p in known.items()}
    worst = max(ratios, key=lambda T: ratios[T][0], default=None)
    if worst is not None and ratios[worst][0] > 1:
        shown = f"at T={worst} |grad| >= {known[worst].total.low:.4g}, claimed <= {bound(worst):.4g}"
        return _refuted(points, level, scope, predicted, shown, known[worst], bound(worst), len(ratios), again)
    shown = f"|grad| <= {max(high for _, high in ratios.values()):.4g} of the bound" if ratios else ""
    missing = sorted(set(lengths) - known.keys())
    open_ = sorted(T for T, (_, high) in ratios.items() if not high <= 1)
    whys = [f"nothing is known at T in {_braces(missing)}"] * bool(missing)
    whys += [f"the interval reaches across the bound at T={T}, {_percent(known[T])} ({known[T].reason})" for T in open_]
    return _finding(
        points, level, scope, predicted, shown, not missing and not open_, len(ratios), "; ".join(whys), None
    )


def _refuted(
    points: Sequence[NormAtLength],
    level: float,
    scope: str,
    predicted: str,
    found: str,
    worst: NormAtLength,
    most: float,
    instances: int,
    again: Again,
) -> Finding:
    """An interval lies above what was claimed; the same is asked of differences of losses."""
    confirmed = again(worst.T, most)
    if confirmed is None:
        why = f"the interval at T={worst.T} lies above what is claimed, but the second computation was stopped"
        return _finding(points, level, scope, predicted, found, False, instances, why, None)
    values = {"T": worst.T, "at least": worst.total.low, "claimed at most": most}
    counterexample = Counterexample(values, lambda: confirmed)
    return _finding(points, level, scope, predicted, found, False, instances, "", counterexample)


def _finding(
    points: Sequence[NormAtLength],
    level: float,
    scope: str,
    predicted: str,
    found: str,
    holds: bool,
    instances: int,
    undecided: str,
    counterexample: Counterexample | None,
) -> Finding:
    sampled = any(point.method == "drawn" for point in points)
    room = f"; level {level:g}, no gradient of a sequence longer than said" if sampled else ""
    return decide(
        holds,
        evidence=Evidence.STATISTICAL if sampled else Evidence.NUMERIC,
        scope=f"{scope}{room}",
        instances=instances,
        found=found,
        predicted=predicted,
        undecided=undecided,
        counterexample=counterexample,
    )


# --- the exponent ---


@dataclass(frozen=True)
class Fit:
    """log |grad| = log C + exponent log T, by least squares over the lengths whose interval does not reach 0.

    low, high  over all norms inside their intervals
    lengths    that were fitted
    """

    exponent: float
    low: float
    high: float
    C: float
    lengths: tuple[int, ...]


def fit(points: Sequence[NormAtLength]) -> Fit | None:
    """None for fewer than two such lengths."""
    clear = [point for point in points if point.total.low > 0]
    if len(clear) < 2:
        return None
    x = [math.log(point.T) for point in clear]
    mean = sum(x) / len(x)
    weights = [(value - mean) / sum((other - mean) ** 2 for other in x) for value in x]  # the slope is linear in log
    slopes = [0.0, 0.0, 0.0]
    for weight, point in zip(weights, clear, strict=True):
        ends = (math.log(point.total.low), math.log(point.total.high))[:: 1 if weight > 0 else -1]
        for i, value in enumerate((math.log(point.total.norm), *ends)):
            slopes[i] += weight * value
    log_C = sum(math.log(point.total.norm) for point in clear) / len(clear) - slopes[0] * mean
    return Fit(slopes[0], slopes[1], slopes[2], math.exp(log_C), tuple(point.T for point in clear))


def _braces(lengths: Sequence[int]) -> str:
    return "{" + ", ".join(map(str, lengths)) + "}"


def _percent(point: NormAtLength) -> str:
    return f"+-{100 * point.total.relative:.0f} %"
