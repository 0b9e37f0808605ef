"""Rational saddles and resting neurons: derivatives against differences, resting places against gradient descent."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from random import Random

import pytest
from flint import arb

from proofs.mean_field.escape import SLOPES, RationalSaddle, dot, mean_square, random_saddle
from proofs.mean_field.improvement import Activation, Atom, features, random_vector, relu, softsign
from proofs.mean_field.one_neuron import ACTIVATIONS, OneNeuron, at, critical_values, resting_place, target
from proofs.rational_matrix import inner, is_zero, to_fmpq
from proofs.rationals import to_fraction


def moved(
    saddle: RationalSaddle, v: list[tuple[tuple[Fraction, ...], tuple[Fraction, ...]]], t: Fraction
) -> list[Atom]:
    def along(x: tuple[Fraction, ...], y: tuple[Fraction, ...]) -> tuple[Fraction, ...]:
        return tuple(p + t * q for p, q in zip(x, y, strict=True))

    pairs = zip(saddle.atoms, v, strict=True)
    return [replace(atom, a=along(atom.a, by_a), w=along(atom.w, by_w)) for atom, (by_a, by_w) in pairs]


@pytest.mark.parametrize("activation", SLOPES)
@pytest.mark.parametrize("k", [1, 2])
def test_directions_are_derivatives(activation: Activation, k: int) -> None:
    random = Random(4)
    saddle = random_saddle(random, k, activation)
    v = [(random_vector(random, k), random_vector(random, 2)) for _ in saddle.atoms]
    t = Fraction(1, 10**9)
    ahead, back = (features(moved(saddle, v, s), saddle.points, activation) for s in (t, -t))
    difference = (ahead - back) * to_fmpq(1 / (2 * t)) - saddle.direction(v)
    assert max(abs(to_fraction(x)) for x in difference.entries()) < Fraction(1, 10**12)


@pytest.mark.parametrize("activation", [softsign, relu])
def test_saddles_are_saddles(activation: Activation) -> None:
    saddle = random_saddle(Random(0), 2, activation)
    assert is_zero(saddle.model.B) and is_zero(saddle.model.gradient) and saddle.model.loss > 0
    v = saddle.gradient(saddle.push([((Fraction(1),) * 2, (Fraction(0),) * 2)] * 4))
    assert mean_square(saddle, v) == sum(
        a.mass * (dot(p, p) + dot(q, q)) for a, (p, q) in zip(saddle.atoms, v, strict=True)
    )
    assert saddle.model.hessian_form(saddle.direction(v)) < 0
    assert inner(saddle.model.gradient, saddle.direction(v)) == 0


FLOATS = {
    "tanh": math.tanh,
    "sigmoid": lambda z: 1 / (1 + math.exp(-z)),
    "relu": lambda z: max(z, 0.0),
    "softsign": lambda z: z / (1 + abs(z)),
}


def loss(activation: str, w: float) -> float:
    points, sigma = target(activation), FLOATS[activation]
    b, A, S = (
        sum(term(f, sigma(w * x)) for x, f in points) / len(points)
        for term in (lambda f, y: f * y, lambda f, y: y * y, lambda f, y: f * f)
    )
    return (S - b * b / A) / 2


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradient_descent_comes_to_rest_there(activation: str) -> None:
    low, high = resting_place(activation)
    w, step = float(low) * 0.8, 1e-5
    for _ in range(4000):
        w -= 0.5 * (loss(activation, w + step) - loss(activation, w - step)) / (2 * step)
    rest = at(activation, low, high).loss
    known = float(rest.mid()) if isinstance(rest, arb) else float(rest)
    assert loss(activation, w) == pytest.approx(known, abs=1e-7)
    if activation != "relu":
        assert w == pytest.approx(float(low), abs=1e-3) and high - low < Fraction(1, 10**8)
    assert all(abs(known - float(value)) > 0.1 for value in critical_values(activation))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_slopes_are_derivatives_of_the_loss(activation: str) -> None:
    """dL/dw = - b D / (2 A^2)."""
    w, step = 0.9, 1e-5
    neuron = OneNeuron(activation, Fraction(9, 10) if activation == "relu" else arb(w))
    b, A, D = (float(x) for x in (neuron.overlap, neuron.size, neuron.slope))
    difference = (loss(activation, w + step) - loss(activation, w - step)) / (2 * step)
    assert difference == pytest.approx(-b * D / (2 * A * A), abs=1e-8)
