"""Markov type classes: how many sequences have given n-gram counts (Whittle 1955), and how probable each of them is.

Sequences with the same first n-1 tokens and the same n-gram counts are equally probable, and there are polynomially
many such classes in T. The law treats all tokens alike, so only sequences whose tokens first occur in the order
0, 1, 2, ... are counted; the others are their relabellings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, product
from struct import Struct
from typing import Any

from proofs.sub_ngrams.law import NGramLaw, Word, require_ngram_law

Element = Any  # of the field in use; calculates with its like and with int
Field = Callable[[int, int], Element]  # (numerator, denominator) -> element

# {(number of a context or n-gram, number of different tokens): {packed counts: number of sequences}}
States = dict[tuple[int, int], dict[int, int]]
BITS = 16  # of a packed count

BYTES_PER_CLASS = 350  # peak memory of the count, measured: 60 to 340 with CPython 3.11
COUNTED = 2000  # classes that are counted before the rest is estimated


@dataclass(frozen=True, slots=True)
class TypeClass:
    """All sequences with these first n-1 tokens, last n-1 tokens and n-gram counts.

    S           size of the vocabulary
    start, end  the first and the last n-1 tokens, oldest token first
    counts      how often each n-gram occurs, n-grams in lexicographic order, oldest token first
    sequences   oldest token of the last n-gram -> number of sequences
    seen        number of different tokens that occur
    """

    S: int
    start: Word
    end: Word
    counts: tuple[int, ...]
    sequences: dict[int, int]
    seen: int

    @property
    def members(self) -> int:
        """Number of sequences, relabellings not counted."""
        return sum(self.sequences.values())

    @property
    def images(self) -> int:
        """Number of different sequences that relabelling the tokens makes of one."""
        return math.perm(self.S, self.seen)

    @property
    def followers(self) -> tuple[int, ...]:
        """How often each token has followed the final context."""
        return self.row(index(self.end, self.S))

    def row(self, u: int) -> tuple[int, ...]:
        """How often each token follows the context number u."""
        return self.counts[u * self.S : (u + 1) * self.S]


def classes(S: int, n: int, T: int, tokens: int | None = None) -> Iterator[TypeClass]:
    """The type classes of sequences of length T >= n whose tokens first occur in the order 0, 1, 2, ...

    tokens  only sequences with at most so many different tokens; default: all S
    """
    if not n <= T < 1 << BITS:
        raise ValueError(f"T={T}: type classes need n <= T < {1 << BITS}, and n={n}")
    tokens, contexts = tokens or S, S ** (n - 1)
    unpack, size = Struct(f"<{S**n}H").unpack, S**n * BITS // 8
    for start in starts(n, tokens):
        states: States = {(index(start, S), len(set(start))): {0: 1}}
        for t in range(n - 1, T):
            states = step(states, S, tokens, contexts if t < T - 1 else S**n)
        for end, seen in sorted({(gram % contexts, seen) for gram, seen in states}):
            last = {v: states.get((v * contexts + end, seen), {}) for v in range(S)}
            for key in dict.fromkeys(chain.from_iterable(last.values())):
                counts = unpack(key.to_bytes(size, "little"))
                sequences = {v: numbers[key] for v, numbers in last.items() if key in numbers}
                yield TypeClass(S, start, word(end, S, n - 1), counts, sequences, seen)


def step(states: States, S: int, tokens: int, labels: int) -> States:
    """Appends a token in every possible way; the new label is the number of the last n-gram modulo `labels`."""
    longer: States = {}
    for (context, seen), numbers in states.items():
        for s in range(min(seen + 1, tokens)):
            gram = context * S + s
            target = longer.setdefault((gram % labels, max(seen, s + 1)), {})
            one_more = 1 << BITS * gram
            for key, number in numbers.items():
                target[key + one_more] = target.get(key + one_more, 0) + number
    return longer


@lru_cache(maxsize=256)
def estimated_classes(S: int, n: int, T: int, tokens: int | None = None) -> int:
    """About how many classes there are: exact up to COUNTED of them, beyond that within a factor of 3 where compared.

    Counts at short lengths first. The counts obey S^(n-1) - 1 balance equations and one for their sum, which leaves
    f = S^n - S^(n-1) free, so that the number of classes grows like C(T-n+1+f, f).
    """
    tokens = tokens or S
    free = tokens**n - tokens ** (n - 1)
    walks: list[States] = [{(index(start, S), len(set(start))): {0: 1}} for start in starts(n, tokens)]
    found = 0
    for t in range(n, T + 1):
        walks = [step(states, S, tokens, S ** (n - 1)) for states in walks]
        found = sum(len(numbers) for states in walks for numbers in states.values())
        if found > COUNTED:
            return found * math.comb(T - n + 1 + free, free) // math.comb(t - n + 1 + free, free)
    return found


def refuse(S: int, n: int, T: int, most: int, tokens: int | None = None) -> None:
    """Raises ValueError when more than `most` classes are to be expected."""
    expected = estimated_classes(S, n, T, tokens)
    if expected > most:
        raise ValueError(
            f"S={S} n={n} T={T}: about {expected} type classes ({expected * BYTES_PER_CLASS / 1e9:.1f} GB), "
            f"more than {most}; take a smaller T, or an engine that does not count (transfer, Monte Carlo)"
        )


class ClassProbability:
    """The probability of one sequence of a class: Pólya urns, from tables of their rising factorials."""

    def __init__(self, law: NGramLaw, T: int, field: Field) -> None:
        require_ngram_law(law)
        self.law, self.field = law, field
        self.start = {start: law.probability(start).as_integer_ratio() for start in starts(law.n, law.S)}
        p, r = law.alpha.as_integer_ratio()
        self.up, self.down = [1], [1]  # r^N alpha (alpha + 1) ... (alpha + N - 1), and the same with S alpha
        for N in range(T):
            self.up.append(self.up[-1] * (p + r * N))
            self.down.append(self.down[-1] * (law.S * p + r * N))

    def __call__(self, c: TypeClass) -> Element:
        numerator, denominator = self.start[c.start]
        for u in range(len(c.counts) // c.S):
            row = c.row(u)
            numerator *= math.prod(self.up[N] for N in row)
            denominator *= self.down[sum(row)]
        return self.field(numerator, denominator)

    def predictive(self, c: TypeClass) -> list[Element]:
        """P(s) for every token s, the posterior predictive of the next token."""
        p, r = self.law.alpha.as_integer_ratio()
        visits = sum(c.followers)
        return [self.field(p + r * count, c.S * p + r * visits) for count in c.followers]


def starts(n: int, tokens: int) -> list[Word]:
    """All words of n-1 tokens in which the tokens first occur in the order 0, 1, 2, ..."""
    return [w for w in product(range(tokens), repeat=n - 1) if in_order(w)]


def in_order(x: Word) -> bool:
    """Whether the tokens of x first occur in the order 0, 1, 2, ..."""
    return list(dict.fromkeys(x)) == list(range(len(set(x))))


def index(w: Word, S: int) -> int:
    """The number of a word in the lexicographic order of the words of its length."""
    return sum(v * S**i for i, v in enumerate(reversed(w)))


def word(number: int, S: int, length: int) -> Word:
    """The word of this number: the inverse of `index`."""
    return tuple(number // S**i % S for i in range(length - 1, -1, -1))
