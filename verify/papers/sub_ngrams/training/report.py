"""A trajectory and its stages as JSON and as text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Any

from numerics.sub_ngrams.frequency import CorrectedLevel
from numerics.sub_ngrams.gradient_norm import TOTAL
from numerics.sub_ngrams.levels import Level
from numerics.sub_ngrams.plateaus import RULE
from numerics.sub_ngrams.stage_rule import STAGE_RULE
from numerics.sub_ngrams.stages import Jump, Plateau, Snapshot, Stages
from numerics.sub_ngrams.symmetries import Distance, attention_maps, nearest
from numerics.sub_ngrams.trajectory import Trajectory

SCHEMA = "landscape-verifier/training/2"
HALF_A_GAP = 1 / 2  # between k-gram levels: a loss that moves by no more never went from one to the next


def training_entry(settings: Mapping[str, Any], trajectory: Trajectory, stages: Stages) -> dict[str, Any]:
    """The JSON object. Attention maps are given at the middle of every plateau and at the end."""
    last = max(trajectory.networks)
    return {
        "schema": SCHEMA,
        "settings": dict(settings),
        "rule": f"{RULE} {STAGE_RULE}",
        "levels": [vars(level) for level in stages.levels],
        "corrected_levels": [level_entry(level) for level in stages.corrected],
        "losses": {"steps": trajectory.steps, "test_loss": trajectory.losses},
        "plateaus": [plateau_entry(plateau, stages) for plateau in stages.plateaus],
        "jumps": [vars(jump) | {"gradient": gradient_range(stages.on(jump))} for jump in stages.jumps],
        "snapshots": [snapshot_entry(shot) for shot in stages.snapshots],
        "attention": {
            str(step): attention_maps(trajectory.networks[step]).tolist() for step in [*plateau_steps(stages), last]
        },
        "final": {"step": last, "loss": stages.snapshots[-1].loss},
        "warnings": warnings(trajectory, stages),
    }


def warnings(trajectory: Trajectory, stages: Stages) -> list[str]:
    """What is the matter with a run that diverged, or never moved."""
    losses = trajectory.losses
    overflown = next((x for x in zip(trajectory.steps, losses, strict=True) if not math.isfinite(x[1])), None)
    if overflown:
        return [f"the test loss is {overflown[1]} at step {overflown[0]}: the run diverged"]
    found, S, levels = [], trajectory.shape[0], [level for level in stages.levels if level.k]
    worst = max(losses[0], math.log(S), *(level.loss + level.standard_error for level in levels))
    if losses[-1] > worst:  # above log S are, at finite length, levels too: a token that is absent costs -log(epsilon)
        found.append(
            f"the test loss ends at {losses[-1]:.4f}, above its start, every level, and the uniform guess's log {S} = "
            f"{math.log(S):.4f}: the run diverged"
        )
    moved, gap = max(losses) - min(losses), min(abs(a.loss - b.loss) for a, b in pairwise(levels))
    if moved <= HALF_A_GAP * gap:
        found.append(
            f"the test loss never moved from level to level: by {moved:.2g} in all, levels are {gap:.2g} apart"
        )
    return found


def level_entry(level: CorrectedLevel) -> dict[str, Any]:
    return {
        "name": level.name,
        "k": level.k,
        "loss": level.loss,
        "standard_error": level.standard_error,
        "scales": level.best.scales,
        "beta": level.best.beta,
    }


def plateau_entry(plateau: Plateau, stages: Stages) -> dict[str, Any]:
    """`level` is None where the plateau is not near the level of its predictor, or has no snapshot to tell."""
    shots, level = stages.on(plateau), plateau.level
    return {
        "first": plateau.first,
        "last": plateau.last,
        "loss": plateau.loss,
        "drift": plateau.drift,
        "level": plateau.name if plateau.on_level else None,
        "predictor": level.name if level else None,
        "level_loss": level.loss if level else None,
        "error": plateau.error if level else None,
        "relative": plateau.relative if level else None,
        "variations": list(plateau.variations),
        "gradient": gradient_range(shots),
        "gradient_at_averaged_parameters": {name: vars(gradient) for name, gradient in plateau.averaged.items()},
        "nearest": [nearest(shot.distances).k for shot in shots],
    }


def snapshot_entry(shot: Snapshot) -> dict[str, Any]:
    return {
        "step": shot.step,
        "loss": shot.loss,
        "gradients": {name: vars(gradient) for name, gradient in shot.gradients.items()},
        "distances": [vars(distance) for distance in shot.distances],
        "variations": list(shot.variations),
    }


def gradient_range(shots: Sequence[Snapshot]) -> dict[str, dict[str, float]]:
    """Median and largest norm of the population gradient, by parameter and in total."""
    if not shots:
        return {}
    norms = {name: [shot.gradients[name].norm for shot in shots] for name in shots[0].gradients}
    return {name: {"median": median(values), "largest": max(values)} for name, values in norms.items()}


def plateau_steps(stages: Stages) -> list[int]:
    """A snapshot in the middle of every plateau that has one."""
    middles = []
    for plateau in stages.plateaus:
        shots = stages.on(plateau)
        if shots:
            middles.append(shots[len(shots) // 2].step)
    return middles


def training_text(headline: str, trajectory: Trajectory, stages: Stages) -> str:
    """Levels of both ladders, then plateaus and jumps in the order in which they come."""
    lines = [headline, "", "level      loss                 best c", *map(_plain_level, stages.levels)]
    lines += ["", "level      loss                 best beta   best c for every lag", *map(_level, stages.corrected)]
    lines += [
        "",
        "steps            what      loss     named     error    drift    |gradient| median (largest), averaged   "
        "variation to k = 1, 2, ...",
    ]
    stretches: list[Plateau | Jump] = [*stages.plateaus, *stages.jumps]
    lines += [_line(stretch, stages) for stretch in sorted(stretches, key=lambda stretch: stretch.first)]
    end = stages.snapshots[-1]
    lines += ["", f"at step {end.step}: test loss {end.loss:.4f}, {_near(end.distances)}"]
    lines += [f"warning: {text}" for text in warnings(trajectory, stages)]
    return "\n".join(lines) + "\n"


def _plain_level(level: Level) -> str:
    c = "" if level.c is None else f"{level.c:.3g}"
    return f"{level.name:<10} {level.loss:.4f} +- {level.standard_error:.4f}     {c}"


def _level(level: CorrectedLevel) -> str:
    best = f"{level.best.beta:<11.3g} {', '.join(f'{c:.3g}' for c in level.best.scales)}"
    return f"{level.name:<10} {level.loss:.4f} +- {level.standard_error:.4f}     {best}".rstrip()


def _line(stretch: Plateau | Jump, stages: Stages) -> str:
    total = gradient_range(stages.on(stretch)).get(TOTAL, {})
    gradient = f"{total['median']:.3f} ({total['largest']:.3f})" if total else ""
    steps = f"{stretch.first}-{stretch.last}"
    if isinstance(stretch, Jump):
        return f"{steps:<16} jump      {'':<26} {-stretch.fall:+.4f}   {gradient}".rstrip()
    start = f"{steps:<16} {'plateau ' if stretch.on_level else 'no level'}  {stretch.loss:.4f}   {stretch.name:<9}"
    if stretch.level is None:
        return start.rstrip()
    gradient += f", {stretch.averaged[TOTAL].norm:.4f}"
    variations = ", ".join(f"{x:.3f}" for x in stretch.variations)
    return f"{start} {stretch.error:+.4f}   {stretch.drift:+.4f}   {gradient:<39} {variations}".rstrip()


def _near(found: Sequence[Distance]) -> str:
    near = nearest(found)
    return f"theta_{near.k} at c={near.c:.2f}, relative distance {near.relative:.2f}"
