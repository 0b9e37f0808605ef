"""The closed-form losses of mathematics/next-token."""

import math

import mpmath
import pytest

from proofs.next_token.examples import NAMED
from tests.proofs.next_token.closed_form import pairs_log_excess_loss, uniform_feed_forward_loss

STAGE_1 = {0: 5.545, 1: 4.7119, 2: 3.9495, 5: 2.1422, 10: 0.6187, 20: 0.0371, 40: 1.16e-4}
STAGE_2 = {0: 1.105726, 1: 0.733982, 5: -0.889908, 20: -6.338233, 40: -13.410140}


@pytest.mark.parametrize(("t", "loss"), STAGE_1.items())
def test_stage_1_of_ds_a(t: int, loss: float) -> None:
    assert uniform_feed_forward_loss(NAMED["DS-A"], 0.5, t) == pytest.approx(loss, rel=2e-3)  # digits of the page


@pytest.mark.parametrize(("t", "log_excess"), STAGE_2.items())
def test_stage_2_of_ds_a(t: int, log_excess: float) -> None:
    assert pairs_log_excess_loss(4, 4, 0.5, 3.0, t) == pytest.approx(log_excess, abs=1e-6)  # digits of the page


@pytest.mark.parametrize("t", [1, 30, 300, 1900])
def test_stage_2_is_accurate_down_to_losses_of_1e_minus_290(t: int) -> None:
    """The page's formula 4 [log(e^(beta a) + e^(beta (1-a)) + V-2) - beta a] minus its limit, with 700 digits."""
    ctx = mpmath.MPContext()
    ctx.dps = 700
    beta, V = ctx.mpf(3), 4

    def loss(a: mpmath.mpf) -> mpmath.mpf:
        return 4 * (ctx.log(ctx.exp(beta * a) + ctx.exp(beta * (1 - a)) + V - 2) - beta * a)

    a = 1 / (1 + ctx.exp(-ctx.mpf(0.5) * t / ctx.sqrt(2)))
    exact = float(ctx.log(loss(a) - loss(ctx.mpf(1))))
    # a relative error eps of e^m is an absolute one of m eps in the logarithm
    assert math.isclose(pairs_log_excess_loss(4, 4, 0.5, 3.0, t), exact, rel_tol=4e-16 * 10, abs_tol=1e-14)
