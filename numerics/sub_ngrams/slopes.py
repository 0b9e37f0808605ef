"""Gradients held against differences of the loss, which need no backward pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from numerics.sub_ngrams.sequences import UNIT_ROUNDOFF

STEPS = (2.0**-10, 2.0**-15, 2.0**-20)  # relative to a parameter; the first has the least rounding, the last is local
ENDS = (-1, -1 / 2, 1 / 2, 1)  # where the loss is taken, in steps
ROUNDINGS = 100  # of a loss; what a module's own arithmetic adds shows in the differences
SEED = 0  # of the directions

Losses = Callable[[Sequence[Mapping[str, Tensor]]], list[float]]


@torch.no_grad()
def require_slopes(parameters: Mapping[str, Tensor], gradients: Mapping[str, Tensor], losses: Losses) -> None:
    """ValueError if a gradient is not the slope of the loss, for each parameter along a random direction of its own.

    losses  one for each of the given replacements of some parameters

    Refused is a gradient that misses the quotient of differences by more than its error at two of STEPS: a large one
    tells small gradients, a small one is not confused by kinks nearby.
    """
    generator = torch.Generator().manual_seed(SEED)
    directions = {name: _direction(value, generator) for name, value in parameters.items()}
    (here,) = losses([{}])
    misses: dict[str, list[str]] = {name: [] for name in directions}
    for i, step in enumerate(STEPS):
        left = [name for name in directions if i < 2 or len(misses[name]) == 1]
        found = losses([{name: parameters[name] + t * step * directions[name]} for name in left for t in ENDS])
        for name, ends in zip(left, zip(*[iter(found)] * len(ENDS), strict=True), strict=True):
            due = float((gradients[name] * directions[name]).sum())
            rise, error = slope(ends, here, step)
            if not abs(rise - due) <= error:
                misses[name].append(f"{due:.6g} along a direction in which the loss rises by {rise:.6g} +- {error:.1g}")
    for name, numbers in misses.items():
        if len(numbers) == 2:
            raise ValueError(
                f"the gradient in {name} is not the slope of the loss: {numbers[-1]}. The module has a backward pass "
                "that is not the derivative of its forward pass (padding_idx, scale_grad_by_freq, an autograd.Function "
                "or a tensor hook), or a path that is hidden beside one that is not (no_grad, detach, .data, .item(), "
                "numpy)"
            )


def _direction(value: Tensor, generator: torch.Generator) -> Tensor:
    size = float(value.square().mean().sqrt()) if bool(value.any()) else 1.0
    return size * torch.randn(value.shape, generator=generator, dtype=torch.float64).to(value.device)


def slope(ends: Sequence[float], here: float, step: float) -> tuple[float, float]:
    """The slope at 0 of a function from its values at ENDS, in steps, and at 0; and a bound on the error.

    The quotient over step/2. Where the function is smooth the quotient over `step` differs from it by three times its
    error, at leading order. Where it is straight but for one kink, the fourth difference is what is missing to the
    error; with the kink at 0 itself the bound reaches the slopes on both sides, between which a subgradient lies. It
    holds the noise of rounding also. Twice all that, so that a curve and a kink may take from each other.
    """
    far, near = (ends[3] - ends[0]) / (2 * step), (ends[2] - ends[1]) / step
    fourth = ends[3] - 4 * ends[2] + 6 * here - 4 * ends[1] + ends[0]
    rounding = ROUNDINGS * UNIT_ROUNDOFF * (1 + max(map(abs, ends)))
    return near, 2 * (abs(far - near) + (abs(fourth) / 2 + rounding) / step)
