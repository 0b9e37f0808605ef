"""Families in closed form: tightness of the curvature bound, Hermite features, and a saddle of the Wasserstein flow.

MF7 and MF13.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from flint import Ordering, acb, arb, ctx, fmpq_mat, fmpq_mpoly_ctx, fmpq_poly

from proofs.mean_field.enclosures import PRECISION
from proofs.mean_field.model import Model
from proofs.mean_field.rational_functions import RationalFunctions, determinant


def isotropic_model(k: int, size: int = 1) -> Model:
    """F = [I 0] and H = [0 size I]: the curvature bound -4 L^2 / (k ||A||) is attained along every rotation R."""
    F, H = fmpq_mat(k, 2 * k), fmpq_mat(k, 2 * k)
    for i in range(k):
        F[i, i] = 1
        H[i, k + i] = size
    return Model(H, F)


def isotropic_difference(k: int) -> RationalFunctions:
    """L(s) - (k/2) (1 - s)^2 / (1 - 2s + 2s^2) along (1 - s) [0 I] + s [I 0]: zero as a rational function of s."""
    s = fmpq_poly([0, 1])
    rows = [[s * (i == j) + (1 - s) * (j == k + i) for j in range(2 * k)] for i in range(k)]
    d = determinant([[sum((x * y for x, y in zip(p, q, strict=True)), s * 0) for q in rows] for p in rows])
    F = [[fmpq_poly([int(i == j)]) for j in range(2 * k)] for i in range(k)]
    loss = Model(RationalFunctions(rows, d), RationalFunctions(F, d)).loss
    numerator = k * (1 - s) ** 2 * (1 - 2 * s + 2 * s * s) ** (k - 1) / 2  # over d = (1 - 2s + 2s^2)^k
    difference: RationalFunctions = loss - RationalFunctions([[numerator]], d, 1)
    return difference


def hermite_difference() -> RationalFunctions:
    """L - 6 q^2 / (2 p^2 + 6 q^2) for x ~ N(0,1), f° = (x, He_2), h = (x, p He_2 + q He_3): zero for all p, q.

    With sqrt(2) p = cos t and sqrt(6) q = sin t this is L = sin^2 t. All moments are those of the polynomials
    themselves, E x^{2n} = (2n - 1)!!.
    """
    context = fmpq_mpoly_ctx.get(["x", "p", "q"], Ordering.degrevlex)
    x, p, q = context.gens()
    he2, he3 = x**2 - 1, x**3 - 3 * x
    f, h = [x, he2], [x, p * he2 + q * he3]

    def mean(polynomial: Any) -> Any:
        """E over x ~ N(0, 1), a polynomial in p and q."""
        total = polynomial * 0
        for (power, *rest), coefficient in polynomial.terms():
            moment = 0 if power % 2 else math.prod(range(power - 1, 0, -2))
            total += coefficient * moment * context.from_dict({(0, *rest): 1})
        return total

    def covariance(first: list[Any], second: list[Any]) -> list[list[Any]]:
        return [[mean(g * g2) for g2 in second] for g in first]

    d = determinant(covariance(h, h))
    A, B, S = (RationalFunctions(covariance(*pair), d) for pair in ((h, h), (f, h), (f, f)))
    loss = (S - B * A.inv() * B.transpose()).trace() / 2
    return loss - RationalFunctions([[6 * q**2 * (d / (2 * p**2 + 6 * q**2))]], d, 1)


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
