"""The checker of the mean-field paper: a mistake in a formula is noticed, no part is left out, words are sound."""

from __future__ import annotations

import copy
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from tests.certificates.mean_field import LANDSCAPE, accept, entry, made, produced
from verify import replay
from verify.recheck.certificate import RejectedError
from verify.recheck.mean_field import critical, identities, matrices, prompts
from verify.recheck.mean_field.identities import Model, vanishes
from verify.recheck.mean_field.matrices import INVERSES, UNITS, Matrix, Words, inner

# Formulas with a mistake: the check of the claim no longer goes through

RIGHT = {name: getattr(Model, name) for name in ("attention_loss", "hessian_form", "second_variation", "form")}

MISTAKES: list[tuple[str, str, Callable[..., Any]]] = [
    ("MF1", "Z", lambda model: model.F * model.F.T),
    ("MF1", "attention_loss", lambda model, W: RIGHT["attention_loss"](model, W.T)),
    ("MF2", "gradient", lambda model: model.M * model.zeta),
    ("MF2", "gradient", lambda model: model.M.T * model.zeta * -1),
    ("MF3", "hessian_form", lambda model, E: RIGHT["hessian_form"](model, E) * -1),
    ("MF3", "hessian_form", lambda model, E: RIGHT["hessian_form"](model, model.outside(E))),
    ("MF3", "gradient", lambda model: model.M * model.zeta),
    ("MF3", "second_variation", lambda model, E, Y: RIGHT["second_variation"](model, E, E)),
    ("MF3", "second_variation", lambda model, E, Y: inner(model.M.T * model.outside(E), model.M.T * model.outside(Y))),
    ("MF5", "slope", lambda model, R: inner(R, model.M * model.Z)),
    ("MF5", "slope", lambda model, R: inner(R.T, model.M * model.Z) * -1),
    ("MF5", "form", lambda model, R: RIGHT["form"](model, R.T)),
    ("MF5", "form", lambda model, R: RIGHT["form"](model, R) * 2),
    ("MF5", "Z", lambda model: model.F * model.F.T),
    ("MF6", "gradient", lambda model: model.zeta),
    ("MF6", "M", lambda model: model.F * model.H.T * model.a * 2),
    ("MF7", "Z", lambda model: model.F * model.F.T),
    ("MF8", "Z", lambda model: model.F * model.F.T),
    ("MF9", "M", lambda model: model.H * model.F.T),
]


@pytest.mark.parametrize(("claim", "name", "wrong"), MISTAKES)
def test_a_mistake_in_a_formula_is_noticed(
    claim: str, name: str, wrong: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    k, m = (1, 3) if claim in ("MF8", "MF9") else (2, 4)
    item = entry(claim, k, m) if claim in LANDSCAPE else made(claim, k=k, m=m)
    accept(copy.deepcopy(item))
    monkeypatch.setattr(Model, name, wrong if callable(vars(Model)[name]) else property(wrong))
    with pytest.raises(RejectedError):
        accept(item)


@pytest.mark.parametrize("claim", ["MF1", "MF2", "MF3", "MF4", "MF5", "MF6c", "MF8", "MF9"])
def test_another_loss_does_not_have_these_properties(claim: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the loss, except for what does not change with it; then the square of the distance to H itself."""
    k, m = (1, 3) if claim in ("MF8", "MF9") else (2, 2) if claim == "MF6c" else (2, 3)
    true_loss = identities.Model.__init__

    def halved(self: Model, H: Any, F: Any) -> None:
        true_loss(self, H, F)
        self.loss = self.loss * Fraction(1, 2)

    def distance(self: Model, H: Any, F: Any) -> None:
        true_loss(self, H, F)
        self.loss = inner(F - H, F - H) * Fraction(1, 2)

    for wrong in (halved, distance):
        if wrong is distance or claim not in ("MF4", "MF6c"):
            monkeypatch.setattr(Model, "__init__", wrong)
            with pytest.raises(RejectedError):
                accept(made(claim, k=k, m=m))


@pytest.mark.parametrize("claim", ["MF2", "MF3", "MF4", "MF5", "MF8", "MF9"])
def test_derivatives_in_another_direction_are_noticed(claim: str, monkeypatch: pytest.MonkeyPatch) -> None:
    true_along = identities.along
    monkeypatch.setattr(identities, "along", lambda H, E, F: true_along(H, E + F * 2, F))
    with pytest.raises(RejectedError):
        accept(made(claim, k=1, m=3))


@pytest.mark.parametrize(
    ("claim", "exact", "message"),
    [("MF7", True, "tight family"), ("MF7", False, r"d\^2L/ds\^2"), ("MF6", False, "spectrum")],
)
def test_second_derivatives_are_those_of_the_line(
    claim: str, exact: bool, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not of one at double speed. The family that attains the bound is computed in rationals, saddles in residues."""
    item, true_along = entry(claim, 2, 4), critical.along

    def wrong(H: Matrix, E: Matrix, F: Matrix) -> Any:
        return true_along(H, E * 2 if isinstance(H.rows[0][0], Fraction) is exact else E, F)

    monkeypatch.setattr(critical, "along", wrong)
    with pytest.raises(RejectedError, match=message):
        accept(item)


def test_the_level_of_the_loss_matters_to_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """MF9 speaks of L itself, not only of its derivatives."""
    true_loss = Model.__init__

    def raised(self: Model, H: Any, F: Any) -> None:
        true_loss(self, H, F)
        self.loss = self.loss + Fraction(1, 2)

    monkeypatch.setattr(Model, "__init__", raised)
    with pytest.raises(RejectedError, match="2 L = Z"):
        accept(made("MF9", k=1, m=3))


def test_other_prompts_have_another_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    item = made("MF12", k=2, points=2)
    accept(item)
    true_loss, true_prompts = prompts.Features.loss, prompts.enumerated_loss
    wrong: list[tuple[Any, str, Any]] = [
        (prompts.Features, "loss", lambda features, W, n, variance: true_loss(features, W, n, variance * 2)),
        (prompts.Features, "loss", lambda features, W, n, variance: true_loss(features, W, n + 1, variance)),
        (prompts.Features, "loss", lambda features, W, n, variance: true_loss(features, W.T, n, variance)),
        (prompts, "enumerated_loss", lambda features, W, n, noise: true_prompts(features, W, n, noise * 0)),
        (prompts, "HALF", Fraction(1, 3)),
    ]
    for target, name, value in wrong:
        with monkeypatch.context() as patch:
            patch.setattr(target, name, value)
            with pytest.raises(RejectedError):
                accept(item)


PARTS = {
    "MF1": ["L = tr(Z) / 2", "L_TF(H, W) - L"],
    "MF2": ["DL[E]"],
    "MF3": ["D^2 L[E, E]", "d^2L/dmu^2", "the last term"],
    "MF4": ["L(G H) = L(H)", "DL[W H]"],
    "MF5": ["dL/ds", "D^2 L[RF, RF]", "d^2L/ds^2", "DL[E]", "M Z = - dL/dH F'", "|dL/dH|^2"],
}
FURTHER_PARTS = {
    "MF6": ["(F F' - Z) Z", "not critical", "does not belong to S", "points[1].loss", "spectrum"],
    "MF7": ["not critical", "partial isometry", "ker(M')", "below 0", "dL/ds", "d^2L/ds^2", "bound", "tight family"],
    "MF8": ["D^2 L[F, F]"],
    "MF9": ["|M Z|^2", "|dL/dH|^2", "2 L = Z"],
    "MF12": [
        *(f"L^n(W) at n={n}" for n in (1, 2)),
        *("least at", "least value", "n = infinity", "limit of n (L^n - L)"),
        *("flat example: not a saddle", *(f"flat example: order {power}" for power in (1, 2, 3, 4))),
    ],
}


@pytest.mark.parametrize("claim", [*PARTS, *FURTHER_PARTS])
def test_no_part_of_a_claim_is_left_out(claim: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what the checks ask for; identities are asked for in words and with variables as entries."""
    zero, demand = replay.Certificate.zero, replay.Certificate.demand
    asked: dict[str, list[str]] = {"zero": [], "demand": []}
    monkeypatch.setattr(
        replay.Certificate, "zero", lambda c, x, label: asked["zero"].append(label) or zero(c, x, label)
    )
    monkeypatch.setattr(
        replay.Certificate, "demand", lambda c, holds, label: asked["demand"].append(label) or demand(c, holds, label)
    )
    accept(copy.deepcopy(produced(1, 3)[0][claim]))
    for part in PARTS.get(claim, []):
        assert any(label.startswith(part) for label in asked["zero"]), part
        assert any(label.startswith(part) and "every k and m" in label for label in asked["demand"]), part
    for part in FURTHER_PARTS.get(claim, []):
        assert any(part in label for label in asked["zero"] + asked["demand"]), part


# Words


def test_the_units_of_words_are_true_equations() -> None:
    """With matrices that the letters may stand for, at k = 2, m = 3."""
    field = replay.Certificate({}, {}, replay.Budget(1e8)).field
    generic = {"G": Matrix.generic(field, 2, 2), "H": Matrix.generic(field, 2, 3)}
    S, T = (Matrix.generic(field, 2, 2) for _ in "ST")
    generic |= {"A": generic["H"] * generic["H"].T, "S": S + S.T, "T": T + T.T}
    generic |= {small: generic[large].inverse() for large, small in zip("GAST", "gast", strict=True)}

    def multiplied(word: tuple[str, ...]) -> Matrix:
        factors = [generic[x[0]].T if x.endswith("'") else generic[x] for x in word]
        product = factors[0]
        for factor in factors[1:]:
            product = product * factor
        return product

    for unit in UNITS:
        difference = multiplied(unit) - Matrix.identity(2)
        assert all(x.value == 0 for row in difference.rows for x in row), unit
    for word, inverse in INVERSES.items():
        difference = multiplied(tuple(f"{word} {inverse}".split())) - Matrix.identity(2)
        assert all(x.value == 0 for row in difference.rows for x in row), word


def test_words_that_are_not_equal_stay_apart() -> None:
    H, F, W, a = (Words.letter(x) for x in "HFWa")
    certificate = replay.Certificate({}, {}, replay.Budget(1e8))
    different = [
        H * H.T * W - W,
        H.T * a * H * H.T - H.T * H * H.T * a * H * H.T,
        (W * H * F.T).trace() - (W.T * H * F.T).trace(),
        (H * F.T).trace() - (H * H.T).trace(),
        H - F,
        W - W.T,
    ]
    for difference in different:
        with pytest.raises(RejectedError, match="is left"):
            vanishes(certificate, difference, "")
    for entries in (Matrix([[Fraction(0), Fraction(1)]]), Fraction(1)):
        with pytest.raises(RejectedError, match="residual is 1"):
            vanishes(certificate, entries, "")
    for same in (H * H.T * a * W - W, (W * H * F.T).trace() - (F * H.T * W.T).trace(), (H.T * W).T - W.T * H):
        vanishes(certificate, same, "")


def test_words_refuse_what_makes_no_sense() -> None:
    H, W, E = (Words.letter(x) for x in "HWE")
    for nonsense in (lambda: H * H, lambda: H + W, lambda: H.trace(), lambda: (H * H.T).inverse().trace() + W):
        with pytest.raises(ValueError, match=r"\+|\*|trace"):
            nonsense()
    with pytest.raises(ValueError, match="depends on its size"):
        (H * H.T * (H * H.T).inverse()).trace()
    with pytest.raises(KeyError):
        (E * E.T).inverse()


def test_a_wrong_inverse_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(matrices.INVERSES, "H H'", "g")
    with pytest.raises(ValueError, match="not the inverse"):
        (Words.letter("H") * Words.letter("H").T).inverse()


def test_norms_are_compared_exactly() -> None:
    """The largest eigenvalue of [[2, 1], [1, 2]] is 3."""
    A = Matrix([[Fraction(2), Fraction(1)], [Fraction(1), Fraction(2)]])
    reached = [critical.norm_at_least(A, Fraction(x)) for x in ("-5", "5/2", "3", "3000001/1000000", "100")]
    assert reached == [True, True, True, False, False]
