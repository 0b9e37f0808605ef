"""Hypothesis strategies for rational matrices, finite models and targets."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from flint import arb, arb_mat, ctx, fmpq, fmpq_mat
from hypothesis import strategies as st

from proofs.mean_field.critical import CriticalPoint, Target, critical_point, target
from proofs.mean_field.instances import random_rotation
from proofs.mean_field.model import Model
from proofs.rational_matrix import matrix, to_fmpq

entries = st.fractions(min_value=-3, max_value=3, max_denominator=4)
sizes = st.integers(1, 3).flatmap(lambda k: st.tuples(st.just(k), st.integers(k, k + 3)))
randoms = st.integers(0, 10**6).map(Random)


def matrices(rows: int, columns: int) -> st.SearchStrategy[fmpq_mat]:
    row = st.lists(entries, min_size=columns, max_size=columns)
    return st.lists(row, min_size=rows, max_size=rows).map(matrix)


def full_rank(rows: int, columns: int) -> st.SearchStrategy[fmpq_mat]:
    """Independent rows: any matrix, moved by a multiple of the identity where its rows are dependent."""

    def mend(X: fmpq_mat) -> fmpq_mat:
        shift = Fraction(0)
        one = matrix([[int(i == j) for j in range(columns)] for i in range(rows)])
        moved = X
        while moved.rank() < rows:
            shift += 1
            moved = X + one * matrix([[shift]])[0, 0]
        return moved

    return matrices(rows, columns).map(mend)


@st.composite
def models(draw: st.DrawFn) -> Model:
    k, m = draw(sizes)
    return Model(draw(full_rank(k, m)), draw(matrices(k, m)))


@st.composite
def targets(draw: st.DrawFn) -> Target:
    """Targets that leave room for a saddle: m > k."""
    k = draw(st.integers(1, 3))
    return target(k, k + draw(st.integers(1, 3)), draw(randoms))


@st.composite
def saddles(draw: st.DrawFn) -> CriticalPoint:
    goal = draw(targets())
    S = draw(st.sampled_from([S for S in goal.subsets if S]))
    return critical_point(goal, S, draw(randoms))


def rotations(n: int) -> st.SearchStrategy[fmpq_mat]:
    return randoms.map(lambda random: random_rotation(random, n))


def holds(interval: arb, x: fmpq | int | Fraction) -> bool:
    """Whether the interval holds x, up to 2^-400: python-flint rounds a rational before it looks."""
    with ctx.workprec(400):
        return bool(interval.is_finite() and interval.overlaps(arb(to_fmpq(x))))


def all_hold(intervals: arb_mat, X: fmpq_mat) -> bool:
    with ctx.workprec(400):
        return bool(all(x.is_finite() for x in intervals.entries()) and intervals.overlaps(arb_mat(X)))
