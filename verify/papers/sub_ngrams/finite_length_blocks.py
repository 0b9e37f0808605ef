"""Exact score blocks beside their bounds at finite length (SN16, SN17), and what confirms that one is beyond it."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

from proofs.sub_ngrams import adversaries, finite_length
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.enumeration import enumeration
from proofs.sub_ngrams.finite_length import FiniteLength, at_most, ball, phi, size, type_one, type_two
from proofs.sub_ngrams.law import NGramLaw, Word
from proofs.sub_ngrams.score_blocks import ScoreBlocks, parameter_gradient
from proofs.sub_ngrams.transfer_exact import transfer_exact
from verify.claim import SHARE, Counterexample, Run, how_many
from verify.papers.sub_ngrams.engines import Options, choose_engine, reached
from verify.papers.sub_ngrams.kernels import one_kernel_exactly
from verify.papers.sub_ngrams.settings import SubNGramSettings
from verify.printing import shown
from verify.recheck.sub_ngrams import finite as second

ENUMERABLE = 4096  # sequences that a counterexample is checked on once more, one by one
CHANCES = (Fraction(1, 4), Fraction(1, 50), Fraction(1, 1000))  # of the other tokens, in nearly deterministic rows
MOMENT = 0.5  # seconds that an annealed problem may take at a length that nobody asked for
Problem = tuple[int, Fraction | float]  # T, q


@dataclass(frozen=True)
class Compared:
    """A size and its bound at one length (T = 0: infinite); `where` tells the block, `holds` is decided exactly.

    trivial  what holds of every block, or of the norm as all blocks are at most 1: a bound as large says nothing
    """

    T: int
    q: Fraction | float
    computed: Fraction
    bound: float
    holds: bool
    where: str
    violation: Counterexample | None = None
    between: Fraction | None = None  # what stands between the two, exactly
    trivial: float = 1.0

    @property
    def ratio(self) -> float:
        return float(self.computed) / self.bound if self.bound else math.inf if self.computed else 0.0

    @property
    def telling(self) -> bool:
        """Whether the bound says something."""
        return self.bound < self.trivial

    @property
    def can_fail(self) -> bool:
        return self.telling or (self.between is not None and self.between < self.trivial)

    def row(self) -> dict[str, Any]:
        q = str(self.q) if isinstance(self.q, Fraction) else "inf"
        return {
            "T": self.T or "inf",
            "q": q,
            "of": self.where,
            "computed": shown(self.computed),
            "bound": self.bound,
        }


NO_TEST = "no bound is below 1 at lengths within reach, so that nothing could fail: a larger budget= may reach one"


def how_near(found: Sequence[Compared]) -> str:
    """How near the blocks come to bounds that say something, and how many of these there are."""
    blocks = [item for item in found if item.trivial == 1]
    telling = [item for item in blocks if item.telling]
    if not telling:
        return f"no bound below 1 for {len(blocks)} blocks"
    worst = max([item for item in blocks if not item.holds] or telling, key=lambda item: item.ratio)
    return (
        f"{worst.ratio:.2g} of the bound {worst.bound:.2g} at T={worst.T}, q={worst.q}; "
        f"bound below 1 for {len(telling)} of {len(blocks)} blocks"
    )


# --- averaged over the prior ---


def annealed_problems(settings: SubNGramSettings, run: Run) -> list[Problem]:
    """Lengths that exact engines reach in a share of the time: q = T, 2 and inf, or fewer of these at the longest."""
    law, n = settings.law, settings.n
    lengths = settings.T or [max(4, n + 1) * 2**i for i in range(8)]
    configuration = Configuration(settings.lag_set, math.inf)

    def seconds(T: int) -> float:
        if not reached(law, configuration, T, exact=True):
            return math.inf
        return choose_engine(law, configuration, T, exact=True).seconds(law, configuration, T, Options())

    left, problems = run.seconds * SHARE, list[Problem]()
    longest = math.inf if settings.T else MOMENT
    for T in sorted(lengths):
        each = 1.5 * seconds(T)
        if each > longest:
            break
        qs: list[Fraction | float] = [Fraction(T), Fraction(2), math.inf]
        for q in dict.fromkeys(qs):
            if each <= left:
                problems.append((T, q))
                left -= each
    return problems


def in_rationals(settings: SubNGramSettings, problems: Sequence[Problem]) -> list[tuple[Configuration, int]]:
    """These problems with the heads of the settings, where their weights are rational."""
    every = [(Configuration(settings.lag_set, q, heads), T) for heads in settings.kinds_of_heads for T, q in problems]
    return [(configuration, T) for configuration, T in every if configuration.exact]


def blocks(law: NGramLaw, configuration: Configuration, T: int) -> ScoreBlocks:
    return choose_engine(law, configuration, T, exact=True).compute(law, configuration, T)


def annealed_type_one(law: NGramLaw, configuration: Configuration, T: int) -> list[Compared]:
    """Each block against the chance that the target's class is rare, and that against the bound."""
    M, numbers, lags = blocks(law, configuration, T), FiniteLength(law.S, law.n, T, configuration), configuration.lags
    x, share = numbers.type_one(), finite_length.expected_share(law, T, numbers.r, finite_length.read_class(lags))
    mean = f"{configuration.heads} heads, mean over the prior"
    below = at_most(lambda: ball(share), lambda: phi(x))
    return [
        Compared(T, configuration.q, computed, float(phi(x)), below and computed <= share, f"M_{a},{b}, {mean}",
                 beyond_phi(law, configuration, T, (a, b), computed, x), share)
        for a, b in type_one(law.n, lags)
        for computed in [size(M[a, b])]
    ]  # fmt: skip


def annealed_full_context(law: NGramLaw, configuration: Configuration, T: int) -> list[Compared]:
    M, numbers, lags = blocks(law, configuration, T), FiniteLength(law.S, law.n, T, configuration), configuration.lags
    context = finite_length.read_class(lags, with_token=False)
    mean = f"{configuration.heads} heads, mean over the prior"
    prior = max(Fraction(1), law.S * law.alpha)
    shares = [finite_length.expected_share(law, T, r, context) for r in (numbers.r, prior)]
    share = shares[0] + (1 - Fraction(1, law.S)) * shares[1]
    below = at_most(lambda: ball(share), lambda: numbers.full_context(law.alpha))
    bound = float(numbers.full_context(law.alpha))
    found = [
        Compared(T, configuration.q, computed, bound, below and computed <= share, f"M_{a},{b}, {mean}",
                 beyond_full_context(law, configuration, T, (a, b), computed), share)
        for a, b in type_two(law.n, lags)
        for computed in [size(M[a, b])]
    ]  # fmt: skip
    two = partial(numbers.full_context, law.alpha)
    if configuration.at_limit or configuration.heads == "literal":  # whose norm has a gradient in A besides
        return found
    return [*found, norm_compared(law, configuration, T, M, two)]


def norm_compared(
    law: NGramLaw, configuration: Configuration, T: int, M: ScoreBlocks, two: Callable[[], Any]
) -> Compared:
    """The squared norm, in balls since c = log q; `computed` is its middle, `two` bounds the type II blocks."""
    gradient, numbers = parameter_gradient(M, configuration), FiniteLength(law.S, law.n, T, configuration)

    def computed() -> Any:
        return finite_length.squared_norm(gradient, finite_length.log_q(configuration))

    def bound() -> Any:
        return numbers.norm_square(finite_length.log_q(configuration), phi(numbers.type_one()), two())

    holds = at_most(computed, bound)
    trivial = float(numbers.norm_square(finite_length.log_q(configuration), ball(Fraction(1)), ball(Fraction(1))))
    middle = Fraction(float(computed()))
    return Compared(T, configuration.q, middle, float(bound()), holds, "squared norm", trivial=trivial)


def first_below_one(law: NGramLaw, lags: tuple[int, ...]) -> int:
    """The least T at which B < 1 along q = T; B falls with T."""

    def below(T: int) -> bool:
        return bool(FiniteLength(law.S, law.n, T, Configuration(lags, Fraction(T))).full_context(law.alpha) < 1)

    low, high = law.n, 2 * law.n
    while not below(high):
        low, high = high + 1, 2 * high
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if below(middle) else (middle + 1, high)
    return low


def beyond_phi(
    law: NGramLaw, configuration: Configuration, T: int, ab: tuple[int, int], computed: Fraction, x: Fraction
) -> Counterexample | None:
    if law.S**T > ENUMERABLE:
        return None
    return Counterexample(_block(configuration, T, ab, computed), partial(is_beyond_phi, law, configuration, T, ab, x))


def _block(configuration: Configuration, T: int, ab: tuple[int, int], computed: Fraction) -> dict[str, Any]:
    q, heads = str(configuration.q), configuration.heads
    return {"T": T, "q": q, "heads": heads, "block": list(ab), "size": shown(computed)}


def is_beyond_phi(law: NGramLaw, configuration: Configuration, T: int, ab: tuple[int, int], x: Fraction) -> bool:
    """Whether the block is larger than phi(x), sequence by sequence, and in rationals."""
    return second.size(enumeration(law, configuration, T)[ab]) > second.phi_above(x)  # type: ignore[arg-type]  # exact


def beyond_full_context(
    law: NGramLaw, configuration: Configuration, T: int, ab: tuple[int, int], computed: Fraction
) -> Counterexample | None:
    if law.S**T > ENUMERABLE:
        return None
    return Counterexample(
        _block(configuration, T, ab, computed), partial(is_beyond_full_context, law, configuration, T, ab)
    )


def is_beyond_full_context(law: NGramLaw, configuration: Configuration, T: int, ab: tuple[int, int]) -> bool:
    """Whether the block is larger than B, sequence by sequence, and in rationals."""
    numbers = FiniteLength(law.S, law.n, T, configuration)
    x, y = (second.phi_above(argument) for argument in numbers.context_terms(law.alpha))
    block = enumeration(law, configuration, T)[ab]
    return second.size(block) > x + (1 - Fraction(1, law.S)) * y  # type: ignore[arg-type]  # exact


# --- kernel by kernel ---


def kernel_problems(settings: SubNGramSettings, run: Run) -> list[Problem]:
    """Short ones, and one where the bound is below 1; without what takes too long even for one kernel."""
    S, n, lags = settings.S, settings.n, settings.lag_set
    numbers = FiniteLength(S, n, n, Configuration(lags, math.inf))
    short, long = max(8, n + 1), n - 2 + 3 * numbers.K * numbers.D // 2
    wanted: list[Problem] = [(short, Fraction(2)), (short, Fraction(short)), (long, math.inf)]
    most = run.seconds * SHARE / (2 * len(CHANCES))
    return [(T, q) for T, q in wanted if one_kernel_exactly(S, n, lags, T, q) <= most]


def drawn_kernels(settings: SubNGramSettings, problems: Sequence[Problem], run: Run) -> list[adversaries.Rows]:
    """For each chance as many as there is time for, and one that repeats the token at the last lag read."""
    S, n, rng = settings.S, settings.n, random.Random(settings.seed)
    each = 2 * len(CHANCES) * sum(one_kernel_exactly(S, n, settings.lag_set, T, q) for T, q in problems)
    count = how_many(1, each, run) if problems else 0
    drawn = [adversaries.nearly_deterministic(S, n, rng, e) for e in CHANCES for _ in range(count)]
    return [*drawn, adversaries.repeats(S, n, settings.lag_set[-1], CHANCES[-1])] if drawn else []


def starts(law: NGramLaw) -> list[tuple[str, Mapping[Word, Fraction]]]:
    contexts = law.contexts
    return [
        ("uniform start", dict.fromkeys(contexts, Fraction(1, len(contexts)))),
        ("start from zeros", {contexts[0]: Fraction(1)}),
    ]


def type_one_of_kernel(
    law: NGramLaw,
    rows: adversaries.Rows,
    name: str,
    start: Mapping[Word, Fraction],
    configuration: Configuration,
    T: int,
) -> list[Compared]:
    kernel = dict(zip(law.contexts, rows, strict=True))
    M, numbers = transfer_exact(law, kernel, configuration, T, start), FiniteLength(law.S, law.n, T, configuration)
    x, share = numbers.type_one(), share_of_kernel(law, rows, start, configuration.lags, T, numbers.r)
    below = share is None or at_most(lambda: ball(share), lambda: phi(x))

    def holds(computed: Fraction) -> bool:
        if share is not None:
            return below and computed <= share
        return at_most(lambda: ball(computed), lambda: phi(x))

    return [
        Compared(T, configuration.q, computed, float(phi(x)), holds(computed), f"M_{a},{b}, {name}",
                 beyond_phi_of_kernel(law, rows, start, configuration, T, (a, b), x), share)
        for a, b in type_one(law.n, configuration.lags)
        for computed in [size(M[a, b])]
    ]  # fmt: skip


def share_of_kernel(
    law: NGramLaw, rows: adversaries.Rows, start: Mapping[Word, Fraction], lags: tuple[int, ...], T: int, r: Fraction
) -> Fraction | None:
    """E r / (N - 1 + r), sequence by sequence; None where these are too many."""
    if law.S ** (T + 1) > ENUMERABLE:
        return None
    label, n, total = finite_length.read_class(lags), law.n, Fraction(0)
    for u, p in start.items():
        for x, probability in second.sequences(rows, u, T + 1):
            *earlier, last = (label(x[i : i + n]) for i in range(T - n + 2))
            total += p * probability * r / (earlier.count(last) + r)
    return total


def beyond_phi_of_kernel(
    law: NGramLaw,
    rows: adversaries.Rows,
    start: Mapping[Word, Fraction],
    configuration: Configuration,
    T: int,
    ab: tuple[int, int],
    x: Fraction,
) -> Counterexample | None:
    if law.S**T > ENUMERABLE or configuration.at_limit:
        return None
    return Counterexample(
        {"kernel": rows, "T": T, "q": configuration.q, "block": ab},
        partial(is_beyond_phi_given_kernel, rows, dict(start), configuration, T, ab, x),
    )


def is_beyond_phi_given_kernel(
    rows: adversaries.Rows,
    start: Mapping[Word, Fraction],
    configuration: Configuration,
    T: int,
    ab: tuple[int, int],
    x: Fraction,
) -> bool:
    """Whether the kernel's block is larger than phi(x), sequence by sequence, and in rationals."""
    tokens, q = range(len(rows[0])), Fraction(configuration.q)

    def entry(v: int, w: int) -> Fraction:
        each = (p * second.entry(rows, u, configuration.lags, q, T, ab, (v, w)) for u, p in start.items())
        return sum(each, Fraction(0))

    return second.size([[entry(v, w) for w in tokens] for v in tokens]) > second.phi_above(x)
