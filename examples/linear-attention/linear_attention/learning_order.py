"""LA6: separate heads learn the largest eigenvalue first."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import isqrt
from typing import Any

import landscape_verifier as lv
from linear_attention.exact import Residuals, variables
from linear_attention.loss import GAUSSIAN
from linear_attention.model import Separate, mu, slope
from linear_attention.settings import LinearAttentionSettings

DIGITS = 10**6  # cube roots are enclosed to 1 / DIGITS, or to a DIGITS-th part of themselves where they are large


@lv.claim(
    "LA6",
    "largest eigenvalue first",
    requires=("LA4",),
    assumptions=(GAUSSIAN, "gradient flow; head d starts at v = |k| = |q| = u_0, with k and q along e_d"),
    reference="README.md#la6",
)
def largest_first(settings: LinearAttentionSettings, run: lv.Run) -> lv.Finding:
    """From head d at v = u_0, k = q = u_0 e_d for every d, gradient flow keeps this form, du_d/dt = lambda_d^2 u_d^2
    (1 - u_d^3 / a_d): the growth at the origin goes with lambda^2. The time until K_dd = a_d / 2 is (1/u_0 - c_d) /
    lambda_d^2 with 1 / (2 h_d) <= c_d <= 1 / h_d, h_d^3 = a_d / 2; for all u_0 up to some bound, larger eigenvalues
    are learned first.

    1 / (u^2 (1 - u^3/a)) = 1/u^2 + (u/a) / (1 - u^3/a), and the last term is at most 2 u / a where u^3 <= a/2.
    """
    lam, D = settings.spectrum, settings.D
    h = [cube_root(1 / (2 * x)) for x in mu(lam, Fraction(1, settings.N))]
    largest = largest_start(lam, h)
    residuals, times = flow(D), [times_to_half(x, root, largest) for x, root in zip(lam, h, strict=True)]
    failed = [label for label, residual in residuals if residual != 0]
    ordered = all(sooner[1] <= later[0] for sooner, later in pairwise(times))
    return lv.decide(
        not failed and ordered and largest > 0,
        evidence=lv.Evidence.EXACT,
        scope=f"every u_0 < {float(largest):.4g}, {settings.said}; the flow: every Lambda, N; D={D}, {D} heads",
        instances=len(residuals) + len(times) - 1,
        found=f"{len(failed)} residuals, largest eigenvalue first: {'yes' if ordered else 'not shown'}",
        predicted="0 residuals, yes",
        undecided="the intervals of times overlap" if not failed else f"residual at {failed[0]}",
        counterexample=lv.Counterexample({"identity": failed[0]}, lambda: any(residual != 0 for _, residual in flow(D)))
        if failed
        else None,
        details={"bound of u_0": largest, "times at that bound": [[float(a), float(b)] for a, b in times]},
        certificate=lv.Certificate(
            {"eigenvalues": lam, "N": settings.N, "u_0": largest}, {"roots": [list(root) for root in h]}
        ),
    )


def flow(D: int) -> Residuals:
    """dL/d(parameters) at aligned heads: - lambda^2 u^2 (1 - u^3/a) along u, 0 across."""
    symbols = variables([*(f"u{d}" for d in range(D)), *(f"lam{d}" for d in range(D)), "nu"])
    u, lam, nu = symbols[:D], symbols[D:-1], symbols[-1]
    along = [[u[d] if d == e else 0 * nu for e in range(D)] for d in range(D)]
    heads = Separate(u, along, along)
    speed = [lam[d] ** 2 * u[d] ** 2 * (1 - mu(lam, nu)[d] * u[d] ** 3) for d in range(D)]
    predicted = [*speed, *[speed[d] if d == e else 0 * nu for d in range(D) for e in range(D)] * 2]
    gradient: Sequence[Any] = heads.gradient(slope(lam, nu, heads.K))
    return [
        (f"d{name}/dt", found + value)
        for name, found, value in zip(Separate.names(D, D), gradient, predicted, strict=True)
    ]


def cube_root(x: Fraction) -> tuple[Fraction, Fraction]:
    """Rationals below and above it, checked by their cubes."""
    scale = DIGITS
    while x * scale**3 < DIGITS**3:
        scale *= 10
    low = _integer_cube_root(int(x * scale**3))
    below, above = Fraction(low, scale), Fraction(low + 1, scale)
    assert below**3 <= x <= above**3, "low = floor of the cube root"
    return below, above


def _integer_cube_root(n: int) -> int:
    low, high = 0, 1 + isqrt(n + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if middle**3 <= n else (low, middle)
    return low


def times_to_half(lam: Fraction, h: tuple[Fraction, Fraction], start: Fraction) -> tuple[Fraction, Fraction]:
    """Between these is the time from u = start to u = h, h^3 = a/2."""
    low, high = h
    return (1 / start - 1 / low) / lam**2, (1 / start - 1 / (2 * high)) / lam**2


def largest_start(lam: Sequence[Fraction], h: Sequence[tuple[Fraction, Fraction]]) -> Fraction:
    """A u_0 up to which the intervals of times are in order, below half of every h: they move apart as u_0 falls."""
    bound = min(low for low, _ in h) / 2
    pairs = list(zip(lam, h, strict=True))
    for (fast, (_, high)), (slow, (low, _)) in pairwise(pairs):
        needed = (1 / (slow**2 * low) - 1 / (2 * fast**2 * high)) / (1 / slow**2 - 1 / fast**2)
        if needed > 0:
            bound = min(bound, 1 / needed)
    scale = 1
    while bound * scale < DIGITS:
        scale *= 10
    return Fraction(int(bound * scale), scale)  # rounded down, to few digits
