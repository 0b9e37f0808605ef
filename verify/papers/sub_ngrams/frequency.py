"""SN24, SN25a and SN26a with controls: the k-gram with a frequency term, exactly."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING

from proofs.identities import Identities
from proofs.sub_ngrams.law import NGramLaw
from verify.claim import (
    Certificate,
    Counterexample,
    Evidence,
    Finding,
    Origin,
    Run,
    claim,
    decide,
    from_identities,
    how_many,
    too_dear,
)
from verify.papers.sub_ngrams.kernels import chosen_kernels, elimination, in_words
from verify.papers.sub_ngrams.premises import first_of, kernel_with_a_zero, other_law
from verify.papers.sub_ngrams.settings import SubNGramSettings

if TYPE_CHECKING:
    from proofs.sub_ngrams.frequency import FrequencyConfiguration
    from proofs.sub_ngrams.frequency_effect import FrequencyEffect

WIDEST_STREAM = 9  # n S of the largest network that is written out with all it reads as symbols
MOST_SEQUENCES = 250  # gone through one by one in rationals
LEAST_ALPHA = Fraction(1, 2)  # below, kernels are nearly deterministic, and the term may raise the loss
SMALL_ALPHA = Fraction(1, 1000)
KERNELS = 3  # rational kernels on which the curvature is looked at
EFFECTS = ("slope", "corpus", "previous", "gain")
DETAILS = {"gain": "lower bound on the gain"}  # the other names are those of the effects


def no_head(settings: SubNGramSettings) -> str:
    return "" if settings.n > 1 else "at n=1 there is no head that could read frequencies"


def no_head_or_spread(settings: SubNGramSettings) -> str:
    return no_head(settings) or (
        "" if settings.law.alpha >= LEAST_ALPHA else f"alpha={settings.alpha} is below {LEAST_ALPHA}"
    )


@claim(
    "SN24",
    "network with a frequency term",
    assumptions=("padded heads in the first layer",),
    vacuous=no_head,
    reference="mathematics/sub-n-grams/training#sn24",
)
def network_with_a_frequency_term(settings: SubNGramSettings, run: Run) -> Finding:
    """For every k <= n and all c_1..c_{k-1}, beta >= 0, the network with padded heads, Q_{l-1} = K_l = sqrt(c_l) I in
    slot l, Q_{n-1} = sqrt(beta) I, K_0 = -sqrt(beta) I in slot 0, and head n-1 uniform at the last position, has the
    logits z_j = sum_l c_l m_jl - beta f(x_j): it is theta_k^+. At k = n the head that reads f there is that of lag n-1
    too, and for j = T the match m_jl in that lag is f(x_{T-n+2}).

    z as a function of whatever the heads read, as symbols, so that T and the sequence are any; then what they read on
    every short sequence.
    """
    from proofs.sub_ngrams import frequency

    S, n = narrow(settings)
    T = max(n, 4)

    def prove() -> list[Identities]:
        every = [frequency.every_sequence_identity(S, n, k) for k in range(1, n + 1)]
        return every + [frequency.frequency_exponents(S, n, k, T) for k in range(1, n + 1)]

    scope = f"padded heads; every c, beta; S={S}, n={n}, k=1..{n}; z for any reads; reads of all sequences, T={T}"
    return from_identities(prove, scope, certificate=Certificate({"S": S, "n": n, "T": T}))


def narrow(settings: SubNGramSettings) -> tuple[int, int]:
    """(S, n) of the settings, or of the largest smaller network that is written out in seconds."""
    S = settings.S if settings.n * settings.S <= WIDEST_STREAM else max(2, WIDEST_STREAM // settings.n)
    return S, min(settings.n, WIDEST_STREAM // S)


def short(law: NGramLaw) -> tuple[NGramLaw, int]:
    """The law, or one with fewer tokens and lags, and a length at which all sequences can be gone through."""
    n = min(law.n, 4)
    S = max((S for S in range(2, law.S + 1) if S ** (n + 1) <= MOST_SEQUENCES), default=2)
    T = max(T for T in range(n + 1, n + 3) if n + 1 == T or S**T <= MOST_SEQUENCES)
    return replace(law, S=S, n=n), T


def configurations(n: int, T: int) -> list[FrequencyConfiguration]:
    """theta_k^+ for k = 1..n at e^(c_l/T) = 1 + 1/T, so that c_l is nearly 1, and e^(-beta/T) = 1 - 1/(2T)."""
    from proofs.sub_ngrams.frequency import FrequencyConfiguration

    damping = 1 - Fraction(1, 2 * T)
    return [FrequencyConfiguration(n, T, (1 + Fraction(1, T),) * (k - 1), damping) for k in range(1, n + 1)]


Test = Callable[["FrequencyEffect"], bool]
Shown = Callable[["FrequencyEffect"], Mapping[str, Fraction]]


def effects(law: NGramLaw, T: int, holds: Test, shown: Shown, predicted: str) -> Finding:
    """Whether the test holds for k = 1..n, by the exact effect of the term on all sequences of length T."""
    from proofs.sub_ngrams.frequency_effect import frequency_effect

    found = [(c, frequency_effect(law, c)) for c in configurations(law.n, T)]
    failed = next(((c, effect) for c, effect in found if not holds(effect)), None)
    at, effect = failed or max(found, key=lambda pair: pair[1].slope)
    worst = shown(effect)
    root, damping = 1 + Fraction(1, T), found[0][0].damping
    return decide(
        failed is None,
        evidence=Evidence.EXACT,
        scope=f"padded heads; S={law.S}, n={law.n}, T={T}, alpha={law.alpha}, initial {law.initial}, k=1..{law.n}; "
        f"e^(c/T) = {root}, e^(-beta/T) = {damping}",
        instances=len(found),
        found=f"k={at.k}: " + ", ".join(f"{name} = {f'{float(x):.4f}' if x else 0}" for name, x in worst.items()),
        predicted=predicted,
        counterexample=Counterexample(
            {"k": failed[0].k} | {name: str(value) for name, value in worst.items()},
            partial(fails_by_the_network, law, failed[0], holds),
        )
        if failed
        else None,
        certificate=Certificate(
            {"S": law.S, "n": law.n, "T": T, "alpha": law.alpha, "initial": law.initial}
            | {"e^(c/T)": root, "e^(-beta/T)": damping},
            {name: [getattr(effect, name) for _, effect in found] for name in EFFECTS},
        ),
        undecided="an effect is not of the sign that is claimed",
        details={
            f"k={c.k}": {DETAILS.get(name, name): str(getattr(effect, name)) for name in EFFECTS} for c, effect in found
        },
    )


def at_settings(settings: SubNGramSettings, holds: Test, shown: Shown, predicted: str) -> Finding:
    """The same under the law of the settings, or one with fewer tokens and lags."""
    return effects(*short(settings.law), holds, shown, predicted)


def fails_by_the_network(law: NGramLaw, configuration: FrequencyConfiguration, holds: Test) -> bool:
    """Whether the test fails on the effect that the literal network has, differentiated by sympy (all slopes), and on
    the losses themselves in floats with a margin (the gain).
    """
    import math
    from itertools import product

    from proofs.sub_ngrams.frequency_effect import FrequencyEffect
    from proofs.sub_ngrams.literal_network import score_derivative

    S, T, plain = law.S, configuration.T, replace(configuration, damping=Fraction(1))
    slope = corpus = previous = Fraction(0)
    gain = 0.0
    for x in product(range(S), repeat=T):
        weight, P, E = law.probability(x), law.predictive(x), plain.weights(x)
        p, corrected = plain.output(x, S), configuration.output(x, S)
        gain += sum(float(weight * P[s]) * math.log(corrected[s] / p[s]) for s in set(x))
        for j in range(T):
            g = weight * Fraction(score_derivative(x, j, E, P))
            slope -= g * Fraction(x.count(x[j]), T)
            corpus -= g * Fraction(1, S)  # the law is the same for all tokens
            previous -= g * Fraction(x.count(x[j - 1]), T) if j else 0
    return not holds(FrequencyEffect(slope, corpus, previous, Fraction(gain)))


@claim(
    "SN25a",
    "a frequency term lowers the loss",
    requires=("SN1",),
    assumptions=("padded heads in the first layer",),
    vacuous=first_of(other_law, no_head_or_spread),
    reference="mathematics/sub-n-grams/training#sn25a",
)
def lowers_the_loss(settings: SubNGramSettings, run: Run) -> Finding:
    """Where alpha >= 1/2, dL/dbeta < 0 at theta_k, and the loss of theta_k^+ is lower than that of theta_k, at the same
    scales, by at least E sum_s P(s) (1 - p(s)/p^+(s)) > 0, sums over the tokens that occur. Decided is this for the k,
    T, c and beta in the scope.

    All sequences of a short length, in rationals.
    """
    return at_settings(settings, _lowers, _slope_and_gain, "below 0, above 0")


@claim(
    "SN25c",
    "frequencies of the corpus (control)",
    requires=("SN1",),
    assumptions=("padded heads in the first layer",),
    vacuous=first_of(no_head, other_law),
    beside="SN25a",
    origin=Origin.CONTROL,
    reference="mathematics/sub-n-grams/training#sn25c",
)
def frequencies_of_the_corpus(settings: SubNGramSettings, run: Run) -> Finding:
    """A term -beta f(x_j) with the frequencies f of the whole corpus, in place of the sequence's own, has dL/dbeta < 0
    at theta_k.

    They are the same for all tokens, so that the term changes nothing: the slope is 0.
    """
    return at_settings(settings, lambda e: e.corpus < 0, lambda e: {"dL/dbeta": e.corpus}, "0")


@claim(
    "SN25d",
    "term on the token before (control)",
    requires=("SN1",),
    assumptions=("padded heads in the first layer",),
    vacuous=first_of(other_law, no_head_or_spread),
    beside="SN25a",
    origin=Origin.CONTROL,
    reference="mathematics/sub-n-grams/training#sn25d",
)
def term_on_the_token_before(settings: SubNGramSettings, run: Run) -> Finding:
    """A term -beta f(x_{j-1}) lowers the loss at least half as fast as the term -beta f(x_j): at theta_k its dL/dbeta
    is at most half of the other one, which is below 0.

    Exact slopes over all sequences of a short length.
    """
    return at_settings(settings, _as_good_before, _both_slopes, "above half of that of the term on x_j")


@claim(
    "SN25f",
    "nearly deterministic kernels (control)",
    requires=("SN1",),
    assumptions=("padded heads in the first layer",),
    beside="SN25a",
    origin=Origin.CONTROL,
    reference="mathematics/sub-n-grams/training#sn25f",
)
def nearly_deterministic_kernels(settings: SubNGramSettings, run: Run) -> Finding:
    """At alpha = 1/1000 too, dL/dbeta < 0 at theta_k.

    There a sequence repeats itself, and to shrink an estimate towards uniform costs. One law.
    """
    return effects(
        NGramLaw(2, 2, SMALL_ALPHA), 6, lambda e: e.slope < 0, lambda e: {"dL/dbeta": e.slope}, "not below 0"
    )


def _slope_and_gain(effect: FrequencyEffect) -> Mapping[str, Fraction]:
    return {"dL/dbeta": effect.slope, DETAILS["gain"]: effect.gain}


def _both_slopes(effect: FrequencyEffect) -> Mapping[str, Fraction]:
    return {"dL/dbeta": effect.previous, "that of the term on x_j": effect.slope}


def _lowers(effect: FrequencyEffect) -> bool:
    return effect.slope < 0 < effect.gain


def _as_good_before(effect: FrequencyEffect) -> bool:
    return 2 * effect.previous <= effect.slope


@claim(
    "SN26a",
    "no frequency term at infinite length",
    assumptions=("T -> infinity before c -> infinity",),
    vacuous=first_of(no_head, kernel_with_a_zero),
    reference="mathematics/sub-n-grams/training#sn26a",
)
def nothing_at_infinite_length(settings: SubNGramSettings, run: Run) -> Finding:
    """At T = infinity, then c = infinity, given a kernel with positive entries, dL/dbeta = 0 at beta = 0, and the
    second derivative, the mean of the variance of f under p, is at least 0 at every beta: theta_k is the best
    theta_k^+, and the ladder of SN11 is untouched.

    dL/dbeta for all kernels and f, as symbols; the curvature on rational kernels.
    """
    from proofs.sub_ngrams.escape import word_weights
    from proofs.sub_ngrams.frequency_effect import calibrated_at_infinity, curvature_at_infinity

    S, n = settings.S, settings.n
    count = how_many(KERNELS, 2 * elimination(S, n), run)
    if not count:
        return too_dear(2 * elimination(S, n), run, what="the curvature on one rational kernel", scope=f"S={S}, n={n}")
    kernels = chosen_kernels(settings, count)
    generic = (2, min(n, 3))

    proofs = [calibrated_at_infinity(*generic, k) for k in range(1, generic[1] + 1)]
    found = [
        (kernel, k, *curvature_at_infinity(word_weights(kernel), k)) for kernel in kernels for k in range(1, n + 1)
    ]
    bad = next(((kernel, k) for kernel, k, slope, curvature in found if slope != 0 or not curvature >= 0), None)
    return decide(
        all(proof.hold for proof in proofs) and bad is None,
        evidence=Evidence.PROOF,
        scope=f"every kernel and f at S=2, n={generic[1]}; {in_words(settings, len(kernels))}, S={S}, n={n}, k=1..{n}",
        instances=len(found),
        found=f"dL/dbeta = 0, second derivative at least {float(min(curvature for *_, curvature in found)):.2g}"
        if bad is None
        else "dL/dbeta not 0",
        predicted="0, at least 0",
        counterexample=Counterexample(
            {"kernel": [[str(x) for x in row] for row in bad[0]], "k": bad[1]}, partial(slope_stays, *bad)
        ) if bad else None,
        certificate=Certificate({"S": generic[0], "n": generic[1], "kernels": "every positive kernel"}),
        undecided="a slope is not 0",
    )  # fmt: skip


def slope_stays(kernel: Sequence[Sequence[Fraction]], k: int) -> bool:
    """Whether dL/dbeta is not 0 on this kernel: context by context, with conditional laws from sums over words."""
    from proofs.sub_ngrams.escape import word_weights
    from verify.papers.sub_ngrams.loss import law_at

    words, lags = word_weights(kernel), range(1, k)
    read, one, total = law_at(words, lags), law_at(words, ()), sum(words.values())
    slope = Fraction(0)
    for word, weight in words.items():
        h, f = tuple(word[-1 - lag] for lag in lags), one[(), word[-1]]
        mean = sum(p * one[(), s] for (g, s), p in read.items() if g == h and s is not None) / read[h, None]
        slope += weight / total * (f - mean)
    return slope != 0
