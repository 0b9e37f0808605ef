"""NT9m, NT9c: the order of the tokens in the max-margin solution, exactly, on the solutions that NT7m certifies."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from proofs.next_token.dataset import Dataset
from proofs.next_token.examples import from_optimal
from proofs.next_token.max_margin import attention_problems, check_certificate
from verify.claim import Certificate, Counterexample, Evidence, Finding, Origin, Run, Step, decide
from verify.papers.next_token.margins import columns_of, is_rejected, sentences_of
from verify.papers.next_token.premises import ALIGNED, claim
from verify.papers.next_token.runs import attention_seconds, if_time_allows
from verify.papers.next_token.settings import NextTokenSettings
from verify.recheck.next_token import margins as recheck

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

KKT = Step("an entry is the duals of pairs won less those of pairs lost", Evidence.WRITTEN, "nt9m")
RISE = Step("tokens that none beats rise (NT3)", Evidence.PROOF, "nt3")
FALL = Step("tokens that beat none fall under dominance (NT4)", Evidence.PROOF, "nt4")
LAST = Step("so at every step; and when dominance lasts", Evidence.WRITTEN, "nt9t")
MOST_WATCHED = 500  # steps of which each is looked at in NT9t


@claim("NT9m", "order of all tokens, exactly", requires=("NT7m",), steps=(KKT,))
def extended_order(settings: NextTokenSettings, run: Run) -> Finding:
    """[D] In every column of W_kq*, tokens unseen with the query are at 0, tokens that no other beats at 0 or above,
    tokens that beat none at 0 or below, and each token lies above those that it beats, by 1 at least.

    Where W_kq* puts the tokens of every query, on the solutions that NT7m certifies.
    """
    from proofs.next_token.max_margin_solver import solve

    wrong: list[dict[str, str]] = []
    solutions: list[dict[str, object]] = []
    entries = beaten_above = 0
    for dataset in settings.datasets:
        problems = attention_problems(dataset)
        columns = {q: (p, solve(p)) for q, p in problems.items()}
        solutions.append({"W_kq": columns_of(columns)})
        for q, (problem, certificate) in columns.items():
            w = certificate.solution
            better, worse = {a for a, _ in problem.pairs}, {b for _, b in problem.pairs}
            where = {"dataset": dataset.name, "query": dataset.vocabulary[q]}
            conditions = {
                "unseen, and not at 0": {x for x, entry in enumerate(w) if x not in dataset.seen(q) and entry != 0},
                "beaten by none, and below 0": {x for x in better - worse if not w[x] >= 0},
                "beats none, and above 0": {x for x in worse - better if not w[x] <= 0},
                "not above a token that it beats": {a for a, b in problem.pairs if not w[a] - w[b] >= 1},
            }
            wrong += [
                {**where, "token": dataset.vocabulary[x], "entry": str(w[x]), "condition": name}
                for name, tokens in conditions.items()
                for x in sorted(tokens)
            ]
            entries += len(w)
            beaten_above += sum(w[x] > 0 for x in worse)
    shown = Certificate({"datasets": list(map(sentences_of, settings.datasets))}, {"datasets": solutions})
    return decide(
        not wrong,
        evidence=Evidence.EXACT,
        scope=f"{len(settings.datasets)} datasets, {entries} pairs of token and query",
        instances=entries,
        found=f"{len(wrong)} entries on the wrong side",
        predicted="0",
        counterexample=Counterexample(wrong[0], partial(is_rejected, recheck.extended_order, shown)) if wrong else None,
        details={"wrong": wrong, "beaten_and_above_unseen": beaten_above},
        certificate=shown,
        undecided="",
    )


CHAIN = from_optimal("chain", (1, 2, 3, 4, 5, 0), [((0, 1, 4), 0, 1), ((1, 2, 4), 1, 1), ((2, 3, 4), 2, 1)])
MIDDLE, QUERY, UNSEEN = 1, 4, 5  # b in a > b > c > d, all of them above the query


@claim("NT9c", "unseen over non-optimal (control)", requires=("NT7m",), origin=Origin.CONTROL)
def beaten_below_unseen(settings: NextTokenSettings, run: Run) -> Finding:
    """W_kq* puts the tokens that are unseen with a query above every token that another one beats.

    In the chain a > b > c > d, W_kq* puts b above the unseen tokens, though a beats it.
    """
    from proofs.next_token.max_margin_solver import solve

    (column,) = ((p, solve(p)) for p in attention_problems(CHAIN).values())
    problem, certificate = column
    entry = certificate.solution[MIDDLE]
    false = not check_certificate(problem, certificate) and MIDDLE in {b for _, b in problem.pairs} and entry > 0
    return decide(
        False,  # an example can refute, and nothing else
        evidence=Evidence.EXACT,
        scope="sentences [a,b,q], [b,c,q], [c,d,q] with the first token optimal",
        instances=1,
        found=f"W_kq*[b,q] = {entry}",
        predicted="above 0",
        counterexample=Counterexample(
            {"query": "q", "token": "b", "beaten_by": "a", "W_kq*": list(certificate.solution)},
            partial(rises_above_unseen, CHAIN, MIDDLE, UNSEEN, QUERY),
        )
        if false
        else None,
        certificate=Certificate({"datasets": [sentences_of(CHAIN)]}, {"W_kq": columns_of({QUERY: column})}),
        undecided="no beaten token of the chain lies above the unseen tokens in W_kq*",
    )


def rises_above_unseen(dataset: Dataset, token: int, unseen: int, query: int) -> bool:
    """Whether training by the slow formulas lifts the token above the unseen one, ever further."""
    from numerics.next_token.again import attention_again
    from numerics.next_token.stage import aligned_output

    again = attention_again(dataset, aligned_output([dataset], 3.0)[0], 0.5, 64)
    early, late = (W[token][query] - W[unseen][query] for W in again.halves)
    return bool(late > early > 0)


def order_seconds(settings: NextTokenSettings) -> float:
    """Where what is looked at takes as long as a step."""
    return 2 * min(settings.T, MOST_WATCHED) / settings.T * attention_seconds(settings)


@claim(
    "NT9t",
    "order of tokens at every step",
    requires=("NT2", "NT3", "NT4", "NT1r"),
    assumptions=(ALIGNED,),
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
    largest = max(float(seen[1 : last + 1, 2, i].max()) for i, last in enumerate(lasts))
    always = sum(is_falling(dataset) for dataset in datasets)
    lost = sum(last < T for last in lasts)
    return decide(
        not broken,
        evidence=Evidence.NUMERIC,
        scope=f"{len(datasets)} datasets, each t=1..{T}; dominance is lost in {lost}, proved to last in {always}",
        instances=len(datasets),
        found=f"least {least:.2g}, largest {largest:.2g}",
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
        undecided="",
    )


def is_falling(dataset: Dataset) -> bool:
    """Whether dominance lasts for ever, by the data alone."""
    from proofs.next_token.finite_time import has_two_levels, optimal_is_most_frequent

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
    return (least > 0) & (unseen == 0) & ((largest < 0) | late)


def is_out_of_order(dataset: Dataset, beta: float, eta: float, t: int, last: int) -> bool:
    """Whether the scores at step t by the slow formulas are not as the claim says."""
    from numerics.next_token.again import attention_again
    from numerics.next_token.stage import aligned_output

    _, w = attention_again(dataset, aligned_output([dataset], beta)[0], eta, t).weights(dataset.V)
    tops, unseen, bottoms = ([float(w[entry]) for entry in entries] for entries in roles(dataset, dataset.V))
    fine = min(tops) > 0 and not any(unseen) and (t > last or max(bottoms) < 0)
    return not fine
