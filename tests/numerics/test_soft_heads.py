"""The gradient in A of soft heads, against automatic differentiation of the literal network."""

from __future__ import annotations

import math

import pytest
import torch

from numerics.sub_ngrams.network import Network
from numerics.sub_ngrams.sampling import polya_urn
from numerics.sub_ngrams.soft_heads import norms_in_A
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw


@pytest.mark.parametrize("where", ["random", "configuration"])
@pytest.mark.parametrize(("S", "n", "lags"), [(2, 3, (1,)), (3, 3, (1, 2)), (2, 2, ())])
def test_the_norms_are_those_of_automatic_differentiation(S: int, n: int, lags: tuple[int, ...], where: str) -> None:
    law, T = NGramLaw(S, n), 6
    generator = torch.Generator().manual_seed(0)
    x, P = polya_urn(law, T, 5, generator)
    if where == "random":
        network = Network.random(law, T, generator)
    else:
        network = Network.at_configuration(law, Configuration(lags, 10.0), T, c_A=math.log(T))
    found = norms_in_A(network, x, P)
    for i in range(len(x)):
        assert network.A is not None
        (gradient,) = torch.autograd.grad(network.losses(x[i : i + 1], P[i : i + 1]).sum(), network.A)
        torch.testing.assert_close(found[i], gradient.norm(), rtol=1e-10, atol=1e-13)
    assert bool((found > 0).any()) == (bool(lags) or where == "random")
