"""Score blocks averaged over all positions as the last one, for any law of sequences (sub-n-grams/finite-length#sn21).

A law is a list of sequences x_1..x_{T+1} with probabilities; nothing is presupposed of it. Position t sees x_1..x_t and
predicts x_{t+1}, t = n-1..T.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import product

from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw, Word, require_ngram_law
from proofs.sub_ngrams.score import score

SequenceLaw = Sequence[tuple[Word, Fraction]]
SparseBlock = Mapping[Word, Fraction]  # (query token, key token) -> entry; others are 0


def positions(law: SequenceLaw, n: int) -> Iterator[tuple[Word, int, Fraction]]:
    """(x_1..x_t, x_{t+1}, probability / m) for all t = n-1..T."""
    for x, probability in law:
        for t in range(n - 1, len(x)):
            yield x[:t], x[t], probability / (len(x) - n + 1)


def averaged_blocks(
    law: SequenceLaw, S: int, configuration: Configuration, n: int, pairs: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], SparseBlock]:
    """(1/m) sum_t M_ab of position t, for the pairs (a, b); q a Fraction or inf."""
    M: dict[tuple[int, int], dict[Word, Fraction]] = {ab: defaultdict(Fraction) for ab in pairs}
    for x, label, weight in positions(law, n):
        g = score(x, [Fraction(int(s == label)) for s in range(S)], configuration)
        for a, b in pairs:
            if a < len(x):
                for j in range(b, len(x)):
                    M[a, b][x[len(x) - 1 - a], x[j - b]] += weight * g[j]
    return dict(M)


def size_of(block: SparseBlock) -> Fraction:
    """The sum of the positive entries, or of the negative ones, whichever is larger."""
    return max(abs(sum((x for x in block.values() if sign * x > 0), Fraction(0))) for sign in (1, -1))


def averaged_share(law: SequenceLaw, n: int, lags: Sequence[int], r: Fraction, *, label: bool = True) -> Fraction:
    """(1/m) sum_t E r / (N_t - 1 + r), N_t the words up to t in the class of the last one; without `label`, of its
    context at the lags."""
    total = Fraction(0)
    for x, probability in law:
        seen, m = Counter[Word](), len(x) - n + 1
        for t in range(n - 1, len(x)):
            item = (*(x[t - lag] for lag in lags), *(x[t : t + 1] if label else ()))
            seen[item] += 1
            total += probability / m * r / (seen[item] - 1 + r)
    return total


def annealed_sequences(law: NGramLaw, length: int) -> SequenceLaw:
    """All sequences of this length with their probability under the prior."""
    require_ngram_law(law)
    return [(x, law.probability(x)) for x in product(range(law.S), repeat=length)]


def phi_below(x: Fraction, terms: int = 12) -> Fraction:
    """At most phi(x) = x (1 + log(1/x)), x < 1, else 1: log y = k log 2 + log(y / 2^k), each 2 artanh by its series."""
    if x >= 1:
        return Fraction(1)

    def log(y: Fraction) -> Fraction:
        t = (y - 1) / (y + 1)
        return 2 * sum((t ** (2 * i + 1) / (2 * i + 1) for i in range(terms)), Fraction(0))

    k = int(1 / x).bit_length() - 1
    return x * (1 + k * log(Fraction(2)) + log(1 / x / 2**k))
