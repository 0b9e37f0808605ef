"""The exact population gradient of any next-token module (sub-n-grams/law-and-network)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from numerics.sub_ngrams.own_module import Output, OwnModule, asking
from numerics.sub_ngrams.sequences import Batch, enumerate_sequences
from numerics.sub_ngrams.slopes import require_slopes
from proofs.sub_ngrams.law import NGramLaw


def population_gradient(
    module: nn.Module,
    law: NGramLaw,
    T: int,
    *,
    epsilon: float = 0.0,
    batch: int = 1024,
    output: Output = "probabilities",
) -> dict[str, Tensor]:
    """The gradient of L = -E sum_s P(s) log(p(s) + epsilon) in every parameter of `module`, over all S^T sequences.

    module maps int64 sequences (B x T) to one row for each (B x S): next-token probabilities, or what `output` says.
    Each sequence by itself and without randomness (no dropout, no batch statistics: call module.eval()). P is the
    posterior predictive, so that L is the population loss of predicting token T+1. Returns parameter name -> gradient
    in float64; a parameter that the output does not depend on has gradient 0, one that does not require a gradient is
    left out.

    At epsilon = 0 a token that does not occur in the sequence and has p = 0 whatever the parameters are contributes
    nothing, as in a network that copies. The loss is infinite then, see `population_loss`. Where the module ends in a
    softmax or an exponential its logarithm is taken before, so that no p underflows.

    The module runs with copies of its parameters in float64, and is left as it was: parameters, gradients, buffers,
    mode, attributes, and the random numbers of torch. Hooks on it run.

    Raises ValueError, with the reason, instead of a number that may be wrong: numbers in single precision inside the
    module; p = 0, or below the normal floats, by underflow or rounding; p = 0 for a token that does occur; an answer
    that is random or changes beside other sequences (every sequence is asked for twice, see `OwnModule`); a parameter
    that the output depends on by a path that torch does not see; a gradient that is not finite, or not the slope of the
    loss: a backward pass that is not the derivative of the forward pass (padding_idx, scale_grad_by_freq, an
    autograd.Function or a tensor hook of its own), a path that the module hides besides one that it shows; an output of
    another shape or kind; too many sequences; another law than `NGramLaw` itself. What it cannot see: a dependence on
    other sequences below 1e-10 of log p; cancellation inside; what is wrong by less than differences of the loss can
    tell, which is some 1e-7 where it is smooth, see `require_slopes`. Those take 8 to 12 passes forward a parameter.
    """
    with asking(module, law.S, output, epsilon) as own:
        return checked_gradients(own, lambda: enumerate_sequences(law, T, batch=batch, device=own.device))


def checked_gradients(own: OwnModule, batches: Callable[[], Iterable[Batch]]) -> dict[str, Tensor]:
    """The gradient of the weighted sum of `losses` over these sequences, in every parameter; errors as above.

    batches  gives the same sequences every time
    """
    found = _reached_gradients(own.parameters, lambda x, P: losses(own, x, P)[0], batches())
    own.require_no_hidden_path(own.parameters.keys() - found.keys(), (x for x, _, _ in batches()))
    gradients = {name: found.get(name, torch.zeros_like(value)) for name, value in own.parameters.items()}
    _require_finite(gradients)
    require_slopes(own.parameters, gradients, lambda others: losses_at(own, others, batches()))
    return {name: gradient.detach() for name, gradient in gradients.items()}


def population_loss(
    module: nn.Module,
    law: NGramLaw,
    T: int,
    *,
    epsilon: float = 0.0,
    batch: int = 1024,
    output: Output = "probabilities",
) -> float:
    """L = -E sum_s P(s) log(p(s) + epsilon) over all S^T sequences; inf where some p(s) is 0 whatever the parameters
    are, and epsilon = 0.

    Same requirements on `module` and same errors as `population_gradient`, but for those of the gradient.
    """
    total = 0.0
    with asking(module, law.S, output, epsilon) as own, torch.no_grad():
        for x, P, weight in enumerate_sequences(law, T, batch=batch, device=own.device):
            each, infinite = losses(own, x, P, occurring=False)
            total += math.inf if bool(infinite.any()) else float((weight * each).sum())
    return total


def losses(
    own: OwnModule, x: Tensor, P: Tensor, *, again: bool = True, occurring: bool = True
) -> tuple[Tensor, Tensor]:
    """-sum_s P(s) log(p(s) + epsilon) for every sequence, or its mean over the positions, without the tokens that have
    p = 0 whatever the parameters are; and whether there are such, so that the loss is infinite: B, B.

    again      see `OwnModule.log_probabilities`
    occurring  whether p = 0 is a ValueError for a token that does occur
    """
    log_p = own.log_probabilities(x, again=again)
    zero = torch.isneginf(log_p.detach())
    if occurring:
        _require_absent(zero, x, own.shortest)
    each = -(P * log_p.masked_fill(zero, 0.0)).sum(-1)
    return each.flatten(1).mean(1) if each.dim() > 1 else each, (zero & (P > 0)).flatten(1).any(1)


def expected_gradient(
    parameters: Mapping[str, Tensor], losses: Callable[[Tensor, Tensor], Tensor], batches: Iterable[Batch]
) -> dict[str, Tensor]:
    """The gradient of sum over all batches of weight * losses(x, P), with losses one number per sequence.

    Raises ValueError for a parameter that does not require a gradient.
    """
    frozen = [name for name, value in parameters.items() if not value.requires_grad]
    if frozen:
        raise ValueError(f"{', '.join(frozen)}: no gradient is required of it")
    found = _reached_gradients(parameters, losses, batches)
    return {name: found.get(name, torch.zeros_like(value)) for name, value in parameters.items()}


@torch.inference_mode(False)  # nor no_grad, whatever the caller has
def _reached_gradients(
    parameters: Mapping[str, Tensor], losses: Callable[[Tensor, Tensor], Tensor], batches: Iterable[Batch]
) -> dict[str, Tensor]:
    """The same, without those that no loss has a path to."""
    total: dict[str, Tensor] = {}
    for x, P, weight in batches:
        loss = (weight * losses(x, P)).sum()
        if not loss.requires_grad:
            continue
        gradients = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True)
        for name, gradient in zip(parameters, gradients, strict=True):
            if gradient is not None:
                total[name] = total[name] + gradient if name in total else gradient
    return total


def _require_finite(gradients: Mapping[str, Tensor]) -> None:
    for name, gradient in gradients.items():
        if not bool(torch.isfinite(gradient).all()):
            raise ValueError(f"the gradient in {name} is not finite: it does not exist here, or floats do not hold it")


def losses_at(own: OwnModule, others: Sequence[Mapping[str, Tensor]], batches: Iterable[Batch]) -> list[float]:
    """The loss that the gradient is taken of, with each of the others in the place of some parameters."""
    parts: list[list[float]] = [[] for _ in others]
    for x, P, weight in batches:
        for part, values in zip(parts, others, strict=True):
            part.append(float((weight * each_at(own, x, P, values)).sum()))
    return [math.fsum(part) for part in parts]


def each_at(own: OwnModule, x: Tensor, P: Tensor, others: Mapping[str, Tensor]) -> Tensor:
    """`losses` with others in the place of some parameters: B."""
    log_p = own.at(x, others)
    each = -(P * log_p.masked_fill(torch.isneginf(log_p), 0.0)).sum(-1)
    return each.flatten(1).mean(1) if each.dim() > 1 else each


def _require_absent(zero: Tensor, x: Tensor, shortest: int) -> None:
    """Raises ValueError if a token occurs in its sequence, or in what the module has seen of it, and has probability
    0."""
    seen = one_hot(x, zero.shape[-1]).cumsum(1).bool()
    occurs = seen[:, -1] if zero.dim() == 2 else seen[:, shortest - 1 :]
    bad = (zero & occurs).nonzero()
    if len(bad):
        i, *_, s = bad[0].tolist()
        raise ValueError(
            f"the module gives probability 0 to token {s}, which occurs in the sequence {x[i].tolist()}: "
            "the loss is infinite there and has no gradient; epsilon > 0 smooths it"
        )
