"""python -m verify.train as a user runs it, and the claims SN12 and SN15."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numerics.sub_ngrams.stages import Stages
from numerics.sub_ngrams.trajectory import Trajectory, parse_trajectory
from proofs.sub_ngrams import escape as derivatives_of_escape
from verify import train
from verify.claim import Run, Verdict
from verify.papers.sub_ngrams import escape
from verify.papers.sub_ngrams.settings import SubNGramSettings
from verify.papers.sub_ngrams.training.report import warnings
from verify.papers.sub_ngrams.training.settings import TrainSettings
from verify.settings import UsageError, read_words, validate

SMALL = "n=2 S=2 T=6 batch=8 every=2 test_samples=64 gradient_samples=64"


def command(words: str) -> list[str]:
    return [sys.executable, "-m", "verify.train", *words.split()]


def run(words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    return subprocess.run(command(words), capture_output=True, text=True, env=environment, check=False)


def data(capsys: pytest.CaptureFixture[str], words: str) -> Any:
    assert train.main([*words.split(), "format=json"]) == 0
    return json.loads(capsys.readouterr().out)


def final(path: Path) -> dict[str, Any]:
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def test_a_run_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    result = data(capsys, f"{SMALL} steps=12")
    assert result["schema"] == "landscape-verifier/training/2"
    assert result["losses"]["steps"] == [0, 2, 4, 6, 8, 10, 12]
    assert [level["name"] for level in result["levels"]] == ["1-gram", "2-gram", "Bayes"]
    assert set(result["snapshots"][0]["gradients"]) == {"V", "A", "Q", "K", "total"}
    maps = np.array(result["attention"]["12"])
    assert maps.shape == (1, 6, 6) and np.allclose(maps.sum(-1), 1)
    assert data(capsys, f"{SMALL} steps=12") == result
    assert data(capsys, f"{SMALL} steps=12 seed=1")["losses"] != result["losses"]


@pytest.mark.parametrize("words", ["gradient=exact", "optimiser=gd learning_rate=0.5", "start=2", "targets=predictive"])
def test_kinds_of_runs(capsys: pytest.CaptureFixture[str], words: str) -> None:
    assert len(data(capsys, f"{SMALL} steps=8 {words}")["snapshots"]) == 5


WRONG_RUNS = [
    (
        "learning_rate=100 optimiser=gd",
        "no level",
        "above its start, every level, and the uniform guess's log 2 = 0.6931",
    ),
    ("learning_rate=1e-300 optimiser=gd", "no level", "the test loss never moved from level to level: by 0 in all"),
    (
        "learning_rate=1e-300 optimiser=gd start=2",
        "no level",
        "the test loss never moved from level to level: by 0 in all",
    ),
]


@pytest.mark.parametrize(("words", "what", "warning"), WRONG_RUNS)
def test_a_run_that_diverged_or_never_moved(
    words: str, what: str, warning: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A curve that is flat far from every level is no plateau, and the report says what is the matter."""
    line = f"{SMALL} T=8 test_samples=512 steps=8 {words}".replace("T=6 ", "").replace("test_samples=64 ", "")
    result = data(capsys, line)
    assert len(result["warnings"]) == 1 and warning in result["warnings"][0]
    assert [plateau["level"] is None for plateau in result["plateaus"]] == [what == "no level"]
    assert train.main(line.split()) == 0
    text = capsys.readouterr().out
    assert [("  " + name) in text for name in ("plateau ", "no level")] == [what == "plateau", what == "no level"]
    assert f"warning: {result['warnings'][0]}" in text


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_loss_that_is_no_number_is_told(number: float) -> None:
    trajectory = Trajectory((0, 5, 10), (0.7, number, number), {})
    assert warnings(trajectory, Stages([], [], [], [], [])) == [
        f"the test loss is {number} at step 5: the run diverged"
    ]


def test_a_run_that_learns_has_no_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    assert data(capsys, f"{SMALL} steps=60 learning_rate=0.05")["warnings"] == []


def test_pictures_and_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, start in (("run.svg", b"<?xml"), ("run.png", b"\x89PNG")):
        assert train.main([*SMALL.split(), "steps=8", f"output={tmp_path / name}"]) == 0
        assert (tmp_path / name).read_bytes().startswith(start)
    assert "2-gram" in capsys.readouterr().out
    before = (tmp_path / "run.svg").read_bytes()
    train.main([*SMALL.split(), "steps=8", f"output={tmp_path / 'run.svg'}"])
    assert (tmp_path / "run.svg").read_bytes() == before


def test_a_longer_run_continues_a_shorter_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole, parts = tmp_path / "whole.npz", tmp_path / "parts.npz"
    one = data(capsys, f"{SMALL} steps=90 checkpoint={whole}")
    data(capsys, f"{SMALL} steps=70 checkpoint={parts}")
    two = data(capsys, f"{SMALL} steps=90 checkpoint={parts}")
    a, b = final(whole), final(parts)
    assert a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)
    assert one["losses"] == two["losses"] and one["snapshots"] == two["snapshots"]


LONG = "n=3 S=3 T=16 batch=32 every=8 steps=400 test_samples=64 gradient_samples=64"


def stopped(words: str, checkpoint: Path, number: signal.Signals) -> tuple[int, str, str]:
    """Starts the command, and stops it by a signal once it has made steps."""
    process = subprocess.Popen(command(words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    first = process.stderr.readline()  # "step 0 of ..."
    assert first.startswith("step 0"), first + process.stderr.read()
    while not checkpoint.exists() and process.poll() is None:  # until there is something to keep
        time.sleep(0.01)
    process.send_signal(number)
    out, err = process.communicate()
    return process.returncode, out, err


def test_ctrl_c_keeps_and_reports_what_there_is(tmp_path: Path) -> None:
    """And the run goes on from there, to the same last bit as one that was never stopped."""
    path, whole = tmp_path / "run.npz", tmp_path / "whole.npz"
    status, out, err = stopped(
        f"{LONG} steps=100000 checkpoint={path} save_seconds=0.05".replace("steps=400 ", ""), path, signal.SIGINT
    )
    assert "Traceback" not in err
    assert status == 130 and ("Bayes" in out or "keeps the run" in err)  # a report, or too few records for one
    reached = int(final(path)["resume/steps"])
    assert 0 < reached < 100000
    steps = (reached // 64 + 2) * 64
    words = LONG.replace("steps=400", f"steps={steps}")
    assert train.main([*words.split(), f"checkpoint={path}"]) == 0
    assert train.main([*words.split(), f"checkpoint={whole}"]) == 0
    a, b = final(path), final(whole)
    assert all(np.array_equal(a[name], b[name]) for name in b if name.startswith("resume/"))


def test_a_kill_loses_seconds_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGKILL as soon as there is a checkpoint; then to the end; as if nothing had happened."""
    path, whole = tmp_path / "run.npz", tmp_path / "whole.npz"
    words = LONG.replace("steps=400", "steps=100000")
    stopped(f"{words} checkpoint={path} save_seconds=0.05", path, signal.SIGKILL)
    reached = int(final(path)["resume/steps"])
    words = LONG.replace("steps=400", f"steps={reached + 70}")
    assert train.main([*words.split(), f"checkpoint={path}"]) == 0
    assert train.main([*words.split(), f"checkpoint={whole}"]) == 0
    a, b = final(path), final(whole)
    assert all(np.array_equal(a[name], b[name]) for name in b if name.startswith("resume/"))
    assert parse_trajectory(a).losses[:3] == parse_trajectory(b).losses[:3]


BAD = [
    ("n=1", "n=1"),
    ("T=2", "T=2"),
    ("start=4", "start=4"),
    ("gradient=exact", "gradient=exact"),
    ("select=SN1", "select"),
    ("checkpoint=run.txt", "checkpoint=run.txt"),
    ("checkpoint=nowhere/run.npz", "no folder"),
    ("output=nowhere/run.svg", "no folder"),
    ("learning_rate=0", "learning_rate=0"),
    ("learning_rate=nan", "learning_rate=nan"),
    ("leaning_rate=1", "did you mean learning_rate"),
    ("S=50 n=4", "S^n"),
    ("T=4096", "every=32"),
    ("steps=1000000 every=1", "every=1"),
    ("device=gpu", "device=gpu"),
]


@pytest.mark.parametrize(("words", "told"), BAD)
def test_usage_errors_in_one_line(words: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        train.main(words.split())
    assert told in str(caught.value) and "\n" not in str(caught.value)


def test_checkpoints_that_do_not_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run.npz"
    data(capsys, f"{SMALL} steps=8 checkpoint={path}")
    for words, told in ((f"{SMALL} steps=8 seed=5", "other settings"), (f"{SMALL} steps=8", "not an .npz file")):
        with pytest.raises(UsageError, match=told):
            train.main([*words.split(), f"checkpoint={path}"])
        path.write_text("nothing")


def test_help_without_torch() -> None:
    code = "import sys; from verify import train; train.main(['--help']); assert 'torch' not in sys.modules"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert "learning_rate" in finished.stdout


def test_exit_status_of_a_usage_error() -> None:
    finished = run("n=zero")
    assert finished.returncode == 2 and finished.stderr.count("\n") == 1


# --- claims ---


def settings(line: str) -> SubNGramSettings:
    return validate(SubNGramSettings, read_words(line.split()))


def derivatives(*orders: int) -> int:
    """Of features of these orders: in d variables there are C(2d, d) - 1 derivatives of order 1 to d."""
    return sum(math.comb(2 * d, d) - 1 for d in orders)


# x, y, and a weight for each new head; with the heads aligned; with a value to find for each; times the kernels.
# With contiguous lags, M_ab for a, b < k but (k-1, 0) besides.
ESCAPES = [
    ("S=2 n=2 k=1", derivatives(3, 2, 4)),
    ("S=2 n=3 k=2", derivatives(3, 2, 4) + 3 * 2**2),
    ("S=3 n=2 k=1", derivatives(3, 2, 4)),
    ("S=2 n=3 lags=2", derivatives(2)),  # head 1 serves the query of lag 2 already
    ("S=2 n=3 k=1", derivatives(3, 2, 4) + derivatives(4, 2, 6)),  # lag 2 needs two heads
    ("S=3 n=3 k=2", escape.KERNELS * (derivatives(3, 2, 4) + 3 * 3**2)),
]


@pytest.mark.parametrize(("line", "instances"), ESCAPES, ids=[line for line, _ in ESCAPES])
def test_escape(line: str, instances: int) -> None:
    found = escape.first_escape(settings(line), Run())
    assert found.verdict == Verdict.VERIFIED and found.instances == instances
    assert found.evidence == ("exact" if "S=3 n=3" in line else "proof")
    assert all(entry["coefficient"] + 5 * entry["standard_error"] < 0 for entry in found.details["race"])
    assert escape.always_negative(settings(line), Run()).verdict == Verdict.REFUTED


def test_finite_lengths_tend_to_the_coefficient() -> None:
    """S=2, n=2, k=1: -0.06802 at T = infinity, by quadrature of -2 E (1-a-b)^2 a b / (a+b)^2."""
    found = escape.first_escape(settings("S=2 n=2 k=1"), Run()).details
    (race,) = found["race"]
    assert abs(race["coefficient"] + 0.068020175946) < 4 * race["standard_error"]
    gaps = [abs(found["finite_length"][str(T)] + 0.068020175946) for T in (8, 16, 32, 64)]
    assert gaps == sorted(gaps, reverse=True) and gaps[-1] < 0.3 * gaps[0]


def test_wrong_formulas_are_not_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    original = derivatives_of_escape.first_derivative
    monkeypatch.setattr(
        derivatives_of_escape, "first_derivative", lambda words, feature: original(words, feature, scale=2)
    )
    assert escape.first_escape(settings("S=2 n=2 k=1"), Run()).verdict == Verdict.REFUTED


def test_nothing_to_build_is_undecided() -> None:
    for line in ("S=2 n=3 k=3", "S=2 n=1", "S=50 n=4 k=2"):
        assert escape.first_escape(settings(line), Run()).verdict == Verdict.UNDECIDED
        assert escape.always_negative(settings(line), Run()).verdict == Verdict.UNDECIDED


def test_recipe_text_covers_what_the_run_depends_on() -> None:
    """Every key but those of the report: a new key is part of the recipe unless it is excluded on purpose."""
    recipe = set(json.loads(validate(TrainSettings, {}).recipe_text))
    report = {"format", "output", "budget", "checkpoint", "steps", "gradient_samples", "save_seconds", "preset", "runs"}
    assert recipe | report == set(TrainSettings.model_fields)


@pytest.mark.parametrize("checkpoint", [False, True])
def test_a_budget_too_small_for_a_report_says_what_to_do(
    checkpoint: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = [f"checkpoint={tmp_path / 'run.npz'}"] if checkpoint else []
    assert train.main(["budget=1e-9", "test_samples=64", *kept]) == 3
    out, err = capsys.readouterr()
    assert not out and "budget=1e-09 s is used up at step 0" in err and "every=32" in err
    assert ("keeps the run" in err) is checkpoint is (tmp_path / "run.npz").exists()
