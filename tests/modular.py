"""The field of integers modulo a large prime, in plain Python: an independent check of big-rational arithmetic.

A rational identity that holds modulo a 61-bit prime by chance would be a one in 10^18 event, and no code is shared
with FLINT's rationals.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

PRIME = 2**61 - 1


@dataclass(frozen=True)
class Residue:
    """numerator / denominator modulo PRIME. Raises ValueError if the denominator is 0 modulo PRIME."""

    value: int

    @staticmethod
    def ratio(numerator: int, denominator: int) -> Residue:
        return Residue(numerator * pow(denominator, -1, PRIME) % PRIME)

    @staticmethod
    def of(x: Fraction) -> Residue:
        return Residue.ratio(*x.as_integer_ratio())

    def __add__(self, other: Residue | int) -> Residue:
        return Residue((self.value + _value(other)) % PRIME)

    def __sub__(self, other: Residue | int) -> Residue:
        return Residue((self.value - _value(other)) % PRIME)

    def __mul__(self, other: Residue | int) -> Residue:
        return Residue(self.value * _value(other) % PRIME)

    def __truediv__(self, other: Residue | int) -> Residue:
        return Residue.ratio(self.value, _value(other))

    __radd__ = __add__
    __rmul__ = __mul__


def _value(x: Residue | int) -> int:
    return x.value if isinstance(x, Residue) else x % PRIME
