"""NT9: sentences with tokens that training never showed together with their query."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from numerics.next_token.stage import Stage, aligned_output, attention_stage
from numerics.next_token.training import Training
from proofs.next_token.dataset import MAX_SENTENCES, Dataset, Sentence
from proofs.next_token.max_margin import attention_problems
from proofs.next_token.max_margin_solver import solve
from verify.claim import Finding, Run
from verify.claims.next_token.rates import SHIFT_RESOLUTION, Comparison, report
from verify.claims.next_token.runs import attention_run
from verify.claims.next_token.settings import NextTokenSettings


@dataclass(frozen=True)
class Shift:
    """The shifted sentences of one dataset, as a stage over the same weights, and the least gap in W_kq*."""

    stage: Stage
    sentences: int
    least_gap: float


def shifted_sentences(dataset: Dataset) -> tuple[Sentence, ...]:
    """[x, unseen, q] for every query q, token unseen with q, and x that no token beats and that has W*[x, q] > 0.

    Only sentences in which W* puts x above the query itself, and tokens that have a collocation; as many sentences as
    a dataset takes.
    """
    found = []
    for q, problem in attention_problems(dataset).items():
        w = solve(problem).solution
        beaten = {worse for _, worse in problem.pairs}
        best = [x for x in {better for better, _ in problem.pairs} - beaten if w[x] > 0 and (x == q or w[x] > w[q])]
        unseen = [x for x in sorted(dataset.n) if x not in dataset.seen(q)]
        for x in sorted(best):
            found += [Sentence((*({x} - {q}), u, q), dataset.n[x]) for u in unseen]
    return tuple(found[: MAX_SENTENCES - len(dataset.collocations)])


def shift_of(training: Training, index: int, beta: float) -> Shift | None:
    """The shifted sentences of a dataset; None if there are none."""
    dataset = training.datasets[index]
    sentences = shifted_sentences(dataset)
    if not sentences:
        return None
    V = round(training.stage.entries**0.5)
    W_ov = torch.zeros(1, V, V, dtype=torch.float64)
    W_ov[:, : dataset.V, : dataset.V] = aligned_output([dataset], beta)
    shifted = Dataset(f"{dataset.name} shifted", dataset.vocabulary, (*dataset.collocations, *sentences))
    stage = attention_stage([shifted], W_ov)
    gaps = -(stage.pairs @ training.predictions[index].solution)
    return Shift(stage, len(sentences), float(gaps[stage.offsets > -torch.inf].min()))


def unseen_tokens(settings: NextTokenSettings, run: Run) -> Finding:
    training = attention_run(settings, run)
    comparisons, sentences, moved = [], 0, 0.0
    for index, dataset in enumerate(training.datasets):
        shift = shift_of(training, index, settings.beta)
        if shift is None or not training.stable(index):
            continue
        sentences += shift.sentences
        moved = max(moved, unseen_score(training, index))
        logs = {t: float(shift.stage.log_excess_loss(training.weights(index, t)[None])[0]) for t in training.snapshots}
        predicted = training.predictions[index].loss_slope(training.step) * shift.least_gap
        comparisons.append(
            Comparison(
                dataset.name,
                training.slope_of(logs),
                predicted,
                SHIFT_RESOLUTION * abs(predicted),
                (("least_gap", shift.least_gap), ("sentences", shift.sentences)),
            )
        )
    return report(
        comparisons,
        f"{sentences} shifted sentences from {len(comparisons)} datasets, t={training.T}",
        f"NT9: largest score of an unseen token: {moved:g}",
        also=moved == 0,
    )


def unseen_score(training: Training, index: int) -> float:
    """The largest |score| of a token that training never showed with the query: 0 exactly."""
    dataset = training.datasets[index]
    V = round(training.stage.entries**0.5)
    W = training.weights(index, training.T).reshape(V, V)
    scores = [float(W[x, q].abs()) for q in range(dataset.V) for x in set(range(dataset.V)) - dataset.seen(q)]
    return max(scores, default=0.0)
