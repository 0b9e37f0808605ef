"""Certificates of MF16 to MF18 and their controls: no number can be changed, and wrong formulas are noticed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from tests.certificates.mean_field import Entry, accept, made, produced
from tests.certificates.test_mean_field import changed, leaves
from verify.recheck.certificate import RejectedError
from verify.recheck.mean_field import generalisation, identities
from verify.recheck.mean_field.generalisation import Law, Setting

CONTROLS = ("MF16c", "MF16v", "MF16l", "MF17c", "MF18z")
LOSS, ENUMERATED, C = Setting.loss, Setting.enumerated, Law.C


def entry(claim: str) -> Entry:
    return copy.deepcopy(produced(2, 4, (claim,))[0][claim])


@pytest.mark.parametrize("claim", CONTROLS)
def test_no_number_of_a_witness_can_be_changed(claim: str) -> None:
    item = entry(claim)
    assert item["verdict"] == "REFUTED"
    accept(item)
    paths = list(leaves(item["witness"]))
    assert len(paths) >= 10
    for path in paths:
        with pytest.raises(RejectedError):
            accept({**item, "witness": changed(item["witness"], path, lambda x: str(Fraction(x) + 1))})
    for key in item["witness"]:
        with pytest.raises(RejectedError, match="missing"):
            accept({**item, "witness": {name: x for name, x in item["witness"].items() if name != key}})
    with pytest.raises(RejectedError, match="not part of this certificate"):
        accept({**item, "witness": {**item["witness"], "note": "true"}})


def test_what_refutes_nothing_is_noticed() -> None:
    forged: list[tuple[str, dict[str, Any], str]] = [
        ("MF16c", {"W": [["0", "0"], ["0", "0"]]}, "losses"),
        ("MF16v", {"better": entry("MF16v")["witness"]["W"]}, "not the best"),
        ("MF16l", {"better": entry("MF16l")["witness"]["W"]}, "not the best"),
        ("MF17c", {"prompt": entry("MF17c")["witness"]["query"]}, "not those of the two laws"),
        ("MF17c", {"losses": ["0", "0"]}, "not those of the two laws"),
    ]
    for claim, forgery, message in forged:
        item = entry(claim)
        item["witness"].update(forgery)
        with pytest.raises(RejectedError, match=message):
            accept(item)


@pytest.mark.parametrize("chances", [["1/2", "1/3"], ["3/2", "-1/2"]])
def test_weights_are_probabilities(chances: list[str]) -> None:
    item = entry("MF16c")
    item["witness"]["chances"] = chances
    with pytest.raises(RejectedError, match="not probabilities"):
        accept(item)


WRONG: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "another length": (Setting, "loss", lambda s, W, n, variance: LOSS(s, W, n + 1, variance)),
    "twice the noise": (Setting, "loss", lambda s, W, n, variance: LOSS(s, W, n, variance * 2)),
    "W transposed": (Setting, "loss", lambda s, W, n, variance: LOSS(s, W.T, n, variance)),
    "Sigma_v = I": (Law, "C", lambda law, V: C(law, generalisation.Matrix.identity(len(V.rows)))),
    "no noise": (Setting, "enumerated", lambda s, W, n, noise: ENUMERATED(s, W, n)),
    "laws swapped": (
        Setting, "loss", lambda s, W, n, variance: LOSS(Setting(s.query, s.prompt, s.tasks, s.chances), W, n, variance)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_in_the_closed_form_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    item = made("MF16", k=2, points=2, tasks=2)
    accept(item)
    monkeypatch.setattr(*WRONG[name])
    with pytest.raises(RejectedError, match=r"L_n\(W\)"):
        accept(item)


def test_a_mistake_in_generalisation_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    item = made("MF17", k=2, points=3)
    accept(item)
    with monkeypatch.context() as patch:
        patch.setattr(generalisation, "HALF", Fraction(1, 3))
        with pytest.raises(RejectedError, match="is left"):
            accept(item)
    A = Law.__init__

    def wrong(law: Law, h: Any, f: Any, weights: Any) -> None:
        A(law, h, f, weights)
        law.A = law.A * 2

    with monkeypatch.context() as patch:
        patch.setattr(Law, "__init__", wrong)
        with pytest.raises(RejectedError, match="the residual is not 0"):
            accept(item)


def test_a_mistake_in_the_second_derivative_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    item, along = made("MF18", k=2, m=5), identities.along
    accept(item)
    for wrong in (lambda H, E, F: along(H, E * 2, F), lambda H, E, F: along(H, E, F + E)):
        with monkeypatch.context() as patch:
            patch.setattr(identities, "along", wrong)
            with pytest.raises(RejectedError, match="the residual is not 0"):
                accept(item)


def test_laws_need_points_enough() -> None:
    with pytest.raises(RejectedError, match="fewer than k"):
        accept(made("MF17", k=3, points=2))
