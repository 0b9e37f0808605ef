"""Large powers of a killed Markov chain and their derivatives, without loss of accuracy at exponents like 10^9.

A chain with transition matrix A and probabilities d = 1 - A 1 of being killed. Plain squaring doubles the relative
error of the row sums of A, so that A^(10^9) keeps 7 digits. Here d is carried along,

    A_2m = A_m A_m,        d_2m = d_m + A_m d_m,        X_2m = A_m X_m + X_m A_m

(X the derivative of A^m in a direction), and (A, d) is rescaled to row sums 1 after each step. All terms have one sign,
so that what survives is known up to a few roundings per squaring, relatively, entry by entry. Once the rows of A_m are
proportional up to rounding, A_m = r w, the rest of the power is a closed form.

Matrices are [..., batch, N, N], row vectors [..., batch, 1, N], column vectors [..., batch, N, 1].
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

LOOP_UP_TO = 5  # matrices up to this size are multiplied entry by entry, with the batch innermost in memory
SETTLED = 1e-8  # rows that agree up to this, relatively, agree up to its square, a rounding error, in A A


def rounding(N: int, exponent: int) -> float:
    """Relative rounding error of the results of `power`: four standard deviations.

    Per squaring and per bit of the exponent an entry goes through some 2N + 6 operations, each off by at most the unit
    roundoff. As there is no common direction, the errors add up like the square root of their number
    (Higham and Mary 2019, SIAM J. Sci. Comput. 41, A2815); the worst case would be the number itself.
    """
    operations = (2 * N + 6) * (exponent.bit_length() + 2)
    return 4 * math.sqrt(operations) * torch.finfo(torch.float64).eps / 2


def squarings_to_settle(A: Tensor, at_most: int) -> Tensor:
    """After how many squarings the rows of each stochastic matrix [B, N, N] agree; a measure of slowness."""
    A, count = _laid_out(A), A.new_zeros(len(A), dtype=torch.int64)
    for _ in range(at_most):
        r, w = _factors(A)
        count += ((A - r * w).abs() > SETTLED * r * w).flatten(1).any(1)
        A = multiply(A, A)
        A = A / _row_sums(A)
    return count


def power(A: Tensor, d: Tensor, D: Tensor, v: Tensor, V: Tensor, exponent: int) -> tuple[Tensor, Tensor]:
    """v A^m and its derivatives V A^m + v sum_i A^i D A^(m-1-i) for the exponent m >= 0.

    A  [B, N, N] transition probabilities; d [B, N, 1] with A 1 + d = 1, both accurate relatively, entry by entry
    D  [F, B, N, N] directions, entries >= 0
    v  [B, 1, N]
    V  [F + E, B, 1, N] derivatives of v: in the F directions, and in E more in which A does not change
    """
    A, d, X, v, V = (_laid_out(x) for x in (A, d, D, v, V))
    remaining, settled = exponent, False
    while remaining:
        if settled:
            return _power_of_rank_one(A, d, X, v, V, remaining)
        if remaining & 1:
            V = multiply(V, A)
            multiply(v, X, add_to=V[: len(X)])
            v = multiply(v, A)
        remaining >>= 1
        if remaining:
            settled = _rows_agree(A)
            X = multiply(A, X, add_to=multiply(X, A))
            d = d + multiply(A, d)
            A = multiply(A, A)
            scale = 1 / (_row_sums(A) + d)
            A, d = A * scale, d * scale
    return v, V


def multiply(X: Tensor, Y: Tensor, add_to: Tensor | None = None) -> Tensor:
    """X Y; with add_to, X Y + add_to, stored in add_to."""
    N = X.shape[-1]
    if N > LOOP_UP_TO:
        product = X @ Y
        return product if add_to is None else add_to.add_(product)
    Z = X[..., :1] * Y[..., :1, :] if add_to is None else add_to.addcmul_(X[..., :1], Y[..., :1, :])
    for k in range(1, N):
        Z.addcmul_(X[..., k : k + 1], Y[..., k : k + 1, :])
    return Z


def _laid_out(X: Tensor) -> Tensor:
    """A copy of the same tensor, in memory as `multiply` likes it."""
    if max(X.shape[-2:]) > LOOP_UP_TO:
        return X.clone(memory_format=torch.contiguous_format)
    return X.movedim(-3, -1).clone(memory_format=torch.contiguous_format).movedim(-1, -3)


def _row_sums(A: Tensor) -> Tensor:
    return multiply(A, A.new_ones(A.shape[-1], 1))


def _factors(A: Tensor) -> tuple[Tensor, Tensor]:
    """r = A 1, and w: the rows of A added up and normalised; 0 where nothing survives."""
    w = multiply(A.new_ones(1, A.shape[-1]), A)
    return _row_sums(A), w / _row_sums(w).clamp(min=torch.finfo(A.dtype).tiny)


def _rows_agree(A: Tensor) -> bool:
    """Whether A = r w up to a relative SETTLED in every entry; then A A is of rank one up to rounding."""
    r, w = _factors(A)
    product = r * w
    return bool(((A - product).abs_() <= product.mul_(SETTLED)).all())


def _power_of_rank_one(A: Tensor, d: Tensor, X: Tensor, v: Tensor, V: Tensor, m: int) -> tuple[Tensor, Tensor]:
    """`power` for A = r w, exponent m >= 1: A^m = mu^(m-1) r w with mu = w r = 1 - w d."""
    r, w = _factors(A)
    log_mu = torch.log1p(-multiply(w, d).clamp(max=1))

    def mu(exponent: int) -> Tensor:
        return torch.exp(float(exponent) * log_mu) if exponent else torch.ones_like(log_mu)

    vr = multiply(v, r)
    V = multiply(V, r) * mu(m - 1) * w
    if m == 1:
        V[: len(X)] += multiply(v, X)
        return vr * w, V
    Xr, wX = multiply(X, r), multiply(w, X)
    V[: len(X)] += multiply(v, Xr) * mu(m - 2) * w  # A changes in the first of the m factors,
    V[: len(X)] += vr * mu(m - 2) * wX  # in the last,
    V[: len(X)] += float(m - 2) * vr * mu(m - 3) * multiply(wX, r) * w if m > 2 else 0  # and in between
    return vr * mu(m - 1) * w, V
