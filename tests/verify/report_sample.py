"""Results as a run would give them, made up in no time: every claim of a paper, with details that are plotted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from verify.claim import Claim, Evidence, Finding, Paper, Result, Verdict
from verify.registry import papers
from verify.report.check_html import check_html

NORMS = {"A": 0.0, "Q": 1e-3, "K": 2e-3, "V": 1e-3}
SECONDS = 98765.4321  # nothing of it may be seen: reports are the same every time
GAPS = {"T": [16, 64, 256], "mean |p_soft - p_hard|": [[0.06, 0.002], [0.013, 0.0006], [0.003, 0.0001]]}
DETAILS: dict[str, dict[str, Any]] = {
    "SN7": {
        "points": [
            {"heads": heads, "T": T, "norms": NORMS | {"total": 1 / T}, "errors": {"total": 0.1 / T}}
            for heads in ("padded", "literal")
            for T in (32, 1000)
        ],
        "r": "1.0",
    },
    "SN8": {
        "counterexample": {"T": 8, "block": [0, 1], "limit": "131/4032", "kernel": [["1/2", "1/2"], ["1/6", "5/6"]]}
    },
    "SN12": {
        "hessian": {"eigenvalues": [-0.09, -0.03, 0.0, 0.2], "negative": 2, "predicted_lowest": -0.09, "T": 8, "q": 8},
        "race": [{"lag": 2, "order": 3, "coefficient": -0.0642}],
    },
    "SN14": GAPS,
    "SN14c": GAPS | {"lag weight at T": ["10/13", "50/113", "10/61"]},
    "SN15": {
        "levels": [{"name": "1-gram", "loss": 1.05}, {"name": "2-gram", "loss": 0.97}],
        "corrected levels": [{"name": "1-gram+", "loss": 1.04}, {"name": "2-gram+", "loss": 0.96}],
        "plateaus": [{"first": 192, "last": 768, "loss": 0.954}],
        "jumps": [{"first": 0, "last": 192}],
        "snapshots": [{"step": 0, "loss": 1.09}, {"step": 400, "loss": 0.955}],
    },
    "MF6": {"S: value, Hessian eigenvalues at A=I": {"[]": ["0", "0", "1/2"], "[0]": ["3/2", "-3", "0"]}},
    "NT7": {"comparisons": [{"dataset": "DS-A", "found": -0.3535533905933154, "predicted": -0.35355339059327373}] * 3},
}


def result(claim: Claim, settings: Any, **changes: Any) -> Result:
    """The expected verdict with something found; `changes` replace parts of the finding."""
    expected = claim.expected_verdict(settings)
    grades = tuple(Evidence)
    parts: Mapping[str, Any] = {
        "verdict": expected,
        "scope": "S=2, n=3, every q",
        "evidence": grades[sum(map(ord, claim.id)) % len(grades)] if expected is not Verdict.UNDECIDED else None,
        "instances": 7,
        "found": "131/4032",
        "predicted": "not 0",
        "details": DETAILS.get(claim.id, {"largest residual": "0", "further": {"a": [1, 2], "b": {"c": "1/3"}}}),
        "footnote": "ladder    k = 1..3: 0.60600 > 0.54989" if claim.id == "SN11" else "",
    }
    return Result(claim, expected, Finding(**(parts | changes)), SECONDS)


def results(paper: str, changes: Mapping[str, Mapping[str, Any]] | None = None) -> list[Result]:
    """One result for every claim of the paper; `changes` by the id of the claim."""
    settings = papers()[paper].settings()
    return [result(claim, settings, **(changes or {}).get(claim.id, {})) for claim in papers()[paper].claims]


def page(name: str, found: list[Result] | None = None, *, paper: Paper | None = None, **words: Any) -> str:
    """The page of these results, or of those that are expected; `paper` in place of the one of this name."""
    texts = {
        "command": f"python -m verify.check paper={name} format=html",
        "command_for": lambda id: f"python -m verify.check paper={name} select={id}",
        "environment": "python 3.11\n",
    }
    known = paper or papers()[name]
    return check_html(known, known.settings(), results(name) if found is None else found, **(texts | words))
