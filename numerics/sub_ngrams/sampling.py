"""Sequences drawn from the law (design, sub-n-grams section 1), thousands at a time.

Two ways that share no more than the walk: `polya_urn` draws from the annealed law at once; `draw_kernels` and `chains`
draw a kernel for each sequence and then the sequence. Contexts are numbered as in `NGramLaw.contexts`.
"""

from __future__ import annotations

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
    x, grams = urn_counts(law, T, batch, generator, dtype)
    return x, predictive_of_counts(law, x, grams)


def urn_counts(
    law: NGramLaw, T: int, batch: int, generator: torch.Generator, dtype: torch.dtype = torch.int64
) -> tuple[Tensor, Tensor]:
    """Sequences x, as `polya_urn` draws them, and what its urns hold in the end: the counts of all n-grams.

    Counts are float64, batch x S^n, n-grams in lexicographic order.
    """
    n, device, alpha = law.n, generator.device, float_alpha(law)
    if n > T:
        raise ValueError(f"T={T}: sequences have at least n={n} tokens")
    x = torch.empty(T, batch, dtype=dtype, device=device)

    def fresh(contexts: int) -> Tensor:
        return torch.full((batch, contexts, law.S), alpha, dtype=torch.float64, device=device)

    if law.initial == "dirichlet":
        _walk(fresh(1), _zeros(batch, device), x[: n - 1], generator, reinforce=True)
    else:
        x[: n - 1] = torch.randint(law.S, (n - 1, batch), generator=generator, device=device)
    urns = fresh(law.S ** (n - 1))
    u = words(x[: n - 1].T.long(), n - 1, law.S)[:, 0]
    _walk(urns, u, x[n - 1 :], generator, reinforce=True)
    return x.T, urns.sub_(alpha).round_().flatten(1)  # whole numbers, but for rounding


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
    x = torch.empty(T, batch, dtype=torch.int64, device=device)
    if law.initial == "dirichlet":
        unigram = _dirichlet(law, (batch, 1), generator)
        _walk(unigram, _zeros(batch, device), x[: n - 1], generator, reinforce=False)
    else:
        x[: n - 1] = torch.randint(law.S, (n - 1, batch), generator=generator, device=device)
    u = words(x[: n - 1].T, n - 1, law.S)[:, 0]
    _walk(tau.clone(), u, x[n - 1 :], generator, reinforce=False)
    return x.T


def _walk(rows: Tensor, u: Tensor, x: Tensor, generator: torch.Generator, *, reinforce: bool) -> None:
    """Fills x (steps x batch) with tokens drawn from the row of the current context, in proportion to its entries.

    rows  batch x C x S, contiguous: the weight of every token in each of C contexts; with `reinforce`, a token that is
          drawn gains weight 1 (Pólya), in place
    u     context each sequence starts from: batch

    Token by token rather than row by row: a few whole columns of `batch` numbers at a time are what torch is quick at.
    """
    batch, C, S = rows.shape
    flat = torch.cat([rows.view(-1), rows.new_zeros(S)])  # so that every token has a column of the same length
    columns = [flat[s : s + rows.numel()] for s in range(S)]
    own = torch.arange(batch, device=rows.device) * (C * S)
    slide = torch.arange(C * S, device=rows.device) % C * S  # n-gram u S + s -> S times the context that follows
    gram, at = u * S, torch.empty_like(u)
    content = [rows.new_empty(batch) for _ in columns]  # of the urns up to each token
    drawn, beyond, one = rows.new_empty(batch), torch.empty_like(u, dtype=torch.bool), rows.new_ones(batch)
    for t in range(len(x)):
        if t % STEPS_AHEAD == 0:
            left = min(STEPS_AHEAD, len(x) - t)
            uniform = torch.rand(left, batch, generator=generator, dtype=torch.float64, device=rows.device)
            uniform *= BELOW_ONE
        torch.add(own, gram, out=at)
        for s, column in enumerate(columns):
            torch.index_select(column, 0, at, out=content[s])
            if s:
                content[s] += content[s - 1]
        torch.mul(uniform[t % STEPS_AHEAD], content[-1], out=drawn)
        x[t] = 0
        for part in content[:-1]:
            x[t] += torch.ge(drawn, part, out=beyond)
        gram += x[t]
        if reinforce:
            flat.index_add_(0, torch.add(own, gram, out=at), one)
        gram = slide.index_select(0, gram)
    rows.view(-1).copy_(flat[: rows.numel()])


def _dirichlet(law: NGramLaw, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Rows from Dirichlet(alpha, ..., alpha): shape + (S,).

    By log Gamma(alpha) = log Gamma(alpha + 1) + log(U) / alpha in law, for at small alpha the gammas underflow.
    """
    alpha = torch.full((*shape, law.S), float_alpha(law), dtype=torch.float64, device=generator.device)
    # torch.distributions takes no generator; this is what it calls
    gamma = torch._standard_gamma(alpha + 1, generator=generator)
    uniform = 1 - torch.rand(alpha.shape, generator=generator, dtype=torch.float64, device=generator.device)
    return torch.softmax(gamma.log() + uniform.log() / alpha, -1)


def _zeros(batch: int, device: torch.device) -> Tensor:
    return torch.zeros(batch, dtype=torch.int64, device=device)
