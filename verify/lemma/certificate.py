"""Certificates of lemmas: the expressions that were compared, and what shows it; checked by verify.recheck.lemmas."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from proofs.lemma.domains import Domain
from proofs.lemma.field import Field
from proofs.lemma.positivity import Sum
from proofs.lemma.recording import FUNCTIONS, Step
from verify.claim import Certificate
from verify.lemma.proof import Proof
from verify.lemma.runs import Lemma, Point, Program
from verify.recheck.certificate import Budget, DeclinedError, Fields, RejectedError
from verify.recheck.certificate import Certificate as Replayed
from verify.recheck.lemmas import program as second
from verify.report.certificates import exactly

MOST_POINTS = 100  # in a certificate
STEPS = 1e7  # that a look at a program may take


def of_proof(lemma: Lemma, proof: Proof) -> Certificate | None:
    """None where the expressions are no rational functions, or where sides are said to be never equal."""
    if _beyond(proof.program):
        return None
    witness: dict[str, Any] = {"sums": [_sum(found, field) for field, found in proof.sums]} if proof.sums else {}
    return Certificate(_parameters(lemma, proof.program), witness)


def of_points(lemma: Lemma, program: Program, points: Sequence[Point]) -> Certificate | None:
    """That the comparisons of a symbolic run hold at these points."""
    if program.functions(FUNCTIONS):
        return None
    listed = [{name: list(entries) for name, entries in point.items()} for point in points[:MOST_POINTS]]
    return Certificate({**_parameters(lemma, program), "points": listed})


def of_counterexample(lemma: Lemma, program: Program, point: Point) -> Certificate | None:
    if program.functions(FUNCTIONS):
        return None
    return Certificate(_parameters(lemma, program), {"point": {name: list(x) for name, x in point.items()}})


def written(lemma: Lemma, program: Program) -> str:
    """The comparisons as formulas, as verify.replay prints them; "" for those with exp, log or sqrt."""
    return "" if program.functions(FUNCTIONS) else second.written(_second(lemma, program))


def fails(lemma: Lemma, program: Program, point: Point) -> bool:
    """Whether a comparison is false at this point, by the arithmetic of verify.recheck alone."""
    given = exactly({name: list(x) for name, x in point.items()})
    certificate = Replayed(exactly(_parameters(lemma, program)), {"point": given}, Budget(STEPS))
    try:
        return second.fails_at(second.read_program(certificate), Fields(given, "point"), certificate)
    except (RejectedError, DeclinedError):
        return False


def _second(lemma: Lemma, program: Program) -> second.Program:
    return second.read_program(Replayed(exactly(_parameters(lemma, program)), {}, Budget(STEPS)))


def _beyond(program: Program) -> bool:
    return program.functions(FUNCTIONS) or any(name == "!=" for name, _, _ in program.relations)


def _parameters(lemma: Lemma, program: Program) -> dict[str, Any]:
    needed, places = _needed(program), dict[int, int]()
    steps = list[list[Any]]()
    for i in needed:
        places[i] = len(steps)
        steps.append(_moved(program.steps[i], places))
    branches = [
        [name, places[i], places[j], "holds" if answer else "fails"] for (name, i, j), answer in program.branches
    ]
    return {
        "arguments": {name: _domain(domain) for name, domain in lemma.domains.items()},
        "steps": steps,
        "relations": [[name, places[i], places[j]] for name, i, j in program.relations],
        **({"branches": branches} if branches else {}),
    }


def _needed(program: Program) -> list[int]:
    """The steps that the comparisons rest on."""
    relations = [*program.relations, *(relation for relation, _ in program.branches)]
    found, rest = set[int](), [i for _, *pair in relations for i in pair]
    while rest:
        i = rest.pop()
        if i not in found:
            found.add(i)
            rest += _earlier(program.steps[i])
    return sorted(found)


def _earlier(step: Step) -> list[int]:
    name, *rest = step
    return [] if name in ("entry", "rational") else rest[:1] if name == "^" else list(rest)


def _moved(step: Step, places: dict[int, int]) -> list[Any]:
    name, *rest = step
    if name in ("entry", "rational"):
        return [name, *rest]
    return [name, places[rest[0]], rest[1]] if name == "^" else [name, *(places[i] for i in rest)]


def _domain(domain: Domain) -> dict[str, Any]:
    ends = {key: bound for key, bound in zip(("low", "high"), domain.bounds, strict=True) if bound is not None}
    return {"kind": domain.kind, "shape": list(domain.shape), **ends}


def _sum(found: Sum, field: Field) -> dict[str, Any]:
    def powers(exponents: Sequence[int]) -> list[list[int]]:
        return [[i, e] for i, e in enumerate(exponents) if e]

    def polynomial(terms: dict[tuple[int, ...], Fraction]) -> list[Any]:
        return [[c, powers(exponents)] for exponents, c in terms.items()]

    return {
        "square": polynomial(found.square),
        "factor": polynomial(found.factor),
        "terms": [{"c": term.c, "m": powers(term.m), "q": polynomial(term.q)} for term in found.terms],
    }
