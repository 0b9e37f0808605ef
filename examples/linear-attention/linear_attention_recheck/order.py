"""LA6: the flow of aligned heads, and their times."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from linear_attention_recheck.fixed_points import generic
from linear_attention_recheck.heads import separate, slopes
from linear_attention_recheck.loss import read_instance, said, scales, twice_loss
from verify.recheck.certificate import Certificate, bits


def order(c: Certificate) -> str:
    """LA6: the flow of aligned heads at variables, and the times until K_dd = a_d / 2 at u_0."""
    lam, N = read_instance(c)
    D, start = len(lam), c.parameters.rational("u_0")
    roots = c.witness.matrix("roots")
    c.demand([len(row) for row in roots] == [2] * D, "witness.roots: not a pair for each eigenvalue")
    c.afford(2 * D * (1 + 2 * D) * D * D * (2 * D + 6), "flow")
    lams, nu = generic(c, D)
    u, zero = c.field.draws(D), 0 * nu
    along = [u[d] if d == e else zero for d in range(D) for e in range(D)]
    speed = [lams[d] * lams[d] * u[d] * u[d] * (1 - m * u[d] ** 3) for d, m in enumerate(scales(lams, nu))]
    expected = [*speed, *[speed[d] if d == e else zero for d in range(D) for e in range(D)] * 2]
    found = slopes(lambda at: twice_loss(lams, nu, separate(at, D, D)), [*u, *along, *along])
    for i, (x, y) in enumerate(zip(found, expected, strict=True)):
        c.zero(x + 2 * y, f"flow of parameter {i}")
    c.afford(20 * D, "times", bits(lam, roots, [start]))
    spans = []
    for x, (low, high), m in zip(lam, roots, scales(lam, Fraction(1, N)), strict=True):
        c.demand(0 < low**3 <= 1 / (2 * m) <= high**3, "witness.roots: not around the cube root of a/2")
        c.demand(0 < start < low, "parameters.u_0: beyond a/2")
        spans.append(((1 / start - 1 / low) / x**2, (1 / start - 1 / (2 * high)) / x**2))
    apart = all(sooner[1] <= later[0] for sooner, later in pairwise(spans))
    c.demand(apart, "parameters.u_0: the intervals of times overlap")
    return f"every u_0 below {float(start):.4g}, {said(lam, N)}"
