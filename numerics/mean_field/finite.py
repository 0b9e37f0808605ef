"""The finite model in torch: `proofs.mean_field.model` with floats, for H with H H^T = I, and batches of them.

Shapes: H and F (..., k, m). Only the row space of H counts, so that every H is taken orthonormal here.
"""

from __future__ import annotations

import torch
from torch import Tensor


def orthonormalise(H: Tensor) -> Tensor:
    """An orthonormal basis of the row space."""
    basis: Tensor = torch.linalg.qr(H.mT).Q.mT
    return basis


def random_orthonormal(
    shape: tuple[int, ...], generator: torch.Generator, device: torch.device | str = "cpu"
) -> Tensor:
    """Uniformly random row spaces."""
    return orthonormalise(torch.randn(shape, dtype=torch.float64, generator=generator).to(device))


def outside(X: Tensor, H: Tensor) -> Tensor:
    """X (I - P): the part of the rows of X that is orthogonal to the rows of H."""
    return X - X @ H.mT @ H


def loss(H: Tensor, F: Tensor) -> Tensor:
    """L(H) = |F (I - P)|^2 / 2."""
    return outside(F, H).square().sum((-2, -1)) / 2


def gradient(H: Tensor, F: Tensor) -> Tensor:
    """dL/dH = - H F^T F (I - P)."""
    return -H @ F.mT @ outside(F, H)


def hessian(H: Tensor, F: Tensor) -> Tensor:
    """D^2 L as a matrix on the entries of E, row by row: (..., km, km)."""
    k, m = H.shape[-2:]
    one = torch.eye(m, dtype=H.dtype, device=H.device)
    Q, M, unexplained, g = one - H.mT @ H, H @ F.mT, outside(F, H), gradient(H, F)
    first = torch.einsum("...ij,...ab->...iajb", M @ M.mT, Q)
    eye = torch.eye(k, dtype=H.dtype, device=H.device)
    second = torch.einsum("ij,...ab->...iajb", eye, unexplained.mT @ unexplained)
    last = torch.einsum("...ja,...ib->...iajb", H, g) + torch.einsum("...ib,...ja->...iajb", H, g)
    return (first - second - last).reshape(*H.shape[:-2], k * m, k * m)


def eigenvalue_target(
    eigenvalues: list[float], m: int, generator: torch.Generator, device: torch.device | str = "cpu"
) -> Tensor:
    """F (k x m) with F F^T similar to diag(eigenvalues), in a random position."""
    k = len(eigenvalues)
    left, right = random_orthonormal((k, k), generator, device), random_orthonormal((k, m), generator, device)
    return left * torch.tensor(eigenvalues, dtype=torch.float64, device=device).sqrt() @ right


def critical_rows(F: Tensor, missed: tuple[int, ...]) -> Tensor:
    """An orthonormal H at the critical point that misses these singular directions of F (0 is the largest)."""
    k = F.shape[0]
    _, _, V = torch.linalg.svd(F)  # rows of V: directions of decreasing eigenvalue, then those that F does not see
    rows: Tensor = V[[j for j in range(k) if j not in missed] + list(range(k, k + len(missed)))]
    return rows
