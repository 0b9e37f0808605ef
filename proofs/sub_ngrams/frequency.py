"""theta_k^+, the k-gram with a frequency term, exactly (sub-n-grams/training#corrected-k-grams; claims SN24, SN25e).

The attention logits are z_j = sum_l c_l m_jl - beta f(x_j) over the lags l = 1..k-1, f(s) = N(s) / T being the
frequencies of the tokens in the sequence, and m_jl = 1{x_{j-l} = x_{T-l+1}}. In the literal network head n-1 reads f at
the last position, where its row is uniform. At k = n it is lag n-1 of the keys too, and the key of the last position
then reads f in its place: m_{T,n-1} = f(x_{T-n+2}). For k < n its other rows are uniform as well (A = 0).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

from sympy.polys.domains import QQ
from sympy.polys.rings import ring

from proofs.identities import Identities, decide
from proofs.sub_ngrams.derivation import closed_form, sequences_up_to_relabelling
from proofs.sub_ngrams.law import NGramLaw, Word, require_ngram_law
from proofs.sub_ngrams.literal_network import (
    factorised_entries,
    factorised_logit,
    merged_slopes,
    score_derivative,
)
from proofs.sub_ngrams.score_blocks import ScoreBlocks

Reads = list[list[Fraction]]  # what is read at lag 0 and by heads 1..n-1: n vectors of S
Values = Callable[..., list[Any]]


@dataclass(frozen=True)
class FrequencyConfiguration:
    """theta_k^+ at length T, in numbers that stay rational: T z_j is a whole combination of the c_l and beta.

    roots    e^(c_l / T) for l = 1..k-1, at least 1
    damping  e^(-beta / T), above 0

    Raises ValueError for others, and unless 1 <= k <= n, 2 <= n <= T.
    """

    n: int
    T: int
    roots: tuple[Fraction, ...]
    damping: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        if not 1 <= self.k <= self.n or not 2 <= self.n <= self.T:
            raise ValueError(f"k={self.k} n={self.n} T={self.T}: must be 1 <= k <= n, and 2 <= n <= T")
        if any(not root >= 1 for root in self.roots) or not self.damping > 0:
            raise ValueError(f"roots={self.roots} damping={self.damping}: must be at least 1, and above 0")

    @property
    def k(self) -> int:
        return len(self.roots) + 1

    def exponents(self, x: Sequence[int], j: int) -> tuple[int, ...]:
        """T m_j1, ..., T m_j,k-1 and T f(x_j), whole numbers; positions count from 0."""
        T = self.T
        matches = [T * int(j >= lag and x[j - lag] == x[T - lag]) for lag in range(1, self.k)]
        if self.k == self.n and j == T - 1:
            matches[-1] = list(x).count(x[T - self.n + 1])
        return *matches, list(x).count(x[j])

    def weights(self, x: Sequence[int]) -> list[Fraction]:
        """exp(z_j) for every position."""
        found = []
        for j in range(self.T):
            weight = Fraction(1)
            for base, exponent in zip((*self.roots, self.damping), self.exponents(x, j), strict=True):
                weight *= base**exponent
            found.append(weight)
        return found

    def output(self, x: Sequence[int], S: int) -> list[Fraction]:
        """p(s) for every token."""
        weights = self.weights(x)
        return [sum((w for w, x_j in zip(weights, x, strict=True) if x_j == s), Fraction(0)) / sum(weights)
                for s in range(S)]  # fmt: skip


def reads(x: Sequence[int], j: int, n: int, k: int, S: int) -> Reads:
    """What position j reads at lag 0 and by heads 1..n-1 at theta_k^+; 0 where a hard head has no position."""
    T = len(x)
    found = [[Fraction(int(j >= lag and x[j - lag] == v)) for v in range(S)] for lag in range(n)]
    if j == T - 1 or k < n:
        found[n - 1] = [Fraction(list(x[: j + 1]).count(v), j + 1) for v in range(S)]
    return found


def frequency_values(S: int, n: int, root_cs: Sequence[Any], root_beta: Any) -> list[Any]:
    """The literal network's Q, K, V at theta_k^+, in the order of `factorised_entries`; k - 1 = len(root_cs).

    Slot l = 1..k-1 compares lag l-1 of the query with lag l of the key, as in the k-gram; slot 0, which that leaves
    free, compares head n-1 of the query with the key's own token: Q_{n-1} = sqrt(beta) I, K_0 = -sqrt(beta) I.
    """
    k = len(root_cs) + 1
    active = {*range(1, k), n - 1}

    def value(name: str, index: tuple[int, ...]) -> Any:
        if name == "V":
            h, v, i = index
            return int(h in active and v == i)
        stream, v, slot, i = index
        if v != i:
            return 0
        if slot == 0:
            return root_beta if name == "Q" and stream == n - 1 else -root_beta if name == "K" and stream == 0 else 0
        lag = stream + 1 if name == "Q" else stream
        return root_cs[slot - 1] if slot == lag and lag < k else 0

    return [value(name, index) for name, index in factorised_entries(S, n)]


def every_sequence_identity(S: int, n: int, k: int, values: Values = frequency_values) -> Identities:
    """Claim SN24: whatever is read, z = sum_l c_l <query at lag l-1, key at lag l> - beta <query by head n-1, key's
    token>.

    The reads are symbols, n S of the query and n S of the key, and so are the roots of c_l and beta: T, and the
    sequence, are any.
    """
    names = (
        [f"c{lag}" for lag in range(1, k)] + ["b"] + [f"x{i}" for i in range(n * S)] + [f"y{i}" for i in range(n * S)]
    )
    _, *symbols = ring(names, QQ)
    root_cs, root_beta = symbols[: k - 1], symbols[k - 1]
    query, key = symbols[k : k + n * S], symbols[k + n * S :]

    def inner(a: int, b: int) -> Any:
        return sum(query[a * S + v] * key[b * S + v] for v in range(S))

    z = factorised_logit(S, n)(values(S, n, root_cs, root_beta), query, key)
    expected = sum(root**2 * inner(lag - 1, lag) for lag, root in enumerate(root_cs, 1)) - root_beta**2 * inner(
        n - 1, 0
    )
    return decide(f"z for all reads, c, beta; S={S} n={n} k={k}", [("z", z - expected)])


def frequency_exponents(S: int, n: int, k: int, T: int, values: Values = frequency_values) -> Identities:
    """Claim SN24, on every sequence of length T: the reads of theta_k^+ give z_j = sum_l c_l m_jl - beta f(x_j)."""
    _, *symbols = ring([*(f"c{lag}" for lag in range(1, k)), "b"], QQ)
    root_cs, root_beta = symbols[:-1], symbols[-1]
    at = values(S, n, root_cs, root_beta)
    configuration = FrequencyConfiguration(n, T, (Fraction(2),) * (k - 1))  # the values play no part

    def residuals() -> Iterator[tuple[str, Any]]:
        for x in sequences_up_to_relabelling(S, T):
            query = flat(reads(x, T - 1, n, k, S))
            for j in range(T):
                z = factorised_logit(S, n)(at, query, flat(reads(x, j, n, k, S)))
                *matches, count = configuration.exponents(x, j)
                expected = sum(QQ(m, T) * root**2 for m, root in zip(matches, root_cs, strict=True))
                yield f"x={x} z_{j}", z - expected + QQ(count, T) * root_beta**2

    return decide(f"z_j = sum_l c_l m_jl - beta f(x_j) for all c, beta; S={S} n={n} k={k} T={T}", residuals())


def frequency_enumeration(law: NGramLaw, configuration: FrequencyConfiguration) -> ScoreBlocks:
    """M_ab = E sum_j g_j X_{T,a} X_{j,b}^T over all sequences, X being what is read: the closed form of g (SN1)."""
    return _blocks(law, configuration, closed_form)


def frequency_derivation(law: NGramLaw, configuration: FrequencyConfiguration) -> ScoreBlocks:
    """The same from the literal network, differentiated by sympy in the logits and in W: another way to it."""
    S, n = law.S, law.n
    zero = [0] * (n * S) ** 2  # z is linear in W
    return _blocks(law, configuration, score_derivative, dz_dW=lambda query, key: merged_slopes(S, n)(zero, query, key))


def _blocks(
    law: NGramLaw,
    configuration: FrequencyConfiguration,
    slope: Callable[[Word, int, Sequence[Any], Sequence[Any]], Any],
    dz_dW: Callable[[list[Any], list[Any]], Sequence[Any]] | None = None,
) -> ScoreBlocks:
    require_ngram_law(law)
    S, n, k, T = law.S, law.n, configuration.k, configuration.T
    if configuration.n != n:
        raise ValueError(f"n={configuration.n}: the law has n={n}")
    entries = list(product(range(n), range(n), range(S), range(S)))
    totals = dict.fromkeys(entries, Fraction(0))
    for x in product(range(S), repeat=T):
        probability, P, E = law.probability(x), law.predictive(x), configuration.weights(x)
        query = reads(x, T - 1, n, k, S)
        for j in range(T):
            g, key = probability * Fraction(slope(x, j, E, P)), reads(x, j, n, k, S)
            if dz_dW is None:
                for a, b, v, w in entries:
                    totals[a, b, v, w] += g * query[a][v] * key[b][w]
            else:
                for entry, dz in zip(entries, dz_dW(flat(query), flat(key)), strict=True):
                    totals[entry] += g * Fraction(dz)
    tokens = range(S)
    return ScoreBlocks(
        {
            (a, b): tuple(tuple(totals[a, b, v, w] for w in tokens) for v in tokens)
            for a, b in product(range(n), repeat=2)
        }
    )


def frequency_slope(M: ScoreBlocks, n: int) -> Fraction:
    """dL/dbeta = -E sum_j g_j f(x_j) = -tr M_{n-1,0}."""
    return -sum((Fraction(row[v]) for v, row in enumerate(M[n - 1, 0])), Fraction(0))


def flat(vectors: Reads) -> list[Fraction]:
    return [entry for vector in vectors for entry in vector]
