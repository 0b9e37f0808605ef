"""SN18: a bound on the score blocks given a kernel that mixes."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from itertools import product

from proofs.sub_ngrams import adversaries
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.finite_length import FiniteLength, size, type_two
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.transfer_exact import transfer_exact
from verify.claim import (
    SHARE,
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
from verify.papers.sub_ngrams.finite_length_blocks import CHANCES, NO_TEST, Compared, how_near
from verify.papers.sub_ngrams.kernels import in_words, one_kernel_exactly
from verify.papers.sub_ngrams.premises import first_of, kernel_with_a_zero, no_lag_read_and_lag_unread
from verify.papers.sub_ngrams.settings import SubNGramSettings, braces
from verify.recheck.sub_ngrams import finite as second

claim = claims_on("mathematics/sub-n-grams/finite-length")

Instance = tuple[str, adversaries.Rows, int, Fraction | float]  # name of the kernel, kernel, T, q
NEAR = (Fraction(1, 64), Fraction(1, 16), Fraction(0))  # distances of rows from uniform, for kernels that mix fast
DOUBLINGS = 5  # of the length at which a kernel near uniform has R < 1, for one that mixes more slowly
QS_SHORT: tuple[Fraction | float, ...] = (math.inf, Fraction(2))


@claim(
    "SN18",
    "bound on blocks of unused key lags",
    requires=("SN1", "SN2"),
    assumptions=("padded heads in the first layer",),
    vacuous=first_of(no_lag_read_and_lag_unread, kernel_with_a_zero),
    origin=Origin.STRENGTHENED,
    steps=steps.TYPE_TWO,
)
def key_lags_that_are_not_read(settings: SubNGramSettings, run: Run) -> Finding:
    """Given a kernel, for every T >= n and q >= 1, the size of a score block M_ab with a+1 in Lambda and b not in
    Lambda is at most Gamma + R, where Gamma = 1 - (q/(q+S-1))^|Lambda|, R is the least of 1 and of 6 d(g) + G
    (2g+n-1)/m over g, with G = S^|Lambda| (S+1) and m = T-n+2, and d(g) is the largest total variation distance from
    the stationary law g steps after a context. Decided is this for the kernels, T and q in the scope, the first n-1
    tokens being uniform: those at which the bound is below 1, as no block is larger than 1.

    Rational throughout. Kernels near uniform at a length where R < 1, which are those in the scope; and nearly
    deterministic ones at a short length, where the bound is 1 or more: these are shown, and test nothing. Or the kernel
    of a file alone, at a short length and where R < 1. An instance is a block whose bound is below 1.
    """
    S, n, lags = settings.S, settings.n, settings.lag_set
    scope = f"padded heads; S={S}, n={n}, lags {braces(lags)}"
    instances = some_instances(settings, run)
    if not instances:
        seconds = one_kernel_exactly(S, n, lags, max(8, n + 1), math.inf)
        return too_dear(seconds, run, what="the blocks of one rational kernel", scope=scope)
    found = [(instance, compared(S, n, lags, *instance)) for instance in instances]
    tested = [(name, T, q) for (name, _, T, q), items in found if any(item.can_fail for item in items)]
    every = [item for _, items in found for item in items]
    lengths = ", ".join(f"(T={T}, q={q})" for T, q in dict.fromkeys((T, q) for _, T, q in tested))
    return decide(
        all(item.holds for item in every),
        evidence=Evidence.EXACT,
        scope=f"{scope}; {in_words(settings, len(tested))}, uniform start: {lengths or 'no length'}",
        instances=sum(item.can_fail for item in every),
        found=how_near(every),
        predicted="at most 1",
        counterexample=next((item.violation for item in every if not item.holds), None),
        details={"compared": [item.row() for item in every]},
        certificate=Certificate({"S": S, "n": n, "lags": lags, "instances": [
            {"kernel": rows, "T": T, "q": "inf" if q == math.inf else q} for _, rows, T, q in instances
        ]}),
        undecided="a block is larger than its bound" if tested else NO_TEST,
    )  # fmt: skip


def some_instances(settings: SubNGramSettings, run: Run) -> list[Instance]:
    """As many as a share of the time allows."""
    S, n, lags = settings.S, settings.n, settings.lag_set
    left, chosen = run.seconds * 3 * SHARE, list[Instance]()
    for name, make, T, q in wanted_instances(settings, left):
        seconds = one_kernel_exactly(S, n, lags, T, q)
        if seconds <= left:
            left -= seconds
            chosen.append((name, make(), T, q))
    return chosen


Wanted = tuple[str, Callable[[], adversaries.Rows], int, Fraction | float]


def wanted_instances(settings: SubNGramSettings, seconds: float) -> list[Wanted]:
    """Kernels that mix fast, where R < 1, then nearly deterministic ones; or the one of the settings alone. Where the
    length of the first takes more than so many seconds, one kernel, uniform, at the least length where its R < 1.

    A kernel is made when it is chosen: there may be more rows than memory.
    """
    S, n, lags, rng = settings.S, settings.n, settings.lag_set, random.Random(settings.seed)
    cut = 3 * (n - 1) * S ** len(lags) * (S + 1)  # R = cut / m for uniform rows, by g = n-1
    long, least, short = n - 2 + 2 * cut, n - 1 + cut, max(8, n + 1)
    if settings.own_kernel is not None:
        own = settings.own_kernel
        return [
            ("kernel of the file", lambda: own, T, q)
            for T in (short, first_telling(own, n, lags, long))
            for q in QS_SHORT
        ]
    near, certain = (
        partial(make, S, n, rng) for make in (adversaries.nearly_uniform, adversaries.nearly_deterministic)
    )
    wanted: list[Wanted] = [(f"uniform up to {e}" if e else "uniform", partial(near, e), long, math.inf) for e in NEAR]
    if one_kernel_exactly(S, n, lags, long, math.inf) > seconds:
        wanted = [("uniform", partial(near, Fraction(0)), least, math.inf)]
    if S == 2:
        wanted.append((f"uniform up to {NEAR[0]}", partial(near, NEAR[0]), long, Fraction(9)))
    wanted += [(f"certain up to {e}", partial(certain, e), short, q) for e, q in product(CHANCES, QS_SHORT)]
    if (S, n) == (2, 3):
        wanted += [
            (f"two regimes, e = 1/{x}", partial(adversaries.two_regimes, Fraction(1, x)), x + 2, Fraction(x + 2))
            for x in (10, 20)
        ]
    return wanted


def first_telling(rows: adversaries.Rows, n: int, lags: tuple[int, ...], long: int) -> int:
    """The first of some lengths at which R < 1; the last of them if it is 1 at all."""
    S = len(rows[0])
    lengths: list[int] = [long * 2**i for i in range(DOUBLINGS)]
    limit = Configuration(lags, math.inf)
    return next((T for T in lengths if FiniteLength(S, n, T, limit).mixing(rows) < 1), lengths[-1])


def compared(
    S: int, n: int, lags: tuple[int, ...], name: str, rows: adversaries.Rows, T: int, q: Fraction | float
) -> list[Compared]:
    """All blocks beside Gamma + R."""
    law, configuration = NGramLaw(S, n), Configuration(lags, q)
    numbers = FiniteLength(S, n, T, configuration)
    M = transfer_exact(law, dict(zip(law.contexts, rows, strict=True)), configuration, T)
    bound = numbers.gamma + numbers.mixing(rows)

    def violation(ab: tuple[int, int]) -> Counterexample:
        values = {"kernel": rows, "T": T, "q": q, "block": ab}
        return Counterexample(values, partial(is_beyond_mixing, rows, n, lags, q, T, ab))

    return [
        Compared(T, q, computed, float(bound), computed <= bound, f"M_{a},{b}, {name}", violation((a, b)))
        for a, b in type_two(n, lags)
        for computed in [size(M[a, b])]
    ]


def is_beyond_mixing(
    rows: adversaries.Rows, n: int, lags: tuple[int, ...], q: Fraction | float, T: int, ab: tuple[int, int]
) -> bool:
    """Whether the block is larger than Gamma + R, by another program for all three."""
    finite_q = None if q == math.inf else Fraction(q)
    block = second.query_blocks(rows, [Fraction(1, len(rows))] * len(rows), n, lags, finite_q, T)[ab]
    allowed = second.gamma(len(rows[0]), finite_q, len(lags)) + second.mixing(rows, n, len(lags), T)
    return second.size(block) > allowed
