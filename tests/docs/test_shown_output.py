"""What pages show as output without a session: lines of it are what the commands above them print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, PAGES, blocks
from verify.check import main as check
from verify.replay import main as replay

DURATION = re.compile(r"\d[\d.]* (?:s|seconds|minutes|hours)\b")
SETTINGS = ("verdicts.md",)  # a limit that the program keeps, no measurement


def shown(page: str) -> list[str]:
    (text,) = [block.code for block in blocks(DOCS / page) if block.language == "text"]
    return text.splitlines()


def test_the_line_that_the_page_on_verdicts_explains(capsys: pytest.CaptureFixture[str]) -> None:
    assert check(["k=2", "n=3", "select=SN8", "format=markdown"]) == 0
    printed = re.sub(r"\\(.)", r"\1", capsys.readouterr().out)
    for line in shown("verdicts.md"):
        cells = re.split(r"\s{2,}", line.strip())
        assert "| " + " | ".join(cells) + " |" in printed, line


def test_the_replay_that_the_page_on_certificates_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown("certificates.md")
    ids = ",".join(re.findall(r"\bSN\d+[a-z]?\b(?= [A-Z]+ )", "\n".join(lines)))
    file = tmp_path / "bigram.json"
    assert check(["k=2", "n=3", f"select={ids}", f"certificate={file}"]) == 0
    capsys.readouterr()
    assert replay([str(file)]) == 0
    printed = [re.split(r"\s{2,}", line.strip()) for line in capsys.readouterr().out.splitlines()]
    for line in lines:
        assert re.split(r"\s{2,}", line.strip()) in printed, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_times_are_said_to_be_examples_of_one_machine(page: Path) -> None:
    prose = re.sub(r"^(`{3,}).*?^\1$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    prose = re.sub(r"`[^`]*`", "", prose)
    if DURATION.search(prose) and page.name not in SETTINGS:
        assert re.search(r"examples? of\s+one\s+machine", prose), DURATION.findall(prose)
