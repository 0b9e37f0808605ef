"""Networks of particles: variations, losses, training."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from numerics.mean_field.particles import (
    ACTIVATIONS,
    Particles,
    Task,
    derivatives,
    first_variation,
    normalised,
    random_particles,
    random_task,
    second_variation,
    variations,
)
from numerics.mean_field.saddle import second_derivative
from numerics.mean_field.training import attention_after, plateaus, train
from numerics.threads import one_thread

EPS = torch.finfo(torch.float64).eps


def instance(activation: str, seed: int) -> tuple[Particles, Task, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    X, f, va, vw = (
        torch.randn(shape, dtype=torch.float64, generator=generator) for shape in ((12, 2), (12, 2), (6, 2), (6, 2))
    )
    return random_particles(6, 2, 2, generator, activation), Task(X, f), va, vw


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("seed", range(3))
def test_variations_by_autograd(activation: str, seed: int) -> None:
    particles, task, va, vw = instance(activation, seed)
    eps = torch.zeros((), dtype=torch.float64, requires_grad=True)
    moved = Particles(particles.a + eps * va, particles.w + eps * vw, activation)
    (first,) = torch.autograd.grad(task.loss(moved.features(task.X)), eps, create_graph=True)
    (second,) = torch.autograd.grad(first, eps)
    found = variations(particles, task, va, vw)
    condition = float(torch.linalg.cond(task.covariances(particles.features(task.X))[0]))
    bound = 1e3 * EPS * condition**2 * (1 + abs(float(second)))  # ~100 products per entry, two solves in a row
    assert abs(float(first.detach() - found[0])) <= bound
    assert abs(float(second - found[1])) <= bound


def test_mean_of_the_first_variation_is_zero() -> None:
    particles, task, _, _ = instance("tanh", 0)
    h = particles.features(task.X)
    assert abs(float(first_variation(task, h, h))) <= 1e3 * EPS


def test_derivatives_of_the_features_by_differences() -> None:
    """Central differences: their error is a third of the difference between two step sizes."""
    particles, task, va, vw = instance("sigmoid", 1)

    def features(eps: float) -> Tensor:
        return Particles(particles.a + eps * va, particles.w + eps * vw, "sigmoid").features(task.X)

    h, first, second = derivatives(particles, task.X, va, vw)
    assert torch.equal(h, features(0.0))
    slopes = [(features(x) - features(-x)) / (2 * x) for x in (2e-3, 1e-3)]
    bends = [(features(x) - 2 * h + features(-x)) / x**2 for x in (2e-2, 1e-2)]
    assert float((slopes[1] - first).abs().max()) <= float((slopes[0] - slopes[1]).abs().max())
    assert float((bends[1] - second).abs().max()) <= float((bends[0] - bends[1]).abs().max())


def test_second_variation_vanishes_along_changes_of_basis_at_a_minimum() -> None:
    generator = torch.Generator().manual_seed(0)
    h = torch.randn((12, 2), dtype=torch.float64, generator=generator)
    G = torch.randn((2, 2), dtype=torch.float64, generator=generator)
    task = Task(h, h @ torch.randn((2, 2), dtype=torch.float64, generator=generator))
    assert abs(float(second_variation(task, h, h @ G))) <= 1e4 * EPS
    assert float(second_variation(task, h, torch.randn((12, 2), dtype=torch.float64, generator=generator))) > 0


def test_joint_loss_is_least_at_the_inverse_covariance() -> None:
    particles, task, _, _ = instance("tanh", 2)
    h = particles.features(task.X)
    A = task.covariances(h)[0]
    best = task.joint_loss(h, torch.linalg.inv(A))
    assert abs(float(best - task.loss(h))) <= 1e3 * EPS * float(torch.linalg.cond(A))
    assert float(task.joint_loss(h, torch.linalg.inv(A) + 0.1)) > float(best)


def test_tasks_have_the_eigenvalues_asked_for() -> None:
    task = random_task([0.3, 0.6, 0.9], 4, 50, torch.Generator().manual_seed(0))
    assert float((task.eigenvalues - torch.tensor([0.3, 0.6, 0.9], dtype=torch.float64)).abs().max()) <= 1e4 * EPS
    start = normalised(random_particles(8, 4, 3, torch.Generator().manual_seed(1)), task.X)
    A = task.covariances(start.features(task.X))[0]
    assert abs(float(A.trace()) - 3) <= 1e2 * EPS


def test_attention_follows_its_gradient_flow() -> None:
    """Two half steps are one step, the start moves along -dL_TF/dW, and the end is the best attention."""
    particles, task, _, _ = instance("tanh", 3)
    h = normalised(particles, task.X).features(task.X)
    W = torch.randn((2, 2), dtype=torch.float64, generator=torch.Generator().manual_seed(4), requires_grad=True)
    (slope,) = torch.autograd.grad(task.joint_loss(h, W), W)
    W = W.detach()
    halves = attention_after(task, h, attention_after(task, h, W, 0.3), 0.3)
    assert float((halves - attention_after(task, h, W, 0.6)).abs().max()) <= 1e4 * EPS
    steps = [(attention_after(task, h, W, x) - W) / x + slope for x in (2e-4, 1e-4)]
    assert float(steps[1].abs().max()) < 0.6 * float(steps[0].abs().max())  # of first order in the step
    assert torch.allclose(attention_after(task, h, W, 1e9), torch.linalg.inv(task.covariances(h)[0]), rtol=1e-9)


def test_plateaus_are_slow_stretches_between_fast_ones() -> None:
    t = torch.linspace(0, 1, 401, dtype=torch.float64)
    steps = torch.sigmoid(-60 * (t - 0.2)) + torch.sigmoid(-60 * (t - 0.7))
    (only,) = plateaus(steps)
    assert abs(float(t[only]) - 0.45) < 0.01
    assert plateaus(torch.exp(-5 * t)) == []


def test_training_descends_and_attention_rates_interpolate() -> None:
    generator = torch.Generator().manual_seed(0)
    task = random_task([0.4, 0.8], 5, 80, generator)
    start = normalised(random_particles(24, 5, 2, generator, "sigmoid"), task.X)
    ideal = train(task, start, 150, 0.005)
    assert len(ideal.losses) == 151 and float(ideal.losses[-1]) < float(ideal.losses[0])
    gaps = [
        float((train(task, start, 150, 0.005, rate).losses / ideal.losses)[1:].log().abs().mean())
        for rate in (1.0, 10.0, 100.0, 1e9)
    ]
    assert all(faster < slower for slower, faster in pairwise(gaps))
    assert gaps[-1] < gaps[0] / 4


def test_training_is_deterministic() -> None:
    losses = []
    for _ in range(2):
        generator = torch.Generator().manual_seed(3)
        task = random_task([0.5], 3, 30, generator)
        losses.append(train(task, random_particles(8, 3, 1, generator, "relu"), 20, 0.1, 1.0).losses)
    assert torch.equal(losses[0], losses[1])


def test_saddle_of_one_neuron() -> None:
    value, slope, curvature = second_derivative(60)
    assert abs(value - 0.1971472) < 1e-6 and abs(slope) < 1e-12
    assert abs(curvature + 0.34137003) < 1e-5


def test_one_thread_restores_what_was() -> None:
    before = torch.get_num_threads()
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_a_network_of_finite_width_may_rest_where_the_finite_model_has_no_critical_value() -> None:
    """One tanh neuron and k = 1: dL/da = dL/dw = 0 at a loss that is neither 0 nor r_low / 2."""
    X = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    task = Task(X, 2 * torch.tanh(X / 4) + torch.tanh(8 * X))

    def loss_and_slopes(w: float) -> tuple[float, list[float]]:
        a, weight = (torch.tensor([[x]], dtype=torch.float64, requires_grad=True) for x in (1.0, w))
        loss = task.loss(Particles(a, weight).features(X))
        return float(loss.detach()), [float(x) for x in torch.autograd.grad(loss, (a, weight))]

    low, high = 0.01, 3.0  # dL/dw is negative at one end and positive at the other
    assert loss_and_slopes(low)[1][1] * loss_and_slopes(high)[1][1] < 0
    rising = loss_and_slopes(high)[1][1] > 0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (low, middle) if (loss_and_slopes(middle)[1][1] > 0) == rising else (middle, high)
    loss, slopes = loss_and_slopes(low)
    r_low = float(task.eigenvalues[0])
    assert max(map(abs, slopes)) < 1e-12 * r_low
    assert 0.001 * r_low < loss < 0.499 * r_low
