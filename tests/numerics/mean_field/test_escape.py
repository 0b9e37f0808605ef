"""Escape from saddles: rates against Hessians by automatic differentiation, flows against gradients, perturbations."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from numerics.mean_field import birth_death
from numerics.mean_field.birth_death import Measure
from numerics.mean_field.escape import (
    Saddle,
    blow_up,
    escape_time,
    kernel_matrix,
    mean_square_push,
    perturbations,
    random_saddle,
    slow_escape,
    velocity,
)
from numerics.mean_field.particles import ACTIVATIONS, INPUTS, Particles, random_particles, random_points

K, D, N = 2, 2, 5


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def saddle(activation: str = "tanh", inputs: str = "gaussian", k: int = K) -> Saddle:
    return random_saddle(k, D, N, 12, generator(), activation, inputs)


def loss_of(s: Saddle, theta: Tensor) -> Tensor:
    k = s.task.f.shape[1]
    moved = Particles(theta[:, :k], theta[:, k:], s.particles.activation)
    return s.task.loss(moved.features(s.task.X))


@pytest.mark.parametrize("inputs", INPUTS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_rates_are_eigenvalues_of_the_hessian(activation: str, inputs: str) -> None:
    """In L^2(mu), where a neuron has mass 1/N: minus N times those of the Hessian in theta, and the rest are 0."""
    s = saddle(activation, inputs)
    theta = torch.cat([s.particles.a, s.particles.w], 1)
    (slope,) = torch.autograd.grad(loss_of(s, theta.requires_grad_()), theta)
    assert float(slope.abs().max()) < 1e-13
    hessian = torch.autograd.functional.hessian(lambda x: loss_of(s, x), theta.detach())
    values = -N * torch.linalg.eigvalsh(hessian.reshape(theta.numel(), -1)).flip(0)  # increasing
    expected = torch.cat([torch.zeros(len(values) - K * K, dtype=torch.float64), s.modes[0]])
    assert float((values - expected).abs().max()) < 1e-10 * s.rate
    assert float(s.modes[0][0]) > 0


def test_the_fastest_perturbation_grows_at_the_rate() -> None:
    s = saddle()
    v = s.fastest
    assert float(v.square().sum(1).mean()) == pytest.approx(1)
    c = s.push(v)
    assert float(c[:-1].abs().max()) < 1e-12 and float(c[-1].abs()) == pytest.approx(s.rate**0.5)
    delta, share = 1e-6, 1e-4
    expected = math.log((share * 2 * s.loss) ** 0.5 / (delta * s.rate**0.5)) / s.rate
    assert s.predicted(delta * v, share) == pytest.approx(expected)


@pytest.mark.parametrize("rate", [None, 3.0])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_velocities_are_gradients(activation: str, rate: float | None) -> None:
    s, random = saddle(activation), generator(1)
    state: list[Any] = [torch.randn(shape, dtype=torch.float64, generator=random) for shape in ((N, K), (N, D), (K, K))]
    a, w, W = (x.requires_grad_() for x in state)
    h = Particles(a, w, activation).features(s.task.X)
    loss = s.task.loss(h) if rate is None else s.task.joint_loss(h, W)
    wanted = torch.autograd.grad(loss, (a, w) if rate is None else (a, w, W))
    found = velocity(s.task, activation, rate)(tuple(x.detach() for x in ((a, w) if rate is None else (a, w, W))))
    for speed, slope, factor in zip(found, wanted, (N, N, rate), strict=False):
        assert torch.allclose(speed, -factor * slope, rtol=1e-10, atol=1e-12)


def test_perturbations_have_their_kernels() -> None:
    s = saddle()
    for smooth in (False, True):
        drawn = perturbations(s, smooth, 4000, generator())
        found = torch.einsum("ciu,cju->ij", drawn, drawn) / (4000 * (K + D))
        assert float((found - kernel_matrix(s, smooth)).abs().max()) < 0.06  # 4 standard errors of 16000 products
        squares = s.push(drawn).square().sum(1)
        assert abs(float(squares.mean()) - mean_square_push(s, smooth)) < 5 * float(squares.std()) / 4000**0.5


def test_splitting_neurons_weakens_independent_noise_only() -> None:
    """Each neuron in two of half its mass: the same measure mu, the same rates, half of the push."""
    s = saddle()
    p = s.particles
    split = Saddle(Particles(torch.cat([p.a, p.a]), torch.cat([p.w, p.w]), p.activation), s.task)
    assert torch.allclose(split.modes[0], s.modes[0])
    assert mean_square_push(split, False) == pytest.approx(mean_square_push(s, False) / 2)
    assert mean_square_push(split, True) == pytest.approx(mean_square_push(s, True))


def test_without_escape_there_is_no_time() -> None:
    s = saddle()
    v = 1e-8 * s.fastest
    assert escape_time(s, s.pushed(v), 1e-4, 0.25 / s.rate, 1 / s.rate) == math.inf


def test_late_escape_is_that_of_its_two_equations() -> None:
    """Against Euler steps in double precision, and against the blow-up for small pushes."""
    rate, eta, push, share = 2.0, 50.0, 0.01, 1e-4
    b, W, time, dt = push, 0.0, 0.0, 2e-5
    while b * b * W * (2 - W) < share:
        b, W, time = b + dt * rate * b * W * (2 - W), W + dt * eta * b * b * (1 - W), time + dt
    assert slow_escape(push, rate, eta, share) == pytest.approx(time, rel=2e-3)
    for tiny in (1e-6, 1e-8):
        assert slow_escape(tiny, rate, eta, share) == pytest.approx(blow_up(tiny, rate, eta), rel=1e-3)


@pytest.mark.parametrize("inputs", INPUTS)
def test_inputs_have_mean_0_and_covariance_1(inputs: str) -> None:
    X = random_points(20_000, 3, generator(), inputs)
    assert float(X.mean(0).abs().max()) < 0.03
    assert float((X.mT @ X / len(X) - torch.eye(3)).abs().max()) < 0.05
    largest = {"gaussian": 10.0, "uniform": 3**0.5, "sphere": 3**0.5}[inputs]
    assert float(X.abs().max()) <= largest + 1e-12
    if inputs == "sphere":
        assert float((X.norm(dim=1) - 3**0.5).abs().max()) < 1e-12


# --- birth and death ---


def measure(seed: int, activation: str = "tanh") -> Measure:
    p = random_particles(6, D, K, generator(seed), activation)
    return Measure(torch.tensor([1.0, 2, 3, 1, 2, 1], dtype=torch.float64) / 10, p.a, p.w, activation)


def test_births_from_a_symmetric_law_leave_the_loss_and_others_do_not() -> None:
    s, mu, pi = saddle(), measure(1), measure(2)
    before = birth_death.loss(s.task, mu)
    symmetric, lopsided = mu.mixed(pi.mirrored(), 0.2), mu.mixed(pi, 0.2)
    assert float(symmetric.masses.sum()) == pytest.approx(1) and len(symmetric.masses) == 18
    assert torch.allclose(symmetric.features(s.task.X), 0.8 * mu.features(s.task.X))
    assert birth_death.loss(s.task, symmetric) == pytest.approx(before, rel=1e-12)
    assert abs(birth_death.loss(s.task, lopsided) / before - 1) > 1e-3


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_dissipation_is_how_fast_the_loss_falls(activation: str) -> None:
    s, mu = saddle(activation), measure(1, activation)
    dt = 1e-6
    after = birth_death.descend(s.task, mu, dt, 1)
    fallen = (birth_death.loss(s.task, mu) - birth_death.loss(s.task, after)) / dt
    assert fallen == pytest.approx(birth_death.dissipation(s.task, mu), rel=1e-4)


def test_the_loss_never_rises() -> None:
    s, mu = saddle(), measure(1)
    losses = [birth_death.loss(s.task, birth_death.descend(s.task, mu, 1000.0, steps)) for steps in (0, 5, 10, 40)]
    assert losses == sorted(losses, reverse=True) and losses[-1] < losses[0]


def test_the_steepest_slope_is_the_nuclear_norm() -> None:
    """Against gradients of L along the homotopy, at the polar factor of M Z."""
    s, mu = saddle(), measure(1)
    h, f = mu.features(s.task.X), s.task.f
    A, B, S = s.task.covariances(h)
    M = torch.linalg.solve(A, B.mT)
    U, _, V = torch.linalg.svd(M @ (S - B @ M))
    R, step = U @ V, 1e-6

    def along(t: float) -> float:
        return float(s.task.loss((1 - t) * h + t * f @ R.mT))

    assert birth_death.steepest(s.task, mu) == pytest.approx((along(-step) - along(step)) / (2 * step), rel=1e-6)
