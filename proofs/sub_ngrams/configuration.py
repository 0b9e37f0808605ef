"""The k-gram configurations of the two-layer network (sub-n-grams/configuration)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Literal, get_args

Heads = Literal["padded", "literal"]
Row = tuple[int, int]  # (h, t): row t of the positional logits A^(h); positions count from 1


@dataclass(frozen=True)
class Configuration:
    """The Lambda-gram configuration: position j gets attention weight q^(number of matching lags).

    lags   Lambda, increasing positive integers; (1, ..., k-1) is the k-gram, () the unigram
    q      e^c with c the squared norm given to Q and K: a Fraction >= 1 (exact engines), a float >= 1, or math.inf for
           the limit c -> infinity of the score blocks. q = 1 switches the lags off.
    heads  what head h of the first layer reads at a position t <= h, where t-h does not exist: "padded", 0; "literal",
           the mean of the tokens up to t, as a softmax row does that has no position to prefer (c_A -> infinity)

    A lag l in Lambda compares the query token x_{T-l+1} with the key token x_{j-l}. With literal heads a key j <= l
    matches by a share of its tokens. Raises ValueError otherwise.
    """

    lags: tuple[int, ...]
    q: Fraction | float
    heads: Heads = "padded"

    def __post_init__(self) -> None:
        if list(self.lags) != sorted(set(self.lags)) or any(lag < 1 for lag in self.lags):
            raise ValueError(f"lags={self.lags}: lags are different positive integers in increasing order")
        if not self.q >= 1:
            raise ValueError(f"q={self.q}: q = e^c is at least 1")
        if self.heads not in get_args(Heads):
            raise ValueError(f"heads={self.heads!r}: one of {', '.join(get_args(Heads))}")

    @staticmethod
    def k_gram(k: int, q: Fraction | float, heads: Heads = "padded") -> Configuration:
        """The configuration with lags 1..k-1."""
        return Configuration(tuple(range(1, k)), q, heads)

    @property
    def at_limit(self) -> bool:
        """Whether this is the limit c -> infinity."""
        return self.q == math.inf

    @property
    def exact(self) -> bool:
        """Whether the weights of positions are rational numbers, or this is the limit: what exact engines can take."""
        return self.root is not None or self.at_limit

    @cached_property
    def unit(self) -> int:
        """Numbers of matches are counted in parts of this size: 1, or with literal heads, which average up to as many
        tokens as their lag, lcm(1, ..., the longest lag)."""
        return math.lcm(*range(1, max(self.lags, default=1) + 1)) if self.heads == "literal" else 1

    @cached_property
    def root(self) -> Fraction | None:
        """q^(1/unit) where it is a rational number; the weight of a position is a whole power of it."""
        if not isinstance(self.q, Fraction):
            return None
        p, r = (_whole_root(part, self.unit) for part in self.q.as_integer_ratio())
        return None if p is None or r is None else Fraction(p, r)

    @cached_property
    def levels(self) -> tuple[int, ...]:
        """All values that `matches` may take, from 0 up."""
        averaged = range(1, max(self.lags, default=1) + 1) if self.heads == "literal" else (1,)
        return tuple(sorted({self.unit // t * i for t in averaged for i in range(len(self.lags) * t + 1)}))

    def weight(self, matches: int) -> Fraction | float:
        """q^(matches/unit), exact where its root is rational. Not for the limit."""
        if self.root is not None:
            return self.root**matches
        return self.q ** Fraction(matches, self.unit)

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

    @property
    def averaging_rows(self) -> tuple[Row, ...]:
        """The rows of A in which the loss has a slope: (h, t) with h in Lambda and t = 2..h, where a literal head
        averages t tokens. All others are saturated, have one position, or belong to a head that keys do not use."""
        return tuple((h, t) for h in self.lags for t in range(2, h + 1)) if self.heads == "literal" else ()

    def reads(self, window: Sequence[int], h: int) -> Mapping[int, Fraction | int]:
        """What head h reads at a position (h = 0: its token), as weights of tokens. Of the tokens up to the position,
        oldest first, `window` holds the last: more than h of them, or all."""
        if h < len(window):
            return {window[-1 - h]: 1}
        if self.heads == "padded":
            return {}
        return {s: Fraction(count, len(window)) for s, count in Counter(window).items()}

    def compare(self, window: Sequence[int], matched: Sequence[tuple[int, int]]) -> int:
        """unit times the sum over the pairs (lag, token) of the weight of the token in what head `lag` reads."""
        total = 0
        for lag, token in matched:
            if lag < len(window):
                total += self.unit * (window[-1 - lag] == token)
            else:
                total += int(self.unit * self.reads(window, lag).get(token, 0))
        return total

    def matches(self, x: Sequence[int], j: int) -> int:
        """unit m_j, m_j being how many lags l have x_{j-l} equal to x_{T-l+1}; positions count from 0. Where x_{j-l}
        does not exist, padded heads match nothing, and literal heads by the share of x_{T-l+1} in x_0..x_j."""
        T, longest = len(x), max(self.lags, default=0)
        return self.compare(x[max(0, j - longest) : j + 1], [(lag, x[T - lag]) for lag in self.lags])


def _whole_root(x: int, n: int) -> int | None:
    """The n-th root of a whole number x >= 1, if it is one."""
    low, high = 1, 1 << x.bit_length() // n + 1
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if middle**n < x else (low, middle)
    return low if low**n == x else None
