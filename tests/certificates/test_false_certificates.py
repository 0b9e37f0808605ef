"""Thousands of certificates that are false in one place, each with the digest that belongs to it: none is accepted.

Whether a change makes a certificate false is not asked of the checker: see `residuals`. One that may still be true (a
vector of a basis stretched, two points in another order) is not tried.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice, pairwise
from random import Random
from typing import Any

import pytest

from tests.certificates import mean_field, next_token
from tests.certificates.next_token import Entry, sealed
from tests.certificates.residuals import FORMS, residual
from verify import replay
from verify.recheck.registry import rechecks

TRUE, FALSE = 1e-9, 1e-6  # residuals of what holds up to rounding, and of what certainly does not
LEAST, MOST = 2000, 160  # certificates of a paper; of one claim and setting


def true_certificates(paper: str) -> list[Entry]:
    """Those of all its claims, some at several settings."""
    if paper == "mean-field":
        return [entry for k, m in ((1, 3), (2, 4)) for entry in mean_field.produced(k, m)[0].values()]
    drawn = [{"dataset": "random", "V": "6", "draws": "1", "seed": str(seed)} for seed in range(6)]
    on_data = [entry for words in drawn for entry in next_token.certified("NT7m", "NT9m", **words).values()]
    return [*next_token.named().values(), *on_data]


Path = tuple[Any, ...]


def nodes(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value in it, and where it stands."""
    yield path, value
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from nodes(item, (*path, key))


def put(entry: Entry, path: Path, value: Any) -> Entry:
    changed = copy.deepcopy(entry)
    place: Any = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return changed


def other_values(value: Any) -> list[Any]:
    """For a number another one; for a part one thing less, two neighbours swapped, one twice, or all numbers scaled."""
    if type(value) is int:
        return [value + 1, value - 1]
    if isinstance(value, str):
        x = Fraction(value)
        return [str(y) for y in {x + 1, x - 1, -x, 2 * x, x / 2, Fraction(0), x + Fraction(1, 1000)} - {x}]
    multiples = [other for c in (Fraction(2), Fraction(1, 2), Fraction(-1)) if (other := scaled(value, c)) != value]
    if isinstance(value, dict):
        return [*multiples, *({key: x for key, x in value.items() if key != left_out} for left_out in value)]
    swaps = [[*value[:i], b, a, *value[i + 2 :]] for i, (a, b) in enumerate(pairwise(value)) if a != b]
    lengths = ([*value[:i], *rest, *value[i + 1 :]] for i, x in enumerate(value) for rest in ([], [x, x]))
    return [*multiples, *swaps, *lengths]


def scaled(value: Any, factor: Fraction) -> Any:
    """With every rational number in it multiplied; whole numbers are names and sizes."""
    if isinstance(value, dict):
        return {key: scaled(x, factor) for key, x in value.items()}
    if isinstance(value, list):
        return [scaled(x, factor) for x in value]
    return str(Fraction(value) * factor) if isinstance(value, str) else value


def with_false_content(entry: Entry) -> Iterator[Entry]:
    """A value in parameters or witness, drawn at random, is another; and what the certificate says is not so."""
    assert residual(entry) < TRUE
    places = [
        (path, other)
        for part in ("parameters", "witness")
        for path, value in nodes(entry[part], (part,))
        for other in (other_values(value) if len(path) > 1 else [])
    ]
    Random(0).shuffle(places)
    changes = (put(entry, path, other) for path, other in places)
    yield from islice((changed for changed in changes if residual(changed) > FALSE), MOST)


WORDS = [
    ("<=", "<"),
    (">=", ">"),
    (" = ", " < "),
    ("+", "-"),
    ("- ", "+ "),
    ("2", "3"),
    ("never", "always"),
    ("all", "no"),
]


def with_another_statement(entry: Entry) -> Iterator[Entry]:
    """A bound made strict, a sign or a number changed, at each place."""
    text = entry["statement"]
    for old, new in WORDS:
        places = [i for i in range(len(text)) if text.startswith(old, i)]
        yield from ({**entry, "statement": f"{text[:i]}{new}{text[i + len(old) :]}"} for i in places)


def under_another_name(paper: str, entry: Entry) -> Iterator[Entry]:
    """The same content for a claim that needs another; or the other verdict."""
    known = rechecks()[paper]
    yield {**entry, "verdict": "REFUTED" if entry["verdict"] == "VERIFIED" else "VERIFIED"}
    for claim, verdict in known.CLAIMS:
        if claim in FORMS and FORMS.get(entry["claim"]) is not FORMS[claim]:
            yield {**entry, "claim": claim, "statement": known.STATEMENTS[claim], "verdict": verdict}


def distinct(entries: Iterator[Entry]) -> list[Entry]:
    """With the digest that belongs to each."""
    return [json.loads(text) for text in sorted({json.dumps(sealed(entry), sort_keys=True) for entry in entries})]


@pytest.mark.parametrize("paper", ["mean-field", "next-token"])
def test_no_false_certificate_is_accepted(paper: str) -> None:
    true = true_certificates(paper)
    contents = distinct(changed for entry in true if entry["claim"] in FORMS for changed in with_false_content(entry))
    frames = distinct(
        changed for entry in true for changed in (*with_another_statement(entry), *under_another_name(paper, entry))
    )
    assert len(contents) >= LEAST and {entry["claim"] for entry in contents} == claims_with_witness(paper)
    assert {entry["claim"] for entry in frames} == rechecks()[paper].STATEMENTS.keys()
    for entry in (*contents, *frames):
        (found,) = replay.outcomes([{"paper": paper, "entry": entry}], replay.LIMIT)
        assert found[0] == "rejected", (found, entry)


def claims_with_witness(paper: str) -> set[str]:
    return FORMS.keys() & rechecks()[paper].STATEMENTS.keys()


@pytest.mark.parametrize("paper", ["mean-field", "next-token"])
def test_every_witness_is_looked_into(paper: str) -> None:
    with_witness = {entry["claim"] for entry in true_certificates(paper) if entry["witness"]}
    assert with_witness == claims_with_witness(paper)
