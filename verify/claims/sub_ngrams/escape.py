"""SN12: in which directions a k-gram configuration is left, at which order, and how fast."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from numerics.sub_ngrams.escape_race import finite_length, race, repetition
from numerics.sub_ngrams.hessian import (
    TOLERANCE,
    configuration_network,
    feature_directions,
    predicted_eigenvalues,
    spectrum,
)
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.escape import (
    Feature,
    Words,
    coefficient,
    first_derivative,
    generic_words,
    kernel_on_lags,
    positive_terms,
    predicted_coefficient,
    squares,
    tower,
    unused_lags,
    word_weights,
)
from proofs.sub_ngrams.infinite_length import limit_blocks, random_kernel, symbolic_kernel
from proofs.sub_ngrams.law import NGramLaw
from verify.claim import Certificate, Counterexample, Evidence, Finding, Run, decide
from verify.claims.sub_ngrams.settings import SubNGramSettings
from verify.engines import choose_engine

GENERIC_WORDS = 9  # up to so many words of n tokens the identities are proved for all kernels at once
LARGEST_CHECK = 256  # words of n tokens that random rational kernels are checked on
KERNELS = 3
LENGTHS = (8, 16, 32, 64)
HESSIAN_SEQUENCES, HESSIAN_SLOTS = 256, 36  # all sequences of length T, and (nS)^2: a second or so


def first_escape(settings: SubNGramSettings, run: Run) -> Finding:
    """SN12: the first derivative in the parameters that build a lag's feature, for every unused lag, and its sign."""
    S, n, lags = settings.S, settings.n, settings.lag_set
    unused = unused_lags(n, lags)
    generic = S**n <= GENERIC_WORDS
    where = "every positive kernel" if generic else f"{KERNELS} random rational kernels"
    scope = f"S={S}, n={n}, lags {_set(lags)}, T = inf then c = inf; {where}; lag weights as coordinates"
    nothing = decide(
        False, evidence=Evidence.PROOF, scope=f"S={S}, n={n}: every lag is in use", instances=0, found="no lag to add",
        predicted="",
    )  # fmt: skip
    if not unused:
        return nothing
    chains = [generic_words(S, n)] if generic else _random_chains(S, n, settings.seed)
    if not chains:
        return Finding(nothing.verdict, f"S={S}, n={n}: S^n words are more than {LARGEST_CHECK}")
    identities, negative = [], []
    for words in chains:
        for lag in unused:
            run.progress(f"lag {lag}")
            identities += [first_derivative(words, feature) for feature in features(lags, lag)]
            identities.append(positive_terms(S, n, lags, lag))
            negative.append(any(term.residual != 0 for term in squares(words, lags, lag)))
            if not generic:
                negative.append(predicted_coefficient(words, lags, lag) < 0)
    contiguous = lags == tuple(range(1, len(lags) + 1))
    if contiguous and len(lags) > 0:
        kernels = [symbolic_kernel(S, n)] if generic else _random_kernels(S, n, settings.seed)
        identities += [tower(kernel, lags) for kernel in kernels]
    failed = [found.counterexample for found in identities if not found.hold]
    averages = race(settings.law, lags, seed=settings.seed)
    first, estimate = next(iter(averages.items()))
    details = {
        "identities": [{"statement": f.statement, "checked": f.checked, "failed": f.failed} for f in identities],
        "race": [
            {"lag": f.key, "order": f.order, "coefficient": e.mean, "standard_error": e.standard_error}
            for f, e in averages.items()
        ],
        "finite_length": _finite_length(settings, first.key),
    }
    footnote = "escape    " + " | ".join(
        f"lag {f.key}: order {f.order}, {e.mean:.4f} +- {e.standard_error:.4f}" for f, e in averages.items()
    )
    footnote += " (means over the law's kernels)"
    if contiguous:
        saddle = repetition(settings.law, lags, seed=settings.seed)
        details["repetition"] = {"coefficient": saddle.mean, "standard_error": saddle.standard_error, "order": 2}
        footnote += f" | Q_{len(lags)} x K_0, no new head: order 2, {saddle.mean:+.4f} +- {saddle.standard_error:.4f}"
    curvature = _hessian(settings)
    if curvature:
        details["hessian"] = curvature
        footnote += "\n" + _curvature_line(curvature, len(lags))
    return decide(
        not failed and all(negative),
        evidence=Evidence.PROOF if generic else Evidence.EXACT,
        scope=scope,
        instances=sum(found.checked for found in identities),
        found=f"lag {first.key}, order {first.order}: {estimate.mean:.4f}" if not failed else str(failed[0]),
        predicted="below 0",
        certificate=Certificate(
            {
                "S": S,
                "n": n,
                "lags": lags,
                "kernels": "every positive kernel" if generic else _random_kernels(S, n, settings.seed),
            }
        ),
        details=details,
        footnote=footnote,
    )


def features(lags: tuple[int, ...], lag: int) -> list[Feature]:
    """How the lag's feature can be built: from nothing; with V = I given; with all heads aligned."""
    heads = Feature.of_lag(lags, lag).new_heads
    found = [
        Feature.of_lag(lags, lag),
        Feature.of_lag(lags, lag, aligned=heads),
        Feature.of_lag(lags, lag, values=True),
    ]
    return list(dict.fromkeys(found))


def always_negative(settings: SubNGramSettings, run: Run) -> Finding:
    """SN12c, a control: the coefficient is negative for every kernel. A kernel that reads the used lags only refutes
    it.
    """
    S, n, lags = settings.S, settings.n, settings.lag_set
    unused = unused_lags(n, lags)
    if not unused or S**n > LARGEST_CHECK:
        return decide(
            False, evidence=Evidence.EXACT, scope=f"S={S}, n={n}, lags {_set(lags)}", instances=0, found="no instance",
            predicted="",
        )  # fmt: skip
    rng = random.Random(settings.seed)
    rows = random_kernel(S, len(lags) + 1, rng)
    kernel = kernel_on_lags(S, n, lags, rows)
    words = word_weights(kernel)
    found = {lag: coefficient(words, Feature.of_lag(lags, lag)) for lag in unused}
    lag = next((lag for lag in unused if not found[lag] < 0), None)
    witness = {} if lag is None else {"kernel": kernel, "lag": lag, "coefficient": Fraction(found[lag])}
    return decide(
        lag is None,
        evidence=Evidence.EXACT,
        scope=f"S={S}, n={n}, lags {_set(lags)}; a kernel that ignores all other lags",
        instances=len(unused),
        found="" if lag is None else f"{found[lag]} at lag {lag}",
        predicted="0",
        counterexample=None if lag is None else Counterexample(witness, lambda: _trace(kernel, lags, lag) == 0),
        details={"coefficients": {str(lag): str(x) for lag, x in found.items()}},
        certificate=None if lag is None else Certificate({"S": S, "n": n, "lags": lags}, witness),
    )


def _trace(kernel: Sequence[Sequence[Fraction]], lags: tuple[int, ...], lag: int) -> Fraction:
    """tr M_{lag-1,lag}, by the closed form of the score blocks: another way to the coefficient."""
    block = limit_blocks(kernel, lags, None, [(lag - 1, lag)])[lag - 1, lag]
    return sum((block[v][v] for v in range(len(block))), Fraction(0))


def _random_kernels(S: int, n: int, seed: int) -> list[list[list[Fraction]]]:
    rng = random.Random(seed)
    return [random_kernel(S, n, rng) for _ in range(KERNELS)] if S**n <= LARGEST_CHECK else []


def _random_chains(S: int, n: int, seed: int) -> list[Words]:
    return [word_weights(kernel) for kernel in _random_kernels(S, n, seed)]


def _finite_length(settings: SubNGramSettings, lag: int) -> dict[str, float]:
    """tr M_{lag-1,lag} of the exact gradient at the lengths that are cheap, at c = inf: tends to the mean
    coefficient.
    """
    law, configuration = settings.law, Configuration(settings.lag_set, math.inf)

    def block(a: int, b: int, T: int) -> Sequence[Sequence[Any]]:
        return choose_engine(law, configuration, T, exact=True).compute(law, configuration, T)[a, b]

    lengths = [T for T in LENGTHS if settings.n <= T <= _longest(law)]
    return {str(T): x for T, x in finite_length(block, lag, lengths).items()}


def _hessian(settings: SubNGramSettings) -> dict[str, Any]:
    """The Hessian of the literal network at the k-gram configuration, where all sequences and parameters are few.

    Its free slots have the singular values of the score blocks, with both signs; share: of the lowest eigenvector, in
    the free columns of Q_{k-1} and K_0, where the one feature lives that needs no new head.
    """
    law, lags = settings.law, settings.lag_set
    T = int(math.log(HESSIAN_SEQUENCES, law.S) + 1e-9)
    if law.n >= T or (law.n * law.S) ** 2 > HESSIAN_SLOTS or lags != tuple(range(1, len(lags) + 1)):
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
        "share": found.share(0, feature_directions(found, law, configuration, len(lags), 0)),
        "eigenvalues": found.eigenvalues.tolist(),
    }


def _curvature_line(found: dict[str, Any], k_before: int) -> str:
    return (
        f"hessian   T={found['T']} q={found['q']}: {found['negative']} of {found['parameters']} eigenvalues negative, "
        f"{found['predicted_negative']} of them predicted; lowest {found['lowest']:.4f}, predicted "
        f"{found['predicted_lowest']:.4f}, {found['share']:.3f} of its vector in Q_{k_before} x K_0"
    )


def _longest(law: NGramLaw) -> int:
    """Lengths that exact engines answer in a moment."""
    return {(2, 2): 64, (2, 3): 16, (3, 2): 16}.get((law.S, law.n), 8 if law.S**8 <= 10_000 else 0)


def _set(lags: tuple[int, ...]) -> str:
    return f"{{{','.join(map(str, lags))}}}"
