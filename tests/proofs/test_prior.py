"""Rules over the prior: exact moments, limits in alpha, other computations of the same means, reference values."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import special

from numerics.sub_ngrams.escape_race import drawn_kernels, race
from proofs.log_numbers import LogNumbers, as_floats
from proofs.sub_ngrams import prior, prior_rules
from proofs.sub_ngrams.annealed_limit import annealed_block
from proofs.sub_ngrams.infinite_length import limit_blocks
from proofs.sub_ngrams.ladder import entropy
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.prior import PriorMean, prior_mean
from proofs.sub_ngrams.prior_rules import (
    clustered_nodes,
    gauss_nodes,
    known_means,
    log_kernels,
    log_quantiles,
)

Array = NDArray[np.float64]
PROMISED = [Fraction(1, 1000), Fraction(1, 200), Fraction(1, 50), Fraction(1, 8), Fraction(1, 4), Fraction(1, 3)]
PROMISED += [Fraction(2), Fraction(50), Fraction(200), Fraction(1000)]
FEW = 400_000  # points: a fraction of what the claims take


def levels(law: NGramLaw, points: int = FEW) -> PriorMean:
    return prior_mean(
        law, lambda kernel: [entropy(kernel, tuple(range(1, k))) for k in range(1, law.n + 1)], points=points
    )


def rising(a: Fraction, count: int) -> Fraction:
    return math.prod((a + k for k in range(count)), start=Fraction(1))


def beta_moment(a: Fraction, b: Fraction, i: int, j: int) -> Fraction:
    """E y^i (1-y)^j for y ~ Beta(a, b)."""
    return rising(a, i) * rising(b, j) / rising(a + b, i + j)


# --- numbers as logarithms --------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(*[st.floats(-1e3, 1e3)] * 3), min_size=1, max_size=5))
def test_log_numbers_calculate_as_floats_do(rows: list[tuple[float, float, float]]) -> None:
    x, y, z = (np.array(column) for column in zip(*rows, strict=True))
    z = np.where(np.abs(z) < 1e-3, 1.0, z)

    def formula(x: Any, y: Any, z: Any) -> Any:
        return sum([x * y / z, 2 - x, y - 3 * z, -(x**2)]) - 1 / z + 0 * y

    found, exact = as_floats(formula(*(LogNumbers.of(v) for v in (x, y, z)))), formula(x, y, z)
    scale = np.abs(x * y / z) + np.abs(x) + np.abs(y) + 3 * np.abs(z) + x**2 + 1 / np.abs(z) + 2
    assert np.all(np.abs(found - exact) <= 1e-13 * scale)


def test_log_numbers_beyond_the_floats() -> None:
    small, smaller = LogNumbers(np.array([-4e4])), LogNumbers(np.array([-5e4]))
    assert as_floats(small / (small + smaller)) == 1 and as_floats(smaller / small) == 0
    assert as_floats((small - smaller) / small) == 1 and as_floats((small - small) / small) == 0


# --- rules ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("a", [Fraction(1, 10**39), *PROMISED, Fraction(1)])
@pytest.mark.parametrize("times", [1, 3])
def test_gauss_nodes_have_the_moments_of_the_law(a: Fraction, times: int) -> None:
    y, z, w = gauss_nodes(float(a), float(times * a), 6)
    assert np.all(w >= 0) and np.allclose(y + z, 1, rtol=1e-14)
    for i, j in product(range(6), range(6)):
        assert abs(float(w @ (y**i * z**j)) - float(beta_moment(a, times * a, i, j))) <= 1e-14


@pytest.mark.parametrize("a", [Fraction(1, 4), Fraction(3, 7), Fraction(1), Fraction(5), Fraction(15)])
@pytest.mark.parametrize("less", [0, 1])
def test_clustered_nodes_have_the_moments_of_the_law(a: Fraction, less: int) -> None:
    y, z, w = clustered_nodes(float(a), float(2 * a), 40, 2 + math.ceil(2 / a) - less)
    for i, j in product(range(4), range(4)):
        assert abs(float(w @ (y**i * z**j)) / float(beta_moment(a, 2 * a, i, j)) - 1) <= 1e-10
    assert abs(float(w @ np.log(y)) - (special.digamma(float(a)) - special.digamma(float(3 * a)))) <= 1e-5


@given(st.fractions(Fraction(1, 1000), 1000), st.integers(1, 3), st.floats(1e-9, 1 - 1e-9))
def test_quantiles_invert_the_law(alpha: Fraction, times: int, u: float) -> None:
    """Of either side, up to the rounding of the part itself; both parts make the whole."""
    a, b = float(alpha), float(times * alpha)
    (log_y,), (log_z,) = log_quantiles(a, b, np.array([u]))
    assert log_y <= 0 and log_z <= 0
    assert abs(math.exp(log_y) + math.exp(log_z) - 1) <= 1e-13
    slack = 1e-9
    if -600 < log_y < log_z:
        assert special.betainc(a, b, math.exp(log_y)) == pytest.approx(u, rel=slack, abs=slack)
    if -600 < log_z < log_y:
        assert special.betainc(b, a, math.exp(log_z)) == pytest.approx(1 - u, rel=slack, abs=slack)


@pytest.mark.parametrize("alpha", [Fraction(1, 10**39), Fraction(1, 1000)])
def test_quantiles_beyond_the_floats(alpha: Fraction) -> None:
    """P(y < x) = x^a / (a B(a, b)) below; half of the parts are there."""
    u = np.array([0.125, 0.25, 0.375])
    log_y, log_z = log_quantiles(float(alpha), float(alpha), u)
    assert np.allclose(log_y * float(alpha), np.log(2 * u), atol=2e-3) and np.all(log_z <= 0)
    log_z, log_y = log_quantiles(float(alpha), float(alpha), 1 - u)
    assert np.allclose(log_y * float(alpha), np.log(2 * u), atol=2e-3) and np.all(log_z <= 0)


@pytest.mark.parametrize(
    "law", [NGramLaw(2, 2, Fraction(1, 3)), NGramLaw(3, 2, Fraction(1, 8)), NGramLaw(4, 1, Fraction(7))]
)
def test_kernels_at_random_quantiles_have_the_known_means(law: NGramLaw) -> None:
    """And these are the right ones: of numpy's Dirichlet variates too. Five standard errors."""
    rng = np.random.default_rng(0)
    rows = law.S ** (law.n - 1)
    ours = log_kernels(law, rng.random((rows, law.S - 1, 40_000)))
    numpys = np.log(rng.dirichlet([float(law.alpha)] * law.S, 40_000)).T
    assert np.allclose(np.exp(ours).sum(1), 1)
    for known in known_means(law):
        for row in (*ours, numpys):
            sample = known.of_row(row)
            assert abs(sample.mean() - known.exact) <= 5 * sample.std() / 200
        assert known.exact != 0


@pytest.mark.parametrize("alpha", [Fraction(1, 1000), Fraction(1, 3), Fraction(1), Fraction(7)])
def test_drawn_kernels_have_the_known_means(alpha: Fraction) -> None:
    """Those of the escape race. Five standard errors."""
    law = NGramLaw(3, 2, alpha)
    for row in drawn_kernels(law, 40_000, seed=1):
        for known in known_means(law):
            sample = known.of_row([entry.log for entry in row])
            assert abs(sample.mean() - known.exact) <= 5 * sample.std() / 200


@pytest.mark.parametrize("alpha", [Fraction(1, 1000), Fraction(1), Fraction(50), Fraction(1000)])
def test_a_rule_over_another_prior_is_refused(alpha: Fraction, monkeypatch: pytest.MonkeyPatch) -> None:
    """The density changed in one place: alpha + 1 where that is much, and alpha times 1.1."""
    for wrong in (max(alpha + 1, alpha * Fraction(21, 20)), alpha * Fraction(11, 10)):

        def parts(law: NGramLaw, wrong: Fraction = wrong) -> list[tuple[float, float]]:
            return [(float(wrong), float((law.S - 1 - i) * wrong)) for i in range(law.S - 1)]

        for module in (prior, prior_rules):
            monkeypatch.setattr(module, "stick_parts", parts)
        for law in (NGramLaw(2, 2, alpha), NGramLaw(3, 2, alpha)):
            with pytest.raises(ArithmeticError, match="over the prior"):
                levels(law)


# --- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [Fraction(1, 10**4), Fraction(1, 10**39)])
def test_alpha_to_zero(alpha: Fraction) -> None:
    """n = 2: rows are vertices. Both tokens follow themselves in a quarter of the kernels, where the slower way out
    decides; a quarter changes tokens all the time, half ends in one token. E H = log(2)/4, M_00[0][0] = 1/16."""
    law = NGramLaw(2, 2, alpha)
    found, block = levels(law), annealed_block(law, (), 0, 0, points=FEW)
    assert abs(found.values[0] - math.log(2) / 4) <= found.errors[0] + 2 * float(alpha)
    assert abs(found.values[1]) <= found.errors[1] + 2 * float(alpha)
    assert abs(block.block[0][0] - 1 / 16) <= block.errors[0][0] + float(alpha)
    assert max(*found.errors, block.errors[0][0]) <= 5e-4


def test_the_race_where_alpha_is_small() -> None:
    """n = 2, no lags: minus the mean of P(v)^2 chi2(tau(.|v) from pi). Rows and pi tend to vertices, with nothing
    left, but in the quarter of the kernels in which tokens change all the time: 1/4 + 1/4."""
    (estimate,) = race(NGramLaw(2, 2, Fraction(1, 10**5)), (), kernels=40_000).values()
    assert abs(estimate.mean + 1 / 8) <= 5 * estimate.standard_error <= 0.01


def test_kernels_too_rare_to_be_drawn() -> None:
    """A level above alpha = 1e-7, from kernels of which there is one in millions: no point is among them."""
    found = levels(NGramLaw(2, 2, Fraction(1, 10**7)))
    assert found.values[1] < 1e-7 <= found.values[1] + found.errors[1]


@pytest.mark.parametrize(("S", "n"), [(2, 2), (2, 3), (3, 2)])
def test_alpha_to_infinity(S: int, n: int) -> None:
    """Levels tend to log S, a row's own as log S - (S-1) / (2 S alpha); M_00[0][0] at S = n = 2 as 1 / (32 alpha^2)."""
    law = NGramLaw(S, n, Fraction(1000))
    found = levels(law)
    assert list(found.values) == sorted(found.values, reverse=True)
    assert abs(found.values[-1] - (math.log(S) - (S - 1) / (2 * S * 1000))) <= 1e-6 + found.errors[-1]
    assert max(found.errors) <= 1e-6
    if (S, n) == (2, 2):
        block = annealed_block(law, (), 0, 0)
        assert abs(block.block[0][0] * 32e6 - 1) <= 2e-3 and block.errors[0][0] <= 1e-12


# --- the same means by other computations -----------------------------------------------------------------------------


def bigram_means(alpha: float) -> tuple[float, float, float]:
    """M_00[0][0], E H(s), E H(s | lag 1) for S = n = 2 by the trapezoidal rule in both logits, evenly, as logarithms.

    With a = tau(1|0), b = tau(0|1) the stationary law is (b, a) / (a + b).
    """
    width = min(1.0, math.sqrt(2 / alpha))
    z = np.arange(-26 / alpha - 30, 26 / alpha + 30, 0.4) if width == 1 else np.arange(-9, 9, 0.2) * width
    log_p, log_q = special.log_expit(z), special.log_expit(-z)
    weight = np.exp(alpha * (log_p + log_q) - special.betaln(alpha, alpha)) * (z[1] - z[0])
    own = -(np.exp(log_p) * log_p + np.exp(log_q) * log_q)
    total = np.zeros(3)
    for log_a, a_rest, H, w in zip(log_p, log_q, own, weight, strict=True):
        pi = special.expit(log_p - log_a)  # of token 0: b / (a + b)
        mixed = -special.xlogy(pi, pi) - special.xlogy(1 - pi, 1 - pi)
        M = pi * (1 - pi) * (np.exp(log_a) - np.exp(log_q))
        total += w * np.array([weight @ M, weight @ mixed, weight @ (pi * H + (1 - pi) * own)])
        del a_rest
    M_00, first, second = (float(x) for x in total)
    return M_00, first, second


@pytest.mark.parametrize("alpha", [x for x in PROMISED if x >= Fraction(1, 50)])
def test_two_rows_against_the_trapezoidal_rule(alpha: Fraction) -> None:
    law = NGramLaw(2, 2, alpha)
    found, block = levels(law, 3_200_000), annealed_block(law, (), 0, 0)
    M, first, second = bigram_means(float(alpha))
    for value, error, other in (
        (block.block[0][0], block.errors[0][0], M),
        (found.values[0], found.errors[0], first),
        (found.values[1], found.errors[1], second),
    ):
        assert abs(value - other) <= error + 1e-9
        assert error <= 1e-4 and error <= 0.01 * value


def sampled_log_kernels(law: NGramLaw, count: int) -> Array:
    """[row, token, kernel]: by gamma variates, log Gamma(alpha) = log Gamma(alpha + 1) + log(U) / alpha in law."""
    rng, alpha = np.random.default_rng(7), float(law.alpha)
    shape = (law.S ** (law.n - 1), law.S, count)
    logs = np.log(rng.gamma(alpha + 1, size=shape)) + np.log1p(-rng.random(shape)) / alpha
    return np.asarray(logs - np.logaddexp.reduce(logs, axis=1, keepdims=True))


def by_trees(law: NGramLaw, logs: Array) -> dict[tuple[int, ...], Array]:
    """Logarithms of the chances of n-grams: weights of trees directed to a root, the Markov chain tree theorem."""
    contexts = list(product(range(law.S), repeat=law.n - 1))
    follows = {(i, s): contexts.index((*u, s)[1:]) for i, u in enumerate(contexts) for s in range(law.S)}
    weights = []
    for root in range(len(contexts)):
        others = [i for i in range(len(contexts)) if i != root]
        trees = []
        for choice in product(range(law.S), repeat=len(others)):
            way = {i: follows[i, s] for i, s in zip(others, choice, strict=True)}
            reached = [i for i in others if _ends_in(way, i, root)]
            if reached == others:
                trees.append(sum(logs[i, s] for i, s in zip(others, choice, strict=True)))
        weights.append(np.logaddexp.reduce(trees, axis=0))
    total = np.logaddexp.reduce(weights, axis=0)
    return {(*u, s): weights[i] - total + logs[i, s] for i, u in enumerate(contexts) for s in range(law.S)}


def _ends_in(way: dict[int, int], i: int, root: int) -> bool:
    for _ in range(len(way) + 1):
        if i == root:
            return True
        i = way[i]
    return False


def log_chance(words: dict[tuple[int, ...], Array], chosen: Callable[[Sequence[int]], bool]) -> Array:
    return np.asarray(np.logaddexp.reduce([x for word, x in words.items() if chosen(word)], axis=0))


def by_definition(law: NGramLaw, logs: Array) -> list[Array]:
    """M_{n-2,0}[0][0] of the (n-1)-gram, P(s = 0 | h) instead of P(s = 0 | h, v), and H(s | lags 1..k-1), k = 1..n."""
    words, n, tokens = by_trees(law, logs), law.n, range(law.S)
    M: Any = 0.0
    for h in product(tokens, repeat=n - 2):
        given = log_chance(words, lambda w, h=h: w[1:-1] == h)  # type: ignore[misc]
        with_s = log_chance(words, lambda w, h=h: w[1:] == (*h, 0))  # type: ignore[misc]
        with_v = log_chance(words, lambda w, h=h: w[:-1] == (0, *h))  # type: ignore[misc]
        M = M + np.exp(with_v + (with_s - given)) - np.exp(words[(0, *h, 0)])
    found = [M]
    for k in range(1, n + 1):
        H: Any = 0.0
        for h in product(tokens, repeat=k - 1):
            given = log_chance(words, lambda w, h=h, k=k: w[n - k : -1] == h)  # type: ignore[misc]
            for s in tokens:
                both = log_chance(words, lambda w, h=h, s=s, k=k: w[n - k :] == (*h, s))  # type: ignore[misc]
                H = H - np.exp(both) * (both - given)
        found.append(H)
    return found


@pytest.mark.parametrize(("S", "n"), [(2, 2), (2, 3), (3, 2)])
@pytest.mark.parametrize("alpha", PROMISED)
def test_plain_sampling_and_trees(alpha: Fraction, S: int, n: int) -> None:
    """20,000 kernels as logarithms, stationary law by trees, blocks by definition: five standard errors."""
    law, count = NGramLaw(S, n, alpha), 20_000
    block, found = annealed_block(law, tuple(range(1, n - 1)), n - 2, 0, points=FEW), levels(law)
    values, errors = [block.block[0][0], *found.values], [block.errors[0][0], *found.errors]
    for value, error, sample in zip(values, errors, by_definition(law, sampled_log_kernels(law, count)), strict=True):
        assert math.isfinite(value) and 0 <= error <= 0.02 * abs(value) + 1e-3
        assert abs(value - sample.mean()) <= error + 5 * sample.std() / math.sqrt(count)


@pytest.mark.parametrize(
    "law", [NGramLaw(2, 2, Fraction(1, 3)), NGramLaw(2, 3, Fraction(2)), NGramLaw(3, 2, Fraction(1))]
)
def test_logarithms_change_nothing_where_floats_suffice(law: NGramLaw) -> None:
    logs = sampled_log_kernels(law, 200)
    kernels = [[row[s] for s in range(law.S)] for row in np.exp(logs)], [[LogNumbers(x) for x in row] for row in logs]
    pair = (law.n - 2, 0)
    for function in (
        lambda kernel: limit_blocks(kernel, (), None, [pair])[pair][0][0],
        lambda kernel: entropy(kernel, ()),
        lambda kernel: entropy(kernel, tuple(range(1, law.n))),
    ):
        floats, others = (as_floats(function(kernel)) for kernel in kernels)
        assert np.allclose(floats, others, rtol=1e-10, atol=1e-13)


# --- reference values -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("law", "expected"),
    [  # M_{k-1,0}[0][0] at k = n-1, then the levels; each with what the last digit leaves open
        (NGramLaw(2, 2, Fraction(1, 1000)), [(0.062337, 1e-6), (0.1744, 1e-4)]),
        (NGramLaw(2, 2, Fraction(1, 90)), [(0.060722, 1e-6), (0.18582, 2e-5), (0.012673, 1e-6)]),
        (NGramLaw(2, 3, Fraction(1, 1000)), [(0.0468, 1e-4), (0.2611, 2e-4), (0.1310, 1e-4), (0.00092, 1e-5)]),
        (NGramLaw(2, 2, Fraction(100)), [(3.0937e-6, 1e-10)]),
    ],
)
def test_reference_values(law: NGramLaw, expected: list[tuple[float, float]]) -> None:
    block = annealed_block(law, tuple(range(1, law.n - 1)), law.n - 2, 0)
    found = levels(law, 3_200_000)
    values = [(block.block[0][0], block.errors[0][0]), *zip(found.values, found.errors, strict=True)]
    for (value, error), (other, slack) in zip(values, expected, strict=False):
        assert abs(value - other) <= error + slack
        assert error <= 2e-4


def test_levels_where_the_prior_is_narrow() -> None:
    found = levels(NGramLaw(2, 2, Fraction(400)))
    assert all(abs(value - math.log(2)) <= 1e-3 for value in found.values) and max(found.errors) <= 1e-12
