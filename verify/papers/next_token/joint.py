"""NT15: both layers trained at once, on all sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from proofs.next_token.dataset import Dataset
from proofs.next_token.examples import NAMED
from proofs.next_token.max_margin import attention_problems
from verify.claim import Counterexample, Evidence, Finding, Origin, Run, decide, too_dear
from verify.papers.next_token.comparisons import Comparison, report
from verify.papers.next_token.premises import ATTENDING, claim
from verify.papers.next_token.runs import joint_seconds, solution_seconds
from verify.papers.next_token.settings import NextTokenSettings

if TYPE_CHECKING:
    from numerics.next_token.joint import JointTraining

SLOPE_RESOLUTION = 1e-4  # relative
GROWTH_RESOLUTION = 0.1  # relative: the alternatives are no growth, and growth by a fixed amount per step
SMALL_STEP = "eta below the threshold of stage 1, each collocation weighing as all sentences of its token"
TIME, FEWEST = 0.6, 100  # share of the claim's time; steps
LENGTH = 30.0  # eta times the steps of second computations: losses near e^-15, which double precision still resolves
ETA, T, GROWN = 0.5, 1000, 1.05  # NT15c


@lru_cache(maxsize=2)
def joint_run(datasets: tuple[Dataset, ...], eta: float, T: int, device: str) -> JointTraining:
    from numerics.device import resolve_device
    from numerics.next_token.joint import train_jointly

    return train_jointly(datasets, eta, T, device=resolve_device(device))


@claim("NT15", "joint training", requires=("NT7m",), assumptions=(SMALL_STEP, ATTENDING))
def joint(settings: NextTokenSettings, run: Run) -> Finding:
    """[D] Where normalised descent moves both layers at once, from 0, on all sentences, L tends to 0: log L has the
    slope -eta/|W_ov*|, and |W_kq| grows by 2 |W_kq*| per unit of log t only.

    Both measured in training, for T steps or the fewer that the scope names where these would take too long, with an
    estimated error, beside the prediction.
    """
    needed, fixed = joint_seconds(settings), solution_seconds(settings.datasets, attention=False)
    steps = int(min(settings.T, min(TIME * run.seconds, run.seconds - fixed) * settings.T / needed))
    if steps < FEWEST:
        return too_dear(needed + fixed, run, what=f"{settings.T} steps of joint training", scope=f"t={settings.T}")
    run.progress(f"training both layers at once for {steps} steps")
    training = joint_run(settings.datasets, settings.first_eta, steps, settings.device)
    names = [dataset.name for dataset in settings.datasets]
    small = [i for i, dataset in enumerate(settings.datasets) if settings.first_eta < largest_eta(dataset)]
    used = [i for i in small if training.attends(i)]
    left = {SMALL_STEP: len(names) - len(small), ATTENDING: len(small) - len(used)}
    without = "".join(f"; {count} left out, not so there: {why}" for why, count in left.items() if count)
    return report(
        [compare(training, i) for i in used for compare in (slope, growth)],
        scope=f"{names[used[0]] if len(used) == 1 else f'{len(used)} datasets'}, t={training.T}{without}",
        T=training.T,
        nothing=f"t={training.T}{without}",
    )


def with_all_weights(dataset: Dataset) -> Dataset:
    """The dataset, each collocation weighing as all sentences in which its token is optimal: what W_ov is trained on
    once attention is on optimal tokens.
    """
    more = [replace(c, weight=c.weight) for c in dataset.collocations]
    for sentence in dataset.longer:
        i = next(i for i, c in enumerate(more) if c.query == dataset.optimal(sentence))
        more[i] = replace(more[i], weight=more[i].weight + sentence.weight)
    return replace(dataset, sentences=(*more, *dataset.longer))


def largest_eta(dataset: Dataset) -> float:
    """The threshold of stage 1 for these weights."""
    from numerics.next_token.training import predict_feed_forward

    return predict_feed_forward([with_all_weights(dataset)])[0].largest_stable_eta


def output_norm(dataset: Dataset) -> float:
    """|W_ov*|, by NT6."""
    return math.sqrt(len(dataset.n) * (dataset.V - 1) / dataset.V)


def attention_norm(dataset: Dataset) -> float:
    """|W_kq*|."""
    from proofs.next_token.max_margin_solver import solve

    return math.sqrt(sum(solve(problem).squared_norm for problem in attention_problems(dataset).values()))


def slope(training: JointTraining, index: int) -> Comparison:
    """The slope of log L, against -eta/|W_ov*|."""
    dataset, measured = training.datasets[index], training.loss_slope(index)
    predicted = -training.step / output_norm(dataset)

    def again() -> float:
        (t, first), (T, last) = short_run(dataset, training.step)
        return (first[2] - last[2]) / (t - T)

    resolution = SLOPE_RESOLUTION * min(abs(predicted), abs(measured.value))
    return Comparison(dataset.name, "slope of log L", measured, predicted, resolution, again, training.mature(index))


def growth(training: JointTraining, index: int) -> Comparison:
    """The growth of |W_kq| per unit of log t, against 2 |W_kq*|."""
    dataset, measured = training.datasets[index], training.attention_growth(index)
    predicted = 2 * attention_norm(dataset)

    def again() -> float:
        (t, first), (T, last) = short_run(dataset, training.step)
        return (last[1] - first[1]) / math.log(T / t)

    resolution = GROWTH_RESOLUTION * min(predicted, abs(measured.value))
    what, mature = "growth of |W_kq| per log t", training.mature(index)
    return Comparison(dataset.name, what, measured, predicted, resolution, again, mature)


def short_run(dataset: Dataset, eta: float) -> Sequence[tuple[int, tuple[float, float, float]]]:
    """|W_ov|, |W_kq| and log L at T/2 and T of a short run, by automatic differentiation of the network."""
    from numerics.next_token.network import descend_jointly

    T = math.ceil(LENGTH / eta)
    return list(descend_jointly(dataset, eta, (T // 2, T)).items())


@claim("NT15c", "joint attention is linear (control)", requires=("NT15",), origin=Origin.CONTROL)
def attention_grows_linearly(settings: NextTokenSettings, run: Run) -> Finding:
    """Where both layers are trained at once, |W_kq| grows at linear speed, as in the second stage.

    DS-A: |W_kq| grows by the same amount whenever t doubles.
    """
    from numerics.next_token.joint import train_jointly

    dataset = NAMED["DS-A"]
    training = train_jointly([dataset], ETA, T)
    norms = [training.norms(0, t)[1] for t in (T // 4, T // 2, T)]
    late, early = norms[2] - norms[1], norms[1] - norms[0]
    return decide(
        False,  # an example can refute, and nothing else
        evidence=Evidence.NUMERIC,
        scope=f"DS-A, eta={ETA}, t={T // 4}..{T}",
        instances=1,
        found=f"|W_kq| grows {late / early:.4f} times as much at the next doubling of t",
        predicted="1, not 2",
        counterexample=Counterexample(
            {"dataset": "DS-A", "growth": late, "before": early}, partial(grows_like_log, late, dataset, ETA)
        )
        if late <= GROWN * early
        else None,
        undecided=f"|W_kq| grows by {early:.3g} and then by {late:.3g} per doubling of t",
    )


def grows_like_log(amount: float, dataset: Dataset, eta: float) -> bool:
    """Whether |W_kq| grows by about this amount (to a fifth of it) at two doublings of t up to a loss of e^-15: by
    automatic differentiation of the network.
    """
    from numerics.next_token.network import descend_jointly

    T = math.ceil(LENGTH / eta)
    first, middle, last = (norms[1] for norms in descend_jointly(dataset, eta, (T // 4, T // 2, T)).values())
    return all(abs(grown - amount) <= amount / 5 for grown in (middle - first, last - middle))
