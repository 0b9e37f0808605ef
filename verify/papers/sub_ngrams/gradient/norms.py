"""Norms of gradients over lengths and scales, as the pictures take them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NormPoint:
    """The norm of the whole parameter gradient at one length and finite scale, with a bound on its error.

    bound  that the norm has by theory, where it was asked for
    """

    T: int
    c: float
    norm: float
    error: float
    bound: float | None = None
