"""The flow from any start, for any target, against the rational flow of targets with rational eigenvalues."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import pytest
from flint import arb, ctx, fmpq

from proofs.mean_field.any_flow import BITS, AnyFlow
from proofs.mean_field.critical import target
from proofs.mean_field.flows import OjaFlow
from proofs.mean_field.instances import random_full_rank
from proofs.mean_field.invariant import AnyTarget
from proofs.mean_field.model import Model
from proofs.mean_field.witness import solutions, tasks
from proofs.rational_matrix import fractions, matrix
from verify.recheck.mean_field import prompts as recheck


@pytest.mark.parametrize(("k", "m"), [(1, 2), (2, 4), (3, 6)])
def test_losses_and_rates_are_those_of_the_rational_flow(k: int, m: int) -> None:
    random = Random(k)
    goal = target(k, m, random)
    start = random_full_rank(random, k, m)
    rational, flow = OjaFlow(goal, start), AnyFlow(AnyTarget(goal.F), Model(start, goal.F))
    assert flow.arrives and rational.reaches_global_minimum and rational.is_generic
    with ctx.workprec(BITS):
        for q in (1, 2, 10):
            loss = flow.loss_at(rational.common * arb(q).log())
            assert loss.overlaps(arb(rational.at(Fraction(q)).loss)) and loss.rel_accuracy_bits() > 900
    assert 2 * flow.parts[0][0] == arb(fmpq(-rational.decay_degree, rational.common))
    assert flow.late is not None


def test_a_map_that_vanishes_on_the_slowest_direction_decays_faster() -> None:
    """F = diag(1, 2) on the first two features; the row of H at the first of them has no other part."""
    F = matrix([[1, 0, 0, 0], [0, 2, 0, 0]])
    flow = AnyFlow(AnyTarget(F), Model(matrix([[1, 0, 0, 0], [0, 1, 1, 0]]), F))
    assert [x for x, _ in flow.parts] == [4] and flow.late is not None


def test_only_multiples_of_orthonormal_rows_have_a_scale() -> None:
    F = matrix([[1, 0, 0], [0, 2, 0]])
    for H, scale in (([[3, 0, 4], [0, 5, 0]], 25), ([[1, 0, 0], [0, 2, 0]], None), ([[1, 0, 0], [1, 1, 0]], None)):
        assert AnyFlow(AnyTarget(F), Model(matrix(H), F)).scale == scale


def test_rows_that_the_target_does_not_see_stay() -> None:
    """Rank F = 1: the second row of H is such a row, and counts for nothing."""
    F = matrix([[1, 0, 0], [2, 0, 0]])
    flow, alone = (AnyFlow(AnyTarget(F), Model(matrix([[1, 1, x], [0, 0, 1]]), F)) for x in (0, 7))
    with ctx.workprec(BITS):
        t = arb(1) / 3
        assert flow.loss_at(t).overlaps(alone.loss_at(t)) and flow.loss_at(t).rel_accuracy_bits() > 900
        assert flow.loss_by_exponential(Fraction(1, 2)).overlaps(flow.loss_at(flow.time(Fraction(1, 2))))


@pytest.mark.parametrize("k", range(1, 9))
@pytest.mark.parametrize("listed", [tasks, recheck.tasks])
def test_tasks_are_isotropic_and_few(k: int, listed: object) -> None:
    found = listed(k)  # type: ignore[operator]  # two functions of one signature
    moments = [[Fraction(sum(v[i] * v[j] for v in found), len(found)) for j in range(k)] for i in range(k)]
    assert moments == [[i == j for j in range(k)] for i in range(k)] and k <= len(found) < max(2 * k, 2)


def test_solutions_of_singular_systems() -> None:
    S, X = matrix([[1, 1], [2, 2]]), matrix([[3, 1], [0, 5]])
    found = solutions(fractions(S), fractions(S * X))
    assert S * matrix(found) == S * X
    with pytest.raises(ArithmeticError, match="no solution"):
        solutions(fractions(S), [[Fraction(1)], [Fraction(1)]])
