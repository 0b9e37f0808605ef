"""landscape_verifier.testing in a suite of somebody else's, and its helpers against engines wrong on purpose."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given

from landscape_verifier.testing import (
    Problem,
    assert_as_expected,
    assert_engines_agree,
    assert_gradient_matches,
    assert_same_statements,
    claim_ids,
    problems,
)
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.score_blocks import ScoreBlocks
from verify.papers.sub_ngrams.engines import ENGINES
from verify.registry import get_paper
from verify.settings import UsageError

ROOT = Path(__file__).parents[2]

SUITE = """
from fractions import Fraction

import pytest
from hypothesis import given, settings

from proofs.sub_ngrams.enumeration import enumeration
from landscape_verifier import CheckSettings, Counterexample, Evidence, Integer, Origin, Paper, claim, decide
from landscape_verifier.testing import assert_as_expected, assert_claim, assert_gradient_matches, claim_ids, problems


class MySettings(CheckSettings):
    p: Integer = 5


def above(least, p):
    values = [x * x - least * x for x in range(p)]
    bad = [x for x, value in enumerate(values) if value < 0]
    return decide(
        not bad,
        evidence=Evidence.EXACT,
        scope=f"x < {p}",
        instances=len(values),
        found=f"least {min(values)}",
        predicted="at least 0",
        undecided="",
        counterexample=Counterexample({"x": bad[0]}, lambda: bad[0] ** 2 < least * bad[0]) if bad else None,
    )


@claim("M1", "squares")
def squares(settings, run):
    '''x^2 >= 0.'''
    return above(0, settings.p)


def others(settings, run):
    '''x^2 >= 3 x.'''
    return above(3, settings.p)


@claim("M3", "broken")
def broken(settings, run):
    '''1/0 = 0.'''
    raise ZeroDivisionError("nothing to divide by")


MINE = Paper(
    name="mine", title="A paper of mine", source="nowhere", prefix="M", settings=MySettings,
    claims=(squares, claim("M2", "others")(others), claim("M2c", "others", origin=Origin.CONTROL)(others), broken),
)


@pytest.mark.parametrize("id", claim_ids(MINE))
def test_mine(id):
    assert_as_expected(MINE, "p=4", f"select={id}")


def test_one_claim_without_a_paper():
    assert assert_claim(MINE.claims[0], MySettings(p=2)).instances == 2


def test_theirs():
    assert_as_expected("sub-n-grams", "k=2", "n=2", "select=SN1,SN8")


@settings(max_examples=3, deadline=None, derandomize=True)
@given(problems(max_sequences=32))
def test_my_gradient(problem):
    assert_gradient_matches(enumeration, problem)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(problems(max_sequences=32))
def test_my_wrong_gradient(problem):
    assert_gradient_matches(lambda law, configuration, T: enumeration(law, configuration, max(T - 1, law.n)), problem)
"""


def test_a_suite_of_somebody_else(tmp_path: Path) -> None:
    """True claims and right gradients pass; false and broken ones fail, and say why."""
    (tmp_path / "test_mine.py").write_text(SUITE)
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error", "-rA", "--tb=short", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    told = finished.stdout
    assert finished.returncode == 1, told + finished.stderr
    failed = {line.split()[1].split("::")[1] for line in told.splitlines() if line.startswith("FAILED")}
    assert failed == {"test_mine[M2]", "test_mine[M3]", "test_my_wrong_gradient"}, told
    assert "3 failed, 5 passed" in told.splitlines()[-1]
    for line in (
        "M2 (others) is REFUTED, expected VERIFIED",
        "x^2 >= 3 x.",
        "least -2",
        "{'x': 1}",
        "M3 (broken) is ERROR, expected VERIFIED",
        "nothing to divide by",
        "differs from type_classes by up to",
    ):
        assert line in told, line


# --- the helpers on their own ---


def test_a_paper_of_the_project() -> None:
    assert "SN8" in claim_ids("sub-n-grams")
    results = assert_as_expected("sub-n-grams", "k=2", "n=2", "select=SN1,SN8")
    assert [result.claim.id for result in results] == ["SN1", "SN8"]
    with pytest.raises(AssertionError, match=r"1 of 1 claims not as expected\nSN10 .* is UNDECIDED"):
        assert_as_expected("sub-n-grams", "select=SN10", "budget=1e-9")
    for words in (("k=9",), ("select=NOPE",), ("paper",)):
        with pytest.raises(UsageError):
            assert_as_expected("sub-n-grams", *words)
    with pytest.raises(UsageError, match="did you mean mean-field"):
        claim_ids("mean-feild")


def exact(law: NGramLaw, configuration: Configuration, T: int) -> ScoreBlocks:
    return ENGINES["enumeration"].compute(law, configuration, T)


def nested(M: ScoreBlocks, n: int) -> list[Any]:
    return [[[list(row) for row in M[a, b]] for b in range(n)] for a in range(n)]


PROBLEM: Problem = NGramLaw(2, 2, Fraction(1, 2)), Configuration((1,), Fraction(3)), 5


@given(problems(max_sequences=32))
def test_a_right_gradient_matches(problem: Problem) -> None:
    assert_gradient_matches(exact, problem)


@pytest.mark.parametrize("made", [lambda values: values, np.array, torch.tensor], ids=["lists", "array", "tensor"])
def test_floats_match_within_an_error_and_not_beyond(made: Callable[[Any], Any]) -> None:
    def rounded(law: NGramLaw, configuration: Configuration, T: int, off: float = 0.0) -> Any:
        values = nested(exact(law, configuration, T), law.n)
        floats = [[[[float(x) for x in row] for row in block] for block in blocks] for blocks in values]
        floats[1][0][0][1] += off
        return made(floats)

    assert_gradient_matches(rounded, PROBLEM, error=1e-9 if made is torch.tensor else 1e-15)  # tensors of float32
    with pytest.raises(AssertionError, match=r"differs from type_classes by up to .*\nM_\(1, 0\)\[0\]\[1\]"):
        assert_gradient_matches(lambda *p: rounded(*p, off=1e-6), PROBLEM, error=1e-9)
    with pytest.raises(AssertionError, match="M_"):
        assert_gradient_matches(lambda *p: rounded(*p, off=math.nan), PROBLEM, error=1.0)
    with pytest.raises(AssertionError):  # floats that are no error-free rationals, and no error allowed
        assert_gradient_matches(rounded, PROBLEM)


def test_errors_that_an_engine_reports_are_allowed_for() -> None:
    def careful(law: NGramLaw, configuration: Configuration, T: int, error: float = 1e-3) -> ScoreBlocks:
        M = exact(law, configuration, T)
        shifted = {
            ab: tuple(tuple(x + Fraction(1, 2000) for x in row) for row in block) for ab, block in M.blocks.items()
        }
        return ScoreBlocks(
            shifted, {ab: tuple(tuple(error for _ in row) for row in block) for ab, block in M.blocks.items()}
        )

    assert_gradient_matches(careful, PROBLEM)
    assert_engines_agree(PROBLEM, {"mine": careful})
    with pytest.raises(AssertionError, match="enumeration and mine differ by"):
        assert_engines_agree(PROBLEM, {"mine": lambda *p: careful(*p, error=1e-6)})


@pytest.mark.parametrize("values", [1.0, [], [[1.0]], [[[[0.0]]]], np.zeros((2, 2, 2, 3)), np.zeros((3, 3, 2, 2))])
def test_another_shape_is_an_error_of_its_own(values: Any) -> None:
    with pytest.raises(ValueError, match="2 x 2 blocks of S x S = 2 x 2"):
        assert_gradient_matches(lambda *p: values, PROBLEM)


def test_engines_of_one_name_are_not_mixed_up() -> None:
    with pytest.raises(ValueError, match="enumeration: there is"):
        assert_engines_agree(PROBLEM, {"enumeration": exact})


def test_without_hypothesis_the_message_says_what_to_install() -> None:
    script = "import sys; sys.modules['hypothesis'] = None; import landscape_verifier.testing"
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=False)
    assert finished.returncode == 1
    assert "ImportError: strategies need hypothesis: pip install" in finished.stderr


def test_statements_of_a_recheck_are_those_of_the_paper() -> None:
    """Or the message is Python that makes them so."""
    said = {claim.id: claim.statement for claim in get_paper("sub-n-grams").claims}
    assert_same_statements("sub-n-grams", SimpleNamespace(STATEMENTS=said))
    other = SimpleNamespace(STATEMENTS={"SN1": said["SN1"], "SN8": "Something else.", "SN12": said["SN12"] + " "})
    with pytest.raises(AssertionError, match=r"^SN8, SN12: the paper has another statement") as told:
        assert_same_statements("sub-n-grams", other)
    _, code = str(told.value).split("\n", 1)
    found: dict[str, object] = {}
    exec(code, found)
    assert found["STATEMENTS"] == {id: said[id] for id in ("SN1", "SN8", "SN12")}
    assert max(map(len, code.splitlines())) <= 120
    with pytest.raises(AssertionError, match="SN99: the recheck knows them, the paper does not"):
        assert_same_statements("sub-n-grams", SimpleNamespace(STATEMENTS={"SN99": "x."}))
