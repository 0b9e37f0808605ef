"""SN15: what training passes through, on a recorded trajectory (`trajectory=FILE`, or the packaged one)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from numerics.sub_ngrams.plateaus import RULE
from numerics.sub_ngrams.stage_rule import ERRORS, HALF, MOST, QUARTER, STAGE_RULE
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

HOLDS, FAILS, UNDECIDED, NOT_TESTED = "holds", "fails", "undecided", "not tested"


def draw_plateaus(axes: Axes, details: Mapping[str, Any]) -> str:
    for level in details["levels"]:  # their names inside, those of the corrected ones, which are near, beside the axes
        axes.axhline(level["loss"], color=MUTED, linewidth=0.8, linestyle="--")
        _name(axes, level, -3, va="bottom", ha="right")
    for level in details["corrected levels"]:
        axes.axhline(level["loss"], color=MUTED, linewidth=0.8, linestyle=":")
        _name(axes, level, 3, va="center")
    shots = details["snapshots"]
    axes.plot([shot["step"] for shot in shots], [shot["loss"] for shot in shots], ".-", color=MUTED, linewidth=1)
    for plateau in details["plateaus"]:
        axes.plot([plateau["first"], plateau["last"]], [plateau["loss"]] * 2, color=FIRST, linewidth=3)
    for jump in details["jumps"]:
        axes.axvspan(jump["first"], jump["last"], color=SECOND, alpha=0.18, linewidth=0)
    axes.set(xlabel="training step", ylabel="loss in nats")
    return (
        "Loss at the snapshots of the recorded run (points), its median on each plateau (bars), the losses of the "
        "k-grams (dashed) and of those with a frequency term (+, dotted); shaded steps are the jumps."
    )


def _name(axes: Axes, level: Mapping[str, Any], points: float, **where: Any) -> None:
    """The name of a level at the right end of the axes, shifted by so many points."""
    axes.annotate(
        level["name"], (1.0, level["loss"]), xycoords=("axes fraction", "data"), xytext=(points, 0),
        textcoords="offset points", fontsize=8, annotation_clip=False, **where,
    )  # fmt: skip


@claim(
    "SN15",
    "a run passes the corrected k-grams",
    assumptions=("one recorded run: trajectory=FILE, by default the packaged one",),
    plot=Plot(("levels", "corrected levels", "plateaus", "jumps", "snapshots"), draw_plateaus),
)
def plateaus_at_k_grams(settings: SubNGramSettings, run: Run) -> Finding:
    """The recorded run passes through plateaus at the levels of theta_k^+, the k-grams with a frequency term, k
    increasing; there its predictions are nearest theta_k^+, and the population gradient at the averaged parameters is
    smaller than at the start and in the next jump.

    On one trajectory, by a rule fixed beforehand. REFUTED if it fails, and fails again on fresh sequences. Levels are
    losses of theta_k^+ at the scales and beta that make them least. error and relative: median loss of a plateau minus
    its level, in nats and in gaps between levels. variations: mean total variation distances of the predictions from
    those of theta_1^+ .. theta_n^+. drift: loss at the end of a plateau minus loss at its start. Averaged parameters:
    the mean over the snapshots of a plateau. distances: of the parameters from theta_k, up to symmetries; relative, to
    their norm. peak: the gradient in A over a jump, relative to the plateaus beside it.
    """
    from numerics.sub_ngrams.stages import analyse
    from verify.papers.sub_ngrams.training.report import level_entry, plateau_entry, snapshot_entry

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
        found=", ".join(failed + [f"{name} undecided" for name in open_]) or numbers_of(stages),
        predicted=f"within {QUARTER:g} of the gap; more than {MOST:.0%}; rising; by more than {ERRORS:g}",
        counterexample=Counterexample({"failed": failed}, partial(fails_again, analysed, settings.seed + 1, failed))
        if failed
        else None,
        details={
            "rule": f"{RULE} {STAGE_RULE}",
            "conditions": tests,
            "how it was trained": recorded.training or "the file does not say",
            "levels": [vars(level) for level in stages.levels],
            "corrected levels": [level_entry(level) for level in stages.corrected],
            "plateaus": [
                plateau_entry(plateau, stages) | root_mean_squares(plateau, stages) for plateau in stages.plateaus
            ],
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


def numbers_of(stages: Stages) -> str:
    """The numbers that decide the four parts of the claim, in their order."""
    from numerics.sub_ngrams.gradient_norm import TOTAL

    named = [plateau for plateau in stages.plateaus if plateau.level]
    parts = [
        "loss minus level: "
        + ", ".join(f"{p.error:+.4f} nats, {p.relative:+.2f} of the gap, at {p.name}" for p in stages.plateaus)
    ]
    parts += [f"nearest on {min(_share_nearest(p, stages) for p in named):.0%} of the snapshots"] if named else []
    parts += [f"k = {', '.join(str(p.level.k) for p in named if p.level)}"]
    pairs = [(_of(other), _of(p.averaged[TOTAL])) for p in named[:-1] for other in _to_beat(p, stages)]
    errors = [math.hypot(first[1], second[1]) for first, second in pairs]
    gaps = [(a[0] - b[0]) / error if error else math.inf for (a, b), error in zip(pairs, errors, strict=True)]
    return "; ".join([*parts, *([f"|gradient|^2 smaller by {min(gaps):.1f} standard errors"] if gaps else [])])


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
    """The parts of the claim by STAGE_RULE, each HOLDS, FAILS, UNDECIDED (by the errors), or NOT_TESTED (nothing to
    test it on).

    on a level         (a): of theta_k^+, within a quarter of the local gap
    nearest predictor  (b): theta_k^+ in total variation, on most snapshots at most half as far as any other
    in stages          (c): the k of successive plateaus go up
    small gradient     (d), (e): at averaged parameters, against the first snapshot and the inside of the next jump
    """
    named = [plateau for plateau in stages.plateaus if plateau.level]
    small = [part for plateau in named if plateau is not stages.plateaus[-1] for part in _small(plateau, stages)]
    return {
        "on a level": _together([plateau.on_level for plateau in named]),
        "nearest predictor": _together([_share_nearest(plateau, stages) > MOST for plateau in named]),
        "in stages": _together([a.level.k < b.level.k for a, b in pairwise(named) if a.level and b.level]),
        "small gradient": _together(small),
    }


def _small(plateau: Plateau, stages: Stages) -> list[bool | None]:
    """Whether the gradient at averaged parameters is smaller than at the first snapshot, where that lies before the
    plateau, and than the largest inside the next jump, where there are snapshots.
    """
    from numerics.sub_ngrams.gradient_norm import TOTAL

    return [_larger(_of(other), _of(plateau.averaged[TOTAL])) for other in _to_beat(plateau, stages)]


def _to_beat(plateau: Plateau, stages: Stages) -> list[GradientNorm]:
    """The gradients that the one at averaged parameters has to be smaller than."""
    from numerics.sub_ngrams.gradient_norm import TOTAL

    start, jump = stages.snapshots[0], stages.next_jump(plateau)
    inside = [shot.gradients[TOTAL] for shot in stages.inside(jump)] if jump else []
    others = [start.gradients[TOTAL]] if start.step < plateau.first else []
    return [*others, *([max(inside, key=lambda gradient: gradient.squared)] if inside else [])]


def _share_nearest(plateau: Plateau, stages: Stages) -> float:
    """The share of the plateau's snapshots that are at most HALF as far from its predictor as from any other."""
    assert plateau.level is not None
    index, shots = plateau.level.k - 1, stages.on(plateau)
    near = [
        all(shot.variations[index] <= HALF * other for i, other in enumerate(shot.variations) if i != index)
        for shot in shots
    ]
    return sum(near) / len(near)


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
    from numerics.sub_ngrams.gradient_norm import TOTAL
    from numerics.sub_ngrams.symmetries import nearest

    kind = "plateau" if plateau.on_level else "stretch on no level"
    start = f"{kind} at steps {plateau.first}-{plateau.last}: loss {plateau.loss:.4f}"
    if plateau.level is None:
        return f"{start}, no snapshot"
    shots, level = stages.on(plateau), plateau.level
    near = nearest(shots[len(shots) // 2].distances)
    plain = next(one for one in stages.levels if one.k == level.k)
    parts = [
        f"{start}, {plateau.error:+.4f} ({plateau.relative:+.2f} of a gap) from that of {level.name}, {level.loss:.4f}",
        f"that of {plain.name} is {plain.loss:.4f}",
        f"total variation to theta_1^+, theta_2^+, .. {', '.join(f'{x:.3f}' for x in plateau.variations)}",
        f"the loss changes by {plateau.drift:+.4f} on it",
        f"{_gradients(plateau, stages)}, at averaged parameters {plateau.averaged[TOTAL].norm:.4f}",
        f"theta_{near.k} at relative distance {near.relative:.2f}",
    ]
    return "; ".join(parts)


def _jump_line(jump: Jump, stages: Stages) -> str:
    return (
        f"jump at steps {jump.first}-{jump.last}: the loss falls by {jump.fall:.4f}; {_gradients(jump, stages)}, "
        f"{peak_ratio(jump, stages):.1f} times that of the plateaus beside"
    )


def _gradients(stretch: Plateau | Jump, stages: Stages) -> str:
    from numerics.sub_ngrams.gradient_norm import TOTAL

    total, in_A = (_norm(stretch, stages, name) for name in (TOTAL, "A"))
    return f"|gradient|, root mean square over snapshots, {total:.3f}, in A {in_A:.4f}"


# --- numbers on stretches ---


def root_mean_squares(plateau: Plateau, stages: Stages) -> dict[str, float]:
    from numerics.sub_ngrams.gradient_norm import TOTAL

    means = {"": TOTAL, " in A": "A"}
    return {f"root mean square of |gradient{where}|": _norm(plateau, stages, name) for where, name in means.items()}


def _norm(stretch: Plateau | Jump, stages: Stages, name: str) -> float:
    """Root mean square of the gradient's norm; NaN where there is no snapshot."""
    return math.sqrt(max(_mean_square(stretch, stages, name)[0], 0.0)) if stages.on(stretch) else math.nan
