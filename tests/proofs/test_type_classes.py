"""Type classes against enumeration, against single long sequences, modulo a prime, and as a series in 1/q."""

import math
import random
from collections import Counter
from fractions import Fraction
from itertools import product

import pytest
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from proofs.rationals import to_fraction
from proofs.series import Series
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.enumeration import enumeration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.markov_types import TypeClass
from proofs.sub_ngrams.score import score
from proofs.sub_ngrams.score_blocks import ScoreBlocks
from proofs.sub_ngrams.type_classes import (
    PairwiseSum,
    blocks,
    key_sums,
    match_weights,
    position_kinds,
    same_and_different,
    scores,
    type_classes,
)
from tests.modular import Residue
from tests.strategies import configurations, laws, literal_problems, problems, rational_qs


@given(problems())
def test_agrees_with_enumeration(problem) -> None:
    assert type_classes(*problem) == enumeration(*problem)


@settings(max_examples=8)
@given(st.sampled_from([(4, 2, 4), (2, 4, 8), (5, 1, 4), (4, 3, 4), (2, 5, 7)]), st.data())
def test_agrees_with_enumeration_for_larger_vocabularies_and_memories(size, data) -> None:
    S, n, T = size
    law = NGramLaw(S, n, Fraction(1, 2), data.draw(st.sampled_from(["uniform", "dirichlet"])))
    configuration = data.draw(configurations(n))
    assert type_classes(law, configuration, T) == enumeration(law, configuration, T)


# From brute force in another program: entries for equal tokens, and for different tokens.
REFERENCE = [
    (2, 1, 5, {(0, 0): ("953/40320", "-953/40320")}),
    (
        *(2, 2, 5),
        {
            (0, 0): ("257/40320", "-257/40320"),
            (0, 1): ("5875853/1139458320", "-1371334567/957144988800"),
            (1, 0): ("319/20160", "-319/20160"),
            (1, 1): ("87348119/127619331840", "831220303/273469996800"),
        },
    ),
    (
        *(3, 2, 5),
        {
            (0, 0): ("7549/967680", "-7549/967680"),
            (0, 1): ("59985833/6077111040", "-8917413143/1531431982080"),
            (1, 0): ("6943/193536", "-6943/193536"),
            (1, 1): ("-3608493337/11485739865600", "14314605467/3281639961600"),
        },
    ),
    (
        *(3, 2, math.inf),
        {
            (0, 0): ("-7717/1209600", "7717/1209600"),
            (0, 1): ("131/4032", "-105083/4233600"),
            (1, 0): ("10681/172800", "-10681/172800"),
            (1, 1): ("-33091/3386880", "2009/115200"),
        },
    ),
]


@pytest.mark.parametrize(("n", "k", "q", "expected"), REFERENCE)
def test_reference_values_at_length_eight(n: int, k: int, q: float, expected) -> None:
    q = q if q == math.inf else Fraction(q)
    M = type_classes(NGramLaw(2, n), Configuration.k_gram(k, q), 8)
    for ab, (same, different) in expected.items():
        same, different = Fraction(same), Fraction(different)
        assert M[ab] == ((same, different), (different, same))


@st.composite
def long_sequences(draw: st.DrawFn) -> tuple[NGramLaw, Configuration, tuple[int, ...]]:
    law = draw(laws(max_S=4, max_n=4))
    T = draw(st.integers(law.n, 120))
    generator = random.Random(draw(st.integers(0, 10**6)))
    return law, draw(configurations(law.n)), tuple(generator.choices(range(law.S), k=T))


@given(long_sequences())
def test_the_key_sums_of_a_class_are_those_of_any_of_its_sequences(problem) -> None:
    law, configuration, x = problem
    S, n, T = law.S, law.n, len(x)
    counts = Counter(x[t - n + 1 : t + 1] for t in range(n - 1, T))
    c = TypeClass(
        *(S, x[: n - 1], x[T - n + 1 :], tuple(counts[w] for w in product(range(S), repeat=n))),
        *({x[T - n]: 1}, len(set(x))),
    )
    P = law.predictive(x)
    kinds = position_kinds(c, n, configuration)
    rational = [fmpq(*p.as_integer_ratio()) for p in P]
    K = key_sums(c, kinds, scores(c, kinds, rational, match_weights(configuration), configuration), n)
    expected = [[Fraction(0)] * S for _ in range(n)]
    for j, g in enumerate(score(x, P, configuration)):
        for b in range(min(n, j + 1)):
            expected[b][x[j - b]] += g
    assert [[to_fraction(fmpq(0) + value) for value in row] for row in K] == expected


@given(problems(max_sequences=2**12) | literal_problems(), st.just(Residue.ratio))
def test_rational_arithmetic_agrees_with_arithmetic_modulo_a_prime(problem, field) -> None:
    law, configuration, T = problem
    M = type_classes(law, configuration, T)
    residues, rows = same_and_different(law, configuration, T, match_weights(configuration), field)
    for ab, entries in residues.items():
        assert entries == (Residue.of(M[ab][0][0]), Residue.of(M[ab][0][1]))
    assert rows == {key: [Residue.of(x) for x in row] for key, (row,) in M.rows.items()}


@pytest.mark.parametrize(("S", "n", "T", "lags"), [(2, 2, 40, (1,)), (2, 3, 18, (2,)), (3, 2, 13, (1,))])
def test_long_sequences_agree_modulo_a_prime(S: int, n: int, T: int, lags: tuple[int, ...]) -> None:
    law, configuration = NGramLaw(S, n, Fraction(3, 7), "dirichlet"), Configuration(lags, Fraction(T, 3))
    M = type_classes(law, configuration, T)
    residues, _ = same_and_different(law, configuration, T, match_weights(configuration), Residue.ratio)
    assert residues == {ab: (Residue.of(M[ab][0][0]), Residue.of(M[ab][0][1])) for ab in M.blocks}


@pytest.mark.parametrize("T", [1, 2, 7, 300])
def test_the_unigram_without_memory_in_closed_form(T: int) -> None:
    # n = 1, S = 2, alpha = 1: all numbers of tokens 1 are equally likely, so N of the tokens equal x_T with probability
    # 2N/(T(T+1)). The scores of their positions add up to rho N/T - P with P = (N+1)/(T+2), and rho = 1 but for N = T,
    # where they add up to 0.
    same = sum(Fraction(2 * N, T * (T + 1)) * (Fraction(N, T) - Fraction(N + 1, T + 2)) for N in range(1, T)) / 2
    M = type_classes(NGramLaw(2, 1), Configuration((), Fraction(1)), T)
    assert M[0, 0] == ((same, -same), (-same, same))


@given(problems(max_sequences=2**12))
def test_rows_of_key_lag_zero_add_up_to_zero(problem) -> None:
    law, configuration, T = problem
    M = type_classes(law, configuration, T)
    for a in range(law.n):
        assert all(sum(row) == 0 for row in M[a, 0])


@given(laws(), st.data())
def test_q_equal_to_one_switches_the_lags_off(law: NGramLaw, data) -> None:
    lags = data.draw(configurations(law.n)).lags
    off = type_classes(law, Configuration(lags, Fraction(1)), law.n + 4)
    assert off == type_classes(law, Configuration((), Fraction(9, 2)), law.n + 4)


def entrywise(M: ScoreBlocks) -> dict[tuple[int, int, int, int], Fraction]:
    return {(*ab, v, w): x for ab, block in M.blocks.items() for v, row in enumerate(block) for w, x in enumerate(row)}


def type_class_series(law: NGramLaw, lags: tuple[int, ...], T: int, order: int) -> tuple[ScoreBlocks, ...]:
    """The gradient as a power series in 1/q: blocks of q^0 (the limit c -> infinity), q^-1, ..., q^-(order-1)."""
    weights = [Series(1, order - 1, {(fewer,): fmpq(1)}) for fewer in range(len(lags) + 1)]
    entries, _ = same_and_different(law, Configuration(lags, math.inf), T, weights)
    return tuple(
        blocks(law, {ab: (to_fraction(same[i,]), to_fraction(other[i,])) for ab, (same, other) in entries.items()})
        for i in range(order)
    )


@given(problems(max_sequences=128), st.integers(1, 4))
def test_the_series_is_the_gradient_up_to_its_order(problem, order: int) -> None:
    # Divide Z by the number of best positions: 1 + r_1/q + r_2/q^2 + ..., r_i >= 0 adding up to at most T. So the
    # coefficient of q^-i in 1/Z is at most T^i, that of a share w_j/Z too, that of g_j (two shares of masses <= 1) at
    # most 2 T^i, that of a block's entry 2 T^(i+1), and what the series leaves out a geometric series.
    law, configuration, T = problem
    series = type_class_series(law, configuration.lags, T, order)
    assert series[0] == type_classes(law, Configuration(configuration.lags, math.inf), T)
    q = Fraction(10**40)
    bound = 2 * T * (T / q) ** order / (1 - T / q)
    partial = [entrywise(M) for M in series]
    for entry, value in entrywise(type_classes(law, Configuration(configuration.lags, q), T)).items():
        assert abs(value - sum(M[entry] / q**i for i, M in enumerate(partial))) <= bound


@given(st.lists(st.tuples(st.integers(), st.integers()), min_size=1, max_size=40))
def test_a_pairwise_sum_is_a_sum(vectors) -> None:
    sums = PairwiseSum()
    for vector in vectors:
        sums.add(list(vector))
    assert sums.total() == [sum(column) for column in zip(*vectors, strict=True)]
    assert len(sums.partial) == len(vectors).bit_count()


@given(rational_qs)
def test_match_weights_are_powers_of_q_up_to_one_factor(q: Fraction) -> None:
    best, one_fewer, two_fewer = match_weights(Configuration((1, 2), q))
    assert best == q * one_fewer == q**2 * two_fewer
    assert match_weights(Configuration((1, 2), math.inf)) == [1, 0, 0]


def test_what_cannot_be_computed_is_refused() -> None:
    law = NGramLaw(2, 2)
    with pytest.raises(ValueError, match=r"q=2\.5"):
        type_classes(law, Configuration((1,), 2.5), 4)
    with pytest.raises(ValueError, match="n=2"):
        type_classes(law, Configuration((2,), Fraction(2)), 4)
    with pytest.raises(ValueError, match="T=1"):
        type_classes(law, Configuration((1,), Fraction(2)), 1)
    with pytest.raises(ValueError, match="more than 50"):
        type_classes(law, Configuration((1,), Fraction(2)), 20, most=50)
