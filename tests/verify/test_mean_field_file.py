"""What the matrices of a user's file decide: each number against a second calculation, each wrong formula REFUTED."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from numerics.mean_field.finite import hessian
from proofs.mean_field.any_flow import AnyFlow
from proofs.mean_field.descent import NullDirections
from proofs.mean_field.improvement import BirthDeath
from proofs.mean_field.invariant import AnyTarget
from tests.verify.mean_field_conditions import check, settings
from tests.verify.test_mean_field_given import GIVEN, written
from verify.claim import Finding, Verdict
from verify.papers.mean_field import PAPER
from verify.papers.mean_field.landscape import CRITICAL
from verify.report.check_table import cells
from verify.runner import run_claims

IRRATIONAL = "a saddle with irrational eigenvalues"


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
        assert result.verdict is Verdict.VERIFIED and printed in [cell.plain for cell in cells(result)]
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


@pytest.mark.parametrize("name", ["all eigenvalues equal", "a target of rank one", "one output"])
def test_the_flow_from_the_file_is_that_of_floats(name: str, tmp_path: Path) -> None:
    """The rate of decay, by the loss between two late times of H_0 e^{tG}, from the eigenvalues of G."""
    H, F = floats(name)
    eigenvalues, V = np.linalg.eigh(F.T @ F)

    def loss(t: float) -> float:
        Y = np.linalg.qr((H @ V * np.exp(t * (eigenvalues - eigenvalues[-1]))).T)[0]
        return float((np.linalg.norm(F @ V) ** 2 - np.linalg.norm(F @ V @ Y) ** 2) / 2)

    t = 4 / eigenvalues[-1]
    rate = np.log(loss(t) / loss(2 * t)) / t
    told = at_file("MF10", name, tmp_path).scope
    assert f"L -> 0 at rate e^(-{2 * eigenvalues[-1]:.6g} t)" in told
    assert abs(rate / (2 * eigenvalues[-1]) - 1) < 1e-3


def test_the_flow_from_a_saddle_stays_there(tmp_path: Path) -> None:
    assert "rank(H_0 F^T) = 1 < 2: L >= 0.5 for ever" in at_file("MF10", "a saddle", tmp_path).scope
    assert "L = 0 for ever" in at_file("MF10", "a global minimum", tmp_path).scope


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
        ("MF14", BirthDeath, "factor", doubled("factor", BirthDeath, Fraction(1001, 1000)), "all eigenvalues equal"),
    ],
)
def test_a_wrong_formula_is_refuted_at_the_file(
    id: str, owner: type, attribute: str, wrong: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, attribute, wrong)
    assert at_file(id, name, tmp_path).verdict is Verdict.REFUTED
