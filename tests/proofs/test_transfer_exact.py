"""The exact twin of the transfer engine: the gradient given one kernel, against all sequences one by one."""

import math
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.score import score
from proofs.sub_ngrams.score_blocks import ScoreBlocks
from proofs.sub_ngrams.transfer_exact import Kernel, transfer_exact
from tests.strategies import problems

half = Fraction(1, 2)


@st.composite
def kernels(draw: st.DrawFn, law: NGramLaw) -> Kernel:
    """Rows of small rationals, zeros among them."""
    row = st.lists(st.integers(0, 5), min_size=law.S, max_size=law.S).filter(any)
    counts = {u: draw(row) for u in law.contexts}
    return {u: [Fraction(count, sum(counts[u])) for count in counts[u]] for u in law.contexts}


def one_by_one(law: NGramLaw, kernel: Kernel, configuration: Configuration, T: int) -> ScoreBlocks:
    """The definition: every sequence with its probability under the kernel, its score, its tokens."""
    S, n = law.S, law.n
    M = [[[[Fraction(0)] * S for _ in range(S)] for _ in range(n)] for _ in range(n)]
    for x in product(range(S), repeat=T):
        probability = law.probability(x[: n - 1])
        for t in range(n - 1, T):
            probability *= kernel[x[t - n + 1 : t]][x[t]]
        for j, g in enumerate(score(x, kernel[x[T - n + 1 :]], configuration)):
            for a in range(n):
                for b in range(min(n, j + 1)):
                    M[a][b][x[T - 1 - a]][x[j - b]] += probability * g
    return ScoreBlocks.from_nested(M)


@given(st.data())
def test_is_the_average_over_all_sequences(data):
    law, configuration, T = data.draw(problems(max_sequences=243))
    kernel = data.draw(kernels(law))
    assert transfer_exact(law, kernel, configuration, T) == one_by_one(law, kernel, configuration, T)


@settings(max_examples=8)
@given(st.data())
def test_relabelling_the_tokens_relabels_the_blocks(data):
    law, configuration, T = data.draw(problems(max_sequences=81))
    kernel = data.draw(kernels(law))
    to = data.draw(st.permutations(range(law.S)))
    relabelled = {tuple(to[t] for t in u): [row[to.index(s)] for s in range(law.S)] for u, row in kernel.items()}
    M, N = (transfer_exact(law, k, configuration, T) for k in (kernel, relabelled))
    for ab, block in M.blocks.items():
        for v, w in product(range(law.S), repeat=2):
            assert N[ab][to[v]][to[w]] == block[v][w]


def test_a_chain_that_never_moves():
    """x = 00...0 or 11...1: all positions hold the one token that occurs, so that nothing pulls anywhere."""
    kernel = {(0,): [Fraction(1), Fraction(0)], (1,): [Fraction(0), Fraction(1)]}
    M = transfer_exact(NGramLaw(2, 2), kernel, Configuration((1,), math.inf), 5)
    assert all(x == 0 for block in M.blocks.values() for row in block for x in row)


def test_far_beyond_enumeration():
    """n = 1, T = 60, fair coin: g_j = 1/T - 1/2 (1/number of j's kind) where both tokens occur."""
    T = 60
    M = transfer_exact(NGramLaw(2, 1), {(): [half, half]}, Configuration((), math.inf), T)
    # x_T = 0, as have k of the other tokens: the sum of g_j over the zeros is (k + 1)/T - 1/2, or 0 if all are zeros
    expected = sum(
        (Fraction(math.comb(T - 1, k), 2**T) * (Fraction(k + 1, T) - half) for k in range(T - 1)), Fraction(0)
    )
    assert M[0, 0] == ((expected, -expected), (-expected, expected))


@pytest.mark.parametrize(
    ("kernel", "T"),
    [
        ({(0,): [half, half]}, 4),
        ({(0,): [half, half], (1,): [half, Fraction(1, 3)]}, 4),
        ({(0,): [half, half], (1,): [Fraction(3, 2), -half]}, 4),
        ({(0,): [half, half], (1,): [half, half]}, 1),
    ],
)
def test_what_is_no_kernel_or_too_short_is_refused(kernel, T):
    with pytest.raises(ValueError, match=r"row|T="):
        transfer_exact(NGramLaw(2, 2), kernel, Configuration((), math.inf), T)
