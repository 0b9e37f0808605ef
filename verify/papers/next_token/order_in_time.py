"""NT9t: the order of the tokens at every step of training."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from proofs.next_token.dataset import Dataset
from proofs.next_token.max_margin import attention_problems
from verify.claim import NOTHING, Counterexample, Evidence, Finding, Origin, Run, Step, decide
from verify.papers.next_token.premises import ALIGNED, LOST_AT_ONCE, claim, unless_lost_at_once
from verify.papers.next_token.runs import if_time_allows, step_seconds
from verify.papers.next_token.settings import NextTokenSettings

if TYPE_CHECKING:
    import numpy as np

RISE = Step("tokens that none beats rise (NT3)", Evidence.PROOF, "nt3")
FALL = Step("tokens that beat none fall under dominance (NT4)", Evidence.PROOF, "nt4")
LAST = Step("so at every step; and when dominance lasts", Evidence.WRITTEN, "nt9t")
MOST_WATCHED = 500  # steps of which each is looked at


def order_seconds(settings: NextTokenSettings) -> float:
    """Where what is looked at takes as long as a step."""
    return 2 * min(settings.T, MOST_WATCHED) * step_seconds(settings.datasets, attention=True)


@claim(
    "NT9t",
    "order of tokens at every step",
    requires=("NT2", "NT3", "NT4", "NT1r"),
    assumptions=(ALIGNED,),
    expected=unless_lost_at_once,
    origin=Origin.STRENGTHENED,
    steps=(RISE, FALL, LAST),
)
@if_time_allows(order_seconds)
def order_at_every_step(settings: NextTokenSettings, run: Run) -> Finding:
    """[F] The trained model follows an extended order. [D] At every step t >= 1, tokens that no other beats are above
    those unseen with the query, whose score is 0, and tokens that beat none are below these as long as dominance has
    held; it always holds if no token is beaten by one and beats another, and the optimal one is the most frequent.

    All scores, and dominance, at every step.
    """
    datasets, T = settings.datasets, min(settings.T, MOST_WATCHED)
    run.progress(f"looking at the order of tokens for {T} steps")
    seen = watch_order(datasets, settings.beta, settings.eta, T)
    lasts = [lasting(seen[:, 3, i]) for i in range(len(datasets))]
    broken = [
        (i, 1 + int(wrong.argmax())) for i, last in enumerate(lasts) if (wrong := ~in_order(seen[1:, :, i], last)).any()
    ]
    least = min(float(seen[1:, 0, i].min()) for i in range(len(datasets)))
    largest = [float(seen[1 : last + 1, 2, i].max()) for i, last in enumerate(lasts) if last]
    always = sum(is_falling(dataset) for dataset in datasets)
    lost = str(sum(last < T for last in lasts)) + (f", at t=0 in {lasts.count(0)}" if 0 in lasts else "")
    return decide(
        not broken and bool(largest),
        evidence=Evidence.NUMERIC,
        scope=f"{len(datasets)} datasets, each t=1..{T}; dominance is lost in {lost}, proved to last in {always}",
        instances=len(datasets),
        found=f"scores of tokens that none beats are {least:.2g} or more"
        + (f", of those that beat none {max(largest):.2g} or less" if largest else ""),
        predicted="above 0, below 0",
        counterexample=Counterexample(
            {"dataset": datasets[broken[0][0]].name, "t": broken[0][1]},
            partial(
                is_out_of_order, datasets[broken[0][0]], settings.beta, settings.eta, broken[0][1], lasts[broken[0][0]]
            ),
        )
        if broken
        else None,
        details={dataset.name: {"dominance_lasts_until": last} for dataset, last in zip(datasets, lasts, strict=True)},
        undecided="" if largest else f"{NOTHING} below unseen tokens: {LOST_AT_ONCE}",
    )


def is_falling(dataset: Dataset) -> bool:
    """Whether dominance lasts for ever, by the data alone."""
    from proofs.next_token.layers import has_two_levels, optimal_is_most_frequent

    return has_two_levels(dataset) and optimal_is_most_frequent(dataset)


def roles(dataset: Dataset, V: int) -> tuple[list[int], list[int], list[int]]:
    """Entries x V + q of W_kq of the tokens that none beats, of those unseen with q, and of those that beat none."""
    tops, unseen, bottoms = list[int](), list[int](), list[int]()
    for q, problem in attention_problems(dataset).items():
        better, worse = {a for a, _ in problem.pairs}, {b for _, b in problem.pairs}
        tops += [x * V + q for x in sorted(better - worse)]
        bottoms += [x * V + q for x in sorted(worse - better)]
        unseen += [x * V + q for x in range(dataset.V) if x not in dataset.seen(q)]
    return tops, unseen, bottoms


def watch_order(datasets: Sequence[Dataset], beta: float, eta: float, T: int) -> np.ndarray:
    """At t = 0, ..., T: the least score of tokens that none beats, the largest size of an unseen one, the largest of
    those that beat none, and 1 where dominance holds, else 0; [T+1, 4, B].
    """
    import sys

    import torch

    from numerics.next_token.every_step import watched
    from numerics.next_token.stage import aligned_output, attention_stage

    V = max(dataset.V for dataset in datasets)
    stage = attention_stage(datasets, aligned_output(datasets, beta))
    masks = torch.zeros(3, len(datasets), V * V, dtype=torch.bool)
    for i, dataset in enumerate(datasets):
        for kind, entries in enumerate(roles(dataset, V)):
            masks[kind, i, entries] = True
    rounding = sys.float_info.epsilon * (1 + eta * T) * T

    def look(w: torch.Tensor) -> torch.Tensor:
        least = w.masked_fill(~masks[0], torch.inf).amin(-1)
        unseen = w.abs().masked_fill(~masks[1], 0.0).amax(-1)
        largest = w.masked_fill(~masks[2], -torch.inf).amax(-1)
        return torch.stack([least, unseen, largest, stage.dominance(w, rounding).to(w.dtype)])

    seen: np.ndarray = watched(stage, [eta] * len(datasets), T, look).numpy()
    return seen


def lasting(dominance: np.ndarray) -> int:
    """The last t up to which dominance held at every step before; T if it was never lost."""
    lost = (dominance[:-1] == 0).nonzero()[0]
    return int(lost[0]) if len(lost) else len(dominance) - 1


def in_order(seen: np.ndarray, last: int) -> np.ndarray:
    """Whether the scores at t = 1, ..., T, [T, 4], are as the claim says; below 0 up to t = last."""
    import numpy as np

    least, unseen, largest, _ = seen.T
    late = np.arange(1, len(seen) + 1) > last
    fine: np.ndarray = (least > 0) & (unseen == 0) & ((largest < 0) | late)
    return fine


def is_out_of_order(dataset: Dataset, beta: float, eta: float, t: int, last: int) -> bool:
    """Whether the scores at step t by the slow formulas are not as the claim says."""
    from numerics.next_token.again import attention_again
    from numerics.next_token.stage import aligned_output

    _, w = attention_again(dataset, aligned_output([dataset], beta)[0], eta, t).weights(dataset.V)
    tops, unseen, bottoms = ([float(w[entry]) for entry in entries] for entries in roles(dataset, dataset.V))
    fine = min(tops) > 0 and not any(unseen) and (t > last or max(bottoms) < 0)
    return not fine
