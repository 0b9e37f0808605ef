"""A letter of a claim leads to the entry of the glossary that it means, or to none: every claim of every paper."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from verify.claim import Claim, Paper
from verify.registry import papers
from verify.report.glossary import explained_in, normal, symbols_in
from verify.report.notation import Formula, read_statement

SAME = {  # claims that say once more what a symbol is, in other words, or of what kind it is there
    "SN4n": {"G"}, "SN9": {"W"}, "SN16": {"r"}, "SN17": {"r"}, "SN18": {"R"}, "SN24": {"z_j"}, "SN26a": {"theta_k"},
    "SN27": {"V", "z_j"}, "MF1": {"W"}, "MF2": {"M"}, "MF6f": {"L"}, "MF7": {"R"}, "MF8": {"R"}, "MF12": {"B"},
    "MF13": {"L"}, "MF14": {"mu"}, "MF15": {"R"}, "MF18": {"B"}, "MF18n": {"A", "B"}, "MF19n": {"A", "W"},
    "NT1": {"phi"}, "NT3": {"W_ov"}, "NT7i": {"W_ov"}, "NT8": {"u"}, "NT16": {"W_t"},
}  # fmt: skip
PARAMETERS = {"S", "n", "T", "k", "q", "c", "c_A", "alpha", "beta", "Lambda"}  # T = infinity is no other T
MEANT = {  # of letters with two meanings in a paper: the claims in which they have that of the glossary
    "sub-n-grams": {
        "h": "SN3 SN3c SN4n SN12",
        "l": "SN1",
        "r": "SN16 SN16s SN17 SN21",
        "p": "SN1 SN14 SN14c SN25a SN26a",
        "P": "SN1 SN25a",
        "K": "SN0 SN2 SN4n SN5 SN6 SN12 SN19 SN23 SN24 SN25 SN25e",
        "D": "SN16 SN16s SN17 SN21 SN22c",
        "m": "SN16 SN16s SN17 SN18 SN21",
        "A": "SN0 SN2 SN14 SN14c SN27",
        "L": "SN25a SN25c SN25d SN25f SN26 SN26a",
        "G": "SN4 SN4c SN4n",
        "E": "SN4 SN4c SN4n SN16 SN17 SN22 SN25a",
        "d": "SN18",
        "N": "SN3 SN3c",
        "f": "SN24 SN25d SN26a",
        "along": "SN7",
        "gradient": "SN0 SN1 SN2 SN5 SN6 SN7 SN8 SN9 SN15 SN17 SN19 SN20 SN22 SN25 SN25e SN27",
        "V": "SN0 SN2 SN4n SN5 SN6 SN19 SN27",
    },
    "mean-field": {"E": "MF3", "D": "MF3 MF5 MF8 MF15 MF18"},
    "next-token": {
        "c": "NT1",
        "L": "NT5 NT6w NT7 NT7b NT7c NT10 NT11 NT13 NT13c NT15",
        "L*": "NT7 NT7b NT7c NT7i NT10 NT11 NT13 NT13c",
    },
}


def texts(claim: Claim) -> list[str]:
    return [claim.title, claim.statement, *claim.assumptions]


def defined(text: str) -> Iterator[tuple[str, str]]:
    """Names that a text says what they are, and what: D = S^(n-1), A the bound of SN16, G being the tokens."""
    pieces = [*read_statement(text), ""]
    for piece, after in itertools.pairwise(pieces):
        if isinstance(piece, Formula):
            name = r"([A-Za-z]+(?:_\{[^}]*\}|_\w+)?)"
            yield from re.findall(rf"(?:^|(?<=, )){name} = (.+)$", piece.text)
            yield from re.findall(rf"(?<=, ){name} = ([^,]+)", piece.text)
            if re.fullmatch(name, piece.text) and re.match(r",? (the|an?|being|is the|is an?)\b", str(after)):
                yield piece.text, str(after)


def redefined(paper: Paper, claim: Claim) -> set[str]:
    """Symbols that lead to the glossary, though the claim says that they are something which is not said there."""
    linked = {normal(symbol): symbol for symbol in explained_in([claim.statement], paper, claim.id)[0]}
    return {
        linked[normal(name)]
        for name, what in defined(claim.statement)
        if normal(name) in linked and what not in paper.symbols[linked[normal(name)]] and name not in PARAMETERS
    }


@pytest.fixture(params=papers())
def paper(request: pytest.FixtureRequest) -> Paper:
    return papers()[request.param]


def test_no_claim_links_a_letter_that_it_defines_otherwise(paper: Paper) -> None:
    for claim in paper.claims:
        assert redefined(paper, claim) <= SAME.get(claim.id, set()), claim.id


def test_a_letter_that_is_defined_otherwise_is_seen() -> None:
    """The control: without the meanings of their own, claims would send their reader to the wrong entry."""
    paper = papers()["sub-n-grams"]
    claims = {claim.id: claim for claim in paper.claims}
    for id, letter in {"SN7": "r", "SN17": "L", "SN20": "A", "SN26": "D", "SN16": "K"}.items():
        assert letter in redefined(replace(paper, own={}), claims[id]), id
        assert letter not in redefined(paper, claims[id])


def test_a_letter_with_two_meanings_leads_where_it_is_meant(paper: Paper) -> None:
    known = {normal(symbol) for symbol in paper.symbols}
    twice = {letter for own in paper.own.values() for letter in own if normal(letter) in known}
    assert set(MEANT[paper.name]) == twice
    for letter in twice:
        linked = [claim.id for claim in paper.claims if letter in explained_in(texts(claim), paper, claim.id)[0]]
        assert " ".join(linked) == MEANT[paper.name][letter], letter


def test_meanings_of_a_claim_s_own_are_used(paper: Paper) -> None:
    claims = {claim.id: claim for claim in paper.claims}
    for id, own in paper.own.items():
        said = [*texts(claims[id]), *EXTRA.get(id, ())]
        assert set(symbols_in(said, {**paper.symbols, **own})) >= set(own), id


EXTRA = {
    "SN10": ["p(T)"],
    "SN23": ["eigenvalues +m, -m"],
    "NT9c": ["[b, c, q]"],
}  # what these find, predict, or speak of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A term beta f", {"beta", "f"}),  # an article
        ("A run of all. A sequence x_1", {"x_t"}),
        ("the bounds of SN7n, DS-A", set()),  # ids
        ("d log p_theta(s) and dl/dz_j", {"p_theta", "l", "z_j"}),  # differentials
        ("d(g) of the law", {"d"}),
        ("type_classes at T", {"type_classes", "T"}),
    ],
)
def test_single_letters_of_prose_are_no_symbols(text: str, expected: set[str]) -> None:
    assert set(symbols_in([text], papers()["sub-n-grams"].symbols)) == expected


def test_own_meanings_are_said_and_not_linked() -> None:
    paper = papers()["sub-n-grams"]
    linked, own = explained_in(["where K D is at most d"], paper, "SN22c")
    assert linked == ["D"] and own == {"K": paper.own["SN22c"]["K"]}
    nobody: Mapping[str, str] = {}
    assert explained_in(["K D"], paper, "ZZ1") == (["K", "D"], nobody)
