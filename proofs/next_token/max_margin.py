"""Max-margin problems and exact certificates of their solutions (mathematics/next-token, claims NT6 to NT8).

Both layers have a problem that falls apart into columns: for every token x resp. query q,

    minimise |w|^2  over w in R^V  subject to  w[a] - w[b] >= 1  for all pairs (a, b).

The checker here is plain Fraction arithmetic and trusts nothing of the solver (`max_margin_solver`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from proofs.next_token.dataset import Dataset

Pair = tuple[int, int]
Vector = tuple[Fraction, ...]


@dataclass(frozen=True)
class MarginProblem:
    """One column: find the shortest w in R^size with w[a] - w[b] >= 1 for every pair (a, b)."""

    size: int
    pairs: tuple[Pair, ...]


@dataclass(frozen=True)
class MarginCertificate:
    """The solution of a MarginProblem, and rational witnesses for it. `check_certificate` verifies all of it.

    solution     w
    duals        one alpha >= 0 per pair of the problem, in its order, with w = sum alpha_(a,b) (e_a - e_b)
    drift        u, the shortest vector with u[a] = u[b] on the pairs with a positive dual and u[a] - u[b] >= 1 on the
                 *degenerate* pairs: those that are tight although their dual is 0. That there is such a u shows that
                 their dual is 0 in every solution of the dual problem; and u is the direction in which training drifts
                 logarithmically (NT8). 0 if no pair is degenerate
    drift_duals  one number per pair with u = sum of them times (e_a - e_b): at least 0 on degenerate pairs, of any
                 sign on pairs with a positive dual, 0 on others
    """

    solution: Vector
    duals: Vector
    drift: Vector
    drift_duals: Vector

    @property
    def squared_norm(self) -> Fraction:
        return dot(self.solution, self.solution)


def support(problem: MarginProblem, certificate: MarginCertificate) -> list[Pair]:
    """Pairs with a positive dual: they carry the solution."""
    return [pair for pair, dual in zip(problem.pairs, certificate.duals, strict=True) if dual > 0]


def degenerate(problem: MarginProblem, certificate: MarginCertificate) -> list[Pair]:
    """Tight pairs whose dual is 0."""
    return _ties(problem, certificate.solution, certificate.duals)


def degenerate_twice(problem: MarginProblem, certificate: MarginCertificate) -> list[Pair]:
    """Degenerate pairs that the drift, too, holds tight without a dual: their correction is only log log t."""
    once = set(degenerate(problem, certificate))
    return [pair for pair in _ties(problem, certificate.drift, certificate.drift_duals) if pair in once]


def _ties(problem: MarginProblem, w: Vector, duals: Vector) -> list[Pair]:
    return [pair for pair, dual in zip(problem.pairs, duals, strict=True) if dual == 0 and gap(w, pair) == 1]


def check_certificate(problem: MarginProblem, certificate: MarginCertificate) -> list[str]:
    """What is wrong with the certificate; an empty list if it proves that `solution` is the one and only optimum.

    Why it proves that: every feasible w' has |w'| |w| >= <w', w> = sum alpha (w'[a] - w'[b]) >= sum alpha = |w|^2, with
    equality only for w' = w. The same argument, in the orthogonal complement of the support, makes u the shortest.
    """
    w, duals, u, drift_duals = certificate.solution, certificate.duals, certificate.drift, certificate.drift_duals
    sizes = {len(w), len(u)}, {len(duals), len(drift_duals)}
    if sizes != ({problem.size}, {len(problem.pairs)}):
        return ["shape"]
    if not all(isinstance(number, Fraction) for number in (*w, *duals, *u, *drift_duals)):
        return ["not rational"]
    carriers, ties = set(support(problem, certificate)), set(degenerate(problem, certificate))
    by_pair = dict(zip(problem.pairs, drift_duals, strict=True))
    conditions = {
        "a margin is below 1": all(gap(w, pair) >= 1 for pair in problem.pairs),
        "a dual is negative": all(dual >= 0 for dual in duals),
        "the solution is not the combination of its pairs": w == combination(problem, duals),
        "primal and dual value differ": sum(duals) == dot(w, w),
        "the drift is not orthogonal to the support": all(gap(u, pair) == 0 for pair in carriers),
        "the drift does not separate a degenerate pair": all(gap(u, pair) >= 1 for pair in ties),
        "the drift is not the combination of its pairs": u == combination(problem, drift_duals),
        "a dual of the drift is negative": all(by_pair[pair] >= 0 for pair in ties),
        "a dual of the drift on a pair without part": not any(
            dual for pair, dual in by_pair.items() if pair not in carriers and pair not in ties
        ),
        "the drift is not the shortest": sum(by_pair[pair] for pair in ties) == dot(u, u),
    }
    return [name for name, holds in conditions.items() if not holds]


def gap(w: Sequence[Fraction], pair: Pair) -> Fraction:
    return w[pair[0]] - w[pair[1]]


def dot(first: Sequence[Fraction], second: Sequence[Fraction]) -> Fraction:
    return sum((x * y for x, y in zip(first, second, strict=True)), Fraction(0))


def combination(problem: MarginProblem, coefficients: Sequence[Fraction]) -> Vector:
    """sum of c (e_a - e_b) over the pairs (a, b) of the problem."""
    total = [Fraction(0)] * problem.size
    for (a, b), c in zip(problem.pairs, coefficients, strict=True):
        total[a] += c
        total[b] -= c
    return tuple(total)


def feed_forward_problems(dataset: Dataset) -> dict[int, MarginProblem]:
    """Stage 1, per collocated token x: (W x)[n(x)] - (W x)[v] >= 1 for all v other than n(x)."""
    V = dataset.V
    return {x: MarginProblem(V, tuple((n_x, v) for v in range(V) if v != n_x)) for x, n_x in sorted(dataset.n.items())}


def attention_problems(dataset: Dataset) -> dict[int, MarginProblem]:
    """Stage 2, per query q: (W q)[x] - (W q)[x'] >= 1 whenever x >_q x'. Queries that order nothing are left out."""
    problems = {q: MarginProblem(dataset.V, tuple(dataset.order(q))) for q in dataset.queries}
    return {q: problem for q, problem in problems.items() if problem.pairs}
