"""The gradient at the bigram configuration, up to sequences of a thousand million tokens (claim SN7)."""

from __future__ import annotations

import math
from fractions import Fraction

from gallery import Comparison, Exhibit, name_curves, one_plot, show

from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.score_blocks import norm_errors, parameter_norms
from verify.papers.sub_ngrams.engines import Options, choose_engine
from verify.papers.sub_ngrams.gradient.norms import NormPoint
from verify.papers.sub_ngrams.gradient.plot import draw_decay

LAW = NGramLaw(S=2, n=3)
LENGTHS = (8, 16, 32, 1000, 10**6, 10**9)


def norm_at(T: int, tolerance: float) -> NormPoint:
    """The norm of the whole gradient at k = 2 and q = T, that is c = log T; exact up to T = 32.

    tolerance  of an entry, in units of 1/T, at greater lengths
    """
    configuration = Configuration.k_gram(2, Fraction(T))
    engine = choose_engine(LAW, configuration, T)
    M = engine.compute(LAW, configuration, T, Options(tolerance=tolerance / T))
    norms, errors = parameter_norms(M, configuration), norm_errors(M, configuration)
    assert norms is not None  # q is finite
    assert errors is not None
    return NormPoint(T, configuration.c, norms["total"], errors["total"])


def main(lengths: tuple[int, ...] = LENGTHS, tolerance: float = 0.01) -> Exhibit:
    points = [norm_at(T, tolerance) for T in lengths]
    before, last = points[-2:]
    amplitude = before.norm * before.T / math.sqrt(before.c)  # the one number that is taken from a computed norm
    figure, axes = one_plot()
    draw_decay(axes, {"computed": points})
    predicted = [amplitude * math.sqrt(math.log(T)) / T for T in lengths]
    axes.plot(lengths, predicted, color="black", linewidth=1, linestyle=":", label=r"predicted $\sqrt{\log T}\,/\,T$")
    axes.set_title("The gradient falls nearly like 1/T; k=2, n=3, S=2, c = log T")
    name_curves(axes)
    growth = amplitude * math.sqrt(last.c) / last.T
    bound = last.error + before.error * growth / before.norm
    name = f"norm at T={last.T:.0e} from T={before.T:.0e}"
    return Exhibit(figure, [Comparison(name, last.norm, growth, bound, "errors of both norms")])


if __name__ == "__main__":
    show(__file__, main())
