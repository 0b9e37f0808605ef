"""The strongest evidence: the lemma is called with symbols, and what it compares is decided for all their values."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from proofs.lemma.field import Element, Field, Quotient, TooLargeError, evaluated
from proofs.lemma.polynomials import terms
from proofs.lemma.positivity import Sum, nonnegative
from proofs.lemma.recording import FUNCTIONS, Relation
from verify.lemma.runs import Lemma, MissedError, Program, symbolic

Sums = tuple[tuple[Field, Sum], ...]


@dataclass(frozen=True)
class Proof:
    """A program whose comparisons hold for all values; and the sums that show its inequalities, case by case."""

    program: Program
    sums: Sums


def prove(lemma: Lemma, seconds: float) -> Proof:
    """MissedError, and why, where there is no proof."""
    deadline = time.monotonic() + seconds
    program = symbolic(lemma, deadline)
    if symbolic(lemma, deadline) != program:
        raise MissedError("the lemma does not do the same each time")
    try:
        return Proof(program, tuple(part for case in cases(lemma) for part in _in_case(lemma, program, case)))
    except TooLargeError as error:
        raise MissedError(str(error)) from None
    except ZeroDivisionError as error:
        raise MissedError(f"the lemma {error or 'divides by 0'}") from None


def cases(lemma: Lemma) -> list[tuple[int, ...]]:
    """Which image of its parameters each argument is in."""
    return list(product(*(range(domain.cases) for domain in lemma.domains.values())))


def _in_case(lemma: Lemma, program: Program, case: Sequence[int]) -> list[tuple[Field, Sum]]:
    equalities = [relation for relation in program.relations if relation[0] in ("==", "!=")]
    others = [relation for relation in program.relations if relation[0] not in ("==", "!=")]
    functions = program.functions(FUNCTIONS)
    if equalities:
        field, values = values_of(lemma, program, "sign" if functions else "identity", case)
        for relation in equalities:
            _settle(relation, field, values)
    if not others:
        return []
    field, values = values_of(lemma, program, "sign", case)
    return [(field, _sum(lemma, relation, field, values)) for relation in others]


def values_of(lemma: Lemma, program: Program, way: str, case: Sequence[int]) -> tuple[Field, list[Quotient]]:
    """Every step as a rational function of the arguments' parameters."""
    ways = {name: domain.ways[way] for name, domain in lemma.domains.items()}
    field = Field([sign for one in ways.values() for sign in one.signs], program.functions(FUNCTIONS))
    entries, first = dict[str, list[Quotient]](), 0
    for which, (name, one) in zip(case, ways.items(), strict=True):
        parameters = [Element(field.parameter(first + i), field) for i in range(len(one.signs))]
        first += len(parameters)
        entries[name] = [
            x.value if isinstance(x, Element) else field.constant(x) for x in one.entries(parameters, which)
        ]  # fmt: skip
    return field, evaluated(program.steps, entries, field)


def _settle(relation: Relation, field: Field, values: Sequence[Quotient]) -> None:
    name, i, j = relation
    difference = field.add(values[i], values[j], -1)
    if name == "==":
        if not field.is_zero(difference):
            raise MissedError("the sides are not the same function of the symbols")
    elif difference.below or [any(exponents) for exponents, _ in terms(difference.numerator)] != [False]:
        raise MissedError("that two sides are never equal is shown where they differ by a constant alone")


def _sum(lemma: Lemma, relation: Relation, field: Field, values: Sequence[Quotient]) -> Sum:
    name, i, j = relation
    strict = name in ("<", ">")
    if strict and not all(domain.strict for domain in lemma.domains.values()):
        raise MissedError("a strict inequality is not tried at the end of a range")
    high, low = (values[j], values[i]) if name in ("<", "<=") else (values[i], values[j])
    found = nonnegative(field.add(high, low, -1), field, strict=strict)
    if found is None:
        raise MissedError("no sum of squares was found that shows the inequality")
    return found


def scope(lemma: Lemma, program: Program) -> str:
    """What a proof speaks about."""
    groups = [f"{names} ({_real(text)})" if text != "rational" else names for names, text in _grouped(lemma)]
    return f"all {', '.join(groups)}{', wherever defined' * program.divides}"


def drawn_from(lemma: Lemma) -> str:
    """What instances are drawn from."""
    return ", ".join(f"{names} ({text})" for names, text in _grouped(lemma))


def _real(text: str) -> str:
    """A proof is about real numbers too."""
    return text.replace(" rational", "").replace("rational ", "")


def _grouped(lemma: Lemma) -> list[tuple[str, str]]:
    """Arguments with the same domain, and what that is."""
    groups = dict[str, list[str]]()
    for name, domain in lemma.domains.items():
        groups.setdefault(domain.text, []).append(name)
    return [(", ".join(names), text) for text, names in groups.items()]
