"""The transfer engine given the kernel: against its exact twin, against rigorous ball arithmetic at T = 10^9, and the
closed forms at infinite length against it."""

import math
from fractions import Fraction
from itertools import product

import pytest
import torch
from flint import arb, arb_mat, ctx
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics.sub_ngrams.chain_power import SETTLED, _corners_agree, _rows_agree, power, rounding
from numerics.sub_ngrams.elimination import Elimination
from numerics.sub_ngrams.exponential_sum import ExponentialSum
from numerics.sub_ngrams.first_order import first_order
from numerics.sub_ngrams.infinite_length import infinite_length
from numerics.sub_ngrams.transfer import EMPTY, _Average, _Chain, transfer
from proofs.sub_ngrams import infinite_length as exact_infinite_length
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.counting import Counting, by_matched_context, decomposition
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.score_blocks import ScoreBlocks
from proofs.sub_ngrams.transfer_exact import transfer_exact
from tests.strategies import configurations, laws

BIGRAM = Configuration((1,), math.inf)
UNIT = 2**40  # kernels with entries k / UNIT are the same as floats and as fractions


@st.composite
def dyadic_kernels(draw, law, *, zeros=True):
    """Rows of fractions with denominator UNIT: entries of all sizes down to 1e-12, zeros among them."""
    sizes = st.integers(0, 40).flatmap(lambda size: st.integers(0 if zeros else 1, 2**size))

    def row():
        parts = draw(st.lists(sizes, min_size=law.S, max_size=law.S))
        biggest = parts.index(max(parts))
        scaled = [part * UNIT // (2 * sum(parts) or 1) or (0 if zeros else 1) for part in parts]
        scaled[biggest] += UNIT - sum(scaled)
        return [Fraction(part, UNIT) for part in scaled]

    return {u: row() for u in law.contexts}


def tensor(kernel, law):
    return torch.tensor([[float(x) for x in kernel[u]] for u in law.contexts], dtype=torch.float64)


def slow_kernels(law, count, seed, scale):
    """Random kernels with logits of standard deviation `scale`."""
    generator = torch.Generator().manual_seed(seed)
    shape = (count, law.S ** (law.n - 1), law.S)
    return torch.softmax(scale * torch.randn(shape, generator=generator, dtype=torch.float64), -1)


# ------------------------------------------------------------------------------------------------ finite length


few_qs = st.sampled_from([Fraction(3, 2), Fraction(3), math.inf])  # long polynomials in the twin for larger ones


@settings(max_examples=25)
@given(st.data())
def test_agrees_with_the_exact_twin_within_its_error(data):
    law = data.draw(laws())
    configuration = data.draw(configurations(law.n, few_qs))
    T = data.draw(st.integers(law.n, 8 if law.S**law.n > 8 else 14))
    kernels = [data.draw(dyadic_kernels(law)) for _ in range(2)]
    found = transfer(torch.stack([tensor(kernel, law) for kernel in kernels]), law, configuration, T)
    assert found.error <= 1e-12  # the default tolerance
    for kernel, blocks in zip(kernels, found.blocks, strict=True):
        expected = transfer_exact(law, kernel, configuration, T)
        assert expected.difference(ScoreBlocks.from_nested(blocks.tolist())) <= found.error


def in_balls(tau, q, T, step=0.25):
    """S = 2, n = 2, lags {1}: the blocks by plain powers of block matrices with 300 bits, rigorous but for the step.

    The trapezoidal rule in log t with this step is off by e^(-pi^2/step) ~ 1e-17 relatively.
    """
    bits, ctx.prec = ctx.prec, 300
    try:
        rows = [[arb(x) for x in row] for row in tau]
        tau = [[x / sum(row) for x in row] for row in rows]
        M = [[[[0.0] * 2 for _ in range(2)] for _ in range(2)] for _ in range(2)]
        for matched, ends in by_matched_context(Configuration((1,), q), list(product(range(2), repeat=2))):
            parts = decomposition(Configuration((1,), q), matched, 2)
            every = _averages_in_balls(tau, parts.every, T, step)
            for s in range(2):
                avoiding = _averages_in_balls(tau, parts.avoiding[s], T, step)
                holding = _averages_in_balls(tau, parts.holding[s], T, step)
                for end, b, v in product(ends, range(2), range(2)):
                    g = every[end, b, v] - avoiding[end, b, v] - holding[end, b, v]
                    for a in range(2):
                        M[a][b][end[-1 - a]][v] += float((tau[end[1]][s] * g).mid())
        return torch.tensor(M, dtype=torch.float64)
    finally:
        ctx.prec = bits


def _averages_in_balls(tau, levels: list[Counting], T, step):
    total = {key: arb(0) for key in product(product(range(2), repeat=2), range(2), range(2))}
    for counting, (b, v) in product(levels, product(range(2), range(2))):
        omega = [[counting.weight((u, s)) for s in range(2)] for u in range(2)]
        start = [counting.weight((u,)) for u in range(2)]
        y = -math.log(T * max([w for row in omega for w in row if w != math.inf] + [1])) - 42
        while y < math.log(45):
            t = arb(y).exp()

            def kept(w, t=t):
                return arb(0) if w == math.inf else (-t * arb(w)).exp()

            block = arb_mat(4, 4)
            for u, s in product(range(2), repeat=2):
                edge = tau[u][s] * kept(omega[u][s])
                block[u, s] = block[2 + u, 2 + s] = edge
                marked = (u, s)[1 - b] == v and omega[u][s] != math.inf
                block[u, 2 + s] = edge * arb(omega[u][s]) if marked else arb(0)
            vector = arb_mat(1, 4)
            for u in range(2):
                vector[0, u] = kept(start[u]) / 2
                vector[0, 2 + u] = (
                    vector[0, u] * (arb(start[u]) if start[u] != math.inf else 0) * int(b == 0 and u == v)
                )
            before = vector * block ** (T - 2)  # up to the last of T - 1 transitions
            for u, s in product(range(2), repeat=2):
                value = before[0, u] * block[u, 2 + s] + before[0, 2 + u] * block[2 + u, 2 + s]
                total[(u, s), b, v] += value * t * arb(step)
            y += step
    return total


@pytest.mark.parametrize("q", [math.inf, 5])
@pytest.mark.parametrize("tau", [[[0.3, 0.7], [0.6, 0.4]], [[1 - 2e-9, 2e-9], [3e-8, 1 - 3e-8]]])
def test_at_a_billion_tokens_rounding_does_not_grow(tau, q):
    law, T = NGramLaw(2, 2), 10**9
    found = transfer(torch.tensor([tau], dtype=torch.float64), law, Configuration((1,), q), T, tolerance=1e-13)
    assert found.error <= 5e-13
    difference = float((found.blocks[0] - in_balls(tau, q, T)).abs().max())
    assert difference <= found.error


def test_asking_for_more_digits_than_floats_have_is_answered_by_a_larger_error():
    found = transfer(slow_kernels(NGramLaw(2, 2), 1, 0, 1.0), NGramLaw(2, 2), BIGRAM, 10**6, tolerance=1e-20)
    assert 1e-16 < found.error < 1e-12


def test_a_looser_tolerance_is_met():
    law, configuration = NGramLaw(2, 3), Configuration((1, 2), 3.0)
    kernels = slow_kernels(law, 20, 1, 5.0)
    fine = transfer(kernels, law, configuration, 5000)
    for tolerance in (1e-3, 1e-6, 1e-9):
        coarse = transfer(kernels, law, configuration, 5000, tolerance=tolerance)
        assert coarse.error <= tolerance
        assert float((coarse.blocks - fine.blocks).abs().max()) <= coarse.error + fine.error


def test_kernels_do_not_disturb_each_other():
    """Sorting by slowness, chunks, dropping out: none changes a kernel's result by more than rounding."""
    law = NGramLaw(2, 3)
    kernels = slow_kernels(law, 100, 2, 8.0)
    together = transfer(kernels, law, BIGRAM, 10**5)
    for i in (0, 50, 99):
        alone = transfer(kernels[i : i + 1], law, BIGRAM, 10**5)
        assert float((together.blocks[i] - alone.blocks[0]).abs().max()) <= together.error


def test_large_matrices_take_the_other_road():
    """N = 9 contexts exceed what is multiplied entry by entry; symmetry under relabelling ties all blocks together."""
    law = NGramLaw(3, 3)
    kernel = slow_kernels(law, 1, 3, 2.0)
    to = torch.tensor([2, 0, 1])
    grid = kernel.reshape(3, 3, 3)
    relabelled = torch.empty_like(grid)
    relabelled[to[:, None, None], to[None, :, None], to[None, None, :]] = grid
    configuration = Configuration((1, 2), math.inf)
    first, second = (transfer(k.reshape(1, 9, 3), law, configuration, 100) for k in (grid, relabelled))
    assert float((second.blocks[0][:, :, to][..., to] - first.blocks[0]).abs().max()) <= first.error
    assert float(first.blocks.abs().max()) > 1e-3  # far above the error


@pytest.mark.parametrize(
    ("kernels", "configuration", "T", "tolerance"),
    [
        (torch.full((1, 2, 2), 0.5), BIGRAM, 9, 1e-9),  # float32
        (torch.full((2, 2), 0.5, dtype=torch.float64), BIGRAM, 9, 1e-9),
        (torch.full((1, 2, 2), 0.6, dtype=torch.float64), BIGRAM, 9, 1e-9),
        (torch.tensor([[[1.5, -0.5], [0.5, 0.5]]], dtype=torch.float64), BIGRAM, 9, 1e-9),
        (torch.full((1, 2, 2), math.nan, dtype=torch.float64), BIGRAM, 9, 1e-9),
        (torch.full((1, 2, 2), 0.5, dtype=torch.float64), BIGRAM, 1, 1e-9),
        (torch.full((1, 2, 2), 0.5, dtype=torch.float64), BIGRAM, 9, 0.0),
        (torch.full((1, 2, 2), 0.5, dtype=torch.float64), Configuration((2,), 2.0), 9, 1e-9),
        (torch.full((1, 2, 2), 0.5, dtype=torch.float64), Configuration((1,), 1e300), 9, 1e-9),
    ],
)
def test_bad_input_is_refused(kernels, configuration, T, tolerance):
    with pytest.raises(ValueError, match=r"kernel|T=|tolerance|lags|q="):
        transfer(kernels, NGramLaw(2, 2), configuration, T, tolerance=tolerance)


# --------------------------------------------------------------------------------------------- infinite length


@settings(max_examples=15)
@given(st.data())
def test_infinite_length_agrees_with_the_exact_engine(data):
    law = data.draw(laws())
    configuration = data.draw(configurations(law.n))
    kernel = data.draw(dyadic_kernels(law, zeros=False))
    exact = exact_infinite_length.infinite_length([kernel[u] for u in law.contexts], configuration)
    found = infinite_length(tensor(kernel, law)[None], law, configuration)[0]
    # entries are accurate to some roundings relatively, and the largest term of an entry is at most 1
    assert exact.difference(ScoreBlocks.from_nested(found.tolist())) <= 1e-13


@settings(max_examples=15)
@given(st.data())
def test_what_finite_length_adds_is_the_first_order_up_to_the_second(data):
    law = data.draw(laws())
    configuration = data.draw(configurations(law.n))
    kernels = 0.5 / law.S + 0.5 * slow_kernels(law, 3, data.draw(st.integers(0, 10**6)), 1.0)
    limit, C = infinite_length(kernels, law, configuration), first_order(kernels, law, configuration)
    remainder = []
    for T in (10**4, 10**5):
        found = transfer(kernels, law, configuration, T, tolerance=1e-14)
        remainder.append(float((T * (found.blocks - limit) - C).abs().max()) + T * found.error)
    assert remainder[0] < float(C.abs().max())  # or nothing would be said
    assert remainder[1] <= remainder[0] / 9 + 10**5 * found.error  # a tenth, if it is of order 1/T


def test_lagged_blocks_vanish_for_every_kernel_at_infinite_length_and_scale():
    """SN5 in floats, to the roundings of sums of numbers up to 1: also for kernels with entries of 1e-12."""
    law = NGramLaw(2, 3)
    M = infinite_length(slow_kernels(law, 50, 4, 12.0), law, BIGRAM)
    assert float(M[:, 0].abs().max()) <= 1e-15
    assert float(M[:, :, 1].abs().max()) <= 1e-15
    assert float(M[:, 1, 0].abs().max()) > 1e-2


def test_zeros_are_refused_at_infinite_length():
    with pytest.raises(ValueError, match="positive"):
        infinite_length(torch.eye(2, dtype=torch.float64)[None], NGramLaw(2, 2), BIGRAM)


# ------------------------------------------------------------------------------------------------------- parts


@pytest.mark.parametrize("R", [1.0, 7.0, 1e3, 1e9, 1e40])
@pytest.mark.parametrize("tolerance", [1e-3, 1e-8, 1e-13])
def test_exponential_sum_keeps_its_promise_at_other_points(R, tolerance):
    rule = ExponentialSum.reciprocal(R, tolerance)
    assert rule.error <= tolerance
    generator = torch.Generator().manual_seed(0)
    Z = torch.exp(torch.rand(3000, generator=generator, dtype=torch.float64) * math.log(R))
    found = (1 - Z * (torch.exp(-Z[:, None] * rule.rates) @ rule.weights)).abs().max()
    assert float(found) <= 1.02 * rule.error + 1e-15  # the supremum was measured on a grid of 30 points a step


@pytest.mark.parametrize("N", [2, 4, 6])
def test_powers_and_their_derivatives(N):
    """Against the product, factor by factor, with the derivative by the product rule."""
    generator = torch.Generator().manual_seed(N)
    full = torch.rand(3, N, N + 1, generator=generator, dtype=torch.float64)
    full /= full.sum(-1, keepdim=True)
    A, d = full[..., :N], full[..., N:]
    D = torch.rand(2, 3, N, N, generator=generator, dtype=torch.float64)
    v = torch.rand(3, 1, N, generator=generator, dtype=torch.float64)
    V = torch.rand(3, 3, 1, N, generator=generator, dtype=torch.float64)
    x, X = v, V.clone()
    for exponent in range(40):
        found = power(A, d, lambda x: torch.einsum("bik,fbkl->bfl", x, D), v, V, exponent)
        assert torch.allclose(found[0], x, rtol=rounding(N, exponent) + 40e-16, atol=0)
        assert torch.allclose(found[1], X, rtol=rounding(N, exponent) + 40e-16, atol=0)
        X = X @ A
        X[:2] += x @ D
        x = x @ A


@pytest.mark.parametrize("N", [1, 2, 5])
def test_corners_agree_wherever_rows_do(N):
    """At every distance from rank one, zeros and tiny entries among them; far from it they tell, too."""
    generator = torch.Generator().manual_seed(N)
    agreed = told = 0
    for size in (0.0, 0.3, 0.9, 1.1, 3.0, 10.0, 1e3):
        for _ in range(40):
            r, w, tiny = torch.rand(3, N, generator=generator, dtype=torch.float64).unbind()
            r, w = r * 10.0 ** (-120 * tiny.round()), w.where(w > 0.1, 0)
            off = 2 * torch.rand(N, N, generator=generator, dtype=torch.float64) - 1
            A = r[:, None] * w / N * (1 + size * SETTLED * off)
            rows, corners = _rows_agree(A[None]), _corners_agree(A)
            assert corners or not rows
            agreed, told = agreed + rows, told + (not corners)
    assert agreed
    assert told or N == 1


@pytest.mark.parametrize("q", [Fraction(7), math.inf])
@pytest.mark.parametrize("heads", ["padded", "literal"])
def test_what_averages_share_is_what_each_computes(q, heads):
    """P(end), and P(end, Z = 0), to the last bit: by a table or a look at the weights, and by the chain of each."""
    law, configuration = NGramLaw(2, 3), Configuration((1,), q, heads)
    chain = _Chain(slow_kernels(law, 5, 1, 2.0), law, 9, 1e-9, 1e-12)
    shared = 0
    for matched, ends in by_matched_context(configuration, list(product(range(2), repeat=3))):
        parts = decomposition(configuration, matched, 2)
        for counting in [level for levels in (parts.every, *parts.avoiding, *parts.holding) for level in levels]:
            one = _Average(chain, counting, ends)
            assert torch.equal(one.of_ends(), one.survival(0.0))
            assert torch.equal(one.without_weight(), one.survival(EMPTY))
            shared += not one.leaves_out
    assert shared > len(chain.of_ends) > 0


def test_elimination_is_exact_for_slow_chains():
    """Three states with rates down to 1e-30: the stationary law and both sums against fractions."""
    rates = [
        [0, Fraction(1, 2**90), Fraction(1, 4)],
        [Fraction(1, 2**80), 0, Fraction(1, 2**100)],
        [Fraction(1, 8)] * 2 + [0],
    ]
    P = [[Fraction(rate) if i != j else 1 - sum(row) for j, rate in enumerate(row)] for i, row in enumerate(rates)]
    chain = Elimination(torch.tensor([[[float(x) for x in row] for row in P]], dtype=torch.float64))
    trees = [rates[1][0] * (rates[2][0] + rates[2][1]) + rates[2][0] * rates[1][2]]  # Markov chain tree theorem
    trees.append(rates[0][1] * (rates[2][0] + rates[2][1]) + rates[2][1] * rates[0][2])
    trees.append(rates[0][2] * (rates[1][0] + rates[1][2]) + rates[1][2] * rates[0][1])
    for found, tree in zip(chain.pi[0].tolist(), trees, strict=True):
        assert abs(Fraction(found) / (tree / sum(trees)) - 1) <= 1e-14


def test_sums_along_the_chain_solve_their_equations():
    law = NGramLaw(3, 2)
    P = slow_kernels(law, 4, 5, 1.0)
    chain = Elimination(P)
    generator = torch.Generator().manual_seed(1)
    f = torch.randn(4, 3, 2, generator=generator, dtype=torch.float64)
    forward = f - (chain.pi[..., None] * f).sum(1, keepdim=True)
    y = chain.fundamental() @ forward
    assert torch.allclose(y - P @ y, forward, atol=1e-13)
    assert torch.allclose((chain.pi[..., None] * y).sum(1), torch.zeros(4, 2, dtype=torch.float64), atol=1e-13)
    backward = f - f.mean(1, keepdim=True)
    x = chain.fundamental().mT @ backward
    assert torch.allclose(x - P.mT @ x, backward, atol=1e-13)
    assert torch.allclose(x.sum(1), torch.zeros(4, 2, dtype=torch.float64), atol=1e-13)
