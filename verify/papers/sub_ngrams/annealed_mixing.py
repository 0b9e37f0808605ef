"""SN20: the bound on blocks whose key lag is not read, averaged over the prior."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any

from proofs.sub_ngrams import adversaries
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.finite_length import FiniteLength, at_most, ball, overlap, size, type_two
from proofs.sub_ngrams.law import NGramLaw
from verify.claim import Evidence, Finding, Origin, Run, claims_on, decide, how_many, too_dear
from verify.papers.sub_ngrams import steps
from verify.papers.sub_ngrams.finite_length import FAR, SHORTEST, about, listed
from verify.papers.sub_ngrams.finite_length_blocks import (
    CHANCES,
    Compared,
    Problem,
    annealed_problems,
    blocks,
    how_near,
    norm_compared,
)
from verify.papers.sub_ngrams.kernels import elimination, rational_kernels
from verify.papers.sub_ngrams.premises import first_of, no_lag_read_and_lag_unread, other_law
from verify.papers.sub_ngrams.settings import SubNGramSettings

claim = claims_on("mathematics/sub-n-grams/finite-length")

KERNELS = 8
POWERS, LAST = 40, 99 * 10**39  # T is tried up to here
LONG = 10**6  # where R < 1 for kernels that mix


@claim(
    "SN20",
    "bounds on R for the mean over the prior",
    requires=("SN18",),
    assumptions=("padded heads in the first layer",),
    vacuous=first_of(no_lag_read_and_lag_unread, other_law),
    origin=Origin.STRENGTHENED,
    steps=steps.ANNEALED,
)
def prior_that_mixes(settings: SubNGramSettings, run: Run) -> Finding:
    """Averaged over the Dirichlet(alpha) prior, for every T >= n and q >= 1, the size of a score block M_ab with a+1 in
    Lambda and b not in Lambda is at most B = Gamma + E, and the squared norm of the factorised gradient at most 2 c L
    ((n+L+4c) A^2 + (n-L) B^2), with A the bound of SN16, L = |Lambda|, c = log q, and E an explicit bound on the mean
    of the R of SN18. Decided is what E rests on, for the kernels in the scope: that R is at most each of the two
    functions of the kernel whose means E bounds. B and the bound on the norm are decided for the T and q that the scope
    names, and not at all where it names none: where B is 1 or more it says nothing, as no block is larger than 1.

    E is the least of three: 1; a bound on the mean of X / delta or a power of it, by Euler's integrals of the second
    kind; and one on the mean of a function of kappa, by incomplete ones of the first kind. X falls like log(m) / m.
    delta is the least mass that the laws of the next n-1 tokens after two contexts have in common, kappa that of the
    next token. Balls; kernel by kernel, fractions. An instance is a kernel, or a block or norm that could be larger
    than its bound.
    """
    law, lags = settings.law, settings.lag_set
    problems = annealed_problems(settings, replace(run, seconds=run.seconds / 4))
    if not problems:
        return too_dear(run.seconds * 2, run, what=SHORTEST, scope=f"S={law.S}, n={law.n}")
    bound = partial(annealed, law, lags)
    found = [item for T, q in problems for item in compared(law, lags, T, q, bound)]
    kernels, of_kernel = some_kernels(settings, run), bound(LONG, math.inf)
    wrong = [failed for kernel in kernels for failed in false_of_kernel(law, lags, kernel, LONG)]
    sized = [item for item in found if item.where != "squared norm"]
    telling, first = [item for item in found if item.telling], first_below_one(bound)
    norm = max((item for item in found if item.where == "squared norm"), key=lambda item: item.T)
    low = sum(of_kernel.mixing_exactly(overlap(kernel)) < 1 for kernel in kernels)
    return decide(
        all(item.holds for item in found) and not wrong,
        evidence=Evidence.ENCLOSURE,
        scope=f"padded heads; {about(settings)}; R of {len(kernels)} rational kernels at T={LONG:.0e}; "
        + (f"blocks and norms, {listed(problems_of(telling))}" if telling else "B and the norm at no T and q"),
        instances=len(telling) + len(kernels),
        found=f"R {'not ' if wrong else ''}within its bounds for {len(kernels)} kernels, R below 1 for {low} of them; "
        + (f"{how_near(sized)}; norm {math.sqrt(norm.ratio):.2g} of its bound at T={norm.T}; " if telling else
           f"B not tested, at least 1 for all {len(sized)} blocks at T <= {norm.T}; ")
        + (f"B < 1 from T={first:.1e}, q = T" if first else f"B >= 1 up to T={LAST:.0e}"),
        predicted="at most its bound",
        details={
            "B is below 1 from T (q = T; two digits)": first or f"above {LAST:.0e}",
            "B along q = T": {str(T): far(bound, T) for T in FAR},
            "blocks and norms with a bound that says something": len(telling),
            "compared": [item.row() for item in found],
            "kernels looked at": len(kernels),
            "inequalities that fail at a kernel": wrong or "none",
        },
        undecided="; ".join(wrong) or "a comparison fails, and no second computation of its size is affordable",
    )  # fmt: skip


def problems_of(found: Sequence[Compared]) -> list[Problem]:
    return list(dict.fromkeys((item.T, item.q) for item in found))


Bound = Callable[[int, Fraction | float], Any]  # T, q -> AnnealedBound


def annealed(law: NGramLaw, lags: tuple[int, ...], T: int, q: Fraction | float) -> Any:
    from proofs.sub_ngrams.annealed_bound import AnnealedBound, Prior

    return AnnealedBound(FiniteLength(law.S, law.n, T, Configuration(lags, q)), Prior(law.S, law.n, law.alpha))


def compared(law: NGramLaw, lags: tuple[int, ...], T: int, q: Fraction | float, bound: Bound) -> Iterator[Compared]:
    """All blocks with an unread key lag beside B, and the squared norm beside its bound."""
    M, two = blocks(law, Configuration(lags, q), T), bound(T, q).type_two()[0]
    for a, b in type_two(law.n, lags):
        computed = size(M[a, b])
        holds = bool(ball(computed) <= two)
        yield Compared(T, q, computed, float(two), holds, f"M_{a},{b}, mean over the prior")
    if q != math.inf:
        yield norm_compared(law, Configuration(lags, q), T, M, lambda: two)


def far(bound: Bound, T: int) -> dict[str, Any]:
    value, how = bound(T, Fraction(T)).type_two()
    return {"B": float(value), "E by": how}


def first_below_one(bound: Bound) -> int:
    """The least T of two digits at which B < 1 along q = T; 0 if there is none up to LAST."""
    numbers = [digits * 10**power for power in range(1, POWERS) for digits in range(10, 100)]
    low, high = 0, len(numbers)
    while low < high:
        middle = (low + high) // 2
        below = bool(bound(numbers[middle], Fraction(numbers[middle])).type_two()[0] < 1)
        low, high = (low, middle) if below else (middle + 1, high)
    return numbers[low] if low < len(numbers) else 0


def some_kernels(settings: SubNGramSettings, run: Run) -> Sequence[adversaries.Rows]:
    S, n, rng = settings.S, settings.n, random.Random(settings.seed)
    count = how_many(KERNELS, elimination(S, n) + 4e-6 * S ** (3 * n - 3), run)
    nearly = [adversaries.nearly_deterministic(S, n, rng, e) for e in CHANCES[:2]]
    return [*nearly, *rational_kernels(S, n, count, settings.seed)][:count]


def false_of_kernel(law: NGramLaw, lags: tuple[int, ...], kernel: adversaries.Rows, T: int) -> list[str]:
    """What does not hold of the inequalities between R, delta, kappa and the entries."""
    from proofs.sub_ngrams.annealed_bound import below_overlap, likeness, pair_overlaps

    bound, delta, kappa = annealed(law, lags, T, math.inf), overlap(kernel), likeness(kernel)
    R, power = bound.numbers.mixing(kernel), law.n - 1
    pairs = list(pair_overlaps(kernel))
    holds = {
        "delta is the least overlap of two contexts": delta == min(d for d, _, _ in pairs),
        "delta_uv is above its bound by entries": all(below_overlap(*pair) for pair in pairs),
        "delta >= kappa^(n-1)": delta >= kappa**power,
        "R <= its bound by delta": bound.mixing_exactly(delta) >= R,
        "R <= its bound by kappa": bound.mixing_exactly(kappa**power) >= R,
        "R <= X / delta": at_most(lambda: ball(R), lambda: bound.X / ball(delta)),
    }
    return [f"{name}: not so for a kernel" for name, true in holds.items() if not true]
