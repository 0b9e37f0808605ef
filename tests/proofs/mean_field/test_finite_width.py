"""Finite width is outside of the landscape theorem: one neuron at rest at a loss that is no critical value."""

from __future__ import annotations

from flint import fmpq, fmpq_mat

from proofs.mean_field.invariant import AnyTarget
from proofs.mean_field.model import Model
from proofs.rational_matrix import inner, is_zero


def test_one_relu_neuron_rests_at_no_critical_value() -> None:
    """f° = relu(x) + relu(-x) at the points 1 and -1, which two neurons realize, and one neuron a relu(w x), a = w = 1.

    Its features are a w (1, 0) for w > 0: both derivatives are (1, 0), along which the loss does not change.
    """
    target, features = fmpq_mat([[1, 1]]), fmpq_mat([[1, 0]])
    model = Model(features, target)
    assert inner(model.gradient, features) == 0 and not is_zero(model.gradient)
    assert model.loss == fmpq(1, 2)
    assert [value for _, value in AnyTarget(target).critical_values] == [0, 1]
