"""SN27: where gradient flow from a small start rests, and for how long."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from numerics.threads import one_thread
from proofs.sub_ngrams.law import NGramLaw
from verify.claim import (
    CLAIM_SECONDS,
    Counterexample,
    Evidence,
    Finding,
    Origin,
    Run,
    claims_on,
    decide,
    too_dear,
    undecided,
)
from verify.papers.sub_ngrams.premises import first_of, other_law
from verify.papers.sub_ngrams.settings import SubNGramSettings

if TYPE_CHECKING:
    from numerics.sub_ngrams.flow import Flow, Path
    from numerics.sub_ngrams.flow_approach import Approach
    from numerics.sub_ngrams.rest_points import RestPoint

claim = claims_on("mathematics/sub-n-grams/training")

# Fixed before the runs that they judge (see the page):
RADIUS = 1 / 5  # of the distance between the two rests: a stay is the time within so much of a rest
SIZES = (1 / 100, 1 / 1000)  # of the start, in radii
CLOSE = 0.05  # by how much a stay may differ from the prediction, relatively

TOLERANCE = 1e-5  # of a step; what a coarser one changes is taken for the error
COARSER = 10
EVALUATIONS = 1500  # of the gradient, in a run that has to end the second stay
FURTHER = 400  # and in the first run altogether, for each CLAIM_SECONDS: a larger budget shows more of it
MOST_SEQUENCES, MOST_LAGS = 100, 3  # where the settings leave the choice
LONGEST = 2**16  # sequences
GROWTH = "growth of the stay at "


@dataclass(frozen=True)
class Setup:
    """The law, the length T, whether some sequences are drawn in place of all, and the seed."""

    law: NGramLaw
    T: int
    samples: int | None
    seed: int

    @property
    def sequences(self) -> int:
        count = self.law.S**self.T if self.samples is None else self.samples * math.factorial(self.law.S)
        return int(min(count, 10**12))

    @property
    def scope(self) -> str:
        what = "all sequences" if self.samples is None else f"{self.samples} drawn sequences and their renamings"
        law = self.law
        return (
            f"literal heads; S={law.S}, n={law.n}, T={self.T}, alpha={law.alpha}, initial {law.initial}; {what}, "
            f"one random start, of {' and '.join(f'{size:g}' for size in SIZES)} radii"
        )

    @property
    def seconds(self) -> float:
        """Of a gradient, roughly: of one core, measured for 64 to 4096 sequences, T = 6 to 32."""
        return 1e-3 + 5e-8 * self.sequences * self.T * self.law.n * self.law.S


@dataclass(frozen=True)
class Measured:
    """A stay: how long, how long by the flow linearised at the rest, and what a coarser integration changes."""

    rest: RestPoint
    duration: float
    linear: float
    error: float


@dataclass(frozen=True)
class Check:
    """A time that was found, with its error, and the predicted one."""

    name: str
    found: float
    predicted: float
    error: float

    @property
    def within(self) -> bool:
        return abs(self.found - self.predicted) + self.error <= CLOSE * self.predicted

    @property
    def off(self) -> bool:
        return abs(self.found - self.predicted) - self.error > CLOSE * self.predicted

    @property
    def deviation(self) -> float:
        return abs(self.found / self.predicted - 1)


@dataclass(frozen=True)
class Runs:
    """The rests of a setup; for every size of the start the stays there, as far as they have ended; and how near the
    first of the flows comes to theta_k^+, up to a time.
    """

    rests: tuple[RestPoint, RestPoint]
    stays: tuple[tuple[Measured, ...], ...]
    approaches: Sequence[Approach]
    until: float

    @property
    def ended(self) -> bool:
        return all(len(stays) == len(self.rests) for stays in self.stays)

    def stay_checks(self) -> list[Check]:
        """Every stay against that of the linearised flow."""
        return [
            Check(f"stay at {stay.rest.name} from {size:g} radii", stay.duration, stay.linear, stay.error)
            for size, stays in zip(SIZES, self.stays, strict=True)
            for stay in stays
        ]

    def growth_checks(self, share: float = 1.0) -> list[Check]:
        """By how much longer every stay is from the smaller start, against log(10) / (share |lambda|)."""
        return [
            Check(
                f"{GROWTH}{rest.name}",
                long.duration - short.duration,
                math.log(SIZES[0] / SIZES[1]) / (share * rest.rate),
                long.error + short.error,
            )
            for rest, short, long in zip(self.rests, *self.stays, strict=True)
        ]


def setup(settings: SubNGramSettings) -> Setup:
    """Their law and shortest T; without a T, one with few sequences, and fewer tokens and lags where T=n+1 has many."""
    law, samples = settings.law, settings.samples
    if settings.T:
        return Setup(law, min(settings.T), samples, settings.seed)
    n = min(law.n, MOST_LAGS + 1)
    S = max((S for S in range(2, law.S + 1) if S ** (n + 1) <= MOST_SEQUENCES), default=2)
    return Setup(replace(law, S=S, n=n), int(math.log(MOST_SEQUENCES, S) + 1e-9), None, settings.seed)


def no_heads_to_grow(settings: SubNGramSettings) -> str:
    return "" if settings.n > 1 else "at n=1 there are no heads: nothing leaves the second rest"


@lru_cache(maxsize=2)  # for a claim and its control
@one_thread()
def measured(at: Setup, further: int, method: str = "DOP853") -> Runs:
    """The first flow is followed for `further` evaluations of the gradient altogether, or to the end of its stays."""
    from numerics.sub_ngrams.flow import Flow, drawn, everything, flat, follow, linear_stay, small_start
    from numerics.sub_ngrams.flow_approach import approaches
    from numerics.sub_ngrams.rest_points import rest_points

    batch = everything(at.law, at.T) if at.samples is None else drawn(at.law, at.T, at.samples, at.seed)
    rests = rest_points(batch)
    radius = RADIUS * math.sqrt(2 * (at.law.S - 1) * abs(rests[1].w))

    def run(size: float, tolerance: float, at_least: int = 0) -> tuple[Flow, Path]:
        start = small_start(at.law, at.T, size * radius, at.seed)
        flow = Flow(start, batch)
        path = follow(
            flow, flat(start), rests, radius,
            tolerance=tolerance, most=EVALUATIONS, at_least=at_least, method=method,
        )  # fmt: skip
        return flow, path

    def stays(size: float, flow: Flow, path: Path) -> tuple[Measured, ...]:
        _, coarse = run(size, COARSER * TOLERANCE)
        return tuple(
            Measured(stay.rest, stay.duration, linear_stay(flow, stay, radius), abs(stay.duration - rough.duration))
            for stay, rough in zip(path.stays, coarse.stays, strict=False)
        )

    first, second = run(SIZES[0], TOLERANCE, further), run(SIZES[1], TOLERANCE)
    found = stays(SIZES[0], *first), stays(SIZES[1], *second)
    return Runs(rests, found, approaches(*first), first[1].moments[-1].time)


@claim(
    "SN27",
    "where gradient flow rests",
    assumptions=("one random start", "floats: an integrator with error control"),
    vacuous=first_of(other_law, no_heads_to_grow),
    shares="the flows",
)
def rests_twice(settings: SubNGramSettings, run: Run) -> Finding:
    """Gradient flow on the population loss from a small random start (A = 0) rests first at theta_1 = 0, then at the
    repetition point, V = 0 and z_j = w 1{x_j = x_T} with the best w, which is no theta_k. Time is the sum of the steps
    of gradient descent, as these tend to 0. A stay is the time that the flow spends within a radius of a rest, a fifth
    of the distance between the two. Each stay is as long as that of the flow linearised there; and from a start ten
    times smaller it is longer by log(10)/|lambda|, lambda the lowest eigenvalue of the Hessian at the rest. All this
    within 5%.

    The rests and lambda in closed form, the linearised flow from the Hessian; the flow with all sequences, for one
    random start in two sizes, told in radii. An instance is one of six times: four stays, and two by which the longer
    ones are longer. The first flow is followed for a fixed number of steps, which shows how it leaves the second rest
    and not where it comes to next: that decides nothing. Nearest to theta_k^+: when the predictions of the flow are,
    their mean total variation distance from it, from the next one, and how long it is at most half of that.
    """
    found = judged(settings, run, lambda runs: [*runs.stay_checks(), *runs.growth_checks()], Runs.growth_checks)
    near = found.details.get("nearest to theta_k^+")
    return replace(found, footnote="\n".join(line(one, near["until"]) for one in near["approaches"])) if near else found


@claim(
    "SN27c",
    "half that eigenvalue (control)",
    assumptions=("one random start", "floats: an integrator with error control"),
    vacuous=first_of(other_law, no_heads_to_grow),
    shares="the flows",
    origin=Origin.CONTROL,
)
def half_the_eigenvalue(settings: SubNGramSettings, run: Run) -> Finding:
    """From a start ten times smaller, the flow of SN27 stays at each rest longer by log(10)/|lambda/2|, within 5%."""
    return judged(settings, run, lambda runs: runs.growth_checks(1 / 2), Runs.growth_checks)


def judged(
    settings: SubNGramSettings,
    run: Run,
    checks_of: Callable[[Runs], list[Check]],
    due: Callable[[Runs], list[Check]],
) -> Finding:
    """due  what the theory predicts of the two growths, which a control does not claim"""
    at = setup(settings)
    scope = at.scope
    if at.seconds * EVALUATIONS > run.seconds:
        return too_dear(at.seconds * EVALUATIONS, run, what="four flows", scope=scope)
    run.progress(f"gradient flow, T={at.T}")
    runs = measured(at, FURTHER * round(run.seconds / CLAIM_SECONDS))
    if not runs.ended:
        return undecided(f"a stay has not ended after {EVALUATIONS} evaluations of the gradient", scope=scope)
    checks = checks_of(runs)
    off = next((check for check in checks if check.off), None)
    growths = [check for check in checks if check.name.startswith(GROWTH)]
    return decide(
        all(check.within for check in checks),
        evidence=Evidence.NUMERIC,
        scope=scope,
        instances=len(checks),
        found="stays longer by "
        + ", ".join(told(check.found, check) for check in growths)
        + f"; {len(checks)} times differ from the claimed ones by at most "
        f"{100 * max(check.deviation for check in checks):.2g}%",
        predicted=", ".join(told(check.predicted, check) for check in due(runs)) + f"; within {CLOSE:.0%}",
        counterexample=None if off is None else Counterexample(vars(off), partial(off_again, at, checks_of, off.name)),
        details={
            "rests": [vars(rest) for rest in runs.rests],
            "times": [vars(check) for check in checks],
            "nearest to theta_k^+": {"until": runs.until, "approaches": [vars(one) for one in runs.approaches]},
        },
        undecided="a time is not within 5% beyond its error",
    )


def told(time: float, check: Check) -> str:
    return f"{time:.4g} at {check.name.removeprefix(GROWTH)}"


def off_again(at: Setup, checks_of: Callable[[Runs], list[Check]], name: str) -> bool:
    """Whether this time is off with another integrator, too."""
    runs = measured(at, 0, "RK45")
    return runs.ended and any(check.off for check in checks_of(runs) if check.name == name)


def line(one: dict[str, float], until: float) -> str:
    """How near the flow comes to theta_k^+."""
    return (
        f"flow      nearest to {one['k']}-gram+ at t={one['time']:.0f} of {until:.0f}: "
        f"variation {one['variation']:.3f}, "
        f"{one['others']:.3f} to the next; {one['speed']:.2f} of the largest speed; near it for {one['near']:.0f}"
    )
