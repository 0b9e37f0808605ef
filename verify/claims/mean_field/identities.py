"""MF1 - MF5: identities, proved for every size, and seen again by the witness at the models of the settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from flint import arb, arb_mat, ctx, fmpq, fmpq_mat

from proofs.mean_field.critical import hessian, line
from proofs.mean_field.enclosures import PRECISION, agree, nuclear_norm, polar_factor
from proofs.mean_field.instances import random_contraction, random_full_rank, random_matrix
from proofs.mean_field.model import Model
from proofs.mean_field.witness import along_line, twice_loss
from proofs.rational_matrix import fractions, inner, is_zero, to_fmpq
from verify.claim import Evidence, Finding, Run, decide
from verify.claims.mean_field.certificates import of_size
from verify.claims.mean_field.common import generator, models, proved, proved_small, short
from verify.claims.mean_field.settings import MeanFieldSettings

EVERY_SIZE = "every k, m, F and full-rank H"


def loss(settings: MeanFieldSettings, run: Run) -> Finding:
    """MF1."""

    def residuals(model: Model, random: Random) -> list[fmpq]:
        direct = to_fmpq(twice_loss(fractions(model.H), fractions(model.F)) / 2)
        W = random_matrix(random, settings.k, settings.k)
        above = model.attention_loss(W) - model.loss
        gap = model.B * (W - model.A_inverse) * model.H
        best = model.attention_loss(model.A_inverse) - direct
        return [model.loss - direct, best, above - inner(gap, gap) / 2]

    words, small = ("optimal_attention", "loss_is_unexplained_part"), ("attention",)
    return _identity(settings, run, "MF1", words, small, residuals, scope=f"{EVERY_SIZE}, every W")


def gradient(settings: MeanFieldSettings, run: Run) -> Finding:
    """MF2."""

    def residuals(model: Model, random: Random) -> list[fmpq]:
        E = random_matrix(random, settings.k, settings.m)
        _, slope, _ = along_line(fractions(model.H), fractions(model.F), fractions(E))
        return [inner(model.gradient, E) - to_fmpq(slope)]

    return _identity(settings, run, "MF2", ("first_derivative",), ("gradient",), residuals)


def second_derivatives(settings: MeanFieldSettings, run: Run) -> Finding:
    """MF3."""

    def residuals(model: Model, random: Random) -> list[fmpq]:
        E, E2 = (random_matrix(random, settings.k, settings.m) for _ in range(2))
        _, _, curvature = along_line(fractions(model.H), fractions(model.F), fractions(E))
        mixed = (model.hessian_form(E + E2) - model.hessian_form(E) - model.hessian_form(E2)) / 2
        stacked = fmpq_mat(settings.k * settings.m, 1, E.entries())
        return [
            model.hessian_form(E) - to_fmpq(curvature),
            model.second_variation(E, E2) - mixed,
            (stacked.transpose() * hessian(model) * stacked)[0, 0] - model.hessian_form(E),
        ]

    words = ("second_derivative", "last_hessian_term", "second_variation")
    return _identity(settings, run, "MF3", words, ("hessian",), residuals)


def invariances(settings: MeanFieldSettings, run: Run) -> Finding:
    """MF4."""

    def residuals(model: Model, random: Random) -> list[fmpq]:
        G = random_full_rank(random, settings.k, settings.k)
        moved = to_fmpq(twice_loss(fractions(G * model.H), fractions(model.F)) / 2)
        return [
            moved - model.loss,
            inner(model.gradient, G * model.H),
            *(model.gradient * model.H.transpose()).entries(),
        ]

    words = ("change_of_basis", "gradient_along_orbit", "gradient_times_H")
    return _identity(settings, run, "MF4", words, ("orbit",), residuals, scope=f"{EVERY_SIZE}, every invertible G")


def homotopy(settings: MeanFieldSettings, run: Run) -> Finding:
    """MF5."""

    def residuals(model: Model, random: Random) -> list[fmpq]:
        R = random_matrix(random, settings.k, settings.k)
        _, slope, curvature = along_line(*line(model, R))
        return [
            model.homotopy_slope(R) - to_fmpq(slope),
            model.homotopy_curvature(R) - to_fmpq(curvature),
            fmpq(is_zero(model.M * model.Z) != is_zero(model.gradient)),
        ]

    words = ("homotopy_slope", "homotopy_form", "homotopy_curvature", "gradient_norm")
    small = ("slope", "curvature")
    return _identity(settings, run, "MF5", words, small, residuals, scope=f"{EVERY_SIZE}, every R")


def best_homotopy(settings: MeanFieldSettings, run: Run) -> Finding:
    """MF5b: the polar factor attains the nuclear norm of MZ, and no R of norm at most 1 exceeds it."""
    random, count, holds, radius = generator(settings, "MF5b"), 0, True, 0.0
    for model in models(settings, random):
        if is_zero(model.gradient):
            continue
        MZ = model.M * model.Z
        with ctx.workprec(PRECISION):
            bound, R = nuclear_norm(MZ), polar_factor(MZ)
            attained = sum(((R.transpose() * arb_mat(MZ))[i, i] for i in range(settings.k)), arb(0))
            cube = R * R.transpose() * R
            isometry = all(agree(x, y) for x, y in zip(cube.entries(), R.entries(), strict=True))  # so |R|_op = 1
            holds = holds and isometry and agree(attained, bound)
            radius = max(radius, float((attained - bound).abs_upper()))
            for _ in range(4):
                other = -model.homotopy_slope(random_contraction(random, settings.k))
                holds = holds and (bool(other <= bound) or (settings.k == 1 and other**2 <= MZ[0, 0] ** 2))
        count += 1
    return decide(
        holds,
        evidence=Evidence.ENCLOSURE,
        scope=f"{count} models at k={settings.k}, m={settings.m}, 4 other R each",
        instances=count,
        found=f"gap < {radius:.0e}",
        predicted="0",
    )


def _identity(
    settings: MeanFieldSettings,
    run: Run,
    claim: str,
    words: Sequence[str],
    small: Sequence[str],
    residuals: Callable[[Model, Random], list[fmpq]],
    scope: str = EVERY_SIZE,
) -> Finding:
    """Proved in words for every size, as rational functions at one size, and by the witness at single models."""
    random, largest, count = generator(settings, claim), fmpq(0), 0
    for model in models(settings, random):
        largest = max([largest, *(abs(x) for x in residuals(model, random))])
        count += 1
    in_words, as_functions = proved(*words), proved_small(*small)
    return decide(
        in_words and as_functions and largest == 0,
        evidence=Evidence.PROOF,
        scope=scope,
        instances=count,
        found=f"residual {short(largest)}" if in_words and as_functions else "not proved",
        predicted="0",
        details={
            "identities for every k and m": {name: proved(name) for name in words},
            "rational functions of all entries, k=2 m=3": {name: proved_small(name) for name in small},
            f"largest residual at {count} models, k={settings.k} m={settings.m}": str(largest),
        },
        certificate=of_size(settings),
    )
