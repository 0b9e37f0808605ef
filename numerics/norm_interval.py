"""How long a mean vector is, from independent draws of it: an interval, by what the draws are like and how long they
can be.

Names: g the mean, A the mean of the draws so far, B that of fresh ones, u = A / |A|.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from numerics.sub_ngrams.monte_carlo import Moments, bernstein


@dataclass(frozen=True)
class NormInterval:
    """|g| is at least `low` and at most `high`.

    norm     the estimate: the root of `squared`, or the end of the interval that is nearest to it
    squared  an unbiased estimate of |g|^2, below 0 where noise prevails; None where A is all there is
    """

    norm: float
    low: float
    high: float
    squared: float | None = None

    @property
    def relative(self) -> float:
        """The half-width over the middle: 0 where all is known, 1 where the length may be 0."""
        return (self.high - self.low) / (self.high + self.low) if self.high > 0 else 0.0


def both(one: NormInterval, other: NormInterval) -> NormInterval:
    """From two intervals that hold together, with the estimate of the second; where they exclude each other, which is a
    miss, all from one to the other."""
    ends = [max(one.low, other.low), min(one.high, other.high)]
    low, high = ends if ends[0] <= ends[1] else (min(one.low, other.low), max(one.high, other.high))
    return NormInterval(min(max(other.norm, low), high), low, high, other.squared)


def mean_square_bound(squares: Moments, longest: float, level: float) -> float:
    """An upper bound on E|X|^2 from the squared lengths of some draws (Maurer and Pontil), where none is longer than
    `longest`."""
    half = bernstein(squares, torch.tensor(longest**2, dtype=torch.float64), level)
    return min(float(squares.mean + half), longest**2)


def radius(count: int, mean_square: float, longest: float, level: float) -> float:
    """|A - g| is at most this with probability `level`, for `count` draws, none longer than `longest`, in any dimension
    (Pinelis 1994, as Smale and Zhou, Constructive Approximation 2007, lemma 2, word it)."""
    log = math.log(2 / (1 - level))
    return 2 * longest * log / count + math.sqrt(2 * mean_square * log / count)


def around(length: float, radius: float) -> NormInterval:
    """From |A| and a bound on |A - g| alone."""
    return NormInterval(length, max(0.0, length - radius), length + radius)


def along(length: float, radius: float, slopes: Moments, longest: float, level: float) -> NormInterval:
    """From |A|, a bound on |A - g|, and u . X for fresh draws X, none longer than `longest`.

    |g| is at least |u . g|, whose interval is Bernstein's. What of g is orthogonal to A is also what of g - A is: no
    longer than the radius. So |g|^2 is at most the sum of both squares, and an error of A counts but in second order.
    A . B is unbiased, as A and B are independent.
    """
    mean = float(slopes.mean)
    half = float(bernstein(slopes, torch.tensor(2 * longest, dtype=torch.float64), level))
    low, high = max(0.0, abs(mean) - half), math.hypot(abs(mean) + half, radius)
    squared = length * mean
    return NormInterval(min(max(math.sqrt(max(squared, 0.0)), low), high), low, high, squared)


def needed(
    aim: float, mean: float, radius: float, variance: float, longest: float, level: float, least: int, most: int
) -> int:
    """How many fresh draws, of slopes with this mean and variance, `along` is likely to need for a relative half-width
    of `aim`: at least `least`, at most `most`."""
    count = least
    while count < most:
        slopes = Moments(count, torch.tensor(mean), torch.tensor(variance * (count - 1)))
        if along(mean, radius, slopes, longest, level).relative <= aim:
            return count
        count = min(most, count + count // 4 + 1)
    return count
