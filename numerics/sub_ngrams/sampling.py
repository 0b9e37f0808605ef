"""Sequences drawn from the law (sub-n-grams/law-and-network), thousands at a time.

Two ways that share no more than the walk: `polya_urn` draws from the annealed law at once; `draw_kernels` and `chains`
draw a kernel for each sequence and then the sequence. Contexts are numbered as in `NGramLaw.contexts`.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from numerics.sub_ngrams.sequences import words
from proofs.sub_ngrams.law import NGramLaw, float_alpha, require_ngram_law

STEPS_AHEAD = 256  # uniform numbers are drawn for that many steps at once
BELOW_ONE = 1 - 2.0**-52  # keeps uniform * total below total after rounding


def polya_urn(
    law: NGramLaw, T: int, batch: int, generator: torch.Generator, dtype: torch.dtype = torch.int64
) -> tuple[Tensor, Tensor]:
    """Sequences x (batch x T) and the predictive P (batch x S, float64) of their next token, by one urn per context.

    Drawn on the generator's device; `dtype` is that of the tokens. T >= n. Rao-Blackwell: take the expectation over
    the next token with P, never draw it.
    """
    urns, drawn = _urns(law, T, batch, generator, dtype)
    x = torch.cat(list(drawn)).T
    return x, predictive_of_counts(law, x, _counts(law, urns))


def urn_counts(
    law: NGramLaw, T: int, batch: int, generator: torch.Generator, dtype: torch.dtype = torch.int64
) -> tuple[Tensor, Tensor, Tensor]:
    """The first n-1 tokens of sequences as `polya_urn` draws them, their last n, and the counts of all their n-grams.

    Tokens are batch x (n-1) and batch x n. Counts are float64, batch x S^n, n-grams in lexicographic order. The tokens
    between are not kept, so that memory does not grow with T.
    """
    urns, drawn = _urns(law, T, batch, generator, dtype)
    start = last = next(drawn)
    for tokens in drawn:
        last = torch.cat([last, tokens])[-law.n :]
    return start.T, last.T, _counts(law, urns)


def _urns(
    law: NGramLaw, T: int, batch: int, generator: torch.Generator, dtype: torch.dtype
) -> tuple[Tensor, Iterator[Tensor]]:
    """The urns (batch x contexts x S) and the tokens drawn from them, which change them: first n-1, then some at a time
    (steps x batch)."""
    n, device, alpha = law.n, generator.device, float_alpha(law)
    if n > T:
        raise ValueError(f"T={T}: sequences have at least n={n} tokens")

    def fresh(contexts: int) -> Tensor:
        return torch.full((batch, contexts, law.S), alpha, dtype=torch.float64, device=device)

    urns = fresh(law.S ** (n - 1))

    def drawn() -> Iterator[Tensor]:
        if law.initial == "dirichlet":
            parts = walk(fresh(1), _zeros(batch, device), n - 1, generator, dtype, reinforce=True)
            start = torch.cat([torch.empty(0, batch, dtype=dtype, device=device), *parts])
        else:
            start = torch.randint(law.S, (n - 1, batch), generator=generator, device=device).to(dtype)
        yield start
        u = words(start.T.long(), n - 1, law.S)[:, 0]
        yield from walk(urns, u, T - n + 1, generator, dtype, reinforce=True)

    return urns, drawn()


def _counts(law: NGramLaw, urns: Tensor) -> Tensor:
    """How often each n-gram was drawn, from the urns afterwards: batch x S^n."""
    return urns.sub_(float_alpha(law)).round_().flatten(1)  # whole numbers, but for rounding


def predictive_of_counts(law: NGramLaw, x: Tensor, grams: Tensor) -> Tensor:
    """P(s) = E[tau(s | u) | x], u the last n-1 tokens, from the counts of n-grams (B x S^n): float64, B x S."""
    u = words(x[:, x.shape[1] + 1 - law.n :].long(), law.n - 1, law.S)[:, 0]
    alpha = float_alpha(law)
    followers = grams.view(len(x), -1, law.S)[torch.arange(len(x), device=x.device), u]
    return (alpha + followers) / (law.S * alpha + followers.sum(1, keepdim=True))


def draw_kernels(law: NGramLaw, batch: int, generator: torch.Generator) -> Tensor:
    """Kernels tau(s | u), one for each sequence: float64, batch x S^(n-1) x S."""
    return _dirichlet(law, (batch, law.S ** (law.n - 1)), generator)


def chains(law: NGramLaw, tau: Tensor, T: int, generator: torch.Generator) -> Tensor:
    """One sequence from each kernel (batch x S^(n-1) x S): int64, batch x T, T >= n-1."""
    require_ngram_law(law)
    batch, n, device = len(tau), law.n, generator.device
    if law.initial == "dirichlet":
        unigram = _dirichlet(law, (batch, 1), generator)
        parts = walk(unigram, _zeros(batch, device), n - 1, generator, torch.int64, reinforce=False)
        start = torch.cat([_zeros(0, device).new_empty(0, batch), *parts])
    else:
        start = torch.randint(law.S, (n - 1, batch), generator=generator, device=device)
    u = words(start.T, n - 1, law.S)[:, 0]
    return torch.cat([start, *walk(tau, u, T - n + 1, generator, torch.int64, reinforce=False)]).T


def walk(
    rows: Tensor, u: Tensor, steps: int, generator: torch.Generator, dtype: torch.dtype, *, reinforce: bool
) -> Iterator[Tensor]:
    """Tokens drawn from the row of the current context, in proportion to its entries: some steps x batch at a time.

    rows  batch x C x S, contiguous: the weight of every token in each of C contexts; with `reinforce`, a token that is
          drawn gains weight 1 (Pólya), in place, once all tokens are drawn
    u     context each sequence starts from: batch

    Token by token rather than row by row: a few whole columns of `batch` numbers at a time are what torch is quick at.
    """
    batch, C, S = rows.shape
    flat = torch.cat([rows.reshape(-1), rows.new_zeros(S)])  # so that every token has a column of the same length
    columns = [flat[s : s + rows.numel()] for s in range(S)]
    own = torch.arange(batch, device=rows.device) * (C * S)
    slide = torch.arange(C * S, device=rows.device) % C * S  # n-gram u S + s -> S times the context that follows
    gram, at = u * S, torch.empty_like(u)
    content = [rows.new_empty(batch) for _ in columns]  # of the urns up to each token
    drawn, beyond, one = rows.new_empty(batch), torch.empty_like(u, dtype=torch.bool), rows.new_ones(batch)
    for first in range(0, steps, STEPS_AHEAD):
        left = min(STEPS_AHEAD, steps - first)
        uniform = torch.rand(left, batch, generator=generator, dtype=torch.float64, device=rows.device)
        uniform *= BELOW_ONE
        x = torch.zeros(left, batch, dtype=dtype, device=rows.device)
        for number, token in zip(uniform.unbind(), x.unbind(), strict=True):
            torch.add(own, gram, out=at)
            for s, column in enumerate(columns):
                torch.index_select(column, 0, at, out=content[s])
                if s:
                    content[s] += content[s - 1]
            torch.mul(number, content[-1], out=drawn)
            for part in content[:-1]:
                token += torch.ge(drawn, part, out=beyond)
            gram += token
            if reinforce:
                flat.index_add_(0, torch.add(own, gram, out=at), one)
            gram = slide.index_select(0, gram)
        yield x
    if reinforce:
        rows.view(-1).copy_(flat[: rows.numel()])


def _dirichlet(law: NGramLaw, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Rows from Dirichlet(alpha, ..., alpha): shape + (S,)."""
    alpha = torch.full((*shape, law.S), float_alpha(law), dtype=torch.float64, device=generator.device)
    return dirichlet(alpha, generator)


def dirichlet(alpha: Tensor, generator: torch.Generator) -> Tensor:
    """Rows from the Dirichlet laws with these parameters (float64, ... x S), on the generator's device.

    By log Gamma(alpha) = log Gamma(alpha + 1) + log(U) / alpha in law, for at small alpha the gammas underflow.
    """
    # torch.distributions takes no generator; this is what it calls
    gamma = torch._standard_gamma(alpha + 1, generator=generator)
    uniform = 1 - torch.rand(alpha.shape, generator=generator, dtype=torch.float64, device=generator.device)
    return torch.softmax(gamma.log() + uniform.log() / alpha, -1)


def _zeros(batch: int, device: torch.device) -> Tensor:
    return torch.zeros(batch, dtype=torch.int64, device=device)
