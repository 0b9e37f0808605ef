"""NT7m: exact certificates of the max-margin solutions."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import partial

from proofs.next_token.dataset import Dataset
from proofs.next_token.max_margin import (
    MarginCertificate,
    MarginProblem,
    attention_problems,
    check_certificate,
    degenerate,
    feed_forward_problems,
)
from verify.claim import Certificate, Counterexample, Evidence, Finding, Run, decide, undecided
from verify.papers.next_token.premises import claim
from verify.papers.next_token.settings import NextTokenSettings
from verify.recheck import certificate as foreign
from verify.recheck.certificate import Check
from verify.recheck.next_token import margins as recheck
from verify.report.certificates import exactly

Columns = dict[int, tuple[MarginProblem, MarginCertificate]]


@claim("NT7m", "max-margin solutions, exactly")
def certificates(settings: NextTokenSettings, run: Run) -> Finding:
    """[D] The max-margin solutions of both layers are the rational matrices found: margins >= 1, combinations of their
    pairs with duals >= 0, and |W*|^2 equal to the sum of the duals, so that they are the only optima.

    Margins, duals, stationarity and duality gap of a rational solution, exactly.
    """
    from proofs.next_token.max_margin_solver import NoCertificateError, solve

    wrong: list[tuple[str, str]] = []  # where, what
    columns = 0
    details: dict[str, object] = {}
    solutions: list[dict[str, object]] = []
    for dataset in settings.datasets:
        try:
            feed_forward = {x: (p, solve(p)) for x, p in feed_forward_problems(dataset).items()}
            attention = {q: (p, solve(p)) for q, p in attention_problems(dataset).items()}
        except NoCertificateError as error:
            return undecided(f"{dataset.name}: {error}", scope=dataset.name)
        columns += len(feed_forward) + len(attention)
        for layer, found in (("W_ov", feed_forward), ("W_kq", attention)):
            for column, (problem, certificate) in found.items():
                where = f"{dataset.name}, column {dataset.vocabulary[column]} of {layer}"
                wrong += [(where, reason) for reason in check_certificate(problem, certificate)]
        if _squared_norm(feed_forward) != Fraction(len(dataset.n) * (dataset.V - 1), dataset.V):
            wrong.append((f"{dataset.name}, W_ov", "|W_ov*|^2 is not N (V-1)/V"))
        solutions.append({"W_ov": columns_of(feed_forward), "W_kq": columns_of(attention)})
        details[dataset.name] = {
            "W_ov_squared_norm": str(_squared_norm(feed_forward)),
            "W_kq_squared_norm": str(_squared_norm(attention)),
            "W_kq_dual_value": str(sum(sum(certificate.duals) for _, certificate in attention.values())),
            "W_kq_columns": {
                dataset.vocabulary[q]: [str(entry) for entry in certificate.solution]
                for q, (_, certificate) in attention.items()
            },
            "degenerate_pairs": _degenerate(dataset, attention),
        }
    first = details[settings.datasets[0].name]
    assert isinstance(first, dict)
    single = len(settings.datasets) == 1
    shown = Certificate({"datasets": list(map(sentences_of, settings.datasets))}, {"datasets": solutions})
    reasons = [f"{where}: {reason}" for where, reason in wrong]
    return decide(
        not wrong,
        evidence=Evidence.EXACT,
        scope=f"{len(settings.datasets)} datasets, {columns} columns" if not single else f"{columns} columns",
        instances=columns,
        found=f"|W_kq*|^2 = {first['W_kq_squared_norm']}" if single else f"{len(wrong)} conditions of an optimum fail",
        predicted=f"sum of the duals {first['W_kq_dual_value']}" if single else "0",
        counterexample=Counterexample(
            {"where": wrong[0][0], "condition": wrong[0][1]}, partial(is_rejected, recheck.max_margin, shown)
        )
        if wrong
        else None,
        details={"datasets": details, "wrong": reasons},
        footnote=_footnote(details),
        certificate=shown,
        undecided="",  # either the conditions hold, or one that fails is the counterexample
    )


def is_rejected(check: Check, certificate: Certificate) -> bool:
    """Whether `verify.replay`, which shares no code with what is above, rejects the certificate."""
    try:
        check(
            foreign.Certificate(exactly(certificate.parameters), exactly(certificate.witness), foreign.Budget(math.inf))
        )
    except foreign.RejectedError:
        return True
    return False


def sentences_of(dataset: Dataset) -> dict[str, object]:
    """What the margins depend on: all but the weights."""
    sentences = [{"tokens": sentence.tokens, "next": sentence.next} for sentence in dataset.sentences]
    return {"V": dataset.V, "sentences": sentences}


def columns_of(columns: Columns) -> list[dict[str, object]]:
    """The columns of a layer that have pairs, each with a dual for every pair in order."""
    return [
        {"column": q, "solution": certificate.solution, "duals": certificate.duals}
        for q, (_, certificate) in columns.items()
    ]


def _squared_norm(columns: Columns) -> Fraction:
    return sum((certificate.squared_norm for _, certificate in columns.values()), Fraction(0))


def _degenerate(dataset: Dataset, columns: Columns) -> list[str]:
    """Tight pairs with dual 0, in words."""
    names = dataset.vocabulary
    return [
        f"query {names[q]}: {names[a]} > {names[b]}"
        for q, (problem, certificate) in columns.items()
        for a, b in degenerate(problem, certificate)
    ]


def _footnote(details: dict[str, object]) -> str:
    """Which datasets have degenerate pairs, since these change the rate (NT8)."""
    found = {name: entry["degenerate_pairs"] for name, entry in details.items() if isinstance(entry, dict)}
    lines = [f"{name}: tight with dual 0: {'; '.join(pairs)}" for name, pairs in found.items() if pairs]
    more = [f"... and in {len(lines) - 4} more datasets"] if len(lines) > 4 else []
    return "\n".join(lines[:4] + more)
