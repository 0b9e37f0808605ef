"""MF15: the critical values of any F, that of the user's file where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from flint import fmpq, fmpq_mat

from proofs.mean_field.instances import random_full_rank
from proofs.mean_field.invariant import AnyTarget, descent
from proofs.mean_field.model import Model
from proofs.mean_field.witness import along_line, rank, twice_loss
from proofs.rational_matrix import fractions, identity, inertia, inner, is_zero, to_fmpq
from verify.claim import Evidence, Finding, Origin, Run
from verify.papers.mean_field import steps
from verify.papers.mean_field.attention import EDGE, eigenvalues_below
from verify.papers.mean_field.certificates import of_values
from verify.papers.mean_field.common import decimals, few, generator, given_model, short
from verify.papers.mean_field.conditions import Condition, Values, condition, ends, equal, judge, proved
from verify.papers.mean_field.identities import along, model_at
from verify.papers.mean_field.premises import FINITE, claim
from verify.papers.mean_field.settings import MeanFieldSettings
from verify.recheck.mean_field.matrices import Matrix

NO_DIRECTION = "no u with M^T u = 0"


@claim(
    "MF15",
    "critical values of any target",
    requires=("MF2", "MF5"),
    assumptions=(FINITE,),
    origin=Origin.STRENGTHENED,
    steps=steps.VALUES,
)
def critical_values(settings: MeanFieldSettings, run: Run) -> Finding:
    """[D] For every F, of any rank and with any multiplicities, the values of L at critical points are the sums of at
    most m - k positive eigenvalues of F F^T, counted with multiplicity, over 2; where L > 0
    there, D^2 L[RF,RF] = - (u^T A^-1 u) |Z z|^2 < 0 for R = u z^T with M^T u = 0 and Z z != 0.

    Eigenvalues enclosed and counted by inertia; a rational critical H, and its R, for each union of whole sets of
    conjugates.
    """
    given = given_model(settings)
    random = generator(settings, "MF15")
    goal = AnyTarget(random_full_rank(random, settings.k, settings.m) if given is None else given.F)
    conditions, losses = [*proved("homotopy_form"), *_enclosed(goal)], list[fmpq]()
    for point in goal.rational_points():
        conditions += _critical(point.H, goal.F, point.value)
        losses.append(point.value)
    details: dict[str, object] = {
        "eigenvalues of F F^T other than 0, multiplicity": [[decimals(x), t] for x, t in goal.eigenvalues],
        "critical values": [decimals(x) for _, x in goal.critical_values],
    }
    of_h, certificate = "", of_values(settings, goal)
    if given is not None:
        critical = is_zero(given.gradient)
        of_h = f"; its H is {'' if critical else 'not '}critical, L = {short(given.loss)}"
        if critical:
            conditions.append(_among(goal, given))
    source = "one random F" if given is None else "F of the file"
    values = [x for _, x in goal.critical_values]
    of_rank = sum(times for _, times in goal.eigenvalues)
    return judge(
        conditions,
        evidence=Evidence.ENCLOSURE if certificate is None else Evidence.EXACT,
        scope=f"{source}, k={settings.k}, m={settings.m}, rank {of_rank}"
        f"{'' if of_rank == settings.k else ', so that r_low = 0'}; {len(losses)} rational critical points{of_h}; that "
        "there are no other values, and R at every H: short arguments, read by people",
        instances=len(losses),
        found=f"L = {few(sorted(losses))} at {len(losses)} critical H",
        predicted=f"each one of {len(values)} values: {few(values)}",
        details=details,
        certificate=certificate,
    )


def _enclosed(goal: AnyTarget) -> Iterator[Condition]:
    """That each interval holds as many eigenvalues of F F^T as it should, by Sylvester's law of inertia."""
    S = goal.F * goal.F.transpose()
    for x, times in goal.eigenvalues:
        low, high = ends(x)
        low, high = low * (1 - EDGE), high * (1 + EDGE)
        below, above = (inertia(S - to_fmpq(end) * identity(goal.k)) for end in (low, high))
        holds = goal.k - above[2] - below[0] == times
        yield condition("eigenvalues", holds, _another_count, F=goal.F, between=[low, high], times=times)
    of_rank = sum(times for _, times in goal.eigenvalues)
    yield equal("rank F", fmpq(of_rank), fmpq(goal.F.rank()), _second_rank, F=goal.F)


def _critical(H: fmpq_mat, F: fmpq_mat, value: fmpq) -> Iterator[Condition]:
    model = Model(H, F)
    zero = fmpq_mat(F.nrows(), F.ncols())
    yield equal("dL/dH = 0", zero, model.gradient, lambda at: model_at(at).gradient.rows, H=H, F=F)
    yield equal("L = sum / 2", value, model.loss, lambda at: twice_loss(at["H"], at["F"]) / 2, H=H, F=F)
    if value != 0:
        R = descent(model)
        E, RZ = R * F, R * model.Z
        bend = along_line(fractions(H), fractions(F), fractions(E))[2]
        at = {"H": H, "F": F, "E": E}
        claimed = -inner(RZ, model.A_inverse * RZ)
        yield equal("D^2 L[RF,RF]", claimed, bend, lambda at: 2 * along(at, "E")[2], **at)
        falls = None if is_zero(R) else bend < 0
        yield condition("D^2 L[RF,RF] < 0", falls, lambda at: along(at, "E")[2] >= 0, NO_DIRECTION, **at)


def _among(goal: AnyTarget, model: Model) -> Condition:
    """That L at the critical H of the file lies in the enclosure of a value of the list."""
    intervals = [ends(x) for _, x in goal.critical_values]
    holds = any(to_fmpq(low) <= model.loss <= to_fmpq(high) for low, high in intervals)
    return condition("L at the H of the file is on the list", holds, _off, H=model.H, F=model.F, intervals=intervals)


# --- the same again, in the standard library ---


def _another_count(at: Values) -> bool:
    F = Matrix(at["F"])
    low, high = (eigenvalues_below((F * F.T).rows, end) for end in at["between"])
    return bool(high - low != at["times"])


def _second_rank(at: Values) -> Fraction:
    return Fraction(rank(at["F"]))


def _off(at: Values) -> bool:
    loss = twice_loss(at["H"], at["F"]) / 2
    return not any(low <= loss <= high for low, high in at["intervals"])
