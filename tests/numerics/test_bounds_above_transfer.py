"""The bounds at finite length lie above what the transfer engine computes, its error included, up to T = 10^9."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch

from numerics.sub_ngrams.annealed import annealed_transfer
from numerics.sub_ngrams.mixing import drawn_kernels, mixing
from numerics.sub_ngrams.transfer import transfer
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.finite_length import FiniteLength, phi, type_one, type_two
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.score_blocks import norm_errors, parameter_norms
from verify.papers.sub_ngrams.gradient.bound import GradientBound

LENGTHS = (10**3, 10**6, 10**9)


def sizes(blocks: torch.Tensor) -> torch.Tensor:
    return torch.maximum(blocks.clamp(min=0).sum((-2, -1)), -blocks.clamp(max=0).sum((-2, -1)))


@pytest.mark.parametrize("T", LENGTHS)
@pytest.mark.parametrize(("S", "n", "lags"), [(2, 2, (1,)), (2, 3, (1,)), (2, 3, (2,)), (3, 2, (1,))])
def test_blocks_of_drawn_kernels(S: int, n: int, lags: tuple[int, ...], T: int) -> None:
    configuration = Configuration(lags, Fraction(T))
    numbers = FiniteLength(S, n, T, configuration)
    kernels = torch.cat([drawn_kernels(numbers, alpha, 4, seed=T) for alpha in (1.0, 0.1)])  # the latter mix slowly
    found = transfer(kernels, NGramLaw(S, n), configuration, T)
    off, limit = S * S * found.error, float(numbers.gamma) + mixing(kernels, numbers)
    for a, b in type_one(n, lags):
        assert (sizes(found.blocks[:, a, b]) + off <= float(phi(numbers.type_one())) + 1e-12).all()
    for a, b in type_two(n, lags):
        assert (sizes(found.blocks[:, a, b]) + off <= limit + 1e-12).all()


@pytest.mark.parametrize("T", LENGTHS)
def test_the_norm_averaged_over_the_prior(T: int) -> None:
    law, configuration = NGramLaw(2, 2), Configuration((1,), Fraction(T))
    M = annealed_transfer(law, configuration, T, tolerance=0.1 / T)
    norms, errors = parameter_norms(M, configuration), norm_errors(M, configuration)
    bound = GradientBound.of(law, configuration, T)
    assert norms is not None and errors is not None and bound.norm is not None
    assert 0 < norms["total"] + errors["total"] <= bound.norm
