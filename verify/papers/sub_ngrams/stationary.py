"""SN5 and SN6: infinite length, for every kernel with positive entries."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from proofs.formal import formal_theorems
from proofs.identities import Identities
from verify.claim import (
    Certificate,
    Counterexample,
    Evidence,
    Finding,
    Run,
    claims_on,
    decide,
    from_identities,
    how_many,
    too_dear,
)
from verify.papers.sub_ngrams.kernels import (
    at_infinity,
    chosen_kernels,
    elimination,
    in_powers,
    in_words,
)
from verify.papers.sub_ngrams.premises import kernel_with_a_zero
from verify.papers.sub_ngrams.settings import SubNGramSettings, braces

if TYPE_CHECKING:
    from proofs.sub_ngrams import infinite_length as infinite

claim = claims_on("mathematics/sub-n-grams/limits")

SYMBOLIC = ((2, 1), (2, 2), (2, 3), (3, 1), (3, 2))  # (S, n) whose generic kernel takes about a second
EVERY = "every positive kernel"  # in scopes and certificates
KERNELS = 5  # random rational ones, where the generic kernel is out of reach and beside it
ONE_KERNEL = "the exact blocks of one rational kernel"


@claim(
    "SN5",
    "stationary at infinite length",
    requires=("SN2",),
    assumptions=("padded heads in the first layer", "T -> infinity before c -> infinity"),
    vacuous=kernel_with_a_zero,
)
def stationary_at_infinite_length(settings: SubNGramSettings, run: Run) -> Finding:
    """At T = infinity and then c -> infinity, given a kernel with positive entries, every score block that occurs in
    the gradient in Q, K and V (SN2) is 0.

    The generic kernel where (S, n) permits; in any case random rational kernels of the size asked for, or that of a
    file. An instance is an entry of a block, for one of these kernels.
    """
    from proofs.sub_ngrams import infinite_length as infinite

    S, n, lags, symbolic = settings.S, settings.n, settings.lag_set, generic_sizes(settings)
    seconds = elimination(S, n) + at_infinity(S, n, lags)
    kernels = chosen_kernels(settings, how_many(KERNELS, seconds, run))
    if not kernels:
        return too_dear(seconds, run, what=ONE_KERNEL, scope=f"S={S}, n={n}")

    def prove() -> list[Identities]:
        generic = [infinite.symbolic_kernel(S, n) for S, n, _ in symbolic]
        return [infinite.stationary_point(kernel, lags) for kernel in (*generic, *kernels)]

    return from_identities(
        prove,
        scope_of_kernels(settings, symbolic, kernels, "SN5"),
        evidence=evidence_of(symbolic),
        certificate=Certificate(certified(settings, symbolic, kernels)),
    )


@claim("SN6", "scale at infinite length", requires=("SN2", "SN5"), vacuous=kernel_with_a_zero)
def scale_at_infinite_length(settings: SubNGramSettings, run: Run) -> Finding:
    """At T = infinity, given a kernel with positive entries, the gradient in Q and K is O(sqrt(c) e^-c), and in V it is
    O(c e^-c).

    The degree in q of every entry, from its expansion up to 1/q: what has neither q^0 nor q^-1 is q^-2 or less.
    """
    from proofs.sub_ngrams import infinite_length as infinite

    S, n, lags, symbolic = settings.S, settings.n, settings.lag_set, generic_sizes(settings)
    seconds = elimination(S, n) + in_powers(S, n, lags)
    kernels = chosen_kernels(settings, how_many(KERNELS, seconds, run))
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
        evidence=evidence_of(symbolic),
        scope=scope_of_kernels(settings, symbolic, kernels, "SN6"),
        instances=sum(max(1, group.entries) for _, _, group in groups),
        found=", ".join(f"{degree_in_words(d)} in {name}" for name, d in worst.items()),
        predicted="q^-1 or less" if lags else "0 without lags",
        counterexample=None if slow is None else _too_slow(*slow, lags),
        details={"degree in q": {name: degree_in_words(d) for name, d in worst.items()}},
        certificate=Certificate(certified(settings, symbolic, kernels)),
        undecided="the degree of no entry is above -1, and yet not all are -1 or less",
    )


def degree_in_words(degree: int | None) -> str:
    """The expansions stop at 1/q."""
    return "0" if degree is None else "q^-1" if degree == -1 else f"q^{degree}" + " or less" * (degree < -1)


def _too_slow(kernel: infinite.Kernel, group: str, degree: int, lags: tuple[int, ...]) -> Counterexample:
    values = {"kernel": kernel, "group": group, "degree": degree}
    return Counterexample(values, partial(survives_infinite_norm, kernel, lags))


def survives_infinite_norm(kernel: infinite.Kernel, lags: tuple[int, ...]) -> bool:
    """Whether an entry of the gradient is not 0 at q = infinity, as one is that does not fall like 1/q."""
    from proofs.sub_ngrams import infinite_length as infinite

    return infinite.stationary_point(kernel, lags).failed > 0


def generic_sizes(settings: SubNGramSettings) -> list[tuple[int, int, tuple[int, ...]]]:
    """(S, n, lags) of the settings if the generic kernel of that size is affordable."""
    return [(settings.S, settings.n, settings.lag_set)] if (settings.S, settings.n) in SYMBOLIC else []


def evidence_of(symbolic: Sequence[object]) -> Evidence:
    return Evidence.PROOF if symbolic else Evidence.EXACT


def certified(settings: SubNGramSettings, symbolic: Sequence[object], kernels: Sequence[object]) -> dict[str, Any]:
    """The parameters of a certificate about chains of infinite length."""
    which = EVERY if symbolic else kernels
    return {"S": settings.S, "n": settings.n, "lags": settings.lag_set, "kernels": which}


def scope_of_kernels(
    settings: SubNGramSettings, symbolic: Sequence[object], kernels: Sequence[object], claim: str = ""
) -> str:
    """Where the generic kernel is out of reach: every kernel, if Coq has proved the claim of this id; and those that
    were looked at."""
    which = in_words(settings, len(kernels), "random rational")
    if symbolic:
        which = EVERY if settings.kernel is None else f"{EVERY}, {which} too"
    elif formal_theorems().get(claim):
        which = f"{EVERY} (formal); exact at {which}"
    return f"{which}, S={settings.S}, n={settings.n}, lags {braces(settings.lag_set)}"
