"""Trajectory files: what is read, and one clear line for what is not a trajectory."""

from __future__ import annotations

import io
import pickle
import zipfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from numerics.sub_ngrams import trajectory
from numerics.sub_ngrams.levels import TestSet
from numerics.sub_ngrams.network import Network
from numerics.sub_ngrams.trajectory import Trajectory, TrajectoryError, parse_trajectory, read_arrays
from proofs.sub_ngrams.law import NGramLaw

RECORDED = Path(__file__).parents[2] / "verify/papers/sub_ngrams/trajectories/trigram_S3_T32_alpha0.5.npz"


def load(content: bytes) -> Trajectory:
    return parse_trajectory(read_arrays(content))


def saved(arrays: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def arrays() -> dict[str, Any]:
    networks = {step: Network.random(NGramLaw(2, 3), 5, torch.Generator().manual_seed(step)) for step in (0, 20)}
    return Trajectory((0, 10, 20), (1.0, 0.9, 0.8), networks).arrays()


def test_there_and_back() -> None:
    content = arrays()
    found = parse_trajectory(content)
    assert found.steps == (0, 10, 20) and found.losses == (1.0, 0.9, 0.8) and found.shape == (2, 3, 5)
    for name, array in found.arrays().items():
        assert np.array_equal(array, content[name])


def test_the_recorded_trajectory() -> None:
    found = load(RECORDED.read_bytes())
    assert found.shape == (3, 3, 32) and len(found.steps) == 65 and len(found.networks) == 35
    assert 1.07 < found.losses[0] < 1.08 and 0.83 < found.losses[-1] < 0.85


def test_the_recorded_network_is_read_in_the_authors_convention() -> None:
    """Q, Kt, V, A1 in the right places: the losses computed from them are the recorded ones, within sampling error."""
    law = NGramLaw(3, 3, Fraction(1, 2), "dirichlet")
    tests = TestSet.draw(law, 32, 4000, 1e-8, torch.Generator().manual_seed(0))
    found = load(RECORDED.read_bytes())
    recorded = dict(zip(found.steps, found.losses, strict=True))
    for step in (0, 128, 640, 896, 4096):
        p = found.networks[step](tests.x).detach()
        losses = tests.losses(p)
        error = (
            float(losses.std()) / 4000**0.5 + 0.36 / 8192**0.5
        )  # ours, and that of the recording's own 8192 sequences
        assert abs(float(losses.mean()) - recorded[step]) < 4 * error


BAD: dict[str, Any] = {
    "hist is missing": lambda a: a.pop("hist"),
    "array 20/Kt is missing": lambda a: a.pop("20/Kt"),
    "array 0/V is missing": lambda a: a.pop("0/V"),
    "fewer than 2 steps": lambda a: [a.pop(name) for name in list(a) if name.startswith("20/")],
    "hist has shape (2, 2)": lambda a: a.update(hist=a["hist"][:2]),
    "hist has shape (3, 3)": lambda a: a.update(hist=np.ones((3, 3))),
    "hist holds values that are not finite": lambda a: a.update(hist=np.array([[0, 1], [10, np.nan], [20, 1]])),
    "not whole numbers in increasing order": lambda a: a.update(hist=np.array([[0, 1], [20, 1.0], [10, 1]])),
    "step 20 has parameters, but no loss": lambda a: a.update(hist=np.array([[0, 1], [10, 1.0], [21, 1]])),
    "0/A1 has shape (2, 5, 4)": lambda a: a.update({"0/A1": np.zeros((2, 5, 4))}),
    "0/V has shape (2, 2)": lambda a: a.update({"0/V": np.zeros((2, 2))}),
    "0/Q has shape (5, 6)": lambda a: a.update({"0/Q": np.zeros((5, 6))}),
    "0/Kt has shape (6, 5)": lambda a: a.update({"0/Kt": np.zeros((6, 5))}),
    "A has shape (2, 7, 7) at step 20": lambda a: a.update({"20/A1": np.zeros((2, 7, 7))}),
    "20/Q holds values that are not finite": lambda a: a.update({"20/Q": np.full((6, 6), np.inf)}),
    "20/Q holds <U1": lambda a: a.update({"20/Q": np.full((6, 6), "x")}),
    "0/Q holds values that are not finite": lambda a: a.update(  # in double precision
        {"0/Q": np.full((6, 6), np.finfo(np.longdouble).max), "0/Kt": np.zeros((6, 6))}
    ),
    "0/Q has shape (6, 0)": lambda a: a.update({"0/Q": np.zeros((6, 0)), "0/Kt": np.zeros((0, 6))}),
    "20/Q holds |V2": lambda a: a.update({"20/Q": np.zeros((6, 6), "V2")}),
    "20/Q holds bool": lambda a: a.update({"20/Q": np.zeros((6, 6), bool)}),
    "20/Q holds complex128": lambda a: a.update({"20/Q": np.zeros((6, 6), complex)}),
}


@pytest.mark.parametrize("message", BAD)
def test_one_clear_line_for_what_is_wrong(message: str) -> None:
    content = arrays()
    BAD[message](content)
    with pytest.raises(TrajectoryError) as caught:
        load(saved(content))
    told = str(caught.value)
    assert message in told and "\n" not in told and len(told) < 200


class Trap:
    def __reduce__(self) -> Any:
        return (print, ("a pickle was opened",))


def test_pickles_are_not_opened(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TrajectoryError, match="allow_pickle"):
        load(saved({"hist": np.array([Trap()], dtype=object)}))
    with pytest.raises(TrajectoryError, match=r"not an \.npz file"):
        load(pickle.dumps(Trap()))
    other = arrays() | {"settings": np.array(Trap(), dtype=object)}  # not ours, so that nobody looks at it
    assert load(saved(other)).shape == (2, 3, 5)
    assert "opened" not in capsys.readouterr().out


def zipped(**files: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"{name}.npy", content)
    return stream.getvalue()


def npy(header: str, data: bytes = b"") -> bytes:
    """A file of one array with any header."""
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


HEADERS = {
    "a shape that the data do not fill": "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}",
    "a shape beyond any memory": "{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 1024)}",
    "a negative shape": "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}",
    "an escape that no string has": r"{'descr': '\d', 'fortran_order': False, 'shape': (2,)}",
    "a long header": "{'descr': '<f8', 'fortran_order': False, 'shape': (2,)}" + " " * 20000,
    "a deep header": "(" * 5000,
    "a number of 5000 digits": f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({'9' * 5000},)}}",
    "no dictionary": "[1]",
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS.keys())
def test_headers_that_lie(header: str) -> None:
    with pytest.raises(TrajectoryError, match=r"^not a readable \.npz file of numbers \(.+\)$"):
        load(zipped(hist=npy(header, bytes(16))))


def test_files_that_are_none() -> None:
    whole = saved(arrays())
    for content in (b"loss: 1", b"", whole[:500], whole[500:], zipped(hist=b"no array")):
        with pytest.raises(TrajectoryError, match=r"not an? (readable )?\.npz file"):
            load(content)
    at = whole.index(b"A1.npy") + 500
    with pytest.raises(TrajectoryError, match="Bad CRC-32"):
        load(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])


def test_archives_that_are_too_large_or_not_what_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    hist = npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1,)}", bytes(8))
    with pytest.raises(TrajectoryError, match="hist is longer than its header says"):
        load(zipped(hist=hist + b"\0"))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("hist.npy", hist)
        archive.writestr("hist", hist)  # the same name to numpy
    with pytest.raises(TrajectoryError, match="hist is there twice"):
        load(stream.getvalue())
    monkeypatch.setattr(trajectory, "LARGEST_FILE", 50_000)
    compressed = io.BytesIO()
    np.savez_compressed(compressed, hist=np.zeros(10**6), other=np.zeros(10**6))
    assert len(compressed.getvalue()) < 50_000
    with pytest.raises(TrajectoryError, match="unpacks to more than 50000 bytes"):
        load(compressed.getvalue())


STORED = {
    "half": lambda x: x.astype(np.float16),
    "single": lambda x: x.astype(np.float32),
    "long double": lambda x: x.astype(np.longdouble),
    "other order of bytes": lambda x: x.astype(x.dtype.newbyteorder()),
    "by columns": np.asfortranarray,
}


@pytest.mark.parametrize("stored", STORED.values(), ids=STORED.keys())
def test_ways_of_storing_numbers(stored: Any) -> None:
    content = arrays()
    found = load(saved({name: stored(x) for name, x in content.items()})).arrays()
    for name, x in content.items():
        assert found[name].dtype == np.float64 and np.array_equal(found[name], stored(x).astype(np.float64))


def test_files_of_python_2_are_read_without_a_warning() -> None:
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1L, 2L), }"
    assert read_arrays(zipped(hist=npy(header, bytes(16))))["hist"].tolist() == [[0.0, 0.0]]


def test_whole_numbers_are_numbers() -> None:
    content = arrays() | {"hist": np.array([[0, 3], [10, 2], [20, 1]], np.uint8), "20/Q": np.eye(6, dtype=np.int8)}
    assert load(saved(content)).losses == (3.0, 2.0, 1.0)


def renamed(old: str, new: str) -> dict[str, Any]:
    return {name.replace(f"{old}/", f"{new}/"): x for name, x in arrays().items()}


@pytest.mark.parametrize("step", ["20", "020", "000020", "0" * 18 + "20"])
def test_names_with_zeros(step: str) -> None:
    assert tuple(load(saved(renamed("20", step))).networks) == (0, 20)


@pytest.mark.parametrize(
    "step", ["step20", "20.0", "-20", "+20", "2_0", "2e1", " 20", "", "\u0662\u0660", "9" * 5000, "9007199254740993"]
)
def test_names_that_are_no_steps(step: str) -> None:
    with pytest.raises(
        TrajectoryError, match=r"^an array is called .*; must be STEP/A1, STEP a whole number up to 2\^53$"
    ):
        parse_trajectory(renamed("20", step))


def test_steps_that_are_there_twice() -> None:
    with pytest.raises(TrajectoryError, match="step 20 is there twice, as 20 and 0020"):
        parse_trajectory(arrays() | renamed("20", "0020"))


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([0, 20, 10], "(10: increasing order, after 20)"),
        ([0, 10, 10], "(10: increasing order, after 10)"),
        ([-1, 0, 20], "(-1: 0 to 2^53)"),
        ([0, 0.5, 20], "(0.5: increasing order, after 0)"),
        ([0, 20, 1e300], "(1e+300: increasing order, after 20)"),
    ],
)
def test_steps_of_the_losses(steps: list[float], message: str) -> None:
    with pytest.raises(TrajectoryError) as caught:
        parse_trajectory(arrays() | {"hist": np.array([[step, 1.0] for step in steps])})
    assert message in str(caught.value)


@pytest.mark.parametrize("value", [1, 0, -5, 2.5, [64, 64], np.nan, "many"])
def test_test_samples(value: Any) -> None:
    assert trajectory.recorded_test_samples(arrays()) is None
    assert trajectory.recorded_test_samples({"test_samples": np.array(8192)}) == 8192
    with pytest.raises(TrajectoryError, match="test_samples"):
        trajectory.recorded_test_samples({"test_samples": np.array(value)})


SIDES = st.integers(0, 6)


@given(
    st.dictionaries(
        st.sampled_from(
            ["hist", "0/A1", "0/V", "0/Q", "0/Kt", "20/A1", "20/V", "020/Q", "20/Kt", "x/V", "resume/x", "y"]
        ),
        hnp.arrays(hnp.scalar_dtypes(), st.lists(SIDES, max_size=4).map(tuple)),
        max_size=3,
    )
)
def test_any_arrays_are_a_trajectory_or_one_line(changes: dict[str, Any]) -> None:
    try:
        told, found = "", load(saved(arrays() | changes))
        assert found.shape[1] >= 2 and all(p.isfinite().all() for p in found.networks[0].parameters())
    except TrajectoryError as error:
        told = str(error)
    assert "\n" not in told and len(told) < 200
