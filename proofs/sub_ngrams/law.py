"""The law of the data: every sequence has its own Dirichlet n-gram kernel (sub-n-grams/law-and-network).

Averaged over its kernel ("annealed"), a sequence is drawn from Pólya urns, one per context, so that its probability
and the posterior predictive of the next token are rational numbers for rational alpha.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Literal, get_args

Initial = Literal["uniform", "dirichlet"]
Word = tuple[int, ...]

ALPHAS_OF_FLOATS = (Fraction(1, 10**300), Fraction(10**300))  # alpha, S alpha and alpha + T are then normal floats


@dataclass(frozen=True)
class NGramLaw:
    """Sequences over the vocabulary {0..S-1} whose next token depends on the last n-1 tokens.

    S        size of the vocabulary, at least 2
    n        order of the chain plus one, at least 1 (n = 1: i.i.d. tokens)
    alpha    parameter of the symmetric Dirichlet prior of every row of the kernel, a positive rational
    initial  law of the first n-1 tokens: "uniform", i.i.d. uniform; "dirichlet", i.i.d. from one Dirichlet(alpha)
             unigram drawn for the sequence (as the authors' code does)

    Raises ValueError for values outside these ranges.
    """

    S: int
    n: int
    alpha: Fraction = Fraction(1)
    initial: Initial = "uniform"

    def __post_init__(self) -> None:
        require_integer("S", self.S, at_least=2)
        require_integer("n", self.n, at_least=1)
        if not isinstance(self.alpha, Fraction) or self.alpha <= 0:
            raise ValueError(f"alpha={self.alpha!r}: alpha is a positive Fraction")
        if self.initial not in get_args(Initial):
            raise ValueError(f"initial={self.initial!r}: one of {', '.join(get_args(Initial))}")

    @property
    def contexts(self) -> list[Word]:
        """All words of n-1 tokens, oldest token first, in lexicographic order: the row order of every kernel."""
        return list(product(range(self.S), repeat=self.n - 1))

    def probability(self, x: Sequence[int]) -> Fraction:
        """Annealed probability of the sequence x (any length): a product of Pólya urns."""
        n, start = self.n, Counter[int]()
        follows, visits = Counter[tuple[Word, int]](), Counter[Word]()
        probability = Fraction(1)
        for t, s in enumerate(x):
            if t < n - 1:
                probability *= self.urn(start[s], t) if self.initial == "dirichlet" else Fraction(1, self.S)
                start[s] += 1
            else:
                u = tuple(x[t - n + 1 : t])
                probability *= self.urn(follows[u, s], visits[u])
                follows[u, s] += 1
                visits[u] += 1
        return probability

    def predictive(self, x: Sequence[int]) -> tuple[Fraction, ...]:
        """P(s) = E[tau(s | u) | x] for every token s, u being the last n-1 tokens of x (len(x) >= n-1)."""
        n, T = self.n, len(x)
        u = tuple(x[T - n + 1 :])
        followers = Counter(x[t] for t in range(n - 1, T) if tuple(x[t - n + 1 : t]) == u)
        return tuple(self.urn(followers[s], followers.total()) for s in range(self.S))

    def urn(self, count: int, total: int) -> Fraction:
        """Probability that a Pólya urn draws a token seen `count` times in `total` draws."""
        return (self.alpha + count) / (self.S * self.alpha + total)


def require_ngram_law(law: NGramLaw) -> None:
    """ValueError unless this is `NGramLaw` itself.

    A subclass may have a law of its own, and S, n and alpha do not tell: what computes from them asks this first.
    """
    if type(law) is not NGramLaw:
        raise ValueError(
            f"the law is a {type(law).__name__}: must be NGramLaw itself, which S, n, alpha and initial tell"
        )


def float_alpha(law: NGramLaw) -> float:
    """alpha as a float. ValueError for another law than `NGramLaw`, and where a float holds no such number."""
    require_ngram_law(law)
    least, most = ALPHAS_OF_FLOATS
    if not least <= law.alpha <= most:
        raise ValueError("alpha is beyond the reach of floats: 1e-300 <= alpha <= 1e300")
    return float(law.alpha)


def require_integer(name: str, value: object, *, at_least: int) -> None:
    """ValueError unless the value is an int from `at_least` up; bool and the integers of numpy are others."""
    if type(value) is not int or value < at_least:
        raise ValueError(f"{name}={value!r}: an int, at least {at_least}")
