"""SN7: along c = log T the gradient falls, and how fast."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any

from proofs.sub_ngrams.configuration import Configuration, Heads
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.score_blocks import (
    ScoreBlocks,
    blocks_in_use,
    norm_errors,
    parameter_gradient,
    parameter_norms,
)
from proofs.sub_ngrams.type_classes import type_classes
from verify.claim import (
    Counterexample,
    Evidence,
    Finding,
    Plot,
    Run,
    claims_on,
    decide,
    undecided,
)
from verify.papers.sub_ngrams.engines import (
    ENGINES,
    PREFERENCE,
    Engine,
    Options,
    few_parameters,
    handed_over,
)
from verify.papers.sub_ngrams.fixed_length import critical_without_lags
from verify.papers.sub_ngrams.premises import other_law
from verify.papers.sub_ngrams.settings import SubNGramSettings, braces

if TYPE_CHECKING:
    from matplotlib.axes import Axes

claim = claims_on("mathematics/sub-n-grams/limits")

QUICK = 10.0  # seconds of the transfer engine at its own tolerance
MOMENT = 0.5  # seconds of type_classes
LOGS = 1.5  # power of log T that the norm may have beside its power of T: sqrt(c), and log T/T of the bounds
LONG = 1000  # lengths below decide nothing against a rate: there the norm may still rise


@dataclass(frozen=True)
class Point:
    """The norm of the whole factorised gradient at length T and q = T, that is c = log T, with these heads."""

    T: int
    norms: dict[str, float]
    errors: dict[str, float]
    engine: str
    level: float | None
    heads: Heads = "padded"

    @property
    def low(self) -> float:
        return self.norms["total"] - self.errors["total"]

    @property
    def high(self) -> float:
        return self.norms["total"] + self.errors["total"]


def draw_gradient_decay(axes: Axes, details: Mapping[str, Any]) -> str:
    import numpy as np

    from verify.papers.sub_ngrams.gradient.norms import NormPoint
    from verify.papers.sub_ngrams.gradient.plot import draw_decay  # matplotlib

    curves: dict[str, list[NormPoint]] = {}
    for p in details["points"]:
        point = NormPoint(p["T"], math.log(p["T"]), p["norms"]["total"], p["errors"]["total"])
        curves.setdefault(f"{p['heads']} heads", []).append(point)
    r = float(details["r"])
    name = f"$T^{{-{r:g}}} (\\log\\,T)^{{3/2}}$"
    draw_decay(axes, curves, fall=lambda T: T**-r * np.log(T) ** LOGS, name=name)
    return (
        "Norm of the population gradient along c = log T, with its error bars; dashed the predicted rate, "
        f"T^-{r:g} (log T)^(3/2), from the first length on. The norm has to fall at least as much."
    )


@claim(
    "SN7",
    "gradient falls along c = log T",
    requires=("SN0", "SN2"),
    assumptions=("hard heads in the first layer, c_A -> infinity",),
    vacuous=other_law,
    plot=Plot(("points", "r"), draw_gradient_decay),
)
def gradient_vanishes(settings: SubNGramSettings, run: Run) -> Finding:
    """Along c = log T the norm of the whole factorised population gradient is O(T^-r (log T)^(3/2)). Here r = 1 if
    every lag is in use, else r = min(1, 2 (S-1) alpha): at small alpha more kernels are slow to mix. Decided is, for
    the lengths in the scope, that the norm falls from each length to the next, and from the first to the last by at
    least as much as T^-r (log T)^(3/2) does. Without lags, that is at k = 1, the gradient is 0, and there that is
    decided instead.

    Intervals of the norm: upper bounds have to fall like that. It is refuted where, from one length to another, both
    1000 or longer, the norm falls more slowly, beyond its errors. Slopes are log-log: that found is of the last two
    lengths, that predicted is of T^-r (log T)^(3/2) between the same two, the logarithm included. An instance is a step
    from one length to the next. Faster paths are c = T and c = T^2, at short T.
    """
    if not settings.lag_set:
        return critical_without_lags(settings)
    curves: dict[Heads, list[Point]] = {}
    left = run.seconds
    for heads in settings.kinds_of_heads:
        of_heads = settings.model_copy(update={"heads": heads})
        plan = _plan(of_heads, replace(run, seconds=left))
        unreached = [T for T, engine in plan if engine is None]
        if curves and (unreached or len(plan) < 2):
            break  # there is no time for these heads, and the scope does not name them
        if unreached or len(plan) < 2:
            where = f"T={unreached[0]}" if unreached else "two lengths"
            reason = f"no engine reaches {where} in seconds, with {heads} heads"
            return undecided(reason, scope=f"S={settings.S}, n={settings.n}")
        curves[heads] = [_point(of_heads, T, engine, run) for T, engine in plan if engine is not None]
        left -= sum(_seconds(of_heads, T, engine) for T, engine in plan if engine is not None)
    kinds = list(curves)
    points = [point for curve in curves.values() for point in curve]
    steps = [step for curve in curves.values() for step in pairwise(curve)]
    r = rate(settings)
    short = [f"does not fall beyond its errors {told(*step)}" for step in steps if not step[1].high < step[0].high]
    for first, last in [] if short else ((curve[0], curve[-1]) for curve in curves.values()):
        if not as_fast(first, last, r):
            short.append(f"is not seen to fall like T^-{r:g} (log T)^(3/2) {told(first, last)}")
    pairs = (pair for curve in curves.values() for pair in combinations(curve, 2))
    slow = next((pair for pair in pairs if slower(*pair, r)), None)
    lengths = ", ".join(f"{T:g}" for T in dict.fromkeys(point.T for point in points))
    statistical = any(point.level is not None for point in points)
    return decide(
        not short and slow is None,
        evidence=Evidence.STATISTICAL if statistical else Evidence.NUMERIC,
        scope=f"{' and '.join(kinds)} heads; S={settings.S}, n={settings.n}, alpha={settings.alpha}, "
        f"initial {settings.initial}, lags {braces(settings.lag_set)}; T in {{{lengths}}}, q = T",
        instances=len(steps),
        found="; ".join(map(decay, curves.values())),
        predicted=f"at most {slope_of_rate(curves[kinds[0]], r):.2f}, as T^-{r:g} (log T)^(3/2)",
        counterexample=None if slow is None else _too_slow(settings, slow, run),
        details={
            "r": str(r),
            "points": [
                {
                    "heads": p.heads,
                    "T": p.T,
                    "norms": p.norms,
                    "errors": p.errors,
                    "engine": p.engine,
                    "confidence level": p.level,
                }
                for p in points
            ],
            "faster paths": faster_paths(settings),
        },
        footnote="\n".join(
            "gradient  "
            + " | ".join(f"T={p.T:g} {p.norms['total']:.2g}" for p in curve)
            + f"  along c = log T, {heads} heads"
            for heads, curve in curves.items()
        ),
        undecided=f"the norm {'; it '.join(dict.fromkeys(short))}: at longer T, or with a smaller tolerance=, it may",
    )


def told(before: Point, after: Point) -> str:
    return f"from T={before.T:g} to {after.T:g} with {after.heads} heads"


def rate(settings: SubNGramSettings) -> float:
    """The power of 1/T that is expected, of which kernels that are slow to mix allow 2 (S-1) alpha."""
    return 1.0 if settings.full_context else min(1.0, float(2 * (settings.S - 1) * settings.law.alpha))


def _allowed(first: Point, last: Point, r: float) -> float:
    """By how much a norm that is T^-r (log T)^(3/2) falls."""
    return math.exp(-r * math.log(last.T / first.T)) * math.pow(math.log(last.T) / math.log(first.T), LOGS)


def slope_of_rate(curve: Sequence[Point], r: float) -> float:
    """The log-log slope of T^-r (log T)^(3/2) between the last two lengths."""
    before, after = curve[-2:]
    return math.log(_allowed(before, after, r)) / math.log(after.T / before.T)


def as_fast(first: Point, last: Point, r: float) -> bool:
    """Whether the norm falls at least like T^-r (log T)^(3/2), whatever the errors are."""
    return last.high <= first.low * _allowed(first, last, r)


def slower(first: Point, last: Point, r: float) -> bool:
    """Whether, at long lengths, the norm falls more slowly than T^-r (log T)^(3/2), whatever the errors are."""
    return first.T >= LONG and last.low > first.high * _allowed(first, last, r)


def _too_slow(settings: SubNGramSettings, pair: tuple[Point, Point], run: Run) -> Counterexample:
    values = {str(p.T): {"norm": p.norms["total"], "error": p.errors["total"]} for p in pair}
    return Counterexample({"r": rate(settings), "lengths": values}, partial(is_too_slow, settings, pair, run))


def is_too_slow(settings: SubNGramSettings, pair: tuple[Point, Point], run: Run) -> bool:
    """Whether the norms at these two lengths, computed to half the tolerance and from another seed, fall too slowly."""
    aim = settings.options
    tolerance = f"{50 * aim.relative:g}%" if aim.relative else (aim.tolerance or _tolerance(settings, pair[1].T)) / 2
    update = {"seed": settings.seed + 1, "tolerance": tolerance, "heads": pair[0].heads}
    finer = settings.model_copy(update=update)
    first, last = (_point(finer, p.T, ENGINES[p.engine], run) for p in pair)
    return slower(first, last, rate(settings))


def ladder(settings: SubNGramSettings) -> tuple[int, ...]:
    """The lengths of the user, a single one with the longest below it that is exact in a second (or, if it is short,
    above it); else the longest that is, and far ones by the transfer engine.

    Not many short ones: there the norm still rises with T, as q = T does.
    """
    if len(settings.T) > 1:
        return tuple(sorted(settings.T))
    start = max(4, settings.n + 1)
    exact = [T for T in (start * 2**i for i in range(8)) if _few_classes(settings.law, T)]
    far = [10**3, 10**6] if _quick(settings) else [10**3]
    if settings.T:
        (T,) = settings.T
        other = [shorter for shorter in exact if shorter < T] or exact
        return tuple(sorted({T, *other[-1:]}))
    if settings.engine not in ("auto", "transfer"):
        return tuple(exact[-3:])
    return (*exact[-1:], *far)


def faster_paths(settings: SubNGramSettings) -> dict[str, dict[str, float]]:
    """The total norm at c = T and c = T^2, by T: exact score blocks of q = inf, off by T e^-c at most.

    Beside K_0, which is O(sqrt(c)/T), stands V: c M with M ~ T^-(1+alpha) log T at q = inf, from sequences in which a
    token never follows the final context. So along c = T the norm still falls, along c = T^2 it does not (alpha <= 1).
    """
    configuration = Configuration(settings.lag_set, math.inf, settings.kinds_of_heads[0])
    lengths = [T for T in (6, 12, 18) if settings.n < T and _few_classes(settings.law, T)]
    gradients = {T: parameter_gradient(type_classes(settings.law, configuration, T), configuration) for T in lengths}
    return {
        f"c = T^{power}": {str(T): gradient.norms(T**power)["total"] for T, gradient in gradients.items()}
        for power in (1, 2)
    }


def _quick(settings: SubNGramSettings) -> bool:
    return ENGINES["transfer"].work(settings.law, Configuration((), math.inf), 10**3) <= QUICK


def _few_classes(law: NGramLaw, T: int) -> bool:
    return ENGINES["type_classes"].seconds(law, Configuration((), math.inf), T, Options()) <= MOMENT


def _seconds(settings: SubNGramSettings, T: int, engine: Engine) -> float:
    return engine.seconds(settings.law, _configuration(settings, T), T, settings.options)


def _configuration(settings: SubNGramSettings, T: int) -> Configuration:
    return Configuration(settings.lag_set, Fraction(T), settings.kinds_of_heads[0])


def _plan(settings: SubNGramSettings, run: Run) -> list[tuple[int, Engine | None]]:
    """Lengths, with the engine for each. If they are too many for the time, some of them, evenly chosen, the first and
    the last among them; None where no engine answers in a third of the time.
    """
    options = settings.options

    def at(T: int) -> tuple[Engine | None, float]:
        law, configuration = settings.law, _configuration(settings, T)
        names = PREFERENCE if settings.engine == "auto" else (settings.engine,)
        for name in names:
            engine = handed_over(ENGINES[name], law, configuration, T, options)
            seconds = engine.seconds(law, configuration, T, options)
            if engine.obstacle(law, configuration, T) is None and seconds <= run.seconds / 3:
                return engine, seconds
        return None, 0.0

    lengths = ladder(settings)
    plan = {T: at(T) for T in lengths}
    total = sum(seconds for _, seconds in plan.values())
    if total > run.seconds:
        most = max(2, int(len(lengths) * run.seconds / total))
        lengths = tuple(lengths[i * (len(lengths) - 1) // (most - 1)] for i in range(most))
    return [(T, plan[T][0]) for T in lengths]


def _point(settings: SubNGramSettings, T: int, engine: Engine, run: Run) -> Point:
    (heads,) = settings.kinds_of_heads
    law, configuration = settings.law, _configuration(settings, T)
    run.progress(f"T={T} by {engine.name}, {heads} heads")
    aim = settings.options
    tolerance = aim.tolerance if aim.tolerance or aim.relative else _tolerance(settings, T)
    usual = 0.5 if few_parameters(law) else 0.0
    minutes = min(settings.minutes, max(usual, run.seconds / 60))
    options = replace(aim, tolerance=tolerance, minutes=minutes, needed=blocks_in_use(configuration))
    M: ScoreBlocks = engine.compute(law, configuration, T, options)
    norms, errors = parameter_norms(M, configuration), norm_errors(M, configuration)
    assert norms is not None  # q is finite
    assert errors is not None
    return Point(T, norms, errors, engine.name, M.level, heads)


def _tolerance(settings: SubNGramSettings, T: int) -> float:
    """Norms fall like 1/T; where that precision is dear, an upper bound of this order will do."""
    return 0.03 / T if _quick(settings) else 1 / T


def decay(points: Sequence[Point]) -> str:
    """The log-log slope of the last step with its error; where that is lost in the errors, a bound on that of all."""
    before, after = points[-2], points[-1]
    width = math.log(after.T / before.T)
    if min(before.low, after.low) > 0:
        slope = math.log(after.norms["total"] / before.norms["total"]) / width
        error = (math.log(after.high / after.low) + math.log(before.high / before.low)) / 2 / width
        if error < 1:
            uncertain = f"{slope:.3f}" if error < 1e-4 else f"{slope:.2f} +- {math.ceil(100 * error) / 100:.2f}"
            return f"slope {uncertain} {told(before, after)}"
    first = points[0]
    if not first.low > 0:
        return "no slope beyond the errors"
    bound = math.log(after.high / first.low) / math.log(after.T / first.T)
    return f"slope below {bound:.2f} {told(first, after)}"
