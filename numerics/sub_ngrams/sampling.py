"""Sequences drawn from the law (design, sub-n-grams section 1), thousands at a time.

Two ways that share no more than the walk: `polya_urn` draws from the annealed law at once; `draw_kernels` and `chains`
draw a kernel for each sequence and then the sequence. Contexts are numbered as in `NGramLaw.contexts`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from numerics.sub_ngrams.sequences import words
from proofs.sub_ngrams.law import NGramLaw

STEPS_AHEAD = 256  # uniform numbers are drawn for that many steps at once
BELOW_ONE = 1 - 2.0**-52  # keeps uniform * total below total after rounding


def polya_urn(
    law: NGramLaw, T: int, batch: int, generator: torch.Generator, dtype: torch.dtype = torch.int64
) -> tuple[Tensor, Tensor]:
    """Sequences x (batch x T) and the predictive P (batch x S, float64) of their next token, by one urn per context.

    Drawn on the generator's device; `dtype` is that of the tokens. T >= n. Rao-Blackwell: take the expectation over
    the next token with P, never draw it.
    """
    n, device, alpha = law.n, generator.device, float(law.alpha)
    if n > T:
        raise ValueError(f"T={T}: sequences have at least n={n} tokens")
    x = torch.empty(T, batch, dtype=dtype, device=device)
    fresh = alpha * torch.arange(1, law.S + 1, dtype=torch.float64, device=device)  # cumulative content of an urn
    if law.initial == "dirichlet":
        _walk(fresh.repeat(batch, 1, 1), _zeros(batch, device), x[: n - 1], generator, reinforce=True)
    else:
        x[: n - 1] = torch.randint(law.S, (n - 1, batch), generator=generator, device=device)
    urns = fresh.repeat(batch, law.S ** (n - 1), 1)
    u = words(x[: n - 1].T.long(), n - 1, law.S)[:, 0]
    u = _walk(urns, u, x[n - 1 :], generator, reinforce=True)
    followers = (urns[torch.arange(batch, device=device), u] - fresh).round()  # whole numbers, but for rounding
    followers = followers.diff(dim=1, prepend=followers.new_zeros(batch, 1))
    return x.T, (alpha + followers) / (law.S * alpha + followers.sum(1, keepdim=True))


def draw_kernels(law: NGramLaw, batch: int, generator: torch.Generator) -> Tensor:
    """Kernels tau(s | u), one for each sequence: float64, batch x S^(n-1) x S."""
    return _dirichlet(law, (batch, law.S ** (law.n - 1)), generator)


def chains(law: NGramLaw, tau: Tensor, T: int, generator: torch.Generator) -> Tensor:
    """One sequence from each kernel (batch x S^(n-1) x S): int64, batch x T, T >= n-1."""
    batch, n, device = len(tau), law.n, generator.device
    x = torch.empty(T, batch, dtype=torch.int64, device=device)
    if law.initial == "dirichlet":
        unigram = _dirichlet(law, (batch, 1), generator)
        _walk(unigram.cumsum(2), _zeros(batch, device), x[: n - 1], generator, reinforce=False)
    else:
        x[: n - 1] = torch.randint(law.S, (n - 1, batch), generator=generator, device=device)
    u = words(x[: n - 1].T, n - 1, law.S)[:, 0]
    _walk(tau.cumsum(2), u, x[n - 1 :], generator, reinforce=False)
    return x.T


def _walk(rows: Tensor, u: Tensor, x: Tensor, generator: torch.Generator, *, reinforce: bool) -> Tensor:
    """Fills x (steps x batch) with tokens drawn from the row of the current context; returns the last context.

    rows  batch x C x S, cumulative weights of the tokens in each of C contexts; with `reinforce`, a token that is
          drawn gains weight 1 (Pólya), in place
    u     context each sequence starts from: batch
    """
    batch, C, S = rows.shape
    flat = rows.view(batch * C, S)
    own = torch.arange(batch, device=rows.device) * C
    slide = torch.arange(C * S, device=rows.device) % C  # the context after context u and token s, at u S + s
    for t in range(len(x)):
        if t % STEPS_AHEAD == 0:
            left = min(STEPS_AHEAD, len(x) - t)
            uniform = torch.rand(left, batch, generator=generator, dtype=torch.float64, device=rows.device) * BELOW_ONE
        index = own + u
        row = flat.index_select(0, index)
        above = row > (uniform[t % STEPS_AHEAD] * row[:, -1])[:, None]  # from the drawn token on
        s = S - above.sum(1)
        if reinforce:
            flat.index_copy_(0, index, row + above)
        x[t] = s
        u = slide.index_select(0, u * S + s)
    return u


def _dirichlet(law: NGramLaw, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Rows from Dirichlet(alpha, ..., alpha): shape + (S,).

    By log Gamma(alpha) = log Gamma(alpha + 1) + log(U) / alpha in law, for at small alpha the gammas underflow.
    """
    alpha = torch.full((*shape, law.S), float(law.alpha), dtype=torch.float64, device=generator.device)
    # torch.distributions takes no generator; this is what it calls
    gamma = torch._standard_gamma(alpha + 1, generator=generator)
    uniform = 1 - torch.rand(alpha.shape, generator=generator, dtype=torch.float64, device=generator.device)
    return torch.softmax(gamma.log() + uniform.log() / alpha, -1)


def _zeros(batch: int, device: torch.device) -> Tensor:
    return torch.zeros(batch, dtype=torch.int64, device=device)
