"""NT16: sentences that contradict each other, so that the order of a query has a cycle."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from proofs.next_token.examples import CONTRADICTION
from verify.claim import Counterexample, Evidence, Finding, Origin, Run, decide
from verify.papers.next_token.comparisons import Comparison, report
from verify.papers.next_token.premises import ALIGNED, claim
from verify.papers.next_token.settings import NextTokenSettings

if TYPE_CHECKING:
    from torch import Tensor

# Of CONTRADICTION, query 3: the shortest column with entries 0 and 1 equal, and both at least 1 above 2 and 3.
QUERY, DIRECTION = 3, (0.5, 0.5, -0.5, -0.5)
RATE, BETA, T, T_AGAIN = 0.5, 3.0, 3000, 1000
LEAD_RESOLUTION, GROWTH_RESOLUTION = 0.02, 0.05
BELOW = -800.0  # a score that leaves a token no attention
WIDEST = 20.0  # the minimiser is sought within this much of 0


@claim("NT16", "contradictory sentences", requires=("NT1r",), assumptions=(ALIGNED,))
def contradiction(settings: NextTokenSettings, run: Run) -> Finding:
    """[D] Where sentences contradict each other, so that tokens of a query beat each other in a cycle, plain descent of
    attention has W_t = W log t + O(1): scores within the cycle tend to a finite minimiser of the loss of these tokens
    alone, where it has one; W is the shortest matrix with margin 0 within cycles and 1 where a token beats one outside.

    [0, 1, 3] with 0 optimal at weight 2, with 1 optimal at weight 1, and [1, 2, 3] with 1 optimal: the lead of 0 over 1
    against the zero of the derivative, and the growth along W per log t against |W|.
    """
    import torch

    from numerics.next_token.training import late_growth, late_limit, late_times, rounding

    run.progress(f"plain descent on contradictory sentences for {T} steps")
    columns = descend(normalised=False, T=T)
    W = torch.tensor(DIRECTION, dtype=torch.float64)
    noise = rounding(RATE, T)
    leads = [lead(columns[t]) for t in late_times(T)[1:]]
    along = {t: float(columns[t] @ W / W.norm()) for t in late_times(T)}
    name = CONTRADICTION.name
    return report(
        [
            Comparison(
                name,
                "lead within the cycle",
                late_limit(leads, noise),
                minimiser(),
                LEAD_RESOLUTION,
                lambda: lead(slowly(T_AGAIN)),
            ),
            Comparison(
                name,
                "growth along W per log t",
                late_growth(along, noise),
                float(W.norm()),
                GROWTH_RESOLUTION,
                lambda: float((slowly(T_AGAIN) - slowly(T_AGAIN // 2)) @ W / W.norm()) / math.log(2),
            ),
        ],
        scope=f"[0,1,3], [0,1,3], [1,2,3], next tokens 1, 2, 2, weights 2, 1, 1, eta={RATE}, beta={BETA:g}, t={T}",
        T=T,
        nothing="no run",
    )


def descend(*, normalised: bool, T: int) -> dict[int, Tensor]:
    """The column of the query at the late times and the last two steps."""
    from numerics.next_token.descent import normalised_descent, plain_descent
    from numerics.next_token.stage import aligned_output, attention_stage
    from numerics.next_token.training import late_times

    stage = attention_stage([CONTRADICTION], aligned_output([CONTRADICTION], BETA))
    step = normalised_descent if normalised else plain_descent
    V = CONTRADICTION.V
    return {t: w[0].reshape(V, V)[:, QUERY] for t, w in step(stage, RATE, (*late_times(T), T - 1)).items()}


def lead(column: Tensor) -> float:
    """Of token 0 over token 1."""
    return float(column[0] - column[1])


def minimiser() -> float:
    """The lead at which the loss of tokens 0 and 1 alone is least: the zero of its derivative, by the formula of NT1
    with many digits, between leads at which it falls and rises.
    """
    from numerics.next_token import reference

    ctx = reference.context(30)
    W_ov = reference.aligned_output(CONTRADICTION, BETA, ctx)

    def derivative(m: float) -> float:
        W = reference.zeros(CONTRADICTION, ctx)
        for token, score in enumerate((m / 2, -m / 2, BELOW, BELOW)):
            W[token][QUERY] = ctx.mpf(score)
        return float(reference.gradient(CONTRADICTION, W_ov, W, ctx)[0][QUERY])

    low, high = -WIDEST, WIDEST
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if derivative(middle) < 0 else (low, middle)
    return low


def slowly(steps: int, *, normalised: bool = False) -> Tensor:
    """The column of the query after so many steps, by the naive formulas in double precision."""
    from itertools import islice

    import torch

    from numerics.next_token import reference

    ctx = reference.context(None)
    W_ov = reference.aligned_output(CONTRADICTION, BETA, ctx)
    (W,) = islice(reference.train(CONTRADICTION, W_ov, RATE, ctx, normalised), steps, steps + 1)
    return torch.tensor([row[QUERY] for row in W], dtype=torch.float64)


@claim(
    "NT16c",
    "contradictions, normalised (control)",
    requires=("NT16",),
    assumptions=(ALIGNED,),
    origin=Origin.CONTROL,
)
def normalised_settles(settings: NextTokenSettings, run: Run) -> Finding:
    """Under normalised descent the scores within a cycle tend to the finite minimiser, too.

    The data of NT16: steps of fixed length jump over the minimiser, from one side to the other.
    """
    columns, rest = descend(normalised=True, T=T_AGAIN), minimiser()
    sides = [lead(columns[t]) - rest for t in (T_AGAIN - 1, T_AGAIN)]
    jumps = sides[0] * sides[1] < 0 and min(map(abs, sides)) > RATE / 4
    return decide(
        False,  # an example can refute, and nothing else
        evidence=Evidence.NUMERIC,
        scope=f"the data of NT16, eta={RATE}, beta={BETA:g}, t={T_AGAIN}",
        instances=1,
        found=f"lead off its minimiser by {sides[0]:+.4f}, a step later by {sides[1]:+.4f}",
        predicted="of both signs, not to 0",
        counterexample=Counterexample(
            {"off a step before": sides[0], "off at the end": sides[1]}, partial(jumps_over, min(map(abs, sides)), RATE)
        )
        if jumps
        else None,
        undecided=f"the last two steps are off by {sides[0]:.3g} and {sides[1]:.3g}",
    )


def jumps_over(least: float, eta: float, normalised: bool = True) -> bool:
    """Whether the scores at two steps of a short run are on both sides of the minimiser, each at least half as far off
    as this: by the naive formulas in double precision, before the loss of digits.
    """
    rest = minimiser()
    sides = [lead(slowly(t, normalised=normalised)) - rest for t in (40, 41)]
    return sides[0] * sides[1] < 0 and min(map(abs, sides)) > least / 2 and least <= eta
