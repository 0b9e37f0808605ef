"""The Python sessions on the pages, as doctests; and the commands whose output a page shows."""

from __future__ import annotations

import doctest
import shlex
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, PAGES, blocks, transcript
from verify.gradient import main as gradient

SESSIONS = [page for page in PAGES if any(block.language == "pycon" for block in blocks(page))]
RUN = [
    step
    for page in PAGES
    if page not in (DOCS / "extending.md", DOCS / "lemmas.md")  # test_tutorial and test_lemmas_page run these
    for block in blocks(page)
    if block.language == "console"
    for step in transcript(block.code)
    if step[1].strip()
]


@pytest.mark.parametrize("page", SESSIONS, ids=lambda page: page.stem)
def test_sessions_print_what_the_page_shows(page: Path) -> None:
    session = "".join(block.code for block in blocks(page) if block.language == "pycon")
    test = doctest.DocTestParser().get_doctest(session, {}, page.stem, str(page), 0)
    assert len(test.examples) >= 5
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(test)
    assert runner.failures == 0


@pytest.mark.parametrize(("command", "shown"), RUN, ids=[command for command, _ in RUN])
def test_commands_print_what_the_page_shows(command: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    module, *words = shlex.split(command.removeprefix("python -m "))
    assert module == "verify.gradient", "only this one is quick, and prints no times"
    assert gradient(words) == 0
    assert capsys.readouterr().out == shown


def test_there_are_some() -> None:
    assert len(SESSIONS) >= 2 and len(RUN) >= 1
