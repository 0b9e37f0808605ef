"""Models in closed form: where the curvature bound is attained, and a saddle of the Wasserstein flow.

MF7 and MF13.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from flint import acb, arb, ctx, fmpq_mat

from proofs.mean_field.enclosures import PRECISION
from proofs.mean_field.model import Model


def isotropic_model(k: int, size: int = 1) -> Model:
    """F = [I 0] and H = [0 size I]: the curvature bound -4 L^2 / (k ||A||) is attained along every rotation R."""
    F, H = fmpq_mat(k, 2 * k), fmpq_mat(k, 2 * k)
    for i in range(k):
        F[i, i] = 1
        H[i, k + i] = size
    return Model(H, F)


def gaussian_mean(function: Callable[[Any], Any], reach: int = 14) -> arb:
    """E function(x) for x ~ N(0, 1) in a rigorous interval; function is analytic with |function(x)| <= 1 + |x|.

    The integral runs over [-reach, reach]; the two tails hold at most 2 (phi / reach + phi), as
    E[1 + |x|; |x| > r] = 2 (P(x > r) + phi(r)) and P(x > r) <= phi(r) / r.
    """
    with ctx.workprec(PRECISION):
        root = (2 * arb.pi()).sqrt()

        def integrand(x: Any, analytic: bool) -> Any:
            return function(x) * (-x * x / 2).exp() / root

        inside = acb.integral(integrand, acb(-reach), acb(reach)).real
        density = (-(arb(reach) ** 2) / 2).exp() / root
        tail = 2 * (density / reach + density)
        return inside + arb(0, tail.upper())


def tanh_saddle() -> dict[str, arb]:
    """mu = one neuron a tanh(w . x) with w = e_2, target tanh(x_1), x ~ N(0, I_2), k = 1 (MF13).

    M = E[h f°] / E h^2 = 0, so that d L/d mu vanishes everywhere; moving w along e_1 changes h by x_1 sech^2(x_2), and
    the Hessian form leaves -(E[tanh(x_1) x_1] E[sech^2(x_2)])^2 / E tanh^2 = -c^4 / E tanh^2.
    """
    with ctx.workprec(PRECISION):
        square = gaussian_mean(lambda x: x.tanh() ** 2)
        c = gaussian_mean(lambda x: x.sech() ** 2)
        by_parts = gaussian_mean(lambda x: x * x.tanh())
        mean = gaussian_mean(lambda x: x.tanh())
        M = mean * mean / square
        return {
            "loss": (square - M * M * square) / 2,
            "r_low / 2": square / 2,
            "M": M,
            "c": c,
            "E x tanh x": by_parts,
            "E tanh^2": square,
            "second variation": -((by_parts * c) ** 2) / square,
            "closed form": -(c**4) / (1 - c),
        }


def pythagorean(p: int, q: int) -> tuple[Fraction, Fraction]:
    """A rational sine and cosine: ((2pq) / (p^2 + q^2), (q^2 - p^2) / (p^2 + q^2))."""
    return Fraction(2 * p * q, p * p + q * q), Fraction(q * q - p * p, p * p + q * q)
