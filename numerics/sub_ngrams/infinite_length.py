"""Engine `infinite length`, in floats: the gradient given the kernel as T -> infinity (sub-n-grams/computing).

At T = infinity the attention to n-grams w is a(w) proportional to pi(w) q^m(w), pi the stationary law of n-grams, and
p(s) is the attention to n-grams that end in s. So, with u the last n-1 tokens of the final n-gram e,

    M_ab[v,v'] = sum_e pi(e) 1{e_a = v} sum_s (p(s) - tau(s|u)) within_b(v'|s)
               = sum_e pi(e) 1{e_a = v} (share_b(v') - sum_s tau(s|u) within_b(v'|s)),

where share_b(v') is the share in the attention, and within_b(v'|s) that in the attention to n-grams that end in s, of
those with token v' at b before the last. At q = inf only the n-grams that match in every lag share in the attention.

The same formula, on truncated power series, gives the Taylor polynomials of M around the uniform kernel.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, reduce
from itertools import product
from operator import add

import torch
from torch import Tensor

from numerics.sub_ngrams.elimination import Elimination
from numerics.sub_ngrams.power_series import over, times
from numerics.sub_ngrams.relabelling import all_ends
from numerics.sub_ngrams.transfer import transitions
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.counting import Counting, Matched, by_matched_context
from proofs.sub_ngrams.law import NGramLaw, Word, require_ngram_law


def infinite_length(kernels: Tensor, law: NGramLaw, configuration: Configuration) -> Tensor:
    """M_ab given each kernel at T = infinity: [batch, a, b, v, v'].

    kernels  float64 [batch, S^(n-1), S] with entries > 0, accurate relatively
    """
    stationary = Stationary(kernels, law)
    blocks = kernels.new_zeros(law.n, law.n, law.S, law.S, len(kernels))
    x = _averages(*stationary.as_series(), law, configuration, all_ends(law))
    for a, (query, target) in enumerate(zip(x.query, x.target, strict=True)):
        for i, b in enumerate(x.lags):
            held = (target[0, :, None] * x.within[b][0]).sum(2) if b else target[0]
            block = query[0, :, None] * x.share[0, :, i] - held
            for v, of_context in zip(x.tokens[a], x.by_context(block), strict=True):
                blocks[a, b, v] += of_context
    return blocks.movedim(-1, 0).contiguous()


class Stationary:
    """The stationary chain of each kernel, as the averages over n-grams need it.

    tau, pi  [batch, word] the probability of the last token given the others, and of the n-gram
    """

    def __init__(self, kernels: Tensor, law: NGramLaw) -> None:
        require_ngram_law(law)
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
    return Counting(matched, configuration, configuration.levels[-1] if configuration.at_limit else None)


def limit(stationary: Stationary, configuration: Configuration, ends: Mapping[Word, int]) -> Tensor:
    """M at T = infinity given each kernel, over final n-grams that stand for others: [batch, a, b, (same, different)],
    the mean entry on and off the diagonal of every block.

    ends  all final n-grams with some matched contexts; those with one of them stand for as many others each
    """
    return _summands(*stationary.as_series(), stationary.law, configuration, ends).same_and_different()[0]


def taylor(kernels: Tensor, law: NGramLaw, configuration: Configuration, degree: int) -> Summands:
    """The terms of degree 0 to `degree` of `limit`, over all final n-grams, in the deviation from the uniform kernel,
    delta = kernel - 1/S.

    For the n-grams of the uniform kernel pi is 1/S^n. A change delta of the transitions adds the terms
    pi_d = pi_{d-1} delta (1 + P + ... + P^(n-2)), P the uniform transitions, which forget everything in n-1 steps.
    """
    S, n, m = law.S, law.n, len(kernels)
    delta = (kernels - 1 / S).movedim(0, -1).contiguous()

    def contexts(words: Tensor) -> Tensor:
        """The law of the last n-1 tokens."""
        return words.view(S, -1, m).sum(0)

    pi = [delta.new_full((S ** (n - 1), m), S ** (1.0 - n))]
    for _ in range(degree):
        moved = [contexts(pi[-1][:, None] * delta)]
        for _ in range(n - 2):
            moved.append((contexts(moved[-1]) / S).repeat_interleave(S, 0))
        pi.append(reduce(add, moved))
    tau = torch.stack([torch.full_like(delta, 1 / S), delta][: degree + 1])
    return _summands(times(torch.stack(pi)[:, :, None], tau), tau, law, configuration, all_ends(law))


def with_different(same: Tensor, S: int) -> Tensor:
    """[.., (same, different)] from mean diagonal entries at T = infinity, where the rows of a block add up to 0."""
    return torch.stack([same, -same / max(S - 1, 1)], -1)


@dataclass(frozen=True)
class Summands:
    """Entries as sums: of the two terms of the second form, for each pattern of which of the tokens v = v', s and those
    matched are equal.

    terms   [order, batch, summand], all of them unchanged by a relabelling of the tokens
    signs   [summand, a, b]: with what factor each is in the mean diagonal entry of a block
    S       tokens
    """

    terms: Tensor
    signs: Tensor
    S: int

    def same_and_different(self) -> Tensor:
        """[order, batch, a, b, (same, different)]"""
        return with_different(torch.einsum("dif,fab->diab", self.terms, self.signs), self.S)


def _summands(
    pi: Tensor, tau: Tensor, law: NGramLaw, configuration: Configuration, ends: Mapping[Word, int]
) -> Summands:
    x = _averages(pi, tau, law, configuration, ends)
    terms, signs = [], []
    for a, (query, target) in enumerate(zip(x.query, x.target, strict=True)):
        shares = times(query[:, :, None], x.at_tokens(a, x.share))
        for i, b in enumerate(x.lags):
            if b:
                held = times(target, x.at_tokens(a, x.within[b]))
            else:
                held = x.at_tokens(a, target.transpose(1, 2)).diagonal(dim1=1, dim2=2).mT
            for sign, value in ((1, shares[:, :, i]), (-1, held)):
                terms.append(x.by_pattern(a, value))
                factor = pi.new_zeros(terms[-1].shape[1], law.n, law.n)
                factor[:, a, b] = sign / law.S
                signs.append(factor)
    return Summands(torch.cat(terms, 1).mT, torch.cat(signs), law.S)


@dataclass(frozen=True)
class _Averages:
    """What the formula takes, as power series, for one matched context after the other along the last axis: it has
    (matched context, kernel).

    contexts   the tokens matched, in order of their lags
    counts     how many each of them stands for
    tokens     [a][matched context] the tokens v that e_a can be
    query      [a] sum_e pi(e) 1{e_a = v}: [order, v, ..]
    target     [a] sum_e pi(e) 1{e_a = v} tau(s|u): [order, v, s, ..]
    lags       b, without those at which all n-grams that share in the attention match: their share is constant
    share      of n-grams with v' at b before the last in the attention, p(v') at b = 0: [order, v', b, ..]
    within     by b >= 1, within_b(v'|s): [order, v', s, ..]; within_0 would be 1{v' = s}
    """

    contexts: tuple[Word, ...]
    counts: tuple[int, ...]
    tokens: list[list[slice]]
    query: list[Tensor]
    target: list[Tensor]
    lags: list[int]
    share: Tensor
    within: dict[int, Tensor]

    def by_context(self, x: Tensor) -> tuple[Tensor, ...]:
        return x.chunk(len(self.counts), -1)

    def at_tokens(self, a: int, x: Tensor) -> Tensor:
        """x [order, v, ..] at the tokens v that e_a can be."""
        if self.tokens[a][0] == slice(None):
            return x
        return torch.cat([part[:, v] for part, v in zip(self.by_context(x), self.tokens[a], strict=True)], -1)

    def by_pattern(self, a: int, x: Tensor) -> Tensor:
        """x [order, v, .., (matched context, kernel)] at the tokens v that e_a can be, and maybe tokens s, added up by
        which of these tokens and the matched ones are equal: [order, pattern, kernel]."""
        S, G = self.share.shape[1], len(self.counts)
        tokens = tuple(range(S)[v] for v in self.tokens[a])
        patterns = _patterns(tokens, range(S) if x.ndim == 4 else None, self.contexts, self.counts)
        return patterns.to(x) @ x.reshape(len(x), -1, x.shape[-1] // G)


def _averages(
    pi: Tensor, tau: Tensor, law: NGramLaw, configuration: Configuration, ends: Mapping[Word, int]
) -> _Averages:
    """pi and tau [order, word.., batch]; their terms beyond their length are 0."""
    S, n, order, m = law.S, law.n, len(pi), pi.shape[-1]
    words, next_token = pi.view(order, *[S] * n, m), tau.view(len(tau), *[S] * n, m)
    lags = [b for b in range(n) if not (configuration.at_limit and b in configuration.lags)]
    groups = dict(by_matched_context(configuration, list(ends)))
    # n-grams with the matched tokens at the matched lags; final ones have them one place later
    here = [_box(n, dict(matched)) for matched in groups]
    at_end = [_box(n, {lag - 1: token for lag, token in matched}) for matched in groups]

    def joined(parts: Iterable[Tensor]) -> Tensor:
        return torch.cat(list(parts), -1)

    def over_others(x: Tensor, *lags: int) -> Tensor:
        """The sum over the tokens of n-grams at all other lags."""
        others = [n - lag for lag in range(n) if lag not in lags]
        return x.sum(others) if others else x

    following = joined(words[box] for box in here)
    sharing = following
    if not configuration.at_limit:
        sharing = joined(words * _weights(law, configuration, matched).to(pi) for matched in groups)
    marked = {b: over_others(sharing, b, 0) for b in lags[1:]}
    to_last = over_others(sharing, 0)
    shares = torch.stack([to_last, *(x.sum(2) for x in marked.values())], 2)
    # the n+1-grams that e and s make, added up: but for the oldest token of e the n-grams of u and s
    final = joined(words[box] for box in at_end)
    before = final.reshape(order, S, -1, final.shape[-1])
    after = joined(next_token[(slice(None), *box[2:])] for box in at_end).reshape(len(tau), before.shape[2], S, -1)
    oldest = pi.new_zeros(order, S, S, final.shape[-1])
    for x, y in zip(before.unbind(2), after.unbind(1), strict=True):  # by the tokens between
        times(x[:, :, None], y[:, None], add_to=oldest)
    return _Averages(
        contexts=tuple(tuple(token for _, token in matched) for matched in groups),
        counts=tuple(ends[group[0]] for group in groups.values()),
        tokens=[[box[n - a] for box in at_end] for a in range(n)],
        query=[over_others(final, a) for a in range(n)],
        target=[*(over_others(following, a + 1, 0) for a in range(n - 1)), oldest],
        lags=lags,
        share=over(shares, shares[:, :, :1].sum(1, keepdim=True)),
        within={b: over(x, to_last[:, None]) for b, x in marked.items()},
    )


@lru_cache(maxsize=64)
def _patterns(
    tokens: tuple[range, ...], next_tokens: range | None, contexts: tuple[Word, ...], counts: tuple[int, ...]
) -> Tensor:
    """[pattern, (v, s, matched context)]: counts where v, s and the matched tokens are equal as the pattern says."""
    places: dict[Word, int] = {}
    found = []
    for i, s in product(range(len(tokens[0])), next_tokens or [None]):
        for v, context, count in zip(tokens, contexts, counts, strict=True):
            word = (v[i], *([] if s is None else [s]), *context)
            found.append((places.setdefault(tuple(map(word.index, word)), len(places)), count))
    patterns = torch.zeros(len(places), len(found), dtype=torch.float64)
    for position, (place, count) in enumerate(found):
        patterns[place, position] = count
    return patterns


def _box(n: int, tokens: Mapping[int, int]) -> tuple[slice, ...]:
    """The n-grams with these tokens so many places before the last, as places of [order, token, .., last token]."""
    return (slice(None), *(slice(tokens[b], tokens[b] + 1) if b in tokens else slice(None) for b in range(n)[::-1]))


@lru_cache(maxsize=1024)
def _weights(law: NGramLaw, configuration: Configuration, matched: Matched) -> Tensor:
    """q^m by n-gram: [token, .., last token, 1]."""
    counting = best_matches(configuration, matched)
    weights = [float(counting.weight(word)) for word in product(range(law.S), repeat=law.n)]
    return torch.tensor(weights, dtype=torch.float64).view(*[law.S] * law.n, 1)
