"""The fast computations against slow ones that share nothing with them."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from random import Random

import numpy as np
import pytest
from linear_attention import exact, index, learning_order, loss, model

WEIGHTS = {-1: Fraction(1, 6), 0: Fraction(2, 3), 1: Fraction(1, 6)}


def literal_twice_loss(roots: list[Fraction], K: list[list[Fraction]], N: int) -> Fraction:
    """E (w x_q - (1/N) sum_n y_n x_n K x_q)^2 over every task and query of signs, and every prompt."""
    D, total = len(roots), Fraction(0)
    signs = list(product((1, -1), repeat=D))
    for w, s in product(signs, signs):
        query = [r * x for r, x in zip(roots, s, strict=True)]
        Kq = [sum(k * x for k, x in zip(row, query, strict=True)) for row in K]
        for prompt in product(product(WEIGHTS, repeat=D), repeat=N):
            weight, answer = Fraction(1), Fraction(0)
            for point in prompt:
                x = [r * z for r, z in zip(roots, point, strict=True)]  # over sqrt(3)
                y = sum(a * b for a, b in zip(w, x, strict=True))
                answer += 3 * y * sum(a * b for a, b in zip(x, Kq, strict=True)) / N
                for z in point:
                    weight *= WEIGHTS[z]
            total += weight * (sum(a * b for a, b in zip(w, query, strict=True)) - answer) ** 2
    return total / 4**D


@pytest.mark.parametrize(("D", "N"), [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)])
def test_the_loss_is_that_of_the_network(D: int, N: int) -> None:
    random = Random(f"literal {D} {N}")
    roots = [Fraction(random.randint(1, 5), random.randint(1, 3)) for _ in range(D)]
    K = [[Fraction(random.randint(-3, 3), 2) for _ in range(D)] for _ in range(D)]
    lam = [r * r for r in roots]
    found = literal_twice_loss(roots, K, N)
    assert found == model.twice_loss(lam, Fraction(1, N), K)
    entries = [K[d][d] for d in range(D)]
    diagonal = [[K[d][d] if d == e else Fraction(0) for e in range(D)] for d in range(D)]
    assert 2 * loss.diagonal_loss_by_prompts(lam, entries, N) == literal_twice_loss(roots, diagonal, N)


@pytest.mark.parametrize("N", [1, 2, 5])
def test_the_loss_is_that_of_gaussian_prompts(N: int) -> None:
    """Drawn ones; the mean is within six standard errors."""
    rng, roots, K = np.random.default_rng(N), np.array([1.5, 0.5]), np.array([[0.3, -0.2], [0.4, 0.6]])
    draws = 200_000
    x, query, w = (rng.standard_normal((draws, *shape, 2)) for shape in ((N,), (), ()))
    x, query = x * roots, query * roots
    y = np.einsum("bnd,bd->bn", x, w)
    answer = np.einsum("bn,bnd,de,be->b", y, x, K, query) / N
    errors = (np.einsum("bd,bd->b", w, query) - answer) ** 2
    exactly = model.twice_loss(list(roots**2), 1 / N, K)
    assert abs(errors.mean() - exactly) < 6 * errors.std() / draws**0.5


def test_inertia_two_ways() -> None:
    random = Random("inertia")
    seen = set()
    for size in (1, 2, 3, 4, 5, 6) * 8:
        rank = random.randint(0, size)
        B = [[Fraction(random.randint(-2, 2)) for _ in range(rank)] for _ in range(size)]
        signs = [random.choice((-1, 1)) for _ in range(rank)]
        A = [[sum((s * x * y for s, x, y in zip(signs, a, b, strict=True)), Fraction(0)) for b in B] for a in B]
        assert exact.inertia(A) == exact.inertia_by_polynomial(A)
        seen.add(exact.inertia(A))
    assert len(seen) > 15
    assert exact.inertia([[Fraction(0), Fraction(1)], [Fraction(1), Fraction(0)]]) == (1, 0, 1)


@pytest.mark.parametrize("kind", [model.Merged, model.Separate])
def test_derivatives_two_ways(kind: type[model.Merged | model.Separate]) -> None:
    instance, random = index.Instance([Fraction(5, 2), Fraction(1, 3)], Fraction(1, 7)), Random("derivatives")
    landscape = instance.landscape(kind)
    at = [Fraction(random.randint(-4, 4), random.randint(1, 3)) for _ in range(landscape.count)]

    def value(at: list[Fraction]) -> Fraction:
        return instance.twice_loss(kind.of(at, 2, 2).K)

    assert landscape.hessian(at) == exact.hessian_by_differences(value, at)
    assert landscape.gradient(at) == exact.gradient_by_differences(value, at)
    heads = kind.of(at, 2, 2)
    assert landscape.gradient(at) == [2 * x for x in heads.gradient(model.slope(instance.lam, instance.nu, heads.K))]


def test_the_times_to_learn_are_those_of_gradient_flow() -> None:
    """Of all parameters, by Runge and Kutta, from the largest u_0 and from a tenth of it."""
    lam, nu, D = [3.0, 2.0, 1.0], 0.25, 3
    h = [learning_order.cube_root(1 / (2 * x)) for x in model.mu([Fraction(x) for x in (3, 2, 1)], Fraction(1, 4))]
    largest = learning_order.largest_start([Fraction(x) for x in (3, 2, 1)], h)

    def speed(at: np.ndarray) -> np.ndarray:
        heads = model.Separate.of(list(at), D, D)
        return -np.array(heads.gradient(model.slope(lam, nu, heads.K)))

    for start in (largest, largest / 10):
        u = float(start)
        at = np.concatenate([np.full(D, u), np.eye(D).ravel() * u, np.eye(D).ravel() * u])
        time, step, reached = 0.0, 0.01, dict[int, float]()
        while len(reached) < D:
            one = speed(at)
            two = speed(at + step / 2 * one)
            three = speed(at + step / 2 * two)
            at = at + step / 6 * (one + 2 * two + 2 * three + speed(at + step * three))
            time += step
            K = model.Separate.of(list(at), D, D).K
            for d, scale in enumerate(model.mu(lam, nu)):
                if d not in reached and K[d][d] * scale >= 1 / 2:
                    reached[d] = time
        assert list(reached) == [0, 1, 2]
        for d in range(D):
            low, high = learning_order.times_to_half(Fraction(lam[d]), h[d], start)
            assert float(low) <= reached[d] <= float(high) + step
