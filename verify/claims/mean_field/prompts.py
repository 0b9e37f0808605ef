"""MF12: prompts of finite length, in closed form against the enumeration of all prompts."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from proofs.mean_field.examples import pythagorean
from proofs.mean_field.instances import random_full_rank, random_matrix
from proofs.mean_field.model import Model
from proofs.mean_field.prompts import (
    Features,
    FinitePrompts,
    quartic_flat_loss,
    sign_features,
    slope_in_inverse_length,
)
from proofs.mean_field.witness import prompt_loss
from proofs.rational_matrix import fractions, is_zero, to_fmpq
from proofs.rationals import to_fraction
from verify.claim import Certificate, Evidence, Finding, Run, decide
from verify.claims.mean_field.common import generator, proved, short
from verify.claims.mean_field.settings import MeanFieldSettings

# (n, variance of the noise in the prompt, and in the query): each is one enumeration of all prompts
CASES = ((1, Fraction(0), Fraction(0)), (2, Fraction(1, 2), Fraction(0)), (2, Fraction(0), Fraction(2, 3)))


def finite_prompts(settings: MeanFieldSettings, run: Run) -> Finding:
    """MF12."""
    random, k = generator(settings, "MF12"), settings.k
    points = min(settings.m, k + 1)
    count, largest, gap = 0, to_fmpq(0), 0.0
    for _ in range(settings.instances):
        features = _random_features(random, k, points)
        W, h, f = random_matrix(random, k, k), fractions(features.h), fractions(features.f)
        for n, noise, query_noise in CASES:
            enumerated = prompt_loss(h, f, fractions(W), n, noise, query_noise)
            prompts = FinitePrompts(features, n, noise**2)
            at_optimum = prompts.loss(prompts.W) - prompts.optimal_loss
            closed = prompts.loss(W) + to_fmpq(query_noise**2) / 2
            largest = max([largest, abs(closed - to_fmpq(enumerated)), abs(at_optimum)])
            count += 1
        if features.B.det() != 0:  # the limit n (L^n - L), seen at n = 10^6
            long = FinitePrompts(features, 10**6)
            infinite = Model(features.h, features.f).loss / points
            found, slope = 10**6 * (long.optimal_loss - infinite), slope_in_inverse_length(features)
            gap = max(gap, abs(float(to_fraction(found / slope)) - 1)) if slope != 0 else gap
    return decide(
        largest == 0 and count == len(CASES) * settings.instances and proved("prompt_optimum", "prompt_slope")
        and _quartic_flat(),
        evidence=Evidence.EXACT,
        scope=f"all prompts n=1, 2 on {points} points, {settings.instances} models, k={k}; optimum, 1/n limit: every k",
        instances=count,
        found=f"residual {short(largest)}",
        predicted="0",
        details={"n (L^n - L) over its limit, minus 1, at n = 10^6": f"{gap:.1e}"},
        certificate=Certificate({"k": k, "points": points}),
    )  # fmt: skip


def _random_features(random: Random, k: int, points: int) -> Features:
    """Features with a unique optimum at every n: C is invertible, and with it every S_n."""
    while True:
        features = Features(random_full_rank(random, k, points), random_full_rank(random, k, points))
        if features.C.det() != 0:
            return features


def _quartic_flat() -> bool:
    """The example with features +-1: the loss without s^2 term, at rational angles and lengths."""
    angles = [pythagorean(p, q) for p, q in ((1, 2), (1, 5), (2, 3), (1, 20))]
    return all(
        to_fraction(FinitePrompts(sign_features(sine, cosine), n).optimal_loss) == quartic_flat_loss(sine, n)
        for sine, cosine in angles
        for n in (1, 2, 7, 100)
    ) and is_zero(sign_features(Fraction(0), Fraction(1)).B)
