"""Papers are found by name, by entry point and by path; a broken one holds nothing up."""

from __future__ import annotations

import os
import py_compile
import shutil
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from verify import registry
from verify.check import main
from verify.claim import Paper
from verify.recheck import registry as rechecks
from verify.recheck.certificate import DeclinedError
from verify.settings import UsageError

ROOT = Path(__file__).parents[2]

PAPER = """
from landscape_verifier import CheckSettings, Evidence, Paper, Verdict, claim, claims_of, decide
import sys


@claim("XY1", "{title}")
def sums(settings, run):
    \"\"\"1 + 1 = 2.\"\"\"
    return decide(
        1 + 1 == 2, evidence=Evidence.EXACT, scope="1 and 1", instances=1, found="2", predicted="2", undecided=""
    )


PAPER = Paper(
    name="{name}", title="Sums", source="nowhere", prefix="XY", settings=CheckSettings,
    claims=claims_of(sys.modules[__name__]),
)
"""


@pytest.fixture(autouse=True)
def found_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    registry.found.cache_clear()


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two packages beside ours: one that works, one that does not."""
    (tmp_path / "sums_paper.py").write_text(PAPER.format(name="sums", title="a sum"))
    (tmp_path / "broken_paper.py").write_text("import nothing_of_this_name\n")
    (tmp_path / "other_paper.py").write_text("PAPER = 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    entries = [
        EntryPoint("sums", "sums_paper:PAPER", registry.GROUP),
        EntryPoint("worse", "broken_paper:PAPER", registry.GROUP),
        EntryPoint("other", "other_paper:PAPER", registry.GROUP),
    ]
    monkeypatch.setattr(
        "verify.registry.metadata.entry_points", lambda group: entries if group == registry.GROUP else []
    )
    yield
    for name in ("sums_paper", "broken_paper", "other_paper"):
        sys.modules.pop(name, None)
    registry.found.cache_clear()


def test_the_first_paper_comes_first_and_the_others_by_name() -> None:
    assert list(registry.papers()) == ["sub-n-grams", "mean-field", "next-token"]
    assert registry.broken() == []
    assert registry.get_paper().name == "sub-n-grams"


def test_every_claim_has_the_prefix_of_its_paper_and_no_other_paper_has_it() -> None:
    prefixes = [paper.prefix for paper in registry.papers().values()]
    assert len(set(prefixes)) == len(prefixes)
    for paper in registry.papers().values():
        assert all(claim.id.startswith(paper.prefix) for claim in paper.claims)


@pytest.mark.usefixtures("installed")
def test_installed_papers_are_listed_and_broken_ones_say_why(capsys: pytest.CaptureFixture[str]) -> None:
    from verify.__main__ import main as overview

    assert "sums" in registry.papers() and "worse" not in registry.papers()
    reasons = {paper.name: paper.reason for paper in registry.broken()}
    assert "nothing_of_this_name" in reasons["worse"] and "no verify.claim.Paper" in reasons["other"]
    assert overview([]) == 0
    listed = capsys.readouterr().out
    assert "XY1" in listed and "paper=worse\n  broken: ModuleNotFoundError" in listed
    with pytest.raises(UsageError, match="paper=worse: broken: ModuleNotFoundError"):
        registry.get_paper("worse")
    with pytest.raises(UsageError, match="did you mean sums"):
        registry.get_paper("sumss")


@pytest.mark.usefixtures("installed")
def test_an_installed_paper_is_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["paper=sums"]) == 0
    assert "1 of 1 as expected" in capsys.readouterr().out


@pytest.mark.parametrize("folder", [False, True])
def test_a_paper_by_path(folder: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "by_path" / "__init__.py" if folder else tmp_path / "by_path.py"
    file.parent.mkdir(exist_ok=True)
    file.write_text(PAPER.format(name="by-path", title="a sum"))
    path = tmp_path / "by_path" if folder else file
    try:
        assert main([f"paper={path}"]) == 0
        assert "by-path" in capsys.readouterr().out
        file.write_text(PAPER.format(name="by-path", title="another sum"))  # somebody goes on writing
        again = registry.get_paper(str(path))
        assert isinstance(again, Paper) and again.claims[0].title == "another sum"
    finally:
        sys.modules.pop("by_path", None)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "there is no file"),
        ("x = 1\n", "PAPER"),
        ("PAPER = 1\n", "no verify.claim.Paper"),
        ("1/0\n", "division by zero"),
        ("def\n", "SyntaxError"),
    ],
)
def test_a_path_without_a_paper_says_what_is_wrong(content: str | None, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong_paper.py"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UsageError, match=reason) as told:
        registry.get_paper(str(path))
    assert "\n" not in str(told.value)
    sys.modules.pop("wrong_paper", None)


def test_a_file_with_the_name_of_a_library_is_refused(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text(PAPER.format(name="json", title="x"))
    with pytest.raises(UsageError, match="a module called json is imported already"):
        registry.get_paper(str(tmp_path / "json.py"))


def test_a_folder_above_a_paper_says_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder that python -m verify new has made holds a paper, its recheck and tests."""
    (tmp_path / "own" / "own_paper").mkdir(parents=True)
    (tmp_path / "own" / "own_paper" / "__init__.py").write_text(PAPER.format(name="own", title="a sum"))
    (tmp_path / "own" / "own_recheck.py").write_text("PAPER = 'own'\nSTATEMENTS = {}\nCLAIMS = {}\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"no file own/__init__.py; did you mean own/own_paper\?$"):
        registry.get_paper("own/")
    with pytest.raises(UsageError, match=r"paper=own: unknown paper; for the folder of this name write paper=\./own"):
        registry.get_paper("own")
    (tmp_path / "own" / "__init__.py").write_text("")
    with pytest.raises(UsageError, match=r"own/__init__.py defines no PAPER; did you mean own/own_paper\?$"):
        registry.get_paper("./own")
    with pytest.raises(ValueError, match=r"defines no PAPER; did you mean own/own_recheck.py\?$"):
        rechecks.recheck_at("own")
    assert rechecks.recheck_at("own/own_recheck.py").PAPER == "own"
    sys.modules.pop("own_recheck", None)


def test_commands_of_papers() -> None:
    assert callable(registry.command("gradient"))
    with pytest.raises(UsageError, match="nonsense: the paper that brings this command is not installed"):
        registry.command("nonsense")


def test_rechecks_are_found_beside_the_papers_and_by_entry_point(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert set(rechecks.rechecks()) == {*registry.papers(), "lemmas"}  # those of readers
    (tmp_path / "my_recheck.py").write_text("PAPER = 'mine'\nSTATEMENTS = {'XY1': 'x.'}\nCLAIMS = {}\n")
    (tmp_path / "bad_recheck.py").write_text("PAPER = 'bad'\nSTATEMENTS = {}\nCLAIMS = {('XY1', 'VERIFIED'): str}\n")
    monkeypatch.syspath_prepend(tmp_path)
    entries = [EntryPoint("mine", "my_recheck", rechecks.GROUP), EntryPoint("bad", "bad_recheck", rechecks.GROUP)]
    monkeypatch.setattr("verify.recheck.registry.metadata.entry_points", lambda group: entries)
    assert rechecks.recheck_of("mine").STATEMENTS == {"XY1": "x."}
    with pytest.raises(DeclinedError, match="bad is broken"):
        rechecks.recheck_of("bad")
    with pytest.raises(DeclinedError, match="no recheck installed for another"):
        rechecks.recheck_of("another")


def rewritten(file: Path, text: str) -> None:
    """With the size and second that it had, as its compiled code is kept: Python cannot tell."""
    kept = file.stat()
    py_compile.compile(str(file), invalidation_mode=py_compile.PycInvalidationMode.TIMESTAMP)
    file.write_text(text)
    os.utime(file, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    assert file.stat().st_size == kept.st_size


@pytest.mark.usefixtures("installed")
def test_an_installed_paper_is_read_as_its_source_stands(tmp_path: Path) -> None:
    rewritten(tmp_path / "sums_paper.py", PAPER.format(name="sums", title="b sum"))
    assert registry.get_paper("sums").claims[0].title == "b sum"


def test_an_installed_recheck_is_read_as_its_source_stands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = "PAPER = 'mine'\nSTATEMENTS = {'XY1': 'x.'}\nCLAIMS = {}\n"
    (tmp_path / "changed_recheck.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    entries = [EntryPoint("mine", "changed_recheck", rechecks.GROUP)]
    monkeypatch.setattr("verify.recheck.registry.metadata.entry_points", lambda group: entries)
    rewritten(tmp_path / "changed_recheck.py", text.replace("'x.'", "'y.'"))
    try:
        assert rechecks.recheck_of("mine").STATEMENTS == {"XY1": "y."}
    finally:
        sys.modules.pop("changed_recheck", None)


def test_without_a_paper_the_others_run(tmp_path: Path) -> None:
    """A copy in which every folder of one paper is deleted."""
    for package in ("verify", "numerics", "proofs", "landscape_verifier"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("verify/papers", "verify/recheck", "numerics", "proofs"):
        shutil.rmtree(tmp_path / folder / "next_token")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *words], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
        )

    listed = run("verify")
    assert listed.returncode == 0 and "paper=mean-field" in listed.stdout
    assert "next-token" not in listed.stdout and "broken" not in listed.stdout
    for words in ("k=2 n=2 select=SN1,SN8 certificate=c.json", "paper=mean-field select=MF1,MF6c"):
        done = run("verify.check", *words.split())
        assert done.returncode == 0, done.stderr
    assert run("verify.replay", "c.json").returncode == 0
    assert run("verify.gradient", "k=2", "n=2", "T=8").returncode == 0
    assert run("verify.selftest").stdout.endswith("6 of 6 ok\n")
    refused = run("verify.check", "paper=next-token")
    assert refused.returncode == 2 and "unknown paper" in refused.stderr
