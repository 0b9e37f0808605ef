"""SN4n: the network's configuration meets the sufficient condition of SN4."""

from __future__ import annotations

from verify.claim import Certificate, Finding, Run, claims_on, from_identities, how_many, too_dear
from verify.papers.sub_ngrams.kernels import chosen_kernels, elimination
from verify.papers.sub_ngrams.premises import kernel_with_a_zero
from verify.papers.sub_ngrams.settings import SubNGramSettings
from verify.papers.sub_ngrams.stationary import (
    certified,
    evidence_of,
    generic_sizes,
    scope_of_kernels,
)

claim = claims_on("mathematics/sub-n-grams/gradient")

KERNELS = 3


@claim(
    "SN4n",
    "met by the configuration",
    requires=("SN4",),
    assumptions=("padded heads in the first layer", "T -> infinity before c -> infinity"),
    vacuous=kernel_with_a_zero,
)
def configuration_meets_the_condition(settings: SubNGramSettings, run: Run) -> Finding:
    """At T = infinity, then c = infinity, given a kernel with positive entries, the configuration meets (i) and (ii) of
    SN4, G being the tokens h at the lags of Lambda: (i) p_theta(s) = E[tau(s|u) | h], and (ii) the derivative of log
    p_theta(s) in every entry of Q, K and V, without its factor sqrt(c) or c, depends on h only.

    Attention of the limit, and derivatives of the logits from the network's matrices written out. An instance is a
    component of (i) or (ii), for one of the kernels.
    """
    from proofs.sub_ngrams import infinite_length as infinite
    from proofs.sub_ngrams.network_condition import conditions

    S, n, lags, symbolic = settings.S, settings.n, settings.lag_set, generic_sizes(settings)
    seconds = elimination(S, n) + pairs_of_words(S, n, len(lags))
    kernels = chosen_kernels(settings, how_many(KERNELS, seconds, run))
    if not kernels:
        return too_dear(seconds, run, what="the derivatives for one rational kernel", scope=f"S={S}, n={n}")
    generic = [infinite.symbolic_kernel(S, n) for S, n, _ in symbolic]
    return from_identities(
        lambda: [conditions(kernel, lags) for kernel in (*generic, *kernels)],
        f"{scope_of_kernels(settings, symbolic, kernels)}; T = inf then c = inf",
        evidence=evidence_of(symbolic),
        certificate=Certificate(certified(settings, symbolic, kernels)),
    )


def pairs_of_words(S: int, n: int, L: int) -> float:
    """Seconds for the logits' derivatives at a final word and a key, and for d log p in all parameters."""
    return 1e-6 * float(S) ** (2 * n - L) * (4 * n * (L + 1) + 2 * S)
