"""Certificates of lemmas: replay accepts them, and rejects them once anything in them is changed."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any

import pytest

import landscape_verifier as lv
from tests.lemma.deciding import decided
from verify.claim import Certificate, Evidence, Verdict
from verify.recheck.certificate import Budget, DeclinedError, RejectedError, digest
from verify.replay import replay
from verify.report.certificates import exactly

Case = tuple[Callable[..., Any], Mapping[str, lv.Domain], Verdict]
POSITIVE = lv.rationals(positive=True)
CASES: dict[str, Case] = {
    "identity": (lambda w, eta: (1 - eta) ** 2 * w**2 == (w - eta * w) ** 2, {}, Verdict.VERIFIED),
    "quotients": (lambda a, b, c: a / (b + c) + 1 == (a + b + c) / (b + c), {}, Verdict.VERIFIED),
    "kernel": (lambda tau: (tau @ tau).sum(axis=1) == 1, {"tau": lv.kernels(2, 2)}, Verdict.VERIFIED),
    "rotation": (lambda R: lv.math.identity(2) == R @ R.T, {"R": lv.orthogonal(2)}, Verdict.VERIFIED),
    "squares": (lambda a, b, c, d: (a * c + b * d) ** 2 <= (a**2 + b**2) * (c**2 + d**2), {}, Verdict.VERIFIED),
    "means": (lambda a, b: 2 * a * b / (a + b) <= (a + b) / 2, {"a": POSITIVE, "b": POSITIVE}, Verdict.VERIFIED),
    "strict": (lambda a, b: a * b + a > 0, {"a": POSITIVE, "b": POSITIVE}, Verdict.VERIFIED),
    "definite": (
        lambda A: A[0, 0] * A[1, 1] - A[0, 1] ** 2 > 0,
        {"A": lv.positive_definite(2)},
        Verdict.VERIFIED,
    ),
    "range": (lambda p: p * (1 - p) <= Fraction(1, 4), {"p": lv.rationals(low=0, high=1)}, Verdict.VERIFIED),
    "both": (lambda x, y: [(x - y) ** 2 >= 0, x + y == y + x], {}, Verdict.VERIFIED),
    "instances": (lambda x, y: x**4 * y**2 + x**2 * y**4 + 1 >= 3 * x**2 * y**2, {}, Verdict.VERIFIED),  # Motzkin
    "counterexample": (lambda w, eta: (w - eta * w) ** 2 <= w**2, {}, Verdict.REFUTED),
    "kernel that fails": (lambda tau: tau[0, 0] == tau[1, 1], {"tau": lv.kernels(2, 2)}, Verdict.REFUTED),
    "one way of several": (lambda x, y: x <= y and y < x + 5, {}, Verdict.REFUTED),
    "a truth value": (lambda x, y: all([x == x, x < y + 1]), {}, Verdict.REFUTED),
}
MOST = 400  # changes that are tried, of each certificate


def entry(name: str) -> dict[str, Any]:
    function, over, verdict = CASES[name]
    found = decided(function, over, count=20)
    assert found.verdict is verdict and found.certificate is not None, found
    return as_entry(found.certificate, verdict.value)


def as_entry(certificate: Certificate, verdict: str) -> dict[str, Any]:
    parameters, witness = exactly(certificate.parameters), exactly(certificate.witness)
    return signed(
        {"claim": "XX1", "statement": "It is so.", "verdict": verdict, "parameters": parameters, "witness": witness}
    )


def signed(changed: dict[str, Any]) -> dict[str, Any]:
    """With the digest that belongs to it, so that no change is seen by that alone."""
    said = [changed[key] for key in ("claim", "statement", "verdict", "parameters")]
    return {**changed, "digest": digest(*said)}


@pytest.fixture(scope="module")
def entries() -> dict[str, dict[str, Any]]:
    return {name: entry(name) for name in CASES}


@pytest.mark.parametrize("name", CASES)
def test_it_is_accepted(name: str, entries: dict[str, dict[str, Any]]) -> None:
    what, grade, scope = replay("lemmas", json.loads(json.dumps(entries[name])))
    assert what == f"XX1 {CASES[name][2].value}" and scope
    assert (grade == "exact") == (CASES[name][2] is Verdict.REFUTED or "points" in entries[name]["parameters"])


def test_what_is_compared_is_printed(entries: dict[str, dict[str, Any]]) -> None:
    printed = {name: replay("lemmas", entries[name])[2] for name in CASES}
    assert printed["identity"] == "for all w, eta: (1 - eta)^2*w^2 == (w - eta*w)^2"
    assert printed["means"] == "for all a (positive), b (positive): 2*a*b/(a + b) <= (a + b)/2"
    assert printed["counterexample"] == "it fails for some w, eta: (w - eta*w)^2 <= w^2"
    assert printed["one way of several"] in (
        "it fails for some x, y: x <= y, where not x <= y",
        "it fails for some x, y: y < x + 5, where x <= y",
    )
    assert printed["a truth value"] == "it fails for some x, y: False, where x == x, not x < y + 1"


def changes(value: Any) -> Iterator[Any]:
    """The value with one number, word or part changed, left out or doubled."""
    if isinstance(value, dict):
        for key in value:
            for part in changes(value[key]):
                yield {**value, key: part}
            yield {other: value[other] for other in value if other != key}
    elif isinstance(value, list):
        for i, item in enumerate(value):
            for part in changes(item):
                yield [*value[:i], part, *value[i + 1 :]]
            yield value[:i] + value[i + 1 :]
    elif isinstance(value, int):
        yield from (value + 1, value - 1)
    elif isinstance(value, str):
        swaps = {
            "+": "-",
            "-": "+",
            "*": "+",
            "/": "*",
            "==": "!=",
            "<=": ">",
            ">=": "<",
            "<": ">=",
            ">": "<=",
            "holds": "fails",
        }
        yield swaps.get(value, "holds" if value == "fails" else f"{value}1")
        yield ""


def is_wrong(changed: dict[str, Any]) -> bool:
    """Whether it is rejected or declined, as every certificate that says something false has to be."""
    try:
        replay("lemmas", signed(changed), Budget(1e7))
    except (RejectedError, DeclinedError):
        return True
    return False


@pytest.mark.parametrize("name", CASES)
def test_changed_witnesses_are_rejected(name: str, entries: dict[str, dict[str, Any]]) -> None:
    """All but those that say something true as well: a point beside the one that was found, a step nobody needs."""
    changed = [{**entries[name], "witness": witness} for witness in changes(entries[name]["witness"])]
    accepted = [part["witness"] for part in changed[:MOST] if not is_wrong(part)]
    if CASES[name][2] is Verdict.VERIFIED:
        assert accepted == []
    else:
        assert all(fails_there(name, witness["point"]) for witness in accepted)
        assert len(accepted) < len(changed)


def fails_there(name: str, point: dict[str, list[str]]) -> bool:
    """With the lemma itself, which replay does not have."""
    function, over, _ = CASES[name]
    values = {key: [Fraction(x) for x in entries] for key, entries in point.items()}
    arguments = {key: over.get(key, lv.rationals()).argument(entries) for key, entries in values.items()}
    return not function(**arguments)


@pytest.mark.parametrize("name", ["identity", "quotients", "kernel", "rotation", "squares", "means", "definite"])
def test_changed_expressions_are_rejected(name: str, entries: dict[str, dict[str, Any]]) -> None:
    """A changed formula is another claim; of these none is true by chance, but for a step that is not needed."""
    steps = list(changes(entries[name]["parameters"]["steps"]))
    changed = [{**entries[name], "parameters": {**entries[name]["parameters"], "steps": part}} for part in steps]
    accepted = [part for part in changed[:MOST] if not is_wrong(part)]
    assert all(still_true(part) for part in accepted), accepted[:1]
    assert len(accepted) <= len(changed[:MOST]) / 10 and len(changed) > 20


def still_true(changed: dict[str, Any]) -> bool:
    """Whether the changed formula holds at points, by sympy, which has no part in replay."""
    import random

    random.seed(1)
    parameters = changed["parameters"]
    domains = {
        "rational": lambda shape: lv.rationals(*shape),
        "positive": lambda shape: lv.rationals(*shape, positive=True),
        "stochastic": lambda shape: lv.stochastic(*shape),
        "orthogonal": lambda shape: lv.orthogonal(shape[0]),
        "positive_definite": lambda shape: lv.positive_definite(shape[0]),
    }
    for _ in range(10):
        values = {}
        for name, given in parameters["arguments"].items():
            way = domains[given["kind"]](tuple(given["shape"])).ways["draw"]
            values[name] = way.entries([Fraction(random.randint(1, 50), 7) for _ in way.signs], 0)
        computed: list[Any] = []
        for name, *rest in parameters["steps"]:
            if name == "entry":
                computed.append(values[rest[0]][rest[1]])
            elif name == "rational":
                computed.append(Fraction(rest[0]))
            elif name == "^":
                computed.append(computed[rest[0]] ** rest[1])
            else:
                a, b = (computed[i] for i in rest)
                computed.append({"+": a + b, "-": a - b, "*": a * b}.get(name) if name != "/" else a / b)
        for name, i, j in parameters["relations"]:
            a, b = computed[i], computed[j]
            if not {"==": a == b, "<=": a <= b, ">=": a >= b, "<": a < b, ">": a > b}[name]:
                return False
    return True


@pytest.mark.parametrize("name", CASES)
def test_the_other_verdict_is_rejected(name: str, entries: dict[str, dict[str, Any]]) -> None:
    other = "REFUTED" if CASES[name][2] is Verdict.VERIFIED else "VERIFIED"
    assert is_wrong({**entries[name], "verdict": other})
    assert is_wrong({**entries[name], "verdict": other, "witness": {}})


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("identity", lambda e: e["parameters"].update(steps=[["^", 0, 2]]), "parameters.steps"),
        ("identity", lambda e: e["parameters"]["relations"].clear(), "none"),
        ("identity", lambda e: e["parameters"].update(arguments={}), "not names"),
        (
            "identity",
            lambda e: e["parameters"]["arguments"].update({"w or 1": {"kind": "rational", "shape": []}}),
            "names",
        ),
        ("identity", lambda e: e["parameters"]["steps"].append(["exp", 0]), "no step"),
        ("identity", lambda e: e["parameters"]["steps"].append(["^", 0, -1]), "whole number"),
        ("identity", lambda e: e["witness"].update(sums=[]), "not part"),
        ("squares", lambda e: e["witness"].update(sums=[]), "none for"),
        ("squares", lambda e: e["witness"]["sums"].append(e["witness"]["sums"][0]), "more than"),
        ("squares", lambda e: e["witness"]["sums"][0]["terms"][0].update(c="-1"), "not above 0"),
        ("squares", lambda e: e["witness"]["sums"][0]["terms"][0].update(m=[[0, 1]]), "a free parameter"),
        ("squares", lambda e: e["witness"]["sums"][0].update(square=[], terms=[]), "square is 0"),
        ("squares", lambda e: e["witness"]["sums"][0].update(factor=[], terms=[]), "factor"),
        ("squares", lambda e: e["witness"]["sums"][0].update(factor=[["1", [[0, 1]]]]), "factor"),
        ("squares", lambda e: e["parameters"]["relations"][0].__setitem__(0, "<"), "may be an equality"),
        ("range", lambda e: e["parameters"]["relations"][0].__setitem__(0, "<"), "be an equality"),
        ("range", lambda e: e["parameters"]["arguments"]["p"].pop("low"), "no domain"),
        (
            "kernel that fails",
            lambda e: e["witness"]["point"].update(tau=["1/2", "1/3", "1/2", "1/2"]),
            "not in its domain",
        ),
        (
            "kernel that fails",
            lambda e: e["witness"]["point"].update(tau=["1", "0", "1/2", "1/2"]),
            "not in its domain",
        ),
        ("one way of several", lambda e: e["parameters"]["branches"].clear(), "does not fail|accepted"),
        ("instances", lambda e: e["parameters"].update(points=[]), "from 1 to"),
        ("instances", lambda e: e["parameters"]["relations"][0].__setitem__(0, "<"), "what is compared fails"),
        ("instances", lambda e: e["parameters"]["points"][0].update(x=["1", "2"]), "not in its domain"),
    ],
)
def test_what_is_no_certificate(
    name: str, change: Callable[[dict[str, Any]], Any], reason: str, entries: dict[str, dict[str, Any]]
) -> None:
    changed = copy.deepcopy(entries[name])
    change(changed)
    if "accepted" in reason:
        replay("lemmas", signed(changed))  # the comparison at the end fails there, whatever the way
        return
    with pytest.raises(RejectedError, match=reason):
        replay("lemmas", signed(changed))


def test_ids_of_claims_are_ids(entries: dict[str, dict[str, Any]]) -> None:
    with pytest.raises(RejectedError, match="no id of a claim"):
        replay("lemmas", signed({**entries["identity"], "claim": "rejected  0"}))


def test_large_powers_are_declined_and_not_computed(entries: dict[str, dict[str, Any]]) -> None:
    changed = copy.deepcopy(entries["counterexample"])
    steps = changed["parameters"]["steps"]
    for _ in range(5):
        steps.append(["^", len(steps) - 1, 10_000])
    changed["parameters"]["relations"][0][1] = len(steps) - 1
    with pytest.raises((DeclinedError, RejectedError)):
        replay("lemmas", signed(changed))


def test_what_has_no_certificate() -> None:
    for function in (
        lambda x: lv.math.exp(x) * lv.math.exp(-x) == 1,
        lambda x: x != x + 1,
    ):
        found = decided(function)
        assert found.evidence is Evidence.PROOF and found.certificate is None
    assert decided(lambda x: int(x) == x).certificate is None  # type: ignore[no-any-return]
