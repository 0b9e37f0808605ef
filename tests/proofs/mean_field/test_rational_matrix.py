"""Exact linear algebra: laws, and what the inertia says about eigenvalues that are known."""

from __future__ import annotations

from fractions import Fraction

from flint import fmpq_mat
from hypothesis import given
from hypothesis import strategies as st

from proofs.rational_matrix import (
    cayley,
    diagonal,
    fractions,
    identity,
    inertia,
    inner,
    is_zero,
    kernel,
    kronecker,
    largest_eigenvalue_at_least,
    matrix,
    polynomial_with_roots,
    projection,
    smallest_eigenvalue_at_least,
    trace,
)
from tests.proofs.mean_field.strategies import entries, matrices, rotations

eigenvalue_lists = st.lists(entries, min_size=1, max_size=4)


@given(eigenvalue_lists, st.data())
def test_inertia_counts_the_signs_of_known_eigenvalues(values: list[Fraction], data: st.DataObject) -> None:
    rotation = data.draw(rotations(len(values)))
    S = rotation * diagonal(values) * rotation.transpose()
    assert inertia(S) == (sum(x < 0 for x in values), values.count(0), sum(x > 0 for x in values))
    assert S.charpoly() == polynomial_with_roots(values)


@given(eigenvalue_lists, entries, st.data())
def test_bounds_on_eigenvalues_are_sharp(values: list[Fraction], bound: Fraction, data: st.DataObject) -> None:
    rotation = data.draw(rotations(len(values)))
    S = rotation * diagonal(values) * rotation.transpose()
    assert largest_eigenvalue_at_least(S, bound) == (max(values) >= bound)
    assert smallest_eigenvalue_at_least(S, bound) == (min(values) >= bound)
    assert largest_eigenvalue_at_least(S, max(values)) and smallest_eigenvalue_at_least(S, min(values))


@given(st.integers(1, 4), st.data())
def test_cayley_is_orthogonal(n: int, data: st.DataObject) -> None:
    X = data.draw(matrices(n, n))
    rotation = cayley(X - X.transpose())
    assert rotation * rotation.transpose() == identity(n) and rotation.det() == 1


@given(st.integers(1, 3), st.integers(1, 4), st.data())
def test_kernel_is_what_a_matrix_sends_to_zero(rows: int, columns: int, data: st.DataObject) -> None:
    X = data.draw(matrices(rows, columns))
    basis = kernel(X)
    assert basis.ncols() == columns - X.rank()
    if basis.ncols():
        assert is_zero(X * basis) and basis.rank() == basis.ncols()
        onto = projection(basis)
        assert onto * onto == onto == onto.transpose() and onto * basis == basis


@given(st.data())
def test_kronecker_is_multiplication_from_both_sides(data: st.DataObject) -> None:
    X, E, Y = data.draw(matrices(2, 3)), data.draw(matrices(3, 2)), data.draw(matrices(2, 4))
    by_rows = kronecker(X, Y.transpose()) * fmpq_mat(6, 1, E.entries())
    assert by_rows.entries() == (X * E * Y).entries()


def test_rotations_keep_inner_products() -> None:
    X, Y = matrix([[1, 2], [0, Fraction(1, 3)]]), matrix([[Fraction(-1, 2), 1], [4, 0]])
    R = cayley(matrix([[0, Fraction(2, 3)], [Fraction(-2, 3), 0]]))
    assert inner(R * X, R * Y) == inner(X, Y) == trace(X.transpose() * Y)
    assert fractions(Y)[0] == [Fraction(-1, 2), 1]
