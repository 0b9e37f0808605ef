"""NT9: the order of all tokens in the trained scores, and sentences with tokens unseen with their query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING

from proofs.next_token.dataset import Dataset, Sentence
from proofs.next_token.max_margin import Vector, attention_problems
from verify.claim import Finding, Origin, Run
from verify.papers.next_token.comparisons import Comparison, by_reason, describe, report, why_nothing, worst
from verify.papers.next_token.premises import ALIGNED, ATTENDING, SMALL_STEP, claim
from verify.papers.next_token.rates import TOO_LARGE, TRAPPED
from verify.papers.next_token.runs import STAGE_2, attention_run, attention_seconds, if_time_allows
from verify.papers.next_token.settings import NextTokenSettings

if TYPE_CHECKING:
    from torch import Tensor

    from numerics.next_token.reference import Matrix
    from numerics.next_token.stage import Stage
    from numerics.next_token.training import Training

# Scores are compared to a quarter of the least difference in W_kq*: where all agree, they are in the same order.
ORDER_RESOLUTION = 0.25
MOST_SHIFTED = 100  # sentences of a dataset
SHIFT_RESOLUTION = 1e-2  # relative: drifting scores are slow to settle, and the training slope is another by a factor


@dataclass(frozen=True)
class Shift:
    """The shifted sentences of one dataset, as a stage over the same weights, and the score gap of each in W_kq*."""

    dataset: Dataset
    stage: Stage
    gaps: Tensor

    @property
    def sentences(self) -> tuple[Sentence, ...]:
        return self.dataset.longer


def columns(dataset: Dataset) -> dict[int, Vector]:
    """The columns of W_kq* for queries that order anything; the others are 0."""
    from proofs.next_token.max_margin_solver import solve

    return {q: solve(problem).solution for q, problem in attention_problems(dataset).items()}


def shifted_sentences(dataset: Dataset) -> list[Sentence]:
    """[x, unseen, q] for every query q, token unseen with q, and x seen with it, if one of the three leads in W_kq*.

    The successor is that of the leading token. Only tokens that have a collocation; at most MOST_SHIFTED sentences,
    those in which a seen token leads and those in which the unseen one does in turn.
    """
    led_by_seen: list[Sentence] = []
    led_by_unseen: list[Sentence] = []
    for q, w in columns(dataset).items():
        for x in sorted(dataset.seen(q)):
            for u in sorted(dataset.n.keys() - dataset.seen(q)):
                ranked = sorted({x, u, q}, key=lambda token: w[token])
                if w[ranked[-1]] > w[ranked[-2]]:
                    sentence = Sentence((*({x} - {q}), u, q), dataset.n[ranked[-1]])
                    (led_by_unseen if ranked[-1] == u else led_by_seen).append(sentence)
    in_turn = [s for pair in zip_longest(led_by_seen, led_by_unseen) for s in pair if s is not None]
    return in_turn[:MOST_SHIFTED]


def shift_of(training: Training, index: int) -> Shift | None:
    """The shifted sentences of a dataset; None if there are none."""
    import torch

    from numerics.next_token.stage import attention_stage

    dataset = training.datasets[index]
    sentences = shifted_sentences(dataset)
    if not sentences:
        return None
    assert training.W_ov is not None
    shifted = Dataset(f"{dataset.name} shifted", dataset.vocabulary, (*dataset.collocations, *sentences))
    stage = attention_stage([shifted], training.W_ov[index : index + 1].cpu())
    gaps = stage.gaps(training.predictions[index].solution[None])[0]
    return Shift(shifted, stage, gaps.masked_fill(stage.offsets[0].isneginf(), torch.inf).amin(-1))


@claim(
    "NT9",
    "dataset shift",
    requires=("NT2", "NT7", "NT9m"),
    assumptions=(ALIGNED, SMALL_STEP, ATTENDING, "one token of the sentence has the largest entry in W_kq*"),
    origin=Origin.STRENGTHENED,
    shares=STAGE_2,
)
@if_time_allows(attention_seconds)
def unseen_tokens(settings: NextTokenSettings, run: Run) -> Finding:
    """[F] The trained model predicts under dataset shift. [D] Every score grows by eta W_kq*[x, q]/|W_kq*| per step,
    and that of an unseen token is 0: tokens with a positive entry in W_kq* come to lie above unseen ones, and unseen
    ones above tokens with a negative entry. On a sentence of an unseen token, a seen one and the query, log(L - L*) has
    slope -(eta/|W_kq*|) times the lead of its highest token in W_kq*, whose successor is predicted.

    The growth of every score and the slope for every shifted sentence, measured in training, beside their predictions.
    """
    training = attention_run(settings, run)
    indices = range(len(training.datasets))
    small = [i for i in indices if training.stable(i)]
    used = [i for i in small if training.attends(i)]
    left_out = {TOO_LARGE: [i for i in indices if i not in small], TRAPPED: [i for i in small if i not in used]}
    comparisons: list[Comparison] = []
    sentences, none = 0, list[Dataset]()
    for i in used:
        comparisons += [scores(training, i), unseen_score(training, i)]
        if shift := shift_of(training, i):
            sentences += len(shift.sentences)
            comparisons.append(shifted_losses(training, i, shift))
        else:
            none.append(training.datasets[i])
    moved = max((largest_unseen(training, i, training.weights(i, training.T)) for i in used), default=0.0)
    return report(
        comparisons,
        scope=f"{describe(training, used, left_out)}; all scores, and {sentences} shifted sentences{_without(none)}",
        T=training.T,
        nothing=why_nothing(training, left_out),
        footnote=f"largest score of an unseen token: {moved:g}",
    )


def _without(datasets: Sequence[Dataset]) -> str:
    """Which datasets have no shifted sentence, and why."""
    seen_all = {d: all(d.n.keys() <= d.seen(q) for q in columns(d)) for d in datasets}
    reasons = {
        "every token is seen with its queries": [d.name for d, all_seen in seen_all.items() if all_seen],
        "no token leads where one is unseen": [d.name for d, all_seen in seen_all.items() if not all_seen],
    }
    return f"; none in {by_reason(reasons)}" if datasets else ""


def scores(training: Training, index: int) -> Comparison:
    """The growth per step of every score of the queries seen in training, unseen tokens included; the worst of them."""
    from numerics.next_token.training import late_times

    dataset, prediction, again = training.datasets[index], training.predictions[index], training.again(index)
    rate = training.step / prediction.norm
    levels = [sorted({*w}) for w in columns(dataset).values()]
    least = min(float(b - a) for level in levels for a, b in pairwise(level))
    weights = {t: training.weights(index, t) for t in late_times(training.T)}

    def growth_again(entry: int) -> float:
        first, last = again.weights(training.V)
        return float(last[entry] - first[entry]) / (again.T - again.T // 2)

    found = [
        Comparison(
            dataset.name,
            "growth of a score per step",
            training.slope_of({t: float(w[entry]) for t, w in weights.items()}),
            rate * float(prediction.solution[entry]),
            ORDER_RESOLUTION * least * rate,
            partial(growth_again, entry),
            training.mature(index),
        )
        for entry in (x * training.V + q for q in columns(dataset) for x in range(dataset.V))
    ]
    return worst(found)


UNSEEN = "growth of an unseen token's score per step"


def unseen_score(training: Training, index: int) -> Comparison:
    """Of a token that training never showed with the query, the largest: 0 exactly."""
    from numerics.next_token.training import Measured

    again = training.again(index)
    return Comparison(
        training.datasets[index].name,
        UNSEEN,
        Measured(largest_unseen(training, index, training.weights(index, training.T)) / training.T, 0.0),
        0.0,
        0.0,
        lambda: largest_unseen(training, index, again.weights(training.V)[1]) / again.T,
    )


def largest_unseen(training: Training, index: int, w: Tensor) -> float:
    """The largest |score| of an unseen token."""
    dataset, W = training.datasets[index], w.reshape(training.V, training.V)
    unseen = [float(W[x, q].abs()) for q in range(dataset.V) for x in set(range(dataset.V)) - dataset.seen(q)]
    return max(unseen, default=0.0)


def shifted_losses(training: Training, index: int, shift: Shift) -> Comparison:
    """The slope of log(L - L*) of every shifted sentence against -(eta/|W*|) times its gap in W_kq*; the worst."""
    from numerics.next_token import reference
    from numerics.next_token.training import late_times

    assert training.W_ov is not None
    V, again = shift.dataset.V, training.again(index)
    W_ov = [[again.ctx.mpf(entry) for entry in row] for row in training.W_ov[index, :V, :V].tolist()]
    logs = {t: shift.stage.log_excess_losses(training.weights(index, t)[None])[0] for t in late_times(training.T)}
    measured = [
        training.slope_of({t: float(values[i]) for t, values in logs.items()}) for i in range(len(shift.sentences))
    ]
    predicted = [training.predictions[index].loss_slope(training.step) * float(gap) for gap in shift.gaps]

    def slope_again(sentence: Sentence) -> float:
        best = Sentence((shift.dataset.optimal(sentence),), sentence.next)

        def excess(W: Matrix) -> object:
            limit = reference.sentence_loss(best, W_ov, W, again.ctx)
            return reference.sentence_loss(sentence, W_ov, W, again.ctx) - limit

        return again.slope_of(excess)

    found = [
        Comparison(
            training.datasets[index].name,
            "slope of log(L - L*) of a shifted sentence",
            measured[i],
            predicted[i],
            SHIFT_RESOLUTION * min(abs(predicted[i]), abs(measured[i].value)),
            partial(slope_again, sentence),
            training.mature(index),
            (("sentences", len(shift.sentences)), ("least_gap", float(shift.gaps.min()))),
        )
        for i, sentence in enumerate(shift.sentences)
    ]
    return worst(found)
