"""The rational kernels on which claims are checked, and how long that takes: as many as a claim has time for.

Seconds of one core: counts of operations times what one was measured to take, at S^n up to 2500; right within a factor
of two or three. They depend on the settings alone, never on a clock, so that a run can be repeated.
"""

from __future__ import annotations

import math
import random
from fractions import Fraction
from pathlib import Path

from verify.papers.sub_ngrams.settings import FEWEST_KERNELS, SubNGramSettings
from verify.printing import shown


def rational_kernels(S: int, n: int, count: int, seed: int) -> list[list[list[Fraction]]]:
    """The first of an endless stream of random kernels."""
    from proofs.sub_ngrams.infinite_length import random_kernel

    rng = random.Random(seed)
    return [random_kernel(S, n, rng) for _ in range(count)]


def chosen_kernels(settings: SubNGramSettings, count: int) -> list[list[list[Fraction]]]:
    """So many kernels to look at: random ones, or that of the settings alone where they have one."""
    own = settings.own_kernel
    return rational_kernels(settings.S, settings.n, count, settings.seed) if own is None else [own][:count]


def in_words(settings: SubNGramSettings, count: int, kind: str = "rational") -> str:
    """These kernels in scopes."""
    if settings.kernel is not None:
        return f"the kernel of {shown(Path(settings.kernel).name)}"
    return f"{count} {kind} kernel{'s' * (count != 1)}"


def elimination(S: int, n: int) -> float:
    """The stationary law of a rational kernel: about S C^2 products, C the number of contexts. Their digits add up."""
    return 1.3e-6 * _products(S, n) * (1 + _products(S, n) / 5e4)


def at_infinity(S: int, n: int, lags: tuple[int, ...]) -> float:
    """The score blocks of a rational kernel at q = infinity (SN5), given its stationary law."""
    from proofs.sub_ngrams.infinite_length import pairs_read

    words, read, pairs = float(S) ** n, float(S) ** len(lags), len(pairs_read(lags))
    return 1.3e-6 * _digits(S, n) * (read * words + pairs * (S * words + S**2 * read))


def in_powers(S: int, n: int, lags: tuple[int, ...]) -> float:
    """The same by expansion in 1/q (SN6)."""
    from proofs.sub_ngrams.infinite_length import pairs_read

    words, read, pairs = float(S) ** n, float(S) ** len(lags), len(pairs_read(lags))
    return _digits(S, n) * (4e-6 * read * words * (1 + pairs) + 7.5e-6 * pairs * S**3 * read)


def ladder_rungs(S: int, n: int) -> float:
    """Every rung of the ladder of a rational kernel (SN11), given its stationary law."""
    return 2e-6 * _digits(S, n) * 2.0 ** (n - 1) * n * float(S) ** n


def derivatives(S: int, n: int, lags: tuple[int, ...], *, ways: int, order: int) -> float:
    """The series of so many ways to build the feature of every unused lag (SN12), on a kernel of this order, given the
    stationary law."""
    return 5e-4 * ways * _digits(S, order) * (n - 1 - len(lags)) * float(S) ** (len(lags) + 3)


def one_kernel_exactly(S: int, n: int, lags: tuple[int, ...], T: int, q: Fraction | float) -> float:
    """The score blocks of one rational kernel at length T: polynomials whose degree is the weight of all keys."""
    L, top = len(lags), 1.0 if q == math.inf else float(q) ** len(lags)
    steps = T * float(S) ** (n + L) * (1 + n * S) * (2 * S + 1) * (L + 1 if q == math.inf else 1)
    return steps * (2e-6 + 2e-8 * T * top)


def quadrature_points(settings: SubNGramSettings, seconds: float) -> int:
    """Kernels for a mean in floats that takes so many seconds at most: as many as usual, or fewer; 0 where even the
    fewest that give an error worth having are too many, or where they do not fit into memory.
    """
    S, n, most = settings.S, settings.n, settings.quadrature_points()
    if S ** (n - 1) > MOST_CONTEXTS:
        return 0
    points = int(min(most, max(0.0, seconds / _products(S, n) - CALL) / PRODUCT))
    return points if points >= FEWEST_KERNELS else 0


def quadrature(S: int, n: int, points: int) -> float:
    """A mean over so many kernels, all at once: the products of one elimination, on arrays."""
    return _products(S, n) * (CALL + points * PRODUCT)


CALL = 16 * 5e-6  # of numpy, for each of 16 groups of kernels
PRODUCT = 2.5e-9  # of one kernel in an array, of logarithms where it has many contexts
MOST_CONTEXTS = 512  # whose transitions are kept, for thousands of kernels


def _products(S: int, n: int) -> float:
    return float(S) ** (2 * n - 1)


def _digits(S: int, n: int) -> float:
    """How much longer an operation takes on the numbers of large kernels."""
    return 1 + float(S) ** n / 250
