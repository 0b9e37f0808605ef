"""MF10, MF11, MF13 and MF14: gradient flows, a saddle of the Wasserstein flow, and improvement by birth and death."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from flint import arb, ctx, fmpq, fmpq_mat

from proofs.mean_field.critical import critical_point, target
from proofs.mean_field.enclosures import PRECISION, agree, nuclear_norm
from proofs.mean_field.examples import tanh_saddle
from proofs.mean_field.flows import AttentionFlow, OjaFlow
from proofs.mean_field.improvement import random_birth_death, relu, softsign
from proofs.mean_field.instances import random_full_rank, random_matrix, random_models, random_rotation
from proofs.mean_field.model import Model
from proofs.rational_matrix import is_zero, matrix, select, to_fmpq
from verify.claim import Evidence, Finding, Run, decide
from verify.claims.mean_field.common import generator, given_model, proved, vacuous
from verify.claims.mean_field.settings import MeanFieldSettings

LATE = Fraction(2) ** 40  # q at a late time of a flow, t = common log q
UNDECIDABLE = arb(2) ** -50  # relative; where the bound is an equality (k = 1) intervals cannot decide without it
CLOCK = (Fraction(11, 10), Fraction(2), Fraction(10))  # earlier ones


def feature_flow(settings: MeanFieldSettings, run: Run) -> Finding:
    """MF10."""
    if settings.m == settings.k:
        return vacuous("the loss is 0 everywhere at m = k")
    random, count = generator(settings, "MF10"), 0
    holds = proved("gradient_times_H", "subspace_flow", "oja_flow", "explained_part") and _escape_from_a_saddle()
    for _ in range(settings.instances):
        goal = target(settings.k, settings.m, random)
        generic = OjaFlow(goal, random_full_rank(random, settings.k, settings.m))
        singular = OjaFlow(goal, _singular_start(goal.F, random))
        sublevel = _sublevel_start(settings, random)
        holds = (
            holds
            and generic.reaches_global_minimum
            and generic.decay_degree == -2 * goal.r_low * generic.common
            and 2 * generic.at(LATE).loss < to_fmpq(goal.r_low)
            and not singular.reaches_global_minimum
            and all(2 * singular.at(q).loss >= to_fmpq(goal.r_low) for q in (*CLOCK, LATE))
            and all(_below(sublevel, q) for q in CLOCK)
        )
        count += 1
    return decide(
        holds and count == settings.instances,
        evidence=Evidence.ENCLOSURE,
        scope=f"{count} starts of each kind, k={settings.k}, m={settings.m}; conservation and closed form: every k, m",
        instances=3 * count,
        found=f"rate e^(-{2 * goal.r_low} t)" if count and holds else "not all",
        predicted="e^(-2 r_low t)",
    )


def _singular_start(F: fmpq_mat, random: Random) -> fmpq_mat:
    """A full-rank H_0 with H_0 F^T singular: its first row is orthogonal to the rows of F."""
    k = F.nrows()
    while True:
        free = random_full_rank(random, k, F.ncols())
        onto = F.transpose() * (F * F.transpose()).inv() * F
        start = fmpq_mat(((free - free * onto).table())[:1] + select(free, range(1, k)).table())
        if start.rank() == k:
            return start


def _sublevel_start(settings: MeanFieldSettings, random: Random) -> OjaFlow:
    """A flow from 0 < 2 L_0 < r_low: a global minimum, perturbed."""
    goal = target(settings.k, settings.m, random)
    minimum, push = critical_point(goal, (), random).H, random_matrix(random, settings.k, settings.m)
    exponent = 0
    while True:
        start = minimum + push * fmpq(1, 2**exponent)
        if start.rank() == settings.k and 0 < 4 * Model(start, goal.F).loss < to_fmpq(goal.r_low):
            return OjaFlow(goal, start)
        exponent += 1


def _below(flow: OjaFlow, q: Fraction) -> bool:
    with ctx.workprec(PRECISION):
        return bool(arb(flow.at(q).loss) <= flow.sublevel_bound(q))


def _escape_from_a_saddle() -> bool:
    """k = 1: tan(theta_t) = e^(-lambda t) tan(theta_0), so that half the saddle's loss is left at e^(lambda t) = tan.

    theta is the angle to the target; the start at distance delta from the saddle has tan(theta_0) = cot(delta).
    """
    F = matrix([[0, 2]])  # lambda = 4
    for tangent in (Fraction(10) ** 2, Fraction(10) ** 6):
        start, lam = matrix([[tangent, 1]]), fmpq(4)
        moved = Model(start * matrix([[1, 0], [0, tangent]]), F)  # e^{t F^T F} with e^{lambda t} = tangent
        squared = to_fmpq(tangent) ** 2
        if moved.loss != lam / 4 or Model(start, F).loss != lam / 2 * squared / (1 + squared):
            return False
    return True


def attention_flow(settings: MeanFieldSettings, run: Run) -> Finding:
    """MF11."""
    random, count, k = generator(settings, "MF11"), 0, settings.k
    holds = proved("attention_gradient", "optimal_attention")
    given = given_model(settings)
    candidates = ([] if given is None else [given]) + random_models(random, k, settings.m, settings.instances)
    for model in candidates:
        for case in (model, Model(model.H, _drop_rank(model.F, random))):
            flow = AttentionFlow(case, random_matrix(random, k, k))
            B, W = case.B, flow.limit
            holds = holds and is_zero(case.attention_gradient(W)) and is_zero(B * W - B * case.A_inverse)
            if not is_zero(B):
                holds = holds and all(_contracts(flow, Fraction(j, 2)) for j in (1, 3))
            count += 1
    return decide(
        holds and count == 2 * len(candidates),
        evidence=Evidence.ENCLOSURE,
        scope=f"{count} flows at k={k}, m={settings.m}, half of them with singular Sigma_°mu; gradient: every k, m",
        instances=count,
        found="B W = B A^-1, rate met",
        predicted="B W = B A^-1",
    )


def _drop_rank(F: fmpq_mat, random: Random) -> fmpq_mat:
    """F with its last row a combination of the others (0 where k = 1)."""
    k = F.nrows()
    last = [[sum((F[i, j] * random.randint(-2, 2) for i in range(k - 1)), fmpq(0)) for j in range(F.ncols())]]
    return fmpq_mat(F.table()[: k - 1] + last)


def _contracts(flow: AttentionFlow, halvings: Fraction) -> bool:
    """||W_t - W_inf|| <= e^{-rate t} ||W_0 - W_inf|| at a time of the order of halvings / rate."""
    with ctx.workprec(PRECISION):
        t = halvings / max(Fraction(float(flow.rate.mid())), Fraction(1, 10**9))
        start, later = flow.distance(Fraction(0)), flow.distance(t)
        clock = arb(t.numerator) / t.denominator
        return bool(later <= start * ((-flow.rate * clock).exp() + UNDECIDABLE))


def particle_saddle(settings: MeanFieldSettings, run: Run) -> Finding:
    """MF13."""
    found = tanh_saddle()
    with ctx.workprec(PRECISION):
        same = agree(found["second variation"], found["closed form"])
        negative = found["second variation"] < 0
        by_parts = agree(found["E x tanh x"], found["c"]) and agree(found["1 - E tanh^2"], found["c"])
    return decide(
        bool(same and negative and by_parts),
        evidence=Evidence.ENCLOSURE,
        scope="k=1, x ~ N(0, I_2), f° = tanh(x_1), one neuron tanh(x_2)",
        instances=1,
        found=found["second variation"].str(10, radius=False),
        predicted="-c^4/E tanh^2 < 0",
        details={name: value.str(25) for name, value in found.items()},
    )


def improvement(settings: MeanFieldSettings, run: Run) -> Finding:
    """MF14."""
    random, count, holds, ratio = generator(settings, "MF14"), 0, True, float("inf")
    points = max(settings.m, settings.k + 1)
    for index in range(2 * settings.instances):
        instance = random_birth_death(random, settings.k, points, (softsign, relu)[index % 2])
        slope = instance.model.homotopy_slope(random_rotation(random, settings.k))
        with ctx.workprec(PRECISION):
            best = nuclear_norm(instance.model.M * instance.model.Z)
            bound = arb(instance.bound(fmpq(1))) * best**2
            rate = arb(instance.output_dissipation)
            holds = (
                holds
                and instance.mean_first_variation == 0
                and bool(instance.output_dissipation >= instance.bound(slope))
                and bool(rate >= bound)
            )
            ratio = min(ratio, float((rate / bound).lower()) if bound > 0 else float("inf"))
        count += 1
    return decide(
        holds and count == 2 * settings.instances,
        evidence=Evidence.ENCLOSURE,
        scope=f"{count} finite instances (softsign, relu), k={settings.k}, {points} points, 2 neuron inputs",
        instances=count,
        found=f"rate >= {ratio:.3g} x bound",
        predicted=">= 1 x bound",
    )
