"""`python -m verify.gradient ... bound=yes`: bounds beside computed numbers, in text, JSON and pictures."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from flint import arb

from proofs.sub_ngrams.annealed_bound import AnnealedBound, Prior
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.finite_length import FiniteLength
from proofs.sub_ngrams.law import NGramLaw
from verify.papers.sub_ngrams.gradient import command
from verify.papers.sub_ngrams.gradient.bound import GradientBound
from verify.papers.sub_ngrams.gradient.norms import NormPoint
from verify.papers.sub_ngrams.gradient.plot import gradient_figure
from verify.settings import UsageError


def printed(capsys: pytest.CaptureFixture[str], words: str) -> str:
    assert command.main(words.split()) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("words", ["k=2 n=3 T=8 q=5", "k=3 n=3 T=8,16 c=1,logT alpha=1/2", "lags=2 n=3 T=9 c=inf"])
def test_bounds_stand_beside_what_they_bound(capsys: pytest.CaptureFixture[str], words: str) -> None:
    plain: Any = json.loads(printed(capsys, f"{words} format=json"))
    given: Any = json.loads(printed(capsys, f"{words} format=json bound=yes"))
    for entry, before in zip(*([x] if isinstance(x, dict) else x for x in (given, plain)), strict=True):
        bounds = entry.pop("bounds")
        assert entry == before and "bounds" not in before
        for part in ("used key lags", "unused key lags"):
            assert 0 < bounds[part]["largest size"] <= bounds[part]["bound"]
        assert (bounds["norm"] is None) == (entry["parameter_norms"] is None)
        if bounds["norm"]:
            assert 0 < entry["parameter_norms"]["total"] == bounds["norm"]["norm"] <= bounds["norm"]["bound"]


def test_the_text_tells_the_factor(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "k=2 n=2 T=16 q=16 bound=yes")
    assert "times the norm" in text and "(every lag)" in text
    assert "unused ones" in printed(capsys, "k=2 n=2 T=8 c=inf bound=yes")
    assert "bound 0 (no lags)" in printed(capsys, "k=1 n=2 T=8 c=1 bound=yes")


@pytest.mark.parametrize("words", ["parametrisation=merged", "n=1 k=1"])
def test_where_there_are_no_bounds(words: str) -> None:
    with pytest.raises(UsageError, match="factorised gradient"):
        command.main(f"T=8 c=1 bound=yes {words}".split())


def test_with_literal_heads_blocks_have_bounds_and_the_norm_has_none(capsys: pytest.CaptureFixture[str]) -> None:
    """The norm has a part in A; and keys that match in part may weigh n-1 more."""
    engine = "engine=transfer minutes=0.01 format=json bound=yes"
    bounds: Any = json.loads(printed(capsys, f"k=2 n=3 T=100 q=100 {engine} heads=literal"))
    padded: Any = json.loads(printed(capsys, f"k=2 n=3 T=100 q=100 {engine}"))
    assert bounds["bounds"]["norm"]["bound"] is None and padded["bounds"]["norm"]["bound"] > 0
    one, other = (entry["bounds"]["used key lags"] for entry in (bounds, padded))
    assert one["largest size"] < other["bound"] < one["bound"]


def test_a_bound_is_rounded_up() -> None:
    law, configuration = NGramLaw(2, 3), Configuration((1,), Fraction(10**6))
    found = GradientBound.of(law, configuration, 10**6)
    exact = AnnealedBound(FiniteLength(2, 3, 10**6, configuration), Prior(2, 3, Fraction(1)))
    assert found.how == "kappa" and found.norm is not None
    assert exact.type_two()[0] <= arb(found.type_two) and exact.norm(arb(10**6).log()) <= arb(found.norm)


@pytest.mark.parametrize(("rows", "how"), [("9/10,1/10\n1/5,4/5", "R"), ("1,0\n0,1", "none"), ("0,1\n0,1", "R")])
def test_one_kernel_has_the_bound_of_its_mixing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, rows: str, how: str
) -> None:
    """Two stationary laws: nothing is known. A state that is left for good does no harm."""
    (tmp_path / "kernel.csv").write_text(rows)
    words = f"kernel={tmp_path / 'kernel.csv'} T=300 q=300 engine=transfer format=json bound=yes"
    part: Any = json.loads(printed(capsys, words))["bounds"]["unused key lags"]
    assert part["by"] == how and (part["bound"] < 0.6) is (how == "R") and part["largest size"] <= part["bound"]


def points(bound: float | None) -> dict[str, list[NormPoint]]:
    pairs = [(T, c) for T in (8, 16, 32) for c in (1.0, 2.0, 3.0)]
    return {"all": [NormPoint(T, c, 1 / T, 0.0, None if bound is None else bound / T) for T, c in pairs]}


@pytest.mark.parametrize(("bound", "lines"), [(None, 2), (16.0, 3), (1e6, 3)])
def test_pictures_show_the_bound(bound: float | None, lines: int) -> None:
    """In the decay a line of its own; in the map the line where the bound is 1, if there is one."""
    figure = gradient_figure("title", points(bound))
    figure.canvas.draw()
    decay, chart = [axes for axes in figure.axes if axes.get_xlabel()]
    assert len(decay.get_legend_handles_labels()[1]) == lines
    shown = [text.get_text() for text in chart.texts]
    assert ("bound = 1" in shown) is (bound == 16.0 and math.isfinite(bound))
