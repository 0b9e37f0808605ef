"""SN19: bounds on the score blocks at infinite length."""

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
from proofs.sub_ngrams.finite_length import gamma, size, squares, type_one
from proofs.sub_ngrams.score_blocks import Blocks, ScoreBlocks, parameter_gradient, parameter_norms
from verify.claim import (
    Certificate,
    Counterexample,
    Evidence,
    Finding,
    Origin,
    Run,
    claims_on,
    decide,
    how_many,
    too_dear,
)
from verify.papers.sub_ngrams import steps
from verify.papers.sub_ngrams.finite_length_blocks import CHANCES, Compared
from verify.papers.sub_ngrams.kernels import elimination, in_powers, in_words, rational_kernels
from verify.papers.sub_ngrams.premises import first_of, kernel_with_a_zero, no_lags
from verify.papers.sub_ngrams.settings import SubNGramSettings, braces
from verify.printing import shown
from verify.recheck.sub_ngrams import bounds, chains
from verify.recheck.sub_ngrams import finite as second

claim = claims_on("mathematics/sub-n-grams/finite-length")

QS = (Fraction(2), Fraction(10), Fraction(1), Fraction(3, 2), Fraction(1000))
PARTS = ("|Q|^2 + |K|^2 without c", "|V|^2 without c^2")


@claim(
    "SN19",
    "bounds at infinite length",
    requires=("SN2",),
    assumptions=("padded heads in the first layer",),
    vacuous=first_of(no_lags, kernel_with_a_zero),
    origin=Origin.STRENGTHENED,
    steps=steps.INFINITE,
)
def infinite_length_bounds(settings: SubNGramSettings, run: Run) -> Finding:
    """At T = infinity, given a kernel with positive entries, for every q >= 1, the size of a score block M_ab is at
    most Gamma = 1 - (q/(q+S-1))^|Lambda| if a+1 is in Lambda, and at most 2 Gamma if b is; without their factors c and
    c^2, the squared norms of the factorised gradient are at most 2 |Lambda| Gamma^2 (5n - 3|Lambda|) in Q and K, and 8
    |Lambda| Gamma^2 in V. Decided is this for the kernels and q in the scope.

    Random rational kernels, nearly deterministic ones, and one whose next token repeats the one at the last lag read;
    or that of a file alone. An instance is a block or a squared norm whose bound says something: no block is larger
    than 1.
    """
    S, n, lags = settings.S, settings.n, settings.lag_set
    seconds = elimination(S, n) + in_powers(S, n, lags)
    count = how_many(8 * len(QS), seconds, run)
    if not count:
        return too_dear(seconds, run, what="the exact blocks of one rational kernel", scope=f"S={S}, n={n}")
    qs = QS[: min(count, len(QS))]
    kernels = some_kernels(settings, count // len(qs))
    found = [item for kernel, q in product(kernels, qs) for item in compared(kernel, lags, q)]
    telling = [item for item in found if item.telling]
    worst = max([item for item in found if not item.holds] or telling, key=lambda item: item.ratio)
    norm = max((item for item in telling if item.where in PARTS), key=lambda item: item.ratio)
    return decide(
        all(item.holds for item in found),
        evidence=Evidence.EXACT,
        scope=f"padded heads; {in_words(settings, len(kernels))}, S={S}, n={n}, lags {braces(lags)}, q in {braces(qs)}",
        instances=len(telling),
        found=f"{worst.ratio:.3f} of the bound of a block, {norm.ratio:.2f} of that of a squared norm; "
        f"{len(telling)} of {len(found)} bounds say something",
        predicted="at most 1",
        counterexample=next((item.violation for item in found if not item.holds), None),
        details={
            "largest ratio": worst.row(),
            "largest ratio of a squared norm": norm.row(),
            "norm of the first kernel's gradient, with c and c^2": norm_rows(kernels[0], lags, qs),
        },
        certificate=Certificate({"S": S, "n": n, "lags": lags, "q": qs, "kernels": kernels}),
        undecided="a block or a norm is larger than its bound",
    )


def compared(kernel: adversaries.Rows, lags: tuple[int, ...], q: Fraction) -> list[Compared]:
    """All blocks, and the two parts of the squared norm, beside their bounds."""
    S, n = shape_of(kernel)
    M, G = blocks(kernel, lags, q), gamma(S, Configuration(lags, q))
    values = {"kernel": kernel, "q": q}

    def block(a: int, b: int) -> Compared:
        computed, times = size(M[a, b]), Fraction(1 if a + 1 in lags else 2)
        where = {**values, "block": [a, b]}
        too_large = Counterexample(where, partial(is_beyond_limit, kernel, lags, q, (a, b), times))
        bound = times * G
        return Compared(0, q, computed, float(bound), computed <= bound, f"M_{a},{b}", too_large)

    def norm(part: str, computed: Fraction, bound: Fraction, trivial: int) -> Compared:
        too_large = Counterexample({**values, "norm": part}, partial(is_beyond_norm, kernel, lags, q))
        return Compared(0, q, computed, float(bound), computed <= bound, part, too_large, trivial=trivial)

    if_blocks_are_1 = (4 * len(lags) * n, 8 * len(lags))
    parts = zip(PARTS, squared_parts(M, lags, q), norm_bounds(n, len(lags), G), if_blocks_are_1, strict=True)
    return [*(block(a, b) for a, b in M), *(norm(*part) for part in parts)]


def some_kernels(settings: SubNGramSettings, count: int) -> list[adversaries.Rows]:
    if settings.own_kernel is not None:
        return [settings.own_kernel]
    S, n, rng = settings.S, settings.n, random.Random(settings.seed)
    repeating = adversaries.repeats(S, n, settings.lag_set[-1], Fraction(1, 1000))
    nearly = [adversaries.nearly_deterministic(S, n, rng, e) for e in CHANCES]
    return [repeating, *nearly, *rational_kernels(S, n, count, settings.seed)][:count]


def blocks(kernel: adversaries.Rows, lags: tuple[int, ...], q: Fraction) -> Blocks:
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


def norm_rows(kernel: adversaries.Rows, lags: tuple[int, ...], qs: Sequence[Fraction]) -> list[dict[str, Any]]:
    """The norm of the first kernel's gradient beside its bound, for every q above 1."""
    (S, n), L, found = shape_of(kernel), len(lags), list[dict[str, Any]]()
    for q in (q for q in qs if q > 1):
        configuration = Configuration(lags, q)
        norms = parameter_norms(ScoreBlocks(blocks(kernel, lags, q)), configuration)
        assert norms is not None  # q is finite
        c, G = configuration.c, gamma(S, configuration)
        bound = math.sqrt(2 * c * L * float(G) ** 2 * (5 * n - 3 * L + 4 * c))
        found.append({"q": str(q), "norm": norms["total"], "bound": bound})
    return found


def is_beyond_limit(
    kernel: adversaries.Rows, lags: tuple[int, ...], q: Fraction, ab: tuple[int, int], times: Fraction
) -> bool:
    """Whether the block is larger than so many Gamma, by the sum over words that certificates are checked with."""
    S, n = shape_of(kernel)
    M = bounds.blocks_at(chains.chain(kernel, S, n), S, n, lags, q)
    return second.size(M[ab]) > times * second.gamma(S, q, len(lags))


def is_beyond_norm(kernel: adversaries.Rows, lags: tuple[int, ...], q: Fraction) -> bool:
    """Whether one of the two parts of the squared norm is beyond its bound, from the same sums."""
    S, n = shape_of(kernel)
    M = bounds.blocks_at(chains.chain(kernel, S, n), S, n, lags, q)
    allowed = bounds.norm_bounds(n, len(lags), second.gamma(S, q, len(lags)))
    return any(x > y for x, y in zip(bounds.squared_norms(M, lags), allowed, strict=True))


def shape_of(kernel: Sequence[Sequence[Fraction]]) -> tuple[int, int]:
    S = len(kernel[0])
    return S, round(math.log(len(kernel), S)) + 1


@claim(
    "SN19c", "half the bound at infinite length (control)", requires=("SN2",), vacuous=no_lags, origin=Origin.CONTROL
)
def half_gamma(settings: SubNGramSettings, run: Run) -> Finding:
    """At T = infinity, given a kernel with positive entries, for every q >= 1, the size of a score block M_ab with a+1
    in Lambda is at most Gamma / 2.

    A kernel whose next token repeats, but for a small chance, the token at the last lag read, at q near 1.
    """
    S, n, lags = settings.S, settings.n, settings.lag_set
    seconds = elimination(S, n) + in_powers(S, n, lags)
    if seconds > run.seconds:
        return too_dear(seconds, run, what="the exact blocks of one rational kernel", scope=f"S={S}, n={n}")
    from proofs.sub_ngrams import infinite_length as infinite

    lag, q = lags[-1], 1 + Fraction(1, 4 ** len(lags))
    kernel, ab = adversaries.repeats(S, n, lag, Fraction(1, 1000 * 2 ** len(lags))), (lag - 1, 0)
    computed, half = size(infinite.limit_blocks(kernel, lags, q, [ab])[ab]), gamma(S, Configuration(lags, q)) / 2
    return decide(
        not computed > half,
        evidence=Evidence.EXACT,
        scope=f"padded heads; one kernel, S={S}, n={n}, lags {braces(lags)}, q={q}",
        instances=1,
        found=f"size of M_{{{ab[0]},0}} = {float(computed):.4f}",
        predicted=f"above Gamma / 2, {float(half):.4f}",
        counterexample=Counterexample(
            {"kernel": kernel, "q": q, "block": ab},
            partial(is_beyond_limit, kernel, lags, q, ab, Fraction(1, 2)),
        )
        if computed > half
        else None,
        details={"size": shown(computed), "half of Gamma": shown(half)},
        certificate=Certificate(
            {"S": S, "n": n, "lags": lags, "q": q, "kernels": [kernel]}, {"a": ab[0], "b": 0, "size": computed}
        ),
        undecided="the block is not above half of Gamma",
    )
