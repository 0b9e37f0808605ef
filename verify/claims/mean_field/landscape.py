"""MF6 - MF9: critical points, negative curvature, the dichotomy, and the inequality below r_low/2; the two controls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from random import Random
from typing import Any

from flint import arb, ctx, fmpq

from proofs.mean_field.critical import (
    CriticalPoint,
    Target,
    critical_point,
    critical_points,
    curvature_bound_factor,
    hessian,
    line,
    orthonormal_hessian,
    predicted_spectrum,
    rational_example,
    target,
)
from proofs.mean_field.enclosures import PRECISION, smallest_eigenvalue
from proofs.mean_field.examples import hermite_difference, isotropic_difference, isotropic_model
from proofs.mean_field.inequalities import (
    best_slope,
    dichotomy,
    rank_one_dichotomy,
    rational_r_low,
    squared_gradient_at_least,
)
from proofs.mean_field.instances import random_matrix
from proofs.mean_field.model import Model
from proofs.mean_field.witness import along_line, twice_loss
from proofs.rational_matrix import (
    fractions,
    identity,
    inertia,
    inner,
    is_zero,
    largest_eigenvalue_at_least,
    matrix,
    polynomial_with_roots,
    squared_norm,
    to_fmpq,
)
from proofs.rationals import to_fraction
from verify.claim import Counterexample, Evidence, Finding, Run, decide
from verify.claims.mean_field.certificates import classified, curved, of_points, of_saddle, of_size
from verify.claims.mean_field.common import generator, given_model, models, proved, short, vacuous
from verify.claims.mean_field.settings import MeanFieldSettings


def classification(settings: MeanFieldSettings, run: Run) -> Finding:
    """MF6."""
    random = generator(settings, "MF6")
    goal, count, holds = target(settings.k, settings.m, random), 0, proved("critical_equation", "explained_part")
    spectra: dict[str, list[str]] = {}
    shown: list[dict[str, Any]] = []
    for point in critical_points(goal, random):
        model, S = point.model, point.S
        spectrum = predicted_spectrum(goal, S)
        holds = (
            holds
            and is_zero(model.gradient)
            and twice_loss(fractions(model.H), fractions(model.F)) / 2 == point.value == to_fraction(model.loss)
            and orthonormal_hessian(model).charpoly() == polynomial_with_roots(spectrum)
            and inertia(hessian(model))[0] == sum(x < 0 for x in spectrum) >= len(S) ** 2
            and min(spectrum) == -max([goal.eigenvalues[i] for i in S], default=0)
        )
        spectra[str(list(S))] = [str(point.value), *(str(x) for x in sorted(set(spectrum)))]
        shown.append(classified(point))
        count += 1
    values = sorted({goal.critical_value(S) for S in goal.subsets})
    return decide(
        holds and count == len(goal.subsets),
        evidence=Evidence.EXACT,
        scope=f"all {count} subsets S with m >= k+|S|, eigenvalues {_listed(goal.eigenvalues)}, m={settings.m}",
        instances=count,
        found=f"{count} values, {count} spectra",
        predicted=_listed(values[:4]) + (" .." if len(values) > 4 else ""),
        details={"critical values": [str(x) for x in values], "S: value, Hessian eigenvalues at A=I": spectra},
        certificate=of_points(settings, goal, shown),
    )


def negative_curvature(settings: MeanFieldSettings, run: Run) -> Finding:
    """MF7."""
    if settings.m == settings.k:
        return vacuous("no saddle at m = k")
    random = generator(settings, "MF7")
    goal, count, ratios = target(settings.k, settings.m, random), 0, []
    shown: list[dict[str, Any]] = []
    holds = proved("curvature_in_null_directions", "homotopy_curvature", "gradient_norm") and _closed_families(settings)
    for point in (p for p in critical_points(goal, random) if p.S):
        model, R = point.model, point.R
        RZ = R * model.Z
        exact = -inner(RZ, model.A_inverse * RZ)
        _, slope, curvature = along_line(*line(model, R))
        holds = (
            holds
            and point.is_partial_isometry
            and slope == 0
            and to_fmpq(curvature) == exact < 0
            and all(largest_eigenvalue_at_least(model.A, x) for x in curvature_bound_factor(model, exact, settings.k))
        )
        ratios.append(_ratio_to_bound(point, exact))
        shown.append(curved(point, exact))
        count += 1
    return decide(
        holds and count == len(goal.subsets) - 1,
        evidence=Evidence.EXACT,
        scope=f"all {count} kinds of saddle, eigenvalues {_listed(goal.eigenvalues)}, m={settings.m}; tight family",
        instances=count,
        found=f">= {min(ratios, default=0):.4g} x bound",
        predicted=">= 1 x bound",
        details={"curvature / (-4 L^2 / (k ||A||))": [f"{x:.6g}" for x in ratios]},
        certificate=of_points(settings, goal, shown),
    )


def _closed_families(settings: MeanFieldSettings) -> bool:
    """The tight family, the rational example and the Hermite features of A3.7."""
    k = settings.k
    tight = isotropic_model(k)
    curvature = tight.homotopy_curvature(identity(k))
    example, R = rational_example(), matrix([[0, 0], [1, 0]])
    return bool(
        isotropic_difference(k).is_zero
        and curvature == -k == -4 * tight.loss**2 / k
        and along_line(*line(tight, identity(k)))[2] == -k
        and along_line(*line(example, R)) == (Fraction(1, 2), Fraction(0), Fraction(-1))
        and is_zero(example.gradient)
        and hermite_difference().is_zero
    )


def _ratio_to_bound(point: CriticalPoint, curvature: fmpq) -> float:
    """For the report only: the curvature over its bound, in floats."""
    with ctx.workprec(PRECISION):
        norm = -smallest_eigenvalue(point.model.A * -1)
        return float((-arb(curvature) * norm * point.target.k / (4 * arb(point.model.loss) ** 2)).mid())


def strict_saddle_dichotomy(settings: MeanFieldSettings, run: Run) -> Finding:
    """MF8."""
    if settings.m == settings.k:
        return vacuous("the loss is 0 everywhere at m = k")
    random = generator(settings, "MF8")
    candidates = [*models(settings, random), *(model for model, _ in _near_saddles(settings, random))]
    count, holds, gains, curvatures, margin = 0, proved("rank_one_form", "homotopy_form"), 0, 0, float("inf")
    for model in candidates:
        if is_zero(model.Z):
            continue
        if settings.k == 1:  # an equality of rationals, which intervals could not decide
            form, bound = rank_one_dichotomy(model)
            z, A = model.Z[0, 0], model.A[0, 0]
            gain, curved = (model.M[0, 0] * z) ** 2 >= z**3 / (6 * A), form <= -(z**2) / (2 * A)
            holds = holds and form == bound and model.homotopy_form(identity(1)) == form and bool(gain or curved)
            margin = 0.0
        else:
            with ctx.workprec(PRECISION):
                found = dichotomy(model)
                gain, curved = found.gain >= found.enough, found.form <= found.strict
                holds = holds and bool(found.form <= found.bound) and bool(gain or curved)
                margin = min(margin, float((found.bound - found.form).lower() / found.strict.abs_upper()))
        gains, curvatures, count = gains + bool(gain), curvatures + bool(curved), count + 1
    return decide(
        holds,
        evidence=Evidence.EXACT if settings.k == 1 else Evidence.ENCLOSURE,
        scope=f"{count} models at k={settings.k}, m={settings.m}, random and within 1e-1 .. 1e-4 of saddles",
        instances=count,
        found="equality" if settings.k == 1 else f"{gains} slopes, {curvatures} curved",
        predicted="equality" if settings.k == 1 else "one of the two each",
        details={"slope is enough": gains, "curvature is enough": curvatures, "least relative margin": f"{margin:.4g}"},
        certificate=of_size(settings) if settings.k == 1 else None,
    )


def below_the_first_saddle(settings: MeanFieldSettings, run: Run) -> Finding:
    """MF9."""
    if settings.m == settings.k:
        return vacuous("the loss is 0 everywhere at m = k")
    random = generator(settings, "MF9")
    count, holds, ratio = 0, proved("explained_part", "gradient_norm"), float("inf")
    for model, r_low in _sublevel_models(settings, random):
        holds = holds and squared_gradient_at_least(model, r_low)
        if settings.k == 1:
            MZ, L = model.M[0, 0] * model.Z[0, 0], model.loss
            holds = holds and 4 * L**2 * (to_fmpq(r_low) - 2 * L) / model.A[0, 0] == MZ**2
            ratio = 1.0
        else:
            with ctx.workprec(PRECISION):
                slope, bound = best_slope(model)
                holds = holds and bool(slope >= bound)
                ratio = min(ratio, float((slope / bound).lower()))
        count += 1
    return decide(
        holds,
        evidence=Evidence.EXACT if settings.k == 1 else Evidence.ENCLOSURE,
        scope=f"{count} models with 2L < r_low at k={settings.k}, m={settings.m}",
        instances=count,
        found=f"slope >= {ratio:.4g} x bound",
        predicted="= bound" if settings.k == 1 else ">= 1 x bound",
        certificate=of_size(settings) if settings.k == 1 else None,
    )


def no_saddle_control(settings: MeanFieldSettings, run: Run) -> Finding:
    """MF6c: "every critical point is a global minimum"."""
    if settings.m == settings.k:
        return _no_saddle_at_m_equal_k(settings, "MF6c")
    point = _lowest_saddle(settings, generator(settings, "MF6c"))
    rows, F = fractions(point.model.H), fractions(point.model.F)

    def recheck() -> bool:
        """All partial derivatives vanish, the loss is positive, and a global minimum with loss 0 exists: H = F."""
        units = (
            [[Fraction(int((i, j) == at)) for j in range(settings.m)] for i in range(settings.k)]
            for at in _entries(settings)
        )
        flat = all(along_line(rows, F, E)[1] == 0 for E in units)
        return flat and twice_loss(rows, F) > 0 and twice_loss(F, F) == 0

    return decide(
        False,
        evidence=Evidence.EXACT,
        scope=f"a rational saddle with k={settings.k}, m={settings.m}",
        instances=1,
        found=f"critical, L = {short(point.value)}",
        predicted="not a minimum",
        counterexample=Counterexample({"H": _strings(rows), "F": _strings(F), "L": str(point.value)}, recheck),
        certificate=of_saddle(settings, point.model),
    )


def dominated_loss_control(settings: MeanFieldSettings, run: Run) -> Finding:
    """MF9c: "||gradient||^2 >= c L at every level, for some c > 0"."""
    if settings.m == settings.k:
        return _no_saddle_at_m_equal_k(settings, "MF9c")
    point = _lowest_saddle(settings, generator(settings, "MF9c"))
    model = point.model

    def recheck() -> bool:
        """||gradient||^2 by the other formula, tr(M Z M^T), and the loss by the witness."""
        squared = inner(model.M, model.M * model.Z)
        return bool(squared == 0 and twice_loss(fractions(model.H), fractions(model.F)) > 0)

    return decide(
        False,
        evidence=Evidence.EXACT,
        scope=f"a saddle with 2L = r_low, k={settings.k}, m={settings.m}",
        instances=1,
        found=f"|gradient|^2 = {short(squared_norm(model.gradient))}, L = {short(model.loss)}",
        predicted="0 at L = r_low/2",
        counterexample=Counterexample(
            {"H": _strings(fractions(model.H)), "F": _strings(fractions(model.F)), "L": str(model.loss)}, recheck
        ),
        certificate=of_saddle(settings, model),
    )


def _no_saddle_at_m_equal_k(settings: MeanFieldSettings, claim: str) -> Finding:
    """With m = k the rows of every full-rank H span everything, and the loss is 0."""
    random = generator(settings, claim)
    found = [twice_loss(fractions(model.H), fractions(model.F)) for model in models(settings, random)]
    return decide(
        all(x == 0 for x in found),
        evidence=Evidence.EXACT,
        scope=f"{len(found)} models with m = k = {settings.k}, where the loss is 0",
        instances=len(found),
        found=f"L = {short(max(found))}",
        predicted="0",
        certificate=of_size(settings),
    )


def _lowest_saddle(settings: MeanFieldSettings, random: Random) -> CriticalPoint:
    """The saddle at L = r_low/2."""
    goal = target(settings.k, settings.m, random)
    return critical_point(goal, (goal.eigenvalues.index(goal.r_low),), random)


def _near_saddles(settings: MeanFieldSettings, random: Random) -> Iterator[tuple[Model, Target]]:
    """Points at distances 1e-1 .. 1e-4 from saddles, one for each of up to 8 subsets S."""
    goal = target(settings.k, settings.m, random)
    for i, S in enumerate([S for S in goal.subsets if S][:8]):
        point = critical_point(goal, S, random)
        push = random_matrix(random, settings.k, settings.m) * fmpq(1, 10 ** (1 + i % 4))
        yield Model(point.H + push, goal.F), goal


def _sublevel_models(settings: MeanFieldSettings, random: Random) -> Iterator[tuple[Model, Fraction]]:
    """Models with 0 < 2L < r_low: perturbed minima, points just below the lowest saddle, the file's if it is one."""
    given = given_model(settings)
    if given is not None and 0 < 2 * given.loss < to_fmpq(rational_r_low(given)):
        yield given, rational_r_low(given)
    for i in range(4 * settings.instances):
        goal = target(settings.k, settings.m, random)
        start = critical_point(goal, (), random).H if i % 2 else _lowest_saddle(settings, random).H
        push = random_matrix(random, settings.k, settings.m)
        for exponent in range(12):
            model = Model(start + push * fmpq(1, 2**exponent), goal.F)
            if model.H.rank() == settings.k and 0 < 2 * model.loss < to_fmpq(goal.r_low):
                yield model, goal.r_low
                break


def _entries(settings: MeanFieldSettings) -> list[tuple[int, int]]:
    return [(i, j) for i in range(settings.k) for j in range(settings.m)]


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(short(x) for x in values)


def _strings(rows: list[list[Fraction]]) -> list[list[str]]:
    return [[str(x) for x in row] for row in rows]
