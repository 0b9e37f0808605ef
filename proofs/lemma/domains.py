"""What the arguments of a lemma run over: rational numbers, and matrices of them with a shape and a structure.

Each domain is the image of free parameters under rational functions, in which it can be proved and drawn from:

identity   parameters that fill the domain, or a set in which it is dense (Zariski): enough for identities
sign       parameters with signs, whose image is dense in the domain: enough for inequalities
draw       the parameters that instances are drawn by

An orthogonal matrix is (I - K)(I + K)^{-1}, K skew, up to the sign of its first row: two cases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

MOST_ENTRIES = 1000  # of an argument


class Sign(StrEnum):
    """Of a parameter."""

    FREE = "free"
    NONNEGATIVE = "nonnegative"
    POSITIVE = "positive"
    UNIT = "unit"  # from 0 to 1, when drawn


class Matrix(np.ndarray[Any, np.dtype[np.object_]]):
    """An array of numbers of any kind, with numpy's operations; A == B, A <= B compare entry by entry."""

    def _compared(self, other: Any, how: Any) -> Any:
        return how(np.asarray(self), other, dtype=object)

    def __eq__(self, other: Any) -> Any:
        return self._compared(other, np.equal)

    def __ne__(self, other: Any) -> Any:
        return self._compared(other, np.not_equal)

    def __lt__(self, other: Any) -> Any:
        return self._compared(other, np.less)

    def __le__(self, other: Any) -> Any:
        return self._compared(other, np.less_equal)

    def __gt__(self, other: Any) -> Any:
        return self._compared(other, np.greater)

    def __ge__(self, other: Any) -> Any:
        return self._compared(other, np.greater_equal)

    __hash__ = None  # as any array


class Dataset(NamedTuple):
    """N points X (N x d) and their targets y (N)."""

    X: Any
    y: Any


def matrix(entries: Sequence[Any], shape: Sequence[int]) -> Matrix:
    """An array of this shape, row by row."""
    array = np.empty(len(entries), dtype=object)
    array[:] = entries
    return array.reshape(shape).view(Matrix)


Parameters = list[Sign]
Values = Callable[[Sequence[Any], int], list[Any]]  # parameters and case to entries, in any field


class Ways(NamedTuple):
    """Signs of the parameters, and the entries as functions of them."""

    signs: Parameters
    entries: Values


@dataclass(frozen=True)
class Domain:
    """What one argument of a lemma runs over. Made by `rationals`, `kernels`, `stochastic` and their like.

    kind      of the entries and their structure
    shape     of the argument; () for a number
    text      as it stands in a scope: "stochastic 3 x 3"
    ways      identity, sign, draw: see above
    cases     how many images there are
    bounds    of numbers: low and high, or None
    strict    whether the image of `sign` is all of the domain, and not only dense in it: strict inequalities need that
    assemble  the argument, from its entries
    """

    kind: str
    shape: tuple[int, ...]
    text: str
    ways: Mapping[str, Ways]
    cases: int = 1
    bounds: tuple[Fraction | None, Fraction | None] = (None, None)
    strict: bool = True
    assemble: Callable[[Sequence[Any]], Any] | None = None

    @property
    def size(self) -> int:
        """How many entries there are."""
        return int(np.prod(self.shape, dtype=int))

    def argument(self, entries: Sequence[Any]) -> Any:
        """What the lemma is called with."""
        if self.assemble is not None:
            return self.assemble(entries)
        return matrix(entries, self.shape) if self.shape else entries[0]


def _given(count: int, sign: Sign) -> Ways:
    return Ways([sign] * count, lambda parameters, case: list(parameters))


def rationals(*shape: int, positive: bool = False, low: Any = None, high: Any = None) -> Domain:
    """Rational numbers, or vectors (N) or matrices (N, d) of them: all, positive ones, or those from low to high.

    ValueError for an empty range or shape.
    """
    size = _checked(shape)
    a, b = bounds = _fraction(low), _fraction(high)
    if (
        (positive and bounds != (None, None))
        or (a is None and b is not None)
        or (a is not None and b is not None and a >= b)
    ):
        raise ValueError(f"rationals: positive=True, low=A, or low=A, high=B with A < B; not low={low}, high={high}")
    noun = "rational" if not shape else f"rational {_size(shape)}"
    if positive:
        ways = dict.fromkeys(("sign", "draw"), _given(size, Sign.POSITIVE))
        return Domain("positive", shape, f"positive {noun}", {"identity": _given(size, Sign.FREE), **ways})
    if a is None:
        return Domain("rational", shape, noun, dict.fromkeys(("identity", "sign", "draw"), _given(size, Sign.FREE)))

    def moved(parameters: Sequence[Any], case: int) -> list[Any]:
        return [a + t for t in parameters]

    def within(parameters: Sequence[Any], case: int) -> list[Any]:
        return [a + (b - a) * t for t in parameters]

    def squeezed(parameters: Sequence[Any], case: int) -> list[Any]:
        return within([t / (t + 1) for t in parameters], case)

    identity = _given(size, Sign.FREE)
    if b is None:
        way = Ways([Sign.NONNEGATIVE] * size, moved)
        return Domain("range", shape, f"{noun} >= {a}", {"identity": identity, "sign": way, "draw": way}, bounds=(a, b))
    sign, draw = Ways([Sign.NONNEGATIVE] * size, squeezed), Ways([Sign.UNIT] * size, within)
    text = f"{noun} in [{a}, {b}]"
    return Domain("range", shape, text, {"identity": identity, "sign": sign, "draw": draw}, bounds=(a, b), strict=False)


def stochastic(rows: int, columns: int) -> Domain:
    """Matrices (rows x columns) with positive entries whose rows sum to 1."""
    _checked((rows, columns))

    def completed(parameters: Sequence[Any], case: int) -> list[Any]:
        found = []
        for i in range(rows):
            free = list(parameters[i * (columns - 1) : (i + 1) * (columns - 1)])
            found += [*free, 1 - sum(free)]
        return found

    def normalised(parameters: Sequence[Any], case: int) -> list[Any]:
        found = []
        for i in range(rows):
            weights = parameters[i * columns : (i + 1) * columns]
            found += [weight / sum(weights) for weight in weights]
        return found

    weights = Ways([Sign.POSITIVE] * (rows * columns), normalised)
    identity = Ways([Sign.FREE] * (rows * (columns - 1)), completed)
    ways = {"identity": identity, "sign": weights, "draw": weights}
    return Domain("stochastic", (rows, columns), f"positive stochastic {rows} x {columns}", ways)


def kernels(S: int, n: int) -> Domain:
    """Kernels of n-gram laws on S tokens: positive stochastic matrices, a row for each of the S^(n-1) contexts."""
    _checked((S,) * max(n, 1))
    return stochastic(S ** (n - 1), S)


def positive_definite(size: int) -> Domain:
    """Symmetric positive definite matrices."""
    _checked((size, size))
    below = [(i, j) for i in range(size) for j in range(i + 1)]

    def symmetric(parameters: Sequence[Any], case: int) -> list[Any]:
        by_place = dict(zip(below, parameters, strict=True))
        return [by_place[max(i, j), min(i, j)] for i in range(size) for j in range(size)]

    def squared(parameters: Sequence[Any], case: int) -> list[Any]:
        """L L^T with L lower triangular."""
        L = dict(zip(below, parameters, strict=True))
        return [
            sum(L[i, k] * L[j, k] for k in range(min(i, j) + 1)) for i in range(size) for j in range(size)
        ]  # fmt: skip

    factors = Ways([Sign.POSITIVE if i == j else Sign.FREE for i, j in below], squared)
    ways = {"identity": Ways([Sign.FREE] * len(below), symmetric), "sign": factors, "draw": factors}
    return Domain("positive_definite", (size, size), f"positive definite {size} x {size}", ways)


def orthogonal(size: int) -> Domain:
    """Orthogonal matrices: those rotations that do not have the eigenvalue -1, and these with the first row negated."""
    from proofs.lemma.functions import inverse

    _checked((size, size))
    above = list(combinations(range(size), 2))

    def cayley(parameters: Sequence[Any], case: int) -> list[Any]:
        skew = {
            place: x for (i, j), x in zip(above, parameters, strict=True) for place, x in (((i, j), x), ((j, i), -x))
        }
        K = matrix([skew.get((i, j), Fraction(0)) for i in range(size) for j in range(size)], (size, size))
        one = matrix([Fraction(int(i == j)) for i in range(size) for j in range(size)], (size, size))
        Q = (one - K) @ inverse(one + K)
        return [-x if case == 1 and i == 0 else x for i, row in enumerate(Q) for x in row]

    way = Ways([Sign.FREE] * len(above), cayley)
    return Domain(
        "orthogonal",
        (size, size),
        f"orthogonal {size} x {size}",
        dict.fromkeys(("identity", "sign", "draw"), way),
        2,
        strict=False,
    )


def datasets(N: int, d: int) -> Domain:
    """N points in d dimensions with a target each: an object with X (N x d) and y (N)."""
    _checked((N, d + 1))
    size = N * (d + 1)

    def assemble(entries: Sequence[Any]) -> Dataset:
        return Dataset(matrix(entries[: N * d], (N, d)), matrix(entries[N * d :], (N,)))

    ways = dict.fromkeys(("identity", "sign", "draw"), _given(size, Sign.FREE))
    return Domain("rational", (size,), f"{N} rational points in {d} dimensions", ways, assemble=assemble)


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) if len(shape) > 1 else f"vector of {shape[0]}"


def _checked(shape: Sequence[int]) -> int:
    """The number of entries; ValueError unless it is from 1 to MOST_ENTRIES."""
    if any(type(side) is not int or side < 1 for side in shape) or not np.prod(shape, dtype=object) <= MOST_ENTRIES:
        raise ValueError(
            f"sizes {tuple(shape)}: must be whole numbers from 1, with at most {MOST_ENTRIES} entries in all"
        )
    return int(np.prod(shape, dtype=int))


def _fraction(x: Any) -> Any:
    """A bound, or None if there is none."""
    if isinstance(x, float):
        raise ValueError(f"{x!r}: a bound is exact, a Fraction or a word like '1/3'")
    return None if x is None else Fraction(x)
