"""MF8 and MF9: the strict-saddle dichotomy at every H, and the inequalities below r_low/2."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from random import Random

from flint import ctx, fmpq

from proofs.mean_field.critical import critical_point, target
from proofs.mean_field.enclosures import PRECISION, nuclear_norm
from proofs.mean_field.inequalities import (
    Dichotomy,
    rational_r_low,
    slope_bound,
    slope_bound_is_attained,
    squared_gradient_at_least,
    squared_gradient_excess,
    tight_model,
)
from proofs.mean_field.instances import random_matrix
from proofs.mean_field.model import Model
from proofs.mean_field.polar import dual, near_polar_factor
from proofs.mean_field.witness import along_line
from proofs.rational_matrix import fractions, is_zero, squared_norm, to_fmpq
from verify.claim import Evidence, Finding, Run
from verify.papers.mean_field import steps
from verify.papers.mean_field.certificates import of_size
from verify.papers.mean_field.common import each_takes, generator, given_model, models, of_file, significant
from verify.papers.mean_field.conditions import (
    Condition,
    Values,
    at_most,
    both,
    condition,
    either,
    ends,
    equal,
    judge,
    lower,
    or_equal,
    proved,
    upper,
)
from verify.papers.mean_field.identities import along, model_at, nuclear_upper_bound
from verify.papers.mean_field.landscape import lowest_saddle
from verify.papers.mean_field.premises import FINITE, claim, no_saddle
from verify.papers.mean_field.settings import MeanFieldSettings
from verify.recheck.mean_field.critical import norm_at_least
from verify.recheck.mean_field.matrices import Matrix, inner

NOT_BELOW = "L = 0, or 2L >= r_low"  # why MF9 says nothing about a model
# (p, r) of `tight_model`: the gain is 0.9996 and 1.0004 of what is enough, so that one way out is just open, not both
TIGHT = ((20, 49), (49, 120))


@claim(
    "MF8",
    "slope or curvature everywhere",
    requires=("MF5",),
    assumptions=(FINITE,),
    vacuous=no_saddle,
    steps=steps.DICHOTOMY,
)
@each_takes(lambda k, m: 2.5e-4 * k**2 * m)
def strict_saddle_dichotomy(settings: MeanFieldSettings, run: Run) -> Finding:
    """[D] At every H with Z != 0, for R = u v^T (v top eigenvector of Z, u least left singular vector of M, z =
    lambda_max(Z)): D^2 L[RF,RF] <= - z^2/|A| + 3 |MZ|^2/z; so |MZ| >= sqrt(z^3 / (6 |A|)), or the curvature is at most
    - z^2 / (2 |A|).

    The quadratic form against its bound, in rationals where it is rational, at random models and where equality holds.
    """
    random = generator(settings, "MF8")
    general = [model for model in models(settings, random) if not is_zero(model.Z)]
    near = [model for model in _near_saddles(settings, random) if not is_zero(model.Z)]
    tight = [tight_model(settings.k, settings.m, p, r, random) for p, r in TIGHT]
    given = given_model(settings)
    used = given is not None and not is_zero(given.Z)
    conditions, gains, curvatures = proved("rank_one_form", "homotopy_form"), 0, 0
    for model in [*general, *near]:
        found = Dichotomy(model)
        conditions += _dichotomy(found, equality=settings.k == 1)
        gains += at_most(found.enough, found.gain) is True
        curvatures += at_most(found.form, found.strict) is True
    for model in tight:
        conditions += _dichotomy(Dichotomy(model), equality=True)
    count = len(general) + len(near)
    return judge(
        conditions,
        evidence=Evidence.EXACT if settings.k == 1 else Evidence.ENCLOSURE,
        scope=f"{len(general)} models at k={settings.k}, m={settings.m}{of_file(settings, used, 'Z = 0')}, {len(near)} "
        f"within 1e-1 .. 1e-4 of saddles, {len(tight)} where equality holds",
        instances=count + len(tight),
        found=f"slope large enough at {gains} of {count} H, curvature at {curvatures}; "
        f"bound attained at {count + len(tight) if settings.k == 1 else len(tight)}",
        predicted=f"one of the two at each; at {count + len(tight) if settings.k == 1 else len(tight)}",
        details={"slope is enough": gains, "curvature is enough": curvatures},
        certificate=of_size(settings) if settings.k == 1 else None,
    )


def _dichotomy(found: Dichotomy, equality: bool) -> Iterator[Condition]:
    """What the claim says at one model; `equality` where the bound is attained, and all numbers are rational."""
    model = found.model
    if not found.is_precise:
        yield condition("R = u v^T", None, lambda at: False, H=model.H, F=model.F)
        return
    R = found.R
    bend = along_line(fractions(model.H), fractions(model.F), fractions(R * model.F))[2]
    form = to_fmpq(bend) / squared_norm(R)
    with ctx.workprec(PRECISION):
        square = found.z**2
        claimed, bound, strict = (ends(x * square) for x in (found.form, found.bound, found.strict))
    at = {"H": model.H, "F": model.F, "R": R, "slack": found.slack}
    agrees = both(at_most(form - to_fmpq(found.slack), claimed[1]), at_most(claimed[0], form + to_fmpq(found.slack)))
    yield condition("D^2 L[RF,RF]", agrees, _another_form, **at, claimed=claimed)
    below = at_most(found.form, found.bound)
    yield condition("D^2 L[RF,RF] <= -z^2/|A| + 3 |MZ|^2/z", below, _above, **at, bound=bound[1])
    way_out = either(at_most(found.enough, found.gain), at_most(found.form, found.strict))
    enough = ends(found.enough)[0]
    yield condition("slope or curvature", way_out, _no_way_out, **at, enough=enough, bound=strict[1])
    if equality:
        name = "D^2 L[RF,RF] = -z^2/|A| + 3 |MZ|^2/z"
        yield equal(name, found.bound * square, form, lambda at: _form(at), **at)
        just = 3 * found.enough / found.z**3 - 1 / found.norm
        numbers = {"z": found.z, "enough": found.enough, "|A|": found.norm}
        name = "-z^2/|A| + 3 |MZ|^2/z = -z^2 / (2 |A|) where |MZ|^2 is just enough"
        yield equal(name, found.strict, just, lambda at: 3 * at["enough"] / at["z"] ** 3 - 1 / at["|A|"], **numbers)


@claim(
    "MF9", "no saddle below r_low/2", requires=("MF5",), assumptions=(FINITE,), vacuous=no_saddle, steps=steps.SUBLEVEL
)
@each_takes(lambda k, m: 1e-3 * k**2 * m)
def below_the_first_saddle(settings: MeanFieldSettings, run: Run) -> Finding:
    """[D] Where 2L < r_low: |MZ|_* >= 2L sqrt((r_low - 2L) / |A|) and |dL/dH|^2 >= 2L (r_low - 2L) / |A|.

    The squared gradient in rationals, the slope in intervals or exactly, below the first saddle and where equality
    holds.
    """
    random = generator(settings, "MF9")
    conditions, ratios = proved("explained_part", "gradient_norm"), list[Fraction]()
    general = list(_sublevel_models(settings, random))
    given = given_model(settings)
    used = given is not None and _in_sublevel(given)
    if given is not None and used:
        general.append(given)
    tight = [tight_model(settings.k, settings.m, p, r, random) for p, r in TIGHT]
    for model in [*general, *tight]:
        conditions += _sublevel(model)
        ratios.append(_slope_ratio(model))
    for model in tight:
        conditions += _sublevel_equalities(model)
    return judge(
        conditions,
        evidence=Evidence.EXACT if settings.k == 1 else Evidence.ENCLOSURE,
        scope=f"{len(general)} models with 2L < r_low at k={settings.k}, m={settings.m}"
        f"{of_file(settings, used, NOT_BELOW)}, {len(tight)} where equality holds",
        instances=len(general) + len(tight),
        found=f"|MZ|_* >= {significant(min(ratios[: len(general)]), 4)} x its bound; both bounds attained",
        predicted=">= 1 x its bound",
        details={"slope / bound": [significant(x, 6) for x in ratios]},
        certificate=of_size(settings) if settings.k == 1 else None,
    )


def _sublevel(model: Model) -> Iterator[Condition]:
    """Both inequalities at a model with 0 < 2L < r_low."""
    at = {"H": model.H, "F": model.F}
    r_low = rational_r_low(model)
    squares = squared_gradient_at_least(model, r_low)
    excess = squared_gradient_excess(model, r_low)
    yield condition("|dL/dH|^2 >= 2L (r_low - 2L) / |A|", squares, _small_gradient, **at, excess=excess)
    X, bound = model.M * model.Z, slope_bound(model)
    with ctx.workprec(PRECISION):
        Y = dual(X, near_polar_factor(X))
    steep = or_equal(at_most(bound, nuclear_norm(X)), partial(slope_bound_is_attained, model))
    yield condition("|MZ|_* >= 2L sqrt((r_low - 2L) / |A|)", steep, _less_steep, **at, Y=Y, bound=lower(bound))


def _sublevel_equalities(model: Model) -> Iterator[Condition]:
    """Both, squared, as equalities at a model where Z, and so MZ, has rank one, r_low = 1 and |A| = tr(A) - k + 1."""
    k, A, L = model.H.nrows(), model.A, model.loss
    norm = sum((A[i, i] for i in range(k)), fmpq(0)) - (k - 1)
    with ctx.workprec(PRECISION):
        low, high = ends(slope_bound(model) ** 2)
    at = {"H": model.H, "F": model.F}
    squared = squared_norm(model.M * model.Z)
    inside = both(at_most(low, squared), at_most(squared, high))
    yield condition("|MZ|_* = 2L sqrt((r_low - 2L) / |A|)", inside, _another_slope, **at, square=[low, high])
    excess = squared_gradient_excess(model, 1) / norm
    name = "|dL/dH|^2 = 2L (r_low - 2L) / |A|"
    yield equal(name, excess, squared_norm(model.gradient), lambda at: _squared_gradient(at), **at, L=L)


def _slope_ratio(model: Model) -> Fraction:
    """A lower bound on |MZ|_* over its bound: -dL/ds along a rational R of norm at most 1, by the witness."""
    X = model.M * model.Z
    with ctx.workprec(PRECISION):
        R = near_polar_factor(X)
        velocity = fractions(R * model.F - model.H)
        slope = -along_line(fractions(model.H), fractions(model.F), velocity)[1]
        return slope / upper(slope_bound(model))


# --- the models ---


def _near_saddles(settings: MeanFieldSettings, random: Random) -> Iterator[Model]:
    """Points at distances 1e-1 .. 1e-4 from saddles, one for each of up to 8 subsets S."""
    goal = target(settings.k, settings.m, random)
    for i, S in enumerate([S for S in goal.subsets if S][:8]):
        point = critical_point(goal, S, random)
        push = random_matrix(random, settings.k, settings.m) * fmpq(1, 10 ** (1 + i % 4))
        yield Model(point.H + push, goal.F)


def _sublevel_models(settings: MeanFieldSettings, random: Random) -> Iterator[Model]:
    """Models with 0 < 2L < r_low: perturbed minima, and points just below the lowest saddle."""
    for i in range(4 * settings.instances):
        goal = target(settings.k, settings.m, random)
        start = critical_point(goal, (), random).H if i % 2 else lowest_saddle(settings, random).H
        push = random_matrix(random, settings.k, settings.m)
        for exponent in range(12):
            model = Model(start + push * fmpq(1, 2**exponent), goal.F)
            if model.H.rank() == settings.k and _in_sublevel(model):
                yield model
                break


def _in_sublevel(model: Model) -> bool:
    """0 < 2L < r_low."""
    return bool(0 < 2 * model.loss < rational_r_low(model))


# --- the same again, in the standard library ---


def _form(at: Values) -> Fraction:
    """D^2 L[RF, RF] / |R|^2."""
    R = Matrix(at["R"])
    form: Fraction = 2 * along({**at, "RF": (R * Matrix(at["F"])).rows}, "RF")[2] / inner(R, R)
    return form


def _another_form(at: Values) -> bool:
    low, high = at["claimed"]
    return not low - at["slack"] <= _form(at) <= high + at["slack"]


def _above(at: Values) -> bool:
    return bool(_form(at) > at["bound"] + at["slack"])


def _no_way_out(at: Values) -> bool:
    """Whether neither the slope nor the curvature is as large as the claim has it."""
    MZ = model_at(at).M * model_at(at).Z
    return _above(at) and not norm_at_least(MZ.T * MZ, at["enough"])


def _squared_gradient(at: Values) -> Fraction:
    gradient = model_at(at).gradient
    squared: Fraction = inner(gradient, gradient)
    return squared


def _small_gradient(at: Values) -> bool:
    """Whether |A| |dL/dH|^2 is less than `excess`."""
    squared = _squared_gradient(at)
    return bool(not norm_at_least(model_at(at).A, at["excess"] / squared) if squared else at["excess"] > 0)


def _less_steep(at: Values) -> bool:
    """Whether |MZ|_* is less than `bound`: already an upper bound on it is."""
    high = nuclear_upper_bound(at)
    return high is not None and high < at["bound"]


def _another_slope(at: Values) -> bool:
    MZ = model_at(at).M * model_at(at).Z
    return not at["square"][0] <= inner(MZ, MZ) <= at["square"][1]
