"""Every condition holds by both of its computations, and the second one, the recheck, can say yes and can say no."""

from __future__ import annotations

import copy
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any

import pytest
from flint import arb, fmpq

from proofs.mean_field import identities
from proofs.mean_field.identities import GENERAL, IDENTITIES, ORTHONORMAL, PROMPTS
from proofs.rational_matrix import matrix
from tests.verify.mean_field_conditions import check, conditions_of
from verify.claim import Evidence, Verdict
from verify.papers.mean_field.conditions import (
    Condition,
    at_most,
    both,
    condition,
    either,
    equal,
    judge,
    lower,
    proved,
    residual,
    upper,
)
from verify.papers.mean_field.controls import has_loss_without_slope, is_saddle
from verify.papers.mean_field.escape import _rests_elsewhere
from verify.papers.mean_field.in_context_controls import _is_lost, _is_worse, _lengths_differ
from verify.report.plain import plain as in_json

EXACT = [f"MF{i}" for i in (*range(1, 15), 16, 17, 18)] + ["MF5b"]
SIZES = [(1, 3), (2, 4)]
RECHECKS = {"MF16c": _lengths_differ, "MF16v": _is_worse, "MF16l": _is_worse, "MF17c": _is_lost}


def scaled(key: str, factor: int | Fraction) -> Callable[[Any], None]:
    def change(at: Any) -> None:
        at[key] = [x * factor for x in at[key]] if isinstance(at[key], list) else at[key] * factor

    return change


def shifted(key: str, step: int) -> Callable[[Any], None]:
    def change(at: Any) -> None:
        at[key] = [x + step for x in at[key]] if isinstance(at[key], list) else at[key] + step

    return change


def entry(key: str, step: int | Fraction) -> Callable[[Any], None]:
    def change(at: Any) -> None:
        at[key][0][0] += step

    return change


def several(*changes: Callable[[Any], None]) -> Callable[[Any], None]:
    def change(at: Any) -> None:
        for single in changes:
            single(at)

    return change


def spectrum_of_a_minimum(at: Any) -> None:
    at["spectrum"] = [abs(x) for x in at["spectrum"]]


def one_more(at: Any) -> None:
    """Another claimed value, for conditions made by `equal`."""
    at["claimed"] = _one_more(at["claimed"])


def _one_more(x: Any) -> Any:
    return [_one_more(y) for y in x] if isinstance(x, list) else not x if isinstance(x, bool) else x + 1


# what makes each condition fail that is no equation
WRONG: dict[str, list[Callable[[Any], None]]] = {
    "-dL/ds = |MZ|_* at the polar factor": [scaled("|MZ|_*", Fraction(101, 100)), scaled("|MZ|_*", Fraction(99, 100))],
    "-dL/ds <= |MZ|_* for |R| <= 1": [shifted("|MZ|_*", -(10**6))],
    "L >= r_low / 2 unless global": [scaled("r_low", 10**6)],
    "eigenvalues of the Hessian": [lambda at: at["spectrum"].append(at["spectrum"].pop() + 1)],
    "a local minimum is global": [spectrum_of_a_minimum],
    "R is a partial isometry from range(Z) to ker(M^T)": [
        lambda at: at.update(R=[[2 * x for x in r] for r in at["R"]])
    ],
    "d^2L/ds^2 <= - tr(Z^2) / |A|": [scaled("reach", 10**6)],
    "d^2L/ds^2 <= - 4 L^2 / k / |A|": [scaled("reach", 10**6)],
    "the ratio to the bound that is printed": [scaled("between", 2), scaled("between", Fraction(1, 2))],
    "D^2 L[RF,RF]": [shifted("claimed", 1), shifted("claimed", -1)],
    "D^2 L[RF,RF] <= -z^2/|A| + 3 |MZ|^2/z": [shifted("bound", -(10**6))],
    "slope or curvature": [several(shifted("bound", -(10**6)), scaled("enough", 10**9))],
    "|dL/dH|^2 >= 2L (r_low - 2L) / |A|": [scaled("excess", 10**9)],
    "|MZ|_* >= 2L sqrt((r_low - 2L) / |A|)": [scaled("bound", 10**6)],
    "|MZ|_* = 2L sqrt((r_low - 2L) / |A|)": [scaled("square", 2), scaled("square", Fraction(1, 2))],
    "L falls below r_low / 2": [scaled("r_low", 0)],
    "L >= r_low / 2 for ever": [scaled("r_low", 10**6)],
    "L_t <= L_0 e^(-2 (r_low - 2 L_0) t)": [scaled("bound", 0)],
    "on ker(B) the limit W is W_0": [entry("W_0", 1)],
    "rate": [scaled("rate", Fraction(101, 100)), scaled("rate", Fraction(99, 100))],
    "d|W_t - W|/dt <= - rate |W_t - W|": [scaled("rate", 10**9)],
    "C - B^T B >= 0": [entry("D", 1)],
    "0 <= L^n - L <= tr((C - B^T B) A^-1) / (2n)": [shifted("bound", -(10**6))],
    "M = 0, so that dL/dmu = 0 everywhere": [shifted("claimed", 1)],
    "L = r_low / 2": [shifted("claimed", 1)],
    "c = E sech^2 = 1 - E tanh^2": [shifted("claimed", 1)],
    "E x tanh x = c": [shifted("claimed", 1)],
    "d^2L = - c^4 / E tanh^2": [shifted("claimed", 1)],
    "d^2L < 0": [shifted("found", 1)],
    "-dL/dt >= 2 gamma / (R_4 m_2) (dL/ds)^2": [scaled("factor", 10**6)],
    "L_2n(W) <= L_n(W), C - T >= 0": [scaled("n", -1)],
    "lost at n = inf <= bound": [shifted("bound", -(10**9))],
    "d^2L >= - lambda int |v|^2 dmu": [shifted("bound", 10**9)],
}


@cache
def looked_at(id: str) -> list[Condition]:
    found = [c for k, m in SIZES for c in conditions_of(id, k=k, m=m, instances=2)]
    return [c for c in found if "at k=2, m=3" not in c.name]  # which never refute by themselves


@pytest.mark.parametrize("id", EXACT)
def test_no_recheck_confirms_what_is_no_counterexample(id: str) -> None:
    conditions = looked_at(id)
    assert conditions
    for c in conditions:
        assert c.holds is True, c.name
        assert c.fails(c.at) is False, c.name
        assert judge([c, without_holding(c)], **FINDING).verdict is Verdict.UNDECIDED, c.name


def without_holding(c: Condition) -> Condition:
    return Condition(c.name, False, c.at, c.fails)


@pytest.mark.parametrize("id", EXACT)
def test_every_recheck_can_confirm(id: str) -> None:
    """With a wrong claimed value, or with what WRONG says, at one of the instances at least."""
    conditions = [c for c in looked_at(id) if not c.name.startswith("identity ")]
    by_name: dict[str, list[Condition]] = {}
    for c in conditions:
        by_name.setdefault(c.name, []).append(c)
    for name, cases in by_name.items():
        for change in WRONG.get(name, [one_more]):
            assert any(turned(c, change) for c in cases), name


def turned(c: Condition, change: Callable[[Any], None]) -> bool:
    at = copy.deepcopy(dict(c.at))
    change(at)
    return c.fails(at)


def test_nothing_is_said_of_conditions_that_are_not_there() -> None:
    assert set(WRONG) <= {c.name for id in EXACT for c in looked_at(id)}


@pytest.mark.parametrize("id", EXACT)
def test_equations_are_confirmed_at_every_instance(id: str) -> None:
    for c in looked_at(id):
        if "claimed" in c.at and c.name not in WRONG:
            assert turned(c, one_more), c.name


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu", "softsign"])
def test_recheck_of_the_neuron_at_rest(activation: str) -> None:
    at = check("MF6f", activation=activation).details["counterexample"]
    assert _rests_elsewhere(at)
    assert not _rests_elsewhere({**at, "loss": [x + Fraction(1, 100) for x in at["loss"]]})
    assert not _rests_elsewhere({**at, "loss": [0, 0]})  # a critical value
    if activation == "relu":
        assert not _rests_elsewhere({**at, "points": [[1, 1], [-1, 1], [2, 1]]})  # another loss
    else:
        assert not _rests_elsewhere({**at, "w": [2 * w for w in at["w"]]})  # not at rest


def test_rechecks_of_the_controls_in_context() -> None:
    """None of them confirms where the control would be true."""
    for id, changes in {
        "MF16c": {"W": [[Fraction(0)] * 2] * 2},
        "MF16v": {"better": None},
        "MF16l": {"better": None},
        "MF17c": {"tasks": [[Fraction(0)] * 2] * 2},
    }.items():
        at = check(id, k=2, m=4).details["counterexample"]
        recheck = RECHECKS[id]
        assert recheck(at)
        assert not recheck(at | {key: at["W"] if value is None else value for key, value in changes.items()}), id


def test_rechecks_of_the_controls() -> None:
    F = [[Fraction(1), Fraction(0), Fraction(0)], [Fraction(0), Fraction(2), Fraction(0)]]
    saddle = [[Fraction(0), Fraction(1), Fraction(0)], [Fraction(0), Fraction(0), Fraction(1)]]
    nearby = [[Fraction(0), Fraction(1), Fraction(0)], [Fraction(1, 9), Fraction(0), Fraction(1)]]
    for recheck in (is_saddle, has_loss_without_slope):
        assert recheck({"H": saddle, "F": F})
        assert not recheck({"H": F, "F": F})  # a global minimum
        assert not recheck({"H": nearby, "F": F})  # not critical
    assert is_saddle({"H": saddle, "F": [F[0], F[0]]})  # of a target of rank one, too


# --- the verdict ---

FINDING: dict[str, Any] = {"evidence": Evidence.EXACT, "scope": "1", "instances": 1, "found": "1", "predicted": "1"}


def single(holds: bool | None, fails: bool = False) -> Condition:
    return condition("x <= y", holds, lambda at: fails, "too close", x=Fraction(1, 2))


def test_verdicts() -> None:
    assert judge([single(True)], **FINDING).verdict is Verdict.VERIFIED
    refuted = judge([single(True), single(None), single(False, fails=True)], **FINDING)
    assert refuted.verdict is Verdict.REFUTED and refuted.found == "fails: x <= y"
    assert refuted.details["counterexample"] == {"condition": "x <= y", "x": Fraction(1, 2)}
    unsure = judge([single(True), single(None)], **FINDING)
    assert unsure.verdict is Verdict.UNDECIDED and unsure.reason == "x <= y: too close"
    unconfirmed = judge([single(False)], **FINDING)
    assert unconfirmed.verdict is Verdict.UNDECIDED and "does not confirm" in unconfirmed.reason
    nothing = judge([], **FINDING)
    assert nothing.verdict is Verdict.UNDECIDED and nothing.reason == "no condition was looked at"


def test_comparisons_know_when_they_do_not_know() -> None:
    assert at_most(arb(1, 0.5), arb(3, 0.5)) is True
    assert at_most(arb(3, 0.5), arb(1, 0.5)) is False
    assert at_most(arb(1, 0.5), arb(1, 0.5)) is None and at_most(arb("nan"), arb(1)) is None
    assert at_most(fmpq(1, 3), Fraction(1, 3)) is True and at_most(Fraction(1, 3), arb(1)) is True
    assert [both(), both(True, None), both(None, False), both(True, True)] == [True, None, False, True]
    assert [either(), either(False, None), either(None, True), either(False, False)] == [False, None, True, False]


def test_values_are_kept_exactly() -> None:
    c = equal(
        "A = B", matrix([[1, Fraction(1, 3)]]), matrix([[1, Fraction(1, 2)]]), lambda at: at["found"], F=fmpq(1, 7)
    )
    assert c.holds is False and c.at == {
        "F": Fraction(1, 7), "claimed": [[1, Fraction(1, 3)]], "found": [[1, Fraction(1, 2)]]
    }  # fmt: skip
    assert residual([c]) == Fraction(1, 6) and residual([]) == 0
    assert in_json(c.at)["claimed"] == [["1", "1/3"]]
    x = arb(1, 0.25)
    assert lower(x) <= Fraction(3, 4) and upper(x) >= Fraction(5, 4) and upper(arb(0)) == 0


# --- identities in words ---


def test_a_false_identity_is_refuted_with_matrices(monkeypatch: pytest.MonkeyPatch) -> None:
    """In each algebra, as a matrix and as a number; an identity matrix may be among what is left."""
    H, F, a = (GENERAL.letter(x) for x in "HFa")
    O, T, s = ORTHONORMAL.letter("F"), PROMPTS.letter("T"), PROMPTS.letter("s")  # noqa: E741  # of orthonormal rows
    false = {
        "a matrix": H * F.transpose(),
        "a number": (a * H * F.transpose()).trace(),
        "an identity": a - GENERAL.one("k"),
        "its trace": (a - GENERAL.one("k")).trace(),
        "orthonormal": O * O.transpose(),
        "prompts": T * s - s * T,
    }
    for name, difference in false.items():
        monkeypatch.setitem(IDENTITIES, name, lambda difference=difference: difference)
        (c,) = proved(name)
        assert c.holds is False and c.fails(c.at) is True, name
        assert c.fails({**c.at, "words": [*c.at["words"], *([w, -x] for w, x in c.at["words"])]}) is False, name


def test_what_words_cannot_prove_is_not_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers commute, but words do not know which of them are numbers."""
    u, v = GENERAL.letter("u"), GENERAL.letter("v")
    swap = u.transpose() * v * (v.transpose() * u) - v.transpose() * u * (u.transpose() * v)  # numbers commute
    assert not swap.is_zero
    monkeypatch.setitem(IDENTITIES, "numbers commute", lambda: swap)
    (c,) = proved("numbers commute")
    assert c.holds is None and "not proved symbolically" in c.missing and c.fails(c.at) is False


def test_a_false_identity_of_a_claim_without_instances_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    model = identities.general_model()
    monkeypatch.setitem(IDENTITIES, "critical_equation", lambda: model.S * model.Z - model.Z * model.Z)
    finding = check("MF6", k=2, m=3)
    assert finding.verdict is Verdict.REFUTED and finding.certificate is None
    assert finding.details["counterexample"]["condition"] == "identity critical_equation"
