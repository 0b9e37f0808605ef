"""The page with all claims shows what the program finds; the rows of the main paper: test_sub_ngrams_claims."""

from __future__ import annotations

import pytest

from tests.docs.claims_page import COMMANDS, compared, row, rows
from verify.registry import papers
from verify.runner import run_claims, select_claims
from verify.settings import read_words, validate


def test_every_claim_has_a_row_and_each_row_a_claim() -> None:
    assert list(rows()) == [claim.id for name in COMMANDS for claim in papers()[name].claims]
    assert set(COMMANDS) == set(papers())


@pytest.mark.parametrize(
    ("name", "id"), [(name, claim.id) for name in ("mean-field", "next-token") for claim in papers()[name].claims]
)
def test_the_row_is_what_the_program_finds(name: str, id: str) -> None:
    settings = validate(papers()[name].settings, read_words(COMMANDS[name].split()))
    (result,) = run_claims(select_claims(papers()[name].claims, [id], ()), settings)
    assert compared(row(result)) == rows()[id]


def test_numbers_in_floats_are_not_compared_and_all_else_is() -> None:
    line = "| [X](#x) | title 1 | VERIFIED | {} | off by 2e\\-15 | below 3 | T in 4 |"
    assert (
        compared(line.format("numeric")) == "| [X](#x) | title 1 | VERIFIED | numeric | off by # | below # | T in 4 |"
    )
    assert compared(line.format("exact, written")) == line.format("exact, written")
