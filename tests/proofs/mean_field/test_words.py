"""The proof engine is sound: a word and its normal form are the same matrix, and under a trace the same number."""

from __future__ import annotations

from fractions import Fraction
from functools import reduce

import pytest
from flint import fmpq_mat
from hypothesis import assume, given
from hypothesis import strategies as st

from proofs.mean_field.identities import GENERAL
from proofs.mean_field.words import Algebra, Expression
from proofs.rational_matrix import identity, trace
from tests.proofs.mean_field.strategies import full_rank, matrices

K, M = 2, 3
letters_of_k = st.sampled_from(["H", "F", "E", "W", "W'", "R", "G", "g", "g'", "a"])
letters_of_m = st.sampled_from(["H'", "F'", "E'"])


@st.composite
def words(draw: st.DrawFn) -> tuple[str, ...]:
    """Words k x k whose shapes fit, with the relations as likely as not."""
    word: list[str] = []
    rows = "k"
    for _ in range(draw(st.integers(1, 6))):
        chunk = draw(st.sampled_from([["H", "H'", "a"], ["a", "H", "H'"], ["G", "g"], []]))
        letter = draw(letters_of_k if rows == "k" else letters_of_m)
        word += (chunk if rows == "k" else []) + [letter]
        rows = "m" if letter in "HFE" else "k"
    return tuple([*word, "H'"] if rows == "m" else word)


def value(word: tuple[str, ...], values: dict[str, fmpq_mat]) -> fmpq_mat:
    factors = (values[x[:-1]].transpose() if x.endswith("'") else values[x] for x in word)
    return reduce(lambda x, y: x * y, factors, identity(K))


@st.composite
def assignments(draw: st.DrawFn) -> dict[str, fmpq_mat]:
    H, G = draw(full_rank(K, M)), draw(full_rank(K, K))
    free = {x: draw(matrices(K, M)) for x in "FE"} | {x: draw(matrices(K, K)) for x in "WR"}
    return free | {"H": H, "G": G, "g": G.inv(), "a": (H * H.transpose()).inv()}


@given(words(), assignments())
def test_normal_form_is_the_same_matrix(word: tuple[str, ...], values: dict[str, fmpq_mat]) -> None:
    assert value(GENERAL.normal(word), values) == value(word, values)
    assert value(GENERAL.transpose(word), values) == value(word, values).transpose()


@given(words(), assignments())
def test_normal_form_under_trace_is_the_same_number(word: tuple[str, ...], values: dict[str, fmpq_mat]) -> None:
    normal = GENERAL.normal_under_trace(word)
    assume(not normal[0].startswith("1 "))
    assert trace(value(normal, values)) == trace(value(word, values))


def test_trace_of_an_identity_keeps_its_size() -> None:
    H, a = GENERAL.letter("H"), GENERAL.letter("a")
    assert (H.transpose() * a * H).trace().terms == {("1 k",): 1} == GENERAL.one("k").trace().terms
    assert GENERAL.one("m").trace().terms == {("1 m",): 1}


def test_derivative_of_the_inverse_is_consistent_with_the_relation() -> None:
    """d/dt (H H^T a) = 0."""
    H, E, a = (GENERAL.letter(x) for x in "HEa")
    unreduced = Expression(GENERAL, ("k", "k"), {("H", "H'", "a"): Fraction(1)})
    velocity = {"H": E, "a": a * (E * H.transpose() + H * E.transpose()) * a * -1}
    assert unreduced.derivative(velocity).is_zero
    assert not unreduced.derivative({"H": E}).is_zero


def test_shapes_that_do_not_fit_are_refused() -> None:
    H, W = GENERAL.letter("H"), GENERAL.letter("W")
    with pytest.raises(ValueError, match="multiply"):
        H * H
    with pytest.raises(ValueError, match="add"):
        H + W
    with pytest.raises(ValueError, match="no trace"):
        H.trace()
    with pytest.raises(ValueError, match="inverse"):
        W.inv()
    with pytest.raises(ValueError, match="shorter"):
        Algebra({"X": ("k", "k")}, rules={("X",): ("X", "X")})
