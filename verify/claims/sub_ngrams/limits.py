"""SN5 to SN9: where the gradient vanishes, how fast, and where it does not."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

from proofs.identities import Identities
from proofs.sub_ngrams import infinite_length as infinite
from proofs.sub_ngrams.annealed_limit import AnnealedBlock, annealed_block
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.enumeration import enumeration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.merged_limit import bigram_enclosure, bigram_value
from proofs.sub_ngrams.score_blocks import ScoreBlocks, norm_errors, parameter_gradient, parameter_norms
from proofs.sub_ngrams.type_classes import type_classes
from verify.claim import Certificate, Counterexample, Evidence, Finding, Run, decide, from_identities
from verify.claims.sub_ngrams.settings import SubNGramSettings, braces
from verify.engines import ENGINES, choose_engine
from verify.uncertain import with_error

SYMBOLIC = ((2, 1), (2, 2), (2, 3), (3, 1), (3, 2))  # (S, n) whose generic kernel is a matter of a second
KERNELS = 5  # random rational ones, where the generic kernel is out of reach and beside it
ENUMERABLE = 1000  # sequences that a counterexample is checked on once more, one by one


def stationary_at_infinite_length(settings: SubNGramSettings, run: Run) -> Finding:
    """SN5: the generic kernel where (S, n) permits, random rational kernels of the size asked for in any case."""
    symbolic = _generic_sizes(settings)

    def prove() -> list[Identities]:
        return [infinite.stationary_point(infinite.symbolic_kernel(S, n), lags) for S, n, lags in symbolic] + [
            infinite.stationary_point(kernel, settings.lag_set) for kernel in _kernels(settings)
        ]

    return from_identities(
        prove,
        _scope_of_kernels(settings, symbolic),
        evidence=_evidence(symbolic),
        certificate=Certificate(_chains(settings, symbolic)),
    )


def scale_at_infinite_length(settings: SubNGramSettings, run: Run) -> Finding:
    """SN6: exact degrees in q of all entries, as rational functions of q."""
    symbolic = _generic_sizes(settings)
    decays = [infinite.generic_decay(S, n, lags) for S, n, lags in symbolic]
    decays += [infinite.decay(kernel, settings.lag_set) for kernel in _kernels(settings)]
    groups = [(name, group.degree) for decay in decays for name, group in decay.items()]
    worst = {name: max((d for other, d in groups if other == name and d is not None), default=None) for name in "QKV"}
    return decide(
        all(degree is None or degree <= -1 for _, degree in groups),
        evidence=_evidence(symbolic),
        scope=_scope_of_kernels(settings, symbolic),
        instances=sum(max(1, group.entries) for decay in decays for group in decay.values()),
        found="q^" + ", ".join(f"{'-oo' if d is None else d} ({name})" for name, d in worst.items()),
        predicted="q^-1 or less" if settings.lag_set else "0 without lags",
        details={"degree in q": worst},
        certificate=Certificate(_chains(settings, symbolic)),
    )


def _generic_sizes(settings: SubNGramSettings) -> list[tuple[int, int, tuple[int, ...]]]:
    """(S, n, lags) of the settings if the generic kernel of that size is affordable."""
    return [(settings.S, settings.n, settings.lag_set)] if (settings.S, settings.n) in SYMBOLIC else []


def _kernels(settings: SubNGramSettings) -> list[list[list[Fraction]]]:
    rng = random.Random(settings.seed)
    return [infinite.random_kernel(settings.S, settings.n, rng) for _ in range(KERNELS)]


def _evidence(symbolic: Sequence[object]) -> Evidence:
    return Evidence.PROOF if symbolic else Evidence.EXACT


def _chains(settings: SubNGramSettings, symbolic: Sequence[object]) -> dict[str, Any]:
    """The parameters of a certificate about chains of infinite length."""
    kernels = "every positive kernel" if symbolic else _kernels(settings)
    return {"S": settings.S, "n": settings.n, "lags": settings.lag_set, "kernels": kernels}


def _scope_of_kernels(settings: SubNGramSettings, symbolic: Sequence[object]) -> str:
    kernels = "every positive kernel" if symbolic else f"{KERNELS} random rational kernels"
    return f"{kernels}, S={settings.S}, n={settings.n}, lags {braces(settings.lag_set)}"


def large_norm_suffices(settings: SubNGramSettings, run: Run) -> Finding:
    """SN8, a control: at fixed T the limit c -> infinity alone. One non-zero limit of a block refutes it."""
    law = settings.law
    T = max(settings.n, min(8, settings.enumerable_length(ENUMERABLE)))
    configuration = Configuration(settings.lag_set, math.inf)
    scope = f"S={settings.S}, n={settings.n}, T={T}, lags {braces(settings.lag_set)}"
    if not settings.lag_set:
        norms = [parameter_norms(enumeration(law, at_q, T), at_q) for at_q in (Configuration((), q) for q in QS)]
        return decide(
            all(norm is not None and norm["total"] == 0 for norm in norms),
            evidence=Evidence.PROOF,
            scope=f"{scope}: Q = K = 0, a critical point of Q K^T",
            instances=len(norms),
            found="gradient 0",
            predicted="0 without lags",
            certificate=without_lags(settings),
        )
    M = choose_engine(law, configuration, T, exact=True).compute(law, configuration, T)
    streams = (0, *configuration.active_heads)
    visible = [(a, lag) for a in streams for lag in settings.lag_set]
    visible += [(lag - 1, b) for lag in settings.lag_set for b in streams]
    where = next(
        ((a, b, v, w) for a, b in visible for v in range(law.S) for w in range(law.S) if M[a, b][v][w] != 0), None
    )
    counterexample, certificate, found = None, None, "all limits 0"
    if where is not None:
        a, b, v, w = where
        limit = M[a, b][v][w]
        found = f"lim M_{{{a},{b}}}[{v}][{w}] = {limit}"
        counterexample = Counterexample(
            {"T": T, "block": [a, b], "entry": [v, w], "limit": str(limit)},
            lambda: enumeration(law, configuration, T)[a, b][v][w] == limit != 0,
        )
        certificate = Certificate(
            {"S": law.S, "n": law.n, "T": T, "lags": settings.lag_set, "alpha": law.alpha, "initial": law.initial},
            {"a": a, "b": b, "query token": v, "key token": w, "limit": limit},
        )
    return decide(
        where is None,
        evidence=Evidence.EXACT,
        scope=scope,
        instances=len(visible) * law.S**2,
        found=found,
        predicted="not 0",
        counterexample=counterexample,
        certificate=certificate,
    )


def without_lags(settings: SubNGramSettings) -> Certificate:
    """Nothing of Q, K, V is switched on: every derivative is 0 at every length."""
    return Certificate({"S": settings.S, "n": settings.n, "T": settings.n + 1, "lags": []})


QS = (Fraction(2), Fraction(10), Fraction(1000))


@dataclass(frozen=True)
class Point:
    """The norm of the whole factorised gradient at length T and q = T, that is c = log T."""

    T: int
    norms: dict[str, float]
    errors: dict[str, float]
    engine: str
    level: float | None

    @property
    def low(self) -> float:
        return self.norms["total"] - self.errors["total"]

    @property
    def high(self) -> float:
        return self.norms["total"] + self.errors["total"]


def gradient_vanishes(settings: SubNGramSettings, run: Run) -> Finding:
    """SN7: along c = log T upper bounds of the norm fall from length to length, the last below the first norm."""
    points = [_point(settings, T, run) for T in ladder(settings)]
    steps = list(pairwise(points))
    if not settings.lag_set:
        holds = all(point.norms["total"] == 0 for point in points)
        found = "0" if holds else f"{points[-1].norms['total']:.1e}"
    else:
        falling = all(after.high < before.high for before, after in steps)
        holds = falling and points[-1].high < points[0].low
        found = decay(points) if steps else ""
    exact = not settings.lag_set and all(point.errors["total"] == 0 for point in points)  # else sqrt(c) is a float
    statistical = any(point.level is not None for point in points)
    return decide(
        holds,
        evidence=Evidence.EXACT if exact else Evidence.STATISTICAL if statistical else Evidence.NUMERIC,
        scope=f"T in {{{', '.join(f'{point.T:g}' for point in points)}}}, q = T",
        instances=len(steps),
        found=found,
        predicted="T^-1 or faster" if settings.lag_set else "0",
        certificate=None if settings.lag_set else without_lags(settings),
        details={
            "points": [
                {"T": p.T, "norms": p.norms, "errors": p.errors, "engine": p.engine, "level": p.level} for p in points
            ],
            "faster paths": faster_paths(settings),
        },
        footnote="gradient  " + " | ".join(f"T={p.T:g} {p.norms['total']:.2g}" for p in points) + "  along c = log T",
    )


def ladder(settings: SubNGramSettings) -> tuple[int, ...]:
    """The lengths of the user; or the longest that is exact in a second, and far ones by the transfer engine.

    Not many short ones: there the norm still rises with T, as q = T does.
    """
    if len(settings.T) > 1:
        return tuple(sorted(settings.T))
    start = max(4, settings.n + 1)
    exact = [T for T in (start * 2**i for i in range(8)) if _few_classes(settings.law, T)]
    far = [10**3, 10**6] if _quick(settings) else [10**3]
    if not settings.lag_set or settings.engine not in ("auto", "transfer"):
        return tuple(exact[-3:])
    return (*exact[-1:], *far)


def faster_paths(settings: SubNGramSettings) -> dict[str, dict[str, float]]:
    """The total norm at c = T and c = T^2, by T: exact score blocks of q = inf, off by T e^-c at most.

    Beside K_0, which is O(sqrt(c)/T), stands V: c M with M ~ T^-(1+alpha) log T at q = inf, from sequences in which a
    token never follows the final context. So along c = T the norm still falls, along c = T^2 it does not (alpha <= 1).
    """
    configuration = Configuration(settings.lag_set, math.inf)
    lengths = [T for T in (6, 12, 18) if settings.n < T and _few_classes(settings.law, T)]
    gradients = {T: parameter_gradient(type_classes(settings.law, configuration, T), configuration) for T in lengths}
    return {
        f"c = T^{power}": {str(T): gradient.norms(T**power)["total"] for T, gradient in gradients.items()}
        for power in (1, 2)
    }


QUICK = 10.0  # seconds of the transfer engine at its own tolerance
FEW_CLASSES = 25_000  # which type_classes goes through in a second


def _quick(settings: SubNGramSettings) -> bool:
    return ENGINES["transfer"].work(settings.law, Configuration((), math.inf), 10**3) <= QUICK


def _few_classes(law: NGramLaw, T: int) -> bool:
    return ENGINES["type_classes"].work(law, Configuration((), math.inf), T) <= FEW_CLASSES


def _point(settings: SubNGramSettings, T: int, run: Run) -> Point:
    law, configuration = settings.law, Configuration(settings.lag_set, Fraction(T))
    engine = choose_engine(law, configuration, T, name=settings.engine)
    run.progress(f"T={T} by {engine.name}")
    # norms fall like 1/T; where that precision is dear, an upper bound of this order will do
    tolerance = settings.tolerance or (0.1 / T if _quick(settings) else 1 / T)
    options = replace(settings.options, tolerance=tolerance)
    M: ScoreBlocks = engine.compute(law, configuration, T, options)
    norms, errors = parameter_norms(M, configuration), norm_errors(M, configuration)
    assert norms is not None
    return Point(T, norms, errors, engine.name, M.level)


def decay(points: Sequence[Point]) -> str:
    """The log-log slope of the last step with its error, as T^-0.97(2); where that is lost in the errors, a bound."""
    before, after = points[-2], points[-1]
    width = math.log(after.T / before.T)
    if min(before.low, after.low) > 0:
        slope = math.log(after.norms["total"] / before.norms["total"]) / width
        error = (math.log(after.high / after.low) + math.log(before.high / before.low)) / 2 / width
        if error < 1:
            return f"T^{slope:.3f}" if error < 1e-4 else f"T^{with_error(slope, error)}"
    first = points[0]
    if not first.low > 0:
        return "no slope"
    return f"below T^{math.log(after.high / first.low) / math.log(after.T / first.T):.2f}"


def merged_is_stationary(settings: SubNGramSettings, run: Run) -> Finding:
    """SN9, a control: the block of the first query lag that the attention does not read, at key lag 0, survives."""
    if settings.full_context:
        return _merged_at_full_context(settings)
    a = next(a for a in range(settings.n) if a + 1 not in settings.lag_set)
    scope = f"T -> inf, then c -> inf; M_{{{a},0}}[0][0], S={settings.S}, n={settings.n}, alpha={settings.alpha}"
    if (settings.S, settings.n) == (2, 2):
        return _bigram(settings, scope)
    first = _annealed(settings, a, seed=settings.seed)
    value, error = first.block[0][0], first.errors[0][0]

    def nonzero_again() -> bool:
        again = _annealed(settings, a, seed=settings.seed + 1, fewer=4)
        agree = abs(again.block[0][0] - value) <= again.errors[0][0] + error
        return agree and abs(again.block[0][0]) > again.errors[0][0]

    nonzero = abs(value) > error
    return decide(
        False,
        evidence=Evidence.NUMERIC if first.level is None else Evidence.STATISTICAL,
        scope=scope,
        instances=1,
        found=with_error(value, error),
        predicted="not 0",
        counterexample=Counterexample({"block": [a, 0], "value": value, "error": error}, nonzero_again)
        if nonzero
        else None,
        details={"value": value, "error": error, "method": first.method, "level": first.level, "kernels": first.points},
    )


def _annealed(settings: SubNGramSettings, a: int, seed: int, fewer: int = 1) -> AnnealedBlock:
    points = settings.quadrature_points() // fewer
    return annealed_block(settings.law, settings.lag_set, a, 0, points=points, seed=seed)


def _bigram(settings: SubNGramSettings, scope: str) -> Finding:
    """S=2, n=2, k=1: rigorous quadrature; for alpha = 1 the closed form, proved, has to lie in it."""
    enclosure = bigram_enclosure(settings.alpha)
    details = {"lower": str(enclosure.lower), "upper": str(enclosure.upper)}
    consistent, found = True, f"{float(enclosure.lower):.15g}"
    if settings.alpha == 1:
        closed = bigram_value()
        consistent = closed.identities.hold and closed.enclosure().overlaps(enclosure)
        found, details["closed form"] = f"{closed} = {float(enclosure.lower):.10f}", str(closed)
    survives = consistent and enclosure.excludes_zero
    return decide(
        False,
        evidence=Evidence.ENCLOSURE,
        scope=scope,
        instances=1,
        found=found,
        predicted="not 0",
        counterexample=Counterexample(details, lambda: bigram_enclosure(settings.alpha, bits=96).excludes_zero)
        if survives
        else None,
        details=details,
    )


def _merged_at_full_context(settings: SubNGramSettings) -> Finding:
    """With every lag in Lambda the prediction is the kernel itself, and every block of W vanishes."""
    symbolic = _generic_sizes(settings)

    def prove() -> list[Identities]:
        kernels = [infinite.symbolic_kernel(S, n) for S, n, _ in symbolic] + _kernels(settings)
        return [infinite.vanishing_blocks(kernel, settings.lag_set) for kernel in kernels]

    scope = f"{_scope_of_kernels(settings, symbolic)}: p_theta is the kernel"
    certificate = Certificate(_chains(settings, symbolic))
    return from_identities(prove, scope, evidence=_evidence(symbolic), certificate=certificate)
