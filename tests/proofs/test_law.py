"""Laws of the law: probabilities add up, predictives are their ratios, and the urns are averages over kernels."""

import math
from fractions import Fraction
from itertools import permutations, product
from math import comb, factorial, prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.sub_ngrams.law import NGramLaw, float_alpha, require_ngram_law
from tests.strategies import laws


@st.composite
def laws_and_sequences(draw: st.DrawFn) -> tuple[NGramLaw, tuple[int, ...]]:
    law = draw(laws())
    tokens = st.integers(0, law.S - 1)
    return law, tuple(draw(st.lists(tokens, min_size=law.n - 1, max_size=12)))


@given(laws(), st.integers(0, 5))
def test_the_probabilities_of_all_sequences_add_up_to_one(law: NGramLaw, T: int) -> None:
    assert sum(law.probability(x) for x in product(range(law.S), repeat=T)) == 1


@given(laws_and_sequences())
def test_the_predictive_is_a_ratio_of_probabilities_and_adds_up_to_one(problem) -> None:
    law, x = problem
    predictive = law.predictive(x)
    assert sum(predictive) == 1
    assert [law.probability((*x, s)) / law.probability(x) for s in range(law.S)] == list(predictive)


@given(laws_and_sequences())
def test_relabelling_the_tokens_changes_no_probability(problem) -> None:
    law, x = problem
    for relabelled in permutations(range(law.S)):
        assert law.probability([relabelled[s] for s in x]) == law.probability(x)


@given(laws_and_sequences(), st.randoms(use_true_random=False))
def test_without_memory_the_order_of_the_tokens_does_not_matter(problem, random) -> None:
    law, x = problem
    iid = NGramLaw(law.S, 1, law.alpha)
    shuffled = random.sample(x, len(x))
    assert iid.probability(shuffled) == iid.probability(x)


def beta_moment(ones: int, zeros: int) -> Fraction:
    """The integral of t^ones (1-t)^zeros over [0, 1]."""
    return Fraction(1, (ones + zeros + 1) * comb(ones + zeros, ones))


@pytest.mark.parametrize("x", [(0, 1, 1, 0, 1, 1, 1, 0, 0), (1, 1, 1, 1), (0, 0, 1, 0, 0, 1, 0)])
def test_the_urns_are_the_average_over_uniform_kernels(x: tuple[int, ...]) -> None:
    law = NGramLaw(2, 3)
    windows = [x[t - 2 : t + 1] for t in range(2, len(x))]
    rows = [beta_moment(windows.count((*u, 1)), windows.count((*u, 0))) for u in law.contexts]
    assert law.probability(x) == Fraction(1, 4) * prod(rows)


def test_a_dirichlet_start_is_exchangeable_and_a_uniform_one_independent() -> None:
    # alpha = 1, three tokens: N_0! N_1! N_2! 2! / (N + 2)!
    dirichlet, uniform = NGramLaw(3, 5, initial="dirichlet"), NGramLaw(3, 5)
    assert dirichlet.probability((0, 1, 0, 0)) == Fraction(factorial(3) * 2, factorial(6))
    assert uniform.probability((0, 1, 0, 0)) == Fraction(1, 81)


def test_contexts_are_in_lexicographic_order() -> None:
    assert NGramLaw(2, 3).contexts == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert NGramLaw(3, 1).contexts == [()]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((1, 2), "S=1: an int, at least 2"),
        ((2, 0), "n=0: an int, at least 1"),
        ((-3, 2), "S=-3"),
        ((2.0, 2), "S=2.0"),
        ((2, 2.5), "n=2.5"),
        ((2, Fraction(2)), "n=Fraction"),
        ((True, 2), "S=True"),
        ((2, True), "n=True"),
        ((np.int64(2), 2), "S="),  # S**n would overflow without a word
        (("2", 2), "S='2'"),
        ((2, None), "n=None"),
        ((2, 2, Fraction(-1)), "alpha"),
        ((2, 2, 1), "alpha"),
        ((2, 2, math.nan), "alpha"),
        ((2, 2, Fraction(0)), "alpha"),
        ((2, 2, 0.5), "alpha"),
        ((2, 2, Fraction(1), "stationary"), "initial"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(arguments, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        NGramLaw(*arguments)


class Biased(NGramLaw):
    """Another law with the same S, n, alpha and initial."""

    def urn(self, count: int, total: int) -> Fraction:
        return Fraction(1, self.S)


class Alike:
    """No relative, with all attributes of the law."""

    S, n, alpha, initial = 2, 2, Fraction(1), "uniform"


@pytest.mark.parametrize("law", [Biased(2, 2), Alike(), None])
@pytest.mark.parametrize("function", [require_ngram_law, float_alpha])
def test_another_law_is_refused(law, function) -> None:
    with pytest.raises(ValueError, match=f"the law is a {type(law).__name__}: must be NGramLaw itself"):
        function(law)
    require_ngram_law(NGramLaw(2, 2))


@pytest.mark.parametrize("alpha", [Fraction(1, 10**300), Fraction(3, 7), Fraction(1000), Fraction(10**300)])
def test_alpha_as_a_float(alpha: Fraction) -> None:
    assert abs(Fraction(float_alpha(NGramLaw(2, 2, alpha))) - alpha) <= alpha / 2**53


@pytest.mark.parametrize("alpha", [Fraction(1, 10**301), Fraction(1, 10**400), Fraction(10**301), Fraction(10**5000)])
def test_alpha_beyond_floats(alpha: Fraction) -> None:
    with pytest.raises(ValueError, match="alpha is beyond the reach of floats: 1e-300 <= alpha <= 1e300"):
        float_alpha(NGramLaw(2, 2, alpha))
