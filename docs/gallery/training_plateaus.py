"""A recorded training run: its plateaus lie at the corrected k-gram losses (claim SN15)."""

from __future__ import annotations

from fractions import Fraction

from gallery import Comparison, Exhibit, show

from numerics.sub_ngrams.stages import analyse
from numerics.sub_ngrams.trajectory import parse_trajectory, read_arrays
from numerics.threads import one_thread
from proofs.sub_ngrams.law import NGramLaw
from verify.papers.sub_ngrams.recorded import PACKAGED
from verify.papers.sub_ngrams.training.plot import training_figure

LAW = NGramLaw(S=3, n=3, alpha=Fraction(1, 2), initial="dirichlet")


@one_thread()
def main(test_samples: int = 4096, gradient_samples: int = 2048) -> Exhibit:
    trajectory = parse_trajectory(read_arrays(PACKAGED.read_bytes()))
    stages = analyse(
        trajectory, LAW, epsilon=1e-8, test_samples=test_samples, gradient_samples=gradient_samples, seed=0
    )
    figure = training_figure(trajectory, stages)
    comparisons = [
        Comparison(
            f"plateau {plateau.first}-{plateau.last} and {plateau.name}",
            plateau.loss,
            plateau.level.loss,
            0.25 * abs(plateau.error / plateau.relative),
            "a quarter of the gap to the next level",
        )
        for plateau in stages.plateaus
        if plateau.level
    ]
    return Exhibit(figure, comparisons)


if __name__ == "__main__":
    show(__file__, main())
