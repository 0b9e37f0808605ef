"""What the leg in Python's arithmetic leaves out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.imports import reaches_sympy


@pytest.mark.parametrize(
    ("text", "reaches"),
    [
        ("from sympy import Symbol", True),
        ("def test():\n    import sympy.polys", True),
        ("def test():\n    import proofs.next_token.points", True),
        ("from proofs.sub_ngrams.laws import Law", True),  # through another module
        ("from proofs.sub_ngrams import enumeration", True),
        ("from tests.strategies import laws", True),  # through a helper of tests
        ("from proofs.mean_field.words import Words", False),
        ("from fractions import Fraction", False),
    ],
)
def test_what_can_compute_with_sympy(tmp_path: Path, text: str, reaches: bool) -> None:
    (tmp_path / "test_x.py").write_text(text)
    assert reaches_sympy(tmp_path / "test_x.py") is reaches
