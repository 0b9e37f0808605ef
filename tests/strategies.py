"""Hypothesis strategies for the objects that every room shares."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations

from hypothesis import strategies as st

from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw

alphas = st.sampled_from([Fraction(1), Fraction(1, 2), Fraction(2), Fraction(3, 7)])
rational_qs = st.fractions(min_value=Fraction(8, 7), max_value=40, max_denominator=7)
qs = st.one_of(rational_qs, st.just(math.inf))


@st.composite
def laws(draw: st.DrawFn, max_S: int = 3, max_n: int = 3) -> NGramLaw:
    S = draw(st.integers(2, max_S))
    n = draw(st.integers(1, max_n))
    return NGramLaw(S, n, draw(alphas), draw(st.sampled_from(["uniform", "dirichlet"])))


@st.composite
def configurations(draw: st.DrawFn, n: int, q: st.SearchStrategy[Fraction | float] = qs) -> Configuration:
    """Any lag set of {1..n-1}."""
    subsets = [lags for size in range(n) for lags in combinations(range(1, n), size)]
    return Configuration(draw(st.sampled_from(subsets)), draw(q))


@st.composite
def problems(draw: st.DrawFn, max_sequences: int = 729) -> tuple[NGramLaw, Configuration, int]:
    """A law, a configuration and a length T >= n small enough to enumerate all S^T sequences."""
    law = draw(laws())
    longest = max(law.n, int(math.log(max_sequences, law.S) + 1e-9))
    return law, draw(configurations(law.n)), draw(st.integers(law.n, longest))
