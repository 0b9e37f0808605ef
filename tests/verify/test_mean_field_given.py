"""The mean-field paper with a user's matrices: every verdict as expected, and what was looked at in the scope."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from proofs.mean_field.flows import AttentionFlow
from proofs.mean_field.inequalities import slope_bound
from tests.verify.mean_field_conditions import check, settings
from verify.claim import Evidence, Verdict
from verify.papers.mean_field import PAPER
from verify.runner import run_claims

EXACT = [claim for claim in PAPER.claims if not claim.id.endswith(("n", "t"))]

GIVEN: dict[str, tuple[list[list[Any]], list[list[Any]]]] = {
    "the documented one, where two bounds are attained": ([["1/2", 0, 1], [0, 1, 0]], [[1, 0, 0], [0, 2, 0]]),
    "a saddle": ([[0, 1, 0, 0], [0, 0, 1, 0]], [[1, 0, 0, 0], [0, 2, 0, 0]]),
    "a saddle with irrational eigenvalues": ([[0, 0, 1, 0], [0, 0, 0, 1]], [[1, 1, 0, 0], [1, 2, 0, 0]]),
    "another, with irrational |A| too": ([[0, 0, 1, 0], [0, 0, 1, 3]], [[1, 1, 0, 0], [1, 2, 0, 0]]),
    "a global minimum": ([[1, 1, 0], [0, 1, 1]], [[1, 1, 0], [0, 1, 1]]),
    "no target": ([[1, 0, 0], [0, 1, 0]], [[0, 0, 0], [0, 0, 0]]),
    "a target of rank one": ([[1, 0, 0, 0], [0, 1, 0, 0]], [[1, 2, 0, 1], [2, 4, 0, 2]]),
    "all eigenvalues equal": ([["3/5", 0, "4/5", 0], [0, "3/5", 0, "4/5"]], [[1, 0, 0, 0], [0, 1, 0, 0]]),
    "a polar factor that is the identity": ([[1, 0, 1, 0], [0, 1, 0, 1]], [[2, 1, 0, 0], [1, 2, 0, 0]]),
    "one output": ([[1, 2, 0]], [[3, 0, 1]]),
    "one output, |H|^2 = 200": ([[10, 10]], [[1, 0]]),
    "a target seen in part, H H^T not a multiple of I": ([[1, 1, 1, 0], [2, 2, 0, 2]], [[1, 0, 0, 0], [0, 2, 0, 0]]),
    "a target seen in part": ([[1, 0, 0, 1], [0, 0, 1, 0]], [[1, 0, 0, 0], [0, 2, 0, 0]]),
    "no room for a saddle": ([[1, 2], [0, 1]], [[3, 0], [1, 1]]),
    "entries far apart": ([["1e-40", 0, "1e-41"], [0, 1, 0]], [["1e-30", 0, 0], [0, "2e30", 1]]),
}


def written(folder: Path, name: str) -> Path:
    file, (H, F) = folder / "model.json", GIVEN[name]
    file.write_text(json.dumps({"H": H, "F": F}))
    return file


@pytest.mark.parametrize("name", GIVEN)
def test_every_verdict_is_the_expected_one(name: str, tmp_path: Path) -> None:
    """Whether bounds are attained there, or there is nothing to see: the random models are there too."""
    k, m = len(GIVEN[name][0]), len(GIVEN[name][0][0])
    results = run_claims(EXACT, settings(k=k, m=m, instances=1, matrices=written(tmp_path, name)))
    assert [(r.claim.id, r.verdict, r.finding.reason) for r in results if not r.as_expected] == []
    for r in results:
        if r.finding.evidence not in (None, Evidence.PROOF):
            assert "of the file" in r.finding.scope, r.claim.id


def test_the_scope_says_whether_the_file_was_looked_at(tmp_path: Path) -> None:
    """At the documented matrices, at a saddle, where MF9 says nothing, and where there is no saddle, or no loss."""
    file = written(tmp_path, "the documented one, where two bounds are attained")
    ids = ("MF5b", "MF6", "MF6c", "MF7", "MF8", "MF9", "MF9c", "MF10", "MF11", "MF12", "MF14", "MF15")
    for id in ids:
        scope = check(id, k=2, m=3, matrices=file).scope
        assert "of the file" in scope and "not the matrices" not in scope, scope
    assert "of the file" not in check("MF9", k=2, m=4).scope
    for name, id, why in (
        ("a saddle", "MF9", "(L = 0, or 2L >= r_low)"),
        ("a global minimum", "MF8", "(Z = 0)"),
        ("no target", "MF7", "(its F has no rational saddle)"),
        ("no target", "MF9c", "(its F has no rational saddle)"),
    ):
        H, _ = GIVEN[name]
        scope = check(id, k=len(H), m=len(H[0]), matrices=written(tmp_path, name)).scope
        assert f"not the matrices of the file {why}" in scope, scope


def test_matrices_of_a_file_can_refute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound of MF9 is attained there: where random models are far from it, these are not."""
    monkeypatch.setattr("verify.papers.mean_field.inequalities.TIGHT", ())
    right = check("MF9", k=2, m=3).found
    assert float(right.split()[2]) > 1.3
    file = written(tmp_path, "the documented one, where two bounds are attained")
    monkeypatch.setattr("verify.papers.mean_field.inequalities.slope_bound", lambda model: slope_bound(model) * 6 / 5)
    assert check("MF9", k=2, m=3).verdict is Verdict.VERIFIED
    finding = check("MF9", k=2, m=3, matrices=file)
    assert finding.verdict is Verdict.REFUTED
    assert finding.details["counterexample"]["H"] == [[Fraction(1, 2), 0, 1], [0, 1, 0]]


@pytest.mark.parametrize(("k", "m"), [(1, 2), (2, 3), (4, 5)])
def test_half_of_the_attention_flows_have_a_singular_covariance(
    k: int, m: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the term on the kernel is not 0 there, so that it counts."""
    flows: list[AttentionFlow] = []

    def recorded(*args: Any) -> AttentionFlow:
        flows.append(AttentionFlow(*args))
        return flows[-1]

    monkeypatch.setattr("verify.papers.mean_field.attention.AttentionFlow", recorded)
    scope = check("MF11", k=k, m=m, instances=3).scope
    singular = [flow for flow in flows if flow.model.B.rank() < k]
    assert len(flows) == 6 and len(singular) == 3 and all(flow.model.B.rank() == k - 1 for flow in singular)
    assert all(flow.limit != flow.model.A_inverse for flow in singular)
    assert "3 with invertible, 3 with singular Sigma_°mu" in scope


def test_numeric_claims_say_why_they_are_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verify.papers.mean_field.numeric.EPS", 0.0)
    monkeypatch.setattr("verify.papers.mean_field.numeric._heights", lambda curve, levels: [0.9])
    for id, why in (("MF3n", "floats do not tell"), ("MF10t", "one seed does not refute it")):
        finding = check(id, k=2, m=3, instances=1)
        assert finding.verdict is Verdict.UNDECIDED and why in finding.reason
