"""For your own pytest suite: claims as tests, your engine or network against the exact ones, strategies of problems.

    from landscape_verifier.testing import assert_as_expected, claim_ids

    @pytest.mark.parametrize("id", claim_ids("sub-n-grams"))
    def test_claim(id):
        assert_as_expected("sub-n-grams", "k=2", "n=3", f"select={id}")

A file of lemmas is a file of tests with one import; `pytest my_lemmas.py` makes a test of each:

    from landscape_verifier.testing import pytest_generate_tests, test_lemma

Needs hypothesis, for the strategies: pip install 'landscape-verifier[testing]'.
"""

from verify.papers.sub_ngrams.testing import (
    Problem,
    alphas,
    assert_engines_agree,
    assert_gradient_matches,
    configurations,
    laws,
    problems,
    qs,
    rational_qs,
)
from verify.testing import (
    assert_as_expected,
    assert_claim,
    assert_same_statements,
    claim_ids,
    pytest_generate_tests,
    test_lemma,
)

__all__ = [
    "Problem",
    "alphas",
    "assert_as_expected",
    "assert_claim",
    "assert_engines_agree",
    "assert_gradient_matches",
    "assert_same_statements",
    "claim_ids",
    "configurations",
    "laws",
    "problems",
    "pytest_generate_tests",
    "qs",
    "rational_qs",
    "test_lemma",
]
