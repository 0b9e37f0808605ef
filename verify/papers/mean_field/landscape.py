"""MF6 and MF7: critical points, their spectra, negative curvature at saddles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from random import Random
from typing import TYPE_CHECKING, Any

from flint import fmpq, fmpq_mat

from proofs.mean_field.critical import (
    CriticalPoint,
    critical_point,
    critical_points,
    curvature_bound_factor,
    line,
    predicted_spectrum,
    split_hessian,
    target,
)
from proofs.mean_field.enclosures import largest_eigenvalue
from proofs.mean_field.examples import isotropic_model
from proofs.mean_field.instances import random_rotation
from proofs.mean_field.model import Model
from proofs.mean_field.witness import along_line, has_spectrum, rank, twice_loss
from proofs.rational_matrix import (
    inner,
    largest_eigenvalue_at_least,
    to_fmpq,
)
from verify.claim import Evidence, Finding, Origin, Plot, Run
from verify.papers.mean_field import steps
from verify.papers.mean_field.certificates import classified, curved, of_points
from verify.papers.mean_field.common import few, generator, given_model, listed, of_file, short
from verify.papers.mean_field.conditions import Condition, Values, condition, equal, judge, proved, upper
from verify.papers.mean_field.given import NO_RATIONAL_SADDLE, classification_of_file, curvature_of_file, witnessed_loss
from verify.papers.mean_field.identities import along, model_at
from verify.papers.mean_field.premises import FINITE, claim, no_saddle
from verify.papers.mean_field.settings import MeanFieldSettings
from verify.recheck.mean_field.critical import norm_at_least
from verify.recheck.mean_field.matrices import Matrix
from verify.report.colours import FIRST, MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TIGHT_SIZE = 3  # H = [0 3 I] in the tight family, so that |A| = 9
SHOWN = Fraction(1, 10**4)  # ratios to the bound are given in multiples of this


CRITICAL = "S: value, Hessian eigenvalues at A=I"


def draw_critical_points(axes: Axes, details: Mapping[str, Any]) -> str:
    for value, *eigenvalues in details[CRITICAL].values():
        axes.plot(
            [float(Fraction(value))] * len(eigenvalues),
            [float(Fraction(eigenvalue)) for eigenvalue in eigenvalues],
            "_",
            color=FIRST,
            markersize=11,
            markeredgewidth=1.6,
        )
    axes.axhline(0, color=MUTED, linewidth=0.8)
    axes.set(xlabel="loss L of the critical point", ylabel="eigenvalues of its Hessian")
    axes.grid(alpha=0.5)
    return "Eigenvalues of the Hessian at every kind of critical point, above the loss there."


@claim(
    "MF6",
    "critical points",
    requires=("MF3", "MF5"),
    assumptions=(FINITE, "different eigenvalues"),
    origin=Origin.STRENGTHENED,
    plot=Plot((CRITICAL,), draw_critical_points),
    steps=steps.CRITICAL,
)
def classification(settings: MeanFieldSettings, run: Run) -> Finding:
    """[D] H is critical exactly where, for a set S of eigenvalues of Sigma_°°, its row space holds the eigenvectors
    v_j, j not in S, and |S| directions that F does not see; then L = (sum of lambda_i in S) / 2 and, for H H^T = I, the
    Hessian has the eigenvalues g_a - g_b and k^2 zeros. [F] There is no spurious local minimum, and a critical point
    that is not global has L >= r_low / 2.

    Gradient, loss and eigenvalues of the Hessian, exactly, at one H for each subset S.
    """
    given = given_model(settings)
    if given is not None:
        return classification_of_file(given, CRITICAL)
    random = generator(settings, "MF6")
    goal, conditions = target(settings.k, settings.m, random), proved("critical_equation", "explained_part")
    spectra: dict[str, list[str]] = {}
    shown: list[dict[str, Any]] = []
    for point in critical_points(goal, random):
        spectrum = predicted_spectrum(goal, point.S)
        conditions += _classified(point, spectrum)
        spectra[str(list(point.S))] = [str(point.value), *(str(x) for x in sorted(set(spectrum)))]
        shown.append(classified(point))
    values = sorted({goal.critical_value(S) for S in goal.subsets})
    return judge(
        conditions,
        evidence=Evidence.EXACT,
        scope=f"one H for each of {len(shown)} subsets S, all with m >= k+|S|, at one F, eigenvalues "
        f"{listed(goal.eigenvalues)}, m={settings.m}; that there are no others: an argument from "
        "(S°-Z) Z = M^T A M Z, which is proved for every k, m",
        instances=len(shown),
        found=f"dL/dH = 0 at {len(shown)} H, L = {few(values)}; {len(shown)} spectra agree",
        predicted="0; (sum of lambda_i in S)/2; g_a - g_b and zeros",
        details={"critical values": [str(x) for x in values], CRITICAL: spectra},
        certificate=of_points(settings, goal, shown),
    )


def _classified(point: CriticalPoint, spectrum: list[Fraction]) -> Iterator[Condition]:
    model, r_low = point.model, point.target.r_low
    at: dict[str, Any] = {"S": list(point.S), "H": model.H, "F": model.F}
    zero = fmpq_mat(point.target.k, point.target.m)
    yield equal("dL/dH = 0", zero, model.gradient, lambda at: model_at(at).gradient.rows, **at)
    yield equal("L = (sum of lambda_i in S) / 2", point.value, model.loss, witnessed_loss, **at)
    above = not point.S or 2 * model.loss >= to_fmpq(r_low)
    yield condition("L >= r_low / 2 unless global", above, _between_0_and_r_low, **at, r_low=r_low)
    split = split_hessian(model)
    same = split is not None and split.spectrum == sorted(spectrum)
    yield condition("eigenvalues of the Hessian", same, _another_spectrum, **at, spectrum=spectrum)
    minimum = (min(spectrum) >= 0) == (not point.S)
    yield condition("a local minimum is global", minimum, _spurious_minimum, **at, spectrum=spectrum)


@claim(
    "MF7",
    "negative curvature at saddles",
    requires=("MF5", "MF6"),
    assumptions=(FINITE, "the paper's normalisation of R is our reading"),
    vacuous=no_saddle,
    origin=Origin.STRENGTHENED,
    steps=steps.SADDLES,
)
def negative_curvature(settings: MeanFieldSettings, run: Run) -> Finding:
    """[F] At a critical point that is not global, d^2L/ds^2 <= - 4 L^2 / (k R_1^2) along the homotopy for a suitable R.
    [D] With R a partial isometry from range(Z) to ker(M^T) and R_1^2 = |A|_op, exactly d^2L/ds^2 = - tr(Z R^T A^-1 R Z)
    <= - tr(Z^2) / |A| <= - 4 L^2 / (k |A|); the last bound is attained.

    The curvature by truncated Taylor series, exactly, the norm of A by inertia, at every kind of saddle.
    """
    given, random = given_model(settings), generator(settings, "MF7")
    if given is not None and (of_user := curvature_of_file(given)) is not None:
        return of_user
    goal, ratios = target(settings.k, settings.m, random), list[Fraction]()
    conditions = proved("curvature_in_null_directions", "homotopy_curvature", "gradient_norm")
    shown: list[dict[str, Any]] = []
    for point in (p for p in critical_points(goal, random) if p.S):
        curvature = _curvature(point.model, point.R)
        isometry = {"H": point.H, "F": goal.F, "R": point.R}
        name = "R is a partial isometry from range(Z) to ker(M^T)"
        conditions.append(condition(name, point.is_partial_isometry, _no_isometry, **isometry))
        conditions += _curved(point.model, point.R, curvature)
        ratios.append(_ratio_to_bound(point.model, curvature))
        conditions.append(_ratio_as_shown(point.model, curvature, ratios[-1]))
        shown.append(curved(point, curvature))
    conditions += _attained(settings.k, random)
    return judge(
        conditions,
        evidence=Evidence.EXACT,
        scope=f"all {len(shown)} kinds of saddle at one F, eigenvalues {listed(goal.eigenvalues)}, m={settings.m}"
        f"{of_file(settings, why=NO_RATIONAL_SADDLE)}; attained at m={2 * settings.k}",
        instances=len(shown) + 1,
        found=f"-d^2L/ds^2 >= {short(float(min(ratios)))} x its bound; attained",
        predicted=">= 1 x its bound",
        details={"curvature / (-4 L^2 / (k |A|)), rounded down": [f"{float(x):.6g}" for x in ratios]},
        certificate=of_points(settings, goal, shown),
    )


def _curvature(model: Model, R: fmpq_mat) -> fmpq:
    """- tr(Z R^T A^-1 R Z)."""
    RZ = R * model.Z
    return -inner(RZ, model.A_inverse * RZ)


def _curved(model: Model, R: fmpq_mat, curvature: fmpq) -> Iterator[Condition]:
    """What the claim says along R at a saddle."""
    H, F, velocity = line(model, R)
    _, slope, bend = along_line(H, F, velocity)
    at = {"H": H, "F": F, "E": velocity}
    yield equal("dL/ds = 0", Fraction(0), slope, lambda at: along(at, "E")[1], **at)
    yield equal("d^2L/ds^2 = - tr(Z R^T A^-1 R Z)", curvature, bend, lambda at: 2 * along(at, "E")[2], **at)
    for bound, reach in zip(("tr(Z^2)", "4 L^2 / k"), curvature_bound_factor(model, curvature, len(H)), strict=True):
        below = largest_eigenvalue_at_least(model.A, reach)
        name = f"d^2L/ds^2 <= - {bound} / |A|"
        yield condition(name, below, _smaller_norm, H=H, F=F, E=velocity, reach=reach)


def _ratio_to_bound(model: Model, curvature: fmpq) -> Fraction:
    """The curvature over - 4 L^2 / (k |A|), rounded down to a multiple of SHOWN (see `_ratio_as_shown`)."""
    _, reach = curvature_bound_factor(model, curvature, model.H.nrows())
    ratio = upper(largest_eigenvalue(model.A) / reach)
    return ratio // SHOWN * SHOWN


def _ratio_as_shown(model: Model, curvature: fmpq, ratio: Fraction) -> Condition:
    """That |A| is at least `ratio` of what the bound needs, and less than one step more."""
    needs = [to_fmpq(x) * curvature_bound_factor(model, curvature, model.H.nrows())[1] for x in (ratio, ratio + SHOWN)]
    holds = [largest_eigenvalue_at_least(model.A, x) for x in needs] == [True, False]
    return condition(
        "the ratio to the bound that is printed", holds, _another_norm, H=model.H, F=model.F, between=needs
    )


def _attained(k: int, random: Random) -> Iterator[Condition]:
    """Where Z = I and A = |A| I the curvature is - 4 L^2 / (k |A|)."""
    V, model = random_rotation(random, 2 * k), isotropic_model(k, TIGHT_SIZE)
    model, R = Model(random_rotation(random, k) * model.H * V, model.F * V), random_rotation(random, k)
    curvature = _curvature(model, R)
    yield from _curved(model, R, curvature)
    H, F, velocity = line(model, R)
    for reach in curvature_bound_factor(model, curvature, k):
        name = "d^2L/ds^2 = - 4 L^2 / (k |A|)"
        yield equal(name, reach, TIGHT_SIZE**2, lambda at: model_at(at).A.rows[0][0], H=H, F=F, E=velocity)


def lowest_saddle(settings: MeanFieldSettings, random: Random) -> CriticalPoint:
    """The saddle at L = r_low/2."""
    goal = target(settings.k, settings.m, random)
    return critical_point(goal, (goal.eigenvalues.index(goal.r_low),), random)


# --- the same again, in the standard library ---


def _between_0_and_r_low(at: Values) -> bool:
    return bool(0 < twice_loss(at["H"], at["F"]) < at["r_low"])


def _another_spectrum(at: Values) -> bool:
    return not has_spectrum(at["H"], at["F"], at["spectrum"])


def _spurious_minimum(at: Values) -> bool:
    """Whether the loss is not 0 and no eigenvalue of the Hessian negative, or the other way round."""
    return (twice_loss(at["H"], at["F"]) > 0) != (min(at["spectrum"]) < 0) or _another_spectrum(at)


def _no_isometry(at: Values) -> bool:
    """Whether R^T R is not the projection on range(Z), or M^T R is not 0."""
    model, R = model_at(at), Matrix(at["R"])
    P, Z = R.T * R, model.Z
    same_rank = P.trace() == rank(Z.rows)
    return not (same_rank and all(x.is_zero for x in (P * P - P, P * Z - Z, model.M.T * R)))


def _smaller_norm(at: Values) -> bool:
    """Whether |A| is less than what the bound needs."""
    return not norm_at_least(model_at(at).A, at["reach"])


def _another_norm(at: Values) -> bool:
    A, (low, high) = model_at(at).A, at["between"]
    return [norm_at_least(A, low), norm_at_least(A, high)] != [True, False]
