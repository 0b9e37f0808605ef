"""The bound on blocks with unread key lags averaged over the prior: Lemma 7 and the table of values."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import numpy as np
import pytest
from flint import arb, ctx

from proofs.sub_ngrams import adversaries, annealed_bound
from proofs.sub_ngrams.annealed_bound import (
    AnnealedBound,
    Prior,
    below_overlap,
    likeness,
    pair_overlaps,
)
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.finite_length import FiniteLength, ball, overlap, phi
from proofs.sub_ngrams.infinite_length import random_kernel

HALF = Fraction(1, 2)


def bound(S: int, n: int, k: int, alpha: Fraction, T: int) -> AnnealedBound:
    lags = tuple(range(1, k))
    return AnnealedBound(FiniteLength(S, n, T, Configuration(lags, Fraction(T))), Prior(S, n, Fraction(alpha)))


# Computed elsewhere, by another program: sums of J(1), and bounds along q = T.
MOMENTS = {
    (2, 2, 1): "4.9348022", (2, 3, 1): "88.826440", (2, 4, 1): "1142.3544", (3, 3, HALF): "146568.48",
    (5, 3, HALF): "93585.036", (3, 4, HALF): "58970531", (3, 4, 1): "9239.7893", (4, 3, 1): "1594.2138",
}  # fmt: skip
TABLE = [  # S, n, k, alpha, log10 T, B_I, B_II, norm
    (2, 2, 2, 1, 4, 6.5e-3, 6.8e-3, 1.8e-1),
    (2, 2, 2, 1, 6, 1.0e-4, 1.1e-4, 4.1e-3),
    (2, 2, 2, 1, 10, 1.8e-8, 1.8e-8, 1.2e-6),
    (2, 3, 2, 1, 4, 1.2e-2, 4.4e-1, 2.7),
    (2, 3, 2, 1, 6, 1.9e-4, 1.6e-2, 1.2e-1),
    (2, 3, 2, 1, 8, 2.7e-6, 3.4e-4, 2.9e-3),
    (2, 3, 2, 1, 10, 3.4e-8, 5.2e-6, 4.9e-5),
    (2, 3, 3, 1, 4, 2.2e-2, 2.3e-2, 8.6e-1),
    (2, 3, 3, 1, 6, 3.6e-4, 3.7e-4, 2.1e-2),
    (2, 3, 2, HALF, 6, 1.9e-4, 1.2e-1, 8.7e-1),
    (2, 3, 2, HALF, 10, 3.4e-8, 1.2e-3, 1.2e-2),
    (3, 3, 2, HALF, 6, 8.4e-4, 4.9e-1, 3.6),
    (3, 3, 2, HALF, 10, 1.6e-7, 1.1e-3, 1.1e-2),
    (5, 3, 2, HALF, 6, 5.2e-3, 9.9e-1, 7.4),
    (5, 3, 2, HALF, 10, 1.1e-6, 9.8e-4, 9.4e-3),
    (3, 4, 2, HALF, 6, 2.3e-3, 1, 9.1),
    (3, 4, 2, HALF, 10, 4.5e-7, 3.8e-1, 4.5),
    (3, 4, 2, HALF, 12, 5.6e-9, 1.3e-2, 1.7e-1),
]


@pytest.mark.parametrize(("S", "n", "alpha"), MOMENTS)
def test_sums_of_gamma_quotients(S, n, alpha):
    digits = MOMENTS[S, n, alpha]
    with ctx.workprec(128):
        value = Prior(S, n, Fraction(alpha)).inverse_moment(Fraction(1))
        assert value.rad() < arb("1e-15") * value
        unit = Fraction(1, 10 ** len(digits.partition(".")[2]))
        assert abs(value - ball(Fraction(digits))) <= ball(unit)


@pytest.mark.parametrize(("S", "n", "k", "alpha", "power", "one", "two", "norm"), TABLE)
def test_values_of_the_bounds(S, n, k, alpha, power, one, two, norm):
    """To two digits, the last being off by one at most: E is a sum, here with finer steps."""
    b = bound(S, n, k, alpha, 10**power)
    found = [float(phi(b.numbers.type_one())), float(b.type_two()[0]), float(b.norm(arb(10**power).log()))]
    for value, expected in zip(found, (one, two, norm), strict=True):
        assert abs(value - expected) <= 1.05 * 10 ** (math.floor(math.log10(expected)) - 1)


def test_a_power_of_the_entries_has_the_mean_of_the_gamma_quotients():
    """S = n = 2, p = 2, alpha = 3: b = 1, so that both rows give int x(1-x) dx / int x^2 (1-x)^2 dx."""
    mean = Fraction(1, 6) / Fraction(1, 30)
    J = Prior(2, 2, Fraction(3)).inverse_moment(Fraction(2))
    assert J.overlaps(ball((Fraction(2, 4)) ** 2 * mean**2)) and J.rad() < arb("1e-9")


@pytest.mark.parametrize("p", [HALF, Fraction(1), Fraction(3, 2)])
def test_two_uniform_rows(p):
    """delta = 1 - |x-y|: E delta^-p = 2/(2-p) and P(kappa < e) = e^2, both below their bounds."""
    prior = Prior(2, 2, Fraction(1))
    assert ball(2 / (2 - p)) <= prior.inverse_moment(p)
    assert ball(p**2 / 4) <= prior.unlike(ball(p / 2))


@pytest.mark.parametrize(("S", "n"), [(2, 2), (2, 3), (3, 2), (2, 4), (3, 3)])
def test_lemma_7_kernel_by_kernel(S, n):
    rng = random.Random(S * n)
    for rows in (random_kernel(S, n, rng), adversaries.nearly_deterministic(S, n, rng, Fraction(1, 50))):
        pairs = list(pair_overlaps(rows))
        assert all(below_overlap(*pair) for pair in pairs) and min(d for d, _, _ in pairs) == overlap(rows)
        assert overlap(rows) >= likeness(rows) ** (n - 1)


def test_lemma_7_leaves_no_room():
    """Two rows that are almost opposite: with twice the constant it is false."""
    e = Fraction(1, 100)
    (pair,) = pair_overlaps([[1 - e, e], [e, 1 - e]])
    assert below_overlap(*pair) and not below_overlap(pair[0] / 2, *pair[1:])


@pytest.mark.parametrize(("S", "n", "alpha"), [(2, 2, 1.0), (2, 3, 1.0), (2, 3, 0.5), (3, 2, 0.5)])
def test_means_over_drawn_kernels_are_below_their_bounds(S, n, alpha):
    """20000 kernels: a mean beyond its bound by more than five standard errors would fail."""
    rng, D, count = np.random.default_rng(0), S ** (n - 1), 20_000
    tau = rng.dirichlet([alpha] * S, size=(count, D))
    P = np.zeros((count, D, D))
    for u in range(D):
        for s in range(S):
            P[:, u, (u * S + s) % D] += tau[:, u, s]
    P = np.linalg.matrix_power(P, n - 1)
    delta = np.minimum(P[:, :, None], P[:, None]).sum(-1).min((1, 2))
    kappa = np.minimum(tau[:, :, None], tau[:, None]).sum(-1).min((1, 2))
    prior, numbers = Prior(S, n, Fraction(alpha)), bound(S, n, min(n, 2), Fraction(alpha), 10**5)

    def below(values: np.ndarray, limit: arb) -> bool:
        return bool(values.mean() - 5 * values.std() / math.sqrt(count) <= float(limit))

    for p in (Fraction(1, 4), HALF):
        assert below(delta ** -float(p), prior.inverse_moment(p))
    for e in (0.02, 0.1, 0.3):
        assert below((kappa < e) * 1.0, prior.unlike(arb(e)))
    R = np.array([float(numbers.mixing(arb(d))) for d in delta[:2000]])
    assert R.mean() - 5 * R.std() / math.sqrt(2000) <= float(numbers.mean_of_r()[0])


def test_more_steps_of_the_sum_are_sharper():
    b = bound(2, 3, 2, Fraction(1), 10**6)
    values = [float(b.by_unlike_rows(steps)) for steps in (30, 100, 1000)]
    assert values[0] > values[1] > values[2] > 0.9 * values[1] and annealed_bound.STEPS == 1000


@pytest.mark.parametrize("delta", [Fraction(1, 10**5), Fraction(1, 30), HALF, Fraction(1)])
def test_the_bound_by_delta_in_rationals_and_in_balls(delta):
    b = bound(2, 3, 2, Fraction(1), 10**6)
    with ctx.workprec(256):
        assert ball(b.mixing_exactly(delta)).overlaps(b.mixing(ball(delta)))
        assert ball(b.mixing_exactly(delta)) <= b.X / ball(delta) + arb("1e-60")


def test_beyond_the_exponent_there_is_no_moment():
    prior = Prior(2, 3, Fraction(1, 4))
    assert prior.exponent == Fraction(1, 3)
    assert bound(2, 3, 2, Fraction(1, 4), 10**30).by_moment()[2] < Fraction(1, 3)
