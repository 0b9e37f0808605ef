"""Engine `transfer`, annealed: the population gradient at any length T, with its error (design, section 5.4).

The gradient given the kernel (`transfer`) is averaged over the prior of kernels. At a short length it is a polynomial
in the kernel, and a Gauss rule is exact. Otherwise

    M_T = M_inf + C/T (regularised) + rest,

each part with as many nodes as it is worth: the closed forms M_inf (`infinite_length`) and C (`first_order`) are cheap
and carry nearly all of the integral; only the rest takes the transfer engine. With few free parameters the nodes are
lattices in the logits, beyond, scrambled Sobol points.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial, reduce
from operator import add
from typing import Literal, get_args

import torch
from torch import Tensor

from numerics.sub_ngrams.first_order import correction
from numerics.sub_ngrams.infinite_length import Stationary, limit
from numerics.sub_ngrams.integration import Draw, Integral, Integrand, Sums, by_lattices, by_sobol
from numerics.sub_ngrams.kernel_rules import Nodes, Sobol, dimension, gauss, gauss_points
from numerics.sub_ngrams.relabelling import Ends, all_ends, representatives, same_and_different, score_blocks
from numerics.sub_ngrams.transfer import by_final_word, require_problem
from numerics.threads import one_thread
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.score_blocks import ScoreBlocks

Task = tuple[Integrand, Callable[[Tensor], float], int]  # what to integrate, how accurately, with how many nodes
Method = Literal["auto", "gauss", "lattice", "sobol"]

GAUSS_NODES = 2**16  # per minute; above, "auto" takes another method
GAUSS_DEGREE = 1000  # likewise: the check of its moments goes like the third power
LATTICE_DIMENSION = 4  # likewise
LIMIT_ACCURACY = 2.5e-7  # relative; M_inf is not computed beyond
SHARD = 2**11  # kernels per call of the transfer engine
CACHED = 2**14  # kernels times final n-grams per call of the closed forms: few calls, whose memory fits the cache
# The parts of the integral in the order in which they are computed: the share of the computing time then left that
# each may take, and the seconds that one kernel takes, ONCE and per unit of size. Measured at one time, and
# roughly: they decide how many nodes there are, not what is true.
SHARES = {"rest": 1 / 2, "correction": 1 / 2, "limit": 1.0}
SECONDS_PER_KERNEL = {"limit": 4e-8, "correction": 8e-8, "rest": 3e-6}
ONCE = 3e-6  # and whatever the size


@one_thread()
def annealed_transfer(
    law: NGramLaw,
    configuration: Configuration,
    T: int,
    *,
    tolerance: float | None = None,
    method: Method = "auto",
    level: float = 0.99,
    minutes: float = 0.5,
    seed: int = 0,
    executor: Executor | None = None,
    device: torch.device | None = None,
) -> ScoreBlocks:
    """The population gradient at length T >= n, with the error of every entry.

    tolerance  absolute error aimed at; by default 1e-3/T, some percent of what finite length adds. The errors returned
               are larger where the nodes or the roundings run out, and M_inf is not computed beyond LIMIT_ACCURACY
    method     "gauss" (exact), "lattice", "sobol" (errors are confidence intervals), or the first of these that can
    level      of the confidence intervals, for all entries at once
    minutes    of one core, roughly, that may be spent where the tolerance asks for it
    executor   runs the transfer engine in shards; the result does not depend on it

    Raises ValueError for T < n, a lag >= n, q^m beyond floats, or arguments out of range.
    """
    tolerance = 1e-3 / T if tolerance is None else tolerance
    require_problem(law, configuration, T, tolerance)
    if method not in get_args(Method) or not 0 < level < 1 or not minutes > 0:
        raise ValueError(f"method={method}, level={level}, minutes={minutes}: {get_args(Method)}, in (0, 1), positive")
    if method == "auto":
        degree = _degree(law, T)
        few = degree <= GAUSS_DEGREE and gauss_points(degree) ** dimension(law) <= GAUSS_NODES * minutes
        method = "gauss" if few else "lattice" if dimension(law) <= LATTICE_DIMENSION else "sobol"
    problem = _Problem(law, configuration, T, tolerance, minutes, executor, device or torch.device("cpu"))
    if method == "gauss":
        result = problem.by_gauss()
    elif method == "lattice":
        result = problem.by_lattices()
    else:
        result = problem.by_sobol(level, seed)
    return score_blocks(result.value, result.error, law, level if method == "sobol" else None)


def _degree(law: NGramLaw, T: int) -> int:
    """Of the gradient given the kernel, as a polynomial in the kernel: its transitions and the target."""
    return T - law.n + 2


@dataclass(frozen=True)
class _Problem:
    law: NGramLaw
    configuration: Configuration
    T: int
    tolerance: float
    minutes: float
    executor: Executor | None
    device: torch.device

    def by_gauss(self) -> Integral:
        nodes, rounding = gauss(self.law, _degree(self.law, self.T))
        result = self.transfer(nodes, self.tolerance, minus_closed_forms=False)
        # an entry is the difference of two averages of at most 1, each a combination of probabilities of paths
        return Integral(result.value[0], result.error[0] + 2 * rounding)

    def by_lattices(self) -> Integral:
        return self.in_parts(representatives(self.law), lambda part, *what: by_lattices(*what, law=self.law))

    def by_sobol(self, level: float, seed: int) -> Integral:
        def integrate(part: str, *what: *Task) -> Integral:
            draw: Draw = partial(Sobol.corners, T=self.T) if part == "rest" else Sobol.prior
            # the level is that of three intervals at once
            return by_sobol(*what, draw, law=self.law, level=1 - (1 - level) / 3, seed=[seed, *part.encode()])

        # closed forms averaged over all final n-grams vary less
        return self.in_parts(all_ends(self.law), integrate)

    def in_parts(self, ends: Ends, integrate: Callable[[str, *Task], Integral]) -> Integral:
        """The sum of M_inf, C/T and the rest. Time that one does not use is left to the next."""
        quarter = self.tolerance / 4
        parts: dict[str, tuple[Integrand, Callable[[Tensor], float]]] = {
            "rest": (partial(self.transfer, tolerance=quarter / 4), lambda _: quarter),
            "correction": (partial(self.correction, ends), lambda _: 2 * quarter),
            "limit": (partial(self.limit, ends), lambda x: max(quarter, LIMIT_ACCURACY * float(x.abs().max()))),
        }
        left, results = 60 * self.minutes, []
        for part, (f, tolerance) in parts.items():
            seconds = self.seconds_per_kernel(part)
            results.append(integrate(part, f, tolerance, int(left * SHARES[part] / seconds)))
            left -= results[-1].nodes * seconds
        return reduce(add, results)

    def seconds_per_kernel(self, part: str) -> float:
        S, n, N = self.law.S, self.law.n, int(self.law.S ** (self.law.n - 1))
        size = {"limit": N * N * S, "correction": N * N * S * S, "rest": N * N * (2 * n * S + 1)}[part]
        return ONCE + SECONDS_PER_KERNEL[part] * size

    def limit(self, ends: Ends, nodes: Nodes) -> Sums:
        return self.closed_form(lambda chain: limit(chain, self.configuration, list(ends)), ends, nodes)

    def correction(self, ends: Ends, nodes: Nodes) -> Sums:
        return self.closed_form(
            lambda chain: correction(chain, self.configuration, list(ends), self.T) / self.T, ends, nodes
        )

    def closed_form(self, f: Callable[[Stationary], Tensor], ends: Ends, nodes: Nodes) -> Sums:
        size, results = 1 + CACHED // len(ends), []
        for kernels, weights in zip(torch.split(nodes.kernels, size), torch.split(nodes.weights, size), strict=True):
            by_end = f(Stationary(kernels.to(self.device), self.law))
            results.append(_sums(by_end, 0.0, self.law, ends, weights))
        return reduce(add, results)

    def transfer(self, nodes: Nodes, tolerance: float, minus_closed_forms: bool = True) -> Sums:
        """The sums of M_T, or of M_T minus the closed forms, within the tolerance where rounding allows."""
        # the error allowed at a node is its share of the whole, rounded to a power of 100
        allowed = tolerance / (len(nodes) * nodes.weights.amax(1).clamp(min=1e-30))
        exponent = torch.floor(torch.log10(allowed.clamp(1e-14, 1e-2)) / 2) * 2
        shards = [
            (nodes.kernels[which].to(self.device), nodes.weights[which], 10.0**e)
            for e in sorted(set(exponent.tolist()))
            for which in torch.split(torch.nonzero(exponent == e).flatten(), SHARD)
        ]
        work = partial(_transfer_shard, self.law, self.configuration, self.T, minus_closed_forms)
        return reduce(add, (self.executor.map if self.executor else map)(work, *zip(*shards, strict=True)))


@one_thread()
def _transfer_shard(
    law: NGramLaw,
    configuration: Configuration,
    T: int,
    minus_closed_forms: bool,
    kernels: Tensor,
    weights: Tensor,
    tolerance: float,
) -> Sums:
    ends = representatives(law)
    by_end, error = by_final_word(kernels, law, configuration, T, list(ends), tolerance=tolerance)
    if minus_closed_forms:
        chain = Stationary(kernels, law)
        by_end = by_end - limit(chain, configuration, list(ends)) - correction(chain, configuration, list(ends), T) / T
    return _sums(by_end, error, law, ends, weights)


def _sums(by_end: Tensor, error: float, law: NGramLaw, ends: Ends, weights: Tensor) -> Sums:
    """The sums over some kernels, given a bound on the error of any sum of by_end over ends."""
    value = same_and_different(by_end, law, ends).cpu()
    # an end stands for up to max(ends) others, S of which share an entry
    bound = error * max(ends.values()) / law.S * weights.sum(0)
    total, size = (torch.einsum("ig,iabk->gabk", weights, x) for x in (value, value.abs()))
    return Sums(total, size, bound[:, None, None, None].expand_as(total))
