"""NT7m: exact certificates of the max-margin solutions."""

from __future__ import annotations

from fractions import Fraction

from proofs.next_token.dataset import Dataset
from proofs.next_token.max_margin import (
    MarginCertificate,
    MarginProblem,
    attention_problems,
    check_certificate,
    degenerate,
    feed_forward_problems,
)
from proofs.next_token.max_margin_solver import solve
from verify.claim import Certificate, Evidence, Finding, Run, decide
from verify.claims.next_token.settings import NextTokenSettings

Columns = dict[int, tuple[MarginProblem, MarginCertificate]]


def certificates(settings: NextTokenSettings, run: Run) -> Finding:
    wrong: list[str] = []
    columns = 0
    details: dict[str, object] = {}
    solutions: list[dict[str, object]] = []
    for dataset in settings.datasets:
        feed_forward = {x: (p, solve(p)) for x, p in feed_forward_problems(dataset).items()}
        attention = {q: (p, solve(p)) for q, p in attention_problems(dataset).items()}
        columns += len(feed_forward) + len(attention)
        for problem, certificate in (*feed_forward.values(), *attention.values()):
            wrong += [f"{dataset.name}: {reason}" for reason in check_certificate(problem, certificate)]
        solutions.append({"W_ov": _columns(feed_forward), "W_kq": _columns(attention)})
        if _squared_norm(feed_forward) != Fraction(len(dataset.n) * (dataset.V - 1), dataset.V):
            wrong.append(f"{dataset.name}: |W_ov*|^2 is not N (V-1)/V")
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
    return decide(
        not wrong,
        evidence=Evidence.EXACT,
        scope=f"{len(settings.datasets)} datasets, {columns} columns" if not single else f"{columns} columns",
        instances=columns,
        found=f"|W_kq*|^2 = {first['W_kq_squared_norm']}" if single else f"{len(wrong)} conditions fail",
        predicted=f"dual value {first['W_kq_dual_value']}" if single else "0",
        details={"datasets": details, "wrong": wrong},
        footnote=_footnote(details),
        certificate=Certificate(
            {"datasets": [_sentences(dataset) for dataset in settings.datasets]}, {"datasets": solutions}
        ),
    )


def _sentences(dataset: Dataset) -> dict[str, object]:
    """What the margins depend on: all but the weights."""
    sentences = [{"tokens": sentence.tokens, "next": sentence.next} for sentence in dataset.sentences]
    return {"V": dataset.V, "sentences": sentences}


def _columns(columns: Columns) -> list[dict[str, object]]:
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
