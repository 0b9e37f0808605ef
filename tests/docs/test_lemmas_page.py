"""The page on lemmas: its file, and every line of its sessions."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, blocks, transcript
from verify import check, replay

PAGE = blocks(DOCS / "lemmas.md")
MAIN = {"verify.check": check.main, "verify.replay": replay.main}


def without_chance(text: str) -> str:
    """Without times, and without the size of a prime's error, which belongs to the run."""
    return re.sub(r"in \d+\.\d+ s", "in 0.0 s", text)


def test_every_line_prints_what_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    (file,) = [block for block in PAGE if block.caption]
    Path(file.caption).write_text(file.code, encoding="utf-8")
    steps = [step for block in PAGE if block.language == "console" for step in transcript(block.code)]
    assert len(steps) == 4
    for command, shown in steps:
        module, *words = shlex.split(command.removeprefix("python -m "))
        assert MAIN[module](words) == 0
        assert without_chance(capsys.readouterr().out) == without_chance(shown), command
