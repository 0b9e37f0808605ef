"""MF12: prompts of finite length, in closed form against the enumeration of all prompts."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import log, sqrt
from random import Random
from typing import Any

from flint import fmpq, fmpq_mat

from proofs.mean_field.examples import pythagorean
from proofs.mean_field.instances import random_full_rank, random_matrix, random_rotation
from proofs.mean_field.model import Model
from proofs.mean_field.prompts import (
    Features,
    FinitePrompts,
    quartic_flat_loss,
    remainder,
    sign_features,
    slope_in_inverse_length,
    spread,
)
from proofs.mean_field.witness import is_semidefinite, prompt_loss, solutions, tasks
from proofs.rational_matrix import fractions, inertia, projection, select
from verify.claim import Certificate, Evidence, Finding, Origin, Run
from verify.papers.mean_field import steps
from verify.papers.mean_field.common import each_takes, generator, given_model, of_file, short, significant
from verify.papers.mean_field.conditions import Condition, Values, condition, equal, judge, proved, residual
from verify.papers.mean_field.premises import claim
from verify.papers.mean_field.settings import MeanFieldSettings
from verify.recheck.mean_field import prompts as recheck
from verify.recheck.mean_field.matrices import Matrix

CASES = ((1, Fraction(1, 3)), (2, Fraction(0)), (2, Fraction(1, 2)))  # (n, size of the noise in the prompt): enumerated
GIVEN = ((1, Fraction(0)),)  # and for the matrices of a file, at m points
LENGTHS = (1, 2, 10, 10**6)  # n at which L^n - L is compared with its bound


def _seconds(k: int, m: int) -> float:
    """For every task (fewer than 2k), all prompts of two points, of one and with noise, at every query."""
    points = min(m, k + 1)
    return 3e-5 * len(tasks(k)) * (2 * points**2 + 5 * points**3)


@claim(
    "MF12",
    "prompts of finite length",
    requires=("MF1",),
    assumptions=("prompts drawn independently, label noise of variance sigma^2 in the prompt",),
    origin=Origin.STRENGTHENED,
    steps=steps.PROMPTS,
)
@each_takes(_seconds)
def finite_prompts(settings: MeanFieldSettings, run: Run) -> Finding:
    """[F] |L^n - L| = O(sqrt(log k / n)). [D] L^n(W) = tr(S°)/2 - tr(B^T B W) + tr(S_n W A W^T)/2 with S_n = (1 - 1/n)
    B^T B + C/n + (sigma^2/n) A, least at S_n^-1 B^T B A^-1. Without noise 0 <= L^n - L <= tr((C - B^T B) A^-1) / (2n),
    and for invertible B the ratio of the two tends to 1; at a saddle with B = 0 L^n can be flat to fourth order.

    All prompts of one and two examples, one by one; bound and gap exactly up to 10^6 examples.
    """
    random, k = generator(settings, "MF12"), settings.k
    points = min(settings.m, k + 1)
    regular = [_random_features(random, k, points) for _ in range(settings.instances)]
    # on one point h is never orthogonal to f°
    singular = [_singular_features(random, k, points) for _ in range(settings.instances if points > 1 else 0)]
    given = given_model(settings)
    of_user = [] if given is None else [Features(given.H, given.F)]
    conditions, shares = list[Condition](), list[fmpq]()
    for features, cases in [*((x, CASES) for x in regular), *((x, GIVEN) for x in of_user)]:
        for n, noise in cases:
            conditions += _enumerated(features, random_matrix(random, k, k), n, noise)
    for features in [*regular, *singular, *of_user]:
        shares += [share for n in LENGTHS if (share := _share(features, n)) is not None]
        conditions += (c for n in LENGTHS for c in _gap(features, n))
    found = residual(conditions)
    return judge(
        [*conditions, *_quartic_flat(), *proved("prompt_optimum", "prompt_excess", "prompt_gap", "prompt_slope")],
        evidence=Evidence.EXACT,
        scope=f"all prompts n=1, 2 on {points} points, {len(regular)} models, k={k}; L^n - L at n={_listed(LENGTHS)} "
        f"there and at {len(singular)} with singular B{of_file(settings, bool(of_user))}; optimum, 1/n limit, "
        "bound: every k",
        instances=len(regular) * len(CASES) + len(of_user) * len(GIVEN) + len(singular),
        found=f"formula off by {short(found)} from the mean over all prompts; L^n - L <= "
        f"{significant(max(shares, default=fmpq(0)), 6)} x its bound",
        predicted="0; <= 1 x its bound",
        details={"n: L^n - L, its bound, sqrt(log k / n)": _beside(of_user[0] if of_user else regular[0], k)},
        certificate=Certificate({"k": k, "points": points}),
    )


def _enumerated(features: Features, W: fmpq_mat, n: int, noise: Fraction) -> Iterator[Condition]:
    """L^n(W) and where it is least, for label noise of +-noise."""
    prompts, at = FinitePrompts(features, n, noise**2), {"h": features.h, "f": features.f, "n": n, "noise": noise}
    direct = prompt_loss(fractions(features.h), fractions(features.f), fractions(W), n, noise)
    yield equal("L^n(W)", prompts.loss(W), direct, _enumerate, **at, W=W)
    best = prompts.loss(prompts.W)
    yield equal("L^n at S_n^-1 B^T B A^-1", prompts.optimal_loss, best, _enumerate, **at, W=prompts.W)


def _gap(features: Features, n: int) -> Iterator[Condition]:
    """0 <= L^n - L <= tr((C - B^T B) A^-1) / (2n) without noise, and by how much it is less."""
    prompts, at = FinitePrompts(features, n), {"h": features.h, "f": features.f, "n": n}
    gap, bound = prompts.optimal_loss - _infinite(features), slope_in_inverse_length(features) / n
    D = spread(features)
    positive = inertia(D)[0] == 0
    yield condition("C - B^T B >= 0", positive, _indefinite, h=features.h, f=features.f, D=D)
    yield condition("0 <= L^n - L <= tr((C - B^T B) A^-1) / (2n)", 0 <= gap <= bound, _beyond, **at, bound=bound)
    yield equal("L^n - L", bound - remainder(prompts), gap, _second_gap, **at)


def _share(features: Features, n: int) -> fmpq | None:
    """(L^n - L) over its bound."""
    bound = slope_in_inverse_length(features) / n
    return (FinitePrompts(features, n).optimal_loss - _infinite(features)) / bound if bound != 0 else None


def _beside(features: Features, k: int) -> dict[str, list[str]]:
    """One model's gap and bound beside the paper's order, which has no constant."""
    slope, found = slope_in_inverse_length(features), dict[str, list[str]]()
    for n in LENGTHS:
        gap = FinitePrompts(features, n).optimal_loss - _infinite(features)
        found[str(n)] = [short(gap), short(slope / n), short(sqrt(log(k) / n))]
    return found


def _infinite(features: Features) -> fmpq:
    """L, from the finite model."""
    return Model(features.h, features.f).loss / features.h.ncols()


def _random_features(random: Random, k: int, points: int) -> Features:
    """Features with a unique optimum at every n: C is invertible, and with it every S_n."""
    while True:
        features = Features(random_full_rank(random, k, points), random_full_rank(random, k, points))
        if features.C.det() != 0 != features.B.det():
            return features


def _singular_features(random: Random, k: int, points: int) -> Features:
    """The same with det B = 0: up to a rotation the last output of f° is orthogonal to all of h."""
    while True:
        h, f = random_full_rank(random, k, points), random_full_rank(random, k, points)
        last = select(f, [k - 1])
        rows = select(f, range(k - 1)).table() + (last - last * projection(h.transpose())).table()
        features = Features(h, random_rotation(random, k) * fmpq_mat(rows))
        if features.C.det() != 0 == features.B.det():
            return features


def _quartic_flat() -> Iterator[Condition]:
    """The example with features +-1: the loss without s^2 term, at rational angles and lengths."""
    for sine, cosine in [
        (Fraction(0), Fraction(1)),
        *(pythagorean(p, q) for p, q in ((1, 2), (1, 5), (2, 3), (1, 20))),
    ]:
        for n in (1, 2, 7, 100):
            features = sign_features(sine, cosine)
            claimed, found = quartic_flat_loss(sine, n), FinitePrompts(features, n).optimal_loss
            yield equal("the flat example", claimed, found, _second_least, h=features.h, f=features.f, n=n)
    flat = sign_features(Fraction(0), Fraction(1))
    yield equal("B = 0 at its saddle", fmpq_mat(1, 1), flat.B, lambda at: _features(at).B.rows, h=flat.h, f=flat.f)


def _listed(lengths: tuple[int, ...]) -> str:
    return ", ".join(str(n) if n < 10**6 else f"{n:.0e}" for n in lengths)


# --- the same again, in the standard library ---


def _features(at: Values) -> recheck.Features:
    return recheck.Features(Matrix(at["h"]), Matrix(at["f"]))


def _enumerate(at: Values) -> Any:
    return recheck.enumerated_loss(_features(at), Matrix(at["W"]), at["n"], at["noise"])


def _second_least(at: Values) -> Any:
    """L^n without noise: the value at the W where the gradient B^T B = S_n W A vanishes."""
    features = _features(at)
    T, share = features.B.T * features.B, Fraction(1, at["n"])
    S_n = T * (1 - share) + features.C * share
    return features.loss(Matrix(solutions(S_n.rows, T.rows)) * features.A.inverse(), at["n"], Fraction(0))


def _second_gap(at: Values) -> Any:
    """L^n - L, where L is least at A^-1: L_TF(W) is the limit of L^n(W), 2 L^2n(W) - L^n(W) for every n."""
    features, n = _features(at), at["n"]
    W = features.A.inverse()
    return _second_least(at) - (2 * features.loss(W, 2 * n, Fraction(0)) - features.loss(W, n, Fraction(0)))


def _beyond(at: Values) -> bool:
    return not 0 <= _second_gap(at) <= at["bound"]


def _indefinite(at: Values) -> bool:
    """Whether C - B^T B is another matrix, or has a negative eigenvalue."""
    features = _features(at)
    return at["D"] != (features.C - features.B.T * features.B).rows or not is_semidefinite(at["D"])
