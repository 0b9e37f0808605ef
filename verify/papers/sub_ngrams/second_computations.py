"""What SN0 holds against a second computation, besides the engines: averages over kernels, norms, intervals.

Each function returns what it compared, and the first of it that is off (or None): a quantity by name, with its value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import product
from typing import TYPE_CHECKING

from numerics.threads import one_thread
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.score import score
from proofs.sub_ngrams.score_blocks import ScoreBlocks, norm_errors, parameter_norms
from verify.claim import Counterexample
from verify.papers.sub_ngrams.engines import ENGINES, Options

if TYPE_CHECKING:
    from numerics.sub_ngrams.integration import Integral, Sums
    from numerics.sub_ngrams.kernel_rules import Nodes
    from numerics.sub_ngrams.network import Network

MOST_NODES = 50_000  # of a rule over one row of the kernel
MOMENT_TOLERANCE = 1e-6
LEAST_ALPHA = Fraction(1, 1000)  # below, a lattice does not reach the corners of the prior
SAMPLES = 4000
INTERVAL_LEVEL = 0.99
SPREADS = 8  # standard errors of a variance that it may be off
BATCH = 256  # sequences differentiated at once


@dataclass(frozen=True)
class Comparison:
    """How many numbers were compared, and the first that is off."""

    compared: int
    off: Counterexample | None


# --- averages over kernels ---


@one_thread()
def moments(law: NGramLaw) -> Comparison:
    """Gauss and lattice rules over one row of the kernel (all rows are alike), in the exact moments of the prior."""
    row, off, compared = NGramLaw(law.S, 1, law.alpha), None, 0
    exact = exact_moments(row)
    for rule, result in rule_averages(row).items():
        for i, (name, moment) in enumerate(exact.items()):
            compared += 1
            value, error = float(result.value[0, i]), float(result.error[0, i])
            if not abs(value - moment) <= error and off is None:
                off = Counterexample(
                    {"rule": rule, "moment": name, "value": value, "error": error},
                    partial(is_no_moment, law.S, law.alpha, name, value, error),
                )
    return Comparison(compared, off)


def rule_averages(row: NGramLaw) -> dict[str, Integral]:
    """The moments by every rule that is affordable, with their errors: 1 x moment."""
    import torch

    from numerics.sub_ngrams.integration import Integral, by_lattices
    from numerics.sub_ngrams.kernel_rules import dimension, gauss, gauss_points

    degree, found = 2, {}
    if gauss_points(degree) ** dimension(row) <= MOST_NODES:
        nodes, rounding = gauss(row, degree)
        sums = _powers(nodes)
        found["gauss"] = Integral(sums.value, torch.full_like(sums.value, rounding + 1e-12))
    if dimension(row) <= 3 and row.alpha >= LEAST_ALPHA:
        result: Integral | None = by_lattices(_powers, lambda _: MOMENT_TOLERANCE, MOST_NODES, law=row)
        if result is not None:
            found["lattice"] = Integral(result.value[None], result.error[None])
    return found


def _powers(nodes: Nodes) -> Sums:
    """Sums of 1, tau(0)^2 and tau(0) tau(1)."""
    import torch

    from numerics.sub_ngrams.integration import Sums

    first, second = nodes.kernels[:, 0, 0], nodes.kernels[:, 0, 1]
    sums = nodes.weights.T @ torch.stack([torch.ones_like(first), first**2, first * second], 1)
    return Sums(sums, sums, torch.zeros_like(sums))


def exact_moments(row: NGramLaw) -> dict[str, float]:
    """By Polya's urn: E tau(s) tau(s') is the probability to draw s and then s'."""
    return {
        "1": 1.0,
        "tau(0)^2": float(row.urn(0, 0) * row.urn(1, 1)),
        "tau(0) tau(1)": float(row.urn(0, 0) * row.urn(0, 1)),
    }


def is_no_moment(S: int, alpha: Fraction, name: str, value: float, error: float) -> bool:
    """Whether this is not the moment of a Dirichlet row within the error, by its mean and covariance."""
    a0 = S * alpha
    mean, spread = Fraction(1, S), 1 / (a0 + 1)
    exact = {
        "1": Fraction(1),
        "tau(0)^2": mean**2 + mean * (1 - mean) * spread,
        "tau(0) tau(1)": mean**2 - mean**2 * spread,
    }
    return not abs(value - float(exact[name])) <= error


# --- norms of the gradient in the parameters ---


def norms(law: NGramLaw, configuration: Configuration, T: int, found: Mapping[str, ScoreBlocks]) -> Comparison:
    """Of every engine, within their errors, against the gradient of the literal network in all of its parameters."""
    off, compared = None, 0
    literal, rounding = literal_norms(law, configuration, T)
    for engine, M in found.items():
        values, errors = parameter_norms(M, configuration), norm_errors(M, configuration)
        for name, norm in literal.items():
            compared += 1
            value, error = (values or {}).get(name, math.nan), (errors or {}).get(name, 0.0) + rounding
            if not abs(value - norm) <= error and off is None:
                off = Counterexample(
                    {"engine": engine, "T": T, "q": str(configuration.q), "norm in": name, "value": value},
                    partial(is_no_norm, law, configuration, T, name, value, error),
                )
    return Comparison(compared, off)


@one_thread()
def literal_norms(law: NGramLaw, configuration: Configuration, T: int) -> tuple[dict[str, float], float]:
    """Norms of the gradient in Q, K, V, with literal heads in A, and in total, by torch on all sequences, and a bound
    on their rounding."""
    from numerics.sub_ngrams.autograd import error_bound, parameter_gradients
    from numerics.sub_ngrams.network import Network

    network = Network.at_configuration(law, configuration, T)
    gradients = parameter_gradients(network, law, T, batch=BATCH)
    norms = {name: float(gradient.norm()) for name, gradient in gradients.items()}
    entries = sum(gradient.numel() for gradient in gradients.values())
    # an entry of Q, K, V, A adds up at most 2 S^2 entries of score blocks, times c at most
    scale = max(1.0, configuration.c) * 2 * law.S**2 * entries
    return norms | {"total": math.hypot(*norms.values())}, scale * error_bound(law, configuration, T, BATCH)


def is_no_norm(
    law: NGramLaw, configuration: Configuration, T: int, name: str, value: float, error: float, step: float = 1e-4
) -> bool:
    """Whether the norm in this group is another: the loss is taken a small step up and down its gradient."""
    import torch

    from numerics.sub_ngrams.autograd import parameter_gradients
    from numerics.sub_ngrams.network import Network

    network = Network.at_configuration(law, configuration, T)
    gradients = parameter_gradients(network, law, T, batch=BATCH)
    groups = list(gradients) if name == "total" else [name]
    size = math.hypot(*(float(gradients[group].norm()) for group in groups))
    if size == 0:
        return not abs(value) <= error
    losses = []
    for sign in (1, -1):
        moved = Network.at_configuration(law, configuration, T)
        with torch.no_grad():
            for group in groups:
                getattr(moved, group).add_(gradients[group] * (sign * step / size))
        losses.append(_population_loss(moved, law, T))
    slope = (losses[0] - losses[1]) / (2 * step)
    # the third derivative, times step^2 / 6, and cancellation in the difference of losses
    return not abs(value - slope) <= error + 10 * max(1.0, configuration.c) ** 2 * step**2 + 1e-12 / step


def _population_loss(network: Network, law: NGramLaw, T: int) -> float:
    """Tokens that do not occur left out, sequence by sequence."""
    import torch

    x = torch.tensor(list(product(range(law.S), repeat=T)))
    P = torch.tensor([[float(p) for p in law.predictive(row)] for row in x.tolist()], dtype=torch.float64)
    weights = torch.tensor([float(law.probability(row)) for row in x.tolist()], dtype=torch.float64)
    with torch.no_grad():
        return float((weights * network.losses(x, P)).sum())


# --- intervals ---


def intervals(law: NGramLaw, configuration: Configuration, T: int, seed: int) -> Comparison:
    """Monte Carlo's half-width for M_00[0][0] against the exact spread of one sequence's value."""
    options = Options(seed, level=INTERVAL_LEVEL, samples=SAMPLES)
    M = ENGINES["monte_carlo"].compute(law, configuration, T, options)
    width = float(M.error_of((0, 0), 0, 0))
    values = {"T": T, "q": str(configuration.q), "samples": SAMPLES, "half-width": width}
    off = is_wrong_width(law, configuration, T, width)
    return Comparison(1, Counterexample(values, partial(is_wrong_width, law, configuration, T, width)) if off else None)


def is_wrong_width(law: NGramLaw, configuration: Configuration, T: int, width: float) -> bool:
    """Whether a half-width is another than the exact variance gives, by more than a sample variance can be off.

    That is SPREADS standard errors, from the exact fourth moment.
    """

    mean, second, fourth = Fraction(0), Fraction(0), Fraction(0)
    values = [(law.probability(x), _value(x, law, configuration)) for x in product(range(law.S), repeat=T)]
    mean = sum((p * value for p, value in values), Fraction(0))
    second = sum((p * (value - mean) ** 2 for p, value in values), Fraction(0))
    fourth = sum((p * (value - mean) ** 4 for p, value in values), Fraction(0))
    # Maurer and Pontil: width = sqrt(2 variance log / m) + 7 range log / (3 (m - 1)); one value is at most 1/S in size
    log, value_range = math.log(4 / (1 - INTERVAL_LEVEL)), 2 / law.S
    spread = width - 7 * value_range * log / (3 * (SAMPLES - 1))
    variance = math.copysign(spread**2, spread) * SAMPLES / (2 * log)
    error = SPREADS * math.sqrt(float(fourth - second**2) / SAMPLES)
    return not abs(variance - float(second)) <= error + 1e-12


def _value(x: tuple[int, ...], law: NGramLaw, configuration: Configuration) -> Fraction:
    """Of one sequence in M_00[0][0], averaged over all relabellings of the tokens."""
    g = score(x, law.predictive(x), configuration)
    return sum((g_j for g_j, x_j in zip(g, x, strict=True) if x_j == x[-1]), Fraction(0)) / law.S
