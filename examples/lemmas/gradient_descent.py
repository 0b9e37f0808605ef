"""Lemmas on gradient descent.

Sources: Nesterov, Introductory Lectures on Convex Optimization (2004); Polyak (1963); Saxe, McClelland and Ganguli
(2014) for deep linear networks; Jacot, Gabriel and Hongler (2018) for the tangent kernel.
"""

from landscape_verifier import control, datasets, lemma, math, positive_definite, rationals

POSITIVE = rationals(positive=True)


def loss(w, best, lam):
    return lam * (w - best) ** 2 / 2


def step(w, best, lam, eta):
    return w - eta * lam * (w - best)


@lemma("GD1", "one step of gradient descent on a parabola")
def one_step(w, best, lam, eta):
    """One step multiplies the loss by (1 - eta lam)^2."""
    return loss(step(w, best, lam, eta), best, lam) == (1 - eta * lam) ** 2 * loss(w, best, lam)


@control("GD1c", "at every step size", requires=["GD1"], over={"lam": POSITIVE, "eta": POSITIVE})
def never_rises(w, best, lam, eta):
    """The loss does not rise, whatever the step size."""
    return loss(step(w, best, lam, eta), best, lam) <= loss(w, best, lam)


@lemma("GD2", "the edge of stability")
def edge_of_stability(w, best, lam):
    """At eta = 2/lam a step leaves the loss as it is."""
    return loss(step(w, best, lam, 2 / lam), best, lam) == loss(w, best, lam)


@lemma("GD3", "descent lemma", over={"lam": rationals(low=0), "slack": rationals(positive=True)})
def descent_lemma(w, best, lam, slack):
    """With eta = 1/L, for L above the curvature, a step lowers the loss by at least |gradient|^2 / 2L."""
    L = lam + slack
    gradient = lam * (w - best)
    return loss(w - gradient / L, best, lam) <= loss(w, best, lam) - gradient**2 / (2 * L)


@lemma(
    "GD4", "Polyak's inequality", over={"mu": rationals(positive=True), "more": rationals(2, low=0), "w": rationals(2)}
)
def polyak(mu, more, w):
    """If no curvature is below mu, then |gradient|^2 >= 2 mu times the loss."""
    curvatures = mu + more
    return ((curvatures * w) ** 2).sum() >= mu * (curvatures * w**2).sum()


@lemma(
    "GD5",
    "gradients of convex quadratics are monotone",
    over={"A": positive_definite(3), "x": rationals(3), "y": rationals(3)},
)
def monotone(A, x, y):
    """(x - y)^T (A x - A y) >= 0 for positive definite A."""
    return (x - y) @ (A @ x - A @ y) >= 0


@lemma("GD6", "layers of a linear network stay balanced")
def balanced(u, v, target):
    """Along gradient flow on (u v - target)^2 / 2 the difference u^2 - v^2 does not change."""
    velocity_u, velocity_v = -(u * v - target) * v, -(u * v - target) * u
    return 2 * u * velocity_u - 2 * v * velocity_v == 0


@control("GD6c", "steps keep them balanced too", requires=["GD6"])
def balanced_by_steps(u, v, target, eta):
    """A step of gradient descent does not change u^2 - v^2 either."""
    error = u * v - target
    return (u - eta * error * v) ** 2 - (v - eta * error * u) ** 2 == u**2 - v**2


@lemma("GD7", "predictions move by the kernel", over={"data": datasets(N=3, d=2), "w": rationals(2)})
def tangent_kernel(data, w, eta):
    """For a linear model a step moves the predictions by -eta X X^T (X w - y)."""
    X, y = data
    moved = w - eta * X.T @ (X @ w - y)
    return X @ moved - X @ w == -eta * (X @ X.T) @ (X @ w - y)


@lemma("GD8", "an exponential lies above its tangent")
def above_tangent(x):
    """exp(x) >= 1 + x."""
    return math.exp(x) >= 1 + x


@lemma("GD9", "averaged steps of a schedule", over={"eta": POSITIVE})
def halving(eta):
    """Halved again and again, step sizes sum to less than twice the first, whatever their number."""
    total, left = 0, eta
    for _ in range(20):
        total, left = total + left, left / 2
    return total < 2 * eta
