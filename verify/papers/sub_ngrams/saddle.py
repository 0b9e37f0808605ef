"""SN23: the saddle of second order along Q_a x K_0, for which no head is needed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from verify.claim import (
    Certificate,
    Counterexample,
    Finding,
    Origin,
    Run,
    claims_on,
    decide,
    how_many,
    too_dear,
)
from verify.papers.sub_ngrams.kernels import at_infinity, chosen_kernels, derivatives, elimination, rational_kernels
from verify.papers.sub_ngrams.premises import first_of, kernel_with_a_zero, no_unused_lag
from verify.papers.sub_ngrams.settings import SubNGramSettings, braces
from verify.papers.sub_ngrams.stationary import (
    certified,
    evidence_of,
    generic_sizes,
    scope_of_kernels,
)

if TYPE_CHECKING:
    from proofs.sub_ngrams.infinite_length import Kernel

claim = claims_on("mathematics/sub-n-grams/loss-and-escape")

KERNELS = 3
ONE_KERNEL = "the derivatives for one rational kernel"


def _seconds(settings: SubNGramSettings, order: int) -> float:
    S, n, lags = settings.S, settings.n, settings.lag_set
    return elimination(S, n) + at_infinity(S, n, lags) + S * derivatives(S, n, lags, ways=1, order=order)


@claim(
    "SN23",
    "a saddle of second order",
    requires=("SN2", "SN5"),
    assumptions=("padded heads in the first layer", "T -> infinity before c -> infinity"),
    vacuous=first_of(no_unused_lag, kernel_with_a_zero),
)
def second_order_saddle(settings: SubNGramSettings, run: Run) -> Finding:
    """At T = infinity, then c = infinity, given a kernel with positive entries, let a+1 be the first lag that is not in
    Lambda (a = k-1 for the k-gram), and let Q_a and K_0 be moved in a slot that is not in use. The loss has no pure
    derivative in Q_a or in K_0, and its mixed second derivatives are the entries of M_{a,0}. Where M_{a,0} is not 0, as
    for every kernel in the scope, the Hessian has eigenvalues of both signs: the configuration is a strict saddle of
    second order.

    The loss as a power series in an entry of Q_a and one of K_0, for all pairs of entries; an entry of M_{a,0} that is
    not 0, as a rational function of the kernel's entries or at rational kernels.
    """
    from proofs.sub_ngrams import infinite_length as infinite
    from proofs.sub_ngrams import saddle

    S, n, lags = settings.S, settings.n, settings.lag_set
    seconds = _seconds(settings, n)
    kernels: list[Kernel] = [*chosen_kernels(settings, how_many(KERNELS, seconds, run))]
    if not kernels:
        return too_dear(seconds, run, what=ONE_KERNEL, scope=f"S={S}, n={n}")
    symbolic, a = generic_sizes(settings), saddle.query_lag(n, lags)
    generic = [infinite.symbolic_kernel(S, n) for S, n, _ in symbolic]
    proofs = [saddle.mixed_derivatives(kernel, lags) for kernel in (*generic, *kernels)]
    failed = next((proof for proof in proofs if proof.failed), None)
    entries = [saddle.entry_that_stays(kernel, lags) for kernel in (*generic, *kernels)]
    flat = next((kernel for kernel, entry in zip((*generic, *kernels), entries, strict=True) if entry is None), None)
    shown = next((entry for entry in entries[len(generic) :] if entry is not None), None)
    where = "almost " if symbolic else ""
    return decide(
        failed is None and flat is None,
        evidence=evidence_of(symbolic),
        scope=f"T = inf then c = inf; {where}{scope_of_kernels(settings, symbolic, kernels)}",
        instances=sum(proof.checked for proof in proofs),
        found="no entry"
        if shown is None
        else f"M_{{{a},0}}[{shown[0]}][{shown[1]}] = {float(shown[2]):.4f} at one kernel",
        predicted="not 0",
        counterexample=None
        if failed is None
        else Counterexample(
            {"identity": failed.statement, "residual": failed.counterexample},
            partial(derivatives_differ, settings),
        ),
        details={"entries that are not 0": [None if e is None else [e[0], e[1], str(e[2])] for e in entries]},
        certificate=Certificate(certified(settings, symbolic, kernels)),
        undecided="M_{a,0} is 0 at a kernel in the scope",
    )


def derivatives_differ(settings: SubNGramSettings) -> bool:
    """Whether on rational kernels that were not used before, or on that of a file, a derivative of the loss is off."""
    from proofs.sub_ngrams import saddle

    kernels = chosen_kernels(settings.model_copy(update={"seed": settings.seed + 1}), KERNELS)
    return any(saddle.mixed_derivatives(kernel, settings.lag_set).failed > 0 for kernel in kernels)


@claim(
    "SN23c",
    "that saddle for every kernel (control)",
    vacuous=no_unused_lag,
    origin=Origin.CONTROL,
)
def saddle_for_every_kernel(settings: SubNGramSettings, run: Run) -> Finding:
    """M_{a,0} of SN23 is not 0 for any kernel with positive entries.

    A kernel that reads the used lags only refutes it: one token more tells nothing about the next.
    """
    from proofs.sub_ngrams import saddle
    from proofs.sub_ngrams.escape import kernel_on_lags

    S, n, lags = settings.S, settings.n, settings.lag_set
    seconds = elimination(S, n) + at_infinity(S, n, lags)
    if seconds > run.seconds:
        return too_dear(seconds, run, what="the block of one rational kernel", scope=f"S={S}, n={n}")
    (rows,) = rational_kernels(S, len(lags) + 1, 1, settings.seed)
    kernel = kernel_on_lags(S, n, lags, rows)
    flat, a = saddle.entry_that_stays(kernel, lags) is None, saddle.query_lag(n, lags)
    return decide(
        not flat,
        evidence=evidence_of(()),
        scope=f"S={S}, n={n}, lags {braces(lags)}; one kernel, that ignores all other lags",
        instances=1,
        found=f"M_{{{a},0}} = 0" if flat else "not 0",
        predicted="0",
        counterexample=Counterexample({"kernel": kernel}, partial(has_no_mixed_derivative, kernel, lags))
        if flat
        else None,
        certificate=Certificate({"S": S, "n": n, "lags": lags}, {"kernel": kernel, "query lag": a}) if flat else None,
        undecided="the block was not computed",
    )


def has_no_mixed_derivative(kernel: Kernel, lags: tuple[int, ...]) -> bool:
    """Whether the loss, as a series in Q_a and K_0, has no term up to the second order."""
    from proofs.sub_ngrams import saddle
    from proofs.sub_ngrams.escape import word_weights
    from proofs.sub_ngrams.infinite_length import shape

    S, n = shape(kernel)
    a, words = saddle.query_lag(n, lags), word_weights(kernel)
    return not any(saddle.loss_along(words, lags, a, v, w).terms for v in range(S) for w in range(S))
