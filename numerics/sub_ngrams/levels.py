"""The losses that k-grams reach, on given sequences (claims SN11, SN15)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from numerics.sub_ngrams.closed_form import matches
from numerics.sub_ngrams.network import Network
from numerics.sub_ngrams.sampling import polya_urn
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw

C_RANGE = (1e-3, 30.0)  # scales among which the best is sought; e^30 positions are more than any sequence has


TOKENS = 2**20  # that a network reads at once


@dataclass(frozen=True)
class TestSet:
    """Sequences x (B x T) with the law P (B x S) of their next token, on which losses and levels are both measured.

    The same sequences for both: the differences, which decide, then vary much less than the losses themselves.
    """

    __test__ = False  # not a test class, whatever pytest thinks of the name

    x: Tensor
    P: Tensor
    epsilon: float

    @staticmethod
    def draw(law: NGramLaw, T: int, count: int, epsilon: float, generator: torch.Generator) -> TestSet:
        return TestSet(*polya_urn(law, T, count, generator), epsilon)

    def to(self, device: torch.device) -> TestSet:
        return TestSet(self.x.to(device), self.P.to(device), self.epsilon)

    def losses(self, p: Tensor) -> Tensor:
        """-sum_s P(s) log(p(s) + epsilon) for each sequence, p (B x S) being predictions."""
        return -(self.P * (p + self.epsilon).log()).sum(1)

    def mean_loss(self, network: Network) -> float:
        """The network's mean loss."""
        return float(self.losses(self.predictions(network)).mean())

    @torch.no_grad()
    def predictions(self, network: Network) -> Tensor:
        """The network's p on all sequences: B x S."""
        parts = torch.split(self.x, max(1, TOKENS // self.x.shape[1]))
        return torch.cat([network(part) for part in parts])


@dataclass(frozen=True)
class Level:
    """The least loss of a k-gram configuration over its scale c, at hard heads; at the law's own n, also of any
    predictor.

    loss   mean over the test set; standard_error of it
    c      the best scale; inf if it is at the end of the range; None for the Bayes predictor
    """

    name: str
    k: int | None
    loss: float
    standard_error: float
    c: float | None


def ladder(law: NGramLaw, tests: TestSet) -> list[Level]:
    """The levels of k = 1..n, then that of the Bayes predictor: the posterior predictive, which no predictor beats."""
    levels = [k_gram_level(k, tests) for k in range(1, law.n + 1)]
    return [*levels, _level("Bayes", None, tests.losses(tests.P), None)]


def k_gram_level(k: int, tests: TestSet) -> Level:
    """The k-gram configuration on the test set, at its best scale c."""

    def losses(c: float) -> Tensor:
        return tests.losses(k_gram_predictions(k, math.exp(c), tests.x, tests.P.shape[1]))

    if k == 1:
        return _level("1-gram", 1, losses(0.0), 0.0)
    best = minimize_scalar(lambda c: float(losses(c).mean()), bounds=C_RANGE, method="bounded", options={"xatol": 1e-3})
    return _level(f"{k}-gram", k, losses(best.x), float(best.x))


def k_gram_predictions(k: int, q: float, x: Tensor, S: int) -> Tensor:
    """p_theta(s) at the k-gram configuration with hard heads: position j has weight q^(m_j). B x S."""
    weight = q ** matches(x, Configuration.k_gram(k, q)).double()
    totals = torch.zeros(len(x), S, dtype=torch.float64, device=x.device).scatter_add_(1, x.long(), weight)
    return totals / totals.sum(1, keepdim=True)


def _level(name: str, k: int | None, losses: Tensor, c: float | None) -> Level:
    return Level(name, k, float(losses.mean()), float(losses.std()) / math.sqrt(len(losses)), c)
