"""Rigorous intervals by a second library: mpmath.iv in plain Python against arb."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from flint import arb, ctx, fmpq, fmpq_mat
from mpmath import iv, mpf

from proofs.mean_field.enclosures import eigenvalues, nuclear_norm
from proofs.mean_field.examples import tanh_saddle
from proofs.sub_ngrams.merged_limit import bigram_enclosure, bigram_value


def ends(interval: Any) -> tuple[Fraction, Fraction]:
    """The two ends of an mpmath interval as the dyadic rationals that they are."""

    def exactly(x: mpf) -> Fraction:
        sign, mantissa, exponent, _ = x._mpf_
        return (-1 if sign else 1) * Fraction(int(mantissa)) * Fraction(2) ** int(exponent)

    low, high = (exactly(mpf(end)) for end in (interval.a, interval.b))
    assert low <= high
    return low, high


def ball(x: arb) -> tuple[Fraction, Fraction]:
    return tuple(
        Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
        for mantissa, exponent in (x.lower().man_exp(), x.upper().man_exp())
    )  # type: ignore[return-value]  # two of them


def overlap(first: tuple[Fraction, Fraction], second: tuple[Fraction, Fraction]) -> bool:
    return first[0] <= second[1] and second[0] <= first[1]


def riemann(f: Callable[[Any], Any], low: int, high: int, parts: int) -> Any:
    """The integral of f over [low, high], enclosed by the values of f on subintervals."""
    total = iv.mpf(0)
    for i in range(parts):
        x = low + (high - low) * iv.mpf([i, i + 1]) / parts
        total += f(x)
    return total * (high - low) / parts


def test_the_surviving_bigram_block() -> None:
    """7/6 - (5/3) log 2: by the closed form, and by a Riemann sum over y of the integral over t (see bigram_value)."""
    closed = iv.mpf(7) / 6 - iv.mpf(5) / 3 * iv.log(2)
    enclosure = bigram_enclosure(Fraction(1))
    assert overlap(ends(closed), (enclosure.lower, enclosure.upper))
    value = bigram_value().enclosure()
    assert overlap(ends(closed), (value.lower, value.upper))
    summed = riemann(lambda y: y * (2 * (1 + y) / 3 - 1) / (1 + y) ** 2, 0, 1, 4000)
    assert overlap(ends(summed), (enclosure.lower, enclosure.upper))
    assert ends(summed)[0] > 0 and summed.delta < 1e-3
    wrong = iv.mpf(7) / 6 - iv.mpf(5) / 3 * iv.log(2) + iv.mpf(1) / 10**9
    assert not overlap(ends(wrong), (enclosure.lower, enclosure.upper))


def test_the_gaussian_means_of_the_tanh_saddle() -> None:
    """Tails beyond 9 hold less than e^-40 for functions of modulus at most 1."""
    tail = iv.mpf([-1, 1]) * iv.exp(-40)

    def mean(f: Callable[[Any], Any]) -> Any:
        root = iv.sqrt(2 * iv.pi)
        return 2 * riemann(lambda x: f(x) * iv.exp(-x * x / 2) / root, 0, 9, 3000) + tail

    def tanh(x: Any) -> Any:
        return 1 - 2 / (iv.exp(2 * x) + 1)

    found = tanh_saddle()
    square = mean(lambda x: tanh(x) ** 2)
    assert overlap(ends(square / 2), ball(found["loss"]))
    assert overlap(ends(mean(lambda x: 1 - tanh(x) ** 2)), ball(found["c"]))
    assert square.delta < 1e-2 and not overlap(ends(square), ball(found["loss"]))


def characteristic_polynomial(S: Sequence[Sequence[Fraction]]) -> list[Fraction]:
    """Coefficients of det(x - S), highest first, by Faddeev and LeVerrier's recursion."""
    n = len(S)
    coefficients, M = [Fraction(1)], [[Fraction(0)] * n for _ in range(n)]
    for k in range(1, n + 1):
        M = [
            [sum((S[i][m] * M[m][j] for m in range(n)), Fraction(0)) + coefficients[-1] * (i == j) for j in range(n)]
            for i in range(n)
        ]
        coefficients.append(-sum((S[i][m] * M[m][i] for i in range(n) for m in range(n)), Fraction(0)) / k)
    return coefficients


@pytest.mark.parametrize("seed", range(4))
def test_eigenvalues(seed: int) -> None:
    """Between two intervals of simple eigenvalues the characteristic polynomial changes its sign."""
    rng, n = Random(seed), 4
    A = [[Fraction(rng.randint(-9, 9), rng.randint(1, 5)) for _ in range(n)] for _ in range(n)]
    S = [[sum((row[m] * other[m] for m in range(n)), Fraction(0)) for other in A] for row in A]
    found = eigenvalues(fmpq_mat([[fmpq(x.numerator, x.denominator) for x in row] for row in S]))
    coefficients = characteristic_polynomial(S)

    def p(x: Fraction) -> Any:
        value = iv.mpf(0)
        for c in coefficients:
            value = value * (iv.mpf(x.numerator) / x.denominator) + iv.mpf(c.numerator) / c.denominator
        return value

    iv.prec = 400
    try:
        for x in found:
            low, high = ball(x)
            signs = {(value.a > 0) - (value.b < 0) for value in (p(low), p(high))}
            assert signs == {-1, 1}
        total = sum(
            (iv.sqrt(iv.mpf([lo.numerator, lo.numerator]) / lo.denominator) for lo, _ in map(ball, found)), iv.mpf(0)
        )
    finally:
        iv.prec = 53
    with ctx.workprec(160):
        nuclear = nuclear_norm(fmpq_mat([[fmpq(x.numerator, x.denominator) for x in row] for row in A]))
    assert abs(float(total.mid) - float(nuclear.mid())) <= 1e-12 * float(nuclear.mid())
