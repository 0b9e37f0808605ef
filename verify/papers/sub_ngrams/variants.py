"""SN13 and SN14: other sets of lags, and soft heads in the first layer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import partial
from itertools import combinations, islice, pairwise
from typing import TYPE_CHECKING, Any

from numerics.threads import one_thread
from proofs.sub_ngrams.configuration import Configuration
from verify.claim import (
    SHARE,
    Certificate,
    Counterexample,
    Evidence,
    Finding,
    Origin,
    Plot,
    Run,
    claims_on,
    decide,
    how_many,
    too_dear,
    undecided,
)
from verify.papers.sub_ngrams.kernels import at_infinity, chosen_kernels, elimination, in_powers, in_words
from verify.papers.sub_ngrams.premises import first_of, kernel_with_a_zero, no_heads, other_law
from verify.papers.sub_ngrams.settings import SubNGramSettings, braces

if TYPE_CHECKING:
    from matplotlib.axes import Axes

claim = claims_on("mathematics/sub-n-grams/configuration")

KERNELS = 3  # rational kernels for every set of lags
MOST_SETS = 64  # sets of lags that are gone through
LENGTHS = (16, 64, 256)
SEQUENCES = 1000  # drawn at each length
GRADIENTS = 200  # of which so many are differentiated in A
FIXED = 50  # e^c_A of the control
LARGEST_LAW = 2**15  # n-grams: a quarter of a gigabyte of urns
NOISE = 4  # standard errors that a difference of means has to exceed


@claim(
    "SN13",
    "other sets of lags",
    requires=("SN2", "SN3"),
    assumptions=("padded heads in the first layer", "T -> infinity before c -> infinity"),
    vacuous=kernel_with_a_zero,
)
def every_lag_set(settings: SubNGramSettings, run: Run) -> Finding:
    """SN3 holds for every set of lags, SN5 and SN6 for those in the scope, not only for contiguous ones.

    SN3, SN5 and SN6 for subsets of {1..n-1}; SN3 is proved for all, the others on rational kernels, or that of a file.
    """
    from proofs.sub_ngrams import estimator
    from proofs.sub_ngrams import infinite_length as infinite

    S, n = settings.S, settings.n
    sets, seconds = affordable_sets(S, n, run)
    if not sets:
        return too_dear(seconds, run, what="the exact blocks of one rational kernel", scope=f"S={S}, n={n}")
    kernels = chosen_kernels(settings, how_many(KERNELS, seconds, run))
    pairs = [(kernel, lags) for lags in sets for kernel in kernels]
    stationary = [infinite.stationary_point(kernel, lags) for kernel, lags in pairs]
    degrees = [highest_degree(kernel, lags) for kernel, lags in pairs]
    results = zip(pairs, stationary, degrees, strict=True)
    stays = next((pair for pair, proof, degree in results if proof.failed or degree > -1), None)
    largest = max(degrees)
    return decide(
        estimator.bound_is_proved() and stays is None,
        evidence=Evidence.EXACT,
        scope="SN3: padded heads, every set of lags; "
        f"SN5, SN6: {len(sets)} of {2 ** (n - 1)} sets, {in_words(settings, len(kernels))}, S={S}, n={n}",
        instances=sum(proof.checked for proof in stationary),
        found=f"{sum(proof.failed for proof in stationary)} residuals of SN5; SN6: "
        + ("0" if largest == -math.inf else f"q^{largest}"),
        predicted="0; q^-1 or less",
        counterexample=None
        if stays is None
        else Counterexample(
            {"kernel": stays[0], "lags": stays[1]},
            partial(gradient_stays, *stays),
        ),
        details={"sets of lags": [braces(lags) for lags in sets]},
        certificate=Certificate({"S": S, "n": n, "sets": sets, "kernels": kernels}),
        undecided="a step in the proof of SN3 does not hold",
    )


def affordable_sets(S: int, n: int, run: Run) -> tuple[list[tuple[int, ...]], float]:
    """Sets of lags, the smaller first, that leave time for one kernel, and the seconds that one takes; if there is no
    time for the first two, the empty one and one with a lag, none, and the seconds of these.
    """
    sets: list[tuple[int, ...]] = []
    seconds = elimination(S, n)
    every = (lags for size in range(n) for lags in combinations(range(1, n), size))
    for lags in islice(every, MOST_SETS):
        more = at_infinity(S, n, lags) + in_powers(S, n, lags)
        if len(sets) < 2 or seconds + more <= 2 * SHARE * run.seconds:
            sets.append(lags)
            seconds += more
    return (sets if seconds <= run.seconds else []), seconds


def highest_degree(kernel: Sequence[Sequence[Fraction]], lags: tuple[int, ...]) -> float:
    """Of all entries of the gradient in q; -inf if they are 0."""
    from proofs.sub_ngrams import infinite_length as infinite

    degrees = (group.degree for group in infinite.decay(kernel, lags).values())
    return max((degree for degree in degrees if degree is not None), default=-math.inf)


def gradient_stays(kernel: Sequence[Sequence[Fraction]], lags: tuple[int, ...]) -> bool:
    """Whether the gradient stays as q grows: by its value at infinity, and by its degree in q."""
    from proofs.sub_ngrams import infinite_length as infinite

    return infinite.stationary_point(kernel, lags).failed > 0 and highest_degree(kernel, lags) > -1


def draw_soft_heads(axes: Axes, details: Mapping[str, Any]) -> str:
    gaps = details["mean |p_soft - p_hard|"]
    axes.errorbar(
        details["T"],
        [gap for gap, _ in gaps],
        yerr=[2 * error for _, error in gaps],
        marker="o",
        markersize=4,
        capsize=2,
        linewidth=1.2,
    )
    axes.set(xscale="log", xlabel="sequence length T", ylabel="mean |p_soft − p_hard|")
    axes.set_ylim(bottom=0)
    axes.set_xticks(details["T"], [str(T) for T in details["T"]])
    axes.minorticks_off()
    axes.grid(alpha=0.5)
    return "Mean distance between the outputs with soft and with hard heads; the bars are two standard errors."


def draw_lag_weights(axes: Axes, details: Mapping[str, Any]) -> str:
    weights = [float(Fraction(weight)) for weight in details["lag weight at T"]]
    axes.plot(details["T"], weights, marker="o", markersize=4, linewidth=1.2)
    axes.set(xscale="log", xlabel="sequence length T", ylabel="lag weight")
    axes.set_ylim(0, 1)
    axes.set_xticks(details["T"], [str(T) for T in details["T"]])
    axes.minorticks_off()
    axes.grid(alpha=0.5)
    return "Weight of a head on its lag, e^c_A / (e^c_A + T − 1): it would have to rise with T."


@claim(
    "SN14",
    "soft heads, c_A = 2 log T",
    vacuous=first_of(no_heads, other_law),
    plot=Plot(("T", "mean |p_soft - p_hard|"), draw_soft_heads),
)
def growing_soft_heads(settings: SubNGramSettings, run: Run) -> Finding:
    """With soft heads in the first layer, of logit c_A = 2 log T on the position t-h, the lag weight e^c_A / (e^c_A + T
    - 1) rises with T; and from the first length in the scope to the last these two fall to less than half: the mean of
    sum_s |p(s) - p_hard(s)|, p_hard being the output with padded hard heads, and the mean norm, over sequences, of the
    gradient in the heads' logits A, which is at least the norm of the population gradient in A.

    Lag weights exactly; means over drawn sequences, compared beyond four standard errors.
    """
    return _soft_heads(settings, "2 log T", lambda T: T**2)


@claim(
    "SN14c",
    "soft heads, c_A fixed (control)",
    vacuous=first_of(no_heads, other_law),
    origin=Origin.CONTROL,
    plot=Plot(("T", "lag weight at T"), draw_lag_weights),
)
def fixed_soft_heads(settings: SubNGramSettings, run: Run) -> Finding:
    """With soft heads in the first layer, of fixed logit c_A on the position t-h, the lag weight e^c_A / (e^c_A + T -
    1) rises with T; and from the first length in the scope to the last these two fall to less than half: the mean of
    sum_s |p(s) - p_hard(s)|, p_hard being the output with padded hard heads, and the mean norm, over sequences, of the
    gradient in the heads' logits A, which is at least the norm of the population gradient in A.

    Lag weights exactly: with a fixed c_A they fall, and no mean is needed.
    """
    return _soft_heads(settings, f"log {FIXED}", lambda T: FIXED)


Gap = tuple[float, float]  # a mean distance and its standard error


def _soft_heads(settings: SubNGramSettings, name: str, r: Callable[[int], int]) -> Finding:
    """Lag weights r/(r+T-1), r = e^c_A, and the mean distance between the outputs of soft and hard network."""
    if settings.S**settings.n > LARGEST_LAW:
        return undecided(
            f"{SEQUENCES} sequences, with urns for S^n = {settings.S}^{settings.n} n-grams each, do not fit into memory"
        )
    lengths = [T for T in LENGTHS if settings.n <= T]
    gaps = [output_gap(settings, T, math.log(r(T)), settings.seed) for T in lengths]
    weights = [Fraction(r(T), r(T) + T - 1) for T in lengths]
    rising = all(before < after for before, after in pairwise(weights))
    details = {
        "T": lengths,
        "mean |p_soft - p_hard|": gaps,
        "lag weight at T": [str(weight) for weight in weights],
    }
    if not rising:
        return _falling_weights(name, [(T, r(T)) for T in lengths], weights, details)
    slopes = [slope_in_A(settings, T, math.log(r(T)), settings.seed) for T in lengths]
    counterexample = None
    for measure, means in ((output_gap, gaps), (slope_in_A, slopes)):
        if halves(means) is False:
            counterexample = Counterexample(
                {"T": lengths, "means": means, "of": measure.__name__, "lag weights": list(map(str, weights))},
                partial(stays_above_half, settings, [(T, math.log(r(T))) for T in lengths], measure),
            )
    return decide(
        halves(gaps) is True and halves(slopes) is True,
        evidence=Evidence.STATISTICAL,
        scope=f"against padded heads; S={settings.S}, n={settings.n}, lags {braces(settings.lag_set)}; "
        f"alpha={settings.alpha}, initial {settings.initial}; c_A = {name}, T in {braces(lengths)}, q = 10, "
        f"{SEQUENCES} sequences each, {GRADIENTS} for A; tested: weights rise, both last means below half of the first",
        instances=len(gaps),
        found=f"distance {', '.join(f'{gap:.2g}' for gap, _ in gaps)}; gradient in A of norm "
        f"{', '.join(f'{slope:.1g}' for slope, _ in slopes)}; at T = {', '.join(map(str, lengths))}",
        predicted="last below half of the first",
        counterexample=counterexample,
        details=details | {"mean |gradient in A|": slopes},
        undecided="the means are too uncertain to be compared",
    )


def _falling_weights(
    name: str,
    powers: list[tuple[int, int]],
    weights: Sequence[Fraction],
    details: Mapping[str, Any],
) -> Finding:
    """Lag weights at (T, e^c_A) that do not rise: they decide, and no mean does."""
    values = {"T": [T for T, _ in powers], "e^c_A": [r for _, r in powers]}
    return decide(
        False,
        evidence=Evidence.EXACT,
        scope=f"c_A = {name}, T in {braces(values['T'])}, every set of lags but the empty one; tested: weights rise",
        instances=len(powers),
        found=f"lag weights {', '.join(map(str, weights))}",
        predicted="lag weights do not rise",
        counterexample=Counterexample(values, partial(do_not_rise, powers)),
        details=details,
        certificate=Certificate({**values, "e^c_A": [Fraction(r) for _, r in powers]}),
        undecided="the lag weights were not compared",
    )


def halves(gaps: Sequence[Gap]) -> bool | None:
    """Whether the last mean is below half of the first one; None if that is open within the noise."""
    (first, first_error), (last, last_error) = gaps[0], gaps[-1]
    difference, noise = last - first / 2, NOISE * math.hypot(last_error, first_error / 2)
    return True if difference < -noise else False if difference > noise else None


def do_not_rise(powers: Sequence[tuple[int, int]]) -> bool:
    """Whether, from one (T, e^c_A) to the next, the weight on another position, 1/(e^c_A + T - 1), does not fall as a
    part of the weight on t-h.
    """
    ratios = [Fraction(T - 1, r) for T, r in powers]
    return any(not after < before for before, after in pairwise(ratios))


def stays_above_half(
    settings: SubNGramSettings,
    lengths: Sequence[tuple[int, float]],
    measure: Callable[[SubNGramSettings, int, float, int], Gap],
) -> bool:
    """Whether other sequences, at these lengths and logits c_A, leave the last mean above half of the first."""
    return halves([measure(settings, T, c_A, settings.seed + 1) for T, c_A in lengths]) is False


@one_thread()
def output_gap(settings: SubNGramSettings, T: int, c_A: float, seed: int) -> Gap:
    """Mean of sum_s |p_soft(s) - p_hard(s)| over drawn sequences, and its standard error."""
    import torch

    from numerics.device import resolve_device
    from numerics.sub_ngrams.network import Network
    from numerics.sub_ngrams.sampling import polya_urn

    law, configuration = settings.law, Configuration(settings.lag_set, Fraction(10))
    device = resolve_device(settings.device)
    x, _ = polya_urn(law, T, SEQUENCES, torch.Generator(device).manual_seed(seed))
    hard = Network.at_configuration(law, configuration, T, device=device)
    soft = Network.at_configuration(law, configuration, T, c_A=c_A, device=device)
    with torch.no_grad():
        gaps = torch.cat([(soft(part) - hard(part)).abs().sum(1) for part in torch.split(x, 100)])
    return float(gaps.mean()), float(gaps.std() / math.sqrt(len(gaps)))


@one_thread()
def slope_in_A(settings: SubNGramSettings, T: int, c_A: float, seed: int) -> Gap:
    """Mean of the norm of dl/dA over drawn sequences, and its standard error; the gradient of the mean is smaller."""
    import torch

    from numerics.device import resolve_device
    from numerics.sub_ngrams.network import Network
    from numerics.sub_ngrams.sampling import polya_urn
    from numerics.sub_ngrams.soft_heads import norms_in_A

    law, configuration = settings.law, Configuration(settings.lag_set, Fraction(10))
    device = resolve_device(settings.device)
    x, P = polya_urn(law, T, GRADIENTS, torch.Generator(device).manual_seed(seed))
    soft = Network.at_configuration(law, configuration, T, c_A=c_A, device=device)
    parts = zip(torch.split(x, 50), torch.split(P, 50), strict=True)
    norms = torch.cat([norms_in_A(soft, *part) for part in parts])
    return float(norms.mean()), float(norms.std() / math.sqrt(len(norms)))
