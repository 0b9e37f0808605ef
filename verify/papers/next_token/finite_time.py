"""NT12, NT13, NT14: bounds for every step of both layers, with constants known before training but for s."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from proofs.next_token.examples import NAMED
from verify.claim import Counterexample, Evidence, Finding, Origin, Run, Step, decide, undecided
from verify.papers.next_token.premises import ALIGNED, claim
from verify.papers.next_token.runs import if_time_allows, solution_seconds, step_seconds
from verify.papers.next_token.settings import NextTokenSettings
from verify.papers.next_token.watched import ERROR, GAP, NORM, Quantity, Watched, slowly, watch

if TYPE_CHECKING:
    import numpy as np


MOST_STEPS, FEWEST = 1000, 100  # of which each is looked at
BETA, SHORT_STEP, LONGEST, CONTROL_STEPS = 3.0, 0.05, 1.0, 600  # of the controls
STEP = Step("a step lowers the loss", Evidence.WRITTEN, "finite-time-step")
LOSS = Step("loss, margins and norm", Evidence.WRITTEN, "finite-time-loss")
DIRECTION = Step("direction", Evidence.WRITTEN, "finite-time-direction")
SHORT = "steps no longer than those for which the bounds are proved"
EVERY_STEP = "every step of both layers"

LAYERS = (False, True)  # whether it is attention


def watched_seconds(settings: NextTokenSettings) -> float:
    """Of a step of both layers, where what is looked at takes as long as the step."""
    return 2 * sum(step_seconds(settings.datasets, attention=attention) for attention in LAYERS)


def bounds_seconds(settings: NextTokenSettings) -> float:
    return sum(solution_seconds(settings.datasets, attention=attention) for attention in LAYERS)


def fewest_seconds(settings: NextTokenSettings) -> float:
    """Of the bounds, and of as few steps as are looked at."""
    return bounds_seconds(settings) + FEWEST * watched_seconds(settings)


def watch_layers(settings: NextTokenSettings, run: Run) -> list[Watched]:
    """Both layers of all datasets, for as many steps as time allows."""
    most = int((run.seconds - bounds_seconds(settings)) / watched_seconds(settings))
    T = max(FEWEST, min(settings.T, MOST_STEPS, most))
    run.progress(f"bounds of both layers, and {T} steps")
    return [w for attention in LAYERS for w in watch(settings.datasets, attention, settings.beta, settings.eta, T)]


def judge(quantity: Quantity, layers: Sequence[Watched]) -> Finding:
    """VERIFIED if the quantity is within its bounds at every step of every layer in which these have begun."""
    import numpy as np

    used = [watched for watched in layers if watched.bounds is not None]
    waiting = len(layers) - len(used)
    if not used:
        return undecided(
            f"the loss has not come down to where the bounds begin; at T={layers[0].seen.T}, a larger T may"
        )
    ratios = {watched.name: quantity.ratio(watched) for watched in used}
    worst = max((float(np.nan_to_num(ratios[w.name], nan=np.inf).max()), w.name) for w in used)
    largest = {what: [float(ratio(w).max()) for w in used] for what, ratio in quantity.ratios.items()}
    over = [(w, ~(ratios[w.name] <= 1 + quantity.rounding(w))) for w in used]
    broken = [(w, w.first + int(above.argmax())) for w, above in over if above.any()]
    return decide(
        not broken,
        evidence=Evidence.NUMERIC,
        scope=_scope(used, waiting),
        instances=len(used),
        found=", ".join(f"{what} at most {max(map(float, found)):.4g}" for what, found in largest.items()),
        predicted=", ".join("at most 1" for _ in largest),
        counterexample=Counterexample(
            {"layer": broken[0][0].name, "t": broken[0][1], "quantity": quantity.name},
            partial(outside, *broken[0], quantity, 1.0),
        )
        if broken
        else None,
        details={
            w.name: {**constants(w), **{f"largest_ratio: {what}": found[i] for what, found in largest.items()}}
            for i, w in enumerate(used)
        },
        undecided=f"{worst[1]}: a number is above its bound by what rounding explains",
    )


def constants(watched: Watched) -> dict[str, object]:
    """Of the bounds, as the statements name them."""
    b = watched.bounds
    assert b is not None
    return {
        "eta": b.eta,
        "start": b.start,
        "D": b.deficit,
        "log_C_of_the_loss": b.log_loss,
        "c_of_the_loss": b.eta / b.norm,
        "C_of_the_direction": b.direction,
    }


def _scope(used: Sequence[Watched], waiting: int) -> str:
    etas, starts = sorted(w.eta for w in used), sorted(w.bounds.start for w in used if w.bounds and w.bounds.start)
    parts = [f"{len(used)} layers, each t=1..{used[0].seen.T}, eta={etas[0]:.3g}..{etas[-1]:.3g}"]
    parts += [f"{len(starts)} of them from s={starts[0]}..{starts[-1]} on"] if starts else []
    parts += [f"{waiting} left out: bounds begin later"] if waiting else []
    return "; ".join(parts)


def outside(watched: Watched, t: int, quantity: Quantity, factor: float) -> bool:
    """Whether the ratio at step t, times this factor, is above 1 by the slow formulas."""
    return factor * float(quantity.ratio(slowly(watched, t))[0]) > 1 + 1e-9


@claim(
    "NT12",
    "norm at every step",
    requires=("NT5", "NT7m", "NT1r"),
    assumptions=(ALIGNED, SHORT),
    steps=(STEP, LOSS),
    shares=EVERY_STEP,
)
@if_time_allows(fewest_seconds, FEWEST)
def norm_at_every_step(settings: NextTokenSettings, run: Run) -> Finding:
    """[D] The norm grows linearly: in both stages eta t - |W*| D <= |W_t| <= eta t at every step t >= s, with D known
    before training but for s; and |W_t| >= eta t / (sqrt 2 |W*|) where odds of wrong choices only fall.

    The norm at every step beside its bounds.
    """
    return judge(NORM, watch_layers(settings, run))


@claim(
    "NT13",
    "loss at every step",
    requires=("NT5", "NT7m", "NT7i", "NT1r"),
    assumptions=(ALIGNED, SHORT),
    origin=Origin.STRENGTHENED,
    steps=(STEP, LOSS),
    shares=EVERY_STEP,
)
@if_time_allows(fewest_seconds, FEWEST)
def loss_at_every_step(settings: NextTokenSettings, run: Run) -> Finding:
    """[F] The loss converges linearly. [D] In both stages L - L* <= C e^(-c (t - s)) at every step t >= s, with
    c = eta/|W*|, the exact rate, and C known before training.

    log(L - L*) at every step beside its bound.
    """
    return judge(GAP, watch_layers(settings, run))


@claim(
    "NT14",
    "direction at every step",
    requires=("NT5", "NT7m", "NT1r"),
    assumptions=(ALIGNED, SHORT),
    origin=Origin.STRENGTHENED,
    steps=(STEP, LOSS, DIRECTION),
    shares=EVERY_STEP,
)
@if_time_allows(fewest_seconds, FEWEST)
def direction_at_every_step(settings: NextTokenSettings, run: Run) -> Finding:
    """[F] Both layers converge in direction, sub-linearly. [D] | W_t/|W_t| - W*/|W*| | <= C (1 + log t)/t at every
    step t >= s, with C known before training but for s.

    The direction error at every step beside its bound.
    """
    return judge(ERROR, watch_layers(settings, run))


def refute(quantity: Quantity, watched: Watched, factors: Callable[[np.ndarray], np.ndarray]) -> Finding:
    """REFUTED at the first step at which the number is above its bound over the factor there."""
    assert watched.bounds is not None
    ratios = factors(watched.times) * quantity.ratio(watched)
    above = ratios > 1 + quantity.rounding(watched)
    first = int(above.argmax())
    t = watched.first + first
    return decide(
        False,  # an example can refute, and nothing else
        evidence=Evidence.NUMERIC,
        scope=f"{watched.name}, eta={watched.eta:.3g}, beta={watched.beta:g}, s={watched.bounds.start}, t={t}",
        instances=1,
        found=f"{quantity.name} is {ratios[first]:.3f} times the bound",
        predicted="above 1",
        counterexample=Counterexample(
            {"layer": watched.name, "eta": watched.eta, "t": t, "ratio": float(ratios[first])},
            partial(outside, watched, t, quantity, float(factors(watched.times)[first])),
        )
        if above.any()
        else None,
        undecided=f"the bound held at each of {len(ratios)} steps",
    )


def example(name: str, eta: float) -> Watched:
    """Attention on one of the named datasets."""
    (watched,) = watch((NAMED[name],), True, BETA, eta, CONTROL_STEPS)
    return watched


@claim("NT12c", "half of the norm (control)", requires=("NT12",), assumptions=(ALIGNED,), origin=Origin.CONTROL)
def half_of_the_norm(settings: NextTokenSettings, run: Run) -> Finding:
    """|W_t| <= eta t/2 at every step: NT12 with half of the constant.

    DS-A, whose first step is as long as every other.
    """
    return refute(NORM, example("DS-A", SHORT_STEP), lambda t: 2 + 0 * t)


@claim("NT13c", "half of C (control)", requires=("NT13",), assumptions=(ALIGNED,), origin=Origin.CONTROL)
def half_of_the_loss(settings: NextTokenSettings, run: Run) -> Finding:
    """L - L* <= (C/2) e^(-c (t - s)) at every step t >= s, with the C, c and s of NT13.

    DS-D with short steps, where C is less than twice what is needed.
    """
    return refute(GAP, example("DS-D", SHORT_STEP), lambda t: 2 + 0 * t)


@claim("NT14c", "C (1 + log t)/t^2 (control)", requires=("NT14",), assumptions=(ALIGNED,), origin=Origin.CONTROL)
def squared_time(settings: NextTokenSettings, run: Run) -> Finding:
    """| W_t/|W_t| - W*/|W*| | <= C (1 + log t)/t^2 at every step t >= s, with the C and s of NT14.

    DS-D, whose direction error is of the order (log t)/t.
    """
    return refute(ERROR, example("DS-D", LONGEST), lambda t: t)
