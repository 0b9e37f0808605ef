"""Which evidence a lemma gets, what the scope says, and why there is no stronger."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

import landscape_verifier as lv
from proofs.lemma.polynomials import flint_ring, sympy_ring
from proofs.lemma.recording import AttemptEndedError, PrecisionError
from tests.lemma.deciding import decided
from tests.lemma.deciding import lemma as lemma_of
from verify.claim import Evidence, Finding, Run, Verdict
from verify.lemma import instances, ladder, proof
from verify.lemma.declared import MARK

POSITIVE = lv.rationals(positive=True)


def told(found: Finding, evidence: Evidence) -> str:
    return str(found.details["not reached"][evidence.value])


# --- scopes ---


@pytest.mark.parametrize(
    ("function", "over", "scope"),
    [
        (lambda w, lam: w * lam == lam * w, {}, "all w, lam"),
        (lambda w, lam: w / lam * lam == w, {}, "all w, lam, wherever defined"),
        (lambda w: w / 2 * 2 == w, {}, "all w"),
        (lambda a, w: a * w**2 >= 0, {"a": POSITIVE}, "all a (positive), w"),
        (lambda tau: tau.sum(axis=1) == 1, {"tau": lv.kernels(2, 3)}, "all tau (positive stochastic 4 x 2)"),
        (lambda d: d.y @ d.y >= 0, {"d": lv.datasets(2, 1)}, "all d (2 points in 1 dimensions)"),
        (lambda x: lv.math.log(x**2) == lv.math.log(x**2), {}, "all x, wherever defined"),
    ],
)
def test_the_scope_of_a_proof(function: Callable[..., Any], over: dict[str, lv.Domain], scope: str) -> None:
    found = decided(function, over)
    assert (found.verdict, found.evidence, found.scope) == (Verdict.VERIFIED, Evidence.PROOF, scope)


def test_drawn_instances_are_never_all() -> None:
    found = decided(lambda x: x**2 >= x or x < 1)
    assert (found.verdict, found.evidence) == (Verdict.VERIFIED, Evidence.EXACT)
    assert found.scope == f"{found.instances} instances drawn: x (rational)" and 1 < found.instances <= 40
    assert (
        "branches on a comparison" in told(found, Evidence.PROOF) and "no proof: the lemma branches" in found.footnote
    )


def test_points_where_it_is_undefined_are_no_instances() -> None:
    def only_at_whole_numbers(x):  # type: ignore[no-untyped-def]
        if x % 1:
            raise ZeroDivisionError
        return x == x

    found = decided(only_at_whole_numbers)
    assert found.evidence is Evidence.EXACT and found.details["undefined"] > 0
    nowhere = decided(lambda x: 1 / (x - x) == 1 / (x - x))
    assert nowhere.verdict is Verdict.UNDECIDED and "undefined at each of" in nowhere.reason
    assert "0 everywhere" in told(nowhere, Evidence.PROOF)


# --- counterexamples ---


def test_a_counterexample_is_simple_and_confirmed() -> None:
    found = decided(lambda x, y: x * y <= 10, count=100)
    assert (found.verdict, found.evidence) == (Verdict.REFUTED, Evidence.EXACT)
    x, y = (Fraction(found.details["counterexample"][name]) for name in ("x", "y"))
    assert x * y > 10 and x.denominator == y.denominator == 1 and abs(x) + abs(y) <= 20
    assert found.scope == "one instance of x, y (rational)"


def test_a_counterexample_that_the_second_computation_does_not_confirm_refutes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("verify.lemma.certificate.fails", lambda *arguments: False)
    found = decided(lambda x: x == 2)
    assert found.verdict is Verdict.UNDECIDED and "does not confirm" in found.reason


def test_a_proof_that_numbers_contradict_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the field to take everything for 0, numbers would tell."""
    monkeypatch.setattr("proofs.lemma.field.Field.is_zero", lambda self, a: True)
    found = decided(lambda x, y: x + y == x)
    assert found.verdict is Verdict.REFUTED and found.evidence is Evidence.EXACT


# --- balls ---


def test_an_inequality_in_balls() -> None:
    found = decided(lambda x: lv.math.exp(x) >= 1 + x)
    assert (found.verdict, found.evidence) == (Verdict.VERIFIED, Evidence.ENCLOSURE)
    assert "takes exp, which has no rational value" in told(found, Evidence.EXACT)


def test_an_equality_in_balls_needs_a_tolerance() -> None:
    def doubled(x):  # type: ignore[no-untyped-def]
        return lv.math.log(1 + x) + lv.math.log(1 + 1 / x) == lv.math.log(2 + x + 1 / x)

    def abs_of(x):  # type: ignore[no-untyped-def]
        return lv.math.sqrt(x * x) == (x if x >= 0 else -x)

    assert decided(doubled, {"x": POSITIVE}).evidence is Evidence.PROOF
    open_ = decided(lambda x: lv.math.sqrt(2 * x) == lv.math.sqrt(2) * lv.math.sqrt(x), {"x": POSITIVE})
    assert open_.verdict is Verdict.UNDECIDED and "tolerance=" in open_.reason
    close = decided(
        lambda x: lv.math.sqrt(2 * x) == lv.math.sqrt(2) * lv.math.sqrt(x), {"x": POSITIVE}, tolerance=1e-30
    )
    assert (close.verdict, close.evidence) == (Verdict.VERIFIED, Evidence.ENCLOSURE)
    assert "equal sides up to 1e-30" in close.scope
    assert decided(abs_of).verdict is Verdict.VERIFIED


def test_a_difference_far_below_floats_is_seen() -> None:
    tiny = Fraction(1, 10**60)
    found = decided(lambda x: lv.math.exp(x) <= lv.math.exp(x) * (1 - tiny), {"x": POSITIVE})
    assert (found.verdict, found.evidence) == (Verdict.REFUTED, Evidence.ENCLOSURE)


def test_points_that_stay_open_are_told() -> None:
    found = decided(lambda x: lv.math.log(x) <= x - 1, {"x": POSITIVE}, count=60)
    assert found.evidence is Evidence.ENCLOSURE and found.verdict is Verdict.VERIFIED
    entropy = decided(
        lambda p: sum(x * lv.math.log(x / y) for x, y in zip(*p, strict=True)) >= 0,
        {"p": lv.stochastic(2, 2)},
        count=60,
    )
    assert entropy.verdict is Verdict.VERIFIED and ("stay open" in entropy.scope) == (entropy.details["open"] > 0)


def test_overlapping_balls_do_not_take_the_other_branch() -> None:
    """FLINT's < is False where balls overlap: `else` must not be taken for >=."""

    def same(x):  # type: ignore[no-untyped-def]
        root = lv.math.sqrt(2) * lv.math.sqrt(2)
        return root == 2 if root < 2 else root >= 2

    assert decided(same).verdict is Verdict.UNDECIDED


# --- floats ---


def test_floats_decide_up_to_the_tolerance_alone() -> None:
    import torch

    def softmax(x):  # type: ignore[no-untyped-def]
        return torch.softmax(x, 0).sum() == 1

    def wrong(x):  # type: ignore[no-untyped-def]
        return torch.softmax(2 * x, 0) == torch.softmax(x, 0)

    over = {"x": lv.rationals(3)}
    with pytest.raises(TypeError):
        decided(softmax, over)
    held = decided(softmax, over, tolerance=1e-12)
    assert (held.verdict, held.evidence) == (Verdict.VERIFIED, Evidence.NUMERIC)
    assert "tolerance 1e-12" in held.scope and "no exact" in held.footnote
    off = decided(wrong, over, tolerance=1e-12)
    assert (off.verdict, off.evidence) == (Verdict.REFUTED, Evidence.NUMERIC)
    between = decided(lambda x: torch.softmax(x, 0).sum() == 1 + 1e-10, over, tolerance=1e-12)
    assert between.verdict is Verdict.UNDECIDED and "less than 1000 times" in between.reason


def test_a_float_without_a_tolerance_decides_nothing() -> None:
    found = decided(lambda x: x + 0.5 == x + Fraction(1, 2))
    assert found.verdict is Verdict.UNDECIDED
    assert "the float 0.5" in found.reason and "tolerance=" in found.reason


# --- time ---


def forever(x: Any) -> Any:
    while True:
        pass


def steps_without_end(x: Any) -> Any:
    y = x
    while True:
        y = y * x + 1


def deep(x: Any) -> Any:
    return deep(x + 1)


def branching_loop(x: Any) -> Any:
    total, steps = x, 0
    while total > 1:
        total, steps = total / 2, steps + 1
    return total <= 1


def large(a: Any, b: Any, c: Any, d: Any, e: Any, f: Any) -> Any:
    return (a + b + c + d + e + f) ** 80 == ((a + b + c + d + e + f) ** 40) ** 2


def test_what_never_ends_is_left_and_said() -> None:
    found = decided(forever, seconds=0.5)
    assert found.verdict is Verdict.UNDECIDED
    assert found.reason.count("longer than its share of the time") == 3


def test_a_loop_of_steps_ends_at_their_number() -> None:
    found = decided(steps_without_end, seconds=1.0)
    assert found.verdict is Verdict.UNDECIDED
    assert "steps" in told(found, Evidence.PROOF) or "share of the time" in told(found, Evidence.PROOF)


def test_a_recursion_is_told() -> None:
    with pytest.raises(RecursionError):
        decided(deep)
    with pytest.raises(proof.MissedError, match="calls itself without end"):
        proof.prove(lemma_of(deep), 5.0)


def test_a_loop_of_unknown_length_falls_back() -> None:
    found = decided(branching_loop)
    assert (found.verdict, found.evidence) == (Verdict.VERIFIED, Evidence.EXACT)


def test_an_expansion_that_is_too_large_falls_back() -> None:
    found = decided(large, seconds=10.0)
    assert (found.verdict, found.evidence) == (Verdict.VERIFIED, Evidence.EXACT)
    assert "products of terms" in told(found, Evidence.PROOF)


def test_a_deadline_is_looked_at_where_no_alarm_can_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a thread of a cluster's worker."""
    monkeypatch.setattr(
        "verify.lemma.ladder.Alarm", lambda seconds: __import__("verify.alarm", fromlist=["x"]).Alarm(None)
    )
    found = decided(steps_without_end, seconds=0.2)
    assert found.verdict is Verdict.UNDECIDED


# --- the two rings ---

IDENTITIES: list[Callable[..., Any]] = [
    lambda a, b, c: (a + b) ** 3 / c == (a**3 + 3 * a**2 * b + 3 * a * b**2 + b**3) / c,
    lambda a, b, c: a / (b + c) + b / (a + c) == (a**2 + b**2 + a * c + b * c) / ((a + c) * (b + c)),
    lambda a, b, c: lv.math.exp(a + b) / lv.math.exp(c) == lv.math.exp(a - c) * lv.math.exp(b),
    lambda a, b, c: (a - b) ** 2 + (b - c) ** 2 >= 0,
]


@pytest.mark.parametrize("ring", [flint_ring, sympy_ring])
@pytest.mark.parametrize("true", [True, False])
@pytest.mark.parametrize("number", range(len(IDENTITIES)))
def test_both_rings_say_the_same(number: int, true: bool, ring: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proofs.lemma.polynomials.ring", ring)

    def changed(a, b, c):  # type: ignore[no-untyped-def]
        return IDENTITIES[number](a, b, c) & (a == a + 1)

    lemma = lemma_of(IDENTITIES[number] if true else changed)
    if true:
        assert proof.prove(lemma, 20.0).program.relations
    else:
        with pytest.raises(proof.MissedError, match="not the same function"):
            proof.prove(lemma, 20.0)


# --- what is declared ---


def test_a_lemma_stays_a_function() -> None:
    @lv.lemma("XX1", "a product")
    def product(x, y):  # type: ignore[no-untyped-def]
        return x * y == y * x

    assert product(2, 3) is True
    claim = getattr(product, MARK)
    assert claim.statement == "A product." and claim.id == "XX1" and not claim.control


@pytest.mark.parametrize(
    ("function", "arguments", "reason"),
    [
        (lambda *x: True, {}, "no .args"),
        (lambda: True, {}, "at least one argument"),
        (lambda x: True, {"over": {"y": lv.rationals()}}, "no argument 'y'"),
        (lambda x: True, {"over": {"x": 3}}, "x is no rationals"),
        (lambda x: True, {"tolerance": 0}, "tolerance=0"),
    ],
)
def test_what_is_no_lemma(function: Callable[..., Any], arguments: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        lv.lemma("XX1", "none", **arguments)(function)


@pytest.mark.parametrize(
    "make",
    [
        lambda: lv.rationals(0),
        lambda: lv.rationals(40, 40),
        lambda: lv.rationals(low=1, high=1),
        lambda: lv.rationals(high=1),
        lambda: lv.rationals(positive=True, low=0),
        lambda: lv.rationals(low=0.1),
        lambda: lv.kernels(S=2, n=20),
        lambda: lv.stochastic(0, 2),
        lambda: lv.orthogonal(100),
    ],
)
def test_what_is_no_domain(make: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match=r"sizes|rationals|bound"):
        make()


@pytest.mark.parametrize(
    ("domain", "holds"),
    [
        (lv.stochastic(2, 3), lambda X: (X > 0).all() and (X.sum(axis=1) == 1).all()),
        (lv.positive_definite(3), lambda X: (X == X.T).all() and X[0, 0] > 0 and lv.math.determinant(X) > 0),
        (lv.orthogonal(3), lambda X: (lv.math.identity(3) == X @ X.T).all()),
        (lv.rationals(2, low=1, high=2), lambda x: ((x >= 1) & (x <= 2)).all()),
        (lv.rationals(2, positive=True), lambda x: (x > 0).all()),
        (lv.datasets(2, 3), lambda data: data.X.shape == (2, 3) and data.y.shape == (2,)),
    ],
)
def test_points_are_drawn_from_their_domain(domain: lv.Domain, holds: Callable[..., Any]) -> None:
    found = instances.search(
        {"x": domain}, lambda point: not holds(domain.argument(point["x"])), count=30, seed=1, seconds=5.0
    )
    assert found is None


@pytest.mark.parametrize("error", [PrecisionError, AttemptEndedError, ZeroDivisionError])
def test_a_second_look_that_ends_otherwise_refutes_nothing(
    error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is raised is no Exception, in part; it stays within the attempt all the same."""

    def ends(*_: object) -> object:
        raise error("sides that may be equal")

    monkeypatch.setattr(ladder, "in_balls", ends)
    assert decided(lambda x: lv.math.exp(x) <= 1).verdict is Verdict.UNDECIDED


@pytest.mark.parametrize("seed", range(4))
def test_what_fails_far_away_or_close_to_0_is_found(seed: int) -> None:
    def far(x):  # type: ignore[no-untyped-def]
        return x**3 <= 10**8 * (1 + x**2)

    def near(x):  # type: ignore[no-untyped-def]
        return x / 10**8 <= x**2

    for function in (far, near):
        found = ladder.settle(lemma_of(function, {"x": lv.rationals(positive=True)}), Run(), count=100, seed=seed)
        assert (found.verdict, found.evidence) == (Verdict.REFUTED, Evidence.EXACT)
