"""Both layers at every step of a run, and the ratios of what is seen to its bounds (NT12, NT13, NT14)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from proofs.next_token.dataset import Dataset

if TYPE_CHECKING:
    import numpy as np

    from numerics.next_token.every_step import EveryStep
    from proofs.next_token.finite_time import Bounds
    from proofs.next_token.layers import Layer


@dataclass(frozen=True)
class Watched:
    """One layer of one dataset, and what was seen of it at every step.

    bounds  None where they have not begun: odds may rise, and the loss has not yet come down to where they cannot
    index   of the dataset in what was seen
    only    the one step that counts; 0 if all do
    """

    dataset: Dataset
    attention: bool
    beta: float
    bounds: Bounds | None
    seen: EveryStep
    index: int
    only: int = 0

    @property
    def name(self) -> str:
        return f"{self.dataset.name}, {'W_kq' if self.attention else 'W_ov'}"

    @property
    def eta(self) -> float:
        return self.seen.etas[self.index]

    @property
    def first(self) -> int:
        """The first step at which something is compared."""
        assert self.bounds is not None
        return self.only or max(1, self.bounds.start)

    @property
    def times(self) -> np.ndarray:
        import numpy as np

        return np.arange(self.first, self.seen.T + 1)


@dataclass(frozen=True)
class Quantity:
    """What is bounded.

    name      in a few words
    ratios    what is divided by what, and that ratio of a layer at its times: the number over its upper bound, or a
              lower bound over the number
    rounding  of a layer: what rounding may add to these ratios
    """

    name: str
    ratios: Mapping[str, Callable[[Watched], np.ndarray]]
    rounding: Callable[[Watched], float]

    def ratio(self, watched: Watched) -> np.ndarray:
        """The largest of the ratios at each time; NaN where one is."""
        import numpy as np

        largest: np.ndarray = np.maximum.reduce([ratio(watched) for ratio in self.ratios.values()])
        return largest


def upper_norm_ratio(watched: Watched) -> np.ndarray:
    """|W_t| over eta t."""
    ratio: np.ndarray = watched.seen.norms[watched.first :, watched.index] / (watched.eta * watched.times)
    return ratio


def lower_norm_ratio(watched: Watched) -> np.ndarray:
    """The lower bound, which is below 0 at first, over |W_t|."""
    assert watched.bounds is not None
    ratio: np.ndarray = watched.bounds.least_norm(watched.times) / watched.seen.norms[watched.first :, watched.index]
    return ratio


def loss_ratio(watched: Watched) -> np.ndarray:
    """L - L* over its bound."""
    import numpy as np

    assert watched.bounds is not None
    logs = watched.seen.log_losses[watched.first :, watched.index]
    ratio: np.ndarray = np.exp(np.minimum(logs - watched.bounds.largest_log_loss(watched.times), 700.0))
    return ratio


def direction_ratio(watched: Watched) -> np.ndarray:
    """The direction error over its bound."""
    assert watched.bounds is not None
    ratio: np.ndarray = watched.seen.errors[watched.first :, watched.index] / watched.bounds.largest_error(
        watched.times
    )
    return ratio


def weights_rounding(watched: Watched) -> float:
    """What rounding adds to |W_t|, over the length of a step; logs of losses move by twice as much at most."""
    return 2 * watched.seen.rounding(watched.index) / min(1.0, watched.eta)


NORM = Quantity(
    "norm", {"|W_t| over eta t": upper_norm_ratio, "the lower bound over |W_t|": lower_norm_ratio}, weights_rounding
)
GAP = Quantity("L - L*", {"L - L* over its bound": loss_ratio}, weights_rounding)
ERROR = Quantity("direction error", {"the direction error over its bound": direction_ratio}, weights_rounding)


@lru_cache(maxsize=4)
def watch(datasets: tuple[Dataset, ...], attention: bool, beta: float, eta: float, T: int) -> tuple[Watched, ...]:
    """One layer of each dataset. Steps have the length eta, or the largest for which the bounds are proved if that is
    less; W_ov = beta W_ov* where attention is trained.
    """
    import torch

    from numerics.next_token import every_step
    from numerics.next_token.stage import aligned_output, attention_stage, feed_forward_stage, flat_solution
    from proofs.next_token.finite_time import largest_step
    from proofs.next_token.layers import attention_layer, feed_forward_layer

    V = max(dataset.V for dataset in datasets)
    if attention:
        layers = [attention_layer(dataset, beta) for dataset in datasets]
        stage = attention_stage(datasets, aligned_output(datasets, beta))
    else:
        layers = [feed_forward_layer(dataset) for dataset in datasets]
        stage = feed_forward_stage(datasets)
    etas = [min(eta, largest_step(layer)) for layer in layers]
    solutions = [flat_solution({x: c.solution for x, (_, c) in layer.columns.items()}, V) for layer in layers]
    seen = every_step.watch(stage, torch.stack(solutions), etas, T)
    return tuple(
        Watched(dataset, attention, beta, begun(layer, seen, i), seen, i)
        for i, (dataset, layer) in enumerate(zip(datasets, layers, strict=True))
    )


def begun(layer: Layer, seen: EveryStep, index: int) -> Bounds | None:
    """The bounds, from the first step at which the loss is small enough where odds may rise."""
    from proofs.next_token import finite_time

    start = 0
    if not layer.falling:
        reached = (seen.log_losses[:, index] <= math.log(layer.first_loss)).nonzero()[0]
        if not len(reached):
            return None
        start = int(reached[0])
    return finite_time.bounds(layer, seen.etas[index], start)


def slowly(watched: Watched, t: int) -> Watched:
    """The same at step t alone, by the formulas of NT1 with many digits."""
    import numpy as np

    from numerics.next_token.again import attention_again, feed_forward_again
    from numerics.next_token.every_step import EveryStep
    from numerics.next_token.stage import aligned_output, flat_solution
    from proofs.next_token.layers import attention_layer, feed_forward_layer

    assert watched.bounds is not None
    dataset, eta = watched.dataset, watched.eta
    if watched.attention:
        layer = attention_layer(dataset, watched.beta)
        again = attention_again(dataset, aligned_output([dataset], watched.beta)[0], eta, t)
    else:
        layer, again = feed_forward_layer(dataset), feed_forward_again(dataset, eta, t)
    star = flat_solution({x: c.solution for x, (_, c) in layer.columns.items()}, dataset.V)
    w, log_loss = again.weights(dataset.V)[1], float(again.ctx.log(again.excess(again.halves[1])))
    norm, error = float(w.norm()), float((w / w.norm() - star / star.norm()).norm())
    rows = (np.full((t + 1, 1), value) for value in (log_loss, norm, error))
    return replace(watched, seen=EveryStep((eta,), *rows), index=0, only=t)
