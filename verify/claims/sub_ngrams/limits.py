"""SN5 to SN9: where the gradient vanishes, how fast, and where it does not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.enumeration import enumeration
from proofs.sub_ngrams.score_blocks import ScoreBlocks, norm_errors, parameter_norms
from verify.claim import Counterexample, Evidence, Finding, Run, decide
from verify.claims.sub_ngrams.settings import SubNGramSettings
from verify.engines import choose_engine

ENUMERABLE = 1000  # sequences that a counterexample is checked on once more, one by one


def large_norm_suffices(settings: SubNGramSettings, run: Run) -> Finding:
    """SN8, a control: at fixed T the limit c -> infinity alone. One non-zero limit of a block refutes it."""
    law = settings.law
    T = max(settings.n, min(8, int(math.log(ENUMERABLE, settings.S) + 1e-9)))
    configuration = Configuration(settings.lag_set, math.inf)
    scope = f"S={settings.S}, n={settings.n}, T={T}, lags {{{','.join(map(str, settings.lag_set))}}}"
    if not settings.lag_set:
        norms = [parameter_norms(enumeration(law, at_q, T), at_q) for at_q in (Configuration((), q) for q in QS)]
        return decide(
            all(norm is not None and norm["total"] == 0 for norm in norms),
            evidence=Evidence.PROOF,
            scope=f"{scope}: Q = K = 0, a critical point of Q K^T",
            instances=len(norms),
            found="gradient 0",
            predicted="0 without lags",
        )
    M = choose_engine(law, configuration, T, exact=True).compute(law, configuration, T)
    visible = [(a, lag) for a in range(law.n) for lag in settings.lag_set]
    visible += [(lag - 1, b) for lag in settings.lag_set for b in range(law.n)]
    where = next(
        ((a, b, v, w) for a, b in visible for v in range(law.S) for w in range(law.S) if M[a, b][v][w] != 0), None
    )
    counterexample, found = None, "all limits 0"
    if where is not None:
        a, b, v, w = where
        limit = M[a, b][v][w]
        found = f"lim M_{{{a},{b}}}[{v}][{w}] = {limit}"
        counterexample = Counterexample(
            {"T": T, "block": [a, b], "entry": [v, w], "limit": str(limit)},
            lambda: enumeration(law, configuration, T)[a, b][v][w] == limit != 0,
        )
    return decide(
        where is None,
        evidence=Evidence.EXACT,
        scope=scope,
        instances=len(visible) * law.S**2,
        found=found,
        predicted="not 0",
        counterexample=counterexample,
    )


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
    """SN7: norms along c = log T on a ladder of lengths, each below the one before by more than the errors."""
    points = [_point(settings, T, run) for T in ladder(settings)]
    steps = list(pairwise(points))
    if not settings.lag_set:
        holds = all(point.norms["total"] == 0 for point in points)
        found = "0" if holds else f"{points[-1].norms['total']:.1e}"
    else:
        holds = all(after.high < before.low for before, after in steps)
        found = f"T^{exponent(*steps[-1])}" if steps else ""
    exact = all(point.errors["total"] == 0 for point in points)
    statistical = any(point.level is not None for point in points)
    return decide(
        holds,
        evidence=Evidence.EXACT if exact else Evidence.STATISTICAL if statistical else Evidence.NUMERIC,
        scope=f"T in {{{', '.join(f'{point.T:g}' for point in points)}}}, q = T",
        instances=len(steps),
        found=found,
        predicted="T^-1 log T" if settings.lag_set else "0",
        details={
            "points": [
                {"T": p.T, "norms": p.norms, "errors": p.errors, "engine": p.engine, "level": p.level} for p in points
            ]
        },
        footnote="gradient  " + " | ".join(f"T={p.T:g} {p.norms['total']:.2g}" for p in points) + "  along c = log T",
    )


def ladder(settings: SubNGramSettings) -> tuple[int, ...]:
    """The lengths of the user, or so many that the decay shows."""
    return tuple(sorted(settings.T)) if len(settings.T) > 1 else (8, 16, 512, 4096)


def _point(settings: SubNGramSettings, T: int, run: Run) -> Point:
    law, configuration = settings.law, Configuration(settings.lag_set, Fraction(T))
    engine = choose_engine(law, configuration, T, name=settings.engine)
    run.progress(f"T={T} by {engine.name}")
    M: ScoreBlocks = engine.compute(law, configuration, T, settings.options)
    norms, errors = parameter_norms(M, configuration), norm_errors(M, configuration)
    assert norms is not None
    return Point(T, norms, errors, engine.name, M.level)


def exponent(before: Point, after: Point) -> str:
    """log-log slope between two points with its error, as -0.97(2): the error in units of the last digit."""
    width = math.log(after.T / before.T)
    slope = math.log(after.norms["total"] / before.norms["total"]) / width
    error = (math.log(after.high / after.low) + math.log(before.high / before.low)) / 2 / width
    digits = max(0, min(6, -math.floor(math.log10(error)) if error > 0 else 6))
    return f"{slope:.{digits}f}({math.ceil(error * 10**digits)})" if error > 0 else f"{slope:.4f}"
