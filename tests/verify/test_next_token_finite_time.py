"""Bounds at every step, and the order at every step: what they say, and what turns them red."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numerics.next_token import every_step
from numerics.next_token.stage import aligned_output, attention_stage, flat_solution
from numerics.next_token.training import train_attention
from proofs.next_token import finite_time as constants
from proofs.next_token.examples import NAMED, REPEATED, random_dataset
from proofs.next_token.finite_time import Bounds
from proofs.next_token.layers import feed_forward_layer
from verify.claim import Evidence, Finding, Run, Verdict
from verify.papers.next_token import PAPER, finite_time, order, order_in_time, watched
from verify.papers.next_token.settings import NextTokenSettings
from verify.settings import validate

DS_C, DS_D = NAMED["DS-C"], NAMED["DS-D"]
CLAIMS = {"NT12": watched.NORM, "NT13": watched.GAP, "NT14": watched.ERROR}


def check(id: str, **words: str) -> Finding:
    (claim,) = (claim for claim in PAPER.claims if claim.id == id)
    return claim(validate(NextTokenSettings, {"T": "300", **words}), Run())


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """Runs of mutated code are not kept."""
    watched.watch.cache_clear()
    yield
    watched.watch.cache_clear()


@pytest.mark.parametrize("id", CLAIMS)
def test_both_layers_of_all_datasets(id: str) -> None:
    finding = check(id)
    assert finding.verdict is Verdict.VERIFIED and finding.evidence is Evidence.NUMERIC
    assert finding.scope == "8 layers, each t=1..300, eta=0.0349..0.209; 2 of them from s=37..77 on"
    assert finding.details["DS-C, W_kq"]["start"] == 77
    (largest, *lower) = (x for name, x in finding.details["DS-C, W_kq"].items() if name.startswith("largest_ratio: "))
    assert 0 <= largest <= 1 and all(0 < x < 1 for x in lower) and bool(lower) is (id == "NT12")


def test_steps_are_those_of_the_user_where_they_are_short() -> None:
    assert "eta=0.01..0.01;" in check("NT13", eta="0.01", T="1000").scope + ";"
    assert {entry["eta"] for entry in check("NT13", dataset="DS-B", eta="0.02").details.values()} == {0.02}


def test_bounds_that_have_not_begun_are_counted() -> None:
    finding = check("NT13", T="100", eta="0.01")
    assert finding.verdict is Verdict.VERIFIED and finding.scope.endswith("; 2 left out: bounds begin later")
    assert finding.instances == 6
    (late,) = watched.watch((DS_D,), True, 3.0, 0.01, 100)
    waiting = finite_time.judge(watched.GAP, [late])
    assert waiting.verdict is Verdict.UNDECIDED
    assert waiting.reason == "the loss has not come down to where the bounds begin; at T=100, a larger T may"


def test_what_is_seen_is_what_training_does() -> None:
    """Losses, norms and errors against snapshots of another run."""
    datasets, T = [DS_C, DS_D], 64
    W_ov = aligned_output(datasets, 3.0)
    training = train_attention(datasets, W_ov, 0.05, T)
    solutions = [p.solution for p in training.predictions]
    seen = every_step.watch(attention_stage(datasets, W_ov), np_stack(solutions), [0.05, 0.05], T)
    for t in (8, 16, 32, 64):
        for i in range(2):
            assert seen.log_losses[t, i] == pytest.approx(float(training.log_excess_losses[t][i]), abs=1e-12)
            assert seen.norms[t, i] == pytest.approx(float(training.weights(i, t).norm()), abs=1e-12)
            assert seen.errors[t, i] == pytest.approx(training.direction_error(i, t), abs=1e-12)
    assert seen.T == T and np.isnan(seen.errors[0]).all()


def np_stack(vectors: list[Any]) -> Any:
    import torch

    return torch.stack(vectors)


MUTATIONS: list[tuple[str, str, Callable[[Any], Any]]] = [
    ("NT12", "margin_deficit", lambda original: lambda *a: -20.0),
    ("NT13", "loss_constant", lambda original: lambda *a: original(*a) - 1.2),
    ("NT13", "LATE_MASS", lambda original: 0.001),  # and yet from the old start on, see below
    ("NT14", "direction_constant", lambda original: lambda *a: original(*a) / 400),
]


@pytest.mark.parametrize(("id", "name", "change"), MUTATIONS)
def test_constants_that_are_too_good_are_refuted(
    monkeypatch: pytest.MonkeyPatch, id: str, name: str, change: Callable[[Any], Any]
) -> None:
    if name == "LATE_MASS":
        monkeypatch.setattr(watched, "begun", begins_early)
    else:
        monkeypatch.setattr(constants, name, change(getattr(constants, name)))
    finding = check(id, dataset="DS-D", T="200")
    assert finding.verdict is Verdict.REFUTED
    assert finding.details["counterexample"]["layer"].startswith("DS-D")


def begins_early(layer: Any, seen: Any, index: int) -> Bounds:
    """As if the loss had come down at the start."""
    return constants.bounds(layer, seen.etas[index])


@pytest.mark.parametrize("part", ["norms", "log_losses", "errors"])
def test_a_run_that_is_wrong_refutes_nothing(monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    """The second computation does not follow it."""
    original = every_step.watch

    def changed(*arguments: Any) -> Any:
        seen = original(*arguments)
        values = getattr(seen, part)
        wrong = {"norms": 1.01 * values, "log_losses": values + 20, "errors": values + 50}[part]
        return replace(seen, **{part: wrong})

    monkeypatch.setattr(every_step, "watch", changed)
    monkeypatch.setattr(watched, "begun", begins_at_60)
    id = {"norms": "NT12", "log_losses": "NT13", "errors": "NT14"}[part]
    finding = check(id, dataset="DS-D", T="200")
    assert finding.verdict is Verdict.UNDECIDED and "second computation" in finding.reason


def begins_at_60(layer: Any, seen: Any, index: int) -> Bounds:
    return constants.bounds(layer, seen.etas[index], 0 if layer.falling else 60)


@pytest.mark.parametrize("id", CLAIMS)
def test_numbers_that_are_none_verify_nothing(monkeypatch: pytest.MonkeyPatch, id: str) -> None:
    original = every_step.watch

    def broken(*arguments: Any) -> Any:
        seen = original(*arguments)
        return replace(seen, **dict.fromkeys(("norms", "errors"), seen.norms * np.nan))

    monkeypatch.setattr(every_step, "watch", broken)
    verdict = check(id, dataset="DS-B", T="100").verdict
    assert verdict is (Verdict.VERIFIED if id == "NT13" else Verdict.UNDECIDED)


@pytest.mark.parametrize(("id", "quantity"), CLAIMS.items())
def test_controls_with_a_bound_that_holds_are_undecided(id: str, quantity: watched.Quantity) -> None:
    found = finite_time.refute(quantity, finite_time.example("DS-D", 0.05), lambda t: 0.99 + 0 * t)
    assert found.verdict is Verdict.UNDECIDED and found.reason.startswith("the bound held at each of ")


def test_controls() -> None:
    assert check("NT12c").found == "norm is 2.000 times the bound"
    assert check("NT13c").scope.startswith("DS-D, W_kq, eta=0.05, beta=3, s=")
    for id in ("NT12c", "NT13c", "NT14c"):
        assert check(id).verdict is Verdict.REFUTED


def test_slow_formulas_see_the_same() -> None:
    attention = watched.watch((DS_D,), True, 3.0, 0.1, 150)
    feed_forward = watched.watch((REPEATED,), False, 3.0, 0.1, 40)
    for layer, t in ((attention[0], 120), (feed_forward[0], 30)):
        slow = watched.slowly(layer, t)
        for quantity in CLAIMS.values():
            fast = quantity.ratio(layer)[t - layer.first]
            assert quantity.ratio(slow)[0] == pytest.approx(fast, rel=1e-9)


# NT9t.


def test_the_order_at_every_step() -> None:
    finding = check("NT9t")
    assert finding.verdict is Verdict.VERIFIED
    assert finding.scope == "4 datasets, each t=1..300; dominance is lost in 0, proved to last in 2"
    lost = check("NT9t", dataset="random", V="8", draws="40", seed="1")
    assert lost.verdict is Verdict.VERIFIED and "dominance is lost in 11" in lost.scope


def test_dominance_lasts_where_it_is_proved_to() -> None:
    datasets = [random_dataset(1, 8, i) for i in range(40)]
    seen = order_in_time.watch_order(datasets, 3.0, 0.5, 300)
    proved = [i for i, dataset in enumerate(datasets) if order_in_time.is_falling(dataset)]
    assert len(proved) > 10
    assert all(order_in_time.lasting(seen[:, 3, i]) == 300 for i in proved)


def test_roles() -> None:
    """Query 3 of DS-D: 0 > 1, 0 > 2, 0 > 3, 2 > 3; the chain, with an unseen token."""
    assert order_in_time.roles(DS_D, 4) == ([3], [], [1 * 4 + 3, 3 * 4 + 3])
    assert order_in_time.roles(order.CHAIN, 6) == ([4], [5 * 6 + 4], [3 * 6 + 4, 4 * 6 + 4])


@pytest.mark.parametrize("wrong", ["middle above", "middle below", "seen as unseen"])
def test_the_order_of_other_tokens_is_refuted(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    """The middle token of the chain falls at first, and rises later; a seen token is not at 0."""
    original = order_in_time.roles

    def changed(dataset: Any, V: int) -> Any:
        tops, unseen, bottoms = original(dataset, V)
        middle = order.MIDDLE * V + order.QUERY
        return {
            "middle above": ([*tops, middle - V * 0], unseen, [*bottoms, middle]),
            "middle below": (tops, unseen, [*bottoms, middle]),
            "seen as unseen": (tops, [*unseen, middle], bottoms),
        }[wrong]

    monkeypatch.setattr(order_in_time, "roles", changed)
    chain = validate(NextTokenSettings, {"T": "300"}).model_copy()
    chain.__dict__["datasets"] = (order.CHAIN,)
    assert order_in_time.order_at_every_step(chain, Run()).verdict is Verdict.REFUTED


def test_scores_that_only_the_long_run_has_refute_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    original = order_in_time.watch_order
    monkeypatch.setattr(order_in_time, "watch_order", lambda *a: -original(*a))
    assert check("NT9t", dataset="DS-A").verdict is Verdict.UNDECIDED


def test_every_step_of_a_proof_is_where_it_says() -> None:
    page = (Path(__file__).parents[2] / "docs" / "mathematics" / "next-token.md").read_text(encoding="utf-8")
    steps = [step for claim in PAPER.claims for step in claim.steps]
    assert len(steps) >= 11
    assert all(f"({step.where})=" in page for step in steps)


def test_solutions_stand_as_weights_do() -> None:
    """Column x of W_ov* in the entries that training moves: e_n(x) - 1/V."""
    layer = feed_forward_layer(NAMED["DS-A"])
    W = flat_solution({x: c.solution for x, (_, c) in layer.columns.items()}, 4).reshape(4, 4)
    assert W[1, 0] == 0.75 and W[0, 0] == -0.25
