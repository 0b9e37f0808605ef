"""Wrong formulas and wrong constants: the check of the claim that prints them comes out REFUTED, with exit status 1."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from flint import arb, ctx, fmpq

from proofs.mean_field import critical, escape, flows, improvement, in_context, inequalities, prompts
from proofs.mean_field.enclosures import PRECISION
from proofs.mean_field.model import Model
from proofs.rational_matrix import squared_norm, trace
from tests.verify.mean_field_conditions import settings
from verify.claim import Result, Verdict
from verify.papers.mean_field import PAPER
from verify.runner import exit_status, run_claims

CLAIMS = "verify.papers.mean_field"
INEQUALITIES = "proofs.mean_field.inequalities"
Patch = Callable[[pytest.MonkeyPatch], None]
Mutant = tuple[str, str, int, int, Patch]  # claim, what is wrong, k, m


class WrongLoss(Model):
    @property
    def loss(self) -> Any:  # type: ignore[override]  # wrong formulas instead of cached right ones, here and below
        return trace(self.Z)


class WrongAttentionLoss(Model):
    def attention_loss(self, W: Any) -> Any:
        return super().attention_loss(W) * 2


class WrongGradient(Model):
    @property
    def gradient(self) -> Any:  # type: ignore[override]
        return self.M * self.outside(self.F)


class WrongHessian(Model):
    def hessian_form(self, E: Any) -> Any:
        return super().hessian_form(E) + squared_norm(self.H_plus * self.outside(E) * self.F.transpose()) * 2


class WrongVariation(Model):
    def second_variation(self, E: Any, E2: Any) -> Any:
        return super().second_variation(E, E2) * 2


class WrongSlope(Model):
    def homotopy_slope(self, R: Any) -> Any:
        return trace(R * self.M * self.Z) * -1  # R instead of R^T


class WrongCurvature(Model):
    def homotopy_curvature(self, R: Any) -> Any:
        return self.homotopy_form(R)  # without 2 dL/ds


class WrongAttentionGradient(Model):
    def attention_gradient(self, W: Any) -> Any:
        return super().attention_gradient(W) * 2


def model(wrong: type[Model]) -> Patch:
    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        for module in ("identities", "rational_functions", "instances", "critical"):
            monkeypatch.setattr(f"proofs.mean_field.{module}.Model", wrong)

    return patch


def function(name: str, change: Callable[[Any], Any], *modules: str) -> Patch:
    """What a function returns, changed where these modules call it."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        for module in modules:
            path = f"{module}.{name}"
            right = getattr(__import__(module, fromlist=[name]), name)
            monkeypatch.setattr(path, lambda *args, right=right: change(right(*args)))

    return patch


def attribute(owner: type, name: str, change: Callable[[Any, Any], Any]) -> Patch:
    """A cached property: change(value, object)."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        right = owner.__dict__[name].func
        monkeypatch.setattr(owner, name, property(lambda self: change(right(self), self)))

    return patch


def times(factor: Any) -> Callable[..., Any]:
    """Without widening intervals."""

    def change(value: Any, *_: Any) -> Any:
        with ctx.workprec(PRECISION):
            return value * factor

    return change


def pair(factor: Any) -> Callable[[Any], Any]:
    return lambda values: tuple(x * factor for x in values)


MUTANTS: list[Mutant] = [
    ("MF1", "tr(Z) instead of tr(Z) / 2", 2, 3, model(WrongLoss)),
    ("MF1", "L_TF doubled", 2, 3, model(WrongAttentionLoss)),
    ("MF2", "the gradient's sign", 2, 3, model(WrongGradient)),
    ("MF2", "the gradient's sign", 1, 2, model(WrongGradient)),
    ("MF3", "a sign in the Hessian form", 2, 3, model(WrongHessian)),
    ("MF3", "the second variation doubled", 2, 3, model(WrongVariation)),
    ("MF3", "the Hessian's entries doubled", 2, 3, function("hessian", times(2), f"{CLAIMS}.identities")),
    ("MF5", "R for R^T", 2, 3, model(WrongSlope)),
    ("MF5", "without 2 dL/ds", 2, 3, model(WrongCurvature)),
    ("MF5b", "no nuclear norm", 2, 3, function("nuclear_norm", lambda x: arb(0), f"{CLAIMS}.identities")),
    ("MF5b", "1.0001 nuclear norms", 2, 3, function("nuclear_norm", times(fmpq(10001, 10000)), f"{CLAIMS}.identities")),
    ("MF5b", "0.9999 nuclear norms", 1, 3, function("nuclear_norm", times(fmpq(9999, 10000)), f"{CLAIMS}.identities")),
    ("MF6", "another spectrum", 2, 3, function(
        "predicted_spectrum", lambda x: [*x[1:], x[0] + 1], f"{CLAIMS}.landscape")),
    ("MF6", "twice the spectrum", 2, 3, function(
        "predicted_spectrum", lambda x: [2 * y for y in x], f"{CLAIMS}.landscape")),
    ("MF7", "the bounds times 1.001", 1, 3, function(
        "curvature_bound_factor", pair(fmpq(1001, 1000)), f"{CLAIMS}.landscape")),
    ("MF7", "the bounds times 1.001", 3, 4, function(
        "curvature_bound_factor", pair(fmpq(1001, 1000)), f"{CLAIMS}.landscape")),
    ("MF7", "the curvature doubled", 2, 3, function("_curvature", times(2), f"{CLAIMS}.landscape")),
    ("MF7", "another R", 2, 3, attribute(critical.CriticalPoint, "R", times(2))),
    ("MF8", "the form's last sign", 2, 3, attribute(inequalities.Dichotomy, "form", lambda x, d: x * -1)),
    ("MF8", "the form without its rising terms", 2, 3, attribute(
        inequalities.Dichotomy, "form", lambda x, d: -1 / d.norm)),
    ("MF8", "2 |MZ|^2 / z", 3, 4, attribute(
        inequalities.Dichotomy, "bound", lambda x, d: x - d.gain / d.z**3)),
    ("MF8", "4 |MZ|^2 / z", 3, 4, attribute(
        inequalities.Dichotomy, "bound", lambda x, d: x + d.gain / d.z**3)),
    ("MF8", "+ z^2 / |A|", 2, 3, attribute(inequalities.Dichotomy, "bound", lambda x, d: x + 2 / d.norm)),
    ("MF8", "z^3 / (5 |A|)", 2, 3, attribute(inequalities.Dichotomy, "enough", times(fmpq(6, 5)))),
    ("MF8", "z^3 / (7 |A|)", 2, 3, attribute(inequalities.Dichotomy, "enough", times(fmpq(6, 7)))),
    ("MF8", "- z^2 / |A|", 2, 3, attribute(inequalities.Dichotomy, "strict", times(2))),
    ("MF8", "at k=1: - z^2 / |A|", 1, 3, attribute(inequalities.Dichotomy, "strict", times(2))),
    ("MF9", "the squared gradient's bound times 1.001", 3, 4, function(
        "squared_gradient_excess", times(fmpq(1001, 1000)), INEQUALITIES, f"{CLAIMS}.inequalities")),
    ("MF9", "the squared gradient's bound halved", 2, 3, function(
        "squared_gradient_excess", times(fmpq(1, 2)), INEQUALITIES, f"{CLAIMS}.inequalities")),
    ("MF9", "the slope's bound doubled", 2, 3, function("slope_bound", times(2), f"{CLAIMS}.inequalities")),
    ("MF9", "the slope's bound times 0.999", 2, 3, function(
        "slope_bound", times(fmpq(999, 1000)), f"{CLAIMS}.inequalities")),
    ("MF10", "the exponent of the bound doubled", 2, 3, function(
        "sublevel_rate", times(2), f"{CLAIMS}.dynamics", "proofs.mean_field.flows")),
    ("MF10", "the exponent of the bound halved", 2, 3, function(
        "sublevel_rate", times(fmpq(1, 2)), f"{CLAIMS}.dynamics", "proofs.mean_field.flows")),
    ("MF11", "a limit without the kernel term", 2, 3, attribute(
        flows.AttentionFlow, "limit", lambda x, flow: flow.model.A_inverse)),
    ("MF11", "a limit without the kernel term", 1, 1, attribute(
        flows.AttentionFlow, "limit", lambda x, flow: flow.model.A_inverse)),
    ("MF11", "a limit that is the start", 2, 3, attribute(flows.AttentionFlow, "limit", lambda x, flow: flow.start)),
    ("MF11", "the rate doubled", 2, 3, attribute(flows.AttentionFlow, "rate", times(2))),
    ("MF11", "the rate times 1.0001", 3, 3, attribute(flows.AttentionFlow, "rate", times(fmpq(10001, 10000)))),
    ("MF11", "the rate times 0.9999", 1, 2, attribute(flows.AttentionFlow, "rate", times(fmpq(9999, 10000)))),
    ("MF11", "the attention gradient doubled", 2, 3, model(WrongAttentionGradient)),
    ("MF12", "S_n doubled", 2, 3, attribute(prompts.FinitePrompts, "S_n", times(2))),
    ("MF12", "S_n doubled", 1, 1, attribute(prompts.FinitePrompts, "S_n", times(2))),
    ("MF12", "S_n without - B^T B / n", 1, 3, attribute(
        prompts.FinitePrompts, "S_n", lambda x, p: x + p.BtB * fmpq(1, int(p.n)))),
    ("MF12", "S_n without noise", 1, 3, attribute(
        prompts.FinitePrompts, "S_n", lambda x, p: x - p.features.A * fmpq(p.noise_variance.numerator, 9 * int(p.n)))),
    ("MF12", "the bound doubled", 2, 3, function("slope_in_inverse_length", times(2), f"{CLAIMS}.prompts")),
    ("MF12", "the bound halved", 2, 3, function("slope_in_inverse_length", times(fmpq(1, 2)), f"{CLAIMS}.prompts")),
    ("MF12", "the flat example doubled", 1, 3, function("quartic_flat_loss", times(2), f"{CLAIMS}.prompts")),
    ("MF13", "c^3", 1, 3, function(
        "tanh_saddle", lambda x: x | {"closed form": x["closed form"] / x["c"]}, f"{CLAIMS}.particles")),
    ("MF14", "the bound without gamma", 2, 3, attribute(
        improvement.BirthDeath, "factor", lambda x, network: x / network.gamma)),
    ("MF14", "the bound times 10", 2, 3, attribute(improvement.BirthDeath, "factor", times(10))),
    ("MF14", "the bound times 1.001", 3, 4, attribute(improvement.BirthDeath, "factor", times(Fraction(1001, 1000)))),
    ("MF14", "the bound halved", 2, 3, attribute(improvement.BirthDeath, "factor", times(Fraction(1, 2)))),
    ("MF16", "K without terms in 1/n", 2, 3, attribute(in_context.InContext, "K", lambda x, p: p.T)),
    ("MF16", "K without noise", 1, 3, attribute(
        in_context.InContext, "K", lambda x, p: x - p.prompt.A * fmpq(p.noise_variance.numerator, 4 * int(p.n)))),
    ("MF16", "B for B_q", 2, 3, attribute(in_context.InContext, "G", lambda x, p: p.T)),
    ("MF16", "Sigma_v = I", 2, 3, attribute(in_context.FeatureLaw, "S", times(2))),
    ("MF17", "the bound halved", 2, 3, function("untested_length", times(fmpq(1, 2)), f"{CLAIMS}.generalisation")),
    ("MF17", "the bound times 0.999", 1, 3, function(
        "untested_length", times(fmpq(999, 1000)), f"{CLAIMS}.generalisation")),
    ("MF17", "the shifted loss doubled", 2, 3, function("shifted_loss", times(2), f"{CLAIMS}.generalisation")),
    ("MF17", "no excess", 2, 3, lambda patch: patch.setattr(
        in_context.InContext, "excess", lambda prompts, W: fmpq(0))),
    ("MF18", "half the rate", 1, 3, attribute(escape.RationalSaddle, "operator", times(fmpq(1, 2)))),
    ("MF18", "0.999 of the rate", 2, 3, attribute(escape.RationalSaddle, "operator", times(fmpq(999, 1000)))),
    ("MF18", "Gamma transposed", 2, 3, attribute(
        escape.RationalSaddle, "operator", lambda x, saddle: x.transpose())),
]  # fmt: skip

# wrong only in what the program finds, not in what the claim says of it: the second computation sides with the claim
OWN_MISTAKES: list[Mutant] = [
    ("MF10", "the exponent of the decay halved", 2, 3, attribute(
        flows.OjaFlow, "decay_degree", lambda x, flow: x // 2)),
    ("MF10", "the flow at twice the speed", 2, 3, lambda patch: patch.setattr(
        critical.Target, "flow", lambda goal, q, common, right=critical.Target.flow: right(goal, q * q, common))),
    ("MF13", "M not 0", 1, 3, function("tanh_saddle", lambda x: x | {"M": x["c"]}, f"{CLAIMS}.particles")),
    ("MF13", "a second variation of the other sign", 1, 3, function(
        "tanh_saddle", lambda x: x | {"second variation": -x["second variation"]}, f"{CLAIMS}.particles")),
    ("MF14", "the rate halved", 1, 3, attribute(improvement.BirthDeath, "output_dissipation", times(fmpq(1, 2)))),
]  # fmt: skip


def named(mutants: list[Mutant]) -> Any:
    return pytest.mark.parametrize(
        ("id", "k", "m", "patch"), [pytest.param(id, k, m, p, id=f"{id} k={k} {what}") for id, what, k, m, p in mutants]
    )


def run(id: str, k: int, m: int) -> Result:
    (claim,) = (claim for claim in PAPER.claims if claim.id == id)
    (result,) = run_claims([claim], settings(k=k, m=m, instances=2))
    return result


@named(MUTANTS)
def test_the_check_that_prints_it_is_refuted(
    id: str, k: int, m: int, patch: Patch, monkeypatch: pytest.MonkeyPatch
) -> None:
    patch(monkeypatch)
    result = run(id, k, m)
    assert result.verdict is Verdict.REFUTED, (result.verdict, result.finding.reason, result.finding.found)
    assert exit_status([result]) == 1 and result.finding.certificate is None
    assert set(result.finding.details["counterexample"]) > {"condition"}


@named(OWN_MISTAKES)
def test_a_mistake_of_the_program_refutes_no_claim(
    id: str, k: int, m: int, patch: Patch, monkeypatch: pytest.MonkeyPatch
) -> None:
    patch(monkeypatch)
    result = run(id, k, m)
    assert result.verdict is Verdict.UNDECIDED and "does not confirm" in result.finding.reason
    assert exit_status([result]) == 3
