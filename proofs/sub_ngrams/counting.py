"""Which positions of a sequence share in an average, and with what weight: the common ground of the transfer engines.

Given its final context, the gradient of a sequence is a sum of averages N/Z over positions (sub-n-grams/gradient):

    sum_j g_j phi_j = sum_s P(s) 1{s occurs} (average of phi over all positions - average over the holders of s)

Z is the total weight of the positions that share in the average, N the part of those with phi_j = 1. At q = inf an
average is over the best-matching positions only; it is the sum over levels M of the average over the positions with
m_j = M where no position exceeds M, and 0 otherwise. Likewise 1{s occurs} = 1 - 1{s is avoided}.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import Word

Matched = tuple[tuple[int, int], ...]  # ((lag, token), ...): the token that positions are compared with at each lag


@dataclass(frozen=True)
class Counting:
    """The weights of one average: 0 where a position does not share, inf where the sequence is to be left out.

    configuration  says how much a position matches, and is worth
    level    None: the weight of a position is q^m, m its number of matches. At q = inf one of the levels: the weight is
             1 at m = level, and sequences with m > level are left out
    holders  only positions that hold this token share; None: all positions
    avoided  sequences with this token are left out
    """

    matched: Matched
    configuration: Configuration
    level: int | None = None
    holders: int | None = None
    avoided: int | None = None

    def weight(self, window: Word) -> Fraction | float:
        """The weight of a position, given the last tokens up to and including it (n, or as many as there are)."""
        if window[-1] == self.avoided:
            return math.inf
        if self.holders is not None and window[-1] != self.holders:
            return 0
        m = self.configuration.compare(window, self.matched)
        if self.level is None:
            return self.configuration.weight(m)
        return math.inf if m > self.level else int(m == self.level)


@dataclass(frozen=True)
class Decomposition:
    """The averages that make up the gradient of the sequences with one matched context; each a sum over levels."""

    every: list[Counting]
    avoiding: list[list[Counting]]  # by token s
    holding: list[list[Counting]]  # by token s


def decomposition(configuration: Configuration, matched: Matched, S: int) -> Decomposition:
    choices = configuration.levels if configuration.at_limit else [None]
    levels = [Counting(matched, configuration, level) for level in choices]
    return Decomposition(
        every=levels,
        avoiding=[[replace(level, avoided=s) for level in levels] for s in range(S)],
        holding=[[replace(level, holders=s) for level in levels] for s in range(S)],
    )


def by_matched_context(configuration: Configuration, ends: list[Word]) -> Iterator[tuple[Matched, list[Word]]]:
    """The final n-grams, grouped by the tokens x_{T-l+1} that the lags l compare with."""
    groups: dict[Matched, list[Word]] = {}
    for end in ends:
        groups.setdefault(tuple((lag, end[-lag]) for lag in configuration.lags), []).append(end)
    yield from groups.items()
