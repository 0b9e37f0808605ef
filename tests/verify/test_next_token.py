"""The claims of the next-token paper: verdicts, settings, and checks that must be able to fail."""

from pathlib import Path

import pytest

from proofs.next_token.examples import NAMED
from verify.claim import Evidence, Result, Run, Verdict
from verify.papers.next_token import PAPER, controls, rates, runs
from verify.papers.next_token.settings import NextTokenSettings, headline
from verify.report.plain import dumps
from verify.runner import exit_status, run_claims
from verify.settings import UsageError, validate

QUICK = {"T": "2000"}


def settings(**words: str) -> NextTokenSettings:
    return validate(NextTokenSettings, {**QUICK, **words})


def results(chosen: NextTokenSettings, *ids: str) -> dict[str, Result]:
    claims = [claim for claim in PAPER.claims if not ids or claim.id in ids]
    return {result.claim.id: result for result in run_claims(claims, chosen)}


@pytest.fixture(scope="module")
def by_default() -> dict[str, Result]:
    return results(settings())


def test_claims_of_the_issue_are_there() -> None:
    ids = [claim.id for claim in PAPER.claims]
    assert {f"NT{number}" for number in range(1, 17)} <= set(ids)
    controls = {"NT4c", "NT7b", "NT7c", "NT8c", "NT9c", "NT10c", "NT12c", "NT13c", "NT14c", "NT15c", "NT16c"}
    assert controls == {claim.id for claim in PAPER.claims if claim.control}
    assert len(set(ids)) == len(ids)
    assert all(set(claim.requires) <= set(ids) for claim in PAPER.claims)


def test_every_statement_says_whose_it_is() -> None:
    for claim in PAPER.claims:
        assert claim.control or "[D]" in claim.statement, claim.id
        assert "[R]" not in claim.statement


def test_defaults_give_the_expected_verdicts(by_default: dict[str, Result]) -> None:
    unexpected = [(id, str(r.verdict), r.finding.found) for id, r in by_default.items() if not r.as_expected]
    assert unexpected == []
    assert exit_status(list(by_default.values())) == 0
    assert all(result.finding.instances > 0 for result in by_default.values())


def test_evidence(by_default: dict[str, Result]) -> None:
    proofs = {id for id, result in by_default.items() if result.finding.evidence is Evidence.PROOF}
    assert proofs == {"NT1", "NT2", "NT3", "NT4", "NT5", "NT6", "NT7i"}
    exact = {id for id, result in by_default.items() if result.finding.evidence is Evidence.EXACT}
    assert exact == {"NT7m", "NT9m", "NT9c"}
    assert by_default["NT4c"].finding.evidence is Evidence.ENCLOSURE


def test_details_are_json(by_default: dict[str, Result]) -> None:
    for result in by_default.values():
        dumps(result.finding.details)  # as reports write them
    certified = by_default["NT7m"].finding.details["datasets"]
    assert certified["DS-C"]["W_kq_squared_norm"] == "23/6"
    assert certified["DS-D"]["degenerate_pairs"] == ["query 3: 0 > 1"]


def test_a_file_of_words(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("the -> cat\ncat -> sat\nsat -> down\ncat the -> sat * 3/2\nsat the cat -> down\nthe sat -> down\n")
    found = results(settings(dataset=str(path)), "NT7m", "NT7", "NT7d", "NT9", "NT11")
    assert all(result.as_expected for result in found.values())
    assert found["NT7m"].finding.found == "|W_kq*|^2 = 5/3"


def test_random_datasets() -> None:
    found = results(settings(dataset="random", seed="3", V="6", draws="4"), "NT6w", "NT7m", "NT7", "NT9")
    assert all(result.as_expected for result in found.values())


def test_headline() -> None:
    assert headline(settings(dataset="DS-C")).startswith("dataset DS-C  eta=0.5  beta=3  T=2000")
    assert headline(settings(dataset="random", V="5")).startswith("8 random datasets  V=5  seed=0")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"dataset": "DS-E"}, "dataset=DS-E: neither a file nor one of named, DS-A"),
        ({"dataset": "."}, "dataset=.: cannot be read (a folder)"),
        ({"V": "5"}, "V=5: V goes with dataset=random"),
        ({"draws": "5", "dataset": "DS-A"}, "draws=5: draws goes with dataset=random"),
        ({"V": "2", "dataset": "random"}, "V=2: V must be a whole number from 3 to 1000"),
        ({"eta": "0"}, "eta=0: eta must be a number"),
        ({"eta": "nan"}, "eta=nan: eta must be"),
        ({"beta": "inf"}, "beta=inf: beta must be"),
        ({"T": "10"}, "T=10: T must be"),
        ({"k": "2"}, "k=2: unknown key"),
    ],
)
def test_usage_errors(words: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        validate(NextTokenSettings, words)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_realizable(tmp_path: Path) -> None:
    path = tmp_path / "cyclic.txt"
    path.write_text("a -> b\nb -> a\na b -> a\nb a b -> b\n")
    with pytest.raises(UsageError, match="the order of query b has the cycle") as caught:
        settings(dataset=str(path))
    assert "b a b -> b (line 4)" in str(caught.value)


def test_controls_that_turn_out_true_are_not_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controls, "OVERSTEP", 0.9)
    assert controls.slope_at_any_step(settings(), Run()).verdict is Verdict.UNDECIDED
    monkeypatch.setitem(NAMED, "DS-D", NAMED["DS-C"])
    assert controls.direction_always_one_over_t(settings(), Run()).verdict is Verdict.UNDECIDED


def test_steps_above_the_threshold_are_left_out() -> None:
    finding = rates.loss_slope(settings(dataset="DS-C", eta="3"), Run())
    assert finding.verdict is Verdict.UNDECIDED
    assert finding.reason == "nothing to check: DS-C: eta above the threshold of NT7c"


def test_unequal_weights() -> None:
    assert list(runs.with_unequal_weights(NAMED["DS-A"]).collocation_weights.values()) == [8, 4, 2, 1]
    assert runs.with_unequal_weights(NAMED["DS-B"]) == NAMED["DS-B"]
    assert runs.with_unequal_weights(NAMED["DS-A"]).longer == NAMED["DS-A"].longer
