"""The identities of MF1 to MF12, each as a difference that is zero for every k, m and all matrices of these shapes.

`IDENTITIES` maps a name to a function that returns the difference of its two sides, in words (see `words`). A claim is
proved where the difference has no terms left.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from proofs.mean_field.model import Model
from proofs.mean_field.words import Algebra, Expression
from proofs.rational_matrix import inner, trace

# H, F and directions E, E2 (k x m); W, R and G (k x k) with g = G^{-1}; a = (H H^T)^{-1}; u, v vectors.
GENERAL = Algebra(
    shapes={
        **dict.fromkeys(("H", "F", "E", "E2"), ("k", "m")),
        **dict.fromkeys(("W", "V", "R", "G", "g", "a"), ("k", "k")),
        **dict.fromkeys(("u", "v"), ("k", "1")),
    },
    symmetric=frozenset({"a"}),
    rules={
        ("H", "H'", "a"): (),
        ("a", "H", "H'"): (),
        ("G", "g"): (),
        ("g", "G"): (),
        ("G'", "g'"): (),
        ("g'", "G'"): (),
    },
    inverses={("H", "H'"): "a"},
)

# The same with H H^T = 1.
ORTHONORMAL = Algebra(
    shapes={**dict.fromkeys(("H", "F"), ("k", "m")), "a": ("k", "k")},
    symmetric=frozenset({"a"}),
    rules={("H", "H'"): (), ("a",): ()},
    inverses={},
)

# Finite prompts: T = B^T B and S (symmetric, k x k) with inverses t and s, A with inverse a, and C = E |f°|^2 h h^T.
# W and G are any k x k.
PROMPTS = Algebra(
    shapes=dict.fromkeys(("T", "t", "S", "s", "A", "a", "C", "W", "G"), ("k", "k")),
    symmetric=frozenset({"T", "t", "S", "s", "A", "a", "C"}),
    rules=dict.fromkeys([("T", "t"), ("t", "T"), ("S", "s"), ("s", "S"), ("A", "a"), ("a", "A")], ()),
)


def letters(*names: str) -> list[Expression]:
    return [GENERAL.letter(name) for name in names]


def general_model() -> Model:
    return Model(*letters("H", "F"))


def moving(E: Expression) -> dict[str, Expression]:
    """dH/dt = E, and what follows for a = (H H^T)^{-1}."""
    H, a = letters("H", "a")
    return {"H": E, "a": a * (E * H.transpose() + H * E.transpose()) * a * -1}


def optimal_attention() -> Any:
    """L_TF(H, W) = L(H) + ||F H^T (W - A^{-1}) H||^2 / 2, so that W = A^{-1} is optimal (MF1)."""
    model, (W,) = general_model(), letters("W")
    gap = model.B * (W - model.A_inverse) * model.H
    return model.attention_loss(W) - model.loss - inner(gap, gap) / 2


def loss_is_unexplained_part() -> Any:
    """L(H) = ||F Q||_F^2 / 2 (MF1)."""
    model = general_model()
    unexplained = model.outside(model.F)
    return model.loss - inner(unexplained, unexplained) / 2


def first_derivative() -> Any:
    """D L[E] = <gradient, E> (MF2)."""
    model, (E,) = general_model(), letters("E")
    return model.loss.derivative(moving(E)) - inner(model.gradient, E)


def second_derivative() -> Any:
    """D^2 L[E, E] is the Hessian form (MF3)."""
    model, (E,) = general_model(), letters("E")
    return model.loss.derivative(moving(E)).derivative(moving(E)) - model.hessian_form(E)


def last_hessian_term() -> Any:
    """The last term of the Hessian form is -2 tr(E H^+ E gradient^T): zero at critical points (MF3)."""
    model, (E,) = general_model(), letters("E")
    last = trace(model.F * model.H_plus * E * model.H_plus * model.outside(E) * model.F.transpose()) * 2
    return last + trace(E * model.H_plus * E * model.gradient.transpose()) * 2


def second_variation() -> Any:
    """D^2 L[E, E2] is the second variation in the language of functions (MF3)."""
    model, (E, E2) = general_model(), letters("E", "E2")
    return model.loss.derivative(moving(E)).derivative(moving(E2)) - model.second_variation(E, E2)


def change_of_basis() -> Any:
    """L(G H) = L(H) for invertible G (MF4)."""
    model, (G, g) = general_model(), letters("G", "g")
    GH = G * model.H
    inverse = g.transpose() * model.A_inverse * g
    one = GH * GH.transpose() * inverse - GENERAL.one("k")
    if not one.is_zero:
        raise ArithmeticError("not the inverse of (GH)(GH)^T")
    P = GH.transpose() * inverse * GH
    return P - model.P  # the loss depends on H through P alone


def gradient_along_orbit() -> Any:
    """<gradient, G H> = 0 (MF4)."""
    model, (G,) = general_model(), letters("G")
    return inner(model.gradient, G * model.H)


def gradient_times_H() -> Any:
    """gradient H^T = 0; hence H H^T is conserved by the gradient flow (MF4, MF10)."""
    model = general_model()
    return model.gradient * model.H.transpose()


def homotopy_slope() -> Any:
    """dL/ds = -tr(R^T M Z) along H_s = (1 - s) H + s R F (MF5)."""
    model, (R,) = general_model(), letters("R")
    return model.loss.derivative(moving(R * model.F - model.H)) - model.homotopy_slope(R)


def homotopy_form() -> Any:
    """D^2 L[RF, RF] (MF5)."""
    model, (R,) = general_model(), letters("R")
    return model.hessian_form(R * model.F) - model.homotopy_form(R)


def homotopy_curvature() -> Any:
    """d^2L/ds^2 = D^2 L[RF, RF] + 2 dL/ds: the Hessian form of the line's velocity RF - H (MF5)."""
    model, (R,) = general_model(), letters("R")
    return model.hessian_form(R * model.F - model.H) - model.homotopy_curvature(R)


def gradient_norm() -> Any:
    """gradient gradient^T = M Z M^T; with Z >= 0, gradient = 0 if and only if M Z = 0 (MF5)."""
    model = general_model()
    return model.gradient * model.gradient.transpose() - model.M * model.Z * model.M.transpose()


def explained_part() -> Any:
    """M^T A M = S° - Z (MF9)."""
    model = general_model()
    return model.M.transpose() * model.A * model.M - model.S + model.Z


def critical_equation() -> Any:
    """(S° - Z) Z = M^T A (M Z): at a critical point S° Z = Z^2, so that Z is S° on its range (MF6)."""
    model = general_model()
    return (model.S - model.Z) * model.Z - model.M.transpose() * model.A * model.M * model.Z


def curvature_in_null_directions() -> Any:
    """D^2 L[RF, RF] + tr(Z R^T A^{-1} R Z) consists of terms that contain M^T R (MF7)."""
    model, (R,) = general_model(), letters("R")
    RZ, MR = R * model.Z, model.M.transpose() * R
    return (
        model.homotopy_form(R)
        + trace(RZ.transpose() * model.A_inverse * RZ)
        - trace(MR * (model.Z * MR.transpose() + model.M.transpose() * RZ * 2))
    )


def rank_one_form() -> Any:
    """For R = u v^T: D^2 L[RF, RF] = v'Zv |M'u|^2 - u'A^{-1}u |Zv|^2 + 2 (v'M'u)(v'ZM'u) (MF8)."""
    model, (u, v) = general_model(), letters("u", "v")
    Mu, Zv = model.M.transpose() * u, model.Z * v
    a = model.A_inverse
    products = (
        trace(Mu * v.transpose() * Zv * Mu.transpose())
        - trace(Zv * u.transpose() * a * u * Zv.transpose())
        + trace(Mu * v.transpose() * Mu * Zv.transpose()) * 2
    )
    return model.homotopy_form(u * v.transpose()) - products


def attention_gradient() -> Any:
    """d/dW L_TF(H, W) in the direction V is <B^T B (W A - I), V> (MF11)."""
    model, (W, V) = general_model(), letters("W", "V")
    return model.attention_loss(W).derivative({"W": V}) - inner(model.attention_gradient(W), V)


def subspace_flow() -> Any:
    """Along dY/dt = Y F^T F the projection on the row space of Y obeys dP/dt = P G Q + Q G P, G = F^T F (MF10)."""
    model = general_model()
    G = model.F.transpose() * model.F
    GQ = model.outside(G)
    return model.P.derivative(moving(model.H * G)) - model.P * GQ - (model.P * GQ).transpose()


def oja_flow() -> Any:
    """Along the gradient flow with H H^T = 1 the projection obeys the same equation (MF10)."""
    model = general_model()
    velocity = model.P.derivative(moving(model.gradient * -1))
    G = model.F.transpose() * model.F
    target = model.P * model.outside(G) + (model.P * model.outside(G)).transpose()
    return orthonormal(velocity) - orthonormal(target)


def orthonormal(expression: Expression) -> Expression:
    """The expression where H H^T = 1."""
    total = Expression(ORTHONORMAL, expression.shape, {})
    for word, coefficient in expression.terms.items():
        total = total + Expression(ORTHONORMAL, expression.shape, {ORTHONORMAL.normal(word): coefficient})
    return total


def prompt_optimum() -> Any:
    """With W_n = S^{-1} T A^{-1}: L^n(W) = L^n(W_n) + tr(S (W - W_n) A (W - W_n)^T) / 2 (MF12)."""
    T, S, s, A, a, W = (PROMPTS.letter(x) for x in ("T", "S", "s", "A", "a", "W"))
    gap = W - s * T * a
    loss = trace(T * W) * -1 + trace(S * W * A * W.transpose()) / 2  # without the constant tr(S°) / 2
    optimum = trace(T * s * T * a) / -2
    return loss - optimum - trace(S * gap * A * gap.transpose()) / 2


def prompt_excess() -> Any:
    """L^n(W) - L_TF(W) = tr((S - T) W A W^T) / 2, where S - T = (C - T) / n without noise (MF12)."""
    T, S, A, W = (PROMPTS.letter(x) for x in ("T", "S", "A", "W"))

    def loss(S: Expression) -> Any:
        return trace(T * W) * -1 + trace(S * W * A * W.transpose()) / 2

    return loss(S) - loss(T) - trace((S - T) * W * A * W.transpose()) / 2


def prompt_gap() -> Any:
    """L^n - L = tr(D A^{-1}) / 2 - tr(D S^{-1} D A^{-1}) / 2 with D = S - T, also where T has no inverse (MF12)."""
    T, S, s, a = (PROMPTS.letter(x) for x in ("T", "S", "s", "a"))
    D = S - T
    gap = trace(T * a) / 2 - trace(T * s * T * a) / 2
    return gap - trace(D * a) / 2 + trace(D * s * D * a) / 2


def prompt_slope() -> Any:
    """d L^n / d(1/n) at 1/n = 0 without noise is tr((C - T) A^{-1}) / 2, for invertible B (MF12)."""
    T, t, a, C = (PROMPTS.letter(x) for x in ("T", "t", "a", "C"))
    velocity = {"s": t * (C - T) * t * -1}  # of S^{-1}, where S = (1 - 1/n) T + C / n, at S = T
    s = PROMPTS.letter("s")
    slope = trace(T * s * T * a).derivative(velocity) / -2
    return slope - trace((C - T) * a) / 2


IDENTITIES: dict[str, Callable[[], Any]] = {
    function.__name__: function
    for function in (
        optimal_attention,
        loss_is_unexplained_part,
        first_derivative,
        second_derivative,
        last_hessian_term,
        second_variation,
        change_of_basis,
        gradient_along_orbit,
        gradient_times_H,
        homotopy_slope,
        homotopy_form,
        homotopy_curvature,
        gradient_norm,
        explained_part,
        critical_equation,
        curvature_in_null_directions,
        rank_one_form,
        attention_gradient,
        subspace_flow,
        oja_flow,
        prompt_optimum,
        prompt_excess,
        prompt_gap,
        prompt_slope,
    )
}
