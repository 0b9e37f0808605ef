"""The control SN9: the surviving block, exactly, rigorously enclosed, and by quadrature."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from itertools import product
from typing import Any

import flint
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.sub_ngrams import merged_limit
from proofs.sub_ngrams.annealed_limit import AnnealedBlock, annealed_block
from proofs.sub_ngrams.infinite_length import limit_blocks, random_kernel, stationary_weights
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.merged_limit import (
    Enclosure,
    _by_laplace,
    _by_moments,
    bigram_enclosure,
    bigram_value,
    trigram_enclosure,
    trigram_identity,
)

ALPHAS = [Fraction(1), Fraction(1, 2), Fraction(3, 7), Fraction(2), Fraction(5), Fraction(1, 10)]


# --- the block itself -------------------------------------------------------------------------------------------------


@given(st.randoms(use_true_random=False), st.sampled_from([(2, 2, 1), (2, 3, 1), (2, 3, 2), (3, 2, 1), (3, 3, 2)]))
def test_the_surviving_block_is_a_difference_of_predictions(rng: random.Random, size: tuple[int, int, int]) -> None:
    """-(P(u_{k-1} = v, s) - sum_h P(h, u_{k-1} = v) p(s | h)), from the stationary law alone."""
    S, n, k = size
    kernel = random_kernel(S, n, rng)
    weights = stationary_weights(kernel)
    total = sum(weights.values())
    chance = {(*u, s): weights[u] * row[s] / total for (u, row) in zip(weights, kernel, strict=True) for s in range(S)}
    block = limit_blocks(kernel, tuple(range(1, k)), None, [(k - 1, 0)])[k - 1, 0]

    def P(**lag: int) -> Fraction:
        """Probability of words (u, s) with given tokens: `s`, `v` at query lag k-1, h0.. at query lags 0.."""
        place = {"s": n - 1, "v": n - 1 - k} | {f"h{i}": n - 2 - i for i in range(k - 1)}
        return sum((p for word, p in chance.items() if all(word[place[x]] == t for x, t in lag.items())), Fraction(0))

    for v, s in product(range(S), repeat=2):
        known = [{f"h{i}": t for i, t in enumerate(h)} for h in product(range(S), repeat=k - 1)]
        expected = sum((P(v=v, **h) * P(s=s, **h) / P(**h) for h in known), Fraction(0)) - P(v=v, s=s)
        assert block[v][s] == expected


# --- S = 2, n = 2, k = 1 ----------------------------------------------------------------------------------------------


def test_the_value_is_proved() -> None:
    value = bigram_value()
    assert value.identities.hold, value.identities.counterexample
    assert (value.rational, value.log2) == (Fraction(7, 6), Fraction(-5, 3))
    assert str(value) == "7/6 - 5/3 log 2"


def test_the_enclosure_contains_the_value_and_excludes_zero() -> None:
    enclosure, value = bigram_enclosure(Fraction(1), bits=96), bigram_value().enclosure()
    assert enclosure.overlaps(value) and enclosure.excludes_zero
    assert 0 < enclosure.width < Fraction(1, 10**27)
    assert not enclosure.overlaps(Enclosure(value.lower + Fraction(1, 10**26), value.upper + Fraction(1, 10**26)))


def test_a_wrong_quenched_value_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    def doubled(a: Any, b: Any) -> Any:
        return 2 * a * b * (a + b - 1) / (a + b) ** 2

    monkeypatch.setattr("proofs.sub_ngrams.merged_limit._quenched_bigram", doubled)
    value = bigram_value()
    assert value.rational == Fraction(7, 3) and not value.identities.hold


@pytest.mark.parametrize("alpha", [1, 2, 4])
def test_the_enclosure_is_the_integral_in_two_dimensions(alpha: int) -> None:
    """Rigorous quadrature of the quenched block itself, over b = ty < a = t, twice; alpha integer: no singularity."""

    def density(x: Any) -> Any:
        return (x * (1 - x)) ** (alpha - 1) * flint.arb(2 * alpha).gamma() / flint.arb(alpha).gamma() ** 2

    def over_y(t: Any, _: bool) -> Any:
        # ab(a+b-1)/(a+b)^2 = y (t(1+y) - 1) / (1+y)^2
        return flint.acb.integral(
            lambda y, _: y * (t * (1 + y) - 1) / (1 + y) ** 2 * density(t) * density(t * y) * 2 * t, 0, 1
        )

    direct = Enclosure.of(flint.acb.integral(over_y, 0, 1).real)
    assert direct.width < Fraction(1, 10**10)
    assert direct.overlaps(bigram_enclosure(Fraction(alpha)))


@pytest.mark.parametrize("alpha", ALPHAS)
def test_more_bits_refine_the_enclosure(alpha: Fraction) -> None:
    coarse, fine = bigram_enclosure(alpha, bits=20), bigram_enclosure(alpha, bits=64)
    assert coarse.lower <= fine.lower <= fine.upper <= coarse.upper
    assert fine.width < Fraction(1, 10**15) < coarse.width


@pytest.mark.parametrize(
    ("alpha", "value", "digit"),
    [
        (Fraction(1, 10**39), 1 / 16, 1e-15),
        (Fraction(1, 1000), 0.0623, 1e-4),
        (Fraction(1, 100), 0.060896, 1e-6),
        (Fraction(1, 90), 0.060722, 1e-6),
        (Fraction(50), 1.2e-5, 1e-6),
        (Fraction(100), 3.09e-6, 1e-8),
        (Fraction(400), 1 / (32 * 400**2), 1e-9),
        (Fraction(1000), 1 / (32 * 1000**2), 1e-10),
    ],
)
def test_enclosures_over_the_whole_range(alpha: Fraction, value: float, digit: float) -> None:
    """Narrow wherever alpha is; near 0 the value tends to 1/16, far out as 1 / (32 alpha^2)."""
    enclosure = bigram_enclosure(alpha)
    assert enclosure.excludes_zero and enclosure.width <= Fraction(1, 10**16)
    assert abs(float(enclosure.lower) - value) <= digit


@pytest.mark.parametrize("alpha", [Fraction(5), Fraction(10), Fraction(31, 2)])
def test_two_ways_to_enclose(alpha: Fraction) -> None:
    """The Laplace transform and the moments have nothing in common."""
    with flint.ctx.workprec(128):
        one, other = _by_laplace(alpha, 64), _by_moments(alpha, 40)
        assert one.overlaps(other) and not one.overlaps(other + flint.arb("1e-11"))


def test_the_precision_of_flint_is_left_alone() -> None:
    before = flint.ctx.prec
    bigram_enclosure(Fraction(2))
    bigram_value().enclosure()
    assert flint.ctx.prec == before


def test_enclosures_of_balls() -> None:
    half = Enclosure.of(flint.arb("0.5", "0.25"))
    assert half.lower <= Fraction(1, 4) and half.upper >= Fraction(3, 4) and half.excludes_zero
    assert half.width < Fraction(1, 2) + Fraction(1, 10**6)
    assert not Enclosure(Fraction(-1), Fraction(1)).excludes_zero
    assert Enclosure(Fraction(-2), Fraction(-1)).excludes_zero


# --- quadrature -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", ALPHAS)
def test_quadrature_is_within_its_error_of_the_enclosure(alpha: Fraction) -> None:
    enclosure, found = bigram_enclosure(alpha), annealed_block(NGramLaw(2, 2, alpha), (), 0, 0)
    small = alpha < Fraction(1, 4)
    assert (found.method, found.level) == (("sobol", 0.99) if small else ("tensor", None))
    for v, w in product(range(2), repeat=2):
        value, error = found.block[v][w] * (1 if v == w else -1), Fraction(found.errors[v][w])
        assert enclosure.lower - error <= Fraction(value) <= enclosure.upper + error
        assert error < enclosure.lower / 100  # small enough to say something


def test_reference_value() -> None:
    found = annealed_block(NGramLaw(2, 3), (1,), 1, 0)
    for v, w in product(range(2), repeat=2):
        sign = 1 if v == w else -1
        assert abs(found.block[v][w] - sign * 0.0096168639) <= 0.5e-10 + found.errors[v][w]
        assert found.errors[v][w] < 1e-10


@pytest.mark.parametrize("alpha", [Fraction(1), Fraction(1, 2)])
def test_points_and_grids_agree(alpha: Fraction) -> None:
    """Few points: too few for a grid. Both are symmetric under relabelling, up to their errors."""
    law = NGramLaw(3, 2, alpha)
    grid, points = annealed_block(law, (), 0, 0), annealed_block(law, (), 0, 0, points=400_000)
    assert (grid.method, points.method) == ("tensor", "sobol")
    for found in (grid, points):
        for v, w in product(range(3), repeat=2):
            reference = found.block[0][0 if v == w else 1]
            assert abs(found.block[v][w] - reference) <= found.errors[v][w] + found.errors[0][0 if v == w else 1]
    for v, w in product(range(3), repeat=2):
        assert abs(grid.block[v][w] - points.block[v][w]) <= grid.errors[v][w] + points.errors[v][w]
        assert points.errors[v][w] < 0.05 * abs(points.block[v][w])


@pytest.mark.parametrize(
    ("law", "lags", "a", "b"),
    [
        (NGramLaw(3, 2, Fraction(1, 2)), (), 0, 0),
        (NGramLaw(2, 3, Fraction(3, 7)), (2,), 1, 0),
        (NGramLaw(2, 3), (), 0, 2),
        (NGramLaw(2, 4), (1,), 1, 0),
    ],
)
def test_plain_sampling_of_the_prior(law: NGramLaw, lags: tuple[int, ...], a: int, b: int) -> None:
    """numpy's Dirichlet variates, 40,000 kernels: six standard errors."""
    rows = law.S ** (law.n - 1)
    tau = np.random.default_rng(1).dirichlet([float(law.alpha)] * law.S, size=(rows, 40_000))
    kernel = [[tau[row, :, s] for s in range(law.S)] for row in range(rows)]
    found = annealed_block(law, lags, a, b, points=200_000)
    for v, row in enumerate(limit_blocks(kernel, lags, None, [(a, b)])[a, b]):
        for w, sample in enumerate(row):
            standard_error = sample.std() / math.sqrt(sample.size)
            assert abs(sample.mean() - found.block[v][w]) <= 6 * standard_error + found.errors[v][w]


def test_the_trigram_value_is_enclosed() -> None:
    """And holds what the quadrature over four entries gives."""
    assert trigram_identity().hold
    found = trigram_enclosure()
    assert found.excludes_zero and 0 < found.width < Fraction(1, 10**18)
    mean = annealed_block(NGramLaw(2, 3), (1,), 1, 0, points=200_000)
    assert abs(mean.block[0][0] - float(found.lower)) <= mean.errors[0][0] < 1e-7
    wider = trigram_enclosure(bits=20)
    assert wider.lower <= found.lower <= found.upper <= wider.upper and wider.width > found.width


def test_another_quenched_value_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    true = merged_limit.limit_blocks
    monkeypatch.setattr(merged_limit, "limit_blocks", lambda kernel, lags, q, pairs: true(kernel[::-1], lags, q, pairs))
    assert trigram_identity().failed > 0


@pytest.mark.parametrize(("S", "n"), [(2, 2), (2, 3), (3, 2), (2, 4)])
def test_nothing_survives_with_all_lags(S: int, n: int) -> None:
    found = annealed_block(NGramLaw(S, n), tuple(range(1, n)), n - 1, 0, points=100_000)
    assert all(abs(x) <= 1e-14 for row in found.block for x in row)


def test_intervals_hold_as_often_as_they_say() -> None:
    """Intervals of 100 seeds about the mean on a grid: a binomial count, within four standard deviations."""
    law = NGramLaw(2, 3)
    truth = annealed_block(law, (1,), 1, 0).block[0][0]

    def holds(seed: int) -> bool:
        found = annealed_block(law, (1,), 1, 0, points=8_000, level=0.5, seed=seed)
        assert found.method == "sobol"
        return abs(found.block[0][0] - truth) <= found.errors[0][0]

    p = 1 - 0.5 / 4  # of each entry, so that all four hold at level 0.5
    assert abs(sum(map(holds, range(100))) - 100 * p) <= 4 * math.sqrt(100 * p * (1 - p))


def test_points_follow_the_seed() -> None:
    def found(seed: int) -> AnnealedBlock:
        return annealed_block(NGramLaw(2, 4), (1,), 1, 0, points=20_000, seed=seed)

    assert found(0) == found(0)
    assert found(0).block != found(1).block
    assert found(0).method == "sobol" and found(0).level == 0.99


def test_bad_lags() -> None:
    with pytest.raises(ValueError, match="lags"):
        annealed_block(NGramLaw(2, 2), (2,), 0, 0)
