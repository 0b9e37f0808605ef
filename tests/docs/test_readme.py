"""The commands of the README print what it shows, in the order in which it shows them, at 120 columns."""

from __future__ import annotations

import re
import shlex
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks, transcript

README = ROOT / "README.md"


def without_chance(text: str) -> str:
    """Without times, and without the size of a prime's error, which belongs to the run."""
    return re.sub(r"in \d+\.\d+ s", "in 0.0 s", text)


def test_commands_print_what_the_readme_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    monkeypatch.delitem(sys.modules, "my_lemmas", raising=False)  # of another page, which calls its file so too
    checked = 0
    for block in blocks(README):
        if match := re.match(r"# (\w+\.py)\n", block.code):
            (tmp_path / match[1]).write_text(block.code)
        if block.language != "console":
            continue
        for command, shown in transcript(block.code):
            module, *words = shlex.split(command.removeprefix("python -m "))
            import_module(module).main(words)
            output = capsys.readouterr().out
            if shown:
                assert without_chance(output) == without_chance(shown), command
                checked += 1
    assert checked == 3
    sys.modules.pop("my_lemmas")
