"""NT9m and NT9c: where the tokens of a query are in W_kq*, by the checker."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pytest

from tests.certificates.next_token import Entry, named, outcome, sealed
from tests.certificates.test_next_token_margins import at, dataset_of, leaves, mutations, replaced
from verify.recheck.certificate import Certificate, RejectedError
from verify.recheck.next_token import margins

PAIR = dataset_of(3, [1, 2, 0], [([0, 1], 0)])  # query 1: 0 > 1, and 2 unseen
CHAIN = dataset_of(3, [1, 2, 0], [([1, 0, 2], 0), ([1, 2], 1)])  # query 2: 0 > 1 > 2, none unseen
LONG = dataset_of(6, [1, 2, 3, 4, 5, 0], [([0, 1, 4], 0), ([1, 2, 4], 1), ([2, 3, 4], 2)])  # 0 > 1 > 2 > 3, 4; 5 unseen
FULL = dataset_of(5, [1, 2, 3, 4, 0], [([0, 1, 4], 0), ([1, 2, 4], 1), ([2, 3, 4], 2)])  # the same, none unseen


@pytest.fixture(name="named", scope="module")
def named_certificates() -> dict[str, Entry]:
    return named()


def column(q: int, solution: str, duals: str) -> dict[str, Any]:
    return {"column": q, "solution": solution.split(), "duals": duals.split()}


def order(named: dict[str, Entry], parameters: Any, columns: Sequence[dict[str, Any]]) -> str:
    return outcome(sealed(named["NT9m"], parameters=parameters, witness={"datasets": [{"W_kq": list(columns)}]}))


def beaten(named: dict[str, Entry], parameters: Any, *columns: dict[str, Any]) -> str:
    return outcome(sealed(named["NT9c"], parameters=parameters, witness={"W_kq": list(columns)}))


def test_by_hand(named: dict[str, Entry]) -> None:
    assert "accepted" in order(named, PAIR, [column(1, "1/2 -1/2 0", "1/2")])
    assert "accepted" in order(named, CHAIN, [column(2, "1 0 -1", "1 0 1")])
    assert "margin of 0 over 1 is 0" in order(named, PAIR, [column(1, "0 0 0", "0")])
    assert "not the combination" in order(named, PAIR, [column(1, "1/2 -1/2 1", "1/2")])
    assert "not one for each dataset" in outcome(sealed(named["NT9m"], parameters={"datasets": []}, witness=PAIR))


def test_a_longer_solution_is_not_taken(named: dict[str, Entry]) -> None:
    """Its signs are right, but W_kq* it is not."""
    assert "their sum is not" in order(named, PAIR, [column(1, "1 -1 0", "1")])


@pytest.mark.parametrize(
    ("w", "reason"),
    [
        ([2, 1, 0, -1], None),
        ([1, 0, -1, -1, 0], None),
        ([0, -1, -2, -2], None),
        ([2, 1, 0, 0, 1], "unseen token 4 is at 1"),
        ([-1, -2, -3, -4], "token 0, beaten by none, is at -1"),
        ([3, 2, 1, 1], "token 2, which beats none, is at 1"),
        ([2, 2, 0, -1], "a margin is below 1"),
    ],
)
def test_every_condition_is_demanded(w: list[int], reason: str | None) -> None:
    """They follow from optimality: so they are called without it."""
    pairs = [(0, 1), (1, 2), (1, 3)]
    c = Certificate({}, {}, 100)
    if reason is None:
        margins.check_order(c, [Fraction(x) for x in w], pairs, "here")
    else:
        with pytest.raises(RejectedError, match=reason):
            margins.check_order(c, [Fraction(x) for x in w], pairs, "here")


def test_a_chain_of_the_documentation(named: dict[str, Entry]) -> None:
    assert outcome(named["NT9c"]).startswith("accepted")
    assert "W_kq*[1,4] = 4/5" in outcome(named["NT9c"])


def test_what_refutes_nothing_is_rejected(named: dict[str, Entry]) -> None:
    found = beaten(named, PAIR, column(1, "1/2 -1/2 0", "1/2"))
    assert found.startswith("rejected") and "no beaten token is above 0" in found
    found = beaten(named, CHAIN, column(2, "1 0 -1", "1 0 1"))  # the middle is at 0, and nothing is unseen
    assert "no beaten token is above 0" in found
    with_unseen = dataset_of(4, [1, 2, 3, 0], [([1, 0, 2], 0), ([1, 2], 1)])  # at 0, where the unseen token is
    assert "no beaten token is above 0" in beaten(named, with_unseen, column(2, "1 0 -1 0", "1 0 1"))
    (own,) = named["NT9c"]["witness"]["W_kq"]
    without_unseen = {**own, "solution": own["solution"][:5]}
    assert "no beaten token is above 0" in beaten(named, FULL, without_unseen)
    assert beaten(named, LONG, own).startswith("accepted")


def test_two_datasets_are_not_one(named: dict[str, Entry]) -> None:
    twice = {"datasets": LONG["datasets"] * 2}
    assert "not one" in beaten(named, twice, *named["NT9c"]["witness"]["W_kq"])


@pytest.mark.parametrize("id", ["NT9m", "NT9c"])
def test_every_leaf_of_the_witness_counts(named: dict[str, Entry], id: str) -> None:
    entry = named[id]
    if id == "NT9m":  # DS-D, the hardest
        last = ({"datasets": entry[part]["datasets"][3:]} for part in ("parameters", "witness"))
        entry = sealed(entry, **dict(zip(("parameters", "witness"), last, strict=True)))
    assert outcome(entry).startswith("accepted")
    tried = 0
    for path in leaves(entry["witness"]):
        for new in mutations(at(entry["witness"], path)):
            tried += 1
            assert outcome({**entry, "witness": replaced(entry["witness"], path, new)}).startswith("rejected"), path
    assert tried > 50
