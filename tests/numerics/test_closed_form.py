"""The vectorised closed form against its slow twin in exact rationals."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from numerics.sub_ngrams import closed_form as module
from numerics.sub_ngrams.closed_form import (
    block_mean,
    closed_form,
    lag_sums,
    lag_sums_of_counts,
    matches,
    query_tokens,
    score,
    score_error,
    score_from_logits,
)
from numerics.sub_ngrams.sampling import polya_urn, predictive_of_counts, urn_counts
from numerics.sub_ngrams.sequences import UNIT_ROUNDOFF, law_error, predictive, words
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.enumeration import enumeration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.score import score as twin
from tests.strategies import configurations, laws, problems


@st.composite
def drawn(draw: st.DrawFn) -> tuple[NGramLaw, Configuration, Tensor, Tensor]:
    """A law, a configuration and ten sequences of the law with their predictives."""
    law = draw(laws(max_S=4, max_n=4))
    configuration = draw(configurations(law.n))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 999)))
    return law, configuration, *polya_urn(law, draw(st.integers(law.n, 30)), 10, generator)


def bound(configuration: Configuration, S: int) -> float:
    """Of the error of any sum of g over positions: sum |g| <= 2, terms off by score_error and the error of P."""
    return 2 * (score_error(configuration, S) + law_error(0))


@given(drawn())
def test_score_is_the_slow_twins(drawn: tuple[NGramLaw, Configuration, Tensor, Tensor]) -> None:
    law, configuration, x, P = drawn
    g, R = score(x, P, configuration), lag_sums(x, P, configuration, law.n)
    assert g.shape == x.shape and R.shape == (len(x), law.n, law.S)
    for i, word in enumerate(x.tolist()):
        exact = twin(word, law.predictive(word), configuration)
        gap = sum(abs(Fraction(a) - b) for a, b in zip(g[i].tolist(), exact, strict=True))
        assert gap <= bound(configuration, law.S)
        for b in range(law.n):
            for v in range(law.S):
                total = sum(exact[j] for j in range(b, len(word)) if word[j - b] == v)
                assert abs(Fraction(R[i, b, v].item()) - total) <= bound(configuration, law.S)


@given(laws(max_S=4, max_n=4), st.data())
def test_counts_of_ngrams_are_all_it_takes(law: NGramLaw, data: st.DataObject) -> None:
    """The urns' counts are those of the sequence, and give the same sums as its positions one by one; what is kept of
    the sequence is its start and its end."""
    configuration, T = data.draw(configurations(law.n)), data.draw(st.integers(law.n, 30))
    seed = data.draw(st.integers(0, 999))
    x, P = polya_urn(law, T, 20, torch.Generator().manual_seed(seed), torch.uint8)
    start, last, grams = urn_counts(law, T, 20, torch.Generator().manual_seed(seed), torch.uint8)
    assert torch.equal(start, x[:, : law.n - 1]) and torch.equal(last, x[:, -law.n :])
    for word, counts in zip(words(x.long(), law.n, law.S), grams, strict=True):
        assert torch.equal(word.bincount(minlength=law.S**law.n).double(), counts)
    assert torch.equal(P, predictive_of_counts(law, last, grams))
    assert (P - predictive(law, x.long())).abs().max() <= law_error(0)
    found, due = lag_sums_of_counts(start, last, grams, P, configuration, law.n), lag_sums(x, P, configuration, law.n)
    assert (found - due).abs().max() <= bound(configuration, law.S) + 2 * UNIT_ROUNDOFF * law.S**law.n


@given(drawn())
def test_general_logits_agree_at_the_configuration(
    drawn: tuple[NGramLaw, Configuration, Tensor, Tensor],
) -> None:
    law, configuration, x, P = drawn
    # c = 64 stands for the limit: what is left of the weights off the best matches is T e^-64
    c = 64.0 if configuration.at_limit else configuration.c
    z = c * matches(x, configuration).double()
    due = score(x, P, configuration)
    # logits are rounded by u c |Lambda|, and the exponentials of T numbers are summed
    allowed = bound(configuration, law.S) + 8 * UNIT_ROUNDOFF * (c * law.n + x.shape[1] + 20)
    assert (score_from_logits(z, x, P) - due).abs().max() <= allowed


@given(problems())
def test_engine_agrees_with_enumeration(problem: tuple[NGramLaw, Configuration, int]) -> None:
    found = closed_form(*problem)
    assert found.difference(enumeration(*problem)) <= found.error <= 1e-11
    assert found.level is None


@given(drawn())
def test_laws_of_the_score(drawn: tuple[NGramLaw, Configuration, Tensor, Tensor]) -> None:
    law, configuration, x, P = drawn
    R = lag_sums(x, P, configuration, law.n)
    allowed = bound(configuration, law.S)
    # shifting all logits changes nothing
    assert R[:, 0].sum(1).abs().max() <= allowed
    # |g| sums to at most 2, half of it of either sign
    assert score(x, P, configuration).abs().sum(1).max() <= 2 + allowed
    assert R.abs().max() <= 1 + allowed
    # relabelling the tokens relabels the gradient
    shift = (torch.arange(law.S) + 1) % law.S
    relabelled = lag_sums(shift[x], P.roll(1, 1), configuration, law.n)
    assert (relabelled - R.roll(1, 2)).abs().max() <= allowed


@given(drawn(), st.integers(1, 200))
def test_chunks_do_not_matter(drawn: tuple[NGramLaw, Configuration, Tensor, Tensor], positions: int) -> None:
    law, configuration, x, P = drawn
    whole = lag_sums(x.to(torch.uint8), P, configuration, law.n)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "POSITIONS", positions)
        assert torch.equal(whole, lag_sums(x, P, configuration, law.n))


@given(drawn())
def test_block_mean_is_the_weighted_sum_of_rank_one_blocks(
    drawn: tuple[NGramLaw, Configuration, Tensor, Tensor],
) -> None:
    law, configuration, x, P = drawn
    weight = torch.arange(1.0, len(x) + 1, dtype=torch.float64)
    due = torch.zeros(law.n, law.n, law.S, law.S, dtype=torch.float64)
    g = score(x, P, configuration)
    for i in range(len(x)):
        for j in range(x.shape[1]):
            for a in range(law.n):
                for b in range(min(law.n, j + 1)):
                    due[a, b, x[i, -1 - a], x[i, j - b]] += weight[i] * g[i, j]
    found = block_mean(x, P, weight, configuration, law.n)
    allowed = float(weight.sum()) * (bound(configuration, law.S) + 2 * UNIT_ROUNDOFF * x.numel())
    assert (found - due).abs().max() <= allowed
    assert torch.equal(query_tokens(x, law.n)[:, 0], x[:, -1])


@pytest.mark.parametrize("T", [4, 200])  # at T = 4 tokens are absent, and numbers of matches
def test_huge_q_is_the_limit(T: int) -> None:
    law = NGramLaw(3, 3, Fraction(1, 2))
    x, P = polya_urn(law, T, 50, torch.Generator().manual_seed(0))
    for lags in ((1,), (1, 2), (2,)):
        limit = lag_sums(x, P, Configuration(lags, math.inf), 3)
        huge = lag_sums(x, P, Configuration(lags, 1e300), 3)
        assert bool(huge.isfinite().all())
        assert (huge - limit).abs().max() <= bound(Configuration(lags, 1e300), 3)  # 4 T / q is nothing beside it
        assert (
            lag_sums(x, P, Configuration(lags, 1.0), 3) - lag_sums(x, P, Configuration((), 5.0), 3)
        ).abs().max() <= (
            bound(Configuration(lags, 1.0), 3)  # q = 1 switches the lags off
        )


def test_a_long_sequence() -> None:
    """T = 100,000: the same counts as the loop of the slow twin would make, by another grouping."""
    law, configuration = NGramLaw(3, 3), Configuration((1, 2), Fraction(5))
    x, P = polya_urn(law, 100_000, 2, torch.Generator().manual_seed(1), torch.uint8)
    R = lag_sums(x, P, configuration, 3)
    g = score_from_logits(configuration.c * matches(x, configuration).double(), x, P)
    for b in range(3):
        for v in range(3):
            due = (g[:, b:] * (x[:, : 100_000 - b] == v)).sum(1)
            assert (R[:, b, v] - due).abs().max() <= 4 * UNIT_ROUNDOFF * 100_000  # summation of 1e5 terms, sum |g| <= 2
