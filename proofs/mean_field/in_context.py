"""In-context generalisation in closed form: prompts of any length, tasks and laws of x (MF16, MF17).

The label of x is v^T f°(x), with E[v v^T] = V; the prompt has n examples of one law of x, the query is from another.
With r = (1/n) sum_i y_i h(x_i) the prediction is r^T W h(x), and the loss is quadratic in W: its linear part holds
E[v r^T] = V B, its quadratic one E[r r^T]. There n of the n^2 pairs of examples are one example twice, and the others
are independent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import inf
from random import Random
from typing import Any

from flint import fmpq, fmpq_mat

from proofs.mean_field.identities import PROMPTS, general_model, letters
from proofs.mean_field.instances import random_full_rank, random_matrix
from proofs.rational_matrix import diagonal, identity, to_fmpq, trace


@dataclass(frozen=True)
class FeatureLaw:
    """Values of h_mu and f° (k x number of points) at points of these probabilities."""

    h: fmpq_mat
    f: fmpq_mat
    weights: tuple[Fraction, ...]

    def _mean(self, X: fmpq_mat, Y: fmpq_mat) -> fmpq_mat:
        """E[X Y^T]."""
        return X * diagonal(self.weights) * Y.transpose()

    @cached_property
    def A(self) -> fmpq_mat:
        """E[h h^T]."""
        return self._mean(self.h, self.h)

    @cached_property
    def B(self) -> fmpq_mat:
        """E[f° h^T]."""
        return self._mean(self.f, self.h)

    @cached_property
    def S(self) -> fmpq_mat:
        """E[f° f°^T]."""
        return self._mean(self.f, self.f)

    def C(self, V: fmpq_mat) -> fmpq_mat:
        """E[(f°^T V f°) h h^T]."""
        sizes = self.f.transpose() * V * self.f
        return self._mean(self.h * diagonal([sizes[j, j] for j in range(self.f.ncols())]), self.h)


@dataclass(frozen=True)
class InContext:
    """Prompts of n examples (or math.inf), with E[v v^T] = V and label noise of variance sigma^2 in the prompt."""

    prompt: FeatureLaw
    query: FeatureLaw
    V: fmpq_mat
    n: int | float
    noise_variance: Fraction = Fraction(0)

    @cached_property
    def T(self) -> fmpq_mat:
        """B^T V B."""
        B = self.prompt.B
        return B.transpose() * self.V * B

    @cached_property
    def K(self) -> fmpq_mat:
        """(1 - 1/n) B^T V B + E[(f°^T V f°) h h^T] / n + (sigma^2 / n) A: the second moment of r."""
        share = fmpq(0) if self.n == inf else fmpq(1, int(self.n))
        noise = self.prompt.A * to_fmpq(self.noise_variance)
        return self.T * (1 - share) + (self.prompt.C(self.V) + noise) * share

    @cached_property
    def G(self) -> fmpq_mat:
        """B_q^T V B: minus the gradient of the linear part, transposed."""
        return self.query.B.transpose() * self.V * self.prompt.B

    def loss(self, W: fmpq_mat) -> fmpq:
        """tr(V S_q) / 2 - tr(B_q^T V B W) + tr(K W A_q W^T) / 2."""
        quadratic = trace(self.K * W * self.query.A * W.transpose()) / 2
        return trace(self.V * self.query.S) / 2 - trace(self.G * W) + quadratic

    @cached_property
    def W(self) -> fmpq_mat:
        """The best attention matrix K^{-1} B^T V B_q A_q^{-1}, where K and A_q have inverses."""
        return self.K.inv() * self.G.transpose() * self.query.A.inv()

    def excess(self, W: fmpq_mat) -> fmpq:
        """tr(K D A_q D^T) / 2 with D = W - K^{-1} B^T V B_q A_q^{-1}: the loss above its least value."""
        D = W - self.W
        return trace(self.K * D * self.query.A * D.transpose()) / 2


def untested_length(training: InContext) -> fmpq:
    """tr(T^{-1} D A^{-1} D) / 2 with D = K - T, for invertible B and prompts and queries of one law.

    Without noise D = (C - T) / n, and this bounds what is lost at infinite prompts by training on n examples.
    """
    D = training.K - training.T
    return trace(training.T.inv() * D * training.prompt.A.inv() * D) / 2


def shifted_loss(G: fmpq_mat, A: fmpq_mat, shifted: FeatureLaw, query: FeatureLaw, V: fmpq_mat) -> fmpq:
    """E_q |V^{1/2} G (I - A' A^{-1}) h|^2 / 2 for f° = G h, W = A^{-1}, infinite prompts with E[h h^T] = A'."""
    X = G * (identity(G.nrows()) - shifted.A * A.inv())
    return trace(V * X * query.A * X.transpose()) / 2


# --- identities in words (see `identities`): T and S = K are symmetric with inverses t and s, A with inverse a ---


def in_context_excess() -> Any:
    """With W_n = K^{-1} G^T A^{-1}: L(W) = L(W_n) + tr(K (W - W_n) A (W - W_n)^T) / 2 (MF16)."""
    S, s, A, a, W, G = (PROMPTS.letter(x) for x in ("S", "s", "A", "a", "W", "G"))

    def loss(W: Any) -> Any:
        return trace(G * W) * -1 + trace(S * W * A * W.transpose()) / 2  # without the constant

    best = s * G.transpose() * a
    return loss(W) - loss(best) - trace(S * (W - best) * A * (W - best).transpose()) / 2


def other_length() -> Any:
    """tr(T (W - A^{-1}) A (W - A^{-1})^T) = tr(T K^{-1} D A^{-1} D K^{-1}) at W = K^{-1} T A^{-1}, D = K - T (MF17)."""
    T, S, s, A, a = (PROMPTS.letter(x) for x in ("T", "S", "s", "A", "a"))
    gap, D = s * T * a - a, S - T
    return trace(T * gap * A * gap.transpose()) - trace(T * s * D * a * D * s)


def other_length_bound() -> Any:
    """T^{-1} - K^{-1} T K^{-1} = K^{-1} (2 D + D T^{-1} D) K^{-1}, D = K - T; no eigenvalue below 0 if D has none."""
    T, t, S, s = (PROMPTS.letter(x) for x in ("T", "t", "S", "s"))
    D = S - T
    return t - s * T * s - s * (D * 2 + D * t * D) * s


def curvature_without_overlap() -> Any:
    """D^2 L[E, E] + tr(F E^T A^{-1} E F^T) consists of terms that contain M: at B = 0 they vanish (MF18)."""
    model, (E,) = general_model(), letters("E")
    M, a, back = model.M, model.A_inverse, E * model.H_plus
    X = E * model.F.transpose()
    Y = back * model.A * M
    rows = M.transpose() * model.outside(E)
    with_overlap = (
        trace(rows * rows.transpose())
        + trace(X.transpose() * a * Y) * 2
        - trace(Y.transpose() * a * Y)
        + trace(M.transpose() * back * (X - Y)) * 2
    )
    return model.hessian_form(E) + trace(X.transpose() * a * X) - with_overlap


IDENTITIES: dict[str, Callable[[], Any]] = {
    function.__name__: function
    for function in (in_context_excess, other_length, other_length_bound, curvature_without_overlap)
}


# --- random instances ---


def random_weights(random: Random, size: int) -> tuple[Fraction, ...]:
    weights = [random.randint(1, 5) for _ in range(size)]
    return tuple(Fraction(w, sum(weights)) for w in weights)


def random_law(random: Random, k: int, points: int) -> FeatureLaw:
    """Features of full rank where there are points enough."""
    draw = random_full_rank if points >= k else random_matrix
    h, f = (draw(random, k, points) for _ in "hf")
    return FeatureLaw(h, f, random_weights(random, points))


def second_moment(tasks: fmpq_mat, weights: tuple[Fraction, ...]) -> fmpq_mat:
    """E[v v^T], where v is a column of `tasks`."""
    return tasks * diagonal(weights) * tasks.transpose()
