"""Claims under a kernel from a file, and under other laws: verdicts are about that kernel, or say why there is none."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from proofs.sub_ngrams import finite_length, infinite_length
from proofs.sub_ngrams.score_blocks import ParameterGradient
from verify import replay
from verify.check import parse_request
from verify.claim import Result, Verdict
from verify.papers.sub_ngrams import PAPER
from verify.report.certificates import certificates_json
from verify.runner import exit_status, run_claims, select_claims
from verify.settings import UsageError, read_words, validate

KERNEL = "1/3, 2/3\n1/2, 1/2\n3/4, 1/4\n1/5, 4/5\n"
OWN = [[Fraction(x) for x in line.split(",")] for line in KERNEL.replace(" ", "").splitlines()]
TAKES_IT = ("SN4n", "SN5", "SN6", "SN13", "SN18", "SN19", "SN23", "SN26a")  # the kernel of the settings
OTHERS_LAW = ("SN15", "SN25", "SN25e", "SN26")  # of a law or a run of their own, and slow
LAW_ALONE = {"SN0", "SN7", "SN8", "SN9", "SN10", "SN11", "SN12", "SN14", "SN14c", "SN16", "SN17", "SN20", "SN21",
             "SN22", "SN25a", "SN25c", "SN25d", "SN27", "SN27c"}  # fmt: skip


def run(words: str, *select: str) -> dict[str, Result]:
    settings = validate(PAPER.settings, read_words(words.split()))
    chosen = [claim for claim in PAPER.claims if claim.id in select]
    return {result.claim.id: result for result in run_claims(chosen, settings)}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.csv"
    path.write_text(KERNEL, encoding="utf-8")
    return path


def silent(words: str) -> set[str]:
    """Claims that say beforehand that they need a symmetric prior."""
    settings, claims = parse_request(PAPER, read_words(words.split()))
    return {claim.id for claim in claims if claim.vacuous and "symmetric priors" in claim.vacuous(settings)}


def test_no_claim_meets_a_law_that_it_does_not_know(file: Path) -> None:
    """Those that need a symmetric prior say so beforehand, all others run and are as expected."""
    words = f"kernel={file} k=2"
    settings, claims = parse_request(PAPER, read_words(words.split()))
    assert silent(words) == LAW_ALONE - {"SN17"}  # which has nothing to say here in any case
    results = run_claims(select_claims(claims, (), OTHERS_LAW), settings)
    assert exit_status(results) == 0
    assert not [result.claim.id for result in results if result.verdict in (Verdict.ERROR, Verdict.SKIPPED)]


@pytest.mark.parametrize("words", ["n=3 alpha=1,1/2 k=3", "n=3 initial=stationary k=3"])
def test_so_they_do_under_every_other_law(words: str) -> None:
    assert silent(words) >= LAW_ALONE - {"SN12", "SN20"}  # every lag is read
    assert run(words, "SN5")["SN5"].verdict is Verdict.VERIFIED


def test_the_kernel_of_the_file_is_what_is_looked_at(file: Path) -> None:
    found = run(f"kernel={file} k=2", *TAKES_IT)
    assert list(found) == [*TAKES_IT] and {result.verdict for result in found.values()} == {Verdict.VERIFIED}
    assert all("the kernel of mine.csv" in result.scope for result in found.values())
    assert found["SN13"].finding.certificate.parameters["kernels"] == [OWN]  # type: ignore[union-attr]
    assert found["SN19"].finding.certificate.parameters["kernels"] == [OWN]  # type: ignore[union-attr]
    instances = found["SN18"].finding.certificate.parameters["instances"]  # type: ignore[union-attr]
    assert all(item["kernel"] == OWN for item in instances)
    assert len({item["T"] for item in instances}) == 2 and "; bound below 1 for 2 of 8 blocks" in found["SN18"].found
    entries = replay.parse(certificates_json(PAPER, list(found.values())).encode())
    assert [outcome for outcome, _ in replay.outcomes(entries, 1e9)] == ["accepted"] * len(TAKES_IT)


def test_a_kernel_for_which_a_claim_fails_turns_it_red(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the claims fail at that kernel alone: they are refuted with it, and only where it is given."""
    right = infinite_length._factorised_gradient

    def wrong(kernel: Any, lags: tuple[int, ...], r: Any) -> ParameterGradient:
        found = right(kernel, lags, r)
        if [list(row) for row in kernel] != OWN:
            return found
        return replace(found, V={h: [[x + 1 for x in row] for row in block] for h, block in found.V.items()})

    monkeypatch.setattr(infinite_length, "_factorised_gradient", wrong)
    for id in ("SN5", "SN6", "SN13"):
        assert run(f"kernel={file} k=2", id)[id].verdict is Verdict.REFUTED
        assert run("n=3 k=2", id)[id].verdict is Verdict.VERIFIED


def test_a_bound_too_small_is_seen_at_the_kernel_of_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second computation still has the right bound, so that nothing is refuted, and nothing verified."""
    monkeypatch.setattr(finite_length.FiniteLength, "mixing", lambda self, kernel: Fraction(0))
    (found,) = run(f"kernel={file} k=2 ", "SN18").values()
    assert found.verdict is Verdict.UNDECIDED and "second computation" in found.reason


def test_claims_about_positive_kernels_say_nothing_of_one_with_a_zero(file: Path) -> None:
    file.write_text("0, 1\n1/2, 1/2\n3/4, 1/4\n1/5, 4/5\n", encoding="utf-8")
    found = run(f"kernel={file} k=2", *TAKES_IT)
    assert all(result.as_expected and "entry 0" in result.reason for result in found.values())


@pytest.mark.parametrize("words", ["n=2 alpha=1,1/2", "n=2 initial=stationary"])
def test_the_transfer_engine_refuses_what_it_cannot_integrate_in_one_line(words: str) -> None:
    settings = validate(PAPER.settings, read_words(f"{words} k=1 T=6 engine=transfer".split()))
    with pytest.raises(UsageError, match=r"engine=transfer knows .*, not (DirichletLaw|StationaryStarts)") as refused:
        PAPER.refuse(settings)
    assert "\n" not in str(refused.value)
