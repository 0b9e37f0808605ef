"""SN13 and SN14: every set of lags, and soft heads in the first layer."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from fractions import Fraction
from itertools import combinations

import torch

from numerics.device import resolve_device
from numerics.sub_ngrams.network import Network
from numerics.sub_ngrams.sampling import polya_urn
from numerics.threads import one_thread
from proofs.sub_ngrams import estimator
from proofs.sub_ngrams import infinite_length as infinite
from proofs.sub_ngrams.configuration import Configuration
from verify.claim import Certificate, Counterexample, Evidence, Finding, Run, Verdict, decide
from verify.claims.sub_ngrams.settings import SubNGramSettings, braces

KERNELS = 3  # rational kernels for every set of lags
MOST_SETS = 16  # sets of lags that are gone through
LENGTHS = (16, 64, 256)
SEQUENCES = 1000  # drawn at each length
FIXED = 50  # e^c_A of the control
NOISE = 4  # standard errors that a difference of means has to exceed


def every_lag_set(settings: SubNGramSettings, run: Run) -> Finding:
    """SN13: SN3, SN5 and SN6 for all subsets of {1..n-1}; SN3 is proved for all, the others on rational kernels."""
    S, n = settings.S, settings.n
    sets = [lags for size in range(n) for lags in combinations(range(1, n), size)][:MOST_SETS]
    rng = random.Random(settings.seed)
    kernels = [infinite.random_kernel(S, n, rng) for _ in range(KERNELS)]
    stationary = [infinite.stationary_point(kernel, lags) for lags in sets for kernel in kernels]
    degrees = [
        group.degree for lags in sets for group in infinite.decay(kernels[0], lags).values() if group.degree is not None
    ]
    return decide(
        estimator.bound_is_proved() and all(proof.hold for proof in stationary) and all(d <= -1 for d in degrees),
        evidence=Evidence.EXACT,
        scope=f"{len(sets)} sets of lags, {KERNELS} rational kernels, S={S}, n={n}",
        instances=sum(proof.checked for proof in stationary),
        found=f"{sum(proof.failed for proof in stationary)} residuals, q^{max(degrees, default='-oo')}",
        predicted="0, q^-1 or less",
        details={"sets of lags": [braces(lags) for lags in sets]},
        certificate=Certificate({"S": S, "n": n, "sets": sets, "kernels": kernels}),
    )


def growing_soft_heads(settings: SubNGramSettings, run: Run) -> Finding:
    """SN14: c_A = 2 log T."""
    return _soft_heads(settings, "2 log T", lambda T: T**2)


def fixed_soft_heads(settings: SubNGramSettings, run: Run) -> Finding:
    """SN14c, a control: c_A that does not grow."""
    return _soft_heads(settings, f"log {FIXED}", lambda T: FIXED)


def _soft_heads(settings: SubNGramSettings, name: str, r: Callable[[int], int]) -> Finding:
    """Lag weights r/(r+T-1), r = e^c_A, and the mean distance between the outputs of soft and hard network."""
    lengths = [T for T in LENGTHS if settings.n <= T] if settings.lag_set else []
    gaps = [output_gap(settings, T, math.log(r(T)), settings.seed) for T in lengths]
    weights = [Fraction(r(T), r(T) + T - 1) for T in lengths]

    if not gaps:
        return Finding(Verdict.UNDECIDED, "no lag is active, so no head is", found="no heads")

    def falls(gaps: list[tuple[float, float]]) -> bool:
        """Whether the last mean is below half of the first one, beyond the noise."""
        (first, first_error), (last, last_error) = gaps[0], gaps[-1]
        return last + NOISE * last_error < (first - NOISE * first_error) / 2

    def fails_again() -> bool:
        again = [output_gap(settings, T, math.log(r(T)), settings.seed + 1) for T in lengths]
        return not falls(again) and weights[-1] < weights[0]

    holds = falls(gaps)
    return decide(
        holds,
        evidence=Evidence.STATISTICAL,
        scope=f"c_A = {name}, T in {braces(lengths)}, q = 10, {SEQUENCES} sequences each",
        instances=len(gaps),
        found=" > ".join(f"{gap:.2g}" for gap, _ in gaps) if holds else ", ".join(f"{gap:.2g}" for gap, _ in gaps),
        predicted="gap -> 0" if r(10) != r(100) else "gap stays",
        counterexample=Counterexample({"T": lengths, "gaps": gaps, "lag weights": list(map(str, weights))}, fails_again)
        if not holds
        else None,
        details={"T": lengths, "mean |p_soft - p_hard|": gaps, "lag weight at T": [str(weight) for weight in weights]},
    )


@one_thread()
def output_gap(settings: SubNGramSettings, T: int, c_A: float, seed: int) -> tuple[float, float]:
    """Mean of sum_s |p_soft(s) - p_hard(s)| over drawn sequences, and its standard error."""
    law, configuration = settings.law, Configuration(settings.lag_set, Fraction(10))
    device = resolve_device(settings.device)
    x, _ = polya_urn(law, T, SEQUENCES, torch.Generator(device).manual_seed(seed))
    hard = Network.at_configuration(law, configuration, T, device=device)
    soft = Network.at_configuration(law, configuration, T, c_A=c_A, device=device)
    with torch.no_grad():
        gaps = torch.cat([(soft(part) - hard(part)).abs().sum(1) for part in torch.split(x, 100)])
    return float(gaps.mean()), float(gaps.std() / math.sqrt(len(gaps)))
