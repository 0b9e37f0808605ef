"""Certificates of the mean-field paper: the true ones are accepted, and whatever is false in one is noticed."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import pytest

from tests.certificates.completeness import without_certificate
from tests.certificates.mean_field import EXACT, LANDSCAPE, Entry, accept, entry, made, produced
from verify import replay
from verify.papers.mean_field import PAPER
from verify.papers.mean_field.settings import MeanFieldSettings
from verify.recheck.certificate import DeclinedError, RejectedError
from verify.recheck.mean_field import CLAIMS, STATEMENTS, identities
from verify.recheck.mean_field.identities import Model
from verify.runner import run_claims
from verify.settings import validate


def test_statements_are_those_of_the_claims() -> None:
    assert {claim.id: claim.statement for claim in EXACT} == STATEMENTS
    assert {id for id, _ in CLAIMS} == STATEMENTS.keys()


@pytest.mark.parametrize(("k", "m"), [(3, 6), (1, 3), (2, 2)])
def test_every_exact_verdict_has_a_certificate_that_is_accepted(k: int, m: int) -> None:
    """By default, where two more claims are exact, and where there is no saddle."""
    entries, missing = produced(k, m)
    expected = set(STATEMENTS) - ({"MF8", "MF9"} if k > 1 else set()) - ({"MF7"} if k == m else set())
    assert missing == [] and set(entries) == expected
    grades = {claim: replay.replay("mean-field", item)[1] for claim, item in entries.items()}
    assert all(grade == "exact" or float(grade.split("-")[1]) >= 70 for grade in grades.values())
    if m > k:
        assert grades["MF6c"] == grades["MF9c"] == "exact"


def test_no_other_claim_is_settled_exactly() -> None:
    """At k = 1, where most is exact; training and the numeric claims apart, which take time and are never exact."""
    others = [c for c in PAPER.claims if c.id not in STATEMENTS and not c.id.endswith(("n", "t"))]
    results = run_claims(others, validate(MeanFieldSettings, {"k": "1", "m": "3", "instances": "1"}))
    assert without_certificate(results) == [] and {r.claim.id for r in results} >= {"MF5b", "MF10", "MF11", "MF13"}


def test_the_scope_says_what_was_checked() -> None:
    assert accept(made("MF2", k=2, m=3)) == "every k, m, F and full-rank H, every E; entries as variables at k=2, m=3"
    assert "on 2 points, k=1" in accept(made("MF12", k=1, points=2))
    assert "all 5 S, eigenvalues" not in accept(entry("MF6", 2, 4)) and "all 4 S" in accept(entry("MF6", 2, 4))


# Whatever stands in a witness


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(item, (*path, key))
    else:
        yield path


def changed(witness: Any, path: tuple[Any, ...], change: Callable[[Any], Any]) -> Any:
    result = copy.deepcopy(witness)
    inside = result
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = change(inside[path[-1]])
    return result


CHANGES: dict[str, Callable[[Any], Any]] = {
    "one more": lambda x: x + 1 if isinstance(x, int) else str(Fraction(x) + 1),
    "slightly less": lambda x: x - 1 if isinstance(x, int) else str(Fraction(x) - Fraction(1, 10**9)),
    "another type": lambda x: str(x) if isinstance(x, int) else [x],
}


def only_scaled(witness: Any, path: tuple[Any, ...], change: str) -> bool:
    """Whether a changed number stretches a vector of an orthogonal basis, which may have any length."""
    if "unseen" not in path or change == "another type":
        return False
    vector = witness["points"][path[1]]["unseen"][path[3]]
    return all((x == "0") != (i == path[4]) for i, x in enumerate(vector))


@pytest.mark.parametrize(("k", "m", "change"), [(2, 4, "one more"), *((1, 3, change) for change in CHANGES)])
@pytest.mark.parametrize("claim", LANDSCAPE)
def test_no_number_of_a_witness_can_be_changed(claim: str, k: int, m: int, change: str) -> None:
    """At these sizes no change of one entry of H leaves its row space as it is, which would be a true witness again."""
    item = entry(claim, k, m)
    paths = [path for path in leaves(item["witness"]) if not only_scaled(item["witness"], path, change)]
    assert len(paths) >= 2 * k * m
    for path in paths:
        with pytest.raises(RejectedError):
            accept({**item, "witness": changed(item["witness"], path, CHANGES[change])})
    with pytest.raises(RejectedError, match="not part of this certificate"):
        accept({**item, "witness": {**item["witness"], "note": "true"}})
    for key in item["witness"]:
        with pytest.raises(RejectedError, match="missing"):
            accept({**item, "witness": {name: x for name, x in item["witness"].items() if name != key}})


@pytest.mark.parametrize("claim", ["MF6", "MF7"])
def test_no_number_of_the_target_can_be_changed(claim: str) -> None:
    item = entry(claim, 2, 4)
    for path in leaves(item["parameters"]):
        with pytest.raises(RejectedError):
            accept({**item, "parameters": changed(item["parameters"], path, CHANGES["one more"])})


def test_points_say_nothing_that_is_not_read() -> None:
    for claim in ("MF6", "MF7"):
        item = entry(claim, 1, 3)
        item["witness"]["points"][-1]["note"] = "true"
        with pytest.raises(RejectedError, match="not part of this certificate"):
            accept(item)


def scaled(rows: list[list[str]], factor: Fraction) -> list[list[str]]:
    return [[str(Fraction(x) * factor) for x in row] for row in rows]


def test_a_saddle_that_is_missing_or_shown_twice_is_noticed() -> None:
    for claim in ("MF6", "MF7"):
        for forge in (lambda points: points[:-1], lambda points: [*points, points[-1]], lambda points: []):
            item = entry(claim, 2, 4)
            item["witness"]["points"] = forge(item["witness"]["points"])
            with pytest.raises(RejectedError, match="not every S once"):
                accept(item)


def test_a_saddle_under_a_wrong_name_is_noticed() -> None:
    for claim in ("MF6", "MF7"):
        item = entry(claim, 2, 4)
        one, other = (p for p in item["witness"]["points"] if len(p["S"]) == 1)
        one["S"], other["S"] = other["S"], one["S"]
        with pytest.raises(RejectedError, match="does not belong to S"):
            accept(item)


def test_points_that_are_not_critical_are_noticed() -> None:
    """An H that is critical for another target, and one of rank 1."""
    for claim in ("MF6", "MF7"):
        item = entry(claim, 2, 4)
        item["witness"]["points"][-1]["H"] = [row[1:] + row[:1] for row in item["witness"]["points"][-1]["H"]]
        with pytest.raises(RejectedError, match="not critical"):
            accept(item)
        item["witness"]["points"][-1]["H"] = [item["witness"]["points"][-1]["H"][0]] * 2
        with pytest.raises(RejectedError, match="divided by 0"):
            accept(item)


def test_stretched_eigenvectors_are_noticed() -> None:
    """2 u with lambda / 4 still adds up to F F', and 2 R is then a partial isometry; the curvature would be 4 times."""
    item = entry("MF7", 2, 4)
    witness = item["witness"]
    witness["eigenvectors"] = scaled(witness["eigenvectors"], Fraction(2))
    witness["eigenvalues"] = [str(Fraction(x) / 4) for x in witness["eigenvalues"]]
    for point in witness["points"]:
        point["R"], point["curvature"] = scaled(point["R"], Fraction(2)), str(Fraction(point["curvature"]) * 4)
    with pytest.raises(RejectedError, match="not orthonormal"):
        accept(item)


def test_a_basis_that_leaves_out_a_direction_is_noticed() -> None:
    for forge, message in (
        (lambda rows: [rows[0], ["0"] * len(rows[0])], "a vector is 0"),
        (lambda rows: [rows[0], rows[0]], "not orthogonal"),
        (
            lambda rows: [rows[0], [str(Fraction(x) + Fraction(y)) for x, y in zip(*rows, strict=True)]],
            "not orthogonal",
        ),
        (lambda rows: rows[:1], "not 2 x 3"),
        (lambda rows: rows[::-1], "the row space of H is another one"),
    ):
        item = entry("MF6", 1, 3)
        (point,) = (p for p in item["witness"]["points"] if p["S"])
        point["unseen"] = forge(point["unseen"])
        with pytest.raises(RejectedError, match=message):
            accept(item)


def test_another_basis_of_the_same_spaces_is_as_good() -> None:
    item = entry("MF6", 1, 3)
    for point in item["witness"]["points"]:
        point["unseen"] = scaled(point["unseen"], Fraction(-3, 7))
    accept(item)


def test_directions_that_are_no_partial_isometries_are_noticed() -> None:
    for forge, message in (
        (lambda rows: scaled(rows, Fraction(2)), "not a partial isometry"),
        (lambda rows: scaled(rows, Fraction(0)), "not a partial isometry"),
        (lambda rows: rows[::-1], r"not into ker\(M'\)"),
    ):
        item = entry("MF7", 2, 4)
        point = next(p for p in item["witness"]["points"] if len(p["S"]) == 1)
        point["R"] = forge(point["R"])
        with pytest.raises(RejectedError, match=message):
            accept(item)


def test_the_opposite_direction_is_as_good() -> None:
    """R and -R give the same curvature: the certificate stays true."""
    item = entry("MF7", 2, 4)
    for point in item["witness"]["points"]:
        point["R"] = scaled(point["R"], Fraction(-1))
    accept(item)


@pytest.mark.parametrize("claim", ["MF6c", "MF9c"])
def test_what_is_not_a_saddle_is_noticed(claim: str) -> None:
    minimum, elsewhere, flat = entry(claim, 2, 4), entry(claim, 2, 4), entry(claim, 2, 4)
    minimum["witness"].update(H=minimum["witness"]["F"], loss="0")
    with pytest.raises(RejectedError, match="a global minimum"):
        accept(minimum)
    elsewhere["witness"]["H"] = [row[1:] + row[:1] for row in elsewhere["witness"]["H"]]
    with pytest.raises(RejectedError, match="not critical"):
        accept(elsewhere)
    flat["witness"].update(F=[["1", "0", "0", "0"], ["0", "0", "0", "0"]], loss="1/2")
    flat["witness"]["H"] = [["0", "1", "0", "0"], ["0", "0", "1", "0"]]
    assert "L = 1/2" in accept(flat)  # an F of rank 1 has a saddle too
    flat["witness"]["H"] = [["0", "1", "0", "0"], ["0", "2", "0", "0"]]
    with pytest.raises(RejectedError, match="divided by 0"):
        accept(flat)


def test_saddles_built_by_hand_are_accepted() -> None:
    item = made("MF6c", "REFUTED", k=2, m=4)
    item["witness"] = {"H": [["0", "1", "0", "0"], ["0", "0", "1", "0"]], "loss": "1/2"}
    item["witness"]["F"] = [["1", "0", "0", "0"], ["0", "2", "0", "0"]]
    assert "L = 1/2" in accept(item)


def by_hand(first: int, second: int) -> Entry:
    """MF6 for F = [diag(first, second) 0] at k = 2, m = 4: the rows of every H are unit vectors."""
    units = [[str(int(i == j)) for j in range(4)] for i in range(4)]
    values = [first**2, second**2]
    item = made("MF6", k=2, m=4, F=[[str(first), "0", "0", "0"], ["0", str(second), "0", "0"]])
    points = []
    for S, rows in (([], [0, 1]), ([0], [1, 2]), ([1], [0, 2]), ([0, 1], [2, 3])):
        loss = str(Fraction(sum(values[i] for i in S), 2))
        points.append({"S": S, "H": [units[i] for i in rows], "loss": loss, "unseen": units[2:]})
    eigenvectors = [row[:2] for row in units[:2]]
    item["witness"] = {"eigenvalues": [str(x) for x in values], "eigenvectors": eigenvectors, "points": points}
    return item


def test_targets_are_of_full_rank_with_different_eigenvalues() -> None:
    accept(by_hand(2, 1))
    for first, second, message in ((1, 1, "two are equal"), (1, 0, "not k numbers above 0")):
        with pytest.raises(RejectedError, match=message):
            accept(by_hand(first, second))


def test_eigenvalues_are_those_of_the_target_even_where_no_point_misses_them() -> None:
    item = copy.deepcopy(produced(2, 2)[0]["MF6"])
    item["witness"]["eigenvalues"][0] = "7"
    with pytest.raises(RejectedError, match="not the eigenvalues"):
        accept(item)


def test_that_there_are_no_other_critical_points_rests_on_an_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = replay.Certificate({}, {}, replay.Budget(1e8))
    identities.critical_equation(certificate)
    monkeypatch.setattr(Model, "Z", property(lambda model: model.F * model.F.T))
    with pytest.raises(RejectedError, match="is left"):
        identities.critical_equation(certificate)


def values_of(F: list[list[str]], eigenvalues: list[tuple[int, int, int]], points: list[Any]) -> Entry:
    """MF15 by hand, for points (H, how often each eigenvalue is missed)."""
    item = made("MF15", k=len(F), m=len(F[0]), F=F)
    item["witness"] = {
        "eigenvalues": [{"mantissa": n, "exponent": e, "times": t} for n, e, t in eigenvalues],
        "points": [{"H": H, "missed": missed} for H, missed in points],
    }
    return item


ONE, FOUR = (2**63, -63), (2**63, -61)
AXES = [[str(int(i == j)) for j in range(4)] for i in range(4)]


def test_critical_values_by_hand() -> None:
    """F F^T = diag(1, 4), then the identity, where 1 occurs twice, and a matrix of rank 1."""
    F = [AXES[0], scaled([AXES[1]], Fraction(2))[0]]
    good = values_of(F, [(*ONE, 1), (*FOUR, 1)], [([AXES[1], AXES[2]], [1, 0]), ([AXES[2], AXES[3]], [1, 1])])
    assert accept(good).startswith("4 sums of eigenvalues of one F, k=2, m=4, 2 critical points")
    assert accept(values_of(AXES[:2], [(*ONE, 2)], [(AXES[2:], [2])])).startswith("3 sums")
    assert accept(values_of([AXES[0], AXES[0]], [(2**63, -62, 1)], [(AXES[2:], [1])])).startswith("2 sums")


@pytest.mark.parametrize(
    ("eigenvalues", "points", "message"),
    [
        ([(*ONE, 1)], [(AXES[1:3], [1])], "there are 2 above 0"),
        ([(*ONE, 2), (*FOUR, 1)], [(AXES[1:3], [1, 0])], "1 eigenvalues there"),
        ([(2**63 + 1, -63, 1), (*FOUR, 1)], [(AXES[1:3], [1, 0])], "0 eigenvalues there"),
        ([(*FOUR, 1), (*ONE, 1)], [(AXES[1:3], [0, 1])], "not above the one before"),
        ([(2**62, -62, 1), (*FOUR, 1)], [(AXES[1:3], [1, 0])], "not a whole number"),
        ([(*ONE, 1), (*FOUR, 1)], [(AXES[1:3], [0, 1])], "2L is another sum"),
        ([(*ONE, 1), (*FOUR, 1)], [(AXES[1:3], [1, 2])], "more often than it occurs"),
        ([(*ONE, 1), (*FOUR, 1)], [(AXES[1:3], [1])], "not one number for each"),
        ([(*ONE, 1), (*FOUR, 1)], [(AXES[2:0:-1], [1, 0])], "reduced row echelon form"),
        ([(*ONE, 1), (*FOUR, 1)], [([["1", "0", "1", "0"], AXES[1]], [1, 0])], "not critical"),
        ([(*ONE, 1), (*FOUR, 1)], [], "points: none"),
    ],
)
def test_false_critical_values_are_noticed(eigenvalues: Any, points: Any, message: str) -> None:
    F = [AXES[0], scaled([AXES[1]], Fraction(2))[0]]
    with pytest.raises(RejectedError, match=message):
        accept(values_of(F, eigenvalues, points))


# What is claimed


@pytest.mark.parametrize(
    "item",
    [
        made("MF6c", k=2, m=3),
        made("MF9c", k=2, m=3),
        made("MF8", k=2, m=3),
        made("MF9", k=2, m=3),
        made("MF8", k=1, m=1),
        made("MF9", k=1, m=1),
        made("MF1", k=3, m=2),
        made("MF2", k=0, m=2),
        made("MF3", k=2),
        made("MF4", k="2", m=3),
        made("MF5", k=2, m=3, note="true"),
        made("MF12", k=2, points=0),
        made("MF12", k=2, m=3),
        made("MF1", "REFUTED", k=2, m=3),
        made("MF6", "REFUTED", k=2, m=3),
        made("MF6", k=2, m=3),
        made("MF7", k=2, m=3, F=[["1"]]),
        {**made("MF2", k=2, m=3), "statement": STATEMENTS["MF2"].replace("- M F", "+ M F")},
        {**made("MF2", k=2, m=3), "witness": {"seen": "often"}},
        {**made("MF1", k=2, m=3), "claim": "MF2"},
        {**made("MF1", k=2, m=3), "claim": "MF10"},
    ],
    ids=lambda item: json.dumps({key: item[key] for key in ("claim", "verdict", "parameters")}),
)
def test_false_claims_are_rejected(item: Entry) -> None:
    with pytest.raises(RejectedError):
        accept(item)


@pytest.mark.parametrize(
    "item",
    [
        *(made(f"MF{i}", k=90, m=900) for i in range(1, 6)),
        made("MF6c", k=100, m=100),
        made("MF6c", "REFUTED", k=100, m=1000),
        made("MF6", k=30, m=60),
        made("MF7", k=30, m=60),
        made("MF12", k=9, points=40),
    ],
    ids=lambda item: item["claim"],
)
def test_what_would_take_too_long_is_declined(item: Entry) -> None:
    with pytest.raises(DeclinedError, match="more than limit"):
        accept(item)
