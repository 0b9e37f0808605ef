"""Solves max-margin problems: clarabel in floats, then the KKT system again over the rationals.

Nothing rests on the floats: they only suggest which pairs carry the solution, and what comes out is a certificate that
`check_certificate` has accepted. The rational system needs no elimination. Where the pairs that carry are tight, w is
known along a spanning forest of their graph, up to its mean over each component, which is 0; and duals with
w = sum of them times (e_a - e_b) are a flow, which the leaves of the forest determine one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

import clarabel
import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from proofs.next_token.dataset import Dataset
from proofs.next_token.max_margin import (
    MarginCertificate,
    MarginProblem,
    Pair,
    Vector,
    attention_problems,
    check_certificate,
    combination,
    degenerate,
    degenerate_twice,
    support,
)

# A pair is taken to carry the solution if its float dual exceeds one of these. Any of them may be right for a given
# problem (degenerate pairs have duals near 1e-6 at the solver's accuracy); the exact check decides.
DUAL_THRESHOLDS = (1e-4, 1e-3, 1e-5, 1e-2, 1e-6)
ROUNDING = 10**6  # denominator to which superfluous duals (off the spanning forest) are rounded before the exact solve


class NoCertificateError(ArithmeticError):
    """The rational system built from the float solution does not certify an optimum."""


@lru_cache(maxsize=4096)
def solve(problem: MarginProblem) -> MarginCertificate:
    """The exact solution with its certificate, already checked. NoCertificateError if the solver's guess misleads."""
    if certificate := _certify(problem, (1.0,) * len(problem.pairs), 0.0):  # often all pairs carry, as in stage 1
        return certificate
    _, duals = _float_duals(problem, ())
    for threshold in DUAL_THRESHOLDS:
        certificate = _certify(problem, duals, threshold)
        if certificate is not None:
            return certificate
    raise NoCertificateError(f"no exact solution found for {problem}")


def _certify(problem: MarginProblem, float_duals: Sequence[float], threshold: float) -> MarginCertificate | None:
    carriers = [i for i, dual in enumerate(float_duals) if dual > threshold]
    found = _exact_duals([problem.pairs[i] for i in carriers], [float_duals[i] for i in carriers], [1] * len(carriers))
    if found is None:
        return None
    duals = _spread(len(problem.pairs), carriers, found)
    nothing = (Fraction(0),) * len(problem.pairs)
    certificate = MarginCertificate(combination(problem, duals), duals, (Fraction(0),) * problem.size, nothing)
    if ties := degenerate(problem, certificate):
        certificate = _with_drift(problem, certificate, ties)
    return None if check_certificate(problem, certificate) else certificate


def _with_drift(problem: MarginProblem, certificate: MarginCertificate, ties: Sequence[Pair]) -> MarginCertificate:
    """The certificate with the shortest u that has gap 0 on the support and at least 1 on the ties, if one is found."""
    carriers = support(problem, certificate)
    on_carriers, on_ties = _float_duals(MarginProblem(problem.size, tuple(ties)), carriers)
    place = {pair: i for i, pair in enumerate(problem.pairs)}
    for threshold in DUAL_THRESHOLDS:
        active = [i for i, dual in enumerate(on_ties) if dual > threshold]
        pairs = [*carriers, *(ties[i] for i in active)]
        guess = [*on_carriers, *(on_ties[i] for i in active)]
        found = _exact_duals(pairs, guess, [0] * len(carriers) + [1] * len(active))
        if found is not None:
            duals = _spread(len(problem.pairs), [place[pair] for pair in pairs], found)
            with_drift = replace(certificate, drift=combination(problem, duals), drift_duals=duals)
            if not check_certificate(problem, with_drift):
                return with_drift
    return certificate


def _spread(size: int, places: Sequence[int], values: Sequence[Fraction]) -> Vector:
    """A vector of zeros with the values at the places."""
    by_place = dict(zip(places, values, strict=True))
    return tuple(by_place.get(i, Fraction(0)) for i in range(size))


def _float_duals(problem: MarginProblem, equalities: Sequence[Pair]) -> tuple[list[float], list[float]]:
    """Duals of: minimise |w|^2/2 with gap 0 on the equalities and at least 1 on the pairs. 0 where none was found."""
    rows = [*equalities, *problem.pairs]
    A = np.zeros((len(rows), problem.size))
    for i, (a, b) in enumerate(rows):
        A[i, a], A[i, b] = -1.0, 1.0
    bounds = np.array([0.0] * len(equalities) + [-1.0] * len(problem.pairs))
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-12
    solver = clarabel.DefaultSolver(
        sparse.identity(problem.size, format="csc"),
        np.zeros(problem.size),
        sparse.csc_matrix(A),
        bounds,
        [clarabel.ZeroConeT(len(equalities)), clarabel.NonnegativeConeT(len(problem.pairs))],
        settings,
    )
    z = [float(value) if np.isfinite(value) else 0.0 for value in solver.solve().z]
    return z[: len(equalities)], z[len(equalities) :]


def _exact_duals(pairs: Sequence[Pair], guess: Sequence[float], targets: Sequence[int]) -> list[Fraction] | None:
    """Coefficients c for which w = sum c_(a,b) (e_a - e_b) has w[a] - w[b] = target for every pair; None if none has.

    Where the vectors are dependent c is not unique: pairs off a spanning forest keep the (rounded) guess, so that the
    duals stay positive where the solver has them positive; the forest takes those of the largest.
    """
    forest = _spanning_forest(pairs, guess)
    heights: dict[int, int] = {}
    for root, steps in forest:
        heights[root] = 0
        for i, parent, x in steps:
            heights[x] = heights[parent] + (targets[i] if x == pairs[i][0] else -targets[i])
    if any(heights[a] - heights[b] != target for (a, b), target in zip(pairs, targets, strict=True)):
        return None
    in_forest = {i for _, steps in forest for i, _, _ in steps}
    c = [Fraction(0) if i in in_forest else Fraction(round(g * ROUNDING), ROUNDING) for i, g in enumerate(guess)]
    left: dict[int, Fraction] = {}  # what is left of w for the pairs of the forest
    for root, steps in forest:
        tokens = [root, *(x for _, _, x in steps)]
        mean = Fraction(sum(heights[x] for x in tokens), len(tokens))
        left |= {x: heights[x] - mean for x in tokens}
    for (a, b), coefficient in zip(pairs, c, strict=True):
        left[a] -= coefficient
        left[b] += coefficient
    for _, steps in forest:
        for i, parent, x in reversed(steps):
            c[i] = left[x] if x == pairs[i][0] else -left[x]
            left[parent] += left[x]
    return c


def _spanning_forest(pairs: Sequence[Pair], guess: Sequence[float]) -> list[tuple[int, list[tuple[int, int, int]]]]:
    """Trees as (root, steps), a step (number of the pair, a token reached, the new one); large guesses first."""
    ends = sorted({x for pair in pairs for x in pair})
    place = {x: i for i, x in enumerate(ends)}
    weights = [1 + rank for rank in np.argsort(np.argsort(-np.asarray(guess), kind="stable"))]
    rows, columns = [place[a] for a, _ in pairs], [place[b] for _, b in pairs]
    graph = sparse.coo_array((weights, (rows, columns)), shape=(len(ends), len(ends)))
    tree = csgraph.minimum_spanning_tree(graph)
    number = {pair: i for i, pair in enumerate(pairs)}
    trees, reached = [], set()
    for root in ends:
        if root in reached:
            continue
        order, before = csgraph.breadth_first_order(tree, place[root], directed=False)
        steps = [(ends[before[x]], ends[x]) for x in order[1:]]
        trees.append((root, [(number.get((a, b), number.get((b, a), -1)), a, b) for a, b in steps]))
        reached |= {ends[x] for x in order}
    return trees


def degenerate_kinds(datasets: Sequence[Dataset]) -> list[str]:
    """For each dataset: none, if no pair is degenerate; twice, if one is degenerate for the drift, too; else once."""
    kinds = []
    for dataset in datasets:
        solved = [(p, solve(p)) for p in attention_problems(dataset).values()]
        if any(degenerate_twice(p, certificate) for p, certificate in solved):
            kinds.append("twice")
        else:
            kinds.append("once" if any(degenerate(p, certificate) for p, certificate in solved) else "none")
    return kinds
