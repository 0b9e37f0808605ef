"""The picture of a gradient over lengths and scales: a map only where there is something to map."""

from __future__ import annotations

import math

import pytest

from verify.papers.sub_ngrams.gradient.norms import NormPoint
from verify.papers.sub_ngrams.gradient.plot import gradient_figure

LENGTHS = (4, 8, 12, 16, 20, 24)


def points(pairs: list[tuple[int, float]], norm: float = 1.0) -> list[NormPoint]:
    return [NormPoint(T=T, c=c, norm=norm / T, error=0.0) for T, c in pairs]


@pytest.mark.parametrize(
    ("pairs", "norm", "panels"),
    [
        ([(T, math.log(T)) for T in LENGTHS], 1.0, 1),  # all on one curve
        ([(T, 2.0) for T in LENGTHS], 1.0, 1),
        ([(8, float(c)) for c in range(1, 8)], 1.0, 1),
        ([(T, c) for T in (8, 16) for c in (1.0, 2.0, 3.0)], 1.0, 2),
        ([(T, c) for T in LENGTHS for c in (1.0, math.log(T))], 1.0, 2),
        ([(T, c) for T in (8, 16) for c in (1.0, 2.0, 3.0)], 0.0, 1),  # nothing on a logarithmic scale
    ],
)
def test_there_is_a_map_where_several_lengths_have_several_scales(
    pairs: list[tuple[int, float]], norm: float, panels: int
) -> None:
    figure = gradient_figure("title", {"all": points(pairs, norm)})
    figure.canvas.draw()
    shown = [axes for axes in figure.axes if axes.get_xlabel()]
    assert len(shown) == panels and shown[0].get_ylabel() and shown[0].get_title(loc="left") == "title"
