"""The bound on the gradient's norm along paths (T, c), at lengths no sequence has (sub-n-grams/finite-length#sn22)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from flint import arb

from proofs.sub_ngrams.annealed_bound import AnnealedBound, Prior
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.finite_length import FiniteLength, ball, phi_of_ball

Path = Callable[[arb], arb]  # T -> c
LEAST = Fraction(3, 5)  # of s*, for the steepest path


@dataclass(frozen=True)
class PathBound:
    """Bounds the norm of the factorised gradient, averaged over the prior, for real c > 0 and T >= n."""

    prior: Prior
    lags: tuple[int, ...]

    @cached_property
    def full_context(self) -> bool:
        return len(self.lags) == self.prior.n - 1

    def gamma(self, c: arb) -> arb:
        """1 - (1 + (S-1) e^-c)^-L."""
        return -((-len(self.lags) * ((self.prior.S - 1) * (-c).exp()).log1p()).expm1())

    def norm(self, T: int, c: arb) -> arb:
        numbers = FiniteLength(self.prior.S, self.prior.n, T, Configuration(self.lags, math.inf))
        r = (arb(T) * (-c).exp()).max(arb(1))
        one = phi_of_ball(ball(Fraction(numbers.K * numbers.D, numbers.m)) * r)
        if self.full_context:
            attention, own = numbers.context_terms(self.prior.alpha)
            two = phi_of_ball(ball(attention) * r) + (1 - ball(Fraction(1, self.prior.S))) * phi_of_ball(ball(own))
        else:
            two = self.gamma(c) + AnnealedBound(numbers, self.prior).by_moment()[0]
        return numbers.norm_square(c, one, two).sqrt()

    def infinite(self, c: arb) -> arb:
        """The same at T = infinity: (2 c L Gamma^2 (5n - 3L + 4c))^(1/2)."""
        L = len(self.lags)
        return (2 * c * L * (5 * self.prior.n - 3 * L + 4 * c)).sqrt() * self.gamma(c)

    def paths(self) -> Mapping[str, Path]:
        """Paths on which c -> inf, c log(T)/T -> 0 and c^(1/2) E R -> 0."""
        power = Fraction(1, 2) if self.full_context else min(Fraction(1), self.prior.exponent) / 2
        found: dict[str, Path] = {
            "(log T)/2": lambda T: T.log() / 2,
            "log T": lambda T: T.log(),
            f"T^({power})": lambda T: T ** ball(power),
        }
        if self.full_context or self.prior.exponent > LEAST:
            found["T/(log T)^2"] = lambda T: T / T.log() ** 2
        return found
