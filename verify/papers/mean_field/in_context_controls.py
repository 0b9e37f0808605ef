"""MF16c, MF16v, MF16l and MF17c: what is false about generalisation in context, each refuted by one setting."""

from __future__ import annotations

from dataclasses import replace
from math import inf

from flint import fmpq_mat

from proofs.mean_field.in_context import InContext, random_law
from proofs.mean_field.instances import random_full_rank
from proofs.rational_matrix import identity
from verify.claim import Certificate, Evidence, Finding, Origin, Run
from verify.papers.mean_field.common import generator, of_file, short
from verify.papers.mean_field.conditions import Condition, Values, condition, plain, refuted
from verify.papers.mean_field.generalisation import (
    POINTS,
    TASKS,
    Tasks,
    by_cases,
    read,
    realised,
    regular_law,
    setting_of,
)
from verify.papers.mean_field.premises import claim
from verify.papers.mean_field.settings import MeanFieldSettings
from verify.recheck.mean_field.matrices import Matrix


@claim("MF16c", "the prompt's length does not matter (control)", requires=("MF16",), origin=Origin.CONTROL)
def without_length(settings: MeanFieldSettings, run: Run) -> Finding:
    """The loss L_n(W) does not depend on n: the terms in 1/n can be dropped."""
    random = generator(settings, "MF16c")
    laws, tasks = [random_law(random, settings.k, POINTS) for _ in range(2)], Tasks(random, settings.k, TASKS)
    W = random_full_rank(random, settings.k, settings.k)
    losses = [by_cases(laws, tasks, W, n) for n in (1, 2)]
    at = setting_of(laws, tasks) | {"W": W, "losses": losses}
    differs = condition("L_1(W) = L_2(W)", losses[0] == losses[1], _lengths_differ, **at)
    return _refuted(
        settings, settings.k, differs, at, f"L_1(W) = {short(losses[0])}, L_2(W) = {short(losses[1])}", "not equal"
    )


@claim("MF16v", "trained for one Sigma_v, best for all (control)", requires=("MF16",), origin=Origin.CONTROL)
def one_covariance(settings: MeanFieldSettings, run: Run) -> Finding:
    """The attention matrix that is best for prompts of n examples with Sigma_v = I is best with any Sigma_v."""
    return _another_is_better(settings, "MF16v", trained_at=(identity(2), 1), tested=1)


@claim("MF16l", "trained for one length, best for all (control)", requires=("MF16",), origin=Origin.CONTROL)
def one_length(settings: MeanFieldSettings, run: Run) -> Finding:
    """The attention matrix that is best for prompts of one length is best for prompts of every length."""
    return _another_is_better(settings, "MF16l", trained_at=(None, 1), tested=2)


def _another_is_better(
    settings: MeanFieldSettings, id: str, trained_at: tuple[fmpq_mat | None, int], tested: int
) -> Finding:
    """At k = 2: with one output a factor in V changes nothing."""
    random = generator(settings, id)
    law, tasks = regular_law(random, 2), Tasks(random, 2, 3)
    (V, n), what = trained_at, "n" if trained_at[0] is None else "Sigma_v"
    W, better = InContext(law, law, tasks.V if V is None else V, n).W, InContext(law, law, tasks.V, tested).W
    laws = [law, law]
    losses = [by_cases(laws, tasks, X, tested) for X in (W, better)]
    at = setting_of(laws, tasks) | {"W": W, "better": better}
    best = condition("no other W is better", losses[0] <= losses[1], _is_worse, **at, n=tested)
    found = f"L = {short(losses[0])} at the W best for another {what}, least {short(losses[1])}"
    return _refuted(settings, 2, best, at, found, "above the least", f", tested at n={tested}")


@claim("MF17c", "any law of x will do (control)", requires=("MF17",), origin=Origin.CONTROL)
def any_law(settings: MeanFieldSettings, run: Run) -> Finding:
    """A network that is f° itself, trained with infinite prompts, has the loss 0 at those of any law of x."""
    random, k = generator(settings, "MF17c"), settings.k
    law, other, tasks = realised(random, k, identity(k)), realised(random, k, identity(k)), Tasks(random, k, TASKS)
    W = law.A.inv()
    losses = [InContext(x, x, tasks.V, inf).loss(W) for x in (law, other)]
    at = setting_of([other, law], tasks) | {"W": W, "losses": losses}
    kept = condition("the loss is 0 under the other law", losses[1] == 0, _is_lost, **at)
    return _refuted(settings, k, kept, at, f"L = {short(losses[1])} under another law of x", "above 0")


def _refuted(
    settings: MeanFieldSettings, k: int, only: Condition, witness: Values, found: str, predicted: str, what: str = ""
) -> Finding:
    return refuted(
        only,
        evidence=Evidence.EXACT,
        scope=f"one setting at k={k}{what}{of_file(settings)}",
        found=found,
        predicted=predicted,
        certificate=Certificate({"k": k}, plain(witness)),
    )


# --- the same again, in the standard library ---


def _lengths_differ(at: Values) -> bool:
    one, two = (read(at).enumerated(Matrix(at["W"]), n) for n in (1, 2))
    return bool(one != two)


def _is_worse(at: Values) -> bool:
    W, better = (read(at).enumerated(Matrix(at[key]), at["n"]) for key in ("W", "better"))
    return bool(better < W)


def _is_lost(at: Values) -> bool:
    """At the law of the query in training, W loses nothing; at that of the prompt, it does."""
    setting, W = read(at), Matrix(at["W"])
    kept, lost = (replace(setting, prompt=law, query=law).at_infinity(W) for law in (setting.query, setting.prompt))
    return bool(kept == 0 < lost)
