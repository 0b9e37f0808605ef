"""The k-gram configurations of the two-layer network (sub-n-grams/configuration)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Configuration:
    """The Lambda-gram configuration: position j gets attention weight q^(number of matching lags).

    lags  Lambda, increasing positive integers; (1, ..., k-1) is the k-gram, () the unigram
    q     e^c with c the squared norm given to Q and K: a Fraction >= 1 (exact engines), a float >= 1, or math.inf for
          the limit c -> infinity of the score blocks. q = 1 switches the lags off.

    A lag l in Lambda compares the query token x_{T-l+1} with the key token x_{j-l}. Raises ValueError otherwise.
    """

    lags: tuple[int, ...]
    q: Fraction | float

    def __post_init__(self) -> None:
        if list(self.lags) != sorted(set(self.lags)) or any(lag < 1 for lag in self.lags):
            raise ValueError(f"lags={self.lags}: lags are different positive integers in increasing order")
        if not self.q >= 1:
            raise ValueError(f"q={self.q}: q = e^c is at least 1")

    @staticmethod
    def k_gram(k: int, q: Fraction | float) -> Configuration:
        """The configuration with lags 1..k-1."""
        return Configuration(tuple(range(1, k)), q)

    @property
    def at_limit(self) -> bool:
        """Whether this is the limit c -> infinity."""
        return self.q == math.inf

    @property
    def exact(self) -> bool:
        """Whether q is a rational number or the limit, so that exact engines can take it."""
        return isinstance(self.q, Fraction) or self.at_limit

    @property
    def c(self) -> float:
        """log q, a float."""
        if isinstance(self.q, Fraction):  # the quotient may overflow a float where its logarithm does not
            near_one = self.q < 2  # where the logarithms cancel
            return math.log1p(self.q - 1) if near_one else math.log(self.q.numerator) - math.log(self.q.denominator)
        return math.log(self.q)

    @property
    def active_heads(self) -> tuple[int, ...]:
        """Heads of the first layer that are switched on: the lags l themselves, and l-1 for the query's side."""
        return tuple(sorted({*self.lags, *(lag - 1 for lag in self.lags)} - {0}))

    def matches(self, x: Sequence[int], j: int) -> int:
        """m_j: how many lags l have x_{j-l} (which must exist) equal to x_{T-l+1}; positions count from 0."""
        T = len(x)
        return sum(j - lag >= 0 and x[j - lag] == x[T - lag] for lag in self.lags)
