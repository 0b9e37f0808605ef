"""heads=padded|literal in the commands: what is computed, what is kept, what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from numerics.sub_ngrams import closed_form
from proofs.sub_ngrams import derivation
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from verify.check import parse_request
from verify.claim import Result, Verdict
from verify.papers.sub_ngrams.engines import ENGINES, Options
from verify.papers.sub_ngrams.gradient.command import main
from verify.papers.sub_ngrams.gradient.shards import GradientShard
from verify.registry import papers
from verify.runner import run_claims
from verify.settings import UsageError, read_words
from verify.shards import content_of, result_in

LITERAL = Configuration((1, 2), Fraction(4), "literal")
PADDED = Configuration((1, 2), Fraction(4))
LAW = NGramLaw(2, 3)


def run(words: str) -> list[Result]:
    settings, claims = parse_request(papers()["sub-n-grams"], read_words(words.split()))
    return run_claims(claims, settings)


def shard(configuration: Configuration, engine: str) -> GradientShard:
    return GradientShard(LAW, configuration, 5, engine, Options(samples=1000, device="cpu"))


# --- commands ---


def test_the_command_says_which_heads(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["k=3", "n=3", "T=6", "q=4", "heads=literal"]) == 0
    text = capsys.readouterr().out
    assert "literal heads" in text and "dL/dA^(2), row 2, / c" in text and "A 0.0104861" in text
    assert main(["k=3", "n=3", "T=6", "q=4"]) == 0
    text = capsys.readouterr().out
    assert "literal" not in text and "dL/dA" not in text and "A 0 " in text


def test_json_has_the_rows(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["k=3", "n=3", "T=6", "q=5", "heads=literal", "format=json"]) == 0
    entry = json.loads(capsys.readouterr().out)
    assert entry["heads"] == entry["settings"]["heads"] == "literal" and entry["engine"] == "closed_form"
    assert len(entry["positional_rows"]["2,2"]) == len(entry["positional_row_errors"]["2,2"]) == 2


def test_an_exact_engine_names_the_root_that_it_needs() -> None:
    with pytest.raises(UsageError, match=r"engine=enumeration needs, with literal heads and lags 1,2, a q whose root"):
        main(["k=3", "n=3", "T=6", "q=5", "heads=literal", "engine=enumeration"])


def test_a_root_of_high_degree_is_named_too() -> None:
    with pytest.raises(UsageError, match=r"a q whose root of degree 27720 is rational, or c=inf; engines that can: "):
        main(["lags=11", "n=12", "T=12", "q=5", "heads=literal", "engine=enumeration"])


@pytest.mark.parametrize("heads", ["soft", "both", ""])
def test_other_heads_are_no_words(heads: str) -> None:
    with pytest.raises(UsageError, match="heads"):
        main(["k=2", "n=3", "T=6", f"heads={heads}"])


# --- what is kept ---


@pytest.mark.parametrize("engine", ["type_classes", "closed_form", "monte_carlo"])
def test_rows_are_read_as_they_were_written(engine: str) -> None:
    literal = shard(LITERAL, engine)
    M = literal.compute()
    assert result_in(content_of(literal, M), literal) == M and M.rows.keys() == {(2, 2)}


def test_a_padded_result_is_none_of_literal_heads() -> None:
    literal, padded = shard(LITERAL, "type_classes"), shard(PADDED, "type_classes")
    assert literal.digest != padded.digest
    with pytest.raises(ValueError, match="digest"):
        result_in(content_of(padded, padded.compute()), literal)


def test_a_literal_run_does_not_resume_from_a_padded_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["k=3", "n=3", "T=5,6", "q=4", "executor=inline", f"shards={tmp_path}"]
    assert main(words) == 0
    padded = capsys.readouterr().out
    assert main([*words, "heads=literal"]) == 0
    literal = capsys.readouterr().out
    assert main([*words]) == 0
    assert capsys.readouterr().out == padded != literal and "dL/dA" in literal
    assert len(list(tmp_path.glob("*.json"))) == 4


@pytest.mark.parametrize("change", [{"rows": {}}, {"rows": {"2,2": [["1/2"]]}}, {"rows": {"2,1": [["1/2", "1/2"]]}}])
def test_rows_of_another_shape_are_refused(change: dict[str, Any]) -> None:
    literal = shard(LITERAL, "type_classes")
    encoded = json.loads(content_of(literal, literal.compute()))["result"]
    assert literal.decoded(encoded) == literal.compute()
    with pytest.raises((ValueError, KeyError)):
        literal.decoded({**encoded, **change})


# --- claims ---


@pytest.mark.parametrize(
    ("words", "scope"),
    [("", "padded and literal heads"), ("heads=literal", "literal heads"), ("heads=padded", "padded heads")],
)
def test_scopes_say_which_heads(words: str, scope: str) -> None:
    for result in run(f"k=2 n=2 select=SN0,SN2 ignore=SN1 {words}"):
        assert result.as_expected and result.scope.startswith(f"{scope}; ")


def test_the_formal_proof_is_about_padded_heads() -> None:
    words = "k=2 n=2 select=SN2 ignore=SN1"
    formal = {heads: bool(run(f"{words} heads={heads}")[0].formal) for heads in ("padded", "literal", "both")}
    assert formal == {"padded": True, "literal": False, "both": True}


def test_an_engine_that_pads_silently_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closed_form, "_with_means", lambda sums, start, g, configuration: sums)
    (result,) = run("k=2 n=3 select=SN0")
    assert result.verdict is Verdict.REFUTED
    assert result.finding.details["counterexample"]["heads"] == "literal"


def test_a_wrong_gradient_in_A_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    true = derivation.row_slopes

    def wrong(*given: Any) -> Any:
        return {key: [-slope for slope in row] for key, row in true(*given).items()}

    monkeypatch.setattr(derivation, "row_slopes", wrong)
    (result,) = run("k=3 n=3 select=SN2")
    assert result.verdict is Verdict.REFUTED and "A^(2)_2" in str(result.finding.details)


def test_the_norm_in_A_is_held_against_the_network() -> None:
    from verify.papers.sub_ngrams.second_computations import is_no_norm, literal_norms, norms

    M = ENGINES["type_classes"].compute(LAW, LITERAL, 5)
    assert norms(LAW, LITERAL, 5, {"type_classes": M}).off is None
    rows = {key: tuple(tuple(2 * x for x in row) for row in block) for key, block in M.rows.items()}
    off = norms(LAW, LITERAL, 5, {"type_classes": replace(M, rows=rows)}).off
    assert off is not None and off.values["norm in"] == "A" and off.recheck()
    values, rounding = literal_norms(LAW, LITERAL, 5)
    assert not is_no_norm(LAW, LITERAL, 5, "A", values["A"], rounding)
