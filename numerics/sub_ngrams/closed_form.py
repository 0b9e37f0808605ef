"""The gradient of many sequences in closed form (sub-n-grams/gradient). The slow twin is `proofs`' `score`.

Engine `closed_form`: all S^T sequences, their exact weights, in float64.

Shapes: x is B x T (any integer dtype), P is B x S (float64), g is B x T.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from numerics.device import at_once
from numerics.sub_ngrams.sequences import UNIT_ROUNDOFF, enumerate_sequences, law_error
from proofs.sub_ngrams.configuration import Configuration, Row
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.laws import Law
from proofs.sub_ngrams.score_blocks import ScoreBlocks

POSITIONS = 2**20  # positions, or cells of the count tables, that are held at once
BATCH = 2**12


def closed_form(
    law: NGramLaw | Law, configuration: Configuration, T: int, *, device: torch.device | None = None
) -> ScoreBlocks:
    """M_ab over all S^T sequences, and the rows of A, with a bound on the rounding error (u the unit roundoff).

    An entry is a sum of terms whose absolute values add up to at most 2, as sum_j |g_j| <= 2; to 2/S where x_{T-a} is
    uniform, as under `NGramLaw`; in a row of A, to at most 1.
    Their relative errors are `score_error` and `law_error`, and 4u of means and products with literal heads; summation
    over a batch and over the batches adds u for each. To first order, and doubled for the rest.
    """
    n, S = law.n, law.S
    total = torch.zeros(n, n, S, S, dtype=torch.float64, device=device)
    in_rows = total.new_zeros(sum(t for _, t in configuration.averaging_rows))
    batch = at_once(BATCH, total.device)
    for x, P, weight in enumerate_sequences(law, T, batch=batch, device=total.device):
        total += block_mean(x, P, weight, configuration, n)
        if len(in_rows):
            in_rows += weight @ row_slopes(x, P, configuration, n)
    summation = UNIT_ROUNDOFF * (batch + S**T / batch + 2)
    relative = score_error(configuration, S) + law_error(T, law) + summation + 4 * UNIT_ROUNDOFF
    return ScoreBlocks.from_nested(
        total.tolist(),
        torch.full_like(total, 2 * most_in_sum(law) * relative).tolist(),
        rows=by_row(in_rows.tolist(), configuration),
        row_errors=by_row([2 * relative] * len(in_rows), configuration),
    )


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
    B, S, levels = len(x), P.shape[1], len(configuration.levels)
    kind = x.long() * levels + matches(x, configuration)
    counts = _count(kind, S * levels).view(B, S, levels)
    return score_table(counts, P, configuration).view(B, -1).gather(1, kind)


def lag_sums(x: Tensor, P: Tensor, configuration: Configuration, n: int) -> Tensor:
    """R_b[v'] = sum_j g_j (weight of v' in what head b reads at j) for every sequence and key lag b < n: B x n x S.

    The score block of one sequence is rank one: M_ab[v, v'] = 1{x_{T-a} = v} R_b[v'].
    """
    S, levels = P.shape[1], len(configuration.levels)
    chunk = max(1, at_once(POSITIONS, x.device) // max(x.shape[1], S * S * levels))
    parts = zip(torch.split(x, chunk), torch.split(P, chunk), strict=True)
    return torch.cat([_lag_sums(part, P_part, configuration, n) for part, P_part in parts])


def lag_sums_of_counts(
    start: Tensor, last: Tensor, grams: Tensor, P: Tensor, configuration: Configuration, n: int
) -> Tensor:
    """`lag_sums` from the counts of all n-grams (float64, B x S^n, in lexicographic order): B x n x S.

    start, last  the first n-1 and the last n tokens. At a cost of S^n for a sequence, whatever its length.
    """
    tokens, kind, kind_of_start, g = _scored(start, last, grams, P, configuration, n)
    S = P.shape[1]
    lag_is = (tokens.unsqueeze(2) == torch.arange(S, device=grams.device)).double()  # [n-gram, lag, token]
    sums = ((grams * g.gather(1, kind)) @ lag_is.flatten(1)).view(len(start), n, S)
    start, g_of_start = start.long(), g.gather(1, kind_of_start)
    for b in range(n - 1):
        sums[:, b].scatter_add_(1, start[:, : n - 1 - b], g_of_start[:, b:])
    return _with_means(sums, start, g_of_start, configuration)


def row_slopes(x: Tensor, P: Tensor, configuration: Configuration, n: int) -> Tensor:
    """dl/dA^(h)_{t,i} / c for every sequence, in the averaging rows (h, t) one after the other: B x entries."""
    return _row_slopes(x[:, : n - 1], query_tokens(x, n), score(x, P, configuration), configuration)


def row_slopes_of_counts(
    start: Tensor, last: Tensor, grams: Tensor, P: Tensor, configuration: Configuration, n: int
) -> Tensor:
    """`row_slopes` from the counts of all n-grams, see `lag_sums_of_counts`."""
    _, _, kind_of_start, g = _scored(start, last, grams, P, configuration, n)
    return _row_slopes(start, query_tokens(last, n), g.gather(1, kind_of_start), configuration)


def by_row(values: Sequence[float], configuration: Configuration) -> dict[Row, Sequence[float]]:
    """The entries of averaging rows, one after the other, by row."""
    rows, first = {}, 0
    for h, t in configuration.averaging_rows:
        rows[h, t] = values[first : first + t]
        first += t
    return rows


def block_mean(x: Tensor, P: Tensor, weight: Tensor, configuration: Configuration, n: int) -> Tensor:
    """sum over sequences of weight (B) times M_ab[v, v']: n x n x S x S."""
    R = lag_sums(x, P, configuration, n)
    ends = one_hot(query_tokens(x, n), P.shape[1]).to(R.dtype)
    return torch.einsum("i,iav,ibw->abvw", weight, ends, R)


def score_error(configuration: Configuration, S: int) -> float:
    """Bound on the error of any sum of g over positions, relative to the sum of |g|, given P (u the unit roundoff).

    A weight exp(c d), d <= |Lambda|, is off by |Lambda| (|dc| + 2 u c) from its exponent, dc the error of c = log q,
    and 2u from exp; it stands in a numerator and in a sum of S kinds of positions at every level. Then the sums for rho
    and over the kinds, and 8 products and quotients. Counts are exact.
    """
    lags, levels = len(configuration.lags), len(configuration.levels)
    exponent = (
        0.0 if configuration.at_limit else lags * (log_error(configuration) + 2 * UNIT_ROUNDOFF * configuration.c)
    )
    return 2 * exponent + UNIT_ROUNDOFF * (4 + 2 * S * levels + S + 8)


def log_error(configuration: Configuration) -> float:
    """Bound on the error of `configuration.c`: of a logarithm, or of the difference of two for a rational q."""
    q = configuration.q
    size = math.log(q.numerator) + math.log(q.denominator) if isinstance(q, Fraction) else 0.0
    return 2 * UNIT_ROUNDOFF * (size + configuration.c)


def query_tokens(x: Tensor, n: int) -> Tensor:
    """x_{T-a} for a = 0..n-1: int64, B x n."""
    return x[:, -n:].flip(1).long()


def matches(x: Tensor, configuration: Configuration) -> Tensor:
    """The place of m_j among `configuration.levels`: int32, B x T; positions count from 0.

    m_j is the number of lags l with x_{j-l} = x_{T-l+1}, and that place itself, where all heads see single tokens.
    """
    T, unit = x.shape[1], configuration.unit
    m = torch.zeros(x.shape, dtype=torch.int32, device=x.device)
    for lag in configuration.lags:
        m[:, lag:] += (x[:, :-lag] == x[:, T - lag, None]) * unit
        m[:, :lag] += _mean_matches(x[:, :lag], x[:, T - lag, None], configuration)
    return _places(m, configuration)


def _mean_matches(first: Tensor, token: Tensor, configuration: Configuration) -> Tensor:
    """unit times the share of the token (B x 1) in what heads read that no single token is seen by: B x positions."""
    holds = first == token
    if configuration.heads == "padded":
        return torch.zeros_like(holds, dtype=torch.int32)
    parts = configuration.unit // torch.arange(1, first.shape[1] + 1, device=first.device)
    return (holds.cumsum(1) * parts).int()


def _places(m: Tensor, configuration: Configuration) -> Tensor:
    if configuration.unit == 1:
        return m
    levels = torch.tensor(configuration.levels, device=m.device, dtype=m.dtype)
    return torch.searchsorted(levels, m.contiguous()).to(m.dtype)


def score_table(counts: Tensor, P: Tensor, configuration: Configuration) -> Tensor:
    """g of a position that holds s and has m matches, for B sequences: B x S x levels, m by its place among them.

    counts (B x S x levels) says how many positions there are of each kind; where there are none, g is some number.
    """
    m = torch.arange(counts.shape[2], device=counts.device)
    occupied = counts > 0
    best = torch.where(occupied, m, -1).amax(2, keepdim=True)  # of each token; -1 where it does not occur
    overall = best.amax(1, keepdim=True)
    rho = (P * occupied.any(2)).sum(1)[:, None, None]
    a = _weights(m, overall, configuration)
    within = _weights(m, best, configuration)
    a = a / (counts * a).sum((1, 2), keepdim=True)
    within = within / (counts * within).sum(2, keepdim=True).clamp(min=1)  # at least 1 where the token occurs
    return rho * a - P[:, :, None] * within


def _weights(m: Tensor, best: Tensor, configuration: Configuration) -> Tensor:
    """The weight at each place m of the levels relative to that at the place `best`, 1{m = best} at q = inf; above it
    (no such position), and where best = -1, some number."""
    if configuration.at_limit:
        return (m == best).double()
    level = torch.tensor(configuration.levels, dtype=torch.float64, device=m.device)
    difference = (level[m] - level[best.clamp(min=0)]).clamp(max=0) / configuration.unit
    return (configuration.c * difference).exp()


def _lag_sums(x: Tensor, P: Tensor, configuration: Configuration, n: int) -> Tensor:
    B, S, levels = len(x), P.shape[1], len(configuration.levels)
    x = x.int().contiguous()
    kind = x * levels + matches(x, configuration)  # token and number of matches of every position
    counts = _count(kind, S * levels)
    g = score_table(counts.view(B, S, levels), P, configuration).view(B, S * levels)
    sums = [(counts * g).view(B, S, levels).sum(2)]
    for b in range(1, n):
        pairs = _count(x[:, :-b] * (S * levels) + kind[:, b:], S * S * levels).view(B, S, S * levels)
        sums.append((pairs * g[:, None]).sum(2))
    start = x[:, : n - 1].long()
    return _with_means(torch.stack(sums, 1), start, g.gather(1, kind[:, : n - 1].long()), configuration)


def _scored(
    start: Tensor, last: Tensor, grams: Tensor, P: Tensor, configuration: Configuration, n: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The tokens of every n-gram, by lag; the kinds (token and number of matches) of the positions that end each
    n-gram, and of the first n-1; g by kind."""
    B, S, levels, device = len(start), P.shape[1], len(configuration.levels), grams.device
    tokens = torch.cartesian_prod(*[torch.arange(S, device=device)] * n).view(-1, n).flip(1)  # [n-gram, lag]
    ends, start = query_tokens(last, n), start.long()
    m, m_of_start = torch.zeros_like(tokens[:, 0]).expand(B, -1), torch.zeros_like(start)
    for lag in configuration.lags:
        token = ends[:, lag - 1, None]
        m = m + (tokens[:, lag] == token) * configuration.unit
        m_of_start[:, lag:] += (start[:, : n - 1 - lag] == token) * configuration.unit
        m_of_start[:, :lag] += _mean_matches(start[:, :lag], token, configuration)
    kind = tokens[:, 0] * levels + _places(m, configuration)
    kind_of_start = start * levels + _places(m_of_start, configuration)
    counts = grams.new_zeros(B, S * levels).scatter_add_(1, kind, grams)
    counts.scatter_add_(1, kind_of_start, torch.ones_like(start, dtype=counts.dtype))
    g = score_table(counts.view(B, S, levels), P, configuration).view(B, S * levels)
    return tokens, kind, kind_of_start, g


def _with_means(sums: Tensor, start: Tensor, g: Tensor, configuration: Configuration) -> Tensor:
    """`lag_sums`, given its part from heads that see a single token, with what literal heads average. start and g
    (B x n-1) are tokens and scores of the first n-1 positions."""
    if configuration.heads == "literal":
        length = torch.arange(1, start.shape[1] + 1, device=start.device)[:, None]
        mean = one_hot(start, sums.shape[2]).to(sums.dtype).cumsum(1) / length
        sums[:, 1:] += (g[:, :, None] * mean).cumsum(1)  # at lag b over the positions before it
    return sums


def _row_slopes(start: Tensor, ends: Tensor, g: Tensor, configuration: Configuration) -> Tensor:
    """start: the first tokens, ends: `query_tokens`, g: scores of the first positions."""
    slopes = [g[:, :0]]
    for h, t in configuration.averaging_rows:
        holds = (start[:, :t] == ends[:, h - 1, None]).to(g.dtype)
        slopes.append(g[:, t - 1, None] * (holds - holds.mean(1, keepdim=True)) / t)
    return torch.cat(slopes, 1)


def _count(code: Tensor, codes: int) -> Tensor:
    """How often each code 0..codes-1 stands in each row of `code` (B x t): int64, B x codes."""
    B = len(code)
    own = torch.arange(B, dtype=code.dtype, device=code.device)[:, None] * codes
    return (code + own).reshape(-1).bincount(minlength=B * codes).view(B, codes)
