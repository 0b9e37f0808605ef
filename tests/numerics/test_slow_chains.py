"""The rate of SN7 for small alpha: the limit process by simulation, the weighted block by exact type classes."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from numerics.sub_ngrams.slow_chains import misled, predicted_constant, sampled_block
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.type_classes import type_classes

PATHS = 40_000


@pytest.mark.parametrize(("leave", "enter", "rho"), [(1.0, 1.0, 0.3), (5.0, 2.0, 0.3), (0.2, 3.0, 0.05)])
def test_the_mean_over_the_process_is_that_of_drawn_paths(leave: float, enter: float, rho: float) -> None:
    rng = np.random.default_rng(0)
    in_A, t, t_A = rng.random(PATHS) < 0.25, np.zeros(PATHS), np.zeros(PATHS)
    while (t < 1).any():
        stay = np.minimum(rng.exponential(1 / np.where(in_A, leave, enter)), 1 - t)
        t_A += np.where(in_A, stay, 0)
        t += stay
        in_A = np.where(t < 1, ~in_A, in_A)
    values = np.where(in_A, rho * (1 - t_A), -rho * t_A) / (t_A + rho * (1 - t_A))
    error = 5 * values.std() / PATHS**0.5
    (found,) = misled(np.array([leave]), np.array([enter]), rho)
    assert abs(found - values.mean()) <= error < 0.01


def test_the_predicted_constant_does_not_depend_on_where_the_rates_are_cut_off() -> None:
    found = [predicted_constant(0.25, highest=highest, nodes=3) for highest in (6, 8)]
    assert abs(found[0] - found[1]) < 0.01 * abs(found[1])


def test_kernels_drawn_otherwise_and_weighted_give_the_exact_block() -> None:
    exact = type_classes(NGramLaw(2, 3, Fraction(1, 4)), Configuration((1,), Fraction(24)), 24)[0, 0][0][0]
    found = sampled_block(24, Fraction(1, 4), bits=8)
    assert abs(found.mean - float(exact)) <= found.half_width < abs(exact) / 2
    assert abs(found.weight - 1) <= found.weight_half_width < 0.1
