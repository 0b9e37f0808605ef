"""Engine `type classes`: exact score blocks at a cost polynomial in T, where enumeration pays S^T.

All sequences of a type class have the same gradient, but for their token at query lag n-1: the oldest of the last
n-gram. Relabelling symmetry leaves a block of the gradient one value on its diagonal and one off it.

The arithmetic is a parameter: rationals (FLINT), a prime field, or truncated series in 1/q.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product

from flint import fmpq

from proofs.rationals import to_fraction
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw, Word
from proofs.sub_ngrams.markov_types import ClassProbability, Element, Field, TypeClass, classes, refuse
from proofs.sub_ngrams.score_blocks import ScoreBlocks

Kind = tuple[Word, int]  # of a position j: the tokens x_j, x_{j-1}, ..., x_{j-n+1} as far as they exist, and m_j
Entries = dict[tuple[int, int], tuple[Element, Element]]  # (a, b) -> M_ab on its diagonal, M_ab off it

MOST = 3_000_000  # classes that are taken on: about 1 GB and two minutes


def type_classes(law: NGramLaw, configuration: Configuration, T: int, most: int = MOST) -> ScoreBlocks:
    """The population gradient at length T >= n in exact fractions; q a Fraction or inf.

    Raises ValueError for a float q, and when more than `most` classes are to be expected.
    """
    refuse(law.S, law.n, T, most)
    entries = same_and_different(law, configuration.lags, T, match_weights(configuration))
    return blocks(law, {ab: (to_fraction(same), to_fraction(other)) for ab, (same, other) in entries.items()})


def match_weights(configuration: Configuration) -> list[int]:
    """Weights q^0, q^-1, q^-2, ... of positions with 0, 1, 2, ... matches fewer than the best, times one integer."""
    if not configuration.exact:
        raise ValueError(f"q={configuration.q!r}: type classes need a Fraction, or math.inf for the limit")
    most = len(configuration.lags)
    p, r = (1, 0) if configuration.at_limit else Fraction(configuration.q).as_integer_ratio()
    return [p ** (most - fewer) * r**fewer for fewer in range(most + 1)]


def same_and_different(
    law: NGramLaw, lags: tuple[int, ...], T: int, weights: Sequence[Element], field: Field = fmpq
) -> Entries:
    """The entries of all score blocks in the arithmetic of `field` and `weights`.

    weights  weights[i]: of a position with i matches fewer than the best, up to a common factor
    """
    S, n = law.S, law.n
    if any(lag >= n for lag in lags):
        raise ValueError(f"lags={lags}: type classes know the lags below n={n} only")
    pairs = list(product(range(n), repeat=2))
    kinds: dict[tuple[Word, Word], list[Kind]] = {}
    probability = ClassProbability(law, T, field)
    sums = PairwiseSum()
    for c in classes(S, n, T):
        if (c.start, c.end) not in kinds:
            kinds[c.start, c.end] = position_kinds(c, n, lags)
        K = key_sums(c, kinds[c.start, c.end], probability.predictive(c), weights, n)
        diagonal = [
            K[b][c.end[-1 - a]] * c.members if a < n - 1 else sum(K[b][v] * m for v, m in c.sequences.items())
            for a, b in pairs
        ]
        everything = [sum(K[b]) * c.members for b in range(n)]
        each = probability(c) * c.images
        sums.add([each * x for x in diagonal + everything])
    total = sums.total()
    return {
        (a, b): (same / S, (total[n * n + b] - same) / (S * (S - 1)))
        for (a, b), same in zip(pairs, total[: n * n], strict=True)
    }


def key_sums(
    c: TypeClass, kinds: Sequence[Kind], P: Sequence[Element], weights: Sequence[Element], n: int
) -> list[list[Element]]:
    """K_b[v'] = sum_j g_j 1{x_{j-b} = v'} of any sequence x of the class, as rows b = 0..n-1.

    kinds  of its positions, as from `position_kinds`
    P      predictive of the next token
    """
    numbers = c.counts + (1,) * (n - 1)  # how many positions are of each kind
    holders = [[0] * len(weights) for _ in range(c.S)]  # of each token, by number of matches
    for number, (tokens, m) in zip(numbers, kinds, strict=True):
        holders[tokens[0]][m] += number
    occurring = [s for s in range(c.S) if any(holders[s])]
    overall = shares(sum(P[s] for s in occurring), [sum(column) for column in zip(*holders, strict=True)], weights)
    within = {s: shares(P[s], holders[s], weights) for s in occurring}

    K: list[list[Element]] = [[0] * c.S for _ in range(n)]
    for number, (tokens, m) in zip(numbers, kinds, strict=True):
        if number:
            g = (overall[m] - within[tokens[0]][m]) * number
            for b, v in enumerate(tokens):
                K[b][v] += g
    return K


def shares(mass: Element, numbers: Sequence[int], weights: Sequence[Element]) -> list[Element]:
    """What one position with m = 0, 1, 2, ... matches gets when `mass` is divided over numbers[m] such positions."""
    best = max(m for m, number in enumerate(numbers) if number)
    unit = mass / sum(numbers[m] * weights[best - m] for m in range(best + 1))
    return [unit * weights[best - m] for m in range(best + 1)]


def position_kinds(c: TypeClass, n: int, lags: tuple[int, ...]) -> list[Kind]:
    """The kinds of position in a sequence of the class: one for every n-gram, then its first n-1 positions singly."""
    grams = [*product(range(c.S), repeat=n), *(c.start[: j + 1] for j in range(n - 1))]
    return [(gram[::-1], sum(lag < len(gram) and gram[-1 - lag] == c.end[-lag] for lag in lags)) for gram in grams]


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


def blocks(law: NGramLaw, entries: Entries) -> ScoreBlocks:
    """Score blocks with these entries on and off the diagonals."""
    tokens = range(law.S)
    return ScoreBlocks(
        {
            ab: tuple(tuple(same if v == w else different for w in tokens) for v in tokens)
            for ab, (same, different) in entries.items()
        }
    )
