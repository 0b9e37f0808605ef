"""Intervals for the length of a mean vector: they hold as often as they say, and each part of them is needed."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from numerics.norm_interval import NormInterval, along, around, both, mean_square_bound, needed, radius
from numerics.sub_ngrams.monte_carlo import Moments

LEVEL = 0.9
RUNS = 300


def rare(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, float]:
    """Vectors of which one in 500 carries most of the mean, their mean, and the longest."""
    axes = torch.eye(6, dtype=torch.float64)
    big = torch.rand(count, generator=generator) < 1 / 500
    signs = 2.0 * torch.randint(2, (count,), generator=generator) - 1
    x = 0.05 * signs[:, None] * axes[torch.randint(6, (count,), generator=generator)]
    x[big] = axes[0]
    return x, axes[0] / 500, 1.0


def plain(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, float]:
    """Noise in ten directions around a short mean."""
    mean = torch.zeros(10, dtype=torch.float64)
    mean[0] = 0.1
    x = mean + (2 * torch.rand(count, 10, generator=generator, dtype=torch.float64) - 1) / math.sqrt(10)
    return x, mean, 1.1


def moments(values: Tensor) -> Moments:
    found = Moments()
    found.add(values)
    return found


def interval(law, first: int, fresh: int, seed: int, *, with_radius: bool = True) -> tuple[NormInterval, float]:  # type: ignore[no-untyped-def]
    generator = torch.Generator().manual_seed(seed)
    share = 1 - (1 - LEVEL) / 3
    pilot, _, longest = law(256, generator)
    square = mean_square_bound(moments(pilot.square().sum(1)), longest, share)
    x, mean, _ = law(first, generator)
    A = x.mean(0)
    r = radius(first, square, longest, share)
    y = law(fresh, generator)[0] @ (A / A.norm())
    return along(float(A.norm()), r if with_radius else 0.0, moments(y), longest, share), float(mean.norm())


@pytest.mark.parametrize(("law", "first", "fresh"), [(rare, 2000, 8000), (rare, 300, 300), (plain, 500, 3000)])
def test_intervals_hold_at_least_as_often_as_they_say(law, first: int, fresh: int) -> None:  # type: ignore[no-untyped-def]
    held = 0
    for seed in range(RUNS):
        found, length = interval(law, first, fresh, seed)
        held += found.low <= length <= found.high
    assert held >= LEVEL * RUNS - 3 * math.sqrt(RUNS * LEVEL * (1 - LEVEL))


def test_the_estimate_is_unbiased() -> None:
    found = [interval(plain, 50, 50, seed)[0].squared for seed in range(RUNS)]
    values = torch.tensor(found, dtype=torch.float64)
    assert abs(float(values.mean()) - 0.01) <= 4 * float(values.std()) / math.sqrt(RUNS)
    biased = torch.tensor([plain(100, torch.Generator().manual_seed(s))[0].mean(0).square().sum() for s in range(RUNS)])
    assert float(biased.mean()) > 0.01 + 4 * float(biased.std()) / math.sqrt(RUNS)  # a squared mean is none


def test_without_the_radius_they_would_miss() -> None:
    """With a bad direction only a part of the mean lies along it."""
    without = (interval(plain, 20, 20000, s, with_radius=False) for s in range(50))
    held = sum(found.high >= length for found, length in without)
    assert held < 25
    assert all(found.high >= length for found, length in (interval(plain, 20, 20000, s) for s in range(50)))


def test_a_sample_that_has_seen_nothing_is_not_taken_for_0() -> None:
    """Student's interval would have no width at all here."""
    x = torch.zeros(1000, dtype=torch.float64)
    found = along(0.0, radius(1000, mean_square_bound(moments(x), 1.0, 0.99), 1.0, 0.99), moments(x), 1.0, 0.99)
    assert found.low == 0 and found.high > 0.02


@given(st.floats(0, 10), st.floats(0, 10))
def test_a_ball(length: float, r: float) -> None:
    found = around(length, r)
    assert 0 <= found.low <= found.norm <= found.high
    assert found.relative == pytest.approx(min(1.0, r / length) if length else float(r > 0))


def test_as_many_as_are_needed() -> None:
    args = (0.1, 1.0, 0.05, 4.0, 10.0, 0.99)
    count = needed(*args, 100, 10**7)
    assert 100 < count < 10**7
    slopes = Moments(count, torch.tensor(1.0), torch.tensor(4.0 * (count - 1)))
    assert along(1.0, 0.05, slopes, 10.0, 0.99).relative <= 0.1
    assert needed(*args, 100, 500) == 500
    assert needed(0.1, 1.0, 5.0, 4.0, 10.0, 0.99, 100, 10**6) == 10**6  # with this radius never


def test_two_intervals_that_hold_together() -> None:
    one, other = NormInterval(2.0, 1.0, 3.0), NormInterval(2.9, 2.5, 4.0, 8.0)
    assert both(one, other) == NormInterval(2.9, 2.5, 3.0, 8.0)
    assert both(one, NormInterval(5.0, 4.0, 6.0)) == NormInterval(5.0, 1.0, 6.0)
