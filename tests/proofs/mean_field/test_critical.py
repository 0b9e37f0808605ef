"""Critical points: classification, spectra, negative curvature."""

from __future__ import annotations

import math
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from flint import Ordering, fmpq_mat, fmpq_mpoly_ctx, fmpq_poly
from hypothesis import given, settings

from proofs.mean_field.critical import (
    CriticalPoint,
    Target,
    common_denominator,
    critical_point,
    critical_points,
    curvature_bound_factor,
    hessian,
    line,
    predicted_spectrum,
    rational_example,
    split_hessian,
    target,
)
from proofs.mean_field.examples import isotropic_model
from proofs.mean_field.instances import random_models
from proofs.mean_field.model import Model
from proofs.mean_field.rational_functions import RationalFunctions, determinant
from proofs.mean_field.witness import along_line, twice_loss
from proofs.rational_matrix import (
    fractions,
    identity,
    inertia,
    inner,
    is_zero,
    kronecker,
    largest_eigenvalue_at_least,
    matrix,
    polynomial_with_roots,
    to_fmpq,
)
from proofs.rationals import to_fraction
from tests.proofs.mean_field.strategies import saddles, targets


def orthonormal_hessian(model: Model) -> fmpq_mat:
    """A matrix with the Hessian's eigenvalues at G H with (GH)(GH)^T = I: D^2 L (A (x) I), in E = G^{-1} E'."""
    return hessian(model) * kronecker(model.A, identity(model.F.ncols()))


@given(targets())
@settings(max_examples=10)
def test_the_split_hessian_has_the_eigenvalues_of_the_whole(goal: Target) -> None:
    for point in critical_points(goal, Random(4)):
        split = split_hessian(point.model)
        assert split is not None and split.spectrum is not None
        assert orthonormal_hessian(point.model).charpoly() == polynomial_with_roots(split.spectrum)
        assert split.seen * split.unseen == (goal.F.transpose() * goal.F).charpoly()


def test_only_critical_points_have_a_split_hessian() -> None:
    """And an F^T F with irrational eigenvalues has no rational spectrum, but its two polynomials."""
    (model,) = random_models(Random(5), 2, 4, 1)
    assert split_hessian(model) is None
    F = matrix([[1, 1, 0, 0], [1, 2, 0, 0]])
    split = split_hessian(Model(matrix([[0, 0, 1, 0], [0, 0, 0, 1]]), F))
    assert split is not None and split.spectrum is None
    assert split.seen == fmpq_poly([0, 0, 1]) and split.unseen == fmpq_poly([1, -7, 1])


def test_all_eight_subsets_of_three_two_half() -> None:
    goal = target(3, 8, Random(1))
    assert goal.eigenvalues == (3, 2, Fraction(1, 2)) and len(goal.subsets) == 8
    values = []
    for point in critical_points(goal, Random(2)):
        assert is_zero(point.model.gradient)
        spectrum = predicted_spectrum(goal, point.S)
        assert len(spectrum) == 24
        assert orthonormal_hessian(point.model).charpoly() == polynomial_with_roots(spectrum)
        values.append(to_fraction(point.model.loss))
    quarters = [0, 1, 4, 5, 6, 7, 10, 11]
    assert sorted(values) == [Fraction(x, 4) for x in quarters]


@given(targets())
@settings(max_examples=10)
def test_critical_values_and_spectra(goal: Target) -> None:
    for point in critical_points(goal, Random(3)):
        rows, F = fractions(point.H), fractions(goal.F)
        assert twice_loss(rows, F) / 2 == point.value
        spectrum = predicted_spectrum(goal, point.S)
        assert orthonormal_hessian(point.model).charpoly() == polynomial_with_roots(spectrum)
        assert inertia(hessian(point.model))[0] == sum(x < 0 for x in spectrum) >= len(point.S) ** 2


@given(saddles())
def test_wrong_spectra_do_not_pass(point: CriticalPoint) -> None:
    """The spectrum of a saddle is not that of a minimum."""
    other = predicted_spectrum(point.target, ())
    assert orthonormal_hessian(point.model).charpoly() != polynomial_with_roots(other)


@given(saddles())
def test_curvature_is_exact_and_below_its_bounds(point: CriticalPoint) -> None:
    model, R = point.model, point.R
    value, slope, curvature = along_line(*line(model, R))
    RZ = R * model.Z
    exact = inner(RZ, model.A_inverse * RZ)
    assert point.is_partial_isometry
    assert value == point.value and slope == 0 and to_fmpq(curvature) == -exact < 0
    weaker, paper = curvature_bound_factor(model, -exact, point.target.k)
    assert weaker >= paper  # tr(Z^2) >= (tr Z)^2 / k
    assert largest_eigenvalue_at_least(model.A, weaker)


def isotropic_difference(k: int) -> RationalFunctions:
    """L(s) - (k/2) (1 - s)^2 / (1 - 2s + 2s^2) along (1 - s) [0 I] + s [I 0]: zero as a rational function of s."""
    s = fmpq_poly([0, 1])
    rows = [[s * (i == j) + (1 - s) * (j == k + i) for j in range(2 * k)] for i in range(k)]
    d = determinant([[sum((x * y for x, y in zip(p, q, strict=True)), s * 0) for q in rows] for p in rows])
    F = [[fmpq_poly([int(i == j)]) for j in range(2 * k)] for i in range(k)]
    loss = Model(RationalFunctions(rows, d), RationalFunctions(F, d)).loss
    numerator = k * (1 - s) ** 2 * (1 - 2 * s + 2 * s * s) ** (k - 1) / 2  # over d = (1 - 2s + 2s^2)^k
    difference: RationalFunctions = loss - RationalFunctions([[numerator]], d, 1)
    return difference


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_constant_of_the_bound_cannot_be_improved(k: int) -> None:
    model = isotropic_model(k)
    curvature = model.homotopy_curvature(identity(k))
    assert isotropic_difference(k).is_zero
    assert along_line(*line(model, identity(k)))[2] == to_fraction(curvature) == -k
    for bound in curvature_bound_factor(model, curvature, k):
        assert largest_eigenvalue_at_least(model.A, bound)
        assert not largest_eigenvalue_at_least(model.A, bound * 1001 / 1000)


def test_rational_example() -> None:
    model, R = rational_example(), matrix([[0, 0], [1, 0]])
    assert model.loss * 2 == 1 and is_zero(model.gradient) and is_zero(model.M * model.Z)
    assert along_line(*line(model, R)) == (Fraction(1, 2), 0, -1)


def hermite_difference() -> RationalFunctions:
    """L - 6 q^2 / (2 p^2 + 6 q^2) for x ~ N(0,1), f° = (x, He_2), h = (x, p He_2 + q He_3): zero for all p, q.

    With sqrt(2) p = cos t and sqrt(6) q = sin t this is L = sin^2 t. All moments are those of the polynomials
    themselves, E x^{2n} = (2n - 1)!!.
    """
    context = fmpq_mpoly_ctx.get(["x", "p", "q"], Ordering.degrevlex)
    x, p, q = context.gens()
    he2, he3 = x**2 - 1, x**3 - 3 * x
    f, h = [x, he2], [x, p * he2 + q * he3]

    def mean(polynomial: Any) -> Any:
        """E over x ~ N(0, 1), a polynomial in p and q."""
        total = polynomial * 0
        for (power, *rest), coefficient in polynomial.terms():
            moment = 0 if power % 2 else math.prod(range(power - 1, 0, -2))
            total += coefficient * moment * context.from_dict({(0, *rest): 1})
        return total

    def covariance(first: list[Any], second: list[Any]) -> list[list[Any]]:
        return [[mean(g * g2) for g2 in second] for g in first]

    d = determinant(covariance(h, h))
    A, B, S = (RationalFunctions(covariance(*pair), d) for pair in ((h, h), (f, h), (f, f)))
    loss = (S - B * A.inv() * B.transpose()).trace() / 2
    return loss - RationalFunctions([[6 * q**2 * (d / (2 * p**2 + 6 * q**2))]], d, 1)


def test_hermite_features() -> None:
    assert hermite_difference().is_zero


def test_perturbed_saddles_are_not_critical() -> None:
    goal = target(2, 4, Random(5))
    point = critical_point(goal, (1,), Random(6))
    H = point.H + matrix([[Fraction(1, 1000)] * 4, [0] * 4])
    assert not is_zero(Model(H, goal.F).gradient)


def test_room_for_a_saddle() -> None:
    """A critical point that misses |S| eigenvalues needs m >= k + |S|."""
    assert target(3, 4, Random(0)).subsets == ((), (0,), (1,), (2,))
    assert target(2, 2, Random(0)).subsets == ((),)


def test_common_denominator() -> None:
    assert common_denominator([Fraction(1, 2), Fraction(1, 3), Fraction(5)]) == 6
