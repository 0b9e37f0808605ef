"""Every identity holds, by two independent routes, and each route notices when a formula is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from proofs.mean_field import identities, rational_functions
from proofs.mean_field.identities import IDENTITIES
from proofs.mean_field.model import Model
from proofs.mean_field.rational_functions import DIFFERENCES, Generic
from proofs.rational_matrix import squared_norm, trace


@pytest.mark.parametrize("name", IDENTITIES)
def test_identity_for_every_size(name: str) -> None:
    assert IDENTITIES[name]().is_zero


@pytest.mark.parametrize(("k", "m"), [(1, 1), (1, 3), (2, 2), (2, 3)])
@pytest.mark.parametrize("name", DIFFERENCES)
def test_identity_of_rational_functions(name: str, k: int, m: int) -> None:
    assert DIFFERENCES[name](Generic(k, m)).is_zero


class WrongHessianSign(Model):
    def hessian_form(self, E: Any) -> Any:
        return super().hessian_form(E) + squared_norm(self.H_plus * self.outside(E) * self.F.transpose()) * 2


class WrongHessianFactor(Model):
    def hessian_form(self, E: Any) -> Any:
        last = self.F * self.H_plus * E * self.H_plus * self.outside(E) * self.F.transpose()
        return super().hessian_form(E) - trace(last)


class WrongGradient(Model):
    @property
    def gradient(self) -> Any:  # type: ignore[override]  # a wrong formula instead of a cached right one
        return self.M * self.F * -1


class WrongSlope(Model):
    def homotopy_slope(self, R: Any) -> Any:
        return trace(R * self.M * self.Z) * -1  # R instead of R^T


class WrongVariation(Model):
    def second_variation(self, E: Any, E2: Any) -> Any:
        C = E * self.H_plus
        return super().second_variation(E, E2) - trace(self.M.transpose() * C * E2 * self.outside(self.F).transpose())


class WrongCurvature(Model):
    def homotopy_curvature(self, R: Any) -> Any:
        return self.homotopy_form(R)  # without 2 dL/ds


MUTANTS: list[tuple[type[Model], str, str | None]] = [
    (WrongHessianSign, "second_derivative", "hessian"),
    (WrongHessianFactor, "second_derivative", "hessian"),
    (WrongHessianSign, "homotopy_form", None),
    (WrongGradient, "first_derivative", "gradient"),
    (WrongGradient, "gradient_times_H", "orbit"),
    (WrongSlope, "homotopy_slope", "slope"),
    (WrongVariation, "second_variation", None),
    (WrongCurvature, "homotopy_curvature", "curvature"),
]


@pytest.mark.parametrize(("mutant", "words", "functions"), MUTANTS)
def test_a_wrong_formula_is_noticed(
    mutant: type[Model], words: str, functions: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identities, "Model", mutant)
    monkeypatch.setattr(rational_functions, "Model", mutant)
    assert not IDENTITIES[words]().is_zero
    if functions is not None:
        assert not DIFFERENCES[functions](Generic(2, 3)).is_zero


def test_rational_functions_refuse_an_inverse_they_cannot_give() -> None:
    with pytest.raises(ValueError, match="determinant d"):
        Generic(2, 3).matrix("R").inv()


def test_names_are_the_functions() -> None:
    functions: dict[str, Callable[[], Any]] = IDENTITIES
    assert all(name == function.__name__ for name, function in functions.items())
