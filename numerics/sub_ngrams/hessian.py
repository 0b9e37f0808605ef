"""The Hessian of the literal network at a configuration, over all sequences with their exact weights (claim SN12).

The slots of Q and K that a configuration does not use hold zeros in both, so that their columns enter the logits only
as
products Q_a[:, i] K_b[:, i]^T: a column's Hessian is [[0, M], [M^T, 0]], with M the score blocks of the streams that
are switched on, and it does not couple to anything else. Its eigenvalues are plus and minus the singular values of M.
So every configuration with a free slot is a saddle, at every T and c, unless these blocks are 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from numerics.sub_ngrams.network import SATURATED, Network
from numerics.sub_ngrams.sequences import Batch, enumerate_sequences
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.score_blocks import ScoreBlocks

MAX_PARAMETERS = 400
TOLERANCE = 1e-9  # eigenvalues this small, relative to the largest, are rounding: sums of 1e4 terms in double precision


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues in increasing order, with eigenvectors as columns, in the order of the network's parameters.

    names  parameter name -> its range of rows
    """

    eigenvalues: Tensor
    eigenvectors: Tensor
    names: dict[str, slice]

    @property
    def negative(self) -> int:
        """How many eigenvalues are negative, beyond rounding."""
        return int((self.eigenvalues < -TOLERANCE * self.eigenvalues.abs().max()).sum())

    def share(self, i: int, directions: Tensor) -> float:
        """How much of eigenvector i lies in the span of the directions (parameters x m, orthonormal): 0 to 1."""
        return float((directions.T @ self.eigenvectors[:, i]).norm())


def configuration_network(
    law: NGramLaw, configuration: Configuration, T: int, aligned: tuple[int, ...] = ()
) -> Network:
    """The factorised network at the configuration, hard heads; `aligned` heads have V = I besides the active ones."""
    network = Network.at_configuration(law, configuration, T)
    with torch.no_grad():
        for h in aligned:
            network.V[h - 1] = torch.eye(law.S, dtype=network.V.dtype)
            if network.A is not None:  # literal heads
                network.A[h - 1].diagonal(-h).fill_(SATURATED)
    return network


@torch.inference_mode(False)  # nor no_grad, whatever the caller has
def spectrum(network: Network, law: NGramLaw, T: int) -> Spectrum:
    """Of the Hessian of the population loss (tokens absent from a sequence left out) in all parameters of the network,
    over all S^T sequences at once.
    """
    (batch,) = enumerate_sequences(law, T, batch=law.S**T, device=network.V.device)
    return spectrum_on(network, batch)


@torch.inference_mode(False)  # nor no_grad, whatever the caller has
def spectrum_on(network: Network, batch: Batch) -> Spectrum:
    """The same over these weighted sequences, in the parameters that require a gradient. Row by row from the gradient:
    one backward pass for each parameter.
    """
    parameters = {name: value for name, value in network.named_parameters() if value.requires_grad}
    size = sum(p.numel() for p in parameters.values())
    if size > MAX_PARAMETERS:
        raise ValueError(f"{size} parameters: the Hessian of at most {MAX_PARAMETERS} is computed")
    loss = (batch.weight * network.losses(batch.x, batch.P)).sum()
    gradient = _flat(torch.autograd.grad(loss, list(parameters.values()), create_graph=True))
    rows = [
        _flat(torch.autograd.grad(g, list(parameters.values()), retain_graph=True, materialize_grads=True))
        for g in gradient
    ]
    H = torch.stack(rows).detach()
    eigenvalues, eigenvectors = torch.linalg.eigh((H + H.T) / 2)
    ends = torch.tensor([p.numel() for p in parameters.values()]).cumsum(0).tolist()
    starts = [0, *ends[:-1]]
    return Spectrum(
        eigenvalues, eigenvectors, {n: slice(i, j) for n, i, j in zip(parameters, starts, ends, strict=True)}
    )


def predicted_eigenvalues(
    M: ScoreBlocks, law: NGramLaw, configuration: Configuration, aligned: tuple[int, ...] = ()
) -> Tensor:
    """The eigenvalues of all free slots: plus and minus the singular values of M on the streams that are switched
    on.
    """
    streams = sorted({0, *configuration.active_heads, *aligned})
    visible = torch.cat([torch.cat([_tensor(M, a, b) for b in streams], 1) for a in streams])
    values = torch.linalg.svdvals(visible).repeat(free_columns(law, configuration))
    return torch.cat([values, -values]).sort().values


def free_columns(law: NGramLaw, configuration: Configuration) -> int:
    """Columns of Q and K in slots that the configuration does not use: D = nS of them, S for each lag in use."""
    return (law.n - len(configuration.lags)) * law.S


def feature_directions(spectrum: Spectrum, law: NGramLaw, configuration: Configuration, query: int, key: int) -> Tensor:
    """Orthonormal directions: the free columns of Q_query and K_key (parameters x m)."""
    S, n = law.S, law.n
    free = [slot for slot in range(n) if slot not in configuration.lags]
    columns = []
    for name, lag in (("Q", query), ("K", key)):
        rows = torch.arange(n * S * n * S).view(n, S, n, S)[lag][:, free].flatten() + spectrum.names[name].start
        columns.append(torch.eye(len(spectrum.eigenvalues), dtype=torch.float64)[:, rows])
    return torch.cat(columns, 1)


def _flat(parts: tuple[Tensor, ...]) -> Tensor:
    return torch.cat([part.flatten() for part in parts])


def _tensor(M: ScoreBlocks, a: int, b: int) -> Tensor:
    return torch.tensor([[float(x) for x in row] for row in M[a, b]], dtype=torch.float64)
