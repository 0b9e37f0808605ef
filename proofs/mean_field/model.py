"""The finite mean-field model: loss, gradient, Hessian form, homotopy (claims MF1 to MF5).

In an orthonormal basis of m features the mean-field network h_mu is a matrix H (k x m) of full rank k, and the target
f° is a matrix F (k x m). Every quantity is written once, for any kind of matrix that can be multiplied, added,
transposed and (for H H^T) inverted: matrices of rationals, of rational functions (`rational_functions`), or of words
that stand for matrices of every size (`words`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from proofs.rational_matrix import inner, squared_norm, trace


class Matrix(Protocol):
    """What a matrix has to be able to do."""

    def __mul__(self, other: Any, /) -> Any: ...
    def __add__(self, other: Any, /) -> Any: ...
    def __sub__(self, other: Any, /) -> Any: ...
    def transpose(self) -> Any: ...


@dataclass(frozen=True)
class Model:
    """The network H and the target F, both k x m, rank H = k."""

    H: Any
    F: Any

    @cached_property
    def A(self) -> Any:
        """H H^T = Sigma_mumu, k x k."""
        return self.H * self.H.transpose()

    @cached_property
    def A_inverse(self) -> Any:
        return self.A.inv()

    @cached_property
    def B(self) -> Any:
        """F H^T = Sigma_°mu, k x k."""
        return self.F * self.H.transpose()

    @cached_property
    def S(self) -> Any:
        """F F^T = Sigma_°°, k x k."""
        return self.F * self.F.transpose()

    @cached_property
    def H_plus(self) -> Any:
        """H^+ = H^T A^{-1}, m x k."""
        return self.H.transpose() * self.A_inverse

    @cached_property
    def P(self) -> Any:
        """The projection on the row space of H, m x m."""
        return self.H_plus * self.H

    def outside(self, X: Matrix) -> Any:
        """X Q with Q = I - P: what the network does not reach, row by row."""
        return X - X * self.P

    @cached_property
    def M(self) -> Any:
        """A^{-1} H F^T = Sigma_mumu^{-1} Sigma_mu°, k x k."""
        return self.A_inverse * self.H * self.F.transpose()

    @cached_property
    def Z(self) -> Any:
        """F Q F^T = E[zeta zeta^T], k x k, positive semidefinite."""
        return self.outside(self.F) * self.F.transpose()

    @cached_property
    def loss(self) -> Any:
        """L(H) = tr(Z) / 2, the loss with the optimal attention matrix (MF1)."""
        return trace(self.Z) / 2

    def attention_loss(self, W: Matrix) -> Any:
        """L_TF(H, W) = ||F - F H^T W H||_F^2 / 2."""
        return squared_norm(self.F - self.B * W * self.H) / 2

    def attention_gradient(self, W: Matrix) -> Any:
        """dL_TF/dW = B^T B (W A - I) (MF11)."""
        BtB = self.B.transpose() * self.B
        return BtB * W * self.A - BtB

    @cached_property
    def gradient(self) -> Any:
        """dL/dH = - M F Q, k x m (MF2)."""
        return self.M * self.outside(self.F) * -1

    def hessian_form(self, E: Matrix) -> Any:
        """D^2 L[E, E] (MF3)."""
        EQ = self.outside(E)
        back = self.F * self.H_plus
        return (
            squared_norm(back * EQ)
            - squared_norm(self.H_plus * EQ * self.F.transpose())
            + trace(back * E * self.H_plus * EQ * self.F.transpose()) * 2
        )

    def second_variation(self, E: Matrix, E2: Matrix) -> Any:
        """d^2L/dmu^2 at two particles whose features are E and E2 (MF3, in the language of functions).

        r = h_theta - C h_mu and C = Sigma_theta,mu Sigma_mumu^{-1}; zeta is F Q.
        """
        zeta, M = self.outside(self.F), self.M
        r, r2 = self.outside(E), self.outside(E2)
        C, C2 = E * self.H_plus, E2 * self.H_plus
        return (
            inner(M.transpose() * r, M.transpose() * r2)
            - trace(zeta * E.transpose() * self.A_inverse * E2 * zeta.transpose())
            + trace(M.transpose() * C * E2 * zeta.transpose())
            + trace(M.transpose() * C2 * E * zeta.transpose())
        )

    def homotopy_slope(self, R: Matrix) -> Any:
        """dL/ds at s = 0 along H_s = (1 - s) H + s R F (MF5)."""
        return trace(R.transpose() * self.M * self.Z) * -1

    def homotopy_form(self, R: Matrix) -> Any:
        """D^2 L[RF, RF] (MF5)."""
        M, Z = self.M, self.Z
        RZ, MR = R * Z, M.transpose() * R
        return (
            trace(MR * Z * MR.transpose())
            - trace(RZ.transpose() * self.A_inverse * RZ)
            + trace(MR * M.transpose() * RZ) * 2
        )

    def homotopy_curvature(self, R: Matrix) -> Any:
        """d^2L/ds^2 at s = 0 along H_s = (1 - s) H + s R F (MF5)."""
        return self.homotopy_form(R) + self.homotopy_slope(R) * 2
