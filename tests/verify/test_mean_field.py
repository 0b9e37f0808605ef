"""The claims of the mean-field paper: every verdict as expected, and bad input noticed."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.formal import formal_theorems
from tests.verify.mean_field_conditions import check, settings
from verify.claim import Evidence, Verdict
from verify.papers.mean_field import PAPER
from verify.papers.mean_field.settings import headline
from verify.report.plain import settings_as_plain
from verify.runner import exit_status, run_claims
from verify.settings import UsageError

CHEAP = [claim for claim in PAPER.claims if claim.id != "MF10t"]


@pytest.mark.parametrize(("k", "m"), [(1, 1), (1, 3), (2, 3), (3, 6)])
def test_every_verdict_is_the_expected_one(k: int, m: int) -> None:
    results = run_claims(CHEAP, settings(k=k, m=m, instances=2))
    assert [r.claim.id for r in results if not r.as_expected] == []
    assert exit_status(results) == 0


def test_training_lingers_above_saddles() -> None:
    finding = check("MF10t")
    assert finding.verdict is Verdict.VERIFIED and finding.evidence is Evidence.NUMERIC


def test_every_claim_of_the_design_is_there_and_says_whose_it_is() -> None:
    ids = {claim.id for claim in PAPER.claims}
    assert {f"MF{i}" for i in range(1, 15)} | {"MF6c", "MF9c"} <= ids
    assert all("[D]" in c.statement or "[F]" in c.statement for c in PAPER.claims if not c.control)
    assert all("[R]" not in c.statement for c in PAPER.claims)
    assert all(set(c.requires) <= ids for c in PAPER.claims)


def test_findings_are_reproducible() -> None:
    first, second = (check("MF8", k=2, m=4, seed=5) for _ in range(2))
    assert first == second != check("MF8", k=2, m=4, seed=6)


def test_controls_are_refuted_with_a_counterexample_that_was_checked() -> None:
    for id in ("MF6c", "MF9c"):
        finding = check(id, k=2, m=4)
        assert finding.verdict is Verdict.REFUTED and finding.evidence is Evidence.EXACT
        assert set(finding.details["counterexample"]) == {"condition", "H", "F"}


def test_matrices_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "model.json"
    file.write_text(json.dumps({"H": [["1/2", "0", "1"], [0, 1, "-2/3"]], "F": [["1", "2", "-1/3"], ["0", "1e-1", 3]]}))
    for id in ("MF1", "MF3", "MF8", "MF9", "MF11"):
        with_file, without = check(id, k=2, m=3, matrices=file), check(id, k=2, m=3)
        assert with_file.verdict is Verdict.VERIFIED
        assert with_file.instances >= without.instances
    assert check("MF1", k=2, m=3, matrices=file).instances == check("MF1", k=2, m=3).instances + 1


LONG = [[f"1/{10**37 + i}" for i in row] for row in ((1, 3, 7), (9, 13, 19))]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"H": [["1", "0", "1"], ["2", "0", "2"]], "F": [[0] * 3] * 2}, r"H is singular \(rank 1\)"),
        ({"H": [["1", "0"], ["0", "1"]], "F": [[0] * 2] * 2}, "H is 2 x 2, but k=2 m=3"),
        ({"H": [["1", "0", 0.5], ["0", "1", 0]], "F": [[0] * 3] * 2}, r"H\[0\]\[2\] = 0.5: must be a rational"),
        ({"H": [["1", "0", "x"], ["0", "1", 0]], "F": [[0] * 3] * 2}, r'H\[0\]\[2\] = "x": must be a rational'),
        ({"H": [["1", "0", "1/0"], ["0", "1", 0]], "F": [[0] * 3] * 2}, r'"1/0": must be a rational'),
        ({"H": [["1", "0", True], ["0", "1", 0]], "F": [[0] * 3] * 2}, r"true: must be a rational"),
        ({"H": [["1", "0", None], ["0", "1", 0]], "F": [[0] * 3] * 2}, r"null: must be a rational"),
        ({"H": [["1", "0"], ["0", "1", 0]], "F": [[0] * 3] * 2}, "rows of H have different lengths"),
        ({"H": [], "F": [[0] * 3] * 2}, "H must be a list of rows"),
        ({"H": [["1", "0", "1"]]}, 'keys "H" and "F"'),
        ([1, 2], 'keys "H" and "F"'),
        ({"H": [["1", "0", 1e30], ["0", "1", 0]], "F": [[0] * 3] * 2}, r"H\[0\]\[2\] = 1e\+30: must be a rational"),
        ({"H": [["1", "0", 10**50], ["0", "1", 0]], "F": [[0] * 3] * 2}, r"H\[0\]\[2\] = 1000.*: must be a rational"),
        ({"H": [["1", "0", "1"], ["0", "1", 0]], "F": [[0] * 2] * 2}, "H is 2 x 3, but F is 2 x 2"),
        ({"H": [[0] * 300] * 300, "F": [[0]]}, "H is 300 x 300; must be k x m with k from 1 to 6 and m from k to 16"),
        (
            {"H": [["1", 0, "1e51"], [0, "1", 0]], "F": [[0] * 3] * 2},
            r"H\[0\]\[2\] = .*: must be 0 or from 1e-50 to 1e50",
        ),
        (
            {"H": [["1", 0, 0], [0, "1", 0]], "F": [[0] * 3, [0, "-9e-51", 0]]},
            r"F\[1\]\[1\] = .*: must be 0 or from 1e-50",
        ),
        ({"H": LONG, "F": [[0] * 3] * 2}, r"H over its common denominator has numbers of 2\d\d digits; at most 200"),
        ({"H": [["1"], ["2"]], "F": [[0]]}, "H is 2 x 1; must be k x m with"),
        ({"H": [["1", "0", {}], ["0", "1", 0]], "F": [[0] * 3] * 2}, r"H\[0\]\[2\] = {}: must be a rational"),
    ],
)
def test_bad_matrices_end_in_one_line(content: Any, message: str, tmp_path: Path) -> None:
    file = tmp_path / "model.json"
    file.write_text(json.dumps(content))
    with pytest.raises(UsageError, match=message) as error:
        settings(k=2, m=3, matrices=file)
    assert "\n" not in str(error.value) and str(file) in str(error.value)


entries = st.integers() | st.fractions().map(str) | st.floats() | st.text(max_size=3) | st.none() | st.booleans()
rows = st.lists(st.lists(entries, max_size=4), max_size=4) | entries
tidy = st.lists(st.lists(st.integers(-2, 2), min_size=3, max_size=3), min_size=2, max_size=2)


@given(st.fixed_dictionaries({"H": tidy, "F": tidy}) | st.dictionaries(st.sampled_from(["H", "F", "G"]), rows | tidy))
def test_any_json_is_two_matrices_or_one_line(document: Any) -> None:
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        file.write(json.dumps(document).encode())
        file.flush()
        try:
            told, chosen = "", settings(matrices=file.name)
            assert chosen.given is not None and len(chosen.given[0]) == chosen.k
        except UsageError as error:
            told = str(error)
    assert (not told or told.isprintable()) and len(told) < 500


def test_k_and_m_are_those_of_the_file_unless_given(tmp_path: Path) -> None:
    file = tmp_path / "model.json"
    file.write_text("\ufeff" + json.dumps({"H": [["1/2", "0", "1"], [0, 1, 0]], "F": [[1, 0, 0], [0, 2, 0]]}), "utf-8")
    for words in ({}, {"k": 2}, {"m": 3}, {"k": 2, "m": 3}):
        chosen = settings(**words, matrices=file)
        assert (chosen.k, chosen.m) == (2, 3) and headline(chosen).startswith("k=2  m=3  ")
        assert settings_as_plain(chosen)["k"] == 2
    for words in ({"k": 3}, {"m": 6}, {"k": 3, "m": 6}):
        told = " ".join(f"{key}={value}" for key, value in {"k": 2, "m": 3, **words}.items())
        with pytest.raises(UsageError, match=f"H is 2 x 3, but {told}"):
            settings(**words, matrices=file)


def test_unreadable_matrices_end_in_one_line(tmp_path: Path) -> None:
    broken, binary = tmp_path / "broken.json", tmp_path / "binary.json"
    broken.write_text("{")
    binary.write_bytes(b"\xff\xfe\x00\x80")
    for file, message in ((broken, "not JSON"), (binary, "UTF-16"), (tmp_path / "none", "No such file")):
        with pytest.raises(UsageError, match=message):
            settings(k=2, m=3, matrices=file)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"k": 3, "m": 2}, "m=2: m must be a whole number from k=3 to 16"),
        ({"k": 0}, "k=0: k must be a whole number from 1 to 6"),
        ({"k": "1/2"}, "k=1/2: k must be"),
        ({"m": 17}, "m=17: m must be"),
        ({"instances": 0}, "instances=0: instances must be"),
        ({"q": 3}, "q=3: unknown key"),
    ],
)
def test_bad_input_ends_in_one_line(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as error:
        settings(**values)
    assert "\n" not in str(error.value)


def test_every_step_of_a_proof_is_where_it_says() -> None:
    """A step is `formal` exactly if Coq has its theorem; each one has its place on the page."""
    proved = {theorem.theorem for theorems in formal_theorems().values() for theorem in theorems}
    page = (Path(__file__).parents[2] / "docs" / "mathematics" / "mean-field.md").read_text(encoding="utf-8")
    found = [step for claim in PAPER.claims for step in claim.steps]
    assert {claim.id for claim in PAPER.claims if claim.steps} >= {"MF6", "MF7", "MF8", "MF9", "MF12", "MF14", "MF15"}
    for step in found:
        assert (step.theorem in proved) is (step.evidence is Evidence.FORMAL), step
        assert f"({step.where})=" in page, step
    (result,) = run_claims([claim for claim in PAPER.claims if claim.id == "MF9"], settings(k=2, m=3))
    assert result.general is Evidence.WRITTEN and [theorem.theorem for theorem in result.formal] == ["no_saddle_below"]
