"""The intervals of the Monte Carlo engine hold as often as they say; its values are averages of exact blocks."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction
from itertools import permutations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch.nn.functional import one_hot

from numerics.sub_ngrams import monte_carlo as module
from numerics.sub_ngrams.closed_form import (
    block_mean,
    closed_form,
    lag_sums,
    query_tokens,
    row_slopes,
    score_from_logits,
)
from numerics.sub_ngrams.monte_carlo import Moments, monte_carlo, symmetrised
from numerics.sub_ngrams.network import Network
from numerics.sub_ngrams.sampling import chains, draw_kernels, polya_urn
from numerics.sub_ngrams.sequences import UNIT_ROUNDOFF, predictive
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.score_blocks import ScoreBlocks
from tests.strategies import configurations, laws

FALSE_ALARM = 1e-6  # of every statistical test here; the seeds are fixed, so it was run once
EIGHT = (NGramLaw(2, 3), Configuration.k_gram(2, Fraction(5)), 8)


def covered(found: ScoreBlocks, exact: ScoreBlocks) -> dict[tuple[int, int, int], bool]:
    """Whether the interval holds the exact value, for the two entries that each block has."""
    assert found.errors is not None
    return {
        (a, b, v): abs(found[a, b][0][v] - exact[a, b][0][v]) <= found.errors[a, b][0][v]
        for a, b in found.blocks
        for v in (0, 1)
    }


@pytest.mark.parametrize(
    ("law", "configuration", "T"),
    [
        (NGramLaw(2, 2), Configuration.k_gram(2, Fraction(5)), 8),
        (NGramLaw(2, 3, Fraction(1, 2), "dirichlet"), Configuration.k_gram(2, math.inf), 12),
        (NGramLaw(3, 2, Fraction(2)), Configuration.k_gram(1, 2.0), 7),
    ],
)
def test_intervals_cover_the_truth_as_often_as_they_say(law: NGramLaw, configuration: Configuration, T: int) -> None:
    """Student's, by binomial tests both ways, at a level of 0.8 (where counting tells most) and 150 seeds.

    Half-widths half as wide would cover 0.48, twice as wide 0.99: both are told from 0.8 by 150 seeds.
    """
    exact, hits, seeds = closed_form(law, configuration, T), {}, 150
    for seed in range(seeds):
        found = monte_carlo(law, configuration, T, samples=1500, level=0.8, seed=seed, interval="student")
        assert found.level == 0.8
        for entry, hit in covered(found, exact).items():
            hits[entry] = hits.get(entry, 0) + hit
    for count in hits.values():
        assert stats.binomtest(count, seeds, 0.8).pvalue > FALSE_ALARM


def test_bernstein_intervals_hold_at_any_number_of_samples() -> None:
    """At 20 sequences, too: coverage at least the level (here far more), and half-widths wider than Student's."""
    exact = closed_form(*EIGHT)
    hits = [
        list(covered(monte_carlo(*EIGHT, samples=20, level=0.9, seed=seed, interval="bernstein"), exact).values())
        for seed in range(60)
    ]
    for entry in zip(*hits, strict=True):
        assert stats.binomtest(sum(entry), len(entry), 0.9, alternative="less").pvalue > FALSE_ALARM
    wide, narrow = (monte_carlo(*EIGHT, samples=5000, interval=i) for i in ("bernstein", "student"))
    assert wide.difference(narrow) == 0 and wide.error > narrow.error


@pytest.mark.parametrize("samples", [200, 2000])
@pytest.mark.parametrize("alpha", [Fraction(1, 1000), Fraction(1, 100), Fraction(1, 10)])
@pytest.mark.parametrize(
    ("S", "n", "k", "T", "q"), [(2, 2, 2, 8, 1000), (2, 3, 2, 8, 10**6), (2, 3, 3, 12, 1000), (3, 2, 2, 7, 10**6)]
)
def test_intervals_cover_where_rare_sequences_carry_the_mean(
    S: int, n: int, k: int, T: int, q: int, alpha: Fraction, samples: int
) -> None:
    """By default, at the default level of 0.99: at small alpha most samples hold none of the rare sequences, and
    Student's half-width is next to 0 then."""
    law, configuration = NGramLaw(S, n, alpha), Configuration.k_gram(k, Fraction(q))
    exact, hits = closed_form(law, configuration, T), Counter[tuple[int, int, int]]()
    for seed in range(40):
        found = monte_carlo(law, configuration, T, samples=samples, seed=seed)
        assert found.level == 0.99
        hits.update(entry for entry, hit in covered(found, exact).items() if hit)
    for entry in covered(exact, exact):
        assert stats.binomtest(hits[entry], 40, 0.99, alternative="less").pvalue > FALSE_ALARM


def test_agreement_with_an_independent_route() -> None:
    """S=5, n=3, k=2, alpha=1/2, T=32, out of reach of enumeration: kernels first, then chains, the literal network's
    logits, general score, and blocks by one-hot sums. Against urns, count tables and symmetrised rank-one sums."""
    law, configuration, T, samples = NGramLaw(5, 3, Fraction(1, 2)), Configuration.k_gram(2, Fraction(5)), 32, 40_000
    found = monte_carlo(law, configuration, T, samples=samples, seed=1, level=1 - FALSE_ALARM / 18, interval="student")
    assert found.errors is not None
    generator, moments = torch.Generator().manual_seed(2), Moments()
    network = Network.at_configuration(law, configuration, T)
    for _ in range(8):
        x = chains(law, draw_kernels(law, 5000, generator), T, generator)
        with torch.no_grad():
            g = score_from_logits(network.logits(x), x, predictive(law, x))
        tokens = one_hot(x, 5).double()
        R = torch.stack([torch.einsum("bj,bjv->bv", g[:, b:], tokens[:, : T - b]) for b in range(3)], 1)
        blocks = torch.einsum("iav,ibw->iabvw", one_hot(query_tokens(x, 3), 5).double(), R)
        same = blocks.diagonal(dim1=3, dim2=4).mean(3)
        moments.add(torch.stack([same, (blocks.sum((3, 4)) - 5 * same) / 20], 1))
    quantile = float(stats.norm.ppf(1 - FALSE_ALARM / 36))
    half = quantile * (moments.variance / moments.count).sqrt()
    for a in range(3):
        for b in range(3):
            for v in (0, 1):
                gap = abs(found[a, b][0][v] - float(moments.mean[v, a, b]))
                assert gap <= math.hypot(found.errors[a, b][0][v], float(half[v, a, b])) + 1e-15
    assert max(abs(e) for row in found[0, 1] for e in row) > 3 * found.error  # and there is something to see


@settings(max_examples=15)
@given(laws(), st.data())
def test_symmetrised_is_the_average_over_all_relabellings(law: NGramLaw, data: st.DataObject) -> None:
    configuration, T = data.draw(configurations(law.n)), data.draw(st.integers(law.n, 20))
    x, P = polya_urn(law, T, 1, torch.Generator().manual_seed(data.draw(st.integers(0, 99))))
    due = torch.zeros(law.n, law.n, law.S, law.S, dtype=torch.float64)
    for relabelling in permutations(range(law.S)):
        new = torch.tensor(relabelling)
        moved = torch.empty_like(P)
        moved[:, new] = P
        due += block_mean(new[x], moved, P.new_ones(1), configuration, law.n) / math.factorial(law.S)
    found = symmetrised(x, lag_sums(x, P, configuration, law.n))[0]
    for v in range(law.S):
        for w in range(law.S):
            assert (found[0 if v == w else 1] - due[:, :, v, w]).abs().max() <= 500 * UNIT_ROUNDOFF  # values below 1


@given(laws(max_S=4, max_n=4), st.data())
def test_values_stay_in_their_ranges(law: NGramLaw, data: st.DataObject) -> None:
    """What the Bernstein interval rests on."""
    drawn, T = data.draw(configurations(law.n)), data.draw(st.integers(law.n, 40))
    configuration = Configuration(drawn.lags, drawn.q, data.draw(st.sampled_from(["padded", "literal"])))
    x, P = polya_urn(law, T, 300, torch.Generator().manual_seed(data.draw(st.integers(0, 99))))
    values = symmetrised(x, lag_sums(x, P, configuration, law.n)).flatten(1)
    values = torch.cat([values, row_slopes(x, P, configuration, law.n)], 1)
    spread = values.amax(0) - values.amin(0)
    assert bool((spread <= module._ranges(law, configuration) * (1 + 500 * UNIT_ROUNDOFF)).all())


def test_moments_are_those_of_all_values_together() -> None:
    values = torch.randn(1000, 3, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 5
    moments = Moments()
    for part in values.split([1, 400, 99, 500]):
        moments.add(part)
    assert moments.count == 1000
    assert (moments.mean - values.mean(0)).abs().max() <= 1000 * 6 * UNIT_ROUNDOFF
    assert (moments.variance - values.var(0)).abs().max() <= 1000 * 36 * UNIT_ROUNDOFF


@pytest.mark.parametrize("interval", ["student", "bernstein"])
def test_tolerance_is_met_without_waste(interval: module.Interval) -> None:
    found = monte_carlo(*EIGHT, tolerance=1e-3, interval=interval)
    # the half-width goes with the pilot's deviation, known to about 3 %, and a tenth more sequences are drawn
    assert 0.85e-3 <= found.error <= 1e-3


def test_the_fewest_sequences_asked_for_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    few = monte_carlo(*EIGHT, samples=100, tolerance=1e-9, budget=1e9)
    assert few.error > 10 * monte_carlo(*EIGHT, samples=40_000).error
    ticks = iter([0.0, 1.0])  # the pilot takes one second, so 3 seconds are two more of its size
    monkeypatch.setattr("time.perf_counter", lambda: next(ticks))
    counts: list[int] = []
    original = module.sampled_moments
    monkeypatch.setattr(module, "sampled_moments", lambda *args: (counts.append(args[3]), original(*args))[1])
    monte_carlo(*EIGHT, budget=3.0)
    assert counts == [module.PILOT, 2 * module.PILOT]


def test_batches_and_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_rng_state()
    first, again, other = (monte_carlo(*EIGHT, samples=3000, seed=seed) for seed in (1, 1, 2))
    assert first == again and first.difference(other) > 0
    assert torch.equal(before, torch.get_rng_state())
    monkeypatch.setitem(module.MAX_LANES, "cpu", 70)  # many small batches
    small = monte_carlo(*EIGHT, samples=3000, seed=1)
    assert small.difference(first) <= 3 * first.error
    assert math.isfinite(small.error) and 0.5 < small.error / first.error < 2


def test_long_sequences_and_large_vocabularies() -> None:
    for law, T in ((NGramLaw(2, 3), 20_000), (NGramLaw(300, 2), 50)):
        found = monte_carlo(law, Configuration.k_gram(2, 10.0), T, samples=20, seed=3)
        assert found.level == 0.99
        # M_{0,0} has rows that sum to 0, as g does
        assert all(abs(sum(row)) <= law.S * 1e-15 for row in found[0, 0])
        assert 0 < found.error < 1


def test_vanishing_variance_leaves_the_rounding_error() -> None:
    """n = 1 and T = 2 tokens, k = 1: g is 0 for equal tokens, and else the same up to a relabelling."""
    found = monte_carlo(NGramLaw(2, 1), Configuration((), 2.0), 1, samples=1000)
    assert found.error > 0  # one token: p = 1 on it whatever the logits are
    assert all(e == 0 for row in found[0, 0] for e in row)


def test_what_is_refused() -> None:
    for words, message in (
        ({}, "one of samples, tolerance, budget"),
        ({"samples": 1}, "samples=1"),
        ({"samples": 10, "level": 1.0}, r"level=1\.0"),
        ({"samples": 10, "interval": "wald"}, "interval='wald'"),
        ({"tolerance": 0.0}, r"tolerance=0\.0"),
        ({"tolerance": math.nan}, "tolerance=nan"),
        ({"tolerance": 1e-9}, "more than 1000000000 sequences"),
    ):
        with pytest.raises(ValueError, match=message):
            monte_carlo(*EIGHT, **words)
    with pytest.raises(ValueError, match="T=2"):
        monte_carlo(EIGHT[0], EIGHT[1], 2, samples=10)
