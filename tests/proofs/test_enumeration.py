"""Enumeration, the slow twin: held against differentiation, against symmetry, and against what must cancel."""

import math
from fractions import Fraction
from itertools import permutations, product

from hypothesis import given
from hypothesis import strategies as st

from proofs.series import Series
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.enumeration import enumeration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.score import score
from tests.strategies import configurations, problems, rational_qs


@st.composite
def sequences(draw: st.DrawFn) -> tuple[NGramLaw, Configuration, tuple[int, ...]]:
    """A law, a configuration with finite q, and one sequence."""
    law, _, _ = draw(problems())
    x = draw(st.lists(st.integers(0, law.S - 1), min_size=law.n, max_size=10))
    return law, draw(configurations(law.n, rational_qs)), tuple(x)


@given(sequences())
def test_the_score_is_the_derivative_of_the_loss_in_the_attention_logits(problem) -> None:
    # Forward differentiation: z_i -> z_i + e multiplies the weight of position i by 1 + e, to first order in e.
    law, configuration, x = problem
    P = law.predictive(x)
    weights = [configuration.q ** configuration.matches(x, j) for j in range(len(x))]
    for i, g in enumerate(score(x, P, configuration)):
        shifted = [Series(1, 1, {(0,): w, (1,): w if j == i else Fraction(0)}) for j, w in enumerate(weights)]
        Z = sum(shifted)
        derivative = Fraction(0)
        for s in set(x):
            p = sum(w for w, x_j in zip(shifted, x, strict=True) if x_j == s) / Z
            derivative -= P[s] * p[1,] / p[0,]  # of -P(s) log p(s)
        assert g == derivative


@given(sequences())
def test_the_score_of_a_sequence_adds_up_to_zero(problem) -> None:
    # Adding a constant to all logits changes nothing; at the limit as well.
    law, configuration, x = problem
    P = law.predictive(x)
    assert sum(score(x, P, configuration)) == 0
    assert sum(score(x, P, Configuration(configuration.lags, math.inf))) == 0


@given(sequences())
def test_the_limit_is_the_limit(problem) -> None:
    # A share w_j/Z of the best positions differs from its limit by at most T/q, as each of the at most T others has
    # at most 1/q of the weight of a best one; a share of another position is at most 1/q. g_j is made of two shares.
    law, configuration, x = problem
    P = law.predictive(x)
    q = Fraction(10**12)
    limit = score(x, P, Configuration(configuration.lags, math.inf))
    for g, g_inf in zip(score(x, P, Configuration(configuration.lags, q)), limit, strict=True):
        assert abs(g - g_inf) <= 2 * len(x) / q


@given(problems(max_sequences=243))
def test_relabelling_the_tokens_permutes_the_blocks(problem) -> None:
    law, configuration, T = problem
    M = enumeration(law, configuration, T)
    for relabelled in permutations(range(law.S)):
        for block in M.blocks.values():
            for v, w in product(range(law.S), repeat=2):
                assert block[relabelled[v]][relabelled[w]] == block[v][w]


@given(problems(max_sequences=243))
def test_rows_add_up_to_minus_what_the_beginning_of_the_sequence_keeps(problem) -> None:
    # sum_v' M_ab[v][v'] = E 1{x_{T-a} = v} sum of g_j over the j with x_{j-b}, and all g_j add up to 0.
    law, configuration, T = problem
    M = enumeration(law, configuration, T)
    kept = {(a, b, v): Fraction(0) for a in range(law.n) for b in range(law.n) for v in range(law.S)}
    for x in product(range(law.S), repeat=T):
        g = score(x, law.predictive(x), configuration)
        for a, b in product(range(law.n), repeat=2):
            kept[a, b, x[T - 1 - a]] += law.probability(x) * sum(g[:b])
    for (a, b, v), beginning in kept.items():
        assert sum(M[a, b][v]) == -beginning
        assert b > 0 or beginning == 0


@given(problems(max_sequences=128))
def test_q_equal_to_one_switches_the_lags_off(problem) -> None:
    law, configuration, T = problem
    off = enumeration(law, Configuration(configuration.lags, Fraction(1)), T)
    assert off == enumeration(law, Configuration((), Fraction(7, 2)), T)


@given(problems(max_sequences=243))
def test_the_blocks_of_the_compared_tokens_make_up_the_derivative_in_c(problem) -> None:
    # The logit of position j is c m_j, and m_j counts the lags l with x_{j-l} = x_{T-l+1}: so the derivative in c is
    # E sum_j g_j m_j, and it is the sum of the diagonals of M_{l-1,l}.
    law, configuration, T = problem
    M = enumeration(law, configuration, T)
    derivative = Fraction(0)
    for x in product(range(law.S), repeat=T):
        g = score(x, law.predictive(x), configuration)
        derivative += law.probability(x) * sum(g[j] * configuration.matches(x, j) for j in range(T))
    assert sum(M[lag - 1, lag][v][v] for lag in configuration.lags for v in range(law.S)) == derivative


def test_one_token_of_one_sequence_by_hand() -> None:
    # T = n = 1: p_theta(x_1) = 1 whatever theta is, so the gradient is 0.
    assert enumeration(NGramLaw(2, 1), Configuration((), Fraction(2)), 1)[0, 0] == ((0, 0), (0, 0))


def test_the_unigram_at_length_two_by_hand() -> None:
    # n = 1, alpha = 1, T = 2. Sequences with equal tokens have p = 1 and g = 0. For 01: P = (1/2, 1/2), rho = 1 and
    # a = (1/2, 1/2), so that g = 1/2 - 1/2 = 0 too.
    assert enumeration(NGramLaw(2, 1), Configuration((), Fraction(2)), 2)[0, 0] == ((0, 0), (0, 0))
    # T = 3: for 001, P = (3/5, 2/5), a = 1/3: g_1 = g_2 = 1/3 - 3/10 = 1/30 and g_3 = 1/3 - 2/5 = -1/15. The sequences
    # 001, 010, 100 have probability 1/12 each, and the last token is 1 in one of them, 0 in two; 110 mirrors 001.
    same = Fraction(1, 12) * (-Fraction(1, 15)) + Fraction(2, 12) * Fraction(1, 15)
    assert enumeration(NGramLaw(2, 1), Configuration((), Fraction(2)), 3)[0, 0] == ((same, -same), (-same, same))
