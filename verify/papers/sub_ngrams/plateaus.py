"""SN15: what training passes through, on a recorded trajectory (`trajectory=FILE`, or the packaged one)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from numerics.sub_ngrams.plateaus import RULE
from verify.claim import Counterexample, Evidence, Finding, Plot, Run, claims_on, decide, too_dear, undecided
from verify.papers.sub_ngrams.recorded import PACKAGED, read_recorded, thinned
from verify.papers.sub_ngrams.settings import SubNGramSettings
from verify.report.colours import FIRST, MUTED, SECOND

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from numerics.sub_ngrams.gradient_norm import GradientNorm
    from numerics.sub_ngrams.stages import Jump, Plateau, Stages

claim = claims_on("mathematics/sub-n-grams/training")

TEST_SAMPLES, GRADIENT_SAMPLES = 4096, 2048
FEWEST_SNAPSHOTS = 3

ERRORS = 3.0  # standard errors by which a gradient has to be larger than another to be called larger

HOLDS, FAILS, UNDECIDED, NOT_TESTED = "holds", "fails", "undecided", "not tested"


def draw_plateaus(axes: Axes, details: Mapping[str, Any]) -> str:
    for level in details["levels"]:
        axes.axhline(level["loss"], color=MUTED, linewidth=0.8, linestyle="--")
        axes.annotate(
            level["name"], (1.0, level["loss"]), xycoords=("axes fraction", "data"), xytext=(3, 0),
            textcoords="offset points", va="center", fontsize=8, annotation_clip=False,
        )  # fmt: skip
    for plateau in details["plateaus"]:
        axes.plot([plateau["first"], plateau["last"]], [plateau["loss"]] * 2, color=FIRST, linewidth=3)
    for jump in details["jumps"]:
        axes.axvspan(jump["first"], jump["last"], color=SECOND, alpha=0.18, linewidth=0)
    axes.set(xlabel="training step", ylabel="loss in nats")
    return (
        "Mean loss on each plateau of the recorded run (bars) and the k-gram losses (dashed); "
        "shaded steps are the jumps."
    )


@claim(
    "SN15",
    "a run passes the k-grams",
    assumptions=("one recorded run: trajectory=FILE, by default the packaged one",),
    plot=Plot(("levels", "plateaus", "jumps"), draw_plateaus),
)
def plateaus_at_k_grams(settings: SubNGramSettings, run: Run) -> Finding:
    """The recorded run passes through plateaus at k-gram losses, k increasing; there the parameters are nearest the
    k-gram configuration and the population gradient is smaller than at the start; between plateaus the gradient in the
    attention logits is larger than on either.

    On one trajectory. REFUTED if it fails, and fails again on fresh sequences.
    """
    from numerics.sub_ngrams.stages import analyse
    from verify.papers.sub_ngrams.training.report import plateau_entry, snapshot_entry

    recorded = settings.recorded or read_recorded(PACKAGED)
    law, T = recorded.law(settings), recorded.trajectory.shape[2]
    seconds = snapshot_seconds(recorded.trajectory.shape)
    most = int(run.seconds / seconds)
    if most < FEWEST_SNAPSHOTS:
        return too_dear(FEWEST_SNAPSHOTS * seconds, run, what=f"{FEWEST_SNAPSHOTS} snapshots", scope=recorded.path.name)
    trajectory = thinned(recorded.trajectory, most)

    def analysed(seed: int) -> Stages:
        return analyse(
            trajectory,
            law,
            epsilon=recorded.epsilon,
            test_samples=TEST_SAMPLES,
            gradient_samples=GRADIENT_SAMPLES,
            seed=seed,
            progress=run.progress,
        )

    stages = analysed(settings.seed)
    overflown = next((shot.step for shot in stages.snapshots if not shot.finite), None)
    if overflown is not None:
        return undecided(f"the network's numbers overflow at step {overflown}", scope=recorded.path.name)
    tests = conditions(stages)
    failed = [name for name, status in tests.items() if status == FAILS]
    open_ = [name for name, status in tests.items() if status == UNDECIDED]
    untested = [name for name, status in tests.items() if status == NOT_TESTED]
    return decide(
        not failed and not open_ and len(stages.plateaus) > 1,
        evidence=Evidence.STATISTICAL,
        scope=f"{recorded.path.name}: S={law.S}, n={law.n}, T={T}, alpha={law.alpha}, initial {law.initial}; "
        f"{len(stages.snapshots)} snapshots{'; not tested: ' + ', '.join(untested) if untested else ''}",
        instances=len(stages.plateaus),
        found=", ".join(failed + [f"{name} undecided" for name in open_])
        or ", ".join(f"{p.level.name} {p.error:+.3f}" for p in stages.plateaus),
        predicted="within half a gap",
        counterexample=Counterexample({"failed": failed}, partial(fails_again, analysed, settings.seed + 1, failed))
        if failed
        else None,
        details={
            "rule": RULE,
            "conditions": tests,
            "levels": [vars(level) for level in stages.levels],
            "plateaus": [plateau_entry(plateau, stages) for plateau in stages.plateaus],
            "jumps": [vars(jump) | {"peak": peak_ratio(jump, stages)} for jump in stages.jumps],
            "snapshots": [snapshot_entry(shot) for shot in stages.snapshots],
        },
        footnote=footnote(stages),
        undecided=f"lost in the errors: {', '.join(open_)}"
        if open_
        else "a single plateau: nothing to pass through"
        if stages.plateaus
        else "no plateau",
    )


def fails_again(analysed: Callable[[int], Stages], seed: int, names: Sequence[str]) -> bool:
    """Whether one of these parts of the claim fails on the sequences drawn with another seed too."""
    again = conditions(analysed(seed))
    return any(again[name] == FAILS for name in names)


def snapshot_seconds(shape: tuple[int, int, int]) -> float:
    """What a snapshot takes: every token is read once for the loss, and about thrice for the gradient, by n-1 heads of
    T positions; measured at T = 32 and 256.
    """
    S, n, T = shape
    read = (TEST_SAMPLES + 3 * GRADIENT_SAMPLES) * T
    return read * (3e-8 * n * S + 3e-10 * (n - 1) * T * S)


def conditions(stages: Stages) -> dict[str, str]:
    """The parts of the claim, each HOLDS, FAILS, UNDECIDED (by the errors), or NOT_TESTED (nothing to test it on).

    on a level        every plateau is nearer to its k-gram level than half the gap to the next one
    in stages         the levels of successive plateaus go up in k
    near theta_k      of the snapshots on a plateau, more than half are nearer to its theta_k than to others (k >= 2)
    small gradient    the population gradient on every plateau is smaller than at the largest before the first plateau
    peak at jumps     between two plateaus, the gradient in the attention logits A is larger than on either
    """
    from numerics.sub_ngrams.gradient_norm import TOTAL

    plateaus = stages.plateaus
    seen = [plateau for plateau in plateaus if stages.on(plateau)]
    before = [shot.gradients[TOTAL] for shot in stages.snapshots if seen and shot.step < seen[0].first]
    start = max(before, key=lambda gradient: gradient.squared, default=None)
    near = [_share_near(plateau, stages) > 1 / 2 for plateau in seen if (plateau.level.k or 0) >= 2]
    small = [] if start is None else [_larger(_of(start), _mean_square(plateau, stages, TOTAL)) for plateau in seen]
    peaks = [
        _larger(_mean_square(jump, stages, "A"), _mean_square(side, stages, "A"))
        for jump in _jumps_between(stages)
        for side in _sides(jump, stages)
    ]
    return {
        "on a level": _together([plateau.on_level for plateau in plateaus]),
        "in stages": _together([(a.level.k or 0) < (b.level.k or 0) for a, b in pairwise(plateaus)]),
        "near theta_k": _together(near),
        "small gradient": _together(small),
        "peak at jumps": _together(peaks),
    }


def _together(parts: Sequence[bool | None]) -> str:
    """All have to hold; None is a part that the errors leave open."""
    if not parts:
        return NOT_TESTED
    if any(part is False for part in parts):
        return FAILS
    return HOLDS if all(part is True for part in parts) else UNDECIDED


def _larger(first: tuple[float, float], second: tuple[float, float]) -> bool | None:
    """Whether the first estimate is larger than the second, each with its standard error; None if that is open."""
    gap, error = first[0] - second[0], math.hypot(first[1], second[1])
    return True if gap > ERRORS * error else False if gap < -ERRORS * error else None


def _of(gradient: GradientNorm) -> tuple[float, float]:
    return gradient.squared, gradient.standard_error


def _mean_square(stretch: Plateau | Jump, stages: Stages, name: str) -> tuple[float, float]:
    """Mean of |g|^2 over the snapshots of a stretch (at least one), and its standard error."""
    found = [_of(shot.gradients[name]) for shot in stages.on(stretch)]
    return sum(x for x, _ in found) / len(found), math.hypot(*(error for _, error in found)) / len(found)


def peak_ratio(jump: Jump, stages: Stages) -> float:
    """The root mean square of the gradient in A over a jump, over the larger of those on the adjacent plateaus."""
    beside = max((_norm(side, stages, "A") for side in _sides(jump, stages)), default=math.nan)
    return _norm(jump, stages, "A") / beside if beside > 0 else math.nan


def _sides(jump: Jump, stages: Stages) -> list[Plateau]:
    """The plateaus next to a jump, those with snapshots."""
    return [p for p in stages.plateaus if (jump.first == p.last or jump.last == p.first) and stages.on(p)]


def footnote(stages: Stages) -> str:
    """One line for each plateau and jump: what is not predicted, the drift below the level, is said and not hidden."""
    return "\n".join(
        [_plateau_line(plateau, stages) for plateau in stages.plateaus]
        + [_jump_line(jump, stages) for jump in stages.jumps]
    )


def _plateau_line(plateau: Plateau, stages: Stages) -> str:
    from numerics.sub_ngrams.symmetries import nearest

    shots, level = stages.on(plateau), plateau.level
    near = nearest(shots[len(shots) // 2].distances) if shots else None
    parts = [
        f"{'plateau ' if plateau.on_level else 'no level'}  {plateau.first}-{plateau.last}",
        f"loss {plateau.loss:.4f}",
        f"{level.name} {level.loss:.4f} {plateau.error:+.4f} ({plateau.relative:+.2f} of a gap)",
        f"drift {plateau.drift:+.4f}",
        _gradients(plateau, stages),
        "no snapshot" if near is None else f"theta_{near.k} at relative distance {near.relative:.2f}",
    ]
    return "   ".join(parts)


def _jump_line(jump: Jump, stages: Stages) -> str:
    parts = [
        f"jump      {jump.first}-{jump.last}",
        f"fall {jump.fall:.4f}",
        _gradients(jump, stages),
        f"{peak_ratio(jump, stages):.1f} times the plateaus' in A",
    ]
    return "   ".join(parts)


def _gradients(stretch: Plateau | Jump, stages: Stages) -> str:
    from numerics.sub_ngrams.gradient_norm import TOTAL

    total, in_A = (_norm(stretch, stages, name) for name in (TOTAL, "A"))
    return f"|gradient| {total:.3f}, in A {in_A:.4f}"


# --- numbers on stretches ---


def _jumps_between(stages: Stages) -> list[Jump]:
    """Jumps from one plateau to the next, with snapshots on all three."""
    ends = {plateau.last: plateau for plateau in stages.plateaus if stages.on(plateau)}
    starts = {plateau.first for plateau in ends.values()}
    return [jump for jump in stages.jumps if jump.first in ends and jump.last in starts and stages.on(jump)]


def _norm(stretch: Plateau | Jump, stages: Stages, name: str) -> float:
    """Root mean square of the gradient's norm; NaN where there is no snapshot."""
    return math.sqrt(max(_mean_square(stretch, stages, name)[0], 0.0)) if stages.on(stretch) else math.nan


def _share_near(plateau: Plateau, stages: Stages) -> float:
    """The share of the plateau's snapshots that are nearest to theta_k, k being its level's."""
    from numerics.sub_ngrams.symmetries import nearest

    shots = stages.on(plateau)
    return sum(nearest(shot.distances).k == plateau.level.k for shot in shots) / len(shots)
