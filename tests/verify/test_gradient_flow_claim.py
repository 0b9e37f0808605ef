"""SN27: what turns it red, and what leaves it open."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from numerics.sub_ngrams import flow, rest_points
from verify.claim import Run, Verdict
from verify.papers.sub_ngrams import gradient_flow as claims
from verify.papers.sub_ngrams.settings import SubNGramSettings

SMALL = SubNGramSettings(S=2, n=2, T=(4,))


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    claims.measured.cache_clear()


def rests(w: float = 1.0, rate: float = 1.0) -> Any:
    """Those of the network, the repetition point with another w or rate."""
    true = rest_points.rest_points

    def other(batch: Any) -> Any:
        first, second = true(batch)
        return first, replace(second, w=w * second.w, rate=rate * second.rate)

    return other


def test_it_holds() -> None:
    found = claims.rests_twice(SMALL, Run())
    assert found.verdict is Verdict.VERIFIED and found.instances == 6
    assert "S=2, n=2, T=4" in found.scope and "nearest to 2-gram+" in found.footnote
    control = claims.half_the_eigenvalue(SMALL, Run())
    assert control.verdict is Verdict.REFUTED and control.instances == 2 and control.footnote == ""


def test_another_rate_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_points, "rest_points", rests(rate=1.1))
    found = claims.rests_twice(SMALL, Run())
    assert found.verdict is Verdict.REFUTED
    assert found.details["counterexample"]["name"] == "growth of the stay at repetition"


def test_at_another_place_there_is_no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the other sign of w the flow never comes."""
    monkeypatch.setattr(claims, "EVALUATIONS", 200)
    monkeypatch.setattr(rest_points, "rest_points", rests(w=-1.0))
    found = claims.rests_twice(SMALL, Run())
    assert found.verdict is Verdict.UNDECIDED and "has not ended" in found.reason


def test_beside_the_rest_the_stay_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_points, "rest_points", rests(w=0.85))
    assert claims.rests_twice(SMALL, Run()).verdict is not Verdict.VERIFIED


def test_other_linear_times_are_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    true = flow.linear_stay
    monkeypatch.setattr(flow, "linear_stay", lambda *given: 1.1 * true(*given))
    found = claims.rests_twice(SMALL, Run())
    assert found.verdict is Verdict.REFUTED and "stay at" in found.details["counterexample"]["name"]


def test_what_another_integrator_does_not_confirm_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "off_again", lambda *given: False)
    assert claims.half_the_eigenvalue(SMALL, Run()).verdict is Verdict.UNDECIDED


def test_what_the_errors_leave_open() -> None:
    check = claims.Check("a time", 104.0, 100.0, 0.5)
    assert check.within and not check.off
    assert not replace(check, error=2.0).within and not replace(check, error=2.0).off
    assert replace(check, found=106.0).off and not replace(check, found=106.0, error=2.0).off
    assert not replace(check, found=float("nan")).within


def test_without_a_length_one_with_few_sequences_is_taken() -> None:
    sizes = {}
    for S, n in ((2, 3), (3, 2), (9, 2), (50, 12)):
        at = claims.setup(SubNGramSettings(S=S, n=n))
        sizes[S, n] = at.law.S, at.law.n, at.T
        assert at.sequences <= claims.MOST_SEQUENCES and at.law.n < at.T
    assert sizes == {(2, 3): (2, 3, 6), (3, 2): (3, 2, 4), (9, 2): (4, 2, 3), (50, 12): (2, 4, 6)}


def test_long_sequences_are_too_dear_and_may_be_drawn() -> None:
    found = claims.rests_twice(SubNGramSettings(S=3, n=3, T=(32,)), Run())
    assert found.verdict is Verdict.UNDECIDED and "four flows would take about" in found.reason
    at = claims.setup(SubNGramSettings(S=3, n=3, T=(32,), samples=100))
    assert at.sequences == 600 and "100 drawn sequences and their renamings" in at.scope


def test_without_heads_there_is_nothing_to_check() -> None:
    found = claims.rests_twice(SubNGramSettings(S=2, n=1), Run())
    assert found.verdict is Verdict.UNDECIDED and found.reason.startswith("nothing to check: at n=1")
