"""Lemmas of a reader's own: the certificate holds the expressions that were compared, and these are evaluated again.

VERIFIED, for all values   equalities at random points modulo a random prime, inequalities by the sums handed in
VERIFIED, at points        exactly, at each of them
REFUTED                    exactly, at the point handed in

What a lemma says in words nobody can check here. So the outcome prints what has been compared.
"""

from __future__ import annotations

from itertools import product

from verify.recheck.certificate import Certificate, Check, Fields, RejectedError, array
from verify.recheck.lemmas.domains import Domain
from verify.recheck.lemmas.inequalities import check_sum
from verify.recheck.lemmas.program import Program, evaluate, fails_at, read_program, written

PAPER = "lemmas"
STATEMENTS: dict[str, str] = {}
CLAIMS: dict[tuple[str, str], Check] = {}
MOST_POINTS = 1000


def verified(certificate: Certificate) -> str:
    """For all values, or at the points of the parameters."""
    program = read_program(certificate)
    if program.branches:
        raise RejectedError("parameters.branches: one way of several shows nothing")
    if "points" in certificate.parameters.values:
        points = array(certificate.parameters.any("points"), "parameters.points")
        if not 0 < len(points) <= MOST_POINTS:
            raise RejectedError(f"parameters.points: from 1 to {MOST_POINTS} points")
        for i, value in enumerate(points):
            if fails_at(program, Fields(value, f"parameters.points[{i}]"), certificate):
                raise RejectedError(f"parameters.points[{i}]: what is compared fails there")
        return f"at {len(points)} points {program.scope}: {written(program)}"
    for_all(program, certificate)
    return f"for all {program.scope}: {written(program)}"


def refuted(certificate: Certificate) -> str:
    program = read_program(certificate)
    if not fails_at(program, Fields(certificate.witness.any("point"), "witness.point"), certificate):
        raise RejectedError("witness.point: what is compared does not fail there")
    return f"it fails for some {program.scope}: {written(program)}"


RECORDED: dict[str, Check] = {"VERIFIED": verified, "REFUTED": refuted}  # by verdict, whatever the claim


def for_all(program: Program, certificate: Certificate) -> None:
    """RejectedError unless each comparison is an identity, or is shown by the sum that is handed in for it."""
    inequalities = any(name != "==" for name, _, _ in program.relations)
    sums = iter(certificate.witness.objects("sums") if inequalities else ())
    for case in product(*(range(domain.cases) for domain in program.arguments.values())):
        parameters = {
            name: certificate.field.draws(len(domain.signs)) for name, domain in program.arguments.items()
        }  # fmt: skip
        entries = {
            name: [certificate.field.one * x for x in domain.entries(parameters[name], which)]
            for which, (name, domain) in zip(case, program.arguments.items(), strict=True)
        }
        certificate.afford(20 * sum(domain.size**2 for domain in program.arguments.values()), "the arguments")
        values = evaluate(program, entries, certificate, exact=False)
        flat = [x for name in program.arguments for x in parameters[name]]
        for name, i, j in program.relations:
            label = f"{written(program, ((name, i, j),))}"
            if name == "==":
                certificate.zero(values[i] - values[j], label)
            elif (handed := next(sums, None)) is None:
                raise RejectedError(f"witness.sums: none for {label}")
            else:
                difference = values[j] - values[i] if name in ("<", "<=") else values[i] - values[j]
                check_sum(handed, difference, flat, all_signs(program), name in ("<", ">"), certificate, label)
    if next(sums, None) is not None:
        raise RejectedError("witness.sums: more than there are inequalities")
    if any(name in ("<", ">") for name, _, _ in program.relations) and any(
        d.open_ended for d in program.arguments.values()
    ):
        raise RejectedError("parameters.arguments: a strict inequality is not shown where parameters do not reach")


def all_signs(program: Program) -> list[str]:
    return [sign for domain in program.arguments.values() for sign in domain.signs]


__all__ = ["CLAIMS", "PAPER", "RECORDED", "STATEMENTS", "Domain"]
