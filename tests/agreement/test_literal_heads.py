"""Literal heads, which average where a lag does not exist: every engine against the differentiated network."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from itertools import product
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from numerics.sub_ngrams.annealed import annealed_transfer
from numerics.sub_ngrams.autograd import autograd
from numerics.sub_ngrams.closed_form import by_row, closed_form
from numerics.sub_ngrams.monte_carlo import monte_carlo
from numerics.sub_ngrams.transfer import Quenched, transfer
from proofs.sub_ngrams.configuration import Configuration, Heads
from proofs.sub_ngrams.derivation import averaging_rows, chain_rule, derivation, exponent_identity, score_sums
from proofs.sub_ngrams.enumeration import enumeration
from proofs.sub_ngrams.estimator import check_estimator
from proofs.sub_ngrams.finite_length import FiniteLength, expected_share, read_class, size, type_one
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.laws import DirichletLaw, FixedKernel, Mixture
from proofs.sub_ngrams.score import row_slopes, score
from proofs.sub_ngrams.score_blocks import ParameterGradient, ScoreBlocks, parameter_gradient, parameter_norms
from proofs.sub_ngrams.transfer_exact import transfer_exact
from proofs.sub_ngrams.type_classes import type_classes
from tests.strategies import literal_problems
from verify.papers.sub_ngrams.engines import ENGINES, Options

Problem = tuple[NGramLaw, Configuration, int]


# --- the configuration ---


def test_what_heads_read() -> None:
    padded, literal = (Configuration((1, 3), math.inf, heads) for heads in ("padded", "literal"))
    assert padded.reads((2, 0, 1), 1) == literal.reads((2, 0, 1), 1) == {0: 1}
    assert padded.reads((2, 0, 2), 3) == {}
    assert literal.reads((2, 0, 2), 3) == {2: Fraction(2, 3), 0: Fraction(1, 3)}


def test_matches_are_counted_in_parts() -> None:
    x = (0, 1, 1, 0, 1, 1)
    literal = Configuration((1, 2), math.inf, "literal")
    assert literal.unit == 2
    # x_{T-l+1} is 1 for l = 1 and 2; the first position reads x_0 twice, the second x_0 and the mean of x_0 and x_1
    assert [literal.matches(x, j) for j in range(6)] == [0, 1, 2, 4, 2, 2]
    assert [Configuration((1, 2), math.inf).matches(x, j) for j in range(6)] == [0, 0, 1, 2, 1, 1]


def test_all_matches_are_levels() -> None:
    literal = Configuration((1, 2, 3), math.inf, "literal")
    assert literal.unit == 6
    assert {literal.matches(x, j) for x in product(range(2), repeat=6) for j in range(6)} <= set(literal.levels)
    assert Configuration((1, 2), math.inf).levels == (0, 1, 2)


@pytest.mark.parametrize(
    ("lags", "q", "root"),
    [
        ((1,), Fraction(5, 3), Fraction(5, 3)),
        ((1, 2), Fraction(9, 4), Fraction(3, 2)),
        ((2,), Fraction(8), None),
        ((1, 3), Fraction(3**6, 2**6), Fraction(3, 2)),
        ((1, 3), Fraction(4), None),
        ((11,), Fraction(10**18), None),
        ((1, 2), Fraction(10**40), Fraction(10**20)),
        ((1, 2), 4.0, None),
    ],
)
def test_where_weights_are_rational(lags: tuple[int, ...], q: Fraction | float, root: Fraction | None) -> None:
    configuration = Configuration(lags, q, "literal")
    assert configuration.root == root and configuration.exact == (root is not None)
    assert configuration.weight(configuration.unit) == pytest.approx(float(q))


@pytest.mark.parametrize("engine", [enumeration, derivation, type_classes])
def test_weights_that_are_not_rational_are_refused(engine) -> None:
    with pytest.raises(ValueError, match="rational"):
        engine(NGramLaw(2, 3), Configuration((2,), Fraction(5), "literal"), 4)


def test_other_heads_are_refused() -> None:
    with pytest.raises(ValueError, match="one of padded, literal"):
        Configuration((1,), Fraction(2), "soft")  # type: ignore[arg-type]  # on purpose


# --- the exact engines ---


@settings(max_examples=12)
@given(literal_problems(max_sequences=16))
def test_the_differentiated_network_has_the_gradient_of_the_closed_form(problem: Problem) -> None:
    assert derivation(*problem) == enumeration(*problem)


@settings(max_examples=60)
@given(literal_problems())
def test_type_classes_are_enumeration(problem: Problem) -> None:
    assert type_classes(*problem) == enumeration(*problem)


@pytest.mark.parametrize(("heads", "due"), [("literal", Fraction(111617, 4838400)), ("padded", Fraction(7549, 967680))])
def test_reference_values(heads: Heads, due: Fraction) -> None:
    configuration = Configuration.k_gram(2, Fraction(5), heads)
    gradient = parameter_gradient(enumeration(NGramLaw(2, 3), configuration, 8), configuration)
    assert gradient.K[0, 1][0][0] == due


def test_the_gradient_in_positional_logits() -> None:
    """A row of the size that was found by differentiating the network by hand: 0.0076 c."""
    configuration = Configuration.k_gram(3, Fraction(4), "literal")
    M = enumeration(NGramLaw(2, 3), configuration, 6)
    assert M.rows.keys() == {(2, 2)}
    norms = parameter_norms(M, configuration)
    assert norms is not None
    assert norms["A"] / configuration.c == pytest.approx(0.0076, abs=5e-5)
    assert norms["total"] == pytest.approx(math.hypot(*(norms[name] for name in "QKVA")))


def test_rows_that_are_missing_are_no_zeros() -> None:
    literal = Configuration.k_gram(3, Fraction(4), "literal")
    M = enumeration(NGramLaw(2, 3), literal, 4)
    with pytest.raises(ValueError, match="rows"):
        parameter_gradient(ScoreBlocks(M.blocks), literal)
    with pytest.raises(ValueError, match="different shapes"):
        M.difference(ScoreBlocks(M.blocks))


def test_an_error_in_a_row_is_a_difference() -> None:
    M = enumeration(NGramLaw(2, 3), Configuration.k_gram(3, Fraction(4), "literal"), 4)
    moved = ScoreBlocks(M.blocks, rows={key: ((row[0] + Fraction(1, 7), *row[1:]),) for key, (row,) in M.rows.items()})
    assert M.difference(moved) == M.excess(moved) == pytest.approx(1 / 7)


# --- the float engines ---


@settings(max_examples=25)
@given(literal_problems(max_sequences=128))
def test_float_engines_are_within_their_errors(problem: Problem) -> None:
    exact = type_classes(*problem)
    for floats in (closed_form(*problem), autograd(*problem)):
        assert floats.rows.keys() == exact.rows.keys()
        assert floats.error < 1e-10
        assert floats.excess(exact) <= 0


@settings(max_examples=15)
@given(literal_problems(max_sequences=128))
def test_monte_carlo_is_within_its_intervals(problem: Problem) -> None:
    assert monte_carlo(*problem, samples=2000, level=1 - 1e-9).excess(type_classes(*problem)) <= 0


def kernel_of(law: NGramLaw, seed: int) -> dict[tuple[int, ...], list[Fraction]]:
    draw = random.Random(seed)
    rows = {u: [draw.randint(1, 9) for _ in range(law.S)] for u in law.contexts}
    return {u: [Fraction(x, sum(row)) for x in row] for u, row in rows.items()}


def gradient_given(law: NGramLaw, kernel, configuration: Configuration, T: int) -> ScoreBlocks:
    """Sequence by sequence, with target tau(. | u)."""
    S, n = law.S, law.n
    M = [[[[Fraction(0)] * S for _ in range(S)] for _ in range(n)] for _ in range(n)]
    rows = {(h, t): [Fraction(0)] * t for h, t in configuration.averaging_rows}
    for x in product(range(S), repeat=T):
        p = law.probability(x[: n - 1])
        for t in range(n - 1, T):
            p *= kernel[x[t - n + 1 : t]][x[t]]
        g = score(x, kernel[x[T - n + 1 :]], configuration)
        of_x = score_sums(x, g, S, n, configuration.heads)
        for a, b, v, w in product(range(n), range(n), range(S), range(S)):
            M[a][b][v][w] += p * of_x[a][b][v][w]
        for key, slopes in row_slopes(x, g, configuration).items():
            rows[key] = [total + p * slope for total, slope in zip(rows[key], slopes, strict=True)]
    return ScoreBlocks.from_nested(M, rows=rows)


def in_floats(found: Quenched, configuration: Configuration) -> ScoreBlocks:
    rows = by_row(found.rows[0].tolist(), configuration)
    return ScoreBlocks.from_nested(
        found.blocks[0].tolist(),
        torch.full_like(found.blocks[0], found.error).tolist(),
        rows=rows,
        row_errors={key: [found.error] * len(row) for key, row in rows.items()},
    )


@settings(max_examples=10)
@given(literal_problems(max_sequences=16, max_n=3), st.integers(0, 99))
@example((NGramLaw(2, 4), Configuration((1, 3), Fraction(64), "literal"), 4), 1)
def test_given_the_kernel(problem: Problem, seed: int) -> None:
    law, configuration, T = problem
    kernel = kernel_of(law, seed)
    exact = transfer_exact(law, kernel, configuration, T)
    assert exact == gradient_given(law, kernel, configuration, T)
    kernels = torch.tensor([[[float(x) for x in kernel[u]] for u in law.contexts]], dtype=torch.float64)
    floats = in_floats(transfer(kernels, law, configuration, T), configuration)
    assert floats.error < 1e-10 and floats.excess(exact) <= 0


@settings(max_examples=12)
@given(literal_problems(max_sequences=64, max_n=3))
def test_transfer_is_within_its_errors(problem: Problem) -> None:
    if problem[0].S ** (problem[0].n - 1) > 4:
        return  # slow
    found = annealed_transfer(*problem, tolerance=1e-9)
    assert found.error < 1e-6 and found.excess(type_classes(*problem)) <= 0


@pytest.mark.parametrize(
    ("T", "due", "engine"), [(32, 0.216, "type_classes"), (100, 0.237, "transfer"), (300, 0.245, "transfer")]
)
def test_what_literal_heads_add_at_q_equal_to_T(T: int, due: float, engine: str) -> None:
    """T (literal - padded) of dK_0/sqrt(c), reference values of another program."""
    law = NGramLaw(2, 3)
    padded, literal = (
        ENGINES[engine].compute(
            law, Configuration((1,), Fraction(T), heads), T, Options(tolerance=2e-4 / T, minutes=0.05)
        )
        for heads in ("padded", "literal")
    )
    error = T * float(literal.error_of((0, 0), 0, 0) + padded.error_of((0, 0), 0, 0))
    assert error < 0.05
    # three digits are given, and lattices are more accurate than their errors say
    assert abs(T * float(literal[0, 0][0][0] - padded[0, 0][0][0]) - due) <= min(error, 1e-3) + 5e-4


def test_an_irrational_root_is_for_float_engines() -> None:
    law, T = NGramLaw(2, 3), 6
    problem = law, Configuration((1, 2), Fraction(8), "literal"), T
    assert closed_form(*problem).excess(autograd(*problem)) <= 0
    assert closed_form(*problem).excess(monte_carlo(*problem, samples=4000, level=1 - 1e-9)) <= 0
    near = Fraction(2828427124746190097603377448419396157139, 10**39) ** 2  # 8 to 39 digits
    exact = type_classes(law, Configuration((1, 2), near, "literal"), T)
    assert closed_form(*problem).excess(exact) <= 1e-15


def test_floats_of_padded_heads_are_not_those_of_literal_ones() -> None:
    law, T = NGramLaw(2, 3), 6
    padded, literal = (Configuration((2,), Fraction(9), heads) for heads in ("padded", "literal"))
    exact = type_classes(law, literal, T)
    for engine in (closed_form, autograd):
        blocks = engine(law, padded, T)
        assert ScoreBlocks(exact.blocks).excess(ScoreBlocks(blocks.blocks, blocks.errors)) > 1e-4


def other_laws() -> list[Any]:
    skewed = [[Fraction(1, 5), Fraction(4, 5)], [Fraction(2, 3), Fraction(1, 3)]] * 2
    kernel = FixedKernel(tuple(map(tuple, skewed)), "stationary")
    drawn = DirichletLaw(((Fraction(1), Fraction(1, 2)),), 3)
    half = Fraction(1, 2)
    return [kernel, drawn, Mixture(((half, kernel), (half, NGramLaw(2, 3))))]


@pytest.mark.parametrize("law", other_laws(), ids=lambda law: type(law).__name__)
@pytest.mark.parametrize("q", [Fraction(9, 4), math.inf])
def test_other_laws(law: Any, q: Fraction | float) -> None:
    problem = law, Configuration((1, 2), q, "literal"), 5
    exact = ENGINES["enumeration"].compute(*problem)
    assert exact.rows and any(any(row) for (row,) in exact.rows.values())
    for name, engine in ENGINES.items():
        if engine.obstacle(*problem) is None:
            found = engine.compute(*problem, Options(level=1 - 1e-9, samples=1000, tolerance=1e-9))
            assert found.excess(exact) <= 0, name


# --- the bound on blocks of used key lags (SN16's page): r + n - 1 in the place of r ---


@settings(max_examples=40)
@given(literal_problems(max_sequences=64).filter(lambda problem: problem[1].lags))
def test_blocks_of_used_key_lags_are_within_the_bound_with_n_minus_1_more(problem: Problem) -> None:
    law, configuration, T = problem
    M, numbers = type_classes(*problem), FiniteLength(law.S, law.n, T, configuration)
    padded = FiniteLength(law.S, law.n, T, Configuration(configuration.lags, configuration.q))
    assert numbers.r == padded.r + law.n - 1
    share = expected_share(law, T, numbers.r, read_class(configuration.lags))
    assert all(size(M[ab]) <= share for ab in type_one(law.n, configuration.lags))


def weights_of_keys(x: tuple[int, ...], configuration: Configuration) -> list[Fraction]:
    """Of the keys of a sequence, relative to those that match in every lag."""
    fewer = [configuration.levels[-1] - configuration.matches(x, j) for j in range(len(x))]
    if configuration.at_limit:
        return [Fraction(f == 0) for f in fewer]
    return [1 / Fraction(configuration.weight(f)) for f in fewer]


@given(literal_problems().filter(lambda problem: problem[1].lags), st.data())
def test_given_one_sequence_and_a_label(problem: Problem, data: st.DataObject) -> None:
    """Lemma 6: the mean of what a used key lag reads, against that over the label's keys, by the keys that match."""
    law, configuration, T = problem
    n, lags = law.n, configuration.lags
    x = data.draw(st.tuples(*[st.integers(0, law.S - 1)] * T))
    omega = weights_of_keys(x, configuration)
    r = FiniteLength(law.S, n, T, configuration).r
    match = [j for j in range(n - 1, T) if configuration.matches(x, j) == configuration.levels[-1]]
    assert sum(omega) - len(match) <= r
    for y in set(x):
        keys = [j for j in range(T) if x[j] == y]
        bound = r / (sum(x[j] == y for j in match) + r)
        if not sum(omega[j] for j in keys):  # at q = inf, none of the label's keys matches in every lag
            assert bound == 1
            continue
        for b in lags:
            gap = [Fraction(0)] * law.S
            for over, sign in ((range(T), 1), (keys, -1)):
                total = sum(omega[j] for j in over)
                for j in over:
                    for v, share in configuration.reads(x[: j + 1], b).items():
                        gap[v] += sign * omega[j] * share / total
            assert max(sum(g for g in gap if g > 0), -sum(g for g in gap if g < 0)) <= bound


def test_the_first_keys_do_weigh_more_than_r() -> None:
    """Why n-1 is added: a half match weighs q^-1/2, and not 1/q."""
    literal = Configuration((2,), Fraction(9), "literal")
    x = (1, 0, *[1] * 12, 0, 1)  # x_{T-1} = 0: the fourth key matches, the second by half
    T, n = len(x), 3
    padded = Configuration((2,), Fraction(9))
    r = FiniteLength(2, n, T, padded).r
    assert [sum(weights_of_keys(x, c)) - 1 for c in (padded, literal)] == [
        Fraction(15, 9),
        Fraction(14, 9) + Fraction(1, 3),
    ]
    assert Fraction(15, 9) <= r < Fraction(14, 9) + Fraction(1, 3)


def test_the_bound_of_the_estimator_is_about_padded_heads() -> None:
    """SN3: the first key reads its own token, matches, and is not preceded by the context."""
    padded, literal = (Configuration((1,), Fraction(100), heads) for heads in ("padded", "literal"))
    assert check_estimator(2, padded, 5, Fraction(2)).counterexample is None
    assert check_estimator(2, literal, 5, Fraction(2)).counterexample is not None


# --- SN2 ---

NETWORKS = [(2, 2, 4, (1,)), (2, 3, 5, (1,)), (2, 3, 5, (2,)), (2, 3, 4, (1, 2)), (3, 3, 3, (1, 2)), (2, 4, 4, (1, 3))]


@pytest.mark.parametrize(("S", "n", "T", "lags"), NETWORKS)
def test_chain_rule(S: int, n: int, T: int, lags: tuple[int, ...]) -> None:
    assert exponent_identity(S, n, T, lags, "literal").hold
    assert chain_rule(S, n, T, lags, heads="literal").hold
    assert averaging_rows(S, n, T, lags).hold


def without_rows(M: ScoreBlocks, configuration: Configuration) -> ParameterGradient:
    right = parameter_gradient(M, configuration)
    return ParameterGradient(right.Q, right.K, right.V)


def test_that_all_of_A_is_0_is_refuted() -> None:
    """As it is said, rightly, of padded heads; and with lag 1 alone it holds of literal heads too."""
    assert averaging_rows(2, 3, 4, (1, 2), without_rows).failed > 0
    assert averaging_rows(2, 3, 4, (1,), without_rows).hold


def test_the_exponents_of_padded_heads_are_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    padded = Configuration.matches

    def shifted(self: Configuration, x, j: int) -> int:
        return self.unit * padded(Configuration(self.lags, self.q), x, j)

    monkeypatch.setattr(Configuration, "matches", shifted)
    assert exponent_identity(2, 3, 4, (2,), "literal").failed > 0
