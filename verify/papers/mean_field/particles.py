"""MF13 and MF14: a saddle of the Wasserstein flow, and improvement by birth and death."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from flint import arb, ctx, fmpq

from proofs.mean_field.enclosures import PRECISION, agree, squared_nuclear_norm
from proofs.mean_field.examples import tanh_saddle
from proofs.mean_field.improvement import (
    BirthDeath,
    random_birth_death,
    relu,
    response,
    softsign,
    tight_birth_death,
)
from proofs.mean_field.polar import near_polar_factor
from proofs.mean_field.witness import along_line, is_semidefinite
from proofs.rational_matrix import is_zero, squared_norm, to_fmpq
from verify.claim import Evidence, Finding, Run
from verify.papers.mean_field import steps
from verify.papers.mean_field.common import each_takes, generator, given_model, of_file, short, significant
from verify.papers.mean_field.conditions import Condition, Values, at_most, condition, ends, equal, judge
from verify.papers.mean_field.given_flow import improvement_of_file
from verify.papers.mean_field.identities import along
from verify.papers.mean_field.premises import claim
from verify.papers.mean_field.settings import MeanFieldSettings
from verify.recheck.mean_field.matrices import Matrix

ROUNDING = Fraction(1, 10**9)  # of the means in floats; a sum of 321 terms with a trapezoidal error far below


@claim("MF13", "saddle of the Wasserstein flow", requires=("MF3",))
def particle_saddle(settings: MeanFieldSettings, run: Run) -> Finding:
    """[D] For f° = tanh(x_1) and one neuron tanh(x_2), the first variation vanishes everywhere, L = r_low / 2, and
    turning the neuron to x_1 has second variation - c^4 / E tanh^2 < 0, c = E sech^2.

    As tanh is odd, E[h f°] = E tanh(x_1) E tanh(x_2) = 0: so M = 0, and with it dL/dmu at every neuron.
    """
    found = tanh_saddle()
    square, curvature = found["E tanh^2"], found["second variation"]
    with ctx.workprec(PRECISION):
        remaining = 1 - square
    conditions = [
        _same("M = 0, so that dL/dmu = 0 everywhere", arb(0), found["M"], lambda: _mean(math.tanh) ** 2),
        _same("L = r_low / 2", found["r_low / 2"], found["loss"], lambda: _mean(_tanh_squared) / 2),
        _same("c = E sech^2 = 1 - E tanh^2", remaining, found["c"], lambda: _mean(_sech_squared)),
        _same("E x tanh x = c", found["c"], found["E x tanh x"], lambda: _mean(lambda x: x * math.tanh(x))),
        _same("d^2L = - c^4 / E tanh^2", found["closed form"], curvature, _curvature),
        condition("d^2L < 0", at_most(curvature, Fraction(0)), _rises, found=ends(curvature)),
    ]
    return judge(
        conditions,
        evidence=Evidence.ENCLOSURE,
        scope=f"k=1, x ~ N(0, I_2), f° = tanh(x_1), one neuron tanh(x_2), to 2^-{PRECISION // 2}{of_file(settings)}",
        instances=1,
        found=f"d^2L = {curvature.str(10, radius=False)} where dL/dmu = 0",
        predicted=f"-c^4/E tanh^2 = {found['closed form'].str(10, radius=False)}, below 0",
        details={name: value.str(25) for name, value in found.items()},
    )


def _same(name: str, claimed: arb, found: arb, again: Callable[[], float]) -> Condition:
    """That two intervals agree; `again` is the number in floats, off by less than ROUNDING."""

    def differs(at: Values) -> bool:
        low, high = at["claimed"]
        return not low - ROUNDING <= Fraction(again()) <= high + ROUNDING

    with ctx.workprec(PRECISION):
        holds = True if agree(claimed, found) else None if claimed.overlaps(found) else False
    return condition(name, holds, differs, claimed=ends(claimed), found=ends(found))


@claim("MF14", "improvement by birth and death", requires=("MF5",), steps=steps.BIRTH_DEATH)
@each_takes(lambda k, m: 5e-4 * k**2 * m)
def improvement(settings: MeanFieldSettings, run: Run) -> Finding:
    """[D] For mu = (1-gamma) mu' + gamma pi, pi symmetric in a, dmu°/dpi <= R_4, m_2 = int |a|^2 dmu°: -dL/dt along the
    Wasserstein flow is at least 2 gamma / (R_4 m_2) (dL/ds)^2 for every |R| <= 1; output weights alone give that much,
    and can give no more.

    The exact rate of improvement against its bound at random networks, and where the bound is attained.
    """
    random, conditions, ratios = generator(settings, "MF14"), list[Condition](), list[Fraction]()
    points, kinds = max(settings.m, settings.k + 1), (softsign, relu)
    given = given_model(settings)
    networks = [random_birth_death(random, settings.k, points, kinds[i % 2]) for i in range(2 * settings.instances)]
    told = ""
    if given is not None:
        networks.append(improvement_of_file(given))
        told = f"; one with the H and F of the file: rate {short(networks[-1].output_dissipation)}"
    for instance in networks:
        conditions += _improves(instance)
        with ctx.workprec(PRECISION):
            bound = to_fmpq(instance.factor) * squared_nuclear_norm(instance.model.M * instance.model.Z)
            ratios += [ends(instance.output_dissipation / bound)[0]] if bound > 0 else []
    for kind in kinds:
        conditions += _improves_no_faster(tight_birth_death(random, settings.k, points, kind))
    return judge(
        conditions,
        evidence=Evidence.ENCLOSURE,
        scope=f"{2 * settings.instances} networks (softsign, relu), k={settings.k}, {points} points, 2 inputs each"
        f"{told}; {len(kinds)} where the bound is attained",
        instances=len(networks) + len(kinds),
        found=f"-dL/dt >= {significant(min(ratios, default=Fraction(1)), 3)} x its bound; attained at {len(kinds)}",
        predicted=">= 1 x its bound",
    )


def _improves(instance: BirthDeath) -> Iterator[Condition]:
    """The best R is the polar factor of MZ: no other gives more than the nuclear norm."""
    model = instance.model
    X, at = model.M * model.Z, _network(instance)
    mean = instance.mean_first_variation
    yield equal("dL/dmu has mean 0", fmpq(0), mean, lambda at: along(at, "H")[1], H=model.H, F=model.F)
    if is_zero(X):
        return
    with ctx.workprec(PRECISION):
        fast = at_most(to_fmpq(instance.factor) * squared_nuclear_norm(X), instance.output_dissipation)
        best = near_polar_factor(X)
    yield condition("-dL/dt >= 2 gamma / (R_4 m_2) (dL/ds)^2", fast, _too_slow, **at, R=best, factor=instance.factor)


def _improves_no_faster(instance: BirthDeath) -> Iterator[Condition]:
    """MZ has rank one, so that its nuclear norm is its Frobenius norm."""
    model = instance.model
    claimed = to_fmpq(instance.factor) * squared_norm(model.M * model.Z)
    name = "-dL/dt = 2 gamma / (R_4 m_2) (dL/ds)^2"
    yield equal(name, claimed, instance.output_dissipation, _dissipation, **_network(instance))


def _network(instance: BirthDeath) -> dict[str, Any]:
    """Features, and for each neuron of mu its mass and its response at the points."""
    model, mu = instance.model, instance.mu
    responses = [response(atom.w, instance.points, instance.activation).entries() for atom in mu]
    return {"H": model.H, "F": model.F, "masses": [atom.mass for atom in mu], "responses": responses}


# --- the same again, in the standard library ---


def _mean(function: Callable[[float], float]) -> float:
    """E function(x), x ~ N(0, 1), by the trapezoidal rule: for analytic functions its error falls as e^(-c / step)."""
    step, reach = 1 / 16, 160
    values = ((j * step, function(j * step)) for j in range(-reach, reach + 1))
    return step * math.fsum(math.exp(-x * x / 2) * y for x, y in values) / math.sqrt(2 * math.pi)


def _tanh_squared(x: float) -> float:
    return math.tanh(x) ** 2


def _sech_squared(x: float) -> float:
    return 1 / math.cosh(x) ** 2


def _rises(at: Values) -> bool:
    """Whether the second variation is not below 0, or elsewhere."""
    low, high = at["found"]
    return not low - ROUNDING <= Fraction(_curvature()) <= min(high + ROUNDING, 0)


def _curvature() -> float:
    """The direction x_1 sech^2(x_2) leaves - (E[x tanh x] E[sech^2])^2 / E tanh^2."""
    return -((_mean(lambda x: x * math.tanh(x)) * _mean(_sech_squared)) ** 2) / _mean(_tanh_squared)


def _dissipation(at: Values) -> Fraction:
    """The integral of |grad_a dL/dmu|^2, each gradient entry as a derivative of the loss."""
    H, F = at["H"], at["F"]
    total = Fraction(0)
    for mass, values in zip(at["masses"], at["responses"], strict=True):
        for i in range(len(H)):
            E = [values if i == j else [Fraction(0)] * len(values) for j in range(len(H))]
            total += mass * along_line(H, F, E)[1] ** 2
    return total


def _too_slow(at: Values) -> bool:
    """Whether the rate is less than factor (dL/ds)^2 along R, |R| <= 1."""
    R = Matrix(at["R"])
    velocity = (R * Matrix(at["F"]) - Matrix(at["H"])).rows
    slope = along_line(at["H"], at["F"], velocity)[1]
    contracts = is_semidefinite((Matrix.identity(len(R.rows)) - R.T * R).rows)
    return contracts and _dissipation(at) < at["factor"] * slope**2
