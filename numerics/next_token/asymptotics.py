"""What normalised gradient descent tends to, predicted from the max-margin solution (claims NT6 to NT8).

Let W* be the max-margin solution with duals alpha on the support vectors v_i, and omega_i the tail coefficients. Then

    W_t = (eta t + O(1)) W*/|W*| + rho + u log t + what froze early.

rho, in the span of the v_i and orthogonal to W*, makes sum_i omega_i exp(-<v_i, rho>) v_i parallel to W*, that is, it
minimises sum_i omega_i exp(-<v_i, rho>); u is the drift of degenerate pairs. It follows that log(L - L*) has the slope
-eta/|W*|, and that t |W_t/|W_t| - W*/|W*|| is asymptotically |rho + u log t + frozen| / eta.

All this needs a step size below 2 |W*| / lambda_max, with lambda_max the largest eigenvalue orthogonal to W* of
|W*|^2 sum_i p_i v_i v_i^T, where p_i ~ omega_i exp(-<v_i, rho>) sum to 1: over |W*|, that matrix is minus the
derivative of the unit step in the position. Above it rho repels, training oscillates around the direction of W*, and
the loss falls more slowly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from numerics.next_token.stage import Stage, flat_solution
from proofs.next_token.max_margin import (
    MarginCertificate,
    MarginProblem,
    Pair,
    degenerate,
    degenerate_twice,
    support,
)

NEWTON_STEPS = 100
ROUNDING = 1e-14  # near the minimum the value only changes by rounding, while Newton's step is still accurate


@dataclass(frozen=True)
class Asymptotics:
    """Predictions for one dataset in one stage; D = V^2 entries of the weights.

    solution  [D]     W*
    basis     [k, D]  orthonormal basis of the span of the support vectors, orthogonal to W*
    rho       [k]     the limit of W_t in this basis
    rates     [k]     eigenvalues, ascending, of |W*|^2 sum p_i v_i v_i^T in this subspace
    drift     [D]     u; 0 without degenerate pairs
    spanning          whether every pair seen in training lies in the span: then nothing freezes early
    slack             how far the margins of the pairs that are not tight exceed 1, at least; inf without such pairs
    degenerate_pairs  number of tight pairs without dual
    iterated_logs     whether a degenerate pair is one for the drift, too (corrections of order log log t)
    """

    solution: Tensor
    basis: Tensor
    rho: Tensor
    rates: Tensor
    drift: Tensor
    spanning: bool
    slack: float
    degenerate_pairs: int
    iterated_logs: bool

    @property
    def norm(self) -> float:
        """|W*|."""
        return float(torch.linalg.vector_norm(self.solution))

    def loss_slope(self, eta: float) -> float:
        """The slope of log(L - L*) in t."""
        return -eta / self.norm

    def direction_constant(self, eta: float) -> float:
        """The limit of t times the direction error within the span of the support."""
        return float(torch.linalg.vector_norm(self.rho)) / eta

    def drift_constant(self, eta: float) -> float:
        """The limit of t times the direction error over log t: not 0 if there are degenerate pairs."""
        return float(torch.linalg.vector_norm(self.drift)) / eta

    @property
    def largest_stable_eta(self) -> float:
        """Above this step size rho repels, and training oscillates around the direction of W*."""
        return 2 * self.norm / float(self.rates[-1]) if len(self.rates) else torch.inf

    @property
    def sublinear_exponent(self) -> float:
        """How fast plain descent settles, where log t takes the place of t: its corrections fall like t to minus this.

        Deviations of the offset fall like t^-lambda with the smallest of `rates`, and count twice, the loss being
        stationary at rho; pairs that are not tight fall like t^-slack.
        """
        return min(1.0, self.slack, 2 * float(self.rates[0]) if len(self.rates) else 1.0)


def asymptotics(
    stage: Stage,
    index: int,
    problems: Mapping[int, MarginProblem],
    certificates: Mapping[int, MarginCertificate],
) -> Asymptotics:
    """The predictions for dataset `index` of the batch, whose columns have these problems and solutions."""
    V = round(stage.entries**0.5)
    solution = flat_solution({x: c.solution for x, c in certificates.items()}, V)
    pairs, omega = stage.pairs[index].flatten(0, 1).cpu(), stage.tails()[index].flatten().cpu()
    carriers = torch.stack(
        [_entry(pair, x, V) for x, problem in problems.items() for pair in support(problem, certificates[x])]
    )
    # a pair of the stage is minus a support vector iff their inner product is -2
    coefficients = torch.stack([omega[pairs @ v == -2].sum() for v in carriers])
    unit = solution / torch.linalg.vector_norm(solution)
    basis = _span(carriers - torch.outer(carriers @ unit, unit))
    rho, p = _minimise(coefficients.log(), carriers @ basis.T)
    outside = pairs - (pairs @ basis.T) @ basis - torch.outer(pairs @ unit, unit)
    return Asymptotics(
        solution=solution,
        basis=basis,
        rho=rho,
        rates=torch.linalg.eigvalsh(solution @ solution * (basis @ carriers.T * p) @ carriers @ basis.T),
        drift=flat_solution({x: c.drift for x, c in certificates.items()}, V),
        spanning=bool(outside.abs().max() < 1e-9),  # entries are 0 or at least 1/V
        slack=min((gap for gap in (-pairs @ solution - 1).tolist() if gap > 1e-9), default=math.inf),
        degenerate_pairs=sum(len(degenerate(problem, certificates[x])) for x, problem in problems.items()),
        iterated_logs=any(degenerate_twice(problem, certificates[x]) for x, problem in problems.items()),
    )


def _entry(pair: Pair, column: int, V: int) -> Tensor:
    """e_a - e_b in the given column of the weights, flattened."""
    v = torch.zeros(V, V, dtype=torch.float64)
    v[pair[0], column], v[pair[1], column] = 1, -1
    return v.flatten()


def _span(vectors: Tensor) -> Tensor:
    """An orthonormal basis of the span of the rows, as rows."""
    _, sizes, rows = torch.linalg.svd(vectors, full_matrices=False)
    basis: Tensor = rows
    return basis[sizes > 1e-9 * max(1.0, float(sizes[0]))]


def _minimise(log_omega: Tensor, A: Tensor) -> tuple[Tensor, Tensor]:
    """The y that minimises log sum_i omega_i exp(-(A y)_i), by damped Newton steps; and the softmax at this y."""
    y = A.new_zeros(A.shape[1])

    def value(y: Tensor) -> float:
        return float((log_omega - A @ y).logsumexp(0))

    for _ in range(NEWTON_STEPS if len(y) else 0):
        p = (log_omega - A @ y).softmax(0)
        slope = -A.T @ p
        hessian = (A.T * p) @ A - torch.outer(slope, slope)
        step = torch.linalg.solve(hessian, slope)
        scale, limit = 1.0, value(y) + ROUNDING * (1 + abs(value(y)))
        while value(y - scale * step) > limit and scale > 1e-12:
            scale /= 2
        y = y - scale * step
    return y, (log_omega - A @ y).softmax(0)
