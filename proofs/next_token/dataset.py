"""Realizable datasets: a collocation map and query-dependent orders (mathematics/next-token).

A sentence is a tuple of tokens with the token that follows it. Its last token is the *query*. A sentence of one token
says what follows that token: the collocation x -> n(x). In a longer sentence the token x with n(x) = next is *optimal*
and the others are *non-optimal*: x >_q x'. A dataset is realizable if n is a function and injective, every sentence
holds its optimal token, and for every query the order has no cycle.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

MAX_VOCABULARY = 1000  # weights and their snapshots have V^2 entries
MAX_SENTENCES = 10_000
MAX_LENGTH = 100


class DatasetError(ValueError):
    """Why a dataset is not realizable, or a file not a dataset; one line that names the offending sentence."""


@dataclass(frozen=True)
class Sentence:
    """Tokens (indices into the vocabulary), the token that follows, the weight pi > 0, and where it was read."""

    tokens: tuple[int, ...]
    next: int
    weight: Fraction = Fraction(1)
    source: str = ""

    @property
    def query(self) -> int:
        return self.tokens[-1]

    @property
    def counts(self) -> Counter[int]:
        """How often each token occurs, in the order of first occurrence."""
        return Counter(self.tokens)


@dataclass(frozen=True)
class Dataset:
    """A realizable dataset; DatasetError on construction if it is not.

    name        what reports call it
    vocabulary  the names of the tokens 0..V-1
    sentences   collocations (one token) and longer sentences, in any order
    cycles      whether orders may have cycles all the same, as for NT16: there is no max-margin solution then
    """

    name: str
    vocabulary: tuple[str, ...]
    sentences: tuple[Sentence, ...]
    cycles: bool = False

    def __post_init__(self) -> None:
        if not 2 <= self.V <= MAX_VOCABULARY or len(set(self.vocabulary)) < self.V:
            raise DatasetError(f"{self.name}: a vocabulary has 2 to {MAX_VOCABULARY} different tokens, not {self.V}")
        if len(self.sentences) > MAX_SENTENCES:
            raise DatasetError(f"{self.name}: {len(self.sentences)} sentences; at most {MAX_SENTENCES}")
        for sentence in self.sentences:
            self._check_shape(sentence)
        self._check_collocations()
        for sentence in self.longer:
            self._check_optimal(sentence)
        for query in () if self.cycles else self.queries:
            self._check_order(query)
        if not any(self.order(query) for query in self.queries):
            raise DatasetError(f"{self.name}: no sentence holds two different tokens; attention has nothing to learn")

    @property
    def V(self) -> int:
        """Size of the vocabulary."""
        return len(self.vocabulary)

    @cached_property
    def n(self) -> dict[int, int]:
        """The collocation map, token -> next token; it may leave tokens out that no sentence holds."""
        return {sentence.query: sentence.next for sentence in self.collocations}

    @cached_property
    def collocations(self) -> tuple[Sentence, ...]:
        return tuple(sentence for sentence in self.sentences if len(sentence.tokens) == 1)

    @cached_property
    def longer(self) -> tuple[Sentence, ...]:
        """The sentences that attention is trained on."""
        return tuple(sentence for sentence in self.sentences if len(sentence.tokens) > 1)

    @cached_property
    def by_query(self) -> dict[int, tuple[Sentence, ...]]:
        """The longer sentences of each query, in order."""
        found: dict[int, list[Sentence]] = {}
        for sentence in self.longer:
            found.setdefault(sentence.query, []).append(sentence)
        return {query: tuple(found[query]) for query in sorted(found)}

    @property
    def queries(self) -> tuple[int, ...]:
        return tuple(self.by_query)

    @cached_property
    def before(self) -> dict[int, int]:
        """The inverse of n: the token that each next token follows."""
        return {following: x for x, following in self.n.items()}

    @property
    def collocation_weights(self) -> dict[int, Fraction]:
        """pi of every collocation; a collocation that is listed twice has both weights."""
        weights = dict.fromkeys(self.n, Fraction(0))
        for sentence in self.collocations:
            weights[sentence.query] += sentence.weight
        return weights

    def optimal(self, sentence: Sentence) -> int:
        """The token x of the sentence with n(x) = next."""
        return self.before[sentence.next]

    def order(self, query: int) -> dict[tuple[int, int], Sentence]:
        """All pairs x >_q x', sorted, each with a sentence that says so. Not closed under transitivity."""
        pairs = {
            (self.optimal(sentence), x): sentence
            for sentence in reversed(self.by_query.get(query, ()))
            for x in sentence.counts
            if x != self.optimal(sentence)
        }
        return dict(sorted(pairs.items()))

    def seen(self, query: int) -> frozenset[int]:
        """Tokens that occur in a sentence with this query."""
        return frozenset(x for sentence in self.by_query.get(query, ()) for x in sentence.tokens)

    def show(self, sentence: Sentence) -> str:
        """The sentence as a person writes it, with its place if it was read from a file."""
        words = " ".join(self._name(x) for x in sentence.tokens)
        place = f" ({sentence.source})" if sentence.source else ""
        return f"{words} -> {self._name(sentence.next)}{place}"

    def _name(self, token: int) -> str:
        return self.vocabulary[token] if 0 <= token < self.V else str(token)

    def _check_shape(self, sentence: Sentence) -> None:
        where, length = f"{self.name}: {self.show(sentence)}", len(sentence.tokens)
        if not 1 <= length <= MAX_LENGTH:
            raise DatasetError(f"{where}: a sentence has 1 to {MAX_LENGTH} tokens, not {length}")
        for token in (*sentence.tokens, sentence.next):
            if not 0 <= token < self.V:
                raise DatasetError(f"{where}: token {token} is not in the vocabulary")
        if not sentence.weight > 0:
            raise DatasetError(f"{where}: a weight is above 0, not {sentence.weight}")

    def _check_collocations(self) -> None:
        by_token: dict[int, Sentence] = {}
        by_next: dict[int, Sentence] = {}
        for sentence in self.collocations:
            first = by_token.setdefault(sentence.query, sentence)
            if first.next != sentence.next:
                raise DatasetError(
                    f"{self.name}: {self.show(first)} and {self.show(sentence)}: a token has one next token"
                )
            first = by_next.setdefault(sentence.next, sentence)
            if first.query != sentence.query:
                raise DatasetError(
                    f"{self.name}: {self.show(first)} and {self.show(sentence)}: the collocation map is not injective"
                )

    def _check_optimal(self, sentence: Sentence) -> None:
        where = f"{self.name}: {self.show(sentence)}"
        for token in sentence.tokens:
            if token not in self.n:
                raise DatasetError(f"{where}: no sentence of one token says what follows {self._name(token)}")
        if all(self.n[x] != sentence.next for x in sentence.tokens):
            following = self._name(sentence.next)
            raise DatasetError(f"{where}: no token of the sentence is followed by {following}")

    def _check_order(self, query: int) -> None:
        order = self.order(query)
        graph: dict[int, set[int]] = {}
        for better, worse in order:
            graph.setdefault(better, set()).add(worse)
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            cycle = error.args[1][::-1]  # each token before those that it is better than
            steps = list(pairwise(cycle))
            chain = " > ".join(self._name(token) for token in cycle)
            reasons = "; ".join(self.show(order[step]) for step in steps)
            raise DatasetError(
                f"{self.name}: the order of query {self._name(query)} has the cycle {chain}: {reasons}"
            ) from None
