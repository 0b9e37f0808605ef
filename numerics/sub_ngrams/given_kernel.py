"""The gradient given the kernel, or a part of it, summed over kernels: the work that the annealed engine hands out.

M_T = M_inf + C/T (regularised) + rest

and the rows of A in which literal heads average, of order 1/T, as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Literal

import torch
from torch import Tensor

from numerics.device import at_once
from numerics.memory import keep_memory
from numerics.sub_ngrams.first_order import correction
from numerics.sub_ngrams.infinite_length import Stationary, limit, taylor, with_different
from numerics.sub_ngrams.integration import Sums
from numerics.sub_ngrams.kernel_rules import LEAST, Nodes, Sobol
from numerics.sub_ngrams.relabelling import Ends, all_ends, representatives, same_and_different
from numerics.sub_ngrams.transfer import by_final_word, rows_by_final_word
from numerics.threads import one_thread
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.counting import by_matched_context
from proofs.sub_ngrams.law import NGramLaw, require_ngram_law

Part = Literal["all", "rest", "correction", "limit", "polynomial", "rows"]

# Kernels times n-grams worked on at a time: few calls, whose memory fits the cache.
SHARD = {"all": 2**14, "rest": 2**14, "correction": 2**16, "limit": 2**16, "polynomial": 2**16, "rows": 2**14}
# Seconds that a kernel takes, times a power of its size; and every term of a Taylor polynomial. Large matrices are
# dealt with faster than small ones. Measured at one time, and roughly: they decide how many nodes there are, not what
# is true.
SECONDS = {
    "all": (4e-6, 0.65),
    "rest": (4e-6, 0.65),
    "correction": (5.6e-7, 0.73),
    "limit": (1e-7, 0.8),
    "polynomial": (0.0, 1.0),
    "rows": (4e-6, 0.65),
}
SECONDS_OF_TAYLOR = (1.5e-7, 0.7)


@dataclass(frozen=True)
class Gradient:
    """M_T ("all") or one of its parts as a function of the kernel: [batch, a, b, (same, different)]; or the rows of A,
    [batch, entry, 1, 1].

    tolerance   of sums with weights that add up to 1; only for what takes the transfer engine
    polynomial  [degree, summand, a, b]: so many times the Taylor terms of degree 1, 2, .. of the summands of M_inf are
                left out of the mean diagonal entries a, b, and are the part "polynomial"; or None
    """

    law: NGramLaw
    configuration: Configuration
    T: int
    device: torch.device
    part: Part
    tolerance: float = 1.0
    polynomial: Tensor | None = None

    def __post_init__(self) -> None:
        require_ngram_law(self.law)

    @property
    def seconds(self) -> float:
        """What one kernel takes."""
        S, n = self.law.S, self.law.n
        N = int(S ** (n - 1))
        each, power = SECONDS[self.part]
        size, times = N * N * S, 1
        if self.part == "correction":
            size *= S
        elif self.part in ("all", "rest", "rows"):
            # n S marks in 2 S + 1 averages over positions, for every matched context
            size *= n
            times = (2 * S + 1) * len(dict(by_matched_context(self.configuration, list(self.ends))))
            if self.configuration.at_limit:  # at every level; literal heads have more of them
                times = times * len(self.configuration.levels) // (len(self.configuration.lags) + 1)
        terms = 0 if self.polynomial is None else 1 + len(self.polynomial)
        of_term, power_of_term = SECONDS_OF_TAYLOR
        return float(times * each * size**power + terms * of_term * (N * S * S) ** power_of_term)

    @property
    def shard(self) -> int:
        """Kernels worked on at a time."""
        size = int(self.law.S**self.law.n)
        if self.part in ("limit", "polynomial") and not self.configuration.at_limit:  # all n-grams for every context
            size *= len(dict(by_matched_context(self.configuration, list(all_ends(self.law)))))
        return 1 + at_once(SHARD[self.part], self.device) // size

    @one_thread()
    def drawn(self, seeds: Sequence[int], first: int, count: int) -> Sums:
        """Sums over these points of scrambled Sobol sequences, one for each seed; over `count` they are averages."""
        drawn = []
        for seed in seeds:
            sequence = Sobol(self.law, seed, skip=first)
            drawn.append(sequence.corners(count, self.T) if self.part in ("rest", "rows") else sequence.prior(count))
        weights = torch.block_diag(*(nodes.weights for nodes in drawn))  # type: ignore[no-untyped-call] # torch
        nodes = Nodes(torch.cat([nodes.kernels for nodes in drawn]), weights)
        return reduce(add, (self.sums(*shard) for shard in self.shards(nodes, self.tolerance * len(nodes))))

    def shards(self, nodes: Nodes, tolerance: float) -> list[tuple[Nodes, float]]:
        """Nodes that are worked on together, and how accurately: the error allowed at a node is its share of the
        whole, rounded to a power of 100."""
        allowed = tolerance / (len(nodes) * nodes.weights.amax(1).clamp(min=1e-30))
        exponent = torch.floor(torch.log10(allowed.clamp(1e-14, 1e-2)) / 2) * 2
        return [
            (Nodes(nodes.kernels[which], nodes.weights[which]), 10.0**e)
            for e in sorted(set(exponent.tolist()))
            for which in torch.split(torch.nonzero(exponent == e).flatten(), self.shard)
        ]

    @one_thread()
    def sums(self, nodes: Nodes, tolerance: float) -> Sums:
        keep_memory()
        value, error = self.given(nodes.kernels.to(self.device), tolerance)
        total, size = (torch.einsum("ig,iabk->gabk", nodes.weights, x) for x in (value.cpu(), value.abs().cpu()))
        return Sums(total, size, error * nodes.weights.sum(0)[:, None, None, None].expand_as(total))

    def given(self, kernels: Tensor, tolerance: float) -> tuple[Tensor, float]:
        """The gradient given each kernel, and a bound on the error of every entry."""
        every = all_ends(self.law)
        if self.part == "polynomial":
            return self.taylor(kernels), 0.0
        if self.part in ("limit", "correction"):
            chain = Stationary(kernels, self.law)
            value = self.limit(chain, every) if self.part == "limit" else self.correction(chain, every)
            return value if self.polynomial is None else value - self.taylor(kernels), 0.0
        ends = self.ends
        problem = kernels, self.law, self.configuration, self.T, list(ends)
        if self.part == "rows":
            rows, error = rows_by_final_word(*problem, tolerance=tolerance)
            counts = rows.new_tensor(list(ends.values()))
            return torch.einsum("ier,e->ir", rows, counts)[..., None, None], error * max(ends.values())
        by_end, error = by_final_word(*problem, tolerance=tolerance)
        value = same_and_different(by_end, self.law, ends)
        if self.part == "rest":
            chain = Stationary(kernels, self.law)
            value -= self.limit(chain, ends) + self.correction(chain, ends)
        # an end stands for up to max(ends) others, S of which share an entry
        return value, error * max(ends.values()) / self.law.S

    def limit(self, chain: Stationary, ends: Ends) -> Tensor:
        """M_inf."""
        return self.resolved(chain, limit(chain, self.configuration, ends))

    def correction(self, chain: Stationary, ends: Ends) -> Tensor:
        """C/T."""
        T = float(self.T)
        return self.resolved(chain, correction(chain, self.configuration, ends, T) / T)

    def resolved(self, chain: Stationary, value: Tensor) -> Tensor:
        """A closed form, or 0 for kernels with an n-gram so rare that it underflows, in 0/0: what one part leaves out
        so is in the rest.

        By the kernel, however its tokens are called, and not by which entries come out: the parts go through different
        final n-grams, and leave out the same on average.
        """
        return value.where((chain.pi.amin(1) >= LEAST)[:, None, None, None], 0)

    @property
    def ends(self) -> Ends:
        """The final n-grams that the transfer engine goes through."""
        return representatives(self.law, self.configuration)

    def taylor(self, kernels: Tensor) -> Tensor:
        """The polynomial."""
        assert self.polynomial is not None
        return self.combined(self.taylor_terms(kernels, len(self.polynomial)))

    def taylor_terms(self, kernels: Tensor, degree: int) -> Tensor:
        """[degree, batch, summand]"""
        return taylor(kernels, self.law, self.configuration, degree).terms[1:]

    def combined(self, terms: Tensor) -> Tensor:
        assert self.polynomial is not None
        return with_different(torch.einsum("dfab,dif->iab", self.polynomial.to(terms), terms), self.law.S)
