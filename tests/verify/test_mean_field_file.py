"""What the matrices of a user's file decide: each number against a second calculation, each wrong formula REFUTED."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from flint import fmpq

from numerics.mean_field.finite import hessian
from proofs.mean_field.any_flow import AnyFlow
from proofs.mean_field.descent import NullDirections
from proofs.mean_field.improvement import BirthDeath
from proofs.mean_field.invariant import AnyTarget
from tests.verify.mean_field_conditions import check, settings
from tests.verify.test_mean_field_given import EXACT, GIVEN, written
from verify.claim import Finding, Verdict
from verify.papers.mean_field import PAPER
from verify.papers.mean_field.common import short, significant
from verify.papers.mean_field.landscape import CRITICAL
from verify.report.check_table import cells
from verify.runner import run_claims

IRRATIONAL = "a saddle with irrational eigenvalues"
LONG, SEEN_IN_PART = "one output, |H|^2 = 200", "a target seen in part, H H^T not a multiple of I"


def at_file(id: str, name: str, folder: Path) -> Finding:
    H, _ = GIVEN[name]
    return check(id, k=len(H), m=len(H[0]), instances=1, matrices=written(folder, name))


def floats(name: str) -> tuple[Any, Any]:
    H, F = ([[float(Fraction(str(x))) for x in row] for row in rows] for rows in GIVEN[name])
    return np.array(H), np.array(F)


def trace_and_determinant(name: str) -> tuple[Fraction, Fraction]:
    """Of F F^T, k = 2, in plain fractions."""
    p, q = ([Fraction(str(x)) for x in row] for row in GIVEN[name][1])
    pp, pq, qq = (sum(x * y for x, y in zip(a, b, strict=True)) for a, b in ((p, p), (p, q), (q, q)))
    return pp + qq, pp * qq - pq**2


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("a saddle", "0, 0.5, 2, 2.5"),
        ("all eigenvalues equal", "0, 0.5, 1"),
        ("a target of rank one", "0, 15"),
        (IRRATIONAL, "0, 0.072949, 3.42705, 3.5"),
    ],
)
def test_the_critical_values_of_the_file_are_printed(name: str, printed: str, tmp_path: Path) -> None:
    """They are 0 and halves of the roots of x^2 - tr x + det and of their sum, m - k = 2."""
    H, _ = GIVEN[name]
    claims = [claim for claim in PAPER.claims if claim.id in ("MF6", "MF15")]
    for result in run_claims(claims, settings(k=2, m=len(H[0]), matrices=written(tmp_path, name))):
        assert result.verdict is Verdict.VERIFIED
        assert any(re.search(f": {re.escape(printed)}(;|$)", cell.plain) for cell in cells(result))
        total, product = trace_and_determinant(name)
        values = [Fraction(x) for x in result.finding.details["critical values"]]
        assert values[0] == 0 and abs(2 * values[-1] - total) < Fraction(1, 10**12)
        for value in values[1:-1]:
            assert abs((2 * value) ** 2 - total * 2 * value + product) < Fraction(1, 10**10)
        assert len(values) == {True: 2, False: 4}[product == 0] - (total**2 == 4 * product)


@pytest.mark.parametrize("name", ["a saddle", IRRATIONAL, "all eigenvalues equal", "a target of rank one"])
def test_spectra_of_the_file_are_those_of_the_hessian(name: str, tmp_path: Path) -> None:
    """At an orthonormal H of eigenvectors, in floats, by automatic differentiation's formula."""
    _, F = floats(name)
    k, m = F.shape
    _, vectors = np.linalg.eigh(F.T @ F)
    spectra = list(at_file("MF6", name, tmp_path).details[CRITICAL].values())
    for value, *eigenvalues in spectra:
        found = []
        for missed in range(2**k):
            kept = [m - 1 - j for j in range(k) if not missed >> j & 1]
            free = list(range(k - len(kept)))
            H = torch.tensor(vectors[:, kept + free].T.copy())
            loss = (np.linalg.norm(F) ** 2 - np.linalg.norm(F @ H.numpy().T) ** 2) / 2
            if abs(loss - float(value)) < 1e-9:
                found.append(torch.linalg.eigvalsh(hessian(H, torch.tensor(F))).numpy())
        assert found
        for spectrum in found:
            assert {round(x, 6) + 0.0 for x in spectrum} == {round(float(x), 6) + 0.0 for x in eigenvalues}


def test_ratios_of_curvature_by_hand(tmp_path: Path) -> None:
    """At F = [diag(1, 2) 0] with A = I: 1 over 1/2, 16 over 8, 17 over 25/2; where Z and A are multiples of I, 1."""
    ratios = at_file("MF7", "a saddle", tmp_path).details["curvature / (-4 L^2 / (k |A|))"]
    assert sorted(set(map(float, ratios))) == [1.36, 2]
    assert "attained at 1" in at_file("MF7", "all eigenvalues equal", tmp_path).found


def test_a_norm_that_is_irrational_does_not_hide_equality(tmp_path: Path) -> None:
    """The range of R in the top eigenspace of A decides it; here |A| is irrational, and the bound is not attained."""
    finding = at_file("MF7", "another, with irrational |A| too", tmp_path)
    assert finding.verdict is Verdict.VERIFIED and "attained" not in finding.found


def integrated(H: Any, F: Any, time: float) -> float:
    """The loss of dH/dt = -dL/dH at that time, by the method of Runge and Kutta."""
    G, m = F.T @ F, H.shape[1]

    def velocity(H: Any) -> Any:
        return np.linalg.solve(H @ H.T, H @ G @ (np.eye(m) - np.linalg.pinv(H) @ H))

    steps = int(30 * time * np.linalg.eigvalsh(G)[-1] / np.linalg.eigvalsh(H @ H.T)[0]) + 1
    h = time / steps
    for _ in range(steps):
        a = velocity(H)
        b = velocity(H + h / 2 * a)
        c = velocity(H + h / 2 * b)
        H = H + h / 6 * (a + 2 * b + 2 * c + velocity(H + h * c))
    return float(np.linalg.norm(F @ (np.eye(m) - np.linalg.pinv(H) @ H)) ** 2 / 2)


def orthonormal(H: Any) -> Any:
    """(H H^T)^(-1/2) H."""
    left, _, right = np.linalg.svd(H, full_matrices=False)
    return left @ right


def told_start(scope: str, H: Any) -> Any:
    """The start that a scope of MF10 names."""
    named = "not from the H of the file, but from (H H^T)^(-1/2) H" in scope
    assert named or "; from the H of the file" in scope
    return orthonormal(H) if named else H


@pytest.mark.parametrize(
    ("name", "at_h"),
    [
        ("all eigenvalues equal", True),
        ("a target of rank one", True),
        ("one output", True),
        (LONG, True),
        ("a polar factor that is the identity", True),
        ("the documented one, where two bounds are attained", False),
    ],
)
def test_the_flow_of_the_scope_is_that_of_floats(name: str, at_h: bool, tmp_path: Path) -> None:
    """The rate of decay, from the start that the scope names, between two late times."""
    H, F = floats(name)
    scope = at_file("MF10", name, tmp_path).scope
    start = told_start(scope, H)
    assert (start is H) == at_h
    rate = float(scope.split("L -> 0 at rate e^(-")[1].split(" t)")[0])
    time = 6 / rate
    found = np.log(integrated(start, F, time) / integrated(start, F, 2 * time)) / time
    assert abs(found / rate - 1) < 1e-2


def test_a_singular_start_is_that_of_the_scope(tmp_path: Path) -> None:
    """L >= 1/2 for ever holds from the orthonormal start, and not from the H of the file."""
    H, F = floats(SEEN_IN_PART)
    scope = at_file("MF10", SEEN_IN_PART, tmp_path).scope
    assert "rank(H_0 F^T) = 1 < 2: L >= 0.5 for ever" in scope
    assert integrated(told_start(scope, H), F, 2) >= 0.5
    assert integrated(H, F, 2) < 0.25


def test_the_flow_from_a_critical_point_rests(tmp_path: Path) -> None:
    for name, loss in (("a saddle", "1/2"), ("a global minimum", "0")):
        told = f"; from the H of the file, where dL/dH = 0: L = {loss} for ever"
        assert told in at_file("MF10", name, tmp_path).scope


def test_a_flow_that_moves_is_not_said_to_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verify.papers.mean_field.given_flow.is_zero", lambda X: True)
    assert at_file("MF10", "one output", tmp_path).verdict is Verdict.REFUTED


@pytest.mark.parametrize(
    ("H", "F", "loss", "rate"),
    [("1e50", "1e-50", "5e-101", "3.125e-402"), ("1e-50", "1e50", "5e+99", "3.125e+398")],
)
def test_numbers_beyond_floats_are_printed(H: str, F: str, loss: str, rate: str, tmp_path: Path) -> None:
    file = tmp_path / "model.json"
    file.write_text(json.dumps({"H": [[H, H]], "F": [[F, 0]]}))
    results = {r.claim.id: r for r in run_claims(EXACT, settings(k=1, m=2, instances=1, matrices=file))}
    assert all(r.as_expected for r in results.values())
    assert f"L = {loss}" in results["MF9c"].finding.found
    assert f"rate {rate};" in results["MF14"].finding.scope


@pytest.mark.parametrize("x", [0, 1, -1.5, 1e-300, 123456.7, 1e300, 2.0**-30, 1 / 3])
def test_exact_numbers_look_like_floats(x: float) -> None:
    for digits in (3, 5, 6):
        assert significant(Fraction(x), digits) == significant(x, digits) == f"{x:.{digits}g}"


def test_exact_numbers_beyond_floats() -> None:
    tiny, huge = Fraction(-123456, 10**5005), Fraction(10**5000, 3)
    assert (significant(tiny, 3), significant(huge, 5), short(tiny)) == ("-1.23e-5000", "3.3333e+4999", "-1.2346e-5000")


def test_wide_intervals_for_eigenvectors_leave_mf8_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "model.json"
    H = [["1e40", 1, "1e-30", 0], [1, "1e-30", 0, "2e-40"]]
    file.write_text(json.dumps({"H": H, "F": [["1e30", 1, 0, 3], [2, "1e-30", 1, 0]]}))
    chosen = {"k": 2, "m": 4, "instances": 1, "matrices": file}
    assert check("MF8", **chosen).verdict is Verdict.VERIFIED
    monkeypatch.setattr("proofs.mean_field.enclosures.VECTORS", 60)
    finding = check("MF8", **chosen)
    assert finding.verdict is Verdict.UNDECIDED and "R = u v^T" in finding.reason


@pytest.mark.parametrize("name", ["all eigenvalues equal", "a target of rank one", "a saddle"])
def test_the_rate_of_improvement_is_that_of_floats(name: str, tmp_path: Path) -> None:
    """|MZ|^2 / (2k): pi has half of the mass, and a k-th of that at each row of F, with a and with -a."""
    H, F = floats(name)
    M = np.linalg.inv(H @ H.T) @ H @ F.T
    Z = F @ F.T - F @ H.T @ M
    rate = float(np.linalg.norm(M @ Z) ** 2 / (2 * len(H)))
    told = at_file("MF14", name, tmp_path).scope.split("file: rate ")[1].split(";")[0]
    assert abs(float(Fraction(told)) - rate) <= 1e-5 * rate + 1e-12


def doubled(name: str, owner: type, factor: Any) -> Any:
    right = owner.__dict__[name].func
    return property(lambda self: right(self) * factor)


def _twice_as_fast(flow: AnyFlow) -> Any:
    return [(2 * x, part) for x, part in PARTS(flow)]


def _another_polynomial(goal: AnyTarget) -> Any:
    points = list(POINTS(goal))
    return [type(p)(p.H, p.value, p.counts, points[-1 - i].unseen) for i, p in enumerate(points)]


PARTS: Any = vars(AnyFlow)["parts"].func
POINTS = AnyTarget.rational_points


@pytest.mark.parametrize(
    ("id", "owner", "attribute", "wrong", "name"),
    [
        ("MF6", AnyTarget, "rational_points", _another_polynomial, "a saddle"),
        ("MF6", AnyTarget, "rational_points", _another_polynomial, IRRATIONAL),
        ("MF7", NullDirections, "size", doubled("size", NullDirections, Fraction(1, 3).__float__()), "a saddle"),
        ("MF7", NullDirections, "curvature_along", lambda self, R: -1, "a saddle"),
        ("MF10", AnyFlow, "parts", property(_twice_as_fast), "all eigenvalues equal"),
        ("MF10", AnyFlow, "arrives", property(lambda self: True), "a target seen in part"),
        ("MF10", AnyFlow, "scale", property(lambda self: fmpq(1)), "one output"),
        ("MF14", BirthDeath, "factor", doubled("factor", BirthDeath, Fraction(1001, 1000)), "all eigenvalues equal"),
    ],
)
def test_a_wrong_formula_is_refuted_at_the_file(
    id: str, owner: type, attribute: str, wrong: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, attribute, wrong)
    assert at_file(id, name, tmp_path).verdict is Verdict.REFUTED
