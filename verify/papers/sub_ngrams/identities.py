"""SN1 to SN4: what the network computes and what its gradient is, as identities."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

from proofs.identities import Identities
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import Word
from verify.claim import Certificate, Counterexample, Evidence, Finding, Origin, Run, claims_on, decide, from_identities
from verify.papers.sub_ngrams.premises import control_unless_no_lags
from verify.papers.sub_ngrams.settings import SubNGramSettings, braces

if TYPE_CHECKING:
    from proofs.sub_ngrams.sufficient_condition import FiniteSpace, Shape

claim = claims_on("mathematics/sub-n-grams/gradient")

WIDEST_STREAM = 9  # n S of the largest network that is differentiated with all of its parameters as symbols
ENUMERABLE = 1000  # sequences that are gone through one by one in rationals
MOST_SEQUENCES = 5000  # likewise, of the shortest length
MOST_SCALES = 5  # of the user, on all of these
SHAPES: tuple[Shape, ...] = ((1, 2, 2), (2, 2, 2), (2, 2, 3), (3, 2, 2), (2, 3, 2))  # atoms, outcomes, tokens
RANDOM_SPACES = 4  # of each shape, in rationals


@claim("SN1", "gradient in the attention logits")
def score_identity(settings: SubNGramSettings, run: Run) -> Finding:
    """For one sequence, dl/dz_j = rho a_j - P(x_j) a_j / p(x_j), and dl/dW_ab[v,v'] sums it over the positions j with
    x_{T-a} = v and x_{j-b} = v'.

    First dl/dz for all logits, then dl/dW for all W.
    """
    from proofs.sub_ngrams import derivation

    S, n, T, _ = affordable(settings)

    def prove() -> list[Identities]:
        return [derivation.score_identity(S, T), derivation.merged_identity(S, n, T)]

    scope = f"all W, z, P, dl/dW with padded heads; S={S}, n={n}, T={T}, every sequence"
    return from_identities(prove, scope, certificate=Certificate({"S": S, "n": n, "T": T}))


@claim(
    "SN2", "chain rule to Q, K, V", requires=("SN1",), assumptions=("hard heads in the first layer, c_A -> infinity",)
)
def chain_rule(settings: SubNGramSettings, run: Run) -> Finding:
    """At a configuration with hard heads the gradient in Q, K, V consists of the score blocks M_{a,l} and M_{l-1,b} for
    lags l in Lambda, times sqrt(c) for Q and K and c for V; every other entry of it is 0. The weights of a saturated
    row of A do not move with its logits. Where there is no position t-h, padded heads read 0, whatever A is. Literal
    heads read the mean of the t tokens up to there; for h in Lambda the derivative in entry i of that row of A_h is
    then (c/t) g_t (y_i - y), where y_i = 1{x_i = x_{T-h+1}} and y is the mean of y_1..y_t, and for other h it is 0.

    Every entry of the gradient in Q, K, V, and in the rows of A that average; the number m_j of matching lags, for
    which z_j = c m_j; the saturation of the other rows.
    """
    from proofs.sub_ngrams import derivation

    S, n, T, lags = affordable(settings)
    kinds = settings.kinds_of_heads

    def prove() -> list[Identities]:
        proofs = []
        for heads in kinds:
            proofs.append(derivation.exponent_identity(S, n, T, lags, heads))
            proofs.append(derivation.chain_rule(S, n, T, lags, heads=heads))
        if n > 1:
            proofs.append(derivation.saturation(n, T))
            proofs += [derivation.averaging_rows(S, n, T, lags)] if "literal" in kinds else []
        return proofs

    scope = f"{' and '.join(kinds)} heads; all c, q, P; S={S}, n={n}, T={T}, lags {braces(lags)}, every sequence"
    parameters = {"S": S, "n": n, "T": T, "lags": lags, "heads": list(kinds)}
    return from_identities(prove, scope, certificate=Certificate(parameters))


@claim(
    "SN3",
    "configuration = estimator",
    assumptions=("padded heads in the first layer",),
    reference="mathematics/sub-n-grams/configuration#sn3",
)
def estimator_bound(settings: SubNGramSettings, run: Run) -> Finding:
    """Where the context h has occurred, sum_s |p_theta(s) - N(h,s)/N(h)| <= 2 (T - N(h)) / (q N(h)).

    Proved as a polynomial inequality for all S, T, q, lags; and every sequence of a short length.
    """
    return _estimator(settings, Fraction(2))


@claim(
    "SN3c",
    "half that bound (control)",
    expected=control_unless_no_lags,
    origin=Origin.CONTROL,
    assumptions=("padded heads in the first layer",),
    reference="mathematics/sub-n-grams/configuration#sn3c",
)
def estimator_half_bound(settings: SubNGramSettings, run: Run) -> Finding:
    """Where the context h has occurred, sum_s |p_theta(s) - N(h,s)/N(h)| <= (T - N(h)) / (q N(h)).

    Half the bound is too small: some sequence has a larger distance.
    """
    return _estimator(settings, Fraction(1))


def _estimator(settings: SubNGramSettings, constant: Fraction) -> Finding:
    """The bound with this constant, by its proof and on short sequences; without lags (both sides 0) on these alone."""
    from proofs.sub_ngrams import estimator

    settings = few_tokens(settings)
    lags, longest = settings.lag_set, settings.enumerable_length(ENUMERABLE)
    qs = settings.q[:MOST_SCALES] or (Fraction(2), Fraction(100))
    configurations = [Configuration(lags, q) for q in qs]
    lengths = range(settings.n, longest + 1)
    found = [(c, estimator.check_estimator(settings.S, c, T, constant)) for c in configurations for T in lengths]
    checks = [check for _, check in found]
    proved = estimator.bound_is_proved(constant)
    scope = f"S={settings.S}, lags {braces(lags)}, T={settings.n}..{longest}"
    if lags and not proved and not any(check.counterexample for check in checks):
        found += [(c, estimator.check_sequences(of_two_tokens(settings), 2, c, constant)) for c in configurations]
        scope += f", of two tokens T={settings.n}..{two_token_length(settings)}, and 0..0 1 0..0"
    largest = max((check.largest for _, check in found if check.largest is not None), default=Fraction(0))
    outside = next(((c, check.counterexample) for c, check in found if check.counterexample), None)
    parameters: dict[str, Any] = {"S": settings.S, "n": settings.n, "lags": lags}
    if outside:
        certificate = Certificate({**parameters, "q": Fraction(outside[0].q)}, {"x": outside[1]})
    else:
        reached = {"first T": settings.n, "last T": longest}
        certificate = Certificate({**parameters, "q": qs, **reached}, {"instances": sum(c.instances for c in checks)})
    remedy = "a step of the proof does not hold" if constant == 2 else "a larger q=, or fewer lags, may show one"
    return decide(
        (proved or not lags) and not outside,
        evidence=Evidence.PROOF if proved and not outside else Evidence.EXACT,
        scope=f"padded heads; {'every S, T, q, lags; by exhaustion ' if proved and not outside else ''}{scope}, "
        f"q in {braces(qs)}",
        instances=sum(check.instances for _, check in found),
        found=f"largest ratio to the bound {float(largest):.4f}"
        + (
            f"; {ratio_to_the_bound(outside[1], Fraction(outside[0].q), lags, constant)} at the sequence shown"
            if outside
            else ""
        ),
        predicted="<= 1" if constant == 2 else "above 1" if lags else "0 without lags",
        counterexample=_outside(*outside, constant) if outside else None,
        details={"largest ratio to the bound": str(largest), "q": qs},
        certificate=certificate,
        undecided=f"no sequence in the scope exceeds the bound, but it is not proved: {remedy}",
    )


def two_token_length(settings: SubNGramSettings) -> int:
    return settings.model_copy(update={"S": 2}).enumerable_length(ENUMERABLE)


def of_two_tokens(settings: SubNGramSettings) -> Iterator[Word]:
    """Sequences that are among those of any S: all up to a length that S tokens do not reach; and 0..0 1 0..0, the
    shortest in which the context of as many 0 as the longest lag comes again, after another token than the first time.
    """
    for T in range(settings.n, two_token_length(settings) + 1):
        yield from product(range(2), repeat=T)
    after = max(settings.lag_set)
    before = max(after, settings.n - 1 - after)  # n tokens at least
    yield (0,) * before + (1,) + (0,) * after


def few_tokens(settings: SubNGramSettings) -> SubNGramSettings:
    """With so few tokens that all sequences of length n can be gone through."""
    S = max(S for S in range(2, settings.S + 1) if S == 2 or S**settings.n <= MOST_SEQUENCES)
    return settings if settings.S == S else settings.model_copy(update={"S": S})


def _outside(configuration: Configuration, x: Sequence[int], constant: Fraction) -> Counterexample:
    lags, q = configuration.lags, Fraction(configuration.q)
    values = {"x": list(x), "q": str(q), "lags": list(lags)}
    return Counterexample(values, partial(is_beyond_the_bound, x, q, lags, constant))


def is_beyond_the_bound(x: Sequence[int], q: Fraction, lags: Sequence[int], constant: Fraction) -> bool:
    """Whether a sequence is beyond the bound."""
    return ratio_to_the_bound(x, q, lags, constant) > 1


def ratio_to_the_bound(x: Sequence[int], q: Fraction, lags: Sequence[int], constant: Fraction) -> Fraction:
    """The distance of a sequence over the bound, with the network's weights written out; 0 where the bound is 0 or says
    nothing."""
    T = len(x)
    m = [sum(j >= lag and x[j - lag] == x[T - lag] for lag in lags) for j in range(T)]
    weights = [q**m_j for m_j in m]
    matched = [j for j in range(T) if m[j] == len(lags)]
    if len(matched) in (0, T):
        return Fraction(0)
    distance = Fraction(0)
    for s in set(x):
        p = sum((w for w, x_j in zip(weights, x, strict=True) if x_j == s), Fraction(0)) / sum(weights)
        distance += abs(p - Fraction(sum(x[j] == s for j in matched), len(matched)))
    return distance / (constant * (T - len(matched)) / (q * len(matched)))


@claim("SN4", "sufficient condition")
def sufficient_condition_holds(settings: SubNGramSettings, run: Run) -> Finding:
    """On a finite probability space, if for a partition G (i) p_theta(s) = E[tau(s|u) | G] and (ii) d log p_theta(s) is
    G-measurable, then the derivative -E sum_s tau(s|u) d log p_theta(s) of the population loss is 0. That a
    configuration of the network meets (i) and (ii) is SN4n.

    Generic finite spaces, all weights, kernels and derivatives symbols; and random spaces in rationals.
    """

    from proofs.sub_ngrams import sufficient_condition

    def prove() -> list[Identities]:
        generic = [sufficient_condition.tower_identity(shape) for shape in SHAPES]
        return [*generic, sufficient_condition.on_random_spaces(SHAPES, RANDOM_SPACES, settings.seed)]

    shapes = ", ".join("x".join(map(str, shape)) for shape in SHAPES)
    return from_identities(
        prove,
        f"generic finite spaces, atoms x outcomes x tokens: {shapes}; {RANDOM_SPACES} rational ones of each, "
        "whose conditions are looked at too",
        certificate=Certificate({"shapes": SHAPES}),
    )


@claim("SN4c", "without condition (ii) (control)", origin=Origin.CONTROL)
def without_measurability(settings: SubNGramSettings, run: Run) -> Finding:
    """On a finite probability space, if p_theta(s) = E[tau(s|u) | G] for a partition G, then the derivative -E sum_s
    tau(s|u) d log p_theta(s) of the population loss is 0.

    Condition (ii) is dropped.
    """
    from proofs.sub_ngrams import sufficient_condition

    space = sufficient_condition.counterexample(random.Random(settings.seed), "ii")
    return decide(
        False,
        evidence=Evidence.EXACT,
        scope="one space: 1 atom, 2 outcomes, 2 tokens",
        instances=1,
        found="no counterexample" if space is None else f"derivative {space.gradient}",
        predicted="not 0",
        counterexample=None
        if space is None
        else Counterexample(_as_values(space), partial(violates_the_condition, **_as_values(space))),
        certificate=None if space is None else Certificate({}, {**_as_values(space), "gradient": space.gradient}),
        undecided="no space with condition (i), without (ii) and with a gradient was drawn",
    )


def violates_the_condition(weight: Any, tau: Any, p: Any, dlogp: Any) -> bool:
    """Whether this space has condition (i), not (ii), and a gradient that is not 0: from the numbers alone."""
    gradient = Fraction(0)
    for weights, taus, p_g, ds in zip(weight, tau, p, dlogp, strict=True):
        mean = [sum(w * row[s] for w, row in zip(weights, taus, strict=True)) for s in range(len(p_g))]
        if [m / sum(weights) for m in mean] != list(p_g):
            return False
        for w, row, d in zip(weights, taus, ds, strict=True):
            if sum(p_s * d_s for p_s, d_s in zip(p_g, d, strict=True)) != 0:
                return False
            gradient -= w * sum(t * d_s for t, d_s in zip(row, d, strict=True))
    return gradient != 0 and any(d != ds[0] for ds in dlogp for d in ds)


def _as_values(space: FiniteSpace) -> dict[str, Any]:
    return {"weight": space.weight, "tau": space.tau, "p": space.p, "dlogp": space.dlogp}


def affordable(settings: SubNGramSettings) -> tuple[int, int, int, tuple[int, ...]]:
    """(S, n, T, lags) of the settings, or of the largest smaller network that sympy differentiates in seconds."""
    S, n = settings.S, settings.n
    if n * S > WIDEST_STREAM:
        S = max(2, WIDEST_STREAM // n)
    n = min(n, WIDEST_STREAM // S)
    return S, n, max(n, 5 if S == 2 else 4), tuple(lag for lag in settings.lag_set if lag < n)
