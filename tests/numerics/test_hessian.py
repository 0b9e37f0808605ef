"""The Hessian of the literal network at a configuration: its negative eigenvalues are those that the score blocks
predict.
"""

from __future__ import annotations

from fractions import Fraction
from typing import get_args

import pytest
import torch

from numerics.sub_ngrams.hessian import (
    configuration_network,
    feature_directions,
    free_columns,
    predicted_eigenvalues,
    spectrum,
)
from proofs.sub_ngrams.configuration import Configuration, Heads
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.type_classes import type_classes

CASES = [(2, 2, 1, 7, 3, ()), (2, 2, 1, 7, 3, (1,)), (2, 3, 2, 8, 5, ()), (2, 3, 2, 8, 5, (2,)), (3, 2, 1, 5, 4, (1,))]


@pytest.mark.parametrize("heads", get_args(Heads))
@pytest.mark.parametrize(("S", "n", "k", "T", "q", "aligned"), CASES)
def test_free_slots_have_the_singular_values_of_the_score_blocks(
    S: int, n: int, k: int, T: int, q: int, aligned: tuple[int, ...], heads: Heads
) -> None:
    """Every predicted eigenvalue is one of the Hessian, as often as predicted at least."""
    law, configuration = NGramLaw(S, n), Configuration.k_gram(k, Fraction(q), heads)
    found = spectrum(configuration_network(law, configuration, T, aligned), law, T)
    predicted = predicted_eigenvalues(type_classes(law, configuration, T), law, configuration, aligned)
    streams = len({0, *configuration.active_heads, *aligned})
    assert len(predicted) == 2 * streams * S * free_columns(law, configuration)
    left = found.eigenvalues.tolist()
    for value in predicted.tolist():
        nearest = min(left, key=lambda x: abs(x - value))
        assert abs(nearest - value) < 1e-12
        left.remove(nearest)
    assert found.negative >= int((predicted < -1e-9).sum()) > 0


def test_the_way_out_of_the_bigram_needs_no_new_head() -> None:
    """At theta_2 the most negative eigenvalues live in the free columns of Q_1 and K_0 up to finite length."""
    law, configuration = NGramLaw(2, 3), Configuration.k_gram(2, Fraction(9))
    found = spectrum(configuration_network(law, configuration, 9), law, 9)
    predicted = predicted_eigenvalues(type_classes(law, configuration, 9), law, configuration)
    assert float(found.eigenvalues[0]) == pytest.approx(float(predicted[0]), abs=1e-12)
    assert found.share(0, feature_directions(found, law, configuration, 1, 0)) > 0.95
    assert found.share(0, feature_directions(found, law, configuration, 2, 2)) < 1e-6  # heads that are off


def test_at_the_unigram_all_negative_eigenvalues_are_predicted() -> None:
    law, configuration = NGramLaw(2, 2), Configuration.k_gram(1, Fraction(2))
    found = spectrum(configuration_network(law, configuration, 8, (1,)), law, 8)
    predicted = predicted_eigenvalues(type_classes(law, configuration, 8), law, configuration, (1,))
    assert found.negative == int((predicted < -1e-9).sum())


def test_too_many_parameters() -> None:
    law = NGramLaw(4, 4)
    with pytest.raises(ValueError, match="at most"):
        spectrum(configuration_network(law, Configuration.k_gram(2, Fraction(2)), 5), law, 5)


def test_eigenvectors_solve_the_hessian() -> None:
    """By finite differences of the loss along the lowest eigenvector."""
    from numerics.sub_ngrams.sequences import enumerate_sequences

    law, configuration, T = NGramLaw(2, 2), Configuration.k_gram(1, Fraction(2)), 6
    network = configuration_network(law, configuration, T, (1,))
    found = spectrum(network, law, T)
    (batch,) = enumerate_sequences(law, T, batch=64, device=torch.device("cpu"))
    direction, start = found.eigenvectors[:, 0], torch.nn.utils.parameters_to_vector(network.parameters()).detach()

    def loss(t: float) -> float:
        torch.nn.utils.vector_to_parameters(start + t * direction, network.parameters())
        return float((batch.weight * network.losses(batch.x, batch.P)).sum().detach())

    step = 1e-3
    second = (loss(step) - 2 * loss(0) + loss(-step)) / step**2
    assert second == pytest.approx(float(found.eigenvalues[0]), abs=1e-5)
