"""Certificates of the next-token paper: all there, accepted, and rejected if anything around them is false."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.certificates.completeness import EXACT, without_certificate
from tests.certificates.next_token import EXACT_CLAIMS, Entry, certified, named, outcome, sealed
from verify import replay
from verify.claim import Verdict
from verify.papers.next_token import PAPER
from verify.papers.next_token.settings import NextTokenSettings
from verify.recheck.next_token import CLAIMS, STATEMENTS
from verify.report.certificates import certificates_json
from verify.runner import run_claims
from verify.settings import validate

ON_DATA = ("NT7m", "NT9m", "NT9c")  # that speak about datasets, not about sizes
WORDS = "the -> cat\ncat -> sat\nsat -> down\ncat the -> sat * 3/2\nsat the cat -> down\nthe sat -> down\n"


@pytest.fixture(name="named", scope="module")
def named_certificates() -> dict[str, Entry]:
    return named()


@pytest.fixture(scope="module")
def from_file(tmp_path_factory: pytest.TempPathFactory) -> Entry:
    """NT7m alone: the other claims depend on the data by the length of sentences only."""
    path: Path = tmp_path_factory.mktemp("data") / "mine.txt"
    path.write_text(WORDS)
    return certified("NT7m", dataset=str(path))["NT7m"]


def test_statements_are_those_of_the_claims() -> None:
    assert {claim.id: claim.statement for claim in EXACT_CLAIMS} == STATEMENTS
    assert set(CLAIMS) == {(claim.id, "REFUTED" if claim.control else "VERIFIED") for claim in EXACT_CLAIMS}


def test_every_claim_settled_exactly_has_a_certificate_that_is_accepted() -> None:
    """All claims of the paper: short training leaves many undecided, but none of these rests on it."""
    results = run_claims(PAPER.claims, validate(NextTokenSettings, {"dataset": "DS-A", "T": "100"}))
    exact = {r.claim.id for r in results if r.finding.evidence in EXACT and r.verdict is not Verdict.UNDECIDED}
    assert exact == set(STATEMENTS)
    assert without_certificate(results) == []
    found = list(replay.outcomes(replay.parse(certificates_json(PAPER, results).encode()), replay.LIMIT))
    assert [what for what, _ in found] == ["accepted"] * len(STATEMENTS)


def test_defaults_are_accepted(named: dict[str, Entry]) -> None:
    assert set(named) == set(STATEMENTS)
    assert {id: outcome(entry).split()[0] for id, entry in named.items()} == dict.fromkeys(STATEMENTS, "accepted")
    # DS-A and DS-B set the same problems: they differ in weights, which have no part in them
    assert " 22 columns of 3 datasets; |W_kq*|^2 = 2, 23/6, 2" in outcome(named["NT7m"])


def test_a_file_is_accepted(from_file: Entry) -> None:
    assert outcome(from_file).startswith("accepted") and "|W_kq*|^2 = 5/3" in outcome(from_file)


def test_random_datasets_are_accepted() -> None:
    entries = certified(dataset="random", V="12", draws="3", seed="11")
    assert all(outcome(entry).startswith("accepted") for entry in entries.values())


@given(seed=st.integers(0, 10**6), V=st.integers(3, 9))
def test_solutions_of_random_datasets_are_accepted(seed: int, V: int) -> None:
    words = {"dataset": "random", "V": str(V), "draws": "1", "seed": str(seed)}
    assert outcome(certified("NT7m", **words)["NT7m"]).startswith("accepted")


# What no certificate may get away with, whatever its claim.


@pytest.mark.parametrize("id", STATEMENTS)
def test_forged_frames_are_rejected(named: dict[str, Entry], id: str) -> None:
    entry = named[id]
    swapped = entry["statement"].replace("-", "+", 1) if "-" in entry["statement"] else entry["statement"] + "!"
    other = "VERIFIED" if entry["verdict"] == "REFUTED" else "REFUTED"
    parameters = {**entry["parameters"], "more": 1}
    forgeries = {
        "certificate.statement": sealed(entry, statement=swapped),
        "nothing is known": sealed(entry, verdict=other),
        "parameters.more: not part": sealed(entry, parameters=parameters),
        "digest": {**entry, "parameters": parameters},
        "witness.more: not part": sealed(entry, witness={**entry["witness"], "more": "1"}),
        "witness: not an object": sealed(entry, witness=[]),
    }
    for reason, forged in forgeries.items():
        assert outcome(forged).startswith("rejected"), reason
        assert reason in outcome(forged)


@pytest.mark.parametrize("id", [id for id in STATEMENTS if id not in ("NT6", *ON_DATA)])
def test_sizes_are_read_strictly(named: dict[str, Entry], id: str) -> None:
    keys = ("tokens", "logits") if id in ("NT1", "NT2") else ("tokens",)
    for key in keys:
        for size in (1, 0, -3, 25, "4", 4.0, True, None, [4]):
            forged = sealed(named[id], parameters={**named[id]["parameters"], key: size})
            assert outcome(forged).startswith("rejected"), (key, size)
        assert outcome(sealed(named[id], parameters={**named[id]["parameters"], key: 2})).startswith("accepted")
        forged = sealed(named[id], parameters={**named[id]["parameters"], key: 24})
        assert next(replay.outcomes([{"paper": "next-token", "entry": forged}], 100))[0] == "declined"
    assert outcome(sealed(named[id], parameters={})).startswith("rejected")


def test_sentences_are_read_strictly(named: dict[str, Entry]) -> None:
    for sentences in ([[]], [[0, 24]], [[-1]], [0, 1], [["0"]], [[0, 1], []]):
        forged = sealed(named["NT1"], parameters={**named["NT1"]["parameters"], "sentences": sentences})
        assert outcome(forged).startswith("rejected"), sentences


@pytest.mark.parametrize("id", [id for id in STATEMENTS if id != "NT6"])
def test_every_check_counts_its_steps(named: dict[str, Entry], id: str) -> None:
    """NT6 alone costs the same always."""
    (found,) = replay.outcomes([{"paper": "next-token", "entry": named[id]}], 50)
    assert found[0] == "declined"


def test_what_takes_too_long_is_declined(named: dict[str, Entry]) -> None:
    parameters = {**named["NT1"]["parameters"], "sentences": [[*range(24)] * 50]}
    assert outcome(sealed(named["NT1"], parameters=parameters)).startswith("declined")
