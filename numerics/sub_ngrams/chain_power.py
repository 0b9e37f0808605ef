"""Large powers of a killed Markov chain and their derivatives, without loss of accuracy at exponents like 10^9.

A chain with transition matrix A and probabilities d = 1 - A 1 of being killed. Plain squaring doubles the relative
error of the row sums of A, so that A^(10^9) keeps 7 digits. Here d is carried along,

    A_2m = A_m A_m,        d_2m = d_m + A_m d_m,        X_2m = A_m X_m + X_m A_m

(X the derivative of A^m in a direction), and (A, d) is rescaled to row sums 1 after each step. All terms have one sign,
so that what survives is known up to a few roundings per squaring, relatively, entry by entry. Where the rows of an
A_p are proportional up to rounding, A_p = r w, all later powers are known, and the matrices X need not be computed.

Matrices are [..., batch, N, N], row vectors [..., batch, 1, N], column vectors [..., batch, N, 1].
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from operator import add

import torch
from torch import Tensor

Directions = Callable[[Tensor], Tensor]  # from row vectors x [B, 1, N] to x D [B, F, N], in F directions D

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
    A, count = laid_out(A, A.shape[-1]), A.new_zeros(len(A), dtype=torch.int64)
    for _ in range(at_most):
        r, w = _factors(A)
        count += ((A - r * w).abs() > SETTLED * r * w).flatten(1).any(1)
        A = multiply(A, A)
        A = A / _row_sums(A)
    return count


def power(A: Tensor, d: Tensor, D: Directions, v: Tensor, V: Tensor, exponent: int) -> tuple[Tensor, Tensor]:
    """v A^m and its derivatives V A^m + v sum_i A^i D A^(m-1-i) for the exponent m >= 0.

    A  [B, N, N] transition probabilities; d [B, N, 1] with A 1 + d = 1, both accurate relatively, entry by entry
    D  directions, with entries >= 0, as the function x -> x D
    v  [B, 1, N]
    V  [F + E, B, 1, N] derivatives of v: in the F directions, and in E more in which A does not change
    """
    A, d, v, V = (laid_out(x, A.shape[-1]) for x in (A, d, v, V[:, :, 0].movedim(0, 1)))
    powers, settled = _powers(A, d, exponent)
    v, V = _of_settled(powers, d, D, v, V, exponent) if settled else _by_squaring(powers, D, v, V, exponent)
    return v, V.movedim(1, 0)[:, :, None]


def _powers(A: Tensor, d: Tensor, m: int) -> tuple[list[Tensor], bool]:
    """A, A^2, A^4, .. up to the first A^p of rank one up to rounding with 2p <= m, and whether there is one."""
    powers, settled = [A], False
    while not settled and 1 << len(powers) <= m:
        # the corners of one matrix mostly suffice to tell that the rows do not agree
        settled = 2 << len(powers) <= m and _corners_agree(A[-1]) and _rows_agree(A)
        d = d + multiply(A, d)
        A = multiply(A, A)
        scale = 1 / (_row_sums(A) + d)
        A, d = A.mul_(scale), d.mul_(scale)
        powers.append(A)
    return powers, settled


def _of_settled(powers: list[Tensor], d: Tensor, D: Directions, v: Tensor, V: Tensor, m: int) -> tuple[Tensor, Tensor]:
    """`power` where A^i = mu^(i-p) r w for i >= p, with mu = w A 1 = 1 - w d, and m >= 2p.

    In each A^i D A^(m-1-i) at least one of the powers is of that form. The others add up to

        K = sum_(i<p) mu^(p-1-i) A^i = (mu + A) (mu^2 + A^2) (mu^4 + A^4) .. (mu^(p/2) + A^(p/2)),

    and it takes the vectors v K and w D K only.
    """
    r, w = _factors(powers[-1])
    p = 2 ** (len(powers) - 1)
    log_mu = torch.log1p(-multiply(w, d).clamp(max=1))

    def mu(exponent: int) -> Tensor:
        return torch.exp(float(exponent) * log_mu) if exponent else torch.ones_like(log_mu)

    wD = D(w)
    summed = laid_out(torch.cat((v, wD), 1), v.shape[-1])
    for i, A in enumerate(powers[:-1]):
        summed = multiply(summed, A, add_to=mu(2**i) * summed)
    vK, wDK = summed[:, :1], summed[:, 1:]
    vr, vKDr, wDr = multiply(v, r), multiply(D(vK), r), multiply(wD, r)

    V = multiply(V, r) * mu(m - p) * w
    V[:, : wD.shape[1]] += mu(m - 2 * p) * (vr * wDK + vKDr * w)
    if m > 2 * p:
        V[:, : wD.shape[1]] += float(m - 2 * p) * mu(m - 2 * p - 1) * vr * wDr * w
    return vr * mu(m - p) * w, V


def _by_squaring(powers: list[Tensor], D: Directions, v: Tensor, V: Tensor, m: int) -> tuple[Tensor, Tensor]:
    """`power` by the derivatives X of the A^(2^i), those in all directions side by side: [B, N, F N]."""
    B, N = len(v), v.shape[-1]
    X = torch.stack([D(unit.expand_as(v)) for unit in torch.eye(N).to(v)], 1)
    F = X.shape[2]
    X = laid_out(X.flatten(2), N)
    for i in range(m.bit_length()):
        if i:
            XA = multiply(X.reshape(B, N * F, N), powers[i - 1])
            X = multiply(powers[i - 1], X, add_to=XA.reshape(B, N, F * N))
        if m >> i & 1:
            V = multiply(V, powers[i])
            V[:, :F] += multiply(v, X).reshape(B, F, N)
            v = multiply(v, powers[i])
    return v, V


def multiply(X: Tensor, Y: Tensor, add_to: Tensor | None = None) -> Tensor:
    """X Y; with add_to, X Y + add_to, stored in add_to."""
    N = X.shape[-1]
    if Y.shape[-1] == 1 and add_to is None:
        return _row_sums(X * Y.mT)
    if N > LOOP_UP_TO:
        product = X @ Y
        return product if add_to is None else add_to.add_(product)
    Z = X[..., :1] * Y[..., :1, :] if add_to is None else add_to.addcmul_(X[..., :1], Y[..., :1, :])
    for k in range(1, N):
        Z.addcmul_(X[..., k : k + 1], Y[..., k : k + 1, :])
    return Z


def add_up(X: Tensor, dim: int) -> Tensor:
    """X.sum(dim), faster than torch's where the dimension is small."""
    return reduce(add, X.unbind(dim))


def laid_out(X: Tensor, N: int) -> Tensor:
    """The same tensor [batch, ..], in memory as `multiply` likes it with N x N matrices."""
    if N > LOOP_UP_TO:
        return X.contiguous()
    return X.movedim(0, -1).contiguous().movedim(-1, 0)


def _row_sums(A: Tensor) -> Tensor:
    return A.sum(-1, keepdim=True) if A.shape[-1] > LOOP_UP_TO else add_up(A, -1).unsqueeze(-1)


def _factors(A: Tensor) -> tuple[Tensor, Tensor]:
    """r = A 1, and w: the rows of A added up and normalised; 0 where nothing survives."""
    w = _row_sums(A.mT).mT
    return _row_sums(A), w / _row_sums(w).clamp(min=torch.finfo(A.dtype).tiny)


def _rows_agree(A: Tensor) -> bool:
    """Whether A = r w up to a relative SETTLED in every entry; then A A is of rank one up to rounding."""
    r, w = _factors(A)
    product = r * w
    return bool(((A - product).abs_() <= product.mul_(SETTLED)).all())


def _corners_agree(A: Tensor) -> bool:
    """Whether the entries of this matrix in its corners may be those of one whose rows agree as in `_rows_agree`."""
    rows = A.tolist()
    first, last = rows[0], rows[-1]
    return bool(abs(first[0] * last[-1] - first[-1] * last[0]) <= 5 * SETTLED * first[-1] * last[0])
