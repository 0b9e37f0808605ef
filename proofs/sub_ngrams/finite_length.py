"""Bounds on the score blocks at every finite length (sub-n-grams/finite-length).

Bounds are rational, or balls of FLINT at the working precision; `at_most` compares by raising it until the balls part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Any

from flint import arb, ctx, fmpq, fmpq_mat

from proofs.rationals import to_fraction
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.infinite_length import Kernel, shape
from proofs.sub_ngrams.law import NGramLaw, Word
from proofs.sub_ngrams.laws import FixedKernel
from proofs.sub_ngrams.markov_types import ClassProbability, classes, index, word
from proofs.sub_ngrams.score_blocks import Block, Blocks, ParameterGradient, entries

PRECISIONS = (64, 256, 1024, 4096)  # bits


def size(block: Block) -> Fraction:
    """|M| = sup of sum f[v,v'] M[v,v'] over 0 <= f <= 1: the positive entries added up, or the negative ones."""
    numbers = [Fraction(x) for row in block for x in row]
    return max(sum((x for x in numbers if x > 0), Fraction(0)), -sum((x for x in numbers if x < 0), Fraction(0)))


def type_one(n: int, lags: Sequence[int]) -> list[tuple[int, int]]:
    """Blocks (a, b) whose key lag is read: b in Lambda."""
    return [(a, b) for a in range(n) for b in lags]


def type_two(n: int, lags: Sequence[int]) -> list[tuple[int, int]]:
    """Blocks (a, b) whose query lag is read and whose key lag is not: a+1 in Lambda, b not in Lambda."""
    return [(lag - 1, b) for lag in lags for b in range(n) if b not in lags]


def ball(x: Fraction) -> arb:
    return arb(fmpq(x.numerator, x.denominator))


def phi(x: Fraction) -> arb:
    """x (1 + log(1/x)) for 0 < x < 1, and 1 from 1 on."""
    return arb(1) if x >= 1 else ball(x) * (1 - ball(x).log())


def phi_of_ball(x: arb) -> arb:
    """phi of a ball: increasing, so that the ends of x give those of the result."""
    low, high = arb(x.lower()), arb(x.upper())

    def at(end: arb) -> arb:
        return arb(1) if end >= 1 else end * (1 - end.log()) if end > 0 else arb(0)

    return at(low).union(at(high))


def at_most(left: Callable[[], arb], right: Callable[[], arb]) -> bool:
    """Whether left <= right, decided. ArithmeticError where 4096 bits do not part the two."""
    for bits in PRECISIONS:
        with ctx.workprec(bits):
            x, y = left(), right()
            if x <= y:
                return True
            if x > y:
                return False
    raise ArithmeticError(f"{PRECISIONS[-1]} bits do not tell which of two numbers is the larger one")


@dataclass(frozen=True)
class FiniteLength:
    """The numbers that the bounds are made of: S, n, T >= n >= 2 and the configuration, q rational or inf."""

    S: int
    n: int
    T: int
    configuration: Configuration

    @property
    def lags(self) -> tuple[int, ...]:
        return self.configuration.lags

    @property
    def L(self) -> int:
        return len(self.lags)

    @property
    def D(self) -> int:
        """Contexts of n-1 tokens."""
        return int(self.S ** (self.n - 1))

    @property
    def K(self) -> int:
        """Classes of words: tokens at the lags, and the last token."""
        return int(self.S ** (self.L + 1))

    @property
    def m(self) -> int:
        """Words of n tokens in x_1..x_{T+1}."""
        return self.T - self.n + 2

    @property
    def r(self) -> Fraction:
        """What keys that do not match in every lag weigh together, at most; at least 1. With literal heads the first
        n-1 keys, which match by a share of their tokens, may weigh up to 1 each besides."""
        q = self.configuration.q
        r = Fraction(1) if self.configuration.at_limit else max(Fraction(1), self.T / Fraction(q))
        return r + (self.n - 1 if self.configuration.heads == "literal" else 0)

    @property
    def gamma(self) -> Fraction:
        return gamma(self.S, self.configuration)

    def type_one(self, *, stationary: bool = False) -> Fraction:
        """x for which phi(x) bounds the blocks with b in Lambda: any kernel, any start, or a stationary one."""
        return (self.K if stationary else self.K * self.D) * self.r / self.m

    def full_context(self, alpha: Fraction) -> arb:
        """Bounds the annealed blocks with b = 0 where Lambda = {1..n-1}."""
        attention, prior = self.context_terms(alpha)
        return phi(attention) + (1 - ball(Fraction(1, self.S))) * phi(prior)

    def context_terms(self, alpha: Fraction) -> tuple[Fraction, Fraction]:
        """Arguments of phi: how far attention is from the followers of the context, and these from the predictive."""
        return self.D**2 * self.r / self.m, self.D**2 * max(Fraction(1), self.S * alpha) / self.m

    def mixing(self, kernel: Kernel) -> Fraction:
        """R(tau) = min(1, min_g 6 d(g) + S^L (S+1) (2g+n-1) / m)."""
        step, best = Fraction(self.S**self.L * (self.S + 1), self.m), Fraction(1)
        if step * (self.n - 1) >= 1:
            return best
        for g, distance in enumerate(distances(kernel)):
            cut = step * (2 * g + self.n - 1)
            if cut >= best:
                break
            best = min(best, 6 * distance + cut)
        return best

    def norm_square(self, c: arb, one: arb, two: arb) -> arb:
        """Bounds the squared norm of the factorised gradient: 2 c L ((n+L+4c) B_I^2 + (n-L) B_II^2)."""
        return 2 * c * self.L * ((self.n + self.L + 4 * c) * one**2 + (self.n - self.L) * two**2)


def gamma(S: int, configuration: Configuration) -> Fraction:
    """Gamma = 1 - (q / (q+S-1))^L, and 0 at q = inf."""
    if configuration.at_limit:
        return Fraction(0)
    q = Fraction(configuration.q)
    return 1 - (q / (q + S - 1)) ** len(configuration.lags)


def log_q(configuration: Configuration) -> arb:
    return ball(Fraction(configuration.q)).log()


def squared_norm(gradient: ParameterGradient, c: arb) -> arb:
    """c (|Q|^2 + |K|^2) + c^2 |V|^2 of a gradient in rationals."""
    return c * ball(squares(gradient.Q) + squares(gradient.K)) + c**2 * ball(
        sum((Fraction(x) ** 2 for block in gradient.V.values() for row in block for x in row), Fraction(0))
    )


def squares(blocks: Blocks) -> Fraction:
    return sum((Fraction(x) ** 2 for x in entries(blocks)), Fraction(0))


# --- mixing of one kernel ---


def transition_matrix(kernel: Kernel) -> Any:
    """P(u, v) of the chain of contexts."""
    S, _ = shape(kernel)
    D = len(kernel)
    P = fmpq_mat(D, D)
    for u, row in enumerate(kernel):
        for s, x in enumerate(row):
            P[u, (u * S + s) % D] += fmpq(x.numerator, x.denominator)
    return P


def distances(kernel: Kernel) -> Iterator[Fraction]:
    """d(0), d(1), ...: d(g) = max_u TV(P^g(u, .), pi). ValueError if there are several stationary laws pi."""
    pi = [fmpq(x.numerator, x.denominator) for x in FixedKernel(tuple(map(tuple, kernel)), "stationary").start]
    P, D = transition_matrix(kernel), len(kernel)
    power = fmpq_mat([[int(i == j) for j in range(D)] for i in range(D)])
    while True:
        yield to_fraction(max(sum(max(power[u, v] - pi[v], 0) for v in range(D)) for u in range(D)))
        power = power * P


def overlap(kernel: Kernel) -> Fraction:
    """delta(tau): the least mass that the laws of the next n-1 tokens after two contexts have in common."""
    _, n = shape(kernel)
    P, D = transition_matrix(kernel) ** (n - 1), len(kernel)
    pairs = combinations(range(D), 2)
    return min((to_fraction(sum(min(P[u, z], P[v, z]) for z in range(D))) for u, v in pairs), default=Fraction(1))


# --- how rare the class of the target is, annealed and exactly ---


def expected_share(law: NGramLaw, T: int, r: Fraction, label: Callable[[Word], Any]) -> Fraction:
    """E r / (N - 1 + r), N the number of n-words of x_1..x_{T+1} that have the label of the last of them."""
    probability, total = ClassProbability(law, T + 1, fmpq), fmpq(0)
    contexts = law.S ** (law.n - 1)
    labels = [label(word(gram, law.S, law.n)) for gram in range(law.S**law.n)]
    for c in classes(law.S, law.n, T + 1):
        each = probability(c) * c.images
        for oldest, sequences in c.sequences.items():
            last = labels[oldest * contexts + index(c.end, law.S)]
            N = sum(count for count, other in zip(c.counts, labels, strict=True) if other == last)
            total += each * sequences * fmpq(r.numerator, (N - 1) * r.denominator + r.numerator)
    return to_fraction(total)


def read_class(lags: Sequence[int], *, with_token: bool = True) -> Callable[[Word], Word]:
    """The label of a word: its tokens at the lags before its last token, and that token."""
    return lambda word: (*(word[-1 - lag] for lag in lags), *(word[-1:] if with_token else ()))
