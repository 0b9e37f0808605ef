"""Where an identity in words is false: what is left of the difference of its sides, at random rational matrices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import reduce
from random import Random

from flint import fmpq, fmpq_mat

from proofs.mean_field.identities import GENERAL, ORTHONORMAL, PROMPTS
from proofs.mean_field.instances import random_full_rank, random_matrix, random_rotation
from proofs.mean_field.words import Algebra, Expression, Trace, Word
from proofs.rational_matrix import identity, select, to_fmpq, trace

SIZES = {"k": 2, "m": 4, "1": 1}


def remainder(difference: Expression | Trace) -> list[tuple[Word, Fraction]]:
    """The words that are left, with their coefficients. An identity matrix is written `1 k` or `1 m`."""
    one = (f"1 {difference.shape[0]}",) if isinstance(difference, Expression) else ()
    return [(word or one, coefficient) for word, coefficient in difference.terms.items()]


def assignment(algebra: Algebra, random: Random) -> dict[str, fmpq_mat]:
    """A random matrix for each letter, such that the relations of the algebra hold."""
    k, m = SIZES["k"], SIZES["m"]
    shapes = {name: (SIZES[rows], SIZES[columns]) for name, (rows, columns) in algebra.shapes.items()}
    found = {name: random_matrix(random, *shape) for name, shape in shapes.items()}
    if algebra is GENERAL:
        H, G = random_full_rank(random, k, m), random_full_rank(random, k, k)
        found |= {"H": H, "a": (H * H.transpose()).inv(), "G": G, "g": G.inv()}
    elif algebra is ORTHONORMAL:
        found |= {"H": select(random_rotation(random, m), range(k)), "a": identity(k)}
    elif algebra is PROMPTS:
        for name in algebra.symmetric & set("TSAC"):
            X = random_full_rank(random, k, k)
            found[name] = X * X.transpose()
        found |= {name.lower(): found[name].inv() for name in "TSA"}
    else:
        raise ValueError("an algebra with relations that are not known here")
    return {**found, "1 k": identity(k), "1 m": identity(m)}


def value(words: Sequence[tuple[Word, Fraction]], matrices: Mapping[str, fmpq_mat]) -> fmpq_mat:
    """The sum of the products of matrices that these words stand for; X' is the transpose of X."""

    def factor(letter: str) -> fmpq_mat:
        return matrices[letter.removesuffix("'")].transpose() if letter.endswith("'") else matrices[letter]

    products = [reduce(lambda x, y: x * y, map(factor, word)) * to_fmpq(c) for word, c in words]
    return reduce(lambda x, y: x + y, products)


def size_of(difference: Expression | Trace, matrices: Mapping[str, fmpq_mat]) -> fmpq:
    """The sum of the absolute values of the entries of the difference, or of the number that it is."""
    words = remainder(difference)
    if isinstance(difference, Expression):
        return sum((abs(x) for x in value(words, matrices).entries()), fmpq(0)) if words else fmpq(0)
    return abs(sum((trace(value([word], matrices)) for word in words), fmpq(0)))
