"""The literal network against a loop that reads like the page, and its two parametrisations against each other."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from numerics.device import resolve_device
from numerics.sub_ngrams.closed_form import score_from_logits
from numerics.sub_ngrams.network import Network
from numerics.sub_ngrams.sequences import UNIT_ROUNDOFF, predictive
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from tests.strategies import configurations, laws, rational_qs

# Every comparison below is of numbers of size about 1 that come out of some hundred operations in float64.
ROUNDING = 2000 * UNIT_ROUNDOFF


def drawn_sequences(law: NGramLaw, T: int, seed: int, batch: int = 20) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(law.S, (batch, T), generator=generator)
    return x, predictive(law, x)


@st.composite
def networks(draw: st.DrawFn) -> tuple[NGramLaw, Network, int, int]:
    law, T, seed = draw(laws()), draw(st.integers(3, 7)), draw(st.integers(0, 1000))
    parametrisation, hard = draw(st.sampled_from(["factorised", "merged"])), draw(st.booleans())
    generator = torch.Generator().manual_seed(seed)
    return law, Network.random(law, T, generator, parametrisation=parametrisation, hard=hard), T, seed


def gradient_of(parameter: Tensor | None) -> Tensor:
    """Its gradient, zeros where the loss does not depend on it."""
    assert parameter is not None
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


def softmax(values: list[float]) -> list[float]:
    weights = [math.exp(v - max(values)) for v in values]
    return [w / sum(weights) for w in weights]


def page(network: Network, x: list[int]) -> tuple[list[float], list[float]]:
    """sub-n-grams/law-and-network for one sequence, in loops: attention logits and next-token probabilities."""
    H, S, T = network.H, network.S, len(x)
    V = network.V.tolist()
    stream = []
    for t in range(T):
        components = [float(x[t] == s) for s in range(S)]
        for h in range(1, H + 1):
            if network.A is None:
                attention = [float(i == t - h) for i in range(t + 1)]
            else:
                attention = softmax(network.A.tolist()[h - 1][t][: t + 1])
            seen = [sum(a for a, token in zip(attention, x, strict=False) if token == s) for s in range(S)]
            components += [sum(seen[s] * V[h - 1][s][r] for s in range(S)) for r in range(S)]
        stream.append(components)
    d = (H + 1) * S
    if network.W is not None:
        W = network.W.tolist()
    else:
        Q, K = network.Q.tolist(), network.K.tolist()
        W = [[sum(Q[i][k] * K[j][k] for k in range(len(Q[0]))) for j in range(d)] for i in range(d)]
    z = [sum(stream[-1][i] * W[i][j] * stream[t][j] for i in range(d) for j in range(d)) for t in range(T)]
    p = [sum(a for a, token in zip(softmax(z), x, strict=True) if token == s) for s in range(S)]
    return z, p


@settings(max_examples=15)
@given(networks())
def test_the_network_is_the_one_on_the_page(drawn: tuple[NGramLaw, Network, int, int]) -> None:
    law, network, T, seed = drawn
    x, _ = drawn_sequences(law, T, seed, batch=3)
    z, p = network.logits(x), network(x)
    for i in range(len(x)):
        z_page, p_page = page(network, x[i].tolist())
        scale = 1 + max(abs(v) for v in z_page)
        assert (z[i] - torch.tensor(z_page, dtype=torch.float64)).abs().max() <= ROUNDING * scale
        assert (p[i] - torch.tensor(p_page, dtype=torch.float64)).abs().max() <= ROUNDING * scale


@given(networks())
def test_log_probabilities_are_the_logarithms_and_absent_tokens_are_harmless(
    drawn: tuple[NGramLaw, Network, int, int],
) -> None:
    law, network, T, seed = drawn
    x, P = drawn_sequences(law, T, seed)
    p, log_p = network(x), network.log_probabilities(x)
    occurs = torch.zeros_like(p, dtype=torch.bool).scatter_(1, x, True)
    assert (p.sum(1) - 1).abs().max() <= ROUNDING
    assert torch.equal(log_p == -math.inf, ~occurs)
    scale = 1 + float(network.logits(x).abs().max().detach())
    assert ((log_p.exp() / p)[occurs] - 1).abs().max() <= ROUNDING * scale
    (P * log_p.masked_fill(~occurs, 0.0)).sum().backward()
    assert all(bool(q.grad.isfinite().all()) for q in network.parameters() if q.grad is not None)


@given(networks())
def test_score_identity_at_random_parameters(drawn: tuple[NGramLaw, Network, int, int]) -> None:
    """SN1: automatic differentiation of the loss in the attention logits is the closed form."""
    law, network, T, seed = drawn
    x, P = drawn_sequences(law, T, seed)
    z = network.logits(x).detach().requires_grad_()
    network.logits = lambda _: z  # type: ignore[method-assign]  # the logits become the variable
    (g,) = torch.autograd.grad(network.losses(x, P).sum(), z)
    scale = 1 + float(z.abs().max().detach())
    assert (g - score_from_logits(z, x, P)).abs().max() <= ROUNDING * scale
    assert g.sum(1).abs().max() <= ROUNDING * scale  # shifting all logits changes nothing
    assert g.abs().max() > 1e-9  # there was something to compare


@given(networks(), st.integers(0, 100))
def test_chain_rule_from_merged_to_factorised(drawn: tuple[NGramLaw, Network, int, int], seed: int) -> None:
    """dL/dQ = M K and dL/dK = M^T Q, with M = dL/dW at W = Q K^T; V and A get the same gradient."""
    law, network, T, _ = drawn
    if network.Q is None or network.K is None:
        return
    merged = Network(
        network.V.detach().clone(),
        A=None if network.A is None else network.A.detach().clone(),
        W=(network.Q @ network.K.T).detach(),
    )
    x, P = drawn_sequences(law, T, seed)
    for twin in (network, merged):
        twin.losses(x, P).mean().backward()
    scale = 10 * (1 + float(network.logits(x).abs().max().detach()))
    M = gradient_of(merged.W)
    pairs = [(network.Q, M @ network.K), (network.K, M.T @ network.Q), (network.V, gradient_of(merged.V))]
    if network.A is not None:
        pairs.append((network.A, gradient_of(merged.A)))
    for parameter, due in pairs:
        assert parameter.shape == due.shape
        assert bool(((gradient_of(parameter) - due).abs() <= ROUNDING * scale).all())
    assert float(M.abs().max()) > 1e-9


@given(laws(), st.data())
def test_the_configuration_counts_matching_lags(law: NGramLaw, data: st.DataObject) -> None:
    """Hard heads at the Lambda-gram configuration: z_j = c m_j, in either parametrisation."""
    configuration = data.draw(configurations(law.n, rational_qs))
    T = data.draw(st.integers(law.n, 9))
    x, _ = drawn_sequences(law, T, seed=T)
    due = [[configuration.matches(row, j) * configuration.c for j in range(T)] for row in x.tolist()]
    for parametrisation in ("factorised", "merged"):
        network = Network.at_configuration(law, configuration, T, parametrisation=parametrisation)
        gap = (network.logits(x) - torch.tensor(due, dtype=torch.float64)).abs().max()
        assert gap <= 8 * UNIT_ROUNDOFF * len(configuration.lags) * configuration.c


@pytest.mark.parametrize("n", [2, 3, 4])
def test_soft_heads_tend_to_hard_ones_where_the_shifted_position_exists(n: int) -> None:
    """At t > h within 2 (t-1) e^-c_A in l1; at t <= h a soft head sees the average so far, a hard one sees nothing."""
    law, T, c_A = NGramLaw(2, n), 9, 20.0
    configuration = Configuration.k_gram(n, Fraction(5))
    hard = Network.at_configuration(law, configuration, T)
    soft = Network.at_configuration(law, configuration, T, c_A=c_A)
    x, _ = drawn_sequences(law, T, seed=n)
    tokens = torch.nn.functional.one_hot(x, 2).double()
    gap = (soft.stream(x) - hard.stream(x)).view(-1, T, n, 2).detach()
    for h in range(n):
        for t in range(T):
            if t >= h:
                assert gap[:, t, h].abs().sum(1).max() <= 2 * t * math.exp(-c_A) + ROUNDING
            else:
                assert (gap[:, t, h] - tokens[:, : t + 1].mean(1)).abs().max() <= ROUNDING
    assert soft.A is not None
    a = torch.softmax(soft.A[0, T - 1].detach(), 0)[T - 2]
    assert abs(float(a) - math.exp(c_A) / (math.exp(c_A) + T - 1)) <= ROUNDING


@pytest.mark.parametrize("hard", [True, False])
@pytest.mark.parametrize("T", [1, 2, 6])
def test_logits_are_products_of_the_stream(T: int, hard: bool) -> None:
    """At lengths shorter than the reach of the heads too."""
    law = NGramLaw(3, 4)
    network = Network.random(law, T, torch.Generator().manual_seed(T), hard=hard)
    assert network.Q is not None and network.K is not None
    x = torch.randint(law.S, (20, T), generator=torch.Generator().manual_seed(T))
    X = network.stream(x)
    products = torch.einsum("bd,btd->bt", X[:, -1] @ network.Q @ network.K.T, X)
    assert (network.logits(x) - products).abs().max() <= ROUNDING * products.abs().max()


def test_inactive_heads_are_off() -> None:
    law = NGramLaw(2, 4)
    network = Network.at_configuration(law, Configuration((3,), 5.0), 8, c_A=7.0)
    assert network.A is not None
    for h, on in ((1, False), (2, True), (3, True)):  # lag 3 asks for head 3 on the key's side, 2 on the query's
        assert torch.equal(network.V[h - 1].detach(), torch.eye(2, dtype=torch.float64) * on)
        assert float(network.A[h - 1].detach().sum()) == (7.0 * (8 - h) if on else 0.0)


def test_smoothed_loss() -> None:
    law, T = NGramLaw(3, 2), 5
    network = Network.random(law, T, torch.Generator().manual_seed(0))
    x, P = drawn_sequences(law, T, seed=1)
    due = -(P * (network(x) + 0.25).log()).sum(1)
    assert (network.losses(x, P, epsilon=0.25) - due).abs().max() <= ROUNDING
    # d log(p + e) and d log p differ by the factor p / (p + e), so the gradients of one sequence by at most
    # e / min p times the sum of P |d log p|, which the logits' gradient bounds by 2
    z = network.logits(x).detach().requires_grad_()
    network.logits = lambda _: z  # type: ignore[method-assign]  # the logits become the variable
    epsilon, least = 1e-9, float(network(x)[network(x) > 0].min().detach())
    smooth, limit = (torch.autograd.grad(network.losses(x, P, e).sum(), z)[0] for e in (epsilon, 0.0))
    gap = float((smooth - limit).abs().max())
    assert 0 < gap <= 2 * epsilon / least + ROUNDING


def test_the_authors_initialisation() -> None:
    law, T = NGramLaw(20, 3), 4
    network = Network.initial(law, T, torch.Generator().manual_seed(0))
    assert network.A is not None and network.Q is not None and network.K is not None
    assert not bool(network.A.any())
    for values, variance in ((network.V, 1 / 20), (network.Q, 1 / 60), (network.K, 1 / 60)):
        # the sample variance of N normal numbers is off by less than 6 of its deviations sqrt(2/N)
        assert abs(float(values.detach().var()) / variance - 1) <= 6 * math.sqrt(2 / values.numel())


@pytest.mark.parametrize("epsilon", [0.0, 1e-2])
def test_gradients_by_finite_differences(epsilon: float) -> None:
    """Not a check of torch, but that nothing on the way to the loss is cut off from the graph."""
    law, T = NGramLaw(2, 3), 5
    x, P = drawn_sequences(law, T, seed=2, batch=4)
    network = Network.random(law, T, torch.Generator().manual_seed(5), scale=0.7)
    network.losses(x, P, epsilon).sum().backward()
    assert {name for name, _ in network.named_parameters()} == {"V", "A", "Q", "K"}
    for value in network.parameters():
        step = 1e-5 * torch.randn(value.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        ends = []
        with torch.no_grad():
            for sign in (1, -2):  # to the one end, and from there to the other
                value += sign * step
                ends.append(float(network.losses(x, P, epsilon).sum()))
            value += step
        slope = float((gradient_of(value) * step).sum())
        # central differences are off by a third derivative times |step|^3 ~ 1e-13, and by the rounding of the losses
        assert abs((ends[0] - ends[1]) / 2 - slope) <= 1e-12
        assert abs(slope) > 1e-8


def test_what_is_refused() -> None:
    law = NGramLaw(2, 2)
    with pytest.raises(ValueError, match="c=inf"):
        Network.at_configuration(law, Configuration((1,), math.inf), 4)
    with pytest.raises(ValueError, match=r"lags=\(2,\)"):
        Network.at_configuration(law, Configuration((2,), 3.0), 4)
    V, W = torch.zeros(1, 2, 2), torch.zeros(4, 4)
    with pytest.raises(ValueError, match="either Q and K"):
        Network(V)
    with pytest.raises(ValueError, match="either Q and K"):
        Network(V, Q=W, K=W, W=W)
    with pytest.raises(ValueError, match="either Q and K"):
        Network(V, Q=W, W=W)
    with pytest.raises(ValueError, match="W has shape"):
        Network(V, W=torch.zeros(4, 3))
    with pytest.raises(ValueError, match="Q and K have shapes"):
        Network(V, Q=torch.zeros(4, 3), K=torch.zeros(4, 2))
    with pytest.raises(ValueError, match="A has shape"):
        Network(V, A=torch.zeros(2, 4, 4), W=W)
    with pytest.raises(ValueError, match="V has shape"):
        Network(torch.zeros(1, 2, 3), W=W)
    soft = Network.random(law, 4, torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match="length 5 for a network with T=4"):
        soft(torch.zeros(1, 5, dtype=torch.int64))


def test_resolve_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == resolve_device("cpu") == torch.device("cpu")
    with pytest.raises(ValueError, match="device=cuda: no CUDA device"):
        resolve_device("cuda")
    with pytest.raises(ValueError, match="device=tpu"):
        resolve_device("tpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("auto") == resolve_device("cuda") == torch.device("cuda")
    assert resolve_device("cpu") == torch.device("cpu")
