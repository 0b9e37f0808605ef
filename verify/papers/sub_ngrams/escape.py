"""SN12: in which directions a k-gram configuration is left, at which order, and how fast."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from proofs.identities import Identities
from verify.claim import (
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
)
from verify.papers.sub_ngrams.escape_numbers import (
    contiguous,
    escape_numbers,
)
from verify.papers.sub_ngrams.kernels import derivatives, elimination, rational_kernels
from verify.papers.sub_ngrams.premises import first_of, no_unused_lag, other_law
from verify.papers.sub_ngrams.settings import SubNGramSettings
from verify.report.colours import FIRST, MUTED, SECOND

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from proofs.sub_ngrams.escape import Feature, Words
    from proofs.sub_ngrams.infinite_length import Kernel

claim = claims_on("mathematics/sub-n-grams/loss-and-escape")

GENERIC_WORDS = 9  # up to so many words of n tokens the identities are proved for all kernels at once
KERNELS = 3


def draw_hessian(axes: Axes, details: Mapping[str, Any]) -> str:
    from verify.report.legend import name_curves  # with matplotlib

    hessian = details["hessian"]
    values = sorted(hessian["eigenvalues"])
    axes.axhline(0, color=MUTED, linewidth=0.8)
    axes.plot(range(1, len(values) + 1), values, ".", color=FIRST, markersize=4)
    axes.axhline(
        hessian["predicted_lowest"], color=SECOND, linestyle="--", linewidth=1, label="predicted lowest eigenvalue"
    )
    axes.set(xlabel="eigenvalue, in rising order", ylabel="eigenvalue of the Hessian")
    axes.set_yscale("symlog", linthresh=1e-3)
    name_curves(axes)
    return (
        f"The {len(values)} eigenvalues of the Hessian at T={hessian['T']}, q={hessian['q']}; {hessian['negative']} "
        "are negative. The scale is linear between −0.001 and 0.001, logarithmic beyond."
    )


@claim(
    "SN12",
    "what an unused lag brings",
    requires=("SN2", "SN5"),
    assumptions=("lag weights as coordinates", "T -> infinity before c -> infinity"),
    vacuous=first_of(no_unused_lag, other_law),
    plot=Plot(("hessian",), draw_hessian),
)
def first_escape(settings: SubNGramSettings, run: Run) -> Finding:
    """At T = infinity, then c = infinity, given a kernel with positive entries: of the derivatives of the loss in those
    parameters that together let the network read an unused lag, the first that is not 0 is the mixed one, once in each
    of them. It is -sum_{h,v} P(h,v)^2/P(h) chi2(tau(.|v,h) from tau(.|h)), v being the token at that lag, and so
    negative unless the next token is independent of that lag given h. Along other parameters, as Q_{k-1} together with
    K_0, the loss may fall at a lower order.

    Lag weights as coordinates: a head's weight on its lag is a parameter itself, not the softmax of logits A. The order
    is the number of parameters in the derivative. race: for each unused lag the order and the mean over drawn kernels
    of the law. repetition: the same of Q_{k-1} and K_0. finite_length: the trace of the block at q = infinity and a
    finite T. hessian: of the network with all its parameters; share, of the vector of the lowest eigenvalue in Q_{k-1}
    and K_0; unmatched, how many eigenvalues predicted from score blocks it lacks.
    """
    from proofs.sub_ngrams.escape import positive_terms, unused_lags

    S, n, lags = settings.S, settings.n, settings.lag_set
    unused = unused_lags(n, lags)
    generic, seconds = S**n <= GENERIC_WORDS, elimination(S, n) + derivatives(S, n, lags, ways=3, order=n)
    kernels = [] if generic else rational_kernels(S, n, how_many(KERNELS, seconds, run), settings.seed)
    if not generic and not kernels:
        return too_dear(seconds, run, what="the derivatives for one rational kernel", scope=f"S={S}, n={n}")
    found = _derivatives(settings, kernels, unused, run)
    failed = next(((test, identity) for test, identity in found if identity.failed), None)
    denominators = [positive_terms(S, n, lags, lag) for lag in unused]
    doubts = [str(proof.counterexample) for proof in denominators if not proof.hold]
    doubts += [f"the next token does not depend on lag {lag}" for lag in unused if _is_idle(S, n, lags, lag, kernels)]
    numbers = escape_numbers(settings)
    doubts += numbers.doubts
    identities = [{"statement": f.statement, "checked": f.checked, "failed": f.failed} for _, f in found]
    where = "every positive kernel" if generic else f"{len(kernels)} random rational kernel{'s' * (len(kernels) > 1)}"
    return decide(
        failed is None and not doubts,
        evidence=Evidence.PROOF if generic else Evidence.EXACT,
        scope=f"S={S}, n={n}, lags {_set(lags)}, T = inf then c = inf; {where}; lag weights as coordinates",
        instances=sum(identity.checked for _, identity in found),
        found=str(failed[1].counterexample) if failed else numbers.found,
        predicted="below 0",
        counterexample=None
        if failed is None
        else Counterexample(
            {"identity": failed[1].statement, "residual": failed[1].counterexample},
            partial(fails_on_rational_kernels, failed[0], S, n, settings.seed),
        ),
        certificate=Certificate({"S": S, "n": n, "lags": lags, "kernels": kernels or "every positive kernel"}),
        details={"identities": identities, **numbers.details},
        footnote=numbers.footnote,
        undecided=f"the identities hold, but: {'; '.join(doubts)}",
    )


def _derivatives(
    settings: SubNGramSettings, kernels: Sequence[Kernel], unused: Sequence[int], run: Run
) -> list[tuple[Test, Identities]]:
    """Every test on these kernels or, without any, on the generic one."""
    from proofs.sub_ngrams.escape import generic_words, word_weights
    from proofs.sub_ngrams.infinite_length import symbolic_kernel

    S, n, lags = settings.S, settings.n, settings.lag_set
    tests: list[Test] = [partial(no_other_derivative, feature) for lag in unused for feature in features(lags, lag)]
    if lags and contiguous(lags):
        tests.append(partial(old_heads, lags))
    chains: list[tuple[Kernel, Words]] = [(kernel, word_weights(kernel)) for kernel in kernels]
    found = []
    for kernel, words in chains or [(symbolic_kernel(S, n), generic_words(S, n))]:
        for test in tests:
            run.progress(f"lags {_set(lags)}")
            found.append((test, test(kernel, words)))
    return found


Test: TypeAlias = (
    "Callable[[Kernel, Words], Identities]"  # on a chain, given as a kernel and as the weights of its words
)


def no_other_derivative(feature: Feature, kernel: Kernel, words: Words) -> Identities:
    """That no derivative up to the mixed one is there but that, with the value predicted."""
    from proofs.sub_ngrams.escape import first_derivative

    return first_derivative(words, feature)


def old_heads(lags: tuple[int, ...], kernel: Kernel, words: Words) -> Identities:
    """That of the comparisons which need no new head only one moves the loss."""
    from proofs.sub_ngrams.escape import tower

    return tower(kernel, lags)


def fails_on_rational_kernels(test: Test, S: int, n: int, seed: int) -> bool:
    """Whether the identity fails in fractions, on kernels that were not used before."""
    from proofs.sub_ngrams.escape import word_weights

    kernels = rational_kernels(S, n, KERNELS, seed + 1)
    return any(test(kernel, word_weights(kernel)).failed > 0 for kernel in kernels)


def _is_idle(S: int, n: int, lags: tuple[int, ...], lag: int, kernels: Sequence[Kernel]) -> bool:
    """Whether some chain has the next token independent of the lag: there the coefficient is 0. It is minus a sum of
    squares over positive numbers.
    """
    from proofs.sub_ngrams.escape import generic_words, squares, word_weights

    chains = [word_weights(kernel) for kernel in kernels] or [generic_words(S, n)]
    return any(all(term.residual == 0 for term in squares(words, lags, lag)) for words in chains)


def features(lags: tuple[int, ...], lag: int) -> list[Feature]:
    """How the lag's feature can be built, if it needs heads: with V = I given; with all heads aligned; from nothing."""
    from proofs.sub_ngrams.escape import Feature

    feature = Feature.of_lag(lags, lag)
    if not feature.new_heads:
        return [feature]
    aligned = Feature.of_lag(lags, lag, aligned=feature.new_heads)
    return [feature, aligned, Feature.of_lag(lags, lag, values=True)]


@claim("SN12c", "for every kernel (control)", vacuous=no_unused_lag, origin=Origin.CONTROL)
def always_negative(settings: SubNGramSettings, run: Run) -> Finding:
    """The derivative of SN12 is strictly negative for every kernel with positive entries.

    A kernel that reads the used lags only refutes it.
    """
    from proofs.sub_ngrams.escape import Feature, coefficient, kernel_on_lags, unused_lags, word_weights

    S, n, lags = settings.S, settings.n, settings.lag_set
    unused = unused_lags(n, lags)
    seconds = elimination(S, n) + derivatives(S, n, lags, ways=1, order=len(lags) + 1)
    if seconds > run.seconds:
        return too_dear(seconds, run, what="the derivatives for one rational kernel", scope=f"S={S}, n={n}")
    (rows,) = rational_kernels(S, len(lags) + 1, 1, settings.seed)
    kernel = kernel_on_lags(S, n, lags, rows)
    words = word_weights(kernel)
    found = {lag: coefficient(words, Feature.of_lag(lags, lag)) for lag in unused}
    lag = next((lag for lag in unused if not found[lag] < 0), None)
    witness = {} if lag is None else {"kernel": kernel, "lag": lag, "coefficient": Fraction(found[lag])}
    return decide(
        lag is None,
        evidence=Evidence.EXACT,
        scope=f"S={S}, n={n}, lags {_set(lags)}; one kernel, that ignores all other lags",
        instances=len(unused),
        found="" if lag is None else f"{found[lag]} at lag {lag}",
        predicted="0",
        counterexample=None if lag is None else Counterexample(witness, partial(is_not_negative, kernel, lags, lag)),
        details={"coefficients": {str(lag): str(x) for lag, x in found.items()}},
        certificate=None if lag is None else Certificate({"S": S, "n": n, "lags": lags}, witness),
        undecided="a coefficient was not computed",
    )


def is_not_negative(kernel: Kernel, lags: tuple[int, ...], lag: int) -> bool:
    """Whether tr M_{lag-1,lag}, by the closed form of the score blocks, is not below 0."""
    from proofs.sub_ngrams.infinite_length import limit_blocks

    block = limit_blocks(kernel, lags, None, [(lag - 1, lag)])[lag - 1, lag]
    return bool(sum((block[v][v] for v in range(len(block))), Fraction(0)) >= 0)


def _set(lags: tuple[int, ...]) -> str:
    return f"{{{','.join(map(str, lags))}}}"
