"""Runs of particle networks: verified with every activation and law of x, and not where a prediction is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from numerics.mean_field import birth_death, escape, prompts
from tests.verify.mean_field_conditions import check
from verify.claim import Evidence, Verdict
from verify.papers.mean_field import particle_runs

RUNS = ("MF16n", "MF18n", "MF19n", "MF20n")


@pytest.mark.parametrize(
    ("activation", "inputs"),
    [("tanh", "gaussian"), ("sigmoid", "uniform"), ("relu", "sphere"), ("softsign", "uniform")],
)
def test_predictions_hold_with_the_users_networks(activation: str, inputs: str) -> None:
    for id in RUNS:
        finding = check(id, k=2, m=4, activation=activation, inputs=inputs, seed=3)
        assert finding.verdict is Verdict.VERIFIED, (id, finding.reason)
        assert f"{activation}, x {inputs}" in finding.scope
    for id in ("MF18h", "MF6f"):
        finding = check(id, k=2, m=4, activation=activation, inputs=inputs, seed=3)
        assert finding.verdict is Verdict.REFUTED and activation in finding.scope


def patched(owner: Any, name: str, change: Callable[..., Any]) -> Callable[[pytest.MonkeyPatch], None]:
    right = getattr(owner, name)
    return lambda patch: patch.setattr(owner, name, lambda *args: change(right(*args)))


WRONG: dict[str, tuple[str, Callable[[pytest.MonkeyPatch], None]]] = {
    "a loss without its terms in 1/n": (
        "MF16n", lambda patch: patch.setattr(
            prompts.Setting, "moment", property(lambda s, right=prompts.Setting.moment.fget: right(  # type: ignore[attr-defined]  # a property
                prompts.Setting(s.prompt, s.query, s.V, 10**9, s.noise_variance))))),
    "times 3% longer": ("MF18n", patched(escape.Saddle, "predicted", lambda time: time * 1.03)),
    "pushes 15% harder": ("MF18n", patched(escape, "mean_square_push", lambda square: square * 1.15)),
    "a late escape 6% later": ("MF19n", patched(escape, "slow_escape", lambda time: time * 1.06)),
    "births that are not symmetric": ("MF20n", lambda patch: patch.setattr(
        birth_death.Measure, "mirrored", lambda mu: mu)),
    "a bound 10^5 times larger": ("MF20n", patched(birth_death, "steepest", lambda slope: slope * 10**2.5)),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_prediction_is_not_verified(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    id, patch = WRONG[name]
    patch(monkeypatch)
    finding = check(id, k=2, m=4)
    assert finding.verdict is Verdict.UNDECIDED and "refute nothing" in finding.reason


def test_the_control_is_verified_where_it_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a rate that is half of what the network has."""
    right = particle_runs._saddle

    class Slow(escape.Saddle):
        @property
        def rate(self) -> float:
            return 2 * super().rate

    monkeypatch.setattr(
        particle_runs, "_saddle", lambda *args: Slow(*(getattr(right(*args), x) for x in ("particles", "task")))
    )
    finding = check("MF18h", k=1, m=3)
    assert finding.verdict is Verdict.VERIFIED and finding.evidence is Evidence.NUMERIC


def test_runs_are_reproducible() -> None:
    for id in RUNS:
        assert check(id, k=1, m=3, seed=1) == check(id, k=1, m=3, seed=1)
