"""Arrays of numbers far beyond the floats: sign and logarithm, with the four operations.

Code that only adds, multiplies and divides takes them in place of arrays of floats. A number keeps the relative
precision that its logarithm leaves it, 1e-16 times the size of the logarithm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LogNumbers:
    """sign * exp(log), entry by entry; log = -inf is 0."""

    log: Array
    sign: Array | float = 1.0

    __array_ufunc__ = None  # numpy leaves arithmetic with its arrays to this class

    @staticmethod
    def of(x: Any) -> LogNumbers:
        if isinstance(x, LogNumbers):
            return x
        with np.errstate(divide="ignore"):
            return LogNumbers(np.log(np.abs(np.asarray(x, dtype=np.float64))), np.sign(x))

    def __mul__(self, other: Any) -> LogNumbers:
        other = LogNumbers.of(other)
        return LogNumbers(self.log + other.log, self.sign * other.sign)

    def __truediv__(self, other: Any) -> LogNumbers:
        other = LogNumbers.of(other)
        return LogNumbers(self.log - other.log, self.sign * other.sign)

    def __add__(self, other: Any) -> LogNumbers:
        if isinstance(other, int) and other == 0:  # what sums begin with
            return self
        other = LogNumbers.of(other)
        if isinstance(self.sign, float) and isinstance(other.sign, float) and self.sign == other.sign:
            return LogNumbers(np.logaddexp(self.log, other.log), self.sign)
        largest = np.maximum(np.maximum(self.log, other.log), np.finfo(np.float64).min)
        scaled = self.sign * np.exp(self.log - largest) + other.sign * np.exp(other.log - largest)
        total = LogNumbers.of(scaled)
        return LogNumbers(total.log + largest, total.sign)

    def __neg__(self) -> LogNumbers:
        return LogNumbers(self.log, -self.sign)

    def __sub__(self, other: Any) -> LogNumbers:
        return self + -LogNumbers.of(other)

    def __rsub__(self, other: Any) -> LogNumbers:
        return LogNumbers.of(other) - self

    def __pow__(self, power: int) -> LogNumbers:
        return LogNumbers(power * self.log, self.sign**power)

    def __rtruediv__(self, other: Any) -> LogNumbers:
        return LogNumbers.of(other) / self

    __radd__, __rmul__ = __add__, __mul__

    def floats(self) -> Array:
        return np.asarray(self.sign * np.exp(self.log))


def as_floats(x: Any) -> Any:
    """Numbers of this module as floats; others as they are."""
    return x.floats() if isinstance(x, LogNumbers) else x


def information(p: Any, q: Any) -> Any:
    """p log(p/q) in nats, 0 at p = 0; arrays of floats or of this module."""
    if isinstance(p, LogNumbers) or isinstance(q, LogNumbers):
        p, q = LogNumbers.of(p), LogNumbers.of(q)
        return np.where(p.log == -np.inf, 0.0, p.floats() * (np.maximum(p.log, np.finfo(np.float64).min) - q.log))
    from scipy.special import rel_entr

    return rel_entr(p, q)
