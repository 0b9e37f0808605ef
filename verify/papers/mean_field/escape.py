"""MF18 with MF18z: how fast the Wasserstein flow leaves a saddle; MF6f: networks of finite width rest elsewhere too."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from random import Random
from typing import Any

from flint import arb, ctx, fmpq, fmpq_mat

from proofs.mean_field.enclosures import PRECISION
from proofs.mean_field.escape import RationalSaddle, dot, mean_square, random_saddle
from proofs.mean_field.improvement import random_vector, relu, softsign
from proofs.mean_field.one_neuron import at, critical_values, resting_place, target
from proofs.mean_field.witness import along_line, twice_loss
from proofs.rational_matrix import to_fmpq, trace
from proofs.rationals import to_fraction
from verify.claim import Certificate, Evidence, Finding, Origin, Run
from verify.papers.mean_field.common import each_takes, generator, of_file, short
from verify.papers.mean_field.conditions import (
    Condition,
    Values,
    at_most,
    condition,
    ends,
    equal,
    judge,
    plain,
    proved,
    refuted,
    residual,
)
from verify.papers.mean_field.premises import claim
from verify.papers.mean_field.settings import MeanFieldSettings
from verify.recheck.mean_field.matrices import Matrix

Field = list[tuple[tuple[Fraction, ...], tuple[Fraction, ...]]]
KINDS = (softsign, relu)
ROUNDING = Fraction(1, 10**12)  # of D in floats, a sum of a few products of numbers below 10


@claim("MF18", "rate of escape from a saddle", requires=("MF3",))
@each_takes(lambda k, m: 2.5e-3 * k**3)
def rate_of_escape(settings: MeanFieldSettings, run: Run) -> Finding:
    """[D] Where B = E[f° h^T] = 0 the first variation vanishes at every neuron, and along a field v on the neurons
    d^2L = - tr(b A^-1 b^T), b = int D E[f° h_theta^T] v dmu. Linearised there, the flow moves b by db/dt = Gamma (b
    A^-1), Gamma = int D E[f° h_theta^T] (x) D E[f° h_theta^T] dmu: it leaves at the rate lambda, the largest eigenvalue
    of that. At k=1 lambda = int |D E[f° h_theta]|^2 dmu / A, and d^2L >= - lambda int |v|^2 dmu.

    The second derivative in words; networks of softsign and relu neurons in rationals.
    """
    random, k = generator(settings, "MF18"), settings.k
    conditions = proved("curvature_without_overlap")
    for index in range(settings.instances):
        conditions += _leaves(random_saddle(random, k, KINDS[index % 2]), random)
        conditions += _leaves_at_lambda(random_saddle(random, 1, KINDS[index % 2]), random)
    return judge(
        conditions,
        evidence=Evidence.EXACT,
        scope=f"{settings.instances} saddles (softsign, relu) at k={k} and as many at k=1, 2 inputs{of_file(settings)}"
        "; d^2L: every k, m, F and H with B = 0",
        instances=2 * settings.instances,
        found=f"d^2L and db/dt off their formulas by {short(residual(conditions))} at {settings.instances} saddles; "
        f"d^2L >= -lambda int |v|^2 dmu at {settings.instances}, attained",
        predicted="0; attained",
        certificate=Certificate({"k": k, "m": 2 * k + 1}),
    )


def random_field(saddle: RationalSaddle, random: Random) -> Field:
    k, d = saddle.F.nrows(), len(saddle.points[0])
    return [(random_vector(random, k), random_vector(random, d)) for _ in saddle.atoms]


def _leaves(saddle: RationalSaddle, random: Random) -> Iterator[Condition]:
    model, (v, u) = saddle.model, (random_field(saddle, random) for _ in range(2))
    E, E2, b, b2 = saddle.direction(v), saddle.direction(u), saddle.push(v), saddle.push(u)
    at = {"H": model.H, "F": model.F, "E": E}
    zero = fmpq_mat(model.H.nrows(), model.H.ncols())
    yield equal("dL/dH = 0", zero, model.gradient, _gradient, H=model.H, F=model.F)
    claimed = -trace(b * model.A_inverse * b.transpose())
    yield equal("d^2L", claimed, model.hessian_form(E), _bends, **at)
    velocity = saddle.gradient(b)
    paired = trace(b * model.A_inverse * b2.transpose())
    yield equal("the linearised velocity", _inner(saddle, velocity, u), paired, _mixed, **at, E2=E2)
    moved = fmpq_mat(model.F.nrows(), model.F.nrows(), (saddle.operator * _stacked(b)).entries())
    moves = saddle.direction(velocity)
    yield equal("db/dt = Gamma (b A^-1)", moved, saddle.push(velocity), _overlap, F=model.F, E=moves)


def _leaves_at_lambda(saddle: RationalSaddle, random: Random) -> Iterator[Condition]:
    """k = 1, where lambda is a rational number."""
    model, rate = saddle.model, to_fraction(saddle.operator[0, 0])
    fastest, other = saddle.gradient(fmpq_mat([[1]])), random_field(saddle, random)
    for v in (fastest, other):
        E, size = saddle.direction(v), mean_square(saddle, v)
        at = {"H": model.H, "F": model.F, "E": E, "bound": -rate * size}
        least = to_fraction(model.hessian_form(E))
        yield condition("d^2L >= - lambda int |v|^2 dmu", least >= -rate * size, _falls_faster, **at)
    square = to_fmpq(-rate * mean_square(saddle, fastest))
    E = saddle.direction(fastest)
    yield equal("attained", square, model.hessian_form(E), _bends, H=model.H, F=model.F, E=E)


def _inner(saddle: RationalSaddle, v: Field, u: Field) -> fmpq:
    """The integral of v . u over the neurons."""
    moves = zip(saddle.atoms, v, u, strict=True)
    return to_fmpq(sum((x.mass * (dot(p[0], q[0]) + dot(p[1], q[1])) for x, p, q in moves), Fraction(0)))


def _stacked(b: fmpq_mat) -> fmpq_mat:
    return fmpq_mat([[x] for x in b.entries()])


@claim("MF18z", "it leaves without a push (control)", requires=("MF18",), origin=Origin.CONTROL)
def without_perturbation(settings: MeanFieldSettings, run: Run) -> Finding:
    """Gradient flow that starts at a saddle of a particle network leaves it, without any perturbation.

    In exact arithmetic its velocity is 0 at every neuron, and it stays. (Rounding is a perturbation.)
    """
    saddle = random_saddle(generator(settings, "MF18z"), min(settings.k, 2), softsign)
    model = saddle.model
    stays = condition("dL/dH is not 0", any(x != 0 for x in model.gradient.entries()), _stays, H=model.H, F=model.F)
    k, m = model.H.nrows(), model.H.ncols()
    witness = {"points": saddle.points, "F": model.F, "loss": model.loss}
    witness |= {"a": [atom.a for atom in saddle.atoms], "w": [atom.w for atom in saddle.atoms]}
    parameters = {"k": k, "m": m, "neurons": len(saddle.atoms), "inputs": len(saddle.points[0])}
    return refuted(
        stays,
        evidence=Evidence.EXACT,
        scope=f"one softsign network of {len(saddle.atoms)} neurons at k={k}, {m} points{of_file(settings)}",
        found=f"the velocity is 0 where L = {short(model.loss)}",
        predicted="0",
        certificate=Certificate(parameters, plain(witness)),
    )


@claim("MF6f", "finite networks rest at critical values (control)", requires=("MF6",), origin=Origin.CONTROL)
def finite_width(settings: MeanFieldSettings, run: Run) -> Finding:
    """A network of finitely many neurons is at rest, its gradient 0, only where L is a critical value of MF6.

    One neuron of the activation of the settings refutes it: at rest, its loss is between two critical values.
    """
    activation = settings.activation
    low, high = resting_place(activation)
    with ctx.workprec(PRECISION):
        first, last = (at(activation, w, w).slope for w in (low, high))
        loss = at(activation, low, high).loss
        rests = bool(first == 0) if activation == "relu" else bool(first * last < 0)
    least, greatest = critical_values(activation)
    between = at_most(loss, least) is False and at_most(greatest, loss) is False
    holds = False if rests and between else None
    points = [list(pair) for pair in target(activation)]
    rule = condition(
        "at rest L is a critical value", holds, _rests_elsewhere, activation=activation, points=points,
        w=[low, high], loss=ends(loss),
    )  # fmt: skip
    return refuted(
        rule,
        evidence=Evidence.ENCLOSURE,
        scope=f"one {activation} neuron, k=1, {len(points)} points of the line{of_file(settings)}",
        found=f"at rest, L = {_decimals(loss)}",
        predicted=f"between {least} and {greatest}",
    )


def _decimals(x: Any) -> str:
    return x.str(6, radius=False) if isinstance(x, arb) else str(x)


# --- the same again, in the standard library ---


def _gradient(at: Values) -> list[list[Fraction]]:
    """Each entry as a derivative of the loss."""
    k, m = len(at["H"]), len(at["H"][0])

    def unit(i: int, j: int) -> list[list[Fraction]]:
        return [[Fraction((p, q) == (i, j)) for q in range(m)] for p in range(k)]

    return [[along_line(at["H"], at["F"], unit(i, j))[1] for j in range(m)] for i in range(k)]


def _stays(at: Values) -> bool:
    """Whether the gradient is 0 and the loss is not."""
    return all(x == 0 for row in _gradient(at) for x in row) and twice_loss(at["H"], at["F"]) > 0


def _bends(at: Values) -> Fraction:
    """The second derivative along H + t E."""
    return along_line(at["H"], at["F"], at["E"])[2]


def _mixed(at: Values) -> Fraction:
    """Minus the mixed second derivative."""
    E, E2 = Matrix(at["E"]), Matrix(at["E2"])
    second = [along_line(at["H"], at["F"], X.rows)[2] for X in (E + E2, E, E2)]
    return -(second[0] - second[1] - second[2]) / 2


def _overlap(at: Values) -> list[list[Fraction]]:
    rows: list[list[Fraction]] = (Matrix(at["F"]) * Matrix(at["E"]).T).rows
    return rows


def _falls_faster(at: Values) -> bool:
    return bool(_bends(at) < at["bound"])


FLOATS: dict[str, Callable[[float], tuple[float, float]]] = {
    "tanh": lambda z: (math.tanh(z), 1 - math.tanh(z) ** 2),
    "sigmoid": lambda z: (1 / (1 + math.exp(-z)), math.exp(-z) / (1 + math.exp(-z)) ** 2),
    "relu": lambda z: (max(z, 0.0), float(z > 0)),
    "softsign": lambda z: (z / (1 + abs(z)), 1 / (1 + abs(z)) ** 2),
}


def _rests_elsewhere(at: Values) -> bool:
    """Whether the derivative of b^2 / A changes its sign (or is 0, for relu) where L is no critical value."""
    slopes, losses = zip(*(_one_neuron(at, float(w)) for w in at["w"]), strict=True)
    limit = float(ROUNDING)
    turns = min(slopes) < -limit and limit < max(slopes)
    rests = abs(slopes[0]) <= limit if at["activation"] == "relu" else turns
    greatest = sum(f * f for _, f in at["points"]) / (2 * len(at["points"]))
    low, high = (float(x) for x in at["loss"])
    inside = all(low - limit <= loss <= high + limit for loss in losses)
    return bool(rests and inside and limit < low and high < greatest - limit)


def _one_neuron(at: Values, w: float) -> tuple[float, float]:
    """D and L."""
    rows = [(x, f, *FLOATS[at["activation"]](w * x)) for x, f in at["points"]]
    A, b = sum(y * y for _, _, y, _ in rows), sum(f * y for _, f, y, _ in rows)
    D = 2 * sum(f * slope * x for x, f, _, slope in rows) * A - b * sum(2 * y * slope * x for x, _, y, slope in rows)
    return D, (sum(f * f for _, f, _, _ in rows) - b * b / A) / (2 * len(rows))
