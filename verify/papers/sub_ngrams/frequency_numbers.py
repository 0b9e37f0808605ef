"""SN25 and SN26: what a frequency term does in the setting of the paper's experiment, from drawn sequences."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

from numerics.threads import one_thread
from proofs.sub_ngrams.law import NGramLaw
from verify.claim import Counterexample, Evidence, Finding, Origin, Run, claim, decide, too_dear
from verify.papers.sub_ngrams.settings import SubNGramSettings

if TYPE_CHECKING:
    from numerics.sub_ngrams.frequency_gain import FrequencyGain
    from numerics.sub_ngrams.network import Network

ERRORS = 4.0  # standard errors by which one number has to be larger than another
EPSILON = 1e-8  # in the loss, as in training
FURTHER = 10**6  # added to the seed: other sequences, for a second look


@dataclass(frozen=True)
class ParameterPoint:
    """theta_k at its best scales, and theta_k^+ at its best scales and beta, for n=3, alpha=1/2, initial=dirichlet,
    T=32 and saturated soft heads: each fitted once to 131072 sequences, and no result of this claim.
    """

    S: int
    plain: tuple[float, ...]
    corrected: tuple[float, ...]
    beta: float

    @property
    def k(self) -> int:
        return len(self.plain) + 1

    @property
    def name(self) -> str:
        return f"S={self.S} k={self.k}"


POINTS = (
    ParameterPoint(5, (1.1523,), (1.1870,), 3.1411),
    ParameterPoint(5, (1.3707, 1.3788), (1.3971, 1.4134), 3.4390),
    ParameterPoint(3, (2.0647,), (2.0644,), 1.0108),
    ParameterPoint(3, (2.2368, 2.2245), (2.2239, 2.2459), 1.3527),
)
PADDED = ParameterPoint(3, (2.2307, 2.1845), (2.2125, 2.2017), 1.3361)  # the best ones for padded heads
T, SAMPLES = 32, 16384
SECONDS_EACH = 0.6  # of one core, for a point: two gradients, two losses


def paper_law(S: int) -> NGramLaw:
    return NGramLaw(S, 3, Fraction(1, 2), "dirichlet")


@dataclass(frozen=True)
class Compared:
    """At a point: |gradient|^2 at theta_k and at theta_k^+, and by how much the loss is lower, with standard errors."""

    name: str
    plain: tuple[float, float]
    corrected: tuple[float, float]
    gain: tuple[float, float]

    @property
    def smaller(self) -> bool | None:
        """Whether the gradient at theta_k^+ is smaller; None where the errors leave it open."""
        gap, error = self.plain[0] - self.corrected[0], math.hypot(self.plain[1], self.corrected[1])
        return True if gap > ERRORS * error else False if gap < -ERRORS * error else None

    @property
    def lower(self) -> bool | None:
        mean, error = self.gain
        return True if mean > ERRORS * error else False if mean < -ERRORS * error else None

    @property
    def holds(self) -> bool | None:
        parts = (self.smaller, self.lower)
        return False if False in parts else None if None in parts else True

    @property
    def factor(self) -> tuple[float, float, float]:
        """|gradient at theta_k| / |gradient at theta_k^+|, and its bounds at 2 standard errors of both squares."""
        (a, e), (b, f) = self.plain, self.corrected
        low, high = max(a - 2 * e, 0) / (b + 2 * f), (a + 2 * e) / (b - 2 * f) if b > 2 * f else math.inf
        return math.sqrt(max(a, 0) / b) if b > 0 else math.inf, math.sqrt(low), math.sqrt(high)

    def row(self) -> dict[str, Any]:
        return vars(self) | {"factor": self.factor}


Build = Callable[[NGramLaw, Any, int], "Network"]


def compared(point: ParameterPoint, build: Build, seed: int) -> Compared:
    """The gradients on sequences of their own, the losses on the same ones for both."""
    import torch

    from numerics.sub_ngrams.frequency import Corrected
    from numerics.sub_ngrams.gradient_norm import TOTAL, gradient_norms
    from numerics.sub_ngrams.levels import TestSet

    law = paper_law(point.S)
    networks = [build(law, at, T) for at in (Corrected(point.plain, 0.0), Corrected(point.corrected, point.beta))]
    norms = [
        gradient_norms(network, law, T, EPSILON, SAMPLES, torch.Generator().manual_seed(2 * seed + i), symmetric=True)[
            TOTAL
        ]
        for i, network in enumerate(networks)
    ]
    tests = TestSet.draw(law, T, SAMPLES, EPSILON, torch.Generator().manual_seed(seed))
    plain, corrected = (tests.losses(tests.predictions(network)) for network in networks)
    gain = plain - corrected
    squares = [(norm.squared, norm.standard_error) for norm in norms]
    return Compared(
        point.name,
        squares[0],
        squares[1],
        gain=(float(gain.mean()), float(gain.std()) / math.sqrt(SAMPLES)),
    )


@one_thread()
def compare(
    points: Sequence[ParameterPoint], build: Build, settings: SubNGramSettings, run: Run, heads: str, predicted: str
) -> Finding:
    """The claim at all these points."""
    if SECONDS_EACH * len(points) > run.seconds:
        return too_dear(SECONDS_EACH * len(points), run, what="gradients at all points", scope=f"{heads}; T={T}")
    found = []
    for point in points:
        run.progress(point.name)
        found.append(compared(point, build, settings.seed))
    failed = [(point, one) for point, one in zip(points, found, strict=True) if one.holds is False]
    shown = failed[0][1] if failed else min(found, key=lambda one: one.factor[0])
    gain = failed[0][1] if failed else min(found, key=lambda one: one.gain[0])
    factor, low, high = shown.factor
    least = f", the smallest of {len(found)}" if len(found) > 1 and not failed else ""
    return decide(
        all(one.holds is True for one in found),
        evidence=Evidence.STATISTICAL,
        scope=f"{heads}; n=3, alpha=1/2, initial dirichlet, T={T}; {', '.join(one.name for one in found)}; "
        f"{SAMPLES} sequences each",
        instances=len(found),
        found=f"|gradient| at theta_k over that at theta_k^+ is {factor:.2g} "
        f"(2 standard errors: {low:.2g} to {high:.2g}) at {shown.name}{least}; "
        f"loss lower by {gain.gain[0]:.2g} at {gain.name}{least}",
        predicted=predicted,
        counterexample=Counterexample(shown.row(), partial(is_not_nearer, failed[0][0], build, settings.seed + FURTHER))
        if failed
        else None,
        details={"points": [vars(point) | one.row() for point, one in zip(points, found, strict=True)]},
        footnote="\n".join(
            f"theta_k^+  {one.name}: |gradient| {math.sqrt(max(one.plain[0], 0)):.4f} -> "
            f"{math.sqrt(max(one.corrected[0], 0)):.4f}   loss lower by {one.gain[0]:.4f} +- {one.gain[1]:.4f}"
            for one in found
        )
        if not failed
        else "",
        undecided=f"lost in the errors at {', '.join(one.name for one in found if one.holds is None)}",
    )


def is_not_nearer(point: ParameterPoint, build: Build, seed: int) -> bool:
    """Whether on other sequences too the gradient or the loss at theta_k^+ is the larger one."""
    return compared(point, build, seed).holds is False


@claim(
    "SN25",
    "nearer to stationary with it",
    assumptions=("saturated soft heads in the first layer", "beta shared evenly by Q and K"),
    reference="mathematics/sub-n-grams/training#sn25",
)
def nearer_to_stationary(settings: SubNGramSettings, run: Run) -> Finding:
    """In the setting of the paper's experiment (n = 3, alpha = 1/2, initial = dirichlet, T = 32, here S = 3 and 5), for
    k = 2 and 3, the population gradient at theta_k^+ is smaller than at theta_k, each at its best scales, and the loss
    is lower.

    Saturated heads are soft heads with so large a logit that in floats they look at position t-h alone, and where there
    is none read the mean of the tokens up to t. Best scales: the c_l, and beta, at which the loss is least, fitted once
    to other sequences. |gradient|^2 without the bias of noise, from drawn sequences; four standard errors decide.
    """
    from numerics.sub_ngrams.frequency_network import saturated_network

    return compare(POINTS, saturated_network, settings, run, "saturated heads", "above 1; above 0")


@claim(
    "SN25e",
    "the same with padded heads (control)",
    assumptions=("padded heads in the first layer", "beta shared evenly by Q and K"),
    origin=Origin.CONTROL,
    reference="mathematics/sub-n-grams/training#sn25e",
)
def with_padded_heads(settings: SubNGramSettings, run: Run) -> Finding:
    """With heads that read 0 where position t-h does not exist, too, the population gradient at theta_k^+ is smaller
    than at theta_k, and the loss is lower.

    The loss is, but the gradient at theta_k^+ is the larger one: most of what a frequency term takes away of it comes
    from the first positions, where saturated soft heads read an average.
    """
    from numerics.sub_ngrams.frequency_network import padded_network

    return compare((PADDED,), padded_network, settings, run, "padded heads", "ratio below 1")


LENGTHS = {32: 4096, 128: 4096, 512: 4096, 2048: 1024, 10_000: 512}  # sequences at each
REFERENCE, LAST = 128, 512  # what the others are compared with; the longest at which D is larger than its error
FACTOR = 2.0  # between T D and its value at the reference: what rate 1/T leaves for lower orders
SECONDS_OF_STEP = 3e-4  # of drawing one token of all sequences, at most a chunk of them at once


@claim(
    "SN26",
    "the term fades like 1/T to T = 512",
    requires=("SN26a",),
    assumptions=("padded heads in the first layer",),
    reference="mathematics/sub-n-grams/training#sn26",
)
@one_thread()
def fades(settings: SubNGramSettings, run: Run) -> Finding:
    """From T = 32 to 512, T D is positive and stays within a factor of 2 of its value at T = 128, where D = -dL/dbeta
    at theta_2 and its best scale. Decided is this, within four standard errors. Where V, the second derivative in beta,
    does not change much, the best beta, about D / V, then falls like 1/T, and the gain, about D^2 / (2V), like 1/T^2.

    S = 3, n = 3, alpha = 1/2, initial = dirichlet: from drawn sequences, with a control variate. T = 2048 and 10^4 are
    in the numbers and decide nothing, for the rate or against it: there four standard errors are larger than D.
    """
    seconds = SECONDS_OF_STEP * sum(LENGTHS)
    if seconds > run.seconds:
        return too_dear(seconds, run, what="the sequences", scope=f"S=3, T in {{{', '.join(map(str, LENGTHS))}}}")
    found = gains(settings.seed, run.progress)
    at = {one.T: one for one in found}
    deciding = [one for one in found if one.T <= LAST]
    outside = [one for one in deciding if not _within(one, at[REFERENCE])]
    scaled = ", ".join(f"{one.T * one.slope:.2f}" for one in deciding)
    lengths = ", ".join(str(one.T) for one in deciding)
    return decide(
        not outside and all(one.slope > ERRORS * one.standard_error for one in deciding),
        evidence=Evidence.STATISTICAL,
        scope=f"padded heads; S=3, n=3, alpha=1/2, initial dirichlet, k=2, T in {{{lengths}}}",
        instances=len(deciding),
        found=f"T D = {scaled} at T = {lengths}",
        predicted=f"above 0, within a factor of 2 of that at T = {REFERENCE}",
        counterexample=Counterexample(
            {"T": outside[0].T}, partial(has_another_rate, outside[0].T, settings.seed + FURTHER)
        )
        if outside
        else None,
        details={"lengths": [row(one) for one in found]},
        footnote="\n".join(
            f"T={one.T:<6}  T D = {one.T * one.slope:.2f} +- {one.T * one.standard_error:.2f}   D/V = {one.beta:.3f} "
            f"+- {one.standard_error / one.curvature:.3f}   D^2/(2V) = {one.gain:.1e}"
            + ("   decides nothing" if one.T > LAST else "")
            for one in found
        ),
        undecided="a slope is not above 0 beyond its errors",
    )


def gains(
    seed: int, progress: Callable[[str], None] = lambda text: None, lengths: Iterable[int] = LENGTHS
) -> list[FrequencyGain]:
    """At every one of these lengths."""
    import torch

    from numerics.sub_ngrams.frequency_gain import frequency_gain

    found = []
    for length in lengths:
        progress(f"T={length}")
        generator = torch.Generator().manual_seed(seed + length)
        found.append(frequency_gain(paper_law(3), 2, length, LENGTHS[length], generator))
    return found


def row(one: FrequencyGain) -> dict[str, Any]:
    """The best beta and the gain are those of a parabola with this slope and curvature."""
    return {
        "T": one.T,
        "D": one.slope,
        "standard error of D": one.standard_error,
        "V": one.curvature,
        "scales": one.scales,
        "D / V": one.beta,
        "D^2 / (2V)": one.gain,
        "decides": one.T <= LAST,
    }


def _within(one: FrequencyGain, reference: FrequencyGain) -> bool:
    """Whether T D is within the factor of the reference's, up to the errors of both."""
    scaled, error = one.T * one.slope, one.T * one.standard_error
    base, base_error = reference.T * reference.slope, reference.T * reference.standard_error
    above = scaled - FACTOR * base <= ERRORS * math.hypot(error, FACTOR * base_error)
    below = base / FACTOR - scaled <= ERRORS * math.hypot(error, base_error / FACTOR)
    return above and below


def has_another_rate(length: int, seed: int) -> bool:
    """Whether on other sequences too T D at this length is outside."""
    at = {one.T: one for one in gains(seed, lengths=(REFERENCE, length))}
    return not _within(at[length], at[REFERENCE])
