"""Engine `transfer`: the gradient given the kernel, at any length T, at cost O(log T) (sub-n-grams/computing).

Averages N/Z over the positions of a sequence (`proofs.sub_ngrams.counting`) become powers of killed chains by

    E[1{end} N/Z] = int_0^inf E[1{end} N e^(-tZ)] dt ~ sum_k w_k E[1{end} N e^(-t_k Z)] :

e^(-tZ) is survival when a position of weight omega survives with probability e^(-t omega), and N is a derivative.
Its exact twin stands in the tests.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import torch
from torch import Tensor

from numerics.memory import keep_memory
from numerics.sub_ngrams.chain_power import add_up, laid_out, power, rounding, squarings_to_settle
from numerics.sub_ngrams.exponential_sum import ExponentialSum
from numerics.threads import one_thread
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.counting import Counting, by_matched_context, decomposition
from proofs.sub_ngrams.law import NGramLaw, Word
from proofs.sub_ngrams.laws import FixedKernel, require_starts

Chains = NGramLaw | FixedKernel  # laws whose sequences are a Markov chain given the kernel
CHUNK = 2**15  # entries in the stack of matrices worked on at a time, so that it fits the cache
NODES = 8  # nodes of the exponential sum per step; after each step, finished kernels drop out
ROW_SUM_TOLERANCE = 1e-12  # tells kernels from counts or logits; no result rests on it
LARGEST_LOG = 600.0  # of the total weight q^m T of a sequence
EMPTY = 1e4  # a rate t at which e^(-t omega) is 0 for every weight omega >= 1


@dataclass(frozen=True)
class Quenched:
    """The gradient given the kernel: blocks[i, a, b, v, v'] for kernel i; rows[i, entry], the entries of the rows of A
    in which literal heads average, one row after the other; and a bound on the error of every entry."""

    blocks: Tensor
    error: float
    rows: Tensor


@one_thread()
def transfer(
    kernels: Tensor, law: Chains, configuration: Configuration, T: int, *, tolerance: float = 1e-12
) -> Quenched:
    """M_ab given each kernel, averaged over its sequences of length T >= n, with target tau(. | u).

    kernels  float64 [batch, S^(n-1), S], rows in the order of law.contexts, entries accurate relatively: 1e-30 is fine.
             `law` gives S, n and the law of the first n-1 tokens.
    The error returned exceeds `tolerance` where rounding does not allow less. Raises ValueError for kernels of another
    shape or dtype, rows that are no probability vectors, T < n, tolerance <= 0, and weights q^m too large for floats.
    """
    keep_memory()
    ends = list(product(range(law.S), repeat=law.n))
    by_end, error = by_final_word(kernels, law, configuration, T, ends, tolerance=tolerance)
    rows = kernels.new_zeros(len(kernels), 0)
    if configuration.averaging_rows:
        rows, row_error = rows_by_final_word(kernels, law, configuration, T, ends, tolerance=tolerance)
        rows, error = rows.sum(1), max(error, row_error)
    return Quenched(gather_blocks(by_end, law, ends), error, rows)


def gather_blocks(by_end: Tensor, law: Chains, ends: Sequence[Word]) -> Tensor:
    """Score blocks [batch, a, b, v, v'] from the parts [batch, end, b, v'] of the sequences with each final n-gram."""
    blocks = by_end.new_zeros(len(by_end), law.n, law.n, law.S, law.S)
    for i, end in enumerate(ends):
        for a in range(law.n):
            blocks[:, a, :, end[-1 - a]] += by_end[:, i]
    return blocks


def by_final_word(
    kernels: Tensor,
    law: Chains,
    configuration: Configuration,
    T: int,
    ends: Sequence[Word],
    *,
    tolerance: float,
) -> tuple[Tensor, float]:
    """E[1{end} sum_j g_j (weight of v' in what head b reads at j)] for each kernel and each of these final n-grams:
    [batch, end, b, v'].

    Returns also a bound on the error of every sum of entries over different ends.
    """
    return _by_final_word(_Average, kernels, law, configuration, T, ends, tolerance)


def rows_by_final_word(
    kernels: Tensor, law: Chains, configuration: Configuration, T: int, ends: Sequence[Word], *, tolerance: float
) -> tuple[Tensor, float]:
    """E[1{end} dl/dA^(h)_{t,i} / c] in the averaging rows, likewise: [batch, end, entry]."""
    sums, error = _by_final_word(_RowAverage, kernels, law, configuration, T, ends, tolerance)
    rows = torch.split(sums[..., 0], [t for _, t in configuration.averaging_rows], -1)
    # the softmax of a row of t equal weights takes the mean off, and 1/t <= 1/2
    return torch.cat([(row - row.mean(-1, keepdim=True)) / row.shape[-1] for row in rows], -1), error


def _by_final_word(
    average: type[_Average],
    kernels: Tensor,
    law: Chains,
    configuration: Configuration,
    T: int,
    ends: Sequence[Word],
    tolerance: float,
) -> tuple[Tensor, float]:
    """E[1{end} sum_j g_j phi_j] for each kernel, end and mark phi of these averages: [batch, end, .., ..]."""
    require_problem(law, configuration, T, tolerance)
    _require_kernels(kernels, law)
    N, groups = law.S ** (law.n - 1), list(by_matched_context(configuration, list(ends)))
    levels = len(configuration.levels) if configuration.at_limit else 1
    # slow kernels together, so that stacks of fast ones can stop squaring early
    order = squarings_to_settle(transitions(kernels, law), T.bit_length()).argsort()
    kernels = (kernels / kernels.sum(-1, keepdim=True))[order]
    chain = _Chain(kernels, law, T, tolerance / 12, tolerance / (12 * levels * len(groups)))

    parts_of_ends: list[Tensor] = [torch.zeros(())] * len(ends)
    for matched, group in groups:
        parts = decomposition(configuration, matched, law.S)

        def averaged(levels: list[Counting], group: list[Word] = group) -> Tensor:
            return torch.stack([average(chain, counting, group).value() for counting in levels]).sum(0)

        every = averaged(parts.every)
        g = torch.zeros_like(every)
        for s in range(law.S):
            target = chain.kernels[:, [chain.number(end[1:]) for end in group], s, None, None]
            g += target * (every - averaged(parts.avoiding[s]) - averaged(parts.holding[s]))
        for end, of_end in zip(group, g.unbind(1), strict=True):
            parts_of_ends[ends.index(end)] = of_end
    result = torch.stack(parts_of_ends, 1)
    # g is sum_s P(s) of three averages; each is off by these parts of the probability of its sequences, and by what
    # was left out, negligible at every level and matched context. Rounding enters the averages and their total.
    return result[order.argsort()], 3 * chain.truncation + tolerance / 4 + 6 * rounding(N, T)


class _Chain:
    """The sequences of each kernel."""

    def __init__(self, kernels: Tensor, law: Chains, T: int, tolerance: float, negligible: float) -> None:
        self.kernels, self.law, self.T = kernels, law, T
        self.N = law.S ** (law.n - 1)
        self.tolerance = tolerance  # of the exponential sums
        self.negligible = negligible  # probability that may be left out of an average
        self.truncation = 0.0  # the largest error of the exponential sums used
        self.start = kernels.new_tensor([float(law.probability(u)) for u in law.contexts])
        self._rules: dict[float, tuple[Tensor, Tensor]] = {}
        self.of_ends: dict[tuple[Word, ...], Tensor] = {}

    def reciprocal(self, heaviest: float) -> tuple[Tensor, Tensor]:
        """Rates and weights of 1/Z for Z between 1 and T positions of the largest weight."""
        if heaviest not in self._rules:
            rule = ExponentialSum.reciprocal(self.T * max(1.0, heaviest), self.tolerance)
            self._rules[heaviest] = rule.rates.to(self.kernels), rule.weights.to(self.kernels)
            self.truncation = max(self.truncation, rule.error)
        return self._rules[heaviest]

    def number(self, word: Word) -> int:
        """Place of a word among all words of its length."""
        return sum(token * self.law.S**i for i, token in enumerate(reversed(word)))


class _Average:
    """E[1{end} N/Z] for one counting and each mark, phi_j the weight of v' in what head b reads at j: the chain with
    its positions weighted.

    For each b one mark (b, v') is not followed: its average is what remains of the total weight. It takes the weight of
    the positions j < b, where head b reads 0, to tell. Nor are marks followed that no position bears.
    """

    def __init__(self, chain: _Chain, counting: Counting, ends: list[Word]) -> None:
        self.chain, self.counting, self.ends = chain, counting, tuple(ends)
        S, n, contexts = chain.law.S, chain.law.n, chain.law.contexts
        new = chain.kernels.new_tensor
        final = torch.tensor([chain.number(end) for end in ends], device=chain.kernels.device)
        self.context, self.token = final // S, final % S

        omega = new([[float(counting.weight((*u, s))) for s in range(S)] for u in contexts])
        self.allowed = torch.isfinite(omega)
        self.omega = omega.where(self.allowed, 0)
        omega = new([[float(counting.weight(u[: j + 1])) for j in range(n - 1)] for u in contexts])
        omega = omega.reshape(chain.N, n - 1)  # the positions j < n-1 of each start
        starts = torch.isfinite(omega).all(-1)
        self.start = chain.start * starts
        self.leaves_out = not bool(self.allowed.all() & starts.all())
        omega = omega.where(torch.isfinite(omega), 0)
        self.start_omega = omega.sum(-1)
        self.phi = self.omega.new_zeros(
            0, chain.N, S
        )  # of marks that are followed along the chain: [mark, context, token]
        self.start_marked = self.marked(omega)

    def marked(self, omega: Tensor) -> Tensor:
        """Sum of omega phi over the positions j < n-1 [mark, context]: of the marks in `phi`, which it sets, and of
        more that only these positions bear."""
        S, n = self.chain.law.S, self.chain.law.n
        # the v' not followed: that of all positions with weight, if there is such a v'
        self.rest = dict.fromkeys(range(n), S - 1) | dict(self.counting.matched)
        if self.counting.holders is not None:
            self.rest[0] = self.counting.holders
        words = torch.tensor(list(product(range(S), repeat=n)), device=omega.device).reshape(self.chain.N, S, n)
        reads = _reads_at_start(S, n, self.counting.configuration).to(omega)
        self.marks, phi, start_marked = list[tuple[int, int]](), [], []
        for b, v in product(range(n), range(S)):
            inside = (words[:, :, n - 1 - b] == v).to(omega)
            at_start = (omega * reads[:, :, b, v]).sum(-1)
            if v != self.rest[b] and bool((self.omega * inside).any() or at_start.any()):
                self.marks.append((b, v))
                phi.append(inside)
                start_marked.append(at_start)
        if phi:
            self.phi = torch.stack(phi)
        nothing = 1 - reads.sum(-1)
        return torch.stack(start_marked + [(omega * nothing[:, :, b]).sum(-1) for b in range(n)])

    def value(self) -> Tensor:
        """[batch, end, b, v']"""
        total, sums = self.sums()
        result = total.new_zeros(*total.shape, self.chain.law.n, self.chain.law.S)
        for f, (b, v) in enumerate(self.marks):
            result[:, :, b, v] = sums[:, f]
        for b, v in self.rest.items():
            result[:, :, b, v] = total - sums[:, len(self.marks) + b] - result[:, :, b].sum(-1)
        return result

    def sums(self) -> tuple[Tensor, Tensor]:
        """E[1{end} 1{Z > 0}] [batch, end], and E[1{end} N/Z] for each mark that is followed [batch, mark, end]."""
        chain = self.chain
        empty = self.without_weight()
        total = self.of_ends() - empty
        sums = total.new_zeros(len(total), len(self.start_marked), total.shape[1])
        active = torch.nonzero(total.sum(1) > chain.negligible).flatten()
        if not len(active):
            return torch.zeros_like(total), sums
        rates, weights = chain.reciprocal(float(self.omega.max()))
        for t, w in zip(torch.split(rates, NODES), torch.split(weights, NODES), strict=True):
            if not len(active):
                break
            still = []
            for part in torch.split(active, max(1, CHUNK // (len(t) * chain.N**2))):
                G, dG = self.at(part, t)
                sums[part] += torch.einsum("k,fike->ife", w, dG)
                # what larger t would add to an average is at most the probability that a Z > 0 survives this t
                still.append(part[(G[:, -1] - empty[part]).sum(1) > chain.negligible])
            active = torch.cat(still)
        return total, sums

    def of_ends(self) -> Tensor:
        """P(end), without the sequences that are left out: [kernel, end]."""
        if self.leaves_out:
            return self.survival(0.0)
        known = self.chain.of_ends  # the same for every average that leaves out nothing
        if self.ends not in known:
            known[self.ends] = self.survival(0.0)
        return known[self.ends]

    def without_weight(self) -> Tensor:
        """P(end, Z = 0), likewise."""
        if bool((self.omega > 0)[self.allowed].all()):
            return self.start.new_zeros(len(self.chain.kernels), len(self.ends))
        return self.survival(EMPTY)

    def survival(self, t: float) -> Tensor:
        """E[1{end} e^(-tZ)] for all kernels: [kernel, end]."""
        everything = torch.arange(len(self.chain.kernels), device=self.chain.kernels.device)
        return self.at(everything, self.start.new_tensor([t]), derivatives=False)[0][:, 0]

    def at(self, kernels: Tensor, t: Tensor, *, derivatives: bool = True) -> tuple[Tensor, Tensor]:
        """E[1{end} e^(-tZ)] [kernel, t, end] and E[1{end} N e^(-tZ)] [mark, kernel, t, end]."""
        chain, S = self.chain, self.chain.law.S
        phi, start_marked = (self.phi, self.start_marked) if derivatives else (self.phi[:0], self.start_marked[:0])
        tau = chain.kernels[kernels][:, None]  # [kernel, t, context, token]
        exponent = -t[:, None, None] * self.omega
        edges = laid_out((tau * (exponent.exp() * self.allowed)).flatten(0, 1), chain.N)
        killed = add_up(tau * (-exponent.expm1()).where(self.allowed, 1), -1).flatten(0, 1)
        weighted = edges * self.omega

        def follow(x: Tensor) -> Tensor:
            """x D for all marks: one step on, from the contexts x, of the weight that bears the mark."""
            steps = (x.mT * weighted)[:, None] * phi  # [batch, mark, context, token]
            if chain.N == 1:
                return add_up(steps, -1)
            steps = steps.reshape(*steps.shape[:2], S, chain.N // S, S)
            return add_up(steps, 2).flatten(2)  # whatever the oldest token was

        v = self.start * (-t[:, None] * self.start_omega).exp()  # [t, context]
        V = start_marked.reshape(-1, 1, chain.N) * v
        v = v.expand(len(kernels), -1, -1).flatten(0, 1)
        V = V[:, None].expand(-1, len(kernels), -1, -1).flatten(1, 2)

        A = transitions(edges, chain.law)
        v, V = power(A, killed[..., None], follow, v[..., None, :], V[..., None, :], chain.T - chain.law.n)
        v, V = v[:, 0, self.context], V[:, :, 0, self.context]
        last = edges[:, self.context, self.token]
        G, dG = v * last, V * last
        dG[: len(phi)] += G * (self.omega * phi)[:, None, self.context, self.token]
        shape = (len(kernels), len(t), len(self.context))
        return G.reshape(shape), dG.reshape(-1, *shape)


class _RowAverage(_Average):
    """The same for the marks phi_j = 1{j = t} 1{x_i = x_{T-h+1}} of the averaging rows (h, t), i = 1..t."""

    def marked(self, omega: Tensor) -> Tensor:
        contexts = torch.tensor(self.chain.law.contexts, device=omega.device)
        token = dict(self.counting.matched)
        return torch.stack(
            [
                omega[:, t - 1] * (contexts[:, i] == token[h])
                for h, t in self.counting.configuration.averaging_rows
                for i in range(t)
            ]
        )

    def value(self) -> Tensor:
        """[batch, end, entry, 1]"""
        return self.sums()[1].mT[..., None]


@lru_cache(maxsize=64)
def _reads_at_start(S: int, n: int, configuration: Configuration) -> Tensor:
    """Weight of v' in what head b reads at the position j < n-1 of each start: [context, j, b, v']."""
    reads = torch.zeros(S ** (n - 1), n - 1, n, S, dtype=torch.float64)
    for i, u in enumerate(product(range(S), repeat=n - 1)):
        for j, b in product(range(n - 1), range(n)):
            for v, weight in configuration.reads(u[: j + 1], b).items():
                reads[i, j, b, v] = float(weight)
    return reads


def transitions(edges: Tensor, law: Chains) -> Tensor:
    """Matrices [..., context, next context] from the probabilities [..., context, token]."""
    N = law.S ** (law.n - 1)
    word = torch.arange(N * law.S, device=edges.device).reshape(N, law.S)
    return edges.new_zeros(*edges.shape[:-1], N).scatter_add_(-1, (word % N).expand_as(edges), edges)


def require_problem(law: Chains, configuration: Configuration, T: int, tolerance: float) -> None:
    """Raises ValueError for another law, T < n, a lag >= n, a tolerance that is not positive, and q^m beyond floats."""
    require_starts(law)
    if law.n > T:
        raise ValueError(f"T={T}: sequences have at least n={law.n} tokens")
    if configuration.lags and configuration.lags[-1] >= law.n:
        raise ValueError(f"lags={configuration.lags}: at most n-1={law.n - 1}")
    if not tolerance > 0:
        raise ValueError(f"tolerance={tolerance}: must be a positive number")
    if exceeds_floats(configuration, T):
        raise ValueError(f"q={configuration.q}: its powers exceed the floats; q = inf is the limit")


def exceeds_floats(configuration: Configuration, T: int) -> bool:
    """Whether the total weight of a sequence, up to q^m T, may."""
    return not configuration.at_limit and configuration.c * len(configuration.lags) + math.log(T) > LARGEST_LOG


def _require_kernels(kernels: Tensor, law: Chains) -> None:
    shape = (law.S ** (law.n - 1), law.S)
    if kernels.ndim != 3 or kernels.shape[1:] != shape or kernels.dtype != torch.float64:
        raise ValueError(f"kernels {list(kernels.shape)} {kernels.dtype}: must be float64 [batch, *{shape}]")
    if not bool((kernels >= 0).all() & ((kernels.sum(-1) - 1).abs() <= ROW_SUM_TOLERANCE).all()):
        raise ValueError("a row of a kernel is not a probability vector")
