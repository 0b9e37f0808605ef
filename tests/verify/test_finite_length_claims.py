"""SN16 to SN22: what turns each of them, what they find, and that nothing else decides them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from flint import arb

from proofs.formal import formal_theorems
from proofs.sub_ngrams import adversaries, annealed_bound, finite_length, paths, positions
from proofs.sub_ngrams.annealed_bound import AnnealedBound
from proofs.sub_ngrams.finite_length import FiniteLength
from tests.docs.pages import DOCS
from tests.verify.sub_ngrams_runs import found, run
from verify.claim import Evidence, Run, Verdict
from verify.explain import explained
from verify.papers.sub_ngrams import (
    PAPER,
    annealed_mixing,
    averaged_positions,
    finite_length_blocks,
    infinite_bounds,
    mixing,
    too_small,
)
from verify.papers.sub_ngrams import finite_length as claims
from verify.papers.sub_ngrams import paths as path_claims
from verify.recheck.sub_ngrams import finite as second
from verify.recheck.sub_ngrams import positions as second_positions
from verify.recheck.sub_ngrams import visits
from verify.report.check_json import claim_entry
from verify.report.check_junit import account
from verify.report.check_table import cells
from verify.runner import select_claims
from verify.settings import read_words, validate

NOTHING_READ = (
    *("SN16", "SN16c", "SN16s", "SN16v", "SN17", "SN18", "SN18c", "SN19", "SN19c"),
    *("SN20", "SN21", "SN21c", "SN22", "SN22c"),
)
BY_BALLS = ("SN16", "SN17", "SN20", "SN22", "SN22c")


def largest_entry(block: Any) -> Fraction:
    return max(abs(Fraction(x)) for row in block for x in row)


def without_r(numbers: FiniteLength) -> Fraction:
    return Fraction(1)


def to_the_power(power: Callable[[int], int]) -> Callable[..., Fraction]:
    def broken(S: int, configuration: Any) -> Fraction:
        q = Fraction(configuration.q)
        return 1 - (q / (q + S - 1)) ** power(len(configuration.lags))

    return broken


MUTATIONS = [  # claim, its settings, the verdict it ends with, where, what, one formula broken at a time
    ("SN16", "k=2 n=2 T=128", "UNDECIDED", FiniteLength, "r", property(without_r)),
    ("SN16", "k=2 n=3", "UNDECIDED", finite_length, "expected_share", lambda *args: Fraction(1, 1000)),
    ("SN16", "k=2 n=3", "UNDECIDED", finite_length_blocks, "phi", lambda x: finite_length.ball(Fraction(1, 10))),
    ("SN16c", "k=2 n=3", "VERIFIED", adversaries.Switch, "row", lambda *args: (Fraction(0), Fraction(0))),
    ("SN16c", "k=2 n=3", "VERIFIED", claims, "phi", lambda x: finite_length.ball(Fraction(1, 2))),
    ("SN17", "k=2 n=2", "UNDECIDED", FiniteLength, "full_context", lambda *args: finite_length.ball(Fraction(1, 10))),
    ("SN17", "k=2 n=2", "UNDECIDED", finite_length, "squared_norm", lambda *args: finite_length.ball(Fraction(10**6))),
    ("SN18", "k=2 n=3", "UNDECIDED", FiniteLength, "mixing", lambda *args: Fraction(0)),
    ("SN18", "k=2 n=3", "UNDECIDED", mixing, "size", lambda block: Fraction(2)),
    ("SN19", "k=2 n=3", "UNDECIDED", infinite_bounds, "gamma", to_the_power(lambda L: L - 1)),
    ("SN19", "k=3 n=3", "UNDECIDED", infinite_bounds, "gamma", to_the_power(lambda L: L - 2)),
    ("SN19", "k=2 n=3", "UNDECIDED", infinite_bounds, "norm_bounds", lambda n, L, G: (G**2 / 10, G**2 / 10)),
    ("SN16s", "k=2 n=3", "VERIFIED", too_small, "phi", lambda x: finite_length.ball(Fraction(99, 100))),
    ("SN16s", "k=2 n=3", "UNDECIDED", second, "entry", lambda *args: Fraction(0)),
    ("SN16v", "k=2 n=3", "UNDECIDED", visits, "first_visit", lambda *args: Fraction(1, 2)),
    ("SN18c", "k=2 n=3", "VERIFIED", too_small, "size", lambda block: Fraction(1, 100)),
    ("SN18c", "k=2 n=3", "VERIFIED", adversaries, "two_regimes", lambda e: [[Fraction(1, 2)] * 2] * 4),
    ("SN20", "k=2 n=3", "UNDECIDED", annealed_mixing, "size", lambda block: Fraction(2)),
    ("SN20", "k=2 n=3", "UNDECIDED", finite_length, "squared_norm", lambda *args: finite_length.ball(Fraction(10**6))),
    ("SN20", "k=2 n=3", "UNDECIDED", AnnealedBound, "G", property(lambda bound: 3)),
    ("SN20", "k=2 n=3", "UNDECIDED", AnnealedBound, "X", property(lambda bound: arb("1e-9"))),
    ("SN20", "k=2 n=3", "UNDECIDED", annealed_bound, "rows_met", lambda u, v, S: {}),
    ("SN21", "k=2 n=3", "UNDECIDED", positions, "averaged_share", lambda *args, **kwargs: Fraction(0)),
    ("SN21", "k=2 n=3", "UNDECIDED", FiniteLength, "K", property(lambda numbers: 2)),
    ("SN21", "k=2 n=2", "REFUTED", positions, "phi_below", lambda x: Fraction(1, 100)),
    ("SN21", "k=2 n=3", "UNDECIDED", positions, "score", lambda x, P, configuration: [Fraction(1)] * len(x)),
    ("SN21c", "k=2 n=3", "UNDECIDED", averaged_positions, "zeros_for_zeros", lambda *args: Fraction(0)),
    ("SN21c", "k=2 n=3", "UNDECIDED", second_positions, "averaged", lambda *args: {}),
    ("SN22", "k=2 n=3", "UNDECIDED", paths.PathBound, "gamma", lambda bound, c: arb(1) / 2),
    ("SN22", "k=3 n=3", "UNDECIDED", paths, "phi_of_ball", lambda x: arb(1) / 2),
    ("SN22c", "k=2 n=3", "VERIFIED", finite_length, "phi_of_ball", lambda x: x / 10**9 if x < 0.00001 else x),
    ("SN22c", "k=2 n=3", "UNDECIDED", path_claims, "phi_below", lambda x: x / 10),
    ("SN19c", "k=2 n=3", "VERIFIED", infinite_bounds, "size", largest_entry),
    ("SN19c", "k=2 n=3", "VERIFIED", infinite_bounds, "gamma", to_the_power(lambda L: 9 * L)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("id", "words", "verdict", "place", "name", "broken"),
    MUTATIONS,
    ids=[f"{id}-{name}-{words}" for id, words, _, _, name, _ in MUTATIONS],
)
def test_a_broken_formula_turns_its_claim(
    monkeypatch: pytest.MonkeyPatch, id: str, words: str, verdict: str, place: Any, name: str, broken: Any
) -> None:
    """A bound that is too small refutes nothing where the second computation knows the true one."""
    monkeypatch.setattr(place, name, broken)
    (result,) = run(words, id)
    assert result.verdict == verdict and not result.as_expected
    assert result.finding.reason or result.verdict is not Verdict.UNDECIDED


@pytest.mark.parametrize("words", ["k=1 n=3", "k=1 n=1"])
def test_without_lags_there_is_nothing_to_bound(words: str) -> None:
    for result in found(words, *NOTHING_READ):
        assert result.verdict is Verdict.UNDECIDED and result.as_expected
        assert result.finding.reason.startswith("nothing to check")


@pytest.mark.parametrize("words", ["k=2 n=3", "lags=2 n=3", "k=3 n=3", "k=2 n=2 alpha=1/2 initial=dirichlet"])
def test_evidence_and_scope(words: str) -> None:
    for result in found(words, *NOTHING_READ):
        finding = result.finding
        assert result.as_expected, (result.claim.id, finding)
        if finding.verdict is Verdict.UNDECIDED:
            continue
        by_balls = result.claim.id in BY_BALLS
        assert finding.evidence is (Evidence.ENCLOSURE if by_balls else Evidence.EXACT)
        assert (finding.certificate is None) == by_balls
        about_the_network = result.claim.id not in ("SN16v", "SN22c")  # a chain, and a number
        assert ("padded" in finding.scope) is about_the_network
        assert finding.scope.startswith("padded heads; ") or "literal" in finding.scope or not about_the_network


def test_every_step_of_a_proof_is_where_it_says() -> None:
    """A step is `formal` exactly if Coq has its theorem; each other one has its place on a page."""
    proved = {theorem.theorem for theorems in formal_theorems().values() for theorem in theorems}
    pages = "".join(page.read_text(encoding="utf-8") for page in (DOCS / "mathematics" / "sub-n-grams").glob("*.md"))
    steps = [step for claim in PAPER.claims for step in claim.steps]
    assert steps
    for step in steps:
        assert (step.theorem in proved) is (step.evidence is Evidence.FORMAL), step
        assert f"({step.where})=" in pages, step
    for result in found("k=2 n=3", "SN16", "SN18", "SN19"):
        assert result.general is Evidence.WRITTEN


def test_every_report_tells_what_the_general_form_rests_on() -> None:
    (result,) = found("k=2 n=3", "SN16")
    entry = claim_entry(result)
    assert entry["general"] == "written" and [step["evidence"] for step in entry["steps"]].count("formal") == 3
    assert cells(result)[3].plain == "enclosure, written"
    assert "in general: written" in account(result) and "Lemma 4: visits from any start (written)" in account(result)
    told = explained(PAPER, result.claim)
    assert "in general  written" in told and "Lemma 6: one sequence, with a read key lag, q finite: formal" in told


def test_bounds_that_say_something_are_counted() -> None:
    by_id = {result.claim.id: result.finding for result in found("k=2 n=3", "SN16", "SN18")}
    details = by_id["SN16"].details
    assert details["bound is below 1 from T (q = T)"] == 18 and details["blocks with a bound below 1"] == 24
    assert all(row["bound"] <= 1 for row in details["compared, the largest ratio at each T and q"])
    assert float(details["bound along q = T"]["10000"]) == pytest.approx(1.2e-2, rel=0.05)
    assert float(details["bound along q = T"]["1000000"]) == pytest.approx(1.9e-4, rel=0.05)
    assert by_id["SN16"].instances == 126 and details["of these with a bound below 1"] == 0
    assert "mean over the prior against E r/(N-1+r), as the bound is 1" in by_id["SN16"].scope
    assert by_id["SN18"].found.endswith("; bound below 1 for 8 of 24 blocks") and by_id["SN18"].instances == 8
    assert "4 rational kernels" in by_id["SN18"].scope and "T=8" not in by_id["SN18"].scope


def test_the_table_of_the_bound_at_full_context() -> None:
    (result,) = found("k=2 n=2", "SN17")
    table = result.finding.details["bound along q = T"]
    assert [float(table[T]) for T in ("10000", "1000000", "10000000000")] == pytest.approx(
        [6.8e-3, 1.1e-4, 1.8e-8], rel=0.05
    )
    from proofs.sub_ngrams.configuration import Configuration
    from proofs.sub_ngrams.law import NGramLaw

    def bound(T: int) -> Any:
        return FiniteLength(2, 2, T, Configuration((1,), Fraction(T))).full_context(Fraction(1))

    first = result.finding.details["bound is below 1 from T (q = T)"]
    assert bound(first) < 1 <= bound(first - 1)
    assert first == finite_length_blocks.first_below_one(NGramLaw(2, 2), (1,))


def test_what_is_too_dear_is_not_started() -> None:
    settings = validate(PAPER.settings, read_words(["k=2", "n=3"]))
    for claim in select_claims(
        PAPER.claims, ("SN16", "SN16c", "SN18", "SN18c", "SN19", "SN19c", "SN20", "SN21", "SN21c"), ()
    ):
        finding = claim(settings, Run(seconds=1e-9))
        assert finding.verdict is Verdict.UNDECIDED and "a larger budget=SECONDS" in finding.reason
        assert finding.instances == 0


def test_where_no_bound_says_anything_there_is_no_verdict() -> None:
    """No block is larger than 1. Kernel by kernel that is all at S=5; the mean over the prior has a sharper bound."""
    sharper, mixing_kernels = found("S=5 k=2 n=3", "SN16", "SN18")
    assert sharper.verdict is Verdict.VERIFIED and sharper.finding.scope.endswith("; no single kernels")
    assert sharper.found.startswith("no bound below 1 for 18 blocks; ") and sharper.finding.instances == 18
    assert mixing_kernels.verdict is Verdict.UNDECIDED and mixing_kernels.finding.instances == 0
    assert mixing_kernels.reason.startswith("nothing to check: no bound is below 1 at lengths within reach")


def test_a_length_at_which_the_bound_says_something_is_chosen_where_there_is_time_for_one() -> None:
    (result,) = found("k=3 n=4", "SN18")
    assert result.verdict is Verdict.VERIFIED and result.finding.instances == 4
    assert "1 rational kernel, uniform start: (T=111, q=inf)" in result.finding.scope
