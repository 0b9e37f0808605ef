"""Prompts of any length, tasks and laws of x (MF16, MF17), against the enumeration of all prompts and queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

from verify.recheck.arithmetic import total
from verify.recheck.certificate import Certificate, Fields, bits
from verify.recheck.mean_field.identities import HALF, vanishes
from verify.recheck.mean_field.matrices import Matrix, Words

LENGTHS = (1, 2)  # see any_prompts
SIGNS = (1, -1)


def diagonal(entries: Sequence[Any]) -> Matrix:
    return Matrix([[x if i == j else Fraction(0) for j in range(len(entries))] for i, x in enumerate(entries)])


class Law:
    """h_mu and f° (k x points) at points of these probabilities, and their moments."""

    def __init__(self, h: Matrix, f: Matrix, weights: Sequence[Any]) -> None:
        self.h, self.f, self.weights = h, f, list(weights)
        D = diagonal(self.weights)
        self.A, self.B, self.S = h * D * h.T, f * D * h.T, f * D * f.T

    def C(self, V: Matrix) -> Matrix:
        """E (f°' V f°) h h'."""
        sizes = (self.f.T * V * self.f).rows
        return self.h * diagonal([w * sizes[j][j] for j, w in enumerate(self.weights)]) * self.h.T


@dataclass(frozen=True)
class Setting:
    """The laws of prompt and query, and tasks v (columns) with their probabilities."""

    prompt: Law
    query: Law
    tasks: Matrix
    chances: Sequence[Any]

    @property
    def V(self) -> Matrix:
        return self.tasks * diagonal(self.chances) * self.tasks.T

    def loss(self, W: Matrix, n: int, variance: Any) -> Any:
        """L_n(W) as the claim has it."""
        V, B, share = self.V, self.prompt.B, Fraction(1, n)
        K = B.T * V * B * (1 - share) + self.prompt.C(V) * share + self.prompt.A * (variance * share)
        linear = (self.query.B.T * V * B * W).trace()
        return (V * self.query.S).trace() * HALF - linear + (K * W * self.query.A * W.T).trace() * HALF

    def enumerated(self, W: Matrix, n: int, noise: Any = 0) -> Any:
        """E (v' f°(x) - (1/n) sum_i y_i h(x_i)' W h(x))^2 / 2 with y_i = v' f°(x_i) +- noise, case by case."""
        h, f = columns(self.prompt.h), columns(self.prompt.f)
        Wh, goals = columns(W * self.query.h), columns(self.query.f)
        signs = list(product(SIGNS, repeat=n)) if noise != 0 else [(0,) * n]
        terms = list[Any]()
        for v, chance in zip(columns(self.tasks), self.chances, strict=True):
            label, wanted = [dot(x, v) for x in f], [dot(x, v) for x in goals]
            for points, turns in product(product(range(len(h)), repeat=n), signs):
                weight = chance * Fraction(1, len(signs))
                for x in points:
                    weight = weight * self.prompt.weights[x]
                ys = [label[x] + noise * sign for x, sign in zip(points, turns, strict=True)]
                read = [
                    total(y * h[x][i] for y, x in zip(ys, points, strict=True)) * Fraction(1, n) for i in range(len(v))
                ]
                for x, goal in enumerate(wanted):
                    error = goal - dot(read, Wh[x])
                    terms.append(weight * self.query.weights[x] * error * error)
        return total(terms) * HALF

    def at_infinity(self, W: Matrix) -> Any:
        """2 L_2(W) - L_1(W): a constant plus a multiple of 1/n at 1/n = 0."""
        return self.enumerated(W, 2) * 2 - self.enumerated(W, 1)


def columns(X: Matrix) -> list[tuple[Any, ...]]:
    return list(zip(*X.rows, strict=True))


def dot(a: Sequence[Any], b: Sequence[Any]) -> Any:
    return total(x * y for x, y in zip(a, b, strict=True))


def cost(k: int, points: int, tasks: int, n: int, noisy: bool = True) -> int:
    """Operations of an enumeration, at most."""
    prompts: int = ((2 if noisy else 1) * points) ** n
    return 10 * tasks * prompts * (n * k + points * (k + 2))


def any_prompts(c: Certificate) -> str:
    """MF16, the closed form at one size with variables as values, its optimum for every k.

    L_n is a sum over pairs of prompt examples, n of them equal and n (n - 1) independent, over n^2: a constant plus a
    multiple of 1/n. Two lengths therefore decide every n.
    """
    k, points = c.parameters.integer("k", 1, 30), c.parameters.integer("points", 2, 100)
    tasks = c.parameters.integer("tasks", 1, 100)
    c.afford(sum(cost(k, points, tasks, n) for n in LENGTHS), "prompts")

    def law() -> Law:
        h, f = (Matrix.generic(c.field, k, points) for _ in "hf")
        return Law(h, f, c.field.distribution(points))

    setting = Setting(law(), law(), Matrix.generic(c.field, k, tasks), c.field.distribution(tasks))
    W, noise = Matrix.generic(c.field, k, k), c.field.draw()
    for n in LENGTHS:
        c.zero(setting.enumerated(W, n, noise) - setting.loss(W, n, noise * noise), f"L_n(W) at n={n}")
    check_excess(c)
    return (
        f"L_n(W): every n, W, noise and all values and laws on {points} points, {tasks} tasks, k={k}; excess: every k"
    )


def check_excess(c: Certificate) -> None:
    """L(W) is least at K^-1 G' A^-1 where K and A are positive definite. Without the constant."""
    K, A, W, G = (Words.letter(name) for name in "SAWG")

    def loss(W: Words) -> Words:
        return (K * W * A * W.T).trace() * HALF - (G * W).trace()

    best = K.inverse() * G.T * A.inverse()
    D = W - best
    vanishes(c, loss(W) - loss(best) - (K * D * A * D.T).trace() * HALF, "excess tr(K D A D') / 2")


def generalisation(c: Certificate) -> str:
    """MF17. The first two parts are consequences of MF16, in words; the others at one size with variables as values.

    Without noise K - T = (C - T) / n, and C - T has no eigenvalue below 0: x' T x = |E V^(1/2) f° h'x|^2 <= x' C x.
    So L_n(W) - L_inf(W) = tr((C - T) W A W') / (2n) >= 0, and nothing in (2 D + D T^-1 D) is negative.
    """
    k, points = c.parameters.integer("k", 1, 30), c.parameters.integer("points", 1, 100)
    c.demand(points >= k, "parameters.points: fewer than k")
    c.afford(100 * k * (k + points) ** 2, "moments")
    T, K, A, W = (Words.letter(name) for name in "TSAW")
    a, s, t = A.inverse(), K.inverse(), T.inverse()
    D, gap = K - T, s * T * a - a

    def loss(K: Words, W: Words) -> Words:
        return (K * W * A * W.T).trace() * HALF - (T * W).trace()

    vanishes(c, loss(K, W) - loss(T, W) - (D * W * A * W.T).trace() * HALF, "L_n(W) - L_inf(W)")
    vanishes(c, loss(T, s * T * a) - loss(T, a) - (T * gap * A * gap.T).trace() * HALF, "loss of another length")
    vanishes(c, (T * gap * A * gap.T).trace() - (T * s * D * a * D * s).trace(), "tr(T K^-1 D A^-1 D K^-1)")
    vanishes(c, t - s * T * s - s * (D * 2 + D * t * D) * s, "T^-1 - K^-1 T K^-1")

    X, factor = (Matrix.generic(c.field, k, k) for _ in range(2))
    values = [Matrix.generic(c.field, k, points) for _ in range(3)]
    training, prompt, query = (Law(h, X * h, c.field.distribution(points)) for h in values)
    V, best = factor * factor.T, training.A.inverse()
    B = training.B
    vanishes(c, B.T * V * B * best * training.A - B.T * V * B, "A^-1 is best at n = inf, whatever V")
    for law, label in ((training, "another query"), (prompt, "another prompt")):
        rest = X * (Matrix.identity(k) - law.A * best)
        K_inf = law.B.T * V * law.B
        loss_inf = (V * query.S).trace() * HALF - (query.B.T * V * law.B * best).trace()
        loss_inf = loss_inf + (K_inf * best * query.A * best.T).trace() * HALF
        c.zero(loss_inf - (V * rest * query.A * rest.T).trace() * HALF, label)
        if law is training:
            vanishes(c, rest, "I - A A^-1")
    return f"lengths: every k; laws and tasks: all values on {points} points, f° = G h, k={k}"


# --- controls: settings in rationals, their losses by enumeration ---


def read_law(f: Fields, k: int, c: Certificate) -> Law:
    h, values, weights = Matrix(f.matrix("h")), Matrix(f.matrix("f")), f.rationals("weights")
    f.finish()
    shaped = all(len(X.rows) == k and len(X.rows[0]) == len(weights) for X in (h, values))
    c.demand(shaped, f"{f.where}: not k x points")
    demand_chances(c, weights, f.where)
    return Law(h, values, weights)


def demand_chances(c: Certificate, chances: list[Fraction], where: str) -> None:
    c.demand(all(x >= 0 for x in chances) and sum(chances) == 1, f"{where}: not probabilities")


def read_setting(c: Certificate, *lengths: int) -> Setting:
    """With the budget for two enumerations at each length."""
    k, w = c.parameters.integer("k", 1, 10), c.witness
    prompt, query = (read_law(Fields(w.any(key), f"witness.{key}"), k, c) for key in ("prompt", "query"))
    tasks, chances = Matrix(w.matrix("tasks")), w.rationals("chances")
    c.demand(len(tasks.rows) == k and len(tasks.rows[0]) == len(chances), "witness.tasks: not k x tasks")
    demand_chances(c, chances, "witness.chances")
    setting = Setting(prompt, query, tasks, chances)
    points, parts = max(len(prompt.weights), len(query.weights)), [prompt.h, prompt.f, query.h, query.f, tasks]
    width = 6 * bits(*(X.rows for X in parts), prompt.weights, query.weights, chances)
    c.afford(2 * sum(cost(k, points, len(chances), n, noisy=False) for n in lengths), "enumeration", width)
    return setting


def read_W(c: Certificate, key: str, k: int) -> Matrix:
    W = Matrix(c.witness.matrix(key))
    c.demand(len(W.rows) == k == len(W.rows[0]), f"witness.{key}: not k x k")
    c.afford(10 * k**4, key, bits(W.rows))
    return W


def depends_on_length(c: Certificate) -> str:
    """MF16c: the losses at n = 1 and n = 2 differ."""
    setting = read_setting(c, 1, 2)
    W, losses = read_W(c, "W", len(setting.tasks.rows)), c.witness.rationals("losses")
    c.demand(losses == [setting.enumerated(W, n) for n in (1, 2)], "witness.losses: not those at n = 1 and n = 2")
    c.demand(losses[0] != losses[1], "witness: the loss is the same at n = 1 and n = 2")
    return "one W, all prompts of n=1 and n=2"


def demand_best(c: Certificate, setting: Setting, W: Matrix, n: int, key: str) -> None:
    """That W is a minimiser for this setting: the loss is convex in W, and its gradient K W A_q - (B_q' V B)' is 0."""
    V, B, share = setting.V, setting.prompt.B, Fraction(1, n)
    K = B.T * V * B * (1 - share) + setting.prompt.C(V) * share
    gradient = K * W * setting.query.A - (setting.query.B.T * V * B).T
    c.demand(gradient.is_zero, f"witness.{key}: not the best")


def best_for_one_covariance(c: Certificate) -> str:
    """MF16v: what is best at Sigma_v = I is not at another Sigma_v, of the same prompts."""
    setting, n = read_setting(c, 1), 1
    k = len(setting.tasks.rows)
    W, better = read_W(c, "W", k), read_W(c, "better", k)
    # k equally likely tasks sqrt(k) e_i have Sigma_v = I; here e_i, whose losses are 1/k of those
    plain = Setting(setting.prompt, setting.query, Matrix.identity(k), [Fraction(1, k)] * k)
    demand_best(c, plain, W, n, "W")
    demand_best(c, setting, better, n, "better")
    c.demand(setting.enumerated(better, n) < setting.enumerated(W, n), "witness.better: no lower loss")
    return f"one setting, all prompts of n={n}"


def best_for_one_length(c: Certificate) -> str:
    """MF16l: what is best for n = 1 is not for n = 2."""
    setting = read_setting(c, 2)
    k = len(setting.tasks.rows)
    W, better = read_W(c, "W", k), read_W(c, "better", k)
    demand_best(c, setting, W, 1, "W")
    demand_best(c, setting, better, 2, "better")
    c.demand(setting.enumerated(better, 2) < setting.enumerated(W, 2), "witness.better: no lower loss")
    return "one setting, trained at n=1, all prompts of n=2"


def shifted(c: Certificate) -> str:
    """MF17c: the loss of a network that is f° itself is 0 with infinite prompts of the query's law, and not of another.

    `query` is the law in training, `prompt` the other one, from which test queries come too.
    """
    setting = read_setting(c, 1, 2)
    law, other = setting.query, setting.prompt
    c.demand((law.h - law.f).is_zero and (other.h - other.f).is_zero, "witness: f° is not the network")
    W, losses = read_W(c, "W", len(setting.tasks.rows)), c.witness.rationals("losses")
    found = [Setting(p, p, setting.tasks, setting.chances).at_infinity(W) for p in (law, other)]
    c.demand(losses == found, "witness.losses: not those of the two laws")
    c.demand(losses[0] == 0 < losses[1], "witness.losses: not 0 and above 0")
    return "one network that is f°, one other law, infinite prompts"
