"""The commands as a user runs them: output, exit status, bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

REFERENCE = {  # S=2, alpha=1, T=8: (same, different) token, from brute force (design, section 6)
    "k=1 n=2": {"0,0": ("953/40320", "-953/40320")},
    "k=2 n=2 q=5": {
        "0,0": ("257/40320", "-257/40320"),
        "0,1": ("5875853/1139458320", "-1371334567/957144988800"),
        "1,0": ("319/20160", "-319/20160"),
        "1,1": ("87348119/127619331840", "831220303/273469996800"),
    },
    "k=2 n=3 q=5": {
        "0,0": ("7549/967680", "-7549/967680"),
        "0,1": ("59985833/6077111040", "-8917413143/1531431982080"),
        "1,0": ("6943/193536", "-6943/193536"),
        "1,1": ("-3608493337/11485739865600", "14314605467/3281639961600"),
    },
    "k=2 n=3 c=inf": {
        "0,0": ("-7717/1209600", "7717/1209600"),
        "0,1": ("131/4032", "-105083/4233600"),
        "1,0": ("10681/172800", "-10681/172800"),
        "1,1": ("-33091/3386880", "2009/115200"),
    },
}


def run(command: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command.split()],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONWARNINGS": "error", **environment},
        check=False,
    )


def data(command: str) -> Any:
    finished = run(command)
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


@pytest.mark.parametrize("engine", ["enumeration", "type_classes"])
@pytest.mark.parametrize("words", REFERENCE)
def test_exact_engines_print_the_reference_table(words: str, engine: str) -> None:
    result = data(f"verify.gradient {words} S=2 T=8 engine={engine} format=json")
    assert result["exact"] is True and result["error"] == 0 and result["engine"] == engine
    for block, (same, different) in REFERENCE[words].items():
        assert result["score_blocks"][block] == [[same, different], [different, same]]
    assert (result["parameter_norms"] is None) == ("q=" not in words)


@pytest.mark.parametrize("words", REFERENCE)
def test_autograd_prints_the_reference_table(words: str) -> None:
    from fractions import Fraction

    result = data(f"verify.gradient {words} S=2 T=8 engine=autograd format=json")
    assert result["exact"] is False and 0 < result["error"] <= 1e-12
    for block, (same, different) in REFERENCE[words].items():
        for row, exact in zip(result["score_blocks"][block], ((same, different), (different, same)), strict=True):
            for value, fraction in zip(row, exact, strict=True):
                assert abs(Fraction(value) - Fraction(fraction)) <= 1e-12


def test_several_lengths_make_a_list() -> None:
    results = data("verify.gradient k=2 n=2 T=4,8 q=3 format=json")
    assert [result["T"] for result in results] == [4, 8]


def test_an_unselected_default_engine_is_exact_where_it_can_be() -> None:
    assert data("verify.gradient k=2 n=2 T=20 format=json")["exact"] is True


BAD = [
    "verify.check k=4 n=3",
    "verify.check k=0 n=2",
    "verify.check S=1",
    "verify.check T=1",
    "verify.check q=1",
    "verify.check q=0",
    "verify.check alpha=0",
    "verify.check alpha=-1",
    "verify.check lags=3 n=3",
    "verify.check foo=1",
    "verify.check k",
    "verify.check k=two",
    "verify.check engine=nope",
    "verify.check c=3 q=5",
    "verify.check T=1e30 engine=enumeration",
    "verify.check paper=unknown",
    "verify.check select=SN99",
    "verify.check output=/nowhere/at/all.json",
    "verify.check output=.",
    "verify.gradient T=1e30 engine=enumeration",
    "verify.gradient T=8 q=1",
    "verify.gradient executor=nope",
    "verify nonsense",
]


@pytest.mark.parametrize("command", BAD)
def test_bad_input_is_one_clear_line(command: str) -> None:
    finished = run(command)
    assert finished.returncode == 2
    assert finished.stdout == ""
    assert finished.stderr.count("\n") == 1 and "Traceback" not in finished.stderr
    key = command.split()[-1].partition("=")[0]
    assert key in finished.stderr


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@pytest.mark.parametrize("command", ["verify.check device=cuda", "verify.gradient T=8 device=cuda"])
def test_a_device_that_is_not_there_is_one_clear_line(command: str) -> None:
    finished = run(command)
    assert finished.returncode == 2 and finished.stderr.count("\n") == 1 and "cuda" in finished.stderr


def test_the_overview_lists_papers_claims_and_engines_without_heavy_imports() -> None:
    finished = run("verify")
    assert finished.returncode == 0
    for word in ("verify.check", "sub-n-grams", "SN7", "enumeration"):
        assert word in finished.stdout
    for command in ("verify", "verify.check", "verify.gradient"):
        script = (
            f"import sys, runpy; sys.argv = ['{command}', '--help']\n"
            "try:\n"
            f"    runpy.run_module('{command if '.' in command else 'verify.__main__'}', run_name='__main__')\n"
            "except SystemExit as end:\n"
            "    assert end.code == 0\n"
            "assert not {'torch', 'sympy', 'flint', 'scipy'} & set(sys.modules), 'a heavy import'"
        )
        finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
        assert finished.returncode == 0, finished.stderr


def test_the_environment_is_printed() -> None:
    finished = run("verify env")
    assert finished.returncode == 0
    for word in ("sympy", "torch", "python-flint", "cuda"):
        assert word in finished.stdout


def test_output_goes_to_a_file_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "result.json"
    finished = run(f"verify.check select=SN10 k=1 n=2 format=json output={target}")
    assert finished.returncode == 0 and finished.stdout == ""
    assert json.loads(target.read_text())["summary"]["claims"] == 1
    assert list(tmp_path.iterdir()) == [target]


def test_json_is_the_same_every_time_and_follows_the_contract() -> None:
    first, second = (run("verify.check select=SN3,SN10 k=2 n=2 format=json") for _ in range(2))
    assert first.returncode == 0 and first.stdout == second.stdout
    result = json.loads(first.stdout)
    assert result["schema"] == "landscape-verifier/check/1"
    assert result["settings"]["k"] == 2
    for claim in result["claims"]:
        keys = {"id", "title", "verdict", "expected", "evidence", "scope", "instances", "details"}
        assert keys <= claim.keys() and claim["instances"] > 0


def test_an_exhausted_budget_ends_with_status_3() -> None:
    finished = run("verify.check select=SN10 budget=1e-9")
    assert finished.returncode == 3 and "UNDECIDED" in finished.stdout


def test_a_closed_pipe_leaves_no_trace() -> None:
    finished = subprocess.run(
        f"{sys.executable} -m verify.gradient k=2 n=2 T=8 format=json | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.stdout == "{\n" and finished.stderr == ""


def test_pictures_are_the_same_bytes_every_time(tmp_path: Path) -> None:
    words = "verify.gradient k=2 n=2 T=4,8,16 q=2,5,10 executor=inline output="
    for name in ("first.svg", "second.svg", "map.png"):
        finished = run(f"{words}{tmp_path / name}")
        assert finished.returncode == 0 and finished.stdout == "", finished.stderr
    first = (tmp_path / "first.svg").read_bytes()
    assert first == (tmp_path / "second.svg").read_bytes() and first.startswith(b"<?xml")
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_of_what_diverges_is_refused(tmp_path: Path) -> None:
    finished = run(f"verify.gradient k=2 n=2 T=4,8 c=1,inf output={tmp_path / 'no.svg'}")
    assert finished.returncode == 2 and "c=inf" in finished.stderr and not any(tmp_path.iterdir())
