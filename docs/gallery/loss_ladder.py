"""The losses of the k-grams on drawn sequences tend to the ladder of entropies (claim SN11)."""

from __future__ import annotations

import torch
from gallery import Comparison, Exhibit, name_curves, one_plot, show

from numerics.sub_ngrams.levels import TestSet, ladder
from numerics.threads import one_thread
from proofs.sub_ngrams.ladder import entropy
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.prior import prior_mean

LAW = NGramLaw(S=2, n=3)
LENGTHS = (16, 64, 256, 1024, 4096)
EPSILON = 1e-8  # log(p + epsilon): without it the loss is infinite at every length (claim SN10)


@one_thread()
def main(lengths: tuple[int, ...] = LENGTHS, sequences: int = 2000) -> Exhibit:
    orders = range(1, LAW.n + 1)
    levels = prior_mean(LAW, lambda kernel: [entropy(kernel, tuple(range(1, k))) for k in orders]).values
    found = {}
    for T in lengths:
        tests = TestSet.draw(LAW, T, sequences, EPSILON, torch.Generator().manual_seed(0))
        found[T] = ladder(LAW, tests)[: LAW.n]

    figure, axes = one_plot()
    for k, level in zip(orders, levels, strict=True):
        colour = f"C{k - 1}"
        losses = [found[T][k - 1].loss for T in lengths]
        errors = [2 * found[T][k - 1].standard_error for T in lengths]
        axes.errorbar(lengths, losses, yerr=errors, fmt="o-", markersize=4, capsize=2, color=colour, label=f"{k}-gram")
        axes.axhline(level, color=colour, linestyle="--", linewidth=1)
        axes.annotate(
            f" {level:.4f}", (1.0, level), xycoords=("axes fraction", "data"), va="center", fontsize=8, color=colour
        )
    axes.set_xscale("log")
    axes.set(
        xlabel="sequence length T",
        ylabel="loss in nats",
        title="Losses fall to the ladder at T = infinity (dashed); S=2, n=3",
    )
    name_curves(axes)

    last = found[lengths[-1]]
    return Exhibit(
        figure,
        [
            Comparison(f"{k}-gram, T={lengths[-1]}", last[k - 1].loss, level, 4 * last[k - 1].standard_error,
                       "4 standard errors")
            for k, level in zip(orders, levels, strict=True)
        ],
    )  # fmt: skip


if __name__ == "__main__":
    show(__file__, main())
