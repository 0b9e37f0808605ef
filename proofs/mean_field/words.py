"""Proofs for matrices of every size at once: linear combinations of words in letters that stand for matrices.

A letter is a matrix with a symbolic shape, as H: ("k", "m"). A word is a product of letters; its transpose is the
reversed word of transposed letters. Relations, as H H^T a = 1 for a = A^{-1}, are rewriting rules that shorten words.
The trace of a word does not change when the word is rotated or transposed. Two expressions with the same normal form
are equal for all matrices that obey the relations, whatever k and m are. (The converse is not claimed: an identity that
the rules cannot see is not proved, never wrongly proved.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

Word = tuple[str, ...]
Shape = tuple[str, str]
Terms = Mapping[Word, Fraction]


@dataclass(frozen=True)
class Algebra:
    """Letters, and what is known about them.

    shapes     letter -> (rows, columns); the transpose of X is written X'
    symmetric  letters that are their own transposes
    rules      word -> shorter word of the same shape; each must be a true equation between matrices
    inverses   word -> the letter that stands for its inverse
    """

    shapes: Mapping[str, Shape]
    symmetric: frozenset[str] = frozenset()
    rules: Mapping[Word, Word] = field(default_factory=dict)
    inverses: Mapping[Word, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if any(len(right) >= len(left) for left, right in self.rules.items()):
            raise ValueError("a rule must make words shorter")

    def letter(self, name: str) -> Expression:
        return Expression(self, self.shapes[name], {(name,): Fraction(1)})

    def one(self, size: str) -> Expression:
        """The identity matrix."""
        return Expression(self, (size, size), {(): Fraction(1)})

    def transpose(self, word: Word) -> Word:
        return tuple(self._transposed_letter(x) for x in reversed(word))

    def _transposed_letter(self, letter: str) -> str:
        if letter in self.symmetric:
            return letter
        return letter[:-1] if letter.endswith("'") else letter + "'"

    def rows(self, letter: str) -> str:
        """The number of rows of a letter, a symbol."""
        return self.shapes[letter[:-1]][1] if letter.endswith("'") else self.shapes[letter][0]

    def rewrite(self, word: Word) -> Word | None:
        """The word with one rule applied, or None where no rule applies."""
        for left, right in self.rules.items():
            for i in range(len(word) - len(left) + 1):
                if word[i : i + len(left)] == left:
                    return word[:i] + right + word[i + len(left) :]
        return None

    def normal(self, word: Word) -> Word:
        while (shorter := self.rewrite(word)) is not None:
            word = shorter
        return word

    def normal_under_trace(self, word: Word) -> Word:
        """One representative of all words with the same trace. The trace of an identity is the word `1 size`."""
        while True:
            for turn in range(len(word)):
                rotated = word[turn:] + word[:turn]
                shorter = self.rewrite(rotated)
                if shorter == ():
                    return ("1 " + self.rows(rotated[0]),)
                if shorter is not None:
                    word = shorter
                    break
            else:
                both = (word, self.transpose(word))
                return min(w[turn:] + w[:turn] for w in both for turn in range(len(w)))


@dataclass(frozen=True)
class Expression:
    """A matrix: a linear combination of words of one shape, every word in normal form."""

    algebra: Algebra
    shape: Shape
    terms: Terms

    def __add__(self, other: Expression) -> Expression:
        if self.shape != other.shape:
            raise ValueError(f"cannot add shapes {self.shape} and {other.shape}")
        return Expression(self.algebra, self.shape, _collect([*self.terms.items(), *other.terms.items()]))

    def __sub__(self, other: Expression) -> Expression:
        return self + other * -1

    def __mul__(self, other: Any) -> Expression:
        if not isinstance(other, Expression):
            return Expression(self.algebra, self.shape, _collect((w, c * other) for w, c in self.terms.items()))
        if self.shape[1] != other.shape[0]:
            raise ValueError(f"cannot multiply shapes {self.shape} and {other.shape}")
        products = ((self.algebra.normal(w + v), c * d) for w, c in self.terms.items() for v, d in other.terms.items())
        return Expression(self.algebra, (self.shape[0], other.shape[1]), _collect(products))

    def transpose(self) -> Expression:
        transposed = ((self.algebra.normal(self.algebra.transpose(w)), c) for w, c in self.terms.items())
        return Expression(self.algebra, self.shape[::-1], _collect(transposed))

    def inv(self) -> Expression:
        """The inverse, for a word whose inverse is a letter."""
        (word,) = self.terms
        if self.terms[word] != 1 or word not in self.algebra.inverses:
            raise ValueError(f"no letter stands for the inverse of {self.terms}")
        return self.algebra.letter(self.algebra.inverses[word])

    def trace(self) -> Trace:
        if self.shape[0] != self.shape[1]:
            raise ValueError(f"shape {self.shape} has no trace")
        size = self.shape[0]
        pairs = ((self.algebra.normal_under_trace(w) if w else ("1 " + size,), c) for w, c in self.terms.items())
        return Trace(self.algebra, _collect(pairs))

    def derivative(self, velocities: Mapping[str, Expression]) -> Expression:
        """d/dt by the product rule, where dX/dt = velocities[X]; other letters are constant."""
        total = Expression(self.algebra, self.shape, {})
        for word, coefficient in self.terms.items():
            for i in range(len(word)):
                moved = velocities.get(word[i])
                if moved is None and word[i].endswith("'") and word[i][:-1] in velocities:
                    moved = velocities[word[i][:-1]].transpose()
                if moved is not None:
                    shape = (self.shape[0], moved.shape[0]), (moved.shape[1], self.shape[1])
                    left = Expression(self.algebra, shape[0], {word[:i]: coefficient})
                    total = total + left * moved * Expression(self.algebra, shape[1], {word[i + 1 :]: Fraction(1)})
        return total

    @property
    def is_zero(self) -> bool:
        return not self.terms


@dataclass(frozen=True)
class Trace:
    """A number: a linear combination of traces of words."""

    algebra: Algebra
    terms: Terms

    def __add__(self, other: Trace) -> Trace:
        return Trace(self.algebra, _collect([*self.terms.items(), *other.terms.items()]))

    def __sub__(self, other: Trace) -> Trace:
        return self + other * -1

    def __mul__(self, number: int | Fraction) -> Trace:
        return Trace(self.algebra, _collect((w, c * number) for w, c in self.terms.items()))

    def __truediv__(self, number: int) -> Trace:
        return self * Fraction(1, number)

    def derivative(self, velocities: Mapping[str, Expression]) -> Trace:
        """d/dt by the product rule, as for an Expression."""
        total = Trace(self.algebra, {})
        for word, coefficient in self.terms.items():
            if not word[0].startswith("1 "):
                size = self.algebra.rows(word[0])
                matrix = Expression(self.algebra, (size, size), {word: coefficient})
                total = total + matrix.derivative(velocities).trace()
        return total

    @property
    def is_zero(self) -> bool:
        return not self.terms


def _collect(pairs: Iterable[tuple[Word, Fraction]]) -> dict[Word, Fraction]:
    terms: dict[Word, Fraction] = {}
    for word, coefficient in pairs:
        terms[word] = terms.get(word, Fraction(0)) + coefficient
    return {word: coefficient for word, coefficient in terms.items() if coefficient != 0}
