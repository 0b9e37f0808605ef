"""The public interface changes only on purpose; and a Report and a gradient do what their documentation says."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import Field

import landscape_verifier as lv
from tests.api.interface import lines
from verify.check import main as check_command
from verify.claim import claims_of
from verify.gradient import main as gradient_command


def test_the_interface_is_frozen() -> None:
    """A change goes with a note in the changelog, and with python -m tests.api.interface > tests/api/interface.txt."""
    frozen = (Path(__file__).parent / "interface.txt").read_text(encoding="utf-8").splitlines()
    assert lines() == frozen


def test_all_is_sorted_and_has_docstrings() -> None:
    from landscape_verifier import testing

    for module in (lv, testing):
        assert module.__all__ == sorted(module.__all__) and len(set(module.__all__)) == len(module.__all__)
        for name in module.__all__:
            thing = getattr(module, name)
            if isinstance(thing, type) or hasattr(thing, "__code__"):
                assert thing.__doc__, name


def test_what_autodoc_leaves_out_is_on_the_page_by_hand() -> None:
    from landscape_verifier import testing

    page = (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf-8")
    for module in (lv, testing):
        assert f".. automodule:: {module.__name__}\n   :imported-members:\n" in page
        for name in module.__all__:
            thing = getattr(module, name)
            assert isinstance(thing, type) or hasattr(thing, "__code__") or f"{name}`" in page, name


# --- a report ---


class Sizes(lv.CheckSettings):
    """What the toy paper below is checked at."""

    half: lv.Rational = Field(Fraction(1, 2), description="a rational number")
    scale: lv.Real = Field(1.0, description="a number")
    sizes: lv.Integers = Field((), description="whole numbers")


@lv.claim("TO1", "twice a half")
def twice(settings: Any, run: lv.Run) -> lv.Finding:
    """Twice a half is 1."""
    return decided(2 * settings.half == 1, scope=f"half={settings.half}")


@lv.claim("TO1c", "half a half (control)", origin=lv.Origin.CONTROL)
def halved(settings: Any, run: lv.Run) -> lv.Finding:
    """Half a half is 1."""
    return lv.decide(
        False,
        evidence=lv.Evidence.EXACT,
        scope="1/4",
        instances=1,
        found="1/4",
        predicted="not 1",
        undecided="",
        counterexample=lv.Counterexample({"half": settings.half}, lambda: settings.half / 2 != 1),
    )


def decided(holds: bool, scope: str) -> lv.Finding:
    return lv.decide(
        holds, evidence=lv.Evidence.EXACT, scope=scope, instances=1, found="1", predicted="1", undecided="it is not"
    )


TOY = lv.Paper("toy", "Halves", "nowhere", "TO", Sizes, claims_of(__import__(__name__, fromlist=["twice"])))


def test_a_report_is_a_mapping() -> None:
    report = lv.check(TOY)
    assert list(report) == ["TO1", "TO1c"] and len(report) == 2 and "TO1" in report and "TO2" not in report
    assert report["TO1"].verdict is lv.Verdict.VERIFIED and report["TO1c"].verdict is lv.Verdict.REFUTED
    assert [result.claim.id for result in report.values()] == ["TO1", "TO1c"]
    with pytest.raises(KeyError) as told:
        report["TO2"]
    assert told.value.args == ("TO2: not in this report; it has TO1, TO1c",)


def test_as_expected() -> None:
    assert lv.check(TOY).as_expected
    wrong = lv.check(TOY, half=1)
    assert not wrong.as_expected and wrong["TO1"].verdict is lv.Verdict.UNDECIDED
    assert wrong["TO1c"].as_expected


def test_it_is_shown_as_the_table_and_as_the_page() -> None:
    report = lv.check(TOY, select="TO1")
    first, *_, details, last = repr(report).splitlines()
    assert first.startswith("toy") and "TO1" in repr(report) and "\x1b" not in repr(report)
    assert details == "details: python -m verify.check paper=toy select=TO1 format=json"
    assert last == "report: python -m verify.check paper=toy select=TO1 format=html output=report.html"
    assert str(report) == repr(report) and not repr(report).endswith("\n")
    shown = report._repr_html_()
    assert shown.lower().startswith('<iframe srcdoc="&lt;!doctype html&gt;')
    assert "<script" not in shown and "Twice a half is 1." in shown


def test_records_are_plain_values() -> None:
    records = lv.check(TOY).to_records()
    assert [record["id"] for record in records] == ["TO1", "TO1c"]
    assert {type(value) for record in records for value in record.values()} <= {str, int, float, bool}
    assert len({tuple(record) for record in records}) == 1, "columns of one table"
    assert json.loads(json.dumps(records)) == records
    assert records[1] | {"seconds": 0} == {
        "id": "TO1c",
        "title": "half a half (control)",
        "verdict": "REFUTED",
        "expected": "REFUTED",
        "as_expected": True,
        "evidence": "exact",
        "general": "",
        "found": "1/4",
        "predicted": "not 1",
        "scope": "1/4",
        "reason": "",
        "instances": 1,
        "seconds": 0,
    }


@pytest.mark.parametrize(
    ("name", "reads"),
    [
        ("r.html", lambda text: text.lower().startswith("<!doctype html>")),
        ("r.HTML", lambda text: "Twice a half is 1." in text),
        ("r.json", lambda text: [claim["id"] for claim in json.loads(text)["claims"]] == ["TO1", "TO1c"]),
        ("r.xml", lambda text: ET.fromstring(text).get("tests") == "2"),
        ("r.md", lambda text: text.startswith("**toy**")),
        ("r.txt", lambda text: text.startswith("toy") and text.endswith("\n")),
    ],
)
def test_a_report_is_saved_as_its_suffix_says(name: str, reads: Callable[[str], bool], tmp_path: Path) -> None:
    report = lv.check(TOY)
    report.save(tmp_path / name)
    report.save(str(tmp_path / name))
    assert reads((tmp_path / name).read_text(encoding="utf-8"))


def test_other_suffixes_and_places_are_refused(tmp_path: Path) -> None:
    report = lv.check(TOY)
    for name in ("r.pdf", "r", ".html"):
        with pytest.raises(lv.UsageError, match=r"reports end in \.html, \.json, \.xml, \.md, \.txt"):
            report.save(tmp_path / name)
    with pytest.raises(lv.UsageError, match="cannot be written"):
        report.save(tmp_path / "nowhere" / "r.html")
    assert list(tmp_path.iterdir()) == []


# --- settings ---


@pytest.mark.parametrize(
    ("given", "key", "meant"),
    [
        ({"half": Fraction(7, 2)}, "half", Fraction(7, 2)),
        ({"half": 0.1}, "half", Fraction(1, 10)),
        ({"half": "1e-3"}, "half", Fraction(1, 1000)),
        ({"half": np.float64(0.25)}, "half", Fraction(1, 4)),
        ({"scale": math.inf}, "scale", math.inf),
        ({"scale": 1e-7}, "scale", 1e-7),
        ({"scale": 3}, "scale", 3.0),
        ({"scale": np.int64(3)}, "scale", 3.0),
        ({"sizes": [1, 2]}, "sizes", (1, 2)),
        ({"sizes": (3,)}, "sizes", (3,)),
        ({"sizes": range(2, 4)}, "sizes", (2, 3)),
        ({"sizes": np.array([5, 6])}, "sizes", (5, 6)),
        ({"sizes": 4}, "sizes", (4,)),
        ({"sizes": "1,2"}, "sizes", (1, 2)),
        ({"sizes": []}, "sizes", ()),
        ({"sizes": None}, "sizes", ()),
        ({"select": ["TO1"]}, "select", ("TO1",)),
    ],
)
def test_settings_are_python_values(given: dict[str, Any], key: str, meant: object) -> None:
    value = getattr(lv.check(TOY, **given).settings, key)
    assert value == meant and type(value) is type(meant)


@pytest.mark.parametrize("value", [True, {1: 2}, 2j, b"2", object, [1, True], np.bool_(True)])
def test_other_values_are_refused(value: object) -> None:
    with pytest.raises(lv.UsageError, match="settings are numbers, words and lists of them"):
        lv.check(TOY, sizes=value)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"k": 4, "n": 3}, ["k=4", "n=3"]),
        ({"alpha": -1}, ["alpha=-1"]),
        ({"c": -math.inf}, ["c=-inf"]),
        ({"c": math.nan}, ["c=nan"]),
        ({"q": Fraction(1, 2)}, ["q=1/2"]),
        ({"q": 3, "c": 1.0}, ["q=3", "c=1.0"]),
        ({"T": [8, 1]}, ["T=8,1"]),
        ({"kk": 2}, ["kk=2"]),
        ({"select": ["SN99"]}, ["select=SN99"]),
        ({"engine": "transferr"}, ["engine=transferr"]),
        ({"workers": 2, "executor": "inline"}, ["workers=2", "executor=inline"]),
    ],
)
def test_errors_are_those_of_the_command_line(settings: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(lv.UsageError) as from_python:
        lv.check("sub-n-grams", **settings)
    with pytest.raises(lv.UsageError) as from_command:
        check_command(words)
    assert str(from_python.value) == str(from_command.value) and "\n" not in str(from_python.value)


@pytest.mark.parametrize("paper", ["sub-n-gram", "./nowhere.py", ""])
def test_papers_are_named_as_on_the_command_line(paper: str) -> None:
    with pytest.raises(lv.UsageError) as from_python:
        lv.check(paper)
    with pytest.raises(lv.UsageError) as from_command:
        check_command([f"paper={paper}"])
    assert str(from_python.value) == str(from_command.value)
    with pytest.raises(lv.UsageError):
        lv.claims(paper)


@pytest.mark.parametrize("key", ["format", "output", "certificate"])
def test_what_only_the_command_does_is_refused_and_not_ignored(key: str) -> None:
    with pytest.raises(lv.UsageError, match=rf"{key}=json: only python -m verify\.check takes it"):
        lv.check(TOY, **{key: "json"})


def test_other_processes_find_a_paper_by_its_name() -> None:
    with pytest.raises(lv.UsageError, match="other processes find a paper by its name or path"):
        lv.check(TOY, executor="processes")


def test_papers_and_claims_are_listed() -> None:
    assert {"sub-n-grams", "mean-field", "next-token"} <= set(lv.papers())
    assert lv.claims()[0].id == "SN0" and lv.claims("next-token")[0].statement
    assert lv.claims(TOY) == list(TOY.claims)


# --- a gradient ---


def test_an_exact_gradient() -> None:
    g = lv.gradient(k=2, n=2, T=4, q=3)
    assert g["M", 0, 0] == ((Fraction(1, 96), Fraction(-1, 96)), (Fraction(-1, 96), Fraction(1, 96)))
    assert g.exact and g.error == 0 and g.level is None and g.engine == "type_classes" and g.T == 4
    assert g.norms is not None and set(g.norms) == {"Q", "K", "V", "A", "total"}
    assert g.law == lv.NGramLaw(S=2, n=2) and g.configuration == lv.Configuration.k_gram(2, Fraction(3))


def test_floats_have_an_error_that_holds() -> None:
    exact, floats = lv.gradient(k=2, n=2, T=4, q=3), lv.gradient(k=2, n=2, T=4, q=3, engine="autograd")
    assert not floats.exact and 0 < floats.error < 1e-9
    for a, b in ((0, 0), (0, 1), (1, 0), (1, 1)):
        for row, other in zip(exact["M", a, b], floats["M", a, b], strict=True):
            for x, y in zip(row, other, strict=True):
                assert isinstance(y, float) and abs(x - Fraction(y)) <= Fraction(floats.error)


def test_sampling_says_its_level() -> None:
    g = lv.gradient(k=2, n=2, T=4, q=3, engine="monte_carlo", samples=1000)
    assert not g.exact and g.error > 0 and g.level == 0.99


def test_defaults_and_infinite_scale() -> None:
    g = lv.gradient(k=1, n=2, c=math.inf)
    assert g.T == 32 and g.configuration.q == math.inf and g.norms is None
    assert lv.gradient(k=1, n=2)["M", 0, 0] == g["M", 0, 0]


@pytest.mark.parametrize("many", [{"T": [4, 8]}, {"q": [2, 3]}, {"c": [1.0, 2.0]}, {"T": "4,8", "q": 3}])
def test_lists_are_refused(many: dict[str, Any]) -> None:
    with pytest.raises(lv.UsageError, match="T, q and c: one of each"):
        lv.gradient(k=2, n=2, **many)


@pytest.mark.parametrize("key", [("M", 0, 2), ("M", -1, 0), ("X", 0, 0), ("M", 0), ("M", 0, 0, 0), "M", 0, (0, 0)])
def test_other_blocks_are_a_key_error(key: Any) -> None:
    with pytest.raises(KeyError, match=r"blocks are \[\"M\", a, b\] with lags a, b from 0 to 1"):
        lv.gradient(k=2, n=2, T=4, q=3)[key]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"k": 3, "n": 2}, ["k=3", "n=2"]),
        ({"T": 1}, ["T=1"]),
        ({"q": 1}, ["q=1"]),
        ({"engine": "derivation", "T": 30}, ["engine=derivation", "T=30"]),
        ({"enginee": "transfer"}, ["enginee=transfer"]),
    ],
)
def test_errors_of_a_gradient_are_those_of_the_command_line(settings: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(lv.UsageError) as from_python:
        lv.gradient(**settings)
    with pytest.raises(lv.UsageError) as from_command:
        gradient_command(words)
    assert str(from_python.value) == str(from_command.value)


@pytest.mark.parametrize("key", ["format", "output", "executor", "workers", "shards", "budget"])
def test_what_only_verify_gradient_does_is_refused(key: str) -> None:
    with pytest.raises(lv.UsageError, match=rf"{key}=2: only python -m verify\.gradient takes it"):
        lv.gradient(**{key: 2})


def test_certificates_of_a_report(tmp_path: Path) -> None:
    """The same bytes as certificate=FILE; no file where there is none."""
    by_command, by_report = str(tmp_path / "command.json"), tmp_path / "report.json"
    assert check_command(["k=2", "n=2", "select=SN4,SN8", f"certificate={by_command}"]) == 0
    lv.check(k=2, n=2, select=["SN4", "SN8"]).save_certificates(by_report)
    assert by_report.read_bytes() == Path(by_command).read_bytes()
    with pytest.raises(lv.UsageError, match="no claim here has a certificate"):
        lv.check(TOY).save_certificates(tmp_path / "none.json")
    assert not (tmp_path / "none.json").exists()


def test_a_claim_of_identities() -> None:
    def prove(factor: int) -> list[lv.Identities]:
        return [lv.identities("(x + 1)^2", ((f"x={x}", (x + 1) ** 2 - (x * x + factor * x + 1)) for x in range(3)))]

    found = lv.from_identities(lambda: prove(2), "x = 0, 1, 2", evidence=lv.Evidence.EXACT)
    assert (found.verdict, found.instances, found.found) == (lv.Verdict.VERIFIED, 3, "3 of 3 identities hold")
    wrong = lv.from_identities(lambda: prove(3), "x = 0, 1, 2", evidence=lv.Evidence.EXACT)
    assert wrong.verdict is lv.Verdict.REFUTED and "x=1: residual -1" in str(wrong.details["counterexample"])


def test_a_network_of_ones_own_without_the_private_packages() -> None:
    import torch

    class Count(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = torch.nn.Parameter(torch.zeros((), dtype=torch.float64))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.softmax(self.w * torch.stack([(x == s).sum(1) for s in range(2)], 1), 1)

    law = lv.NGramLaw(2, 1, Fraction(1), "uniform")
    assert float(lv.population_gradient(Count(), law, 4)["w"]) < 0  # counts tell of the next token
    assert lv.population_loss(Count(), law, 4) == pytest.approx(math.log(2))
    with pytest.raises(AttributeError, match="no attribute 'population_grad'"):
        _ = lv.population_grad


def test_importing_the_package_imports_no_torch() -> None:
    code = "import sys, landscape_verifier; assert 'torch' not in sys.modules and 'sympy' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_references_are_links_where_the_paper_says_where_its_pages_are() -> None:
    claim = lv.Claim("TO1", "x", "x.", "", lambda settings, run: lv.undecided(""), reference="halves#to1")
    assert TOY.reference(claim) == "halves#to1"
    paper = replace(TOY, pages="https://example.org/docs/", claims=(claim,))
    assert paper.reference(claim) == "https://example.org/docs/halves#to1"
    assert paper.reference(replace(claim, reference="https://other.org/x")) == "https://other.org/x"
    assert paper.reference(replace(claim, reference="")) == ""
    assert '<a href="https://example.org/docs/halves#to1">' in lv.check(paper).to_html()
    hostile = replace(paper, claims=(replace(claim, reference="javascript:alert(1)"),))
    assert "<code>javascript:alert(1)</code>" in lv.check(hostile).to_html()
