"""Networks of particles: h_mu(x) = mean over neurons of a sigma(w . x), and linear attention on top (MF3).

Shapes: a (N, k), w (N, d), points X (n, d), targets f (n, k); the distribution of x is uniform on the points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "softsign": lambda z: z / (1 + z * z.sign()),  # the second derivative of abs would load torch's compiler first
}

# The first and second derivative, from the value (for relu and softsign: away from the kink).
SLOPES: dict[str, Callable[[Tensor], tuple[Tensor, Tensor]]] = {
    "tanh": lambda y: (1 - y * y, -2 * y * (1 - y * y)),
    "sigmoid": lambda y: (y * (1 - y), y * (1 - y) * (1 - 2 * y)),
    "relu": lambda y: ((y > 0).to(y.dtype), torch.zeros_like(y)),
    "softsign": lambda y: ((1 - y.abs()) ** 2, -2 * y.sign() * (1 - y.abs()) ** 3),
}

# Laws of x in R^d with mean 0 and covariance I.
INPUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "gaussian": lambda normal: normal,
    "uniform": lambda normal: 3**0.5 * torch.erf(normal / 2**0.5),  # on a cube
    "sphere": lambda normal: normal * (normal.shape[1] ** 0.5 / normal.norm(dim=1, keepdim=True)),
}


def random_points(
    points: int, d: int, generator: torch.Generator, law: str = "gaussian", device: torch.device | str = "cpu"
) -> Tensor:
    """Independent draws of x from a law of `INPUTS`, (points, d)."""
    return INPUTS[law](torch.randn((points, d), dtype=torch.float64, generator=generator)).to(device)


@dataclass(frozen=True)
class Particles:
    """N neurons of equal mass 1/N."""

    a: Tensor
    w: Tensor
    activation: str = "tanh"

    def features(self, X: Tensor) -> Tensor:
        """h_mu at the points, (n, k)."""
        return ACTIVATIONS[self.activation](X @ self.w.mT) @ self.a / self.a.shape[0]


def random_particles(
    N: int, d: int, k: int, generator: torch.Generator, activation: str = "tanh", device: torch.device | str = "cpu"
) -> Particles:
    """Independent Gaussian weights: |a| of order sqrt(k), |w . x| of order 1."""
    a = torch.randn((N, k), dtype=torch.float64, generator=generator)
    w = torch.randn((N, d), dtype=torch.float64, generator=generator) / d**0.5
    return Particles(a.to(device), w.to(device), activation)


def normalised(particles: Particles, X: Tensor) -> Particles:
    """The same neurons with output weights scaled so that tr Sigma_mumu = k: the unit of time of the dynamics."""
    h = particles.features(X)
    scale = (h.shape[1] / h.square().sum(1).mean()).sqrt()
    return Particles(particles.a * scale, particles.w, particles.activation)


@dataclass(frozen=True)
class Task:
    """Points and the target's values at them."""

    X: Tensor
    f: Tensor

    def covariances(self, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """A = Sigma_mumu, B = Sigma_°mu, S = Sigma_°°."""
        n = self.X.shape[0]
        return h.mT @ h / n, self.f.mT @ h / n, self.f.mT @ self.f / n

    def loss(self, h: Tensor) -> Tensor:
        """L(mu): the attention matrix is at its optimum."""
        A, B, S = self.covariances(h)
        loss: Tensor = (S.trace() - (B.mT * torch.linalg.solve(A, B.mT)).sum()) / 2
        return loss

    def joint_loss(self, h: Tensor, W: Tensor) -> Tensor:
        """L_TF(mu, W)."""
        A, B, S = self.covariances(h)
        BtB = B.mT @ B
        return S.trace() / 2 - (BtB * W.mT).sum() + (W.mT @ BtB @ W * A).sum() / 2

    @property
    def eigenvalues(self) -> Tensor:
        """Of Sigma_°°, increasing."""
        values: Tensor = torch.linalg.eigvalsh(self.f.mT @ self.f / self.X.shape[0])
        return values


def random_task(
    eigenvalues: list[float],
    d: int,
    points: int,
    generator: torch.Generator,
    neurons: int = 50,
    steepness: float = 3.0,
    device: torch.device | str = "cpu",
) -> Task:
    """Gaussian points, and a random sigmoid network whose outputs are mixed so that Sigma_°° = diag(eigenvalues).

    The teacher's sigmoids see w . x of size `steepness`: the larger, the less linear the features.
    """
    X = torch.randn((points, d), dtype=torch.float64, generator=generator)
    teacher = random_particles(neurons, d, len(eigenvalues), generator, "sigmoid")
    raw = Particles(teacher.a, steepness * teacher.w, "sigmoid").features(X)
    values, vectors = torch.linalg.eigh(raw.mT @ raw / points)
    white = raw @ vectors / values.sqrt()
    return Task(X.to(device), (white * torch.tensor(eigenvalues, dtype=torch.float64).sqrt()).to(device))


def derivatives(particles: Particles, X: Tensor, va: Tensor, vw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """h_mu at the points, and its first and second derivative along (id + eps v)_# mu at eps = 0."""

    moving, N = X @ vw.mT, len(particles.a)
    value = ACTIVATIONS[particles.activation](X @ particles.w.mT)
    slope, bend = SLOPES[particles.activation](value)
    h = value @ particles.a
    first = (slope * moving) @ particles.a + value @ va
    second = (bend * moving**2) @ particles.a + 2 * (slope * moving) @ va
    return h / N, first / N, second / N


def variations(particles: Particles, task: Task, va: Tensor, vw: Tensor) -> tuple[Tensor, Tensor]:
    """First and second variation along (id + eps v)_# mu by the formulas of MF2 and MF3 in the language of functions.

    The integrals of v over mu are derivatives of h along v; the loss enters by formulas only.
    """
    h, moved, bent = derivatives(particles, task.X, va, vw)
    return first_variation(task, h, moved), second_variation(task, h, moved) + first_variation(task, h, bent)


def first_variation(task: Task, h: Tensor, e: Tensor) -> Tensor:
    """-E[zeta^T B A^{-1} e] for a feature function e (n, k); zeta is f° - B A^{-1} h."""
    A, B, _ = task.covariances(h)
    C = torch.linalg.solve(A, B.mT).mT  # B A^{-1}
    zeta = task.f - h @ C.mT
    variation: Tensor = -(zeta * (e @ C.mT)).sum() / len(h)
    return variation


def second_variation(task: Task, h: Tensor, e: Tensor) -> Tensor:
    """The bilinear form d^2L/dmu^2 at (e, e)."""
    n = len(h)
    A, B, _ = task.covariances(h)
    M = torch.linalg.solve(A, B.mT)  # A^{-1} Sigma_mu°
    zeta = task.f - h @ M
    C = torch.linalg.solve(A, h.mT @ e / n).mT  # Sigma_e,mu A^{-1}
    r = e - h @ C.mT
    crossed = zeta.mT @ e / n  # E[zeta e^T]
    variation: Tensor = (
        (r @ M).square().sum() / n
        - (crossed * torch.linalg.solve(A, crossed.mT).mT).sum()
        + 2 * ((M.mT @ C) * crossed).sum()
    )
    return variation
