"""No function mixes devices: seen without a GPU on torch's device "meta", whose tensors have a shape and no numbers.

What branches on numbers cannot run so; it is taken in parts here, and whole in tests/cuda.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import pytest
import torch
from torch import Tensor

from numerics.mean_field.finite import critical_rows, gradient, hessian, loss
from numerics.sub_ngrams.chain_power import multiply
from numerics.sub_ngrams.closed_form import lag_sums_of_counts, matches, score_from_logits, score_table
from numerics.sub_ngrams.monte_carlo import symmetrised
from numerics.sub_ngrams.network import Network
from numerics.sub_ngrams.sampling import predictive_of_counts
from numerics.sub_ngrams.sequences import predictive, probability, words
from numerics.sub_ngrams.transfer import gather_blocks, transitions
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw

B, T, LAW, Q5 = 4, 8, NGramLaw(3, 3), Configuration((1, 2), Fraction(5))
ELSEWHERE = torch.device("meta")


def tokens(*shape: int) -> Tensor:
    return torch.zeros(*shape, dtype=torch.int64, device=ELSEWHERE)


def numbers(*shape: int) -> Tensor:
    return torch.zeros(*shape, dtype=torch.float64, device=ELSEWHERE)


def differentiated(parametrisation: str, c_A: float) -> Tensor:  # the name on the page
    network = Network.at_configuration(
        LAW,
        Configuration((1, 2), 5.0),
        T,
        parametrisation=parametrisation,  # type: ignore[arg-type]  # one of two words
        c_A=c_A,
        device=ELSEWHERE,
    )
    network.losses(tokens(B, T), numbers(B, 3), 1e-6).sum().backward()  # type: ignore[no-untyped-call]  # torch
    assert network.V.grad is not None
    return network.V.grad


RUNS: dict[str, Callable[[], Tensor]] = {
    "sums of counts": lambda: lag_sums_of_counts(tokens(B, 2), tokens(B, 3), numbers(B, 27), numbers(B, 3), Q5, LAW.n),
    "predictive of counts": lambda: predictive_of_counts(LAW, tokens(B, 3), numbers(B, 27)),
    "score table": lambda: score_table(tokens(B, 3, 3), numbers(B, 3), Q5),
    "score of logits": lambda: score_from_logits(numbers(B, T), tokens(B, T), numbers(B, 3)),
    "matches": lambda: matches(tokens(B, T), Q5),
    "relabelled": lambda: symmetrised(tokens(B, 3), numbers(B, 3, 3)),
    "probability": lambda: probability(LAW, tokens(B, T)),
    "predictive": lambda: predictive(LAW, tokens(B, T)),
    "words": lambda: words(tokens(B, T), 2, 3),
    "transitions": lambda: transitions(numbers(B, 9, 3), LAW),
    "small matrices": lambda: multiply(numbers(B, 4, 4), numbers(B, 4, 4)),
    "large matrices": lambda: multiply(numbers(B, 9, 9), numbers(B, 9, 9), add_to=numbers(B, 9, 9)),
    "gathered blocks": lambda: gather_blocks(numbers(B, 2, 3, 3), LAW, [(0, 1, 2), (2, 1, 0)]),
    "factorised, hard heads": lambda: differentiated("factorised", math.inf),
    "factorised, soft heads": lambda: differentiated("factorised", 3.0),
    "merged": lambda: differentiated("merged", math.inf),
    "mean-field loss": lambda: loss(numbers(2, 4), numbers(2, 4)),
    "mean-field gradient": lambda: gradient(numbers(2, 4), numbers(2, 4)),
    "mean-field Hessian": lambda: hessian(numbers(2, 4), numbers(2, 4)),
    "mean-field saddle": lambda: critical_rows(numbers(2, 4), (0,)),
}


@pytest.mark.parametrize("name", RUNS)
def test_what_is_given_elsewhere_stays_there(name: str) -> None:
    assert RUNS[name]().device == ELSEWHERE


def test_a_mixture_is_seen() -> None:
    with pytest.raises(RuntimeError, match="device"):
        score_from_logits(torch.zeros(B, T, dtype=torch.float64), tokens(B, T), numbers(B, 3))
