"""Flows, finite prompts, the saddle of the Wasserstein flow, birth and death."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from random import Random

import pytest
from flint import arb, arb_mat, ctx, fmpq_mat
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from proofs.mean_field.critical import Target, critical_point, target
from proofs.mean_field.enclosures import PRECISION, agree, nuclear_norm
from proofs.mean_field.examples import gaussian_mean, pythagorean, tanh_saddle
from proofs.mean_field.flows import AttentionFlow, OjaFlow
from proofs.mean_field.improvement import features, random_birth_death, relu, softsign, tight_birth_death
from proofs.mean_field.instances import random_full_rank, random_matrix, random_rotation
from proofs.mean_field.model import Model
from proofs.mean_field.prompts import (
    Features,
    FinitePrompts,
    quartic_flat_loss,
    remainder,
    sign_features,
    slope_in_inverse_length,
)
from proofs.mean_field.witness import prompt_loss
from proofs.rational_matrix import (
    fractions,
    identity,
    is_zero,
    kernel,
    matrix,
    projection,
    select,
    squared_norm,
    to_fmpq,
)
from proofs.rationals import to_fraction
from tests.proofs.mean_field.strategies import all_hold, matrices, models, randoms, targets

TIMES = [Fraction(11, 10), Fraction(2), Fraction(50)]


@pytest.fixture(autouse=True, scope="module")
def precision() -> Iterator[None]:
    """Intervals are compared at the precision at which they were made."""
    with ctx.workprec(PRECISION):
        yield


@given(targets(), randoms)
def test_exact_flow_is_a_semigroup(goal: Target, random: Random) -> None:
    common = OjaFlow(goal, goal.X).common
    p, q = random.choice(TIMES), random.choice(TIMES)
    assert goal.flow(p, common) * goal.flow(q, common) == goal.flow(p * q, common)
    assert goal.flow(Fraction(1), common) == identity(goal.m)


@given(targets(), randoms)
def test_loss_falls_along_the_flow_to_zero_or_stays_above_the_first_saddle(goal: Target, random: Random) -> None:
    flow = OjaFlow(goal, random_full_rank(random, goal.k, goal.m))
    losses = [flow.at(q).loss for q in [Fraction(1), *TIMES, Fraction(2) ** 60]]
    assert all(later <= sooner for sooner, later in pairwise(losses))
    if flow.reaches_global_minimum:
        assert 2 * losses[-1] < to_fmpq(goal.r_low)
        assert flow.decay_degree <= -2 * goal.r_low * flow.common
    else:
        assert 2 * losses[-1] >= to_fmpq(goal.r_low)


@given(targets(), randoms)
def test_a_start_that_misses_a_direction_never_finds_it(goal: Target, random: Random) -> None:
    flow = OjaFlow(goal, critical_point(goal, (goal.k - 1,), random).H)
    assert not flow.reaches_global_minimum
    assert all(flow.at(q).loss == to_fmpq(goal.critical_value((goal.k - 1,))) for q in TIMES)


@given(targets(), randoms)
@settings(max_examples=10)
def test_exponential_bound_in_the_sublevel_set(goal: Target, random: Random) -> None:
    start = critical_point(goal, (), random).H
    push = random_matrix(random, goal.k, goal.m)
    size = 1
    while 4 * Model(start + push / size, goal.F).loss >= to_fmpq(goal.r_low):
        size *= 2
    flow = OjaFlow(goal, start + push / size)
    assert all(flow.at(q).loss <= flow.sublevel_bound(q) for q in TIMES)


@given(models(), st.data())
def test_attention_flow(model: Model, data: st.DataObject) -> None:
    k = model.H.nrows()
    flow = AttentionFlow(model, data.draw(matrices(k, k)))
    B, W = model.B, flow.limit
    assert is_zero(model.attention_gradient(W)) and is_zero(B * W - B * model.A_inverse)
    assert all_hold(at(flow, Fraction(0)), flow.start)
    if not is_zero(B):
        t = Fraction(1) / max(Fraction(float(flow.rate)), Fraction(1, 1000))
        bound = distance(flow, Fraction(0)) * (arb(-flow.rate * to_fmpq(t)).exp() + arb(2) ** -50)  # often equal
        assert distance(flow, t) <= bound


def at(flow: AttentionFlow, t: Fraction) -> arb_mat:
    """W_t in intervals: vec(W_t - A^{-1}) = e^{-t A (x) B^T B} vec(W_0 - A^{-1}), by the matrix exponential."""
    k, gap = flow.start.nrows(), flow.start - flow.model.A_inverse
    stacked = (arb_mat(flow.operator) * arb(to_fmpq(-t))).exp() * arb_mat(
        [[gap[i, j]] for j in range(k) for i in range(k)]
    )
    return arb_mat(flow.model.A_inverse) + arb_mat([[stacked[j * k + i, 0] for j in range(k)] for i in range(k)])


def distance(flow: AttentionFlow, t: Fraction) -> arb:
    """|W_t - W_infinity|."""
    gap = at(flow, t) - arb_mat(flow.limit)
    return sum((x * x for x in gap.entries()), arb(0)).max(arb(0)).sqrt()


@given(models(), st.data())
def test_the_energy_is_the_speed_at_which_the_gap_shrinks(model: Model, data: st.DataObject) -> None:
    """(|G_h|^2 - |G_0|^2) / h tends to -2 <G, B^T B G A>, up to |second derivative| h."""
    k = model.H.nrows()
    flow, h = AttentionFlow(model, data.draw(matrices(k, k))), Fraction(1, 2**40)
    fall = (distance(flow, Fraction(0)) ** 2 - distance(flow, h) ** 2) * arb(2) ** 40
    size = sum((x * x for x in (flow.operator * flow.operator).entries()), to_fmpq(1))
    bend = arb(size) * (1 + distance(flow, Fraction(0)) ** 2) * arb(2) ** -38
    assert abs(fall - 2 * arb(flow.energy)) <= bend + arb(2) ** -60


def test_rates_are_least_eigenvalues_and_rational_where_they_can_be() -> None:
    H, F = matrix([[1, 0, 0], [0, 2, 0]]), matrix([[3, 0, 1], [0, 1, 1]])
    flow = AttentionFlow(Model(H, F), identity(2))
    assert flow.rate == 4  # B = diag(3, 2) and A = diag(1, 4)
    assert AttentionFlow(Model(H, matrix([[3, 0, 1], [0, 0, 1]])), identity(2)).rate == 9


@given(randoms)
def test_attention_flow_with_singular_covariance_keeps_what_it_cannot_see(random: Random) -> None:
    F = random_full_rank(random, 2, 4)
    for j in range(4):
        F[1, j] = 2 * F[0, j]
    model = Model(random_full_rank(random, 2, 4), F)
    flow = AttentionFlow(model, random_matrix(random, 2, 2))
    unseen = kernel(model.B).transpose()
    assert model.B.det() == 0
    assert is_zero(model.attention_gradient(flow.limit))
    assert is_zero(model.B * flow.limit - model.B * model.A_inverse)
    assert is_zero(unseen * flow.limit - unseen * flow.start)


@given(models(), st.data())
def test_attention_flow_starts_along_its_gradient(model: Model, data: st.DataObject) -> None:
    """(W_h - W_0) / h tends to -dL_TF/dW: at h = 2^-40, up to |second derivative| h."""
    k = model.H.nrows()
    flow = AttentionFlow(model, data.draw(matrices(k, k)))
    h = Fraction(1, 2**40)
    moved = (at(flow, h) - arb_mat(flow.start)) * arb(2) ** 40
    gap = moved + arb_mat(model.attention_gradient(flow.start))
    curvature = flow.BtB * model.attention_gradient(flow.start) * model.A
    size = sum((abs(x) for x in curvature.entries()), to_fmpq(0))
    assert all(abs(x) <= arb(size) * arb(2) ** -40 + arb(2) ** -60 for x in gap.entries())


@given(st.integers(1, 2), st.integers(1, 3), randoms, st.sampled_from([Fraction(0), Fraction(1, 2)]))
@settings(max_examples=12)
def test_finite_prompts_against_all_prompts(k: int, n: int, random: Random, noise: Fraction) -> None:
    features = Features(random_full_rank(random, k, k + 1), random_full_rank(random, k, k + 1))
    W = random_matrix(random, k, k)
    enumerated = prompt_loss(fractions(features.h), fractions(features.f), fractions(W), n, noise)
    prompts = FinitePrompts(features, n, noise**2)
    assume(prompts.S_n.det() != 0)
    assert to_fraction(prompts.loss(W)) == enumerated
    assert prompts.loss(W) >= prompts.optimal_loss == prompts.loss(prompts.W)


def test_noise_in_the_query_adds_half_its_variance() -> None:
    h, W = [[Fraction(1), Fraction(2)]], [[Fraction(1, 3)]]
    quiet, noisy = (prompt_loss(h, h, W, 2, Fraction(0), size) for size in (Fraction(0), Fraction(3)))
    assert noisy - quiet == Fraction(9, 2)


@given(st.integers(1, 3), randoms)
def test_long_prompts_approach_the_infinite_one_at_rate_one_over_n(k: int, random: Random) -> None:
    features = Features(random_full_rank(random, k, k + 2), random_full_rank(random, k, k + 2))
    infinite = FinitePrompts(features, math.inf)
    if features.B.det() == 0:
        return
    assert infinite.optimal_loss == Model(features.h, features.f).loss / (k + 2)
    gaps = [n * (FinitePrompts(features, n).optimal_loss - infinite.optimal_loss) for n in (10**8, 10**9)]
    slope = slope_in_inverse_length(features)
    assert abs(gaps[1] - slope) * 9 <= abs(gaps[0] - slope) or gaps[1] == slope


@given(st.integers(1, 3), randoms, st.integers(1, 50))
def test_finite_prompts_cost_at_most_one_over_n(k: int, random: Random, n: int) -> None:
    """Singular B included."""
    f = random_full_rank(random, k, k + 2)
    for h in (random_full_rank(random, k, k + 2), outside(f, random)):
        prompts = FinitePrompts(Features(h, f), n)
        assume(prompts.S_n.det() != 0)
        gap = prompts.optimal_loss - Model(h, f).loss / (k + 2)
        bound = slope_in_inverse_length(prompts.features) / n
        assert 0 <= gap <= bound and gap == bound - remainder(prompts)
        assert prompts.loss(prompts.features.A.inv()) - prompts.optimal_loss == bound - gap


def outside(f: fmpq_mat, random: Random) -> fmpq_mat:
    """Features that do not see the first output: det B = 0."""
    h, first = random_full_rank(random, f.nrows(), f.ncols()), select(f, [0])
    h = h - h * projection(first.transpose())
    return h if h.rank() == f.nrows() else outside(f, random)


def test_quartic_flat_example() -> None:
    for n in (1, 3, 50):
        for sine, cosine in (pythagorean(1, 2), pythagorean(2, 5)):
            assert to_fraction(FinitePrompts(sign_features(sine, cosine), n).optimal_loss) == quartic_flat_loss(sine, n)
    assert quartic_flat_loss(Fraction(1, 1000), 10) > Fraction(1, 2) - Fraction(1, 1000) ** 4 * 10
    assert quartic_flat_loss(Fraction(1, 1000), 10**9) < Fraction(1, 2) - Fraction(1, 1000) ** 2 / 3


def test_gaussian_means_that_are_known() -> None:
    """The tail is bounded for functions below 1 + |x|."""
    assert gaussian_mean(lambda x: 1 + 0 * x).contains(1)
    assert gaussian_mean(lambda x: x.cos()).overlaps((-arb(1) / 2).exp())
    assert gaussian_mean(lambda x: x).contains(0)


def test_saddle_of_the_wasserstein_flow() -> None:
    found = tanh_saddle()
    assert abs(found["loss"] - arb("0.1971472")) < arb("5e-8")
    assert abs(found["c"] - arb("0.6057055")) < arb("5e-8")
    assert abs(found["second variation"] - arb("-0.34137003")) < arb("5e-9")
    assert agree(found["second variation"], found["closed form"])
    assert agree(found["E x tanh x"], found["c"])  # Stein


@pytest.mark.parametrize("activation", [softsign, relu])
@given(st.integers(1, 3), randoms)
@settings(max_examples=15)
def test_improvement_by_birth_and_death(activation: object, k: int, random: Random) -> None:
    instance = random_birth_death(random, k, k + 2, softsign if activation is softsign else relu)
    assert sum(atom.mass for atom in instance.mu) == 1 and instance.mean_first_variation == 0
    slope = instance.model.homotopy_slope(random_rotation(random, k))
    assert instance.output_dissipation >= to_fmpq(instance.factor) * slope**2
    best = nuclear_norm(instance.model.M * instance.model.Z)
    assert arb(instance.output_dissipation) >= arb(to_fmpq(instance.factor)) * best**2


@pytest.mark.parametrize("activation", [softsign, relu])
@given(st.integers(1, 4), randoms)
@settings(max_examples=10)
def test_no_larger_constant_of_improvement_will_do(activation: object, k: int, random: Random) -> None:
    instance = tight_birth_death(random, k, k + 2, softsign if activation is softsign else relu)
    assert sum(atom.mass for atom in instance.mu) == 1 and instance.ratio == 2
    assert (instance.model.M * instance.model.Z).rank() == 1  # so that the nuclear norm is this one:
    best = squared_norm(instance.model.M * instance.model.Z)
    assert instance.output_dissipation == to_fmpq(instance.factor) * best > 0


def test_symmetric_particles_do_not_change_the_features() -> None:
    instance = random_birth_death(Random(0), 2, 5, softsign)
    alone = features(instance.background, instance.points, softsign)
    assert is_zero(instance.model.H - alone * to_fmpq(1 - instance.gamma))


def test_eigenvalues_of_targets() -> None:
    assert target(3, 6, Random(0)).eigenvalues == (3, 2, Fraction(1, 2))
    assert target(2, 3, Random(0)).eigenvalues == (1, Fraction(1, 4))
