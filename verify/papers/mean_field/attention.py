"""MF11: the flow of the attention matrix, dG/dt = - B^T B G A for the gap G = W_t - W to its limit.

The operator is symmetric and does not leave the space of all G with u^T G = 0 for B u = 0. Its least eigenvalue there
is the rate: d|G|^2/dt <= -2 rate |G|^2, so that |G| <= e^(-rate t) |G_0|, and no larger rate will do for all starts.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from random import Random
from typing import Any

from flint import ctx, fmpq_mat

from proofs.mean_field.enclosures import PRECISION
from proofs.mean_field.flows import AttentionFlow
from proofs.mean_field.instances import random_matrix, singular_model
from proofs.mean_field.model import Model
from proofs.mean_field.witness import Rows, pivots
from proofs.rational_matrix import identity, inertia, is_zero, kernel, squared_norm, to_fmpq
from verify.claim import Evidence, Finding, Origin, Run
from verify.papers.mean_field import steps
from verify.papers.mean_field.common import each_takes, generator, models, of_file
from verify.papers.mean_field.conditions import Condition, Values, at_most, condition, ends, equal, judge, proved
from verify.papers.mean_field.identities import model_at
from verify.papers.mean_field.premises import FINITE, claim
from verify.papers.mean_field.settings import MeanFieldSettings
from verify.recheck.mean_field.matrices import Matrix

EDGE = Fraction(1, 2**60)  # an interval for the rate is widened by this part, so that no eigenvalue is at its end


@claim(
    "MF11",
    "flow of the attention matrix",
    requires=("MF1",),
    assumptions=(FINITE,),
    origin=Origin.STRENGTHENED,
    steps=steps.ATTENTION,
)
@each_takes(lambda k, m: 4e-4 * k**3)
def attention_flow(settings: MeanFieldSettings, run: Run) -> Finding:
    """[F] (Lemma 3.1) For fixed mu, dW/dt = -dL_TF/dW converges linearly to some W with Sigma_°mu W = Sigma_°mu
    Sigma_mumu^-1. [D] dL_TF/dW = B^T B (W A - I); the limit is A^-1 + Pi_ker(B) (W_0 - A^-1), the rate the least
    nonzero eigenvalue of B^T B times the least of A.

    The limit and the part that is kept as identities, the rate as the least non-zero eigenvalue by inertia.
    """
    random, k = generator(settings, "MF11"), settings.k
    conditions = proved("attention_gradient", "optimal_attention")
    given = models(settings, random)
    cases = [case for model in given for case in (model, singular_model(random, model.H))]
    for case in cases:
        conditions += _flows_to_its_limit(AttentionFlow(case, _attention_start(case, random)))
    singular = [case.B.rank() for case in cases if case.B.rank() < k]
    still = singular.count(0)
    kinds = f"{len(cases) - len(singular)} with invertible, {len(singular)} with singular Sigma_°mu"
    if still:
        kinds += f" ({still} of them 0, where W stays)"
    return judge(
        conditions,
        evidence=Evidence.ENCLOSURE,
        scope=f"{len(cases)} flows at k={k}, m={settings.m}{of_file(settings, used=True)}: {kinds}; "
        "gradient: every k, m",
        instances=len(cases),
        found=f"limits of all {len(cases)} flows agree, rates of {len(cases) - still}",
        predicted="A^-1 + Pi (W_0 - A^-1), least nonzero eigenvalue",
    )


def _attention_start(model: Model, random: Random) -> fmpq_mat:
    """W_0 that differs from A^-1, on ker(B) too where there is one."""
    unseen = kernel(model.B).transpose()
    while True:
        start = random_matrix(random, model.B.nrows(), model.B.nrows())
        gap = start - model.A_inverse
        seen, kept = is_zero(model.B) or not is_zero(model.B * gap), unseen.nrows() == 0 or not is_zero(unseen * gap)
        if seen and kept:
            return start


def _flows_to_its_limit(flow: AttentionFlow) -> Iterator[Condition]:
    model, B, W, unseen = flow.model, flow.model.B, flow.limit, kernel(flow.model.B)
    at: dict[str, Any] = {"H": model.H, "F": model.F, "W": W}
    yield equal("B W = B A^-1 at the limit W", B * W, B * model.A_inverse, _limit_seen, **at)
    if unseen.ncols() > 0:
        kept = is_zero(unseen.transpose() * (W - flow.start))
        name = "on ker(B) the limit W is W_0"
        yield condition(name, kept, _moved_unseen, **at, W_0=flow.start, kernel=unseen)
    if is_zero(B):
        return
    low, high = ends(flow.rate)
    at = {"H": model.H, "F": model.F, "rate": [low, high]}
    yield condition("rate", _is_least_nonzero(flow.operator, low, high), _another_rate, **at)
    with ctx.workprec(PRECISION):
        gap = flow.start - W
        shrinks = at_most(squared_norm(gap) * flow.rate, flow.energy)
    yield condition("d|W_t - W|/dt <= - rate |W_t - W|", shrinks, _lags, **at, gap=gap)


def _is_least_nonzero(S: fmpq_mat, low: Fraction, high: Fraction) -> bool | None:
    """Whether the least eigenvalue of S >= 0 other than 0 lies in the narrow interval [low, high], 0 < low."""
    if high - low > EDGE * low:
        return None
    n, nullity = S.nrows(), inertia(S)[1]
    below = inertia(S - to_fmpq(low) * identity(n))[0]
    up_to = n - inertia(S - to_fmpq(high) * identity(n))[2]
    return bool(below == nullity < up_to)


# --- the same again, in the standard library ---


def _limit_seen(at: Values) -> list[list[Fraction]]:
    """B A^-1."""
    rows: list[list[Fraction]] = (Matrix(at["F"]) * Matrix(at["H"]).T * model_at(at).a).rows
    return rows


def _moved_unseen(at: Values) -> bool:
    """Whether u^T W is not u^T W_0 for a u with B u = 0, although u^T dW/dt = - u^T B^T B (W A - I) = 0."""
    B, N = Matrix(at["F"]) * Matrix(at["H"]).T, Matrix(at["kernel"])
    return (B * N).is_zero and not (N.T * (Matrix(at["W"]) - Matrix(at["W_0"]))).is_zero


def _operator(at: Values) -> list[list[Fraction]]:
    """G -> B^T B G A on stacked columns."""
    B, A = Matrix(at["F"]) * Matrix(at["H"]).T, model_at(at).A.rows
    T = (B.T * B).rows
    return [[x * y for x in row for y in other] for row in A for other in T]


def _another_rate(at: Values) -> bool:
    """Whether the least eigenvalue that is not 0 of the operator is outside of the interval."""
    K, (low, high) = _operator(at), at["rate"]
    zero = eigenvalues_below(K, low / 2**200)
    return not (zero == eigenvalues_below(K, low * (1 - EDGE)) and zero < eigenvalues_below(K, high * (1 + EDGE)))


def eigenvalues_below(S: Rows, x: Fraction) -> int:
    """How many eigenvalues of S are less than x, by Sylvester's law of inertia."""
    found = pivots([[y - x * (i == j) for j, y in enumerate(row)] for i, row in enumerate(S)])
    if found is None:
        raise ArithmeticError("a pivot is 0")
    return sum(y < 0 for y in found)


def _lags(at: Values) -> bool:
    """Whether the gap G shrinks more slowly at first: <G, B^T B G A> < rate |G|^2."""
    K, low = _operator(at), at["rate"][0]
    gap = [x for column in Matrix(at["gap"]).T.rows for x in column]
    energy = sum(x * y * z for x, row in zip(gap, K, strict=True) for y, z in zip(row, gap, strict=True))
    return bool(energy < low * sum(x * x for x in gap))
