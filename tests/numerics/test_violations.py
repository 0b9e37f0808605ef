"""The search for violations compares what it says: its ratios are those of exact blocks and their bounds."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import numpy as np
import pytest

from benchmarks.violations import Long, Short, search
from proofs.sub_ngrams import adversaries
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.finite_length import phi, size, type_one, type_two
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.transfer_exact import transfer_exact


@pytest.mark.parametrize(("n", "lags", "T", "q"), [(2, (1,), 9, 9.0), (3, (2,), 7, math.inf), (3, (1, 2), 6, 3.0)])
def test_ratios_of_one_kernel(n: int, lags: tuple[int, ...], T: int, q: float) -> None:
    law, problem = NGramLaw(2, n), Short(n, lags, T, q)
    rows = adversaries.nearly_deterministic(2, n, random.Random(n), Fraction(1, 7))
    start = {law.contexts[0]: Fraction(1, 3), law.contexts[-1]: Fraction(2, 3)}
    configuration = Configuration(lags, q if q == math.inf else Fraction(q))
    M = transfer_exact(law, dict(zip(law.contexts, rows, strict=True)), configuration, T, start)
    kernels = np.array([[[float(x) for x in row] for row in rows]])
    found = problem.ratios(kernels, np.array([[float(start.get(u, 0)) for u in law.contexts]]))
    one = [ratio[0] for name, ratio in found.items() if name.startswith("(I)")]
    largest = max(float(size(M[ab])) for ab in type_one(n, lags))
    assert one == [pytest.approx(largest / float(phi(problem.numbers.type_one())))]
    limit = min(1.0, float(problem.numbers.gamma) + float(problem.numbers.mixing(rows)))
    assert found["(II)"][0] == pytest.approx(max(float(size(M[ab])) for ab in type_two(n, lags)) / limit, rel=1e-3)


def test_both_ways_give_the_same_blocks() -> None:
    kernels = np.array([[[0.9, 0.1], [0.2, 0.8]]])
    pair = [problem.ratios(kernels, np.full((1, 2), 0.5)) for problem in (Short(2, (1,), 12, 12.0), Long(2, (1,), 12))]
    assert pair[0]["(I), bound below 1"] == pytest.approx(pair[1]["(I), bound below 1"])


def test_a_search_finds_the_walk_that_attains_lemma_4() -> None:
    ratio, tried = search(Short(3, (1, 2), 5, 5.0).ratios, "Lemma 4, first visit", 4, seed=5)
    assert 0.99 < ratio <= 1 + 1e-12 and tried > 500
