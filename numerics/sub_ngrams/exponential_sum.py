"""1/Z as a short sum of exponentials, for all Z in an interval at once.

The transfer engine needs E[N/Z] and can compute E[N e^(-tZ)]. With

    1/Z = int_0^inf e^(-tZ) dt  ~  sum_k w_k e^(-t_k Z),        1 <= Z <= R,

the error of the sum is a function of the one number Z. Its supremum over [1, R] is measured once, and bounds the error
of every expectation of N/Z with 0 <= N <= Z, whatever the law of Z.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

ROUNDING = 1e-13  # an error below that is rounding if a smaller step does not mend it


@dataclass(frozen=True)
class ExponentialSum:
    """1/Z ~ sum_k weights[k] exp(-rates[k] Z) with |1 - Z sum| <= error for 1 <= Z <= R; rates increase."""

    rates: Tensor
    weights: Tensor
    error: float

    @staticmethod
    @lru_cache(maxsize=64)
    def reciprocal(R: float, tolerance: float) -> ExponentialSum:
        """A sum with error at most `tolerance`, or what rounding leaves of it; R >= 1.

        The trapezoidal rule in y with t = exp(y - e^-y - 1)/R. For t = e^y its error with step h is at most
        2 sum_k |Gamma(1 + 2 pi i k/h)| ~ e^(-pi^2/h), whatever Z, but the nodes reach far to the left, where the
        integrand e^y is still above the tolerance; the term e^-y cuts that tail short.
        """
        step, last = 1.2 * math.pi**2 / math.log(100 / tolerance), math.inf
        while True:
            candidate = ExponentialSum._trapezoid(R, tolerance, step)
            only_rounding = last < ROUNDING and candidate.error > last / 2
            if candidate.error <= tolerance or candidate.error <= 1e-15 or step < 0.15 or only_rounding:
                return candidate
            step, last = 0.97 * step, candidate.error

    @staticmethod
    def _trapezoid(R: float, tolerance: float, step: float) -> ExponentialSum:
        last = math.log(R) + 1 + math.log(math.log(100 / tolerance))  # there e^-t is below the tolerance
        y = torch.arange(-6.0, last + step, step, dtype=torch.float64)
        t = torch.exp(y - torch.exp(-y) - 1) / R
        w = step * t * (1 + torch.exp(-y))
        keep = w * R > tolerance / 100
        t, w = t[keep], w[keep]
        # the error as a function of log Z varies on the scale of the step: 30 points a step see its supremum
        Z = torch.exp(torch.linspace(0, math.log(R), 2 + math.ceil(30 * math.log(R) / step), dtype=torch.float64))
        error = (1 - Z * (torch.exp(-Z[:, None] * t) @ w)).abs().max()
        return ExponentialSum(t, w, float(error))
