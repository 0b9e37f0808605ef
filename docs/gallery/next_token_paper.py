"""The step sizes of the paper's experiment: loss, direction and norm of both layers (claims NT6w, NT7, NT7d)."""

from __future__ import annotations

import math

from gallery import Comparison, Exhibit, show
from next_token_figures import both_layers_figure

from numerics.next_token.stage import aligned_output
from numerics.next_token.training import train_attention, train_feed_forward
from numerics.threads import one_thread
from proofs.next_token.examples import random_dataset

V = 20  # d = V
ETA0, ETA, BETA = 0.2 / math.sqrt(V), 0.05 / math.sqrt(V), 3.0


@one_thread()
def main(T: int = 20_000) -> Exhibit:
    dataset = random_dataset(0, V, 1, sentences=10)
    times = sorted({round(T ** (k / 80)) for k in range(81)} - {0})
    layers = {
        "W_ov": train_feed_forward([dataset], ETA0, T, times),
        "W_kq": train_attention([dataset], aligned_output([dataset], BETA), ETA, T, times),
    }
    comparisons = []
    for name, training in layers.items():
        slope, apart = training.loss_slope(0), training.offset_distance(0)
        predicted = training.predictions[0].loss_slope(training.step)
        why = "extrapolation and rounding"
        comparisons.append(Comparison(f"{name}: slope of log(L - L*)", slope.value, predicted, slope.error, why))
        comparisons.append(Comparison(f"{name}: distance to the limit", apart.value, 0.0, apart.error, why))
    return Exhibit(both_layers_figure(layers, times), comparisons)


if __name__ == "__main__":
    show(__file__, main())
