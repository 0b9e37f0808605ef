"""exp, log and sqrt, and inverses: for whatever a lemma is called with (landscape_verifier.math).

Numbers that write down what is done to them write this down too, and torch's tensors know these functions themselves. A
Fraction has them where they are rational. Matrices are taken entry by entry.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from proofs.lemma.recording import CURRENT, Number
from proofs.lemma.worlds import NotExactError, exact_function

__all__ = ["determinant", "exp", "identity", "inverse", "log", "sqrt"]


def exp(x: Any) -> Any:
    """e^x. Of a Fraction other than 0 it is not rational, and ends the exact attempt."""
    return _applied("exp", x)


def log(x: Any) -> Any:
    """The natural logarithm. Where x is not positive the lemma is undefined."""
    return _applied("log", x)


def sqrt(x: Any) -> Any:
    """The root that is not negative. Where x is negative the lemma is undefined."""
    return _applied("sqrt", x)


def _applied(name: str, x: Any) -> Any:
    kind = type(x)  # numbers of a run do not say what they are
    if kind is int or kind is Fraction:
        try:
            return exact_function(name, Fraction(x))
        except NotExactError:
            run = CURRENT.get()
            if run is None:
                raise
            return run.apply(name, run.constant(Fraction(x)))
    if kind is Number:
        return x._run.apply(name, x)
    if not issubclass(kind, np.ndarray):
        return getattr(x, name)()
    found = np.empty_like(x, dtype=object)
    for place in np.ndindex(x.shape):
        found[place] = _applied(name, x[place])
    return found


def identity(n: int) -> Any:
    """The identity matrix, of whole numbers: numpy's has floats, which no exact number mixes with."""
    return np.eye(n, dtype=int).astype(object)


def inverse(A: Any) -> Any:
    """The inverse of a square matrix, without a branch: Faddeev and LeVerrier's sums."""
    adjugate, determinant = _faddeev_leverrier(A)
    return adjugate / determinant


def determinant(A: Any) -> Any:
    """The determinant of a square matrix, in the same way."""
    return _faddeev_leverrier(A)[1]


def _faddeev_leverrier(A: Any) -> tuple[Any, Any]:
    """adj(A) and det(A): M_1 = I, c_k = -tr(A M_k)/k, M_{k+1} = A M_k + c_k I; (-1)^{n-1} M_n and (-1)^n c_n."""
    n = len(A)
    one = identity(n).view(type(A)) if isinstance(A, np.ndarray) else (A * 0).fill_diagonal_(1)
    M = one
    for k in range(1, n + 1):
        product = A @ M if k > 1 else A
        trace = sum(product[i, i] for i in range(n))
        c = Fraction(-trace, k) if type(trace) is int else -trace / k
        if k == n:
            sign = 1 if n % 2 else -1
            return M * sign, c * -sign
        M = product + one * c
    raise ValueError("a matrix of size 0")
