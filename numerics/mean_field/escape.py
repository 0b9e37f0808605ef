"""Saddles of particle networks with E[f° h^T] = 0, how fast the flow leaves them, and perturbations (MF18n, MF19n).

With c = B A^{-1/2} the flow linearised there is dc/dt = Gamma c on k x k matrices, and 2 (L_saddle - L) = |c|^2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from numerics.mean_field.particles import ACTIVATIONS, SLOPES, Particles, Task, random_particles, random_points

State = tuple[Tensor, ...]


@dataclass(frozen=True)
class Saddle:
    """A network whose features are orthogonal to the target's: the first variation vanishes at every neuron."""

    particles: Particles
    task: Task

    @property
    def loss(self) -> float:
        return float(self.task.f.square().sum()) / (2 * len(self.task.f))

    @cached_property
    def root(self) -> Tensor:
        """A^{-1/2}."""
        A, _, _ = self.task.covariances(self.particles.features(self.task.X))
        values, vectors = torch.linalg.eigh(A)
        root: Tensor = vectors / values.sqrt() @ vectors.mT
        return root

    @cached_property
    def gradients(self) -> Tensor:
        """Of the k^2 entries of E[f° h_theta^T] A^{-1/2} at each neuron, (N, k + d, k, k)."""
        p, X, f = self.particles, self.task.X, self.task.f
        value = ACTIVATIONS[p.activation](X @ p.w.mT)
        slope, _ = SLOPES[p.activation](value)
        by_a = torch.einsum("nj,np,rq->jrpq", value, f, self.root)
        by_w = torch.einsum("nj,np,nr,jq->jrpq", slope, f, X, p.a @ self.root)
        return torch.cat([by_a, by_w], 1) / len(X)

    @cached_property
    def modes(self) -> tuple[Tensor, Tensor]:
        """Growth rates, increasing, and matrices c that grow so (one a column, row by row): of Gamma."""
        flat = self.gradients.flatten(2)
        gamma = torch.einsum("jrx,jry->xy", flat, flat) / len(flat)
        rates, vectors = torch.linalg.eigh(gamma)
        return rates, vectors

    @property
    def rate(self) -> float:
        """lambda: minus the least eigenvalue of the second variation."""
        return float(self.modes[0][-1])

    @property
    def fastest(self) -> Tensor:
        """The perturbation with mean square 1 that grows fastest, (N, k + d)."""
        v = self.gradients.flatten(2) @ self.modes[1][:, -1]
        return v / (v.square().sum(1).mean()).sqrt()

    def pushed(self, v: Tensor) -> Particles:
        k = self.particles.a.shape[1]
        return Particles(self.particles.a + v[:, :k], self.particles.w + v[:, k:], self.particles.activation)

    def push(self, v: Tensor) -> Tensor:
        """c after the perturbation v, or a batch of them, to first order, in the modes."""
        c = torch.einsum("jrx,...jr->...x", self.gradients.flatten(2), v) / v.shape[-2]
        return c @ self.modes[1]

    def predicted(self, v: Tensor, share: float) -> float:
        """When the linearised flow has lost this share of the loss; log(1/delta) / lambda + const for one mode."""
        c, rates = self.push(v), self.modes[0]

        def lost(time: float) -> float:
            return float((c * (rates * time).exp()).square().sum()) / (2 * self.loss) - share

        low, high = 0.0, 1 / self.rate
        while lost(high) < 0:
            high *= 2
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if lost(middle) < 0 else (low, middle)
        return high


def random_saddle(
    k: int, d: int, neurons: int, points: int, generator: torch.Generator, activation: str, inputs: str
) -> Saddle:
    """A random network with Sigma_mumu = I, and the part of another network that is orthogonal to it, with S° = I."""
    X = random_points(points, d, generator, inputs)
    student, teacher = (random_particles(neurons, d, k, generator, activation) for _ in range(2))
    h = student.features(X)
    basis = torch.linalg.qr(h).Q
    g = teacher.features(X)
    for _ in range(2):  # twice is enough
        g = g - basis @ (basis.mT @ g)
    f = torch.linalg.qr(g).Q * points**0.5
    triangle = torch.linalg.qr(h).R / points**0.5
    a = torch.linalg.solve(triangle.mT, student.a.mT).mT
    return Saddle(Particles(a, student.w, activation), Task(X, f))


def kernel_matrix(saddle: Saddle, smooth: bool) -> Tensor:
    """At all pairs of neurons: exp(-|theta - theta'|^2 / (2 D)), D the number of their parameters, or the identity."""
    theta = torch.cat([saddle.particles.a, saddle.particles.w], 1)
    if not smooth:
        return torch.eye(len(theta), dtype=theta.dtype)
    return (-torch.cdist(theta, theta).square() / (2 * theta.shape[1])).exp()


def perturbations(saddle: Saddle, smooth: bool, count: int, generator: torch.Generator) -> Tensor:
    """Draws of a field v(theta), (count, N, k + d): its entries are independent Gaussian processes with the smooth
    kernel, or all its values at all neurons are independent standard normal numbers.
    """
    p = saddle.particles
    values, vectors = torch.linalg.eigh(kernel_matrix(saddle, smooth))
    shape = (count, len(p.a), p.a.shape[1] + p.w.shape[1])
    normal = torch.randn(shape, dtype=torch.float64, generator=generator)
    drawn: Tensor = vectors * values.clamp(min=0).sqrt() @ normal
    return drawn


def mean_square_push(saddle: Saddle, smooth: bool) -> float:
    """E |c|^2 of these perturbations: tr(Gamma) / N if independent, else the double integral with the kernel."""
    flat = saddle.gradients.flatten(2)
    return float(torch.einsum("ij,irx,jrx->", kernel_matrix(saddle, smooth), flat, flat)) / len(flat) ** 2


# --- the flows ---


def velocity(task: Task, activation: str, attention_rate: float | None) -> Callable[[State], State]:
    """Of (a, w) at the best attention matrix, or of (a, w, W) where W is trained attention_rate times as fast."""
    X, f = task.X, task.f

    def field(state: State) -> State:
        a, w = state[:2]
        h = Particles(a, w, activation).features(X)
        if attention_rate is None:
            return of_neurons(X, activation, a, w, residual(task, h))
        A, B, _ = task.covariances(h)
        W, BtB = state[2], B.mT @ B
        zeta = f - h @ (B @ W).mT
        R = zeta @ B @ W + f @ (W @ (h.mT @ zeta) / len(X)).mT
        return *of_neurons(X, activation, a, w, R), attention_rate * (BtB - BtB @ W @ A)

    return field


def residual(task: Task, h: Tensor) -> Tensor:
    """C^T zeta at the points, C = B A^{-1}: dL/dmu(theta) = -E[h_theta^T C^T zeta]."""
    A, B, _ = task.covariances(h)
    C = torch.linalg.solve(A, B.mT).mT
    pulled: Tensor = (task.f - h @ C.mT) @ C
    return pulled


def of_neurons(X: Tensor, activation: str, a: Tensor, w: Tensor, R: Tensor) -> tuple[Tensor, Tensor]:
    """grad_theta E[h_theta^T R] at every neuron."""
    value = ACTIVATIONS[activation](X @ w.mT)
    slope, _ = SLOPES[activation](value)
    return value.mT @ R / len(X), ((R @ a.mT) * slope).mT @ X / len(X)


def flow(field: Callable[[State], State], state: State, dt: float) -> Iterator[State]:
    """Classical Runge-Kutta steps, for ever."""
    while True:
        yield state
        k1 = field(state)
        k2 = field(moved(state, k1, dt / 2))
        k3 = field(moved(state, k2, dt / 2))
        k4 = field(moved(state, k3, dt))
        mean = tuple((p + 2 * q + 2 * r + s) / 6 for p, q, r, s in zip(k1, k2, k3, k4, strict=True))
        state = moved(state, mean, dt)


def moved(state: State, by: State, time: float) -> State:
    return tuple(x + time * y for x, y in zip(state, by, strict=True))


def escape_time(
    saddle: Saddle,
    start: Particles,
    share: float,
    dt: float,
    latest: float,
    attention: tuple[float, Tensor] | None = None,
) -> float:
    """When this share of the saddle's loss is lost, between steps by the logarithm of what is lost; inf if never.

    attention  rate and first matrix W, where that is trained too
    """
    rate, first = attention if attention else (None, None)
    state = (start.a, start.w) if first is None else (start.a, start.w, first)
    before, time = 0.0, 0.0
    for now in flow(velocity(saddle.task, start.activation, rate), state, dt):
        h = Particles(now[0], now[1], start.activation).features(saddle.task.X)
        loss = saddle.task.loss(h) if rate is None else saddle.task.joint_loss(h, now[2])
        lost = 1 - float(loss) / saddle.loss
        if lost >= share:
            part = math.log(share / before) / math.log(lost / before) if before > 0 else 1.0
            return time - dt + part * dt
        if not time <= latest:
            return math.inf
        before, time = lost, time + dt
    return math.inf  # not reached: the flow has no end


# --- joint training from W = 0, for k = 1, A = S° = 1: to leading order in B
#     dB/dt = lambda B W (2 - W) and dW/dt = eta B^2 (1 - W) ---


def blow_up(push: float, rate: float, attention_rate: float) -> float:
    """pi / (2 |B_0| sqrt(2 eta lambda)): when W = |B_0| sqrt(eta / (2 lambda)) tan(|B_0| sqrt(2 eta lambda) t) ends."""
    return math.pi / (2 * push * math.sqrt(2 * attention_rate * rate))


def slow_escape(push: float, rate: float, attention_rate: float, share: float, parts: int = 4000) -> float:
    """When this share of the loss is lost: int dW / (eta B^2 (1 - W)) up to B^2 W (2 - W) = share.

    Along the flow B^2 = B_0^2 + (2 lambda / eta) (W^2 / 2 - W - log(1 - W)). Trapezoidal rule in s, W = c tan(s).
    """
    c = push * math.sqrt(attention_rate / (2 * rate))

    def B2(W: float) -> float:
        return push**2 + 2 * rate / attention_rate * (W**2 / 2 - W - math.log1p(-W))

    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if B2(middle) * middle * (2 - middle) < share else (low, middle)
    end = math.atan(low / c)
    values = [
        c / math.cos(s) ** 2 / (attention_rate * B2(c * math.tan(s)) * (1 - c * math.tan(s)))
        for s in (end * i / parts for i in range(parts + 1))
    ]
    return (math.fsum(values) - (values[0] + values[-1]) / 2) * end / parts
