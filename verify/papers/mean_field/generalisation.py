"""MF16 and MF17: in-context generalisation to other lengths, tasks and laws of x, in closed form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from math import inf
from random import Random
from typing import Any

from flint import fmpq, fmpq_mat

from proofs.mean_field.case_by_case import in_context_loss
from proofs.mean_field.in_context import (
    FeatureLaw,
    InContext,
    random_law,
    random_weights,
    second_moment,
    shifted_loss,
    untested_length,
)
from proofs.mean_field.instances import random_full_rank, random_matrix
from proofs.mean_field.witness import is_semidefinite
from proofs.rational_matrix import fractions, inertia
from proofs.rationals import to_fraction
from verify.claim import Certificate, Evidence, Finding, Run
from verify.papers.mean_field.common import each_takes, generator, of_file, short
from verify.papers.mean_field.conditions import (
    Condition,
    Values,
    condition,
    equal,
    judge,
    proved,
    residual,
)
from verify.papers.mean_field.premises import claim
from verify.papers.mean_field.settings import MeanFieldSettings
from verify.recheck.mean_field import generalisation as recheck
from verify.recheck.mean_field.matrices import Matrix

POINTS, TASKS = 3, 2  # of the laws that are enumerated
CASES = ((1, Fraction(0)), (2, Fraction(0)), (3, Fraction(0)), (2, Fraction(1, 2)))  # (n, size of the noise)
LENGTHS = (1, 2, 10, 10**6)
INDEPENDENT = "prompts and queries drawn independently of each other and of the task"


class Tasks:
    """A finite law of v, and its E[v v^T], of as large a rank as there can be."""

    def __init__(self, random: Random, k: int, size: int) -> None:
        small, large = sorted((k, size))
        values = random_full_rank(random, small, large)
        self.values, self.chances = values if k <= size else values.transpose(), random_weights(random, size)
        self.V = second_moment(self.values, self.chances)


@claim("MF16", "prompts of any length, task and law", requires=("MF12",), assumptions=(INDEPENDENT,))
@each_takes(lambda k, m: 4e-2 * k)
def any_prompts(settings: MeanFieldSettings, run: Run) -> Finding:
    """[D] With E[v v^T] = V, prompts of n examples of one law of x, and queries of another, L_n(W) = tr(V S_q)/2 -
    tr(B_q^T V B W) + tr(K W A_q W^T)/2 with K = (1 - 1/n) B^T V B + E[(f°^T V f°) h h^T]/n + (sigma^2/n) A; S_q, A_q
    and B_q under the query's law, the rest under the prompt's. So L_n(W) is affine in 1/n, and exceeds its least value
    by tr(K D A_q D^T)/2, D = W - K^-1 B^T V B_q A_q^-1.

    All prompts of up to three examples, one by one.
    """
    random, k = generator(settings, "MF16"), settings.k
    conditions = proved("in_context_excess")
    for _ in range(settings.instances):
        laws = [random_law(random, k, POINTS) for _ in range(2)]
        conditions += _enumerated(laws, Tasks(random, k, TASKS), random_matrix(random, k, k))
    found = residual(conditions)
    return judge(
        conditions,
        evidence=Evidence.EXACT,
        scope=f"all prompts n=1, 2, 3 on {POINTS} points, {TASKS} tasks, {settings.instances} pairs of laws, k={k}"
        f"{of_file(settings)}; excess: every k",
        instances=settings.instances * len(CASES),
        found=f"formula off by {short(found)} from the mean over all prompts "
        f"in {settings.instances * len(CASES)} settings",
        predicted="0",
        certificate=Certificate({"k": k, "points": POINTS, "tasks": TASKS}),
    )


def _enumerated(laws: list[FeatureLaw], tasks: Tasks, W: fmpq_mat) -> Iterator[Condition]:
    at, losses = setting_of(laws, tasks) | {"W": W}, dict[tuple[int, Fraction], Fraction]()
    for n, noise in CASES:
        losses[n, noise] = found = by_cases(laws, tasks, W, n, noise)
        claimed = InContext(laws[0], laws[1], tasks.V, n, noise**2).loss(W)
        yield equal("L_n(W)", claimed, found, _again, **at, n=n, noise=noise)
    one, two, three = (losses[n, Fraction(0)] for n in (1, 2, 3))
    yield equal("L_n(W) affine in 1/n", (4 * two - one) / 3, three, _again, **at, n=3, noise=Fraction(0))


def by_cases(laws: list[FeatureLaw], tasks: Tasks, W: fmpq_mat, n: int, noise: Fraction = Fraction(0)) -> Fraction:
    prompt, query = (_outcomes(law) for law in laws)
    v = list(zip(*fractions(tasks.values), strict=True))
    return in_context_loss(prompt, query, list(zip(tasks.chances, v, strict=True)), fractions(W), n, noise)


def _outcomes(law: FeatureLaw) -> list[tuple[Fraction, Any]]:
    h, f = (list(zip(*fractions(X), strict=True)) for X in (law.h, law.f))
    return list(zip(law.weights, zip(h, f, strict=True), strict=True))


def _law(law: FeatureLaw) -> dict[str, Any]:
    return {"h": law.h, "f": law.f, "weights": law.weights}


def setting_of(laws: list[FeatureLaw], tasks: Tasks) -> dict[str, Any]:
    prompt, query = laws
    return {"prompt": _law(prompt), "query": _law(query), "tasks": tasks.values, "chances": tasks.chances}


# --- what follows ---


@claim("MF17", "generalisation in context", requires=("MF16",), assumptions=(INDEPENDENT, "no label noise"))
@each_takes(lambda k, m: 3e-3 * k**2)
def generalisation(settings: MeanFieldSettings, run: Run) -> Finding:
    """[D] At every W longer prompts never raise the loss. W_n, the best for n examples, loses at infinite prompts at
    most tr(T^-1 (C - T) A^-1 (C - T))/(2 n^2), T = B^T V B invertible, C = E[(f°^T V f°) h h^T]. W_inf = A^-1 is
    best for every V. If f° = G h, at W_inf the loss is 0 for queries of any law, but E_q |V^(1/2) G (I - A' A^-1) h|^2
    / 2 for prompts of a law with E[h h^T] = A'.

    Each at random laws; the first two for every k.
    """
    random, k = generator(settings, "MF17"), settings.k
    conditions = proved("prompt_excess", "other_length", "other_length_bound")
    shares = list[fmpq]()
    for _ in range(settings.instances):
        law, V = regular_law(random, k), _regular_moment(random, k)
        for n in LENGTHS:
            conditions += _other_lengths(law, V, n, random_matrix(random, k, k))
            bound = untested_length(InContext(law, law, V, n))
            shares += [_lost(law, V, n) / bound] if bound > 0 else []
        conditions += _other_laws(random, k, V)
    return judge(
        conditions,
        evidence=Evidence.EXACT,
        scope=f"{settings.instances} laws on {k + 1} points and as many V, k={k}, n=1, 2, 10, 1e+06, another law of "
        f"the query and of both at each{of_file(settings)}; lengths: every k",
        instances=settings.instances,
        found=f"W_n loses <= {float(to_fraction(max(shares, default=fmpq(0)))):.6g} x its bound at infinite prompts",
        predicted="<= 1 x its bound",
        certificate=Certificate({"k": k, "points": k + 1}),
    )


def regular_law(random: Random, k: int) -> FeatureLaw:
    """With an invertible B."""
    while True:
        law = random_law(random, k, k + 1)
        if law.B.det() != 0:
            return law


def _regular_moment(random: Random, k: int) -> fmpq_mat:
    X = random_full_rank(random, k, k)
    return X * X.transpose()


def _lost(law: FeatureLaw, V: fmpq_mat, n: int) -> fmpq:
    """At infinite prompts, by training on prompts of n examples."""
    trained = InContext(law, law, V, n).W
    return InContext(law, law, V, inf).loss(trained) - InContext(law, law, V, inf).loss(law.A.inv())


def _other_lengths(law: FeatureLaw, V: fmpq_mat, n: int, W: fmpq_mat) -> Iterator[Condition]:
    at = {**_law(law), "V": V, "n": n}
    short_one = InContext(law, law, V, n)
    longer = replace(short_one, n=2 * n)
    falls = longer.loss(W) <= short_one.loss(W) and inertia(law.C(V) - short_one.T)[0] == 0
    yield condition("L_2n(W) <= L_n(W), C - T >= 0", falls, _rises, **at, W=W)
    bound = untested_length(short_one)
    lost = _lost(law, V, n)
    yield equal("lost at n = inf", InContext(law, law, V, inf).excess(short_one.W), lost, _lost_again, **at)
    yield condition("lost at n = inf <= bound", 0 <= lost <= bound, _beyond, **at, bound=bound)
    yield equal("W_inf", law.A.inv(), InContext(law, law, V, inf).W, _best_again, **at)


def _other_laws(random: Random, k: int, V: fmpq_mat) -> Iterator[Condition]:
    """f° = G h: the loss at infinite prompts for queries of another law, and for prompts too."""
    G = random_full_rank(random, k, k)
    training, other, query = (realised(random, k, G) for _ in range(3))
    W = training.A.inv()
    at = {"training": _law(training), "query": _law(query), "V": V}
    same = InContext(training, query, V, inf).loss(W)
    yield equal("the loss for queries of another law", fmpq(0), same, _shifted_again, **at, prompt=_law(training))
    loss, claimed = InContext(other, query, V, inf).loss(W), shifted_loss(G, training.A, other, query, V)
    yield equal("the loss for prompts of another law", claimed, loss, _shifted_again, **at, prompt=_law(other))


def realised(random: Random, k: int, G: fmpq_mat) -> FeatureLaw:
    h = random_full_rank(random, k, k + 1)
    return FeatureLaw(h, G * h, random_weights(random, k + 1))


# --- the same again, in the standard library ---


def read(at: Values) -> recheck.Setting:
    return recheck.Setting(_read_law(at["prompt"]), _read_law(at["query"]), Matrix(at["tasks"]), at["chances"])


def _read_law(values: Values) -> recheck.Law:
    return recheck.Law(Matrix(values["h"]), Matrix(values["f"]), values["weights"])


def _again(at: Values) -> Any:
    return read(at).enumerated(Matrix(at["W"]), at["n"], at["noise"])


def _moments(at: Values) -> tuple[Matrix, Matrix, Matrix, recheck.Law]:
    """T, C, A and the law."""
    law, V = _read_law(at), Matrix(at["V"])
    return law.B.T * V * law.B, law.C(V), law.A, law


def _at_length(at: Values, W: Matrix, share: Fraction) -> Any:
    """L(W) at 1/n = share, without the constant."""
    T, C, A, _ = _moments(at)
    return ((T * (1 - share) + C * share) * W * A * W.T).trace() / 2 - (T * W).trace()


def _rises(at: Values) -> bool:
    T, C, _, _ = _moments(at)
    W, share = Matrix(at["W"]), Fraction(1, at["n"])
    return bool(_at_length(at, W, share / 2) > _at_length(at, W, share)) or not is_semidefinite((C - T).rows)


def _lost_again(at: Values) -> Any:
    T, C, A, _ = _moments(at)
    share = Fraction(1, at["n"])
    W = (T * (1 - share) + C * share).inverse() * T * A.inverse()
    return _at_length(at, W, Fraction(0)) - _at_length(at, A.inverse(), Fraction(0))


def _beyond(at: Values) -> bool:
    return not 0 <= _lost_again(at) <= at["bound"]


def _best_again(at: Values) -> Any:
    """Where T W A = T."""
    T, _, A, _ = _moments(at)
    return (T.inverse() * T * A.inverse()).rows


def _shifted_again(at: Values) -> Any:
    """E_q |V^(1/2) (f° - B' W h)|^2 / 2 with W = A^-1 in training, point by point."""
    training, prompt, query = (_read_law(at[key]) for key in ("training", "prompt", "query"))
    rest = query.f - prompt.B * training.A.inverse() * query.h
    sizes = (rest.T * Matrix(at["V"]) * rest).rows
    return sum(w * sizes[j][j] for j, w in enumerate(query.weights)) / 2
