"""SN18 and SN19: bounds on the score blocks given a kernel that mixes, and at infinite length."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from itertools import product
from typing import Any

from proofs.sub_ngrams import adversaries
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.finite_length import FiniteLength, gamma, size, squares, type_one, type_two
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.score_blocks import Blocks, ScoreBlocks, parameter_gradient, parameter_norms
from proofs.sub_ngrams.transfer_exact import transfer_exact
from verify.claim import (
    NOTHING,
    SHARE,
    Certificate,
    Counterexample,
    Evidence,
    Finding,
    Origin,
    Run,
    claim,
    decide,
    how_many,
    too_dear,
    undecided,
)
from verify.papers.sub_ngrams.kernels import at_infinity, elimination, one_kernel_exactly, rational_kernels
from verify.papers.sub_ngrams.premises import control_needs_lags, needs_an_unused_lag_and_one, needs_lags
from verify.papers.sub_ngrams.settings import SubNGramSettings, braces
from verify.recheck.sub_ngrams import bounds, chains
from verify.recheck.sub_ngrams import finite as second

Instance = tuple[adversaries.Rows, int, Fraction | float]  # kernel, T, q
NEAR = (Fraction(1, 64), Fraction(1, 16), Fraction(0))  # distances of rows from uniform, for kernels that mix fast
CHANCES = (Fraction(1, 4), Fraction(1, 50), Fraction(1, 1000))
QS_SHORT: tuple[Fraction | float, ...] = (math.inf, Fraction(2))
QS = (Fraction(1), Fraction(3, 2), Fraction(2), Fraction(10), Fraction(1000))
NO_LAGS = f"{NOTHING}: without lags the factorised gradient is 0, and there is no such block"


@claim(
    "SN18",
    "bound on blocks of unused key lags",
    requires=("SN1", "SN2"),
    assumptions=("padded heads in the first layer",),
    expected=needs_an_unused_lag_and_one,
    origin=Origin.STRENGTHENED,
    reference="mathematics/sub-n-grams/finite-length#sn18",
)
def key_lags_that_are_not_read(settings: SubNGramSettings, run: Run) -> Finding:
    """Given a kernel, for every T >= n and q >= 1, the size of a score block M_ab with a+1 in Lambda and b not in
    Lambda is at most Gamma + R, where Gamma = 1 - (q/(q+S-1))^|Lambda|, R = min(1, min_g (6 d(g) + S^|Lambda| (S+1)
    (2g+n-1)/m)), m = T-n+2, and d(g) is the largest total variation distance from the stationary law g steps after a
    context. Decided is this for the kernels, T and q in the scope, the first n-1 tokens being uniform.

    Rational throughout. Kernels near uniform at a length where R < 1, nearly deterministic ones at a short one.
    """
    S, n, lags = settings.S, settings.n, settings.lag_set
    if not lags or settings.full_context:
        return undecided(f"{NOTHING}: every lag is read (see SN17)" if lags else NO_LAGS)
    scope = f"padded heads; S={S}, n={n}, lags {braces(lags)}"
    instances = some_instances(settings, run)
    if not instances:
        T, q = max(8, n + 1), math.inf
        return too_dear(
            one_kernel_exactly(S, n, lags, T, q), run, what="the blocks of one rational kernel", scope=scope
        )
    wrong, rows, count = None, list[dict[str, Any]](), 0
    for kernel, T, q in instances:
        sizes, bound = sizes_and_bound(S, n, lags, kernel, T, q)
        count += len(sizes)
        ab = max(sizes, key=lambda ab: sizes[ab])
        rows.append({"T": T, "q": str(q), "block": list(ab), "computed": str(sizes[ab]), "bound": str(bound)})
        if wrong is None and sizes[ab] > bound:
            wrong = Counterexample(
                {"kernel": [[str(x) for x in row] for row in kernel], "T": T, "q": str(q), "block": list(ab)},
                partial(is_beyond_mixing, kernel, n, lags, q, T, ab),
            )
    telling = [row for row in rows if Fraction(row["bound"]) < 1]
    worst = max(telling or rows, key=lambda row: Fraction(row["computed"]) / Fraction(row["bound"]))
    ratio = float(Fraction(worst["computed"]) / Fraction(worst["bound"]))
    lengths = ", ".join(f"(T={T}, q={q})" for T, q in dict.fromkeys((T, q) for _, T, q in instances))
    return decide(
        wrong is None,
        evidence=Evidence.EXACT,
        scope=f"{scope}; {len(instances)} rational kernels, uniform start: {lengths}; "
        f"bound below 1 for {len(telling)} of them",
        instances=count,
        found=f"{ratio:.2g} of the bound" + (f" {float(Fraction(worst['bound'])):.2g}" if telling else ", which is 1"),
        predicted="at most 1",
        counterexample=wrong,
        details={"compared": rows},
        certificate=Certificate(
            {"S": S, "n": n, "lags": lags, "instances": [
                {"kernel": kernel, "T": T, "q": "inf" if q == math.inf else q} for kernel, T, q in instances
            ]}
        ),
        undecided="a block is larger than its bound",
    )  # fmt: skip


def some_instances(settings: SubNGramSettings, run: Run) -> list[Instance]:
    """As many as a share of the time allows: kernels that mix fast, where R < 1, then nearly deterministic ones."""
    S, n, lags, rng = settings.S, settings.n, settings.lag_set, random.Random(settings.seed)
    long, short = n - 2 + 6 * (n - 1) * S ** len(lags) * (S + 1), max(8, n + 1)
    wanted: list[Instance] = [(adversaries.nearly_uniform(S, n, rng, e), long, math.inf) for e in NEAR]
    if S == 2:
        wanted.append((adversaries.nearly_uniform(S, n, rng, NEAR[0]), long, Fraction(9)))
    for e, q in product(CHANCES, QS_SHORT):
        wanted.append((adversaries.nearly_deterministic(S, n, rng, e), short, q))
    if (S, n) == (2, 3):
        wanted += [(adversaries.two_regimes(Fraction(1, x)), x + 2, Fraction(x + 2)) for x in (10, 20)]
    left, chosen = run.seconds * 3 * SHARE, list[Instance]()
    for rows, T, q in wanted:
        seconds = one_kernel_exactly(S, n, lags, T, q)
        if seconds <= left:
            left -= seconds
            chosen.append((rows, T, q))
    return chosen


def sizes_and_bound(
    S: int, n: int, lags: tuple[int, ...], rows: adversaries.Rows, T: int, q: Fraction | float
) -> tuple[dict[tuple[int, int], Fraction], Fraction]:
    """|M_ab| for all blocks, and Gamma + R."""
    law, configuration = NGramLaw(S, n), Configuration(lags, q)
    numbers = FiniteLength(S, n, T, configuration)
    M = transfer_exact(law, dict(zip(law.contexts, rows, strict=True)), configuration, T)
    return {ab: size(M[ab]) for ab in type_two(n, lags)}, numbers.gamma + numbers.mixing(rows)


def is_beyond_mixing(
    rows: adversaries.Rows, n: int, lags: tuple[int, ...], q: Fraction | float, T: int, ab: tuple[int, int]
) -> bool:
    """Whether the block is larger than Gamma + R, by another program for all three."""
    finite_q = None if q == math.inf else Fraction(q)
    block = second.query_blocks(rows, [Fraction(1, len(rows))] * len(rows), n, lags, finite_q, T)[ab]
    allowed = second.gamma(len(rows[0]), finite_q, len(lags)) + second.mixing(rows, n, len(lags), T)
    return second.size(block) > allowed


# --- infinite length ---


@claim(
    "SN19",
    "bounds at infinite length",
    requires=("SN2",),
    assumptions=("padded heads in the first layer",),
    expected=needs_lags,
    origin=Origin.STRENGTHENED,
    reference="mathematics/sub-n-grams/finite-length#sn19",
)
def infinite_length_bounds(settings: SubNGramSettings, run: Run) -> Finding:
    """At T = infinity, given a kernel with positive entries, for every q >= 1, the size of a score block M_ab is at
    most Gamma = 1 - (q/(q+S-1))^|Lambda| if a+1 is in Lambda, and at most 2 Gamma if b is; without their factors c and
    c^2, the squared norms of the factorised gradient are at most 2 |Lambda| Gamma^2 (5n - 3|Lambda|) in Q and K, and 8
    |Lambda| Gamma^2 in V. Decided is this for the kernels and q in the scope.

    Random rational kernels, nearly deterministic ones, and one whose next token repeats the one at the last lag read.
    """
    S, n, lags = settings.S, settings.n, settings.lag_set
    if not lags:
        return undecided(NO_LAGS)
    seconds = elimination(S, n) + len(QS) * at_infinity(S, n, lags) * len(lags)
    count = how_many(4, seconds, run)
    if not count:
        return too_dear(seconds, run, what="the exact blocks of one rational kernel", scope=f"S={S}, n={n}")
    kernels = some_kernels(settings, count)
    rows, wrong, worst_norm = list[dict[str, Any]](), None, 0.0
    for kernel, q in product(kernels, QS):
        M, G = infinite_blocks(kernel, lags, q), gamma(S, Configuration(lags, q))
        for (a, b), block in M.items():
            allowed, computed = (G if a + 1 in lags else 2 * G), size(block)
            rows.append({"q": str(q), "block": [a, b], "computed": str(computed), "bound": str(allowed)})
            if wrong is None and computed > allowed:
                wrong = _beyond(kernel, lags, q, (a, b), allowed)
        parts, allowed_parts = squared_parts(M, lags, q), norm_bounds(n, len(lags), G)
        if wrong is None and any(x > y for x, y in zip(parts, allowed_parts, strict=True)):
            wrong = _beyond(kernel, lags, q, None, Fraction(0))
        worst_norm = max(worst_norm, *(math.sqrt(x / y) for x, y in zip(parts, allowed_parts, strict=True)))
    worst = max(rows, key=lambda row: Fraction(row["computed"]) / Fraction(row["bound"]))
    return decide(
        wrong is None,
        evidence=Evidence.EXACT,
        scope=f"padded heads; {len(kernels)} rational kernels, S={S}, n={n}, lags {braces(lags)}, q in {braces(QS)}",
        instances=len(rows) + 2 * len(kernels) * len(QS),
        found=f"{float(Fraction(worst['computed']) / Fraction(worst['bound'])):.3f} of the bound, "
        f"{worst_norm:.2f} of the norm's",
        predicted="at most 1",
        counterexample=wrong,
        details={"largest ratio": worst, "norms": norm_rows(kernels[0], lags, n)},
        certificate=Certificate({"S": S, "n": n, "lags": lags, "q": QS, "kernels": kernels}),
        undecided="a block or a norm is larger than its bound",
    )


def some_kernels(settings: SubNGramSettings, count: int) -> list[adversaries.Rows]:
    S, n, rng = settings.S, settings.n, random.Random(settings.seed)
    repeating = adversaries.repeats(S, n, settings.lag_set[-1], Fraction(1, 1000))
    nearly = [adversaries.nearly_deterministic(S, n, rng, e) for e in CHANCES]
    return [repeating, *nearly, *rational_kernels(S, n, count, settings.seed)][: count * 2]


def infinite_blocks(kernel: adversaries.Rows, lags: tuple[int, ...], q: Fraction) -> Blocks:
    """The blocks with a+1 or b in Lambda."""
    from proofs.sub_ngrams import infinite_length as infinite

    n = infinite.shape(kernel)[1]
    return infinite.limit_blocks(
        kernel, lags, q, sorted({*type_one(n, lags), *product((lag - 1 for lag in lags), range(n))})
    )


def squared_parts(M: Blocks, lags: tuple[int, ...], q: Fraction) -> tuple[Fraction, Fraction]:
    """The squared norms in Q and K, divided by c, and in V, divided by c^2."""
    gradient = parameter_gradient(ScoreBlocks(M), Configuration(lags, q))
    V = squares({(h, h): block for h, block in gradient.V.items()})
    return squares(gradient.Q) + squares(gradient.K), V


def norm_bounds(n: int, L: int, G: Fraction) -> tuple[Fraction, Fraction]:
    return 2 * L * G**2 * (5 * n - 3 * L), 8 * L * G**2


def norm_rows(kernel: adversaries.Rows, lags: tuple[int, ...], n: int) -> list[dict[str, Any]]:
    """The norm of the first kernel's gradient beside its bound, for every q above 1."""
    S, L, found = len(kernel[0]), len(lags), list[dict[str, Any]]()
    for q in QS[1:]:
        configuration = Configuration(lags, q)
        norms = parameter_norms(ScoreBlocks(infinite_blocks(kernel, lags, q)), configuration)
        assert norms is not None  # q is finite
        c, G = configuration.c, gamma(S, configuration)
        bound = math.sqrt(2 * c * L * float(G) ** 2 * (5 * n - 3 * L + 4 * c))
        found.append({"q": str(q), "norm": norms["total"], "bound": bound})
    return found


def _beyond(
    kernel: adversaries.Rows, lags: tuple[int, ...], q: Fraction, ab: tuple[int, int] | None, allowed: Fraction
) -> Counterexample:
    """A block, or (ab None) a norm, that is too large."""
    values = {
        "kernel": [[str(x) for x in row] for row in kernel],
        "q": str(q),
        "block": None if ab is None else list(ab),
    }
    if ab is None:
        return Counterexample(values, partial(is_beyond_norm, kernel, lags, q))
    return Counterexample(values, partial(is_beyond_limit, kernel, lags, q, ab, allowed))


def is_beyond_limit(
    kernel: adversaries.Rows, lags: tuple[int, ...], q: Fraction, ab: tuple[int, int], allowed: Fraction
) -> bool:
    """Whether the block is larger, by the sum over words that certificates are checked with."""
    S, n = shape_of(kernel)
    M = bounds.blocks_at(chains.chain(kernel, S, n), S, n, lags, q)
    return second.size(M[ab]) > allowed


def is_beyond_norm(kernel: adversaries.Rows, lags: tuple[int, ...], q: Fraction) -> bool:
    S, n = shape_of(kernel)
    M = bounds.blocks_at(chains.chain(kernel, S, n), S, n, lags, q)
    parts = bounds.squared_norms(M, lags)
    return any(x > y for x, y in zip(parts, norm_bounds(n, len(lags), second.gamma(S, q, len(lags))), strict=True))


def shape_of(kernel: Sequence[Sequence[Fraction]]) -> tuple[int, int]:
    S = len(kernel[0])
    return S, round(math.log(len(kernel), S)) + 1


@claim(
    "SN19c",
    "half the bound at infinite length (control)",
    requires=("SN2",),
    expected=control_needs_lags,
    origin=Origin.CONTROL,
    reference="mathematics/sub-n-grams/finite-length#sn19c",
)
def half_gamma(settings: SubNGramSettings, run: Run) -> Finding:
    """At T = infinity, given a kernel with positive entries, for every q >= 1, the size of a score block M_ab with a+1
    in Lambda is at most Gamma / 2.

    A kernel whose next token repeats, but for a chance of 1/1000, the token at the last lag read, at q near 1.
    """
    S, n, lags = settings.S, settings.n, settings.lag_set
    if not lags:
        return undecided(NO_LAGS)
    seconds = elimination(S, n) + at_infinity(S, n, lags)
    if seconds > run.seconds:
        return too_dear(seconds, run, what="the exact blocks of one rational kernel", scope=f"S={S}, n={n}")
    from proofs.sub_ngrams import infinite_length as infinite

    lag, q = lags[-1], 1 + Fraction(1, 4 ** len(lags))
    kernel, ab = adversaries.repeats(S, n, lag, Fraction(1, 1000)), (lag - 1, 0)
    computed, half = size(infinite.limit_blocks(kernel, lags, q, [ab])[ab]), gamma(S, Configuration(lags, q)) / 2
    return decide(
        not computed > half,
        evidence=Evidence.EXACT,
        scope=f"padded heads; one kernel, S={S}, n={n}, lags {braces(lags)}, q={q}",
        instances=1,
        found=f"|M_{{{ab[0]},0}}| = {float(computed):.4f}",
        predicted=f"above {float(half):.4f}",
        counterexample=_beyond(kernel, lags, q, ab, half) if computed > half else None,
        details={"size": str(computed), "half of Gamma": str(half)},
        certificate=Certificate({"S": S, "n": n, "lags": lags, "q": q, "kernels": [kernel]}, {"a": ab[0], "b": 0}),
        undecided="the block is not above half of Gamma",
    )
