"""The lowest eigenvalues of the Hessian of somebody's module, by Lanczos on products of the Hessian with vectors.

From one start Lanczos finds an eigenvalue that is there several times once, or late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh
from torch import Tensor

from numerics.sub_ngrams.monte_carlo import Moments, bernstein
from numerics.sub_ngrams.own_module import OwnModule
from numerics.sub_ngrams.population_gradient import losses
from numerics.sub_ngrams.probe import flat, split
from numerics.sub_ngrams.sequences import UNIT_ROUNDOFF, Batch

DENSE = 200  # parameters up to which the whole Hessian is computed
ROUNDINGS = 100  # of a sum, in its size without cancellation; for each token
ROOM = 2.0  # no sequence's curvature is taken to be larger than so many times the largest that was seen
MOST_PRODUCTS = 2000  # of the Hessian with a vector
TOLERANCE = 1e-6  # of an eigenvalue, relative, at which Lanczos ends; residuals say what has come of it

Kind = Literal["saddle", "minimum", "undecided"]
Batches = Callable[[], Iterable[Batch]]


@dataclass(frozen=True)
class Curvature:
    """Of the mean of the losses of some sequences.

    eigenvalues  the lowest, in increasing order
    errors       of each: within so much of it lies an eigenvalue (the residual of its vector, and rounding)
    slope        v^T H v, v the vector of the first: an interval for its mean over all sequences
    whole        whether `eigenvalues` come from the whole Hessian, so that none is lower
    kind         "saddle": some direction goes down; "minimum": none does; or which of both is "undecided"
    reason       why
    """

    eigenvalues: tuple[float, ...]
    errors: tuple[float, ...]
    slope: tuple[float, float]
    whole: bool
    kind: Kind
    reason: str


def curvature(own: OwnModule, T: int, everything: Batches, count: int, batch: int, seed: int) -> Curvature:
    """Over all sequences, `everything` with their weights."""
    values, errors, _, whole = _lowest(own, T, everything, count, batch, seed)
    low, high = values[0] - errors[0], values[0] + errors[0]
    if high < 0:
        kind, reason = "saddle", f"the curvature along the lowest eigenvector is {values[0]:.3g}"
    elif low > 0:
        found = "the lowest of all eigenvalues" if whole else "the lowest that Lanczos finds from a random start"
        kind, reason = "minimum", f"{found} is {values[0]:.3g}"
    else:
        kind, reason = "undecided", f"the lowest eigenvalue, {values[0]:.1g}, is 0 within its error {errors[0]:.1g}"
    return Curvature(tuple(values), tuple(errors), (low, high), whole, kind, reason)  # type: ignore[arg-type]  # of kind


def drawn_curvature(
    own: OwnModule,
    T: int,
    some: Batches,
    others: Batches,
    fresh: Batches,
    level: float,
    count: int,
    batch: int,
    seed: int,
) -> Curvature:
    """Of drawn sequences: eigenvalues are those of `some`, each of weight 1/N; whether all sequences have the first
    one's curvature is told by `fresh` ones, of weight 1, and an interval.

    others  which the law may never draw, and which tell besides how large a single curvature may be
    """
    values, errors, vectors, _ = _lowest(own, T, some, count, batch, seed)
    v = vectors[:, 0]
    seen = [c for batches in (some, others) for c in _curvatures(own, batches(), v, batch)]
    most = ROOM * max(float(c.abs().max()) for c in seen)
    moments = Moments()
    for c in _curvatures(own, fresh(), v, batch):
        moments.add(c)
    half = float(bernstein(moments, torch.tensor(2 * most, dtype=torch.float64), level))
    low, high = float(moments.mean) - half, float(moments.mean) + half
    shown = f"the curvature along the lowest eigenvector of a sample, on fresh sequences, is in [{low:.3g}, {high:.3g}]"
    return Curvature(tuple(values), tuple(errors), (low, high), False, "saddle" if high < 0 else "undecided", shown)


def _lowest(
    own: OwnModule, T: int, batches: Batches, count: int, batch: int, seed: int
) -> tuple[list[float], list[float], Tensor, bool]:
    """Eigenvalues, errors, vectors (columns), and whether the whole Hessian was there."""
    p = sum(value.numel() for value in own.parameters.values())
    count = min(count, p)
    rounding = ROUNDINGS * T * UNIT_ROUNDOFF
    if p <= max(DENSE, 2 * count + 2):
        H = torch.stack([_product(own, batches(), row, batch)[0] for row in torch.eye(p, dtype=torch.float64)])
        found, vectors = torch.linalg.eigh((H + H.T) / 2)
        values = found[:count].tolist()
        size = float(found.abs().max()) * p
        skew = float((H - H.T).norm()) / 2  # 0, but for rounding
        return values, [skew + rounding * size] * count, vectors[:, :count], True
    left = [MOST_PRODUCTS]

    def times(v: NDArray[np.float64]) -> NDArray[np.float64]:
        left[0] -= 1
        if left[0] < 0:
            raise ValueError(f"Lanczos has not converged after {MOST_PRODUCTS} products of the Hessian with a vector")
        product: NDArray[np.float64] = _product(own, batches(), torch.from_numpy(v.ravel().copy()), batch)[0].numpy()
        return product

    operator: Any = LinearOperator((p, p), matvec=times, dtype=np.float64)
    start = np.random.default_rng(seed).standard_normal(p)
    try:
        found, vectors = eigsh(operator, k=count, which="SA", v0=start, tol=TOLERANCE)
    except ArpackNoConvergence as error:
        raise ValueError("Lanczos has not converged: ask for other eigenvalues=") from error
    order = np.argsort(found)
    values, V = found[order].tolist(), torch.from_numpy(vectors[:, order].copy())
    errors = []
    for value, v in zip(values, V.T, strict=True):
        product, size = _product(own, batches(), v, batch)
        errors.append(float((product - value * v).norm()) + rounding * size)
    return values, errors, V, False


def _product(own: OwnModule, batches: Iterable[Batch], v: Tensor, batch: int) -> tuple[Tensor, float]:
    """H v, and its size without cancellation between batches."""
    total, size = torch.zeros(len(v), dtype=torch.float64), 0.0
    v = v.to(own.device)
    for x, P, weight in split(own, batches, batch):
        each, _ = losses(own, x, P, again=False)
        part = _second(own, flat(own, each, weight, twice=True) @ v).detach().cpu()
        total += part
        size += float(part.norm())
    return total, size


def _curvatures(own: OwnModule, batches: Iterable[Batch], v: Tensor, batch: int) -> Iterable[Tensor]:
    """v^T H_i v for every sequence, some at a time."""
    v = v.to(own.device)
    for x, P, weight in split(own, batches, batch):
        each, _ = losses(own, x, P, again=False)
        factors = torch.ones_like(weight).requires_grad_()
        curve = _second(own, flat(own, each, factors, twice=True) @ v, twice=True) @ v
        found = torch.autograd.grad(curve, factors, allow_unused=True)[0] if curve.requires_grad else None
        yield (torch.zeros_like(weight) if found is None else found.detach()).cpu()


def _second(own: OwnModule, inner: Tensor, *, twice: bool = False) -> Tensor:
    """The gradient of this number, all parameters in a row."""
    if not inner.requires_grad:
        return flat(own, inner.detach(), inner)
    return flat(own, inner[None], torch.ones_like(inner)[None], twice=twice)
