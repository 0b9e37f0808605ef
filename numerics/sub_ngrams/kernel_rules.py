"""Nodes and weights for averages over the kernels of the law, which are Dirichlet row by row.

A row is built by breaking a stick: token 0 gets a part y_0 of it, token 1 a part y_1 of the rest, and so on, with
independent y_i ~ Beta(alpha, (S-1-i) alpha). Both y and 1 - y are kept, each accurate relatively.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy import special
from torch import Tensor
from torch.nn.functional import logsigmoid
from torch.quasirandom import SobolEngine

from proofs.sub_ngrams.law import NGramLaw, float_alpha
from proofs.sub_ngrams.prior_rules import Array, dimension, gauss_nodes, log_kernels, stick_parts

__all__ = ["Nodes", "Sobol", "dimension", "gauss", "gauss_points", "lattices"]

STRETCH = 5.0  # the lattice is even in x with logit y = STRETCH sinh(x/STRETCH): coarser towards the corners
NEGLIGIBLE = 1e-200  # moments of the prior so small are not looked at one by one
LEAST = 1e-300  # probability that is told from 0: no sequence of any length within reach knows a smaller one
PRIOR_SHARE = 0.5  # the part of `Sobol.corners` that is drawn from the prior itself; with 0.8 intervals are too short


@dataclass(frozen=True)
class Nodes:
    """Kernels [m, S^(n-1), S] and weights [m, G] of G sums over them; a sum is sum_i weights_ig f(kernels_i)."""

    kernels: Tensor
    weights: Tensor

    def __len__(self) -> int:
        return len(self.weights)

    def beside(self, other: Nodes) -> Nodes:
        """All nodes, with the sums of these, then those of the others."""
        weights = torch.block_diag(self.weights, other.weights)  # type: ignore[no-untyped-call]  # torch
        return Nodes(torch.cat([self.kernels, other.kernels]), weights)


def gauss_points(degree: int) -> int:
    """Points per dimension with which a Gauss rule is exact for polynomials of this degree."""
    return degree // 2 + 1


def gauss(law: NGramLaw, degree: int) -> tuple[Nodes, float]:
    """Tensor Gauss-Jacobi rule: exact, up to rounding, for polynomials of this degree in each row.

    Returns also a bound on what rounding makes of averages of sums of probabilities of paths, over all dimensions.
    """
    axes: list[list[Tensor]] = []
    error = 0.0
    for a, b in _sticks(law):
        rule = gauss_nodes(a, b, gauss_points(degree))
        error += _rounding(rule, a, b, degree)
        axes.append([torch.from_numpy(part) for part in rule])
    grid = [torch.cartesian_prod(*axis).reshape(-1, len(axes)) for axis in zip(*axes, strict=True)]
    return Nodes(_kernels(law, grid[0], grid[1]), grid[2].prod(1, keepdim=True)), error


def _rounding(rule: tuple[Array, Array, Array], a: float, b: float, degree: int) -> float:
    """The error of a rule for y ~ Beta(a, b), for sums of at most C(i+j, i) products y^i (1-y)^j, i + j <= degree, that
    are at most 1 in all: the smaller of the largest relative error of a product, and of all errors added up, which is
    better where alpha is small and most products nearly vanish.
    """
    y, rest, w = rule
    power = np.arange(degree + 1)
    i, j = np.meshgrid(power, power, indexing="ij")
    exact = np.exp(special.betaln(a + i, b + j) - special.betaln(a, b))
    found = (y ** power[:, None] * w) @ (rest ** power[:, None]).T
    counts = (i + j <= degree) & (exact > NEGLIGIBLE)
    relative = float(np.abs(found[counts] / exact[counts] - 1).max()) + NEGLIGIBLE
    log_many = special.gammaln(i + j + 1) - special.gammaln(i + 1) - special.gammaln(j + 1)
    with np.errstate(divide="ignore"):
        parts = np.exp(log_many + np.log(np.abs(found - exact)))
    return min(relative, float(parts[i + j <= degree].sum()))


def lattices(law: NGramLaw, step: float, depths: tuple[float, float], at_most: int) -> Nodes | None:
    """Two trapezoidal rules in stretched logits, shifted against each other as `shifts` says.

    Spectral for integrands analytic in the logits, as averages over paths are, also with their mass in the corners of
    the simplex. Steps are in units of the width of the prior where that is below 1. Only nodes with a depth in the
    half-open interval `depths`: the prior's density there is e^-depth of its largest. One sum for either lattice. None
    if there are more nodes than `at_most` up to this depth.
    """
    pair: list[Nodes] = []
    for side in (0, 1):
        logits = torch.zeros(1, 0, dtype=torch.float64)
        log_weight = depth = torch.zeros(1, dtype=torch.float64)
        for (a, b), shift in zip(_sticks(law), shifts(dimension(law)), strict=True):
            width = min(1.0, math.sqrt((a + b) / (a * b)))  # of the logit under the prior
            # beyond this logit the density is below e^-depths[1] of its largest
            farthest = (depths[1] + (a + b) * math.log(2)) / min(a, b)
            last = 1 + math.ceil(STRETCH * math.asinh(farthest / (width * STRETCH)) / step)
            x = step * (torch.arange(-last, last + 1, dtype=torch.float64) + side * shift)
            logit = math.log(a / b) + width * STRETCH * torch.sinh(x / STRETCH)
            log_density = a * logsigmoid(logit) + b * logsigmoid(-logit)
            axis_weight = log_density + torch.log(width * step * torch.cosh(x / STRETCH)) - float(special.betaln(a, b))
            axis_depth = -a * math.log1p(b / a) - b * math.log1p(a / b) - log_density
            i, j = torch.nonzero(depth[:, None] + axis_depth <= depths[1], as_tuple=True)
            if len(i) > at_most // 2:
                return None
            logits = torch.cat([logits[i], logit[j, None]], 1)
            log_weight, depth = log_weight[i] + axis_weight[j], depth[i] + axis_depth[j]
        inside = depth > depths[0]
        weights = torch.zeros(int(inside.sum()), 2, dtype=torch.float64)
        weights[:, len(pair)] = log_weight[inside].exp()
        pair.append(Nodes(_kernels(law, torch.sigmoid(logits[inside]), torch.sigmoid(-logits[inside])), weights))
    return Nodes(*(torch.cat([getattr(nodes, part) for nodes in pair]) for part in ("kernels", "weights")))


def shifts(dimension: int) -> list[float]:
    """By how many steps one lattice is off the other: 1/(2d), 2/(2d), .., 1/2.

    No coordinate, and no sum or difference of two, is the same in both: a function of a difference, as that of two
    logits whose ratio matters, is seen by half a step in every dimension no better than without a shift.
    """
    return [(i + 1) / (2 * dimension) for i in range(dimension)]


def of_shift(dimension: int) -> float:
    """The error of the mean of two such lattices, at most, in units of their difference, for what has any of those
    frequencies: abs((1 + w) / (1 - w)) / 2 with w = exp(2 pi i shift)."""
    return max(0.5, 0.5 / math.tan(math.pi / (2 * dimension)))


class Sobol:
    """A scrambled Sobol sequence over the kernels of the law; different seeds are independent, each is unbiased.

    Weights are for sums that, divided by the number of points, are averages.
    """

    def __init__(self, law: NGramLaw, seed: int, skip: int = 0) -> None:
        self.law, self.alpha, self.rows = law, float_alpha(law), int(law.S ** (law.n - 1))
        self.engine = SobolEngine(dimension(law) + 2, scramble=True, seed=seed)  # type: ignore[no-untyped-call] # torch
        self.engine.fast_forward(skip)  # type: ignore[no-untyped-call] # torch

    def prior(self, m: int) -> Nodes:
        """The next m points, from the prior."""
        kernels = self._draw(m)[2]
        return Nodes(kernels, kernels.new_ones(m, 1))

    def corners(self, m: int, T: int) -> Nodes:
        """The next m points, some of them with one entry spread evenly in its logit, down to 1/T.

        Kernels with an entry of 1/T or less have a probability of some 1/T and can carry all of an average. Each
        point weighs as under the mixture of the prior and the spreads of all entries.
        """
        S, rows = self.law.S, self.rows
        which, where, kernels = self._draw(m)
        L = math.log(T) + 3
        # the density (sigmoid(z+L) - sigmoid(z-L)) / (2L), drawn by its quantiles
        z = torch.log(torch.expm1(2 * L * where)) - L - torch.log(-torch.expm1(-2 * L * (1 - where)))
        entry = ((which - PRIOR_SHARE) / (1 - PRIOR_SHARE) * rows * S).floor().long()
        moved = torch.nonzero(entry >= 0).flatten()
        row, s = entry[moved] // S, entry[moved] % S
        others = kernels[moved, row].scatter(1, s[:, None], 0)
        others *= (torch.sigmoid(-z[moved]) / others.sum(1))[:, None]
        kernels[moved, row] = others.scatter(1, s[:, None], torch.sigmoid(z[moved, None]))
        return Nodes(kernels, 1 / self._density(kernels, L)[:, None])

    def _density(self, kernels: Tensor, L: float) -> Tensor:
        """Density of the mixture over that of the prior."""
        alpha, S = self.alpha, self.law.S
        others = torch.stack([kernels[..., [i for i in range(S) if i != s]].sum(-1) for s in range(S)], -1)
        z = kernels.log() - others.log()
        log_prior = (
            alpha * logsigmoid(z) + (S - 1) * alpha * logsigmoid(-z) - float(special.betaln(alpha, (S - 1) * alpha))
        )
        # sigmoid(z+L) - sigmoid(z-L) = sigmoid(z+L) sigmoid(L-z) (1 - e^-2L)
        log_spread = logsigmoid(z + L) + logsigmoid(L - z) + math.log(-math.expm1(-2 * L) / (2 * L))
        ratio = (log_spread - log_prior).exp().flatten(1).mean(1)
        return PRIOR_SHARE + (1 - PRIOR_SHARE) * ratio

    def _draw(self, m: int) -> tuple[Tensor, Tensor, Tensor]:
        """Two uniform numbers and a kernel from the prior, m times. Entries too small for floats are LEAST.

        Kernels take the first coordinates, which are the most even, and as few as there are parts.
        """
        u = self.engine.draw(m, dtype=torch.float64) + 2.0**-31  # the engine has 30 bits, 0 among them
        of_parts = u[:, :-2].reshape(m, self.rows, self.law.S - 1)
        logs = torch.from_numpy(log_kernels(self.law, of_parts.permute(1, 2, 0).numpy()))
        return u[:, -2], u[:, -1], logs.permute(2, 0, 1).exp().clamp(min=LEAST)


def _sticks(law: NGramLaw) -> list[tuple[float, float]]:
    """Beta parameters of the parts, row by row."""
    return stick_parts(law) * int(law.S ** (law.n - 1))


def _kernels(law: NGramLaw, y: Tensor, rest: Tensor) -> Tensor:
    """Kernels from the parts y and rest = 1 - y, [m, dimension] each."""
    y, rest = (x.reshape(len(x), int(law.S ** (law.n - 1)), law.S - 1) for x in (y, rest))
    left = torch.cat([torch.ones_like(rest[..., :1]), rest.cumprod(-1)], -1)
    return (left * torch.cat([y, torch.ones_like(y[..., :1])], -1)).clamp(min=LEAST)
