"""SN16s, SN16v, SN18c: constants of the bounds at finite length that are too small, as controls."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from itertools import product

from proofs.sub_ngrams import adversaries
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.finite_length import FiniteLength, at_most, ball, phi, size
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.score import score
from proofs.sub_ngrams.score_blocks import Block
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
from verify.papers.sub_ngrams.kernels import one_kernel_exactly
from verify.papers.sub_ngrams.premises import no_lag_read_and_lag_unread, no_lags
from verify.papers.sub_ngrams.settings import SubNGramSettings
from verify.printing import shown
from verify.recheck.sub_ngrams import finite as second
from verify.recheck.sub_ngrams import visits

claim = claims_on("mathematics/sub-n-grams/finite-length")

LATE = 8  # order of the kernel under which a class comes late
STATES = 4  # of a walk through all states


@claim(
    "SN16s",
    "without the factor D (control)",
    requires=("SN2",),
    vacuous=no_lags,
    origin=Origin.CONTROL,
)
def stationary_constant(settings: SubNGramSettings, run: Run) -> Finding:
    """For every kernel and every law of the first n-1 tokens, the size of a score block M_ab with b in Lambda is at
    most phi(K r / m), where K = S^(|Lambda|+1), as from a stationary start.

    From n-1 ones, then zeros: the first 1 after a zero comes when n-1 zeros have passed, for certain.
    """
    n, lags, q = LATE, (1,), Fraction(100)
    T, first = 2 * (n - 1), (1,) * (n - 1)
    rows = [[Fraction(int(any(u))), Fraction(int(not any(u)))] for u in product((0, 1), repeat=n - 1)]
    x, configuration = (*first, *(0,) * (n - 1)), Configuration(lags, q)
    a, g = n - 1, score(x, rows[0], configuration)  # the query token is the last of the ones
    value = sum((g[j] for j in range(1, T) if x[j - 1] == 0), Fraction(0))
    limit = FiniteLength(2, n, T, configuration).type_one(stationary=True)
    beyond = not at_most(lambda: ball(value), lambda: phi(limit))
    return decide(
        not beyond,
        evidence=Evidence.EXACT,
        scope=f"padded heads; S=2, n={n}, lags {{1}}; one kernel, from n-1 ones, T={T}, q={q}",
        instances=1,
        found=f"M_{{{a},1}}[1][0] = {float(value):.4f}",
        predicted=f"above the bound, {float(phi(limit)):.4f}",
        counterexample=Counterexample(
            {"kernel": "1 after n-1 zeros, else 0", "start": first, "T": T, "q": q, "a": a, "b": 1},
            partial(is_beyond_stationary, rows, first, lags, q, T, (a, 1), limit),
        )
        if beyond
        else None,
        certificate=Certificate(
            {"S": 2, "n": n, "lags": lags, "length": T, "q": q},
            {"kernel": rows, "start": first, "a": a, "b": 1, "query token": 1, "key token": 0,
             "value, rounded down": Fraction(int(value * 10**6 // 1), 10**6)},
        ),
        undecided="the block is not above the bound",
    )  # fmt: skip


def is_beyond_stationary(
    rows: adversaries.Rows,
    first: tuple[int, ...],
    lags: tuple[int, ...],
    q: Fraction,
    T: int,
    ab: tuple[int, int],
    limit: Fraction,
) -> bool:
    """Whether the entry [1][0] of the block is above phi(limit), key by key."""
    return bool(second.entry(rows, first, lags, q, T, ab, (1, 0)) > second.phi_above(limit))


@claim(
    "SN16v",
    "half of D/m for first visits (control)",
    vacuous=no_lags,
    origin=Origin.CONTROL,
)
def first_visits(settings: SubNGramSettings, run: Run) -> Finding:
    """For every chain on D states, every start and every set of its transitions, the chance that step m is the first in
    that set is at most D / (2m).

    A walk through all states, and its last transition.
    """
    D = STATES
    P = [[Fraction(int(v == (u + 1) % D)) for v in range(D)] for u in range(D)]
    walk = [(u, (u + 1) % D) for u in range(D)]
    chance = Fraction(int(walk[-1] not in walk[:-1]))
    return decide(
        not chance > Fraction(1, 2),
        evidence=Evidence.EXACT,
        scope=f"one chain, D={D}, m={D}",
        instances=1,
        found=f"chance {chance}",
        predicted="above the bound, 1/2",
        counterexample=Counterexample({"transitions": walk, "m": D}, partial(is_likelier_than_half, P, walk[-1]))
        if chance > Fraction(1, 2)
        else None,
        certificate=Certificate(
            {"states": D, "m": D}, {"transition matrix": P, "start": 0, "set": [list(walk[-1])], "chance": chance}
        ),
        undecided="the chance is not above the bound",
    )


def is_likelier_than_half(P: adversaries.Rows, transition: tuple[int, int]) -> bool:
    """Whether step m = D is the first such transition with a chance above D / (2m), step by step from state 0."""
    return bool(visits.first_visit(P, 0, {transition}, len(P)) > Fraction(1, 2))


REGIMES = (10, 20, 30, 40, 80)  # 1/e, as far as there is time
ABOVE = 30  # from here on the block is above Gamma


@claim(
    "SN18c",
    "that bound without R (control)",
    requires=("SN2",),
    vacuous=no_lag_read_and_lag_unread,
    origin=Origin.CONTROL,
)
def without_mixing(settings: SubNGramSettings, run: Run) -> Finding:
    """Given a kernel, for every T >= n and q >= 1, the size of a score block M_ab with a+1 in Lambda and b not in
    Lambda is at most Gamma = 1 - (q/(q+S-1))^|Lambda|.

    A kernel for every length, T = q = 1/e + 2, that goes to and fro between zeros and alternation at rates of order e:
    its M_{0,0}[0][1] has a limit, which the details tell.
    """
    share = run.seconds * SHARE / 2
    reached = [steps for steps in REGIMES if seconds_of(steps) <= share]
    if ABOVE not in reached:
        return too_dear(seconds_of(ABOVE), run, what="the blocks of one rational kernel", scope="S=2, n=3, lags {1}")
    from proofs.sub_ngrams.two_regimes import limit

    found, steps = {steps: blocks_of_regimes(steps) for steps in reached}, reached[-1]
    T, rows = steps + 2, adversaries.two_regimes(Fraction(1, steps))
    value, gamma = size(found[steps]), FiniteLength(2, 3, T, Configuration((1,), Fraction(T))).gamma
    return decide(
        not value > gamma,
        evidence=Evidence.EXACT,
        scope=f"padded heads; S=2, n=3, lags {{1}}; one kernel, uniform start, T=q={T}",
        instances=1,
        found=f"size of M_{{0,0}} = {float(value):.4f}",
        predicted=f"above Gamma, {float(gamma):.4f}",
        counterexample=Counterexample(
            {"kernel": rows, "T": T, "q": T, "block": [0, 0]},
            partial(is_above_gamma, rows, T),
        )
        if value > gamma
        else None,
        details={
            "M_{0,0}[0][1] at 1/e": {str(steps): float(block[0][1]) for steps, block in found.items()},
            "its limit": limit().str(12, radius=False),
            "size": shown(value),
        },
        certificate=Certificate(
            {"S": 2, "n": 3, "lags": [1], "length": T, "q": Fraction(T)}, {"kernel": rows, "a": 0, "b": 0}
        ),
        undecided="the block is not above Gamma",
    )


def seconds_of(steps: int) -> float:
    return one_kernel_exactly(2, 3, (1,), steps + 2, Fraction(steps + 2))


def blocks_of_regimes(steps: int) -> Block:
    """M_00 of the kernel with e = 1/steps at T = q = steps + 2, from a uniform start."""
    law, T = NGramLaw(2, 3), steps + 2
    kernel = dict(zip(law.contexts, adversaries.two_regimes(Fraction(1, steps)), strict=True))
    return transfer_exact(law, kernel, Configuration((1,), Fraction(T)), T)[0, 0]


def is_above_gamma(rows: adversaries.Rows, T: int) -> bool:
    """Whether the block is larger than Gamma, by another program."""
    block = second.query_blocks(rows, [Fraction(1, 4)] * 4, 3, (1,), Fraction(T), T)[0, 0]
    return second.size(block) > second.gamma(2, Fraction(T), 1)
