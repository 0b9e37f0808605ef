"""Engine `type classes`: exact score blocks at a cost polynomial in T, where enumeration pays S^T.

All sequences of a type class have the same gradient, but for their token at query lag n-1: the oldest of the last
n-gram. Relabelling symmetry leaves a block of the gradient one value on its diagonal and one off it.

The arithmetic is a parameter: rationals (FLINT), a prime field, or truncated series in 1/q.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import NamedTuple

from flint import fmpq

from proofs.rationals import to_fraction
from proofs.sub_ngrams.configuration import Configuration, Row
from proofs.sub_ngrams.law import NGramLaw, Word
from proofs.sub_ngrams.markov_types import ClassProbability, Element, Field, TypeClass, classes, refuse
from proofs.sub_ngrams.score import row_slopes
from proofs.sub_ngrams.score_blocks import ScoreBlocks

Rows = dict[Row, list[Element]]
Entries = dict[tuple[int, int], tuple[Element, Element]]  # (a, b) -> M_ab on its diagonal, M_ab off it

MOST = 3_000_000  # classes that are taken on: about 1 GB and two minutes


class Kind(NamedTuple):
    """Of a position j: the tokens x_j, x_{j-1}, ..., x_{j-n+1} as far as they exist; the place of its number of matches
    among the levels; and the means that heads read there, as (b, v, number of tokens v, number of all tokens)."""

    tokens: Word
    level: int
    means: tuple[tuple[int, int, int, int], ...] = ()


def type_classes(law: NGramLaw, configuration: Configuration, T: int, most: int = MOST) -> ScoreBlocks:
    """The population gradient at length T >= n in exact fractions; q a Fraction, with literal heads as
    `configuration.exact` says, or inf.

    Raises ValueError for another q, and when more than `most` classes are to be expected.
    """
    refuse(law.S, law.n, T, most)
    entries, rows = same_and_different(law, configuration, T, match_weights(configuration))
    return blocks(
        law,
        {ab: (to_fraction(same), to_fraction(other)) for ab, (same, other) in entries.items()},
        {key: [to_fraction(x) for x in row] for key, row in rows.items()},
    )


def match_weights(configuration: Configuration) -> list[int]:
    """Weights of positions with 0, 1, 2, ... fewer matches than the best, in units of `Configuration.matches`: powers
    of 1/root, times one integer."""
    if not configuration.exact:
        raise ValueError(f"q={configuration.q!r}: type classes need a Fraction with rational weights, or math.inf")
    most = len(configuration.lags) * configuration.unit
    p, r = (1, 0) if configuration.root is None else configuration.root.as_integer_ratio()
    return [p ** (most - fewer) * r**fewer for fewer in range(most + 1)]


def same_and_different(
    law: NGramLaw, configuration: Configuration, T: int, weights: Sequence[Element], field: Field = fmpq
) -> tuple[Entries, Rows]:
    """The entries of all score blocks, and the rows of A, in the arithmetic of `field` and `weights`.

    configuration  its lags and heads; q plays no part
    weights  weights[i]: of a position with i matches fewer than the best, up to a common factor
    """
    S, n = law.S, law.n
    if any(lag >= n for lag in configuration.lags):
        raise ValueError(f"lags={configuration.lags}: type classes know the lags below n={n} only")
    pairs, rows = list(product(range(n), repeat=2)), configuration.averaging_rows
    kinds: dict[tuple[Word, Word], list[Kind]] = {}
    probability = ClassProbability(law, T, field)
    sums = PairwiseSum()
    for c in classes(S, n, T):
        if (c.start, c.end) not in kinds:
            kinds[c.start, c.end] = position_kinds(c, n, configuration)
        kind = kinds[c.start, c.end]
        g = scores(c, kind, probability.predictive(c), weights, configuration)
        K = key_sums(c, kind, g, n)
        diagonal = [
            K[b][c.end[-1 - a]] * c.members if a < n - 1 else sum(K[b][v] * m for v, m in c.sequences.items())
            for a, b in pairs
        ]
        everything = [sum(K[b]) * c.members for b in range(n)]
        # what rows need of a sequence are its first and last n-1 tokens
        slopes = row_slopes((*c.start, *c.end), g[S**n :], configuration)
        in_rows = [x * c.members for row in rows for x in slopes[row]]
        each = probability(c) * c.images
        sums.add([each * x for x in diagonal + everything + in_rows])
    total = iter(sums.total())
    same = {ab: next(total) for ab in pairs}
    of_lag = [next(total) for _ in range(n)]
    entries = {(a, b): (same[a, b] / S, (of_lag[b] - same[a, b]) / (S * (S - 1))) for a, b in pairs}
    return entries, {(h, t): [next(total) for _ in range(t)] for h, t in rows}


def scores(
    c: TypeClass,
    kinds: Sequence[Kind],
    P: Sequence[Element],
    weights: Sequence[Element],
    configuration: Configuration,
) -> list[Element]:
    """g_j of a position of every kind, 0 where there is none, in any sequence x of the class.

    kinds  of its positions, as from `position_kinds`
    P      predictive of the next token
    """
    levels = configuration.levels
    holders = [[0] * len(levels) for _ in range(c.S)]  # of each token, by level
    numbers = numbers_of_kinds(c)
    for number, (tokens, m, _) in zip(numbers, kinds, strict=True):
        holders[tokens[0]][m] += number
    occurring = [s for s in range(c.S) if any(holders[s])]
    every = [sum(column) for column in zip(*holders, strict=True)]
    overall = shares(sum(P[s] for s in occurring), every, weights, levels)
    within = {s: shares(P[s], holders[s], weights, levels) for s in occurring}
    return [
        overall[m] - within[tokens[0]][m] if number else 0
        for number, (tokens, m, _) in zip(numbers, kinds, strict=True)
    ]


def key_sums(c: TypeClass, kinds: Sequence[Kind], g: Sequence[Element], n: int) -> list[list[Element]]:
    """K_b[v'] = sum_j g_j (weight of v' in what head b reads at j), as rows b = 0..n-1, from the scores g by kind."""
    K: list[list[Element]] = [[0] * c.S for _ in range(n)]
    for number, g_j, (tokens, _, means) in zip(numbers_of_kinds(c), g, kinds, strict=True):
        if number:
            all_g = g_j * number
            for b, v in enumerate(tokens):
                K[b][v] += all_g
            for b, v, count, length in means:
                K[b][v] += all_g * count / length
    return K


def numbers_of_kinds(c: TypeClass) -> tuple[int, ...]:
    """How many positions are of each kind."""
    return c.counts + (1,) * len(c.start)


def shares(mass: Element, numbers: Sequence[int], weights: Sequence[Element], levels: Sequence[int]) -> list[Element]:
    """What one position gets, by level, when `mass` is divided over numbers[m] positions of each level m."""
    best = max(m for m, number in enumerate(numbers) if number)
    relative = [weights[levels[best] - levels[m]] for m in range(best + 1)]
    unit = mass / sum(number * weight for number, weight in zip(numbers, relative, strict=False))
    return [unit * weight for weight in relative]


def position_kinds(c: TypeClass, n: int, configuration: Configuration) -> list[Kind]:
    """The kinds of position in a sequence of the class: one for every n-gram, then its first n-1 positions singly."""
    matched = [(lag, c.end[-lag]) for lag in configuration.lags]
    level = {m: place for place, m in enumerate(configuration.levels)}
    grams = [*product(range(c.S), repeat=n), *(c.start[: j + 1] for j in range(n - 1))]
    return [
        Kind(gram[::-1], level[configuration.compare(gram, matched)], means(gram, n, configuration)) for gram in grams
    ]


def means(window: Word, n: int, configuration: Configuration) -> tuple[tuple[int, int, int, int], ...]:
    """What heads read that see no single token; see `Kind`."""
    return tuple(
        (b, v, window.count(v), len(window)) for b in range(len(window), n) for v in configuration.reads(window, b)
    )


class PairwiseSum:
    """A running sum of vectors that adds only sums of equally many terms, but for a few at the end.

    The denominator of a sum of fractions grows with the number of terms; so most additions are of small numbers.
    """

    def __init__(self) -> None:
        self.count = 0
        self.partial: list[list[Element]] = []  # sums of 2^i terms, for every binary digit 1 of the count

    def add(self, vector: list[Element]) -> None:
        self.count += 1
        carries = (self.count & -self.count).bit_length() - 1
        for _ in range(carries):
            vector = plus(self.partial.pop(), vector)
        self.partial.append(vector)

    def total(self) -> list[Element]:
        total = self.partial[-1]
        for vector in self.partial[-2::-1]:
            total = plus(vector, total)
        return total


def plus(x: list[Element], y: list[Element]) -> list[Element]:
    return [x_i + y_i for x_i, y_i in zip(x, y, strict=True)]


def blocks(law: NGramLaw, entries: Entries, rows: Mapping[Row, Sequence[Element]] | None = None) -> ScoreBlocks:
    """Score blocks with these entries on and off the diagonals, and these rows."""
    tokens = range(law.S)
    return ScoreBlocks(
        {
            ab: tuple(tuple(same if v == w else different for w in tokens) for v in tokens)
            for ab, (same, different) in entries.items()
        },
        rows={key: (tuple(row),) for key, row in (rows or {}).items()},
    )
