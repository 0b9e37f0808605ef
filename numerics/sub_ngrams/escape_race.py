"""Which feature wins the race: the escape coefficients of claim SN12, averaged over the law's kernels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofs.log_numbers import LogNumbers, as_floats
from proofs.sub_ngrams.escape import Feature, predicted_coefficient, unused_lags, word_weights
from proofs.sub_ngrams.infinite_length import limit_blocks
from proofs.sub_ngrams.law import NGramLaw, float_alpha


@dataclass(frozen=True)
class Estimate:
    """A mean over drawn kernels, with its standard error."""

    mean: float
    standard_error: float


def race(law: NGramLaw, lags: tuple[int, ...], kernels: int = 4000, seed: int = 0) -> dict[Feature, Estimate]:
    """For every unused lag, the mean coefficient of its feature: how fast the loss falls once head and lag weight grow.

    Features are ordered as the race is: by the order of the derivative, then by the coefficient, steepest first.
    """
    kernel = drawn_kernels(law, kernels, seed)
    words = word_weights(kernel)
    found = {
        Feature.of_lag(lags, lag): _estimate(predicted_coefficient(words, lags, lag))
        for lag in unused_lags(law.n, lags)
    }
    return dict(sorted(found.items(), key=lambda item: (item[0].order, item[1].mean)))


def repetition(law: NGramLaw, lags: tuple[int, ...], kernels: int = 4000, seed: int = 0) -> Estimate:
    """The mean of tr M_{k-1,0} for the k-gram: the second derivative in Q_{k-1} = x I and K_0 = y I, no new head
    needed.
    """
    k = len(lags) + 1
    block = limit_blocks(drawn_kernels(law, kernels, seed), lags, None, [(k - 1, 0)])[k - 1, 0]
    return _estimate(sum(block[v][v] for v in range(law.S)))


def drawn_kernels(law: NGramLaw, count: int, seed: int) -> Sequence[Sequence[LogNumbers]]:
    """Rows of S arrays, each with one entry for each of `count` kernels of the law; logarithms, since for small alpha
    most entries are below all floats.
    """
    rng, alpha = np.random.default_rng(seed), float_alpha(law)
    shape = law.S ** (law.n - 1), count, law.S
    if alpha >= 1:
        logs = np.log(rng.standard_gamma(alpha, shape))
    else:  # Gamma(alpha) is Gamma(alpha + 1) times the power 1/alpha of a uniform number
        logs = np.log(rng.standard_gamma(alpha + 1, shape)) + np.log1p(-rng.random(shape)) / alpha
    logs -= np.logaddexp.reduce(logs, axis=-1, keepdims=True)
    return [[LogNumbers(row[:, s]) for s in range(law.S)] for row in logs]


def finite_length(
    block: Callable[[int, int, int], Sequence[Sequence[Any]]], lag: int, lengths: Sequence[int]
) -> dict[int, float]:
    """T -> tr M_{lag-1,lag} at finite T: the second derivative of the exact loss once the head is aligned.

    block(a, b, T) gives M_ab of the population gradient at length T.
    """
    traces = {}
    for T in lengths:
        M = block(lag - 1, lag, T)
        traces[T] = float(sum(M[v][v] for v in range(len(M))))
    return traces


def _estimate(found: Any) -> Estimate:
    values: NDArray[np.float64] = as_floats(found)
    return Estimate(float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values)))
