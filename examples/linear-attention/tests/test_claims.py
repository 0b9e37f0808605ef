"""The claims come out as expected; and wrong mathematics turns each of them red."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import linear_attention_recheck
import pytest
from linear_attention import PAPER, index, learning_order, loss, merged, model, prompts, separate

import landscape_verifier as lv
from landscape_verifier.testing import assert_as_expected, assert_same_statements, claim_ids

README = Path(__file__).parents[1] / "README.md"
INSTANCES = ["D=2", "D=3", "D=3 N=1 seed=7", "D=2 N=1000000000", "eigenvalues=1,7/2,1/3 N=2", "eigenvalues=1000,1/1000"]


@pytest.mark.parametrize("words", INSTANCES)
@pytest.mark.parametrize("id", claim_ids(PAPER))
def test_claim(id: str, words: str) -> None:
    (result,) = assert_as_expected(PAPER, f"select={id}", *words.split())
    assert result.verdict is (lv.Verdict.REFUTED if id.endswith("c") else lv.Verdict.VERIFIED)


def test_four_dimensions() -> None:
    assert lv.check(PAPER, D=4).as_expected


def test_the_statements_of_the_recheck_are_those_of_the_claims() -> None:
    assert_same_statements(PAPER, linear_attention_recheck)
    assert linear_attention_recheck.STATEMENTS.keys() == set(claim_ids(PAPER))
    assert {id for id, _ in linear_attention_recheck.CLAIMS} == set(claim_ids(PAPER))


def test_every_reference_is_a_heading_of_the_readme() -> None:
    headings = {f"README.md#{line[4:].lower()}" for line in README.read_text().splitlines() if line.startswith("### ")}
    assert {claim.reference for claim in PAPER.claims} == headings


# --- wrong mathematics ---


def wrong_mu(right: Callable[..., Any]) -> Callable[..., Any]:
    """tr Lambda forgotten."""
    return lambda lam, nu: [x + nu * x for x in lam]


def wrong_slope(right: Callable[..., Any]) -> Callable[..., Any]:
    """K for its transpose."""
    return lambda lam, nu, K: right(lam, nu, model.transposed(K))


def twice(right: Callable[..., Any]) -> Callable[..., Any]:
    def doubled(*of: Any) -> Any:
        found = right(*of)
        return [[2 * x for x in row] for row in found] if isinstance(found, list) else 2 * found

    return doubled


def enlarged(right: Callable[..., Any]) -> Callable[..., Any]:
    """Inputs that are too large."""
    return lambda D, N: {tuple(tuple(2 * x for x in row) for row in Z): p for Z, p in right(D, N).items()}


def without_factor(right: Callable[..., Any]) -> Callable[..., Any]:
    """The chain rule without v_i in dL/dU_i, dL/dk_i."""
    return lambda self, G: [x if i < len(self.v) else x + 1 for i, x in enumerate(right(self, G))]


def mirrored(right: Callable[..., Any]) -> Callable[..., Any]:
    """The index counts pairs of smaller eigenvalues."""

    def spot(self: index.Instance, S: Any, random: Any) -> index.Spot:
        found = right(self, S, random)
        outside = len(S) * (self.D - len(S))
        negative, zero, positive = found.inertia
        return index.Spot(
            found.name, found.heads, found.loss, (outside - negative, zero, positive + 2 * negative - outside)
        )

    return spot


def wrong_level(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, S: right(self, S) + Fraction(len(S), 10)


MUTATIONS: list[tuple[str, Any, str, Callable[..., Any]]] = [
    ("LA1", loss, "grams", enlarged),
    ("LA1", loss, "moment", twice),
    ("LA2", model, "mu", wrong_mu),
    ("LA2", loss, "twice_loss", twice),
    ("LA2", loss, "mu", wrong_mu),
    ("LA3", merged, "slope", wrong_slope),
    ("LA3", merged, "mu", wrong_mu),
    ("LA3", model.Merged, "gradient", without_factor),
    ("LA4", separate, "slope", wrong_slope),
    ("LA4", separate, "mu", wrong_mu),
    ("LA4", model.Separate, "gradient", without_factor),
    ("LA5", index.Instance, "separate", mirrored),
    ("LA5", index.Instance, "level", wrong_level),
    ("LA5", index, "mu", wrong_mu),
    ("LA6", learning_order, "slope", twice),
    ("LA6", learning_order, "mu", wrong_mu),
]


@pytest.mark.parametrize(("id", "where", "name", "mutation"), MUTATIONS)
def test_wrong_mathematics_is_refuted(
    id: str, where: Any, name: str, mutation: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not UNDECIDED: the counterexample stands up to the second computation."""
    monkeypatch.setattr(where, name, mutation(getattr(where, name)))
    report = lv.check(PAPER, D=3, select=id)
    assert report[id].verdict is lv.Verdict.REFUTED, report[id].reason
    assert "counterexample" in report[id].finding.details
    with pytest.raises(AssertionError, match="1 of 1 claims not as expected"):
        assert_as_expected(PAPER, "D=3", f"select={id}")


def infinite_length(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda lam, nu, K: right(lam, 0 * nu, K)


CONTROLS: list[tuple[str, Any, str, Callable[..., Any]]] = [
    ("LA2c", loss, "twice_loss", infinite_length),
    ("LA2c", loss, "diagonal_loss_by_prompts", lambda right: lambda lam, entries, N: Fraction(0)),
    ("LA3c", merged, "learned", lambda right: lambda lam, nu, S: right(lam, nu, range(len(lam)))),
    ("LA3c", merged, "_slope_by_prompts", lambda right: lambda settings: Fraction(0)),
    ("LA5c", index, "inertia", lambda right: lambda matrix: (1, 0, 0)),
    ("LA5c", index, "inertia_by_polynomial", lambda right: lambda matrix: (1, 0, 0)),
    ("LA5c", index, "beyond", lambda right: lambda instance, spot: spot.heads),
]


@pytest.mark.parametrize(("id", "where", "name", "mutation"), CONTROLS)
def test_a_control_that_is_not_refuted_is_told(
    id: str, where: Any, name: str, mutation: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One computation that does not see the counterexample is enough."""
    monkeypatch.setattr(where, name, mutation(getattr(where, name)))
    report = lv.check(PAPER, D=3, select=id)
    assert not report.as_expected
    assert report[id].verdict in (lv.Verdict.VERIFIED, lv.Verdict.UNDECIDED)


def test_times_that_overlap_are_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning_order, "largest_start", lambda lam, h: min(low for low, _ in h) * Fraction(9, 10))
    result = lv.check(PAPER, eigenvalues="2,1.0001,1", select="LA6")["LA6"]
    assert result.verdict is lv.Verdict.UNDECIDED
    assert "overlap" in result.reason


# --- what is typed ---


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"D": 5}, "D=5: D must be a whole number from 2 to 4"),
        ({"D": 1}, "D=1: D must be a whole number from 2 to 4"),
        ({"N": 0}, r"N=0: N must be a whole number from 1 to 10\^9"),
        ({"eigenvalues": "1,1"}, "eigenvalues=1,1: eigenvalues must be different"),
        ({"eigenvalues": "0,1"}, "eigenvalues=0,1: eigenvalues must be rationals from 1/1000 to 1000"),
        ({"eigenvalues": "2"}, "eigenvalues=2: eigenvalues must be 2 to 4 rationals, these are 1"),
        ({"eigenvalues": "1,2,3", "D": 2}, "eigenvalues=1,2,3: 3 eigenvalues, but D=2"),
        ({"eigenvalues": "1,2,3,4,5"}, "eigenvalues=1,2,3,4,5: eigenvalues must be 2 to 4 rationals, these are 5"),
        ({"eigenvalues": "1,x"}, "eigenvalues must be 2 to 4 different rationals"),
    ],
)
def test_words_that_cannot_be(words: dict[str, Any], message: str) -> None:
    with pytest.raises(lv.UsageError, match=message):
        lv.check(PAPER, **words)


def test_the_order_of_eigenvalues_does_not_matter() -> None:
    def told(report: lv.Report) -> str:
        return re.sub(r'"eigenvalues": \[[^]]*\]', "", report.to_json())

    assert told(lv.check(PAPER, eigenvalues="1,3,2")) == told(lv.check(PAPER, eigenvalues="3,2,1"))


def test_the_enumerated_inputs_are_not_gaussian_beyond_what_is_used() -> None:
    assert [prompts.moment(order) for order in (0, 2, 4, 6)] == [1, 1, 3, 9]  # 15 of a Gaussian
