"""Engine `infinite length`, in floats: the gradient given the kernel as T -> infinity (design, section 5.7).

At T = infinity the attention to n-grams w is a(w) proportional to pi(w) q^m(w), pi the stationary law of n-grams, and
p(s) is the attention to n-grams that end in s. So, with u the last n-1 tokens of the final n-gram e,

    M_ab[v,v'] = sum_e pi(e) 1{e_a = v} sum_s (p(s) - tau(s|u)) within_b(v'|s),

where within_b(v'|s) is the share, in the attention to n-grams that end in s, of those with token v' at b before the
last. At q = inf only the n-grams that match in every lag share in the attention.

The same formula, on truncated power series, gives the Taylor polynomials of M around the uniform kernel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import reduce
from itertools import product
from operator import add

import torch
from torch import Tensor

from numerics.sub_ngrams.elimination import Elimination
from numerics.sub_ngrams.relabelling import all_ends
from numerics.sub_ngrams.transfer import transitions
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.counting import Counting, Matched, by_matched_context
from proofs.sub_ngrams.law import NGramLaw, Word


def infinite_length(kernels: Tensor, law: NGramLaw, configuration: Configuration) -> Tensor:
    """M_ab given each kernel at T = infinity: [batch, a, b, v, v'].

    kernels  float64 [batch, S^(n-1), S] with entries > 0, accurate relatively
    """
    stationary = Stationary(kernels, law)
    blocks = kernels.new_zeros(law.n, law.n, law.S, law.S, len(kernels))
    for queries, excess, within in _factors(*stationary.as_series(), law, configuration, all_ends(law)):
        for (a, v), of_query in zip(queries, excess[0], strict=True):
            blocks[a, 0, v] += of_query
            for b, shares in within.items():
                blocks[a, b, v] += (of_query * shares[0]).sum(1)
    return blocks.movedim(-1, 0).contiguous()


class Stationary:
    """The stationary chain of each kernel, as the averages over n-grams need it.

    tau, pi  [batch, word] the probability of the last token given the others, and of the n-gram
    """

    def __init__(self, kernels: Tensor, law: NGramLaw) -> None:
        if not bool((kernels > 0).all()):
            raise ValueError("at infinite length every entry of a kernel has to be positive")
        self.law, self.kernels = law, kernels
        self.chain = Elimination(transitions(kernels, law))
        self.tau = kernels.flatten(1)
        self.pi = (self.chain.pi[..., None] * kernels).flatten(1)

    def as_series(self) -> tuple[Tensor, Tensor]:
        """pi and tau of order 0: [1, word, batch]."""
        return self.pi.T[None], self.tau.T[None]


def best_matches(configuration: Configuration, matched: Matched) -> Counting:
    """The one counting that matters at infinite length: at q = inf, the level at which every lag matches."""
    return Counting(matched, None if configuration.at_limit else configuration.q, level=len(matched))


def limit(stationary: Stationary, configuration: Configuration, ends: Mapping[Word, int]) -> Tensor:
    """M at T = infinity given each kernel, over final n-grams that stand for others: [batch, a, b, (same, different)],
    the mean entry on and off the diagonal of every block."""
    return _same_and_different(*stationary.as_series(), stationary.law, configuration, ends)[0]


def taylor(
    kernels: Tensor, law: NGramLaw, configuration: Configuration, ends: Mapping[Word, int], degree: int
) -> Tensor:
    """The terms of degree 0 to `degree` of `limit` in the deviation from the uniform kernel, delta = kernel - 1/S:
    [degree, batch, a, b, (same, different)].

    For the n-grams of the uniform kernel pi is 1/S^n. A change delta of the transitions adds the terms
    pi_d = pi_{d-1} delta (1 + P + ... + P^(n-2)), P the uniform transitions, which forget everything in n-1 steps.
    """
    S, n, m = law.S, law.n, len(kernels)
    delta = (kernels - 1 / S).flatten(1).T.contiguous()

    def contexts(words: Tensor) -> Tensor:
        """The law of the last n-1 tokens."""
        return words.view(S, -1, m).sum(0)

    pi = [delta.new_full((S ** (n - 1), m), S ** (1.0 - n))]
    for _ in range(degree):
        moved = [contexts(pi[-1].repeat_interleave(S, 0) * delta)]
        for _ in range(n - 2):
            moved.append(contexts(moved[-1].repeat_interleave(S, 0) / S))
        pi.append(reduce(add, moved))
    tau = torch.stack([torch.full_like(delta, 1 / S), delta][: degree + 1])
    return _same_and_different(_times(torch.stack(pi).repeat_interleave(S, 1), tau), tau, law, configuration, ends)


def _same_and_different(
    pi: Tensor, tau: Tensor, law: NGramLaw, configuration: Configuration, ends: Mapping[Word, int]
) -> Tensor:
    """[order, batch, a, b, (same, different)]. Every row of a block sums to 0, as p and tau have the same sum."""
    S, n = law.S, law.n
    same = pi.new_zeros(len(pi), n, n, pi.shape[-1])
    for queries, excess, within in _factors(pi, tau, law, configuration, ends):
        lag, v = ([query[i] for query in queries] for i in (0, 1))
        of_lag = pi.new_tensor([[float(a == i) for i in lag] for a in range(n)])
        same[:, :, 0] += of_lag @ excess[:, range(len(v)), v]
        for b, shares in within.items():
            same[:, :, b] += of_lag @ _times(excess, shares[:, v]).sum(2)
    same = same.movedim(-1, 1) / S
    return torch.stack([same, -same / max(S - 1, 1)], -1)


def _factors(
    pi: Tensor, tau: Tensor, law: NGramLaw, configuration: Configuration, ends: Mapping[Word, int]
) -> Iterator[tuple[list[tuple[int, int]], Tensor, dict[int, Tensor]]]:
    """The (a, v) that occur, for each sum_e pi(e) 1{e_a = v} (p(s) - tau(s|u)) [order, (a, v), s, batch], and by b
    within_b(v'|s) [order, v', s, batch], for one matched context after the other. Left out are b = 0, where
    within_b(v'|s) = 1{v' = s}, and lags at which all n-grams that share in the attention match: it does not depend on s
    there, and the sum over s is 0.

    pi and tau [order, word, batch] are power series; terms that tau has fewer are 0.
    """
    S, n, order, m = law.S, law.n, len(pi), pi.shape[-1]
    words = list(product(range(S), repeat=n))
    by_context = tau.view(len(tau), -1, S, m)
    lags = [b for b in range(1, n) if not (configuration.at_limit and b in configuration.lags)]
    for matched, group in by_matched_context(configuration, list(ends)):
        omega = [float(best_matches(configuration, matched).weight(word)) for word in words]
        sharing = [i for i, weight in enumerate(omega) if weight]
        weight = pi[:, sharing] * pi.new_tensor([omega[i] for i in sharing])[:, None]
        to_last = pi.new_tensor([[words[i][-1] == s for i in sharing] for s in range(S)]) @ weight
        p = _over(to_last, to_last.sum(1, keepdim=True))
        within = {}
        for b in lags:
            marks = [[words[i][-1 - b] == v and words[i][-1] == s for i in sharing] for v, s in _grid(S, S)]
            within[b] = _over((pi.new_tensor(marks) @ weight).view(order, S, S, m), to_last[:, None])

        queries = [(a, v) for a, v in _grid(n, S) if any(end[-1 - a] == v for end in group)]
        is_query = pi.new_tensor([[ends[end] * (end[-1 - a] == v) for end in group] for a, v in queries])
        of_end = pi[:, [_number(end, law) for end in group]]
        targets = by_context[:, [_number(end[1:], law) for end in group]]
        held = is_query @ _times(of_end[:, :, None], targets).flatten(2)
        yield queries, _times((is_query @ of_end)[:, :, None], p[:, None]).sub_(held.view(order, -1, S, m)), within


def _times(x: Tensor, y: Tensor) -> Tensor:
    """The product of power series, whose terms are along the first axis, with as many terms as x, the longer."""
    product = x * y[:1]
    for i in range(1, len(y)):
        product[i:].addcmul_(x[: len(x) - i], y[i : i + 1])
    return product


def _over(x: Tensor, y: Tensor) -> Tensor:
    """The quotient of power series."""
    quotient = x.clone()
    for d in range(len(x)):
        quotient[d] /= y[0]
        quotient[d + 1 :].addcmul_(quotient[d : d + 1], y[1 : len(x) - d], value=-1)
    return quotient


def _number(word: Word, law: NGramLaw) -> int:
    return sum(token * law.S**i for i, token in enumerate(reversed(word)))


def _grid(*sizes: int) -> list[tuple[int, ...]]:
    return list(product(*map(range, sizes)))
