"""Engine `infinite length`, in floats: the gradient given the kernel as T -> infinity (design, section 5.7).

At T = infinity the attention to n-grams w is a(w) proportional to pi(w) q^m(w), pi the stationary law of n-grams, and
p(s) is the attention to n-grams that end in s. So, with u the last n-1 tokens of the final n-gram e,

    M_ab[v,v'] = -sum_e pi(e) sum_w a(w) (tau(w_0|u)/p(w_0) - 1) 1{e_a = v} 1{w_b = v'}.

At q = inf only the n-grams that match in every lag share in a and, among those that end in s, in p(s).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor

from numerics.sub_ngrams.elimination import Elimination
from numerics.sub_ngrams.transfer import gather_blocks, transitions
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.counting import Counting, Matched, by_matched_context
from proofs.sub_ngrams.law import NGramLaw, Word


def infinite_length(kernels: Tensor, law: NGramLaw, configuration: Configuration) -> Tensor:
    """M_ab given each kernel at T = infinity: [batch, a, b, v, v'].

    kernels  float64 [batch, S^(n-1), S] with entries > 0, accurate relatively
    """
    ends = list(product(range(law.S), repeat=law.n))
    return gather_blocks(limit(Stationary(kernels, law), configuration, ends), law, ends)


class Stationary:
    """The stationary chain of each kernel, as the averages over n-grams need it.

    words    all n-grams, and `number` their places in that order
    tau, pi  [batch, word] the probability of the last token given the others, and of the n-gram
    lag_is   [b, word, v] whether token b before the last is v
    """

    def __init__(self, kernels: Tensor, law: NGramLaw) -> None:
        if not bool((kernels > 0).all()):
            raise ValueError("at infinite length every entry of a kernel has to be positive")
        self.law, self.kernels = law, kernels
        self.words = list(product(range(law.S), repeat=law.n))
        self.chain = Elimination(transitions(kernels, law))
        self.tau = kernels.flatten(1)
        self.pi = (self.chain.pi[..., None] * kernels).flatten(1)
        tokens = torch.tensor(self.words, device=kernels.device).flip(1).T[..., None]
        self.lag_is = (tokens == torch.arange(law.S, device=kernels.device)).to(kernels)

    def number(self, word: Word) -> int:
        """Place of a word among all words of its length."""
        return sum(token * self.law.S**i for i, token in enumerate(reversed(word)))

    def counting(self, configuration: Configuration, matched: Matched, holders: int | None = None) -> Counting:
        """The one counting that matters at infinite length: at q = inf, the level at which every lag matches."""
        q = None if configuration.at_limit else configuration.q
        return Counting(matched, q, level=len(matched), holders=holders)

    def weights(self, counting: Counting) -> Tensor:
        """omega of each n-gram."""
        return self.pi.new_tensor([float(counting.weight(word)) for word in self.words])


def limit(stationary: Stationary, configuration: Configuration, ends: Sequence[Word]) -> Tensor:
    """The limit of `transfer.by_final_word`: [batch, end, b, v']."""
    law, pi, lag_is = stationary.law, stationary.pi, stationary.lag_is
    result = pi.new_zeros(len(pi), len(ends), law.n, law.S)
    marks = torch.einsum("ws,bwv->wsbv", lag_is[0], lag_is).flatten(1)
    for matched, group in by_matched_context(configuration, list(ends)):
        weight = pi * stationary.weights(stationary.counting(configuration, matched))
        a = weight / weight.sum(1, keepdim=True)
        a_marked = (a @ marks).view(len(pi), law.S, -1)  # of the n-grams with last token s, by s and mark (b, v')
        within = a_marked / (a @ lag_is[0])[..., None]
        target = stationary.kernels[:, [stationary.number(end[1:]) for end in group]]
        g = a_marked.sum(1, keepdim=True) - target @ within  # [batch, end, mark]
        P = pi[:, [stationary.number(end) for end in group], None]
        result[:, [ends.index(end) for end in group]] = (P * g).view(*g.shape[:2], law.n, law.S)
    return result
