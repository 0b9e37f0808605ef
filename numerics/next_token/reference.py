"""Training as the page writes it, one sentence after the other, in arithmetic of any precision (NT1).

The formulas are the naive ones: 1 - p loses all its digits once p is near 1. Given enough digits they are right all the
same, and so they are the slow twin of the stable formulas of `stage`. In double precision they break (a test shows it).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import mpmath

from proofs.next_token.dataset import Dataset, Sentence

Matrix = list[list[Any]]  # of numbers of the context


def context(digits: int | None) -> Any:
    """Arithmetic with so many decimal digits; None: double precision."""
    if digits is None:
        return mpmath.fp
    arithmetic = mpmath.MPContext()
    arithmetic.dps = digits
    return arithmetic


def aligned_output(dataset: Dataset, beta: float, ctx: Any) -> Matrix:
    """beta W_ov*."""
    V = dataset.V
    W = [[ctx.mpf(0)] * V for _ in range(V)]
    for x, n_x in dataset.n.items():
        for v in range(V):
            W[v][x] = ctx.mpf(beta) * (int(v == n_x) - ctx.mpf(1) / V)
    return W


def sentence_loss(sentence: Sentence, W_ov: Matrix, W_kq: Matrix, ctx: Any) -> Any:
    """-log p(n(X))."""
    _, _, p = _forward(sentence, W_ov, W_kq, ctx)
    return -ctx.log(p[sentence.next])


def sentence_gradient(sentence: Sentence, W_ov: Matrix, W_kq: Matrix, ctx: Any) -> dict[int, Any]:
    """d loss / d W_kq[x, q] for the tokens x of the sentence: sum over its positions of phi_l (g_l - mean g)."""
    phi, _, p = _forward(sentence, W_ov, W_kq, ctx)
    V = len(p)
    r = [int(v == sentence.next) - p[v] for v in range(V)]
    g = [-sum(W_ov[v][x] * r[v] for v in range(V)) for x in sentence.tokens]
    mean = sum(phi_l * g_l for phi_l, g_l in zip(phi, g, strict=True))
    gradient = dict.fromkeys(sentence.tokens, ctx.mpf(0))
    for x, phi_l, g_l in zip(sentence.tokens, phi, g, strict=True):
        gradient[x] += phi_l * (g_l - mean)
    return gradient


def gradient(dataset: Dataset, W_ov: Matrix, W_kq: Matrix, ctx: Any, batch: Sequence[Sentence] | None = None) -> Matrix:
    """d L / d W_kq, where L is the sum over all longer sentences, or over those of the batch."""
    G = [[ctx.mpf(0)] * dataset.V for _ in range(dataset.V)]
    for sentence in dataset.longer if batch is None else batch:
        for x, value in sentence_gradient(sentence, W_ov, W_kq, ctx).items():
            G[x][sentence.query] += _weight(sentence, ctx) * value
    return G


def attention_step(
    dataset: Dataset,
    W_ov: Matrix,
    W_kq: Matrix,
    step: float,
    ctx: Any,
    normalised: bool,
    batch: Sequence[Sentence] | None = None,
) -> Matrix:
    """One step of stage 2 from W_kq, along all longer sentences or those of the batch."""
    G = gradient(dataset, W_ov, W_kq, ctx, batch)
    return _moved(W_kq, step / _norm(G, ctx) if normalised else step, G)


def output_step(dataset: Dataset, W_ov: Matrix, eta: float, ctx: Any) -> Matrix:
    """One normalised step of stage 1 from W_ov."""
    G = zeros(dataset, ctx)
    for sentence in dataset.collocations:
        p = _softmax([row[sentence.query] for row in W_ov], ctx)
        for v in range(dataset.V):
            G[v][sentence.query] += _weight(sentence, ctx) * (p[v] - int(v == sentence.next))
    return _moved(W_ov, eta / _norm(G, ctx), G)


def train(dataset: Dataset, W_ov: Matrix, step: float, ctx: Any, normalised: bool = True) -> Iterator[Matrix]:
    """W_kq at t = 0, 1, 2, ... from 0."""
    W = zeros(dataset, ctx)
    while True:
        yield W
        W = attention_step(dataset, W_ov, W, step, ctx, normalised)


def zeros(dataset: Dataset, ctx: Any) -> Matrix:
    return [[ctx.mpf(0)] * dataset.V for _ in range(dataset.V)]


def output_loss(dataset: Dataset, W_ov: Matrix, ctx: Any) -> Any:
    """The loss of stage 1, whose infimum is 0."""
    nothing = [[ctx.mpf(0)] * dataset.V] * dataset.V
    return sum(
        _weight(sentence, ctx) * sentence_loss(sentence, W_ov, nothing, ctx) for sentence in dataset.collocations
    )


def loss(dataset: Dataset, W_ov: Matrix, W_kq: Matrix, ctx: Any) -> Any:
    """The main loss."""
    return sum(_weight(sentence, ctx) * sentence_loss(sentence, W_ov, W_kq, ctx) for sentence in dataset.longer)


def infimum(dataset: Dataset, W_ov: Matrix, ctx: Any) -> Any:
    """The main loss when all attention is on the optimal tokens."""
    total = ctx.mpf(0)
    for sentence in dataset.longer:
        single = Sentence((dataset.optimal(sentence),), sentence.next)
        nothing = [[ctx.mpf(0)] * dataset.V] * dataset.V
        total += _weight(sentence, ctx) * sentence_loss(single, W_ov, nothing, ctx)
    return total


def _weight(sentence: Sentence, ctx: Any) -> Any:
    return ctx.mpf(sentence.weight.numerator) / sentence.weight.denominator


def _norm(G: Matrix, ctx: Any) -> Any:
    return ctx.sqrt(sum(value * value for row in G for value in row))


def _moved(W: Matrix, length: Any, G: Matrix) -> Matrix:
    return [[w - length * g for w, g in zip(row, by, strict=True)] for row, by in zip(W, G, strict=True)]


def _forward(sentence: Sentence, W_ov: Matrix, W_kq: Matrix, ctx: Any) -> tuple[list[Any], list[Any], list[Any]]:
    """Attention of every position, logits, probabilities."""
    V = len(W_ov)
    phi = _softmax([W_kq[x][sentence.query] for x in sentence.tokens], ctx)
    z = [sum(phi_l * W_ov[v][x] for x, phi_l in zip(sentence.tokens, phi, strict=True)) for v in range(V)]
    return phi, z, _softmax(z, ctx)


def _softmax(values: Sequence[Any], ctx: Any) -> list[Any]:
    top = max(values)
    weights = [ctx.exp(value - top) for value in values]
    total = sum(weights)
    return [weight / total for weight in weights]
