"""Which device the float layer runs on."""

from __future__ import annotations

import torch

WIDER = 16


def at_once(count: int, device: torch.device) -> int:
    """How much is worked on at a time, where it is `count` on the CPU: on CUDA a call costs more, and memory there is
    no cache to stay within."""
    return WIDER * count if device.type == "cuda" else count


def resolve_device(name: str) -> torch.device:
    """The device called "cpu", "cuda", or "auto" (CUDA where present). Raises ValueError for anything else."""
    if name not in ("auto", "cpu", "cuda"):
        raise ValueError(f"device={name}: one of auto, cpu, cuda")
    present = torch.cuda.is_available()
    if name == "cuda" and not present:
        raise ValueError("device=cuda: no CUDA device here; device=auto takes the CPU then")
    return torch.device("cuda" if present and name != "cpu" else "cpu")
