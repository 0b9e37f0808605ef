"""Certificates of the mean-field paper: the true ones are accepted, and whatever is false in one is noticed."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from typing import Any

import pytest

from verify import replay
from verify.claims.mean_field import PAPER
from verify.claims.mean_field.settings import MeanFieldSettings
from verify.recheck.certificate import DeclinedError, RejectedError, digest
from verify.recheck.mean_field import CLAIMS, STATEMENTS, critical, identities, matrices, prompts
from verify.recheck.mean_field.identities import Model, vanishes
from verify.recheck.mean_field.matrices import INVERSES, UNITS, Matrix, Words, inner
from verify.report.certificates import certificates_json, without_certificate
from verify.runner import run_claims
from verify.settings import validate

EXACT = [claim for claim in PAPER.claims if claim.id in STATEMENTS]
LANDSCAPE = ("MF6", "MF6c", "MF7", "MF9c")  # those with a witness

Entry = dict[str, Any]


@cache
def produced(k: int, m: int, only: tuple[str, ...] = tuple(STATEMENTS)) -> tuple[dict[str, Entry], list[str]]:
    """(claim -> certificate, settled claims without one) of a check at k, m."""
    settings = validate(MeanFieldSettings, {"k": str(k), "m": str(m)})
    results = run_claims([claim for claim in EXACT if claim.id in only], settings)
    parsed = replay.parse(certificates_json(PAPER, results).encode())
    return {item["entry"]["claim"]: item["entry"] for item in parsed}, without_certificate(results)


def entry(claim: str, k: int, m: int) -> Entry:
    """A copy of a true certificate."""
    return copy.deepcopy(produced(k, m, LANDSCAPE if claim in LANDSCAPE else (claim,))[0][claim])


def accept(item: Entry) -> str:
    """The scope; an error if the certificate is not accepted. The digest is made to fit: it protects nothing here."""
    item["digest"] = digest(item["claim"], item["statement"], item["verdict"], item["parameters"])
    return replay.replay("mean-field", item)[2]


def made(claim: str, verdict: str = "VERIFIED", **parameters: Any) -> Entry:
    """A certificate without a witness."""
    return {
        "claim": claim,
        "statement": STATEMENTS[claim],
        "verdict": verdict,
        "parameters": parameters,
        "digest": "",
        "witness": {},
    }


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
    with pytest.raises(RejectedError, match="divided by 0"):  # L = 0 is not attained at H = F, which is singular
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
    certificate = replay.Certificate({}, {}, 1e8)
    identities.critical_equation(certificate)
    monkeypatch.setattr(Model, "Z", property(lambda model: model.F * model.F.T))
    with pytest.raises(RejectedError, match="is left"):
        identities.critical_equation(certificate)


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


# Formulas with a mistake: the check of the claim no longer goes through

RIGHT = {name: getattr(Model, name) for name in ("attention_loss", "hessian_form", "second_variation", "form")}

MISTAKES: list[tuple[str, str, Callable[..., Any]]] = [
    ("MF1", "Z", lambda model: model.F * model.F.T),
    ("MF1", "attention_loss", lambda model, W: RIGHT["attention_loss"](model, W.T)),
    ("MF2", "gradient", lambda model: model.M * model.zeta),
    ("MF2", "gradient", lambda model: model.M.T * model.zeta * -1),
    ("MF3", "hessian_form", lambda model, E: RIGHT["hessian_form"](model, E) * -1),
    ("MF3", "hessian_form", lambda model, E: RIGHT["hessian_form"](model, model.outside(E))),
    ("MF3", "gradient", lambda model: model.M * model.zeta),
    ("MF3", "second_variation", lambda model, E, Y: RIGHT["second_variation"](model, E, E)),
    ("MF3", "second_variation", lambda model, E, Y: inner(model.M.T * model.outside(E), model.M.T * model.outside(Y))),
    ("MF5", "slope", lambda model, R: inner(R, model.M * model.Z)),
    ("MF5", "slope", lambda model, R: inner(R.T, model.M * model.Z) * -1),
    ("MF5", "form", lambda model, R: RIGHT["form"](model, R.T)),
    ("MF5", "form", lambda model, R: RIGHT["form"](model, R) * 2),
    ("MF5", "Z", lambda model: model.F * model.F.T),
    ("MF6", "gradient", lambda model: model.zeta),
    ("MF6", "M", lambda model: model.F * model.H.T * model.a * 2),
    ("MF7", "Z", lambda model: model.F * model.F.T),
    ("MF8", "Z", lambda model: model.F * model.F.T),
    ("MF9", "M", lambda model: model.H * model.F.T),
]


@pytest.mark.parametrize(("claim", "name", "wrong"), MISTAKES)
def test_a_mistake_in_a_formula_is_noticed(
    claim: str, name: str, wrong: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    k, m = (1, 3) if claim in ("MF8", "MF9") else (2, 4)
    item = entry(claim, k, m) if claim in LANDSCAPE else made(claim, k=k, m=m)
    accept(copy.deepcopy(item))
    monkeypatch.setattr(Model, name, wrong if callable(vars(Model)[name]) else property(wrong))
    with pytest.raises(RejectedError):
        accept(item)


@pytest.mark.parametrize("claim", ["MF1", "MF2", "MF3", "MF4", "MF5", "MF6c", "MF8", "MF9"])
def test_another_loss_does_not_have_these_properties(claim: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the loss, except for what does not change with it; then the square of the distance to H itself."""
    k, m = (1, 3) if claim in ("MF8", "MF9") else (2, 2) if claim == "MF6c" else (2, 3)
    true_loss = identities.Model.__init__

    def halved(self: Model, H: Any, F: Any) -> None:
        true_loss(self, H, F)
        self.loss = self.loss * Fraction(1, 2)

    def distance(self: Model, H: Any, F: Any) -> None:
        true_loss(self, H, F)
        self.loss = inner(F - H, F - H) * Fraction(1, 2)

    for wrong in (halved, distance):
        if wrong is distance or claim not in ("MF4", "MF6c"):
            monkeypatch.setattr(Model, "__init__", wrong)
            with pytest.raises(RejectedError):
                accept(made(claim, k=k, m=m))


@pytest.mark.parametrize("claim", ["MF2", "MF3", "MF4", "MF5", "MF8", "MF9"])
def test_derivatives_in_another_direction_are_noticed(claim: str, monkeypatch: pytest.MonkeyPatch) -> None:
    true_along = identities.along
    monkeypatch.setattr(identities, "along", lambda H, E, F: true_along(H, E + F * 2, F))
    with pytest.raises(RejectedError):
        accept(made(claim, k=1, m=3))


@pytest.mark.parametrize(("exact", "message"), [(True, "tight family"), (False, r"d\^2L/ds\^2")])
def test_the_curvature_is_that_of_the_line(exact: bool, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not of one at double speed. The family that attains the bound is computed in rationals, saddles in residues."""
    item, true_along = entry("MF7", 2, 4), critical.along

    def wrong(H: Matrix, E: Matrix, F: Matrix) -> Any:
        return true_along(H, E * 2 if isinstance(H.rows[0][0], Fraction) is exact else E, F)

    monkeypatch.setattr(critical, "along", wrong)
    with pytest.raises(RejectedError, match=message):
        accept(item)


def test_the_level_of_the_loss_matters_to_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """MF9 speaks of L itself, not only of its derivatives."""
    true_loss = Model.__init__

    def raised(self: Model, H: Any, F: Any) -> None:
        true_loss(self, H, F)
        self.loss = self.loss + Fraction(1, 2)

    monkeypatch.setattr(Model, "__init__", raised)
    with pytest.raises(RejectedError, match="2 L = Z"):
        accept(made("MF9", k=1, m=3))


def test_other_prompts_have_another_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    item = made("MF12", k=2, points=2)
    accept(item)
    true_loss, true_prompts = prompts.Features.loss, prompts.enumerated_loss
    wrong: list[tuple[Any, str, Any]] = [
        (prompts.Features, "loss", lambda features, W, n, variance: true_loss(features, W, n, variance * 2)),
        (prompts.Features, "loss", lambda features, W, n, variance: true_loss(features, W, n + 1, variance)),
        (prompts.Features, "loss", lambda features, W, n, variance: true_loss(features, W.T, n, variance)),
        (prompts, "enumerated_loss", lambda features, W, n, noise: true_prompts(features, W, n, noise * 0)),
        (prompts, "HALF", Fraction(1, 3)),
    ]
    for target, name, value in wrong:
        with monkeypatch.context() as patch:
            patch.setattr(target, name, value)
            with pytest.raises(RejectedError):
                accept(item)


# Words


def test_the_units_of_words_are_true_equations() -> None:
    """With matrices that the letters may stand for, at k = 2, m = 3."""
    field = replay.Certificate({}, {}, 1e8).field
    generic = {"G": Matrix.generic(field, 2, 2), "H": Matrix.generic(field, 2, 3)}
    S, T = (Matrix.generic(field, 2, 2) for _ in "ST")
    generic |= {"A": generic["H"] * generic["H"].T, "S": S + S.T, "T": T + T.T}
    generic |= {small: generic[large].inverse() for large, small in zip("GAST", "gast", strict=True)}

    def multiplied(word: tuple[str, ...]) -> Matrix:
        factors = [generic[x[0]].T if x.endswith("'") else generic[x] for x in word]
        product = factors[0]
        for factor in factors[1:]:
            product = product * factor
        return product

    for unit in UNITS:
        difference = multiplied(unit) - Matrix.identity(2)
        assert all(x.value == 0 for row in difference.rows for x in row), unit
    for word, inverse in INVERSES.items():
        difference = multiplied(tuple(f"{word} {inverse}".split())) - Matrix.identity(2)
        assert all(x.value == 0 for row in difference.rows for x in row), word


def test_words_that_are_not_equal_stay_apart() -> None:
    H, F, W, a = (Words.letter(x) for x in "HFWa")
    certificate = replay.Certificate({}, {}, 1e8)
    different = [
        H * H.T * W - W,
        H.T * a * H * H.T - H.T * H * H.T * a * H * H.T,
        (W * H * F.T).trace() - (W.T * H * F.T).trace(),
        (H * F.T).trace() - (H * H.T).trace(),
        H - F,
        W - W.T,
    ]
    for difference in different:
        with pytest.raises(RejectedError, match="is left"):
            vanishes(certificate, difference, "")
    for entries in (Matrix([[Fraction(0), Fraction(1)]]), Fraction(1)):
        with pytest.raises(RejectedError, match="residual is 1"):
            vanishes(certificate, entries, "")
    for same in (H * H.T * a * W - W, (W * H * F.T).trace() - (F * H.T * W.T).trace(), (H.T * W).T - W.T * H):
        vanishes(certificate, same, "")


def test_words_refuse_what_makes_no_sense() -> None:
    H, W, E = (Words.letter(x) for x in "HWE")
    for nonsense in (lambda: H * H, lambda: H + W, lambda: H.trace(), lambda: (H * H.T).inverse().trace() + W):
        with pytest.raises(ValueError, match=r"\+|\*|trace"):
            nonsense()
    with pytest.raises(ValueError, match="depends on its size"):
        (H * H.T * (H * H.T).inverse()).trace()
    with pytest.raises(KeyError):
        (E * E.T).inverse()


def test_a_wrong_inverse_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(matrices.INVERSES, "H H'", "g")
    with pytest.raises(ValueError, match="not the inverse"):
        (Words.letter("H") * Words.letter("H").T).inverse()


def test_norms_are_compared_exactly() -> None:
    """The largest eigenvalue of [[2, 1], [1, 2]] is 3."""
    A = Matrix([[Fraction(2), Fraction(1)], [Fraction(1), Fraction(2)]])
    reached = [critical.norm_at_least(A, Fraction(x)) for x in ("-5", "5/2", "3", "3000001/1000000", "100")]
    assert reached == [True, True, True, False, False]
