"""Claims in several processes: the same results, whatever ends the run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from verify.check import MANY, elsewhere, main, parse_request
from verify.claim import Claim, Finding, Run, Verdict, undecided
from verify.executors import inline
from verify.registry import get_paper
from verify.runner import Elsewhere, _Course, run_claims
from verify.settings import CheckSettings, validate

PAPER = '''
import os, sys, time

from landscape_verifier import CheckSettings, Evidence, Origin, Paper, claim, claims_of, decide


def decided(holds):
    return decide(holds, evidence=Evidence.EXACT, scope="1", instances=1, found="1", predicted="1", undecided="no")


@claim("T1", "true")
def true(settings, run):
    """1 = 1."""
    return decided(True)


@claim("T2", "rests on what fails", requires=["T3"])
def rests(settings, run):
    """1 = 1."""
    return decided(True)


@claim("T3", "raises")
def raises(settings, run):
    """1/0 = 1."""
    return decided(1 / 0 == 1)


@claim("T4", "rests on what holds", requires=["T1"])
def holds(settings, run):
    """1 = 1."""
    return decided(True)


@claim("T5", "takes for ever")
def endless(settings, run):
    """It ends."""
    print("started", file=sys.stderr, flush=True)
    while True:
        time.sleep(0.01)


@claim("T6", "ends its process")
def deadly(settings, run):
    """It lives."""
    os._exit(1)


PAPER = Paper(
    name="t", title="T", source="here", prefix="T", settings=CheckSettings, claims=claims_of(sys.modules[__name__])
)
'''


@pytest.fixture
def paper(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "side_by_side_paper.py").write_text(PAPER)
    yield f"paper={tmp_path / 'side_by_side_paper.py'}"
    sys.modules.pop("side_by_side_paper", None)


def claims(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    return {claim["id"]: claim for claim in json.loads(capsys.readouterr().out)["claims"]}


def test_the_results_are_those_of_one_process(paper: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = [paper, "select=T1,T2,T3,T4", "format=json"]
    assert main(words) == 4
    alone = claims(capsys)
    assert main([*words, "workers=2"]) == 4
    together = claims(capsys)
    # a traceback names the lines that called the check
    assert together["T3"]["details"].pop("traceback")[-1] == alone["T3"]["details"].pop("traceback")[-1]
    assert together == alone
    assert [alone[id]["verdict"] for id in alone] == ["VERIFIED", "SKIPPED", "ERROR", "VERIFIED"]


def test_a_paper_of_ours_to_the_last_byte(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["k=2", "n=2", "select=SN1,SN2,SN3,SN8,SN11", "format=json"]
    assert main(words) == 0
    alone = capsys.readouterr().out
    assert main([*words, "executor=processes", "workers=2"]) == 0
    assert capsys.readouterr().out == alone


def test_the_budget_ends_claims_in_other_processes(paper: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([paper, "select=T1,T5", "workers=2", "budget=3", "format=json"]) == 3
    found = claims(capsys)
    assert found["T5"]["verdict"] == "UNDECIDED" and "not finished: budget=3 s is used up" in found["T5"]["reason"]


def test_a_worker_that_dies_decides_nothing(paper: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([paper, "select=T6", "workers=1", "format=json"]) == 3
    assert "a worker process died" in claims(capsys)["T6"]["reason"]


def test_ctrl_c_leaves_no_process_and_loses_nothing(paper: str) -> None:
    words = [sys.executable, "-m", "verify.check", paper, "select=T1,T5", "workers=2", "format=json"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stderr is not None
    seen = ""
    while not ("started" in seen and "T1 VERIFIED" in seen):
        line = process.stderr.readline()
        assert line, seen
        seen += line
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    out, _ = process.communicate(timeout=60)
    found = {claim["id"]: claim for claim in json.loads(out)["claims"]}
    assert process.returncode == 3
    assert found["T1"]["verdict"] == "VERIFIED" and found["T5"]["reason"] == "not finished: interrupted"
    for _ in range(500):  # until the last of them is gone
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.02)
    raise AssertionError("a process is left")


def test_many_claims_are_shared_out_and_a_few_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless a key says where."""
    monkeypatch.setattr("verify.check.cores", lambda: 2)

    def where(claims: int, **keys: Any) -> str:
        found = elsewhere(CheckSettings.model_validate(keys), {}, claims)
        return "here" if found is None else "elsewhere"

    assert where(MANY - 1) == "here"
    assert where(MANY) == "elsewhere"
    assert where(MANY, executor="inline") == "here"
    assert where(1, workers=2) == "elsewhere"
    monkeypatch.setattr("verify.check.cores", lambda: 1)
    assert where(MANY) == "here"


def test_what_others_rest_on_goes_first(paper: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what may start, the claim that stands first in the paper: T4, once T1 is known, before T6."""
    started: list[str] = []

    def check(paper: str, words: dict[str, str], id: str, seconds: float, expected: str) -> Finding:
        started.append(id)
        return Finding(Verdict.VERIFIED, "")

    path = paper.removeprefix("paper=")
    settings, found = parse_request(get_paper(path), {"select": "T1,T4,T6"})
    monkeypatch.setattr("verify.runner.check_elsewhere", check)
    run_claims(found, settings, elsewhere=Elsewhere(inline(), path, {}))
    assert started == ["T1", "T4", "T6"]


def test_claims_that_share_a_computation_follow_each_other_in_one_process() -> None:
    """What shares with the latest goes first, and what shares with a running one waits for it."""
    shares = {"T1": "", "T2": "run", "T3": "", "T4": "run", "T5": "other", "T6": "run"}
    claims = [Claim(id, "", "", "", lambda settings, run: undecided(""), shares=name) for id, name in shares.items()]
    course = _Course(claims, None, None, lambda claim, text: None, lambda result: None, None)
    assert course.next(["T3", "T1"], set(), "") == "T1"
    assert course.next(["T1", "T2"], set(), "") == "T1"  # so that a verdict is seen soon
    course.finish("T1", undecided(""), 0.0)
    assert course.next(["T3", "T4", "T5"], {"T1"}, "T2") == "T4"
    assert course.next(["T3", "T4", "T5"], {"T2"}, "T1") == "T5"  # not T4: the process of T2 will have what it needs
    assert course.next(["T4", "T6", "T3"], {"T2"}, "T4") == "T3"
    assert course.next(["T4", "T6"], {"T2"}, "T1") is None


@pytest.mark.parametrize(
    ("paper", "words", "ids", "module", "function"),
    [
        ("next-token", {"T": "1000"}, "NT7 NT7d NT8 NT9", "verify.papers.next_token.runs", "_attention"),
        ("next-token", {"T": "1000"}, "NT12 NT13 NT14", "verify.papers.next_token.watched", "watch"),
        ("sub-n-grams", {"k": "1", "n": "2"}, "SN27 SN27c", "verify.papers.sub_ngrams.gradient_flow", "measured"),
    ],
)
def test_claims_that_say_so_share_a_computation(
    paper: str, words: dict[str, str], ids: str, module: str, function: str
) -> None:
    """All that name one, in each paper: the first makes it, the others look at it."""
    found = get_paper(paper)
    settings = validate(found.settings, {**words, "paper": paper})
    chosen = {claim.id: claim for claim in found.claims if claim.id in ids.split()}
    name, cached = {claim.shares for claim in chosen.values()}, getattr(import_module(module), function)
    assert len(name) == 1 and [claim.id for claim in found.claims if {claim.shares} == name] == ids.split()
    cached.cache_clear()
    for i, claim in enumerate(chosen.values()):
        before = cached.cache_info()
        claim(settings, Run())
        after = cached.cache_info()
        assert (after.misses if i == 0 else after.hits) > (before.misses if i == 0 else before.hits)
