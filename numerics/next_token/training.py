"""Training runs beside their predictions, and what is measured on them, each number with an estimate of its error.

The corrections to the limits fall like (a + b log t)/t, once those that fall exponentially are over. With r = sqrt 2,
d = y(T/r) - y(T) and d' = y(T/r^2) - y(T/r), the rest at T follows: F = ((2r - 1) d - d')/(r - 1)^2. It may be small by
chance, where y crosses its limit: the error is estimated from the larger of |F| and |d|/(r - 1), what is left of a/t,
times MARGIN for terms of higher order. (A larger r would mean smaller factors, and earlier times, at which more is
left of what falls exponentially: at r = 2 that is the larger part by far where steps are small.) To this comes a bound
on the rounding errors: every step rounds weights of norm at most eta t.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import torch
from torch import Tensor

from numerics.next_token.again import PLAIN_STEPS, STEPS, Again, attention_again, feed_forward_again
from numerics.next_token.asymptotics import Asymptotics, asymptotics
from numerics.next_token.descent import normalised_descent, plain_descent
from numerics.next_token.stage import Stage, attention_stage, feed_forward_stage
from proofs.next_token.dataset import Dataset
from proofs.next_token.max_margin import MarginProblem, attention_problems, feed_forward_problems
from proofs.next_token.max_margin_solver import solve

MARGIN = 2.0
MATURE = -10.0  # log of what is small: the mass on a wrong choice, or a loss over the weight of its sentence
SMALLEST = math.log(sys.float_info.min)  # of a number that has all its digits
FALLEN = 2 / 3  # of log 2: what masses on wrong choices lose at least over a doubling of t, where plain descent settles


@dataclass(frozen=True)
class Measured:
    """A number with the estimated error."""

    value: float
    error: float

    def agrees(self, predicted: float, resolution: float) -> bool:
        """Whether the prediction is within the error, and the error small enough to mean something."""
        return abs(self.value - predicted) <= self.error and self.error <= resolution

    def differs(self, predicted: float, resolution: float) -> bool:
        """Whether the error is as small, and the prediction is off by more than error and resolution explain."""
        return self.error <= resolution and abs(self.value - predicted) > self.error + resolution


@dataclass(frozen=True)
class Training:
    """A run of one stage over a batch of datasets up to time T; snapshots at `halvings` and `late_times` at least.

    step        eta of normalised descent, or the rate of plain descent
    W_ov        [B, V, V]  frozen while attention is trained; None in stage 1
    normalised  or plain
    """

    datasets: tuple[Dataset, ...]
    stage: Stage
    step: float
    T: int
    snapshots: Mapping[int, Tensor]
    predictions: tuple[Asymptotics, ...]
    W_ov: Tensor | None = None
    normalised: bool = True

    @property
    def V(self) -> int:
        """Size of the largest vocabulary."""
        return math.isqrt(self.stage.entries)

    def again(self, index: int, T: int | None = None, precise: bool = False) -> Again:
        """A short run on this dataset, by other formulas; with many digits where it is normalised, or if `precise`."""
        T = T or (STEPS if self.normalised else PLAIN_STEPS)
        if self.W_ov is None:
            return feed_forward_again(self.datasets[index], self.step, T)
        return attention_again(
            self.datasets[index], self.W_ov[index].cpu(), self.step, T, self.normalised, self.normalised or precise
        )

    def mature(self, index: int) -> bool:
        """Whether the mass on every wrong choice had come down by the first of the late times, so that corrections are
        those of the limit. (The loss does not tell: it is as small where weights are, or where beta is large.)
        """
        return bool((self._log_masses(index, late_times(self.T)[0]) <= MATURE).all())

    def falls(self, index: int) -> bool:
        """Whether plain descent lowered the mass on every wrong choice over the last doubling of t, as it has to.

        It tends to t^-m with a margin m >= 1. A pair that one long step has taken too far recovers by
        e^gap = K + c t only: where K is so large, the mass stays what it is, and nothing of its share of the loss is
        seen. From the exponent c t / (K + c t) = 2/3 on, the error of `sublinear_constant` is that of such a pair, too.
        """
        before, now = (self._log_masses(index, t) for t in (self.T // 2, self.T))
        return bool((before - now >= FALLEN * math.log(self.T / (self.T // 2))).all())

    def _log_masses(self, index: int, t: int) -> Tensor:
        """log of the mass on every wrong choice of a dataset at time t."""
        return self.stage.log_masses(self.snapshots[t])[index][self.stage.offsets[index].isfinite()].cpu()

    @property
    def rounding(self) -> float:
        """Bound on the norm of the accumulated rounding errors of the weights."""
        return rounding(self.step, self.T)

    def weights(self, index: int, t: int) -> Tensor:
        """W at time t, [D], on the CPU."""
        return self.snapshots[t][index].cpu()

    def stable(self, index: int) -> bool:
        """Whether the step size is one for which the predictions hold."""
        return self.step < self.predictions[index].largest_stable_eta

    def attends(self, index: int) -> bool:
        """Whether no sentence has more mass on a wrong choice than on the right one, at the end."""
        return bool(self.stage.dominance(self.snapshots[self.T], self.rounding)[index])

    @cached_property
    def log_excess_losses(self) -> dict[int, Tensor]:
        """log(L - L*) at the snapshots, [B] each."""
        return {t: self.stage.log_excess_loss(w).cpu() for t, w in self.snapshots.items()}

    def loss_slope(self, index: int) -> Measured:
        """The slope of log(L - L*) between T/sqrt 2 and T."""
        return self.slope_of({t: float(value[index]) for t, value in self.log_excess_losses.items()})

    def slope_of(self, logs: Mapping[int, float]) -> Measured:
        """The slope between T/sqrt 2 and T of a number that is given at the late times, and linear in t in the end."""
        return late_slope(logs, self.T, self.rounding)

    def offset_distance(self, index: int) -> Measured:
        """Distance between W and its predicted limit rho, within the span of the support."""
        prediction = self.predictions[index]
        places = [prediction.within(self.weights(index, t)) for t in late_times(self.T)[1:]]
        return Measured(
            float(torch.linalg.vector_norm(places[-1] - prediction.rho)), MARGIN * _rest(places) + self.rounding
        )

    def direction_error(self, index: int, t: int) -> float:
        """| W/|W| - W*/|W*| | at time t > 0."""
        w, star = self.weights(index, t), self.predictions[index].solution
        return float(torch.linalg.vector_norm(w / torch.linalg.vector_norm(w) - star / torch.linalg.vector_norm(star)))

    def direction_limit(self, index: int) -> Measured:
        """t times the direction error, at T."""
        scaled = [t * self.direction_error(index, t) for t in late_times(self.T)[1:]]
        return late_limit(scaled, self.rounding / self.step)

    def drift(self, index: int) -> Measured:
        """Growth of <W, u/|u|> / eta per unit of log t, between T/sqrt 2 and T."""
        u = self.predictions[index].drift
        along = {t: float(self.weights(index, t) @ u / u.norm()) / self.step for t in late_times(self.T)}
        return late_growth(along, self.rounding / self.step)

    def sublinear_constant(self, index: int) -> Measured:
        """rate * t * (L - L*) of plain descent at T; NaN where that has underflowed.

        Its deviation from the limit falls like t^-r with the r of `sublinear_exponent`, and so the rest at T is
        1/(2^r - 1) times the last change.
        """
        logs = [float(self.log_excess_losses[t][index]) for t in (self.T // 2, self.T)]
        if min(logs) < SMALLEST:
            return Measured(math.nan, math.nan)
        before, now = (self.step * t * math.exp(log) for t, log in zip((self.T // 2, self.T), logs, strict=True))
        return Measured(now, MARGIN * abs(now - before) / (2 ** self.predictions[index].sublinear_exponent - 1))


def rounding(step: float, T: int) -> float:
    """Bound on the norm of the accumulated rounding errors of weights after T steps of this length."""
    return sys.float_info.epsilon * step * T**2


def late_slope(logs: Mapping[int, float], T: int, rounding: float) -> Measured:
    """The slope between T/sqrt 2 and T of a number that is given at the late times, and asymptotically linear in t."""
    times = late_times(T)
    slopes = [torch.tensor((logs[b] - logs[a]) / (b - a), dtype=torch.float64) for a, b in pairwise(times)]
    return Measured(float(slopes[-1]), MARGIN * _rest(slopes) + 4 * rounding / (times[-1] - times[-2]))


def late_growth(values: Mapping[int, float], rounding: float) -> Measured:
    """Growth per unit of log t between T/sqrt 2 and T of a number that is given at the late times."""
    growth = [torch.tensor((values[b] - values[a]) / math.log(b / a), dtype=torch.float64) for a, b in pairwise(values)]
    return Measured(float(growth[-1]), MARGIN * _rest(growth) + 8 * rounding)


def late_limit(values: Sequence[float], rounding: float) -> Measured:
    """The limit of a number that is given at the last three of the late times."""
    y = [torch.tensor(value, dtype=torch.float64) for value in values]
    return Measured(values[-1], MARGIN * _rest(y) + rounding)


def halvings(T: int) -> tuple[int, int, int, int]:
    """T/8, T/4, T/2, T."""
    return (T // 8, T // 4, T // 2, T)


def late_times(T: int) -> tuple[int, int, int, int]:
    """T/sqrt 8, T/2, T/sqrt 2, T."""
    return (math.isqrt(T * T // 8), T // 2, math.isqrt(T * T // 2), T)


def _rest(values: Sequence[Tensor]) -> float:
    """How far the last of the three values y(T/2), y(T/sqrt 2), y(T) is from the limit, see above; NaN if one is."""
    first, second, third = values
    r = math.sqrt(2)
    rest, change = ((2 * r - 1) * (second - third) - (first - second)) / (r - 1) ** 2, (second - third) / (r - 1)
    return float(torch.stack([torch.linalg.vector_norm(rest), torch.linalg.vector_norm(change)]).max())


def train_feed_forward(
    datasets: Sequence[Dataset],
    eta: float,
    T: int,
    times: Iterable[int] = (),
    device: torch.device | str = "cpu",
) -> Training:
    """Stage 1 by normalised gradient descent, with snapshots at further times if wanted."""
    stage = feed_forward_stage(datasets, device)
    snapshots = normalised_descent(stage, eta, {*halvings(T), *late_times(T), *times})
    predictions = _predict(stage, [feed_forward_problems(dataset) for dataset in datasets])
    return Training(tuple(datasets), stage, eta, T, snapshots, predictions)


def predict_feed_forward(datasets: Sequence[Dataset]) -> tuple[Asymptotics, ...]:
    """The predictions for stage 1 alone."""
    return _predict(feed_forward_stage(datasets), [feed_forward_problems(dataset) for dataset in datasets])


def train_attention(
    datasets: Sequence[Dataset],
    W_ov: Tensor,
    step: float,
    T: int,
    times: Iterable[int] = (),
    normalised: bool = True,
) -> Training:
    """Stage 2 with W_ov [B, V, V] frozen, on its device; by plain gradient descent if not `normalised`."""
    stage = attention_stage(datasets, W_ov)
    descend = normalised_descent if normalised else plain_descent
    snapshots = descend(stage, step, {*halvings(T), *late_times(T), *times})
    predictions = _predict(stage, [attention_problems(dataset) for dataset in datasets])
    return Training(tuple(datasets), stage, step, T, snapshots, predictions, W_ov, normalised)


def _predict(stage: Stage, problems: Sequence[Mapping[int, MarginProblem]]) -> tuple[Asymptotics, ...]:
    return tuple(
        asymptotics(stage, index, columns, {x: solve(problem) for x, problem in columns.items()})
        for index, columns in enumerate(problems)
    )
