"""The differentiated network against the exact engine, and the chain rule to its parameters (SN2)."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics.sub_ngrams.autograd import autograd, error_bound, parameter_gradients
from numerics.sub_ngrams.closed_form import block_mean, closed_form
from numerics.sub_ngrams.gradient_norm import gradient_norms
from numerics.sub_ngrams.hessian import spectrum
from numerics.sub_ngrams.network import Network
from numerics.sub_ngrams.sampling import polya_urn
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.enumeration import enumeration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.score_blocks import Block, ParameterGradient, ScoreBlocks, parameter_gradient
from tests.strategies import configurations, laws, problems, rational_qs

F = Fraction


@given(problems())
def test_agreement_with_enumeration(problem: tuple[NGramLaw, Configuration, int]) -> None:
    found = autograd(*problem)
    assert found.difference(enumeration(*problem)) <= found.error <= 1e-12
    assert found.level is None


@given(problems())
def test_batches_do_not_matter(problem: tuple[NGramLaw, Configuration, int]) -> None:
    whole, parts = autograd(*problem), autograd(*problem, batch=37)
    assert whole.difference(parts) <= whole.error + parts.error


@pytest.mark.parametrize("c", [2.0, 8.0])
def test_the_bound_holds_where_the_limit_is_taken_early(monkeypatch: pytest.MonkeyPatch, c: float) -> None:
    """At c = 64 nothing is left of q < inf; at smaller c its part of the bound is put to the test."""
    monkeypatch.setattr("numerics.sub_ngrams.autograd.C_AT_LIMIT", c)
    law, configuration = NGramLaw(2, 3), Configuration((1, 2), math.inf)
    found = autograd(law, configuration, 8)
    assert 1e-6 < found.difference(closed_form(law, configuration, 8)) <= found.error


# from brute force in another program
REFERENCE = [  # S, n, k, q and the entries (same, different) of each block at T = 8, alpha = 1
    (2, 2, 1, F(7), {(0, 0): (F(953, 40320), F(-953, 40320))}),
    (
        *(2, 2, 2, F(5)),
        {
            (0, 0): (F(257, 40320), F(-257, 40320)),
            (0, 1): (F(5875853, 1139458320), F(-1371334567, 957144988800)),
            (1, 0): (F(319, 20160), F(-319, 20160)),
            (1, 1): (F(87348119, 127619331840), F(831220303, 273469996800)),
        },
    ),
    (
        *(2, 3, 2, F(5)),
        {
            (0, 0): (F(7549, 967680), F(-7549, 967680)),
            (0, 1): (F(59985833, 6077111040), F(-8917413143, 1531431982080)),
            (1, 0): (F(6943, 193536), F(-6943, 193536)),
            (1, 1): (F(-3608493337, 11485739865600), F(14314605467, 3281639961600)),
        },
    ),
    (
        *(2, 3, 2, math.inf),
        {
            (0, 0): (F(-7717, 1209600), F(7717, 1209600)),
            (0, 1): (F(131, 4032), F(-105083, 4233600)),
            (1, 0): (F(10681, 172800), F(-10681, 172800)),
            (1, 1): (F(-33091, 3386880), F(2009, 115200)),
        },
    ),
]


@pytest.mark.parametrize(("S", "n", "k", "q", "blocks"), REFERENCE)
@pytest.mark.parametrize("engine", [autograd, closed_form])
def test_reference_values(
    engine: Callable[..., ScoreBlocks],
    S: int,
    n: int,
    k: int,
    q: Fraction | float,
    blocks: dict[tuple[int, int], tuple[F, F]],
) -> None:
    found = engine(NGramLaw(S, n), Configuration.k_gram(k, q), 8)
    assert found.error <= 1e-12
    for ab, (same, different) in blocks.items():
        for v in range(S):
            for w in range(S):
                assert abs(F(found[ab][v][w]) - (same if v == w else different)) <= found.error


def check_chain_rule(
    law: NGramLaw, configuration: Configuration, T: int, found: dict[str, torch.Tensor], due: ParameterGradient
) -> None:
    """SN2: what autograd finds at the factorised configuration is the chain rule applied to exact blocks."""
    n, S, c = law.n, law.S, configuration.c
    # at most c times a sum of two blocks, each as good as autograd's blocks are
    allowed = 2 * max(1.0, c) * error_bound(law, configuration, T, 1024)
    for name, blocks in (("Q", due.Q), ("K", due.K)):
        expected = torch.zeros(n, S, n, S, dtype=torch.float64)
        for (component, lag), block in blocks.items():
            if component in {0, *configuration.active_heads}:  # see the next test
                expected[component, :, lag] = math.sqrt(c) * floats(block)
        assert bool(((found[name].reshape(n, S, n, S) - expected).abs() <= allowed).all())
    for h in range(1, n):
        expected = c * floats(due.V[h]) if h in due.V else torch.zeros(S, S, dtype=torch.float64)
        assert bool(((found["V"][h - 1] - expected).abs() <= allowed).all())


def floats(block: Block) -> torch.Tensor:
    return torch.tensor([[float(entry) for entry in row] for row in block], dtype=torch.float64)


@given(problems())
def test_chain_rule_at_the_configuration(problem: tuple[NGramLaw, Configuration, int]) -> None:
    law, configuration, T = problem
    if configuration.at_limit:
        configuration = Configuration(configuration.lags, F(9, 2))
    network = Network.at_configuration(law, configuration, T)
    found = parameter_gradients(network, law, T)
    check_chain_rule(
        law, configuration, T, found, parameter_gradient(enumeration(law, configuration, T), configuration)
    )


@settings(max_examples=6)
@given(st.data())
def test_chain_rule_with_gaps_between_the_lags(data: st.DataObject) -> None:
    """n = 4, where lag sets such as {1, 3} and {2} have heads that serve the query and the key apart."""
    law = data.draw(laws(max_S=2).map(lambda law: NGramLaw(2, 4, law.alpha, law.initial)))
    configuration = data.draw(configurations(4, rational_qs))
    found = parameter_gradients(Network.at_configuration(law, configuration, 6), law, 6)
    check_chain_rule(
        law, configuration, 6, found, parameter_gradient(enumeration(law, configuration, 6), configuration)
    )


def test_components_of_inactive_heads_have_no_gradient() -> None:
    """An inactive head writes 0 into the stream, so Q_h and K_h have gradient 0: norms leave M_{h,l}, M_{l-1,h} out."""
    law, configuration, T = NGramLaw(2, 3), Configuration((1,), F(5)), 6
    found = parameter_gradients(Network.at_configuration(law, configuration, T), law, T)
    for name in "QK":
        assert not bool(found[name].reshape(3, 2, 3, 2)[2].any())
    norms = parameter_gradient(enumeration(law, configuration, T), configuration).norms(configuration.c)
    for name in "QKV":
        # an error e in each of the d^2 entries moves the Euclidean norm by d e at most
        allowed = 6 * 2 * configuration.c * error_bound(law, configuration, T, 1024)
        assert abs(float(found[name].norm()) - norms[name]) <= allowed


@given(laws(), st.integers(3, 30), st.integers(0, 99))
def test_drawn_sequences_are_averaged(law: NGramLaw, T: int, seed: int) -> None:
    """Over drawn sequences: the same as the closed form on the same sequences (same seed), at k = n."""
    configuration = Configuration.k_gram(law.n, F(4))
    network = Network.at_configuration(law, configuration, T, parametrisation="merged")
    found = parameter_gradients(network, law, T, samples=50, generator=torch.Generator().manual_seed(seed))["W"]
    x, P = polya_urn(law, T, 50, torch.Generator().manual_seed(seed))
    due = block_mean(x, P, torch.full((50,), 1 / 50, dtype=torch.float64), configuration, law.n)
    n, S = law.n, law.S
    gap = (found.reshape(n, S, n, S).transpose(1, 2) - due).abs().max()
    assert gap <= 2 * S * error_bound(law, configuration, T, 50)  # the token x_{T-a} of 50 sequences may always be v


def test_large_batches_of_drawn_sequences_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    law, T = NGramLaw(2, 2), 5
    network = Network.random(law, T, torch.Generator().manual_seed(0))
    monkeypatch.setattr("numerics.sub_ngrams.autograd.POSITIONS", 35)
    sizes, losses = [], network.losses
    monkeypatch.setattr(network, "losses", lambda x, P, epsilon: sizes.append(len(x)) or losses(x, P, epsilon))
    parameter_gradients(network, law, T, samples=17, generator=torch.Generator().manual_seed(0))
    assert sizes == [7, 7, 3]


def test_soft_heads_close_to_hard_ones() -> None:
    """Finite c_A: the gradient comes out, in A too, which is then almost saturated."""
    law, T, configuration = NGramLaw(2, 2), 6, Configuration((1,), 5.0)
    found = parameter_gradients(Network.at_configuration(law, configuration, T, c_A=40.0), law, T)
    assert set(found) == {"V", "A", "Q", "K"}
    assert float(found["Q"].abs().max()) > 0
    # Rows t >= h are saturated: the attention there moves, in l1, by 2 T e^-c_A at most. A logit z_j moves by c times
    # that by its key, and as much by its query, and the loss by sum |g_j| <= 2 times it. Row 0 has but one weight.
    assert found["A"][0, 0, 0] == 0
    assert float(found["A"].abs().max()) <= 8 * configuration.c * T * math.exp(-40)
    warm = parameter_gradients(Network.at_configuration(law, configuration, T, c_A=1.0), law, T)
    assert float(warm["A"].abs().max()) > 1e-4


def test_what_is_refused() -> None:
    law = NGramLaw(2, 2)
    network = Network.random(law, 30, torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match=r"S\^T = 2\^30 = 1073741824 sequences"):
        parameter_gradients(network, law, 30)
    with pytest.raises(ValueError, match="pass one"):
        parameter_gradients(network, law, 30, samples=10)
    with pytest.raises(ValueError, match="T=1"):
        autograd(law, Configuration((1,), 5.0), 1)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_the_modes_of_the_caller_do_not_matter(mode: Callable[[], AbstractContextManager[None]]) -> None:
    law, T, configuration = NGramLaw(2, 2), 4, Configuration((1,), F(3))
    network = Network.random(law, T, torch.Generator().manual_seed(0))

    def found() -> list[object]:
        return [
            autograd(law, configuration, T)[0, 1],
            {name: value.tolist() for name, value in parameter_gradients(network, law, T).items()},
            gradient_norms(network, law, T, 1e-8, 64, torch.Generator().manual_seed(0)),
            spectrum(network, law, T).eigenvalues.tolist(),
        ]

    due = found()
    with mode():
        assert found() == due


def test_a_frozen_network_has_no_gradient_to_report() -> None:
    network = Network.random(NGramLaw(2, 2), 4, torch.Generator().manual_seed(0))
    network.Q.requires_grad_(False)
    with pytest.raises(ValueError, match="Q: no gradient is required"):
        parameter_gradients(network, NGramLaw(2, 2), 4)
