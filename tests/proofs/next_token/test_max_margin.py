"""Max-margin solutions: reference values, laws, an independent solver, and forged certificates."""

from dataclasses import replace
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import nnls

from proofs.next_token.dataset import Dataset
from proofs.next_token.examples import NAMED, random_dataset
from proofs.next_token.max_margin import (
    MarginCertificate,
    MarginProblem,
    attention_problems,
    check_certificate,
    degenerate,
    degenerate_twice,
    feed_forward_problems,
    gap,
    support,
)
from proofs.next_token.max_margin_solver import solve
from tests.proofs.next_token.strategies import datasets, relabelled

F = Fraction


def columns(dataset: Dataset) -> list[MarginProblem]:
    return [*attention_problems(dataset).values(), *feed_forward_problems(dataset).values()]


def squared_norm(dataset: Dataset) -> Fraction:
    return sum((solve(p).squared_norm for p in attention_problems(dataset).values()), F(0))


@pytest.mark.parametrize(("name", "value"), [("DS-A", F(2)), ("DS-B", F(2)), ("DS-C", F(23, 6)), ("DS-D", F(2))])
def test_named_norms(name: str, value: Fraction) -> None:
    assert squared_norm(NAMED[name]) == value


@pytest.mark.parametrize("m", range(1, 8))
def test_star(m: int) -> None:
    problem = MarginProblem(m + 2, tuple((0, x) for x in range(1, m + 1)))
    certificate = solve(problem)
    assert certificate.solution == (F(m, m + 1), *[F(-1, m + 1)] * m, F(0))
    assert certificate.duals == (F(1, m + 1),) * m


@pytest.mark.parametrize("r", range(2, 8))
@pytest.mark.parametrize("closed", [False, True])
def test_chain(r: int, closed: bool) -> None:
    """Centred ranks, with or without the pairs that follow by transitivity."""
    pairs = list(combinations(range(r), 2)) if closed else [(x, x + 1) for x in range(r - 1)]
    certificate = solve(MarginProblem(r, tuple(pairs)))
    assert certificate.solution == tuple(F(r - 1, 2) - x for x in range(r))
    assert certificate.squared_norm == F(r * (r * r - 1), 12)
    assert not any(dual for (a, b), dual in zip(pairs, certificate.duals, strict=True) if b > a + 1)


@pytest.mark.parametrize("V", range(2, 13))
def test_feed_forward_column(V: int) -> None:
    certificate = solve(MarginProblem(V, tuple((0, v) for v in range(1, V))))
    assert certificate.solution == (1 - F(1, V), *[-F(1, V)] * (V - 1))
    assert certificate.squared_norm == F(V - 1, V)


def test_degenerate_pair_of_ds_d() -> None:
    (problem,) = attention_problems(NAMED["DS-D"]).values()
    certificate = solve(problem)
    assert certificate.solution == (1, 0, 0, -1)
    assert degenerate(problem, certificate) == [(0, 1)]
    assert degenerate_twice(problem, certificate) == []
    assert certificate.drift == (F(1, 4), F(-3, 4), F(1, 4), F(1, 4))


def test_dependent_support_pairs() -> None:
    """0, 1 > 2, 3: four tight pairs of rank 3. The dual is not unique, and none of the pairs is degenerate."""
    problem = MarginProblem(4, ((0, 2), (0, 3), (1, 2), (1, 3)))
    certificate = solve(problem)
    assert certificate.solution == (F(1, 2), F(1, 2), F(-1, 2), F(-1, 2))
    assert support(problem, certificate) == list(problem.pairs)


@given(datasets(max_V=8, max_sentences=14))
def test_every_solution_is_certified(dataset: Dataset) -> None:
    for problem in columns(dataset):
        certificate = solve(problem)
        assert check_certificate(problem, certificate) == []
        tight = {pair for pair in problem.pairs if gap(certificate.solution, pair) == 1}
        assert tight == {*support(problem, certificate), *degenerate(problem, certificate)}


@given(datasets(max_V=8, max_sentences=14))
def test_least_distance_programming_agrees(dataset: Dataset) -> None:
    """Lawson and Hanson: the shortest w with G w >= 1 from nonnegative least squares, another algorithm altogether."""
    for problem in columns(dataset):
        G = np.zeros((len(problem.pairs), problem.size))
        for i, (a, b) in enumerate(problem.pairs):
            G[i, a], G[i, b] = 1, -1
        E = np.vstack([G.T, np.ones(len(problem.pairs))])
        f = np.zeros(problem.size + 1)
        f[-1] = 1
        residual = E @ nnls(E, f)[0] - f
        w = -residual[:-1] / residual[-1]
        assert np.abs(w - [float(x) for x in solve(problem).solution]).max() < 1e-9  # nnls is a float method


@given(datasets(), st.data())
def test_relabelling_permutes_the_solution(dataset: Dataset, data: st.DataObject) -> None:
    permutation = data.draw(st.permutations(range(dataset.V)))
    other = attention_problems(relabelled(dataset, permutation))
    for q, problem in attention_problems(dataset).items():
        w, permuted = solve(problem).solution, solve(other[permutation[q]]).solution
        assert [permuted[permutation[x]] for x in range(dataset.V)] == list(w)


def forgeries(certificate: MarginCertificate) -> list[MarginCertificate]:
    """The certificate with one of its numbers changed, each in turn, by a little and in sign."""
    forged = []
    for name in ("solution", "duals", "drift", "drift_duals"):
        values = getattr(certificate, name)
        for i, value in enumerate(values):
            others = {value + F(1, 1000), value - F(1, 1000), -value} - {value}
            forged += [replace(certificate, **{name: (*values[:i], other, *values[i + 1 :])}) for other in others]
    return forged


@pytest.mark.parametrize("dataset", [*NAMED.values(), random_dataset(3, 8, 0), random_dataset(3, 8, 1)], ids=str)
def test_forged_certificates_are_detected(dataset: Dataset) -> None:
    tried = 0
    for problem in columns(dataset):
        for forged in forgeries(solve(problem)):
            tried += 1
            assert check_certificate(problem, forged), forged
    assert tried > 50


def test_optimum_of_another_problem_is_rejected() -> None:
    star, chain = MarginProblem(3, ((0, 1), (0, 2))), MarginProblem(3, ((0, 1), (1, 2)))
    assert check_certificate(star, solve(chain))
    assert check_certificate(chain, solve(star))


def test_shorter_but_not_feasible_is_rejected() -> None:
    """The optimum without the second pair, which it leaves at margin 1/2."""
    problem, nothing = MarginProblem(3, ((0, 1), (0, 2))), (F(0),)
    forged = MarginCertificate((F(1, 2), F(-1, 2), F(0)), (F(1, 2), F(0)), nothing * 3, nothing * 2)
    assert check_certificate(problem, forged) == ["a margin is below 1"]


def test_negative_dual_is_rejected() -> None:
    """0 > 1 with the pair 1 > 0 used backwards: all other conditions hold."""
    problem, nothing = MarginProblem(2, ((0, 1), (1, 0))), (F(0),)
    forged = MarginCertificate((F(-1, 2), F(1, 2)), (F(-1, 2), F(0)), nothing * 2, nothing * 2)
    assert "a dual is negative" in check_certificate(problem, forged)


def test_feasible_but_longer_is_rejected() -> None:
    (problem,) = attention_problems(NAMED["DS-D"]).values()
    certificate = solve(problem)
    longer = replace(certificate, solution=tuple(2 * x for x in certificate.solution))
    doubled = replace(longer, duals=tuple(2 * x for x in certificate.duals))
    assert "the solution is not the combination of its pairs" in check_certificate(problem, longer)
    assert "primal and dual value differ" in check_certificate(problem, doubled)


def test_drifts_that_are_none() -> None:
    (problem,) = attention_problems(NAMED["DS-D"]).values()
    certificate, nothing = solve(problem), (F(0),)
    tie_alone = (F(1, 2), F(-1, 2), F(0), F(0))  # of the right length, but it moves the support
    forged = replace(certificate, drift=tie_alone, drift_duals=(F(1, 2), *nothing * 3))
    assert check_certificate(problem, forged) == ["the drift is not orthogonal to the support"]
    reversed_drift = replace(
        certificate, drift=tuple(-x for x in certificate.drift), drift_duals=tuple(-x for x in certificate.drift_duals)
    )
    assert "a dual of the drift is negative" in check_certificate(problem, reversed_drift)
    absent = replace(certificate, drift=nothing * 4, drift_duals=nothing * 4)
    assert check_certificate(problem, absent) == ["the drift does not separate a degenerate pair"]


def test_longer_drift_is_rejected() -> None:
    (problem,) = attention_problems(NAMED["DS-D"]).values()
    certificate = solve(problem)
    longer = replace(
        certificate,
        drift=tuple(2 * x for x in certificate.drift),
        drift_duals=tuple(2 * x for x in certificate.drift_duals),
    )
    assert check_certificate(problem, longer) == ["the drift is not the shortest"]


def test_malformed_certificates() -> None:
    (problem,) = attention_problems(NAMED["DS-D"]).values()
    certificate = solve(problem)
    assert check_certificate(problem, replace(certificate, duals=certificate.duals[1:])) == ["shape"]
    assert check_certificate(problem, replace(certificate, solution=())) == ["shape"]
    floats = tuple(float(x) for x in certificate.solution)
    assert check_certificate(problem, replace(certificate, solution=floats)) == ["not rational"]  # type: ignore[arg-type]  # on purpose
