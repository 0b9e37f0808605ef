"""Gradient flow: the rests and their rates, times at them, and how near a path is to theta_k^+."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from numerics.sub_ngrams.autograd import parameter_gradients
from numerics.sub_ngrams.flow import Flow, drawn, everything, exit_time, flat, follow, linear_stay, small_start
from numerics.sub_ngrams.flow_approach import Weighted, approaches, best_predictors, variations
from numerics.sub_ngrams.hessian import spectrum
from numerics.sub_ngrams.network import Network
from numerics.sub_ngrams.rest_points import RestPoint, nearest_rest, rest_points
from numerics.sub_ngrams.sequences import joint
from proofs.sub_ngrams.law import NGramLaw

LAWS = [
    (NGramLaw(2, 2), 5),
    (NGramLaw(2, 3, Fraction(1, 2), "dirichlet"), 5),
    (NGramLaw(3, 2, Fraction(4)), 4),
]


@pytest.mark.parametrize(("law", "T"), LAWS)
def test_the_rests_are_critical_and_left_at_their_rates(law: NGramLaw, T: int) -> None:
    """All derivatives are 0, and the lowest eigenvalue of the whole Hessian is as often there as predicted."""
    S, n = law.S, law.n
    for rest, times in zip(rest_points(everything(law, T)), ((S - 1) * n * S, S * (S - 1) * (n - 1)), strict=True):
        network = nearest_rest(small_start(law, T, 0.1, seed=1), rest.w)
        for gradient in parameter_gradients(network, law, T).values():
            assert float(gradient.abs().max()) < 1e-13
        found = spectrum(network, law, T).eigenvalues
        assert float((found[:times] + rest.rate).abs().max()) < 1e-9
        assert float(found[times]) > -1e-9


def test_the_best_weight_is_the_best() -> None:
    law, T = NGramLaw(3, 2), 4
    batch = everything(law, T)
    w = rest_points(batch)[1].w

    def loss(w: float) -> float:
        network = nearest_rest(small_start(law, T, 0.1, seed=1), w)
        with torch.no_grad():
            return float(batch.weight @ network.losses(batch.x, batch.P))

    assert w < -0.1
    assert all(loss(w) < loss(w + step) for step in (-1.0, -0.01, 0.01, 1.0))


def test_the_nearest_rest_is_the_nearest() -> None:
    """Of those with the same w: turned in the slots."""
    law, w = NGramLaw(3, 2), -0.4
    network = Network.random(law, 4, torch.Generator().manual_seed(2), scale=0.3)
    nearest = nearest_rest(network, w)
    assert nearest.Q is not None
    assert nearest.K is not None
    S = law.S
    wanted = w * (torch.eye(S, dtype=torch.float64) - 1 / S)
    assert torch.allclose(nearest.Q[:S] @ nearest.K[:S].T, wanted)
    again = nearest_rest(nearest, w)
    assert np.allclose(flat(again), flat(nearest), atol=1e-12)
    least = np.linalg.norm(flat(network) - flat(nearest))
    generator = torch.Generator().manual_seed(3)
    for step in (0.01, 0.1, 1.0, 10.0) * 5:
        turn = torch.linalg.matrix_exp(
            step * torch.triu(torch.randn(6, 6, generator=generator, dtype=torch.float64), 1) * torch.ones(6, 6)
        )
        turn, _ = torch.linalg.qr(turn)
        other = Network(nearest.V.detach(), A=nearest.A, Q=nearest.Q.detach() @ turn, K=nearest.K.detach() @ turn)
        assert np.linalg.norm(flat(network) - flat(other)) >= least - 1e-12


def test_exit_times() -> None:
    growing = np.array([-0.5])
    assert exit_time(growing, np.array([1e-6]), 1.0) == pytest.approx(math.log(1e3) / 0.5)
    both = np.array([-0.5, 2.0, 0.0])
    squares = np.array([1e-6, 0.99, 0.01])  # on the radius: comes in first
    t = exit_time(both, squares, 1.0)
    assert float(squares @ np.exp(-2 * both * t)) == pytest.approx(1.0) and t > 10
    assert exit_time(both, np.array([1.0, 0.0, 0.5]), 1.0) == 0.0  # never within
    assert exit_time(np.array([0.1, 0.0]), np.array([0.1, 0.1]), 1.0) == math.inf
    assert exit_time(growing, np.array([0.0]), 1.0) == math.inf


def test_the_flow_goes_down_the_gradient() -> None:
    law, T = NGramLaw(2, 2), 5
    network = Network.random(law, T, torch.Generator().manual_seed(4))
    flow, theta = Flow(network, everything(law, T)), flat(network).copy()
    gradients = parameter_gradients(Network.random(law, T, torch.Generator().manual_seed(4)), law, T)
    expected = -torch.cat([value.flatten() for value in gradients.values()]).numpy()
    assert np.allclose(flow.velocity(0.0, theta), expected, atol=1e-14)
    assert flow.evaluations == 1


def test_drawn_sequences_are_renamed_with_their_law() -> None:
    law, T = NGramLaw(3, 2, Fraction(1, 2), "dirichlet"), 6
    batch = drawn(law, T, 10, seed=5)
    assert batch.x.shape == (60, T) and float(batch.weight.sum()) == pytest.approx(1.0)
    assert torch.allclose(batch.P, joint(law, batch.x)[1])
    first = {tuple(x) for x in batch.x.tolist()}
    assert {tuple((token + 1) % 3 for token in x) for x in first} == first


def path_of(law: NGramLaw, T: int, at_least: int = 0, most: int = 2000) -> tuple[Flow, object, float]:
    batch = everything(law, T)
    rests = rest_points(batch)
    radius = math.sqrt(2 * abs(rests[1].w)) / 5
    start = small_start(law, T, radius / 50, seed=6)
    flow = Flow(start, batch)
    return flow, follow(flow, flat(start), rests, radius, tolerance=1e-5, most=most, at_least=at_least), radius


def test_a_path_from_rest_to_rest() -> None:
    """Stays follow upon each other, begin and end at the radius, and last as long as those of the linearised flow."""
    flow, path, radius = path_of(NGramLaw(2, 2), 4)
    first, second = path.stays  # type: ignore[attr-defined]
    assert first.start == 0.0 < first.end < second.start < second.end
    assert flow.distance(second.theta, second.rest) == pytest.approx(radius, rel=1e-6)
    for stay in (first, second):
        assert stay.duration == pytest.approx(linear_stay(flow, stay, radius), rel=0.02)
    turned = RestPoint("another", -second.rest.w, second.rest.rate)
    with pytest.raises(ValueError, match="the start is not within"):
        follow(flow, second.theta, [turned], radius, tolerance=1e-5, most=100)


def test_a_path_ends_after_its_evaluations_or_goes_on() -> None:
    short = path_of(NGramLaw(2, 2), 4, most=30)[1]
    assert len(short.stays) < 2  # type: ignore[attr-defined]
    flow, longer, _ = path_of(NGramLaw(2, 2), 4, at_least=700)
    assert len(longer.stays) == 2 and flow.evaluations >= 700  # type: ignore[attr-defined]
    assert longer.moments[-1].time > longer.stays[-1].end  # type: ignore[attr-defined]


def test_losses_of_weighted_sequences() -> None:
    """The mean is the population's loss, without the tokens that do not occur."""
    law, T = NGramLaw(2, 2), 4
    batch = everything(law, T)
    network = Network.random(law, T, torch.Generator().manual_seed(7))
    with torch.no_grad():
        found = Weighted(batch.x, batch.P, 0.0, batch.weight).losses(network(batch.x)).mean()
        assert float(found) == pytest.approx(float(batch.weight @ network.losses(batch.x, batch.P)), rel=1e-12)


def test_how_near_a_path_comes() -> None:
    flow, path, _ = path_of(NGramLaw(2, 2), 6, at_least=600)
    one, two = approaches(flow, path)  # type: ignore[arg-type]
    assert (one.k, two.k) == (1, 2)
    predictors = best_predictors(flow.batch, 2)
    last = path.moments[-1]  # type: ignore[attr-defined]
    p = flow.at(last.theta)(flow.batch.x).detach()
    at_end = float(flow.batch.weight @ (p - predictors[0]).abs().sum(1)) / 2
    assert 0 < one.variation <= at_end
    moments = path.moments  # type: ignore[attr-defined]
    here = next(moment for moment in moments if moment.time == one.time)
    assert one.speed == here.speed / max(moment.speed for moment in moments)
    table = [variations(flow, moment.theta, predictors) for moment in moments]
    half = [row[0] <= row[1] / 2 for row in table]
    near = sum(b.time - a.time for a, b, is_near in zip(moments, moments[1:], half, strict=False) if is_near)
    assert any(half) and not all(half) and one.near == pytest.approx(near)
    assert two.near == 0.0
    assert one.variation < one.others and one.near <= last.time
    losses = [float((Weighted(*flow.batch[:2], 0.0, flow.batch.weight)).losses(q).mean()) for q in predictors]
    assert losses[1] < losses[0]  # the 2-gram is better
