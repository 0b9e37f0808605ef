"""The closed form on drawn sequences against automatic differentiation of the network on drawn sequences."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.timing import doing, in_turns, ratio, table
from benchmarks.training import dense_losses
from numerics.sub_ngrams.monte_carlo import sampled_moments
from numerics.sub_ngrams.network import Network
from numerics.sub_ngrams.sampling import polya_urn
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw

LAW, T = NGramLaw(3, 3), 512
CONFIGURATION = Configuration((1,), float(T))  # c = log T
SOFT = 2 * math.log(T)  # c_A of the heads with free positional logits
ROUNDS = 7
DRAWN = 2**13  # by the closed form, a round

LAST = "last query only, hard heads"  # the engine `autograd`
FREE = "last query only, A free"
DENSE = "all T x T attention, A free"  # the shape of the authors' loop
BATCH = {LAST: 128, FREE: 64, DENSE: 8}  # each near its best


def step(name: str) -> Callable[[], None]:
    """Draw a batch and take the gradient in all parameters of the factorised network, float64."""
    network = Network.at_configuration(LAW, CONFIGURATION, T, c_A=math.inf if name == LAST else SOFT)
    generator = torch.Generator().manual_seed(0)

    def losses(x: Tensor, P: Tensor) -> Tensor:
        return dense_losses(network, x, P, 1e-8) if name == DENSE else network.losses(x, P)

    sequences = polya_urn(LAW, T, BATCH[name], generator)  # drawn once: what sampling costs is not the network's fault

    def run() -> None:
        network.zero_grad()
        losses(*sequences).mean().backward()  # type: ignore[no-untyped-call]  # torch's backward has no annotations

    return run


def per_sequence() -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Seconds a sequence, round by round: of the closed form with its sampling, and of autograd without."""
    generator = torch.Generator().manual_seed(0)
    runs: dict[str, Callable[[], object]] = {
        "closed form": lambda: sampled_moments(LAW, CONFIGURATION, T, DRAWN, generator)
    }
    runs |= {name: step(name) for name in BATCH}
    in_turns(runs, 1)  # warms up
    times = in_turns(runs, ROUNDS)
    ours = {"closed form": [t / DRAWN for t in times.pop("closed form")]}
    return ours, {name: [t / BATCH[name] for t in times[name]] for name in times}


def sampling() -> str:
    """S=3, n=3, k=2, T=512, c = log T, float64, one thread: sequences a second, and how many times as many the closed
    form goes through, sampling included, as autograd on given sequences (median of paired rounds, and their range)."""
    doing("closed form against autograd")
    torch.set_num_threads(1)
    ours, theirs = per_sequence()
    base = ours["closed form"]
    rows: list[list[object]] = [["closed form, with sampling", f"{1 / min(base):.3g}", ""]]
    rows += [[f"autograd, {name}", f"{1 / min(t):.3g}", ratio(t, base)] for name, t in theirs.items()]
    return f"{_line(sampling.__doc__)}\n\n" + table(["", "sequences a second", "closed form is faster by"], rows)


def _line(text: str | None) -> str:
    return " ".join((text or "").split())
