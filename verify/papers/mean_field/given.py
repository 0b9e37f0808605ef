"""MF6 and MF7 at the matrices of a user's file: any rank, repeated and irrational eigenvalues."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from flint import fmpq_mat, fmpq_poly

from proofs.mean_field.critical import split_hessian
from proofs.mean_field.descent import NullDirections
from proofs.mean_field.invariant import AnyTarget
from proofs.mean_field.model import Model
from proofs.mean_field.witness import along_line, twice_loss
from proofs.rational_matrix import fractions, inner, is_zero, largest_eigenvalue_at_least, to_fmpq
from proofs.rationals import to_fraction
from verify.claim import Evidence, Finding
from verify.papers.mean_field.attention import eigenvalues_below
from verify.papers.mean_field.common import decimals, few, given_model, short, significant
from verify.papers.mean_field.conditions import Condition, Values, condition, ends, equal, judge, middle, proved
from verify.papers.mean_field.identities import along, model_at
from verify.papers.mean_field.settings import MeanFieldSettings
from verify.recheck.mean_field.critical import norm_at_least
from verify.recheck.mean_field.matrices import Matrix

NO_RATIONAL_SADDLE = "its F has no rational saddle"


def critical_models(goal: AnyTarget, given: Model) -> list[tuple[Model, fmpq_poly | None]]:
    """Rational critical points of the file's F with what they leave unseen, and the file's H if it is one."""
    points: list[tuple[Model, fmpq_poly | None]] = [(Model(p.H, goal.F), p.unseen) for p in goal.rational_points()]
    return [*points, *([(given, None)] if is_zero(given.gradient) else [])]


def saddle_of_file(settings: MeanFieldSettings) -> Model | None:
    """The lowest rational saddle of the file's F, if it has one."""
    given = given_model(settings)
    if given is None:
        return None
    saddles = [model for model, _ in critical_models(AnyTarget(given.F), given) if model.loss > 0]
    return min(saddles, key=lambda model: to_fraction(model.loss), default=None)


def of_target(goal: AnyTarget, given: Model) -> str:
    """F and H of the file, for the scope."""
    values = ", ".join(short(x) + (f" ({times} times)" if times > 1 else "") for x, times in goal.eigenvalues)
    of_rank = f", rank {goal.rank}, so that r_low = 0" if goal.rank < goal.k else ""
    still = is_zero(given.gradient)
    of_h = f"its H is {'' if still else 'not '}critical, L = {short(given.loss)}"
    return f"F of the file, eigenvalues {values or 'all 0'}{of_rank}, k={goal.k}, m={goal.m}; {of_h}"


def classification_of_file(given: Model, key: str) -> Finding:
    """MF6: loss, gradient and spectrum at every rational critical point, the values as sums of enclosures."""
    goal, conditions = AnyTarget(given.F), proved("critical_equation", "explained_part")
    points = critical_models(goal, given)
    for model, unseen in points:
        conditions += _classified(goal, model, unseen)
    values = [x for _, x in goal.critical_values]
    families = any(times > 1 for _, times in goal.eigenvalues) or goal.m > goal.k + goal.rank
    return judge(
        conditions,
        evidence=Evidence.ENCLOSURE,
        scope=f"{of_target(goal, given)}; gradient, loss and spectrum at rational critical points ({len(points)}), one "
        f"for each whole set of conjugate eigenvalues{', of families of such points' if families else ''}; that there "
        "are no others: an argument from (S°-Z) Z = M^T A M Z, which is proved for every k, m",
        instances=len(points),
        found=f"dL/dH = 0 at {len(points)} H, L = {few(sorted({to_fraction(model.loss) for model, _ in points}))}; "
        f"{len(points)} spectra agree",
        predicted=f"0; each one of {len(values)}: {few(values)}; g_a - g_b and zeros",
        details={"critical values": [decimals(x) for x in values], key: _spectra(goal)},
    )


def _spectra(goal: AnyTarget) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for counts, value in goal.critical_values:
        missed = [short(x) for (x, _), t in zip(goal.eigenvalues, counts, strict=True) for _ in range(t)]
        eigenvalues = dict.fromkeys(decimals(x) for x in goal.spectrum(counts))
        found[f"[{', '.join(missed)}]"] = [decimals(value), *eigenvalues]
    return found


def _classified(goal: AnyTarget, model: Model, unseen: fmpq_poly | None) -> Iterator[Condition]:
    at: dict[str, Any] = {"H": model.H, "F": model.F}
    zero, split = fmpq_mat(goal.k, goal.m), split_hessian(model)
    yield equal("dL/dH = 0", zero, model.gradient, lambda at: model_at(at).gradient.rows, **at)
    if split is None:
        yield condition("the Hessian is made of F^T F on two spaces", False, _another_hessian, **at)
        return
    claimed = split.unseen if unseen is None else unseen
    doubled = -claimed[claimed.degree() - 1] if claimed.degree() else claimed[0] * 0
    yield equal("L = (sum of lambda_i in S) / 2", doubled / 2, model.loss, witnessed_loss, **at)
    whole = split.unseen == claimed and split.seen * split.unseen == goal.G.charpoly()
    coefficients = {"seen": split.seen.coeffs(), "unseen": claimed.coeffs()}
    yield condition("F^T F has the eigenvalues seen and missed", whole, _another_polynomial, **at, **coefficients)
    above = model.loss == 0 or goal.reached(2 * model.loss)
    yield condition("L >= (least positive lambda) / 2 unless global", above, _below_all, **at, loss=model.loss)
    falls = model.loss == 0 or split.seen[0] == 0
    yield condition("a local minimum is global", falls, _no_descent, **at)


def curvature_of_file(given: Model) -> Finding | None:
    """MF7 at every rational saddle of the file's F, and at its H; None where it has none."""
    goal, conditions, ratios = AnyTarget(given.F), list[Condition](), list[Fraction]()
    saddles = [model for model, _ in critical_models(goal, given) if model.loss > 0]
    if not saddles:
        return None
    conditions += proved("curvature_in_null_directions", "homotopy_curvature", "gradient_norm")
    attained = 0
    for model in saddles:
        directions = NullDirections(model)
        conditions += _curved(directions)
        ratios.append(middle(directions.ratio))
        attained += directions.attains_both
    return judge(
        conditions,
        evidence=Evidence.ENCLOSURE,
        scope=f"{of_target(goal, given)}; rational saddles: {len(saddles)}",
        instances=len(saddles),
        found=f"-d^2L/ds^2 >= {significant(min(ratios), 5)} x its bound"
        f"{f'; attained at {attained}' if attained else ''}",
        predicted=">= 1 x its bound",
        details={"curvature / (-4 L^2 / (k |A|))": [significant(x, 6) for x in ratios]},
    )


def _curved(directions: NullDirections) -> Iterator[Condition]:
    """The curvature of each rational direction exactly, that of the partial isometry in intervals."""
    model = directions.model
    for R in directions.rational:
        velocity = R * model.F - model.H
        _, slope, bend = along_line(fractions(model.H), fractions(model.F), fractions(velocity))
        at = {"H": model.H, "F": model.F, "E": velocity}
        yield equal("dL/ds = 0", Fraction(0), slope, lambda at: along(at, "E")[1], **at)
        claimed = directions.curvature_along(R)
        yield equal("d^2L/ds^2 = - tr(Z R^T A^-1 R Z)", claimed, bend, lambda at: 2 * along(at, "E")[2], **at)
    for name, bound, attained in (
        ("tr(Z^2)", inner(model.Z, model.Z), directions.attains_squares),
        ("4 L^2 / k", 4 * model.loss**2 / model.H.nrows(), directions.attains_both),
    ):
        low, high = (bound / to_fmpq(x) for x in ends(directions.size)[::-1])
        steep = largest_eigenvalue_at_least(model.A, high) or attained
        decided = True if steep else None if largest_eigenvalue_at_least(model.A, low) else False
        yield condition(f"d^2L/ds^2 <= - {name} / |A|", decided, _smaller_norm, H=model.H, F=model.F, reach=low)


# --- the same again, in the standard library ---


def witnessed_loss(at: Values) -> Fraction:
    loss: Fraction = twice_loss(at["H"], at["F"]) / 2
    return loss


def _another_hessian(at: Values) -> bool:
    """Whether H is not critical: where it is, the Hessian is made in this way (MF3)."""
    return not model_at(at).gradient.is_zero


def _another_polynomial(at: Mapping[str, Any]) -> bool:
    """Whether the traces of F^T F, all and on the null space of H, are not those of the two polynomials."""
    seen, unseen = (-p[-2] if len(p) > 1 else Fraction(0) for p in (at["seen"], at["unseen"]))
    F = Matrix(at["F"])
    missed = twice_loss(at["H"], at["F"])
    return bool(unseen != missed or seen != (F * F.T).trace() - missed)


def _below_all(at: Values) -> bool:
    """Whether 2L > 0 is below every positive eigenvalue of F F^T."""
    F, doubled = Matrix(at["F"]), twice_loss(at["H"], at["F"])
    S = (F * F.T).rows
    tiny = doubled / 2**200
    return bool(doubled > 0 and eigenvalues_below(S, doubled) == eigenvalues_below(S, tiny))


def _no_descent(at: Values) -> bool:
    """Whether no row space direction of R = u z^T falls: L > 0, and M is invertible."""
    model = model_at(at)
    try:
        model.M.inverse()
    except ZeroDivisionError:
        return False
    return bool(model.loss > 0)


def _smaller_norm(at: Values) -> bool:
    """Whether |A| is less than what the bound needs."""
    return not norm_at_least(model_at(at).A, at["reach"])
