"""Recorded training trajectories: an .npz file of losses and of parameters along the way (claim SN15).

    hist     N x 2: step, test loss
    STEP/A1  H x T x T, first-layer logits, before causal mask and softmax     STEP/V   H x S x S
    STEP/Q   d x D                                                             STEP/Kt  D x d, the transpose of K
             with H = n-1 heads, d = nS; second-layer logit of position j: X_T Q Kt X_j
    test_samples   how many sequences each test loss is the mean of (may be left out)

STEP is a whole number, with or without zeros before it. Pickles are never opened. What is wrong with a file is said in
a single line: TrajectoryError.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from numerics.sub_ngrams.network import Network

Arrays = Mapping[str, NDArray[Any]]

LARGEST_FILE = 2**30  # bytes, also unpacked
LARGEST_STEP = 2**53  # beyond, floats skip whole numbers
PARAMETERS = ("A1", "V", "Q", "Kt")
_PARAMETER = re.compile(rf"([^/]*)/({'|'.join(PARAMETERS)})")
_RESUMED = "resume/"  # arrays of a run that can be taken up again (see recording)


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


def read_arrays(content: bytes) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz file, those that a trajectory or a checkpoint may have. TrajectoryError if it is none, or
    holds too much, or objects in place of numbers.
    """
    if not zipfile.is_zipfile(io.BytesIO(content)):
        raise TrajectoryError("not an .npz file")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of numpy and the parser, about headers that are odd
            return _arrays(archive)
    except TrajectoryError:
        raise
    except Exception as error:  # whatever zip and npy readers make of broken bytes, pickled objects included
        raise TrajectoryError(f"not a readable .npz file of numbers ({_one_line(error)})") from None


def _arrays(archive: zipfile.ZipFile) -> dict[str, NDArray[Any]]:
    entries = {}
    for entry in archive.infolist():
        name = entry.filename.removesuffix(".npy")
        if name in ("hist", "recipe", "test_samples") or name.startswith(_RESUMED) or _PARAMETER.fullmatch(name):
            if name in entries:
                raise TrajectoryError(f"the array {_printable(name)} is there twice")
            entries[name] = entry
    if sum(entry.file_size for entry in entries.values()) > LARGEST_FILE:
        raise TrajectoryError(f"unpacks to more than {LARGEST_FILE} bytes")
    arrays = {}
    for name, entry in entries.items():
        with archive.open(entry) as stream:
            arrays[name] = np.lib.format.read_array(stream, allow_pickle=False)
            if stream.read(1):  # at the end, the checksum is compared too
                raise TrajectoryError(f"the array {_printable(name)} is longer than its header says")
    return arrays


def parse_trajectory(arrays: Arrays, *, records: int = 3, networks: int = 2) -> Trajectory:
    """Checks names, shapes, finiteness, order; arrays of other names are ignored. At least so many losses and
    networks.
    """
    hist = _numbers(arrays, "hist")
    if hist.ndim != 2 or hist.shape[1] != 2 or len(hist) < records:
        raise TrajectoryError(f"hist has shape {hist.shape}; must be N x 2 with N >= {records} (step, test loss)")
    steps = _increasing(hist[:, 0])
    names = _recorded_steps(arrays)
    if len(names) < networks:
        raise TrajectoryError(f"fewer than {networks} steps have parameters (arrays STEP/A1, STEP/V, STEP/Q, STEP/Kt)")
    strangers = sorted(names.keys() - set(steps))
    if strangers:
        raise TrajectoryError(f"step {strangers[0]} has parameters, but no loss in hist")
    found = {step: _network(arrays, names[step]) for step in sorted(names)}
    first = found[min(found)]
    for step, network in found.items():
        for name, parameter in network.named_parameters():
            due = first.get_parameter(name).shape
            if parameter.shape != due:
                raise TrajectoryError(f"{name} has shape {tuple(parameter.shape)} at step {step}, {tuple(due)} before")
    return Trajectory(steps, tuple(hist[:, 1].tolist()), found)


def _increasing(column: NDArray[np.float64]) -> tuple[int, ...]:
    """The steps in hist."""
    before = -1
    for number in column.tolist():
        if not (number == round(number) and before < number <= LARGEST_STEP):
            told = "0 to 2^53" if before < 0 else f"increasing order, after {before}"
            raise TrajectoryError(f"the steps in hist are not whole numbers in increasing order ({number:g}: {told})")
        before = int(number)
    return tuple(map(int, column.tolist()))


def _recorded_steps(arrays: Arrays) -> dict[int, str]:
    """The steps that have parameters, as numbers, and as they are written in the names of arrays."""
    names: dict[int, str] = {}
    for name in arrays:
        if match := _PARAMETER.fullmatch(name):
            if not re.fullmatch(r"[0-9]{1,20}", match[1]) or int(match[1]) > LARGEST_STEP:
                raise TrajectoryError(
                    f"an array is called {_printable(name)}; must be STEP/{match[2]}, STEP a whole number up to 2^53"
                )
            if names.setdefault(int(match[1]), match[1]) != match[1]:
                raise TrajectoryError(f"step {int(match[1])} is there twice, as {names[int(match[1])]} and {match[1]}")
    return names


def _network(arrays: Arrays, step: str) -> Network:
    A, V, Q, Kt = (_numbers(arrays, f"{step}/{name}") for name in PARAMETERS)
    if V.ndim != 3 or V.shape[1] != V.shape[2] or V.shape[1] < 2 or V.shape[0] < 1:
        raise TrajectoryError(f"{step}/V has shape {V.shape}; must be H x S x S (H >= 1 heads, S >= 2 tokens)")
    H, S = V.shape[:2]
    if A.ndim != 3 or A.shape[0] != H or A.shape[1] != A.shape[2] or A.shape[1] <= H:
        raise TrajectoryError(f"{step}/A1 has shape {A.shape}; must be H x T x T with H={H} as in V, and T > H")
    d = (H + 1) * S
    if Q.ndim != 2 or Q.shape[0] != d or not Q.size:
        raise TrajectoryError(f"{step}/Q has shape {Q.shape}; must be d x D with d = (H+1) S = {d}")
    if Kt.shape != Q.T.shape:
        raise TrajectoryError(f"{step}/Kt has shape {Kt.shape}; must be D x d = {Q.T.shape}, as Q is {Q.shape}")
    tensors = [torch.from_numpy(np.ascontiguousarray(x)) for x in (V, A, Q, Kt.T)]
    return Network(tensors[0], A=tensors[1], Q=tensors[2], K=tensors[3])


def recorded_test_samples(arrays: Arrays) -> int | None:
    """How many sequences each recorded test loss is the mean of; None if the file does not say."""
    if "test_samples" not in arrays:
        return None
    number = _numbers(arrays, "test_samples")
    if number.shape != () or not 2 <= number <= LARGEST_STEP or number != number.round():
        raise TrajectoryError("test_samples is not a single whole number from 2")
    return int(number)


def _numbers(arrays: Arrays, name: str) -> NDArray[np.float64]:
    """An array of real numbers, in double precision, whatever the precision and the order of bytes in the file."""
    if name not in arrays:
        raise TrajectoryError(f"the array {name} is missing")
    array = arrays[name]
    if array.dtype.kind not in "fiu":
        raise TrajectoryError(f"{name} holds {array.dtype}; must be real numbers")
    with np.errstate(over="ignore"):  # long doubles
        array = array.astype(np.float64, copy=False)
    if not np.all(np.isfinite(array)):
        raise TrajectoryError(f"{name} holds values that are not finite")
    return array


def _one_line(error: Exception) -> str:
    return _printable((str(error).splitlines() or [""])[0] or type(error).__name__)


def _printable(text: str) -> str:
    """Words out of the file, in a message of one line."""
    cut = text if len(text) <= 60 else f"{text[:60]}..."
    return cut if cut.isprintable() else ascii(cut)
