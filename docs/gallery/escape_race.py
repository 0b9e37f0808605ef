"""Which lag a unigram learns first: coefficients of the first escape, and the exact gradient behind (claim SN12)."""

from __future__ import annotations

import math
from fractions import Fraction

from gallery import TALL, Comparison, Exhibit, name_curves, show
from matplotlib.figure import Figure

from numerics.sub_ngrams.escape_race import finite_length, race
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.escape import predicted_coefficient, word_weights
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.prior import prior_mean
from verify.papers.sub_ngrams.engines import Options, choose_engine

ALPHAS = [Fraction(2) ** i for i in range(-3, 4)]
LENGTHS = (4, 8, 16, 32, 64, 1000, 10**6)


def main(lengths: tuple[int, ...] = LENGTHS, kernels: int = 40_000) -> Exhibit:
    figure = Figure(figsize=TALL, layout="constrained")
    upper, lower = figure.subplots(2, 1)
    races = [race(NGramLaw(2, 3, alpha), lags=(), kernels=kernels) for alpha in ALPHAS]
    for feature in races[0]:
        speeds = [-found[feature].mean for found in races]
        errors = [2 * found[feature].standard_error for found in races]
        label = f"lag {feature.key}: order {feature.order}"
        upper.errorbar([float(a) for a in ALPHAS], speeds, yerr=errors, fmt="o-", markersize=4, capsize=2, label=label)
    upper.set_xscale("log", base=2)
    upper.set(xlabel="alpha of the Dirichlet prior", ylabel="minus the escape coefficient", ylim=(0, None))
    upper.set_title("First escape of the unigram, n=3, S=2: the lower order wins")
    name_curves(upper)

    law = NGramLaw(S=2, n=2)

    def block(a: int, b: int, T: int) -> list[list[float]]:
        configuration = Configuration((), math.inf)
        engine = choose_engine(law, configuration, T, name="type_classes" if T <= 64 else "transfer")
        M = engine.compute(law, configuration, T, Options(tolerance=0.1 / T))
        return [[float(x) for x in row] for row in M[a, b]]

    traces = finite_length(block, 1, lengths)
    mean = prior_mean(law, lambda kernel: [predicted_coefficient(word_weights(kernel), (), 1)])
    predicted = mean.values[0]
    lower.plot(list(traces), list(traces.values()), "o-", markersize=4, label=r"tr $M_{0,1}$ at length T")
    lower.axhline(predicted, color="0.4", linestyle="--", linewidth=1, label=f"predicted coefficient {predicted:.5f}")
    lower.set_xscale("log")
    lower.set(xlabel="sequence length T", ylabel="second derivative, head aligned")
    lower.set_title("Lag 1 at finite length, n=2, S=2")
    name_curves(lower)
    T = lengths[-1]
    bound = mean.errors[0] + 1 / T
    return Exhibit(figure, [Comparison(f"tr M_01 at T={T:.0e}", traces[T], predicted, bound, "1/T for what is left")])


if __name__ == "__main__":
    show(__file__, main())
