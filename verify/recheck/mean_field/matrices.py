"""Two kinds of matrices in which the formulas of this paper are evaluated: with given entries, and of every size."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import Any

from verify.recheck.arithmetic import Field, Series, solve, total

Word = tuple[str, ...]

# Products of letters that are the identity matrix, one true equation each: a = (H H')^-1 = A^-1, g = G^-1, ...
UNITS = [
    tuple(word.split())
    for word in ("H H' a", "a H H'", "A a", "a A", "G g", "g G", "G' g'", "g' G'", "S s", "s S", "T t", "t T")
]
INVERSES = {"H H'": "a", "G H H' G'": "g' a g", "A": "a", "S": "s", "T": "t"}
SYMMETRIC = frozenset("AaSsTtC")
TALL = frozenset("HFEY")  # k x m; all other letters are k x k


def coefficient(x: Any, power: int) -> Any:
    """Of t^power in a number that may be a series in t."""
    if isinstance(x, Series):
        return x[power]
    return x if power == 0 else 0


class Matrix:
    """Rows of numbers of any kind."""

    def __init__(self, rows: Sequence[Sequence[Any]]) -> None:
        self.rows = [list(row) for row in rows]

    @staticmethod
    def generic(field: Field, rows: int, columns: int) -> Matrix:
        """Every entry is a variable of its own."""
        return Matrix([field.draws(columns) for _ in range(rows)])

    @staticmethod
    def identity(n: int) -> Matrix:
        return Matrix([[Fraction(i == j) for j in range(n)] for i in range(n)])

    @property
    def T(self) -> Matrix:
        return Matrix(list(zip(*self.rows, strict=True)))

    def __add__(self, other: Matrix) -> Matrix:
        return Matrix([[x + y for x, y in zip(*pair, strict=True)] for pair in zip(self.rows, other.rows, strict=True)])

    def __sub__(self, other: Matrix) -> Matrix:
        return self + other * -1

    def __mul__(self, other: Any) -> Matrix:
        """Times a matrix or a number."""
        if not isinstance(other, Matrix):
            return Matrix([[x * other for x in row] for row in self.rows])
        columns = list(zip(*other.rows, strict=True))
        return Matrix(
            [[total(x * y for x, y in zip(row, column, strict=True)) for column in columns] for row in self.rows]
        )

    def __getitem__(self, power: int) -> Matrix:
        """The coefficient of t^power."""
        return Matrix([[coefficient(x, power) for x in row] for row in self.rows])

    @property
    def is_zero(self) -> bool:
        """Whether every entry is 0; for rational entries."""
        return all(x == 0 for row in self.rows for x in row)

    def inverse(self) -> Matrix:
        """By elimination; ZeroDivisionError if there is none."""
        n = len(self.rows)
        return Matrix([solve(self.rows, [Fraction(i == j) for i in range(n)]) for j in range(n)]).T

    def trace(self) -> Any:
        return total(self.rows[i][i] for i in range(len(self.rows)))


def inner(X: Any, Y: Any) -> Any:
    """<X, Y> = tr(X' Y), of matrices of either kind."""
    return (X.T * Y).trace()


class Words:
    """A matrix for every k and m at once: a sum of products of letters that stand for matrices; X' is the transpose.

    Words are shortened by UNITS, which hold for all matrices that the letters may stand for. Two sums with the same
    words are therefore equal at every size. `shape` is "km" or the like, "" for the trace, a number: then a word stands
    for all its rotations and their transposes, which have the same trace.
    """

    def __init__(self, shape: str, terms: dict[Word, Any]) -> None:
        self.shape = shape
        self.terms = {word: x for word, x in terms.items() if not is_exact_zero(x)}

    @staticmethod
    def letter(name: str) -> Words:
        return Words("km" if name in TALL else "kk", {(name,): Fraction(1)})

    @property
    def T(self) -> Words:
        return self._collected(self.shape[::-1], [(shortened(transposed(w)), x) for w, x in self.terms.items()])

    def __add__(self, other: Words) -> Words:
        if self.shape != other.shape:
            raise ValueError(f"{self.shape} + {other.shape}")
        return self._collected(self.shape, [*self.terms.items(), *other.terms.items()])

    def __sub__(self, other: Words) -> Words:
        return self + other * -1

    def __mul__(self, other: Any) -> Words:
        """Times a matrix or a number."""
        if not isinstance(other, Words):
            return Words(self.shape, {word: x * other for word, x in self.terms.items()})
        if not self.shape or not other.shape or self.shape[1] != other.shape[0]:
            raise ValueError(f"{self.shape} * {other.shape}")
        products = [(shortened(v + w), x * y) for v, x in self.terms.items() for w, y in other.terms.items()]
        return self._collected(self.shape[0] + other.shape[1], products)

    def __getitem__(self, power: int) -> Words:
        """The coefficient of t^power."""
        return Words(self.shape, {word: coefficient(x, power) for word, x in self.terms.items()})

    def inverse(self) -> Words:
        """X^-1 where that of X at t = 0 is known: X_0^-1 - X_0^-1 (X - X_0) X_0^-1 + ..., and then multiplied out."""
        (word,) = self[0].terms
        start = Words("kk", {tuple(INVERSES[" ".join(word)].split()): Fraction(1)})
        result = term = start
        while term.terms:  # X - X_0 holds a factor t, and series end
            term = start * (self - self[0]) * term * -1
            result = result + term
        if (self * result - Words("kk", {(): Fraction(1)})).terms:
            raise ValueError(f"not the inverse of {self}")
        return result

    def trace(self) -> Words:
        if self.shape not in ("kk", "mm"):
            raise ValueError(f"trace of {self.shape}")
        return self._collected("", [(cyclic(word), x) for word, x in self.terms.items()])

    @staticmethod
    def _collected(shape: str, terms: Sequence[tuple[Word, Any]]) -> Words:
        sums: dict[Word, Any] = {}
        for word, x in terms:
            sums[word] = sums[word] + x if word in sums else x
        return Words(shape, sums)

    def __str__(self) -> str:
        return " + ".join(f"({x}) {' '.join(word)}" for word, x in self.terms.items()) or "0"


def is_exact_zero(x: Any) -> bool:
    return all(y == 0 for y in x.coefficients) if isinstance(x, Series) else bool(x == 0)


def transposed(word: Word) -> Word:
    return tuple(x if x in SYMMETRIC else x[0] if x.endswith("'") else x + "'" for x in reversed(word))


@cache
def shortened(word: Word) -> Word:
    """Without the units in it."""
    for unit in UNITS:
        for i in range(len(word) - len(unit) + 1):
            if word[i : i + len(unit)] == unit:
                return shortened(word[:i] + word[i + len(unit) :])
    return word


@cache
def cyclic(word: Word) -> Word:
    """The one that stands for all words with the same trace."""
    rotations = [word[i:] + word[:i] for i in range(len(word))]
    for rotation in rotations:
        if len(shortened(rotation)) < len(word):
            return cyclic(shortened(rotation))
    if not word:
        raise ValueError("the trace of an identity matrix depends on its size")
    return min(rotations + [transposed(rotation) for rotation in rotations])
