"""Prompts of finite length n, in closed form (MF12)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import inf

from flint import fmpq, fmpq_mat

from proofs.rational_matrix import kernel, projection, to_fmpq, trace


@dataclass(frozen=True)
class Features:
    """Values of h_mu and f° (k x number of points) at equally likely points."""

    h: fmpq_mat
    f: fmpq_mat

    def _mean(self, X: fmpq_mat, Y: fmpq_mat) -> fmpq_mat:
        """E[X Y^T]."""
        return X * Y.transpose() * fmpq(1, self.h.ncols())

    @cached_property
    def A(self) -> fmpq_mat:
        """Sigma_mumu."""
        return self._mean(self.h, self.h)

    @cached_property
    def B(self) -> fmpq_mat:
        """Sigma_°mu."""
        return self._mean(self.f, self.h)

    @cached_property
    def S(self) -> fmpq_mat:
        """Sigma_°°."""
        return self._mean(self.f, self.f)

    @cached_property
    def C(self) -> fmpq_mat:
        """E[|f°|^2 h h^T]."""
        norms = [sum((x * x for x in column), fmpq(0)) for column in self.f.transpose().table()]
        weighted = fmpq_mat([[x * norm for x, norm in zip(row, norms, strict=True)] for row in self.h.table()])
        return self._mean(weighted, self.h)


@dataclass(frozen=True)
class FinitePrompts:
    """Prompts of n examples (or math.inf) with label noise of variance sigma^2 in the prompt.

    The optimum is unique where S_n is invertible. Elsewhere it is one of many: S_n x = 0 says that B x = 0, so that
    B^T B maps into the range of S_n, where S_n + Pi has the same inverse, Pi the projection on the kernel of S_n.
    """

    features: Features
    n: int | float
    noise_variance: Fraction = Fraction(0)

    @cached_property
    def BtB(self) -> fmpq_mat:
        return self.features.B.transpose() * self.features.B

    @cached_property
    def S_n(self) -> fmpq_mat:
        """(1 - 1/n) B^T B + C / n + (sigma^2 / n) A: the second moment of (1/n) sum_i y_i h(x_i)."""
        share = fmpq(0) if self.n == inf else fmpq(1, int(self.n))
        noise = self.features.A * (to_fmpq(self.noise_variance) * share)
        return self.BtB * (1 - share) + self.features.C * share + noise

    def loss(self, W: fmpq_mat) -> fmpq:
        """L^n_TF(W)."""
        quadratic = trace(self.S_n * W * self.features.A * W.transpose()) / 2
        return trace(self.features.S) / 2 - trace(self.BtB * W) + quadratic

    @cached_property
    def S_n_inverse(self) -> fmpq_mat:
        """On the range of S_n."""
        return (self.S_n + projection(kernel(self.S_n))).inv()

    @cached_property
    def W(self) -> fmpq_mat:
        """The optimal attention matrix S_n^{-1} B^T B A^{-1}."""
        return self.S_n_inverse * self.BtB * self.features.A.inv()

    @cached_property
    def optimal_loss(self) -> fmpq:
        """L^n = tr(S°) / 2 - tr(B^T B S_n^{-1} B^T B A^{-1}) / 2."""
        explained = trace(self.BtB * self.S_n_inverse * self.BtB * self.features.A.inv())
        return (trace(self.features.S) - explained) / 2


def spread(features: Features) -> fmpq_mat:
    """C - B^T B, positive semidefinite by Cauchy and Schwarz: without noise S_n = B^T B + (C - B^T B) / n."""
    return features.C - features.B.transpose() * features.B


def slope_in_inverse_length(features: Features) -> fmpq:
    """tr((C - B^T B) A^{-1}) / 2, without noise a bound on n (L^n - L), and for invertible B its limit.

    L^n <= L^n(A^{-1}) = L + tr((C - B^T B) A^{-1}) / (2n), as L = L_TF(A^{-1}); and L^n(W) >= L_TF(W) >= L for all W.
    """
    return trace(spread(features) * features.A.inv()) / 2


def remainder(prompts: FinitePrompts) -> fmpq:
    """tr(D S_n^{-1} D A^{-1}) / 2 with D = S_n - B^T B: how far L^n - L is below its bound, without noise."""
    D = prompts.S_n - prompts.BtB
    return trace(D * prompts.S_n_inverse * D * prompts.features.A.inv()) / 2


def sign_features(sine: Fraction, cosine: Fraction) -> Features:
    """k = 1: f° and a second feature with values +-1, and h = cosine * second + sine * f°, on four points."""
    f, second = (1, 1, -1, -1), (1, -1, 1, -1)
    h = [to_fmpq(cosine * y + sine * x) for x, y in zip(f, second, strict=True)]
    return Features(fmpq_mat([h]), fmpq_mat([list(f)]))


def quartic_flat_loss(sine: Fraction, n: int) -> Fraction:
    """1/2 - s^4 / (2 (s^2 (1 - 1/n) + 1/n)): L^n of `sign_features`, flat to fourth order at s = 0."""
    s2 = sine**2
    return Fraction(1, 2) - s2**2 / (2 * (s2 * (1 - Fraction(1, n)) + Fraction(1, n)))
