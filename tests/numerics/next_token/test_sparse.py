"""Training reads the entries of each sentence only: the same steps as with dense matrices of V^2 entries."""

from __future__ import annotations

import math

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from numerics.next_token.descent import in_batch, mini_batch_descent, normalised_descent
from numerics.next_token.stage import Stage, aligned_output, attention_stage, feed_forward_stage
from numerics.next_token.training import train_attention
from proofs.next_token.dataset import Dataset
from proofs.next_token.examples import TRAP, random_dataset
from proofs.next_token.max_margin import attention_problems, check_certificate, feed_forward_problems
from proofs.next_token.max_margin_solver import solve
from tests.proofs.next_token.strategies import datasets


def dense_gradient(stage: Stage, dataset: Dataset, W_ov: Tensor | None, w: Tensor) -> Tensor:
    """By a matrix of pairs [N, M, D], and all V logits of stage 2, of one dataset."""
    V, N, M = dataset.V, *stage.wrong.shape[1:]
    pairs = torch.zeros(N, M, V * V, dtype=torch.float64)
    for i in range(N):
        for m in range(M):
            if stage.offsets[0, i, m] > -torch.inf:
                pairs[i, m, stage.wrong[0, i, m]], pairs[i, m, stage.right[0, i]] = 1, -1
    delta = pairs @ w + stage.offsets[0]
    a = delta.exp() / (1 + delta.exp().sum(-1, keepdim=True))
    pull = a * stage.weights[0][:, None]
    if W_ov is not None:
        h = torch.zeros(N, M, dtype=torch.float64)
        for i, s in enumerate(dataset.longer):
            best, others = dataset.optimal(s), [x for x in s.counts if x != dataset.optimal(s)]
            logits = W_ov[:, best] + sum((a[i, m] * (W_ov[:, x] - W_ov[:, best]) for m, x in enumerate(others)), 0)
            p = logits.softmax(0)
            for m, x in enumerate(others):
                odds = W_ov[:, x] - W_ov[s.next, x] - (W_ov[:, best] - W_ov[s.next, best])
                h[i, m] = p @ odds
        pull = pull * (h - (a * h).sum(-1, keepdim=True))
    return torch.einsum("nm,nmd->d", pull, pairs)


@given(datasets(), st.integers(0, 2**32))
def test_gathered_gradients_are_the_dense_ones(dataset: Dataset, seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    V = dataset.V
    w = torch.randn(V * V, generator=draw, dtype=torch.float64)
    W_ov = torch.randn(V, V, generator=draw, dtype=torch.float64)
    for matrix in (W_ov, aligned_output([dataset], 3.0)[0]):
        stage = attention_stage([dataset], matrix[None])
        direction, scale = stage.gradient(w[None])
        dense = dense_gradient(stage, dataset, matrix, w)
        assert (direction[0] * scale.exp() - dense).abs().max() <= 1e-12 * (1 + dense.abs().max())
    stage = feed_forward_stage([dataset])
    direction, scale = stage.gradient(w[None])
    dense = dense_gradient(stage, dataset, None, w)
    assert (direction[0] * scale.exp() - dense).abs().max() <= 1e-12 * (1 + dense.abs().max())


def test_tokens_with_the_same_logits_share_one() -> None:
    """Those that follow no token of the sentence: at most one logit for each other token, and one for all of these."""
    dataset = random_dataset(0, 60, sentences=50)
    stage = attention_stage([dataset], aligned_output([dataset], 3.0))
    assert stage.base is not None and stage.base.shape[-1] == stage.wrong.shape[-1] + 1
    counts = stage.base.exp().sum(-1)[0]  # e^(-beta) for each but the next one
    torch.testing.assert_close(counts, torch.full_like(counts, 59 * math.exp(-3.0)))


def test_hundreds_of_tokens_and_sentences() -> None:
    """Exact certificates of both layers, and a run along them; the sizes of the issue are in benchmarks/RESULTS.md."""
    dataset = random_dataset(1, 200, sentences=300)
    for problems in (attention_problems(dataset), feed_forward_problems(dataset)):
        assert all(check_certificate(problem, solve(problem)) == [] for problem in problems.values())
    training = train_attention([dataset], aligned_output([dataset], 3.0), 0.5, 16)
    star = training.predictions[0].solution
    assert training.weights(0, 16) @ star > 0.5 * 16 / math.sqrt(2)  # NT5


def test_the_offset_is_stationary() -> None:
    """sum c_i v_i = W* with c_i = omega_i exp(-<v_i, rho>) up to one factor: the gradient of the tails at rho is
    parallel to W* within the span. And the eigenvalues are those of the whole matrix.
    """
    compared = 0
    for index in range(6):
        dataset = random_dataset(2, 7, index)
        stage = attention_stage([dataset], aligned_output([dataset], 3.0))
        prediction = train_attention([dataset], aligned_output([dataset], 3.0), 0.5, 8).predictions[0]
        pairs = torch.zeros(*stage.wrong.shape[1:], stage.entries, dtype=torch.float64)
        pairs.scatter_(2, stage.wrong[0][:, :, None], -1.0)
        right = stage.right[0][:, None, None].expand(*stage.wrong.shape[1:], 1)
        pairs.scatter_add_(2, right, torch.ones_like(right, dtype=torch.float64))
        tight = ((pairs @ prediction.solution - 1).abs() < 1e-9) & stage.offsets[0].isfinite()
        in_span = prediction.labels[stage.wrong[0]] == prediction.labels[stage.right[0]][:, None]
        if prediction.degenerate_pairs:
            continue
        compared += 1
        v, omega = pairs[tight & in_span], stage.tails()[0][tight & in_span]
        c = omega * (-(v @ prediction.rho)).exp()
        force, unit = c @ v, prediction.solution / prediction.norm
        assert (force - unit * (force @ unit)).norm() <= 1e-9 * force.norm()
        whole = torch.linalg.eigvalsh((v.T * (c / c.sum() * prediction.norm**2)) @ v)
        kept = whole[whole > 1e-9].tolist()
        kept.remove(min(kept, key=lambda x: abs(x - 1)))
        torch.testing.assert_close(torch.tensor(kept, dtype=torch.float64), prediction.rates)
    assert compared >= 3


def test_mini_batches_are_half_of_the_sentences() -> None:
    weights = torch.tensor([[1.0, 2.0, 1.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0, 1.0]])
    drawn = [in_batch(weights, 3, t) for t in range(50)]
    assert all(batch.sum(1).tolist() == [2, 3] and not batch[0, 3:].any() for batch in drawn)
    assert all(torch.equal(batch, in_batch(weights, 3, t)) for t, batch in enumerate(drawn))
    assert len({tuple(batch[1].tolist()) for batch in drawn}) == 10
    dataset = random_dataset(0, 8, 0)
    stage = attention_stage([dataset], aligned_output([dataset], 3.0))
    one, other, all_of_them = (
        mini_batch_descent(stage, 0.5, (20,), 1)[20],
        mini_batch_descent(stage, 0.5, (20,), 2)[20],
        normalised_descent(stage, 0.5, (20,))[20],
    )
    assert (one - other).norm() > 0.1 and (one - all_of_them).norm() > 0.1


def test_a_trapped_run_does_not_attend() -> None:
    for dataset, attends in ((TRAP, False), (random_dataset(0, 8, 0), True)):
        assert train_attention([dataset], aligned_output([dataset], 3.0), 0.5, 400).attends(0) is attends
