"""A particle network at a saddle, neuron by neuron (MF18z)."""

from __future__ import annotations

from fractions import Fraction

from verify.printing import shown
from verify.recheck.certificate import Certificate, growth
from verify.recheck.mean_field.critical import read_shaped
from verify.recheck.mean_field.identities import Model
from verify.recheck.mean_field.matrices import Matrix


def softsign(z: Fraction) -> Fraction:
    return z / (1 + abs(z))


def stays(c: Certificate) -> str:
    """MF18z: neurons a softsign(w'x) of equal mass, one a row, and values of f° at equally likely points.

    The velocity of a neuron is minus the derivative in (a, w) of <dL/dH, a softsign(w'x)>, and dL/dH = 0.
    """
    k, m = c.parameters.integer("k", 1, 10), c.parameters.integer("m", 1, 40)
    neurons, d = c.parameters.integer("neurons", k, 40), c.parameters.integer("inputs", 1, 10)
    points, w = (read_shaped(c.witness, key, rows, d, c) for key, rows in (("points", m), ("w", neurons)))
    a, F = read_shaped(c.witness, "a", neurons, k, c), read_shaped(c.witness, "F", k, m, c)
    c.afford(neurons * m * (d + 1), "neurons", growth(points.rows) + growth(w.rows))
    values = Matrix([[softsign(z) for z in row] for row in (w * points.T).rows])
    H = a.T * values * Fraction(1, neurons)
    c.afford(10 * k * m * (k + m), "gradient", growth(H.rows) + growth(F.rows))
    model = Model(H, F)
    c.demand(model.gradient.is_zero, "witness: a neuron moves")
    c.demand(model.loss == c.witness.rational("loss"), f"witness.loss: it is {shown(model.loss)}")
    c.demand(model.loss > 0, "witness.loss: 0 is a global minimum")
    return f"one softsign network of {neurons} neurons at k={k}, {m} points"
