"""Other laws of the data than the symmetric Dirichlet one, in exact rationals (sub-n-grams/laws).

    FixedKernel   one kernel for all sequences (the quenched case)
    DirichletLaw  a kernel for every sequence, from an asymmetric Dirichlet prior
    Mixture       of laws: every sequence comes from one of them

and a protocol for laws of one's own. A score block is linear in the joint law of a sequence and its next token, so that
its value under a mixture is the mean of those under the parts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import product
from math import prod
from typing import Literal, Protocol

from proofs.sub_ngrams.infinite_length import shape
from proofs.sub_ngrams.law import NGramLaw, Word, require_integer

Row = tuple[Fraction, ...]
Start = Literal["uniform", "stationary"] | Row


class Law(Protocol):
    """What every law is: exact probabilities of sequences over the vocabulary {0..S-1}.

    S  size of the vocabulary
    n  score blocks are computed at lags 0..n-1; the law itself may look further back

    For `monte_carlo` also sample(count, T, generator) -> (x, P): int64 sequences [count, T] drawn from the law, and
    the float64 predictive [count, S] of the next token of each.
    """

    @property
    def S(self) -> int: ...
    @property
    def n(self) -> int: ...

    def probability(self, x: Sequence[int], /) -> Fraction:
        """Of the sequence x, of any length from n-1 up."""

    def predictive(self, x: Sequence[int], /) -> Row:
        """P(s) of every next token s given x (len(x) >= n-1, of positive probability)."""


@dataclass(frozen=True)
class FixedKernel:
    """Sequences from one kernel: the next token is s with probability kernel[u][s], u the last n-1 tokens.

    kernel   one row per context, contexts in lexicographic order, oldest token first; n and S are told by its shape
    initial  law of the first n-1 tokens: "uniform"; "stationary" (that of the chain of contexts, which must be unique);
             or the probability of every context

    Raises ValueError for rows that are no probability vectors of Fractions, another shape, and a chain with several
    stationary laws.
    """

    kernel: tuple[Row, ...]
    initial: Start = "uniform"

    def __post_init__(self) -> None:
        object.__setattr__(self, "kernel", tuple(map(tuple, self.kernel)))
        shape(self.kernel)
        for u, row in zip(self.contexts, self.kernel, strict=True):
            _require_probabilities(f"row {list(u)} of the kernel", row, self.S)
        _ = self.start  # refuses what is no law

    @property
    def S(self) -> int:
        return shape(self.kernel)[0]

    @property
    def n(self) -> int:
        return shape(self.kernel)[1]

    @property
    def contexts(self) -> list[Word]:
        return contexts(self.S, self.n)

    @cached_property
    def start(self) -> Row:
        """The probability of every context to be the first."""
        return _start(self.initial, self.contexts, self.kernel)

    def probability(self, x: Sequence[int]) -> Fraction:
        return _started(self.start, x, self.S, self.n) * prod(
            (self.kernel[_number(u, self.S)][s] for u, s in transitions(x, self.n)), start=Fraction(1)
        )

    def predictive(self, x: Sequence[int]) -> Row:
        return self.kernel[_number(x[len(x) - self.n + 1 :], self.S)]


@dataclass(frozen=True)
class DirichletLaw:
    """Every sequence has its own kernel, with independent rows, that of the context u from Dirichlet(alpha[u]).

    alpha    parameters, positive Fractions: one row per context, or a single one that holds for all (then `n` is due)
    n        order of the chain plus one
    initial  law of the first n-1 tokens: "uniform", or the probability of every context. (Starts that are stationary
             for the sequence's own kernel have no rational probabilities: `StationaryStarts`.)

    Raises ValueError for values outside these ranges.
    """

    alpha: tuple[Row, ...]
    n: int
    initial: Literal["uniform"] | Row = "uniform"

    def __post_init__(self) -> None:
        require_integer("n", self.n, at_least=1)
        rows = tuple(map(tuple, self.alpha))
        require_integer("S", len(rows[0]) if rows else 0, at_least=2)
        S, contexts = len(rows[0]), len(rows[0]) ** (self.n - 1)
        rows = rows * contexts if len(rows) == 1 else rows
        object.__setattr__(self, "alpha", rows)
        if len(rows) != contexts or any(len(row) != S for row in rows):
            raise ValueError(f"alpha: one row of S={S} parameters, or S^(n-1)={contexts} of them, are due")
        if any(not isinstance(x, Fraction) or x <= 0 for row in rows for x in row):
            raise ValueError("alpha: parameters must be positive Fractions")
        _ = self.start  # refuses what is no law

    @property
    def S(self) -> int:
        return len(self.alpha[0])

    @property
    def contexts(self) -> list[Word]:
        return contexts(self.S, self.n)

    @cached_property
    def start(self) -> Row:
        """The probability of every context to be the first."""
        return _start(self.initial, self.contexts, None)

    def probability(self, x: Sequence[int]) -> Fraction:
        """A product of Pólya urns, one per context, that start with alpha[u]."""
        probability, drawn, visits = _started(self.start, x, self.S, self.n), Counter[tuple[int, int]](), Counter[int]()
        for word, s in transitions(x, self.n):
            u = _number(word, self.S)
            probability *= (self.alpha[u][s] + drawn[u, s]) / (sum(self.alpha[u]) + visits[u])
            drawn[u, s] += 1
            visits[u] += 1
        return probability

    def predictive(self, x: Sequence[int]) -> Row:
        u = tuple(x[len(x) - self.n + 1 :])
        followers = Counter(s for word, s in transitions(x, self.n) if word == u)
        row = self.alpha[_number(u, self.S)]
        return tuple((row[s] + followers[s]) / (sum(row) + followers.total()) for s in range(self.S))


@dataclass(frozen=True)
class StationaryStarts:
    """The law of `NGramLaw` or `DirichletLaw`, but for the first n-1 tokens: they are stationary for the sequence's own
    kernel. Its probabilities are not rational; engines that draw a kernel for every sequence know it.
    """

    prior: NGramLaw | DirichletLaw

    @property
    def S(self) -> int:
        return self.prior.S

    @property
    def n(self) -> int:
        return self.prior.n

    def probability(self, x: Sequence[int]) -> Fraction:
        raise ValueError(NOT_RATIONAL)

    def predictive(self, x: Sequence[int]) -> Row:
        raise ValueError(NOT_RATIONAL)


NOT_RATIONAL = "stationary starts of a random kernel: probabilities are not rational; monte_carlo draws from this law"


@dataclass(frozen=True)
class Mixture:
    """Every sequence is drawn, as a whole, from the i-th law with its weight: parts = ((weight, law), ...).

    Raises ValueError unless weights are positive Fractions with sum 1, and S and n the same for all parts.
    """

    parts: tuple[tuple[Fraction, Law], ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple((w, law) for w, law in self.parts))
        weights = tuple(w for w, _ in self.parts)
        if not weights or 0 in weights:
            raise ValueError("a mixture has at least one part, and weights above 0")
        _require_probabilities("the weights of the mixture", weights, len(weights))
        if len({(law.S, law.n) for _, law in self.parts}) > 1:
            raise ValueError("all parts of a mixture have the same S and n")

    @property
    def S(self) -> int:
        return self.parts[0][1].S

    @property
    def n(self) -> int:
        return self.parts[0][1].n

    def probability(self, x: Sequence[int]) -> Fraction:
        return sum((w * law.probability(x) for w, law in self.parts), Fraction(0))

    def predictive(self, x: Sequence[int]) -> Row:
        """Of the parts, weighted by their posterior given x."""
        joint = [(w * law.probability(x), law) for w, law in self.parts]
        able = [(w, law.predictive(x)) for w, law in joint if w > 0]
        total = sum(w for w, _ in joint)
        return tuple(sum((w * P[s] for w, P in able), Fraction(0)) / total for s in range(self.S))


def components(law: NGramLaw | Law, weight: Fraction = Fraction(1)) -> Iterator[tuple[Fraction, NGramLaw | Law]]:
    """The parts of a mixture, of mixtures within it too, with their weights; of another law, the law itself."""
    if type(law) is Mixture:
        for w, part in law.parts:
            yield from components(part, weight * w)
    else:
        yield weight, law


KNOWN = (NGramLaw, FixedKernel, DirichletLaw)  # laws whose probabilities and predictives belong together


def every_sequence(law: NGramLaw | Law, T: int) -> Iterator[tuple[Word, Fraction, Row]]:
    """All sequences of length T of positive probability: (sequence, its probability, predictive of the next token).

    ValueError for a law of one's own whose probabilities do not sum to 1, or whose predictive is not the one that they
    give: two functions that do not belong together would have the gradient of neither.
    """
    known = all(type(part) in KNOWN for _, part in components(law))
    total = Fraction(0)
    for x in product(range(law.S), repeat=T):
        probability = law.probability(x)
        total += probability
        if not known and probability < 0:
            raise ValueError(f"probability({list(x)}) of {type(law).__name__} is below 0")
        if probability:
            P = law.predictive(x)
            if not known:
                require_consistent(law, x, probability, P)
            yield x, probability, P
    if total != 1:
        raise ValueError(
            f"the probabilities of all sequences of length {T} of {type(law).__name__} sum to {total}, not 1"
        )


def require_consistent(law: NGramLaw | Law, x: Word, probability: Fraction, P: Row) -> None:
    """ValueError unless P is the law of the next token after x, whose probability is positive, by the probabilities of
    the law."""
    _require_probabilities(f"predictive({list(x)}) of {type(law).__name__}", P, law.S)
    for s in range(law.S):
        if law.probability((*x, s)) != probability * P[s]:
            raise ValueError(
                f"{type(law).__name__}: probability({[*x, s]}) is not probability({list(x)}) times predictive[{s}]"
            )


def require_starts(law: NGramLaw | Law) -> None:
    """ValueError unless the law is `NGramLaw` or `FixedKernel` itself, whose `probability` tells that of the start."""
    if type(law) not in (NGramLaw, FixedKernel):
        raise ValueError(f"the law is a {type(law).__name__}: must be NGramLaw or FixedKernel itself")


def contexts(S: int, n: int) -> list[Word]:
    """All words of n-1 tokens, oldest token first, in lexicographic order."""
    return list(product(range(S), repeat=n - 1))


def transitions(x: Sequence[int], n: int) -> Iterator[tuple[Word, int]]:
    """(the n-1 tokens before, the token) for every token of x that has so many before it."""
    for t in range(n - 1, len(x)):
        yield tuple(x[t - n + 1 : t]), x[t]


def _number(word: Sequence[int], S: int) -> int:
    return sum(token * S**i for i, token in enumerate(reversed(word)))


def _started(start: Row, x: Sequence[int], S: int, n: int) -> Fraction:
    if len(x) < n - 1:
        raise ValueError(f"{len(x)} tokens: the probability of at least n-1={n - 1} is known")
    return start[_number(x[: n - 1], S)]


def _start(initial: Start, contexts: list[Word], kernel: Sequence[Row] | None) -> Row:
    if initial == "uniform":
        return (Fraction(1, len(contexts)),) * len(contexts)
    if initial == "stationary" and kernel is not None:
        return _stationary(kernel, contexts)
    if initial == "stationary":
        raise ValueError("initial='stationary': for random kernels this is a law of its own, StationaryStarts")
    if isinstance(initial, str):
        raise ValueError(f"initial={initial!r}: must be uniform, stationary or the probabilities of all contexts")
    _require_probabilities("initial", initial, len(contexts))
    return tuple(initial)


def _stationary(kernel: Sequence[Row], contexts: list[Word]) -> Row:
    """The law that one step of the chain of contexts leaves as it is. ValueError if there are several."""
    from proofs.rational_matrix import fractions, identity, matrix  # FLINT, which engines of plain fractions do without
    from proofs.rational_matrix import kernel as null_space

    N, S = len(contexts), len(kernel[0])
    step = [[Fraction(0)] * N for _ in range(N)]
    for u, row in enumerate(kernel):
        for s, x in enumerate(row):
            step[u][(u * S + s) % N] += x
    invariant = fractions(null_space((matrix(step) - identity(N)).transpose()))  # columns: one for each class of
    if len(invariant[0]) > 1:  # contexts that is never left
        raise ValueError(
            f"initial='stationary': the kernel has {len(invariant[0])} stationary laws, and mixtures of them"
        )
    total = sum(row[0] for row in invariant)
    return tuple(row[0] / total for row in invariant)


def _require_probabilities(name: str, values: Sequence[Fraction], count: int) -> None:
    if (
        len(values) != count
        or any(not isinstance(x, Fraction) or x < 0 for x in values)
        or sum(values, Fraction(0)) != 1
    ):
        raise ValueError(f"{name}: must be {count} Fractions from 0 up with sum 1")
