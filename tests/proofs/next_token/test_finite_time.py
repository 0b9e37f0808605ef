"""The inequalities behind the bounds at every step, each on many random instances; and the bounds by hand."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.next_token import finite_time
from proofs.next_token.examples import NAMED, REPEATED, from_optimal, random_dataset
from proofs.next_token.finite_time import bounds, largest_step
from proofs.next_token.layers import (
    Layer,
    attention_layer,
    feed_forward_layer,
    first_excess,
    has_two_levels,
    optimal_is_most_frequent,
)

RNG = np.random.default_rng(20)
DATASETS = [*NAMED.values(), *(random_dataset(1, V, i) for V in (4, 6) for i in range(4))]
LAYERS = [
    layer for d in DATASETS for layer in (feed_forward_layer(d), attention_layer(d, 1.0), attention_layer(d, 3.0))
]


def sentences(count: int) -> Iterator[tuple[int, float, np.ndarray]]:
    """V, beta, and odds of the wrong tokens that are at most 1, of very different sizes."""
    for _ in range(count):
        V = int(RNG.integers(3, 9))
        m = int(RNG.integers(1, V))
        yield V, float(10 ** RNG.uniform(-1, 1)), 10 ** RNG.uniform(-4, 0, m)


def excess(V: int, beta: float, u: np.ndarray) -> float:
    return first_excess(V, beta, list(u))


def gradient(V: int, beta: float, u: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """G of the wrong tokens (NT1), their masses, and p_0."""
    a = np.concatenate([[1.0], u]) / (1 + u.sum())
    z = np.concatenate([beta * a, np.zeros(V - len(a))])
    p = np.exp(z - z.max())
    p /= p.sum()
    g = beta * p[: len(a)] - beta * (np.arange(len(a)) == 0)
    return (a * (g - a @ g))[1:], a[1:], float(p[0])


def test_the_loss_between_its_tangents() -> None:
    """(1): kappa A <= E <= S/(1 - A), and S >= beta a_0 (1 - p_0) A; the first one is attained where A tends to 0."""
    nearest = math.inf
    for V, beta, u in sentences(2000):
        G, a, p = gradient(V, beta, u)
        kappa, E, A = beta * V / (math.exp(beta) + V - 1), excess(V, beta, u), a.sum()
        assert kappa * A <= E * (1 + 1e-6) + 1e-13
        assert G.sum() / (1 - A) * (1 + 1e-6) + 1e-13 >= E
        assert beta * (1 - A) * (1 - p) * A <= G.sum() * (1 + 1e-9)
        nearest = min(nearest, E / (kappa * A))
    assert nearest < 1.01


@pytest.mark.parametrize("layer", LAYERS[::3])
def test_the_mean_factor_of_the_odds(layer: Layer) -> None:
    """(2), for any weights q, and the variance that it rests on."""
    eta, rows = largest_step(layer), vectors(layer)
    for _ in range(300):
        q = RNG.dirichlet(np.full(len(rows), 10 ** RNG.uniform(-2, 1)))
        g = q @ rows
        assert q @ np.exp(-eta * (rows @ g) / np.linalg.norm(g)) <= math.exp(-eta * layer.gamma) + 1e-14
        x = rows @ g / np.linalg.norm(g)
        variance, lead = q @ x**2 - (q @ x) ** 2, np.linalg.norm(g) - layer.gamma
        assert variance <= (4 / layer.gamma + math.sqrt(2) - layer.gamma) * lead + 1e-12


def vectors(layer: Layer) -> np.ndarray:
    """v of all pairs, with a block of coordinates for every column."""
    blocks = []
    for i, (problem, _) in enumerate(layer.columns.values()):
        block = np.zeros((len(problem.pairs), len(layer.columns), problem.size))
        block[:, i] = finite_time._rows(problem, problem.pairs)
        blocks.append(block.reshape(len(problem.pairs), -1))
    return np.concatenate(blocks)


def test_the_second_order_of_a_step() -> None:
    """(3): E falls by the tangent up to the share k A of S, for steps in any direction in which odds stay below 1."""
    worst = 0.0
    for V, beta, u in sentences(3000):
        eta = float(10 ** RNG.uniform(-3, math.log10(finite_time.LONGEST_STEP)))
        x = RNG.uniform(-math.sqrt(2), math.sqrt(2), len(u))
        new = u * np.exp(-eta * x)
        if new.max() > 1:
            continue
        G, a, _ = gradient(V, beta, u)
        layer = replace(LAYERS[1], beta=beta, falling=True, sentences=[(1.0, {(0, 0, i): x for i, x in enumerate(u)})])
        share = finite_time.curvature(layer, eta) * -math.expm1(-eta * layer.gamma)
        rest = excess(V, beta, new) - excess(V, beta, u) - G @ np.expm1(-eta * x)
        assert rest <= share * a.sum() * G.sum() + 1e-13
        worst = max(worst, rest / (share * a.sum() * G.sum()))
    assert worst > 0.02  # it is not idle


@given(u=st.lists(st.floats(1e-6, 20), min_size=1, max_size=5), x=st.data())
def test_stage_1_is_concave_in_the_odds(u: list[float], x: st.DataObject) -> None:
    odds, factors = np.array(u), np.array(x.draw(st.lists(st.floats(0.2, 5), min_size=len(u), max_size=len(u))))
    S = odds / (1 + odds.sum())
    assert math.log1p(odds @ factors) <= math.log1p(odds.sum()) + S @ (factors - 1) + 1e-12


def test_steps_are_as_long_as_the_conditions_allow() -> None:
    for layer in LAYERS:
        eta = largest_step(layer)
        assert finite_time.is_short(layer, eta) and not finite_time.is_short(layer, eta * (1 + 1e-9))
        assert 0 < eta < finite_time.LONGEST_STEP
        with pytest.raises(ValueError, match="the bounds are proved for steps up to"):
            bounds(layer, 1.001 * eta)


def naive_constant(layer: Layer, eta: float) -> float:
    """The limit of log E_t + eta gamma t in the recursion, as it stands."""
    c, k, E, t, A = -math.expm1(-eta * layer.gamma), finite_time.curvature(layer, eta), layer.first_loss, 0, 1.0
    while A > 1e-9:
        A = min(layer.mass, E / (layer.kappa * layer.least_weight))
        E *= 1 - c * (1 - A) * (1 - k * A)
        t += 1
    return math.log(E) + eta * layer.gamma * t


@pytest.mark.parametrize("layer", LAYERS[:9])
def test_the_constant_of_the_loss_lies_just_above_the_recursion(layer: Layer) -> None:
    eta = largest_step(layer)
    slow = naive_constant(layer, eta)
    assert slow <= finite_time.loss_constant(layer, eta) <= slow + 2e-3


def test_by_hand() -> None:
    """DS-A: |W_kq*|^2 = 2, a wrong token per sentence with odds 1; kappa = 4 beta/(e^beta + 3)."""
    layer = attention_layer(NAMED["DS-A"], 3.0)
    assert layer.falling and layer.mass == 0.5 and layer.norm == pytest.approx(math.sqrt(2))
    assert layer.kappa == pytest.approx(12 / (math.exp(3) + 3))
    # four sentences at a = (1/2, 1/2): logits 3/2, 3/2, 0, 0
    first = math.log(2 + 2 * math.exp(-1.5)) - math.log(1 + 3 * math.exp(-3))
    assert layer.loss == pytest.approx(4 * first)
    b = bounds(layer, 0.02)
    assert b.deficit == pytest.approx(b.log_loss - math.log(layer.kappa * 0.5))
    t = np.array([1.0, 50.0, 1e6])
    assert b.least_norm(t) == pytest.approx([0.01, 0.5, 2e4 - math.sqrt(2) * b.deficit])
    assert b.largest_log_loss(t) == pytest.approx(b.log_loss - 0.02 * t / math.sqrt(2))
    # 4 pairs with dual 1/2 and length sqrt 2 each: one of them may be |W*|^2 D/alpha - D = 3 D ahead
    assert b.direction == pytest.approx(2 * b.deficit * math.sqrt((3 + 9) / 2) / 0.02)
    assert b.largest_error(t) == pytest.approx(b.direction * (1 + np.log(t)) / t)
    first_stage = feed_forward_layer(NAMED["DS-B"])
    assert first_stage.loss == pytest.approx(15 * math.log(4)) and first_stage.mass == 0.75


@pytest.mark.parametrize(
    ("name", "falling"), [("DS-A", True), ("DS-B", True), ("DS-C", False), ("DS-D", False), ("repeated", False)]
)
def test_where_odds_only_fall(name: str, falling: bool) -> None:
    """Tokens 3 and 2 are in the middle of an order in DS-C and DS-D; optimal tokens of REPEATED are too rare."""
    dataset = NAMED.get(name, REPEATED)
    assert attention_layer(dataset, 3.0).falling is falling
    assert feed_forward_layer(dataset).falling


def test_what_odds_that_only_fall_need() -> None:
    rare = from_optimal("rare", (1, 2, 0), [((0, 1, 1), 0, 1)])
    assert has_two_levels(rare) and not optimal_is_most_frequent(rare)
    assert optimal_is_most_frequent(NAMED["DS-C"]) and not has_two_levels(NAMED["DS-C"])
    assert not attention_layer(rare, 3.0).falling and not attention_layer(NAMED["DS-C"], 3.0).falling


def test_a_late_start_costs_what_was_walked() -> None:
    layer = attention_layer(NAMED["DS-C"], 3.0)
    eta = largest_step(layer)
    early, late = bounds(layer, eta), bounds(layer, eta, 40)
    assert late.log_loss == early.log_loss
    assert late.deficit == pytest.approx(early.deficit + 40 * eta * layer.gamma)
    assert late.direction > early.direction + 2 * 40
    t = np.array([40.0])
    assert late.largest_log_loss(t) == pytest.approx(early.log_loss)
    assert late.least_norm(t)[0] == 0.0  # nothing is said before the start
    assert replace(late, falling=True).least_norm(t)[0] > 0


def test_pairs_without_dual_move_outside_of_the_span() -> None:
    for name, some in (("DS-A", False), ("DS-B", False), ("DS-D", True)):
        layer = attention_layer(NAMED[name], 3.0)
        fixed, growing = finite_time.distance_outside(layer, 0.01, 0, 5.0)
        assert (fixed > 0) is some and (growing > 0) is some


def test_sentences_of_one_token_are_left_out() -> None:
    for dataset in DATASETS:
        layer = attention_layer(dataset, 2.0)
        assert len(layer.sentences) == sum(len(s.counts) > 1 for s in dataset.longer)
        assert set(layer.weights()) == {
            (q, *pair) for q, (problem, _) in layer.columns.items() for pair in problem.pairs
        }
