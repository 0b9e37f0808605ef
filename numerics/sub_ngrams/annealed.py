"""Engine `transfer`, annealed: the population gradient at any length T, with its error (sub-n-grams/computing).

The gradient given the kernel (`transfer`) is averaged over the prior of kernels. At a short length it is a polynomial
in the kernel, and a Gauss rule is exact. Otherwise

    M_T = M_inf + C/T (regularised) + rest,

each part with as many nodes as it is worth: the closed forms M_inf (`infinite_length`) and C (`first_order`) are cheap
and carry nearly all of the integral; only the rest takes the transfer engine. With few free parameters the nodes are
lattices in the logits, beyond, scrambled Sobol points. Those leave much of M_inf and C to chance: polynomials in the
kernel that are near to them are averaged apart, exactly (`control`). The rows of A in which literal heads average are
an integral of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial, reduce
from operator import add
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from numerics.sub_ngrams.closed_form import by_row
from numerics.sub_ngrams.control import without_polynomials
from numerics.sub_ngrams.given_kernel import Gradient, Part
from numerics.sub_ngrams.integration import SCRAMBLINGS, Integral, Sampled, Sums, allowance, by_lattices, by_sobol
from numerics.sub_ngrams.kernel_rules import Nodes, dimension, gauss, gauss_points
from numerics.sub_ngrams.relabelling import score_blocks
from numerics.sub_ngrams.transfer import exceeds_floats, require_problem
from numerics.threads import one_thread
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw, require_ngram_law
from proofs.sub_ngrams.score_blocks import ScoreBlocks

Method = Literal["auto", "gauss", "lattice", "sobol"]

GAUSS_NODES = 2**16  # per minute; above, "auto" takes another method
GAUSS_DEGREE = 1000  # likewise: the check of its moments goes like the third power
LATTICE_DIMENSION = 4  # likewise
LIMIT_ACCURACY = 2.5e-7  # relative; lattices do not compute M_inf beyond
# The share of the computing time then left that lattices may spend on each part, in this order.
SHARES: dict[Part, float] = {"rest": 1 / 2, "correction": 1 / 2, "limit": 1.0}
SMALL = (
    1e-3  # in units of 1/T: by default, an error of a gradient that is aimed at, and a block that is none to speak of
)
QUARTERS: dict[Part, int] = {"rest": 1, "correction": 2, "limit": 1, "rows": 2}  # of the error, that each part may have
LEAST_TOLERANCE = 1e-100  # smaller ones are out of reach, and what is computed from them would underflow
ROWS_SHARE = 0.25  # of the time, where there are rows of A to average
TASK = 0.25  # seconds of work, or a shard, that are handed out at a time: a sequence takes some ms to start


@one_thread()
def annealed_transfer(
    law: NGramLaw,
    configuration: Configuration,
    T: int,
    *,
    tolerance: float | None = None,
    relative: float = 0.0,
    method: Method = "auto",
    level: float = 0.99,
    minutes: float = 0.5,
    seed: int = 0,
    executor: Executor | None = None,
    device: torch.device | None = None,
    needed: Collection[tuple[int, int]] | None = None,
) -> ScoreBlocks:
    """The population gradient at length T >= n, with the error of every entry.

    tolerance  absolute error aimed at; by default 1e-3/T, some percent of what finite length adds. The errors returned
               are larger where the nodes or the roundings run out, and M_inf is not computed beyond LIMIT_ACCURACY
    relative   if positive, the error aimed at is so many times the largest entry of a block, or `tolerance` where that
               is more; by default then relative * 1e-3/T
    method     "gauss" (exact), "lattice", "sobol" (errors are confidence intervals), or the first of these that can;
               for small alpha a lattice has too many nodes
    level      of the confidence intervals, for all entries at once
    minutes    of one core, roughly, that may be spent where the tolerance asks for it
    executor   computes in shards; the result does not depend on it
    needed     the blocks (a, b) that the tolerance is meant for; lattices leave larger errors in the others. All by
               default

    Raises ValueError for T < n, a lag >= n, or arguments out of range.
    """
    if not 0 <= relative < 1:
        raise ValueError(f"relative={relative}: from 0, below 1")
    tolerance = (relative or 1.0) * SMALL / T if tolerance is None else tolerance
    configuration, beyond = within_floats(configuration, T)
    require_problem(law, configuration, T, tolerance)
    if method not in get_args(Method) or not 0 < level < 1 or not minutes > 0:
        raise ValueError(f"method={method}, level={level}, minutes={minutes}: {get_args(Method)}, in (0, 1), positive")
    tolerance = max(tolerance, LEAST_TOLERANCE)
    problem = _Problem(
        law, configuration, T, tolerance, minutes, executor, device or torch.device("cpu"), needed, relative
    )
    if not configuration.averaging_rows:
        result, sampled = problem.integral(method, level, seed)
        return score_blocks(result.value, result.error + beyond, law, level if sampled else None)
    each = (1 + level) / 2  # the level of blocks and of rows, so that all hold at the level asked for
    of_rows = replace(problem, minutes=ROWS_SHARE * minutes, rows=True)
    rows, sampled_rows = of_rows.integral(method, each, seed)
    result, sampled = replace(problem, minutes=(1 - ROWS_SHARE) * minutes).integral(method, each, seed)
    return score_blocks(
        result.value,
        result.error + beyond,
        law,
        level if sampled or sampled_rows else None,
        rows=by_row(rows.value.flatten().tolist(), configuration),
        row_errors=by_row((rows.error + beyond).flatten().tolist(), configuration),
    )


def within_floats(configuration: Configuration, T: int) -> tuple[Configuration, float]:
    """The configuration, or its limit where powers of q are beyond floats, and how much that changes a block at most.

    The positions that do not match best add at most T/q of the weight of those that do, or with literal heads T over
    the root of q; an entry is an average of differences of two averages.
    """
    if configuration.at_limit or not exceeds_floats(configuration, T):
        return configuration, 0.0
    limit = replace(configuration, q=math.inf)
    return limit, min(2.0, 2 * math.exp(math.log(T) - configuration.c / configuration.unit))


def _degree(law: NGramLaw, T: int) -> int:
    """Of the gradient given the kernel, as a polynomial in the kernel: its transitions and the target."""
    return T - law.n + 2


def gauss_reaches(law: NGramLaw, T: int, minutes: float) -> bool:
    """Whether "auto" takes a Gauss rule, which is exact, in so many minutes of one core."""
    require_ngram_law(law)
    degree = _degree(law, T)
    return degree <= GAUSS_DEGREE and gauss_points(degree) ** dimension(law) <= GAUSS_NODES * minutes


@dataclass(frozen=True)
class _Problem:
    law: NGramLaw
    configuration: Configuration
    T: int
    tolerance: float
    minutes: float
    executor: Executor | None
    device: torch.device
    needed: Collection[tuple[int, int]] | None = None
    relative: float = 0.0
    rows: bool = False  # of A, in the place of the blocks

    def integral(self, method: Method, level: float, seed: int) -> tuple[Integral, bool]:
        """By this method, or the first that can; and whether its errors are confidence intervals."""
        law = self.law
        if method == "gauss" or (method == "auto" and gauss_reaches(law, self.T, self.minutes)):
            return self.by_gauss(), False
        if method == "lattice" or (method == "auto" and dimension(law) <= LATTICE_DIMENSION):
            result = self.by_lattices()
            if result is not None:
                return result, False
            if method == "lattice":
                raise ValueError(
                    f"minutes={self.minutes}: too few nodes for a lattice: S={law.S}, n={law.n}, {law.alpha=}"
                )
        return self.by_sobol(level, seed), True

    def gradient(self, part: Part, tolerance: float = 1.0) -> Gradient:
        return Gradient(self.law, self.configuration, self.T, self.device, part, tolerance)

    def by_gauss(self) -> Integral:
        nodes, rounding = gauss(self.law, _degree(self.law, self.T))
        part: Part = "rows" if self.rows else "all"
        result = self.sums(self.gradient(part, self.tolerance), nodes)
        # an entry is the difference of two averages of at most 1, each a combination of probabilities of paths
        return Integral(result.value[0], result.error[0] + 2 * rounding)

    def by_lattices(self) -> Integral | None:
        """The sum of the parts, None if there is no time for one. Time that one does not use is left to the next."""
        shares: dict[Part, float] = {"rows": 1.0} if self.rows else SHARES
        left, results = 60 * self.minutes, []
        whole: Tensor | None = None  # roughly
        if self.relative:
            coarse = {
                part: self.lattices_of(part, lambda _: math.inf, left / 4 * share) for part, share in shares.items()
            }
            found = {part: result for part, result in coarse.items() if result is not None}
            if len(found) < len(coarse):
                return None
            left -= sum(result.nodes * self.gradient(part).seconds for part, result in found.items())
            whole = reduce(add, (result.value for result in found.values()))
        for part, share in shares.items():
            quarter = self.tolerance / 4 if whole is None else allowance(whole, self.tolerance, self.relative) / 4

            def allowed(value: Tensor, part: Part = part, quarter: Tensor | float = quarter) -> Tensor:
                aim = torch.as_tensor(quarter * QUARTERS[part])
                return aim.clamp(min=LIMIT_ACCURACY * float(value.abs().max())) if part == "limit" else aim

            result = self.lattices_of(part, allowed, left * share)
            if result is None:
                return None
            results.append(result)
            left -= result.nodes * self.gradient(part).seconds
        return reduce(add, results)

    def lattices_of(self, part: Part, allowed: Callable[[Tensor], Tensor | float], seconds: float) -> Integral | None:
        needed = None
        if self.needed is not None and not self.rows:
            needed = torch.zeros(self.law.n, self.law.n, 1, dtype=torch.float64)
            for block in self.needed:
                needed[block] = 1
        gradient = self.gradient(part, self.tolerance / 16)
        work, at_most = partial(self.sums, gradient), int(seconds / gradient.seconds)
        return by_lattices(work, allowed, at_most, law=self.law, needed=needed)

    def by_sobol(self, level: float, seed: int) -> Integral:
        """The sum of the parts, of C and M_inf without polynomials whose average is known."""
        left = 60 * self.minutes
        if self.rows:
            part = self.gradient("rows", self.tolerance / 16)
            drawn = Sampled(partial(self.drawn, part, _seeds(seed, part.part)), part.seconds)
            return by_sobol([drawn], torch.zeros(()), self.tolerance, left, level=level, relative=self.relative)
        closed_forms = [self.gradient("correction"), self.gradient("limit")]
        controlled = without_polynomials(closed_forms, self.tolerance, left, _seeds(seed, "pilot"))
        known = torch.zeros(())
        if controlled.polynomial is not None and controlled.nodes is not None:
            known = self.sums(controlled.polynomial, controlled.nodes).value[0]
        parts = [self.gradient("rest", self.tolerance / 16), *controlled.parts]
        sampled = [Sampled(partial(self.drawn, part, _seeds(seed, part.part)), part.seconds) for part in parts]
        left -= controlled.seconds
        return by_sobol(sampled, known, self.tolerance, left, level=level, relative=self.relative)

    def sums(self, gradient: Gradient, nodes: Nodes) -> Sums:
        return reduce(add, self.map(gradient.sums, *zip(*gradient.shards(nodes, gradient.tolerance), strict=True)))

    def drawn(self, gradient: Gradient, seeds: list[int], first: int, count: int) -> Sums:
        """The sums over these points of every sequence."""
        shards = max(1, int(TASK / (gradient.shard * gradient.seconds)))
        step, together = min(count, shards * gradient.shard), max(1, gradient.shard // count)
        starts = range(first, first + count, step)
        groups = [seeds[i : i + together] for i in range(0, len(seeds), together)]
        tasks = [(group, start, min(step, first + count - start)) for start in starts for group in groups]
        results = iter(self.map(gradient.drawn, *zip(*tasks, strict=True)))
        return reduce(add, (Sums.join([next(results) for _ in groups]) for _ in starts))

    def map(self, work: Callable[..., Sums], *arguments: Iterable[Any]) -> Iterator[Sums]:
        return self.executor.map(work, *arguments) if self.executor else map(work, *arguments)


def _seeds(seed: int, part: str) -> list[int]:
    """Of the sequences for one part."""
    return [int(s) for s in np.random.SeedSequence([seed, *part.encode()]).generate_state(SCRAMBLINGS, np.uint32)]
