"""The classes against grouping all sequences, against Whittle's formula, and against the law."""

from collections import Counter
from fractions import Fraction
from itertools import permutations, product
from math import factorial, prod

import pytest
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st

from proofs.rationals import to_fraction
from proofs.sub_ngrams.law import NGramLaw, Word
from proofs.sub_ngrams.markov_types import (
    ClassProbability,
    TypeClass,
    classes,
    estimated_classes,
    in_order,
    index,
    refuse,
    word,
)
from tests.strategies import laws

sizes = st.sampled_from(
    [(2, 1, 6), (2, 2, 2), (2, 2, 7), (2, 3, 8), (2, 4, 8), (3, 1, 5), (3, 2, 6), (3, 3, 6), (4, 2, 5)]
)


def grams(x: Word, n: int) -> list[Word]:
    return [x[t - n + 1 : t + 1] for t in range(n - 1, len(x))]


def class_of(x: Word, S: int, n: int) -> tuple[Word, Word, tuple[int, ...], int]:
    """Start, end, counts and number of different tokens."""
    counts = Counter(grams(x, n))
    return x[: n - 1], x[len(x) - n + 1 :], tuple(counts[w] for w in product(range(S), repeat=n)), len(set(x))


def key(c: TypeClass) -> tuple[Word, Word, tuple[int, ...], int]:
    return c.start, c.end, c.counts, c.seen


@given(sizes, st.none() | st.just(2))
def test_the_classes_are_those_of_all_sequences_in_order(size, tokens) -> None:
    S, n, T = size
    grouped: dict[tuple, Counter] = {}
    for x in product(range(tokens or S), repeat=T):
        if in_order(x):
            grouped.setdefault(class_of(x, S, n), Counter())[x[T - n]] += 1
    found = list(classes(S, n, T, tokens))
    assert len(found) == len(grouped)
    assert {key(c): c.sequences for c in found} == grouped


@given(sizes)
def test_members_and_their_relabellings_are_all_sequences(size) -> None:
    S, n, T = size
    assert sum(c.members * c.images for c in classes(S, n, T)) == S**T


def whittle(c: TypeClass, n: int) -> Fraction:
    """Number of sequences of a class: prod N(u)! / prod N(u,s)! times a cofactor of 1 - N(u,s)/N(u) (Whittle 1955)."""
    S, size = c.S, c.S ** (n - 1)
    walk = [[Fraction(int(u == v)) for v in range(size)] for u in range(size)]
    for u in range(size):
        for s, N in enumerate(c.row(u)):
            if N:
                walk[u][(u * S + s) % size] -= Fraction(N, sum(c.row(u)))
    start, end = index(c.start, S), index(c.end, S)
    minor = [[x for v, x in enumerate(row) if v != start] for u, row in enumerate(walk) if u != end]
    rows = [c.row(u) for u in range(size)]
    ways = prod(factorial(sum(row)) // prod(map(factorial, row)) for row in rows)
    return ways * determinant(minor) * (-1) ** (start + end)


def relabelled(c: TypeClass, n: int, names: Word) -> tuple[Word, Word, tuple[int, ...], int]:
    """The class with token v called names[v]; tokens that do not occur keep their names."""
    names = (*names, *range(c.seen, c.S))

    def rename(w: Word) -> Word:
        return tuple(names[v] for v in w)

    counts = {rename(w): count for w, count in zip(product(range(c.S), repeat=n), c.counts, strict=True)}
    return rename(c.start), rename(c.end), tuple(counts[w] for w in product(range(c.S), repeat=n)), c.seen


def determinant(matrix: list[list[Fraction]]) -> Fraction:
    if not matrix:
        return Fraction(1)
    first, *rest = matrix
    return sum(
        ((-1) ** i * x * determinant([row[:i] + row[i + 1 :] for row in rest]) for i, x in enumerate(first) if x),
        Fraction(0),
    )


@pytest.mark.parametrize(("S", "n", "T"), [(2, 2, 40), (2, 3, 14), (3, 2, 11), (4, 2, 7), (2, 4, 9)])
def test_members_as_whittle_counts_them(S: int, n: int, T: int) -> None:
    # Whittle does not ask in which order the tokens first occur: he counts the members of all relabelled classes.
    members = {key(c): c.members for c in classes(S, n, T)}
    for c in classes(S, n, T):
        images = (relabelled(c, n, names) for names in permutations(range(c.seen)))
        assert sum(members.get(image, 0) for image in images) == whittle(c, n)


@given(laws())
def test_the_probabilities_of_all_classes_add_up_to_one(law: NGramLaw) -> None:
    T = {1: 40, 2: 14, 3: 9}[law.n]
    probability = ClassProbability(law, T, fmpq)
    assert sum(probability(c) * c.members * c.images for c in classes(law.S, law.n, T)) == 1


@given(laws(), st.integers(0, 5))
def test_a_class_has_the_probability_and_predictive_of_its_members(law: NGramLaw, extra: int) -> None:
    T = law.n + min(extra, 3 if law.S == 3 else 5)
    probability = ClassProbability(law, T, fmpq)
    known = {
        key(c): (to_fraction(probability(c)), *map(to_fraction, probability.predictive(c)))
        for c in classes(law.S, law.n, T)
    }
    for x in product(range(law.S), repeat=T):
        if in_order(x):
            assert known[class_of(x, law.S, law.n)] == (law.probability(x), *law.predictive(x))


@pytest.mark.parametrize(
    ("S", "n", "T"),
    [(2, 1, 50), (2, 2, 10), (2, 2, 100), (2, 3, 12), (2, 3, 30), (2, 4, 16), (3, 2, 18), (3, 3, 11), (4, 2, 12)],
)
def test_the_estimate_is_exact_while_it_counts_and_within_a_factor_of_three_beyond(S: int, n: int, T: int) -> None:
    keys = {key(c)[:3] for c in classes(S, n, T)}
    estimate = estimated_classes(S, n, T)
    assert len(keys) / 3 <= estimate <= 3 * len(keys)
    assert estimate == len(keys) or len(keys) > 2000


def test_too_many_classes_are_refused_with_the_number() -> None:
    refuse(2, 2, 10, most=estimated_classes(2, 2, 10))
    with pytest.raises(ValueError, match=r"S=2 n=2 T=10: about \d+ type classes .* more than 20"):
        refuse(2, 2, 10, most=20)
    with pytest.raises(ValueError, match="T=200"):
        refuse(3, 3, 200, most=10**7)  # answers at once


@pytest.mark.parametrize("T", [1, 1 << 16])
def test_lengths_that_cannot_be_counted_are_refused(T: int) -> None:
    with pytest.raises(ValueError, match=f"T={T}"):
        next(classes(2, 2, T))


@given(st.integers(2, 4), st.integers(0, 4), st.randoms(use_true_random=False))
def test_words_have_numbers(S: int, length: int, random) -> None:
    words = list(product(range(S), repeat=length))
    number = random.randrange(len(words))
    assert index(words[number], S) == number
    assert word(number, S, length) == words[number]
