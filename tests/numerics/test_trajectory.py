"""Trajectory files: what is read, and one clear line for what is not a trajectory."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from numerics.sub_ngrams.network import Network
from numerics.sub_ngrams.trajectory import Trajectory, TrajectoryError, load_trajectory, parse_trajectory
from proofs.sub_ngrams.law import NGramLaw

RECORDED = Path(__file__).parents[2] / "verify/claims/sub_ngrams/trajectories/trigram_S3_T32_alpha0.5.npz"


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
    found = load_trajectory(RECORDED)
    assert found.shape == (3, 3, 32) and len(found.steps) == 65 and len(found.networks) == 35
    assert 1.07 < found.losses[0] < 1.08 and 0.83 < found.losses[-1] < 0.85


def test_the_recorded_network_is_read_in_the_authors_convention() -> None:
    """Q, Kt, V, A1 in the right places: the losses computed from them are the recorded ones, within sampling error."""
    from fractions import Fraction

    from numerics.sub_ngrams.levels import TestSet

    law = NGramLaw(3, 3, Fraction(1, 2), "dirichlet")
    tests = TestSet.draw(law, 32, 4000, 1e-8, torch.Generator().manual_seed(0))
    found = load_trajectory(RECORDED)
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
    "20/Q holds complex128": lambda a: a.update({"20/Q": np.zeros((6, 6), complex)}),
}


@pytest.mark.parametrize("message", BAD)
def test_one_clear_line_for_what_is_wrong(tmp_path: Path, message: str) -> None:
    content, path = arrays(), tmp_path / "bad.npz"
    BAD[message](content)
    np.savez(path, **content)
    with pytest.raises(TrajectoryError) as caught:
        load_trajectory(path)
    told = str(caught.value)
    assert message in told and told.startswith(str(path)) and "\n" not in told


class Trap:
    def __reduce__(self) -> Any:
        return (print, ("a pickle was opened",))


def test_pickles_are_not_opened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.npz"
    np.savez(path, hist=np.array([Trap()], dtype=object))
    with pytest.raises(TrajectoryError, match="allow_pickle"):
        load_trajectory(path)
    (tmp_path / "worse.npz").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(TrajectoryError, match=r"not an \.npz file"):
        load_trajectory(tmp_path / "worse.npz")
    assert "opened" not in capsys.readouterr().out


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("loss: 1")
    whole = tmp_path / "whole.npz"
    np.savez(whole, **arrays())
    (tmp_path / "half.npz").write_bytes(whole.read_bytes()[:500])
    with zipfile.ZipFile(tmp_path / "other.npz", "w") as archive:
        archive.writestr("hist.npy", "no array")
    for name in ("text", "half", "other", "missing"):
        with pytest.raises(TrajectoryError, match=rf"{name}\.npz"):
            load_trajectory(tmp_path / f"{name}.npz")
    with pytest.raises(TrajectoryError, match=r"cannot be read|not an"):
        load_trajectory(tmp_path)
