"""The expressions of a lemma: a list of steps, each from earlier ones, and comparisons of two of them."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from verify.recheck.certificate import (
    Certificate,
    Fields,
    RejectedError,
    array,
    bits,
    integer,
    rational,
    steps_of_operation,
)
from verify.recheck.lemmas.domains import Domain, read_domain

MOST_ARGUMENTS = 50
MOST_STEPS = 100_000
MOST_POWER = 10_000
MOST_WRITTEN = 4  # comparisons in a line
LONGEST = 400  # characters of an expression in a line
NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]{0,39}")
HOLDS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}

Step = tuple[Any, ...]
Relation = tuple[str, int, int]
Entries = dict[str, list[Any]]


@dataclass(frozen=True)
class Program:
    arguments: dict[str, Domain]
    steps: tuple[Step, ...]
    relations: tuple[Relation, ...]
    branches: tuple[tuple[Relation, bool], ...] = ()  # on the way there, and whether they held

    @property
    def scope(self) -> str:
        """The arguments, and what they run over."""
        return ", ".join(f"{name} ({domain.text})" if domain.text else name for name, domain in self.arguments.items())


def read_program(certificate: Certificate) -> Program:
    """The program in the parameters; RejectedError unless it is one."""
    given = Fields(certificate.parameters.any("arguments"), "parameters.arguments")
    names = list(given.values)
    if not 0 < len(names) <= MOST_ARGUMENTS or not all(NAME.fullmatch(name) for name in names):
        raise RejectedError("parameters.arguments: not names")
    arguments = {name: read_domain(Fields(given.any(name), f"parameters.arguments.{name}")) for name in names}
    listed = array(certificate.parameters.any("steps"), "parameters.steps")
    if len(listed) > MOST_STEPS:
        raise RejectedError(f"parameters.steps: more than {MOST_STEPS}")
    steps = tuple(_step(value, i, arguments) for i, value in enumerate(listed))
    where = "parameters.relations"
    relations = tuple(
        _relation(value, len(steps), where) for value in array(certificate.parameters.any("relations"), where)
    )
    branches = list[tuple[Relation, bool]]()
    if "branches" in certificate.parameters.values:
        where = "parameters.branches"
        for value in array(certificate.parameters.any("branches"), where):
            *parts, answer = array(value, where) or [None]
            if answer not in ("holds", "fails"):
                raise RejectedError(f"{where}: holds or fails")
            branches.append((_relation(parts, len(steps), where), answer == "holds"))
    if not (relations or branches):
        raise RejectedError(f"{where}: none")
    return Program(arguments, steps, relations, tuple(branches))


def _step(value: Any, place: int, arguments: dict[str, Domain]) -> Step:
    where = f"parameters.steps[{place}]"
    name, *rest = array(value, where) or [None]
    if name == "entry" and len(rest) == 2 and isinstance(rest[0], str) and rest[0] in arguments:
        return "entry", rest[0], integer(rest[1], 0, arguments[rest[0]].size - 1, where)
    if name == "rational" and len(rest) == 1:
        return "rational", rational(rest[0], where)
    if name == "^" and len(rest) == 2:
        return "^", integer(rest[0], 0, place - 1, where), integer(rest[1], 2, MOST_POWER, where)
    if isinstance(name, str) and name in OPERATORS and len(rest) == 2:
        return name, *(integer(x, 0, place - 1, where) for x in rest)
    raise RejectedError(f"{where}: no step")


def _relation(value: Any, count: int, where: str) -> Relation:
    parts = array(value, where)
    if len(parts) != 3 or not isinstance(parts[0], str) or parts[0] not in HOLDS:
        raise RejectedError(f"{where}: no comparison")
    return parts[0], integer(parts[1], 0, count - 1, where), integer(parts[2], 0, count - 1, where)


def read_point(program: Program, point: Fields, certificate: Certificate) -> Entries:
    """Exact entries of every argument; RejectedError unless they are in its domain."""
    entries = Entries()
    for name, domain in program.arguments.items():
        entries[name] = point.rationals(name)
        certificate.afford(domain.size * (1 + domain.size), f"{point.where}.{name}", bits(entries[name]))
        if len(entries[name]) != domain.size or not domain.holds(entries[name]):
            raise RejectedError(f"{point.where}.{name}: not in its domain ({domain.text or 'a number'})")
    point.finish()
    return entries


def evaluate(program: Program, entries: Entries, certificate: Certificate, *, exact: bool) -> list[Any]:
    """Every step: with Fractions, or modulo the prime of the certificate's field."""
    values = list[Any]()
    for name, *rest in program.steps:
        if name == "entry":
            value = entries[rest[0]][rest[1]]
        elif name == "rational":
            value = rest[0] if exact else certificate.field.one * rest[0]
        else:
            operands = [values[i] for i in (rest[:1] if name == "^" else rest)]
            size = (rest[1] if name == "^" else 1) * sum(bits(x) for x in operands) if exact else 0
            certificate.budget.spend(steps_of_operation(size), "the expressions")
            value = operands[0] ** rest[1] if name == "^" else OPERATORS[name](*operands)
        values.append(value)
    return values


def fails_at(program: Program, point: Fields, certificate: Certificate) -> bool:
    """Whether the run comes this way at the point, and a comparison at its end is false there: exactly.

    A way without a comparison at its end is one that ends in False.
    """
    values = evaluate(program, read_point(program, point, certificate), certificate, exact=True)
    if any(HOLDS[name](values[i], values[j]) is not answer for (name, i, j), answer in program.branches):
        return False
    return not program.relations or not all(HOLDS[name](values[i], values[j]) for name, i, j in program.relations)


def written(program: Program, relations: Sequence[Relation] | None = None) -> str:
    """The comparisons as formulas; those that are long are cut."""
    texts = list[tuple[str, int]]()  # with how tightly it binds: 1 sum, 2 product, 3 power, 4 word
    for name, *rest in program.steps:
        if name == "entry":
            domain = program.arguments[rest[0]]
            texts.append((f"{rest[0]}{_place(rest[1], domain.shape)}", 4))
        elif name == "rational":
            texts.append(
                (
                    str(rest[0]) if bits(rest[0]) < 200 else "(a long number)",
                    4 if rest[0].denominator == 1 and rest[0] >= 0 else 2,
                )
            )
        elif name == "^":
            texts.append((f"{_within(texts[rest[0]], 4)}^{rest[1]}", 3))
        elif name == "-" and program.steps[rest[0]] == ("rational", Fraction(0)):
            texts.append((f"-{_within(texts[rest[1]], 2)}", 1))
        else:
            binds = 1 if name in "+-" else 2
            left, right = _within(texts[rest[0]], binds), _within(texts[rest[1]], binds + (name in "-/"))
            texts.append((f"{left} {name} {right}" if binds == 1 else f"{left}{name}{right}", binds))
        if len(texts[-1][0]) > LONGEST:
            texts[-1] = f"{texts[-1][0][:LONGEST]}...", 4

    def several(listed: Sequence[str]) -> str:
        return ", ".join(listed[:MOST_WRITTEN]) + f", and {len(listed) - MOST_WRITTEN} more" * (
            len(listed) > MOST_WRITTEN
        )

    def comparison(name: str, i: int, j: int) -> str:
        return f"{texts[i][0]} {name} {texts[j][0]}"

    way = several([f"{'' if answer else 'not '}{comparison(*relation)}" for relation, answer in program.branches])
    end = several([comparison(*relation) for relation in relations or program.relations]) or "False"
    return f"{end}, where {way}" if way else end


def _within(text: tuple[str, int], binds: int) -> str:
    return text[0] if text[1] >= binds else f"({text[0]})"


def _place(i: int, shape: tuple[int, ...]) -> str:
    if not shape:
        return ""
    return f"[{i}]" if len(shape) == 1 else f"[{i // shape[1]},{i % shape[1]}]"
