"""Prompts of finite length in floats, against the exact layer."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch

from docs.gallery.mean_field_figures import optimal_loss, turned_features
from proofs.mean_field.prompts import Features, FinitePrompts, quartic_flat_loss
from proofs.rational_matrix import matrix
from proofs.rationals import to_fraction


@pytest.mark.parametrize("n", [1, 3, math.inf])
@pytest.mark.parametrize("noise", [Fraction(0), Fraction(1, 2)])
def test_floats_agree_with_the_exact_layer(n: float, noise: Fraction) -> None:
    h = [[1, 2, -1, 0], [0, 1, 1, 3]]
    f = [[2, 0, 1, 1], [1, -1, 0, 2]]
    exact = FinitePrompts(Features(matrix(h), matrix(f)), n, noise).optimal_loss
    found = optimal_loss(*(torch.tensor(x, dtype=torch.float64).mT for x in (h, f)), n, float(noise))
    assert abs(float(found) - float(to_fraction(exact))) <= 1e-13  # matrices 2 x 2 with condition numbers below 20


def test_the_saddle_is_flat_at_finite_length() -> None:
    angles = torch.tensor([0.1, 0.4, 1.2], dtype=torch.float64)
    features, f = turned_features(angles)
    for n in (1, 10):
        expected = [float(quartic_flat_loss(Fraction(math.sin(x)), n)) for x in angles.tolist()]
        assert optimal_loss(features, f, n).tolist() == pytest.approx(expected, rel=1e-14)
