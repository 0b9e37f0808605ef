"""The sufficient condition (SN4): a proof on generic finite spaces, and what happens without either condition."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.sub_ngrams.sufficient_condition import (
    Condition,
    FiniteSpace,
    counterexample,
    generic_space,
    random_space,
    tower_identity,
)

SHAPES = [(1, 1, 2), (1, 2, 2), (1, 3, 4), (2, 2, 3), (3, 2, 2)]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_gradient_is_zero_for_every_space(shape: tuple[int, int, int]) -> None:
    assert tower_identity(shape).hold


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("drop", ["i", "ii"])
def test_each_condition_is_needed(shape: tuple[int, int, int], drop: Condition) -> None:
    # on atoms of a single outcome everything is measurable, so that (ii) says nothing
    assert tower_identity(shape, drop).hold == (drop == "ii" and shape[1] == 1)


@pytest.mark.parametrize("drop", [None, "i", "ii"])
def test_the_generic_space_has_the_conditions_that_it_claims(drop: Condition | None) -> None:
    space = generic_space((2, 2, 3), drop)
    assert space.consistent
    assert space.predicts_conditional == (drop != "i")
    assert space.measurable == (drop != "ii")


@given(st.randoms(use_true_random=False), st.integers(1, 3), st.integers(1, 4), st.integers(2, 4))
def test_random_spaces(rng: random.Random, atoms: int, outcomes: int, S: int) -> None:
    space = random_space(rng, (atoms, outcomes, S))
    assert space.consistent and space.predicts_conditional and space.measurable
    assert space.gradient == 0


@pytest.mark.parametrize("drop", ["i", "ii"])
def test_counterexamples_are_what_they_say(drop: Condition) -> None:
    space = counterexample(random.Random(0), drop)
    assert space is not None
    assert all(tau_s > 0 and sum(tau) == 1 for taus in space.tau for tau in taus for tau_s in tau)
    assert all(w > 0 for weights in space.weight for w in weights)
    # by hand, without the class's own properties
    (weights,), (taus,), (p,), (ds,) = space.weight, space.tau, space.p, space.dlogp
    mean = [sum(w * tau[s] for w, tau in zip(weights, taus, strict=True)) / sum(weights) for s in range(2)]
    assert (list(p) == mean) == (drop == "ii")
    assert (list(ds[0]) == list(ds[1])) == (drop == "i")
    assert sum(p) == 1 and all(p[0] * d[0] + p[1] * d[1] == 0 for d in ds)
    assert sum(w * (tau[0] * d[0] + tau[1] * d[1]) for w, tau, d in zip(weights, taus, ds, strict=True)) != 0


def test_no_counterexample_is_invented() -> None:
    assert counterexample(random.Random(0), "ii", tries=0) is None


def test_the_properties_see_a_flaw() -> None:
    space = random_space(random.Random(1), (2, 2, 2))
    p = [[p_s / 2 for p_s in row] for row in space.p]
    assert not FiniteSpace(space.weight, space.tau, p, space.dlogp).consistent
    assert not FiniteSpace(space.weight, space.tau, p, space.dlogp).predicts_conditional
    shifted = [[[d + 1 for d in ds] for ds in atom] for atom in space.dlogp]
    assert not FiniteSpace(space.weight, space.tau, space.p, shifted).consistent
