"""SN9: with W itself as the parameter there is a block that does not vanish."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING

from proofs.identities import Identities
from proofs.sub_ngrams.law import NGramLaw
from verify.claim import (
    Certificate,
    Counterexample,
    Evidence,
    Finding,
    Origin,
    Run,
    claims_on,
    decide,
    from_identities,
    how_many,
    too_dear,
    undecided,
)
from verify.papers.sub_ngrams.kernels import (
    MOST_CONTEXTS,
    at_infinity,
    chosen_kernels,
    elimination,
    quadrature,
    quadrature_points,
)
from verify.papers.sub_ngrams.premises import control_unless_full_context, other_law
from verify.papers.sub_ngrams.settings import FEWEST_KERNELS, SubNGramSettings, braces
from verify.papers.sub_ngrams.stationary import (
    KERNELS,
    ONE_KERNEL,
    certified,
    evidence_of,
    generic_sizes,
    scope_of_kernels,
)
from verify.uncertain import with_error

if TYPE_CHECKING:
    from proofs.sub_ngrams.annealed_limit import AnnealedBlock
    from proofs.sub_ngrams.merged_limit import Enclosure

claim = claims_on("mathematics/sub-n-grams/limits")


@claim(
    "SN9",
    "merged parametrisation (control)",
    requires=("SN1",),
    expected=control_unless_full_context,
    vacuous=other_law,
    beside="SN5",
    origin=Origin.CONTROL,
)
def merged_is_stationary(settings: SubNGramSettings, run: Run) -> Finding:
    """With W = QK^T itself as the parameter, the population gradient tends to 0 as T -> infinity, then c -> infinity.

    The block of the first query lag that the attention does not read, at key lag 0, survives.
    """
    if settings.full_context:
        return _merged_at_full_context(settings, run)
    a = next(a for a in range(settings.n) if a + 1 not in settings.lag_set)
    scope = f"T -> inf, then c -> inf; S={settings.S}, n={settings.n}, lags {braces(settings.lag_set)}, "
    scope += f"alpha={settings.alpha}"
    enclosure = _enclosure(settings.law.alpha)
    if enclosure is not None and (settings.S, settings.n) == (2, 2):
        return _bigram(settings, enclosure, scope)
    points = quadrature_points(settings, run.seconds / 2)  # it is taken twice
    if not points:
        if settings.S ** (settings.n - 1) > MOST_CONTEXTS:
            return undecided(f"means over kernels with more than {MOST_CONTEXTS} contexts do not fit into memory")
        seconds = 2 * quadrature(settings.S, settings.n, FEWEST_KERNELS)
        return too_dear(seconds, run, what=f"means over {FEWEST_KERNELS} kernels", scope=scope)
    if (settings.S, settings.n, settings.lag_set) == (2, 3, (1,)) and settings.law.alpha == 1:
        return _trigram(settings, points // 4, scope)
    first = _annealed(settings.law, settings.lag_set, a, points, settings.seed)
    value, error = first.block[0][0], first.errors[0][0]
    trusted = quadrature_meets(enclosure, settings)
    return decide(
        False,
        evidence=Evidence.NUMERIC if first.level is None else Evidence.STATISTICAL,
        scope=scope,
        instances=1,
        found=f"lim M_{{{a},0}}[0][0] = {with_error(value, error)}",
        predicted="not 0",
        counterexample=Counterexample(
            {"block": [a, 0], "value": value, "error": error},
            partial(is_nonzero_mean, settings, a, points // 4, value, error),
        )
        if trusted and abs(value) > error
        else None,
        details={"value": value, "error": error, "method": first.method, "level": first.level, "kernels": first.points},
        undecided="the mean over kernels is 0 within its error"
        if trusted
        else f"the quadrature misses the enclosure of S=2, n=2, alpha={settings.alpha}: no value of it can be trusted",
    )


def is_nonzero_mean(settings: SubNGramSettings, a: int, points: int, value: float, error: float) -> bool:
    """Whether so many kernels, drawn anew, give this value within both errors, and not 0."""
    again = _annealed(settings.law, settings.lag_set, a, points, settings.seed + 1)
    second, its_error = again.block[0][0], again.errors[0][0]
    return abs(second - value) <= its_error + error and abs(value) > error and abs(second) > its_error


def _enclosure(alpha: Fraction) -> Enclosure | None:
    """The mean at S=n=2, k=1; None where alpha is so small or so large that no narrow interval is found."""
    from proofs.sub_ngrams.merged_limit import bigram_enclosure

    try:
        enclosure = bigram_enclosure(alpha)
    except (ValueError, OverflowError):  # an end that is not finite
        return None
    return enclosure if enclosure.excludes_zero else None


def quadrature_meets(enclosure: Enclosure | None, settings: SubNGramSettings) -> bool:
    """Whether the same quadrature gives, at S=n=2 and the same alpha, the mean that is enclosed there, if it is."""
    if enclosure is None:
        return True
    return _meets(enclosure, NGramLaw(2, 2, settings.law.alpha), (), 0, settings.quadrature_points(), settings.seed)


def _meets(enclosure: Enclosure, law: NGramLaw, lags: tuple[int, ...], a: int, points: int, seed: int) -> bool:
    mean = _annealed(law, lags, a, points, seed)
    value, error = Fraction(mean.block[0][0]), Fraction(mean.errors[0][0])
    return enclosure.lower - error <= value <= enclosure.upper + error


def _annealed(law: NGramLaw, lags: tuple[int, ...], a: int, points: int, seed: int) -> AnnealedBlock:
    from proofs.sub_ngrams.annealed_limit import annealed_block

    return annealed_block(law, lags, a, 0, points=points, seed=seed)


def _bigram(settings: SubNGramSettings, enclosure: Enclosure, scope: str) -> Finding:
    """S=2, n=2, k=1: rigorous quadrature; for alpha = 1 the closed form, proved, has to lie in it."""
    from proofs.sub_ngrams.merged_limit import bigram_value

    details = {"lower": str(enclosure.lower), "upper": str(enclosure.upper)}
    consistent, found = True, f"lim M_{{0,0}}[0][0] = {float(enclosure.lower):.15g}"
    if settings.law.alpha == 1:
        closed = bigram_value()
        consistent = closed.identities.hold and closed.enclosure().overlaps(enclosure)
        found, details["closed form"] = f"lim M_{{0,0}}[0][0] = {closed} = {float(enclosure.lower):.10f}", str(closed)
    return decide(
        False,
        evidence=Evidence.ENCLOSURE,
        scope=scope,
        instances=1,
        found=found,
        predicted="not 0",
        counterexample=Counterexample(details, partial(is_nonzero_enclosure, enclosure, settings))
        if consistent
        else None,
        details=details,
        undecided="the closed form does not lie in the enclosure",
    )


def _trigram(settings: SubNGramSettings, points: int, scope: str) -> Finding:
    """S=2, n=3, k=2, alpha=1: rigorous quadrature of a quenched value that is proved for every kernel."""
    from proofs.sub_ngrams.merged_limit import trigram_enclosure, trigram_identity

    enclosure, identity = trigram_enclosure(), trigram_identity()
    details = {"lower": str(enclosure.lower), "upper": str(enclosure.upper)}
    return decide(
        False,
        evidence=Evidence.ENCLOSURE,
        scope=scope,
        instances=1,
        found=f"lim M_{{1,0}}[0][0] = {float(enclosure.lower):.12f}",
        predicted="not 0",
        counterexample=Counterexample(details, partial(is_nonzero_and_met, enclosure, settings, points))
        if identity.hold
        else None,
        details=details,
        undecided=f"the quenched value is another: {identity.counterexample}",
    )


def is_nonzero_and_met(enclosure: Enclosure, settings: SubNGramSettings, points: int) -> bool:
    """Whether the interval is free of 0 and holds what quadrature in floats gives of M_{1,0}[0][0]."""
    return enclosure.excludes_zero and _meets(enclosure, settings.law, settings.lag_set, 1, points, settings.seed)


def is_nonzero_enclosure(enclosure: Enclosure, settings: SubNGramSettings) -> bool:
    """Whether the interval is free of 0 and holds what quadrature in floats gives."""
    return enclosure.excludes_zero and quadrature_meets(enclosure, settings)


def _merged_at_full_context(settings: SubNGramSettings, run: Run) -> Finding:
    """With every lag in Lambda the prediction is the kernel itself, and every block of W vanishes."""
    from proofs.sub_ngrams import infinite_length as infinite

    S, n, lags, symbolic = settings.S, settings.n, settings.lag_set, generic_sizes(settings)
    seconds = elimination(S, n) + n * at_infinity(S, n, lags)
    kernels = chosen_kernels(settings, how_many(KERNELS, seconds, run))
    if not kernels:
        return too_dear(seconds, run, what=ONE_KERNEL, scope=f"S={S}, n={n}")

    def prove() -> list[Identities]:
        generic = [infinite.symbolic_kernel(S, n) for S, n, _ in symbolic]
        return [infinite.vanishing_blocks(kernel, lags) for kernel in (*generic, *kernels)]

    scope = f"{scope_of_kernels(settings, symbolic, kernels)}: p_theta is the kernel"
    certificate = Certificate(certified(settings, symbolic, kernels))
    return from_identities(prove, scope, evidence=evidence_of(symbolic), certificate=certificate)
