"""The gradient of many sequences in closed form (sub-n-grams/gradient). The slow twin is `proofs`' `score`.

Engine `closed_form`: all S^T sequences, their exact weights, in float64.

Shapes: x is B x T (any integer dtype), P is B x S (float64), g is B x T.
"""

from __future__ import annotations

import math
from fractions import Fraction

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from numerics.device import at_once
from numerics.sub_ngrams.sequences import UNIT_ROUNDOFF, enumerate_sequences, law_error
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.laws import Law
from proofs.sub_ngrams.score_blocks import ScoreBlocks

POSITIONS = 2**20  # positions, or cells of the count tables, that are held at once
BATCH = 2**12


def closed_form(
    law: NGramLaw | Law, configuration: Configuration, T: int, *, device: torch.device | None = None
) -> ScoreBlocks:
    """M_ab over all S^T sequences, with a bound on the rounding error (u the unit roundoff).

    An entry is a sum of terms whose absolute values add up to at most 2, as sum_j |g_j| <= 2; to 2/S where x_{T-a} is
    uniform, as under `NGramLaw`.
    Their relative errors are `score_error` and `law_error`; summation over a batch and over the batches adds u for
    each. To first order, and doubled for the rest.
    """
    n, S = law.n, law.S
    total = torch.zeros(n, n, S, S, dtype=torch.float64, device=device)
    batch = at_once(BATCH, total.device)
    for x, P, weight in enumerate_sequences(law, T, batch=batch, device=total.device):
        total += block_mean(x, P, weight, configuration, n)
    summation = UNIT_ROUNDOFF * (batch + S**T / batch + 2)
    bound = 2 * most_in_sum(law) * (score_error(configuration, S) + law_error(T, law) + summation)
    return ScoreBlocks.from_nested(total.tolist(), torch.full_like(total, bound).tolist())


def most_in_sum(law: NGramLaw | Law) -> float:
    """Bound on the sum of the absolute values of all terms of an entry of a score block."""
    return 2 / law.S if type(law) is NGramLaw else 2.0


def score_from_logits(z: Tensor, x: Tensor, P: Tensor) -> Tensor:
    """g_j = rho a_j - P(x_j) (weight of j among the positions that hold x_j), for any attention logits z (B x T)."""
    holds = one_hot(x.long(), P.shape[1]).bool()
    log_Z = z[:, :, None].masked_fill(~holds, -math.inf).logsumexp(1)  # B x S; -inf where s does not occur
    rho = (P * holds.any(1)).sum(1, keepdim=True)
    within = (z - log_Z.gather(1, x.long())).exp()
    return rho * torch.softmax(z, 1) - P.gather(1, x.long()) * within


def score(x: Tensor, P: Tensor, configuration: Configuration) -> Tensor:
    """g_j = dl/dz_j at a configuration, its limit q = inf included: B x T."""
    B, S, levels = len(x), P.shape[1], len(configuration.lags) + 1
    kind = x.long() * levels + matches(x, configuration)
    counts = _count(kind, S * levels).view(B, S, levels)
    return score_table(counts, P, configuration).view(B, -1).gather(1, kind)


def lag_sums(x: Tensor, P: Tensor, configuration: Configuration, n: int) -> Tensor:
    """R_b[v'] = sum_j g_j 1{x_{j-b} = v'} for every sequence and key lag b < n: B x n x S.

    The score block of one sequence is rank one: M_ab[v, v'] = 1{x_{T-a} = v} R_b[v'].
    """
    S, levels = P.shape[1], len(configuration.lags) + 1
    chunk = max(1, at_once(POSITIONS, x.device) // max(x.shape[1], S * S * levels))
    parts = zip(torch.split(x, chunk), torch.split(P, chunk), strict=True)
    return torch.cat([_lag_sums(part, P_part, configuration, n) for part, P_part in parts])


def lag_sums_of_counts(
    start: Tensor, last: Tensor, grams: Tensor, P: Tensor, configuration: Configuration, n: int
) -> Tensor:
    """`lag_sums` from the counts of all n-grams (float64, B x S^n, in lexicographic order): B x n x S.

    start, last  the first n-1 and the last n tokens. At a cost of S^n for a sequence, whatever its length.
    """
    B, S, levels, device = len(start), P.shape[1], len(configuration.lags) + 1, grams.device
    kinds = S * levels
    tokens = torch.cartesian_prod(*[torch.arange(S, device=device)] * n).view(-1, n).flip(1)  # [n-gram, lag]
    ends, start = query_tokens(last, n), start.long()
    kind = (tokens[:, 0] * levels).expand(B, -1)  # of every n-gram and, below, of the positions before the first
    kind_of_start = start * levels
    for lag in configuration.lags:
        kind = kind + (tokens[:, lag] == ends[:, lag - 1, None])
        kind_of_start[:, lag:] += start[:, : n - 1 - lag] == ends[:, lag - 1, None]
    counts = grams.new_zeros(B, kinds).scatter_add_(1, kind, grams)
    counts.scatter_add_(1, kind_of_start, torch.ones_like(start, dtype=counts.dtype))
    g = score_table(counts.view(B, S, levels), P, configuration).view(B, kinds)
    lag_is = (tokens.unsqueeze(2) == torch.arange(S, device=device)).double()  # [n-gram, lag, token]
    sums = ((grams * g.gather(1, kind)) @ lag_is.flatten(1)).view(B, n, S)
    g_of_start = g.gather(1, kind_of_start)
    for b in range(n - 1):
        sums[:, b].scatter_add_(1, start[:, : n - 1 - b], g_of_start[:, b:])
    return sums


def block_mean(x: Tensor, P: Tensor, weight: Tensor, configuration: Configuration, n: int) -> Tensor:
    """sum over sequences of weight (B) times M_ab[v, v']: n x n x S x S."""
    R = lag_sums(x, P, configuration, n)
    ends = one_hot(query_tokens(x, n), P.shape[1]).to(R.dtype)
    return torch.einsum("i,iav,ibw->abvw", weight, ends, R)


def score_error(configuration: Configuration, S: int) -> float:
    """Bound on the error of any sum of g over positions, relative to the sum of |g|, given P (u the unit roundoff).

    A weight exp(c d), d <= |Lambda|, is off by |Lambda| (|dc| + u c) from its exponent, dc the error of c = log q, and
    2u from exp; it stands in a numerator and in a sum of S (|Lambda| + 1) kinds of positions. Then the sums for rho and
    over the kinds, and 8 products and quotients. Counts are exact.
    """
    lags = len(configuration.lags)
    exponent = 0.0 if configuration.at_limit else lags * (log_error(configuration) + UNIT_ROUNDOFF * configuration.c)
    return 2 * exponent + UNIT_ROUNDOFF * (4 + 2 * S * (lags + 1) + S + 8)


def log_error(configuration: Configuration) -> float:
    """Bound on the error of `configuration.c`: of a logarithm, or of the difference of two for a rational q."""
    q = configuration.q
    size = math.log(q.numerator) + math.log(q.denominator) if isinstance(q, Fraction) else 0.0
    return 2 * UNIT_ROUNDOFF * (size + configuration.c)


def query_tokens(x: Tensor, n: int) -> Tensor:
    """x_{T-a} for a = 0..n-1: int64, B x n."""
    return x[:, -n:].flip(1).long()


def matches(x: Tensor, configuration: Configuration) -> Tensor:
    """m_j, the number of lags l with x_{j-l} = x_{T-l+1}: int32, B x T; positions count from 0."""
    T = x.shape[1]
    m = torch.zeros(x.shape, dtype=torch.int32, device=x.device)
    for lag in configuration.lags:
        m[:, lag:] += x[:, :-lag] == x[:, T - lag, None]
    return m


def score_table(counts: Tensor, P: Tensor, configuration: Configuration) -> Tensor:
    """g of a position that holds s and has m matches, for B sequences: B x S x levels, levels m = 0..|Lambda|.

    counts (B x S x levels) says how many positions there are of each kind; where there are none, g is some number.
    """
    m = torch.arange(counts.shape[2], device=counts.device)
    occupied = counts > 0
    best = torch.where(occupied, m, -1).amax(2, keepdim=True)  # of each token; -1 where it does not occur
    overall = best.amax(1, keepdim=True)
    rho = (P * occupied.any(2)).sum(1)[:, None, None]
    a = _weights(m - overall, configuration)
    within = _weights(m - best, configuration)
    a = a / (counts * a).sum((1, 2), keepdim=True)
    within = within / (counts * within).sum(2, keepdim=True).clamp(min=1)  # at least 1 where the token occurs
    return rho * a - P[:, :, None] * within


def _weights(difference: Tensor, configuration: Configuration) -> Tensor:
    """q^difference for difference <= 0, 1{difference = 0} at q = inf; above 0 (no such position) some number."""
    if configuration.at_limit:
        return (difference == 0).double()
    return (configuration.c * difference.clamp(max=0).double()).exp()


def _lag_sums(x: Tensor, P: Tensor, configuration: Configuration, n: int) -> Tensor:
    B, S, levels = len(x), P.shape[1], len(configuration.lags) + 1
    x = x.int().contiguous()
    kind = x * levels + matches(x, configuration)  # token and number of matches of every position
    counts = _count(kind, S * levels)
    g = score_table(counts.view(B, S, levels), P, configuration).view(B, S * levels)
    sums = [(counts * g).view(B, S, levels).sum(2)]
    for b in range(1, n):
        pairs = _count(x[:, :-b] * (S * levels) + kind[:, b:], S * S * levels).view(B, S, S * levels)
        sums.append((pairs * g[:, None]).sum(2))
    return torch.stack(sums, 1)


def _count(code: Tensor, codes: int) -> Tensor:
    """How often each code 0..codes-1 stands in each row of `code` (B x t): int64, B x codes."""
    B = len(code)
    own = torch.arange(B, dtype=code.dtype, device=code.device)[:, None] * codes
    return (code + own).reshape(-1).bincount(minlength=B * codes).view(B, codes)
