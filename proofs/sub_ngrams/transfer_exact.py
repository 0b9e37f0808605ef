"""Engine `transfer`, exact twin: the gradient given one rational kernel, in exact rationals (sub-n-grams/computing).

For a sequence with weights Z (integers after scaling), 1/Z = int_0^1 y^(Z-1) dy. So with the generating polynomial

    F(y) = E[1{end} N y^Z] = sum_z f_z y^z          the average is          E[1{end} N/Z] = sum_{z>0} f_z / z,

and F is carried along the chain, one step per token, one polynomial per context, times a common denominator: its
coefficients are integers. Cost ~ T^2 S^n; for small sizes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from itertools import product

from flint import fmpq, fmpz_poly

from proofs.sub_ngrams.configuration import Configuration, Row
from proofs.sub_ngrams.counting import Counting, by_matched_context, decomposition
from proofs.sub_ngrams.law import NGramLaw, Word, require_ngram_law
from proofs.sub_ngrams.score_blocks import ScoreBlocks

Kernel = Mapping[Word, Sequence[Fraction]]  # context -> probability of each next token
# (b, v'): phi_j is the weight of v' in what head b reads at j. (h, t, i): phi_j = 1{j = t} 1{x_i = x_{T-h+1}}
Mark = tuple[int, ...]
Path = tuple[fmpz_poly, dict[Mark, fmpz_poly]]  # E[y^Z], E[N y^Z] for every mark, times common denominators


def transfer_exact(
    law: NGramLaw, kernel: Kernel, configuration: Configuration, T: int, start: Mapping[Word, Fraction] | None = None
) -> ScoreBlocks:
    """The gradient averaged over the sequences of length T >= n that one kernel generates, target tau(. | u).

    `law` gives S, n and the law of the first n-1 tokens, unless `start` does (its prior on kernels is not used); q a
    Fraction, with literal heads as `configuration.exact` says, or inf. Raises ValueError for another q, when T < n, or
    when a row of the kernel is missing or is not a probability vector.
    """
    require_ngram_law(law)
    S, n = law.S, law.n
    if n > T:
        raise ValueError(f"T={T}: sequences have at least n={n} tokens")
    for u in law.contexts:
        if u not in kernel or len(kernel[u]) != S or sum(kernel[u]) != 1 or min(kernel[u]) < 0:
            raise ValueError(f"row {u} of the kernel: {S} probabilities are due")

    if not configuration.exact:
        raise ValueError(f"q={configuration.q!r}: an exact engine needs rational weights, or inf")

    first = {u: law.probability(u) for u in law.contexts} if start is None else start
    in_rows = {(h, t): [Fraction(0)] * t for h, t in configuration.averaging_rows}
    M = [[[[Fraction(0)] * S for _ in range(S)] for _ in range(n)] for _ in range(n)]
    for matched, ends in by_matched_context(configuration, list(product(range(S), repeat=n))):
        parts = decomposition(configuration, matched, S)

        def average(levels: list[Counting], ends: list[Word] = ends) -> dict[tuple[Word, Mark], fmpq]:
            several = [_averages(law, first, kernel, counting, T, ends) for counting in levels]
            return {key: sum(averages[key] for averages in several) for key in several[0]}

        every = average(parts.every)
        for s in range(S):
            avoiding, holding = average(parts.avoiding[s]), average(parts.holding[s])
            for key, value in every.items():
                end, mark = key
                g = kernel[end[1:]][s] * _fraction(value - avoiding[key] - holding[key])
                if len(mark) == 3:
                    h, t, i = mark
                    in_rows[h, t][i] += g
                    continue
                b, v = mark
                for a in range(n):
                    M[a][b][end[-1 - a]][v] += g
    return ScoreBlocks.from_nested(M, rows=centred(in_rows))


def centred(rows: Mapping[Row, Sequence[Fraction]]) -> dict[Row, list[Fraction]]:
    """dL/dA_{t,i} / c from E g_t 1{x_i = x_{T-h+1}}, i = 1..t: the softmax of the row takes their mean off, and 1/t."""
    return {(h, t): [(x - sum(row, Fraction(0)) / t) / t for x in row] for (h, t), row in rows.items()}


def _averages(
    law: NGramLaw, first: Mapping[Word, Fraction], kernel: Kernel, counting: Counting, T: int, ends: list[Word]
) -> dict[tuple[Word, Mark], fmpq]:
    """E[1{end} N/Z] for every final n-gram and mark."""
    S, n = law.S, law.n
    configuration = counting.configuration
    scale = (configuration.root or Fraction(1)).denominator ** configuration.levels[-1]
    rows, token = configuration.averaging_rows, dict(counting.matched)
    marks: list[Mark] = [(b, v) for b in range(n) for v in range(S)]
    marks += [(h, t, i) for h, t in rows for i in range(t)]
    starts, in_start = _integers(first)
    steps, in_step = _integers({(*u, s): p for u in law.contexts for s, p in enumerate(kernel[u])})
    in_share = math.lcm(*range(1, n))  # what literal heads read has denominators below n

    @cache
    def position(window: Word) -> tuple[int, list[tuple[Mark, int]]] | None:
        """The weight of a position, scaled, and what its tokens add to N of the marks, in units of F; None if it leaves
        the sequence out."""
        weight = counting.weight(window)
        if weight == math.inf:
            return None
        z = int(weight * scale)
        reads = ((b, v, share) for b in range(n) for v, share in configuration.reads(window, b).items())
        return z, [((b, v), int(z * share * in_share)) for b, v, share in reads if z]

    def extend(path: Path, window: Word, probability: int) -> Path | None:
        """One more token with this probability; None if that leaves the sequence out."""
        here = position(window)
        if here is None or probability == 0:
            return None
        z, added = here
        F, N = times(path[0], z, probability), {mark: times(N, z, probability) for mark, N in path[1].items()}
        for mark, factor in added:
            N[mark] += F * factor
        return F, N

    paths: dict[Word, Path] = {}
    for u, probability in starts.items():
        path: Path | None = (fmpz_poly([probability]), dict.fromkeys(marks, fmpz_poly([])))
        for j in range(n - 1):
            path = path and extend(path, u[: j + 1], 1)
            if path:
                z = int(counting.weight(u[: j + 1]) * scale)
                own = {(h, t, i) for h, t in rows if t == j + 1 for i in range(t) if u[i] == token[h]}
                path = (
                    path[0],
                    {mark: N + path[0] * (z * in_share) if mark in own else N for mark, N in path[1].items()},
                )
        if path:
            paths[u] = path
    for _ in range(n - 1, T - 1):
        following: dict[Word, Path] = {}
        for u, path in paths.items():
            for s in range(S):
                longer = extend(path, (*u, s), steps[*u, s])
                if longer:
                    v = (*u, s)[1:]
                    following[v] = _add(following[v], longer) if v in following else longer
        paths = following

    denominator = in_start * in_step ** (T - n + 1) * in_share
    averages = {(end, mark): fmpq(0) for end in ends for mark in marks}
    for end in ends:
        last = extend(paths[end[:-1]], end, steps[end]) if end[:-1] in paths else None
        for mark, polynomial in (last[1] if last else {}).items():
            # where the coefficient is not 0, z > 0: marked positions have weight
            total = sum((fmpq(f, z) for z, f in enumerate(polynomial.coeffs()) if f), fmpq(0))
            averages[end, mark] = total / denominator
    return averages


def times(polynomial: fmpz_poly, z: int, factor: int) -> fmpz_poly:
    """y^z times the factor times the polynomial."""
    return (polynomial.left_shift(z) if z else polynomial) * factor


def _add(first: Path, second: Path) -> Path:
    return first[0] + second[0], {mark: first[1][mark] + second[1][mark] for mark in first[1]}


def _integers(numbers: Mapping[Word, Fraction]) -> tuple[dict[Word, int], int]:
    """The numbers times their common denominator, and it."""
    denominator = math.lcm(*(Fraction(x).denominator for x in numbers.values()))
    return {word: int(x * denominator) for word, x in numbers.items()}, denominator


def _fraction(x: fmpq) -> Fraction:
    return Fraction(int(x.p), int(x.q))
