"""The page on near-stationarity: its command draws the picture, and finds what the caption says."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, blocks
from verify.stationary import main

PAGE = DOCS / "near-stationary.md"
SHORTER = {"T": "4,5,6,7", "error": "0.5"}  # for the test


def test_the_command_draws_a_picture_of_a_refuted_claim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (command,) = [block.code for block in blocks(PAGE) if block.language == "console"]
    module, *words = shlex.split(command.removeprefix("$ python -m "))
    given = dict(word.split("=", 1) for word in words)
    monkeypatch.chdir(DOCS.parent)
    target = tmp_path / given["output"]
    changed = {**given, **SHORTER, "output": str(target), "executor": "inline"}
    assert module == "verify.stationary" and main([f"{key}={value}" for key, value in changed.items()]) == 1
    assert target.read_bytes().startswith(b"<?xml")
    stored = (DOCS / "your_own" / given["output"]).read_text(encoding="utf-8")
    assert stored.startswith("<?xml") and "claimed" in PAGE.read_text(encoding="utf-8")
