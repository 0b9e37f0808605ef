"""The self-test: in place with faults built in, and as somebody runs it who has the wheel and no clone."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from fractions import Fraction
from functools import partial

import pytest

import verify
from proofs.sub_ngrams import relabelled_classes
from proofs.sub_ngrams.score_blocks import ScoreBlocks
from tests.environment import ROOMS, ROOT, Environment, make_environment
from verify import selftest
from verify.claim import Claim, Finding, Verdict
from verify.papers.sub_ngrams import PAPER
from verify.settings import UsageError

# --- in place ---


def only(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    chosen = {name: selftest.steps()[name] for name in names}
    monkeypatch.setattr(selftest, "steps", lambda: chosen)


def test_the_reference_values_hold_here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    only(monkeypatch, "reference values")
    assert selftest.main([]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[1].startswith("ok      reference values        104 entries") and told[2] == "1 of 1 ok"


def test_a_wrong_engine_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One entry of one engine is off by 1e-12; the step says which."""
    right = relabelled_classes.type_classes_under

    def wrong(*problem: object) -> ScoreBlocks:
        blocks = dict(right(*problem).blocks)  # type: ignore[arg-type]  # passed on as they come
        (x, *row), *rows = blocks[0, 0]
        blocks[0, 0] = ((x + Fraction(1, 10**12), *row), *rows)
        return ScoreBlocks(blocks)

    monkeypatch.setattr(relabelled_classes, "type_classes_under", wrong)
    only(monkeypatch, "reference values")
    assert selftest.main([]) == 1
    told = capsys.readouterr().out
    assert "failed  reference values        type_classes at n=2 k=1 q=inf: block (0, 0)" in told and "0 of 1 ok" in told


def test_an_unexpected_verdict_and_an_exception_fail(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> str:
        raise ZeroDivisionError("in two\nlines")

    def undecided(claim: Claim) -> Claim:
        return replace(claim, check=lambda settings, run: Finding(Verdict.UNDECIDED, "S=2"))

    paper = replace(PAPER, claims=tuple(undecided(claim) if claim.id == "SN10" else claim for claim in PAPER.claims))
    steps = {"claim": partial(selftest.claims, paper, "select=SN10"), "broken": broken}
    monkeypatch.setattr(selftest, "steps", lambda: steps)
    assert selftest.main([]) == 1
    told = capsys.readouterr().out.splitlines()
    assert told[1].startswith("failed  claim ") and "SN10 is UNDECIDED, expected VERIFIED" in told[1]
    assert told[2].startswith("failed  broken") and "ZeroDivisionError: in two\\nlines" in told[2]
    assert told[3] == "0 of 2 ok"


def test_words_are_refused() -> None:
    with pytest.raises(UsageError, match="k=2: selftest takes no arguments"):
        selftest.main(["k=2"])


# --- from a wheel, away from the checkout ---


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return make_environment(tmp_path_factory)


def test_the_wheel_has_what_it_needs_and_nothing_else(installed: Environment) -> None:
    names = set(zipfile.ZipFile(installed.wheel).namelist())
    information = {name for name in names if name.split("/")[0].endswith(".dist-info")}
    needed = {
        path.relative_to(ROOT).as_posix()
        for room in ROOMS
        for path in (ROOT / room).rglob("*")
        if path.suffix in (".py", ".v")
        or path.name in ("py.typed", "index.json")
        or (room == "verify" and path.is_file())
        if "__pycache__" not in path.parts
    }
    assert names - information == needed
    assert {f"{room}/py.typed" for room in ROOMS} <= needed
    assert any(name.endswith(".npz") for name in needed)


def test_the_selftest_of_the_wheel(installed: Environment) -> None:
    """By the console script. Takes half a minute: it is the whole self-test."""
    finished = installed.run("landscape-verify", "selftest")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    first, *steps, last = finished.stdout.splitlines()
    assert first.startswith(f"landscape-verifier {verify.__version__} in {installed.folder}")
    assert [line.split("  ")[0] for line in steps] == ["ok"] * len(selftest.steps())
    assert last == f"{len(selftest.steps())} of {len(selftest.steps())} ok"


def test_the_wheel_without_its_data_says_so(installed: Environment) -> None:
    (data,) = installed.folder.glob("lib/python*/site-packages/verify/papers/sub_ngrams/trajectories/*.npz")
    hidden = data.rename(data.with_suffix(".hidden"))
    try:
        finished = installed.run("python", "-m", "verify.check", "select=SN15", "format=json")  # no lines are folded
    finally:
        hidden.rename(data)
    assert finished.returncode == 4 and "cannot be read" in finished.stdout
