"""Laws other than the symmetric prior: every engine that knows one agrees with every other, and the rest refuse it."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from itertools import combinations, product
from pathlib import Path
from typing import Any

import mpmath
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import landscape_verifier as lv
from numerics.sub_ngrams.draws import draw, stationary
from numerics.sub_ngrams.monte_carlo import monte_carlo
from numerics.sub_ngrams.sequences import JOINT, joint
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.enumeration import enumeration
from proofs.sub_ngrams.infinite_length import infinite_length
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.laws import DirichletLaw, FixedKernel, Law, Mixture, StationaryStarts, components
from proofs.sub_ngrams.relabelled_classes import type_classes_under
from proofs.sub_ngrams.score_blocks import ScoreBlocks
from proofs.sub_ngrams.transfer_exact import transfer_exact
from verify.papers.sub_ngrams.engines import ENGINES, Options

AnyLaw = NGramLaw | Law
positive = st.builds(Fraction, st.integers(1, 9), st.integers(1, 9))


@st.composite
def rows(draw: Any, S: int, *, zeros: bool) -> tuple[Fraction, ...]:
    weights = draw(st.lists(st.integers(0 if zeros else 1, 9), min_size=S, max_size=S).filter(any))
    return tuple(Fraction(w, sum(weights)) for w in weights)


@st.composite
def kernels(draw: Any, S: int, n: int) -> FixedKernel:
    zeros = draw(st.booleans())
    kernel = tuple(draw(rows(S, zeros=zeros)) for _ in range(S ** (n - 1)))
    starts = ["uniform", draw(rows(S ** (n - 1), zeros=True))] + ([] if zeros else ["stationary"])
    return FixedKernel(kernel, draw(st.sampled_from(starts)))


@st.composite
def priors(draw: Any, S: int, n: int) -> DirichletLaw:
    count = draw(st.sampled_from((1, S ** (n - 1))))
    alpha = tuple(tuple(draw(positive) for _ in range(S)) for _ in range(count))
    return DirichletLaw(alpha, n, draw(st.sampled_from(("uniform", draw(rows(S ** (n - 1), zeros=True))))))


@st.composite
def laws(draw: Any, S: int, n: int, *, mixed: bool = True) -> AnyLaw:
    simple = st.one_of(kernels(S, n), priors(S, n), st.builds(NGramLaw, st.just(S), st.just(n), positive))
    if mixed and draw(st.booleans()):
        parts = draw(st.lists(simple, min_size=1, max_size=3))
        weights = draw(rows(len(parts), zeros=False))
        return Mixture(tuple(zip(weights, parts, strict=True)))
    law: AnyLaw = draw(simple)
    return law


@st.composite
def problems(draw: Any) -> tuple[AnyLaw, Configuration, int]:
    S, n = draw(st.sampled_from([(2, 1), (2, 2), (2, 3), (3, 1), (3, 2)]))
    T = draw(st.integers(n, 5 if S == 2 else 4))
    lags = tuple(lag for lag in range(1, n) if draw(st.booleans()))
    q = draw(st.sampled_from((Fraction(2), Fraction(7, 3), Fraction(40), math.inf)))
    return draw(laws(S, n)), Configuration(lags, q), T


@given(problems())
def test_engines_agree(problem: tuple[AnyLaw, Configuration, int]) -> None:
    law, configuration, T = problem
    options = Options(level=1 - 1e-9, samples=300, tolerance=1e-6, minutes=0.005, device="cpu")
    slow = {"transfer"} if any(isinstance(part, NGramLaw) for _, part in components(law)) else set()
    found = {
        name: engine.compute(law, configuration, T, options)
        for name, engine in ENGINES.items()
        if engine.obstacle(law, configuration, T) is None and name not in slow
    }
    assert {"enumeration", "type_classes", "closed_form", "autograd", "monte_carlo"} <= found.keys()
    for first, second in combinations(found, 2):
        assert found[first].excess(found[second]) <= 0, (first, second)
    assert found["enumeration"].blocks == found["type_classes"].blocks


@given(st.data())
def test_probabilities_are_those_of_one_law(data: st.DataObject) -> None:
    S, n = data.draw(st.sampled_from([(2, 1), (2, 2), (2, 3), (3, 2)]))
    law = data.draw(laws(S, n))
    T = n + 1
    words = list(product(range(S), repeat=T))
    assert sum(law.probability(x) for x in words) == 1
    for x in words:
        if law.probability(x):
            assert [law.probability((*x, s)) for s in range(S)] == [law.probability(x) * p for p in law.predictive(x)]
    p, P = joint(law, torch.tensor(words))
    assert p.tolist() == pytest.approx([float(law.probability(x)) for x in words], rel=1e-12, abs=0)
    for x, predictive in zip(words, P.tolist(), strict=True):
        assert sum(predictive) == pytest.approx(1)
        if law.probability(x):
            assert predictive == pytest.approx([float(p) for p in law.predictive(x)], rel=1e-12, abs=0)


def test_symmetric_parameters_are_the_symmetric_prior() -> None:
    alpha = Fraction(1, 2)
    for n, T in ((1, 4), (2, 4), (3, 4)):
        law, symmetric = DirichletLaw(((alpha, alpha),), n), NGramLaw(2, n, alpha)
        for x in product(range(2), repeat=T):
            assert law.probability(x) == symmetric.probability(x) and law.predictive(x) == symmetric.predictive(x)


KERNEL = ((Fraction(1, 3), Fraction(2, 3)), (Fraction(3, 4), Fraction(1, 4)))


def test_one_kernel_against_the_exact_transfer() -> None:
    configuration = Configuration((1,), Fraction(3))
    by_context = dict(zip(NGramLaw(2, 2).contexts, KERNEL, strict=True))
    assert transfer_exact(NGramLaw(2, 2), by_context, configuration, 6) == enumeration(
        FixedKernel(KERNEL), configuration, 6
    )


def test_one_kernel_tends_to_its_limit() -> None:
    configuration = Configuration((1,), Fraction(3))
    limit = infinite_length(KERNEL, configuration)
    gaps = []
    for T in (10**2, 10**4):
        found = ENGINES["transfer"].compute(FixedKernel(KERNEL, "stationary"), configuration, T)
        assert found.error <= 1e-9
        gaps.append(limit.difference(found))
    assert 90 < gaps[0] / gaps[1] < 110  # like 1/T


def test_stationary_starts_of_one_kernel() -> None:
    law = FixedKernel(KERNEL, "stationary")
    assert law.start == (Fraction(9, 17), Fraction(8, 17))
    slow = FixedKernel(((Fraction(1), Fraction(0)), (Fraction(1), Fraction(0))), "stationary")
    assert slow.start == (1, 0)  # the other context is left for good
    with pytest.raises(ValueError, match="the kernel has 2 stationary laws, and mixtures of them"):
        FixedKernel(((Fraction(1), Fraction(0)), (Fraction(0), Fraction(1))), "stationary")
    found = stationary(torch.tensor([[[1 / 3, 2 / 3], [3 / 4, 1 / 4]]], dtype=torch.float64))
    assert found[0].tolist() == pytest.approx([9 / 17, 8 / 17], rel=1e-14)


def test_stationary_starts_of_random_kernels() -> None:
    """S = n = 2, T = 3, alpha = (1, 2): the integral over both rows by quadrature, of the same chain by another way."""
    alpha, configuration = (1, 2), Configuration((1,), Fraction(3))
    law = StationaryStarts(DirichletLaw((tuple(map(Fraction, alpha)),), 2))
    found = monte_carlo(law, configuration, 3, samples=200_000, level=1 - 1e-6)
    blocks = {x: _blocks_of_sequence(x, configuration) for x in product(range(2), repeat=3)}

    def mean(a: int, b: int, v: int, w: int) -> float:
        def integrand(p: Any, r: Any) -> Any:  # tau(1 | 0) = p, tau(1 | 1) = r, each with density 2 p
            tau = ((1 - p, p), (1 - r, r))
            pi = ((1 - r) / (1 - r + p), p / (1 - r + p))
            return (
                4
                * p
                * r
                * sum(
                    pi[x[0]] * tau[x[0]][x[1]] * tau[x[1]][x[2]] * tau[x[2]][y] * M[y][a, b][v][w]
                    for x, M in blocks.items()
                    for y in range(2)
                )
            )

        return float(mpmath.quad(integrand, [0, 1], [0, 1], maxdegree=5))

    for a, b, v, w in ((0, 1, 0, 0), (0, 1, 1, 0), (0, 0, 0, 1), (1, 1, 1, 1)):
        assert abs(mean(a, b, v, w) - found[a, b][v][w]) <= float(found.error_of((a, b), v, w))


def _blocks_of_sequence(x: tuple[int, ...], configuration: Configuration) -> dict[int, ScoreBlocks]:
    """Score blocks of one sequence for each label."""
    from proofs.sub_ngrams.derivation import score_sums
    from proofs.sub_ngrams.score import score

    labels = {y: [Fraction(int(s == y)) for s in range(2)] for y in range(2)}
    return {y: ScoreBlocks.from_nested(score_sums(x, score(x, P, configuration), 2, 2)) for y, P in labels.items()}


class Reversed(NGramLaw):
    """Own probabilities under the name of another law: even lengths are likelier to repeat the first token."""

    def probability(self, x: Any) -> Fraction:
        same = sum(x[t] == x[0] for t in range(1, len(x)))
        return Fraction(1, 2) * Fraction(2, 3) ** same * Fraction(1, 3) ** (max(len(x) - 1, 0) - same)

    def predictive(self, x: Any) -> tuple[Fraction, ...]:
        return tuple(Fraction(2, 3) if s == x[0] else Fraction(1, 3) for s in range(2))


class Sampled(Reversed):
    def sample(self, count: int, T: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        first = torch.randint(2, (count, 1), generator=generator)
        rest = (torch.rand(count, T - 1, generator=generator) < 1 / 3).long() ^ first
        P = torch.full((count, 2), 1 / 3, dtype=torch.float64).scatter_(1, first, 2 / 3)
        return torch.cat([first, rest], 1), P


def test_a_law_of_ones_own() -> None:
    configuration, options = Configuration((1,), Fraction(3)), Options(level=1 - 1e-9, samples=20_000, device="cpu")
    law = Sampled(2, 2)
    found = {
        name: engine.compute(law, configuration, 5, options)
        for name, engine in ENGINES.items()
        if engine.obstacle(law, configuration, 5) is None
    }
    assert found.keys() == {"enumeration", "derivation", "autograd", "closed_form", "monte_carlo"}
    for first, second in combinations(found, 2):
        assert found[first].excess(found[second]) <= 0
    assert found["enumeration"].difference(enumeration(NGramLaw(2, 2), configuration, 5)) > 1e-3
    for name in ("type_classes", "transfer", "monte_carlo"):
        with pytest.raises(
            lv.UsageError, match=rf"engine={name} knows .*, not Reversed; engines that can: enumeration"
        ):
            ENGINES[name].compute(Reversed(2, 2), configuration, 5, options)


def test_a_subclass_is_not_taken_for_what_it_extends() -> None:
    class Lazy(FixedKernel):
        def probability(self, x: Any) -> Fraction:
            return Fraction(1, 2) ** len(x)

        def predictive(self, x: Any) -> tuple[Fraction, ...]:
            return (Fraction(1, 2), Fraction(1, 2))

    law, fair = Lazy(KERNEL), FixedKernel(((Fraction(1, 2),) * 2,) * 2)
    assert type(law) not in JOINT
    configuration = Configuration((1,), Fraction(3))
    for name in ("enumeration", "derivation", "autograd", "closed_form"):
        found, due = (ENGINES[name].compute(each, configuration, 4) for each in (law, fair))
        assert found.difference(due) <= 1e-12
    for name in ("type_classes", "transfer", "monte_carlo"):
        with pytest.raises(lv.UsageError, match="not Lazy"):
            ENGINES[name].compute(law, configuration, 4)


@pytest.mark.parametrize(
    ("probability", "predictive", "message"),
    [
        (lambda x: Fraction(1, 3) ** len(x), lambda x: (Fraction(1, 3), Fraction(2, 3)), r"is not probability"),
        (lambda x: Fraction(1, 3) ** len(x), lambda x: (Fraction(1, 3),) * 2, "2 Fractions from 0 up with sum 1"),
        (lambda x: Fraction(1, 4) * Fraction(1, 2) ** len(x), lambda x: (Fraction(1, 2),) * 2, "sum to 1/4, not 1"),
        (lambda x: Fraction(-1), lambda x: (Fraction(1, 2),) * 2, "is below 0"),
    ],
)
def test_functions_that_do_not_belong_together_are_refused(probability: Any, predictive: Any, message: str) -> None:
    functions = {"probability": staticmethod(probability), "predictive": staticmethod(predictive)}
    law: Any = type("Odd", (), {"S": 2, "n": 1, **functions})()
    for name in ("enumeration", "closed_form"):
        with pytest.raises(ValueError, match=message):
            ENGINES[name].compute(law, Configuration((), math.inf), 2)


def test_mixtures_of_mixtures() -> None:
    inner = Mixture(((Fraction(1, 3), FixedKernel(KERNEL)), (Fraction(2, 3), NGramLaw(2, 2))))
    outer = Mixture(((Fraction(1, 2), inner), (Fraction(1, 2), NGramLaw(2, 2, Fraction(2)))))
    assert [weight for weight, _ in components(outer)] == [Fraction(1, 6), Fraction(1, 3), Fraction(1, 2)]
    configuration = Configuration((1,), Fraction(3))
    assert enumeration(outer, configuration, 5) == type_classes_under(outer, configuration, 5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FixedKernel(((Fraction(1, 2), Fraction(1, 3)), (Fraction(1),) * 2)), r"row \[0\] of the kernel"),
        (lambda: FixedKernel(((0.5, 0.5), (0.5, 0.5))), "Fractions from 0 up with sum 1"),  # type: ignore[arg-type]
        (lambda: FixedKernel(KERNEL, "dirichlet"), "must be uniform, stationary or the probabilities"),  # type: ignore[arg-type]
        (lambda: FixedKernel(KERNEL, (Fraction(1, 2), Fraction(1, 3))), "initial: must be 2 Fractions"),
        (lambda: DirichletLaw(((Fraction(1), Fraction(0)),), 2), "parameters must be positive Fractions"),
        (lambda: DirichletLaw(((Fraction(1),) * 2,) * 3, 3), r"one row of S=2 parameters, or S\^\(n-1\)=4 of them"),
        (lambda: DirichletLaw(((Fraction(1),) * 2,), 2, "stationary"), "StationaryStarts"),  # type: ignore[arg-type]
        (lambda: Mixture(()), "at least one part"),
        (lambda: Mixture(((Fraction(1, 2), NGramLaw(2, 2)),)), "weights of the mixture"),
        (lambda: Mixture(((Fraction(1, 2), NGramLaw(2, 2)), (Fraction(1, 2), NGramLaw(2, 3)))), "same S and n"),
        (lambda: StationaryStarts(NGramLaw(2, 2)).probability((0,)), "probabilities are not rational"),
    ],
)
def test_what_is_no_law_is_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_samples_are_looked_at() -> None:
    class Wrong(Reversed):
        def sample(self, count: int, T: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
            return torch.full((count, T), 2), torch.full((count, 2), 0.5, dtype=torch.float64)

    with pytest.raises(ValueError, match="sample of Wrong: sequences must be int64 tokens from 0 to S-1"):
        draw(Wrong(2, 2), 4, 8, torch.Generator())


def test_the_public_function_takes_a_law() -> None:
    found = lv.gradient(law=lv.FixedKernel(KERNEL, "stationary"), k=2, T=5, q="3")
    assert found.exact and found.engine == "type_classes"
    assert found.blocks == enumeration(FixedKernel(KERNEL, "stationary"), Configuration((1,), Fraction(3)), 5)
    with pytest.raises(lv.UsageError, match="law and alpha are both given"):
        lv.gradient(law=lv.FixedKernel(KERNEL), alpha="1/2")


def test_kernels_from_files(tmp_path: Path) -> None:
    due = lv.gradient(law=FixedKernel(KERNEL), k=2, T=5, q="3").blocks
    started = lv.gradient(law=FixedKernel(KERNEL, (Fraction(1), Fraction(0))), k=2, T=5, q="3").blocks
    assert due != started
    for name, text, expected in (
        ("k.csv", "1/3,2/3\n0.75,0.25\n", due),
        ("k.txt", "1/3 2/3\n3/4 1/4\n", due),
        ("k.json", json.dumps([["1/3", "2/3"], ["3/4", "1/4"]]), due),
        ("s.json", json.dumps({"kernel": [["1/3", "2/3"], ["3/4", "1/4"]], "initial": [1, 0]}), started),
    ):
        (tmp_path / name).write_text(text)
        assert lv.gradient(kernel=str(tmp_path / name), k=2, T=5, q="3").blocks == expected


@pytest.mark.parametrize(
    ("text", "more", "message"),
    [
        ("1/3,2/3\n3/4,1/3\n", {}, r"kernel=.*: row \[1\] of the kernel: must be 2 Fractions"),
        ("1/3,2/3\n" * 3, {}, "rows of S >= 2"),
        ("a,b\nc,d\n", {}, r'kernel\[0\]\[0\] = "a": must be a rational number'),
        ("1/3,2/3\n3/4,1/4\n", {"S": 3}, "a kernel with S=2, not S=3"),
        ("1/3,2/3\n3/4,1/4\n", {"n": 3}, "a kernel with n=2, not n=3"),
        ("1/3,2/3\n3/4,1/4\n", {"alpha": 2}, "kernel and alpha are both given"),
        ("1/3,2/3\n3/4,1/4\n", {"initial": "dirichlet"}, "has no prior to draw from"),
        ('{"kernel": [["1/2", 0.5]], "initial": [1]}', {}, r"= 0.5: must be a rational number as a string"),
    ],
)
def test_broken_kernels_in_one_line(tmp_path: Path, text: str, more: dict[str, Any], message: str) -> None:
    path = tmp_path / "k"
    path.write_text(text)
    with pytest.raises(lv.UsageError, match=message) as raised:
        lv.gradient(kernel=str(path), k=1, T=4, q="3", **more)
    assert "\n" not in str(raised.value)


def test_several_parameters() -> None:
    due = enumeration(DirichletLaw(((Fraction(1), Fraction(1, 2)),), 3), Configuration((1,), Fraction(3)), 5)
    assert lv.gradient(n=3, k=2, T=5, q="3", alpha="1,1/2").blocks == due
    with pytest.raises(lv.UsageError, match="alpha=1,2,3: one number, or one for each of the S=2 tokens"):
        lv.gradient(n=3, k=2, T=5, q="3", alpha="1,2,3")
    with pytest.raises(lv.UsageError, match="initial=dirichlet: with one alpha only"):
        lv.gradient(n=3, k=2, T=5, q="3", alpha="1,2", initial="dirichlet")
