"""The commands as a user runs them: output, exit status, bad input."""

from __future__ import annotations

import importlib
import json
import math
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch

from verify import __main__ as overview
from verify import __version__, check, env, gradient
from verify.command import check_output, fold, write_file
from verify.papers.sub_ngrams import selftest
from verify.papers.sub_ngrams import settings as sub_ngrams_settings
from verify.papers.sub_ngrams.gradient.settings import GradientSettings
from verify.papers.sub_ngrams.near_stationary.settings import StationarySettings
from verify.papers.sub_ngrams.training.settings import TrainSettings
from verify.registry import papers
from verify.settings import CheckSettings, UsageError
from verify.uncertain import with_error

REFERENCE = {  # by the words that ask for it
    f"k={k} n={n} {'c=inf' if q == math.inf else f'q={q}'}": {f"{a},{b}": entries for (a, b), entries in table.items()}
    for (n, k, q), table in selftest.REFERENCE.items()
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


Data = Callable[[str], Any]


@pytest.fixture
def data(capsys: pytest.CaptureFixture[str]) -> Data:
    """The JSON that verify.gradient prints, in this process: importing torch takes long."""

    def of(words: str) -> Any:
        assert gradient.main([*words.split(), "format=json"]) == 0
        return json.loads(capsys.readouterr().out)

    return of


def test_fractions_of_more_digits_than_python_prints(
    data: Data, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = f"n=4 k=4 q=1e30 T=8 shards={tmp_path}"
    found = data(words)
    assert max(len(x) for block in found["score_blocks"].values() for row in block for x in row) > 5000
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert data(words) == found and {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == kept
    assert not capsys.readouterr().err
    assert gradient.main(words.split()) == 0
    assert "M_{3,3}  " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "known"),
    [
        ("check select=SN10 output={}.gif", "known: .txt, .log, .md"),
        ("check select=SN10 output={}.svg", "known: .txt, .log, .md"),
        ("check select=SN10 output={}.html", "give format=html"),
        ("check select=SN10 output={}.JSON", "give format=json"),
        ("check select=SN10 format=html output={}.xml", "known: .html, .htm, .txt, .log, .md; give format=junit"),
        ("check select=SN10 certificate={}.csv", "certificate="),
        ("gradient T=8 output={}.gif", "known: .txt, .log, .md, .svg, .png"),
        ("gradient T=8 format=json output={}.csv", "known: .json, .txt, .log, .md, .svg, .png"),
        ("gradient T=8 output={}.pdf", "known: "),
        ("train steps=64 output={}.gif", "known: .txt, .log, .md, .svg, .png"),
        ("train steps=64 output={}.json", "give format=json"),
        ("train steps=64 output={}.jpeg", "known: "),
    ],
)
def test_files_of_another_kind_are_refused(words: str, known: str, tmp_path: Path) -> None:
    command, *rest = words.format(tmp_path / "x").split()
    with pytest.raises(UsageError, match=re.escape(known)):
        importlib.import_module(f"verify.{command}").main(rest)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["x", "x.txt", "x.LOG", ".x", "x.SVG", "x.png"])
def test_files_of_known_kinds_are_written(name: str, tmp_path: Path) -> None:
    assert gradient.main(["n=2", "T=4", "c=1", f"output={tmp_path / name}"]) == 0
    start = (tmp_path / name).read_bytes()[:5]
    assert start == {".svg": b"<?xml", ".png": b"\x89PNG\r"}.get(Path(name).suffix.lower(), b"sub-n")


@pytest.mark.parametrize("parametrisation", ["factorised", "merged"])
@pytest.mark.parametrize("engine", ["autograd", "monte_carlo", "transfer"])
def test_norms_are_printed_with_errors_that_cover(
    engine: str, parametrisation: str, data: Data, capsys: pytest.CaptureFixture[str]
) -> None:
    words = f"k=2 n=2 T=8 q=5 parametrisation={parametrisation} engine="
    few = " samples=20000" if engine == "monte_carlo" else ""
    exact, found = data(words + "type_classes"), data(words + engine + few)
    assert set(exact["parameter_norm_errors"].values()) == {0}
    for name, norm in exact["parameter_norms"].items():
        assert abs(found["parameter_norms"][name] - norm) <= found["parameter_norm_errors"][name] + 1e-15
    assert 0 < found["parameter_norm_errors"]["total"] <= 100 * found["error"]
    assert data("k=2 n=2 T=8")["parameter_norm_errors"] is None
    assert gradient.main(f"{words}{engine}{few}".split()) == 0
    total = capsys.readouterr().out.splitlines()[-1].partition("total ")[2]
    assert total == with_error(found["parameter_norms"]["total"], found["parameter_norm_errors"]["total"])


def test_a_norm_below_its_error_is_no_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert gradient.main(["k=2", "n=2", "T=1e40", "c=logT", "minutes=0.001"]) == 0
    total = capsys.readouterr().out.splitlines()[-1].partition("total ")[2]
    assert re.fullmatch(r"\d(\.\d)?e-\d+ \+- \de-\d+", total), total


@pytest.mark.parametrize("engine", ["enumeration", "type_classes"])
@pytest.mark.parametrize("words", REFERENCE)
def test_exact_engines_print_the_reference_table(words: str, engine: str, data: Data) -> None:
    result = data(f"{words} S=2 T=8 engine={engine}")
    assert result["exact"] is True and result["error"] == 0 and result["engine"] == engine
    for block, (same, different) in REFERENCE[words].items():
        assert result["score_blocks"][block] == [[same, different], [different, same]]
    assert (result["parameter_norms"] is None) == ("q=" not in words)


@pytest.mark.parametrize("words", REFERENCE)
def test_autograd_prints_the_reference_table(words: str, data: Data) -> None:
    result = data(f"{words} S=2 T=8 engine=autograd")
    assert result["exact"] is False and 0 < result["error"] <= 1e-12
    for block, (same, different) in REFERENCE[words].items():
        for row, exact in zip(result["score_blocks"][block], ((same, different), (different, same)), strict=True):
            for value, fraction in zip(row, exact, strict=True):
                assert abs(Fraction(value) - Fraction(fraction)) <= 1e-12


def test_more_minutes_make_a_smaller_error(data: Data) -> None:
    """S=6 has too many free parameters for a lattice: the error is an interval that shrinks with the time."""
    few, many = (data(f"k=1 n=1 S=6 T=1e4 engine=transfer tolerance=1e-9 minutes={m}") for m in ("0.002", "0.1"))
    assert few["level"] == many["level"] == 0.99
    assert 0 < many["error"] < few["error"] / 1.5
    value, errors = (float(x["score_blocks"]["0,0"][0][0]) for x in (few, many)), few["error"] + many["error"]
    assert abs(next(value) - next(value)) <= errors


def test_an_engine_that_handed_over_is_told(data: Data, capsys: pytest.CaptureFixture[str]) -> None:
    words = "k=2 n=3 S=3 T=5 engine=transfer"
    assert (data(words)["engine"], data(words)["exact"]) == ("type_classes", True)
    capsys.readouterr()
    assert gradient.main(words.split()) == 0
    assert "engine type_classes for transfer   exact" in capsys.readouterr().out


def test_a_tolerance_may_be_relative(data: Data, capsys: pytest.CaptureFixture[str]) -> None:
    """1% of the largest entry of every block; 1e-2 is absolute. What is missed is told, what is met is not."""
    words = "k=2 n=2 T=300 c=logT engine=transfer"
    result = data(f"{words} tolerance=2%")
    assert result["settings"]["tolerance"] == "2%"
    for block, errors in result["errors"].items():
        size = max(abs(float(x)) for row in result["score_blocks"][block] for x in row)
        assert max(float(x) for row in errors for x in row) <= 1.1 * 0.02 * max(size, 1e-3 / 300)
    capsys.readouterr()
    for tolerance, missed in (("90%", False), ("0.9", False), ("0.0001%", True), ("1e-15", True)):
        minutes = "0.002" if missed else "0.5"
        assert gradient.main([*words.split(), f"tolerance={tolerance}", f"minutes={minutes}"]) == 0
        out = capsys.readouterr().out
        assert (f"  tolerance={tolerance} is missed in " in out) == missed, out


@pytest.mark.parametrize("tolerance", ["100%", "0%", "-1%", "%", "1%%", "inf%", "nan%", "1", "0", "inf", "1 %", "x"])
def test_a_tolerance_that_is_none_is_refused_in_one_line(tolerance: str) -> None:
    with pytest.raises(
        UsageError, match=f"^tolerance={re.escape(tolerance)}: tolerance must be a number above 0"
    ) as refusal:
        gradient.main(["k=2", "n=2", "T=300", f"tolerance={tolerance}"])
    assert "\n" not in str(refusal.value)


def test_several_lengths_make_a_list(data: Data) -> None:
    results = data("k=2 n=2 T=4,8 q=3 executor=inline")
    assert [result["T"] for result in results] == [4, 8]


def test_an_unselected_default_engine_is_exact_where_it_can_be(data: Data) -> None:
    assert data("k=2 n=2 T=20")["exact"] is True


BAD = [
    "check k=4 n=3",
    "check k=0 n=2",
    "check S=1",
    "check T=1",
    "check q=1",
    "check q=0",
    "check alpha=0",
    "check alpha=-1",
    "check lags=3 n=3",
    "check foo=1",
    "check k",
    "check k=two",
    "check engine=nope",
    "check c=3 q=5",
    "check T=1e30 engine=enumeration",
    "check paper=unknown",
    "check select=SN99",
    "check output=/nowhere/at/all.json",
    "check output=.",
    "check device=cuda",
    "gradient T=1e30 engine=enumeration",
    "gradient T=8 q=1",
    "gradient T=8 minutes=0",
    "gradient executor=nope",
    "gradient select=SN3",
    "gradient T=8 device=cuda",
    "train ignore=SN3",
    "train checkpoint=/nowhere/at/all.npz",
    "env all",
    "selftest k=2",
    "nonsense",
]


@pytest.mark.parametrize("line", BAD)
def test_bad_input_is_one_clear_line(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    if "cuda" in line and torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    with pytest.raises(UsageError) as caught:
        overview.main(line.split())
    told = capsys.readouterr()
    assert told.out == told.err == "" and "\n" not in str(caught.value)
    assert line.split()[-1].partition("=")[0] in str(caught.value)


@pytest.mark.parametrize("command", ["verify.check k=4", "verify check k=4", "verify.gradient k=4", "verify nonsense"])
def test_a_usage_error_is_one_line_and_status_2(command: str) -> None:
    finished = run(command)
    assert finished.returncode == 2 and finished.stdout == ""
    assert finished.stderr.count("\n") == 1 and finished.stderr.startswith("verify")
    assert command.split()[-1] in finished.stderr


def test_the_overview_lists_papers_claims_and_engines_without_heavy_imports() -> None:
    finished = run("verify")
    assert finished.returncode == 0
    for word in ("check k=2 n=3", "sub-n-grams", "SN7", "enumeration"):
        assert word in finished.stdout
    for command in ("verify", "verify.check", "verify.gradient"):
        script = (
            f"import sys, runpy; sys.argv = ['{command}', '--help']\n"
            "try:\n"
            f"    runpy.run_module('{command if '.' in command else 'verify.__main__'}', run_name='__main__')\n"
            "except SystemExit as end:\n"
            "    assert end.code == 0\n"
            "assert not {'torch', 'sympy', 'scipy', 'matplotlib'} & set(sys.modules), 'a heavy import'"
        )
        finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
        assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize(("word", "known"), [("chek", "check"), ("Gradient", "gradient"), ("self-test", "selftest")])
def test_a_misspelt_command_is_recognised(word: str, known: str) -> None:
    with pytest.raises(UsageError, match=f"{word}: unknown command; did you mean {known}"):
        overview.main([word])


@pytest.mark.parametrize("line", ["check select=SN10 k=1 n=2 format=json", "gradient k=2 n=2 T=4 q=3", "env"])
def test_a_subcommand_is_the_command(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    name, *words = line.split()
    assert overview.main([name, *words]) == 0
    first = capsys.readouterr().out
    assert importlib.import_module(f"verify.{name}").main(words) == 0
    assert first == capsys.readouterr().out and len(first) > 100


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert overview.main(["--version"]) == 0
    assert capsys.readouterr().out == f"landscape-verifier {__version__}\n"


# --- help ---

KEYS = {  # of the commands that take words
    "check": set().union(*(paper.settings.model_fields for paper in papers().values())),
    "gradient": set(GradientSettings.model_fields),
    "stationary": set(StationarySettings.model_fields),
    "train": set(TrainSettings.model_fields),
}


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("name", ["", "check", "gradient", "stationary", "train", "selftest", "env"])
def test_help_fits_and_is_complete(
    name: str, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert overview.main([name, "--help"] if name else ["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    assert any(line.startswith("exit status") for line in lines)
    starts = {line.split()[0] for line in lines if line.startswith("  ") and line.split()}
    assert KEYS.get(name, set()) <= starts
    if not name:
        assert (
            set(overview.COMMANDS) <= starts and {claim.id for p in papers().values() for claim in p.claims} <= starts
        )


def test_shared_keys_come_once_and_the_check_has_more(capsys: pytest.CaptureFixture[str]) -> None:
    overview.main(["check", "--help"])
    told = capsys.readouterr().out
    assert all(told.count(f"\n  {key} ") == 1 for key in CheckSettings.model_fields)
    overview.main(["gradient", "--help"])
    assert not any(f"\n  {key} " in capsys.readouterr().out for key in ("select", "ignore", "trajectory"))


def test_long_lines_continue_below_their_second_column() -> None:
    text = "  key     one two three four five six\nplain words that go on and on here\n"
    assert fold(text, 40) == text
    folded = fold("  key     " + "word " * 12 + "\n" + "plain " * 12, 44).splitlines()
    assert folded[1].startswith("          word") and folded[-1].startswith("plain")
    assert max(map(len, folded)) <= 44 and " ".join(folded).split() == ["key", *["word"] * 12, *["plain"] * 12]


def test_the_environment_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert overview.main(["env"]) == 0
    told = capsys.readouterr().out
    for word in ("sympy", "torch", "python-flint", "cuda"):
        assert word in told


def test_the_environment_of_an_incomplete_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(env.metadata, "requires", lambda name: ["numpy>=1.26", "no-such-thing>=1", "x; extra == 'y'"])
    assert [line.split()[0] for line in env.requirements()] == ["no-such-thing", "numpy"]
    assert env.requirements()[0] == "no-such-thing missing"

    def nothing(name: str) -> list[str]:
        raise env.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(env.metadata, "requires", nothing)
    assert env.requirements()[0].startswith("not installed")


def test_output_goes_to_a_file_as_a_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "result.json"
    assert check.main(f"select=SN10 k=1 n=2 format=json output={target}".split()) == 0
    assert capsys.readouterr().out == ""
    assert json.loads(target.read_text())["summary"]["claims"] == 1
    assert list(tmp_path.iterdir()) == [target]


def test_json_is_the_same_every_time_and_follows_the_contract(capsys: pytest.CaptureFixture[str]) -> None:
    words = "select=SN3,SN10 k=2 n=2 format=json"
    assert check.main(words.split()) == 0
    finished = run(f"verify.check {words}")
    assert finished.returncode == 0 and finished.stdout == capsys.readouterr().out
    result = json.loads(finished.stdout)
    assert result["schema"] == "landscape-verifier/check/1"
    assert result["settings"]["k"] == 2
    for claim in result["claims"]:
        keys = {"id", "title", "verdict", "expected", "evidence", "scope", "instances", "details"}
        assert keys <= claim.keys() and claim["instances"] > 0


def test_an_exhausted_budget_ends_with_status_3() -> None:
    finished = run("verify.check select=SN10 budget=1e-9")
    assert finished.returncode == 3 and "UNDECIDED" in finished.stdout


# --- terminals, pipes and files ---

LARGE = "n=2 S=40 T=4 k=1 engine=monte_carlo samples=2 format=json"  # more than a pipe holds
PIPED = [
    ("verify", 0),
    ("verify.check --help", 0),
    ("verify.check k=1 n=2 select=SN10 format=json", 0),
    ("verify.check k=1 n=2 select=SN10 budget=1e-9", 3),
    ("verify.train n=2 S=2 T=4 steps=24 every=8 test_samples=64 gradient_samples=64", 0),
    ("verify.check k=9", 2),
]


@pytest.mark.parametrize(("line", "status"), PIPED, ids=[line for line, _ in PIPED])
def test_a_reader_that_leaves_changes_nothing(line: str, status: int) -> None:
    """No trace, and the exit status of the command stays that of its result: a pipe does not turn 3 into 0."""
    script = f"set -o pipefail; {sys.executable} -m {line} | true"
    finished = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert finished.returncode == status
    assert "Traceback" not in finished.stderr and "Broken" not in finished.stderr


def test_the_first_line_of_a_large_output() -> None:
    """Of which the reader leaves in the middle."""
    script = f"set -o pipefail; {sys.executable} -m verify.gradient {LARGE} | head -n 1"
    finished = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert finished.returncode == 0 and finished.stdout == "{\n" and finished.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_that_is_lost_is_an_error() -> None:
    with open("/dev/full", "w") as full:
        finished = subprocess.run(
            [sys.executable, "-m", "verify"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert finished.returncode == 2 and finished.stderr.count("\n") == 1 and "output=FILE" in finished.stderr


def test_letters_that_an_encoding_lacks() -> None:
    finished = run("verify", PYTHONIOENCODING="ascii")
    assert finished.returncode == 0 and "Varre, Y?ce" in finished.stdout


def on_a_terminal(line: str, **environment: str) -> str:
    """What a command writes to standard output, where that is a terminal."""
    master, slave = pty.openpty()
    given = {key: value for key, value in os.environ.items() if key != "NO_COLOR"} | {"TERM": "xterm", **environment}
    command = [sys.executable, "-m", *line.split()]
    with subprocess.Popen(command, stdout=slave, stderr=subprocess.DEVNULL, env=given):
        os.close(slave)
        chunks = []
        while True:
            try:
                chunk = os.read(master, 4096)
            except OSError:  # Linux says so at the end, others send nothing
                break
            if not chunk:
                break
            chunks.append(chunk)
    os.close(master)
    return b"".join(chunks).decode()


def test_colours_only_where_they_are_wanted() -> None:
    line = "verify.check k=1 n=2 select=SN10 budget=1e-9"
    assert "\x1b[" in on_a_terminal(line)
    assert "\x1b[" not in on_a_terminal(line, NO_COLOR="1")
    assert "\x1b[" not in on_a_terminal(line, TERM="dumb")
    assert "\x1b[" not in run(line).stdout


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_table_fits_the_terminal(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert check.main(["k=1", "n=2", "select=SN3,SN10"]) == 0
    told = capsys.readouterr().out
    lines = told.splitlines()
    assert max(map(len, lines[:-2])) <= width  # the last two have commands to paste
    for cell in ("SN3", "VERIFIED", "proof", "2 of 2 as expected"):
        assert cell in told
    assert ("SN10  claim      the loss itself is infinite" in lines) == (width < 110)


def test_devices_links_and_names_are_written_as_they_should(tmp_path: Path) -> None:
    target, link, pipe = tmp_path / "target", tmp_path / "link", tmp_path / "pipe"
    target.write_text("old")
    link.symlink_to(target)
    check_output(str(link))
    write_file(str(link), b"new")
    assert link.is_symlink() and target.read_text() == "new"
    check_output(os.devnull)
    write_file(os.devnull, b"new")
    assert Path(os.devnull).is_char_device()
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as cat:
        write_file(str(pipe), b"through")
        assert cat.stdout is not None and cat.stdout.read() == b"through"
    long = tmp_path / ("x" * 250)
    check_output(str(long))
    write_file(str(long), b"1")
    assert {path.name for path in tmp_path.iterdir()} == {"target", "link", "pipe", "x" * 250}
    (tmp_path / "loop").symlink_to("loop")
    for name in ("y" * 300, "loop", "missing/file", "."):
        with pytest.raises(UsageError, match=r"^output=[^\n]*$"):
            check_output(str(tmp_path / name))


def test_a_file_that_cannot_be_finished_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_rename(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    (tmp_path / "kept").write_text("old")
    monkeypatch.setattr(Path, "replace", no_rename)
    with pytest.raises(UsageError, match="No space left"):
        write_file(str(tmp_path / "kept"), b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"] and (tmp_path / "kept").read_text() == "old"


def test_the_suggested_command_can_be_pasted(tmp_path: Path) -> None:
    """Also where a word has a space in it."""
    matrices = tmp_path / "my file.json"
    matrices.write_text(json.dumps({"H": [["1", "0"]], "F": [["1", "1"]]}))
    words = ["paper=mean-field", "k=1", "m=2", f"matrices={matrices}", "select=MF1", "budget=1e-9"]
    finished = subprocess.run(
        [sys.executable, "-m", "verify.check", *words], capture_output=True, text=True, check=False
    )
    suggested = finished.stdout.rpartition("details: python ")[2].partition("report: ")[0]
    again = subprocess.run(["bash", "-c", f"{sys.executable} {suggested}"], capture_output=True, text=True, check=False)
    assert finished.returncode == 3 and again.returncode == 0  # without the budget
    assert json.loads(again.stdout)["claims"][0]["id"] == "MF1"


def test_pictures_are_the_same_bytes_every_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = "k=2 n=2 T=4,8,16 q=2,5,10 executor=inline output="
    for name in ("first.svg", "map.png"):
        assert gradient.main(f"{words}{tmp_path / name}".split()) == 0
    assert capsys.readouterr().out == ""
    finished = run(f"verify.gradient {words}{tmp_path / 'second.svg'}")
    assert finished.returncode == 0 and finished.stdout == "", finished.stderr
    first = (tmp_path / "first.svg").read_bytes()
    assert first == (tmp_path / "second.svg").read_bytes() and first.startswith(b"<?xml")
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_of_what_diverges_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="c=inf"):
        gradient.main(f"k=2 n=2 T=4,8 c=1,inf output={tmp_path / 'no.svg'}".split())
    assert not any(tmp_path.iterdir())


# --- the whole range of alpha, and of what the transfer engine takes --------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        "k=2 n=3 alpha=1/4 T=100 c=logT minutes=0.001",
        "k=2 n=3 alpha=1/8 T=100 c=logT minutes=0.001",
        "k=2 n=3 alpha=1e-39 T=100 c=logT minutes=0.001",
        "k=2 n=3 alpha=1000 T=100 c=logT minutes=0.001",
        "k=2 n=2 T=1e20 c=logT minutes=0.001",
        "k=2 n=3 T=100 c=700 minutes=0.001",
        "k=2 n=3 T=100 c=1 minutes=1e-9",
        "k=2 n=2 T=100 c=1 tolerance=1e-320 minutes=0.001",
        "k=2 n=2 T=100 c=1 tolerance=0.999 minutes=0.001",
        "k=2 n=2 alpha=1e-39 T=10 c=logT engine=type_classes",
        "k=2 n=2 alpha=1e-39 T=10 c=logT engine=monte_carlo samples=1000",
    ],
)
def test_gradients_at_the_ends_of_ranges(data: Data, words: str) -> None:
    found = data(words)
    norms = found["parameter_norms"]
    assert all(math.isfinite(x) for x in norms.values()) and math.isfinite(found["error"])
    if words.startswith("k=2 n=2 T=1e20"):
        assert norms["total"] <= 1e-15 + 100 * found["error"] <= 1e-9


@pytest.mark.parametrize("alpha", ["1/1000", "1/200", "1/50", "1/8", "1/4", "1/3", "2", "50", "200", "1000"])
@pytest.mark.parametrize("problem", ["k=1 n=2", "k=2 n=3", "k=2 n=2 S=3"])
def test_means_over_the_prior_over_the_range_of_alpha(
    problem: str, alpha: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Finite values with errors that say something, with a twentieth of the kernels that a check takes; the values
    themselves: tests/proofs/test_prior.py.
    """
    monkeypatch.setattr(sub_ngrams_settings, "KERNEL_ENTRIES", sub_ngrams_settings.KERNEL_ENTRIES // 20)
    assert check.main([*problem.split(), f"alpha={alpha}", "select=SN9,SN11", "format=json"]) == 0
    claims = {claim["id"]: claim for claim in json.loads(capsys.readouterr().out)["claims"]}
    details = claims["SN11"]["details"]
    levels, errors = details["k-gram levels in nats"], details["errors"]
    assert levels == sorted(levels, reverse=True) and all(0 <= error <= 1e-3 for error in errors)
    details = claims["SN9"]["details"]
    if problem == "k=1 n=2":
        assert 0 < Fraction(details["lower"]) <= Fraction(details["upper"]) < Fraction(1, 16)
    elif problem == "k=2 n=3":
        assert 0 <= details["error"] <= 0.1 * details["value"] < 0.01


def test_another_prior_is_seen_by_the_check_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The density of the rules with alpha + 1: SN9 and SN11 stayed as expected, with wrong numbers."""
    for name in ("prior", "prior_rules"):
        module = importlib.import_module(f"proofs.sub_ngrams.{name}")
        monkeypatch.setattr(
            module,
            "stick_parts",
            lambda law: [(float(law.alpha + 1), float((law.S - 1 - i) * (law.alpha + 1))) for i in range(law.S - 1)],
        )
    assert check.main(["k=2", "n=3", "select=SN9,SN11", "format=json"]) not in (0, 3)
    found = {claim["id"]: claim["verdict"] for claim in json.loads(capsys.readouterr().out)["claims"]}
    assert found == {"SN9": "ERROR", "SN11": "ERROR"}


@pytest.mark.parametrize(
    "words",
    [
        ["select=SN1", "k=2", "n=2", "format=json"],
        ["SN1", "k=2", "n=2", "format=json"],
        ["--k", "2", "--n=2", "SN1", "--json"],
        ["--select", "SN1", "--k=2", "--n", "2", "--format", "json"],
    ],
)
def test_words_as_other_programs_have_them(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main(words) == 0
    document = json.loads(capsys.readouterr().out)
    assert [claim["id"] for claim in document["claims"]] == ["SN1"]
    assert document["settings"]["k"] == document["settings"]["n"] == 2


def test_the_paper_is_told_by_its_claims(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main(["MF1"]) == 0
    assert "select=MF1 format=json" in " ".join(capsys.readouterr().out.split())
    with pytest.raises(UsageError, match="XX1: no claim has this id"):
        check.main(["XX1"])
    with pytest.raises(UsageError, match="select is given twice"):
        check.main(["SN1", "select=SN2"])


def test_a_scale_that_is_a_multiple_of_log_T(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["c=2*logT"], ["q=64"]):
        assert gradient.main(["k=2", "n=2", "T=8", "format=json", *words]) == 0
    first, second = (json.loads(f"{text}}}") for text in capsys.readouterr().out.split("\n}\n")[:2])
    assert first["q"] == second["q"] == "64" and first["score_blocks"] == second["score_blocks"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert overview.main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert all(
        word in script for word in ("check", "gradient", "SN7", "engine=", "initial=uniform", "paper=mean-field")
    )


def test_completion_in_bash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash")
    overview.main(["completion", "bash"])
    (tmp_path / "script").write_text(capsys.readouterr().out)
    for line, due in (
        ("landscape-verify gra", ["gradient"]),
        ("landscape-verify check SN1", ["SN1", "SN10"]),
        ("landscape-verify gradient initial=d", ["dirichlet"]),
    ):
        words = " ".join(f'"{word}"' for word in line.split())
        program = (
            f"source {tmp_path / 'script'}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); "
            f'COMP_LINE="{line}"; COMP_POINT={len(line)}; compopt() {{ :; }}; '
            '_landscape_verify; echo "${COMPREPLY[@]}"'
        )
        done = subprocess.run([bash, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout.split()[: len(due)] == due
