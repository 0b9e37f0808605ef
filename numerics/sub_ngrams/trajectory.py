"""Recorded training trajectories: an .npz file of losses and of parameters along the way (claim SN15).

    hist     N x 2: step, test loss
    STEP/A1  H x T x T, first-layer logits, before causal mask and softmax     STEP/V   H x S x S
    STEP/Q   d x D                                                             STEP/Kt  D x d, the transpose of K
             with H = n-1 heads, d = nS; second-layer logit of position j: X_T Q Kt X_j

Files are read without pickle. What is wrong with one is said in a single line: TrajectoryError.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from numerics.sub_ngrams.network import Network

Arrays = Mapping[str, NDArray[Any]]

LARGEST_FILE = 2**30  # bytes


class TrajectoryError(ValueError):
    """A file that is not a trajectory; the message says what is wrong with it."""


@dataclass(frozen=True)
class Trajectory:
    """Test losses at increasing steps, and networks at some of these steps (all, in our own recordings)."""

    steps: tuple[int, ...]
    losses: tuple[float, ...]
    networks: Mapping[int, Network]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(S, n, T)."""
        network = next(iter(self.networks.values()))
        assert network.A is not None
        return network.S, network.H + 1, network.A.shape[1]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The layout of the file."""
        arrays: dict[str, NDArray[Any]] = {"hist": np.column_stack([np.array(self.steps, float), self.losses])}
        for step, network in self.networks.items():
            assert network.A is not None
            assert network.Q is not None
            assert network.K is not None
            values = {"A1": network.A, "V": network.V, "Q": network.Q, "Kt": network.K.T}
            arrays |= {f"{step}/{name}": x.detach().cpu().numpy() for name, x in values.items()}
        return arrays


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of an .npz file. TrajectoryError if it is none, is too large, or holds objects instead of numbers."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise TrajectoryError(f"{path}: larger than {LARGEST_FILE} bytes")
        if not path.is_file():  # reading a device may never end
            raise TrajectoryError(f"{path}: cannot be read (not a file)")
        if not zipfile.is_zipfile(path):
            raise TrajectoryError(f"{path}: not an .npz file")
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST_FILE:
                raise TrajectoryError(f"{path}: unpacks to more than {LARGEST_FILE} bytes")
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        strangers = [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]  # read as raw bytes
        if strangers:
            raise TrajectoryError(f"{path}: not an .npz file of numbers ({strangers[0]} is no array)")
        return arrays
    except OSError as error:
        raise TrajectoryError(f"{path}: cannot be read ({error.strerror or error})") from None
    except TrajectoryError:
        raise
    except Exception as error:  # whatever zip and npy readers make of broken bytes, pickled objects included
        raise TrajectoryError(f"{path}: not a readable .npz file of numbers ({_first_line(error)})") from None


def load_trajectory(path: Path) -> Trajectory:
    """The trajectory in a file; TrajectoryError with one clear line otherwise."""
    try:
        return parse_trajectory(read_arrays(path))
    except TrajectoryError as error:
        message = str(error)
        raise TrajectoryError(message if message.startswith(str(path)) else f"{path}: {message}") from None


def parse_trajectory(arrays: Arrays, *, records: int = 3, networks: int = 2) -> Trajectory:
    """Checks names, shapes, finiteness, order; arrays of other names are ignored. At least so many losses and
    networks.
    """
    hist = _numbers(arrays, "hist")
    if hist.ndim != 2 or hist.shape[1] != 2 or len(hist) < records:
        raise TrajectoryError(f"hist has shape {hist.shape}; N x 2 with N >= {records} is due (step, test loss)")
    steps = hist[:, 0]
    if not (np.all(steps == steps.round()) and steps[0] >= 0 and np.all(np.diff(steps) > 0)):
        raise TrajectoryError("the steps in hist are not whole numbers in increasing order")
    recorded = sorted({int(match[1]) for name in arrays if (match := re.fullmatch(r"(\d+)/(A1|V|Q|Kt)", name))})
    if len(recorded) < networks:
        raise TrajectoryError(f"fewer than {networks} steps have parameters (arrays STEP/A1, STEP/V, STEP/Q, STEP/Kt)")
    strangers = [step for step in recorded if step not in set(steps.tolist())]
    if strangers:
        raise TrajectoryError(f"step {strangers[0]} has parameters, but no loss in hist")
    found = {step: _network(arrays, step) for step in recorded}
    for step, network in found.items():
        for name, parameter in network.named_parameters():
            due = found[recorded[0]].get_parameter(name).shape
            if parameter.shape != due:
                raise TrajectoryError(f"{name} has shape {tuple(parameter.shape)} at step {step}, {tuple(due)} before")
    return Trajectory(tuple(int(step) for step in steps), tuple(float(loss) for loss in hist[:, 1]), found)


def _network(arrays: Arrays, step: int) -> Network:
    A, V, Q, Kt = (_numbers(arrays, f"{step}/{name}") for name in ("A1", "V", "Q", "Kt"))
    if V.ndim != 3 or V.shape[1] != V.shape[2] or V.shape[1] < 2 or V.shape[0] < 1:
        raise TrajectoryError(f"{step}/V has shape {V.shape}; H x S x S is due (H >= 1 heads, S >= 2 tokens)")
    H, S = V.shape[:2]
    if A.ndim != 3 or A.shape[0] != H or A.shape[1] != A.shape[2] or A.shape[1] <= H:
        raise TrajectoryError(f"{step}/A1 has shape {A.shape}; H x T x T with H={H} as in V, and T > H, is due")
    d = (H + 1) * S
    if Q.ndim != 2 or Q.shape[0] != d:
        raise TrajectoryError(f"{step}/Q has shape {Q.shape}; d x D with d = (H+1) S = {d} is due")
    if Kt.shape != Q.T.shape:
        raise TrajectoryError(f"{step}/Kt has shape {Kt.shape}; D x d = {Q.T.shape} is due, as Q is {Q.shape}")
    tensors = [torch.from_numpy(np.ascontiguousarray(x, dtype=np.float64)) for x in (V, A, Q, Kt.T)]
    return Network(tensors[0], A=tensors[1], Q=tensors[2], K=tensors[3])


def _numbers(arrays: Arrays, name: str) -> NDArray[Any]:
    if name not in arrays:
        raise TrajectoryError(f"the array {name} is missing")
    array = arrays[name]
    if array.dtype.kind not in "fiu":
        raise TrajectoryError(f"{name} holds {array.dtype}; real numbers are due")
    if not np.all(np.isfinite(array)):
        raise TrajectoryError(f"{name} holds values that are not finite")
    return array


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
