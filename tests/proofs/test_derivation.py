"""The literal network, differentiated by sympy, against the closed form (SN1), the chain rule (SN2) and enumeration."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations, product
from typing import Any

import mpmath
import pytest
import sympy
from hypothesis import given, settings

from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.derivation import (
    chain_rule,
    closed_form,
    derivation,
    every_entry,
    exponent_identity,
    merged_identity,
    saturation,
    score_identity,
    score_sums,
    sequences_up_to_relabelling,
)
from proofs.sub_ngrams.enumeration import enumeration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.literal_network import configuration_values, factorised_entries, score_derivative
from proofs.sub_ngrams.score import score
from proofs.sub_ngrams.score_blocks import ParameterGradient, ScoreBlocks, parameter_gradient, transpose
from tests.strategies import problems

NETWORKS = [(2, 1, 4), (2, 2, 5), (2, 3, 5), (3, 2, 4), (3, 1, 3)]
CONFIGURATIONS = [
    (S, n, T, lags) for S, n, T in NETWORKS for size in range(n) for lags in combinations(range(1, n), size)
]


# --- SN1 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("S", "T"), [(2, 1), (2, 2), (2, 5), (3, 4)])
def test_score_identity(S: int, T: int) -> None:
    found = score_identity(S, T)
    assert found.hold
    assert found.checked == T * len(list(sequences_up_to_relabelling(S, T)))


def without_rho(x: Sequence[int], j: int, E: Sequence[Any], P: Sequence[Any]) -> Any:
    """Right only if all tokens occur and P sums to one."""
    return E[j] / sum(E) - P[x[j]] * E[j] / sum(E_i for E_i, s in zip(E, x, strict=True) if s == x[j])


def not_within(x: Sequence[int], j: int, E: Sequence[Any], P: Sequence[Any]) -> Any:
    """P(x_j) a_j in place of P(x_j) a_j / p(x_j)."""
    return (sum(P[s] for s in set(x)) - P[x[j]]) * E[j] / sum(E)


def wrong_sign(x: Sequence[int], j: int, E: Sequence[Any], P: Sequence[Any]) -> Any:
    return -closed_form(x, j, E, P)


@pytest.mark.parametrize("wrong", [without_rho, not_within, wrong_sign])
def test_wrong_closed_forms_are_refuted(wrong: Any) -> None:
    found = score_identity(2, 3, wrong)
    assert not found.hold and found.failed > 0
    assert found.counterexample is not None and "residual" in found.counterexample


@given(problems(max_sequences=64))
def test_the_score_in_rationals_is_the_derivative(problem: tuple[NGramLaw, Configuration, int]) -> None:
    law, configuration, T = problem
    if configuration.at_limit:
        return  # dealt with by the engine, below
    rng = random.Random(T)
    x = [rng.randrange(law.S) for _ in range(T)]
    P = [Fraction(rng.randint(1, 9)) for _ in range(law.S)]
    E = [Fraction(configuration.q) ** configuration.matches(x, j) for j in range(T)]
    assert score(x, P, configuration) == [score_derivative(x, j, E, P) for j in range(T)]


@pytest.mark.parametrize(("S", "n", "T"), NETWORKS)
def test_merged_identity(S: int, n: int, T: int) -> None:
    found = merged_identity(S, n, T)
    assert found.hold
    assert found.checked == (n * S) ** 2 * len(list(sequences_up_to_relabelling(S, T)))


def test_a_wrong_merged_gradient_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    def swapped(x: Sequence[int], g: Sequence[Any], S: int, n: int) -> Any:
        M = score_sums(x, g, S, n)
        return [[M[b][a] for b in range(n)] for a in range(n)]

    monkeypatch.setattr("proofs.sub_ngrams.derivation.score_sums", swapped)
    assert merged_identity(2, 2, 3).failed > 0


# --- SN2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("S", "n", "T", "lags"), CONFIGURATIONS)
def test_exponents_are_the_matches(S: int, n: int, T: int, lags: tuple[int, ...]) -> None:
    assert exponent_identity(S, n, T, lags).hold


@pytest.mark.parametrize(("S", "n", "T", "lags"), CONFIGURATIONS)
def test_chain_rule(S: int, n: int, T: int, lags: tuple[int, ...]) -> None:
    found = chain_rule(S, n, T, lags)
    assert found.hold, found.counterexample
    entries = 2 * (n * S) ** 2 + (n - 1) * S**2
    assert found.checked == entries * len(list(sequences_up_to_relabelling(S, T)))


def not_transposed(M: ScoreBlocks, configuration: Configuration) -> ParameterGradient:
    right = parameter_gradient(M, configuration)
    return ParameterGradient(right.Q, {key: transpose(block) for key, block in right.K.items()}, right.V)


def key_side_only(M: ScoreBlocks, configuration: Configuration) -> ParameterGradient:
    """V^(h) as if head h were read by keys alone."""
    right = parameter_gradient(M, configuration)
    V = {h: transpose(M[h - 1, h]) for h in configuration.active_heads}
    return ParameterGradient(right.Q, right.K, V)


def a_block_too_few(M: ScoreBlocks, configuration: Configuration) -> ParameterGradient:
    right = parameter_gradient(M, configuration)
    Q = dict(right.Q)
    del Q[0, 1]
    return ParameterGradient(Q, right.K, right.V)


@pytest.mark.parametrize("wrong", [not_transposed, key_side_only, a_block_too_few])
def test_wrong_chain_rules_are_refuted(wrong: Any) -> None:
    assert chain_rule(2, 3, 4, (1, 2), wrong).failed > 0


def test_inactive_heads_may_read_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Switched on by mistake, head 2 shows what it reads: not the token at lag 2 but any vector y."""

    def all_heads_on(S: int, n: int, configuration: Configuration, root_c: Any) -> list[Any]:
        entries = zip(factorised_entries(S, n), configuration_values(S, n, configuration, root_c), strict=True)
        return [int(index[1] == index[2]) if name == "V" else value for (name, index), value in entries]

    monkeypatch.setattr("proofs.sub_ngrams.derivation.configuration_values", all_heads_on)
    found = chain_rule(2, 3, 4, (1,))
    assert found.failed > 0
    assert found.counterexample is not None and "y0" in found.counterexample


def test_a_wrong_match_count_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    def shifted(self: Configuration, x: Sequence[int], j: int) -> int:
        return sum(j >= lag and x[j - lag] == x[len(x) - 1 - lag] for lag in self.lags)

    monkeypatch.setattr(Configuration, "matches", shifted)
    assert exponent_identity(2, 2, 4, (1,)).failed > 0


def literal_loss(x: Sequence[int], S: int, heads: Any, lags: tuple[int, ...], free: str) -> tuple[Any, dict[Any, Any]]:
    """The loss of the whole network on one sequence, as one expression in the parameters `free` ("Q", "K" or "V").

    At the configuration with q = 2, where all other parameters have their values already; P_s = s + 1. heads[h-1][t][i]
    is the weight with which head h at t attends to i. Written with matrices, apart from the code under test.
    """
    T, n = len(x), len(heads) + 1
    D = n * S
    identity, root_c = sympy.eye(S), sympy.sqrt(sympy.log(2))
    value = {name: sympy.zeros(D, D) for name in "QK"}
    value |= {h: identity if h in lags or h + 1 in lags else sympy.zeros(S, S) for h in range(1, n)}
    for lag in lags:
        slot = slice(lag * S, (lag + 1) * S)
        value["Q"][(lag - 1) * S : lag * S, slot] = value["K"][slot, slot] = root_c * identity

    names = {}
    for group in range(1, n) if free == "V" else [free]:
        at_configuration = value[group]
        rows, columns = at_configuration.shape
        value[group] = sympy.Matrix(rows, columns, lambda i, d, group=group: sympy.Symbol(f"{group}_{i}_{d}"))
        for i, d in product(range(rows), range(columns)):
            index = (group, i, d) if free == "V" else (i // S, i % S, d // S, d % S)
            names[free, index] = (value[group][i, d], at_configuration[i, d])

    tokens = sympy.Matrix(T, S, lambda t, s: int(x[t] == s))
    stream = sympy.Matrix.hstack(tokens, *(sympy.Matrix(head) * tokens * value[h] for h, head in enumerate(heads, 1)))
    z = (stream * value["K"]) * (stream[T - 1, :] * value["Q"]).T
    Z = sum(sympy.exp(z_j) for z_j in z)
    loss = -sum((s + 1) * sympy.log(sum(sympy.exp(z[j]) for j in range(T) if x[j] == s) / Z) for s in sorted(set(x)))
    return loss, names


@pytest.mark.parametrize("free", ["Q", "K", "V"])
@pytest.mark.parametrize(
    ("n", "lags", "x"),
    [
        *((2, (1,), x) for x in product(range(2), repeat=3)),
        (3, (1, 2), (0, 1, 1, 0)),
        (3, (1,), (1, 0, 1, 0)),
        (3, (2,), (0, 1, 0, 0)),
    ],
)
def test_without_the_chain_rule(n: int, lags: tuple[int, ...], x: tuple[int, ...], free: str) -> None:
    """The slow twin: the whole loss as one expression, differentiated directly; at q = 2, in exact numbers."""
    S, T = 2, len(x)
    heads = [[[int(i == t - h) for i in range(T)] for t in range(T)] for h in range(1, n)]
    loss, names = literal_loss(x, S, heads, lags, free)
    values = dict(names.values())

    configuration = Configuration(lags, Fraction(2))
    E = [sympy.Integer(2) ** configuration.matches(x, j) for j in range(T)]
    g = [closed_form(x, j, E, [1, 2]) for j in range(T)]
    gradient = parameter_gradient(ScoreBlocks.from_nested(score_sums(x, g, S, n)), configuration)
    predicted = dict(every_entry(gradient, S, n, sympy.sqrt(sympy.log(2))))
    assert {name for name in predicted if name[0] == free} == set(names)
    for name, (symbol, _) in names.items():
        assert sympy.expand(sympy.diff(loss, symbol).subs(values) - predicted[name]) == 0, name


@pytest.mark.parametrize(("n", "T"), [(2, 2), (2, 5), (3, 5), (4, 4)])
def test_saturation(n: int, T: int) -> None:
    assert saturation(n, T).hold


def test_without_heads_there_is_nothing_to_saturate() -> None:
    assert saturation(1, 4).checked == 0 and not saturation(1, 4).hold


def test_positional_gradient_of_soft_heads() -> None:
    """dl/dA of the literal network falls like e^-c_A in every row t > h; before (but for t = 1) it does not."""
    S, n, x, lags = 2, 3, (0, 1, 1), (2,)
    T = len(x)
    A = [[[sympy.Symbol(f"A{h}_{t}_{i}") for i in range(t + 1)] for t in range(T)] for h in range(1, n)]
    heads = [
        [[sympy.exp(row[i]) / sum(map(sympy.exp, row)) if i < len(row) else 0 for i in range(T)] for row in head]
        for head in A
    ]
    loss, names = literal_loss(x, S, heads, lags, "Q")
    loss = loss.subs(dict(names.values()))
    logits = [(h, t, i) for h in range(1, n) for t in range(T) for i in range(t + 1)]
    symbols = [A[h - 1][t][i] for h, t, i in logits]
    slopes = sympy.lambdify(symbols, [sympy.diff(loss, symbol) for symbol in symbols], "mpmath", cse=True)

    def gradient(c_A: int) -> dict[bool, float]:
        """The largest derivative in rows with (True) and without (False) a position t-h."""
        largest = {True: 0.0, False: 0.0}
        with mpmath.workdps(30):
            found = slopes(*(mpmath.mpf(c_A) if i == t - h else mpmath.mpf(0) for h, t, i in logits))
        for (h, t, _), slope in zip(logits, found, strict=True):
            largest[t >= h] = max(largest[t >= h], abs(float(slope)))
        return largest

    small, large = gradient(10), gradient(20)
    assert 0 < large[True] < small[True] * math.exp(-9)
    assert large[False] > 0.01


# --- the engine -------------------------------------------------------------------------------------------------------


@settings(max_examples=12)
@given(problems(max_sequences=32))
def test_derivation_is_enumeration(problem: tuple[NGramLaw, Configuration, int]) -> None:
    assert derivation(*problem) == enumeration(*problem)


def test_reference_value() -> None:
    M = derivation(NGramLaw(2, 3), Configuration.k_gram(2, math.inf), 8)
    assert M[0, 1][0] == (Fraction(131, 4032), Fraction(-105083, 4233600))
    assert M[1, 1][0] == (Fraction(-33091, 3386880), Fraction(2009, 115200))


def test_a_single_token() -> None:
    assert derivation(NGramLaw(2, 1), Configuration((), Fraction(2)), 1)[0, 0] == ((0, 0), (0, 0))


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="rational q"):
        derivation(NGramLaw(2, 2), Configuration((1,), 2.5), 3)
    with pytest.raises(ValueError, match="lags"):
        chain_rule(2, 2, 3, (2,))
