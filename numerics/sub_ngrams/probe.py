"""Gradients of somebody's module over some of the sequences: sums that are added up, for `norm_interval`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from numerics.sub_ngrams.monte_carlo import Moments
from numerics.sub_ngrams.own_law import AnyLaw, can_be_drawn, chosen, drawn
from numerics.sub_ngrams.own_module import OwnModule
from numerics.sub_ngrams.population_gradient import checked_gradients, each_at, losses
from numerics.sub_ngrams.sequences import Batch

CHECKED = 32  # drawn sequences on which a gradient is held against slopes of the loss
PILOT = 256  # drawn sequences that are differentiated one by one
STRANGE = 64  # and others, which the law may never draw
STEP = 2.0**-13  # to both sides, of a parameter vector: rounding of a loss, and its third derivative, are 1e-8 and less
CONSTANT = 8  # with all tokens alike


@dataclass(frozen=True)
class Sums:
    """Over some sequences, all parameters in a row.

    gradient  the weighted sum of their gradients: p
    sizes     of each parameter's gradient, summed over batches without cancellation: as many as parameters, and one for
              all together
    weight    the sum of their weights
    loss      their weighted loss; inf where a token that may come has p = 0 whatever the parameters are
    losses    moments of their losses, such tokens left out
    along     moments of the slopes of their losses in a direction, if one was given
    """

    gradient: Tensor
    sizes: Tensor
    weight: float
    loss: float
    losses: Moments
    along: Moments | None

    @property
    def count(self) -> int:
        return self.losses.count


@dataclass(frozen=True)
class Pilot:
    """How long the gradients of single sequences are: of each parameter's part, and of all together (the last).

    longest  among PILOT drawn sequences, and some that are chosen without regard to their probability
    squares  moments of the squared lengths of the drawn ones
    """

    longest: Tensor
    squares: Moments


@contextmanager
def differentiable_twice() -> Iterator[None]:
    """Attention is computed by its formula: the fused kernels have no second derivative."""
    with sdpa_kernel([SDPBackend.MATH]):
        yield


def measure(own: OwnModule, batches: Iterable[Batch], batch: int, direction: Tensor | None = None) -> Sums:
    """Sums over these sequences, `batch` of them at a time; the first batch is asked for twice.

    direction  p numbers
    """
    parameters, again = list(own.parameters.values()), True
    gradient = torch.zeros(sum(value.numel() for value in parameters), dtype=torch.float64, device=own.device)
    sizes = gradient.new_zeros(len(parameters) + 1)
    total, loss, of_losses, along = 0.0, 0.0, Moments(), None if direction is None else Moments()
    for x, P, weight in split(own, batches, batch):
        each, infinite = losses(own, x, P, again=again)
        again = False
        factors = weight.clone().requires_grad_(direction is not None)
        parts = flat(own, each, factors, twice=direction is not None)
        if direction is not None and along is not None:
            along.add(slopes_along(parts, factors, direction).cpu())
        parts = parts.detach()
        if not bool(torch.isfinite(parts).all()):
            raise ValueError("the gradient of some sequences is not finite: there is none, or floats do not hold it")
        gradient += parts
        sizes += lengths(parameters, parts)
        total += float(weight.sum())
        loss += math.inf if bool((infinite & (weight > 0)).any()) else float((weight * each.detach()).sum())
        of_losses.add(each.detach().cpu())
    return Sums(gradient.cpu(), sizes.cpu(), total, loss, of_losses, along)


def together(parts: Sequence[Sums]) -> Sums:
    """The sums over all of their sequences."""
    of_losses, along = Moments(), None if parts[0].along is None else Moments()
    gradient, sizes = torch.zeros_like(parts[0].gradient), torch.zeros_like(parts[0].sizes)
    for part in parts:
        of_losses.join(part.losses)
        if along is not None and part.along is not None:
            along.join(part.along)
        gradient += part.gradient
        sizes += part.sizes
    weight, loss = (math.fsum(values) for values in zip(*((part.weight, part.loss) for part in parts), strict=True))
    return Sums(gradient, sizes, weight, loss, of_losses, along)


@torch.no_grad()
def rise(own: OwnModule, batches: Iterable[Batch], batch: int, direction: Tensor) -> float:
    """The weighted sum of the slopes of these sequences' losses, from differences of losses alone."""
    sizes = [value.numel() for value in own.parameters.values()]
    steps = dict(zip(own.parameters, torch.split(STEP * direction, sizes), strict=True))
    ends = [{name: value + t * steps[name].view_as(value) for name, value in own.parameters.items()} for t in (1, -1)]
    parts = []
    for x, P, weight in split(own, batches, batch):
        above, below = (each_at(own, x, P, others) for others in ends)
        parts.append(float((weight * (above - below)).sum()))
    return math.fsum(parts) / (2 * STEP)


def flat(own: OwnModule, each: Tensor, factors: Tensor, *, twice: bool = False) -> Tensor:
    """The gradient of sum_i factors[i] each[i], all parameters in a row; 0 where there is no path."""
    parameters = list(own.parameters.values())
    if not each.requires_grad:
        return torch.zeros(sum(value.numel() for value in parameters), dtype=torch.float64, device=own.device)
    found = torch.autograd.grad(each, parameters, factors, create_graph=twice, allow_unused=True)
    return torch.cat(
        [
            (torch.zeros_like(value) if part is None else part).flatten()
            for part, value in zip(found, parameters, strict=True)
        ]
    )


def slopes_along(gradient: Tensor, factors: Tensor, direction: Tensor) -> Tensor:
    """The slope of each sequence's loss in this direction, from the gradient of their sum with these factors: B."""
    inner = gradient @ direction
    if not inner.requires_grad:
        return torch.zeros_like(factors)
    (slopes,) = torch.autograd.grad(inner, factors, allow_unused=True)
    return torch.zeros_like(factors) if slopes is None else slopes.detach()


def check(own: OwnModule, law: AnyLaw, T: int, generator: torch.Generator) -> None:
    """Checks the module on drawn sequences, or on all if there are no more. ValueError, see `population_gradient`."""
    if can_be_drawn(law):
        some = list(split(own, drawn(law, T, CHECKED, own.positions, generator), CHECKED))
    else:
        x = torch.randint(law.S, (CHECKED, T), generator=generator, device=own.device)
        some = list(split(own, (chosen(law, x, own.positions) for _ in range(1)), CHECKED))
    checked_gradients(own, lambda: (Batch(x, P, weight / CHECKED) for x, P, weight in some))


def pilot(own: OwnModule, law: AnyLaw, T: int, generator: torch.Generator) -> Pilot:
    """The lengths of single gradients."""
    of_law = torch.stack([*_one_by_one(own, drawn(law, T, PILOT, own.positions, generator))])
    others = [*_one_by_one(own, (chosen(law, strange(law, T, generator), own.positions) for _ in range(1)))]
    squares = Moments()
    squares.add(of_law.square())
    return Pilot(torch.cat([of_law, *(row[None] for row in others)]).amax(0), squares)


def strange(law: AnyLaw, T: int, generator: torch.Generator) -> Tensor:
    """Sequences without regard to their probability: constant ones, and of independent uniform tokens."""
    x = torch.randint(law.S, (STRANGE, T), generator=generator, device=generator.device)
    constant = min(CONSTANT, law.S)
    x[:constant] = torch.arange(constant, device=x.device)[:, None]
    return x


def _one_by_one(own: OwnModule, batches: Iterable[Batch]) -> Iterator[Tensor]:
    for x, P, weight in split(own, batches, 1):
        each, _ = losses(own, x, P, again=False)
        yield lengths(list(own.parameters.values()), flat(own, each, weight)).cpu()


def split(own: OwnModule, batches: Iterable[Batch], size: int) -> Iterator[Batch]:
    """The same sequences, at most so many at a time. What the law computes for them is not the module's."""
    rest = iter(batches)
    while True:
        with own.watch.pause():
            found = next(rest, None)
        if found is None:
            return
        x, P, weight = found
        for first in range(0, len(x), size):
            rows = slice(first, first + size)
            yield Batch(x[rows].contiguous(), P[rows], weight[rows])


def lengths(parameters: Sequence[Tensor], gradient: Tensor) -> Tensor:
    """Of each parameter's part, and of all together (the last)."""
    parts = torch.split(gradient, [value.numel() for value in parameters])
    return torch.stack([*(part.norm() for part in parts), gradient.norm()])
