"""Kernels that come close to the bounds at finite length, or break what is false (sub-n-grams/finite-length)."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from proofs.sub_ngrams.law import Word

Rows = list[list[Fraction]]


def nearly_deterministic(S: int, n: int, rng: random.Random, e: Fraction) -> Rows:
    """After every context one token, drawn at random, but for a chance of e."""
    return [_mostly(rng.randrange(S), S, e) for _ in range(S ** (n - 1))]


def nearly_uniform(S: int, n: int, rng: random.Random, e: Fraction) -> Rows:
    """Rows within total variation e of uniform, which mix fast."""
    shift = e * Fraction(S, S - 1)
    return [
        [(1 - shift) / S + shift * x for x in _mostly(rng.randrange(S), S, Fraction(0))] for _ in range(S ** (n - 1))
    ]


def repeats(S: int, n: int, lag: int, e: Fraction) -> Rows:
    """The next token is the one at this lag, but for a chance of e."""
    return [_mostly(u[-lag], S, e) for u in product(range(S), repeat=n - 1)]


def two_regimes(e: Fraction) -> Rows:
    """S = 2, n = 3: all zeros, or zeros and ones by turns, each for a time of order 1/e."""
    return [[1 - e, e], [1 - e, e], [e, 1 - e], [Fraction(1), Fraction(0)]]


def _mostly(s: int, S: int, e: Fraction) -> list[Fraction]:
    return [1 - e if t == s else e / (S - 1) for t in range(S)]


@dataclass(frozen=True)
class Switch:
    """Zeros, until the first 1 comes with a chance of e at every step; from then on the word `then`, again and again.

    The law starts with n-1 zeros. `then` begins with 1, and the last n-1 tokens tell how it goes on.
    """

    n: int
    then: Word
    e: Fraction

    def sequences(self, T: int) -> Iterator[tuple[Word, Fraction]]:
        """All sequences of length T, with their probabilities."""
        zeros, stay = self.n - 1, Fraction(1)
        for first in range(zeros, T):
            yield self.sequence(first, T), stay * self.e
            stay *= 1 - self.e
        yield (0,) * T, stay

    def sequence(self, first: int, T: int) -> Word:
        return (0,) * first + tuple(self.then[i % len(self.then)] for i in range(T - first))

    def kernel(self) -> Rows:
        """Its rows; a 0 follows the contexts that never occur."""
        n, x = self.n, self.sequence(self.n - 1, 3 * self.n + 2 * len(self.then))
        ones = {x[t - n + 1 : t] for t in range(n, len(x)) if x[t] == 1}
        rows = [_mostly(int(u in ones), 2, Fraction(0)) for u in product((0, 1), repeat=n - 1)]
        return [_mostly(0, 2, self.e), *rows[1:]]

    def next_token(self, x: Word) -> tuple[Fraction, Fraction]:
        """tau(. | the last n-1 tokens)."""
        if not any(x[len(x) - self.n + 1 :]):
            return 1 - self.e, self.e
        s = self.then[(len(x) - x.index(1)) % len(self.then)]
        return Fraction(s == 0), Fraction(s == 1)

    def conflicts(self, lags: Sequence[int]) -> int:
        """How many times per period a 1 follows zeros at all lags that are read: there the zeros say 0 comes next."""
        p, x = len(self.then), self.sequence(self.n - 1, self.n - 1 + 4 * self.n * len(self.then))
        period = range(len(x) - p, len(x))
        return sum(x[t] == 1 and not any(x[t - lag] for lag in lags) for t in period)

    @property
    def consistent(self) -> bool:
        """Whether the last n-1 tokens tell the next one, and are never all zeros again."""
        n, p = self.n, len(self.then)
        x, told = self.sequence(n - 1, n - 1 + n + 2 * p), dict[Word, int]()
        windows = [(x[t - n + 1 : t], x[t]) for t in range(n, len(x))]
        return all(any(u) and told.setdefault(u, s) == s for u, s in windows)

    def row(self, lags: Sequence[int], q: Fraction, T: int) -> tuple[Fraction, Fraction]:
        """M_{a,0}[0], a+1 the least lag: E 1{x_{T-a} = 0} (rho p(s) - P(s)) 1{s occurs}, for s = 0 and 1."""
        total, a = [Fraction(0), Fraction(0)], min(lags) - 1
        for x, probability in self.sequences(T):
            if x[T - 1 - a] == 0:
                P, held = self.next_token(x), token_weights(x, lags, q)
                rho = sum((P[s] for s in set(x)), Fraction(0))
                for s in set(x):
                    total[s] += probability * (rho * held[s] / sum(held) - P[s])
        return total[0], total[1]


def token_weights(x: Word, lags: Sequence[int], q: Fraction) -> list[Fraction]:
    """The weight q^matches of all positions that hold 0, and of those that hold 1."""
    numbers = [[0] * (len(lags) + 1) for _ in range(2)]
    T = len(x)
    for j, s in enumerate(x):
        numbers[s][sum(j >= lag and x[j - lag] == x[T - lag] for lag in lags)] += 1
    return [sum((number * q**m for m, number in enumerate(row)), Fraction(0)) for row in numbers]


LONGEST_PERIOD = 10


def conflicting_switch(n: int, lags: Sequence[int]) -> tuple[Switch, Fraction] | None:
    """The switch (with e = 0) that has the most conflicts per step, and how many; None if there is none, as where all
    lags are read.
    """
    found = None
    for p in range(1, min(2 * n, LONGEST_PERIOD) + 1):
        for rest in product((0, 1), repeat=p - 1):
            switch = Switch(n, (1, *rest), Fraction(0))
            share = Fraction(switch.conflicts(lags), p)
            if share > (found[1] if found else 0) and switch.consistent:
                found = switch, share
    return found
