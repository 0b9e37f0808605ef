"""Pages to read by: the glossary, the notation, how to cite, and the workflow for continuous integration."""

from __future__ import annotations

import re
import shlex
import sys

import pytest

from tests.docs.pages import DOCS, ROOT, blocks
from verify import __version__
from verify.check import get_paper, parse_request
from verify.registry import papers
from verify.report.glossary import GRADES, TERMS, VERDICTS
from verify.report.mathml import statement_html
from verify.settings import UsageError, read_words

sys.path.append(str(DOCS / "_ext"))
from glossary_of import EXAMPLES, entries  # needs the path above


def checked(words: list[str]) -> None:
    values = read_words(words)
    parse_request(get_paper(values.get("paper", "sub-n-grams")), values)


def workflow_commands() -> list[list[str]]:
    page = DOCS / "continuous-integration.md"
    yaml = "\n".join(block.code for block in blocks(page) if block.language == "yaml")
    return [shlex.split(command) for command in re.findall(r"python -m verify\.check ([^>|\n]*)", yaml)]


def test_commands_of_the_workflow_are_understood() -> None:
    commands = workflow_commands()
    assert {word for words in commands for word in words} >= {"format=markdown", "format=junit", "format=html"}
    for words in commands:
        checked(words)
    with pytest.raises(UsageError):
        checked(["k=2", "n=3", "format=markdwn"])


def test_the_glossary_page_explains_every_paper() -> None:
    shown = re.findall(r"^```\{glossary-of\} (\S+)$", (DOCS / "glossary.md").read_text(encoding="utf-8"), re.M)
    assert shown == ["grades", "verdicts", "words", *papers()]
    assert len(entries("grades")) == len(GRADES) and len(entries("verdicts")) == len(VERDICTS)
    assert entries("words") == TERMS and entries("next-token") == papers()["next-token"].symbols


def test_examples_of_the_notation_are_typeset() -> None:
    for text in EXAMPLES:
        seen = re.sub(r'alttext="[^"]*"', "", str(statement_html(text)))
        assert "<math" in seen and not re.search(r"[\^_']|\+/-|\.\.|inf\b|\de-", seen), text


def test_both_ways_to_cite_say_the_same() -> None:
    cff = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    bibtex = (DOCS / "cite.md").read_text(encoding="utf-8")
    assert f"version: {__version__}\n" in cff and f"version = {{{__version__}}}" in bibtex
    for paper in papers().values():
        number = paper.source.partition("arXiv ")[2]
        assert number and f"arXiv {number}" in cff and f"arXiv {number}" in bibtex
        assert paper.title in cff and paper.title in bibtex
