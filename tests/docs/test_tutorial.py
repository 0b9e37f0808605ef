"""The tutorial of the fourth paper, done exactly as its text says, in a copy of the tree."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT, Block, blocks, transcript

TUTORIAL = blocks(DOCS / "extending.md")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The three rooms, with every captioned file of the page written into them."""
    root = tmp_path_factory.mktemp("copy")
    for room in ("verify", "numerics", "proofs"):
        shutil.copytree(ROOT / room, root / room, ignore=shutil.ignore_patterns("__pycache__", "coq"))
    for block in TUTORIAL:
        if block.caption:
            path = root / block.caption
            path.parent.mkdir(exist_ok=True)
            path.write_text(block.code, encoding="utf-8")
    return root


def without_times(text: str) -> str:
    return re.sub(r"in \d+\.\d s", "in 0.0 s", text)


def run(command: str, root: Path) -> str:
    """Standard output of a line of the page, in the copy, with the Python that runs the tests."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(root), "PYTHONWARNINGS": "error"}
    environment.pop("COLUMNS", None)  # the pages show what a reader sees who has not set it
    finished = subprocess.run(
        ["bash", "-c", command], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in finished.stderr, finished.stderr
    return finished.stdout


def test_every_line_of_the_sessions_prints_what_the_page_shows(copy: Path) -> None:
    steps = [step for block in TUTORIAL if block.language == "console" for step in transcript(block.code)]
    assert len(steps) >= 4
    for command, shown in steps:
        assert without_times(run(command, copy)) == without_times(shown), command


def test_the_new_registry_keeps_every_paper_that_was_there() -> None:
    (registry,) = [block for block in TUTORIAL if block.caption == "verify/papers/__init__.py"]
    before = (ROOT / "verify" / "claims" / "__init__.py").read_text(encoding="utf-8").splitlines()
    assert [line for line in before if "papers()" not in line and line not in registry.code.splitlines()] == []


@pytest.mark.parametrize("block", [block for block in TUTORIAL if block.caption], ids=lambda block: block.caption)
def test_the_files_of_the_tutorial_are_written_as_the_project_is(block: Block, copy: Path) -> None:
    for command in ("check", "format --check"):
        finished = subprocess.run(
            [sys.executable, "-m", "ruff", *command.split(), "--config", str(ROOT / "pyproject.toml"), block.caption],
            cwd=copy,
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout
