"""The finite model: laws, and agreement with the witness (Gram-Schmidt and jets in the standard library)."""

from __future__ import annotations

from fractions import Fraction

from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st

from proofs.mean_field.critical import hessian, line
from proofs.mean_field.model import Model
from proofs.mean_field.witness import along_line, twice_loss
from proofs.rational_matrix import (
    fractions,
    inner,
    is_zero,
    kronecker,
    matrix,
    smallest_eigenvalue_at_least,
    to_fmpq,
)
from proofs.rationals import to_fraction
from tests.proofs.mean_field.strategies import entries, full_rank, matrices, models, rotations


@given(models(), st.data())
def test_loss_and_derivatives_agree_with_the_witness(model: Model, data: st.DataObject) -> None:
    E = data.draw(matrices(model.H.nrows(), model.H.ncols()))
    value, slope, curvature = along_line(fractions(model.H), fractions(model.F), fractions(E))
    assert to_fraction(model.loss) == value == twice_loss(fractions(model.H), fractions(model.F)) / 2
    assert to_fraction(inner(model.gradient, E)) == slope
    assert to_fraction(model.hessian_form(E)) == curvature


@given(models(), st.data())
def test_homotopy_agrees_with_the_witness(model: Model, data: st.DataObject) -> None:
    R = data.draw(matrices(model.H.nrows(), model.H.nrows()))
    _, slope, curvature = along_line(*line(model, R))
    assert (to_fraction(model.homotopy_slope(R)), to_fraction(model.homotopy_curvature(R))) == (slope, curvature)


@given(models(), st.data())
def test_hessian_matrix_and_second_variation_are_the_hessian_form(model: Model, data: st.DataObject) -> None:
    k, m = model.H.nrows(), model.H.ncols()
    E, E2 = data.draw(matrices(k, m)), data.draw(matrices(k, m))
    D = hessian(model)
    left, right = matrix([E.entries()]), matrix([E2.entries()]).transpose()
    assert is_zero(D - D.transpose())
    assert (left * D * left.transpose())[0, 0] == model.hessian_form(E)
    assert (left * D * right)[0, 0] == model.second_variation(E, E2) == model.second_variation(E2, E)


@given(models(), st.data())
def test_no_attention_matrix_beats_the_inverse_covariance(model: Model, data: st.DataObject) -> None:
    W = data.draw(matrices(model.H.nrows(), model.H.nrows()))
    assert model.attention_loss(W) >= model.loss == model.attention_loss(model.A_inverse) >= 0
    assert is_zero(model.attention_gradient(model.A_inverse))


@given(models(), st.data())
def test_change_of_basis_of_the_outputs(model: Model, data: st.DataObject) -> None:
    """H -> G H changes nothing but the form in which directions are written."""
    k, m = model.H.nrows(), model.H.ncols()
    G, E = data.draw(full_rank(k, k)), data.draw(matrices(k, m))
    moved = Model(G * model.H, model.F)
    assert moved.loss == model.loss and moved.Z == model.Z
    assert moved.hessian_form(G * E) == model.hessian_form(E)
    assert moved.gradient == G.inv().transpose() * model.gradient


@given(models(), st.data())
def test_orthogonal_changes_of_basis(model: Model, data: st.DataObject) -> None:
    k, m = model.H.nrows(), model.H.ncols()
    U, V = data.draw(rotations(k)), data.draw(rotations(m))
    of_features, of_tasks = Model(model.H * V, model.F * V), Model(model.H, U * model.F)
    assert of_features.loss == of_tasks.loss == model.loss
    assert of_features.gradient == model.gradient * V
    assert of_tasks.gradient == model.gradient
    assert hessian(of_features) == kronecker(_one(k), V.transpose()) * hessian(model) * kronecker(_one(k), V)


@given(models(), st.integers(1, 2))
def test_features_that_nobody_uses_change_nothing(model: Model, extra: int) -> None:
    wider = Model(*(matrix([[*row, *[0] * extra] for row in X.table()]) for X in (model.H, model.F)))
    assert wider.loss == model.loss and wider.Z == model.Z and wider.M == model.M
    assert all(row[-extra:] == [0] * extra for row in wider.gradient.table())


@given(models(), entries)
def test_loss_is_quadratic_in_the_target(model: Model, c: Fraction) -> None:
    scaled = Model(model.H, model.F * to_fmpq(c))
    assert scaled.loss == model.loss * to_fmpq(c) ** 2
    assert scaled.gradient == model.gradient * to_fmpq(c) ** 2


@given(models())
def test_unexplained_part_is_between_zero_and_everything(model: Model) -> None:
    assert smallest_eigenvalue_at_least(model.Z, 0) and smallest_eigenvalue_at_least(model.S - model.Z, 0)
    assert model.P * model.P == model.P == model.P.transpose()


def test_a_loss_that_can_be_checked_by_hand() -> None:
    """F = (3, 4), H = (1, 0): the part of F that is missed has length 4."""
    model = Model(matrix([[1, 0]]), matrix([[3, 4]]))
    assert model.loss == 8 and model.gradient.table() == [[0, -12]]
    assert model.hessian_form(matrix([[0, 1]])) == 2 * (9 - 16) / fmpq(2)


def _one(n: int) -> object:
    return matrix([[int(i == j) for j in range(n)] for i in range(n)])
