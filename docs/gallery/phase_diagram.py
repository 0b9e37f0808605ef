"""The gradient over length T and scale c, in exact rationals: two limits that do not commute (claims SN7, SN8)."""

from __future__ import annotations

import math
from fractions import Fraction

from gallery import TALL, Comparison, Exhibit, show
from matplotlib.figure import Figure

from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.score_blocks import parameter_gradient, parameter_norms
from proofs.sub_ngrams.type_classes import type_classes
from verify.papers.sub_ngrams.gradient.norms import NormPoint
from verify.papers.sub_ngrams.gradient.plot import draw_decay, draw_map

LAW, K = NGramLaw(S=2, n=2), 2
LENGTHS = (4, 6, 8, 12, 16, 24, 32, 48, 64)
POWERS = (1, 2, 3, 4, 6, 8, 12, 18, 26, 40, 60, 75, 90)  # q = 2^p, so that c = p log 2
ROUNDING = 1e-12  # relative: of exact rationals to floats, and of their norm


def norm_at(T: int, q: Fraction) -> NormPoint:
    configuration = Configuration.k_gram(K, q)
    norms = parameter_norms(type_classes(LAW, configuration, T), configuration)
    assert norms is not None  # q is finite
    return NormPoint(T, configuration.c, norms["total"], 0.0)


def main(lengths: tuple[int, ...] = LENGTHS, powers: tuple[int, ...] = POWERS) -> Exhibit:
    curves = {f"c = {p * math.log(2):.3g}": [norm_at(T, Fraction(2**p)) for T in lengths] for p in powers}
    figure = Figure(figsize=TALL, layout="constrained")
    upper, lower = figure.subplots(2, 1)
    upper.set_title("population gradient, k=2, n=2, S=2, all values exact")
    draw_decay(upper, dict(list(curves.items())[::3]))
    lower.set_yscale("log")
    draw_map(lower, [point for curve in curves.values() for point in curve])
    for axes in (upper, lower):
        axes.set_xticks(lengths, [str(T) for T in lengths])
        axes.minorticks_off()
    comparisons = []
    for T in lengths[:: len(lengths) - 1]:
        limit = Configuration.k_gram(K, math.inf)
        far = next(reversed(curves.values()))[lengths.index(T)]
        predicted = parameter_gradient(type_classes(LAW, limit, T), limit).norms(far.c)["total"]
        comparisons.append(
            Comparison(
                f"norm at T={T}, c={far.c:.3g}: c lim V, sqrt(c) lim Q, K",
                far.norm,
                predicted,
                predicted * (ROUNDING + 100 * T * math.exp(-far.c)),
                "100 T/q and rounding",
            )
        )
    return Exhibit(figure, comparisons)


if __name__ == "__main__":
    show(__file__, main())
