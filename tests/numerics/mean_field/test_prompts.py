"""Prompts in floats: the closed form against the exact layer, and the simulation against it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from random import Random

import pytest
import torch
from flint import fmpq_mat
from torch import Tensor

from numerics.mean_field.prompts import Examples, Setting
from proofs.mean_field.in_context import FeatureLaw, InContext, random_law
from proofs.mean_field.instances import random_full_rank
from proofs.rational_matrix import fractions
from proofs.rationals import to_fraction


def floats(X: fmpq_mat) -> Tensor:
    return torch.tensor([[float(x) for x in row] for row in fractions(X)], dtype=torch.float64)


def examples(law: FeatureLaw) -> Examples:
    weights = torch.tensor([float(w) for w in law.weights], dtype=torch.float64)
    return Examples(floats(law.h).mT, floats(law.f).mT, weights)


def both(n: int) -> tuple[InContext, Setting, fmpq_mat]:
    random = Random(3)
    prompt, query = (random_law(random, 2, 4) for _ in range(2))
    X, W = (random_full_rank(random, 2, 2) for _ in range(2))
    exact = InContext(prompt, query, X * X.transpose(), n, Fraction(1, 2))
    return exact, Setting(examples(prompt), examples(query), floats(exact.V), n, 0.5), W


@pytest.mark.parametrize("n", [1, 3, 50])
def test_floats_agree_with_the_exact_layer(n: int) -> None:
    exact, setting, W = both(n)
    assert setting.loss(floats(W)) == pytest.approx(float(to_fraction(exact.loss(W))), rel=1e-12)
    assert torch.allclose(setting.best, floats(exact.W), rtol=1e-9)


def test_the_simulation_sees_every_part_of_the_formula() -> None:
    _, setting, exact = both(3)
    W = floats(exact) / 100
    mean, error = setting.simulated(W, 40_000, torch.Generator().manual_seed(0))
    assert abs(mean - setting.loss(W)) < 5 * error
    others = [
        replace(setting, n=10**9),
        replace(setting, V=torch.eye(2, dtype=torch.float64)),
        replace(setting, prompt=setting.query),
        replace(setting, query=setting.prompt),
    ]
    for other in others:
        assert abs(mean - other.loss(W)) > 5 * error
