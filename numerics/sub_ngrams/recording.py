"""A training run on disk: one .npz file that is a trajectory and from which the run can be taken up again.

Besides the arrays of a trajectory it holds `recipe` (text: what the run depends on), the trainer's state under
`resume/`, in full precision, and there too the SHA-256 of all other arrays.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from numerics.sub_ngrams.network import Network
from numerics.sub_ngrams.training import Trainer
from numerics.sub_ngrams.trajectory import Trajectory, TrajectoryError, parse_trajectory, read_arrays

DIGEST = "resume/digest"


@dataclass
class Recording:
    """Losses and networks so far."""

    steps: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    networks: dict[int, Network] = field(default_factory=dict)

    def add(self, trainer: Trainer, loss: float) -> None:
        """Records the trainer's network, and its test loss."""
        parameters = {name: value.detach().cpu().clone() for name, value in trainer.network.named_parameters()}
        self.steps.append(trainer.steps)
        self.losses.append(loss)
        self.networks[trainer.steps] = Network(**parameters)

    @property
    def trajectory(self) -> Trajectory:
        return Trajectory(tuple(self.steps), tuple(self.losses), self.networks)


def save(path: Path, recording: Recording, trainer: Trainer, recipe: str) -> None:
    """Writes the file as a whole or not at all. OSError if it cannot be written."""
    arrays: dict[str, Any] = recording.trajectory.arrays() | {"recipe": np.array(recipe)}
    arrays |= {f"resume/{name}": value.numpy() for name, value in trainer.state().items()}
    arrays[DIGEST] = np.array(_digest(arrays))
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("wb") as file:
            np.savez(file, **arrays)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def resume(content: bytes, trainer: Trainer, recipe: str) -> Recording:
    """Puts the trainer where the file's run stopped. TrajectoryError if it is no such file, or of another run."""
    arrays = read_arrays(content)
    if "recipe" not in arrays:
        raise TrajectoryError("not a run that can be taken up again (it has no array called recipe)")
    if str(arrays["recipe"]) != recipe:
        raise TrajectoryError("a run with other settings; give another checkpoint file, or delete this one")
    if not _same_device(arrays, trainer):
        raise TrajectoryError(f"a run on another device than {trainer.device.type}; take it up there, by device=")
    try:
        if str(arrays.pop(DIGEST)) != _digest(arrays):
            raise ValueError("the content does not have its digest")
        state = _tensors(arrays)
        trainer.restore(state)
        if not all(bool(torch.isfinite(value).all()) for value in trainer.network.parameters()):
            raise ValueError("parameters that are not finite")
        found = parse_trajectory(arrays, records=1, networks=1)
        law = trainer.recipe.law
        if found.shape != (law.S, law.n, trainer.recipe.T) or found.steps[-1] > trainer.steps:
            raise ValueError("networks of another run")
    except (LookupError, ValueError, TypeError, ArithmeticError, RuntimeError) as error:
        raise TrajectoryError(f"a damaged checkpoint ({error}); delete it to start anew") from None
    return Recording(list(found.steps), list(found.losses), dict(found.networks))


def _same_device(arrays: Mapping[str, NDArray[Any]], trainer: Trainer) -> bool:
    """Whether the random numbers of the stored run are of the trainer's kind; CPU and CUDA have different ones."""
    stored = arrays.get("resume/batches/generator")
    return stored is None or trainer.batches is None or stored.shape == trainer.batches.generator.get_state().shape


def _digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    whole = hashlib.sha256()
    for name, values in sorted(arrays.items()):
        whole.update(f"{name} {values.dtype.str} {values.shape}\0".encode(errors="surrogatepass"))
        whole.update(np.ascontiguousarray(values).tobytes())
    return whole.hexdigest()


def _tensors(arrays: Mapping[str, NDArray[Any]]) -> dict[str, torch.Tensor]:
    return {
        name.removeprefix("resume/"): torch.from_numpy(np.ascontiguousarray(values).reshape(values.shape))
        for name, values in arrays.items()
        if name.startswith("resume/")
    }
