"""Atoms of a network in exact rationals, and the rate of improvement under birth and death (MF14).

With g(w) = grad_a dL/dmu and dmu°/dpi = r(a, w) <= R_4, dL/ds along the homotopy is the integral of (R a . g) r over
pi. As pi is symmetric in a it is that of (R a . g) (r(a) - r(-a)) / 2, and (r(a) - r(-a))^2 <= R_4 (r(a) + r(-a)), so
that by Cauchy and Schwarz (dL/ds)^2 <= (R_4 m_2 / 2) times the integral of |g|^2 over pi.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from random import Random

from flint import fmpq, fmpq_mat

from proofs.mean_field.instances import random_rational
from proofs.mean_field.model import Model
from proofs.rational_matrix import inner, is_zero, squared_norm, to_fmpq

Vector = tuple[Fraction, ...]


@dataclass(frozen=True)
class Atom:
    """A neuron a sigma(w . x) that carries some of the mass of a measure."""

    mass: Fraction
    a: Vector
    w: Vector


def softsign(z: Fraction) -> Fraction:
    """z / (1 + |z|): a bounded increasing activation with rational values."""
    return z / (1 + abs(z))


def relu(z: Fraction) -> Fraction:
    return max(z, Fraction(0))


Activation = Callable[[Fraction], Fraction]


def features(atoms: Sequence[Atom], points: Sequence[Vector], activation: Activation) -> fmpq_mat:
    """The values of the network at the points, k x number of points."""
    total = fmpq_mat(len(atoms[0].a), len(points))
    for atom in atoms:
        total += to_fmpq(atom.mass) * neuron(atom.a, atom.w, points, activation)
    return total


def neuron(a: Vector, w: Vector, points: Sequence[Vector], activation: Activation) -> fmpq_mat:
    values = response(w, points, activation)
    return fmpq_mat([[to_fmpq(x) * value for value in values.entries()] for x in a])


def response(w: Vector, points: Sequence[Vector], activation: Activation) -> fmpq_mat:
    """sigma(w . x) at every point, 1 x number of points."""
    return fmpq_mat(
        [[to_fmpq(activation(sum((p * x for p, x in zip(w, point, strict=True)), Fraction(0)))) for point in points]]
    )


@dataclass(frozen=True)
class BirthDeath:
    """mu = (1 - gamma) mu' + gamma pi, where pi holds every atom of the target mu° twice, with a and with -a.

    ratio  R_4 with d mu° / d pi <= R_4
    """

    target: tuple[Atom, ...]
    background: tuple[Atom, ...]
    gamma: Fraction
    pi: tuple[Atom, ...]
    points: tuple[Vector, ...]
    activation: Activation

    @cached_property
    def mu(self) -> tuple[Atom, ...]:
        scaled = [Atom((1 - self.gamma) * atom.mass, atom.a, atom.w) for atom in self.background]
        return (*scaled, *(Atom(self.gamma * atom.mass, atom.a, atom.w) for atom in self.pi))

    @cached_property
    def model(self) -> Model:
        """Features at the points; the loss here is the number of points times E."""
        return Model(*(features(atoms, self.points, self.activation) for atoms in (self.mu, self.target)))

    @cached_property
    def ratio(self) -> Fraction:
        masses = {(atom.a, atom.w): atom.mass for atom in self.pi}
        return max(atom.mass / masses[atom.a, atom.w] for atom in self.target)

    @cached_property
    def second_moment(self) -> Fraction:
        """m_2 = the integral of |a|^2 under mu°."""
        return sum((atom.mass * sum((x * x for x in atom.a), Fraction(0)) for atom in self.target), Fraction(0))

    @cached_property
    def output_dissipation(self) -> fmpq:
        """The integral of |grad_a dL/dmu|^2 under mu: a part of -dL/dt along the Wasserstein gradient flow."""
        total = fmpq(0)
        for atom in self.mu:
            gain = self.model.gradient * response(atom.w, self.points, self.activation).transpose()
            total += to_fmpq(atom.mass) * squared_norm(gain)
        return total

    @cached_property
    def mean_first_variation(self) -> fmpq:
        """The integral of dL/dmu under mu, which is 0."""
        return inner(self.model.gradient, features(self.mu, self.points, self.activation))

    @cached_property
    def factor(self) -> Fraction:
        """2 gamma / (R_4 m_2): what the squared slope of a homotopy is multiplied with."""
        return 2 * self.gamma / (self.ratio * self.second_moment)


def mirrored(target: Sequence[Atom], weights: Sequence[int]) -> tuple[Atom, ...]:
    """pi with these weights: half of each at a, half at -a."""
    return tuple(
        Atom(Fraction(weight, 2 * sum(weights)), a, atom.w)
        for weight, atom in zip(weights, target, strict=True)
        for a in (atom.a, tuple(-x for x in atom.a))
    )


def tight_birth_death(random: Random, k: int, count: int, activation: Activation, d: int = 2) -> BirthDeath:
    """An instance where the best homotopy attains the bound: one target neuron, and no gradient at the k other neurons.

    Their responses span the row space of H, so that g = 0 there; M Z has rank one.
    """
    while True:
        points = tuple(random_vector(random, d) for _ in range(count))
        target = (Atom(Fraction(1), random_vector(random, k), random_vector(random, d)),)
        units = [tuple(Fraction(i == j) for j in range(k)) for i in range(k)]
        background = tuple(Atom(Fraction(1, k), unit, random_vector(random, d)) for unit in units)
        instance = BirthDeath(target, background, Fraction(1, 3), mirrored(target, [1]), points, activation)
        if instance.second_moment > 0 and instance.model.A.det() != 0 and not is_zero(instance.model.gradient):
            return instance


def random_vector(random: Random, size: int) -> Vector:
    return tuple(random_rational(random, 2, 2) for _ in range(size))


def random_birth_death(random: Random, k: int, count: int, activation: Activation, d: int = 2) -> BirthDeath:
    """A random instance with two more points than features and a generic network."""

    def measure(size: int) -> tuple[Atom, ...]:
        weights = [random.randint(1, 4) for _ in range(size)]
        return tuple(
            Atom(Fraction(w, sum(weights)), random_vector(random, k), random_vector(random, d)) for w in weights
        )

    while True:
        points = tuple(random_vector(random, d) for _ in range(count))
        target, background = measure(k + 2), measure(k + 2)
        weights = [random.randint(1, 4) for _ in target]
        pi = mirrored(target, weights)
        instance = BirthDeath(target, background, Fraction(random.randint(1, 3), 4), pi, points, activation)
        different = len({(atom.a, atom.w) for atom in pi}) == len(pi)
        if different and instance.model.A.det() != 0 and instance.second_moment > 0:
            return instance
