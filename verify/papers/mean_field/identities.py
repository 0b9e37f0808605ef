"""MF1 - MF5: identities, proved for every size, and seen again by two witnesses at the models of the settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import partial
from random import Random
from typing import Any

from flint import ctx, fmpq, fmpq_mat

from proofs.mean_field.critical import hessian, line, rational_example
from proofs.mean_field.enclosures import PRECISION, nuclear_norm
from proofs.mean_field.instances import random_contraction, random_full_rank, random_matrix, random_models
from proofs.mean_field.model import Model
from proofs.mean_field.polar import attains_nuclear_norm, dual, near_polar_factor, upper_bound
from proofs.mean_field.witness import along_line, is_semidefinite, twice_loss
from proofs.rational_matrix import fractions, inner, is_zero
from proofs.rationals import to_fraction
from verify.claim import Evidence, Finding, Origin, Run
from verify.papers.mean_field.certificates import of_size
from verify.papers.mean_field.common import each_takes, generator, models, of_file, short
from verify.papers.mean_field.conditions import (
    SMALL,
    Condition,
    Values,
    at_most,
    both,
    condition,
    equal,
    judge,
    lower,
    or_equal,
    proved,
    proved_small,
    residual,
    upper,
)
from verify.papers.mean_field.premises import FINITE, claim, no_saddle
from verify.papers.mean_field.settings import MeanFieldSettings
from verify.recheck.mean_field import identities as recheck
from verify.recheck.mean_field.critical import norm_at_least
from verify.recheck.mean_field.matrices import Matrix

EVERY_SIZE = "every k, m, F and full-rank H"
OTHERS = 4  # other directions R for each model of MF5b

Examine = Callable[[Model, Random], Iterator[Condition]]


@claim("MF1", "loss at the best attention", assumptions=(FINITE,), origin=Origin.STRENGTHENED)
@each_takes(lambda k, m: 2e-4 * k**2)
def loss(settings: MeanFieldSettings, run: Run) -> Finding:
    """[F] L(mu) = inf_W L_TF(mu, W) = E|zeta|^2 / 2. [D] L(H) = |F (I - P)|^2 / 2 = tr(Z) / 2, attained at W = (H
    H^T)^-1, and L_TF(H, W) - L(H) = |F H^T (W - (H H^T)^-1) H|^2 / 2.

    Identities of matrix words for every size, of rational functions of all entries for small ones, and residuals at
    rational models.
    """

    def examine(model: Model, random: Random) -> Iterator[Condition]:
        k = model.H.nrows()
        direct = twice_loss(fractions(model.H), fractions(model.F)) / 2
        W, at = random_matrix(random, k, k), {"H": model.H, "F": model.F}
        gap = model.B * (W - model.A_inverse) * model.H
        above = model.attention_loss(W) - inner(gap, gap) / 2
        yield equal("L = tr(Z) / 2", model.loss, direct, lambda at: model_at(at).loss, **at)
        best = model.attention_loss(model.A_inverse)
        yield equal("L_TF(H, A^-1) = L", best, direct, lambda at: model_at(at).loss, **at)
        name = "L_TF(H, W) - |F H^T (W - A^-1) H|^2 / 2 = L"
        yield equal(name, above, direct, lambda at: model_at(at).loss, **at, W=W)

    words, small = ("optimal_attention", "loss_is_unexplained_part"), ("attention",)
    return _identity(settings, "MF1", words, small, examine, scope=f"{EVERY_SIZE}, every W")


@claim("MF2", "gradient", requires=("MF1",), assumptions=(FINITE,))
@each_takes(lambda k, m: 1.2e-4 * k**2 * m)
def gradient(settings: MeanFieldSettings, run: Run) -> Finding:
    """[D] dL/dH = - M F (I - P) with M = (H H^T)^-1 H F^T; dL/dmu(theta) = <dL/dH, H_theta>.

    As MF1, against derivatives by truncated Taylor series.
    """

    def examine(model: Model, random: Random) -> Iterator[Condition]:
        E = _direction(model, random)
        _, slope, _ = along_line(fractions(model.H), fractions(model.F), fractions(E))
        claimed, at = inner(model.gradient, E), {"H": model.H, "F": model.F, "E": E}
        yield equal("<dL/dH, E> = dL/dt along H + t E", claimed, slope, lambda at: along(at, "E")[1], **at)

    return _identity(settings, "MF2", ("first_derivative",), ("gradient",), examine)


@claim("MF3", "second derivatives", requires=("MF2",), assumptions=(FINITE,))
@each_takes(lambda k, m: 6e-4 * k**2 * m)
def second_derivatives(settings: MeanFieldSettings, run: Run) -> Finding:
    """[D] D^2 L[E,E] = |F H^+ E Q|^2 - |H^+ E Q F^T|^2 + 2 tr(F H^+ E H^+ E Q F^T); its last term vanishes at critical
    points; polarised, it is the second variation d^2L/dmu^2(theta, theta').

    As MF1, against second derivatives by truncated Taylor series, polarised.
    """

    def examine(model: Model, random: Random) -> Iterator[Condition]:
        E, E2 = (_direction(model, random) for _ in range(2))
        at: dict[str, Any] = {"H": model.H, "F": model.F, "E": E, "E2": E2}
        H, F, both = (fractions(X) for X in (model.H, model.F, E + E2))
        bends = [along_line(H, F, direction)[2] for direction in (fractions(E), fractions(E2), both)]
        stacked = fmpq_mat(len(E.entries()), 1, E.entries())
        by_entries = (stacked.transpose() * hessian(model) * stacked)[0, 0]
        yield equal("D^2 L[E,E]", model.hessian_form(E), bends[0], lambda at: 2 * along(at, "E")[2], **at)
        yield equal("D^2 L, entry by entry", by_entries, bends[0], lambda at: 2 * along(at, "E")[2], **at)
        variation, mixed = model.second_variation(E, E2), (bends[2] - bends[0] - bends[1]) / 2
        yield equal("d^2L/dmu^2(theta, theta')", variation, mixed, _mixed, **at)

    words = ("second_derivative", "last_hessian_term", "second_variation")
    return _identity(settings, "MF3", words, ("hessian",), examine)


@claim("MF4", "invariances", requires=("MF2",), assumptions=(FINITE,))
@each_takes(lambda k, m: 3e-5 * k**2 * m)
def invariances(settings: MeanFieldSettings, run: Run) -> Finding:
    """[D] L(G H) = L(H) for invertible G, <dL/dH, G H> = 0, and dL/dH H^T = 0.

    As MF1, at a random invertible G.
    """

    def examine(model: Model, random: Random) -> Iterator[Condition]:
        k = model.H.nrows()
        G = random_full_rank(random, k, k)
        at: dict[str, Any] = {"H": model.H, "F": model.F, "G": G}
        moved = twice_loss(fractions(G * model.H), fractions(model.F)) / 2
        yield equal("L(G H) = L(H)", model.loss, moved, lambda at: model_at({**at, "H": _GH(at)}).loss, **at)
        slope = inner(model.gradient, G * model.H)
        yield equal("<dL/dH, G H> = 0", fmpq(0), slope, lambda at: along({**at, "GH": _GH(at)}, "GH")[1], **at)
        product = model.gradient * model.H.transpose()
        yield equal("dL/dH H^T = 0", fmpq_mat(k, k), product, _gradient_times_H, **at)

    words = ("change_of_basis", "gradient_along_orbit", "gradient_times_H")
    return _identity(settings, "MF4", words, ("orbit",), examine, scope=f"{EVERY_SIZE}, every invertible G")


@claim("MF5", "homotopy to the target", requires=("MF2", "MF3"), assumptions=(FINITE,), origin=Origin.STRENGTHENED)
@each_takes(lambda k, m: 3e-4 * k**2 * m)
def homotopy(settings: MeanFieldSettings, run: Run) -> Finding:
    """[F] The homotopy mu_s = (1-s) mu + s R_# mu°. [D] Along H_s = (1-s) H + s R F: dL/ds = - tr(R^T M Z) and
    d^2L/ds^2 = D^2 L[RF,RF] + 2 dL/ds, with D^2 L[RF,RF] = tr(M^T R Z R^T M) - tr(Z R^T A^-1 R Z) + 2 tr(M^T R M^T R
    Z); and M Z = 0 exactly where dL/dH = 0.

    As MF1, one of the models at a critical point.
    """

    def examine(model: Model, random: Random) -> Iterator[Condition]:
        k = model.H.nrows()
        R = random_matrix(random, k, k)
        at: dict[str, Any] = {"H": model.H, "F": model.F, "R": R, "velocity": R * model.F - model.H, "RF": R * model.F}
        H, F, velocity = line(model, R)
        _, slope, curvature = along_line(H, F, velocity)
        form = along_line(H, F, fractions(R * model.F))[2]
        yield equal("dL/ds", model.homotopy_slope(R), slope, lambda at: along(at, "velocity")[1], **at)
        yield equal("d^2L/ds^2", model.homotopy_curvature(R), curvature, lambda at: 2 * along(at, "velocity")[2], **at)
        yield equal("D^2 L[RF,RF]", model.homotopy_form(R), form, lambda at: 2 * along(at, "RF")[2], **at)
        still, critical = is_zero(model.M * model.Z), is_zero(model.gradient)
        name = "M Z = 0 exactly where dL/dH = 0"
        yield equal(name, still, critical, lambda at: model_at(at).gradient.is_zero, **at)

    words = ("homotopy_slope", "homotopy_form", "homotopy_curvature", "gradient_norm")
    return _identity(settings, "MF5", words, ("slope", "curvature"), examine, scope=f"{EVERY_SIZE}, every R")


@claim("MF5b", "best homotopy", requires=("MF5",), assumptions=(FINITE,), vacuous=no_saddle)
@each_takes(lambda k, m: 8e-4 * k**2 * m)
def best_homotopy(settings: MeanFieldSettings, run: Run) -> Finding:
    """[D] Over |R|_op <= 1 the steepest -dL/ds is the nuclear norm of M Z, at the polar factor of M Z.

    The polar factor attains the nuclear norm of MZ, and no R of norm at most 1 exceeds it.

    A rational R near the polar factor bounds the norm from below and a matrix Y near (Z M^T M Z)^{1/2} from above (see
    `proofs.mean_field.polar`); the sum of the singular values lies between.
    """
    random, count, conditions, gap = generator(settings, "MF5b"), 0, list[Condition](), 0.0
    for model in models(settings, random):
        if is_zero(model.gradient):
            continue
        X = model.M * model.Z
        with ctx.workprec(PRECISION):
            norm, best = nuclear_norm(X), near_polar_factor(X)
            Y = dual(X, best)
            at: dict[str, Any] = {"H": model.H, "F": model.F, "|MZ|_*": [lower(norm), upper(norm)]}
            slope, bound = -along_line(*line(model, best))[1], upper_bound(X, Y)
            between = both(at_most(slope, norm), at_most(norm, bound))
            conditions.append(condition("-dL/ds = |MZ|_* at the polar factor", between, _outside, **at, R=best, Y=Y))
            gap = max(gap, float(to_fraction(bound) / slope - 1))
            for _ in range(OTHERS):
                R = random_contraction(random, settings.k)
                other = -along_line(*line(model, R))[1]
                holds = or_equal(at_most(other, norm), partial(attains_nuclear_norm, R, X))
                conditions.append(condition("-dL/ds <= |MZ|_* for |R| <= 1", holds, _steeper, **at, R=R))
        count += 1
    return judge(
        conditions,
        evidence=Evidence.ENCLOSURE,
        scope=f"{count} models at k={settings.k}, m={settings.m}{of_file(settings, used=True)}, {OTHERS} other R each",
        instances=count,
        found=f"-dL/ds >= (1 - {gap:.0e}) |MZ|_* at the polar factor; <= |MZ|_* at {OTHERS * count} other R",
        predicted="|MZ|_*; at most that",
    )


def _outside(at: Values) -> bool:
    """Whether |MZ|_* does not lie between -dL/ds along R, |R| <= 1, and the bound that Y > 0 gives."""
    high = nuclear_upper_bound(at)
    return _steeper(at) or (high is not None and at["|MZ|_*"][0] > high)


def _steeper(at: Values) -> bool:
    """Whether -dL/ds along R exceeds |MZ|_*, although |R| <= 1."""
    R = Matrix(at["R"])
    velocity = (R * Matrix(at["F"]) - Matrix(at["H"])).rows
    contracts = is_semidefinite((Matrix.identity(len(R.rows)) - R.T * R).rows)
    return contracts and bool(-along({**at, "E": velocity}, "E")[1] > at["|MZ|_*"][1])


def _identity(
    settings: MeanFieldSettings,
    claim: str,
    words: Sequence[str],
    small: Sequence[str],
    examine: Examine,
    scope: str = EVERY_SIZE,
) -> Finding:
    """Proved in words for every size, as rational functions at one size, and by the witnesses at single models.

    Two of these do not depend on k and m: a random one of the size of the rational functions, and a saddle.
    """
    random = generator(settings, claim)
    given = [*models(settings, random), *random_models(random, SMALL.k, SMALL.m, 1), rational_example()]
    single = [condition for model in given for condition in examine(model, random)]
    in_words, as_functions = proved(*words), proved_small(*small)
    return judge(
        [*single, *in_words, *as_functions],
        evidence=Evidence.PROOF,
        scope=scope,
        instances=len(given),
        found=f"{len(in_words) + len(as_functions)} identities hold; residual {short(residual(single))} "
        f"at {len(given)} models",
        predicted="all hold; 0",
        details={
            "identities for every k and m": {c.name.split()[1]: c.holds is True for c in in_words},
            "rational functions of all entries, k=2 m=3": {c.name.split()[1]: c.holds is True for c in as_functions},
            f"largest residual at {len(given)} models, k={settings.k} m={settings.m} and two more": str(
                residual(single)
            ),
        },
        certificate=of_size(settings),
    )


# --- the same again, in the standard library ---


def model_at(at: Values) -> recheck.Model:
    return recheck.Model(Matrix(at["H"]), Matrix(at["F"]))


def nuclear_upper_bound(at: Values) -> Fraction | None:
    """(tr(Z M^T M Z Y^-1) + tr(Y)) / 2, at least |MZ|_*, if Y is positive definite."""
    X, Y = model_at(at).M * model_at(at).Z, Matrix(at["Y"])
    if Y.rows != Y.T.rows or norm_at_least(Y * -1, Fraction(0)):
        return None
    bound: Fraction = ((X.T * X * Y.inverse()).trace() + Y.trace()) / 2
    return bound


def along(at: Values, direction: str) -> Any:
    """L(H + t E) as a series in t: [1] is the first derivative, [2] half of the second."""
    return recheck.along(Matrix(at["H"]), Matrix(at[direction]), Matrix(at["F"]))


def _mixed(at: Values) -> Any:
    both = (Matrix(at["E"]) + Matrix(at["E2"])).rows
    return along({**at, "both": both}, "both")[2] - along(at, "E")[2] - along(at, "E2")[2]


def _GH(at: Values) -> Any:
    return (Matrix(at["G"]) * Matrix(at["H"])).rows


def _gradient_times_H(at: Values) -> Any:
    return (model_at(at).gradient * Matrix(at["H"]).T).rows


def _direction(model: Model, random: Random) -> fmpq_mat:
    return random_matrix(random, model.H.nrows(), model.H.ncols())
