"""What the claims of the main paper find: computed anew, or once in a worker however many tests look at it."""

from __future__ import annotations

from functools import cache

from verify.claim import Result
from verify.papers.sub_ngrams import PAPER
from verify.runner import run_claims, select_claims
from verify.settings import read_words, validate


def run(words: str, *select: str) -> list[Result]:
    """Computed anew: for tests that have changed something."""
    settings = validate(PAPER.settings, read_words(words.split()))
    return run_claims(select_claims(PAPER.claims, select, ()), settings)


def found(words: str, *select: str) -> list[Result]:
    """For tests that change nothing, and only read. Each claim by itself, whatever those find on which it rests."""
    return [_one(words, claim.id) for claim in select_claims(PAPER.claims, select, ())]


@cache
def _one(words: str, id: str) -> Result:
    (result,) = run(words, id)
    return result
