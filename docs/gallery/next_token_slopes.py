"""Normalised descent: log(L - L*) falls with the slope -eta/|W*|, on every dataset its own (claims NT7, NT10)."""

from __future__ import annotations

from gallery import Comparison, Exhibit, show
from next_token_figures import loss_figure

from numerics.next_token.stage import aligned_output
from numerics.next_token.training import train_attention
from numerics.threads import one_thread
from proofs.next_token.examples import NAMED

ETA, BETA = 0.5, 3.0


@one_thread()
def main(T: int = 4000) -> Exhibit:
    datasets = [NAMED["DS-A"], NAMED["DS-C"]]
    training = train_attention(datasets, aligned_output(datasets, BETA), ETA, T)
    comparisons = []
    for i, dataset in enumerate(datasets):
        slope = training.loss_slope(i)
        predicted = training.predictions[i].loss_slope(ETA)
        comparisons.append(
            Comparison(f"slope, {dataset.name}", slope.value, predicted, slope.error, "extrapolation and rounding")
        )
    return Exhibit(loss_figure(datasets, ETA, BETA), comparisons)


if __name__ == "__main__":
    show(__file__, main())
