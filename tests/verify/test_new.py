"""`python -m verify new NAME` writes a package, or says in one line why it does not."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from verify import registry
from verify.__main__ import main as overview
from verify.claim import ID
from verify.new import FILES, LONGEST, NAME, contents, main, prefix
from verify.settings import UsageError

LONG = "abcdefghij-abcdefghij-abcdefghij-abcdefg"  # as many signs as a name may have
NAMES = st.from_regex(NAME, fullmatch=True).filter(lambda name: len(name) <= LONGEST)


def test_it_writes_every_file_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["my-paper"]) == 0
    files = [path for path in Path("my-paper").rglob("*") if path.is_file()]
    written = {path.relative_to("my-paper").as_posix(): path.read_text() for path in files}
    assert written == contents("my-paper")
    told = capsys.readouterr().out.splitlines()
    assert set(told[1 : 1 + len(FILES)]) == {f"  {name}" for name in written}
    assert told[-1] == "  python -m verify.check paper=my-paper"


def test_it_writes_into_another_folder(tmp_path: Path) -> None:
    assert main([f"folder={tmp_path / 'there'}", "my-paper"]) == 0
    assert (tmp_path / "there" / "my_paper_package" / "__init__.py").is_file()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "give one name for the paper"),
        (["one", "two"], "give one name for the paper"),
        (["folder=there"], "give one name for the paper"),
        (["My-Paper"], "My-Paper: a name is made of lowercase letters"),
        (["my_paper"], "my_paper: a name"),
        (["my--paper"], "my--paper: a name"),
        (["-paper"], "-paper: a name"),
        (["paper-"], "paper-: a name"),
        (["2-layers"], "2-layers: a name"),
        (["señor"], "a name"),
        (["../up"], "../up: a name"),
        ([f"{LONG}h"], "at most 40"),
        (["two\nlines"], r"two\\nlines: a name"),
        (["sub-n-grams"], "sub-n-grams: there is a paper of this name"),
        (["next-token"], "next-token: there is a paper of this name"),
        (["mine", "fold=there"], "fold=there: unknown key; did you mean folder?"),
        (["mine", "folder="], "folder=: folder must be"),
        (["mine", "folder=there", "folder=here"], "folder is given twice"),
        (["mine", "folder=."], "folder=.: is there already"),
        (["mine", "folder=full"], "folder=full: is there already"),
        (["mine", "folder=no/such/place"], "folder=no/such/place: cannot be written"),
        (["mine", "folder=file/below"], "folder=file/below: cannot be written"),
        (["mine", f"folder={'x' * 300}"], "cannot be written"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    words: list[str], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=reason) as told:
        main(words)
    assert "\n" not in str(told.value)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "full"]


def test_a_broken_paper_has_its_name_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("verify.new.broken", lambda: [registry.Broken("mine", "it is broken")])
    with pytest.raises(UsageError, match="mine: there is a paper of this name"):
        main(["mine", f"folder={tmp_path / 'there'}"])


def test_half_a_package_is_not_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, count = Path.write_text, []

    def full(path: Path, *arguments: Any, **options: Any) -> int:
        count.append(path)
        if len(count) > 3:
            raise OSError(28, "No space left on device")
        return write(path, *arguments, **options)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(UsageError, match="cannot be written \\(No space left on device\\)"):
        main(["mine", f"folder={tmp_path / 'there'}"])
    assert len(count) == 4 and list(tmp_path.iterdir()) == []


@given(NAMES)
@example("a")
@example("a1-b2")
@example("class")
@example(LONG)
@example("-".join("abcdefghijklmnopqrst"))
def test_every_name_makes_files_that_can_be_read(name: str) -> None:
    files = contents(name)
    for path, text in files.items():
        assert "{{" not in text and "{module}" not in path
        if path.endswith(".py"):
            ast.parse(text)
    project = tomllib.loads(files["pyproject.toml"])
    module = name.replace("-", "_")
    assert project["project"]["name"] == name
    assert project["project"]["entry-points"] == {
        registry.GROUP: {name: f"{module}_package:PAPER"},
        "landscape_verifier.rechecks": {name: f"{module}_recheck"},
    }
    assert f"{module}_package/__init__.py" in files and f"{module}_recheck.py" in files


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("descent", "DE"),
        ("linear-attention", "LA"),
        ("a", "A"),
        ("a1-2b", "AB"),
        ("a-b-c-d-e-f", "ABCD"),
        ("some-nodes", "SNX"),  # SN is taken
        ("x2", "X"),
    ],
)
def test_ids_begin_with_the_name_and_never_as_those_of_another_paper(name: str, expected: str) -> None:
    assert prefix(name, {paper.prefix for paper in registry.papers().values()}) == expected
    assert ID.fullmatch(f"{expected}1c")


def test_a_prefix_is_made_longer_until_nobody_has_it() -> None:
    assert prefix("descent", {"DE", "DEX"}) == "DEXX"


@pytest.mark.parametrize("name", ["descent", LONG])
def test_the_files_are_written_as_the_project_is(name: str, tmp_path: Path) -> None:
    """By ruff, in the package's own folder."""
    main([name, f"folder={tmp_path / 'there'}"])
    rules = ["--isolated", "--line-length", "120"]
    for words in (["check", *rules, "--select", "E,F,W,I,UP,B,C4,SIM,RET,PIE,RUF,N,PT"], ["format", "--check", *rules]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *words, "--no-cache", "."],
            cwd=tmp_path / "there",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_package_uses_the_public_interface_alone() -> None:
    """And its recheck the standard library."""
    for path, text in contents("descent").items():
        if path.endswith(".py"):
            modules = re.findall(r"^\s*(?:import|from) ([\w.]+)", text, re.M)
            ours = {module for module in modules if module.split(".")[0] in ("verify", "numerics", "proofs")}
            assert not ours, path
            if path == "descent_recheck.py":
                assert set(modules) <= {"__future__", "typing"}


def test_it_is_listed_and_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert overview([]) == 0
    assert "\n  new NAME " in capsys.readouterr().out
    assert overview(["new", "--help"]) == 0
    assert capsys.readouterr().out.startswith("python -m verify new NAME [folder=PATH]\n")
