"""Files of lemmas: the examples, as a command and as tests; the same through other processes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import landscape_verifier as lv
from verify import replay
from verify.check import main
from verify.registry import get_paper
from verify.settings import UsageError

EXAMPLES = Path(__file__).parents[2] / "examples" / "lemmas"
GRADES = {  # of each lemma: what one would wish
    "gradient_descent.py": {"GD1c": "exact", "GD6c": "exact", "GD8": "enclosure"},
    "markov_chains.py": {"MC5c": "exact", "MC8": "enclosure", "MC9c": "enclosure", "MC10": "exact"},
    "attention.py": {"AT2c": "enclosure", "AT8c": "exact"},
}


@pytest.mark.parametrize("name", GRADES)
def test_the_examples_are_decided_with_the_grade_one_would_wish(name: str) -> None:
    report = lv.check(EXAMPLES / name)
    assert report.as_expected and len(report) >= 10
    grades = {id: result.evidence.value for id, result in report.items() if result.evidence is not None}
    assert grades == {id: GRADES[name].get(id, "proof") for id in report}


def test_a_file_is_named_without_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(EXAMPLES / "attention.py"), "select=AT6", "format=json"]) == 0
    (claim,) = json.loads(capsys.readouterr().out)["claims"]
    assert (claim["id"], claim["verdict"], claim["evidence"]) == ("AT6", "VERIFIED", "proof")


def test_a_file_without_lemmas_is_told(tmp_path: Path) -> None:
    (tmp_path / "nothing_here.py").write_text("x = 1\n")
    with pytest.raises(UsageError, match="defines no PAPER"):
        get_paper(str(tmp_path / "nothing_here.py"))


def test_one_import_makes_tests_of_them(tmp_path: Path) -> None:
    text = (
        "from landscape_verifier import control, lemma\n"
        "from landscape_verifier.testing import pytest_generate_tests, test_lemma\n"
        "@lemma('ZZ1', 'true')\ndef true(x):\n    return x + x == 2 * x\n"
        "@lemma('ZZ2', 'false')\ndef false(x):\n    return x == 2 * x\n"
        "@control('ZZ3c', 'false too')\ndef false_too(x):\n    return x == 2 * x\n"
    )
    (tmp_path / "test_mine.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)
    assert "2 passed" in done.stdout and "1 failed" in done.stdout and "ZZ2" in done.stdout, done.stdout


MINE = '''"""Mine <all of them>."""
from landscape_verifier import control, lemma, math

@lemma("ZZ1", "a square & its root")
def square(x, y):
    """(x + y)^2 = x^2 + 2 x y + y^2."""
    return (x + y) ** 2 == x**2 + 2 * x * y + y**2

@control("ZZ2c", "without the middle", requires=["ZZ1"])
def dream(x, y):
    return (x + y) ** 2 == x**2 + y**2

@lemma("ZZ3", "an exponential above its tangent")
def tangent(x):
    return math.exp(x) >= 1 + x

@lemma("ZZ4", "raises")
def raises(x):
    return x.nothing == 1

@lemma("ZZ5", "false after all")
def false(x):
    return x**2 >= x
'''
FOUND = {
    "ZZ1": ("VERIFIED", "proof"),
    "ZZ2c": ("REFUTED", "exact"),
    "ZZ3": ("VERIFIED", "enclosure"),
    "ZZ4": ("ERROR", None),
    "ZZ5": ("REFUTED", "exact"),
}


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / f"lemmas_{tmp_path.name}.py"  # a module of its own in each test
    path.write_text(MINE, encoding="utf-8")
    return path


def claims(path: Path, *words: str) -> dict[str, dict[str, Any]]:
    target = path.with_suffix(".json")
    main([str(path), "format=json", f"output={target}", *words])
    return {claim["id"]: claim for claim in json.loads(target.read_text(encoding="utf-8"))["claims"]}


def test_as_json_here_and_through_processes(mine: Path) -> None:
    """The same, but for the seconds, wherever they are checked."""
    here, there = claims(mine), claims(mine, "executor=processes", "workers=2")
    for found in (here, there):
        assert {id: (claim["verdict"], claim["evidence"]) for id, claim in found.items()} == FOUND
        for claim in found.values():
            claim.pop("seconds", None)
            claim["details"].pop("traceback", None)  # lines of the process
    assert here == there
    assert here["ZZ1"]["statement"] == "(x + y)^2 = x^2 + 2 x y + y^2."
    assert "no attribute 'nothing'" in here["ZZ4"]["reason"] and here["ZZ5"]["details"]["counterexample"]


def test_as_junit(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(mine), "format=junit"]) == 1
    suite = ElementTree.fromstring(capsys.readouterr().out).find(".//testsuite")
    assert suite is not None
    assert {name: suite.get(name) for name in ("tests", "failures", "errors")} == {
        "tests": "5", "failures": "1", "errors": "1"
    }  # fmt: skip
    failed = [case.get("name", "") for case in suite.iter("testcase") if case.find("failure") is not None]
    assert len(failed) == 1 and "ZZ5" in failed[0]


def test_as_a_page(mine: Path) -> None:
    target = mine.with_suffix(".html")
    assert main([str(mine), "format=html", f"output={target}"]) == 1
    page = target.read_text(encoding="utf-8")
    assert all(id in page for id in FOUND) and "Mine &lt;all of them&gt;" in page and "<all of them>" not in page
    read = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "all x , y" in read and "fails at x = " in read


def test_a_budget_that_is_used_up_is_told_as_that(mine: Path) -> None:
    """Not as a share of the time that the lemma would have had; what was finished is kept."""
    text = "@lemma('ZZ0', 'without end')\ndef endless(x):\n    while True:\n        x = x + 1\n"
    mine.write_text(MINE.replace("@lemma", text + "\n@lemma", 1), encoding="utf-8")
    found = claims(mine, "select=ZZ0,ZZ1", "budget=1")
    assert "budget=1 s is used up" in found["ZZ0"]["reason"] and "share" not in found["ZZ0"]["reason"]
    assert found["ZZ1"]["reason"] == "not started: budget=1 s is used up"


def test_what_is_written_of_them_can_be_replayed(
    mine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    certificates = tmp_path / "certificates.json"
    main([str(mine), f"certificate={certificates}", f"output={certificates.with_suffix('.txt')}"])
    assert replay.main([str(certificates)]) == 0
    assert "3 accepted, 0 rejected, 0 declined" in capsys.readouterr().out
