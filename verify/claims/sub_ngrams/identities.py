"""SN1 to SN4: what the network computes and what its gradient is, as identities."""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from proofs.identities import Identities
from proofs.sub_ngrams import derivation, estimator, sufficient_condition
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.sufficient_condition import FiniteSpace, Shape
from verify.claim import Certificate, Counterexample, Evidence, Finding, Run, decide, from_identities
from verify.claims.sub_ngrams.settings import SubNGramSettings, braces

WIDEST_STREAM = 9  # n S of the largest network that is differentiated with all of its parameters as symbols
ENUMERABLE = 1000  # sequences that are gone through one by one in rationals
SHAPES: tuple[Shape, ...] = ((1, 2, 2), (2, 2, 2), (2, 2, 3), (3, 2, 2), (2, 3, 2))  # atoms, outcomes, tokens


def score_identity(settings: SubNGramSettings, run: Run) -> Finding:
    """SN1: dl/dz for all logits, then dl/dW for all W."""
    S, n, T, _ = affordable(settings)

    def prove() -> list[Identities]:
        return [derivation.score_identity(S, T), derivation.merged_identity(S, n, T)]

    scope = f"all W, z, P; S={S}, n={n}, T={T}, every sequence"
    return from_identities(prove, scope, certificate=Certificate({"S": S, "n": n, "T": T}))


def chain_rule(settings: SubNGramSettings, run: Run) -> Finding:
    """SN2: every entry of the gradient in Q, K, V; the exponents m_j; the saturation of soft heads."""
    S, n, T, lags = affordable(settings)

    def prove() -> list[Identities]:
        proofs = [derivation.exponent_identity(S, n, T, lags), derivation.chain_rule(S, n, T, lags)]
        return proofs + ([derivation.saturation(n, T)] if n > 1 else [])

    scope = f"all c, q, P; S={S}, n={n}, T={T}, lags {braces(lags)}, every sequence"
    return from_identities(prove, scope, certificate=Certificate({"S": S, "n": n, "T": T, "lags": lags}))


def estimator_bound(settings: SubNGramSettings, run: Run) -> Finding:
    """SN3: proved as a polynomial inequality for all S, T, q, lags; and every sequence of a short length."""
    return _estimator(settings, Fraction(2))


def estimator_half_bound(settings: SubNGramSettings, run: Run) -> Finding:
    """SN3c, a control: half the bound is too small."""
    return _estimator(settings, Fraction(1))


def _estimator(settings: SubNGramSettings, constant: Fraction) -> Finding:
    longest = settings.enumerable_length(ENUMERABLE)
    qs = settings.q or (Fraction(2), Fraction(100))
    cases = [(Configuration(settings.lag_set, q), T) for q in qs for T in range(settings.n, longest + 1)]
    checks = [estimator.check_estimator(settings.S, configuration, T, constant) for configuration, T in cases]
    proved = estimator.bound_is_proved(constant) or not settings.lag_set
    largest = max((check.largest for check in checks if check.largest is not None), default=Fraction(0))
    outside = next(
        ((c, x) for (c, _), x in zip(cases, (check.counterexample for check in checks), strict=True) if x), None
    )
    parameters: dict[str, Any] = {"S": settings.S, "n": settings.n, "lags": settings.lag_set}
    if outside:
        certificate = Certificate({**parameters, "q": Fraction(outside[0].q)}, {"x": outside[1]})
    else:
        lengths = {"first T": settings.n, "last T": longest}
        certificate = Certificate({**parameters, "q": qs, **lengths}, {"instances": sum(c.instances for c in checks)})
    return decide(
        proved and not outside,
        evidence=Evidence.EXACT if outside else Evidence.PROOF,
        scope=f"{'' if outside else 'every S, T, q, lags; by exhaustion '}S={settings.S}, T={settings.n}..{longest}, "
        f"q in {braces(qs)}",
        instances=sum(check.instances for check in checks),
        found=f"largest ratio {float(largest):.4f}",
        predicted="<= 1" if constant == 2 else "above 1" if settings.lag_set else "0 without lags",
        counterexample=_outside(*outside, constant) if outside else None,
        details={"largest ratio to the bound": str(largest), "q": qs},
        certificate=certificate,
    )


def _outside(configuration: Configuration, x: Sequence[int], constant: Fraction) -> Counterexample:
    """A sequence beyond the bound, evaluated again with the network's weights written out."""
    lags, q, T = configuration.lags, Fraction(configuration.q), len(x)

    def still_outside() -> bool:
        m = [sum(j >= lag and x[j - lag] == x[T - lag] for lag in lags) for j in range(T)]
        weights = [q**m_j for m_j in m]
        matched = [j for j in range(T) if m[j] == len(lags)]
        distance = Fraction(0)
        for s in set(x):
            p = sum((w for w, x_j in zip(weights, x, strict=True) if x_j == s), Fraction(0)) / sum(weights)
            distance += abs(p - Fraction(sum(x[j] == s for j in matched), len(matched)))
        return distance > constant * (T - len(matched)) / (q * len(matched))

    return Counterexample({"x": list(x), "q": str(q), "lags": list(lags)}, still_outside)


def sufficient_condition_holds(settings: SubNGramSettings, run: Run) -> Finding:
    """SN4: generic finite spaces, all weights, kernels and derivatives symbols; and random spaces in rationals."""
    spaces = [
        sufficient_condition.random_space(random.Random(settings.seed + i), shape)
        for i, shape in enumerate(shape for shape in SHAPES for _ in range(4))
    ]
    good = all(s.consistent and s.measurable and s.predicts_conditional and s.gradient == 0 for s in spaces)

    def prove() -> list[Identities]:
        return [sufficient_condition.tower_identity(shape) for shape in SHAPES]

    return from_identities(
        prove,
        "all finite spaces with atoms x outcomes x tokens up to 3x2x2, 2x3x2, 2x2x3",
        also=good,
        certificate=Certificate({"shapes": SHAPES}),
    )


def without_measurability(settings: SubNGramSettings, run: Run) -> Finding:
    """SN4c, a control: condition (ii) dropped."""
    space = sufficient_condition.counterexample(random.Random(settings.seed), "ii")
    return decide(
        space is None and sufficient_condition.tower_identity(SHAPES[0], "ii").hold,
        evidence=Evidence.EXACT,
        scope="finite spaces with one atom, 2 outcomes, 2 tokens",
        instances=1,
        found="no counterexample" if space is None else f"gradient {space.gradient}",
        predicted="not 0",
        counterexample=None if space is None else _space_as_counterexample(space),
        certificate=None if space is None else Certificate({}, {**_as_values(space), "gradient": space.gradient}),
    )


def _space_as_counterexample(space: FiniteSpace) -> Counterexample:
    def gradient_again() -> bool:
        total = Fraction(0)
        for g, weights in enumerate(space.weight):
            for o, weight in enumerate(weights):
                for tau, d in zip(space.tau[g][o], space.dlogp[g][o], strict=True):
                    total -= Fraction(weight) * tau * d
        return total != 0 and space.consistent and space.predicts_conditional and not space.measurable

    return Counterexample(_as_values(space), gradient_again)


def _as_values(space: FiniteSpace) -> dict[str, Any]:
    return {"weight": space.weight, "tau": space.tau, "p": space.p, "dlogp": space.dlogp}


def affordable(settings: SubNGramSettings) -> tuple[int, int, int, tuple[int, ...]]:
    """(S, n, T, lags) of the settings, or of the largest smaller network that sympy differentiates in seconds."""
    S, n = settings.S, settings.n
    if n * S > WIDEST_STREAM:
        S = max(2, WIDEST_STREAM // n)
    n = min(n, WIDEST_STREAM // S)
    return S, n, max(n, 5 if S == 2 else 4), tuple(lag for lag in settings.lag_set if lag < n)
