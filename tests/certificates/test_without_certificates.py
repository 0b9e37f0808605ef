"""No file where no claim has a certificate; and papers for which no recheck is installed are declined."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from verify.check import main
from verify.replay import main as replay

WITHOUT = ["paper=next-token", "select=NT4c"]  # a control refuted by an enclosure


def test_no_file_is_written_without_a_certificate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "certificates.json"
    assert main([*WITHOUT, f"certificate={file}"]) == 0
    assert not file.exists()
    told = capsys.readouterr()
    assert f"verify.check: certificate={file}: not written, as no claim here has a certificate\n" in told.err
    assert "REFUTED" in told.out


def test_what_is_there_already_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "certificates.json"
    file.write_text("before")
    assert main([*WITHOUT, f"certificate={file}"]) == 0
    assert file.read_text() == "before"


def test_one_claim_with_a_certificate_is_enough(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "certificates.json"
    assert main(["paper=next-token", "select=NT4c,NT2", f"certificate={file}"]) == 0
    assert [entry["claim"] for entry in json.loads(file.read_text())["certificates"]] == ["NT2"]
    assert "not written" not in capsys.readouterr().err


@pytest.mark.parametrize("paper", ["descent", "../recheck", "os", "verify.papers.next_token"])
def test_a_paper_without_a_recheck_is_declined(paper: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And not rejected: nobody has found anything wrong with its certificates."""
    file = tmp_path / "certificates.json"
    main(["paper=next-token", "select=NT2", f"certificate={file}"])
    document = json.loads(file.read_text())
    file.write_text(json.dumps(document | {"paper": paper}))
    capsys.readouterr()
    assert replay([str(file)]) == 3
    assert capsys.readouterr().out == (
        f"declined  certificate 1: no recheck installed for {paper}\n0 accepted, 0 rejected, 1 declined\n"
    )
