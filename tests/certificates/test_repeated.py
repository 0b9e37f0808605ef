"""What a certificate names several times counts once in its scope."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from verify import replay
from verify.check import parse_request
from verify.recheck.certificate import digest
from verify.registry import get_paper
from verify.report.certificates import entry
from verify.runner import run_claims
from verify.settings import read_words


def made(paper: str, words: str) -> dict[str, Any]:
    settings, claims = parse_request(get_paper(paper), read_words(words.split()))
    (result,) = run_claims(claims, settings)
    return entry(result)


REPEATED: list[tuple[str, str, str, str | None]] = [  # and the list of the witness that goes with it
    ("sub-n-grams", "k=2 n=3 S=3 select=SN5", "kernels", None),
    ("next-token", "dataset=DS-A select=NT7m", "datasets", "datasets"),
    ("next-token", "dataset=DS-A select=NT9m", "datasets", "datasets"),
]


@pytest.mark.parametrize(("paper", "words", "name", "witness"), REPEATED, ids=[words for _, words, _, _ in REPEATED])
def test_the_scope_of_a_certificate_counts_once(paper: str, words: str, name: str, witness: str | None) -> None:
    once = made(paper, words)
    again = copy.deepcopy(once)
    again["parameters"][name] *= 3
    if witness:
        again["witness"][witness] *= 3
    again["digest"] = digest(again["claim"], again["statement"], again["verdict"], again["parameters"])
    assert replay.replay(paper, again)[2] == replay.replay(paper, once)[2]
