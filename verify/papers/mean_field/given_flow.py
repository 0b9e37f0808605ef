"""MF10 and MF14 at the matrices of a user's file."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from flint import fmpq, fmpq_mat

from proofs.mean_field.any_flow import AnyFlow
from proofs.mean_field.improvement import Atom, BirthDeath, mirrored
from proofs.mean_field.invariant import AnyTarget
from proofs.mean_field.model import Model
from proofs.mean_field.witness import Rows, rank, twice_loss
from proofs.rational_matrix import fractions, is_zero
from verify.papers.mean_field.attention import eigenvalues_below
from verify.papers.mean_field.common import short
from verify.papers.mean_field.conditions import Condition, Values, at_most, condition, ends, equal, upper
from verify.papers.mean_field.identities import model_at
from verify.recheck.mean_field.matrices import Matrix

ABOVE = "2 L >= least positive lambda for ever"
CLOSE = 100  # bits to which two computations of a loss have to agree
ROUNDING = Fraction(1, 2**60)
CLOCK = (Fraction(1, 10), Fraction(1), Fraction(10))  # times of Oja's flow from a file's row space, in 1 / tr(F F^T)
GAMMA = Fraction(1, 2)  # share of the reference law in the network of a file


def flow_of_file(given: Model) -> tuple[list[Condition], str]:
    """What the flow does, and its conditions: from the file's H where that is critical, or H H^T = c I.

    Elsewhere from (H H^T)^(-1/2) H. It has the same row space, and so the same loss, but another flow.
    """
    goal = AnyTarget(given.F)
    flow = AnyFlow(goal, given)
    if is_zero(given.gradient):
        return list(_rests(flow)), f"from the H of the file, where dL/dH = 0: L = {short(given.loss)} for ever"
    start, scale = "from the H of the file", flow.scale
    if scale is None:
        start, scale = "not from the H of the file, but from (H H^T)^(-1/2) H", fmpq(1)
    conditions = [
        *_is_oja(flow),
        condition(
            "L -> 0 exactly where rank(H_0 F^T) = rank F",
            flow.arrives == (given.B.rank() == goal.rank),
            _other_rank,
            **_at(flow, arrives=int(flow.arrives)),
        ),
    ]
    if not flow.arrives:
        return [*conditions, *_stuck(flow)], (
            f"{start}, rank(H_0 F^T) = {given.B.rank()} < {goal.rank}: L >= {short(goal.least / 2)} for ever"
        )
    conditions += _decays(flow)
    if goal.rank == goal.k and at_most(2 * given.loss, flow.r_low) is True:
        conditions += _sublevel(flow)
    rate = 2 * flow.parts[0][0] / scale
    slow = "" if flow.parts[0][0].overlaps(goal.least) else ", not the slowest"
    return conditions, f"{start}: L -> 0 at rate e^(-{short(rate)} t){slow}"


def _at(flow: AnyFlow, **more: Any) -> dict[str, Any]:
    return {"H": flow.start.H, "F": flow.start.F, **more}


def _is_oja(flow: AnyFlow) -> Iterator[Condition]:
    """From H with H H^T = c I, which is conserved, the flow is Oja's, slower by the factor c."""
    if flow.scale is not None:
        start, c = flow.start, flow.scale
        oja = start.outside(start.H * flow.target.G)
        name = "dH/dt = H F^T F (I - P) / c where H H^T = c I"
        yield equal(name, oja * (1 / c), start.gradient * -1, lambda at: (model_at(at).gradient * -1).rows, **_at(flow))


def _rests(flow: AnyFlow) -> Iterator[Condition]:
    """A critical H stays where it is, whatever H H^T is, also where its loss is the least of all saddles."""
    start, goal = flow.start, flow.target
    zero, moved = fmpq_mat(goal.k, goal.m), start.outside(start.H * goal.G)
    yield equal("H F^T F (I - P) = 0 at rest", zero, moved, lambda at: model_at(at).gradient.rows, **_at(flow))
    if start.loss != 0:
        yield condition(ABOVE, goal.reached(2 * start.loss), _falls, **_at(flow, time=Fraction(0)))


def _decays(flow: AnyFlow) -> Iterator[Condition]:
    """The closed form of L_t against H_0 e^{tG}, and its law at late times."""
    for time in CLOCK:
        claimed, found = flow.loss_at(flow.time(time)), flow.loss_by_exponential(time)
        same = True if claimed.overlaps(found) and found.rel_accuracy_bits() > CLOSE else None
        holds = same if claimed.overlaps(found) else False
        at = _at(flow, time=time, claimed=ends(claimed))
        yield condition("L_t of the graph is that of H_0 e^(tG)", holds, _another_loss, **at)
    late = True if flow.late is not None else None
    name = "L_t e^(2 lambda t) comes near its limit"
    yield condition(name, late, lambda at: False, "not at the times looked at", **_at(flow))


def _sublevel(flow: AnyFlow) -> Iterator[Condition]:
    for time in CLOCK:
        bound = flow.sublevel_bound(flow.time(time))
        below = at_most(flow.loss_at(flow.time(time)), bound)
        at = _at(flow, time=time, bound=upper(bound))
        yield condition("L_t <= L_0 e^(-2 (r_low - 2 L_0) t)", below, _exceeds, **at)


def _stuck(flow: AnyFlow) -> Iterator[Condition]:
    for time in CLOCK:
        above = at_most(flow.target.least, 2 * flow.loss_by_exponential(time))
        yield condition(ABOVE, above, _falls, **_at(flow, time=time))


def improvement_of_file(given: Model) -> BirthDeath:
    """A network with the file's H and F: k neurons each, whose responses at the m features are the rows.

    mu = (mu' + pi) / 2, where pi, even in a, adds nothing to H.
    """
    k, m = given.H.nrows(), given.H.ncols()
    H, F = fractions(given.H), fractions(given.F)
    share = Fraction(1, k)

    def neurons(rows: Rows, size: Fraction) -> tuple[Atom, ...]:
        units = [tuple(size * k * (i == j) for j in range(k)) for i in range(k)]
        return tuple(Atom(share, a, tuple(row)) for a, row in zip(units, rows, strict=True))

    target, points = neurons(F, Fraction(1)), tuple(tuple(Fraction(i == j) for j in range(m)) for i in range(m))
    pi = mirrored(target, [1] * k)
    return BirthDeath(target, neurons(H, 1 / (1 - GAMMA)), GAMMA, pi, points, lambda z: z)


# --- the same again, in the standard library ---


def _other_rank(at: Values) -> bool:
    B = Matrix(at["F"]) * Matrix(at["H"]).T
    return (rank(B.rows) == rank(at["F"])) != bool(at["arrives"])


def taylor_loss(at: Values) -> Fraction:
    """L at the time t = at["time"] / tr(F F^T), by the exponential series of t F^T F: its rest is below 2^-100."""
    H, F = Matrix(at["H"]), Matrix(at["F"])
    G = F.T * F * (at["time"] / (F * F.T).trace())
    term = total = H
    for j in range(1, 120):
        term = term * G * Fraction(1, j)
        total = total + term
    loss: Fraction = twice_loss(total.rows, at["F"]) / 2
    return loss


def _another_loss(at: Values) -> bool:
    low, high = at["claimed"]
    return not low * (1 - ROUNDING) <= taylor_loss(at) <= high * (1 + ROUNDING)


def _exceeds(at: Values) -> bool:
    return bool(taylor_loss(at) > at["bound"] * (1 + ROUNDING))


def _falls(at: Values) -> bool:
    """Whether 2L > 0 is below every positive eigenvalue of F F^T."""
    F, doubled = Matrix(at["F"]), 2 * taylor_loss(at) * (1 + ROUNDING)
    S = (F * F.T).rows
    return eigenvalues_below(S, doubled) == eigenvalues_below(S, doubled / 2**200)
