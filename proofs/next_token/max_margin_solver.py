"""Solves max-margin problems: clarabel in floats, then the KKT system again over the rationals with FLINT.

Nothing rests on the floats: they only suggest which pairs carry the solution, and what comes out is a certificate that
`check_certificate` has accepted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

import clarabel
import numpy as np
from scipy import sparse

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
from proofs.rational_matrix import matrix
from proofs.rationals import to_fraction

# A pair is taken to carry the solution if its float dual exceeds one of these. Any of them may be right for a given
# problem (degenerate pairs have duals near 1e-6 at the solver's accuracy); the exact check decides.
DUAL_THRESHOLDS = (1e-4, 1e-3, 1e-5, 1e-2, 1e-6)
ROUNDING = 1000  # denominator to which superfluous duals (more than rank) are rounded before the exact solve


class NoCertificateError(ArithmeticError):
    """The rational system built from the float solution does not certify an optimum."""


@lru_cache(maxsize=4096)
def solve(problem: MarginProblem) -> MarginCertificate:
    """The exact solution with its certificate, already checked. NoCertificateError if the solver's guess misleads."""
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
    """Coefficients c with sum_j <v_i, v_j> c_j = target_i for v = e_a - e_b; None if there are none.

    Where the vectors are dependent c is not unique: as many as are superfluous keep the (rounded) guess, so that the
    duals stay positive where the solver has them positive.
    """
    if not pairs:
        return []
    size = len(pairs)
    gram = [[_inner(first, second) for second in pairs] for first in pairs]
    reduced, rank = matrix(gram).rref()
    pivots = [next(j for j in range(size) if reduced[i, j] != 0) for i in range(rank)]
    c = [Fraction(value).limit_denominator(ROUNDING) for value in guess]
    rest = [j for j in range(size) if j not in pivots]
    right = [[targets[i] - sum((gram[i][j] * c[j] for j in rest), Fraction(0))] for i in pivots]
    solution = matrix([[gram[i][j] for j in pivots] for i in pivots]).solve(matrix(right))
    for j, value in zip(pivots, solution.entries(), strict=True):
        c[j] = to_fraction(value)
    if any(sum((gram[i][j] * c[j] for j in range(size)), Fraction(0)) != targets[i] for i in range(size)):
        return None
    return c


def _inner(first: Pair, second: Pair) -> int:
    """<e_a - e_b, e_c - e_d>."""
    (a, b), (c, d) = first, second
    return (a == c) - (a == d) - (b == c) + (b == d)


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
