"""The setting of the paper's experiment: one run with both ladders of levels, and four more beside it (claim SN15)."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from gallery import Comparison, Exhibit, show

from numerics.sub_ngrams.stages import analyse
from numerics.sub_ngrams.trajectory import Trajectory, parse_trajectory, read_arrays
from numerics.threads import one_thread
from proofs.sub_ngrams.law import NGramLaw
from verify.papers.sub_ngrams.training.plot import training_figure

LAW = NGramLaw(S=5, n=3, alpha=Fraction(1, 2), initial="dirichlet")
RUNS = Path(__file__).parent / "training_paper.npz"  # verify.train preset=paper seed=0..4: networks of the first alone
SEEDS = range(5)


@one_thread()
def main(test_samples: int = 4096, gradient_samples: int = 4096) -> Exhibit:
    arrays = read_arrays(RUNS.read_bytes())
    trajectory = parse_trajectory(arrays)
    stages = analyse(
        trajectory, LAW, epsilon=1e-8, test_samples=test_samples, gradient_samples=gradient_samples, seed=0
    )
    losses = [arrays[f"resume/hist{seed}"] for seed in SEEDS[1:]]
    beside = [Trajectory(tuple(map(int, hist[:, 0])), tuple(map(float, hist[:, 1])), {}) for hist in losses]
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
    return Exhibit(training_figure(trajectory, stages, beside=beside), comparisons)


if __name__ == "__main__":
    show(__file__, main())
