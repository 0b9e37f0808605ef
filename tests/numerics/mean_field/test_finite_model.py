"""The finite model in floats: against the exact layer, the list of critical points, and the closed form of the flow."""

from __future__ import annotations

import math
from fractions import Fraction
from random import Random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from numerics.mean_field.finite import (
    critical_rows,
    eigenvalue_target,
    gradient,
    hessian,
    loss,
    orthonormalise,
    random_orthonormal,
)
from numerics.mean_field.flow import closed_form, escape_time, integrate, near_saddle, predicted_escape
from numerics.mean_field.search import critical_values, distance_bound, search
from proofs.mean_field import critical
from proofs.mean_field.instances import random_matrix, random_rotation
from proofs.mean_field.model import Model
from proofs.rational_matrix import select

EIGENVALUES = [3.0, 2.0, 0.5]
EPS = torch.finfo(torch.float64).eps


def floats(X: object) -> Tensor:
    rows = X.table()  # type: ignore[attr-defined]  # a FLINT matrix, which has no type information
    return torch.tensor([[float(Fraction(int(x.p), int(x.q))) for x in row] for row in rows], dtype=torch.float64)


@given(st.integers(1, 3), st.integers(0, 10**6))
def test_floats_agree_with_the_exact_model(k: int, seed: int) -> None:
    """At H with orthonormal rational rows; sums of at most (k m)^2 products of entries of F and of numbers below 1."""
    random, m = Random(seed), k + 2
    exact = Model(select(random_rotation(random, m), range(k)), random_matrix(random, k, m))
    H, F = floats(exact.H), floats(exact.F)
    bound = 8 * (k * m) ** 2 * EPS * (1 + float(F.square().sum()))
    assert abs(float(loss(H, F)) - float(floats(exact.Z).trace()) / 2) <= bound
    assert float((gradient(H, F) - floats(exact.gradient)).abs().max()) <= bound
    assert float((hessian(H, F) - floats(critical.hessian(exact))).abs().max()) <= bound


def test_random_starts_find_every_saddle_of_three_two_half() -> None:
    F = eigenvalue_target(EIGENVALUES, 8, torch.Generator().manual_seed(1))
    found = search(F, 600, torch.Generator().manual_seed(2))
    values = critical_values(EIGENVALUES, 8)
    assert values.tolist() == [0, 0.25, 1, 1.25, 1.5, 1.75, 2.5, 2.75]
    nearest = (found.losses[:, None] - values).abs().min(1)
    assert len(found.losses) >= 300
    assert set(nearest.indices.tolist()) == set(range(8))
    assert (nearest.values <= found.bounds).all() and float(found.bounds.max()) < 1e-9


def test_a_start_with_a_singular_hessian_does_not_end_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the first start the Hessian is exactly 0 in a direction in which the slope is not."""
    F = torch.tensor([[1, 0, 1], [0, 2, 0]], dtype=torch.float64)
    starts = torch.tensor([[[1, 0, 0], [0, 1, 0]], [[0.8, 0, 0.6], [0, 1, 0]]], dtype=torch.float64)
    monkeypatch.setattr("numerics.mean_field.search.random_orthonormal", lambda *_: starts)
    found = search(F, 2, torch.Generator())
    assert found.losses.tolist() == pytest.approx([0], abs=1e-12)


def test_the_distance_bound_holds_away_from_critical_points_too() -> None:
    """It is a bound at every H with orthonormal rows, near critical points or not."""
    generator = torch.Generator().manual_seed(3)
    F = eigenvalue_target(EIGENVALUES, 8, generator)
    values = critical_values(EIGENVALUES, 8)
    for size in (1e-1, 1e-3, 1e-5):
        for missed in ((), (2,), (0, 1), (0, 1, 2)):
            noise = size * torch.randn((20, 3, 8), dtype=torch.float64, generator=generator)
            H = orthonormalise(critical_rows(F, missed) + noise)
            distance = (loss(H, F)[:, None] - values).abs().min(1).values
            assert (distance <= distance_bound(H, F)).all()
            assert (distance_bound(H, F) > distance / 1000).any()


@pytest.mark.parametrize("missed", [(), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)])
def test_spectra_at_all_eight_critical_points(missed: tuple[int, ...]) -> None:
    F = eigenvalue_target(EIGENVALUES, 8, torch.Generator().manual_seed(4))
    H = critical_rows(F, missed)
    goal = critical.target(3, 8, Random(0))
    predicted = torch.tensor(sorted(float(x) for x in critical.predicted_spectrum(goal, missed)), dtype=torch.float64)
    found = torch.linalg.eigvalsh(hessian(H, F))
    assert float((found - predicted).abs().max()) <= 24**2 * EPS * 8  # Weyl: perturbations of entries up to |F|^2
    assert float(gradient(H, F).abs().max()) <= 24**2 * EPS


def test_flow_conserves_and_follows_the_closed_form() -> None:
    generator = torch.Generator().manual_seed(5)
    F, H = eigenvalue_target(EIGENVALUES, 8, generator), random_orthonormal((3, 8), generator)
    exact = closed_form(H, F, 4.0, 400)
    coarse, fine = integrate(H, F, 4.0, 400), integrate(H, F, 4.0, 800)[::2]
    estimate = 2 * 24 * float((coarse - fine).abs().max())  # see integrated_flow in the claims
    assert 0 < estimate < 1e-5
    assert float((fine @ fine.mT - torch.eye(3, dtype=torch.float64)).abs().max()) <= estimate
    fine = orthonormalise(fine)
    assert float((exact.mT @ exact - fine.mT @ fine).abs().max()) <= estimate


def test_order_of_the_integrator() -> None:
    generator = torch.Generator().manual_seed(6)
    F, H = eigenvalue_target(EIGENVALUES, 8, generator), random_orthonormal((3, 8), generator)
    ends = [integrate(H, F, 2.0, steps)[-1] for steps in (40, 80, 160)]
    ratio = float((ends[0] - ends[1]).norm() / (ends[1] - ends[2]).norm())
    assert 12 < ratio < 20  # 16 for a method of order 4


def test_late_rate_is_twice_the_lowest_eigenvalue() -> None:
    generator = torch.Generator().manual_seed(7)
    F, H = eigenvalue_target(EIGENVALUES, 8, generator), random_orthonormal((3, 8), generator)
    losses = loss(closed_form(H, F, 20.0, 400), F)
    slope = float((losses[400] / losses[300]).log()) / 5.0
    assert abs(slope + 2 * 0.5) < 0.01


def test_a_start_without_a_direction_stops_at_the_saddle() -> None:
    """The closed form keeps H_0 F^T singular, up to rounding that grows as e^{lambda t}."""
    F = eigenvalue_target(EIGENVALUES, 8, torch.Generator().manual_seed(8))
    H = critical_rows(F, (2,))
    losses = loss(closed_form(H, F, 10.0, 200), F)
    assert float((losses - 0.25).abs().max()) <= 24 * EPS * math.exp(2 * 3.0 * 10.0 / 2)


@pytest.mark.parametrize("delta", [1e-2, 1e-4, 1e-6])
def test_escape_from_a_saddle(delta: float) -> None:
    H, F = near_saddle(0.5, delta)
    predicted = predicted_escape(0.5, delta)
    time, steps = 1.2 * predicted, 500
    found = escape_time(loss(orthonormalise(integrate(H, F, time, steps)), F), time)
    assert 0 <= found - predicted <= time / steps
    assert escape_time(torch.ones(5), 1.0) == math.inf
