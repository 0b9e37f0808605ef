"""MF10: the gradient flow of the features."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from random import Random
from typing import Any

from flint import fmpq, fmpq_mat

from proofs.mean_field.critical import Target, common_denominator, critical_point, target
from proofs.mean_field.flows import OjaFlow, sublevel_rate
from proofs.mean_field.inequalities import tight_model
from proofs.mean_field.instances import random_full_rank, random_matrix
from proofs.mean_field.model import Model
from proofs.mean_field.witness import Rows, twice_loss
from proofs.rational_matrix import identity, matrix, select, squared_norm, to_fmpq
from verify.claim import Evidence, Finding, Run
from verify.papers.mean_field import steps
from verify.papers.mean_field.common import each_takes, generator, given_model, short
from verify.papers.mean_field.conditions import Condition, Values, at_most, condition, equal, judge, proved, upper
from verify.papers.mean_field.given_flow import flow_of_file
from verify.papers.mean_field.identities import model_at
from verify.papers.mean_field.premises import FINITE, claim, no_saddle
from verify.papers.mean_field.settings import MeanFieldSettings
from verify.recheck.mean_field.matrices import Matrix, inner

LATE = Fraction(2) ** 40  # q at a late time of a flow, t = common log q
CLOCK = (Fraction(11, 10), Fraction(2), Fraction(10))  # earlier ones
FAR = 200  # a power law in q is read off between q = 2^FAR and its square


@claim(
    "MF10",
    "flow of the features",
    requires=("MF4", "MF9"),
    assumptions=(FINITE, "H H^T = I"),
    vacuous=no_saddle,
    steps=steps.FEATURE_FLOW,
)
@each_takes(lambda k, m: 1.5e-4 * k**2 * m**2)
def feature_flow(settings: MeanFieldSettings, run: Run) -> Finding:
    """[D] dH/dt = -dL/dH conserves H H^T; for H H^T = I it is Oja's flow, row space of H_t = row space of H_0 e^{t F^T
    F}. L -> 0 exactly where H_0 F^T is invertible, at rate e^{-2 r_low t} for generic starts, and L_t <= L_0 e^{-2
    (r_low - 2 L_0) t} where 2 L_0 < r_low; otherwise L >= r_low / 2 for ever.

    Identities for the closed form of the flow, the exact degree of its decay, losses at exact times.
    """
    random, count = generator(settings, "MF10"), settings.instances
    conditions = proved("gradient_times_H", "subspace_flow", "oja_flow", "explained_part")
    conditions += _one_angle()
    rates = set()
    for _ in range(count):
        goal = target(settings.k, settings.m, random)
        generic = OjaFlow(goal, _generic_start(goal, random))
        rates.add(Fraction(generic.decay_degree, generic.common))
        conditions += _decays(generic)
        conditions += _stays_above(OjaFlow(goal, _singular_start(goal.F, random)))
        conditions += _below_its_bound(_sublevel_start(settings, random))
    given = given_model(settings)
    of_user, told = ([], "") if given is None else flow_of_file(given)
    conditions += of_user
    conditions.append(_sublevel_slope(tight_model(settings.k, settings.m, Fraction(3, 5), Fraction(4, 5), random)))
    return judge(
        conditions,
        evidence=Evidence.ENCLOSURE,
        scope=f"{count} starts of each kind (generic, H_0 F^T singular, 2 L_0 < r_low), k={settings.k}, m={settings.m}"
        f"{f'; {told}' if told else ''}; conservation and closed form: every k, m",
        instances=3 * count + bool(told),
        found=f"L falls as {', '.join(f'e^({rate} t)' for rate in sorted(rates))} from {count} generic starts, "
        f"stays >= r_low/2 from {count} singular ones",
        predicted=f"as e^(-2 r_low t), r_low = {short(goal.r_low)}; >= r_low/2",
    )


def _decays(flow: OjaFlow) -> Iterator[Condition]:
    """A generic start: L -> 0, as e^{-2 r_low t}."""
    goal, at = flow.target, _start(flow)
    rate = Fraction(flow.decay_degree, flow.common)
    yield equal("L decays as e^(-2 r_low t)", -2 * goal.r_low, rate, _power, **at)
    arrived = 2 * flow.at(LATE).loss < to_fmpq(goal.r_low)
    yield condition("L falls below r_low / 2", arrived, _never_falls, **at, r_low=goal.r_low)


def _stays_above(flow: OjaFlow) -> Iterator[Condition]:
    """A start with H_0 F^T singular: L >= r_low / 2 for ever."""
    r_low = flow.target.r_low
    for q in (*CLOCK, LATE):
        above = not flow.reaches_global_minimum and 2 * flow.at(q).loss >= to_fmpq(r_low)
        yield condition("L >= r_low / 2 for ever", above, _falls, **_start(flow), q=q, r_low=r_low)


def _below_its_bound(flow: OjaFlow) -> Iterator[Condition]:
    """A start with 2 L_0 < r_low."""
    for q in CLOCK:
        loss, bound = flow.at(q).loss, flow.sublevel_bound(q)
        name = "L_t <= L_0 e^(-2 (r_low - 2 L_0) t)"
        yield condition(name, at_most(loss, bound), _exceeds, **_start(flow), q=q, bound=upper(bound))


def _sublevel_slope(model: Model) -> Condition:
    """Where |dL/dH|^2 is as small as MF9 allows, and H H^T = I, L falls exactly at the rate of that bound."""
    claimed, found = sublevel_rate(model, Fraction(1)) * model.loss, squared_norm(model.gradient)
    name = "-dL/dt = 2 (r_low - 2 L) L at the slowest"
    return equal(name, claimed, found, lambda at: _squared(model_at(at).gradient), H=model.H, F=model.F)


def _one_angle() -> Iterator[Condition]:
    """k = 1: tan(theta_t) = e^(-lambda t) tan(theta_0), so that half of the loss of the saddle is left at t = log(tan).

    theta is the angle to the target, and L = lambda sin^2(theta) / 2; lambda = 4 and q = e^t.
    """
    goal = Target(identity(1), matrix([[0, 2]]))
    for q in (Fraction(10), Fraction(1000)):
        flow = OjaFlow(goal, matrix([[q**4, 1]]))
        for time, tangent in ((Fraction(1), q**4), (q, Fraction(1))):
            claimed = 2 * tangent**2 / (1 + tangent**2)
            name = "tan(theta_t) = e^(-lambda t) tan(theta_0) at k=1"
            yield equal(name, claimed, flow.at(time).loss, lambda at: _flowed(at, at["q"]), **_start(flow), q=time)


def _start(flow: OjaFlow) -> dict[str, Any]:
    """A basis of the row space of the start, which has H H^T = I."""
    return {"H_0": flow.start, "F": flow.target.F, "X": flow.target.X}  # F = U X, U a rotation, X X^T diagonal


def _generic_start(goal: Target, random: Random) -> fmpq_mat:
    while True:
        start = random_full_rank(random, goal.k, goal.m)
        if OjaFlow(goal, start).is_generic:
            return start


def _singular_start(F: fmpq_mat, random: Random) -> fmpq_mat:
    """A full-rank H_0 with H_0 F^T singular: its first row is orthogonal to the rows of F."""
    k = F.nrows()
    while True:
        free = random_full_rank(random, k, F.ncols())
        onto = F.transpose() * (F * F.transpose()).inv() * F
        start = fmpq_mat(((free - free * onto).table())[:1] + select(free, range(1, k)).table())
        if start.rank() == k:
            return start


def _sublevel_start(settings: MeanFieldSettings, random: Random) -> OjaFlow:
    """A flow from 0 < 4 L_0 < r_low: a global minimum, perturbed."""
    goal = target(settings.k, settings.m, random)
    minimum, push = critical_point(goal, (), random).H, random_matrix(random, settings.k, settings.m)
    exponent = 0
    while True:
        start = minimum + push * fmpq(1, 2**exponent)
        if start.rank() == settings.k and 0 < 4 * Model(start, goal.F).loss < to_fmpq(goal.r_low):
            return OjaFlow(goal, start)
        exponent += 1


# --- the same again, in the standard library ---


def _flowed(at: Values, q: Fraction) -> Fraction:
    """L at t = common log q along the flow, by e^{t F^T F} x_j = q^(common |x_j|^2) x_j."""
    X: Rows = at["X"]
    squares = [sum(x * x for x in row) for row in X]
    common = common_denominator(squares)
    moved = [list(row) for row in at["H_0"]]
    for x, square in zip(X, squares, strict=True):
        growth = (q ** int(square * common) - 1) / square
        for row, start in zip(moved, at["H_0"], strict=True):
            part = growth * sum(p * y for p, y in zip(start, x, strict=True))
            row[:] = [p + part * y for p, y in zip(row, x, strict=True)]
    loss: Fraction = twice_loss(moved, at["F"]) / 2
    return loss


def _power(at: Values) -> Fraction:
    """The exponent in t of the loss at late times: its logarithm between q = 2^FAR and q^2, over that of q."""
    q = Fraction(2) ** FAR
    common = common_denominator([sum(x * x for x in row) for row in at["X"]])
    return Fraction(round(_log2(_flowed(at, q * q) / _flowed(at, q)) / FAR), common)


def _log2(x: Fraction) -> int:
    return x.numerator.bit_length() - x.denominator.bit_length()


def _never_falls(at: Values) -> bool:
    return bool(2 * _flowed(at, LATE) >= at["r_low"])


def _falls(at: Values) -> bool:
    return bool(2 * _flowed(at, at["q"]) < at["r_low"])


def _exceeds(at: Values) -> bool:
    return bool(_flowed(at, at["q"]) > at["bound"])


def _squared(X: Matrix) -> Any:
    return inner(X, X)
