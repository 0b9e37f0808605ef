"""MF15 at the matrices of a file: the printed critical values against eigenvalues and sums by NumPy."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from proofs.mean_field.invariant import AnyTarget
from proofs.mean_field.model import Model
from proofs.rational_matrix import matrix
from tests.verify.mean_field_conditions import check
from tests.verify.test_mean_field_given import GIVEN, written
from verify.claim import Verdict


@pytest.mark.parametrize("name", [name for name in GIVEN if name != "entries far apart"])
def test_critical_values_of_the_file(name: str, tmp_path: Path) -> None:
    F = np.array(GIVEN[name][1], dtype=float)
    k, m = F.shape
    eigenvalues = [x for x in np.linalg.eigvalsh(F @ F.T) if x > 1e-9]
    sums = {round(sum(T) / 2, 9) for n in range(min(len(eigenvalues), m - k) + 1) for T in combinations(eigenvalues, n)}
    finding = check("MF15", k=k, m=m, matrices=written(tmp_path, name))
    assert finding.verdict is Verdict.VERIFIED
    assert {round(float(x), 9) + 0.0 for x in finding.details["critical values"]} == {x + 0.0 for x in sums}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a saddle", "its H is critical, L = 1/2"),
        ("a target of rank one", "rank 1, so that r_low = 0"),
        ("all eigenvalues equal", "rank 2;"),
        ("entries far apart", "rank 2;"),
    ],
)
def test_the_scope_tells_what_the_file_holds(name: str, told: str, tmp_path: Path) -> None:
    H, _ = GIVEN[name]
    finding = check("MF15", k=len(H), m=len(H[0]), matrices=written(tmp_path, name))
    assert finding.verdict is Verdict.VERIFIED and "F of the file" in finding.scope and told in finding.scope


def _doubled(self: AnyTarget) -> Any:
    return [(x * 2, times) for x, times in RIGHT(self)]


def _once(self: AnyTarget) -> Any:
    return [(x, 1) for x, _ in RIGHT(self)]


def _too_few(self: AnyTarget) -> Any:
    return [pair for pair in VALUES(self) if sum(pair[0]) != 1]


def _twice_the_loss(self: AnyTarget) -> Any:
    return [replace(point, value=2 * point.value) for point in POINTS(self)]


def test_a_direction_that_the_network_sees_is_refuted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """M^T u != 0 for u in the range of M."""

    def seen(model: Model) -> Any:
        return model.M * matrix([[1] * 2] * 2) * model.Z

    monkeypatch.setattr("verify.papers.mean_field.values.descent", seen)
    finding = check("MF15", k=2, m=4, matrices=written(tmp_path, "a saddle"))
    assert finding.verdict is Verdict.REFUTED and "D^2 L[RF,RF]" in finding.found


RIGHT: Any = vars(AnyTarget)["eigenvalues"].func
VALUES: Any = vars(AnyTarget)["critical_values"].func
POINTS = AnyTarget.rational_points


@pytest.mark.parametrize(
    ("attribute", "wrong", "name"),
    [
        ("eigenvalues", property(_doubled), "a saddle with irrational eigenvalues"),
        ("eigenvalues", property(_once), "all eigenvalues equal"),
        ("critical_values", property(_too_few), "a saddle"),
        ("rational_points", _twice_the_loss, "a target of rank one"),
    ],
)
def test_wrong_values_are_refuted(
    attribute: str, wrong: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AnyTarget, attribute, wrong)
    H, _ = GIVEN[name]
    assert check("MF15", k=len(H), m=len(H[0]), matrices=written(tmp_path, name)).verdict is Verdict.REFUTED
