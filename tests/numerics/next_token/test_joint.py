"""Joint training against automatic differentiation, and beside what it tends to."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from numerics.next_token import network
from numerics.next_token.joint import joint_loss, train_jointly
from proofs.next_token.dataset import Dataset
from proofs.next_token.examples import NAMED, REPEATED
from tests.proofs.next_token.strategies import datasets


@given(st.lists(datasets(), min_size=1, max_size=3), st.integers(0, 2**32))
@examples(max_examples=15)
def test_gradients_and_losses_against_autograd(batch: list[Dataset], seed: int) -> None:
    """Padding included."""
    joint = joint_loss(batch)
    draw = torch.Generator().manual_seed(seed)
    w = torch.randn(len(batch), 2 * joint.V**2, generator=draw, dtype=torch.float64)
    direction, scale = joint.gradient(w)
    found = joint.layers(direction * scale.exp()[:, None])
    for b, dataset in enumerate(batch):
        V, one = dataset.V, torch.eye(dataset.V, dtype=torch.float64)
        layers = [W[b, :V, :V].clone().requires_grad_() for W in joint.layers(w)]
        loss = network.joint_loss(dataset, *layers, one)
        for mine, theirs in zip(found, torch.autograd.grad(loss, layers), strict=True):
            torch.testing.assert_close(mine[b, :V, :V], theirs, rtol=1e-12, atol=1e-12)
            assert mine[b, V:].abs().sum() + mine[b, :, V:].abs().sum() == 0
        assert float(joint.log_excess_loss(w)[b]) == pytest.approx(float(loss.detach().log()), abs=1e-12)


def test_steps_are_those_of_the_network() -> None:
    batch = [NAMED["DS-C"], REPEATED]
    training = train_jointly(batch, 0.5, 40)
    for i, dataset in enumerate(batch):
        W_ov, W_kq, log_loss = network.descend_jointly(dataset, 0.5, (20, 40))[40]
        assert training.norms(i, 40) == pytest.approx((W_ov, W_kq), rel=1e-9)
        assert float(training.log_losses[40][i]) == pytest.approx(log_loss, abs=1e-8)


def test_losses_below_the_smallest_float() -> None:
    """After 4000 steps log L is near -1000; of steps of fixed length none fails."""
    training = train_jointly([NAMED["DS-A"], REPEATED], 0.5, 4000)
    for i, star in enumerate((math.sqrt(3), 2.0)):
        assert float(training.log_losses[4000][i]) < -800
        assert training.loss_slope(i).value == pytest.approx(-0.5 / star, rel=1e-6)
        assert training.attends(i) and training.mature(i)
