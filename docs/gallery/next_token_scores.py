"""Attention scores: optimal tokens rise, unseen ones stay at 0 to the last bit, others fall (claims NT2, NT9)."""

from __future__ import annotations

import math

from gallery import Comparison, Exhibit, show
from next_token_figures import score_figure

from numerics.next_token.stage import aligned_output
from numerics.next_token.training import train_attention
from numerics.threads import one_thread
from proofs.next_token.examples import from_optimal

# The sentences of DS-D and tokens that they do not hold. Token 1 is non-optimal, but W* gives it the score 0: it only
# falls like log t, the others linearly.
WIDER = from_optimal("DS-D, V = 6", (1, 2, 3, 4, 5, 0), [((0, 1, 3), 0, 1), ((0, 2, 3), 0, 1), ((2, 3), 2, 1)])
ETA, BETA, QUERY = 0.5, 3.0, 3
OPTIMAL, UNSEEN = 0, (4, 5)


@one_thread()
def main(T: int = 2000) -> Exhibit:
    training = train_attention([WIDER], aligned_output([WIDER], BETA), ETA, T)
    star = training.predictions[0].solution.reshape(WIDER.V, WIDER.V)
    speed = ETA * float(star[OPTIMAL, QUERY]) / training.predictions[0].norm
    before, scores = (training.weights(0, t).reshape(WIDER.V, WIDER.V)[:, QUERY].tolist() for t in (T // 2, T))
    figure = score_figure(WIDER, ETA, BETA, T)
    times = [2**i for i in range(int(math.log2(T)) + 1)]
    figure.axes[0].plot(times, [speed * t for t in times], color="black", linewidth=0.8, linestyle="--")
    gained = (scores[OPTIMAL] - before[OPTIMAL]) / (T - T // 2)
    comparisons = [Comparison("optimal token: score per step", gained, speed, 10 / T, "10/T: the rest is O(log t / t)")]
    comparisons += [Comparison(f"unseen token {x}: score", scores[x], 0.0, 0.0, "exactly") for x in UNSEEN]
    comparisons.append(Comparison("sum of all scores", sum(scores), 0.0, 1e-12 * ETA * T, "rounding of T steps"))
    return Exhibit(figure, comparisons)


if __name__ == "__main__":
    show(__file__, main())
