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

import numpy as np
import torch
from scipy import sparse
from scipy.sparse import csgraph
from torch import Tensor

from numerics.next_token.stage import Stage, flat_solution
from proofs.next_token.max_margin import (
    MarginCertificate,
    MarginProblem,
    degenerate,
    degenerate_twice,
    support,
)

NEWTON_STEPS = 100
ROUNDING = 1e-14  # near the minimum the value only changes by rounding, while Newton's step is still accurate


@dataclass(frozen=True)
class Asymptotics:
    """Predictions for one dataset in one stage; D = V^2 entries of the weights.

    solution  [D]  W*
    labels    [D]  the component of every entry in the graph of the support vectors e_a - e_b. In their span lie the
                   vectors that sum to 0 over each component; an entry that none touches is a component of its own
    rho       [D]  the limit of W_t in the span, orthogonal to W*
    rates     [k]  eigenvalues, ascending, of |W*|^2 sum p_i v_i v_i^T in this subspace
    drift     [D]  u; 0 without degenerate pairs
    spanning          whether every pair seen in training lies in the span: then nothing freezes early
    slack             how far the margins of the pairs that are not tight exceed 1, at least; inf without such pairs
    degenerate_pairs  number of tight pairs without dual
    iterated_logs     whether a degenerate pair is one for the drift, too (corrections of order log log t)
    """

    solution: Tensor
    labels: Tensor
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

    def within(self, w: Tensor) -> Tensor:
        """The part of w [D] in the span of the support that is orthogonal to W*."""
        return _within(w, self.labels, self.solution)

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
    """The predictions for dataset `index` of the batch, whose columns have these problems and solutions.

    Under c_i = |W*|^2 p_i the condition on rho is sum_i c_i v_i = W*, which each component of the support fulfils for
    itself: see `_minimise`. Of all eigenvalues of sum c_i v_i v_i^T, one is that of W* itself, 1. Where tail
    coefficients underflow, `rho` and `rates` are NaN.
    """
    V = math.isqrt(stage.entries)
    solution = flat_solution({x: c.solution for x, c in certificates.items()}, V)
    carriers = torch.tensor(
        [(a * V + x, b * V + x) for x, problem in problems.items() for a, b in support(problem, certificates[x])]
    )
    labels = _components(carriers, stage.entries)
    log_omega = _tail_coefficients(stage, index, carriers).log()
    rho, rates = torch.zeros_like(solution), []
    if stage.underflows()[index]:
        rho, log_omega = rho + torch.nan, log_omega[:0]
        rates = [rho.new_full((2,), torch.nan)]
    for carried in _grouped(labels[carriers[:, 0]]) if len(log_omega) else ():
        entries, places = map(torch.from_numpy, np.unique(carriers[carried].numpy(), return_inverse=True))
        A = torch.zeros(len(carried), len(entries), dtype=torch.float64)
        A.scatter_(1, places.reshape(-1, 2), torch.tensor([[1.0, -1.0]], dtype=torch.float64).expand(len(carried), 2))
        rho[entries], c = _minimise(log_omega[carried], A, solution[entries])
        rates.append(torch.linalg.eigvalsh((A.T * c) @ A)[1:])  # without that of the sum over the component, 0
    eigenvalues = torch.cat(rates).sort().values
    of_W = int((eigenvalues - 1).abs().argmin())
    seen = stage.offsets[index].isfinite().cpu()
    right = stage.right[index].cpu()[:, None].expand_as(seen)[seen]
    wrong = stage.wrong[index].cpu()[seen]
    margins = solution[right] - solution[wrong]
    return Asymptotics(
        solution=solution,
        labels=labels,
        rho=_within(rho, labels, solution),
        rates=torch.cat((eigenvalues[:of_W], eigenvalues[of_W + 1 :])),
        drift=flat_solution({x: c.drift for x, c in certificates.items()}, V),
        spanning=bool((labels[right] == labels[wrong]).all()),
        slack=min((gap for gap in (margins - 1).tolist() if gap > 1e-9), default=math.inf),
        degenerate_pairs=sum(len(degenerate(problem, certificates[x])) for x, problem in problems.items()),
        iterated_logs=any(degenerate_twice(problem, certificates[x]) for x, problem in problems.items()),
    )


def _components(carriers: Tensor, D: int) -> Tensor:
    """The component of every entry, [D], in the graph of these pairs [k, 2] of entries."""
    rows, columns = carriers.numpy().T
    graph = sparse.coo_array((np.ones(len(carriers)), (rows, columns)), shape=(D, D))
    return torch.from_numpy(csgraph.connected_components(graph, directed=False)[1]).long()


def _grouped(labels: Tensor) -> list[Tensor]:
    """The places at which each label stands."""
    order = labels.argsort(stable=True)
    _, first = np.unique(labels[order].numpy(), return_index=True)
    return list(torch.tensor_split(order, first[1:].tolist()))


def _tail_coefficients(stage: Stage, index: int, carriers: Tensor) -> Tensor:
    """omega of each pair, [k]: the sum of those of its sentences."""
    omega = stage.tails()[index].cpu()
    keys = stage.right[index].cpu()[:, None] * stage.entries + stage.wrong[index].cpu()
    distinct, places = map(torch.from_numpy, np.unique(keys.numpy(), return_inverse=True))
    sums = torch.zeros(len(distinct), dtype=torch.float64).index_add_(0, places.flatten(), omega.flatten())
    return sums[torch.searchsorted(distinct, carriers[:, 0] * stage.entries + carriers[:, 1])]


def _within(w: Tensor, labels: Tensor, solution: Tensor) -> Tensor:
    """w less its mean over each component, less its part along the solution."""
    sums = torch.zeros(len(w), dtype=w.dtype).index_add_(0, labels, w)
    part = w - (sums / labels.bincount(minlength=len(w)))[labels]
    unit: Tensor = solution / torch.linalg.vector_norm(solution)
    return part - unit * (part @ unit)


def _minimise(log_omega: Tensor, A: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    """The y in the span of the rows v_i of A, a component whose part of W* is w, with sum_i c_i v_i = w for
    c_i = omega_i exp(-<v_i, y>); and c.

    Since A w = 1, log sum c has only its minimum over y orthogonal to w to be found, by damped Newton steps; a multiple
    of w then makes sum c right, which is |w|^2.
    """
    y, square = torch.zeros_like(w), w @ w
    # what no c can move: the sum over the component, and the part along w
    fixed = torch.ones(len(w), len(w), dtype=w.dtype) / len(w) + torch.outer(w, w) / square

    def value(y: Tensor) -> float:
        return float((log_omega - A @ y).logsumexp(0))

    for _ in range(NEWTON_STEPS if len(w) > 2 else 0):
        p = (log_omega - A @ y).softmax(0)
        mean = A.T @ p
        hessian = (A.T * p) @ A - torch.outer(mean, mean)
        step = torch.linalg.solve(hessian + fixed, w / square - mean)
        scale, limit = 1.0, value(y) + ROUNDING * (1 + abs(value(y)))
        while value(y - scale * step) > limit and scale > 1e-12:
            scale /= 2
        y = y - scale * step
        if step.abs().max() <= ROUNDING * (1 + y.abs().max()):
            break
    y = y + (value(y) - torch.log(square)) * w
    return y, (log_omega - A @ y).exp()
