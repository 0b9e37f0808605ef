"""Claim SN3: the configuration represents the Lambda-gram estimator.

Let h be the tokens that the lags of the query read, N(h) the number of positions that match all of them, and N(h, s)
those of them that hold s. Where h is matched at all,

    sum_s |p_theta(s) - N(h, s)/N(h)|  <=  2 (T - N(h)) / (q N(h)).

Checked on all short sequences, and proved for every S, T, q >= 1 and set of lags.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from sympy import QQ, ring

from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import Word
from proofs.sub_ngrams.score import attention


@dataclass(frozen=True)
class EstimatorCheck:
    """The network against the estimator, on many sequences.

    instances       sequences whose context is matched somewhere
    largest         the largest distance, in units of the bound; None where every bound is 0
    counterexample  the first sequence that is further away than the bound, if any
    """

    instances: int
    largest: Fraction | None
    counterexample: Word | None

    @property
    def holds(self) -> bool:
        """Whether at least one sequence was tested, and none is further away than the bound."""
        return self.instances > 0 and self.counterexample is None


def check_estimator(S: int, configuration: Configuration, T: int, constant: Fraction = Fraction(2)) -> EstimatorCheck:
    """Tests distance <= constant (T - N(h)) / (q N(h)) on all S^T sequences, in exact fractions; q a Fraction or inf.

    At q = inf the bound is 0: there the network is the estimator. Raises ValueError for a float q.
    """
    return check_sequences(product(range(S), repeat=T), S, configuration, constant)


def check_sequences(
    sequences: Iterable[Word], S: int, configuration: Configuration, constant: Fraction = Fraction(2)
) -> EstimatorCheck:
    """The same on these sequences."""
    if not configuration.exact:
        raise ValueError(f"q={configuration.q!r}: an exact check needs a Fraction, or math.inf for the limit")
    instances, largest, counterexample = 0, None, None
    for x in sequences:
        followers = matched_followers(x, S, configuration.lags)
        N = sum(followers)
        if N == 0:
            continue
        instances += 1
        distance = sum(abs(p - Fraction(N_s, N)) for p, N_s in zip(output(x, S, configuration), followers, strict=True))
        bound = Fraction(0) if configuration.at_limit else constant * (len(x) - N) / (Fraction(configuration.q) * N)
        if counterexample is None and not distance <= bound:
            counterexample = x
        if bound > 0:
            largest = max(largest or Fraction(0), distance / bound)
    return EstimatorCheck(instances, largest, counterexample)


def output(x: Sequence[int], S: int, configuration: Configuration) -> list[Fraction]:
    """p_theta(s) for every token s: the attention paid to the positions that hold it."""
    a = attention([configuration.matches(x, j) for j in range(len(x))], configuration)
    return [sum((a_j for a_j, x_j in zip(a, x, strict=True) if x_j == s), Fraction(0)) for s in range(S)]


def matched_followers(x: Sequence[int], S: int, lags: Sequence[int]) -> list[int]:
    """N(h, s) for every token s: the positions j that hold s and have x_{j-l} = x_{T-l+1} for all lags l."""
    T, longest = len(x), max(lags, default=0)
    matched = [x[j] for j in range(longest, T) if all(x[j - lag] == x[T - lag] for lag in lags)]
    return [matched.count(s) for s in range(S)]


def bound_is_proved(constant: Fraction = Fraction(2)) -> bool:
    """Whether the inequality with this constant follows for all S, T, q >= 1 and non-empty sets of lags, as below.

    Write L for the number of lags, Y = q^(L-1), N = N(h), N_s = N(h, s), and U = T - N for the number of the other
    positions. These have m <= L-1 matches; R is the sum of their weights q^m, R_s the part of it on token s. So
    D = U Y - R >= 0, since q >= 1, and p_theta(s) = (q Y N_s + R_s) / (q Y N + R).

      1  p_theta(s) - N_s/N = (N R_s - N_s R) / (N (q Y N + R))              identity
      2  sum_s |N R_s - N_s R| <= sum_s (N R_s + N_s R) = 2 N R              N_s, R_s >= 0 add up to N, R
      3  2 R / (q Y N + R) <= constant U / (q N)                             a polynomial without negative coefficient

    Steps 1 and 3 are computed here. Without lags both sides of the claim are 0.
    """
    _, q, Y, N, N_s, U, R, R_s, D = ring("q, Y, N, N_s, U, R, R_s, D", QQ)
    c = QQ(constant.numerator, constant.denominator)
    identity = (q * Y * N_s + R_s) * N - N_s * (q * Y * N + R) == N * R_s - N_s * R
    slack = c * U * (q * Y * N + R) - 2 * R * q * N  # step 3 times q N (q Y N + R) > 0
    rewritten = slack - c * q * N * (U * Y - R - D)  # and that bracket is 0
    return bool(identity and all(coefficient >= 0 for coefficient in rewritten.coeffs()))
