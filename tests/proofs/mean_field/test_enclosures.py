"""Intervals hold the true eigenvalues; the inequalities of MF8 and MF9 hold, and could fail."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from random import Random

import pytest
from flint import arb, arb_mat, ctx, fmpq
from hypothesis import assume, given
from hypothesis import strategies as st

from proofs.mean_field.critical import CriticalPoint, critical_point, target
from proofs.mean_field.enclosures import (
    PRECISION,
    agree,
    distinct_eigenvalues,
    eigenprojection,
    eigenvalues,
    eigenvector,
    largest,
    largest_eigenvalue,
    least_nonzero,
    nuclear_norm,
    smallest,
)
from proofs.mean_field.inequalities import (
    Dichotomy,
    rational_r_low,
    slope_bound,
    slope_bound_is_attained,
    squared_gradient_at_least,
    squared_gradient_excess,
    tight_model,
)
from proofs.mean_field.instances import random_contraction, random_matrix
from proofs.mean_field.model import Model
from proofs.mean_field.polar import attains_nuclear_norm, dual, is_contraction, near_polar_factor, upper_bound
from proofs.rational_matrix import diagonal, identity, is_zero, matrix, squared_norm, to_fmpq, trace
from tests.proofs.mean_field.strategies import all_hold, entries, holds, matrices, models, randoms, rotations, saddles


@pytest.fixture(autouse=True, scope="module")
def precision() -> Iterator[None]:
    """Intervals are compared at the precision at which they were made."""
    with ctx.workprec(PRECISION):
        yield


@given(st.lists(entries, min_size=1, max_size=4), st.data())
def test_enclosures_hold_known_eigenvalues(values: list[Fraction], data: st.DataObject) -> None:
    rotation = data.draw(rotations(len(values)))
    S = rotation * diagonal(values) * rotation.transpose()
    found = eigenvalues(S)
    assert len(found) == len(values)
    assert all(holds(interval, x) for interval, x in zip(found, sorted(values), strict=True))
    assert holds(largest_eigenvalue(S), max(values))
    assert holds(-largest_eigenvalue(S * -1), min(values))
    total = sum((abs(x) for x in values), Fraction(0))
    assert holds(nuclear_norm(S), total)
    assert [count for _, count in distinct_eigenvalues(S)] == [values.count(x) for x in sorted(set(values))]


@given(st.lists(entries, min_size=1, max_size=4), st.data())
def test_projections_on_eigenspaces(values: list[Fraction], data: st.DataObject) -> None:
    rotation = data.draw(rotations(len(values)))
    S = rotation * diagonal(values) * rotation.transpose()
    different = sorted(set(values))
    i = data.draw(st.integers(0, len(different) - 1))
    exact = rotation * diagonal([int(x == different[i]) for x in values]) * rotation.transpose()
    v = eigenvector(S, i)
    assert all_hold(eigenprojection(S, i), exact)
    assert (arb_mat(S) * v).overlaps(v * arb(to_fmpq(different[i])))
    assert holds((v.transpose() * v)[0, 0], 1)


def test_eigenvalues_too_small_for_floats_are_in_order() -> None:
    """And an eigenvector for one that is far smaller than the entries is as narrow as any."""
    for double, single in (("1e-400", "4e-400"), ("4e-400", "1e-400")):
        values = [Fraction(x) for x in (double, double, single)]
        found = [value for value, _ in distinct_eigenvalues(diagonal(values))]
        assert all(holds(x, y) for x, y in zip(found, sorted(set(values)), strict=True))
    S = matrix([[1, 1], [1, 1 + Fraction(1, 10**200)]])
    assert all(x.rad() < arb(2) ** -160 for x in eigenvector(S, 0).entries())


@given(st.integers(1, 3), st.data(), randoms)
def test_the_nuclear_norm_lies_between_its_bounds(n: int, data: st.DataObject, random: Random) -> None:
    X = data.draw(matrices(n, n))
    assume(not is_zero(X))
    R, norm = near_polar_factor(X), nuclear_norm(X)
    below, above = trace(R.transpose() * X), upper_bound(X, dual(X, R))
    assert is_contraction(R) and below < norm < above < below * (1 + fmpq(1, 2**35))
    assert upper_bound(X, identity(n)) >= below  # any Y will do
    other = random_contraction(random, n)
    slack = arb(2) ** -60 * (1 + norm)  # n = 1 and R = 1 is an equality
    assert is_contraction(other) and arb(trace(other.transpose() * X)) <= norm + slack
    assert not is_contraction(identity(n) * fmpq(1001, 1000))


def test_a_polar_factor_attains_the_nuclear_norm_exactly() -> None:
    P, R = matrix([[2, 1], [1, 3]]), matrix([[Fraction(3, 5), Fraction(4, 5)], [Fraction(-4, 5), Fraction(3, 5)]])
    assert attains_nuclear_norm(R, R * P) and not attains_nuclear_norm(identity(2), R * P)
    assert not attains_nuclear_norm(R * -1, R * P) and not attains_nuclear_norm(R * fmpq(1, 2), R * P)
    assert holds(nuclear_norm(R * P), 5)


def test_nearly_singular_matrices_have_a_polar_factor_too() -> None:
    nilpotent = matrix([[int(j == i + 1) for j in range(6)] for i in range(6)])
    for X in (
        matrix([[1, 1], [1, 1]]),
        matrix([[1, 0], [0, Fraction(1, 10**30)]]),
        diagonal([5, 1, -1, 0, 0, 0]),
        nilpotent,
    ):
        R = near_polar_factor(X)
        assert is_contraction(R) and trace(R.transpose() * X) > nuclear_norm(X) * (1 - arb(2) ** -50)


@given(models())
def test_dichotomy_at_any_point(model: Model) -> None:
    assume(not is_zero(model.Z))
    found = Dichotomy(model)
    slack = arb(2) ** -60 * (
        abs(found.form) + abs(found.bound) + abs(found.strict)
    )  # equalities occur, at k = 1 always
    assert found.form <= found.bound + slack
    assert found.gain >= found.enough - slack or found.form <= found.strict + slack


@given(saddles(), randoms, st.integers(1, 4))
def test_dichotomy_close_to_saddles(point: CriticalPoint, random: Random, exponent: int) -> None:
    push = random_matrix(random, point.target.k, point.target.m) * fmpq(1, 10**exponent)
    H = point.H + push
    assume(H.rank() == point.target.k)
    found = Dichotomy(Model(H, point.target.F))
    slack = arb(2) ** -60 * (abs(found.form) + abs(found.bound) + abs(found.strict))
    assert found.form <= found.bound + slack


@given(models())
def test_the_dichotomy_is_an_equality_of_rationals_at_k_1(model: Model) -> None:
    assume(model.H.nrows() == 1 and not is_zero(model.Z))
    found = Dichotomy(model)
    assert found.form == found.bound
    assert found.form * found.z**2 == model.homotopy_form(identity(1))


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_dichotomy_and_the_inequalities_are_attained(k: int) -> None:
    for p, r, short in ((20, 49, True), (49, 120, False)):
        model = tight_model(k, k + 1, p, r, Random(k))
        found = Dichotomy(model)
        assert found.form == found.bound and 2 * model.loss == found.z < 1 == rational_r_low(model)
        assert found.gain / found.enough == fmpq(6 * p * p, r * r) and (found.gain < found.enough) is short
        assert (found.form <= found.strict) is short
        excess, squared = squared_gradient_excess(model, 1), squared_norm(model.gradient)
        assert excess == found.norm * squared and slope_bound_is_attained(model)
        assert holds(slope_bound(model) ** 2, squared_norm(model.M * model.Z))
        other = Model(model.H, model.F * 2 + model.H * fmpq(1, 10))
        assert slope_bound_is_attained(other) is (k == 1)


def test_numbers_are_rational_where_they_can_be() -> None:
    irrational = matrix([[1, 1], [1, 2]])
    assert isinstance(largest(irrational), arb) and isinstance(smallest(irrational), arb)
    assert largest(irrational * irrational) > largest(irrational) > smallest(irrational) > 0
    rational = matrix([[2, 1, 0], [1, 2, 0], [0, 0, 0]])
    assert [largest(rational), least_nonzero(rational), smallest(rational)] == [3, 1, 0]
    mixed = matrix([[1, 1, 0], [1, 2, 0], [0, 0, 2]])  # 2 is an eigenvalue, but neither the least nor the largest
    assert isinstance(largest(mixed), arb) and isinstance(least_nonzero(mixed), arb)


@given(st.integers(1, 3), randoms)
def test_no_saddle_below_r_low_half(k: int, random: Random) -> None:
    goal = target(k, k + 2, random)
    H = critical_point(goal, (), random).H + random_matrix(random, k, k + 2) * fmpq(1, 50)
    model = Model(H, goal.F)
    assume(H.rank() == k and 0 < 2 * model.loss < to_fmpq(goal.r_low))
    assert squared_gradient_at_least(model, goal.r_low)
    assert rational_r_low(model) == to_fmpq(goal.r_low)
    slope, bound = nuclear_norm(model.M * model.Z), slope_bound(model)
    assert slope >= bound * (1 - arb(2) ** -60)  # an equality at k = 1


def test_r_low_is_rounded_down_where_it_is_irrational() -> None:
    model = Model(matrix([[1, 0, 0], [0, 1, 0]]), matrix([[1, 0, 0], [1, 1, 0]]))  # eigenvalues (3 +- sqrt(5)) / 2
    below = arb(rational_r_low(model))
    assert below < (3 - arb(5).sqrt()) / 2 < below * (1 + arb(2) ** -100)


def test_the_inequality_is_sharp_at_k_1_and_fails_with_a_larger_r_low() -> None:
    goal = target(1, 3, Random(0))
    model = Model(critical_point(goal, (), Random(1)).H + random_matrix(Random(2), 1, 3) * fmpq(1, 50), goal.F)
    assert 0 < 2 * model.loss < to_fmpq(goal.r_low)
    assert squared_gradient_at_least(model, goal.r_low)
    assert not squared_gradient_at_least(model, goal.r_low * Fraction(1001, 1000))


@pytest.mark.parametrize("k", [2, 3])
def test_the_inequality_fails_at_saddles_with_a_larger_r_low(k: int) -> None:
    goal = target(k, k + 1, Random(k))
    saddle = critical_point(goal, (k - 1,), Random(0)).model
    assert squared_gradient_at_least(saddle, goal.r_low)  # 0 >= 0
    assert not squared_gradient_at_least(saddle, 2 * goal.r_low)


def test_nan_agrees_with_nothing() -> None:
    assert arb("nan").overlaps(arb(1))
    assert not agree(arb("nan"), arb(1)) and not agree(arb(1), arb("nan")) and not agree(arb(1, 1), arb(1))
    assert agree(arb(1), arb(1)) and not agree(arb(1), arb(2))
