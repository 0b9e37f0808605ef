"""SN16 and SN17: bounds on the score blocks at every length, without mixing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import partial
from itertools import product
from typing import Any, TypeVar

from proofs.sub_ngrams import adversaries
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.finite_length import FiniteLength, at_most, ball, phi
from proofs.sub_ngrams.law import Word
from verify.claim import (
    Certificate,
    Counterexample,
    Evidence,
    Finding,
    Origin,
    Run,
    claims_on,
    decide,
    too_dear,
)
from verify.papers.sub_ngrams import steps
from verify.papers.sub_ngrams.finite_length_blocks import (
    NO_TEST,
    Compared,
    Problem,
    annealed_full_context,
    annealed_problems,
    annealed_type_one,
    drawn_kernels,
    first_below_one,
    how_near,
    in_rationals,
    kernel_problems,
    starts,
    type_one_of_kernel,
)
from verify.papers.sub_ngrams.premises import first_of, no_full_context, no_lags, other_law
from verify.papers.sub_ngrams.settings import SubNGramSettings, braces
from verify.recheck.sub_ngrams import finite as second

claim = claims_on("mathematics/sub-n-grams/finite-length")

FAR = (10**2, 10**4, 10**6, 10**10)  # where the bound alone is told
SHORTEST = "exact blocks at the shortest length"
MEAN = "E r/(N-1+r)"  # what stands between a block and its bound


@claim(
    "SN16",
    "bound on blocks of used key lags",
    requires=("SN1", "SN2"),
    assumptions=("hard heads in the first layer, c_A -> infinity",),
    vacuous=first_of(no_lags, other_law),
    origin=Origin.STRENGTHENED,
    steps=steps.TYPE_ONE,
)
def key_lags_that_are_read(settings: SubNGramSettings, run: Run) -> Finding:
    """For every kernel, every law of the first n-1 tokens, every T >= n and q >= 1, the size of a score block M_ab with
    b in Lambda is at most phi(K D r / m), where D = S^(n-1), K = S^(|Lambda|+1), m = T-n+2, r = max(1, T/q), and phi(x)
    = x (1 + log(1/x)) below 1, else 1; with literal heads r = max(1, T/q) + n-1. The same holds of the mean over
    kernels. Decided is this for the laws, kernels, heads, T and q in the scope. Where the bound is 1 it says nothing,
    as no block is larger; there decided is that it is at most E r/(N-1+r), N being the number of words of n tokens that
    agree with the last one in its last token and at the lags of Lambda.

    E r/(N-1+r), a mean over the sequences of the law in question, stands between a block and its bound, and is exact.
    Exact blocks averaged over the prior; and exact blocks of nearly deterministic rational kernels, from a uniform
    start and from n-1 zeros. The bound, a logarithm, is enclosed in balls. An instance is a block at one T and q, where
    it could be larger than what it is compared with.
    """
    law, lags = settings.law, settings.lag_set
    problems = annealed_problems(settings, run)
    if not problems:
        return too_dear(run.seconds * 2, run, what=SHORTEST, scope=f"S={law.S}, n={law.n}")
    configurations = in_rationals(settings, problems)
    means = [(at, annealed_type_one(law, *at)) for at in configurations]
    given = kernel_problems(settings, run)
    kernels = drawn_kernels(settings, given, run)
    of_kernels = [
        ((T, q), type_one_of_kernel(law, rows, start, first, Configuration(lags, q), T))
        for rows, (start, first), (T, q) in product(kernels, starts(law), given)
    ]
    annealed = [item for _, items in means for item in items]
    against = "" if any(item.telling for item in annealed) else f" against {MEAN}, as the bound is 1"
    return told(
        [*annealed, *(item for _, items in of_kernels for item in items)],
        between=MEAN,
        scope=f"{about(settings)}; mean over the prior{against}, {by_heads(tested(means))}; "
        + (
            f"{len(kernels)} nearly deterministic kernels, padded heads, 2 starts, {listed(tested(of_kernels))}, "
            f"against {MEAN} where the bound is 1"
            if tested(of_kernels)
            else "no single kernels"
        ),
        details={
            "bound is below 1 from T (q = T)": law.S ** (len(lags) + law.n) + law.n - 1,  # m > K D
            "bound along q = T": {
                str(T): float(phi(FiniteLength(law.S, law.n, T, Configuration(lags, Fraction(T))).type_one()))
                for T in FAR
            },
            "blocks of the mean over the prior": len(annealed),
            "of these with a bound below 1": sum(item.telling for item in annealed),
        },
    )


@claim(
    "SN17",
    "bound at full context",
    requires=("SN16",),
    assumptions=("hard heads in the first layer, c_A -> infinity",),
    vacuous=first_of(no_full_context, other_law),
    origin=Origin.STRENGTHENED,
    steps=steps.FULL_CONTEXT,
)
def full_context(settings: SubNGramSettings, run: Run) -> Finding:
    """With Lambda = {1..n-1}, averaged over the Dirichlet(alpha) prior, for every T >= n and q >= 1, the size of a
    score block M_{a,0} is at most B = phi(D^2 r / m) + (1 - 1/S) phi(D^2 max(1, S alpha) / m), with r as in SN16, which
    depends on the heads. With padded heads the squared norm of the factorised gradient is at most 2 c L ((n+L+4c) A^2 +
    B^2), A the bound of SN16, L = n-1, c = log q. Decided is this for alpha, heads, T and q in the scope. Where B is 1
    or more it says nothing, as no block is larger than 1; there decided is that a block is at most E r/(N-1+r) + (1 -
    1/S) E r'/(N-1+r'), N being the number of words of n tokens with the context of the last one, and r' = max(1, S
    alpha).

    Exact blocks and exact means, over sequences of the law. An instance is a block or a norm at one T and q that could
    be larger than what it is compared with.
    """
    law, lags = settings.law, settings.lag_set
    problems = annealed_problems(settings, run)
    if not problems:
        return too_dear(run.seconds * 2, run, what=SHORTEST, scope=f"S={law.S}, n={law.n}")
    means = [(at, annealed_full_context(law, *at)) for at in in_rationals(settings, problems)]
    return told(
        [item for _, items in means for item in items],
        between=f"{MEAN} + (1 - 1/S) E r'/(N-1+r')",
        scope=f"{about(settings)}, {by_heads(tested(means))}",
        details={
            "bound is below 1 from T (q = T)": first_below_one(law, lags),
            "bound along q = T": {
                str(T): float(FiniteLength(law.S, law.n, T, Configuration(lags, Fraction(T))).full_context(law.alpha))
                for T in FAR
            },
        },
    )


AnyProblem = TypeVar("AnyProblem")


def tested(found: Sequence[tuple[AnyProblem, Sequence[Compared]]]) -> list[AnyProblem]:
    """Of the problems with their comparisons, those at which one could fail, each once."""
    return list(dict.fromkeys(at for at, items in found if any(item.can_fail for item in items)))


def told(found: Sequence[Compared], *, between: str, scope: str, details: Mapping[str, Any]) -> Finding:
    """The finding that these comparisons make, all of which have to hold; `between` is what stands between a block and
    its bound."""
    count = sum(item.can_fail for item in found)
    largest = max(float(item.computed / item.between) for item in found if item.between)
    wrong = next((item for item in found if not item.holds and item.violation is not None), None)
    return decide(
        all(item.holds for item in found),
        evidence=Evidence.ENCLOSURE,
        scope=scope,
        instances=count,
        found=f"{how_near(found)}; at most {largest:.2g} of {between}",
        predicted="at most 1",
        counterexample=None if wrong is None else wrong.violation,
        details={
            **details,
            "comparisons that cannot fail": len(found) - count,
            "blocks with a bound below 1": sum(item.telling for item in found if item.trivial == 1),
            "largest ratio to a bound, also to one of 1": max(item.ratio for item in found),
            f"largest ratio to {between}": largest,
            "compared, the largest ratio at each T and q": [item.row() for item in largest_by_problem(found)],
        },
        undecided="a comparison fails, and no second computation of its size is affordable" if count else NO_TEST,
    )


def largest_by_problem(found: Sequence[Compared]) -> list[Compared]:
    """Of all comparisons at one T and q, the one that comes closest to its bound."""
    best: dict[tuple[int, Any], Compared] = {}
    for item in found:
        if item.ratio >= (best[item.T, item.q].ratio if (item.T, item.q) in best else 0):
            best[item.T, item.q] = item
    return [best[key] for key in sorted(best)]


def about(settings: SubNGramSettings) -> str:
    lags = braces(settings.lag_set)
    return f"S={settings.S}, n={settings.n}, lags {lags}; alpha={settings.alpha}, initial {settings.initial}"


def by_heads(configurations: Sequence[tuple[Configuration, int]]) -> str:
    """Which lengths and scales with which heads."""
    of_heads: dict[str, list[Problem]] = {}
    for configuration, T in configurations:
        of_heads.setdefault(configuration.heads, []).append((T, configuration.q))
    kinds: dict[str, list[str]] = {}  # heads with the same problems are named together
    for heads, problems in of_heads.items():
        kinds.setdefault(listed(problems), []).append(heads)
    return "; ".join(f"{' and '.join(heads)} heads, {problems}" for problems, heads in kinds.items())


def listed(problems: Sequence[Problem]) -> str:
    return "(T, q) in {" + ", ".join(f"({T}, {q})" for T, q in problems) + "}"


# --- what the bound does not hold for ---


def no_conflict(settings: SubNGramSettings) -> str:
    """Of the lags that are read with the others."""
    if settings.lag_set and adversaries.conflicting_switch(settings.n, settings.lag_set):
        return ""
    return "no pattern contradicts what the lags read (they are none, all, or too far)"


@claim("SN16c", "the same for unused key lags (control)", requires=("SN2",), vacuous=no_conflict, origin=Origin.CONTROL)
def key_lags_that_are_not_read(settings: SubNGramSettings, run: Run) -> Finding:
    """The bound of SN16 holds for the score blocks M_ab with a+1 in Lambda and b not in Lambda as well.

    A chain of zeros that may switch, once, to a pattern in which the lags read say the wrong token: its sequences are
    few, and each is added up exactly.
    """
    n, lags = settings.n, settings.lag_set
    found = adversaries.conflicting_switch(n, lags)
    assert found is not None, "see no_conflict"
    switch, share = found
    D, K, a = 2 ** (n - 1), 2 ** (len(lags) + 1), lags[0] - 1
    for double in range(1, 4):
        T = n - 2 + int(K * D * 12 / share) * 2 ** (double - 1)
        seconds = 1.7e-6 * T**2 * (len(lags) + 1)
        if seconds > run.seconds:
            return too_dear(seconds, run, what=f"all sequences of T={T}", scope=f"S=2, n={n}, lags {braces(lags)}")
        chain, q = adversaries.Switch(n, switch.then, Fraction(2, T)), Fraction(T)
        value, x = chain.row(lags, q, T)[0], FiniteLength(2, n, T, Configuration(lags, q)).type_one()
        beyond = not at_most(lambda value=value: ball(value), lambda x=x: phi(x))  # type: ignore[misc]  # no default
        if beyond:
            break
    rows, first = chain.kernel(), (0,) * (n - 1)
    return decide(
        not beyond,
        evidence=Evidence.EXACT,
        scope=f"padded heads; S=2, n={n}, lags {braces(lags)}; one kernel, from n-1 zeros, T=q={T}",
        instances=1,
        found=f"M_{{{a},0}}[0][0] = {float(value):.4f}",
        predicted=f"above the bound, {float(phi(x)):.4f}",
        counterexample=Counterexample(
            {"kernel": rows, "start": first, "T": T, "q": q, "b": 0, "a": a},
            partial(is_beyond_type_one, rows, first, lags, q, T, a, x),
        )
        if beyond
        else None,
        details={"sequence": f"zeros, then {''.join(map(str, switch.then))} repeated", "e": str(chain.e)},
        certificate=Certificate(
            {"S": 2, "n": n, "lags": lags, "length": T, "q": q},
            {"kernel": rows, "start": first, "a": a, "b": 0, "query token": 0, "key token": 0,
             "value, rounded down": Fraction(int(value * 10**6 // 1), 10**6)},
        ),
        undecided="the block is not above the bound at any length tried",
    )  # fmt: skip


def is_beyond_type_one(
    rows: adversaries.Rows, first: Word, lags: tuple[int, ...], q: Fraction, T: int, a: int, x: Fraction
) -> bool:
    """Whether M_{a,0}[0][0] alone is larger than phi(x): key by key, and in rationals."""
    return second.entry(rows, first, lags, q, T, (a, 0), (0, 0)) > second.phi_above(x)
