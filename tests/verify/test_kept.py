"""A check that was stopped goes on from its folder: with the same bytes, and with nothing that is not its own."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import landscape_verifier as lv
from verify import shards
from verify.check import main
from verify.claim import Certificate, Evidence, Verdict
from verify.kept import typed, untyped
from verify.settings import UsageError
from verify.shards import CODE, OTHER_CODE, digest

PAPER = '''
import sys
from pathlib import Path
from verify.claim import Evidence, Paper, claims_on, decide, undecided
from verify.settings import CheckSettings
from pydantic import Field

claim = claims_on("here")


class Settings(CheckSettings):
    table: str | None = Field(None, description="a file")


def told(id, **more):
    with (Path(__file__).parent / "runs").open("a") as runs:
        runs.write(id + " ")
    return decide(True, evidence=Evidence.EXACT, scope="1", instances=1, found="1", predicted="1", undecided="", **more)


@claim("T1", "one")
def one(settings, run):
    """It is one."""
    return told("T1", details={"pair": (1, 2.5), 3: float("inf")})


@claim("T2", "undecided", requires=("T1",))
def two(settings, run):
    """It is two."""
    told("T2")
    return undecided("not today")


@claim("T3", "a set")
def three(settings, run):
    """It is three."""
    return told("T3", details={"values": {1, 2}})


PAPER = Paper(
    name="t", title="T", source="here", prefix="T", settings=Settings, claims=claims_of(sys.modules[__name__])
)
'''.replace("claims_on, decide", "claims_of, claims_on, decide")


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    file = tmp_path / "kept_paper.py"
    file.write_text(PAPER)
    yield file
    sys.modules.pop("kept_paper", None)


def runs(file: Path) -> list[str]:
    """The claims whose checks have run since the last call."""
    log = file.parent / "runs"
    ids = log.read_text().split() if log.exists() else []
    log.unlink(missing_ok=True)
    return ids


def words(file: Path, *more: str) -> list[str]:
    return [f"paper={file}", f"shards={file.parent / 'kept'}", "format=json", *more]


def kept_files(file: Path) -> list[Path]:
    return sorted((file.parent / "kept").iterdir())


@pytest.mark.parametrize("executor", ["executor=inline", "workers=2"])
def test_only_what_is_not_decided_runs_again(file: Path, executor: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words(file, "select=T1,T2", executor)) == 3
    first = capsys.readouterr().out
    assert runs(file) == ["T1", "T2"]
    assert main(words(file, "select=T1,T2", executor)) == 3
    assert capsys.readouterr().out == first and runs(file) == ["T2"]
    assert main(words(file, "select=T1", executor)) == 0 and runs(file) == []


def test_after_ctrl_c(file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as changed:
        changed.setattr("verify.claim.undecided", interrupt)
        assert main(words(file, "select=T1,T2")) == 3
    assert "interrupted" in capsys.readouterr().out and runs(file) == ["T1", "T2"]
    assert main(words(file, "select=T1,T2")) == 3 and runs(file) == ["T2"]


def test_other_settings_are_other_claims(file: Path) -> None:
    main(words(file, "select=T1"))
    runs(file)
    for change in ("seed=1", "budget=60"):
        main(words(file, "select=T1", change))
        assert runs(file) == ["T1"], change


def test_files_count_with_their_content(file: Path) -> None:
    table = file.parent / "table"
    for text, ran in (("a", ["T1"]), ("a", []), ("b", ["T1"]), ("a", [])):
        table.write_text(text)
        main(words(file, "select=T1", f"table={table}"))
        assert runs(file) == ran


def test_another_check_is_run(file: Path) -> None:
    main(words(file, "select=T1"))
    runs(file)
    file.write_text(PAPER.replace("It is one", "It is another"))
    main(words(file, "select=T1"))
    assert runs(file) == ["T1"]


def test_a_module_beside_the_file_belongs_to_it(file: Path) -> None:
    for text, ran in (("C = 1", ["T1"]), ("C = 1", []), ("C = 2", ["T1"])):
        (file.parent / "helper.py").write_text(text)
        main(words(file, "select=T1"))
        assert runs(file) == ran


def test_data_and_libraries_of_ours_belong_to_every_claim(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = [path.suffix for package in CODE for path in shards._sources(package)]
    assert {".py", ".npz", ".json"} == set(sources)
    main(words(file, "select=T1"))
    runs(file)
    for change in ("verify.kept.metadata.version", "verify.kept.platform.python_version"):
        with monkeypatch.context() as changed:
            changed.setattr(change, lambda *name: "another")
            main(words(file, "select=T1"))
        assert runs(file) == ["T1"]


def test_a_damaged_file_is_told_and_the_claim_checked_again(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(words(file, "select=T1"))
    runs(file)
    (path,) = kept_files(file)
    content = json.loads(path.read_text())

    def change(value: Any) -> str:
        return json.dumps({**content, "result": value, "sha256": digest(value)})

    result = content["result"]
    for text in (
        "{",
        json.dumps({**content, "result": {**result, "found": "2"}}),  # without its digest
        change({**result, "verdict": {"verdict": "UNDECIDED"}}),  # nothing that would have been kept
        change({**result, "verdict": "VERIFIED"}),
        change({**result, "evidence": "exact"}),
        change({**result, "evidence": {"module": "os"}}),
        change({**result, "instances": 0}),
        change({**result, "instances": "many"}),
        change({**result, "scope": ["one"]}),
        change({**result, "details": None}),
        change([]),
    ):
        path.write_text(text)
        capsys.readouterr()
        assert main(words(file, "select=T1")) == 0
        assert runs(file) == ["T1"], text
        assert f"{path.name} is damaged; T1 is computed again" in capsys.readouterr().err


def test_what_cannot_be_kept_is_told(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words(file, "select=T3")) == 0
    assert "T3 is not kept: a file holds no value of type builtins.set" in capsys.readouterr().err
    assert kept_files(file) == []


def test_a_folder_that_cannot_be_one(file: Path) -> None:
    with pytest.raises(UsageError, match="shards="):
        main([f"paper={file}", f"shards={file}"])


def test_programs_keep_too(file: Path) -> None:
    folder = str(file.parent / "kept")
    for ran in (["T1"], []):
        assert lv.check(file, select="T1", shards=folder)["T1"].as_expected
        assert runs(file) == ran


@pytest.mark.parametrize(
    "given",
    [
        ["paper=mean-field", "k=1", "m=2", "select=MF1,MF3,MF7,MF15,MF9c"],
        ["paper=next-token", "select=NT2,NT3,NT10c"],
        ["k=2", "n=2", "select=SN2,SN3c,SN4,SN18"],
    ],
)
def test_papers_of_ours_to_the_last_byte(given: list[str], tmp_path: Path) -> None:
    """Results and certificates, of every kind of evidence and value."""
    seen = []
    for more in ([], [f"shards={tmp_path / 'kept'}"], [f"shards={tmp_path / 'kept'}"]):
        report, certificates = tmp_path / "report.json", tmp_path / "certificates.json"
        assert main([*given, *more, "format=json", f"output={report}", f"certificate={certificates}"]) == 0
        seen.append((report.read_bytes(), certificates.read_bytes() if certificates.exists() else b""))
    assert seen[0] == seen[1] == seen[2]
    assert any((tmp_path / "kept").iterdir())


def test_a_worker_with_other_code_checks_nothing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verify.runner.fingerprint", lambda code: "another")  # here, not in the worker
    with pytest.raises(UsageError) as error:
        main([f"paper={file}", "select=T1", "workers=1"])
    assert str(error.value) == OTHER_CODE and runs(file) == []


def values() -> st.SearchStrategy[Any]:
    leaves = st.one_of(
        st.none(), st.booleans(), st.integers(), st.text(), st.floats(allow_nan=False), st.fractions(),
        st.sampled_from([*Verdict, *Evidence]),
    )  # fmt: skip
    keys = st.one_of(st.text(), st.integers(), st.tuples(st.integers(), st.integers()))
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner),
            st.lists(inner).map(tuple),
            st.dictionaries(keys, inner),
            st.builds(Certificate, st.dictionaries(st.text(), inner), st.dictionaries(st.text(), inner)),
        ),
        max_leaves=10,
    )


@given(values())
def test_values_come_back_as_what_they_were(value: Any) -> None:
    back = untyped(json.loads(json.dumps(typed(value))))
    assert back == value and repr(back) == repr(value)  # 1 == 1.0 == Fraction(1) == True


def test_floats_to_the_last_bit() -> None:
    for x in (0.1, -0.0, math.inf, -math.inf, 5e-324):
        assert repr(untyped(json.loads(json.dumps(typed(x))))) == repr(x)
    assert math.isnan(untyped(typed(math.nan)))
    assert type(untyped(typed(Fraction(2)))) is Fraction
