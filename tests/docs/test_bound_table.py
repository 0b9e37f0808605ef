"""The table of bounds on the page is computed when it is built: none of its numbers is too small."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tests.docs.pages import DOCS


@pytest.fixture(autouse=True)
def extensions_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(DOCS / "_ext")


def test_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    import bound_table

    monkeypatch.setattr(bound_table, "ROWS", [(2, 3, 2, Fraction(1), (6,)), (2, 2, 2, Fraction(1), (6,))])
    head, rule, first, second = bound_table.lines()
    assert head.count("|") == rule.count("|") == first.count("|") == second.count("|")
    cells = [cell.strip() for cell in first.split("|")]
    assert cells[2:6] == ["1e6", "2.0e-04", "1.6e-02", "kappa"] and cells[7] == "1.2e-01"
    assert 4e-4 < float(cells[6]) < 9e-4  # the mean of R over drawn kernels
    assert [cell.strip() for cell in second.split("|")][3:7] == ["1.1e-04", "1.1e-04", "every lag", ""]


@pytest.mark.parametrize(
    ("x", "text"), [(0.0159, "1.6e-02"), (0.01, "1.0e-02"), (9.96e-5, "1.0e-04"), (1.0, "1.0e+00")]
)
def test_rounding_up(x: float, text: str) -> None:
    import bound_table

    assert bound_table.rounded_up(x) == text and float(text) >= x * (1 - 1e-12)
