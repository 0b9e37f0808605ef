"""Tensors in float64 that compare up to a tolerance, for lemmas that only floats can be called with."""

from __future__ import annotations

from typing import Any

import torch

REFUTES = 1000.0  # times the tolerance: a difference between the two decides nothing


class Comparisons:
    """What the comparisons of a call have found: how many there were, and the largest excess in units of 1 + size.

    worst  0 where all hold exactly; not a number where one side is not
    """

    def __init__(self) -> None:
        self.count, self.worst = 0, 0.0

    def note(self, excess: torch.Tensor) -> torch.Tensor:
        self.count += 1
        if excess.numel():
            most = float(excess.max())
            self.worst = most if not most <= self.worst else self.worst
        return excess


def approximate(tolerance: float, found: Comparisons) -> type[torch.Tensor]:
    """A kind of tensor whose ==, <= and so on hold up to this tolerance times 1 + the larger side."""

    class Approximate(torch.Tensor):
        def __eq__(self, other: Any) -> Any:
            return found.note(_relative(self, other).abs()) <= tolerance

        def __le__(self, other: Any) -> Any:
            return found.note(_relative(self, other).clamp(min=0)) <= tolerance

        def __ge__(self, other: Any) -> Any:
            return found.note((-_relative(self, other)).clamp(min=0)) <= tolerance

        __lt__, __gt__ = __le__, __ge__
        __hash__ = torch.Tensor.__hash__

    return Approximate


def _relative(a: Any, b: Any) -> torch.Tensor:
    """(a - b) / (1 + max(|a|, |b|)), of plain tensors."""
    a, b = (torch.as_tensor(x, dtype=torch.float64).as_subclass(torch.Tensor) for x in (a, b))
    found: torch.Tensor = (a - b) / (1 + torch.maximum(a.abs(), b.abs()))
    return found
