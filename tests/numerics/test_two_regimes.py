"""The kernel that goes to and fro between two regimes: its gradient at T = 1/e + 2 has the limit that is predicted."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from flint import arb

from numerics.sub_ngrams.transfer import transfer
from proofs.sub_ngrams import adversaries, two_regimes
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw

LAW = NGramLaw(2, 3)


def block(steps: int, b: int = 0) -> tuple[torch.Tensor, float]:
    """M_0b at T = q = steps + 2, e = 1/steps, and its error."""
    T = steps + 2
    rows = [[float(x) for x in row] for row in adversaries.two_regimes(Fraction(1, steps))]
    found = transfer(torch.tensor([rows], dtype=torch.float64), LAW, Configuration((1,), Fraction(T)), T)
    return found.blocks[0, 0, b], found.error


def test_the_limit_is_approached_at_rate_1_over_t() -> None:
    """Ten digits of the prediction: 2 M(2T) - M(T) leaves an error of order T^-2."""
    predicted = two_regimes.limit()
    assert predicted.rad() < arb("1e-20")
    found = {steps: float(block(steps)[0][0, 1]) for steps in (1000, 500_000, 10**6)}
    assert abs(2 * found[10**6] - found[500_000] - float(predicted)) < 1e-11
    off = [(found[steps] - float(predicted)) * steps for steps in (1000, 10**6)]
    assert off[0] == pytest.approx(off[1], rel=0.01) and off[1] == pytest.approx(-0.26776, abs=1e-4)


def test_a_block_with_a_read_key_lag_of_that_kernel_falls() -> None:
    largest = [float(block(steps, 1)[0].abs().max()) for steps in (10, 160, 10**4, 10**6)]
    assert largest[0] > 4 * largest[1] > 40 * largest[2] > 400 * largest[3]


@pytest.mark.parametrize("name", ["LEAVES_ZEROS", "LEAVES_ALTERNATION", "STARTS_ALTERNATING"])
def test_another_process_has_another_limit(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    true = two_regimes.limit()
    monkeypatch.setattr(two_regimes, name, getattr(two_regimes, name) * arb("1.001"))
    assert abs(two_regimes.limit() - true) > arb("1e-7")
