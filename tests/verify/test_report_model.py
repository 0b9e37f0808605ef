"""The formulas in which the page of the main paper writes the network down are those of the network."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import pytest
import torch
from torch import Tensor

from numerics.sub_ngrams.network import Network
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw

S, n, T, C = 3, 3, 6, 1.7
LAW = NGramLaw(S, n, Fraction(1))


def formulas(x: list[int], A: Tensor | None, V: Tensor, Q: Tensor, K: Tensor) -> tuple[list[float], list[float]]:
    """z_j and p(s), as the page says; A[h-1], V[h-1], and S x nS blocks Q[a], K[b]; padded heads have no A."""
    e = torch.eye(S, dtype=torch.float64)

    def y(h: int, t: int) -> Tensor:
        if h == 0:
            return e[x[t - 1]]
        if A is None:
            return e[x[t - h - 1]] @ V[h - 1] if t > h else torch.zeros(S, dtype=torch.float64)
        w = torch.softmax(A[h - 1][t - 1, :t], 0)
        return sum((w[i - 1] * e[x[i - 1]] @ V[h - 1] for i in range(1, t + 1)), torch.zeros(S, dtype=torch.float64))

    lags = list(itertools.product(range(n), repeat=2))
    z = [float(sum((y(a, T) @ Q[a]) @ (y(b, j) @ K[b]) for a, b in lags)) for j in range(1, T + 1)]
    blocks = [float(sum(y(a, T) @ (Q[a] @ K[b].T) @ y(b, j) for a, b in lags)) for j in range(1, T + 1)]
    assert z == pytest.approx(blocks, abs=1e-12)
    total = sum(map(math.exp, z))
    return z, [sum(math.exp(z[j]) / total for j in range(T) if x[j] == s) for s in range(S)]


@pytest.mark.parametrize("padded", [True, False])
def test_the_layers_are_those_of_the_network(padded: bool) -> None:
    random = torch.Generator().manual_seed(7)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(shape, dtype=torch.float64, generator=random)

    V, Q, K = drawn(n - 1, S, S), drawn(n, S, n * S), drawn(n, S, n * S)
    A = None if padded else drawn(n - 1, T, T)
    network = Network(V, A=A, Q=Q.flatten(0, 1), K=K.flatten(0, 1))
    for x in ([0, 1, 2, 1, 0, 2], [2, 2, 1, 0, 0, 1]):
        z, p = formulas(x, A, V, Q, K)
        assert network.logits(torch.tensor([x]))[0].tolist() == pytest.approx(z, abs=1e-12)
        assert network(torch.tensor([x]))[0].tolist() == pytest.approx(p, abs=1e-12)


@pytest.mark.parametrize("lags", [(1,), (2,), (1, 2)])
@pytest.mark.parametrize("heads", ["padded", "literal"])
def test_theta_k_is_the_configuration(lags: tuple[int, ...], heads: str) -> None:
    I = torch.eye(S, dtype=torch.float64)  # noqa: E741  # as on the page
    V, Q, K = torch.zeros(n - 1, S, S).double(), torch.zeros(n, S, n, S).double(), torch.zeros(n, S, n, S).double()
    A = torch.zeros(n - 1, T, T, dtype=torch.float64)
    for lag in lags:
        Q[lag - 1, :, lag] = K[lag, :, lag] = math.sqrt(C) * I
    for h in range(1, n):
        if h in lags or h + 1 in lags:
            V[h - 1] = I
            A[h - 1].diagonal(-h).fill_(1000.0)
    configuration = Configuration(lags, math.exp(C), heads)  # type: ignore[arg-type]  # one of the two
    network = Network.at_configuration(LAW, configuration, T)
    for x in ([0, 1, 2, 1, 0, 1], [2, 2, 1, 2, 2, 2]):
        z, _ = formulas(x, None if heads == "padded" else A, V, Q.flatten(2), K.flatten(2))
        assert network.logits(torch.tensor([x]))[0].tolist() == pytest.approx(z, abs=1e-9)
        if heads == "padded":
            matches = [sum(j > lag and x[j - lag - 1] == x[T - lag] for lag in lags) for j in range(1, T + 1)]
            assert z == pytest.approx([C * m for m in matches], abs=1e-9)
