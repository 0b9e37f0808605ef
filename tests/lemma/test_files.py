"""Files of lemmas: the examples, as a command and as tests; the same through other processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import landscape_verifier as lv
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
