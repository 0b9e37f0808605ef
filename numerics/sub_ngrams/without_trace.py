"""Running a module without leaving a trace in it, or in torch's random numbers."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import Tensor, nn


@contextmanager
def left_as_it_was(module: nn.Module) -> Iterator[None]:
    """Puts attributes back afterwards, and the contents of those that are dicts, lists, sets or tensors."""
    held: list[tuple[Any, Any]] = []
    for part in module.modules():
        held.append((vars(part), dict(vars(part))))
        for value in vars(part).values():
            if isinstance(value, dict | list | set):
                held.append((value, copy.copy(value)))
            elif isinstance(value, Tensor) and not value.requires_grad and value.layout is torch.strided:
                held.append((value, value.clone()))
    try:
        yield
    finally:
        for value, before in held:
            _put_back(value, before)


def _put_back(value: Any, before: Any) -> None:
    if isinstance(value, Tensor):
        if not torch.equal(value, before):
            value.copy_(before)
    elif isinstance(value, list):
        value[:] = before
    else:
        value.clear()
        value.update(before)


def random_numbers_left(device: torch.device) -> AbstractContextManager[None]:
    """Puts torch's generators of the CPU and of this device back afterwards."""
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])


def random_states(device: torch.device) -> list[Tensor]:
    """The states of these generators."""
    return [torch.get_rng_state(), *([torch.cuda.get_rng_state(device)] if device.type == "cuda" else [])]
