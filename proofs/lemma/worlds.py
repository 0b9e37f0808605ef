"""What the numbers of a run know: exact fractions, or balls of a given precision that certainly hold them."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from proofs.lemma.recording import AttemptEndedError, PrecisionError, UndefinedError

MOST_BITS = 200_000  # of a fraction in a run
RELATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": operator.pow,
}


class NotExactError(AttemptEndedError):
    """A value that is no rational number, as of most exponentials."""


def exact_function(name: str, x: Fraction) -> Fraction:
    """exp, log or sqrt where it is rational; UndefinedError where it is nothing, NotExactError elsewhere."""
    if (name == "log" and x <= 0) or (name == "sqrt" and x < 0):
        raise UndefinedError(f"{name} of a number that is not positive")
    if name == "sqrt":
        root = Fraction(math.isqrt(x.numerator), math.isqrt(x.denominator))
        if root * root == x:
            return root
    elif name == "exp" and x == 0:
        return Fraction(1)
    elif name == "log" and x == 1:
        return Fraction(0)
    raise NotExactError(f"takes {name}, which has no rational value at most points")


def bits(x: Fraction) -> int:
    return x.numerator.bit_length() + x.denominator.bit_length()


class Fractions:
    """Exact values."""

    exact = True

    def constant(self, x: Fraction) -> Fraction:
        return x

    def operate(self, name: str, a: Fraction, b: Any) -> Fraction:
        if (bits(a) * b if name == "^" else bits(a) + bits(b)) > MOST_BITS:
            raise AttemptEndedError(f"makes numbers of more than {MOST_BITS} bits")
        if name == "/" and b == 0:
            raise UndefinedError("division by 0")
        return Fraction(ARITHMETIC[name](a, b))

    def apply(self, name: str, a: Fraction) -> Fraction:
        return exact_function(name, a)

    def decide(self, relation: str, a: Fraction, b: Fraction) -> bool:
        return RELATIONS[relation](a, b)


class Balls:
    """Enclosures by FLINT's arb, at so many bits; set ctx.prec to them around the run.

    tolerance  an equality whose sides are certainly no further apart counts as holding; `within` says that one has
    """

    exact = False

    def __init__(self, tolerance: Fraction | None = None) -> None:
        from flint import arb, fmpq

        self.arb, self.fmpq, self.tolerance = arb, fmpq, tolerance
        self.within = False  # whether an equality was decided within the tolerance alone

    def constant(self, x: Fraction) -> Any:
        return self.arb(self.fmpq(x.numerator, x.denominator))

    def operate(self, name: str, a: Any, b: Any) -> Any:
        if name == "^":
            return a**b
        if name == "/" and b.contains(0):
            if b.is_zero():
                raise UndefinedError("division by 0")
            raise PrecisionError("a divisor that may be 0")
        return ARITHMETIC[name](a, b)

    def apply(self, name: str, a: Any) -> Any:
        if name == "exp":
            return a.exp()
        if name == "sqrt" and a.is_zero():
            return a
        if not a > 0:
            if a < 0 or (name == "log" and a.is_zero()):
                raise UndefinedError(f"{name} of a number that is not positive")
            raise PrecisionError(f"{name} of what may be negative")
        return a.log() if name == "log" else a.sqrt()

    def decide(self, relation: str, a: Any, b: Any) -> bool:
        if relation in ("==", "!="):
            return self._equal(a, b) == (relation == "==")
        if relation in (">", ">="):
            a, b, relation = b, a, "<" if relation == ">" else "<="
        certain, impossible = (a < b, a >= b) if relation == "<" else (a <= b, a > b)
        if not (certain or impossible):
            raise PrecisionError("sides that may be equal")
        return bool(certain)

    def _equal(self, a: Any, b: Any) -> bool:
        if a.is_exact() and b.is_exact():
            return bool(a == b)
        if not a.overlaps(b):
            return False
        if self.tolerance is not None and abs(a - b) <= self.constant(self.tolerance):
            self.within = True
            return True
        raise PrecisionError("sides that may be equal")
