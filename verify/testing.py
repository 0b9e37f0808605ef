"""For your own pytest suite: check claims of a paper, also of your own, one test for each.

from verify.testing import assert_as_expected, claim_ids

@pytest.mark.parametrize("id", claim_ids("sub-n-grams"))
def test_claim(id):
    assert_as_expected("sub-n-grams", "k=2", "n=3", f"select={id}")
"""

from __future__ import annotations

import json
import textwrap
from typing import Any

from verify.check import parse_request
from verify.claim import Claim, Finding, Paper, Result
from verify.lemma.declared import lemmas_of
from verify.registry import get_paper
from verify.report.plain import plain
from verify.runner import run_claims
from verify.settings import read_words

LINE = 100  # characters of a statement in a line of code
LEMMA = "claim_of_a_lemma"  # the argument of test_lemma


def claim_ids(paper: str | Paper) -> list[str]:
    """The ids of a paper's claims, to make one test of each (`pytest.mark.parametrize`)."""
    return [claim.id for claim in _paper(paper).claims]


def assert_as_expected(paper: str | Paper, *words: str) -> list[Result]:
    """AssertionError unless every claim comes out as expected; returns what was found.

    paper  a name, as in paper=NAME, or a Paper of your own
    words  as on the command line of python -m verify.check: "k=2", "n=3", "select=SN5"

    A claim that is not selected does not hold up those that rest on it. UsageError for words that cannot be understood.
    """
    given = _paper(paper)
    settings, claims = parse_request(given, read_words(words))
    results = run_claims(claims, settings, budget=settings.budget)
    _require_expected(results)
    return results


def assert_claim(claim: Claim, settings: Any = None) -> Finding:
    """AssertionError unless this one claim, which need not belong to a paper, comes out as expected.

    settings  what claim's check takes as its first argument
    """
    results = run_claims([claim], settings)
    _require_expected(results)
    return results[0].finding


def assert_same_statements(paper: str | Paper, recheck: Any) -> None:
    """AssertionError unless the recheck says of every claim that it knows just what the paper says.

    recheck  the module, with STATEMENTS

    The message holds the lines to paste into the recheck, once you have read them: they are what its checks decide. The
    two remain two texts, as the recheck imports nothing of the paper; that they are equal proves no meaning.
    """
    said = {claim.id: claim.statement for claim in _paper(paper).claims}
    unknown = [id for id in recheck.STATEMENTS if id not in said]
    others = [id for id, statement in recheck.STATEMENTS.items() if statement != said.get(id, statement)]
    if unknown:
        raise AssertionError(f"{', '.join(unknown)}: the recheck knows them, the paper does not")
    if others:
        lines = [line for id in recheck.STATEMENTS for line in _as_code(id, said[id])]
        told = f"{', '.join(others)}: the paper has another statement than the recheck, which should read"
        raise AssertionError("\n".join([told, "STATEMENTS = {", *lines, "}"]))


def _as_code(id: str, statement: str) -> list[str]:
    """An entry of a dictionary, in lines of Python."""
    words = textwrap.wrap(statement, LINE, break_long_words=False, break_on_hyphens=False)
    pieces = [f"{line} " for line in words[:-1]] + words[-1:]
    return [f'    "{id}": (', *(f"        {json.dumps(piece, ensure_ascii=False)}" for piece in pieces), "    ),"]


def pytest_generate_tests(metafunc: Any) -> None:
    """Imported into a module with lemmas, with `test_lemma`: makes a test of each."""
    if LEMMA in metafunc.fixturenames:
        found = lemmas_of(metafunc.module)
        metafunc.parametrize(LEMMA, found, ids=[claim.id for claim in found])


def test_lemma(claim_of_a_lemma: Claim) -> None:
    """Imported into a module with lemmas, with `pytest_generate_tests`: a test of each, that it is as expected."""
    assert_claim(claim_of_a_lemma)


def _paper(paper: str | Paper) -> Paper:
    return get_paper(paper) if isinstance(paper, str) else paper


def _require_expected(results: list[Result]) -> None:
    wrong = [_surprise(result) for result in results if not result.as_expected]
    if wrong:
        raise AssertionError("\n".join([f"{len(wrong)} of {len(results)} claims not as expected", *wrong]))


def _surprise(result: Result) -> str:
    """The claim, and what was found against it, as lines of text."""
    finding = result.finding
    facts = {
        "claim": result.claim.statement,
        "found": finding.found,
        "predicted": finding.predicted,
        "reason": finding.reason,
        "scope": finding.scope,
        "counterexample": plain(finding.details.get("counterexample", "")),
        "raised": "\n".join(finding.details.get("traceback", [])),
    }
    lines = [f"{result.claim.id} ({result.claim.title}) is {result.verdict}, expected {result.expected}"]
    return "\n".join(lines + [f"  {name:<14}  {fact}" for name, fact in facts.items() if fact])
