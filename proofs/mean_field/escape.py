"""Saddles of rational networks with E[f° h^T] = 0, and the rate at which the Wasserstein flow leaves them (MF18).

Where B = 0, M = 0: the first variation vanishes at every neuron, and D^2 L[E, E] = - tr(b A^{-1} b^T) with b = F E^T.
Along a field v on the neurons b is the integral of the derivatives of E[f° h_theta^T] along v. So the flow linearised
there moves b as db/dt = Gamma (b A^{-1}), with Gamma the integral of the products of these derivatives.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from random import Random

from flint import fmpq, fmpq_mat

from proofs.mean_field.improvement import Activation, Atom, Vector, features, random_vector, relu, response, softsign
from proofs.mean_field.instances import random_matrix
from proofs.mean_field.model import Model
from proofs.rational_matrix import identity, kronecker, matrix, projection, to_fmpq
from proofs.rationals import to_fraction


def softsign_slope(z: Fraction) -> Fraction:
    return 1 / (1 + abs(z)) ** 2


def relu_slope(z: Fraction) -> Fraction:
    """Away from 0."""
    return Fraction(z > 0)


SLOPES: dict[Activation, Activation] = {softsign: softsign_slope, relu: relu_slope}


@dataclass(frozen=True)
class RationalSaddle:
    """A network of atoms, and a target that is orthogonal to its features at equally likely points."""

    atoms: tuple[Atom, ...]
    F: fmpq_mat
    points: tuple[Vector, ...]
    activation: Activation

    @cached_property
    def model(self) -> Model:
        """The loss here is the number of points times E."""
        return Model(features(self.atoms, self.points, self.activation), self.F)

    @cached_property
    def inputs(self) -> fmpq_mat:
        """The points, one a row."""
        return matrix(self.points)

    def direction(self, v: list[tuple[Vector, Vector]]) -> fmpq_mat:
        """How the features move where the neuron (a, w) moves along (v_a, v_w), k x points."""
        total = fmpq_mat(self.F.nrows(), self.F.ncols())
        for atom, (by_a, by_w) in zip(self.atoms, v, strict=True):
            value = response(atom.w, self.points, self.activation)
            slope = response(atom.w, self.points, SLOPES[self.activation])
            along = response(by_w, self.points, lambda z: z)
            turned = fmpq_mat([[x * y for x, y in zip(slope.entries(), along.entries(), strict=True)]])
            total += (_column(by_a) * value + _column(atom.a) * turned) * to_fmpq(atom.mass)
        return total

    @cached_property
    def gamma(self) -> fmpq_mat:
        """Gamma on b, row by row: k^2 x k^2."""
        k = self.F.nrows()
        total = fmpq_mat(k * k, k * k)
        for atom in self.atoms:
            value = response(atom.w, self.points, self.activation)
            slope = response(atom.w, self.points, SLOPES[self.activation]).entries()
            seen = self.F * value.transpose()  # E[f° sigma], by which output weights move b
            F_slope = fmpq_mat([[x * y for x, y in zip(row, slope, strict=True)] for row in self.F.table()])
            turned = F_slope * self.inputs  # E[f° sigma' x^T]
            a = _column(atom.a)
            part = kronecker(seen * seen.transpose(), identity(k))
            part += kronecker(turned * turned.transpose(), a * a.transpose())
            total += part * to_fmpq(atom.mass)
        return total

    @cached_property
    def operator(self) -> fmpq_mat:
        """b -> Gamma (b A^{-1}): its largest eigenvalue is the rate lambda."""
        return self.gamma * kronecker(identity(self.F.nrows()), self.model.A_inverse)

    def push(self, v: list[tuple[Vector, Vector]]) -> fmpq_mat:
        """b = F E^T along v."""
        return self.F * self.direction(v).transpose()

    def gradient(self, b: fmpq_mat) -> list[tuple[Vector, Vector]]:
        """The velocity of the neurons that the linearised flow has at b: grad tr((b A^{-1})^T E[f° h_theta^T])."""
        X = b * self.model.A_inverse
        found = []
        for atom in self.atoms:
            value = response(atom.w, self.points, self.activation)
            slope = response(atom.w, self.points, SLOPES[self.activation]).entries()
            by_a = X.transpose() * self.F * value.transpose()
            weights = (_column(atom.a).transpose() * X.transpose() * self.F).entries()
            pulled = fmpq_mat([[w * s for w, s in zip(weights, slope, strict=True)]])
            found.append((_vector(by_a.entries()), _vector((pulled * self.inputs).entries())))
        return found


def _column(a: Vector) -> fmpq_mat:
    return fmpq_mat([[to_fmpq(x)] for x in a])


def _vector(entries: list[fmpq]) -> Vector:
    return tuple(to_fraction(x) for x in entries)


def random_saddle(random: Random, k: int, activation: Activation, d: int = 2) -> RationalSaddle:
    """Of k + 2 neurons on 2 k + 1 points, no point at a kink, with S° and A of full rank."""
    while True:
        points = tuple(random_vector(random, d) for _ in range(2 * k + 1))
        mass = Fraction(1, k + 2)
        atoms = tuple(Atom(mass, random_vector(random, k), random_vector(random, d)) for _ in range(k + 2))
        h = features(atoms, points, activation)
        smooth = all(dot(atom.w, point) != 0 for atom in atoms for point in points)
        if h.rank() < k or not smooth:
            continue
        free = random_matrix(random, k, len(points))
        F = free - free * projection(h.transpose())
        if F.rank() == k:
            return RationalSaddle(atoms, F, points, activation)


def dot(v: Vector, w: Vector) -> Fraction:
    return sum((x * y for x, y in zip(v, w, strict=True)), Fraction(0))


def mean_square(saddle: RationalSaddle, v: list[tuple[Vector, Vector]]) -> Fraction:
    """The integral of |v|^2 over the neurons."""
    moves = zip(saddle.atoms, v, strict=True)
    return sum((atom.mass * (dot(by_a, by_a) + dot(by_w, by_w)) for atom, (by_a, by_w) in moves), Fraction(0))
