"""Engine `type_classes` under laws that do not treat all tokens alike (sub-n-grams/laws).

Classes are counted up to relabelling of the tokens, as for `NGramLaw`; then each is taken with every relabelling, and
has a probability and a predictive of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import permutations, product
from math import factorial, prod

from flint import fmpq

from proofs.rationals import to_fraction
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw, Word
from proofs.sub_ngrams.laws import DirichletLaw, FixedKernel, Law, components
from proofs.sub_ngrams.markov_types import Element, TypeClass, classes, index, refuse, word
from proofs.sub_ngrams.score import row_slopes
from proofs.sub_ngrams.score_blocks import Blocks, ScoreBlocks
from proofs.sub_ngrams.type_classes import (
    MOST,
    PairwiseSum,
    key_sums,
    match_weights,
    position_kinds,
    scores,
    type_classes,
)

Counted = FixedKernel | DirichletLaw  # laws under which a sequence's start and n-gram counts tell its probability
COUNTED = (FixedKernel, DirichletLaw)


def type_classes_under(law: NGramLaw | Law, configuration: Configuration, T: int, most: int = MOST) -> ScoreBlocks:
    """The population gradient at length T >= n in exact fractions; q a Fraction, with literal heads as
    `configuration.exact` says, or inf.

    Raises ValueError for another q, for a law that n-gram counts do not tell, and when more than `most` classes, taken
    with all relabellings, are to be expected.
    """
    parts = list(components(law))
    for _, part in parts:
        if type(part) not in (NGramLaw, *COUNTED):
            known = "NGramLaw, FixedKernel, DirichletLaw and mixtures of these"
            raise ValueError(f"type_classes knows {known}, not {type(part).__name__}")
        if type(part) in COUNTED:
            refuse(law.S, law.n, T, most // factorial(law.S))
    found = [(weight, _of_part(part, configuration, T, most)) for weight, part in parts]
    return found[0][1] if len(found) == 1 else mean(found)


def _of_part(law: NGramLaw | Law, configuration: Configuration, T: int, most: int) -> ScoreBlocks:
    if isinstance(law, FixedKernel | DirichletLaw):
        return by_relabelling(law, configuration, T)
    assert isinstance(law, NGramLaw)
    return type_classes(law, configuration, T, most)


def mean(parts: Sequence[tuple[Fraction, ScoreBlocks]]) -> ScoreBlocks:
    """The mean of exact gradients with these weights: that under a mixture."""

    def combined(each: Sequence[Blocks]) -> Blocks:
        return {
            key: tuple(
                tuple(
                    sum((weight * Fraction(x) for (weight, _), x in zip(parts, entry, strict=True)), Fraction(0))
                    for entry in zip(*rows, strict=True)
                )
                for rows in zip(*(blocks[key] for blocks in each), strict=True)
            )
            for key in each[0]
        }

    return ScoreBlocks(combined([M.blocks for _, M in parts]), rows=combined([M.rows for _, M in parts]))


def by_relabelling(law: Counted, configuration: Configuration, T: int) -> ScoreBlocks:
    """Under a law that may treat every token otherwise."""
    S, n, lags, weights = law.S, law.n, configuration.lags, match_weights(configuration)
    if any(lag >= n for lag in lags):
        raise ValueError(f"lags={lags}: type classes know the lags below n={n} only")
    probability, sums, rows = _Probability(law), PairwiseSum(), configuration.averaging_rows
    for named in classes(S, n, T):
        for c in relabellings(named):
            each = probability(c)
            if each == 0:
                continue
            kinds = position_kinds(c, n, configuration)
            g = scores(c, kinds, probability.predictive(c), weights, configuration)
            K = key_sums(c, kinds, g, n)
            ends = [[c.members if v == token else 0 for v in range(S)] for token in reversed(c.end)]
            ends.append([c.sequences.get(v, 0) for v in range(S)])  # at query lag n-1
            entries = [ends[a][v] * K[b][w] for a, b, v, w in product(range(n), range(n), range(S), range(S))]
            slopes = row_slopes((*c.start, *c.end), g[S**n :], configuration)
            sums.add([each * x for x in [*entries, *(c.members * x for row in rows for x in slopes[row])]])
    total = map(to_fraction, sums.total())
    return ScoreBlocks.from_nested(
        [[[[next(total) for _ in range(S)] for _ in range(S)] for _ in range(n)] for _ in range(n)],
        rows={(h, t): [next(total) for _ in range(t)] for h, t in rows},
    )


def relabellings(c: TypeClass) -> Iterator[TypeClass]:
    """The classes that c becomes when its tokens 0..seen-1 get other names."""
    grams = [word(i, c.S, len(c.start) + 1) for i, count in enumerate(c.counts) if count]
    for names in permutations(range(c.S), c.seen):

        def named(w: Word, names: tuple[int, ...] = names) -> Word:
            return tuple(names[token] for token in w)

        counts = [0] * len(c.counts)
        for gram in grams:
            counts[index(named(gram), c.S)] = c.counts[index(gram, c.S)]
        sequences = {names[v]: number for v, number in c.sequences.items()}
        yield TypeClass(c.S, named(c.start), named(c.end), tuple(counts), sequences, c.seen)


class _Probability:
    """The probability of one sequence of a class, and its predictive."""

    def __init__(self, law: Counted) -> None:
        self.law = law
        rows = law.kernel if isinstance(law, FixedKernel) else law.alpha
        self.rows = [[_fmpq(x) for x in row] for row in rows]
        self.totals = [sum(row, fmpq(0)) for row in self.rows]
        self.start = [_fmpq(x) for x in law.start]
        self.drawn = not isinstance(law, FixedKernel)

    def __call__(self, c: TypeClass) -> Element:
        probability = self.start[index(c.start, c.S)]
        for u, row in enumerate(self.rows):
            counts = c.row(u)
            if not self.drawn:
                probability *= prod((x**count for x, count in zip(row, counts, strict=True)), start=fmpq(1))
            elif any(counts):
                urns = (_rising(x, count) for x, count in zip(row, counts, strict=True))
                probability *= prod(urns, start=fmpq(1)) / _rising(self.totals[u], sum(counts))
        return probability

    def predictive(self, c: TypeClass) -> list[Element]:
        u = index(c.end, c.S)
        if not self.drawn:
            return self.rows[u]
        total = self.totals[u] + sum(c.followers)
        return [(x + count) / total for x, count in zip(self.rows[u], c.followers, strict=True)]


def _rising(x: fmpq, count: int) -> fmpq:
    """x (x+1) ... (x+count-1)"""
    return prod((x + i for i in range(count)), start=fmpq(1))


def _fmpq(x: Fraction) -> fmpq:
    return fmpq(x.numerator, x.denominator)
