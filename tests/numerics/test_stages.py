"""Levels, plateaus, distances and gradient norms: what a trajectory is measured with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import permutations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from numerics.sub_ngrams.autograd import parameter_gradients
from numerics.sub_ngrams.frequency import Corrected, CorrectedLevel
from numerics.sub_ngrams.frequency_network import saturated_network
from numerics.sub_ngrams.gradient_norm import GROUPS, from_batches, gradient_norms, over_relabellings
from numerics.sub_ngrams.levels import TestSet, k_gram_level, k_gram_predictions, ladder
from numerics.sub_ngrams.network import Network
from numerics.sub_ngrams.plateaus import find_plateaus
from numerics.sub_ngrams.sequences import enumerate_sequences
from numerics.sub_ngrams.stages import analyse, averaged, in_gaps
from numerics.sub_ngrams.symmetries import distances, nearest, score_form
from numerics.sub_ngrams.trajectory import Trajectory
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw

LAW = NGramLaw(3, 3, Fraction(1, 2))


def sample(law: NGramLaw = LAW, T: int = 12, count: int = 2000) -> TestSet:
    return TestSet.draw(law, T, count, 1e-8, torch.Generator().manual_seed(1))


# --- levels ---


@pytest.mark.parametrize("k", [1, 2, 3])
def test_predictions_are_those_of_the_literal_network(k: int) -> None:
    x = sample(count=50).x
    network = Network.at_configuration(LAW, Configuration.k_gram(k, 7.0), 12)
    difference = network(x).detach() - k_gram_predictions(k, 7.0, x, 3)
    assert float(difference.abs().max()) < 1e-13


def test_no_predictor_beats_bayes_and_the_scale_is_the_best() -> None:
    tests = sample()
    levels = ladder(LAW, tests)
    assert [level.name for level in levels] == ["1-gram", "2-gram", "3-gram", "Bayes"]
    assert all(level.loss > levels[-1].loss for level in levels[:-1])
    for k in (2, 3):
        level = k_gram_level(k, tests)
        assert level.c is not None
        for c in (0.5 * level.c, 0.9 * level.c, 1.1 * level.c, 2 * level.c):
            assert float(tests.losses(k_gram_predictions(k, math.exp(c), tests.x, 3)).mean()) > level.loss


def test_the_level_is_the_mean_over_the_law() -> None:
    """The 1-gram's exact mean over all sequences is within 4 standard errors of its estimate."""
    law, T = NGramLaw(2, 2), 8
    level = k_gram_level(1, sample(law, T, 20_000))
    exact = 0.0
    for x, P, weight in enumerate_sequences(law, T, batch=256, device=torch.device("cpu")):
        exact += float((weight * TestSet(x, P, 1e-8).losses(k_gram_predictions(1, 1.0, x, 2))).sum())
    assert abs(level.loss - exact) < 4 * level.standard_error


def test_errors_in_units_of_the_gap_on_that_side() -> None:
    levels = [
        CorrectedLevel(k, loss, 0.0, Corrected((1.0,) * (k - 1), 1.0)) for k, loss in ((1, 1.0), (2, 0.9), (3, 0.6))
    ]
    found = [in_gaps(levels, levels[k - 1], loss) for k, loss in ((1, 1.2), (1, 0.96), (2, 0.93), (2, 0.8), (3, 0.59))]
    assert found == pytest.approx([2.0, -0.4, 0.3, -1 / 3, -1 / 30])


def test_averaged_parameters() -> None:
    first, second = random_network(1), random_network(2)
    mean = averaged([first, second])
    for name, value in mean.named_parameters():
        due = (first.get_parameter(name) + second.get_parameter(name)) / 2
        assert float((value - due).detach().abs().max()) < 1e-15


# --- plateaus ---


def stairs(every: int, noise: float = 0.0) -> tuple[list[int], list[float]]:
    """1.0 until step 100, 0.6 until 400, 0.2 from 500 to 1000; falls of 50 steps in between."""
    corners = [(0, 1.0), (50, 0.6), (400, 0.58), (450, 0.2), (1000, 0.19)]
    steps, losses = list(range(0, 1001, every)), []
    generator = torch.Generator().manual_seed(0)
    for step in steps:
        i = max(i for i, (first, _) in enumerate(corners[:-1]) if first <= step)
        (a, y), (b, z) = corners[i], corners[i + 1]
        losses.append(y + (z - y) * (step - a) / (b - a) + noise * float(torch.rand((), generator=generator)))
    return steps, losses


@pytest.mark.parametrize("every", [1, 5, 10, 25])
@pytest.mark.parametrize("noise", [0.0, 0.004])
def test_stairs_however_they_are_recorded(every: int, noise: float) -> None:
    steps, losses = stairs(every, noise)
    plateaus, jumps = find_plateaus(steps, losses)
    assert len(plateaus) == len(jumps) == 2
    for stretch, (first, last) in zip([*plateaus, *jumps], [(50, 400), (450, 1000), (0, 50), (400, 450)], strict=True):
        assert abs(steps[stretch.first] - first) <= 45 and abs(steps[stretch.last] - last) <= 45
    assert plateaus[0].loss == pytest.approx(0.59, abs=0.01) and plateaus[1].loss == pytest.approx(0.195, abs=0.01)


@given(st.floats(0.1, 10), st.floats(-5, 5), st.integers(1, 50))
def test_units_do_not_matter(scale: float, shift: float, stretch: int) -> None:
    steps, losses = stairs(10)
    before, after = find_plateaus(steps, losses), find_plateaus(
        [stretch * step for step in steps], [scale * loss + shift for loss in losses]
    )  # fmt: skip
    for some, others in zip(before, after, strict=True):
        assert [(s.first, s.last) for s in some] == [(s.first, s.last) for s in others]


def test_a_run_that_lasts_longer_keeps_its_plateaus() -> None:
    steps, losses = stairs(10)
    longer, _ = find_plateaus([*steps, *range(1100, 20_000, 100)], [*losses, *[0.19] * 189])
    assert len(longer) == 2 and abs(steps[longer[0].first] - 50) <= 20 and abs(steps[longer[0].last] - 400) <= 20


def test_curves_without_stairs() -> None:
    line = [1 - i / 100 for i in range(101)]
    assert find_plateaus(range(101), line) == ([], [])
    (plateau,), jumps = find_plateaus(range(5), [1.0, 1.0, 1.2, 1.1, 1.0])
    assert (plateau.first, plateau.last, jumps) == (0, 4, [])


# --- distances ---


def random_network(seed: int, S: int = 2, n: int = 3, T: int = 7) -> Network:
    return Network.random(NGramLaw(S, n), T, torch.Generator().manual_seed(seed))


def transformed(network: Network, order: Sequence[int], G: Tensor, R: Tensor) -> Network:
    """The same function in other parameters: heads in another order, and both gauges.

    order  a permutation of 0..H-1;  G  H x S x S invertible;  R  D x D invertible
    """
    assert network.A is not None
    assert network.Q is not None
    assert network.K is not None
    n, S, index = network.H + 1, network.S, list(order)
    streams = [0, *(1 + h for h in index)]
    eye = torch.eye(S, dtype=G.dtype)
    undo = torch.cat([eye[None], torch.linalg.inv(G)])
    Q = (undo @ network.Q.detach().view(n, S, -1)[streams]).reshape(n * S, -1) @ R
    K = (undo @ network.K.detach().view(n, S, -1)[streams]).reshape(n * S, -1) @ torch.linalg.inv(R).T
    return Network(network.V.detach()[index] @ G, A=network.A.detach()[index], Q=Q, K=K)


@given(st.integers(0, 10**6), st.permutations(range(2)))
@settings(max_examples=15)
def test_symmetries_change_neither_function_nor_distance(seed: int, order: list[int]) -> None:
    network, generator = random_network(seed), torch.Generator().manual_seed(seed + 1)
    G = torch.randn(2, 2, 2, generator=generator, dtype=torch.float64) + 3 * torch.eye(2, dtype=torch.float64)
    R = torch.randn(6, 6, generator=generator, dtype=torch.float64) + 5 * torch.eye(6, dtype=torch.float64)
    other = transformed(network, order, G, R)
    x = torch.randint(2, (20, 7), generator=generator)
    assert float((network(x) - other(x)).detach().abs().max()) < 1e-9
    for before, after in zip(distances(network), distances(other), strict=True):
        assert before.absolute == pytest.approx(after.absolute, rel=1e-9)
        assert before.c == pytest.approx(after.c, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("c", [0.5, 6.0])
def test_a_configuration_is_at_distance_zero_from_itself(k: int, c: float) -> None:
    law = NGramLaw(2, 3)
    network = Network.at_configuration(law, Configuration.k_gram(k, math.exp(c)), 9, c_A=80.0)
    near = nearest(distances(network))
    assert near.k == k
    assert k == 1 or near.relative < 1e-7  # the root of what rounding leaves of 1 - 1
    assert k == 1 or abs(near.c - c) < 1e-9


def test_the_form_is_the_logit_up_to_a_constant() -> None:
    """Summed over the tokens of a sequence it gives the logits z_j, apart from what is the same for all j."""
    network, S, T = random_network(4), 2, 7
    x = torch.randint(S, (T,), generator=torch.Generator().manual_seed(2))
    form = score_form(network)
    blocks = form.blocks[:, :, x][:, :, :, x]  # B_ab[x_i, x_i']
    z = torch.einsum("ai,bjk,abik->j", form.attention[:, -1:].squeeze(1), form.attention, blocks)
    difference = z - network.logits(x[None])[0].detach()
    assert float((difference - difference.mean()).abs().max()) < 1e-12


def test_constants_in_a_row_do_not_count() -> None:
    network = random_network(5)
    assert network.K is not None and network.Q is not None
    moved = transformed(network, [0, 1], torch.eye(2).double().expand(2, 2, 2), torch.eye(6).double())
    with torch.no_grad():
        assert moved.K is not None
        moved.K[:2] += torch.randn(6, generator=torch.Generator().manual_seed(0)).double()  # the same for both tokens
    assert nearest(distances(moved)).absolute == pytest.approx(nearest(distances(network)).absolute, rel=1e-9)


# --- gradient norms ---


def test_noise_is_taken_out_without_bias() -> None:
    """Over many estimates the mean of `squared` is the squared norm of the exact gradient, and the noise its
    covariance.
    """
    law, T = NGramLaw(2, 2), 5
    network = Network.random(law, T, torch.Generator().manual_seed(0))
    exact = parameter_gradients(network, law, T, epsilon=1e-8)
    squared = sum(float(g.square().sum()) for g in exact.values())
    found = [
        gradient_norms(network, law, T, 1e-8, 16 * GROUPS, torch.Generator().manual_seed(100 + seed))["total"]
        for seed in range(60)
    ]
    values = torch.tensor([estimate.squared for estimate in found], dtype=torch.float64)
    assert abs(float(values.mean()) - squared) < 4 * float(values.std()) / 60**0.5
    spread = float(values.std()) / (sum(estimate.standard_error for estimate in found) / 60)
    assert 0.6 < spread < 1.6  # the jackknife tells the right size
    batch_means = [estimate.squared + estimate.noise / 16 for estimate in found]
    assert sum(batch_means) / 60 > squared * 1.05  # what a single batch would say


def test_the_mean_over_all_relabellings() -> None:
    """Against the six relabellings of three tokens, applied to rows and columns of every block."""
    S, n, generator = 3, 2, torch.Generator().manual_seed(3)
    for shape in ((n - 1, S, S), (n * S, n * S)):
        g = torch.randn(*shape, generator=generator, dtype=torch.float64)
        due = torch.zeros_like(g)
        for order in permutations(range(S)):
            index = torch.tensor(order if len(shape) == 3 else [slot * S + s for slot in range(n) for s in order])
            due += g[..., index, :][..., index] / 6
        assert float((over_relabellings(g, S) - due).abs().max()) < 1e-15
    A = torch.randn(1, 4, 4, generator=generator, dtype=torch.float64)
    assert over_relabellings(A, S) is A


def test_the_estimate_is_the_mean_over_pairs() -> None:
    """Against loops over the batches; the jackknife leaves one out at a time."""
    m, batch = 5, 3
    g = torch.randn(m, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def over_pairs(chosen: list[int]) -> float:
        products = [float(g[i] @ g[j]) for i in chosen for j in chosen if i != j]
        return sum(products) / len(products)

    found = from_batches(g, batch)
    without = [over_pairs([i for i in range(m) if i != out]) for out in range(m)]
    mean = sum(without) / m
    assert found.squared == pytest.approx(over_pairs(list(range(m))))
    assert found.standard_error == pytest.approx(((m - 1) / m * sum((x - mean) ** 2 for x in without)) ** 0.5)
    spread = g - g.mean(0)
    assert found.noise == pytest.approx(batch * float(spread.square().sum()) / (m - 1))


def test_parts_add_up() -> None:
    network = random_network(1)
    norms = gradient_norms(network, NGramLaw(2, 3), 7, 1e-8, 64, torch.Generator().manual_seed(0))
    assert set(norms) == {"V", "A", "Q", "K", "total"}
    parts = sum(norms[name].squared for name in "VAQK")
    assert norms["total"].squared == pytest.approx(parts, abs=1e-12)


def test_without_noise_there_is_no_error() -> None:
    g = torch.tensor([3.0, 4.0], dtype=torch.float64).expand(5, 2)
    found = from_batches(g, 7)
    assert (found.norm, found.noise) == (pytest.approx(5.0), pytest.approx(0.0, abs=1e-12))
    assert found.standard_error == pytest.approx(0.0, abs=1e-12)


# --- all together ---


def test_a_trajectory_through_the_configurations() -> None:
    """Networks at theta_1^+, theta_2^+, theta_3^+, one after the other: plateaus with these names, at their levels."""
    law, T = NGramLaw(3, 3, Fraction(1, 2)), 24
    tests = TestSet.draw(law, T, 500, 1e-8, torch.Generator().manual_seed(9))
    networks, losses = {}, []
    at = {1: Corrected((), 2.0), 2: Corrected((1.6,), 2.0), 3: Corrected((1.6, 1.6), 2.0)}
    for step in range(0, 300, 10):
        networks[step] = saturated_network(law, at[1 + step // 100], T)
        losses.append(tests.mean_loss(networks[step]))
    trajectory = Trajectory(tuple(networks), tuple(losses), networks)
    stages = analyse(trajectory, law, epsilon=1e-8, test_samples=500, gradient_samples=64)
    assert [plateau.name for plateau in stages.plateaus] == ["1-gram+", "2-gram+", "3-gram+"]
    assert all(plateau.on_level for plateau in stages.plateaus)
    for k, plateau in enumerate(stages.plateaus):
        others = [x for i, x in enumerate(plateau.variations) if i != k]
        assert plateau.variations[k] < min(others) / 2 and plateau.averaged
    assert [(jump.first, jump.last) for jump in stages.jumps] == [(90, 100), (190, 200)]
    assert all(shot.finite for shot in stages.snapshots)
