"""One neuron a sigma(w x), a target f° on a few points of the line: where it comes to rest (MF6f, MF20n).

For k = 1 the loss does not depend on a. It is (E f°^2 - b^2 / A) / 2 with b = E[f° sigma(w x)], A = E sigma(w x)^2, and
its derivative in w is - b D / (2 A^2) with D = 2 b' A - b A'.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

from flint import arb, ctx

from proofs.mean_field.enclosures import PRECISION
from proofs.rational_matrix import to_fmpq

Points = tuple[tuple[int, int], ...]  # x and f°(x), equally likely
SMOOTH: Points = ((1, 1), (2, 3), (3, 2))  # as of some network of three neurons that increase strictly
KINKED: Points = ((1, 1), (-1, 1))  # |x|, of two relu neurons
WIDTH = Fraction(1, 2**30)


def _sigmoid(z: arb) -> tuple[arb, arb]:
    y = 1 / (1 + (-z).exp())
    return y, y * (1 - y)


def _tanh(z: arb) -> tuple[arb, arb]:
    y = z.tanh()
    return y, 1 - y * y


# The value and the derivative; of softsign at z > 0.
ACTIVATIONS: dict[str, Callable[[Any], tuple[Any, Any]]] = {
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "relu": lambda z: (z, 1) if z > 0 else (0, 0),
    "softsign": lambda z: (z / (1 + z), 1 / (1 + z) ** 2),
}


def target(activation: str) -> Points:
    return KINKED if activation == "relu" else SMOOTH


def critical_values(activation: str) -> tuple[Fraction, Fraction]:
    """0 and E f°^2 / 2, those of MF6 at k = 1."""
    points = target(activation)
    return Fraction(0), Fraction(sum(f * f for _, f in points), 2 * len(points))


@dataclass(frozen=True)
class OneNeuron:
    """At a weight w > 0: an interval of them, or a Fraction where the activation is rational."""

    activation: str
    w: Any

    def _mean(self, term: Callable[[Any, Any, Any, Any], Any]) -> Any:
        """E term(x, f°, sigma, sigma')."""
        points = target(self.activation)
        return sum((term(x, f, *ACTIVATIONS[self.activation](self.w * x)) for x, f in points), 0 * self.w) / len(points)

    @property
    def overlap(self) -> Any:
        """b."""
        return self._mean(lambda x, f, y, slope: f * y)

    @property
    def size(self) -> Any:
        """A."""
        return self._mean(lambda x, f, y, slope: y * y)

    @property
    def slope(self) -> Any:
        """D: 0 where the neuron is at rest."""
        b_moves = self._mean(lambda x, f, y, slope: f * slope * x)
        A_moves = self._mean(lambda x, f, y, slope: 2 * y * slope * x)
        return 2 * b_moves * self.size - self.overlap * A_moves

    @property
    def loss(self) -> Any:
        total = self._mean(lambda x, f, y, slope: f * f)
        return (total - self.overlap**2 / self.size) / 2


def resting_place(activation: str) -> tuple[Fraction, Fraction]:
    """A short interval of weights at whose ends D has different signs: the flow comes to rest inside.

    For relu the loss does not depend on w > 0 either, and the two ends are the same.
    """
    if activation == "relu":
        return Fraction(1), Fraction(1)
    with ctx.workprec(PRECISION):
        grid = [Fraction(i, 16) for i in range(1, 129)]
        low, high = next(pair for pair in pairwise(grid) if not _same_sign(activation, *pair))
        while high - low > WIDTH:
            middle = (low + high) / 2
            low, high = (middle, high) if _same_sign(activation, low, middle) else (low, middle)
    return low, high


def at(activation: str, low: Fraction, high: Fraction) -> OneNeuron:
    """For every weight between two; exactly for relu, where they are the same."""
    if activation == "relu":
        return OneNeuron(activation, low)
    ends = arb(to_fmpq(low)), arb(to_fmpq(high))
    return OneNeuron(activation, ends[0].union(ends[1]))


def _same_sign(activation: str, v: Fraction, w: Fraction) -> bool:
    return bool(at(activation, v, v).slope * at(activation, w, w).slope > 0)
