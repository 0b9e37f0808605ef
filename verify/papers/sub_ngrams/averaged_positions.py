"""SN21: the loss averaged over positions, for every law of sequences; and where it does not help."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from fractions import Fraction
from functools import partial

from proofs.sub_ngrams import adversaries
from proofs.sub_ngrams import positions as exact
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.finite_length import FiniteLength, type_one, type_two
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
from verify.papers.sub_ngrams.finite_length import about, no_conflict
from verify.papers.sub_ngrams.finite_length_blocks import NO_TEST, Compared, how_near
from verify.papers.sub_ngrams.premises import first_of, no_lags, other_law
from verify.papers.sub_ngrams.settings import SubNGramSettings, braces
from verify.recheck.sub_ngrams import positions as second
from verify.recheck.sub_ngrams.finite import phi_above

claim = claims_on("mathematics/sub-n-grams/finite-length")

DRAWN = 6  # sequences of a law that is no chain
WORDS = 128  # all sequences, where these are no more
Q = Fraction | float


@claim(
    "SN21",
    "loss averaged over positions",
    requires=("SN1", "SN2"),
    assumptions=("padded heads in the first layer",),
    vacuous=first_of(no_lags, other_law),
    origin=Origin.STRENGTHENED,
    steps=steps.POSITIONS,
)
def every_position(settings: SubNGramSettings, run: Run) -> Finding:
    """For every law of x_1..x_{T+1} and every q >= 1, the score blocks M_ab with b in Lambda, averaged over the
    positions t = n-1..T that predict x_{t+1}, have size at most phi(K r / m), where K = S^(|Lambda|+1). With Lambda =
    {1..n-1}, averaged over the Dirichlet(alpha) prior too, the M_{a,0} have size at most phi(D r / m) + (1 - 1/S) phi(D
    max(1, S alpha) / m). Decided is this for the laws, T and q in the scope, the second bound only where Lambda =
    {1..n-1}.

    Laws are lists of sequences with rational probabilities, and need be no chains. Between block and bound stands the
    mean of r/(N-1+r), N being how many words up to t have the tokens of the last one at the lags of Lambda and its last
    token. The logarithm is bounded by its series. An instance is a block that could be larger than what it is compared
    with: no block is larger than 1.
    """
    S, n, lags = settings.S, settings.n, settings.lag_set
    laws = [*some_laws(settings)]
    seconds = sum(seconds_of(law, n, lags) for _, law, _, _ in laws)
    if seconds > run.seconds:
        return too_dear(seconds, run, what="a few sequences", scope=f"S={S}, n={n}, lags {braces(lags)}")
    problems = [(law, name, annealed, q) for name, law, annealed, qs in laws for q in qs]
    found = [item for problem in problems for item in compared(settings, *problem)]
    count = sum(item.can_fail for item in found)
    return decide(
        all(item.holds for item in found),
        evidence=Evidence.EXACT,
        scope=f"padded heads; {about(settings)}; {len(laws)} laws, (T, q) in "
        + "{" + ", ".join(dict.fromkeys(f"({len(law[0][0]) - 1}, {q})" for law, _, _, q in problems)) + "}"
        + ("" if settings.full_context else "; the first bound only"),
        instances=count,
        found=how_near(found),
        predicted="at most 1",
        counterexample=next((item.violation for item in found if not item.holds), None),
        details={"compared": [item.row() for item in found]},
        certificate=Certificate({"S": S, "n": n, "lags": lags, "alpha": settings.law.alpha, "instances": [
            {"law": [{"x": x, "probability": p} for x, p in law], "annealed": int(annealed),
             "q": ["inf" if q == math.inf else q for q in qs]} for _, law, annealed, qs in laws
        ]}),
        undecided="a block is larger than its bound" if count else NO_TEST,
    )  # fmt: skip


def some_laws(settings: SubNGramSettings) -> Iterator[tuple[str, exact.SequenceLaw, bool, list[Q]]]:
    """(name, law, whether it is the mean over the prior, its q): no chain, one sequence that changes, all sequences."""
    S, n, rng = settings.S, settings.n, random.Random(settings.seed)
    T = n + 12
    weights = [Fraction(rng.randint(1, 9)) for _ in range(DRAWN)]
    drawn = [tuple(rng.randrange(S) for _ in range(T + 1)) for _ in range(DRAWN)]
    law: exact.SequenceLaw = [(x, w / sum(weights)) for x, w in zip(drawn, weights, strict=True)]
    yield f"{DRAWN} drawn sequences", law, False, [Fraction(2), Fraction(T)]
    T = n - 2 + 8 * S ** (len(settings.lag_set) + 1) if S ** len(settings.lag_set) <= 8 else n + 12
    late = tuple(0 if t < T // 2 else t % S for t in range(T + 1))
    even = tuple(rng.randrange(S) for _ in range(T + 1))  # visits all classes about equally often
    yield "2 sequences", [(late, Fraction(1, 2)), (even, Fraction(1, 2))], False, [Fraction(T), math.inf]
    yield "1 sequence", [(even, Fraction(1))], False, [math.inf]
    length = max((t for t in range(n + 1, 12) if S**t <= WORDS), default=0)
    if length:
        law = exact.annealed_sequences(settings.law, length)
        yield "mean over the prior", law, True, [Fraction(length - 1), math.inf]


def seconds_of(law: exact.SequenceLaw, n: int, lags: tuple[int, ...]) -> float:
    return 4e-6 * len(law) * len(law[0][0]) ** 2 * (4 + n * len(lags))


def compared(settings: SubNGramSettings, law: exact.SequenceLaw, name: str, annealed: bool, q: Q) -> list[Compared]:
    S, n, lags, T = settings.S, settings.n, settings.lag_set, len(law[0][0]) - 1
    configuration = Configuration(lags, q)
    numbers = FiniteLength(S, n, T, configuration)
    pairs = type_one(n, lags) + (type_two(n, lags) if annealed and settings.full_context else [])
    M = exact.averaged_blocks(law, S, configuration, n, pairs)
    one = exact.averaged_share(law, n, lags, numbers.r), exact.phi_below(numbers.K * numbers.r / numbers.m)
    two = full_context(settings, law, numbers)

    def violation(ab: tuple[int, int], limit: Fraction) -> Counterexample:
        values = {"T": T, "q": q, "block": ab, "sequences": [x for x, _ in law][:10]}
        return Counterexample(values, partial(is_beyond, law, n, lags, q, ab, limit))

    found = list[Compared]()
    for ab in pairs:
        computed, (share, limit) = exact.size_of(M[ab]), one if ab[1] in lags else two
        holds = computed <= share <= limit
        found.append(
            Compared(T, q, computed, float(limit), holds, f"M_{ab[0]},{ab[1]}, {name}", violation(ab, limit), share)
        )
    return found


def full_context(
    settings: SubNGramSettings, law: exact.SequenceLaw, numbers: FiniteLength
) -> tuple[Fraction, Fraction]:
    """What stands between and the bound for the blocks M_{a,0}, where all lags are read."""
    prior, other = max(Fraction(1), settings.S * settings.law.alpha), 1 - Fraction(1, settings.S)
    shares = [exact.averaged_share(law, numbers.n, numbers.lags, r, label=False) for r in (numbers.r, prior)]
    limits = [exact.phi_below(numbers.D * r / numbers.m) for r in (numbers.r, prior)]
    return shares[0] + other * shares[1], limits[0] + other * limits[1]


def is_beyond(
    law: exact.SequenceLaw, n: int, lags: tuple[int, ...], q: Q, ab: tuple[int, int], limit: Fraction
) -> bool:
    """Whether the block is larger than the limit, by means over keys."""
    finite_q = None if q == math.inf else Fraction(q)
    return second.size(second.averaged(law, n, lags, finite_q, ab)) > limit


# --- what it does not help with ---


def zeros_for_zeros(x: Word, n: int, lags: tuple[int, ...], q: Fraction) -> Fraction:
    """M_{a,0}[0][0] averaged over positions, a+1 the least lag: 1{x_{t-a} = 0} (p(0) - 1{x_{t+1} = 0})."""
    total, a = Fraction(0), min(lags) - 1
    for t in range(n - 1, len(x)):
        if x[t - 1 - a] == 0 and x[t] in x[:t]:
            held = adversaries.token_weights(x[:t], lags, q)
            total += held[0] / sum(held) - (x[t] == 0)
    return total / (len(x) - n + 1)


@claim(
    "SN21c",
    "unused key lags over positions (control)",
    requires=("SN2",),
    vacuous=no_conflict,
    origin=Origin.CONTROL,
)
def every_position_and_unused_lags(settings: SubNGramSettings, run: Run) -> Finding:
    """The first bound of SN21 holds for the score blocks M_ab with a+1 in Lambda and b not in Lambda as well.

    One sequence: zeros, and from its middle on a pattern in which the lags read say the wrong token.
    """
    n, lags = settings.n, settings.lag_set
    found = adversaries.conflicting_switch(n, lags)
    assert found is not None, "see no_conflict"
    switch, share = found
    a, K = lags[0] - 1, 2 ** (len(lags) + 1)
    for double in range(4):
        T = n - 2 + int(K * 16 / share) * 2**double
        seconds = 1e-6 * T**2 * (len(lags) + 1) * (1 + T / 100)
        if seconds > run.seconds:
            return too_dear(seconds, run, what=f"a sequence of T={T}", scope=f"S=2, n={n}, lags {braces(lags)}")
        while switch.sequence(T // 2, T)[T - 1 - a]:
            T += 1  # so that the last label counts
        x, q = switch.sequence(T // 2, T + 1), Fraction(T)
        value, limit = zeros_for_zeros(x, n, lags, q), phi_above(Fraction(K, T - n + 2))
        if value > limit:
            break
    beyond = value > limit
    return decide(
        not beyond,
        evidence=Evidence.EXACT,
        scope=f"padded heads; S=2, n={n}, lags {braces(lags)}; one sequence, T=q={T}",
        instances=1,
        found=f"M_{{{a},0}}[0][0] = {float(value):.4f}",
        predicted=f"above the bound, {float(limit):.4f}",
        counterexample=Counterexample(
            {"sequence": list(x), "q": q, "block": [a, 0]},
            partial(is_beyond, [(x, Fraction(1))], n, lags, q, (a, 0), limit),
        )
        if beyond
        else None,
        certificate=Certificate(
            {"S": 2, "n": n, "lags": lags, "q": q},
            {"x": x, "a": a, "b": 0, "value, rounded down": Fraction(int(value * 10**6 // 1), 10**6)},
        ),
        undecided="the block is not above the bound at any length tried",
    )
