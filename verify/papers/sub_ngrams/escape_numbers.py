"""The numbers printed beside SN12: means over the law's kernels, finite lengths, curvature. Each is doubted once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from verify.papers.sub_ngrams.engines import choose_engine
from verify.papers.sub_ngrams.settings import SubNGramSettings

if TYPE_CHECKING:
    from numerics.sub_ngrams.escape_race import Estimate
    from proofs.sub_ngrams.escape import Feature

DRAWN = 100, 4000  # kernels of the law, at least and at most
DRAWN_PRODUCTS = 2e7  # of numbers, in the stationary laws of all kernels that are drawn
ROUNDING = 1e-11  # of means over them
LENGTHS = (8, 16, 32, 64)
HESSIAN_SEQUENCES, HESSIAN_SLOTS = 256, 36  # all sequences of length T, and (nS)^2: a second or so


def drawn(law: NGramLaw) -> int:
    """Over how many kernels of the law the means are taken: fewer, where one has many words."""
    least, most = DRAWN
    return max(least, min(most, int(DRAWN_PRODUCTS / law.S ** (2 * law.n - 1))))


def doubts_of_race(settings: SubNGramSettings, averages: Mapping[Feature, Estimate]) -> list[str]:
    """What is wrong with means over drawn kernels: they are traces of score blocks too, and below 0."""
    from numerics.sub_ngrams.escape_race import drawn_kernels
    from proofs.log_numbers import as_floats
    from proofs.sub_ngrams.infinite_length import limit_blocks

    count, doubts = drawn(settings.law), []
    kernel = drawn_kernels(settings.law, count, settings.seed)
    for feature, average in averages.items():
        block = limit_blocks(kernel, settings.lag_set, None, [(feature.query, feature.key)])[feature.query, feature.key]
        traces = as_floats(sum(block[v][v] for v in range(settings.S)))
        spread = float(traces.std(ddof=1)) / math.sqrt(count)
        if not max(abs(traces.mean() - average.mean), abs(spread - average.standard_error)) <= ROUNDING:
            doubts.append(f"the mean of lag {feature.key} is not that of tr M_{{{feature.query},{feature.key}}}")
        if not average.mean < 0:
            doubts.append(f"the mean of lag {feature.key} is not below 0")
    return doubts


def at_finite_length(settings: SubNGramSettings, lag: int) -> dict[str, float]:
    """tr M_{lag-1,lag} of the exact gradient at the lengths that are cheap, at c = inf: tends to the mean
    coefficient.
    """
    from numerics.sub_ngrams.escape_race import finite_length

    law, configuration = settings.law, Configuration(settings.lag_set, math.inf)

    def block(a: int, b: int, T: int) -> Sequence[Sequence[Any]]:
        return choose_engine(law, configuration, T, exact=True).compute(law, configuration, T)[a, b]

    lengths = [T for T in LENGTHS if settings.n <= T <= _longest(law)]
    return {str(T): x for T, x in finite_length(block, lag, lengths).items()}


def curvature_at(settings: SubNGramSettings) -> dict[str, Any]:
    """The Hessian of the literal network at the k-gram configuration, where all sequences and parameters are few.

    Its free slots have the singular values of the score blocks, with both signs; share: of the lowest eigenvector, in
    the free columns of Q_{k-1} and K_0, where the one feature lives that needs no new head.
    """
    from numerics.sub_ngrams.hessian import (
        TOLERANCE,
        configuration_network,
        feature_directions,
        predicted_eigenvalues,
        spectrum,
    )

    law, lags = settings.law, settings.lag_set
    T = int(math.log(HESSIAN_SEQUENCES, law.S) + 1e-9)
    if law.n >= T or (law.n * law.S) ** 2 > HESSIAN_SLOTS or not contiguous(lags):
        return {}
    configuration = Configuration(lags, Fraction(T))
    found = spectrum(configuration_network(law, configuration, T), law, T)
    M = choose_engine(law, configuration, T, exact=True).compute(law, configuration, T)
    predicted = predicted_eigenvalues(M, law, configuration)
    return {
        "T": T,
        "q": T,
        "parameters": len(found.eigenvalues),
        "negative": found.negative,
        "predicted_negative": int((predicted < -TOLERANCE * found.eigenvalues.abs().max()).sum()),
        "lowest": float(found.eigenvalues[0]),
        "predicted_lowest": float(predicted[0]),
        "unmatched": unmatched(predicted.tolist(), found.eigenvalues.tolist()),
        "share": found.share(0, feature_directions(found, law, configuration, len(lags), 0)),
        "eigenvalues": found.eigenvalues.tolist(),
    }


def unmatched(predicted: Sequence[float], found: Sequence[float]) -> int:
    """How many of the predicted eigenvalues are no eigenvalues of those found, each of which serves once."""
    from numerics.sub_ngrams.hessian import TOLERANCE

    left, misses = sorted(found), 0
    for value in predicted:
        nearest = min(left, key=lambda x: abs(x - value))
        if abs(nearest - value) <= TOLERANCE * max(map(abs, found)):
            left.remove(nearest)
        else:
            misses += 1
    return misses


def curvature_line(found: dict[str, Any], k_before: int) -> str:
    return (
        f"hessian   T={found['T']} q={found['q']}: {found['negative']} of {found['parameters']} eigenvalues negative, "
        f"{found['predicted_negative']} of them predicted; lowest {found['lowest']:.4f}, predicted "
        f"{found['predicted_lowest']:.4f}, {found['share']:.3f} of its vector in Q_{k_before} x K_0"
    )


def _longest(law: NGramLaw) -> int:
    """Lengths that exact engines answer in a moment."""
    return {(2, 2): 64, (2, 3): 16, (3, 2): 16}.get((law.S, law.n), 8 if law.S**8 <= 10_000 else 0)


def contiguous(lags: tuple[int, ...]) -> bool:
    return lags == tuple(range(1, len(lags) + 1))


@dataclass(frozen=True)
class Numbers:
    """What SN12 prints beside its identities, and what speaks against it."""

    found: str
    details: dict[str, Any]
    footnote: str
    doubts: list[str]


def escape_numbers(settings: SubNGramSettings) -> Numbers:
    """The race out of the configuration, averaged over kernels of the law, and the Hessian at a finite length."""
    from numerics.sub_ngrams.escape_race import race, repetition

    lags, count = settings.lag_set, drawn(settings.law)
    averages = race(settings.law, lags, count, settings.seed)
    first, estimate = next(iter(averages.items()))
    doubts = doubts_of_race(settings, averages)
    details: dict[str, Any] = {
        "race": [
            {"lag": f.key, "order": f.order, "coefficient": e.mean, "standard_error": e.standard_error}
            for f, e in averages.items()
        ],
        "finite_length": at_finite_length(settings, first.key),
    }
    footnote = "escape    " + " | ".join(
        f"lag {f.key}: order {f.order}, {e.mean:.4f} +- {e.standard_error:.4f}" for f, e in averages.items()
    )
    footnote += f" (means over {count} kernels of the law)"
    if contiguous(lags):
        saddle = repetition(settings.law, lags, count, settings.seed)
        details["repetition"] = {"coefficient": saddle.mean, "standard_error": saddle.standard_error, "order": 2}
        footnote += f" | Q_{len(lags)} x K_0, no new head: order 2, {saddle.mean:+.4f} +- {saddle.standard_error:.4f}"
    curvature = curvature_at(settings)
    if curvature:
        details["hessian"] = curvature
        footnote += "\n" + curvature_line(curvature, len(lags))
        doubts += (
            [f"{curvature['unmatched']} predicted eigenvalues are no eigenvalues"] if curvature["unmatched"] else []
        )
    found = (
        f"{estimate.mean:.4f} +- {estimate.standard_error:.4f} at lag {first.key}, of order {first.order}: an example, "
        f"the mean over {count} kernels of the law"
    )
    return Numbers(found, details, footnote, doubts)
