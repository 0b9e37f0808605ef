"""Engine `autograd`: the literal network, all of its parameters as tensors, differentiated by torch.

Also the only engine at arbitrary parameters, at finite c_A, and for epsilon > 0: `parameter_gradients`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from numerics.device import at_once
from numerics.sub_ngrams.closed_form import log_error, most_in_sum
from numerics.sub_ngrams.draws import draw
from numerics.sub_ngrams.network import SATURATED, Network, positional_logits
from numerics.sub_ngrams.population_gradient import expected_gradient
from numerics.sub_ngrams.sequences import UNIT_ROUNDOFF, Batch, enumerate_sequences, law_error
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.laws import Law
from proofs.sub_ngrams.score_blocks import ScoreBlocks

# times `Configuration.unit`, by parts of which numbers of matches differ, stands for c = inf: e^-64 < 2e-28
C_AT_LIMIT = 64.0  # and multiples of 64 are exact floats
BATCH = 1024
POSITIONS = 2**20  # tokens of drawn sequences differentiated at once, at most


@torch.inference_mode(False)  # nor no_grad, whatever the caller has
def autograd(
    law: NGramLaw | Law,
    configuration: Configuration,
    T: int,
    *,
    batch: int | None = None,
    device: torch.device | None = None,
) -> ScoreBlocks:
    """M = dL/dW of the network with hard heads and merged W, over all S^T sequences with their exact weights, and with
    literal heads dL/dA in the rows where they average.

    Every head carries its token here (V = I), or the blocks of inactive lags would not show. The limit q = inf is taken
    at c = 64, or with literal heads a multiple; `error_bound` says what that leaves out, and bounds the rounding.
    """
    n, S = law.n, law.S
    c = C_AT_LIMIT * configuration.unit if configuration.at_limit else configuration.c
    network = Network.at_configuration(law, configuration, T, parametrisation="merged", c=c, device=device)
    with torch.no_grad():
        network.V.copy_(torch.eye(S))
        if network.A is not None:
            network.A.copy_(positional_logits(n, T, range(1, n), SATURATED))
    batch = at_once(BATCH, network.V.device) if batch is None else batch
    gradients, bound = parameter_gradients(network, law, T, batch=batch), error_bound(law, configuration, T, batch)
    M = gradients["W"].reshape(n, S, n, S).transpose(1, 2)
    rows = {(h, t): (gradients["A"][h - 1, t - 1, :t] / c).tolist() for h, t in configuration.averaging_rows}
    return ScoreBlocks.from_nested(
        M.tolist(),
        torch.full_like(M, bound).tolist(),
        rows=rows,
        row_errors={key: [bound / most_in_sum(law)] * len(row) for key, row in rows.items()},
    )


def parameter_gradients(
    network: Network,
    law: NGramLaw | Law,
    T: int,
    *,
    epsilon: float = 0.0,
    samples: int | None = None,
    generator: torch.Generator | None = None,
    batch: int = BATCH,
) -> dict[str, Tensor]:
    """The gradient of the population loss in every parameter of the network: name -> tensor.

    Over all S^T sequences, or, with `samples` and a `generator` on the network's device, the average over that many
    sequences drawn from the law. epsilon = 0 is the limit of the gradient, see `Network.losses`.
    """
    device = network.V.device
    if samples is None:
        batches = enumerate_sequences(law, T, batch=batch, device=device)
    elif generator is None:
        raise ValueError("samples are drawn with a generator: pass one")
    else:
        batches = _drawn(law, T, samples, generator, batch)
    parameters = dict(network.named_parameters())
    return expected_gradient(parameters, lambda x, P: network.losses(x, P, epsilon), batches)


def _drawn(law: NGramLaw | Law, T: int, samples: int, generator: torch.Generator, batch: int) -> Iterator[Batch]:
    batch = max(1, min(batch, POSITIONS // T))
    for first in range(0, samples, batch):
        x, P = draw(law, T, min(batch, samples - first), generator)
        yield Batch(x, P, torch.full_like(P[:, 0], 1 / samples))


def error_bound(law: NGramLaw | Law, configuration: Configuration, T: int, batch: int) -> float:
    """Bound on the error of every score block entry of `autograd`, u being the unit roundoff.

    An entry is a sum of terms weight * g_j whose absolute values sum to at most `most_in_sum`. So it suffices to bound
    the relative error of one term, plus that of the summation:

    law          weights and predictives, see `law_error`
    logits       z = c m_j <= c |Lambda|, so |dz| <= |Lambda| |dc| + |Lambda|^2 u c, and |Lambda| (n + 6) u c more with
                 literal heads, which average n - 1 tokens at most; a softmax weight moves by 2 |dz|
    softmax      exponentials, a sum of T, and its logarithm subtracted: u (T + 4 log T + 4 c |Lambda| + 8)
    products     16u, and the sum over S tokens that is the coefficient of the overall softmax: S u
    summation    over positions, over a batch, over the batches: u (T + batch + S^T / batch)

    To first order, and doubled for the rest. At q = inf, weights off the best matches, of e^-64 each at most, add up to
    at most T e^-64 in the attention and, on average over P, among the holders of a token: at most 4 T e^-64 in
    sum_j |g_j|, and in an entry 2 T e^-64 times `most_in_sum`. An entry of a row of A is a sum of terms g_t times at
    most 1/4, which add up to 1/4: within the same bound, divided by `most_in_sum`.
    """
    S, u, lags = law.S, UNIT_ROUNDOFF, len(configuration.lags)
    batch = min(batch, S**T)
    if configuration.at_limit:
        c, dc, limit = C_AT_LIMIT * configuration.unit, 0.0, 2 * most_in_sum(law) * T * math.exp(-C_AT_LIMIT)
    else:
        c, dc, limit = configuration.c, log_error(configuration), 0.0
    means = law.n + 6 if configuration.heads == "literal" else 0
    dz = lags * dc + lags * (lags + means) * u * c
    softmax = T + 4 * math.log(T) + 4 * c * lags + 8
    summation = T + batch + float(S**T) / batch + 1
    return 2 * most_in_sum(law) * (law_error(T, law) + 2 * dz + u * (softmax + 16 + S + summation)) + limit
