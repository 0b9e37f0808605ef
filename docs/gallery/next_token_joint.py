"""Both layers at once beside one after the other: attention grows like log t only (claims NT15, NT10)."""

from __future__ import annotations

import math

from gallery import Comparison, Exhibit, show
from next_token_figures import joint_figure

from numerics.next_token.joint import train_jointly
from numerics.threads import one_thread
from proofs.next_token.examples import NAMED

ETA = 0.5
NORMS = {"DS-A": (math.sqrt(3), math.sqrt(2)), "DS-C": (2.0, math.sqrt(23 / 6))}  # |W_ov*|, |W_kq*|


@one_thread()
def main(T: int = 4000) -> Exhibit:
    datasets = [NAMED[name] for name in NORMS]
    training = train_jointly(datasets, ETA, T)
    comparisons = []
    for i, (name, (output, attention)) in enumerate(NORMS.items()):
        slope, growth, why = training.loss_slope(i), training.attention_growth(i), "extrapolation and rounding"
        comparisons.append(Comparison(f"{name}: slope of log L", slope.value, -ETA / output, slope.error, why))
        comparisons.append(Comparison(f"{name}: |W_kq| per log t", growth.value, 2 * attention, growth.error, why))
    return Exhibit(joint_figure(datasets, ETA), comparisons)


if __name__ == "__main__":
    show(__file__, main())
