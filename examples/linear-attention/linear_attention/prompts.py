"""Prompts, enumerated: inputs with few values that have the moments of a Gaussian up to the fourth.

A coordinate is sqrt(3) s with s = -1, 0, 1 of probabilities 1/6, 2/3, 1/6: its moments 1 to 5 are those of N(0, 1). The
loss is quadratic in C, so of fourth order in the inputs: its expectation is the same as for Gaussian inputs, of
which the coordinates are independent too. E over pairs of the N examples is a constant plus a multiple of 1/N, so that
two lengths decide every one.
"""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from itertools import product

WEIGHTS = {-1: Fraction(1, 6), 0: Fraction(2, 3), 1: Fraction(1, 6)}
SQUARE = 3  # s = 1 stands for sqrt(3)
LENGTHS = (1, 2)  # N that decide every other

Gram = tuple[tuple[Fraction, ...], ...]


def moment(order: int) -> Fraction:
    """E of a coordinate to an even order."""
    return sum((weight * SQUARE ** (order // 2) * s**order for s, weight in WEIGHTS.items()), Fraction(0))


def grams(D: int, N: int) -> dict[Gram, Fraction]:
    """Z = (1/N) sum_n x_n x_n^T of all prompts with Lambda = I, and their probabilities."""
    zero = tuple((Fraction(0),) * D for _ in range(D))
    one: dict[Gram, Fraction] = defaultdict(Fraction)
    for x in product(WEIGHTS, repeat=D):
        weight = Fraction(1)
        for s in x:
            weight *= WEIGHTS[s]
        one[tuple(tuple(Fraction(SQUARE * a * b, N) for b in x) for a in x)] += weight
    total: dict[Gram, Fraction] = {zero: Fraction(1)}
    for _ in range(N):
        longer: dict[Gram, Fraction] = defaultdict(Fraction)
        for (Z, p), (X, weight) in product(total.items(), one.items()):
            longer[tuple(tuple(map(Fraction.__add__, a, b)) for a, b in zip(Z, X, strict=True))] += p * weight
        total = dict(longer)
    return total
