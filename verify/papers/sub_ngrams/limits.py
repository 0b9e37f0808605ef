"""SN5 to SN9: where the gradient vanishes, how fast, and where it does not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from proofs.identities import Identities
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.enumeration import enumeration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.score_blocks import ScoreBlocks, norm_errors, parameter_gradient, parameter_norms
from proofs.sub_ngrams.type_classes import type_classes
from verify.claim import (
    Certificate,
    Counterexample,
    Evidence,
    Finding,
    Origin,
    Plot,
    Run,
    claim,
    decide,
    from_identities,
    how_many,
    too_dear,
    undecided,
)
from verify.papers.sub_ngrams.engines import (
    ENGINES,
    PREFERENCE,
    Engine,
    Options,
    choose_engine,
    few_parameters,
    reached,
)
from verify.papers.sub_ngrams.identities import affordable
from verify.papers.sub_ngrams.kernels import (
    MOST_CONTEXTS,
    at_infinity,
    elimination,
    in_powers,
    quadrature,
    quadrature_points,
    rational_kernels,
)
from verify.papers.sub_ngrams.premises import control_unless_full_context, control_unless_no_lags
from verify.papers.sub_ngrams.settings import FEWEST_KERNELS, SubNGramSettings, braces
from verify.uncertain import with_error

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from proofs.sub_ngrams import infinite_length as infinite
    from proofs.sub_ngrams.annealed_limit import AnnealedBlock
    from proofs.sub_ngrams.merged_limit import Enclosure

SYMBOLIC = ((2, 1), (2, 2), (2, 3), (3, 1), (3, 2))  # (S, n) whose generic kernel is a matter of a second
KERNELS = 5  # random rational ones, where the generic kernel is out of reach and beside it
ONE_KERNEL = "the exact blocks of one rational kernel"
ENUMERABLE = 1000  # sequences that a counterexample is checked on once more, one by one


@claim(
    "SN5",
    "stationary at infinite length",
    requires=("SN2",),
    assumptions=("padded heads in the first layer", "T -> infinity before c -> infinity"),
    reference="mathematics/sub-n-grams/limits#sn5",
)
def stationary_at_infinite_length(settings: SubNGramSettings, run: Run) -> Finding:
    """At T = infinity and then c -> infinity, given a kernel with positive entries, every score block that the
    factorised gradient sees is 0.

    The generic kernel where (S, n) permits, random rational kernels of the size asked for in any case.
    """
    from proofs.sub_ngrams import infinite_length as infinite

    S, n, lags, symbolic = settings.S, settings.n, settings.lag_set, _generic_sizes(settings)
    seconds = elimination(S, n) + at_infinity(S, n, lags)
    kernels = _kernels(settings, how_many(KERNELS, seconds, run))
    if not kernels:
        return too_dear(seconds, run, what=ONE_KERNEL, scope=f"S={S}, n={n}")

    def prove() -> list[Identities]:
        generic = [infinite.symbolic_kernel(S, n) for S, n, _ in symbolic]
        return [infinite.stationary_point(kernel, lags) for kernel in (*generic, *kernels)]

    return from_identities(
        prove,
        _scope_of_kernels(settings, symbolic, kernels),
        evidence=_evidence(symbolic),
        certificate=Certificate(_chains(settings, symbolic, kernels)),
    )


@claim(
    "SN6",
    "scale at infinite length",
    requires=("SN2", "SN5"),
    reference="mathematics/sub-n-grams/limits#sn6",
)
def scale_at_infinite_length(settings: SubNGramSettings, run: Run) -> Finding:
    """At T = infinity, given a kernel with positive entries, the gradient in Q and K is O(sqrt(c) e^-c), and in V it is
    O(c e^-c).

    The degrees in q of all entries, down to -2.
    """
    from proofs.sub_ngrams import infinite_length as infinite

    S, n, lags, symbolic = settings.S, settings.n, settings.lag_set, _generic_sizes(settings)
    seconds = elimination(S, n) + in_powers(S, n, lags)
    kernels = _kernels(settings, how_many(KERNELS, seconds, run))
    if not kernels:
        return too_dear(seconds, run, what=ONE_KERNEL, scope=f"S={S}, n={n}")
    decays = [(infinite.symbolic_kernel(S, n), infinite.generic_decay(S, n, lags)) for S, n, lags in symbolic]
    decays += [(kernel, infinite.decay(kernel, lags)) for kernel in kernels]
    groups = [(kernel, name, group) for kernel, found in decays for name, group in found.items()]
    worst = {
        name: max((g.degree for _, other, g in groups if other == name and g.degree is not None), default=None)
        for name in "QKV"
    }
    slow = next(
        ((kernel, name, g.degree) for kernel, name, g in groups if g.degree is not None and g.degree > -1), None
    )
    return decide(
        slow is None,
        evidence=_evidence(symbolic),
        scope=_scope_of_kernels(settings, symbolic, kernels),
        instances=sum(max(1, group.entries) for _, _, group in groups),
        found="q^" + ", ".join(f"{'-oo' if d is None else d} ({name})" for name, d in worst.items()),
        predicted="q^-1 or less" if lags else "0 without lags",
        counterexample=None if slow is None else _too_slow(*slow, lags),
        details={"degree in q": worst},
        certificate=Certificate(_chains(settings, symbolic, kernels)),
        undecided="the degree of no entry is above -1, and yet not all are -1 or less",
    )


def _too_slow(kernel: infinite.Kernel, group: str, degree: int, lags: tuple[int, ...]) -> Counterexample:
    values = {"kernel": [[str(x) for x in row] for row in kernel], "group": group, "degree": degree}
    return Counterexample(values, partial(survives_infinite_norm, kernel, lags))


def survives_infinite_norm(kernel: infinite.Kernel, lags: tuple[int, ...]) -> bool:
    """Whether an entry of the gradient is not 0 at q = infinity, as one is that does not fall like 1/q."""
    from proofs.sub_ngrams import infinite_length as infinite

    return infinite.stationary_point(kernel, lags).failed > 0


def _generic_sizes(settings: SubNGramSettings) -> list[tuple[int, int, tuple[int, ...]]]:
    """(S, n, lags) of the settings if the generic kernel of that size is affordable."""
    return [(settings.S, settings.n, settings.lag_set)] if (settings.S, settings.n) in SYMBOLIC else []


def _kernels(settings: SubNGramSettings, count: int) -> list[list[list[Fraction]]]:
    return rational_kernels(settings.S, settings.n, count, settings.seed)


def _evidence(symbolic: Sequence[object]) -> Evidence:
    return Evidence.PROOF if symbolic else Evidence.EXACT


def _chains(settings: SubNGramSettings, symbolic: Sequence[object], kernels: Sequence[object]) -> dict[str, Any]:
    """The parameters of a certificate about chains of infinite length."""
    which = "every positive kernel" if symbolic else kernels
    return {"S": settings.S, "n": settings.n, "lags": settings.lag_set, "kernels": which}


def _scope_of_kernels(settings: SubNGramSettings, symbolic: Sequence[object], kernels: Sequence[object]) -> str:
    which = "every positive kernel" if symbolic else f"{len(kernels)} random rational kernel{'s' * (len(kernels) > 1)}"
    return f"{which}, S={settings.S}, n={settings.n}, lags {braces(settings.lag_set)}"


@claim(
    "SN8",
    "c -> infinity at fixed T (control)",
    requires=("SN2",),
    expected=control_unless_no_lags,
    origin=Origin.CONTROL,
    reference="mathematics/sub-n-grams/limits#sn8",
)
def large_norm_suffices(settings: SubNGramSettings, run: Run) -> Finding:
    """At fixed T the factorised population gradient tends to 0 as c -> infinity.

    One non-zero limit of a block refutes it.
    """
    if not settings.lag_set:
        return _critical_without_lags(settings)
    law, configuration = settings.law, Configuration(settings.lag_set, math.inf)
    streams = (0, *configuration.active_heads)
    visible = [(a, lag) for a in streams for lag in settings.lag_set]
    visible += [(lag - 1, b) for lag in settings.lag_set for b in streams]
    where, shortest = None, max(settings.n, min(8, settings.enumerable_length(ENUMERABLE)))
    for T in (shortest, shortest + 1):  # of many tokens, the first sequences are too short to repeat any
        if not reached(law, configuration, T, exact=True):
            return undecided(f"no exact engine reaches S={law.S}, n={law.n}, T={T}")
        engine = choose_engine(law, configuration, T, exact=True)
        seconds = sum(e.seconds(law, configuration, T, Options()) for e in (engine, ENGINES["enumeration"]))
        if seconds > run.seconds:
            return too_dear(seconds, run, what=f"all sequences of T={T}, by two engines", scope=f"S={law.S}, n={law.n}")
        M = engine.compute(law, configuration, T)
        where = next(
            ((a, b, v, w) for a, b in visible for v in range(law.S) for w in range(law.S) if M[a, b][v][w] != 0), None
        )
        if where is not None:
            break
    counterexample, certificate, found = None, None, "all limits 0"
    if where is not None:
        a, b, v, w = where
        limit = Fraction(M[a, b][v][w])
        found = f"lim M_{{{a},{b}}}[{v}][{w}] = {limit}"
        counterexample = Counterexample(
            {"T": T, "block": [a, b], "entry": [v, w], "limit": str(limit)},
            partial(is_nonzero_limit, law, configuration, T, where, limit),
        )
        certificate = Certificate(
            {"S": law.S, "n": law.n, "T": T, "lags": settings.lag_set, "alpha": law.alpha, "initial": law.initial},
            {"a": a, "b": b, "query token": v, "key token": w, "limit": limit},
        )
    return decide(
        where is None,
        evidence=Evidence.EXACT,
        scope=f"padded heads; S={law.S}, n={law.n}, T={T}, alpha={law.alpha}, lags {braces(settings.lag_set)}",
        instances=len(visible) * law.S**2,
        found=found,
        predicted="not 0",
        counterexample=counterexample,
        certificate=certificate,
        undecided="a limit was not computed",
    )


def is_nonzero_limit(
    law: NGramLaw, configuration: Configuration, T: int, where: tuple[int, int, int, int], limit: Fraction
) -> bool:
    """Whether this is the entry's limit as c -> infinity, sequence by sequence, and not 0."""
    a, b, v, w = where
    return enumeration(law, configuration, T)[a, b][v][w] == limit != 0


def _critical_without_lags(settings: SubNGramSettings) -> Finding:
    """SN7 and SN8 without lags: nothing of Q, K, V is switched on, and the literal network's derivatives are all 0."""
    from proofs.sub_ngrams import derivation

    S, n, T, _ = affordable(settings)
    return from_identities(
        lambda: [derivation.chain_rule(S, n, T, ())],
        f"no lags, padded heads; all c, P; S={S}, n={n}, T={T}, every sequence",
        certificate=Certificate({"S": S, "n": n, "T": T, "lags": []}),
    )


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


def draw_gradient_decay(axes: Axes, details: Mapping[str, Any]) -> str:
    from verify.papers.sub_ngrams.gradient.norms import NormPoint
    from verify.papers.sub_ngrams.gradient.plot import draw_decay  # matplotlib

    points = [NormPoint(p["T"], math.log(p["T"]), p["norms"]["total"], p["errors"]["total"]) for p in details["points"]]
    draw_decay(axes, {"all parameters": points})
    return "Norm of the population gradient along c = log T, with its error bars, beside the predicted slope −1."


@claim(
    "SN7",
    "gradient falls along c = log T",
    requires=("SN0", "SN2"),
    assumptions=("padded heads in the first layer",),
    reference="mathematics/sub-n-grams/limits#sn7",
    plot=Plot(("points",), draw_gradient_decay),
)
def gradient_vanishes(settings: SubNGramSettings, run: Run) -> Finding:
    """Along c = log T the whole factorised population gradient tends to 0 as T grows. Decided is that upper bounds of
    its norm fall from each length in the scope to the next, the last below the first norm; and without lags that it is
    0.

    Along c = log T upper bounds of the norm fall from length to length, the last below the first norm.
    """
    if not settings.lag_set:
        return _critical_without_lags(settings)
    plan = _plan(settings, run)
    unreached = [T for T, engine in plan if engine is None]
    if unreached or len(plan) < 2:
        where = f"T={unreached[0]}" if unreached else "two lengths"
        return undecided(f"no engine reaches {where} in seconds", scope=f"S={settings.S}, n={settings.n}")
    points = [_point(settings, T, engine, run) for T, engine in plan if engine is not None]
    steps = list(pairwise(points))
    rising = [f"from T={before.T:g} to {after.T:g}" for before, after in steps if not after.high < before.high]
    if not points[-1].high < points[0].low:
        rising.append(f"from T={points[0].T:g} to {points[-1].T:g}")
    lengths = ", ".join(f"{point.T:g}" for point in points)
    statistical = any(point.level is not None for point in points)
    return decide(
        not rising,
        evidence=Evidence.STATISTICAL if statistical else Evidence.NUMERIC,
        scope=f"padded heads; S={settings.S}, n={settings.n}, alpha={settings.alpha}, initial {settings.initial}, "
        f"lags {braces(settings.lag_set)}; T in {{{lengths}}}, q = T",
        instances=len(steps),
        found=decay(points) if steps else "",
        predicted="falls",
        details={
            "points": [
                {"T": p.T, "norms": p.norms, "errors": p.errors, "engine": p.engine, "level": p.level} for p in points
            ],
            "faster paths": faster_paths(settings),
        },
        footnote="gradient  " + " | ".join(f"T={p.T:g} {p.norms['total']:.2g}" for p in points) + "  along c = log T",
        undecided=f"the norm does not fall beyond its errors {' and '.join(dict.fromkeys(rising))}: at longer T, or "
        "with a smaller tolerance=, it may",
    )


def ladder(settings: SubNGramSettings) -> tuple[int, ...]:
    """The lengths of the user, a single one with the longest below it that is exact in a second (or, if it is short,
    above it); else the longest that is, and far ones by the transfer engine.

    Not many short ones: there the norm still rises with T, as q = T does.
    """
    if len(settings.T) > 1:
        return tuple(sorted(settings.T))
    start = max(4, settings.n + 1)
    exact = [T for T in (start * 2**i for i in range(8)) if _few_classes(settings.law, T)]
    far = [10**3, 10**6] if _quick(settings) else [10**3]
    if settings.T:
        (T,) = settings.T
        other = [shorter for shorter in exact if shorter < T] or exact
        return tuple(sorted({T, *other[-1:]}))
    if settings.engine not in ("auto", "transfer"):
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
MOMENT = 2.0  # seconds of type_classes


def _quick(settings: SubNGramSettings) -> bool:
    return ENGINES["transfer"].work(settings.law, Configuration((), math.inf), 10**3) <= QUICK


def _few_classes(law: NGramLaw, T: int) -> bool:
    return ENGINES["type_classes"].seconds(law, Configuration((), math.inf), T, Options()) <= MOMENT


def _plan(settings: SubNGramSettings, run: Run) -> list[tuple[int, Engine | None]]:
    """Lengths, with the engine for each. If they are too many for the time, some of them, evenly chosen, the first and
    the last among them; None where no engine answers in a third of the time.
    """
    options = settings.options

    def at(T: int) -> tuple[Engine | None, float]:
        law, configuration = settings.law, Configuration(settings.lag_set, Fraction(T))
        names = PREFERENCE if settings.engine == "auto" else (settings.engine,)
        for engine in (ENGINES[name] for name in names):
            seconds = engine.seconds(law, configuration, T, options)
            if engine.obstacle(law, configuration, T) is None and seconds <= run.seconds / 3:
                return engine, seconds
        return None, 0.0

    lengths = ladder(settings)
    plan = {T: at(T) for T in lengths}
    total = sum(seconds for _, seconds in plan.values())
    if total > run.seconds:
        most = max(2, int(len(lengths) * run.seconds / total))
        lengths = tuple(lengths[i * (len(lengths) - 1) // (most - 1)] for i in range(most))
    return [(T, plan[T][0]) for T in lengths]


def _point(settings: SubNGramSettings, T: int, engine: Engine, run: Run) -> Point:
    law, configuration = settings.law, Configuration(settings.lag_set, Fraction(T))
    run.progress(f"T={T} by {engine.name}")
    # norms fall like 1/T; where that precision is dear, an upper bound of this order will do
    tolerance = settings.tolerance or (0.1 / T if _quick(settings) else 1 / T)
    usual = 0.5 if few_parameters(law) else 0.0
    minutes = min(settings.minutes, max(usual, run.seconds / 60))
    options = replace(settings.options, tolerance=tolerance, minutes=minutes)
    M: ScoreBlocks = engine.compute(law, configuration, T, options)
    norms, errors = parameter_norms(M, configuration), norm_errors(M, configuration)
    assert norms is not None  # q is finite
    assert errors is not None
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


@claim(
    "SN9",
    "merged parametrisation (control)",
    requires=("SN1",),
    expected=control_unless_full_context,
    origin=Origin.CONTROL,
    reference="mathematics/sub-n-grams/limits#sn9",
)
def merged_is_stationary(settings: SubNGramSettings, run: Run) -> Finding:
    """With W = QK^T itself as the parameter, the population gradient tends to 0 as T -> infinity, then c -> infinity.

    The block of the first query lag that the attention does not read, at key lag 0, survives.
    """
    if settings.full_context:
        return _merged_at_full_context(settings, run)
    a = next(a for a in range(settings.n) if a + 1 not in settings.lag_set)
    scope = f"T -> inf, then c -> inf; M_{{{a},0}}[0][0], S={settings.S}, n={settings.n}, alpha={settings.alpha}"
    enclosure = _enclosure(settings.alpha)
    if enclosure is not None and (settings.S, settings.n) == (2, 2):
        return _bigram(settings, enclosure, scope)
    points = quadrature_points(settings, run.seconds / 2)  # it is taken twice
    if not points:
        if settings.S ** (settings.n - 1) > MOST_CONTEXTS:
            return undecided(f"means over kernels with more than {MOST_CONTEXTS} contexts do not fit into memory")
        seconds = 2 * quadrature(settings.S, settings.n, FEWEST_KERNELS)
        return too_dear(seconds, run, what=f"means over {FEWEST_KERNELS} kernels", scope=scope)
    first = _annealed(settings.law, settings.lag_set, a, points, settings.seed)
    value, error = first.block[0][0], first.errors[0][0]
    trusted = quadrature_meets(enclosure, settings)
    return decide(
        False,
        evidence=Evidence.NUMERIC if first.level is None else Evidence.STATISTICAL,
        scope=scope,
        instances=1,
        found=with_error(value, error),
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
    mean = _annealed(NGramLaw(2, 2, settings.alpha), (), 0, settings.quadrature_points(), settings.seed)
    value, error = Fraction(mean.block[0][0]), Fraction(mean.errors[0][0])
    return enclosure.lower - error <= value <= enclosure.upper + error


def _annealed(law: NGramLaw, lags: tuple[int, ...], a: int, points: int, seed: int) -> AnnealedBlock:
    from proofs.sub_ngrams.annealed_limit import annealed_block

    return annealed_block(law, lags, a, 0, points=points, seed=seed)


def _bigram(settings: SubNGramSettings, enclosure: Enclosure, scope: str) -> Finding:
    """S=2, n=2, k=1: rigorous quadrature; for alpha = 1 the closed form, proved, has to lie in it."""
    from proofs.sub_ngrams.merged_limit import bigram_value

    details = {"lower": str(enclosure.lower), "upper": str(enclosure.upper)}
    consistent, found = True, f"{float(enclosure.lower):.15g}"
    if settings.alpha == 1:
        closed = bigram_value()
        consistent = closed.identities.hold and closed.enclosure().overlaps(enclosure)
        found, details["closed form"] = f"{closed} = {float(enclosure.lower):.10f}", str(closed)
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


def is_nonzero_enclosure(enclosure: Enclosure, settings: SubNGramSettings) -> bool:
    """Whether the interval is free of 0 and holds what quadrature in floats gives."""
    return enclosure.excludes_zero and quadrature_meets(enclosure, settings)


def _merged_at_full_context(settings: SubNGramSettings, run: Run) -> Finding:
    """With every lag in Lambda the prediction is the kernel itself, and every block of W vanishes."""
    from proofs.sub_ngrams import infinite_length as infinite

    S, n, lags, symbolic = settings.S, settings.n, settings.lag_set, _generic_sizes(settings)
    seconds = elimination(S, n) + n * at_infinity(S, n, lags)
    kernels = _kernels(settings, how_many(KERNELS, seconds, run))
    if not kernels:
        return too_dear(seconds, run, what=ONE_KERNEL, scope=f"S={S}, n={n}")

    def prove() -> list[Identities]:
        generic = [infinite.symbolic_kernel(S, n) for S, n, _ in symbolic]
        return [infinite.vanishing_blocks(kernel, lags) for kernel in (*generic, *kernels)]

    scope = f"{_scope_of_kernels(settings, symbolic, kernels)}: p_theta is the kernel"
    certificate = Certificate(_chains(settings, symbolic, kernels))
    return from_identities(prove, scope, evidence=_evidence(symbolic), certificate=certificate)
