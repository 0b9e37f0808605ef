"""With W = Q K^T itself as the parameter the gradient does not vanish; with Q and K it does (claims SN7, SN9)."""

from __future__ import annotations

import math
from fractions import Fraction

from gallery import Comparison, Exhibit, name_curves, one_plot, show

from proofs.sub_ngrams.annealed_limit import annealed_block
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.merged_limit import bigram_value
from proofs.sub_ngrams.score_blocks import parameter_norms
from verify.papers.sub_ngrams.engines import Options, choose_engine

LAW = NGramLaw(S=2, n=3)
LENGTHS = (8, 16, 32, 1000, 10**6)


def main(lengths: tuple[int, ...] = LENGTHS) -> Exhibit:
    limit = annealed_block(LAW, lags=(1,), a=1, b=0)  # T = infinity, then c = infinity
    predicted = limit.block[0][0]
    merged, factorised, errors = [], [], []
    for T in lengths:
        configuration = Configuration.k_gram(2, Fraction(T))
        M = choose_engine(LAW, configuration, T).compute(LAW, configuration, T, Options(tolerance=0.1 / T))
        norms = parameter_norms(M, configuration)
        assert norms is not None  # q is finite
        merged.append(float(M[1, 0][0][0]))
        errors.append(float(M.error_of((1, 0), 0, 0)))
        factorised.append(norms["total"])
    figure, axes = one_plot()
    axes.loglog(lengths, merged, "o-", label=r"merged: entry of $\partial L/\partial W_{1,0}$")
    axes.loglog(lengths, factorised, "s-", label="factorised: norm of the whole gradient")
    axes.axhline(predicted, color="0.4", linestyle="--", linewidth=1, label=f"predicted limit {predicted:.6f}")
    axes.set(
        xlabel="sequence length T",
        ylabel="population gradient",
        title="Merged, an entry stays; k=2, n=3, S=2, c = log T",
    )
    axes.grid(alpha=0.25)
    name_curves(axes)

    bigram = annealed_block(NGramLaw(S=2, n=2), lags=(), a=0, b=0)
    value = bigram_value()  # proved there: 7/6 - 5/3 log 2
    closed_form = float(value.rational) + float(value.log2) * math.log(2)
    return Exhibit(
        figure,
        [
            Comparison(f"merged entry at T={lengths[-1]:.0e}", merged[-1], predicted, errors[-1] + 1 / lengths[-1],
                       "its error, and 1/T for what is left"),
            Comparison("n=2, k=1: quadrature and closed form", bigram.block[0][0], closed_form,
                       bigram.errors[0][0], "error of the quadrature"),
        ],
    )  # fmt: skip


if __name__ == "__main__":
    show(__file__, main())
