"""Rational matrices to check identities at: drawn from a seeded generator, generic, with small entries."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from flint import fmpq_mat

from proofs.mean_field.model import Model
from proofs.rational_matrix import cayley, identity, matrix


def random_rational(random: Random, size: int = 4, denominator: int = 3) -> Fraction:
    """A fraction in [-size, size]."""
    return Fraction(random.randint(-size * denominator, size * denominator), random.randint(1, denominator))


def random_matrix(random: Random, rows: int, columns: int) -> fmpq_mat:
    return matrix([[random_rational(random) for _ in range(columns)] for _ in range(rows)])


def random_full_rank(random: Random, rows: int, columns: int) -> fmpq_mat:
    """A matrix with independent rows, rows <= columns."""
    while True:
        X = random_matrix(random, rows, columns)
        if X.rank() == rows:
            return X


def random_rotation(random: Random, n: int) -> fmpq_mat:
    """A rational orthogonal matrix."""
    K = [[Fraction(0)] * n for _ in range(n)]
    for i in range(n):
        for j in range(i):
            K[i][j] = Fraction(random.randint(-3, 3), 2)
            K[j][i] = -K[i][j]
    return cayley(matrix(K))


def random_contraction(random: Random, n: int) -> fmpq_mat:
    """A matrix of operator norm at most 1: the mean of two rotations, or a rotation."""
    half = identity(n) * matrix([[Fraction(1, 2)]])[0, 0]
    rotation = random_rotation(random, n)
    return rotation if random.random() < 0.5 else half * (rotation + random_rotation(random, n))


def random_models(random: Random, k: int, m: int, count: int) -> list[Model]:
    return [Model(random_full_rank(random, k, m), random_full_rank(random, k, m)) for _ in range(count)]


def singular_model(random: Random, H: fmpq_mat) -> Model:
    """A model with these features whose B = F H^T has rank k - 1 exactly."""
    k, m = H.nrows(), H.ncols()
    while True:
        mixing = matrix([[random.randint(-2, 2) for _ in range(k - 1)] for _ in range(k)])
        F = mixing * random_matrix(random, k - 1, m) if k > 1 else fmpq_mat(1, m)
        model = Model(H, F)
        if model.B.rank() == k - 1:
            return model
