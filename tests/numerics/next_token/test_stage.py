"""The stable gradients and losses against autograd, against many digits, and under changes that must not matter."""

import math
from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from numerics.next_token import network, reference
from numerics.next_token.stage import Stage, aligned_output, attention_stage, feed_forward_stage, flat_solution
from proofs.next_token.dataset import Dataset
from proofs.next_token.examples import NAMED, random_dataset
from proofs.next_token.max_margin import attention_problems
from proofs.next_token.max_margin_solver import solve
from tests.proofs.next_token.strategies import datasets, relabelled

seeds = st.integers(0, 2**32)
EPSILON = torch.finfo(torch.float64).eps


def normal(seed: int, *shape: int, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def rotation(seed: int, d: int) -> Tensor:
    return torch.linalg.qr(normal(seed, d, d))[0]


def full_gradient(stage: Stage, w: Tensor) -> Tensor:
    direction, log_scale = stage.gradient(w)
    return direction * log_scale.exp()[:, None]


def close(x: Tensor, y: Tensor, operations: int = 1000) -> bool:
    """Equal up to the rounding of so many operations, relative to the largest entry."""
    return bool((x - y).abs().max() <= operations * EPSILON * max(1.0, float(y.abs().max())))


@given(datasets(), seeds)
def test_attention_against_autograd_with_rotated_embeddings(dataset: Dataset, seed: int) -> None:
    """NT1, and: any orthonormal embeddings x -> R x are equivalent, with W_kq -> R W_kq R^T and W_ov -> W_ov R^T."""
    V, R = dataset.V, rotation(seed, dataset.V)
    W_ov, W_kq = normal(seed + 1, V, V, scale=2), normal(seed + 2, V, V)
    rotated = (R @ W_kq @ R.T).requires_grad_()
    loss = network.loss(dataset, W_ov @ R.T, rotated, R.T)
    (by_autograd,) = torch.autograd.grad(loss, rotated)
    stage = attention_stage([dataset], W_ov[None])
    assert close(full_gradient(stage, W_kq.reshape(1, -1)).reshape(V, V), R.T @ by_autograd @ R)


@given(datasets(), seeds)
def test_feed_forward_against_autograd(dataset: Dataset, seed: int) -> None:
    V, R = dataset.V, rotation(seed, dataset.V)
    W_ov = normal(seed, V, V, scale=2)
    rotated = (W_ov @ R.T).requires_grad_()
    loss = network.feed_forward_loss(dataset, rotated, R.T)
    (by_autograd,) = torch.autograd.grad(loss, rotated)
    stage = feed_forward_stage([dataset])
    assert close(full_gradient(stage, W_ov.reshape(1, -1)).reshape(V, V), by_autograd @ R)
    assert close(stage.log_excess_loss(W_ov.reshape(1, -1)).exp()[0], loss.detach())


@given(datasets(), seeds)
def test_loss_against_autograd(dataset: Dataset, seed: int) -> None:
    V = dataset.V
    W_kq, W_ov = normal(seed, V, V), aligned_output([dataset], 2.0)
    stage = attention_stage([dataset], W_ov)
    loss = network.loss(dataset, W_ov[0], W_kq, torch.eye(V, dtype=torch.float64))
    assert close(stage.infimum() + stage.log_excess_loss(W_kq.reshape(1, -1)).exp(), loss[None])
    expected = sum(float(s.weight) for s in dataset.longer) * math.log1p((V - 1) * math.exp(-2.0))
    assert stage.infimum().item() == pytest.approx(expected, rel=1e-13)


@given(datasets(), seeds)
def test_what_never_moves(dataset: Dataset, seed: int) -> None:
    V = dataset.V
    stage = attention_stage([dataset], normal(seed, 1, V, V))
    G = full_gradient(stage, normal(seed + 1, 1, V * V)).reshape(V, V)
    assert G.sum(0).abs().max() <= 100 * EPSILON * G.abs().max()
    for q in range(V):
        for x in set(range(V)) - dataset.seen(q):
            assert G[x, q] == 0


@given(datasets(), seeds, st.data())
def test_relabelling_tokens(dataset: Dataset, seed: int, data: st.DataObject) -> None:
    V, permutation = dataset.V, data.draw(st.permutations(range(dataset.V)))
    other = relabelled(dataset, permutation)
    W = normal(seed, V, V)
    permuted = torch.empty_like(W)
    permuted[torch.tensor(permutation)[:, None], torch.tensor(permutation)] = W
    G = full_gradient(attention_stage([dataset], aligned_output([dataset], 3.0)), W.reshape(1, -1)).reshape(V, V)
    H = full_gradient(attention_stage([other], aligned_output([other], 3.0)), permuted.reshape(1, -1)).reshape(V, V)
    assert close(H[torch.tensor(permutation)[:, None], torch.tensor(permutation)], G)


@given(datasets(), seeds, st.sampled_from([Fraction(1, 7), Fraction(5)]))
def test_rescaling_all_weights_rescales_the_gradient(dataset: Dataset, seed: int, factor: Fraction) -> None:
    scaled = replace(dataset, sentences=tuple(replace(s, weight=factor * s.weight) for s in dataset.sentences))
    w = normal(seed, 1, dataset.V**2)
    for build in (feed_forward_stage, lambda ds: attention_stage(ds, aligned_output(ds, 3.0))):
        first, second = full_gradient(build([dataset]), w), full_gradient(build([scaled]), w)
        assert close(second, float(factor) * first)


@given(st.lists(datasets(), min_size=2, max_size=4), seeds)
@settings(max_examples=15)
def test_a_batch_is_its_members(batch: list[Dataset], seed: int) -> None:
    """Padding with absent sentences, choices and tokens changes nothing."""
    V = max(dataset.V for dataset in batch)
    W = normal(seed, len(batch), V, V)
    together = attention_stage(batch, aligned_output(batch, 3.0)), feed_forward_stage(batch)
    for b, dataset in enumerate(batch):
        v = dataset.V
        w = W[b, :v, :v].reshape(1, -1)
        alone = attention_stage([dataset], aligned_output([dataset], 3.0)), feed_forward_stage([dataset])
        for many, one in zip(together, alone, strict=True):
            G = full_gradient(many, W.flatten(1))[b].reshape(V, V)
            assert close(G[:v, :v].reshape(1, -1), full_gradient(one, w))
            assert G[v:].abs().sum() == 0
            assert close(many.log_excess_loss(W.flatten(1))[b], one.log_excess_loss(w)[0])
            assert close(many.infimum()[b], one.infimum()[0])


@pytest.mark.parametrize("gap", [1.0, 30.0, 200.0, 690.0, 2000.0])
@pytest.mark.parametrize("beta", [3.0, 40.0])
def test_relative_accuracy_at_tiny_losses(gap: float, beta: float) -> None:
    """Against the naive formulas with as many digits as it takes. At gap 690 the loss is about 1e-300."""
    dataset = NAMED["DS-C"]
    V = dataset.V
    star = flat_solution({q: solve(p).solution for q, p in attention_problems(dataset).items()}, V)
    w = gap * star + normal(0, V * V)
    ctx = reference.context(60 + int((2 * gap * 2 + 2 * beta) / math.log(10)))
    W = [[ctx.mpf(float(x)) for x in row] for row in w.reshape(V, V)]
    W_ov = reference.aligned_output(dataset, beta, ctx)
    stage = attention_stage([dataset], aligned_output([dataset], beta))
    direction, log_scale = stage.gradient(w[None])
    scale = ctx.exp(ctx.mpf(log_scale.item()))
    exact = torch.tensor(
        [[float(entry / scale) for entry in row] for row in reference.gradient(dataset, W_ov, W, ctx)],
        dtype=torch.float64,
    )
    # a rounding error of a score, of size up to 2 gap, is a relative error of the residual
    bound = 100 * EPSILON * (1 + 2 * gap + beta)
    assert (direction.reshape(V, V) - exact).abs().max() <= bound * exact.abs().max()
    excess = reference.loss(dataset, W_ov, W, ctx) - reference.infimum(dataset, W_ov, ctx)
    assert abs(stage.log_excess_loss(w[None]).item() - float(ctx.log(excess))) <= bound


def test_naive_double_precision_breaks_where_the_stable_formulas_do_not() -> None:
    """The pitfall: at losses near 1e-16 the naive direction error explodes; the stable one stays at its prediction."""
    dataset, steps, eta = NAMED["DS-B"], 200, 0.5
    star = flat_solution({q: solve(p).solution for q, p in attention_problems(dataset).items()}, 4)

    def scaled_error(w: Tensor) -> float:
        return steps * float((w / w.norm() - star / star.norm()).norm())

    ctx = reference.context(None)
    naive = reference.train(dataset, reference.aligned_output(dataset, 3.0, ctx), eta, ctx)
    for _ in range(steps):
        next(naive)
    broken = torch.tensor(next(naive), dtype=torch.float64).flatten()
    stage = attention_stage([dataset], aligned_output([dataset], 3.0))
    w = stage.zeros()
    for _ in range(steps):
        direction, _ = stage.gradient(w)
        w = w - eta * direction / direction.norm()
    assert scaled_error(broken) > 9
    assert scaled_error(w[0]) == pytest.approx(2.191924, rel=0.01)  # 1/t corrections


def test_many_digits_agree_with_the_stable_formulas_along_training() -> None:
    """The slow twin, 120 steps with 60 digits, on a dataset with every feature: repeated tokens, weights, chains."""
    dataset, eta = random_dataset(3, 6, 1), 0.5
    ctx = reference.context(60)
    W_ov = aligned_output([dataset], 3.0)
    slow = reference.train(dataset, reference.aligned_output(dataset, 3.0, ctx), eta, ctx)
    stage = attention_stage([dataset], W_ov)
    w = stage.zeros()
    for t in range(121):
        exact = torch.tensor([[float(entry) for entry in row] for row in next(slow)], dtype=torch.float64).flatten()
        assert (w[0] - exact).abs().max() <= 1e3 * EPSILON * (1 + t)
        direction, _ = stage.gradient(w)
        w = w - eta * direction / direction.norm()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_agrees() -> None:
    batch = [random_dataset(3, 8, index) for index in range(4)]
    w = normal(0, 4, 64)
    on_cpu = attention_stage(batch, aligned_output(batch, 3.0))
    on_cuda = attention_stage(batch, aligned_output(batch, 3.0, "cuda"))
    assert close(full_gradient(on_cuda, w.cuda()).cpu(), full_gradient(on_cpu, w))


def test_digits_are_kept_where_a_wrong_choice_has_the_mass() -> None:
    """Scores 40 apart, the wrong way round: 1 - a is e^-40, and g minus its mean would be 0 or noise."""
    dataset = NAMED["DS-A"]
    ctx = reference.context(60)
    W = [[40.0 * (x == q) for q in range(4)] for x in range(4)]
    exact = reference.gradient(
        dataset, reference.aligned_output(dataset, 3.0, ctx), [[ctx.mpf(entry) for entry in row] for row in W], ctx
    )
    expected = torch.tensor([[float(entry) for entry in row] for row in exact], dtype=torch.float64).flatten()
    stage = attention_stage([dataset], aligned_output([dataset], 3.0))
    found = full_gradient(stage, torch.tensor(W, dtype=torch.float64).reshape(1, -1))[0]
    assert 0 < expected.abs().max() < 1e-15
    assert (found - expected).abs().max() <= 1000 * EPSILON * expected.abs().max()
