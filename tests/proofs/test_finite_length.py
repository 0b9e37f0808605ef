"""Bounds at finite length: every lemma of the page by enumeration, and bounds above exact values."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise, product

import pytest
from flint import arb
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from proofs.sub_ngrams import adversaries
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.enumeration import enumeration
from proofs.sub_ngrams.finite_length import (
    FiniteLength,
    at_most,
    ball,
    distances,
    expected_share,
    gamma,
    overlap,
    phi,
    read_class,
    size,
    type_one,
    type_two,
)
from proofs.sub_ngrams.law import NGramLaw, Word
from proofs.sub_ngrams.laws import FixedKernel
from proofs.sub_ngrams.score import score
from proofs.sub_ngrams.transfer_exact import transfer_exact
from tests.strategies import laws, problems

small = st.fractions(-2, 2, max_denominator=12)
positive = st.fractions(Fraction(1, 1000), 3)


def rows_of(law: NGramLaw, rng: random.Random) -> adversaries.Rows:
    return adversaries.nearly_deterministic(law.S, law.n, rng, Fraction(1, rng.choice((2, 7, 100))))


def chains(rows: adversaries.Rows, start: dict[Word, Fraction], length: int) -> Iterator[tuple[Word, Fraction]]:
    """All sequences with their probabilities."""
    S, n = len(rows[0]), len(next(iter(start))) + 1
    number = {u: i for i, u in enumerate(product(range(S), repeat=n - 1))}
    for x in product(range(S), repeat=length):
        probability = start.get(x[: n - 1], Fraction(0))
        for t in range(n - 1, length):
            probability *= rows[number[x[t - n + 1 : t]]][x[t]]
        if probability:
            yield x, probability


def words(x: Word, n: int) -> list[Word]:
    return [x[i : i + n] for i in range(len(x) - n + 1)]


# --- sizes, phi, Gamma ---


@given(st.lists(st.lists(small, min_size=2, max_size=2), min_size=2, max_size=2))
def test_size_is_the_largest_sum_over_tables_of_zeros_and_ones(block):
    sums = [abs(sum(f[2 * v + w] * block[v][w] for v in range(2) for w in range(2))) for f in product((0, 1), repeat=4)]
    assert size(block) == max(sums)
    assert max(abs(x) for row in block for x in row) <= size(block)
    assert sum(x * x for row in block for x in row) <= 2 * size(block) ** 2


@given(positive, positive)
def test_phi_increases_and_is_concave(x, y):
    low, high = min(x, y), max(x, y)
    if low < min(high, 1):
        assert at_most(lambda: phi(low), lambda: phi(high))
        assert at_most(lambda: (phi(low) + phi(high)) / 2, lambda: phi((low + high) / 2))
    assert at_most(lambda: ball(min(low, Fraction(1))), lambda: phi(low)) and phi(Fraction(1)) == 1


def test_phi_is_the_integral_of_the_smaller_of_1_and_x_over_s():
    for x in (Fraction(1, 100), Fraction(1, 3), Fraction(9, 10)):
        cells = 20_000
        middle = sum(min(1.0, float(x) / ((i + 0.5) / cells)) for i in range(cells)) / cells
        assert abs(float(phi(x)) - middle) < 1e-6


def test_numbers_that_no_precision_parts_are_told():
    with pytest.raises(ArithmeticError):
        at_most(lambda: arb(2).log() + arb(3).log(), lambda: arb(6).log())
    assert at_most(lambda: arb(1), lambda: phi(Fraction(2)))
    assert not at_most(lambda: arb(1), lambda: phi(1 - Fraction(1, 10**40)))  # beyond 64 bits


@given(st.integers(2, 4), st.integers(0, 3), st.fractions(1, 50))
def test_gamma_is_the_share_of_keys_that_do_not_match_on_uniform_contexts(S, L, q):
    weights = [1 / Fraction(q) ** sum(s != 0 for s in h) for h in product(range(S), repeat=L)]
    configuration = Configuration(tuple(range(1, L + 1)), Fraction(q))
    assert gamma(S, configuration) == 1 - weights[0] / sum(weights) <= L * (S - 1) / (q + S - 1)


# --- lemmas of the page, one by one ---


@settings(max_examples=12)
@given(st.data())
def test_lemma_0_blocks_are_means_over_a_drawn_label(data):
    law, configuration, T = data.draw(problems(max_sequences=64))
    x = data.draw(st.tuples(*[st.integers(0, law.S - 1)] * T))
    P = law.predictive(x)
    g = score(x, P, configuration)
    m = [configuration.matches(x, j) for j in range(T)]
    best = max(m)

    def mean(keys: list[int], psi: list[int]) -> Fraction:
        top = best if not configuration.at_limit else max(m[j] for j in keys)
        if configuration.at_limit:
            weight = {j: Fraction(m[j] == top) for j in keys}
        else:
            weight = {j: Fraction(configuration.q) ** (m[j] - top) for j in keys}
        return sum(weight[j] * psi[j] for j in keys) / sum(weight.values())

    for b, w in product(range(law.n), range(law.S)):
        psi = [int(j >= b and x[j - b] == w) for j in range(T)]
        drawn = sum(P[y] * (mean(list(range(T)), psi) - mean([j for j in range(T) if x[j] == y], psi)) for y in set(x))
        assert sum(g_j * psi_j for g_j, psi_j in zip(g, psi, strict=True)) == drawn


def rotation(
    F: list[Word], lags: tuple[int, ...], q: Fraction, f: dict[tuple[int, int], int], a: int, b: int
) -> Fraction:
    """(1/m) sum over targets w in F of mean_F psi - mean_{F, label y(w)} psi."""
    total = Fraction(0)
    for target in F:
        weight = [q ** -sum(key[-1 - lag] != target[-1 - lag] for lag in lags) for key in F]
        psi = [f[target[-2 - a], key[-1 - b]] for key in F]
        held = [int(key[-1] == target[-1]) for key in F]
        total += sum(u * p for u, p in zip(weight, psi, strict=True)) / sum(weight)
        within = sum(u * y for u, y in zip(weight, held, strict=True))
        total -= sum(u * p * y for u, p, y in zip(weight, psi, held, strict=True)) / within
    return total / len(F)


@settings(max_examples=60)
@given(st.data())
def test_lemma_1_the_target_moved_through_its_words(data):
    S, n = data.draw(st.sampled_from([(2, 2), (2, 3), (3, 2), (2, 4)]))
    lags = tuple(sorted(data.draw(st.sets(st.integers(1, n - 1), min_size=1))))
    q = data.draw(st.sampled_from([Fraction(1), Fraction(3, 2), Fraction(4), Fraction(100)]))
    F = data.draw(st.lists(st.tuples(*[st.integers(0, S - 1)] * n), min_size=1, max_size=9))
    f = {vw: data.draw(st.integers(0, 1)) for vw in product(range(S), repeat=2)}
    G = gamma(S, Configuration(lags, q))
    for a, b in product(range(n - 1), range(n)):
        if a + 1 in lags:
            assert abs(rotation(F, lags, q, f, a, b)) <= G
        elif b in lags:
            assert abs(rotation(F, lags, q, f, a, b)) <= 2 * G


@pytest.mark.parametrize(("S", "q"), [(2, 2), (2, 10), (3, 5)])
def test_lemma_1_is_attained_where_the_label_is_the_matched_token(S, q):
    F, f = [(s, s) for s in range(S)], {(v, w): int(v == w) for v in range(S) for w in range(S)}
    assert abs(rotation(F, (1,), Fraction(q), f, 0, 0)) == gamma(S, Configuration((1,), Fraction(q)))


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.fractions(1, 6))
def test_lemma_3_visits_along_any_sequence(items, r):
    seen, total, m, K = Counter[int](), Fraction(0), len(items), 4
    for item in items:
        seen[item] += 1
        assert Fraction(r) / (seen[item] - 1 + r) <= min(Fraction(1), r / seen[item])
        total += min(Fraction(1), r / seen[item])
    assert at_most(lambda: ball(total), lambda: m * phi(K * Fraction(r) / m))


@settings(max_examples=10)
@given(st.integers(0, 10**6), st.sampled_from([(2, 2), (2, 3)]), st.integers(3, 7), st.sampled_from([1, 2]))
def test_lemma_4_first_visits_and_rare_classes_from_any_start(seed, size_, T, r):
    (S, n), rng = size_, random.Random(seed)
    law = NGramLaw(S, n)
    rows, lags = rows_of(law, rng), tuple(range(1, n))[: rng.randint(1, n - 1)]
    start = {rng.choice(law.contexts): Fraction(1)}
    m, label = T - n + 2, read_class(lags)
    first, share = Counter[Word](), Fraction(0)
    for x, probability in chains(rows, start, T + 1):
        *earlier, last = (label(w) for w in words(x, n))
        first[last] += probability if last not in earlier else Fraction(0)
        share += probability * Fraction(r, earlier.count(last) + r)
    numbers = FiniteLength(S, n, T, Configuration(lags, math.inf))
    assert all(chance <= Fraction(numbers.D, m) for chance in first.values())
    assert at_most(lambda: ball(share), lambda: phi(numbers.K * numbers.D * Fraction(r) / m))


def test_lemma_4_first_visits_are_attained_by_a_walk_through_all_contexts():
    """0 -> 1 -> 2 -> 3 and back: at step D the last transition occurs for the first time, for certain."""
    rows = [[Fraction(int(s == (u + 1) % 4)) for s in range(4)] for u in range(4)]
    x, _ = next(chains(rows, {(0,): Fraction(1)}, 5))
    assert words(x, 2)[3] not in words(x, 2)[:3]  # m = D = 4: the chance is 1 = D/m


@settings(max_examples=40)
@given(st.data())
def test_lemma_2_edits_of_a_multiset(data):
    fractions = st.fractions(0, 1, max_denominator=6)
    key = st.tuples(st.sampled_from([Fraction(1), Fraction(1, 3)]), fractions, st.integers(0, 1))
    common = data.draw(st.lists(key, max_size=6))
    g, n = data.draw(st.integers(0, 2)), data.draw(st.integers(2, 4))
    r = 2 * g + n - 1
    target = (Fraction(1), data.draw(fractions), 0)
    F = [*common, target, *data.draw(st.lists(key, max_size=2 * g))]
    real = [*common, *data.draw(st.lists(key, max_size=r))]

    def difference(keys: list[tuple[Fraction, Fraction, int]]) -> Fraction:
        held = [k for k in keys if k[2] == 0]
        if not held:
            return Fraction(0)
        return mean(keys) - mean(held)

    def mean(keys: list[tuple[Fraction, Fraction, int]]) -> Fraction:
        return sum((w * x for w, x, _ in keys), Fraction(0)) / sum(w for w, _, _ in keys)

    N = sum(w == 1 for w, _, _ in F)
    N_y = sum(w == 1 for w, _, y in F if y == 0)
    allowed = min(Fraction(1), Fraction(r, N)) + min(Fraction(1), Fraction(r, N_y))
    assert abs(difference(real) - difference(F)) <= allowed


Joint = dict[tuple[Word, ...], Fraction]  # kept words -> their probability


def kept_words(
    rows: adversaries.Rows, start: dict[Word, Fraction], m: int, i: int, g: int, *, stationary: bool
) -> Joint:
    """The law of the words that are kept: i words that end in the target, after the m-i others, each in their order."""
    n, joint = len(next(iter(start))) + 1, Counter[tuple[Word, ...]]()
    for x, probability in chains(rows, start, m + n - 1):
        w = words(x, n)
        A, B = (w[:i], w[i:]) if stationary else (w[m - i :], w[: m - i])
        if m - i > 2 * g:
            B = B[g : m - i - g]
        else:
            A, B = A[max(0, g - (m - i)) :], []
        joint[(*B, *A)] += probability
    return dict(joint)


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.integers(2, 7), st.sampled_from([2, 3]), st.booleans())
def test_lemma_5_laws_of_the_words_that_are_kept(seed, m, n, slow):
    rng = random.Random(seed)
    rows = adversaries.nearly_deterministic(2, n, rng, Fraction(1, 100 if slow else 3))
    contexts = list(product(range(2), repeat=n - 1))
    pi = dict(zip(contexts, FixedKernel(tuple(map(tuple, rows)), "stationary").start, strict=True))
    g, i = rng.randrange(m), rng.randint(1, m)
    d = next(itertools.islice(distances(rows), g, None))
    ends = kept_words(rows, {rng.choice(contexts): Fraction(1)}, m, i, g, stationary=False)
    moved = kept_words(rows, pi, m, i, g, stationary=True)
    assert all(len(key) >= m - 2 * g for key in moved)  # at most 2g words are left out
    assert total_variation(ends, moved) <= 3 * d


def total_variation(first: Joint, second: Joint) -> Fraction:
    nothing = Fraction(0)
    return sum((max(p - second.get(key, nothing), nothing) for key, p in first.items()), nothing)


def test_lemma_5_needs_more_than_one_gap():
    """Tokens that stay, but for a chance of 1/10: with both parts in the other order the distance is above d(g)."""
    rows = [[Fraction(9, 10), Fraction(1, 10)], [Fraction(1, 10), Fraction(9, 10)]]
    pi = {(s,): Fraction(1, 2) for s in (0, 1)}
    m, i, g = 7, 3, 1
    ends = kept_words(rows, {(0,): Fraction(1)}, m, i, g, stationary=False)
    moved = kept_words(rows, pi, m, i, g, stationary=True)
    d = next(itertools.islice(distances(rows), g, None))
    assert d < total_variation(ends, moved) <= 3 * d


@settings(max_examples=15)
@given(st.data())
def test_lemma_6_one_sequence_with_a_read_key_lag(data):
    law, configuration, T = data.draw(problems(max_sequences=243))
    assume(law.n >= 2 and configuration.lags and configuration.exact)
    x = data.draw(st.tuples(*[st.integers(0, law.S - 1)] * (T + 1)))
    *earlier, last = (read_class(configuration.lags)(w) for w in words(x, law.n))
    r = FiniteLength(law.S, law.n, T, configuration).r
    g = score(x[:T], [Fraction(int(s == x[T])) for s in range(law.S)], configuration)  # the label is x_{T+1}
    for b, table in product(configuration.lags, product((0, 1), repeat=law.S)):
        phi_real = sum(g[j] * table[x[j - b]] for j in range(b, T))
        assert abs(phi_real) <= r / (earlier.count(last) + r)


@settings(max_examples=40)
@given(st.data())
def test_sn17_attention_and_predictive_of_one_sequence(data):
    """How far both are from the followers of the context, on sequences of any kind."""
    S, n = data.draw(st.sampled_from([(2, 2), (2, 3), (3, 2)]))
    T, alpha = data.draw(st.integers(n, 9)), data.draw(st.sampled_from([Fraction(1, 3), Fraction(1), Fraction(5)]))
    q = data.draw(st.sampled_from([Fraction(1), Fraction(3), Fraction(50)]))
    x = data.draw(st.tuples(*[st.integers(0, S - 1)] * T))
    first, second, N = distances_at_full_context(x, S, n, alpha, q)
    r = max(Fraction(1), T / q)
    if N:
        assert first <= r / (N + r) and second <= (1 - Fraction(1, S)) * S * alpha / (S * alpha + N)


def distances_at_full_context(x, S, n, alpha, q):
    """TV(p, N_s / N), TV(N_s / N, P) and N, all lags being read."""
    law, lags = NGramLaw(S, n, alpha), tuple(range(1, n))
    u, T = x[len(x) - n + 1 :], len(x)
    followers = Counter(x[t] for t in range(n - 1, T) if x[t - n + 1 : t] == u)
    N = followers.total()
    weight = [q ** Configuration(lags, q).matches(x, j) for j in range(T)]
    p = [sum(w for w, s in zip(weight, x, strict=True) if s == token) / sum(weight) for token in range(S)]
    seen = [Fraction(followers[token], N) if N else Fraction(0) for token in range(S)]

    def apart(a, b):
        return sum((max(y - z, Fraction(0)) for y, z in zip(a, b, strict=True)), Fraction(0))

    return apart(p, seen), apart(seen, law.predictive(x)), N


def test_sn17_leaves_no_room_in_its_second_term():
    """One token only: the distance from the predictive is the bound, so half of it would be too little."""
    for S, n, T, alpha in ((2, 2, 6, Fraction(1)), (3, 2, 8, Fraction(1, 2)), (2, 3, 9, Fraction(3))):
        _, second, N = distances_at_full_context((0,) * T, S, n, alpha, Fraction(T))
        assert second == (1 - Fraction(1, S)) * S * alpha / (S * alpha + N) and T - n + 1 == N


# --- mixing ---


@settings(max_examples=15)
@given(st.integers(0, 10**6), st.sampled_from([(2, 2), (2, 3), (3, 2)]))
def test_distances_fall_and_overlaps_contract_them(seed, size_):
    (S, n), rng = size_, random.Random(seed)
    rows = rows_of(NGramLaw(S, n), rng)
    d = [next_d for next_d, _ in zip(distances(rows), range(4 * (n - 1) + 1), strict=False)]
    delta = overlap(rows)
    assert all(later <= earlier for earlier, later in pairwise(d))
    assert all(d[g] <= (1 - delta) ** (g // (n - 1)) for g in range(len(d)))
    least = min(1 - sum(max(x - y, Fraction(0)) for x, y in zip(u, v, strict=True)) for u in rows for v in rows)
    assert delta >= least ** (n - 1)


def test_distances_of_a_two_state_chain():
    """Switching with chances a and b: pi = (b, a)/(a+b), and d(g) = max pi |1-a-b|^g."""
    a, b = Fraction(1, 3), Fraction(1, 5)
    rows = [[1 - a, a], [b, 1 - b]]
    for g, d in zip(range(6), distances(rows), strict=False):
        assert d == max(a, b) / (a + b) * (1 - a - b) ** g
    assert overlap(rows) == 1 - (1 - a - b)


def test_independent_tokens_are_mixed_after_one_context():
    rows = [[Fraction(1, 3), Fraction(2, 3)]] * 4
    d = [x for x, _ in zip(distances(rows), range(4), strict=False)]
    assert d[2] == d[3] == 0 < d[1] and overlap(rows) == 1
    numbers = FiniteLength(2, 3, 1000, Configuration((1,), math.inf))
    assert numbers.mixing(rows) == Fraction(6 * 6, numbers.m)  # g = 2: S^L (S+1) (2g+n-1) / m


# --- bounds lie above exact values ---


@settings(max_examples=25)
@given(st.data())
def test_annealed_blocks_and_what_stands_between(data):
    law, configuration, T = data.draw(problems(max_sequences=128))
    if law.n < 2 or not configuration.lags or law.n > T + 1 or max(configuration.lags) >= law.n:
        return
    M, numbers = enumeration(law, configuration, T), FiniteLength(law.S, law.n, T, configuration)
    share = expected_share(law, T, numbers.r, read_class(configuration.lags))
    assert all(size(M[ab]) <= share for ab in type_one(law.n, configuration.lags))
    assert at_most(lambda: ball(share), lambda: phi(numbers.type_one()))
    if len(configuration.lags) == law.n - 1:
        context, prior = read_class(configuration.lags, with_token=False), max(Fraction(1), law.S * law.alpha)
        between = expected_share(law, T, numbers.r, context)
        between += (1 - Fraction(1, law.S)) * expected_share(law, T, prior, context)
        assert all(size(M[ab]) <= between for ab in type_two(law.n, configuration.lags))
        assert at_most(lambda: ball(between), lambda: numbers.full_context(law.alpha))


@settings(max_examples=8)
@given(laws(), st.integers(1, 3))
def test_expected_share_is_the_mean_over_sequences(law, r):
    assume(law.n >= 2 and law.S ** (law.n + 3) <= 300)
    T, label = law.n + 2, read_class((1,))
    total = Fraction(0)
    for x in product(range(law.S), repeat=T + 1):
        *earlier, last = (label(w) for w in words(x, law.n))
        total += law.probability(x) * Fraction(r, earlier.count(last) + r)
    assert expected_share(law, T, Fraction(r), label) == total


@settings(max_examples=15)
@given(st.integers(0, 10**6), st.sampled_from([(2, 2), (2, 3), (3, 2)]), st.sampled_from([None, 1, 3]), st.booleans())
def test_blocks_of_one_kernel(seed, size_, q, from_zeros):
    (S, n), rng = size_, random.Random(seed)
    law, T = NGramLaw(S, n), 7
    rows = rows_of(law, rng)
    lags = tuple(sorted(rng.sample(range(1, n), rng.randint(1, n - 1))))
    configuration = Configuration(lags, math.inf if q is None else Fraction(q))
    start = {law.contexts[0]: Fraction(1)} if from_zeros else None
    M = transfer_exact(law, dict(zip(law.contexts, rows, strict=True)), configuration, T, start)
    numbers = FiniteLength(S, n, T, configuration)
    for ab in type_one(n, lags):
        assert at_most(lambda ab=ab: ball(size(M[ab])), lambda: phi(numbers.type_one()))
    for ab in type_two(n, lags):
        assert size(M[ab]) <= numbers.gamma + numbers.mixing(rows)


def test_the_start_is_where_the_chain_starts():
    law = NGramLaw(2, 3)
    kernel = dict(zip(law.contexts, adversaries.two_regimes(Fraction(1, 5)), strict=True))
    configuration = Configuration((1,), Fraction(3))
    parts = [transfer_exact(law, kernel, configuration, 6, {u: Fraction(1)}) for u in law.contexts]
    whole = transfer_exact(law, kernel, configuration, 6)
    for ab, block in whole.blocks.items():
        for v, w in product(range(2), repeat=2):
            assert block[v][w] == sum(part[ab][v][w] for part in parts) / 4


# --- kernels that come close ---

TWO_REGIMES = {10: (0.0377, 0.0086), 20: (0.0230, 0.0064), 40: (0.0241, 0.0047)}  # 1/e: largest of M_00, of M_01


@pytest.mark.parametrize("steps", TWO_REGIMES)
def test_two_regimes_do_not_let_unread_key_lags_decay(steps):
    law, T = NGramLaw(2, 3), steps + 2
    kernel = dict(zip(law.contexts, adversaries.two_regimes(Fraction(1, steps)), strict=True))
    M = transfer_exact(law, kernel, Configuration((1,), Fraction(T)), T)
    found = [max(abs(float(x)) for row in M[ab] for x in row) for ab in ((0, 0), (0, 1))]
    assert [round(x, 4) for x in found] == list(TWO_REGIMES[steps])


@pytest.mark.parametrize(("n", "lags"), [(3, (1,)), (3, (2,)), (4, (1, 2)), (4, (2, 3))])
def test_a_switch_is_a_chain(n, lags):
    switch, share = adversaries.conflicting_switch(n, lags)
    assert switch.consistent and share > 0
    chain, T, q = adversaries.Switch(n, switch.then, Fraction(2, 9)), 9, Fraction(9)
    law, rows = NGramLaw(2, n), chain.kernel()
    found = {x: p for x, p in chain.sequences(T) if p}
    assert found == dict(chains(rows, {(0,) * (n - 1): Fraction(1)}, T))
    assert all(chain.next_token(x) == tuple(rows[law.contexts.index(x[T - n + 1 :])]) for x in found)
    kernel = dict(zip(law.contexts, rows, strict=True))
    M = transfer_exact(law, kernel, Configuration(lags, q), T, {(0,) * (n - 1): Fraction(1)})
    assert chain.row(lags, q, T) == M[lags[0] - 1, 0][0]


def test_where_all_lags_are_read_no_switch_conflicts():
    assert [adversaries.conflicting_switch(n, tuple(range(1, n))) for n in (2, 3, 4)] == [None] * 3


@pytest.mark.parametrize("e", [Fraction(0), Fraction(1, 10)])
def test_rows_of_drawn_kernels(e):
    rng = random.Random(0)
    for S, n in ((2, 3), (3, 2)):
        for rows in (adversaries.nearly_deterministic(S, n, rng, e), adversaries.repeats(S, n, n - 1, e)):
            assert all(sum(row) == 1 and max(row) == 1 - e for row in rows) and len(rows) == S ** (n - 1)
        uniform = adversaries.nearly_uniform(S, n, rng, e)
        assert all(sum(row) == 1 and sum(max(x - Fraction(1, S), 0) for x in row) == e for row in uniform)


def test_infinite_length_is_approached_where_the_label_is_the_matched_token():
    from proofs.sub_ngrams.infinite_length import limit_blocks

    for S, q in ((2, Fraction(2)), (3, Fraction(5))):
        G = gamma(S, Configuration((1,), q))
        close = size(limit_blocks(adversaries.repeats(S, 2, 1, Fraction(1, 10**6)), (1,), q, [(0, 0)])[0, 0])
        assert G * (1 - Fraction(1, 10**4)) < close < G
