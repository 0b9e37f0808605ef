"""What `python -m verify.stationary` does, for programs and notebooks (re-exported by landscape_verifier)."""

from __future__ import annotations

import math
import pickle
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.laws import Law
from verify.api import words_of
from verify.papers.sub_ngrams.near_stationary.problem import InFile, Problem
from verify.papers.sub_ngrams.near_stationary.settings import StationarySettings
from verify.printing import named
from verify.settings import UsageError, validate

if TYPE_CHECKING:
    from torch import Tensor, nn

    from numerics.sub_ngrams.curvature import Curvature
    from verify.claim import Finding
    from verify.papers.sub_ngrams.near_stationary.course import Course, Resources
    from verify.papers.sub_ngrams.near_stationary.lengths import NormAtLength
    from verify.papers.sub_ngrams.near_stationary.result import NearStationary

OF_THE_COMMAND = ("format", "output", "model", "law_from", "directions", "S", "n", "alpha", "initial", "kernel")
Directions = Callable[[int], Mapping[str, Mapping[str, "Tensor"]]]


def near_stationary(
    build: Callable[[int], nn.Module],
    law: NGramLaw | Law,
    T: int | Sequence[int],
    *,
    directions: Directions | None = None,
    progress: Callable[[str], None] = lambda text: None,
    **settings: Any,
) -> NearStationary:
    """Norms of the population gradient of a network over lengths: is it at a near-stationary point?

    build       T -> a torch.nn.Module that maps int64 sequences (B x T) to a row for each (B x S, or B x T x S), what
                `returns` says. It is left as it was
    law         of the data: NGramLaw, FixedKernel, DirichletLaw, Mixture, StationaryStarts, or one of your own (see the
                protocol Law)
    T           the lengths
    directions  T -> {name: {parameter: tensor}}: how much the gradient points in these directions
    progress    is told, in one line, what has been done
    settings    as on the command line (`python -m verify.stationary --help`): rate=1, bound="3*log(T)/T", error=0.05,
                level=0.95, returns="logits", positions="all", samples=1e5, enumerate=2**16, hessian=16, budget=60,
                executor="processes", shards="folder"

    Everything is done in this process, unless `executor` says otherwise. Ctrl-C and `budget` end it with what it has.
    UsageError, in one line, for settings that cannot be, and for a module whose gradient cannot be told (random,
    dependent on the batch, in single precision, underflow); see `numerics.sub_ngrams.population_gradient`.
    """
    words = words_of({"T": T, **settings}, OF_THE_COMMAND, "verify.stationary")
    given = validate(StationarySettings, {"executor": "inline", **words})
    if given.executor != "inline":
        _require_picklable(build, law)
    name = getattr(build, "__qualname__", type(build).__name__)
    about = f"alpha={law.alpha}  initial {law.initial}" if type(law) is NGramLaw else type(law).__name__
    return run(given, build, law, directions, f"{name}  n={law.n}  S={law.S}  {about}", tell=progress)


def run(
    settings: StationarySettings,
    build: Callable[[int], nn.Module] | InFile,
    law: NGramLaw | Law | InFile,
    directions: Directions | None,
    headline: str,
    *,
    tell: Callable[[str], None] = lambda text: None,
    doing: Callable[[str], None] = lambda text: None,
    complain: Callable[[str], None] = lambda text: None,
) -> NearStationary:
    """The whole run.

    tell      about what is finished; `doing` about what is under way; `complain` about damaged files of shards
    """
    from numerics.device import resolve_device
    from verify.papers.sub_ngrams.near_stationary.course import Resources, run_course
    from verify.papers.sub_ngrams.near_stationary.result import NearStationary
    from verify.shards import Store

    if not settings.T and settings.hessian is None:
        raise UsageError("T is missing: give the lengths, as in T=8,16,32,64")
    store = None if settings.shards is None else Store(settings.shards, complain)
    problem = Problem(
        build,
        law,
        settings.returns,
        settings.positions,
        settings.epsilon,
        settings.batch,
        resolve_device(settings.device).type,
    )
    end = None if settings.budget is None else time.monotonic() + settings.budget
    resources = Resources(settings.executor, settings.workers, store, settings.budget, tell, doing)
    course = run_course(
        problem,
        settings.lengths,
        resources,
        error=settings.error,
        level=settings.level,
        samples=settings.samples,
        most=settings.enumerate,
        seed=settings.seed,
    )

    def rest() -> Resources:
        return resources if end is None else replace(resources, budget=max(1e-3, end - time.monotonic()))

    curvature, course = _curvature(settings, problem, course, rest())
    rate, bound = _judged(settings, problem, course, rest)
    alignment = {point.T: alignments(directions(point.T), point) for point in course.points} if directions else None
    return NearStationary(
        settings, headline, course.points, rate, bound, alignment, curvature, course.status, course.reason
    )


def _judged(
    settings: StationarySettings, problem: Problem, course: Course, rest: Callable[[], Resources]
) -> tuple[Finding | None, Finding | None]:
    """What came of rate= and bound=."""
    from verify.expressions import read_expression
    from verify.papers.sub_ngrams.near_stationary.course import rises_more
    from verify.papers.sub_ngrams.near_stationary.judge import judge_bound, judge_rate

    def again(T: int, most: float) -> bool | None:
        (point,) = (point for point in course.points if point.T == T)
        return None if course.status else rises_more(problem, point, most, rest(), settings.seed)

    about = settings.lengths, course.points, settings.level, again
    rate = None if settings.rate is None else judge_rate(settings.rate, *about)
    bound = None if settings.bound is None else judge_bound(read_expression(settings.bound, "T"), *about)
    return rate, bound


def _curvature(
    settings: StationarySettings, problem: Problem, course: Course, resources: Resources
) -> tuple[Curvature | None, Course]:
    """The curvature, if it is asked for and there is time."""
    T = settings.hessian
    if T is None or course.status:
        return None, course
    from numerics.sub_ngrams.own_law import fits
    from verify.papers.sub_ngrams.near_stationary.shards import CurvatureShard

    look = problem.look(T)
    size = look.S**T if fits(problem.the_law, T, settings.enumerate) else None
    shard = CurvatureShard(
        problem,
        look.fingerprint,
        T,
        size,
        settings.curvature_samples,
        settings.eigenvalues,
        settings.level,
        settings.seed,
    )
    resources.doing(shard.name)
    outcome = resources.run([shard], budget=resources.budget)
    return outcome.finished.get(0), replace(course, status=outcome.status, reason=outcome.reason)


def alignments(directions: Mapping[str, Mapping[str, Tensor]], point: NormAtLength) -> dict[str, tuple[float, float]]:
    """An interval for the cosine of the angle between the gradient and each direction, each by itself."""
    found = {}
    for name, parts in directions.items():
        for parameter, part in parts.items():
            if parameter not in point.gradient or part.shape != point.gradient[parameter].shape:
                shape = tuple(part.shape)
                raise UsageError(f"direction {name}: the gradient has no part {parameter} of shape {shape}")
        length = math.sqrt(sum(float(part.double().square().sum()) for part in parts.values()))
        if not 0 < length < math.inf:
            raise UsageError(f"direction {name}: has the length {length:g}")
        inner = sum(float((point.gradient[key] * part.double()).sum()) for key, part in parts.items()) / length
        found[name] = cosines(inner - point.off, inner + point.off, point.total.low, point.total.high)
    return found


def cosines(low: float, high: float, least: float, most: float) -> tuple[float, float]:
    """The quotients of a number in [low, high] by a positive one in [least, most] that can be cosines: their ends."""

    def by(x: float, divisor: float) -> float:
        return max(-1.0, min(1.0, x / divisor)) if divisor > 0 else math.copysign(1.0, x) if x else 0.0

    return by(low, most if low > 0 else least), by(high, least if high > 0 else most)


def _require_picklable(*things: object) -> None:
    for thing in things:
        try:
            pickle.loads(pickle.dumps(thing))
        except Exception as error:
            raise UsageError(
                f"executor: other processes cannot be handed {named(error)}; define it in a file that they can import, "
                "or leave executor out"
            ) from error
