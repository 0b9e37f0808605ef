"""Averages of polynomials over kernels: against the full Gauss rule, moments of the prior, orbits by brute force."""

import math
from fractions import Fraction
from itertools import combinations, permutations

import pytest
import torch

from numerics.sub_ngrams.infinite_length import taylor
from numerics.sub_ngrams.kernel_rules import gauss
from numerics.sub_ngrams.low_degree import _kinds, low_degree
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw

UNIGRAM, BIGRAM = (Configuration.k_gram(k, math.inf) for k in (1, 2))


def test_low_degree_rules_are_exact_for_what_treats_tokens_alike():
    """Against the full tensor Gauss rule, of all Taylor terms up to the degree of the rule; beyond, they are off."""
    seen = 0
    for law, configuration in (
        (NGramLaw(2, 3), BIGRAM),
        (NGramLaw(2, 3, Fraction(1, 2)), Configuration((2,), 3.0)),
        (NGramLaw(3, 2, Fraction(3)), UNIGRAM),
        (NGramLaw(4, 1), UNIGRAM),
    ):
        full, _ = gauss(law, 10)
        exact = averages(full, law, configuration)
        for degree in (3, 5, 7, 9):
            rule = low_degree(law, degree, 10**5)
            assert low_degree(law, degree, len(rule) - 1) is None
            assert low_degree(law, degree, len(rule)) is not None
            off = (averages(rule, law, configuration) - exact).flatten(1).abs().amax(1)
            assert float(off[: degree + 1].max()) <= 1e-15 * float(rule.weights.abs().sum())
            seen += float(off[degree + 1]) > 1e-6
    assert seen >= 8


def averages(nodes, law, configuration):
    """Of the Taylor terms of degree 0 to 10, summand by summand."""
    return torch.einsum("ig,dif->dgf", nodes.weights, taylor(nodes.kernels, law, configuration, 10).terms)


@pytest.mark.parametrize("law", [NGramLaw(4, 3), NGramLaw(5, 3, Fraction(1, 2)), NGramLaw(6, 2, Fraction(3))])
def test_low_degree_rules_with_many_rows(law):
    """Polynomials of degree 8 and 9 with four rows in every term, whose averages are moments of one row."""
    S, N, A, a = law.S, law.S ** (law.n - 1), law.S * law.alpha, law.alpha
    second = (a + 1) / (A + 1) - Fraction(1, S)  # sums of the powers of the deviations of one row from 1/S
    third = (a + 1) * (a + 2) / ((A + 1) * (A + 2)) - 3 * (a + 1) / (A + 1) / S + Fraction(2, S**2)
    rule = low_degree(law, 9, 10**6)
    p, q = ((rule.kernels - 1 / S) ** 2).sum(2), ((rule.kernels - 1 / S) ** 3).sum(2)
    eight, nine = torch.zeros(5, len(p)).double(), torch.zeros(5, len(p)).double()  # sums over sets of so many rows
    eight[0] = 1
    for u in range(N):
        nine[1:] += nine[:-1] * p[:, u] + eight[:-1] * q[:, u]
        eight[1:] += eight[:-1] * p[:, u]
    for value, exact in ((eight[4], second**4), (nine[4], 4 * second**3 * third)):
        found = float(rule.weights[:, 0] @ value)
        assert abs(found / (math.comb(N, 4) * float(exact)) - 1) <= 1e-9


@pytest.mark.parametrize(("S", "n"), [(2, 3), (3, 3), (4, 2), (2, 4), (2, 6)])
def test_kinds_are_the_orbits_of_sets_of_rows(S, n):
    contexts = list(NGramLaw(S, n).contexts)
    for size in range(1, 4):
        orbits = {}
        for rows in combinations(contexts, size):
            names = permutations(range(S))
            orbit = frozenset(frozenset(tuple(name[x] for x in row) for row in rows) for name in names)
            orbits[orbit] = orbits.get(orbit, 0) + 1
        kinds = _kinds(contexts, S, size)
        assert sorted(kinds.values()) == sorted(orbits.values())
        representatives_of = {frozenset(contexts[i] for i in rows): count for rows, count in kinds.items()}
        for orbit, count in orbits.items():
            assert [representatives_of[rows] for rows in representatives_of if rows in orbit] == [count]
