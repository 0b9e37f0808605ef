"""Critical points from random starts, and how far their losses can be from the predicted list (MF6)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from numerics.mean_field.finite import gradient, loss, orthonormalise, outside, random_orthonormal


@dataclass(frozen=True)
class Found:
    """Critical points: their losses, and bounds on the distance of these from the list."""

    H: Tensor
    losses: Tensor
    bounds: Tensor
    starts: int


def critical_values(eigenvalues: list[float], m: int) -> Tensor:
    """The predicted list: half the sums of the eigenvalues over all subsets S with m >= k + |S|."""
    k = len(eigenvalues)
    sums = {sum(S) / 2 for size in range(min(k, m - k) + 1) for S in combinations(eigenvalues, size)}
    return torch.tensor(sorted(sums), dtype=torch.float64)


def search(F: Tensor, starts: int, generator: torch.Generator, steps: int = 60, small: float = 1e-8) -> Found:
    """Newton's method for dL/dH = 0 on row spaces, from random ones; keeps those that end with |dL/dH| < small.

    On directions E with E H^T = 0 the Hessian is E -> M M^T E - E Q F^T F Q, so that a Newton step is a Sylvester
    equation, solved in the eigenvectors of both sides. Steps are cut to length 1, and none is made along a flat
    direction (a Hessian may be singular to the last bit). It is drawn to critical points of every kind alike.
    """
    k, m = F.shape
    H = random_orthonormal((starts, k, m), generator, F.device)
    for _ in range(steps):
        unexplained, M = outside(F, H), H @ F.mT
        rows, U = torch.linalg.eigh(M @ M.mT)
        columns, V = torch.linalg.eigh(unexplained.mT @ unexplained)
        slope = U.mT @ (M @ unexplained) @ V  # - dL/dH
        curvature = rows[..., :, None] - columns[..., None, :]
        step = torch.where(curvature == 0, 0, slope / curvature)
        step = outside(U @ step @ V.mT, H)
        length = step.flatten(1).norm(dim=1)
        H = orthonormalise(H + step * (1 / length).clamp(max=1)[:, None, None])
    keep = gradient(H, F).flatten(1).norm(dim=1) < small
    H = H[keep]
    return Found(H, loss(H, F), distance_bound(H, F), starts)


def distance_bound(H: Tensor, F: Tensor) -> Tensor:
    """A bound on the distance from L to the nearest critical value, for any H with H H^T = I: k eta / r_low.

    eta = |M^T| |MZ| bounds |(S° - Z) Z|. An eigenvalue z of Z below r_low/2 has z (r_low - z) <= eta, so that
    z <= 2 eta / r_low; the others are, by Kahan's theorem, within 2 eta / r_low of as many eigenvalues of S°. Half the
    sum of k such distances is k eta / r_low. Rounding of the k m products of the loss itself comes on top.
    """
    k, m = F.shape
    unexplained = outside(F, H)
    M, Z = H @ F.mT, unexplained @ unexplained.mT
    eta = torch.linalg.matrix_norm(M, 2) * torch.linalg.matrix_norm(M @ Z, 2)
    S = F @ F.mT
    r_low = torch.linalg.eigvalsh(S)[0]
    rounding = k * m * m * torch.finfo(F.dtype).eps * S.trace()
    bound: Tensor = k * eta / r_low + rounding
    return bound
