"""The direction of attention: an error of 1/t, or of (log t)/t with a degenerate pair (claims NT7d, NT8)."""

from __future__ import annotations

from gallery import Comparison, Exhibit, show
from next_token_figures import direction_figure

from numerics.next_token.stage import aligned_output
from numerics.next_token.training import train_attention
from numerics.threads import one_thread
from proofs.next_token.examples import NAMED

ETA, BETA = 0.5, 3.0


@one_thread()
def main(T: int = 8000) -> Exhibit:
    datasets = [NAMED["DS-B"], NAMED["DS-C"], NAMED["DS-D"]]
    training = train_attention(datasets, aligned_output(datasets, BETA), ETA, T)
    comparisons = []
    for i, dataset in enumerate(datasets):
        if training.predictions[i].degenerate_pairs:
            growth, predicted = training.drift(i), training.predictions[i].drift_constant(ETA)
            comparisons.append(
                Comparison(f"{dataset.name}: growth with log t", growth.value, predicted, growth.error, "extrapolation")
            )
        else:
            apart = training.offset_distance(i)
            comparisons.append(
                Comparison(f"{dataset.name}: distance to the limit", apart.value, 0.0, apart.error, "extrapolation")
            )
    return Exhibit(direction_figure(datasets, ETA, BETA, T), comparisons)


if __name__ == "__main__":
    show(__file__, main())
