"""The exact population gradient of any next-token module (design, sub-n-grams sections 1 and 2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import torch
from torch import Tensor, nn

from numerics.sub_ngrams.sequences import Batch, enumerate_sequences
from proofs.sub_ngrams.law import NGramLaw

ROW_SUM_TOLERANCE = 1e-6  # tells probabilities from logits or counts; no verdict rests on it


def population_gradient(
    module: nn.Module, law: NGramLaw, T: int, *, epsilon: float = 0.0, batch: int = 1024
) -> dict[str, Tensor]:
    """The gradient of L = -E sum_s P(s) log(p(s) + epsilon) in every parameter of `module`, over all S^T sequences.

    module maps int64 sequences (B x T) to next-token probabilities (B x S), float64, each sequence by itself
    and without randomness (no dropout, no batch statistics: call module.eval()). P is the posterior predictive, so
    that L is the population loss of predicting token T+1. Returns parameter name -> gradient; a parameter that the
    output does not depend on has gradient 0, one that does not require a gradient is left out.

    At epsilon = 0 a token that does not occur in the sequence and has p = 0 exactly contributes nothing, as in a
    network that copies: its p is taken to be 0 whatever the parameters are. The loss is infinite then, see
    `population_loss`. Raises ValueError when there are too many sequences, when the output has the wrong shape or
    dtype, is no probability distribution, or changes when asked again, and when p = 0 at a token that does occur.
    """
    if not epsilon >= 0:
        raise ValueError(f"epsilon={epsilon}: a number >= 0")
    device = _device(module)
    _require_repeatable(module, next(enumerate_sequences(law, T, batch=batch, device=device)).x, law.S)

    def losses(x: Tensor, P: Tensor) -> Tensor:
        p = _probabilities(module, x, law.S)
        if epsilon > 0:
            return -(P * (p + epsilon).log()).sum(1)
        zero = p == 0
        _require_absent(zero, x)
        return -(P * p.masked_fill(zero, 1.0).log()).sum(1)

    parameters = {name: value for name, value in module.named_parameters() if value.requires_grad}
    return expected_gradient(parameters, losses, enumerate_sequences(law, T, batch=batch, device=device))


def population_loss(module: nn.Module, law: NGramLaw, T: int, *, epsilon: float = 0.0, batch: int = 1024) -> float:
    """L = -E sum_s P(s) log(p(s) + epsilon) over all S^T sequences; inf where some p(s) + epsilon is 0.

    Same requirements on `module` and same errors as `population_gradient`.
    """
    if not epsilon >= 0:
        raise ValueError(f"epsilon={epsilon}: a number >= 0")
    device, total = _device(module), 0.0
    _require_repeatable(module, next(enumerate_sequences(law, T, batch=batch, device=device)).x, law.S)
    with torch.no_grad():
        for x, P, weight in enumerate_sequences(law, T, batch=batch, device=device):
            p = _probabilities(module, x, law.S)
            total += float((weight * -(P * (p + epsilon).log()).sum(1)).sum())
    return total


def expected_gradient(
    parameters: Mapping[str, Tensor], losses: Callable[[Tensor, Tensor], Tensor], batches: Iterable[Batch]
) -> dict[str, Tensor]:
    """The gradient of sum over all batches of weight * losses(x, P), with losses one number per sequence."""
    total = {name: torch.zeros_like(value) for name, value in parameters.items()}
    for x, P, weight in batches:
        loss = (weight * losses(x, P)).sum()
        gradients = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True)
        for name, gradient in zip(parameters, gradients, strict=True):
            if gradient is not None:
                total[name] += gradient
    return total


def _probabilities(module: nn.Module, x: Tensor, S: int) -> Tensor:
    p = module(x)
    if not isinstance(p, Tensor) or p.shape != (x.shape[0], S):
        shape = tuple(p.shape) if isinstance(p, Tensor) else type(p).__name__
        raise ValueError(f"the module returns {shape} for {x.shape[0]} sequences: a {x.shape[0]} x {S} tensor is due")
    if p.dtype != torch.float64:
        raise ValueError(f"the module returns {p.dtype}: float64 is due, module.double() makes it so")
    if not bool((torch.isfinite(p) & (p >= 0)).all()):
        raise ValueError("the module returns negative or non-finite numbers: probabilities are due, not logits")
    if not bool(((p.sum(1) - 1).abs() <= ROW_SUM_TOLERANCE).all()):
        raise ValueError("the module returns rows that do not sum to 1: probabilities are due")
    return p


def _require_absent(zero: Tensor, x: Tensor) -> None:
    """Raises ValueError if a token occurs in its sequence and has probability 0."""
    occurs = torch.zeros_like(zero).scatter_(1, x, True)
    bad = (zero & occurs).nonzero()
    if len(bad):
        i, s = bad[0].tolist()
        raise ValueError(
            f"the module gives probability 0 to token {s}, which occurs in the sequence {x[i].tolist()}: "
            "the loss is infinite there and has no gradient; epsilon > 0 smooths it"
        )


def _require_repeatable(module: nn.Module, x: Tensor, S: int) -> None:
    with torch.no_grad():
        if not torch.allclose(_probabilities(module, x, S), _probabilities(module, x, S)):
            raise ValueError("the module answers differently when asked again: module.eval() turns dropout off")


def _device(module: nn.Module) -> torch.device:
    parameters: Iterator[Tensor] = module.parameters()
    first = next(parameters, None)
    if first is None:
        raise ValueError("the module has no parameters")
    return first.device
