"""Truncated power series, whose terms are along the first axis of a tensor."""

from __future__ import annotations

from torch import Tensor


def times(x: Tensor, y: Tensor, add_to: Tensor | None = None) -> Tensor:
    """The product, with as many terms as x, the longer; with add_to, this plus the product, stored in it."""
    product = x * y[:1] if add_to is None else add_to.addcmul_(x, y[:1])
    for i in range(1, len(y)):
        product[i:].addcmul_(x[: len(x) - i], y[i : i + 1])
    return product


def over(x: Tensor, y: Tensor) -> Tensor:
    """The quotient of series with as many terms."""
    quotient = x.clone()
    for d in range(len(x)):
        quotient[d] /= y[0]
        quotient[d + 1 :].addcmul_(quotient[d : d + 1], y[1 : len(x) - d], value=-1)
    return quotient
