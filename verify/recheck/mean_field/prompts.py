"""MF12: prompts of finite length, against the enumeration of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from typing import Any

from verify.recheck.arithmetic import Series, total
from verify.recheck.certificate import Certificate
from verify.recheck.mean_field.identities import HALF, vanishes
from verify.recheck.mean_field.matrices import Matrix, Words

LENGTHS = (1, 2)  # see finite_prompts
FLAT = 4  # order in the angle of the flat example


class Features:
    """h_mu and f° (k x points) at equally likely points, and their moments."""

    def __init__(self, h: Matrix, f: Matrix) -> None:
        self.h, self.f = h, f
        share = Fraction(1, len(h.rows[0]))
        norms = [total(x * x for x in column) for column in zip(*f.rows, strict=True)]
        weighted = Matrix([[x * norm for x, norm in zip(row, norms, strict=True)] for row in h.rows])
        self.A, self.B, self.S = h * h.T * share, f * h.T * share, f * f.T * share
        self.C = weighted * h.T * share  # E |f°|^2 h h'

    def loss(self, W: Matrix, n: int, variance: Any) -> Any:
        """L^n_TF(W) as the claim has it."""
        T, share = self.B.T * self.B, Fraction(1, n)
        S_n = T * (1 - share) + self.C * share + self.A * (variance * share)
        return self.S.trace() * HALF - (T * W).trace() + (S_n * W * self.A * W.T).trace() * HALF


def enumerated_loss(features: Features, W: Matrix, n: int, noise: Any) -> Any:
    """E (y - (1/n) sum_i y_i h(x_i)' W h(x))^2 / 2 over the tasks v, prompts x_i, queries x and label noise.

    A label is v' f°(x_i) +- noise in the prompt and v' f°(x) at the query.
    """
    h, f = list(zip(*features.h.rows, strict=True)), list(zip(*features.f.rows, strict=True))
    Wh = [[dot(row, x) * Fraction(1, n) for row in W.rows] for x in h]
    points, errors = range(len(h)), list[Any]()
    for v in tasks(len(W.rows)):
        label = [dot(x, v) for x in f]
        for prompt, signs in product(product(points, repeat=n), product((1, -1), repeat=n)):
            ys = [label[x] + noise * sign for x, sign in zip(prompt, signs, strict=True)]
            read = [total(y * h[x][i] for y, x in zip(ys, prompt, strict=True)) for i in range(len(W.rows))]
            for query in points:
                error = label[query] - dot(read, Wh[query])
                errors.append(error * error)
    return total(errors) * Fraction(1, 2 * len(errors))


def tasks(k: int) -> list[list[int]]:
    """The least power of two of sign vectors with E v v' = I, at least k: rows of [[X, X], [X, -X]], and so on."""
    rows = [[1]]
    while len(rows) < k:
        rows = [[*row, *row] for row in rows] + [[*row, *(-x for x in row)] for row in rows]
    return [row[:k] for row in rows]


def dot(a: Sequence[Any], b: Sequence[Any]) -> Any:
    return total(x * y for x, y in zip(a, b, strict=True))


def finite_prompts(c: Certificate) -> str:
    """MF12, the closed form at one number of outputs and points with variables as values, the rest for every k.

    L^n_TF is a sum over pairs of prompt examples, n of them equal and n (n - 1) independent, over n^2: a constant plus
    a multiple of 1/n. Two lengths therefore decide every n. That L^n - L is O(1/n) implies the paper's bound for k > 1.
    """
    k, points = c.parameters.integer("k", 1, 30), c.parameters.integer("points", 1, 1000)
    c.afford(sum(4 * len(tasks(k)) * (2 * points) ** n * (k * k + k * points) for n in LENGTHS), "prompts")
    F = c.field
    features, W = Features(Matrix.generic(F, k, points), Matrix.generic(F, k, points)), Matrix.generic(F, k, k)
    noise = F.draw()
    for n in LENGTHS:
        enumerated = enumerated_loss(features, W, n, noise)
        c.zero(enumerated - features.loss(W, n, noise * noise), f"L^n(W) at n={n}")
    check_optimum(c)
    check_bounds(c)
    check_limit(c)
    check_flat_example(c)
    return f"L^n(W): every n, h, f°, W and noise on {points} points, k={k}; optimum, bounds, 1/n limit: every k"


def check_optimum(c: Certificate) -> None:
    """L^n(W) is least at W_n, as S_n and A are positive definite. Without the constant tr(S°) / 2."""
    T, S, A, W = (Words.letter(name) for name in "TSAW")  # T = B' B

    def loss(W: Words) -> Words:
        return (S * W * A * W.T).trace() * HALF - (T * W).trace()

    best = S.inverse() * T * A.inverse()
    gap = W - best
    vanishes(c, loss(W) - loss(best) - (S * gap * A * gap.T).trace() * HALF, "least at S_n^-1 B'B A^-1")
    vanishes(c, loss(best) + (T * S.inverse() * T * A.inverse()).trace() * HALF, "least value")


def check_bounds(c: Certificate) -> None:
    """0 <= L^n - L <= tr((C - T) A^-1) / (2n) without noise, where S_n - T = (C - T) / n. Without tr(S°) / 2.

    C - T is positive semidefinite, as x' T x = |E f° h'x|^2 <= E |f°|^2 (h'x)^2 = x' C x. So L^n(W) is nowhere below
    L_TF(W), and L^n <= L^n(A^-1), where L_TF(A^-1) = L is least.
    """
    T, S, A, W = (Words.letter(name) for name in "TSAW")

    def loss(S: Words, W: Words) -> Words:
        return (S * W * A * W.T).trace() * HALF - (T * W).trace()

    a = A.inverse()
    vanishes(c, loss(S, W) - loss(T, W) - ((S - T) * W * A * W.T).trace() * HALF, "L^n(W) - L_TF(W)")
    vanishes(c, loss(T, a) + (T * a).trace() * HALF, "L")
    vanishes(c, loss(S, a) - loss(T, a) - ((S - T) * a).trace() * HALF, "L^n(A^-1) - L")


def check_limit(c: Certificate) -> None:
    """n (L^n - L) -> tr((C - T) A^-1) / 2, n times the bound.

    It is the derivative of the least value in y = 1/n, where S_n = T + y (C - T).
    """
    T, C, A = (Words.letter(name) for name in "TCA")
    S_n = T + (C - T) * Series([Fraction(0), Fraction(1)])
    least = (T * S_n.inverse() * T * A.inverse()).trace() * -HALF
    vanishes(c, least[0] + (T * A.inverse()).trace() * HALF, "least value at n = infinity")
    vanishes(c, least[1] - ((C - T) * A.inverse()).trace() * HALF, "limit of n (L^n - L)")


def check_flat_example(c: Certificate) -> None:
    """k = 1, f° = +-1, h = cos alpha g + sin alpha f°, as a series in t = tan(alpha / 2), for every n.

    At alpha = 0 is a saddle with B = 0: of second order in alpha at n = infinity, of fourth order at every finite n.
    """
    t = Series([Fraction(power == 1) for power in range(FLAT + 1)])
    sine, cosine = 2 * t / (1 + t * t), (1 - t * t) / (1 + t * t)
    f, g = (1, 1, -1, -1), (1, -1, 1, -1)
    features = Features(Matrix([[cosine * y + sine * x for x, y in zip(f, g, strict=True)]]), Matrix([f]))
    A, B, S, C = (X.rows[0][0] for X in (features.A, features.B, features.S, features.C))
    infinite = (S - B * B / A) * HALF  # L = tr(S°) / 2 - tr(B A^-1 B') / 2
    c.demand(B[0] == 0 and infinite[0] > 0 == infinite[1] and infinite[2] < 0, "flat example: not a saddle with B = 0")
    c.demand(all(A[i] == (i == 0) for i in range(FLAT + 1)), "flat example: h is not of size 1")
    y = c.field.draw()  # 1/n
    finite = (S - B * B * B * B / (((1 - y) * B * B + y * C) * A)) * HALF
    for power in range(1, FLAT):
        c.zero(finite[power], f"flat example: order {power} of L^n")
    c.zero(finite[FLAT] + 8 / y, "flat example: order 4 of L^n")  # -sin^4 alpha / (2 y), sin alpha = 2 t + ...
