"""R of many kernels in floats: never below the exact one, and close to it."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import pytest
import torch

from numerics.sub_ngrams.mixing import drawn_kernels, mixing
from proofs.sub_ngrams import adversaries
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.finite_length import FiniteLength
from proofs.sub_ngrams.infinite_length import random_kernel


@pytest.mark.parametrize(("S", "n", "T"), [(2, 2, 300), (2, 3, 1000), (3, 2, 10**4)])
def test_r_against_rationals(S: int, n: int, T: int) -> None:
    rng, numbers = random.Random(T), FiniteLength(S, n, T, Configuration((1,), math.inf))
    rows = [random_kernel(S, n, rng), adversaries.nearly_deterministic(S, n, rng, Fraction(1, 4))]
    rows += [adversaries.nearly_uniform(S, n, rng, Fraction(1, 16))]
    found = mixing(torch.tensor([[[float(x) for x in row] for row in k] for k in rows], dtype=torch.float64), numbers)
    for value, kernel in zip(found.tolist(), rows, strict=True):
        exact = float(numbers.mixing(kernel))
        assert exact - 1e-9 <= value <= 1.5 * exact + 1e-9


def test_drawn_kernels_have_the_moments_of_the_prior() -> None:
    numbers = FiniteLength(3, 2, 10, Configuration((1,), math.inf))
    drawn = drawn_kernels(numbers, 0.5, 20_000, 1)
    assert torch.allclose(drawn.sum(-1), torch.ones(20_000, 3, dtype=torch.float64))
    assert drawn.mean().item() == pytest.approx(1 / 3)
    assert (drawn[:, 0, 0] ** 2).mean().item() == pytest.approx(0.5 * 1.5 / (1.5 * 2.5), abs=0.01)
    assert torch.equal(drawn, drawn_kernels(numbers, 0.5, 20_000, 1))
