"""Weights, scales and steps at the ends of their ranges: what has underflowed or never began decides nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch

from numerics.next_token import growth
from numerics.next_token.growth import Growth
from numerics.next_token.stage import aligned_output, attention_stage
from numerics.next_token.training import Training, train_attention
from proofs.next_token import finite_time
from proofs.next_token.dataset import Dataset
from proofs.next_token.examples import CONTRADICTION, NAMED
from proofs.next_token.files import parse_text
from proofs.next_token.layers import feed_forward_layer
from verify.claim import Claim, Finding, Run, Verdict
from verify.papers.next_token import PAPER, contradictions, descents, joint, runs
from verify.papers.next_token import finite_time as every_step
from verify.papers.next_token.settings import NextTokenSettings
from verify.settings import validate

CYCLE = "a -> b\nb -> c\nc -> a\n"
LONG_STEP = CYCLE + "a b c -> c * 10000\nb a c -> c * 10000\n"
LOST_AT_ONCE = CYCLE + "a a b -> c\n"
EXTREME = CYCLE + "a b c -> c * 1000000\nb a c -> c * 1/1000000\n"
HEAVY = "a -> b * 1000000\nb -> c * 1000000\nc -> a * 1000000\na b c -> c\n"


def settings(text: str, tmp_path: Path, **words: str) -> NextTokenSettings:
    path = tmp_path / "d.txt"
    path.write_text(text)
    return validate(NextTokenSettings, {"dataset": str(path), "T": "2000", **words})


def claim(id: str) -> Claim:
    (found,) = (claim for claim in PAPER.claims if claim.id == id)
    return found


def check(id: str, text: str, tmp_path: Path, **words: str) -> Finding:
    return claim(id)(settings(text, tmp_path, **words), Run())


def attention(text: str, T: int, beta: float = 3.0, *, normalised: bool = True) -> Training:
    datasets = [parse_text(text, "d")]
    return train_attention(datasets, aligned_output(datasets, beta), 0.5, T, normalised=normalised)


# Plain descent.


@pytest.mark.parametrize(
    ("text", "beta"),
    [(LONG_STEP, "3"), (CYCLE + "a b c -> c * 1000000\n", "3"), (CYCLE + "a b c -> c * 300\n", "100")],
)
def test_a_loss_that_underflows_is_not_measured(tmp_path: Path, text: str, beta: str) -> None:
    finding = check("NT10", text, tmp_path, beta=beta)
    assert finding.verdict is Verdict.UNDECIDED
    assert "attention on a non-optimal token has not fallen like 1/t yet" in finding.reason


def test_a_number_that_underflows_is_none() -> None:
    measured = attention(LONG_STEP, 200, normalised=False).sublinear_constant(0)
    assert math.isnan(measured.value)
    assert not measured.agrees(0.0, 0.0) and not measured.differs(1.0, 0.0)


def test_a_sentence_that_stands_still_refutes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of two queries the first is taken too far by the first step; the loss of the other settles, at its own limit."""
    text, words = CYCLE + "a b c -> c * 10000\na b -> b\n", {"T": "20000"}
    assert check("NT10", text, tmp_path, **words).verdict is Verdict.UNDECIDED
    monkeypatch.setattr(Training, "falls", lambda self, index: True)
    assert check("NT10", text, tmp_path, **words).verdict is Verdict.REFUTED


def test_masses_fall_where_steps_are_short() -> None:
    usual = attention(CYCLE + "a b c -> c\nb a c -> c\n", 200, normalised=False)
    assert usual.falls(0) and not math.isnan(usual.sublinear_constant(0).value)


# Maturity.


@pytest.mark.parametrize(("text", "beta"), [(CYCLE + "a b c -> c * 1/1000000\n", 3.0), (CYCLE + "a b c -> c\n", 100.0)])
def test_a_loss_that_is_small_from_the_start_is_not_mature(text: str, beta: float) -> None:
    """The loss is near e^-10 at once, by its weight or by beta, and attention has hardly moved."""
    early = attention(text, 40, beta)
    assert early.log_excess_losses[14][0] < -10
    assert not early.mature(0)
    assert attention(text, 400, beta).mature(0)


def test_joint_training_is_not_mature_while_attention_holds_a_loss_up(tmp_path: Path) -> None:
    chosen = settings(HEAVY, tmp_path)
    training = joint.joint_run(chosen.datasets, 0.5, 2000, "cpu")
    assert training.log_losses[707][0] < -10
    assert not training.mature(0)
    finding = claim("NT15")(chosen, Run())
    assert finding.verdict is Verdict.UNDECIDED and "not near its limit yet" in finding.reason
    assert joint.joint_run((NAMED["DS-A"],), 0.5, 2000, "cpu").mature(0)


# Stage 2 after a long stage 1.


@pytest.mark.parametrize("name", ["DS-A", "DS-C"])
def test_a_first_stage_that_leaves_nothing_to_gain_is_told(name: str) -> None:
    chosen = validate(NextTokenSettings, {"dataset": name, "T": "500", "T1": "10000"})
    finding = claim("NT11")(chosen, Run())
    assert finding.verdict is Verdict.UNDECIDED
    assert finding.reason == f"nothing to check: {name}: T1 too large: what attention can gain underflows"


def test_tails_of_other_runs_do_not_underflow() -> None:
    stage = attention_stage(list(NAMED.values()), aligned_output(list(NAMED.values()), 100.0))
    assert not stage.underflows().any()  # padding has none


# Dominance that is not there at t = 0.


@pytest.mark.parametrize(
    ("id", "reason"),
    [
        ("NT5n", "nothing to check of the lower bound: another token occurs more often"),
        ("NT5b", "nothing to check of the lower bound: another token occurs more often"),
        ("NT9t", "nothing to check below unseen tokens: another token occurs more often"),
    ],
)
def test_what_holds_at_no_step_is_not_verified(tmp_path: Path, id: str, reason: str) -> None:
    chosen = settings(LOST_AT_ONCE, tmp_path)
    finding = claim(id)(chosen, Run())
    assert finding.verdict is Verdict.UNDECIDED is claim(id).expected_verdict(chosen)
    assert finding.reason.startswith(reason)
    assert "inf" not in finding.found and "t=0 in 1" in finding.scope
    assert claim(id).expected_verdict(settings(LONG_STEP, tmp_path)) is Verdict.VERIFIED


@pytest.mark.parametrize("id", ["NT5n", "NT9t"])
def test_of_several_datasets_those_are_counted(id: str) -> None:
    chosen = validate(NextTokenSettings, {"T": "300"})
    chosen.__dict__["datasets"] = (parse_text(LOST_AT_ONCE, "d"), NAMED["DS-A"])
    finding = claim(id)(chosen, Run())
    assert finding.verdict is Verdict.VERIFIED
    assert "t=0 in 1" in finding.scope and "inf" not in finding.found


def test_the_other_bound_is_still_refuted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    original = growth.watch_growth

    def changed(*arguments: Any) -> Any:
        found = original(*arguments)
        return replace(found, norms=1.01 * found.norms)

    monkeypatch.setattr(growth, "watch_growth", changed)
    monkeypatch.setattr(descents, "leaves_bounds", lambda *arguments: True)
    assert check("NT5n", LOST_AT_ONCE, tmp_path).verdict is Verdict.REFUTED


def test_a_lower_bound_is_made_again_where_it_holds() -> None:
    """Dominance is lost at t = 2; the norm is least after that."""
    norms = torch.tensor([[0.0], [0.9], [1.6], [0.3]], dtype=torch.float64)
    seen = Growth(1.0, norms, torch.tensor([[True], [True], [False], [False]]))
    assert seen.lasts(0) == 2 and descents.worst_time(seen, 0) == 2
    assert descents.least_speed(seen, 0) == pytest.approx(0.8)


# Weights of the check's own datasets.


def test_weights_that_add_up_have_no_range(tmp_path: Path) -> None:
    heavy = parse_text(HEAVY, "d")
    assert runs.with_unequal_weights(heavy).collocation_weights[0] == 8 * 10**6
    weights = joint.with_all_weights(parse_text(EXTREME, "d")).collocation_weights
    assert weights[1] == 1 + 10**6 + Fraction(1, 10**6)
    for id in ("NT15", "NT6w", "NT11"):
        assert check(id, EXTREME, tmp_path).verdict is Verdict.VERIFIED


# Costs.


class Counted(list[Any]):
    """A list that counts how often it is gone through."""

    times = 0

    def __iter__(self) -> Iterator[Any]:
        self.times += 1
        return super().__iter__()


def test_constants_go_through_the_sentences_a_few_times() -> None:
    layer = feed_forward_layer(NAMED["DS-A"])
    sentences = Counted(layer.sentences)
    finite_time.bounds(replace(layer, sentences=sentences), 0.1)
    assert sentences.times < 10


def random_settings(**words: str) -> NextTokenSettings:
    return validate(NextTokenSettings, {"dataset": "random", "draws": "1", "T": "1000", **words})


def test_fewer_steps_where_time_is_short() -> None:
    chosen = random_settings(V="40", sentences="100")
    least, more = every_step.fewest_seconds(chosen), 50 * every_step.watched_seconds(chosen)
    assert "each t=1..150" in claim("NT12")(chosen, Run(seconds=least + 1.001 * more)).scope
    dear = claim("NT12")(chosen, Run(seconds=0.99 * least))
    assert dear.reason.startswith("100 steps of training would take about")


def test_solutions_of_large_vocabularies_cost_what_they_do() -> None:
    for id in ("NT6w", "NT12", "NT13", "NT14", "NT15"):
        finding = claim(id)(random_settings(V="1000", T="100"), Run())
        assert finding.verdict is Verdict.UNDECIDED and "would take about" in finding.reason


# Contradictions.


def test_when_tokens_that_beat_each_other_have_a_minimiser() -> None:
    """q/p between r and 1/r with r = V / (2 e^beta + V - 2)."""
    V, beta = CONTRADICTION.V, contradictions.BETA
    r = V / (2 * math.exp(beta) + V - 2)
    for ratio, ends in ((0.98 * r, (-1, -1)), (1.02 * r, (-1, 1)), (0.98 / r, (-1, 1)), (1.02 / r, (1, 1))):
        assert signs_of_the_derivative(pair(ratio), beta) == ends


def pair(ratio: float) -> Dataset:
    """0 optimal over 1 at weight 1, and 1 over 0 at this one."""
    *singles, first, second, _ = CONTRADICTION.sentences
    longer = (replace(first, weight=Fraction(1)), replace(second, weight=Fraction(ratio)))
    return replace(CONTRADICTION, sentences=(*singles, *longer))


def signs_of_the_derivative(dataset: Dataset, beta: float) -> tuple[float, float]:
    """Of the loss of tokens 0 and 1 alone in the lead of 0, where it is -12 and 12."""
    from numerics.next_token import reference

    ctx = reference.context(30)
    W_ov = reference.aligned_output(dataset, beta, ctx)

    def sign(lead: float) -> float:
        W = reference.zeros(dataset, ctx)
        for token, score in enumerate((lead / 2, -lead / 2, contradictions.BELOW, contradictions.BELOW)):
            W[token][contradictions.QUERY] = ctx.mpf(score)
        return math.copysign(1, float(reference.gradient(dataset, W_ov, W, ctx)[0][contradictions.QUERY]))

    return sign(-12.0), sign(12.0)
