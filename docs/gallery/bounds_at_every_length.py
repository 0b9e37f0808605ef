"""The gradient's norm beside its bounds, T = 10 to 10^10, and a kernel that needs their R (SN16, SN20, SN18c)."""

from __future__ import annotations

from fractions import Fraction

import torch
from decay import norm_at
from flint import arb
from gallery import Comparison, Exhibit, name_curves, one_plot, show

from numerics.sub_ngrams.mixing import drawn_kernels, mixing
from numerics.sub_ngrams.transfer import transfer
from proofs.sub_ngrams import adversaries, two_regimes
from proofs.sub_ngrams.annealed_bound import AnnealedBound, Prior
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.finite_length import FiniteLength, phi
from proofs.sub_ngrams.law import NGramLaw

LAW, KERNELS = NGramLaw(2, 3), 2000  # so many are drawn for the mean of R


def regimes(steps: int) -> float:
    """M_00[0][1] of the kernel with two regimes at T = q = steps + 2."""
    rows = [[float(x) for x in row] for row in adversaries.two_regimes(Fraction(1, steps))]
    T = steps + 2
    found = transfer(torch.tensor([rows], dtype=torch.float64), LAW, Configuration((1,), Fraction(T)), T)
    return float(found.blocks[0, 0, 0, 0, 1])


def main(powers: tuple[int, ...] = (1, 3, 6, 8, 10), tolerance: float = 0.1) -> Exhibit:
    points, curves = [norm_at(10**power, tolerance) for power in powers], dict[str, list[float]]()
    for p in points:
        numbers = FiniteLength(LAW.S, LAW.n, p.T, Configuration((1,), Fraction(p.T)))
        bound, drawn = AnnealedBound(numbers, Prior(LAW.S, LAW.n, LAW.alpha)), drawn_kernels(numbers, 1.0, KERNELS, 0)
        mean = float(numbers.gamma) + float(mixing(drawn, numbers).mean())
        twos = {"(I) alone": arb(0), "with the mean of R of drawn kernels": arb(mean), "proved": bound.type_two()[0]}
        for name, two in twos.items():
            norm = numbers.norm_square(arb(p.T).log(), phi(numbers.type_one()), two).sqrt()
            curves.setdefault(f"bound, {name}", []).append(float(norm))
    figure, axes = one_plot()
    axes.loglog([p.T for p in points], [p.norm for p in points], "o-", label="computed norm")
    for (label, values), style in zip(curves.items(), (":", "--", "-."), strict=True):
        axes.loglog([p.T for p in points], values, style, label=label)
    axes.set(
        xlabel="sequence length T",
        ylabel="norm of the gradient",
        title="The gradient below its bounds; k=2, n=3, S=2, c = log T",
    )
    name_curves(axes)
    ratio = max((p.norm + p.error) / limit for p, limit in zip(points, curves["bound, proved"], strict=True))
    limit, found = float(two_regimes.limit()), 2 * regimes(10**6) - regimes(5 * 10**5)
    within = Comparison("largest norm / bound", ratio, 0.5, 0.5, "a norm lies between 0 and its bound")
    ten_digits = Comparison("two regimes, limit", found, limit, 1e-10, "errors of order 1/T^2 and of rounding")
    return Exhibit(figure, [within, ten_digits])


if __name__ == "__main__":
    show(__file__, main())
