"""Identities of the loss L(H) (MF1 - MF5), and its inequalities where they are equalities (MF8, MF9 at k = 1).

Every identity is evaluated twice: in words, which hold for every k and m, and at one size with all entries as
variables. Derivatives are taken of the loss itself, along H + t E as a series in t.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cached_property
from typing import Any

from verify.recheck.arithmetic import Series
from verify.recheck.certificate import Certificate
from verify.recheck.mean_field.matrices import TALL, Matrix, Words, inner

HALF = Fraction(1, 2)
WORDS = 100_000  # operations that an identity in words takes
t = Series([Fraction(0), Fraction(1), Fraction(0)])  # up to the second derivative


class Model:
    """The network H of full rank k and the target F, both k x m; matrices of either kind."""

    def __init__(self, H: Any, F: Any) -> None:
        self.H, self.F = H, F
        self.A = H * H.T
        self.a = self.A.inverse()
        self.H_plus = H.T * self.a
        self.zeta = self.outside(F)
        self.loss = inner(self.zeta, self.zeta) * HALF  # half the squared distances of F's rows to H's row space

    @cached_property
    def M(self) -> Any:
        return self.a * self.H * self.F.T

    @cached_property
    def Z(self) -> Any:
        return self.zeta * self.F.T

    def outside(self, X: Any) -> Any:
        """X Q, where I - Q = H^+ H is the projection on the row space of H."""
        return X - X * self.H_plus * self.H

    def attention_loss(self, W: Any) -> Any:
        """L_TF(H, W) = |F - F H' W H|^2 / 2."""
        rest = self.F - self.F * self.H.T * W * self.H
        return inner(rest, rest) * HALF

    @property
    def gradient(self) -> Any:
        return self.M * self.zeta * -1

    def hessian_form(self, E: Any) -> Any:
        """D^2 L[E, E]."""
        back, EQ = self.F * self.H_plus, self.outside(E)
        last = (back * E * self.H_plus * EQ * self.F.T).trace()
        return inner(back * EQ, back * EQ) - inner(self.H_plus * EQ * self.F.T, self.H_plus * EQ * self.F.T) + last * 2

    def second_variation(self, E: Any, Y: Any) -> Any:
        """d^2L/dmu^2 at particles with the features E and Y; r = E - C H is what the network does not have of E."""
        back = self.M.T
        C, C_Y = E * self.H_plus, Y * self.H_plus
        return (
            inner(back * self.outside(E), back * self.outside(Y))
            - (self.zeta * E.T * self.a * Y * self.zeta.T).trace()
            + (back * (C * Y + C_Y * E) * self.zeta.T).trace()
        )

    def slope(self, R: Any) -> Any:
        """dL/ds along (1 - s) H + s R F."""
        return inner(R, self.M * self.Z) * -1

    def form(self, R: Any) -> Any:
        """D^2 L[RF, RF]."""
        M, Z = self.M, self.Z
        return (
            (M.T * R * Z * R.T * M).trace() - (Z * R.T * self.a * R * Z).trace() + (M.T * R * M.T * R * Z).trace() * 2
        )


def along(H: Any, E: Any, F: Any) -> Any:
    """L(H + t E), whose coefficients [1] and [2] are the first derivative and half of the second."""
    return Model(H + E * t, F).loss


def vanishes(c: Certificate, difference: Any, label: str) -> None:
    """RejectedError unless a matrix, or a number, of either kind is 0."""
    if isinstance(difference, Words):
        c.demand(not difference.terms, f"{label}, every k and m: {difference} is left")
    else:
        for x in (x for row in difference.rows for x in row) if isinstance(difference, Matrix) else [difference]:
            c.zero(x, label)


def read_k_m(c: Certificate) -> tuple[int, int]:
    """k <= m."""
    k = c.parameters.integer("k", 1, 100)
    return k, c.parameters.integer("m", k, 1000)


def readings(c: Certificate, k: int, m: int) -> list[Callable[[str], Any]]:
    """What the letters mean: a matrix of every size, or one at k x m with a variable for each entry."""
    c.afford(WORDS + 100 * k * (k**3 + k * m + m * m), "series of generic matrices")

    def entries(name: str) -> Matrix:
        return Matrix.generic(c.field, k, m if name in TALL else k)

    return [Words.letter, entries]


def scope(k: int, m: int, what: str) -> str:
    return f"every k, m, F and full-rank H{what}; entries as variables at k={k}, m={m}"


def best_attention(c: Certificate) -> str:
    """MF1. At W = A^-1 the square is 0, and nowhere less."""
    k, m = read_k_m(c)
    for letter in readings(c, k, m):
        H, F, W = letter("H"), letter("F"), letter("W")
        model = Model(H, F)

        gap = F * H.T * (W - model.a) * H
        vanishes(c, model.loss - model.Z.trace() * HALF, "L = tr(Z) / 2")
        above = model.attention_loss(W) - model.loss
        vanishes(c, above - inner(gap, gap) * HALF, "L_TF(H, W) - L = |F H' (W - A^-1) H|^2 / 2")
    return scope(k, m, ", every W")


def gradient(c: Certificate) -> str:
    """MF2. H is linear in mu, so that dL/dmu(theta) is the derivative along H_theta."""
    k, m = read_k_m(c)
    for letter in readings(c, k, m):
        H, F, E = letter("H"), letter("F"), letter("E")
        vanishes(c, along(H, E, F)[1] - inner(Model(H, F).gradient, E), "DL[E] = <dL/dH, E>")
    return scope(k, m, ", every E")


def second_derivatives(c: Certificate) -> str:
    """MF3. The mixed derivative along E and Y is what is left of the form's value at E + Y."""
    k, m = read_k_m(c)
    for letter in readings(c, k, m):
        H, F, E, Y = letter("H"), letter("F"), letter("E"), letter("Y")
        model = Model(H, F)
        vanishes(c, along(H, E, F)[2] * 2 - model.hessian_form(E), "D^2 L[E, E]")
        mixed = along(H, E + Y, F)[2] - along(H, E, F)[2] - along(H, Y, F)[2]
        vanishes(c, mixed - model.second_variation(E, Y), "d^2L/dmu^2")
        last = (F * model.H_plus * E * model.H_plus * model.outside(E) * F.T).trace()
        vanishes(c, last + (E * model.H_plus * E * model.gradient.T).trace(), "the last term holds the gradient")
    return scope(k, m, ", every E")


def invariances(c: Certificate) -> str:
    """MF4. As DL[W H] = <dL/dH, W H> = <dL/dH H', W> is 0 for every W, so is dL/dH H'."""
    k, m = read_k_m(c)
    for letter in readings(c, k, m):
        H, F, G, W = letter("H"), letter("F"), letter("G"), letter("W")
        vanishes(c, Model(G * H, F).loss - Model(H, F).loss, "L(G H) = L(H)")
        vanishes(c, along(H, W * H, F)[1], "DL[W H]")
    return scope(k, m, ", every invertible G")


def homotopy(c: Certificate) -> str:
    """MF5. Of dL/dH = 0 and M Z = 0 each gives the other by the last two identities, as X X' = 0 only for X = 0."""
    k, m = read_k_m(c)
    for letter in readings(c, k, m):
        H, F, E, R = letter("H"), letter("F"), letter("E"), letter("R")
        model, line = Model(H, F), along(H, R * F - H, F)
        vanishes(c, line[1] - model.slope(R), "dL/ds")
        vanishes(c, along(H, R * F, F)[2] * 2 - model.form(R), "D^2 L[RF, RF]")
        vanishes(c, line[2] * 2 - model.form(R) - model.slope(R) * 2, "d^2L/ds^2")
        vanishes(c, along(H, E, F)[1] - inner(model.gradient, E), "DL[E] = <dL/dH, E>")
        vanishes(c, model.gradient * F.T + model.M * model.Z, "M Z = - dL/dH F'")
        vanishes(c, model.gradient * model.gradient.T - model.M * model.Z * model.M.T, "|dL/dH|^2")
    return scope(k, m, ", every R")


def without_overlap(c: Certificate) -> str:
    """MF18. F is any matrix less its part in the row space of H, so that B = F H' = 0.

    The rest is the chain rule. With J(theta) = D E[f° h_theta'] the form is v -> - tr(b A^-1 b'), b = int J v dmu, and
    minus its gradient in L^2(mu) the velocity J^T (b A^-1), along which b moves by int J J^T dmu (b A^-1). At k = 1
    b^2 <= int |J|^2 dmu int |v|^2 dmu by Cauchy and Schwarz, with equality at v = J.
    """
    k, m = read_k_m(c)
    c.afford(100 * k * (k**3 + k * m + m * m), "series of generic matrices")
    H, free, E = (Matrix.generic(c.field, k, m) for _ in range(3))
    F = Model(H, free).outside(free)
    vanishes(c, F * H.T, "B")
    vanishes(c, Model(H, F).gradient, "dL/dH")
    line, b = along(H, E, F), F * E.T
    c.zero(line[1], "DL[E]")
    c.zero(line[2] * 2 + (b * Model(H, F).a * b.T).trace(), "d^2L = - tr(b A^-1 b')")
    return f"every full-rank H, every F with F H' = 0 and every E at k={k}, m={m}; the rest by the chain rule"


def critical_equation(c: Certificate) -> None:
    """Where M Z = 0: F F' Z = Z^2, so that Z is F F' on its range. In words alone, for every k and m."""
    H, F = Words.letter("H"), Words.letter("F")
    model = Model(H, F)
    vanishes(c, (F * F.T - model.Z) * model.Z - model.M.T * model.A * model.M * model.Z, "(F F' - Z) Z = M' A M Z")


def one_row(c: Certificate) -> tuple[Model, int, Any, Any, Any]:
    """(model, m, A, M, Z) at k = 1 with variables as entries; A, M and Z are numbers."""
    k, m = read_k_m(c)
    c.demand(k == 1, "parameters.k: not 1")
    c.demand(m > 1, "parameters.m: Z = 0 where m = k")
    c.afford(30 * m**3, "series of generic matrices")
    model = Model(Matrix.generic(c.field, 1, m), Matrix.generic(c.field, 1, m))
    return model, m, model.A.rows[0][0], model.M.rows[0][0], model.Z.rows[0][0]


def slope_or_curvature_in_one_row(c: Certificate) -> str:
    """MF8 at k = 1, where R = +-1 and its first inequality is an equality.

    The second part follows: (M Z)^2 < Z^3 / (6 A) makes the form less than - Z^2 / (2 A).
    """
    model, m, A, M, Z = one_row(c)
    form = along(model.H, model.F, model.F)[2] * 2
    c.zero(form - (3 * (M * Z) * (M * Z) / Z - Z * Z / A), "D^2 L[F, F]")
    return f"every F and H at k=1, m={m}, as an equality"


def below_the_first_saddle_in_one_row(c: Certificate) -> str:
    """MF9 at k = 1, where r_low = F F' and, squared, both inequalities are equalities."""
    model, m, A, M, Z = one_row(c)
    r_low = inner(model.F, model.F)
    c.zero((M * Z) * (M * Z) - Z * Z * (r_low - Z) / A, "|M Z|^2 = (2L)^2 (r_low - 2L) / |A|")
    squares = []
    for j in range(m):
        unit = Matrix([[Fraction(i == j) for i in range(m)]])
        squares.append(along(model.H, unit, model.F)[1] * along(model.H, unit, model.F)[1])
    c.zero(sum(squares[1:], squares[0]) - Z * (r_low - Z) / A, "|dL/dH|^2 = 2L (r_low - 2L) / |A|")
    c.zero(model.loss * 2 - Z, "2 L = Z")
    return f"every F and H at k=1, m={m}, as equalities"
