"""NT1r, NT5n: what the runs are that other claims measure, and what holds at each of their steps."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from proofs.next_token.dataset import Dataset
from proofs.next_token.examples import REPEATED
from proofs.next_token.max_margin import attention_problems
from verify.claim import NOTHING, Counterexample, Evidence, Finding, Run, decide, how_many, too_dear
from verify.papers.next_token.data import shown
from verify.papers.next_token.premises import ALIGNED, LOST_AT_ONCE, claim, unless_lost_at_once
from verify.papers.next_token.settings import NextTokenSettings

if TYPE_CHECKING:
    from torch import Tensor

    from numerics.next_token.growth import Growth
    from numerics.next_token.training import Training

FIRST = 8  # steps that are made again with many digits
MOST_AGAIN = 4  # datasets for which they are
MOST_WATCHED = 1000  # steps of which each is looked at
PRODUCT = 2e-5  # seconds of a core, measured: of a token and a logit of a sentence, in a step with many digits
ENTRY = 1.2e-5  # the same of a weight
MOST_NAMED = 3  # datasets in a scope
OPERATIONS = 100  # whose rounding may add up in a step


@claim("NT1r", "what the runs are", requires=("NT1",))
def first_steps(settings: NextTokenSettings, run: Run) -> Finding:
    """[D] The runs that other claims measure are normalised or plain gradient descent of the network's loss: each of
    the first steps, by formulas that keep relative accuracy, is the step by the formula of NT1 with many digits, up to
    what 100 roundings of W and of the step may add.

    Each of the first 8 steps, fewer where V is large, against the formula of NT1 with many digits; on the first
    datasets, and on one more with repeated tokens. All datasets of the claims are listed.
    """
    from numerics.next_token.stage import aligned_output
    from numerics.next_token.training import train_attention, train_feed_forward

    whole = settings.datasets[:MOST_AGAIN]
    counts = [how_many(len(d.longer), again_seconds(d) / len(d.longer), run) for d in whole]
    steps = how_many(FIRST, 3 * ENTRY * sum(dataset.V**2 for dataset in whole), run)
    if not all((steps, *counts)):
        return too_dear(max(map(again_seconds, whole)), run, what=f"{FIRST} steps with many digits")
    chosen = [with_sentences(dataset, count) for dataset, count in zip(whole, counts, strict=True)]
    datasets = [*chosen, REPEATED]
    W_ov, times = aligned_output(datasets, settings.beta), range(FIRST + 1)
    runs = {
        "stage 1": train_feed_forward(datasets, settings.first_eta, FIRST, times),
        "stage 2": train_attention(datasets, W_ov, settings.eta, FIRST, times),
        "stage 2, plain": train_attention(datasets, W_ov, settings.eta, FIRST, times, normalised=False),
    }
    distances = {}
    for what, training in runs.items():
        run.progress(f"the first steps with many digits, {what}")
        for i in range(len(datasets)):
            distances[what, i] = worst_step(training, i, steps)
    (what, i), (worst, t) = max(distances.items(), key=lambda item: item[1])
    return decide(
        all(distance <= 1 for distance, _ in distances.values()),
        evidence=Evidence.NUMERIC,
        scope=f"{', '.join(dataset.name for dataset in datasets)}; {', '.join(runs)}; each step to t={steps}",
        instances=len(distances) * steps,
        found=f"steps off by {worst:.1g} times these roundings at most",
        predicted="at most 1",
        counterexample=Counterexample(
            {"dataset": datasets[i].name, "run": what, "t": t, "distance": worst},
            partial(leaves_autograd, runs[what], i, t),
        )
        if worst > 1
        else None,
        details=shown([*settings.datasets, REPEATED]),
        undecided=f"{datasets[i].name}, {what}: the distance is {worst}, no number to compare",
    )


def again_seconds(dataset: Dataset) -> float:
    """Of the first steps of both runs of stage 2 with many digits, on one core."""
    return 2 * FIRST * PRODUCT * dataset.V * sum(len(sentence.tokens) for sentence in dataset.longer)


def with_sentences(dataset: Dataset, count: int) -> Dataset:
    """The dataset with its first so many longer sentences, those that attention learns from before others."""
    if count == len(dataset.longer):
        return dataset
    kept = sorted(dataset.longer, key=lambda sentence: len(sentence.counts) == 1)[:count]
    name = f"{dataset.name} ({count} of {len(dataset.longer)} sentences)"
    return replace(dataset, name=name, sentences=(*dataset.collocations, *kept))


def worst_step(training: Training, index: int, steps: int) -> tuple[float, int]:
    """How far a step of the run is from the step of the formula of NT1 with many digits, at worst, in units of its
    rounding; and its t. Step by step, since small differences grow where steps are large.
    """
    again = training.again(index, FIRST, precise=True)
    return max(
        (_off(training, index, t, again.one_step(training.weights(index, t), training.V)), t) for t in range(steps)
    )


def _off(training: Training, index: int, t: int, right: Tensor) -> float:
    """The distance of W_(t+1) from where it should be, in units of the rounding of so many operations: on W, and on a
    step of this length along the gradient, whose logits are as large as W_ov and whose sentences may cancel.
    """
    before, after = training.weights(index, t), training.weights(index, t + 1)
    size = 1.0 if training.W_ov is None else max(1.0, float(training.W_ov[index].abs().max()))
    length = float((right - before).norm())
    if not training.normalised:
        length = max(length, training.step * float(training.stage.weights[index].sum()))
    rounding = OPERATIONS * sys.float_info.epsilon * (size * length + float(right.norm()))
    return float((after - right).norm()) / rounding


def leaves_autograd(training: Training, index: int, t: int) -> bool:
    """Whether the step is also off by automatic differentiation of the network, in double precision."""
    import torch

    from numerics.next_token import network

    dataset, V = training.datasets[index], training.datasets[index].V
    one, w = torch.eye(V, dtype=torch.float64), training.weights(index, t).reshape(training.V, training.V)
    W = w[:V, :V].clone().requires_grad_()
    if training.W_ov is None:
        loss = network.feed_forward_loss(dataset, W, one)
    else:
        loss = network.loss(dataset, training.W_ov[index, :V, :V].cpu(), W, one)
    (gradient,) = torch.autograd.grad(loss, W)
    right = w.clone()
    right[:V, :V] -= training.step * (gradient / gradient.norm() if training.normalised else gradient)
    return _off(training, index, t, right.flatten()) > 1


@claim(
    "NT5n",
    "growth of the norm",
    requires=("NT5", "NT7m", "NT1r"),
    assumptions=(ALIGNED,),
    expected=unless_lost_at_once,
)
def norm_growth(settings: NextTokenSettings, run: Run) -> Finding:
    """[D] Under normalised descent |W_t| <= eta t; and |W_t| >= eta t / (sqrt 2 |W_kq*|) as long as dominance, which is
    watched along the run, has held at every step before t.

    Norm and dominance at every step.
    """
    return grown(settings, run)


@claim(
    "NT5b",
    "mini-batches",
    requires=("NT5", "NT7m", "NT1r"),
    assumptions=(ALIGNED,),
    expected=unless_lost_at_once,
)
def mini_batch_growth(settings: NextTokenSettings, run: Run) -> Finding:
    """[D] The bounds of NT5n hold where each normalised step goes along the gradient of half of the sentences, drawn
    anew: eta t / (sqrt 2 |W_kq*|) <= |W_t| <= eta t, as long as dominance has held in all sentences before t.

    Norm and dominance at every step.
    """
    return grown(settings, run, settings.seed)


def grown(settings: NextTokenSettings, run: Run, batches: int | None = None) -> Finding:
    """Both bounds at every step, of descent along all sentences or along mini-batches drawn with this seed."""
    from numerics.next_token.growth import watch_growth
    from numerics.next_token.stage import aligned_output, attention_stage

    datasets, T = settings.datasets, min(settings.T, MOST_WATCHED)
    run.progress(f"watching {T} steps of attention")
    growth = watch_growth(attention_stage(datasets, aligned_output(datasets, settings.beta)), settings.eta, T, batches)
    lasts = [growth.lasts(i) for i in range(len(datasets))]
    slowest = {i: least_speed(growth, i) * math.sqrt(2) * norm(datasets[i]) for i, last in enumerate(lasts) if last}
    fastest = {i: float(growth.speeds(i).max()) for i in range(len(datasets))}
    rounding = growth.rounding / settings.eta  # of |W_t| / (eta t)
    slow = [i for i, low in slowest.items() if low < 1 - rounding]
    broken = [i for i, high in fastest.items() if high > 1 + rounding] or slow
    fine = all(low >= 1 - rounding for low in slowest.values()) and all(h <= 1 + rounding for h in fastest.values())
    return decide(
        fine and bool(slowest),
        evidence=Evidence.NUMERIC,
        scope=f"{len(datasets)} datasets, each t=1..{T}; {_dominance(datasets, lasts, T)}",
        instances=len(datasets),
        found=f"|W_t| at least {min(slowest.values()):.4f} times the lower bound, "
        f"at most {max(fastest.values()):.4f} times the upper one"
        if slowest
        else f"|W_t| at most {max(fastest.values()):.4f} times the upper bound",
        predicted="at least 1, at most 1",
        counterexample=Counterexample(
            {"dataset": datasets[broken[0]].name, "lower": slowest.get(broken[0]), "upper": fastest[broken[0]]},
            partial(leaves_bounds, settings, broken[0], worst_time(growth, broken[0]), batches),
        )
        if broken
        else None,
        details={
            dataset.name: {"dominance_lasts_until": lasts[i], "lower": slowest.get(i), "upper": fastest[i]}
            for i, dataset in enumerate(datasets)
        },
        undecided="a norm is not a number" if slowest else f"{NOTHING} of the lower bound: {LOST_AT_ONCE}",
    )


def _dominance(datasets: Sequence[Dataset], lasts: Sequence[int], T: int) -> str:
    """How far the lower bound was checked."""
    lost = sorted(last for last in lasts if last < T)
    if not lost:
        return "dominance lasts in all"
    never, later = lost.count(0), lost[lost.count(0) :]
    parts = [f"dominance lasts in {len(lasts) - len(lost)}"]
    if later:
        names = [dataset.name for dataset, last in zip(datasets, lasts, strict=True) if 0 < last < T]
        where = ", ".join(names) if len(names) <= MOST_NAMED else str(len(names))
        until = f"t={later[0]}..{later[-1]}" if later[0] < later[-1] else f"t={later[0]}"
        parts.append(f"only until {until} in {where}, where the lower bound is checked no further")
    parts += [f"is not there at t=0 in {never}, without a lower bound"] if never else []
    return ", ".join(parts)


def norm(dataset: Dataset) -> float:
    """|W_kq*|."""
    from proofs.next_token.max_margin_solver import solve

    return math.sqrt(sum(solve(problem).squared_norm for problem in attention_problems(dataset).values()))


def least_speed(growth: Growth, index: int) -> float:
    """The least |W_t| / (eta t) at t = 1, ... up to which dominance lasted; t = 1 follows from dominance at t = 0."""
    return float(growth.speeds(index)[: growth.lasts(index)].min())


def worst_time(growth: Growth, index: int) -> int:
    """The time at which |W_t| / (eta t) is largest, if it exceeds 1, else smallest, as long as dominance lasted."""
    speeds = growth.speeds(index)
    if speeds.max() > 1 + growth.rounding / growth.eta:
        return 1 + int(speeds.argmax())
    return 1 + int(speeds[: growth.lasts(index)].argmin())


def leaves_bounds(settings: NextTokenSettings, index: int, t: int, batches: int | None = None) -> bool:
    """Whether |W_t| by the slow formulas is outside eta t / (sqrt 2 |W_kq*|) .. eta t."""
    from numerics.next_token.again import attention_again, mini_batches_again
    from numerics.next_token.stage import aligned_output

    dataset, eta = settings.datasets[index], settings.eta
    W_ov = aligned_output([dataset], settings.beta)[0]
    if batches is None:
        w = attention_again(dataset, W_ov, eta, t).weights(dataset.V)[1]
    else:
        w = mini_batches_again(dataset, W_ov, eta, t, partial(_batch, settings, index, batches))
    return not (1 - 1e-9) / (math.sqrt(2) * norm(dataset)) <= float(w.norm()) / (eta * t) <= 1 + 1e-9


def _batch(settings: NextTokenSettings, index: int, seed: int, t: int) -> list[int]:
    """The numbers of the sentences in the batch of step t."""
    import torch

    from numerics.next_token.descent import in_batch

    there = [torch.ones(len(dataset.longer)) for dataset in settings.datasets]
    drawn = in_batch(torch.nn.utils.rnn.pad_sequence(there, batch_first=True), seed, t)[index]
    return [int(i) for i in drawn.nonzero()]
