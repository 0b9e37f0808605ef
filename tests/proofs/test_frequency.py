"""theta_k^+: what the literal network computes, its gradient by four ways, and mutations that are seen."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
import torch

from numerics.sub_ngrams.autograd import parameter_gradients
from numerics.sub_ngrams.frequency import Corrected, kinds
from numerics.sub_ngrams.frequency_gain import centred_control
from numerics.sub_ngrams.frequency_network import padded_network, saturated_network
from numerics.sub_ngrams.gradient_norm import gradient_norms
from numerics.sub_ngrams.sampling import chains, draw_kernels, polya_urn
from numerics.sub_ngrams.sequences import enumerate_sequences, words
from proofs.sub_ngrams import frequency
from proofs.sub_ngrams.escape import word_weights
from proofs.sub_ngrams.frequency import (
    FrequencyConfiguration,
    every_sequence_identity,
    frequency_derivation,
    frequency_enumeration,
    frequency_exponents,
    frequency_slope,
    frequency_values,
)
from proofs.sub_ngrams.frequency_effect import calibrated_at_infinity, curvature_at_infinity, frequency_effect
from proofs.sub_ngrams.infinite_length import random_kernel
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.score_blocks import ScoreBlocks

ROOTS = (Fraction(5, 4), Fraction(4, 3))


def configuration(n: int, k: int, T: int, damping: Fraction = Fraction(9, 10)) -> FrequencyConfiguration:
    return FrequencyConfiguration(n, T, ROOTS[: k - 1], damping)


def corrected(c: FrequencyConfiguration) -> Corrected:
    """The same in floats."""
    return Corrected(tuple(c.T * math.log(root) for root in c.roots), -c.T * math.log(c.damping))


CASES = [(S, n, k, T) for S, n, T in ((2, 2, 4), (2, 3, 5), (3, 2, 3)) for k in range(1, n + 1)]


@pytest.mark.parametrize(("S", "n", "k", "T"), CASES)
def test_the_literal_network_is_theta_k_plus(S: int, n: int, k: int, T: int) -> None:
    assert every_sequence_identity(S, n, k).hold
    assert frequency_exponents(S, n, k, T).hold


def wrong_sign(S: int, n: int, root_cs: Any, root_beta: Any) -> list[Any]:
    """The term is +beta f(x_j): K_0 = +sqrt(beta) I."""
    found = frequency_values(S, n, root_cs, root_beta)
    return [root_beta if value == -root_beta else value for value in found]


def wrong_head(S: int, n: int, root_cs: Any, root_beta: Any) -> list[Any]:
    """The query reads its own token, in the place of head n-1."""
    entries = frequency.factorised_entries(S, n)
    found = dict(zip(entries, frequency_values(S, n, root_cs, root_beta), strict=True))
    for v in range(S):
        found["Q", (n - 1, v, 0, v)], found["Q", (0, v, 0, v)] = 0, root_beta
    return [found[entry] for entry in entries]


@pytest.mark.parametrize("values", [wrong_sign, wrong_head])
@pytest.mark.parametrize("k", [1, 2, 3])
def test_other_parameters_are_seen(values: Callable[..., list[Any]], k: int) -> None:
    assert not every_sequence_identity(2, 3, k, values).hold
    assert not frequency_exponents(2, 3, k, 4, values).hold


def test_frequencies_of_the_future_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """f of the tokens from the last position on, and f without the last position."""
    for part in (lambda x: x[-1:], lambda x: x[:-1]):

        def other(x: Any, j: int, n: int, k: int, S: int, part: Any = part) -> Any:
            found = [[Fraction(int(j >= lag and x[j - lag] == v)) for v in range(S)] for lag in range(n)]
            if j == len(x) - 1:
                found[n - 1] = [Fraction(list(part(x)).count(v), len(part(x))) for v in range(S)]
            return found

        monkeypatch.setattr(frequency, "reads", other)
        assert not any(frequency_exponents(2, 3, k, 4).hold for k in (1, 2, 3))


# --- the gradient, by enumeration, derivation, autograd, finite differences, samples ---


@pytest.mark.parametrize(("S", "n", "k", "T"), CASES)
def test_enumeration_is_derivation(S: int, n: int, k: int, T: int) -> None:
    law, c = NGramLaw(S, n, Fraction(1, 2), "dirichlet"), configuration(n, k, T)
    assert frequency_enumeration(law, c).difference(frequency_derivation(law, c)) == 0


@pytest.mark.parametrize(("S", "n", "k", "T"), CASES)
def test_the_score_blocks_are_those_of_autograd(S: int, n: int, k: int, T: int) -> None:
    """K_0 slot by slot sees the blocks that the chain rule says: slot 0 -> sqrt(beta) M_{n-1,0}^T, slot l ->
    sqrt(c_l) M_{l-1,0}^T; and so does V of head n-1 by its query side, -beta M_{n-1,0}, where that is no lag.
    """
    law, c = NGramLaw(S, n, Fraction(1, 2)), configuration(n, k, T)
    M, at = frequency_enumeration(law, c), corrected(c)
    gradient = parameter_gradients(padded_network(law, at, T), law, T)
    K = gradient["K"].view(n, S, n, S)
    expected = math.sqrt(at.beta) * block(M, n - 1, 0).T
    assert float((K[0, :, 0] - expected).abs().max()) < 1e-13
    for lag, scale in enumerate(at.scales, 1):
        assert float((K[0, :, lag] - math.sqrt(scale) * block(M, lag - 1, 0).T).abs().max()) < 1e-13
    if k < n:
        assert float((gradient["V"][n - 2] + at.beta * block(M, n - 1, 0)).abs().max()) < 1e-13


def block(M: ScoreBlocks, a: int, b: int) -> torch.Tensor:
    return torch.tensor([[float(x) for x in row] for row in M[a, b]], dtype=torch.float64)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_slope_in_beta_is_that_of_the_loss(k: int) -> None:
    """By differences of the exact mean loss over all sequences, in floats."""
    law, T, step = NGramLaw(2, 3), 6, 1e-4
    c = configuration(3, k, T)
    at = corrected(c)
    x, P, weight = next(iter(enumerate_sequences(law, T, batch=10_000, device=torch.device("cpu"))))
    alike = kinds(x, k, 3, 2)

    def loss(beta: float) -> float:
        p = alike.at(Corrected(at.scales, beta))
        occurs = torch.zeros_like(p).scatter(1, x, 1.0) > 0
        return -float((weight * (P * torch.where(occurs, p, 1.0).log()).sum(1)).sum())

    slope = (loss(at.beta + step) - loss(at.beta - step)) / (2 * step)
    assert slope == pytest.approx(float(frequency_slope(frequency_enumeration(law, c), 3)), abs=1e-8)
    plain, lower = loss(0.0), loss(at.beta)
    effect = frequency_effect(law, c)
    assert 0 < float(effect.gain) <= plain - lower
    assert float(effect.slope) == pytest.approx((loss(step) - loss(-step)) / (2 * step), abs=1e-8)


@pytest.mark.parametrize(("n", "k", "T"), [(2, 1, 9), (2, 2, 9), (3, 1, 9), (3, 2, 30), (3, 3, 9), (3, 3, 30)])
def test_predictions_are_those_of_the_padded_network(n: int, k: int, T: int) -> None:
    """Where kinds of positions are taken together, and where they are not."""
    law, at = NGramLaw(3, n), Corrected((1.3, 0.7)[: k - 1], 2.1)
    x, _ = polya_urn(law, T, 40, torch.Generator().manual_seed(0))
    difference = padded_network(law, at, T)(x).detach() - kinds(x, k, n, 3).at(at)
    assert float(difference.abs().max()) < 1e-14


def test_symmetric_gradients_are_the_same_in_the_mean() -> None:
    law, T, at = NGramLaw(2, 3), 6, Corrected((1.5,), 1.0)
    network = saturated_network(law, at, T)
    exact = sum(float(g.square().sum()) for g in parameter_gradients(network, law, T, epsilon=1e-8).values())
    found = gradient_norms(network, law, T, 1e-8, 2**14, torch.Generator().manual_seed(0), symmetric=True)["total"]
    assert abs(found.squared - exact) < 4 * found.standard_error


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_control_variate_has_mean_0(k: int) -> None:
    law, T, count = NGramLaw(2, 3, Fraction(1, 2), "dirichlet"), 12, 20_000
    generator = torch.Generator().manual_seed(k)
    tau = draw_kernels(law, count, generator)
    x = chains(law, tau, T, generator)
    values = centred_control(law, k, T, tau, words(x[:, T - 2 :], 2, 2)[:, 0])
    assert abs(float(values.mean())) < 4 * float(values.std()) / count**0.5
    assert k == 3 or float(values.std()) > 0.01  # with every lag it is 0


# --- infinite length ---


@pytest.mark.parametrize(("n", "k"), [(2, 1), (2, 2), (3, 1), (3, 2), (3, 3)])
def test_no_slope_at_infinite_length(n: int, k: int) -> None:
    assert calibrated_at_infinity(2, n, k).hold
    weights = word_weights(random_kernel(3, n, random.Random(k)))
    slope, curvature = curvature_at_infinity(weights, k)
    assert slope == 0 and curvature > 0


def test_arguments() -> None:
    with pytest.raises(ValueError, match="k=4 n=3 T=5"):
        FrequencyConfiguration(3, 5, (Fraction(2),) * 3)
    with pytest.raises(ValueError, match="at least 1"):
        FrequencyConfiguration(3, 5, (Fraction(1, 2),))
    with pytest.raises(ValueError, match="the law has n=2"):
        frequency_enumeration(NGramLaw(2, 2), configuration(3, 2, 4))
    with pytest.raises(ValueError, match="k=3 n=2"):
        kinds(torch.zeros(1, 5, dtype=torch.int64), 3, 2, 2)
    assert replace(configuration(3, 2, 4), damping=Fraction(1)).weights((0, 1, 0, 1))[0] == 1
