"""For your own pytest suite: hold your engine or network against the exact ones, draw problems.

    from verify.papers.sub_ngrams.testing import assert_gradient_matches, problems

Needs hypothesis, for the strategies: pip install 'landscape-verifier[testing]'.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import combinations
from typing import Any

from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.laws import Law
from proofs.sub_ngrams.score_blocks import ScoreBlocks
from verify.papers.sub_ngrams.engines import ENGINES, Options, choose_engine

try:
    from hypothesis import strategies as st
except ImportError as error:
    raise ImportError("strategies need hypothesis: pip install 'landscape-verifier[testing]'") from error

Problem = tuple[NGramLaw | Law, Configuration, int]  # law of the data, configuration of the network, length T

# Errors that a sampling engine reports at this level fail by chance less than once in a billion entries.
SURE = Options(level=1 - 1e-9, samples=1000, interval="bernstein", tolerance=1e-9)
QUICK = 10.0  # seconds: where an engine expects to need more, it is not among those compared by default


# --- gradients ---


def assert_gradient_matches(
    gradient: Callable[[Any, Configuration, int], Any], problem: Problem, *, error: float = 0.0
) -> None:
    """AssertionError unless your function returns the population gradient of the problem.

    gradient  called as gradient(law, configuration, T). It returns M[a][b][v][v'] = dL/dW_ab[v][v'] for a, b < n and
              tokens v, v', as nested sequences, an array or a tensor; or ScoreBlocks, which carry their own errors
    problem   (law, configuration, T), for example drawn from `problems()`
    error     by how much an entry of yours may be off, absolutely, beyond the error that ScoreBlocks report

    The problem is also computed by the most exact engine that it fits; that engine's own error is allowed for. Floats
    are compared as the rationals that they are; NaN never matches. To check a torch network of yours, let `gradient`
    build it at the configuration and take dL/dW_ab from numerics.sub_ngrams.population_gradient.
    """
    engine = choose_engine(*problem)
    own, known = _score_blocks(gradient(*problem), problem[0]), engine.compute(*problem, SURE)
    excess = own.excess(known) - error
    if not excess <= 0:
        raise AssertionError(
            f"{_written(problem)}: differs from {engine.name} by up to {own.difference(known):.3g}, "
            f"{excess:.3g} more than the errors allow\n{_worst(own, known)}"
        )


def assert_engines_agree(
    problem: Problem,
    others: Mapping[str, Callable[[Any, Configuration, int], Any]] | None = None,
    *,
    options: Options = SURE,
) -> None:
    """AssertionError unless all engines that can take the problem agree, within the errors that they report.

    problem  (law, configuration, T)
    others   engines of your own, by name: functions as `assert_gradient_matches` takes them
    options  for engines that take some: the seed, say
    """
    found: dict[str, ScoreBlocks] = {}
    for name, engine in ENGINES.items():
        if engine.obstacle(*problem) is None and not (engine.unit == "seconds" and engine.work(*problem) > QUICK):
            found[name] = engine.compute(*problem, options)
    for name, function in (others or {}).items():
        if name in found:
            raise ValueError(f"{name}: there is an engine of this name already")
        found[name] = _score_blocks(function(*problem), problem[0])
    if len(found) < 2:
        raise ValueError(f"{_written(problem)}: fewer than two engines can take this problem")
    for first, second in combinations(found, 2):
        excess = found[first].excess(found[second])
        if not excess <= 0:
            raise AssertionError(
                f"{_written(problem)}: {first} and {second} differ by {excess:.3g} more than the errors they report\n"
                f"{_worst(found[first], found[second])}"
            )


def _score_blocks(values: Any, law: NGramLaw | Law) -> ScoreBlocks:
    """The values as score blocks; ValueError unless they are n x n blocks of S x S numbers."""
    n, S = law.n, law.S
    try:
        nested = values.tolist() if hasattr(values, "tolist") else values
        blocks = values if isinstance(values, ScoreBlocks) else ScoreBlocks.from_nested(nested)
        shapes = {ab: [len(row) for row in block] for ab, block in blocks.blocks.items()}
    except (TypeError, IndexError):  # not nested, or not deep enough
        shapes = {}
    if shapes != {(a, b): [S] * S for a in range(n) for b in range(n)}:
        raise ValueError(f"a gradient must be n x n = {n} x {n} blocks of S x S = {S} x {S} numbers")
    return blocks


def _worst(first: ScoreBlocks, second: ScoreBlocks) -> str:
    """The entry with the largest difference."""
    entries = [
        (abs(float(x) - float(second[ab][v][w])), f"M_{ab}[{v}][{w}]: {x} and {second[ab][v][w]}")
        for ab, block in first.blocks.items()
        for v, row in enumerate(block)
        for w, x in enumerate(row)
    ]
    return max(entries, key=lambda entry: math.inf if math.isnan(entry[0]) else entry[0])[1]


def _written(problem: Problem) -> str:
    law, configuration, T = problem
    lags = ",".join(map(str, configuration.lags))
    told = f"alpha={law.alpha} initial={law.initial}" if type(law) is NGramLaw else str(law)
    return f"n={law.n} S={law.S} {told} T={T} lags={lags} q={configuration.q}"


# --- hypothesis strategies ---

alphas = st.sampled_from([Fraction(1), Fraction(1, 2), Fraction(2), Fraction(3, 7)])  # of the Dirichlet prior
rational_qs = st.fractions(min_value=Fraction(8, 7), max_value=40, max_denominator=7)  # scales q = e^c
qs = st.one_of(rational_qs, st.just(math.inf))


@st.composite
def laws(draw: st.DrawFn, max_S: int = 3, max_n: int = 3) -> NGramLaw:
    """Laws of the data with S from 2 to max_S and n from 1 to max_n."""
    S = draw(st.integers(2, max_S))
    n = draw(st.integers(1, max_n))
    return NGramLaw(S, n, draw(alphas), draw(st.sampled_from(["uniform", "dirichlet"])))


@st.composite
def configurations(draw: st.DrawFn, n: int, q: st.SearchStrategy[Fraction | float] = qs) -> Configuration:
    """Configurations with any set of lags in {1..n-1}."""
    subsets = [lags for size in range(n) for lags in combinations(range(1, n), size)]
    return Configuration(draw(st.sampled_from(subsets)), draw(q))


@st.composite
def problems(draw: st.DrawFn, max_sequences: int = 729) -> Problem:
    """A law, a configuration and a length T >= n, small enough that all S^T sequences can be enumerated."""
    law = draw(laws())
    longest = max(law.n, int(math.log(max_sequences, law.S) + 1e-9))
    return law, draw(configurations(law.n)), draw(st.integers(law.n, longest))
