"""Modes of torch that an interruption may leave behind: it can come between the two halves of entering torch.no_grad.

Torch itself is not imported here, nor where nothing else has imported it.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple


class Modes(NamedTuple):
    gradients: bool
    inference: bool
    dtype: str


AT_IMPORT = Modes(gradients=True, inference=False, dtype="float32")
_entered: list[Any] = []  # for good: a mode of inference ends with the object that has begun it


@contextmanager
def torch_modes_kept() -> Iterator[None]:
    """Whether torch takes gradients, is in inference mode, and its default dtype are afterwards what they were before.

    What raises within must be caught within: frames that are still alive hold modes that end with them.
    """
    before = _modes() or AT_IMPORT
    try:
        yield
    finally:
        if _modes() not in (None, before):
            gc.collect()  # and with them what was entered by halves
            _restore(before)


def _modes() -> Modes | None:
    """None without torch."""
    torch: Any = sys.modules.get("torch")
    if torch is None:
        return None
    dtype = str(torch.get_default_dtype()).removeprefix("torch.")
    return Modes(torch.is_grad_enabled(), torch.is_inference_mode_enabled(), dtype)


def _restore(before: Modes) -> None:
    torch: Any = sys.modules["torch"]
    if torch.is_inference_mode_enabled() != before.inference:
        _entered.append(torch.inference_mode(before.inference))
        _entered[-1].__enter__()
    torch.set_grad_enabled(before.gradients)
    torch.set_default_dtype(getattr(torch, before.dtype))
