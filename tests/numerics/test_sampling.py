"""Sequences as tensors: all of them with their weights, and drawn ones, against the exact law."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from numerics.sub_ngrams import sequences
from numerics.sub_ngrams.sampling import chains, draw_kernels, polya_urn
from numerics.sub_ngrams.sequences import enumerate_sequences, law_error, predictive, probability, words
from proofs.sub_ngrams.law import Initial, NGramLaw
from tests.strategies import alphas, laws

CPU = torch.device("cpu")
FALSE_ALARM = 1e-6  # of every statistical test here; the seeds are fixed, so it was run once


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def relative_gap(found: Tensor, exact: list[Fraction]) -> Fraction:
    return max(abs(Fraction(f) / e - 1) for f, e in zip(found.tolist(), exact, strict=True))


@given(laws(), st.data())
def test_enumeration_is_every_sequence_with_its_exact_weight(law: NGramLaw, data: st.DataObject) -> None:
    T = data.draw(st.integers(law.n, int(math.log(243, law.S) + 1e-9)))
    batches = list(enumerate_sequences(law, T, batch=data.draw(st.sampled_from([1000, 50])), device=CPU))
    x = torch.cat([b.x for b in batches]).tolist()
    assert x == [list(word) for word in product(range(law.S), repeat=T)]
    weight, P = torch.cat([b.weight for b in batches]), torch.cat([b.P for b in batches])
    assert weight.dtype == P.dtype == torch.float64
    assert relative_gap(weight, [law.probability(word) for word in x]) <= law_error(T)
    assert relative_gap(P.flatten(), [p for word in x for p in law.predictive(word)]) <= law_error(0)
    assert abs(float(weight.sum()) - 1) <= law_error(T) + len(x) * 2.0**-53


@given(laws(), st.integers(20, 60), st.integers(0, 99))
def test_probability_and_predictive_of_longer_sequences(law: NGramLaw, T: int, seed: int) -> None:
    x = torch.randint(law.S, (5, T), generator=seeded(seed))
    assert relative_gap(probability(law, x), [law.probability(word) for word in x.tolist()]) <= law_error(T)
    exact = [p for word in x.tolist() for p in law.predictive(word)]
    assert relative_gap(predictive(law, x).flatten(), exact) <= law_error(0)


def test_words() -> None:
    x = torch.tensor([[2, 0, 1, 1]])
    assert words(x, 0, 3).tolist() == [[0, 0, 0, 0, 0]]
    assert words(x, 1, 3).tolist() == [[2, 0, 1, 1]]
    assert words(x, 2, 3).tolist() == [[6, 1, 4]]
    assert words(x, 4, 3).tolist() == [[2 * 27 + 0 * 9 + 1 * 3 + 1]]


LAWS = [
    (NGramLaw(S, n, alpha, initial), T)
    for S, n, alpha, T in [
        (2, 1, Fraction(1, 2), 5),
        (2, 2, Fraction(2), 5),
        (3, 2, Fraction(1), 4),
        (2, 3, Fraction(1, 2), 6),
        (3, 3, Fraction(3, 7), 4),
        (2, 4, Fraction(1, 3), 6),
    ]
    for initial in ("uniform", "dirichlet")
]


def check_law(law: NGramLaw, x: Tensor) -> None:
    """Chi-square of the drawn sequences against their exact probabilities."""
    T = x.shape[1]
    exact = [float(law.probability(word)) * len(x) for word in product(range(law.S), repeat=T)]
    assert min(exact) > 4  # for the chi-square approximation
    counts = words(x.long(), T, law.S)[:, 0].bincount(minlength=law.S**T).tolist()
    assert sum(counts) == len(x)
    assert float(stats.chisquare(counts, exact, sum_check=False).pvalue) > FALSE_ALARM


@pytest.mark.parametrize(("law", "T"), LAWS)
def test_urns_draw_from_the_law(law: NGramLaw, T: int) -> None:
    x, P = polya_urn(law, T, 60_000, seeded(1))
    assert x.shape == (60_000, T) and P.shape == (60_000, law.S)
    check_law(law, x)


@pytest.mark.parametrize(("law", "T"), LAWS)
def test_kernels_and_chains_draw_from_the_law(law: NGramLaw, T: int) -> None:
    generator = seeded(2)
    check_law(law, chains(law, draw_kernels(law, 60_000, generator), T, generator))


@given(laws(), st.integers(3, 40), st.integers(0, 99))
def test_the_urns_predictive_is_that_of_the_sequence(law: NGramLaw, T: int, seed: int) -> None:
    x, P = polya_urn(law, T, 20, seeded(seed))
    exact = [p for word in x.tolist() for p in law.predictive(word)]
    assert relative_gap(P.flatten(), exact) <= law_error(0)


@settings(max_examples=5)
@given(alphas, st.sampled_from(["uniform", "dirichlet"]))
def test_the_urns_predictive_at_length(alpha: Fraction, initial: Initial) -> None:
    law = NGramLaw(3, 3, alpha, initial)
    x, P = polya_urn(law, 3000, 10, seeded(3), torch.uint8)  # tokens drawn in more than one lot of random numbers
    assert x.dtype == torch.uint8
    assert (P - predictive(law, x.long())).abs().max() <= law_error(0)
    assert torch.equal(x.long(), polya_urn(law, 3000, 10, seeded(3))[0])


def test_a_chain_follows_its_kernel() -> None:
    """The rows of the kernel are the frequencies along one long chain, context by context."""
    law = NGramLaw(3, 3)
    tau = draw_kernels(law, 4, seeded(4))
    x = chains(law, tau, 40_000, seeded(5))
    for i in range(4):
        counts = words(x[i : i + 1], 3, 3)[0].bincount(minlength=27).view(9, 3).double()
        visits = counts.sum(1, keepdim=True)
        statistic = float(((counts - visits * tau[i]) ** 2 / (visits * tau[i])).sum())
        assert float(stats.chi2.sf(statistic, 9 * 2)) > FALSE_ALARM


def test_kernels_are_dirichlet() -> None:
    """Mean 1/S and variance (S-1) / (S^2 (S alpha + 1)) of every entry; the beta law of one of them."""
    for alpha in (Fraction(1, 2), Fraction(3)):
        law = NGramLaw(4, 2, alpha)
        tau = draw_kernels(law, 5000, seeded(6))
        assert tau.shape == (5000, 4, 4)
        assert (tau.sum(2) - 1).abs().max() <= 8 * 2.0**-53
        p = stats.kstest(tau[:, :, 1].flatten().numpy(), stats.beta(float(alpha), 3 * float(alpha)).cdf).pvalue
        assert float(p) > FALSE_ALARM
        # 80,000 entries: the deviation of this ratio is below 0.01
        assert abs(float(tau.var(dim=(0, 1)).mean()) / (3 / (16 * (4 * alpha + 1))) - 1) <= 0.05


def test_small_alpha_does_not_underflow() -> None:
    """Gamma(1/1000) is below the smallest float half of the time; rows are still distributions, mostly on one token."""
    law = NGramLaw(2, 2, Fraction(1, 1000))
    tau = draw_kernels(law, 2000, seeded(7))
    assert bool(((tau.sum(2) - 1).abs() <= 1e-15).all())
    assert 0.4 < float(tau[..., 0].mean()) < 0.6
    x, P = polya_urn(law, 50, 2000, seeded(7))
    assert bool(P.isfinite().all()) and 0.4 < float(x.double().mean()) < 0.6


def test_seeds_decide_and_nothing_global_is_touched() -> None:
    law = NGramLaw(3, 2)
    before = torch.get_rng_state()
    first, again, other = (polya_urn(law, 20, 30, seeded(seed))[0] for seed in (1, 1, 2))
    chains(law, draw_kernels(law, 5, seeded(1)), 20, seeded(1))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(before, torch.get_rng_state())


def test_what_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    law = NGramLaw(2, 3)
    with pytest.raises(ValueError, match="T=2: sequences have at least n=3"):
        next(enumerate_sequences(law, 2, batch=10, device=CPU))
    with pytest.raises(ValueError, match="T=2: sequences have at least n=3"):
        polya_urn(law, 2, 10, seeded(0))
    monkeypatch.setattr(sequences, "MAX_SEQUENCES", 1000)
    with pytest.raises(ValueError, match=r"2\^10 = 1024 sequences"):
        next(enumerate_sequences(law, 10, batch=10, device=CPU))
