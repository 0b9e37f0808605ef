"""LA1 and LA2: prompts of N examples, enumerated, against closed forms; LA2c: N is not infinity."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import permutations
from typing import Any

import landscape_verifier as lv
from linear_attention.exact import Residuals, proved, rational, variables
from linear_attention.model import Matrix, dot, mu, product, twice_loss
from linear_attention.prompts import LENGTHS, grams, moment
from linear_attention.settings import LinearAttentionSettings

GAUSSIAN = "inputs x ~ N(0, Lambda), Lambda positive definite, tasks w ~ N(0, I), all independent; labels without noise"


@lv.claim("LA1", "a moment of the prompt", assumptions=(GAUSSIAN,), reference="README.md#la1")
def wishart_moment(settings: LinearAttentionSettings, run: lv.Run) -> lv.Finding:
    """E C A C = Lambda A Lambda + (Lambda A^T Lambda + tr(Lambda A) Lambda) / N for every A, where C =
    (1/N) sum_n x_n x_n^T is the second moment of the inputs of a prompt.

    With x = Lambda^(1/2) z and B = Lambda^(1/2) A Lambda^(1/2) this is E Z B Z = B + (B^T + tr(B)) / N, which is
    compared with the enumeration of all prompts of 1 and of 2 inputs that have Gaussian moments up to the fourth.
    """
    D = settings.D
    return proved(
        lambda: [*_gaussian_moments(), *_second_moments(D)],
        f"every Lambda, A and N, D={D}; prompts of 1 and 2 inputs enumerated",
        lv.Certificate({"D": D}),
    )


def _gaussian_moments() -> Residuals:
    return [(f"E z^{order}", moment(order) - gaussian) for order, gaussian in ((0, 1), (2, 1), (4, 3))]


def _second_moments(D: int) -> Residuals:
    symbols = variables([f"B{d}{e}" for d in range(D) for e in range(D)])
    B = [symbols[d * D : (d + 1) * D] for d in range(D)]
    trace = sum(B[d][d] for d in range(D))
    found: Residuals = []
    for N in LENGTHS:
        nu, mean = rational(Fraction(1, N)), [[0 * trace] * D for _ in range(D)]
        for Z, p in grams(D, N).items():
            numbers = [[rational(x) for x in row] for row in Z]
            image = product(product(numbers, B), numbers)
            mean = [[x + rational(p) * y for x, y in zip(a, b, strict=True)] for a, b in zip(mean, image, strict=True)]
        found += [
            (f"E (Z B Z)_{d + 1}{e + 1} at N={N}", mean[d][e] - B[d][e] - (B[e][d] + (trace if d == e else 0)) * nu)
            for d in range(D)
            for e in range(D)
        ]
    return found


@lv.claim("LA2", "loss at finite prompts", assumptions=(GAUSSIAN,), reference="README.md#la2")
def finite_loss(settings: LinearAttentionSettings, run: lv.Run) -> lv.Finding:
    """L(K) = E (w^T x_q - (1/N) sum_n w^T x_n x_n^T K x_q)^2 / 2 = tr(Lambda) / 2 - tr(Lambda^2 K) + tr(K^T M K Lambda)
    / 2 with M = Lambda^2 + (Lambda^2 + tr(Lambda) Lambda) / N. It is least at K* = M^-1 Lambda only, with eigenvalues
    a_d = 1 / (lambda_d + (lambda_d + tr Lambda) / N), where it is (sum_d lambda_d - lambda_d^2 a_d) / 2.

    Against the enumeration of all prompts of 1 and of 2 inputs; the least value by completing the squares.
    """
    D = settings.D
    return proved(
        lambda: [*_enumerated_losses(D), *_squares(D)],
        f"every Lambda, K and N, D={D}; prompts of 1 and 2 examples enumerated",
        lv.Certificate({"D": D}),
    )


def enumerated_twice_loss(roots: Sequence[Any], K: Matrix, N: int) -> Any:
    """2 L(K) = E tr((I - C K) Lambda (I - C K)^T), the mean over w and x_q done, over all prompts; roots^2 =
    lam.
    """
    D = range(len(roots))
    inside = [[roots[e] * K[e][f] * roots[f] for f in D] for e in D]
    total = 0 * roots[0]
    for Z, p in grams(len(roots), N).items():
        read = product([[rational(x) for x in row] for row in Z], inside)
        rows = [[(1 if d == f else 0) - read[d][f] for f in D] for d in D]
        total += sum(roots[d] * roots[d] * dot(rows[d], rows[d]) for d in D) * rational(p)
    return total


def _enumerated_losses(D: int) -> Residuals:
    symbols = variables([*(f"r{d}" for d in range(D)), *(f"K{d}{e}" for d in range(D) for e in range(D))])
    roots, K = symbols[:D], [symbols[D + d * D : 2 * D + d * D] for d in range(D)]
    lam = [r * r for r in roots]
    return [
        (f"2 L(K) at N={N}", enumerated_twice_loss(roots, K, N) - twice_loss(lam, rational(Fraction(1, N)), K))
        for N in LENGTHS
    ]


def _squares(D: int) -> Residuals:
    """2 L(K) = sum_d (lam_d - lam_d^2 / mu_d) + sum_d lam_d^2 (mu_d K_dd - 1)^2 / mu_d + sum_{d != e} lam_d mu_d lam_e
    K_de^2, times the product of the mu_d. And mu_d lam_d is the eigenvalue of M.
    """
    names = [*(f"lam{d}" for d in range(D)), "nu", *(f"K{d}{e}" for d in range(D) for e in range(D))]
    symbols = variables(names)
    lam, nu, K = symbols[:D], symbols[D], [symbols[D + 1 + d * D : D + 1 + d * D + D] for d in range(D)]
    scale, one = mu(lam, nu), 0 * nu + 1
    others = [one] * D
    for d in range(D):
        for e in range(D):
            others[d] = others[d] * (scale[e] if e != d else 1)
    everything = others[0] * scale[0]
    squares = sum(
        everything * lam[d] + others[d] * lam[d] * lam[d] * ((scale[d] * K[d][d] - 1) ** 2 - 1) for d in range(D)
    ) + sum(everything * lam[d] * scale[d] * lam[e] * K[d][e] ** 2 for d, e in permutations(range(D), 2))
    trace = sum(lam[1:], lam[0])
    M = [lam[d] ** 2 + nu * (lam[d] ** 2 + trace * lam[d]) for d in range(D)]
    eigenvalues = [(f"eigenvalue {d + 1} of M", M[d] - lam[d] * scale[d]) for d in range(D)]
    return [("completed squares", everything * twice_loss(lam, nu, K) - squares), *eigenvalues]


@lv.claim(
    "LA2c",
    "loss of an infinite prompt (control)",
    requires=("LA2",),
    assumptions=(GAUSSIAN,),
    origin=lv.Origin.CONTROL,
    reference="README.md#la2c",
)
def infinite_loss(settings: LinearAttentionSettings, run: lv.Run) -> lv.Finding:
    """The loss at prompts of N examples is that of infinitely long ones, tr((I - Lambda K) Lambda (I - Lambda K)^T) /
    2.

    Compared at K = Lambda^-1, the best K at N = infinity, where that loss is 0.
    """
    lam = settings.spectrum
    K = [[1 / x if d == e else Fraction(0) for e in range(len(lam))] for d, x in enumerate(lam)]
    finite, infinite = (twice_loss(lam, nu, K) / 2 for nu in (Fraction(1, settings.N), Fraction(0)))
    return lv.decide(
        finite == infinite,
        evidence=lv.Evidence.EXACT,
        scope=f"K = Lambda^-1, {settings.said}",
        instances=1,
        found=f"L(Lambda^-1) = {finite}",
        predicted=f"not {infinite}",
        undecided="the two losses differ in one computation only",
        counterexample=None
        if finite == infinite
        else lv.Counterexample(
            {"K": "Lambda^-1", "loss": finite, "loss of infinite prompts": infinite},
            lambda: diagonal_loss_by_prompts(lam, [1 / x for x in lam], settings.N) != infinite,
        ),
        certificate=lv.Certificate({"eigenvalues": lam, "N": settings.N}, {"loss": finite}),
    )


def diagonal_loss_by_prompts(lam: Sequence[Fraction], entries: Sequence[Fraction], N: int) -> Fraction:
    """L at a diagonal K, from the enumerated prompts of 1 and 2 examples: L_N = L_inf + (L_1 - L_inf) / N."""
    first, second = (_diagonal_loss(lam, entries, length) for length in LENGTHS)
    infinite = 2 * second - first
    return infinite + (first - infinite) / N


def _diagonal_loss(lam: Sequence[Fraction], entries: Sequence[Fraction], N: int) -> Fraction:
    """E tr((I - C K) Lambda (I - C K)^T) / 2; with K diagonal, every square root of an lam_d occurs twice."""
    D, total = range(len(lam)), Fraction(0)
    for Z, p in grams(len(lam), N).items():
        total += p * sum(lam[d] * ((d == f) - Z[d][f] * lam[f] * entries[f]) ** 2 for d in D for f in D)
    return total / 2
