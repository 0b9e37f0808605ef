"""The training runs that several claims look at: each is made once per settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache, wraps
from typing import TYPE_CHECKING

from proofs.next_token.dataset import Dataset, Sentence
from verify.claim import Finding, Run, too_dear
from verify.papers.next_token.settings import NextTokenSettings

if TYPE_CHECKING:
    from numerics.next_token.training import Training

Check = Callable[[NextTokenSettings, Run], Finding]

# Seconds of one core, measured: of a step of either stage, of each number that one reads, and of each weight.
ATTENTION, FEED_FORWARD, JOINT, NUMBER, ENTRY = 1e-4, 0.6e-4, 1.8e-4, 2e-8, 4e-9
# Of a pair in a max-margin problem that is solved exactly, and of the cube of their number in what is made of it.
PAIR, CUBE = 5e-5, 7e-10

STAGE_2 = "training attention"  # `attention_run`, for claims that share it


def attention_seconds(settings: NextTokenSettings) -> float:
    """Of T steps of stage 2, and of what they are compared with."""
    return settings.T * step_seconds(settings.datasets, attention=True) + solution_seconds(
        settings.datasets, attention=True
    )


def feed_forward_seconds(settings: NextTokenSettings) -> float:
    """Of T steps of stage 1, and of what they are compared with."""
    return settings.T * step_seconds(settings.datasets, attention=False) + solution_seconds(
        settings.datasets, attention=False
    )


def two_stage_seconds(settings: NextTokenSettings) -> float:
    """Of T1 steps of stage 1 and T of stage 2."""
    return settings.T1 * step_seconds(settings.datasets, attention=False) + attention_seconds(settings)


def joint_seconds(settings: NextTokenSettings) -> float:
    """Of T steps of joint training, which is dense in the logits."""
    V = max(dataset.V for dataset in settings.datasets)
    sentences = max(len(dataset.sentences) for dataset in settings.datasets)
    tokens = max(len(sentence.counts) for dataset in settings.datasets for sentence in dataset.sentences)
    numbers = sentences * tokens * (V + tokens)
    return settings.T * (JOINT + len(settings.datasets) * (NUMBER * numbers + 2 * ENTRY * V**2))


def solution_seconds(datasets: Sequence[Dataset], *, attention: bool) -> float:
    """Of the max-margin solution of a layer, and of what it predicts or bounds."""
    if attention:
        pairs = [len(dataset.order(q)) for dataset in datasets for q in dataset.queries]
    else:
        pairs = [dataset.V - 1 for dataset in datasets for _ in dataset.n]
    return sum(PAIR * k + CUBE * k**3 for k in pairs)


def step_seconds(datasets: Sequence[Dataset], *, attention: bool) -> float:
    """Of a step of either stage."""
    V = max(dataset.V for dataset in datasets)
    if attention:
        sentences = max(len(dataset.longer) for dataset in datasets)
        wrong = max(len(sentence.counts) for dataset in datasets for sentence in dataset.longer) - 1
        numbers = sentences * wrong * (2 * wrong + 1)  # the others of the sentence, and the logits that they move
    else:
        numbers = max(len(dataset.n) for dataset in datasets) * (V - 1)
    return (ATTENTION if attention else FEED_FORWARD) + len(datasets) * (NUMBER * numbers + ENTRY * V**2)


def if_time_allows(seconds: Callable[[NextTokenSettings], float], least: int | None = None) -> Callable[[Check], Check]:
    """A check that trains for so many seconds, or is too dear before it starts; those of `least` steps if it can do
    with as many, else of all.
    """

    def decorate(check: Check) -> Check:
        @wraps(check)
        def checked(settings: NextTokenSettings, run: Run) -> Finding:
            needed = seconds(settings)
            if needed > run.seconds:
                T = least or settings.T
                return too_dear(needed, run, what=f"{T} steps of training", scope=f"t={T}")
            return check(settings, run)

        return checked

    return decorate


def attention_run(settings: NextTokenSettings, run: Run) -> Training:
    """Stage 2 by normalised gradient descent under beta W_ov*."""
    run.progress(f"training attention for {settings.T} steps")
    return _attention(settings.datasets, settings.beta, settings.eta, settings.T, settings.device, True)


def plain_run(settings: NextTokenSettings, run: Run) -> Training:
    """The same by plain gradient descent, with the rate eta."""
    run.progress(f"plain gradient descent for {settings.T} steps")
    return _attention(settings.datasets, settings.beta, settings.eta, settings.T, settings.device, False)


def feed_forward_run(settings: NextTokenSettings, run: Run) -> Training:
    """Stage 1 by normalised gradient descent, with unequal weights."""
    run.progress(f"training the feed-forward layer for {settings.T} steps")
    datasets = tuple(map(with_unequal_weights, settings.datasets))
    return _feed_forward(datasets, settings.first_eta, settings.T, settings.device)


def two_stage_run(settings: NextTokenSettings, run: Run) -> Training:
    """Stage 2 after T1 steps of stage 1 with unequal weights."""
    run.progress(f"training both stages, {settings.T1} and {settings.T} steps")
    datasets = tuple(map(with_unequal_weights, settings.datasets))
    return _two_stages(datasets, settings.first_eta, settings.eta, settings.T1, settings.T, settings.device)


def with_unequal_weights(dataset: Dataset) -> Dataset:
    """The dataset; where all collocations weigh the same, they get the weights 8, 4, 2, 1, 8, ... of DS-B."""
    if len(set(dataset.collocation_weights.values())) > 1:
        return dataset
    order = {x: i for i, x in enumerate(dataset.n)}

    def reweigh(sentence: Sentence) -> Sentence:
        single = len(sentence.tokens) == 1
        return replace(sentence, weight=sentence.weight * 2 ** (3 - order[sentence.query] % 4)) if single else sentence

    return replace(dataset, sentences=tuple(map(reweigh, dataset.sentences)))


def reweighted(datasets: Sequence[Dataset], used: Sequence[int]) -> str:
    """How many of the datasets in use had their equal weights replaced, as part of a scope."""
    count = sum(with_unequal_weights(datasets[i]) != datasets[i] for i in used)
    if not count:
        return ""
    return f"; collocation weights 8, 4, 2, 1 in place of equal ones{f' in {count}' if len(used) > 1 else ''}"


@lru_cache(maxsize=4)
def _attention(
    datasets: tuple[Dataset, ...], beta: float, eta: float, T: int, device: str, normalised: bool
) -> Training:
    from numerics.device import resolve_device
    from numerics.next_token.stage import aligned_output
    from numerics.next_token.training import train_attention

    W_ov = aligned_output(datasets, beta, resolve_device(device))
    return train_attention(datasets, W_ov, eta, T, normalised=normalised)


@lru_cache(maxsize=2)
def _feed_forward(datasets: tuple[Dataset, ...], eta: float, T: int, device: str) -> Training:
    from numerics.device import resolve_device
    from numerics.next_token.training import train_feed_forward

    return train_feed_forward(datasets, eta, T, device=resolve_device(device))


@lru_cache(maxsize=2)
def _two_stages(datasets: tuple[Dataset, ...], eta0: float, eta: float, T1: int, T: int, device: str) -> Training:
    from numerics.device import resolve_device
    from numerics.next_token.training import train_attention, train_feed_forward

    first = train_feed_forward(datasets, eta0, T1, device=resolve_device(device))
    V = round(first.stage.entries**0.5)
    W_ov = first.snapshots[T1].reshape(len(datasets), V, V)
    return train_attention(datasets, W_ov, eta, T)
