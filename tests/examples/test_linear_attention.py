"""A paper from outside, examples/linear-attention: installed into an empty environment, and by its path.

The environment holds two wheels, ours and that of the example, and nothing of the checkout.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.environment import ROOMS, ROOT, Environment, make_environment

EXAMPLE = ROOT / "examples" / "linear-attention"
PACKAGES = ("linear_attention", "linear_attention_recheck")
IDS = ["LA1", "LA2", "LA2c", "LA3", "LA3c", "LA4", "LA5", "LA5c", "LA6"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Built from a copy, so that nothing is left in the checkout."""
    environment = make_environment(tmp_path_factory)
    source = tmp_path_factory.mktemp("example") / "source"
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
    environment.install(source)
    return environment


def test_it_is_listed(installed: Environment) -> None:
    finished = installed.run("python", "-m", "verify")
    assert finished.returncode == 0, finished.stderr
    _, _, listed = finished.stdout.partition("paper=linear-attention\n")
    assert [line.split()[0] for line in listed.splitlines() if line.startswith("  LA")] == IDS
    assert "broken" not in finished.stdout


def test_its_claims_come_out_as_expected(installed: Environment) -> None:
    finished = installed.run("python", "-m", "verify.check", "paper=linear-attention")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    verdicts = {line.split()[0]: line for line in finished.stdout.splitlines() if line.startswith("LA")}
    assert list(verdicts) == IDS
    assert all(("REFUTED" if id.endswith("c") else "VERIFIED") in line for id, line in verdicts.items())
    assert "9 of 9 as expected" in finished.stdout


def test_words_that_cannot_be_are_told_in_a_line(installed: Environment) -> None:
    finished = installed.run("python", "-m", "verify.check", "paper=linear-attention", "D=9")
    assert finished.returncode == 2
    assert finished.stderr.splitlines()[-1].endswith(
        "D=9: D must be a whole number from 2 to 4, the dimension of inputs"
    )


def test_the_report_has_its_claims_and_its_plot(installed: Environment) -> None:
    finished = installed.run("python", "-m", "verify.check", "paper=linear-attention", "D=2", "format=html")
    assert finished.returncode == 0, finished.stderr
    page = finished.stdout
    assert page.lower().startswith("<!doctype html>")
    assert all(f'id="{id}"' in page for id in IDS)
    assert "Fixed points of separate heads" in page


def test_its_certificates_are_accepted_and_a_changed_one_is_not(installed: Environment, tmp_path: Path) -> None:
    file = tmp_path / "certificates.json"
    finished = installed.run("python", "-m", "verify.check", "paper=linear-attention", "D=2", f"certificate={file}")
    assert finished.returncode == 0, finished.stderr
    replayed = installed.run("python", "-m", "verify.replay", file)
    assert replayed.returncode == 0, replayed.stdout
    assert replayed.stdout.endswith("9 accepted, 0 rejected, 0 declined\n")
    document = json.loads(file.read_text())
    by_claim = {entry["claim"]: entry for entry in document["certificates"]}
    by_claim["LA2c"]["witness"]["loss"] = "1"
    by_claim["LA4"]["statement"] = by_claim["LA3"]["statement"]
    file.write_text(json.dumps(document))
    replayed = installed.run("python", "-m", "verify.replay", file)
    assert replayed.returncode == 1
    assert replayed.stdout.endswith("7 accepted, 2 rejected, 0 declined\n")
    assert "rejected  LA2c: witness.loss: it is 9/8" in replayed.stdout


def test_its_own_tests_pass_there(installed: Environment, tmp_path: Path) -> None:
    """The tests alone, without the package beside them."""
    shutil.copytree(EXAMPLE / "tests", tmp_path / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md"):
        shutil.copy(EXAMPLE / file, tmp_path)
    finished = installed.run("python", "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", cwd=tmp_path)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert " passed in " in finished.stdout
    assert not set(finished.stdout.split()) & {"failed", "skipped", "error", "errors"}


def test_it_is_there_for_programs(installed: Environment) -> None:
    """And its step of the self-test."""
    program = (
        "import landscape_verifier as lv\n"
        "from verify.selftest import steps\n"
        "report = lv.check('linear-attention', eigenvalues=[2, '1/2'], N=3)\n"
        "print(report.as_expected, *report)\n"
        "print(lv.papers()['linear-attention'].settings.__module__)\n"
        "print(steps()['linear-attention']())\n"
        "import linear_attention\n"
        "print(linear_attention.__file__, lv.__file__)\n"
    )
    finished = installed.run("python", "-c", program)
    assert finished.returncode == 0, finished.stderr
    report, settings, step, places = finished.stdout.splitlines()
    assert report.split() == ["True", *IDS]
    assert settings == "linear_attention.settings"
    assert step.startswith("LA1 VERIFIED, ")
    assert all(Path(place).is_relative_to(installed.folder) for place in places.split())


def test_a_copy_by_its_path_where_it_is_installed_too(installed: Environment, tmp_path: Path) -> None:
    """As its author works on it: the copy is checked, not the installed one."""
    shutil.copytree(EXAMPLE / "linear_attention", tmp_path / "linear_attention")
    loss = tmp_path / "linear_attention" / "loss.py"
    loss.write_text(loss.read_text().replace('"a moment of the prompt"', '"another title"'))
    copy = f"paper={tmp_path / 'linear_attention'}"
    finished = installed.run("python", "-m", "verify.check", copy, "D=2", "select=LA1")
    assert finished.returncode == 0, finished.stderr
    assert "another title" in finished.stdout


def test_by_its_path_without_installing(tmp_path: Path) -> None:
    """Its certificates are declined, not accepted, where its recheck is not installed."""
    path, file = EXAMPLE.relative_to(ROOT) / "linear_attention", tmp_path / "certificates.json"
    command = [sys.executable, "-m", "verify.check", f"paper={path}", "D=2", f"certificate={file}"]
    finished = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "9 of 9 as expected" in finished.stdout
    replayed = subprocess.run([sys.executable, "-m", "verify.replay", file], capture_output=True, text=True, cwd=ROOT)
    assert replayed.returncode == 3
    assert "no recheck installed for linear-attention" in replayed.stdout


def test_the_program_does_not_know_it() -> None:
    """A paper needs one folder, and no edit elsewhere."""
    sources = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    assert len(sources) > 100
    named = [
        path for path in sources if any(name in path.read_text() for name in ("linear_attention", "linear-attention"))
    ]
    assert named == []
