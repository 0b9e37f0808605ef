"""One certificate, read without trusting anything in it, and how its check ends."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from verify.printing import shown
from verify.recheck.arithmetic import CERTAINTY, Field, Residue, is_zero

LONGEST = 20_000  # characters of a rational number
BASE = 100_000  # steps that every certificate takes, for a prime above all


class RejectedError(Exception):
    """The certificate does not show what it says; the message tells where."""


class DeclinedError(Exception):
    """The check would cost more than the limit; the message says how much."""


Check = Callable[["Certificate"], str]


def digest(claim: str, statement: str, verdict: str, parameters: Any) -> str:
    """SHA-256 of what is claimed: everything but the witness, as canonical JSON."""
    said = {"claim": claim, "parameters": parameters, "statement": statement, "verdict": verdict}
    return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


class Fields:
    """A JSON object whose fields are read one by one, each with its type; `finish` rejects fields nobody asked for."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise RejectedError(f"{where}: not an object")
        self.values, self.where, self.read = value, where, set[str]()

    def any(self, key: str) -> Any:
        if key not in self.values:
            raise RejectedError(f"{self.where}.{key}: missing")
        self.read.add(key)
        return self.values[key]

    def text(self, key: str, choices: Sequence[str] = ()) -> str:
        value = self.any(key)
        if not isinstance(value, str) or (choices and value not in choices):
            raise RejectedError(f"{self.where}.{key}: {shown(value)} is not what stands here")
        return value

    def integer(self, key: str, low: int, high: int = 10**6) -> int:
        return integer(self.any(key), low, high, f"{self.where}.{key}")

    def integers(self, key: str, low: int, high: int = 10**6) -> list[int]:
        where = f"{self.where}.{key}"
        return [integer(x, low, high, where) for x in array(self.any(key), where)]

    def integer_rows(self, key: str, low: int, high: int = 10**6) -> list[list[int]]:
        where = f"{self.where}.{key}"
        return [[integer(x, low, high, where) for x in array(row, where)] for row in array(self.any(key), where)]

    def rational(self, key: str) -> Fraction:
        return rational(self.any(key), f"{self.where}.{key}")

    def rationals(self, key: str) -> list[Fraction]:
        where = f"{self.where}.{key}"
        return [rational(x, where) for x in array(self.any(key), where)]

    def matrix(self, key: str) -> list[list[Fraction]]:
        """Rows of rationals, all of the same length."""
        return matrix(self.any(key), f"{self.where}.{key}")

    def matrices(self, key: str) -> list[list[list[Fraction]]]:
        where = f"{self.where}.{key}"
        return [matrix(x, where) for x in array(self.any(key), where)]

    def objects(self, key: str) -> list[Fields]:
        where = f"{self.where}.{key}"
        return [Fields(x, f"{where}[{i}]") for i, x in enumerate(array(self.any(key), where))]

    def finish(self) -> None:
        extra = sorted(self.values.keys() - self.read)
        if extra:
            raise RejectedError(f"{self.where}.{shown(extra[0])}: not part of this certificate")


def array(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise RejectedError(f"{where}: {shown(value)} is not a list")
    return value


def integer(value: Any, low: int, high: int, where: str) -> int:
    if type(value) is not int or not low <= value <= high:
        raise RejectedError(f"{where}: {shown(value)} is not a whole number from {low} to {high}")
    return value


def rational(value: Any, where: str) -> Fraction:
    """A string like -3 or 5/7, in lowest terms."""
    if isinstance(value, str) and len(value) <= LONGEST and re.fullmatch(r"(0|-?[1-9][0-9]*)(/[1-9][0-9]*)?", value):
        numerator, _, denominator = value.partition("/")
        fraction = Fraction(_whole(numerator), _whole(denominator or "1"))
        if (fraction.denominator != 1) == bool(denominator) and _whole(numerator) == fraction.numerator:
            return fraction
    raise RejectedError(f"{where}: {shown(value)} is not a rational number in lowest terms")


def _whole(digits: str) -> int:
    """int(digits) for any number of digits: Python refuses more than 4300 at once."""
    value, unsigned = 0, digits.removeprefix("-")
    for i in range(0, len(unsigned), 4000):
        part = unsigned[i : i + 4000]
        value = value * 10 ** len(part) + int(part)
    return -value if digits.startswith("-") else value


def matrix(value: Any, where: str) -> list[list[Fraction]]:
    rows = [[rational(x, where) for x in array(row, where)] for row in array(value, where)]
    if not rows or not rows[0] or any(len(row) != len(rows[0]) for row in rows):
        raise RejectedError(f"{where}: not a matrix")
    return rows


def reading_cost(value: Any) -> int:
    """Steps that reading a certificate takes. Fractions are reduced, in time that grows as their digits squared."""
    steps, waiting = BASE, [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict | list):
            waiting += value.values() if isinstance(value, dict) else value
        elif isinstance(value, str):
            steps += min(len(value), LONGEST) ** 2 // 1800
        steps += 10
    return steps


def bits(*numbers: Any) -> int:
    """The most bits that a number in these (nested) lists has, numerator and denominator together."""
    most = 0
    for x in numbers:
        if isinstance(x, list | tuple):
            most = max(most, bits(*x))
        else:
            most = max(most, x.numerator.bit_length() + x.denominator.bit_length())
    return most


def growth(rows: Iterable[Sequence[Fraction]]) -> int:
    """Bits of what is made of one entry of each row, over a common denominator: of a determinant, for example."""
    found = 0
    for row in rows:
        found += sum(d.bit_length() for d in {x.denominator for x in row})
        found += max((x.numerator.bit_length() for x in row), default=0)
    return found


def steps_of_operation(bits: int) -> int:
    """Of one operation with residues (0 bits), or with fractions, which are reduced after each."""
    return 20 + bits // 8 + bits * bits // 60_000 if bits else 10


@dataclass
class Budget:
    """Elementary steps that checks may still take; a step is about a tenth of a microsecond."""

    limit: float
    spent: int = 0

    def spend(self, steps: int, what: str) -> None:
        """DeclinedError if these are more steps than are left."""
        if not self.spent + steps <= self.limit:
            raise DeclinedError(f"{what}: {shown(steps, 0)} steps, more than limit={self.limit:.1e} leaves")
        self.spent += steps


class Certificate:
    """What is to be checked, and what the checks say along the way.

    parameters, witness   what the claim speaks about, and what is to convince; fields not asked for are rejected
    budget                what a check may take
    size                  0 while everything was exact; else a bound for all random evaluations (see arithmetic)
    """

    def __init__(self, parameters: Mapping[str, Any], witness: Mapping[str, Any], budget: Budget) -> None:
        self.parameters, self.witness = Fields(parameters, "parameters"), Fields(witness, "witness")
        self.budget, self.size = budget, 0

    def afford(self, operations: int, what: str, bits: int = 0) -> None:
        """DeclinedError if so many operations with numbers (0: residues) of so many bits are more than is left."""
        self.budget.spend(operations * steps_of_operation(bits), what)

    @cached_property
    def field(self) -> Field:
        """Where the variables of the statement take their random values."""
        return Field()

    def zero(self, x: Any, label: str) -> None:
        """RejectedError unless x is 0."""
        if not is_zero(x):
            raise RejectedError(f"{label}: the residual is {'not 0' if isinstance(x, Residue) else shown(x)}")
        if isinstance(x, Residue):
            self.size += x.size

    def demand(self, holds: bool, label: str) -> None:
        """RejectedError unless `holds` is True."""
        if holds is not True:
            raise RejectedError(label)

    @property
    def certainty(self) -> float:
        """-log2 of a bound for the probability that something false has been accepted; infinite if all was exact."""
        return CERTAINTY - self.size.bit_length() if self.size else math.inf

    @property
    def grade(self) -> str:
        """How sure the acceptance is."""
        return f"error < 2^-{self.certainty}" if self.size else "exact"
