"""Near-stationarity of a network of one's own: the same numbers as the engines, verdicts that are earned, guards, and
nothing lost on the way."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import landscape_verifier as lv
from numerics.norm_interval import NormInterval
from numerics.sub_ngrams.network import Network
from proofs.sub_ngrams.enumeration import enumeration
from proofs.sub_ngrams.score_blocks import parameter_norms
from tests.verify.test_executors import local_cluster
from verify.claim import Evidence, Finding, Verdict
from verify.expressions import read_expression
from verify.papers.sub_ngrams.near_stationary import course as course_module
from verify.papers.sub_ngrams.near_stationary.api import cosines
from verify.papers.sub_ngrams.near_stationary.judge import fit, halves, judge_bound, judge_rate
from verify.papers.sub_ngrams.near_stationary.lengths import Length, NormAtLength
from verify.papers.sub_ngrams.near_stationary.problem import Problem
from verify.papers.sub_ngrams.near_stationary.result import NearStationary
from verify.papers.sub_ngrams.near_stationary.shards import ProbeShard, RiseShard
from verify.settings import UsageError
from verify.stationary import main

LAW = lv.NGramLaw(2, 3)
DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
SEEDS = 50 if DEEP else 3


def literal(T: int) -> nn.Module:
    """The network at theta_2(log T)."""
    return Network.at_configuration(LAW, lv.Configuration.k_gram(2, Fraction(T)), T)


def merged(T: int) -> nn.Module:
    return Network.at_configuration(LAW, lv.Configuration.k_gram(2, Fraction(T)), T, parametrisation="merged")


class Own(nn.Module):
    """Logits from one pair of parameters, by a body that each test writes."""

    def __init__(self, body: Callable[[Own, Tensor], Tensor] | None = None) -> None:
        super().__init__()
        self.body = body or (lambda own, x: own.w.expand(len(x), 2))
        self.w = nn.Parameter(torch.tensor([0.3, -0.2], dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(self, x)


def uniform(T: int) -> nn.Module:
    """Its gradient is that of softmax against the mean target: the same at every length."""
    return Own()


MEAN = torch.softmax(torch.tensor([0.3, -0.2], dtype=torch.float64), 0) - 0.5  # targets are 1/2 on average
LENGTH = float(MEAN.norm())


# --- the project's own network ---


def test_all_sequences_give_what_the_engines_give() -> None:
    found = lv.near_stationary(literal, LAW, [5, 7])
    for T in (5, 7):
        configuration = lv.Configuration.k_gram(2, Fraction(T))
        due = parameter_norms(enumeration(LAW, configuration, T), configuration)
        assert due is not None
        point = found[T]
        assert point.method == "all" and point.sequences == 2**T and point.loss == math.inf
        assert point.total.low <= due["total"] <= point.total.high and point.total.relative < 1e-11
        for name in ("V", "Q", "K"):
            assert point.parameters[name].low <= due[name] <= point.parameters[name].high
    with pytest.raises(KeyError, match="known are T in"):
        found[6]


def test_drawn_sequences_give_it_within_their_intervals_as_often_as_the_level_says() -> None:
    configuration, T, level = lv.Configuration.k_gram(2, Fraction(8)), 8, 0.9
    norms = parameter_norms(enumeration(LAW, configuration, T), configuration)
    assert norms is not None
    due, held = norms["total"], {"total": 0, "V": 0, "Q": 0, "K": 0}
    for seed in range(SEEDS):
        found = lv.near_stationary(literal, LAW, T, enumerate=0, samples=6000, level=level, seed=seed)
        point = found[T]
        assert point.method == "drawn" and point.sequences == 6000 and point.longest is not None
        for name, interval in {"total": point.total, **point.parameters}.items():
            held[name] += interval.low <= norms[name] <= interval.high
        assert point.total.high < 3 * due and point.total.squared == pytest.approx(due**2, rel=0.5)
    for count in held.values():
        assert count >= level * SEEDS - 3 * math.sqrt(SEEDS * level * (1 - level))


@pytest.mark.skipif(not DEEP, reason="some minutes")
def test_the_exponent_of_the_projects_network() -> None:
    found = lv.near_stationary(literal, LAW, [8, 12, 16, 20, 32], samples=10**6, enumerate=2**20)
    assert found.fit is not None and found.fit.lengths[-1] >= 20
    assert found.fit.low <= -1 <= found.fit.high or abs(found.fit.exponent + 1) < 0.2
    for T in (20, 32):
        configuration = lv.Configuration.k_gram(2, Fraction(T))
        due = lv.gradient(k=2, n=3, T=T, q=T).norms
        assert due is not None and found[T].total.low <= due["total"] <= found[T].total.high
        assert configuration.q == T


def test_the_merged_parametrisation_is_refuted_and_the_factorised_one_is_not() -> None:
    lengths = [8, 9, 11, 13]
    bad = lv.near_stationary(merged, LAW, lengths, rate=1)
    assert bad.rate is not None
    assert (bad.rate.verdict, bad.rate.evidence) == (Verdict.REFUTED, Evidence.NUMERIC)
    assert bad.rate.details["counterexample"]["T"] == 13 and bad.exit_status == 1
    assert bad.rate.scope == "T in {11, 13}, C from T in {8, 9}"
    good = lv.near_stationary(literal, LAW, lengths, rate=0.8, bound="0.75*log(T)/T")
    assert good.rate is not None and good.bound is not None
    assert good.rate.verdict is good.bound.verdict is Verdict.VERIFIED and good.exit_status == 0


# --- drawn sequences ---


def test_a_gradient_that_is_known_is_found() -> None:
    found = lv.near_stationary(uniform, LAW, [30], returns="logits", error=0.2)
    point = found[30]
    assert point.reason == "within 0.2" and point.total.relative <= 0.2
    assert point.total.low <= LENGTH <= point.total.high
    due = float(-(0.5 * torch.log_softmax(torch.tensor([0.3, -0.2], dtype=torch.float64), 0)).sum())
    assert point.loss_error is not None and abs(point.loss - due) <= 5 * point.loss_error


def test_no_two_shards_draw_the_same_sequences_and_stages_share_the_chance_of_a_miss() -> None:
    given = Problem(uniform, LAW, "logits")
    seeds = [
        kind(given, "", T, "drawn", seed, stage, first, 10)._seed()
        for kind in (ProbeShard, RiseShard)
        for T, seed, stage, first in product((8, 9), (0, 1), (0, 1, 2), (0, 10, 20))
    ]
    assert len(set(seeds)) == len(seeds) == 72
    run = Length(given, 8, "", {"w": (2,)}, size=None, miss=0.05, error=0.1, samples=10**4, seed=0)
    assert 0.049 < 3 * sum(run._share(stage) for stage in range(1, 10**3)) <= 0.05


def test_noise_is_undecided_with_the_reason() -> None:
    def centre(T: int) -> nn.Module:
        module = Own()
        nn.init.zeros_(module.w)
        return module

    found = lv.near_stationary(centre, LAW, [20, 40], returns="logits", rate=1, bound="1e-9", samples=1024)
    assert found.rate is not None and found.bound is not None
    for finding in (found.rate, found.bound):
        assert finding.verdict is Verdict.UNDECIDED and "samples=1024 are drawn" in finding.reason
    assert found.fit is None and found.exit_status == 3
    assert all(point.total.low == 0 for point in found.points)


def test_a_slower_fall_is_refuted_by_drawn_sequences_and_confirmed_without_gradients(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words: dict[str, Any] = {"returns": "logits", "rate": 1, "error": 0.3, "samples": 20000}
    found = lv.near_stationary(uniform, LAW, [20, 200], **words)
    assert found.rate is not None
    assert (found.rate.verdict, found.rate.evidence) == (Verdict.REFUTED, Evidence.STATISTICAL)
    assert "level 0.95" in found.rate.scope
    monkeypatch.setattr(course_module.RiseShard, "compute", lambda self, executor=None: 0.0)
    denied = lv.near_stationary(uniform, LAW, [20, 200], **words)
    assert denied.rate is not None and denied.rate.verdict is Verdict.UNDECIDED
    assert "second computation does not confirm" in denied.rate.reason


def test_all_positions() -> None:
    class Each(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.tensor([0.3, -0.2], dtype=torch.float64))

        def forward(self, x: Tensor) -> Tensor:
            return self.w.expand(*x.shape, 2)

    for positions in ("last", "all"):
        found = lv.near_stationary(lambda T: Each(), LAW, 6, returns="logits", positions=positions)
        assert found[6].total.norm == pytest.approx(LENGTH, rel=1e-12)


def test_the_cosine_with_a_direction() -> None:
    directions = {"along": {"w": MEAN}, "across": {"w": torch.ones(2)}}
    for words in ({}, {"enumerate": 0, "samples": 20000}):
        found = lv.near_stationary(uniform, LAW, 6, directions=lambda T: directions, returns="logits", **words)  # type: ignore[arg-type]
        assert found.alignment is not None
        low, high = found.alignment[6]["along"]
        assert low <= 1 <= high + 1e-12 and low > 0.5
        low, high = found.alignment[6]["across"]
        assert low <= 0 <= high and high - low < 0.9
    with pytest.raises(UsageError, match="has no part v"):
        lv.near_stationary(uniform, LAW, 6, directions=lambda T: {"a": {"v": MEAN}}, returns="logits")


@pytest.mark.parametrize(
    ("numbers", "by", "due"),
    [
        ((0.2, 0.4), (1, 2), (0.1, 0.4)),
        ((-0.2, 0.4), (1, 2), (-0.2, 0.4)),
        ((-0.4, -0.2), (1, 2), (-0.4, -0.1)),
        ((-0.2, 0.4), (0, 2), (-1, 1)),
        ((3, 4), (1, 2), (1, 1)),
    ],
)
def test_an_interval_for_a_cosine(numbers: Any, by: Any, due: Any) -> None:
    assert cosines(*numbers, *by) == due


def test_the_curvature() -> None:
    found = lv.near_stationary(literal, LAW, 5, hessian=5, eigenvalues=2)
    assert found.curvature is not None and found.curvature.kind == "saddle" and found.curvature.whole
    drawn = lv.near_stationary(uniform, LAW, 5, returns="logits", hessian=5, enumerate=0, samples=1024)
    assert drawn.curvature is not None and drawn.curvature.kind == "undecided"


# --- guards ---


def noisy(own: Own, x: Tensor) -> Tensor:
    return nn.functional.dropout(own.w.expand(len(x), 2))


def beside(own: Own, x: Tensor) -> Tensor:
    return own.w.expand(len(x), 2) * x.double().mean()


def single(own: Own, x: Tensor) -> Tensor:
    return (own.w.float() * 0.3).double().expand(len(x), 2)


def hidden(own: Own, x: Tensor) -> Tensor:
    return (own.w + own.w.detach() ** 2).expand(len(x), 2)


def broken(own: Own, x: Tensor) -> Tensor:
    return own.w @ x


def underflown(own: Own, x: Tensor) -> Tensor:
    return (4000 * own.w).softmax(0).clone().expand(len(x), 2)


@pytest.mark.parametrize("words", [{}, {"enumerate": 0, "samples": 1024}], ids=["all", "drawn"])
@pytest.mark.parametrize(
    ("body", "said", "returns"),
    [
        (noisy, "draws random numbers", "logits"),
        (beside, "beside other sequences", "logits"),
        (single, "computes in float32", "logits"),
        (hidden, "not the slope of the loss", "logits"),
        (broken, "the module fails", "logits"),
        (underflown, "underflow", "probabilities"),
        (None, "not logits .returns='logits'.", "probabilities"),
    ],
)
def test_what_cannot_be_told_ends_in_one_line(body: Any, said: str, returns: str, words: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        lv.near_stationary(lambda T: Own(body), LAW, 6, returns=returns, **words)
    assert str(caught.value).startswith("T=6: ") and "\n" not in str(caught.value)


def test_the_module_is_left_as_it_was() -> None:
    class Counts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w, self.frozen = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.ones(2), requires_grad=False)
            self.register_buffer("calls", torch.zeros(()))
            self.seen: list[int] = []

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            self.seen.append(len(x))
            return (self.w * self.frozen).expand(len(x), 2)

    module = Counts()
    module.w.grad = torch.full((2,), 7.0)
    before, state = {k: v.clone() for k, v in module.state_dict().items()}, torch.get_rng_state()
    found = lv.near_stationary(lambda T: module, LAW, [6, 30], returns="logits", samples=2000, hessian=4)
    assert list(found[6].parameters) == ["w"] and found[30].sequences == 2000
    assert module.training and module.seen == [] and torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert module.w.dtype == torch.float32 and module.w.requires_grad and not module.frozen.requires_grad
    assert module.w.grad is not None and torch.equal(module.w.grad, torch.full((2,), 7.0))


def test_a_law_that_is_none_is_refused() -> None:
    class Half(lv.NGramLaw):
        def probability(self, x: Any) -> Fraction:
            return Fraction(1, 2) * super().probability(x)

    with pytest.raises(UsageError, match=r"T=4: the probabilities of the law sum to 0.5, not to 1"):
        lv.near_stationary(uniform, Half(2, 3), 4, returns="logits")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"T": 2}, "T=2: sequences have at least n=3 tokens"),
        ({"T": []}, "T is missing"),
        ({"T": 6, "rate": 1}, "give several"),
        ({"T": [6, 7], "bound": "T-7"}, "must be a number above 0 at T=6"),
        ({"T": 6, "bound": "import os"}, "none of|takes|not expected"),
        ({"T": 6, "error": 2}, "error must be a number"),
        ({"T": 6, "S": 3}, "only python -m verify.stationary takes it"),
        ({"T": 6, "k": 2}, "unknown key"),
        ({"T": 6, "executor": "processes", "workers": 1}, "executor: other processes cannot be handed"),
    ],
)
def test_what_cannot_be(words: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        lv.near_stationary(lambda T: Own(), LAW, returns="logits", **words)


# --- verdicts from intervals ---


def at(T: int, low: float, high: float, method: str = "all") -> NormAtLength:
    middle = NormInterval((low + high) / 2, low, high)
    return NormAtLength(T, method, 100, middle, {}, 1.0, None, None, {}, 0.0, "stopped: by a test")  # type: ignore[arg-type]


def rate_of(*points: NormAtLength, again: bool | None = True) -> Finding:
    return judge_rate(1, [8, 16, 32, 64], points, 0.95, lambda T, most: again)


EARLY = at(8, 0.125, 0.126), at(16, 0.06, 0.0625)


def test_verdicts_on_a_rate() -> None:
    assert halves([8, 16, 32]) == ((8, 16), (32,)) and halves([64, 8, 16, 32]) == ((8, 16), (32, 64))
    good = at(32, 0.02, 0.03), at(64, 0.01, 0.0156)
    assert rate_of(*EARLY, *good).verdict is Verdict.VERIFIED
    reaching = at(32, 0.02, 0.0315), at(64, 0.01, 0.0156)
    assert rate_of(*EARLY, *reaching).verdict is Verdict.UNDECIDED  # 0.0315 * 32 is between both ends of C
    above = at(32, 0.02, 0.03), at(64, 0.0158, 0.02)
    assert rate_of(*EARLY, *above).verdict is Verdict.REFUTED
    assert rate_of(*EARLY, *above, again=False).verdict is Verdict.UNDECIDED
    stopped = rate_of(*EARLY, *above, again=None)
    assert stopped.verdict is Verdict.UNDECIDED and "was stopped" in stopped.reason
    between = at(32, 1.004 / 32, 1.004 / 32), at(64, 0.01, 0.0156)
    assert rate_of(*EARLY, *between).verdict is Verdict.UNDECIDED  # above one end of C, below the other
    missing = rate_of(*EARLY, good[0])
    assert missing.verdict is Verdict.UNDECIDED and "nothing is known at T in {64}" in missing.reason
    nan = at(32, math.nan, math.nan), good[1]
    assert rate_of(*EARLY, *nan).verdict is Verdict.UNDECIDED


def test_verdicts_on_a_bound() -> None:
    def of(*points: NormAtLength) -> Finding:
        return judge_bound(read_expression("1/T", "T"), [8, 16], points, 0.95, lambda T, most: True)

    assert of(at(8, 0.1, 0.125), at(16, 0.01, 0.06)).verdict is Verdict.VERIFIED
    assert of(at(8, 0.1, 0.126), at(16, 0.01, 0.06)).verdict is Verdict.UNDECIDED
    assert of(at(8, 0.126, 0.127), at(16, 0.01, 0.06)).verdict is Verdict.REFUTED
    assert of(at(8, 0.1, 0.12)).verdict is Verdict.UNDECIDED
    assert of(at(8, math.nan, math.nan), at(16, 0.01, 0.06)).verdict is Verdict.UNDECIDED
    assert of(at(8, 0.1, 0.12), at(16, 0.01, 0.06, "drawn")).evidence is Evidence.STATISTICAL


def test_the_exponent_is_that_of_a_power_and_its_interval_reaches_all_lines() -> None:
    exact = [at(T, 3 * T**-1.5, 3 * T**-1.5) for T in (8, 16, 64)]
    found = fit(exact)
    assert found is not None and found.low == pytest.approx(-1.5) == found.high and pytest.approx(3) == found.C
    wide = fit([at(8, 0.1, 0.2), at(16, 0.1, 0.2), at(32, 0.0, 0.2)])
    assert wide is not None and wide.lengths == (8, 16)
    assert (wide.low, wide.high) == (pytest.approx(-1), pytest.approx(1))
    assert fit([at(8, 0.1, 0.2), at(16, 0.0, 0.2)]) is None


# --- the command ---

FILE = """
import torch
from torch import nn

class Pair(nn.Module):
    def __init__(self, T):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([0.3, -0.2 + 0 * T]))

    def forward(self, x):
        return self.w.expand(len(x), 2)

def build(T):
    return Pair(T)

class Coin:
    S = n = 2
    def probability(self, x):
        from fractions import Fraction
        return Fraction(1, 2 ** len(x))
    def predictive(self, x):
        return (self.probability([0]),) * 2
    def sample(self, count, T, generator):
        P = torch.full((count, 2), 0.5).double()  # in single precision first
        return torch.randint(2, (count, T), generator=generator), P

def directions(T):
    return {"up": {"w": torch.tensor([1.0, 0.0])}}
"""


@pytest.fixture
def mine(tmp_path: Path) -> Iterator[str]:
    sys.modules.pop("mine", None)  # of another test
    (tmp_path / "mine.py").write_text(FILE)
    yield f"model={tmp_path}/mine.py:build returns=logits executor=inline"
    sys.modules.pop("mine", None)


def test_the_command_prints_a_table(mine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = f"{mine} n=2 T=4,6 bound=1 law_from={tmp_path}/mine.py:Coin directions={tmp_path}/mine.py:directions"
    assert main(words.replace("n=2 ", "").split()) == 0
    text = capsys.readouterr().out
    assert "bound=1   VERIFIED, numeric" in text and f"{LENGTH:.4g}" in text and "cosines at T=4   up in [0.707" in text
    with pytest.raises(UsageError, match="law_from and n are both given"):
        main(words.split())


def test_json_html_and_pictures(mine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = f"{mine} n=2 T=4,6 rate=0.5 samples=1024 enumerate=16"
    assert main(f"{words} format=json".split()) == 3
    data = json.loads(capsys.readouterr().out)
    assert [point["method"] for point in data["points"]] == ["all", "drawn"]
    assert data["points"][0]["norm"] == pytest.approx(LENGTH) and data["claims"]["rate=0.5"]["verdict"] == "UNDECIDED"
    assert data["settings"]["level"] == 0.95 and "shards" not in data["settings"]
    for name in ("a.svg", "b.svg", "c.html", "c.png"):
        form = "html" if name.endswith("html") else "table"
        assert main(f"{words} output={tmp_path}/{name} format={form}".split()) == 3
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    page = (tmp_path / "c.html").read_text()
    assert "UNDECIDED" in page and "<svg" in page and "http" not in page.replace("http-equiv", "")
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("T=8", "model is missing"),
        ("model=nowhere.py:build T=8", "there is no file|No such file"),
        ("model={}/mine.py T=8", "must be FILE.py:NAME"),
        ("model={}/mine.py:nothing T=8", "the file has no nothing"),
        ("model={}/mine.py:build", "T is missing"),
        ("model={}/mine.py:Coin T=8", "the module fails|must be a torch.nn.Module"),
        ("model={}/mine.py:build T=8 law_from={}/mine.py:torch", "the module fails|has no attribute"),
    ],
)
def test_what_the_command_cannot_do(mine: str, words: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said):
        main(words.replace("{}", str(tmp_path)).split())


def test_finished_parts_are_kept_and_found_again(
    mine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = f"{mine} n=2 T=5,40 samples=5000 enumerate=32 format=json shards={tmp_path}/kept"
    compute, calls = course_module.ProbeShard.compute, [0]

    def counted(self: Any, executor: Any = None) -> Any:
        calls[0] += 1
        if calls[0] == 5:
            raise KeyboardInterrupt
        return compute(self, executor)

    monkeypatch.setattr(course_module.ProbeShard, "compute", counted)
    assert main(words.split()) == 130
    stopped = json.loads(capsys.readouterr().out)
    assert stopped["status"] == 130 and stopped["points"][0]["T"] == 5
    assert main(words.split()) == 0
    finished = capsys.readouterr().out
    computed = calls[0]
    assert main(words.split()) == 0 and calls[0] == computed  # nothing is computed again
    assert capsys.readouterr().out == finished
    assert main(words.replace("shards=", "seed=1 shards=").split()) == 0 and calls[0] > computed
    capsys.readouterr()
    (tmp_path / "mine.py").write_text(FILE.replace("-0.2", "-0.3"))
    before = calls[0]
    assert main(words.split()) == 0 and calls[0] > before  # another module is not taken for this one
    assert capsys.readouterr().out != finished


def test_other_processes_give_the_same_bytes(mine: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = f"{mine} n=2 T=5,40 samples=1024 enumerate=32 format=json"
    assert main(words.split()) == 0
    here = capsys.readouterr().out
    with local_cluster() as cluster:
        for other in ("processes workers=2", f"dask:{cluster.scheduler_address}"):
            assert main(words.replace("executor=inline", f"executor={other}").split()) == 0
            assert capsys.readouterr().out == here


def test_a_budget_ends_it_with_what_there_is(mine: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(f"{mine} n=2 T=5,2000 enumerate=32 error=1e-6 budget=8 samples=1e9 rate=1".split()) == 3
    printed = capsys.readouterr()
    assert "budget=8 s is used up" in printed.err and "all 32" in printed.out and "UNDECIDED" in printed.out


def test_a_result_for_notebooks(tmp_path: Path) -> None:
    found = lv.near_stationary(uniform, LAW, [4, 5], returns="logits", bound="1")
    assert isinstance(found, NearStationary)
    assert repr(found).startswith("near-stationarity   uniform") and "srcdoc" in found._repr_html_()
    assert [record["T"] for record in found.to_records()] == [4, 5]
    for suffix in ("json", "txt", "html", "svg"):
        found.save(tmp_path / f"a.{suffix}")
    with pytest.raises(UsageError, match="results end in"):
        found.save(tmp_path / "a.pdf")
    assert replace(found, status=130).exit_status == 130
