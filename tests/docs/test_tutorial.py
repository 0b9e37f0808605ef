"""The tutorial: the package that `python -m verify new` writes, in an environment with our wheel and nothing else."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, blocks, transcript
from tests.environment import Environment, make_environment
from verify.new import contents

TUTORIAL = blocks(DOCS / "extending.md")
PIP = "pip install --editable 'descent[test]'"
STEPS = [step for block in TUTORIAL if block.language == "console" for step in transcript(block.code)]


@dataclass(frozen=True)
class Session:
    """What the page's lines have printed, and the folder that they have left."""

    environment: Environment
    folder: Path
    printed: list[str]

    def read(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Every line of the page's sessions in turn; pip is told not to look for a network."""
    environment, folder = make_environment(tmp_path_factory), tmp_path_factory.mktemp("tutorial")
    printed = []
    for command, _ in STEPS:
        if command == PIP:
            environment.install("--editable", folder / "descent")
            printed.append("")
            continue
        done = environment.shell(command, cwd=folder)
        assert "Traceback" not in done.stderr, done.stderr
        printed.append(done.stdout)
    return Session(environment, folder, printed)


def without_times(text: str) -> str:
    return re.sub(r"in \d+\.\d+ ?s", "in 0.0 s", text)


def test_every_line_of_the_sessions_prints_what_the_page_shows(session: Session) -> None:
    assert len(STEPS) >= 15
    for (command, shown), printed in zip(STEPS, session.printed, strict=True):
        assert without_times(printed) == without_times(shown), command


def test_the_session_has_run_what_is_installed_and_not_the_checkout(session: Session) -> None:
    places = (
        "import verify, landscape_verifier as lv, descent_package as d; print(verify.__file__, lv.__file__, d.__file__)"
    )
    verify, public, paper = session.environment.run("python", "-c", places).stdout.split()
    assert all(place.startswith(str(session.environment.folder)) for place in (verify, public))
    assert paper.startswith(str(session.folder))


def test_the_page_shows_every_file_as_it_is_written(session: Session) -> None:
    """The breaks of the page are undone by its own lines."""
    shown = {block.caption: block.code for block in TUTORIAL if block.caption}
    assert shown == {f"descent/{name}": text for name, text in contents("descent").items()}
    assert {name: session.read(name) for name in shown} == shown


def test_the_package_is_listed_and_reported_in_every_format(session: Session) -> None:
    listed = session.environment.run("python", "-m", "verify").stdout
    assert "paper=descent\n" in listed and "DE1c" in listed and "broken" not in listed
    page = session.read("report.html")
    assert "multiplies the loss by" in page and "DE1c" in page and "REFUTED" in page and "Traceback" not in page
    (junit,) = [text for text in session.printed if text.startswith("<?xml")]
    suite = ET.fromstring(junit)
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "0", "0")
    assert [case.get("name", "").split()[0] for case in suite.iter("testcase")] == ["DE1", "DE1c"]


@pytest.fixture(scope="module")
def certificates(session: Session) -> str:
    """As the package's check writes them."""
    file = session.folder / "written.json"
    session.environment.run("python", "-m", "verify.check", "paper=descent", f"certificate={file}", "output=/dev/null")
    return file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("claim", "part", "changed", "outcome"),
    [
        ("DE1c", "witness", {"eta": "5/2"}, "accepted"),
        ("DE1c", "witness", {"eta": "2"}, "witness.eta: the loss does not rise"),  # neither rises nor falls
        ("DE1c", "witness", {"eta": "-1"}, "witness.eta: not above 0"),
        ("DE1c", "witness", {"eta": 2.5}, "not JSON as it should be"),
        ("DE1c", "witness", {}, "witness.eta: missing"),
        ("DE1c", "parameters", {"curvature": "2"}, "digest"),
        ("DE1", "witness", {"w": "1"}, "witness.w: not part of this certificate"),
        ("DE1", "statement", "One step makes the loss 0.", "statement"),
        ("DE1", "verdict", "REFUTED", "digest"),
    ],
)
def test_a_changed_certificate_is_rejected(
    claim: str, part: str, changed: object, outcome: str, session: Session, certificates: str, tmp_path: Path
) -> None:
    document = json.loads(certificates)
    (entry,) = [entry for entry in document["certificates"] if entry["claim"] == claim]
    entry[part] = changed
    (tmp_path / "c.json").write_text(json.dumps(document), encoding="utf-8")
    done = session.environment.run("python", "-m", "verify.replay", tmp_path / "c.json")
    assert done.returncode == (0 if outcome == "accepted" else 1)
    assert outcome in done.stdout and not done.stderr


def test_the_recheck_loads_neither_the_paper_nor_what_checks_it(session: Session) -> None:
    """Nor anything else that is not the standard library, `verify.replay` and what that needs."""
    line = (
        "import sys, verify.replay as r; from verify.recheck.registry import recheck_of; recheck_of('descent');"
        " print(*sorted({name.split('.')[0] for name in sys.modules} - set(sys.stdlib_module_names)))"
    )
    loaded = set(session.environment.run("python", "-c", line).stdout.split())
    assert "descent_recheck" in loaded and "descent_package" not in loaded
    assert not loaded & {"landscape_verifier", "numerics", "proofs", "torch", "sympy", "numpy", "pydantic", "rich"}
