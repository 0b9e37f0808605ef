"""Hypothesis strategies for the objects that every room shares: those that other people's suites draw from too."""

import math
from fractions import Fraction

from hypothesis import strategies as st

from landscape_verifier.testing import Problem, alphas, configurations, laws, problems, qs, rational_qs
from proofs.sub_ngrams.configuration import Configuration

__all__ = ["alphas", "configurations", "laws", "literal_problems", "problems", "qs", "rational_qs"]


@st.composite
def literal_problems(draw: st.DrawFn, max_sequences: int = 256, max_n: int = 4) -> Problem:
    """As `problems`, with literal heads and weights that are rational: q is a power of a rational number, or inf."""
    law = draw(laws(max_n=max_n).filter(lambda law: law.S**law.n <= max_sequences))
    lags = draw(configurations(law.n)).lags
    root = draw(st.one_of(st.fractions(min_value=Fraction(8, 7), max_value=3, max_denominator=7), st.just(math.inf)))
    configuration = Configuration(lags, root ** Configuration(lags, math.inf, "literal").unit, "literal")
    return law, configuration, draw(st.integers(law.n, max(law.n, int(math.log(max_sequences, law.S) + 1e-9))))
