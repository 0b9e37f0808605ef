"""MF6c and MF9c: two statements that saddles refute."""

from __future__ import annotations

from flint import fmpq

from proofs.mean_field.model import Model
from proofs.mean_field.witness import twice_loss
from proofs.rational_matrix import inner
from verify.claim import Evidence, Finding, Origin, Run, decide
from verify.papers.mean_field.certificates import of_saddle, of_size
from verify.papers.mean_field.common import generator, models, of_file, short
from verify.papers.mean_field.conditions import Values, condition, equal, judge
from verify.papers.mean_field.given import NO_RATIONAL_SADDLE, saddle_of_file, witnessed_loss
from verify.papers.mean_field.identities import model_at
from verify.papers.mean_field.landscape import lowest_saddle
from verify.papers.mean_field.premises import claim, control_unless_no_saddle, no_saddle
from verify.papers.mean_field.settings import MeanFieldSettings


@claim("MF6c", "only global minima (control)", expected=control_unless_no_saddle, origin=Origin.CONTROL)
def no_saddle_control(settings: MeanFieldSettings, run: Run) -> Finding:
    """Every critical point is a global minimum.

    A rational saddle refutes it: every partial derivative is 0, the loss is not.
    """
    if no_saddle(settings):
        return _no_saddle_at_m_equal_k(settings, "MF6c")
    model, where = _saddle(settings, "MF6c")
    found = condition("every critical point is a global minimum", False, is_saddle, H=model.H, F=model.F)
    return decide(
        False,
        evidence=Evidence.EXACT,
        scope=f"a rational saddle {where}",
        instances=1,
        found=f"dL/dH = 0, L = {short(model.loss)}",
        predicted="0, L > 0",
        counterexample=found.counterexample,
        certificate=of_saddle(settings, model),
        undecided="the constructed point is not a saddle",
    )


@claim("MF9c", "such a bound at every level (control)", expected=control_unless_no_saddle, origin=Origin.CONTROL)
def dominated_loss_control(settings: MeanFieldSettings, run: Run) -> Finding:
    """There is c > 0 with |dL/dH|^2 >= c L at every H of full rank.

    The lowest rational saddle refutes it: the gradient is 0 there, the loss is not.
    """
    if no_saddle(settings):
        return _no_saddle_at_m_equal_k(settings, "MF9c")
    model, where = _saddle(settings, "MF9c")
    found = condition("|dL/dH|^2 >= c L", False, has_loss_without_slope, H=model.H, F=model.F)
    return decide(
        False,
        evidence=Evidence.EXACT,
        scope=f"a saddle {where}",
        instances=1,
        found=f"|dL/dH|^2 = {short(inner(model.gradient, model.gradient))}, L = {short(model.loss)}",
        predicted="0, L > 0",
        counterexample=found.counterexample,
        certificate=of_saddle(settings, model),
        undecided="the constructed point is not a saddle",
    )


def _no_saddle_at_m_equal_k(settings: MeanFieldSettings, claim: str) -> Finding:
    """With m = k the rows of every full-rank H span everything, and the loss is 0."""
    given = models(settings, generator(settings, claim))
    conditions = [equal("L = 0", fmpq(0), model.loss, witnessed_loss, H=model.H, F=model.F) for model in given]
    return judge(
        conditions,
        evidence=Evidence.EXACT,
        scope=f"{len(given)} models with m = k = {settings.k}{of_file(settings, used=True)}, where the loss is 0",
        instances=len(given),
        found=f"L = {short(max(model.loss for model in given))} at {len(given)} models",
        predicted="0",
        certificate=of_size(settings),
    )


def _saddle(settings: MeanFieldSettings, claim: str) -> tuple[Model, str]:
    """The lowest rational saddle of the F of the file; one with L = r_low / 2 where there is none."""
    size = f"k={settings.k}, m={settings.m}"
    of_user = saddle_of_file(settings)
    if of_user is not None:
        return of_user, f"of the F of the file, {size}"
    return lowest_saddle(settings, generator(settings, claim)).model, (
        f"with 2L = r_low, {size}{of_file(settings, why=NO_RATIONAL_SADDLE)}"
    )


# --- the same again, in the standard library ---


def is_saddle(at: Values) -> bool:
    """Whether all partial derivatives vanish and L > 0, although L = 0 where the row space of H holds that of F."""
    return bool(model_at(at).gradient.is_zero and twice_loss(at["H"], at["F"]) > 0)


def has_loss_without_slope(at: Values) -> bool:
    """Whether |dL/dH|^2 = tr(M Z M^T) = 0 and L > 0."""
    model = model_at(at)
    return bool((model.M * model.Z * model.M.T).trace() == 0 and model.loss > 0)
