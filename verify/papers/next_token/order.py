"""NT9m, NT9c: the order of the tokens in the max-margin solution, exactly, on the solutions that NT7m certifies."""

from __future__ import annotations

from functools import partial

from proofs.next_token.dataset import Dataset
from proofs.next_token.examples import from_optimal
from proofs.next_token.max_margin import attention_problems, check_certificate
from verify.claim import Certificate, Counterexample, Evidence, Finding, Origin, Run, Step, decide
from verify.papers.next_token.margins import columns_of, is_rejected, sentences_of
from verify.papers.next_token.premises import claim
from verify.papers.next_token.settings import NextTokenSettings
from verify.recheck.next_token import margins as recheck

KKT = Step("an entry is the duals of pairs won less those of pairs lost", Evidence.WRITTEN, "nt9m")


@claim("NT9m", "order of all tokens, exactly", requires=("NT7m",), steps=(KKT,))
def extended_order(settings: NextTokenSettings, run: Run) -> Finding:
    """[D] In every column of W_kq*, tokens unseen with the query are at 0, tokens that no other beats at 0 or above,
    tokens that beat none at 0 or below, and each token lies above those that it beats, by 1 at least.

    Where W_kq* puts the tokens of every query, on the solutions that NT7m certifies.
    """
    from proofs.next_token.max_margin_solver import solve

    wrong: list[dict[str, str]] = []
    solutions: list[dict[str, object]] = []
    entries = beaten_above = 0
    for dataset in settings.datasets:
        problems = attention_problems(dataset)
        columns = {q: (p, solve(p)) for q, p in problems.items()}
        solutions.append({"W_kq": columns_of(columns)})
        for q, (problem, certificate) in columns.items():
            w = certificate.solution
            better, worse = {a for a, _ in problem.pairs}, {b for _, b in problem.pairs}
            where = {"dataset": dataset.name, "query": dataset.vocabulary[q]}
            conditions = {
                "unseen, and not at 0": {x for x, entry in enumerate(w) if x not in dataset.seen(q) and entry != 0},
                "beaten by none, and below 0": {x for x in better - worse if not w[x] >= 0},
                "beats none, and above 0": {x for x in worse - better if not w[x] <= 0},
                "not above a token that it beats": {a for a, b in problem.pairs if not w[a] - w[b] >= 1},
            }
            wrong += [
                {**where, "token": dataset.vocabulary[x], "entry": str(w[x]), "condition": name}
                for name, tokens in conditions.items()
                for x in sorted(tokens)
            ]
            entries += len(w)
            beaten_above += sum(w[x] > 0 for x in worse)
    shown = Certificate({"datasets": list(map(sentences_of, settings.datasets))}, {"datasets": solutions})
    return decide(
        not wrong,
        evidence=Evidence.EXACT,
        scope=f"{len(settings.datasets)} datasets, {entries} entries of W_kq*",
        instances=entries,
        found=f"{len(wrong)} of {entries} entries of W_kq* on the wrong side",
        predicted="0",
        counterexample=Counterexample(wrong[0], partial(is_rejected, recheck.extended_order, shown)) if wrong else None,
        details={"wrong": wrong, "beaten_and_above_unseen": beaten_above},
        certificate=shown,
        undecided="",
    )


CHAIN = from_optimal("chain", (1, 2, 3, 4, 5, 0), [((0, 1, 4), 0, 1), ((1, 2, 4), 1, 1), ((2, 3, 4), 2, 1)])
MIDDLE, QUERY, UNSEEN = 1, 4, 5  # b in a > b > c > d, all of them above the query


@claim("NT9c", "unseen over non-optimal (control)", requires=("NT7m",), origin=Origin.CONTROL)
def beaten_below_unseen(settings: NextTokenSettings, run: Run) -> Finding:
    """W_kq* puts the tokens that are unseen with a query above every token that another one beats.

    In the chain a > b > c > d, W_kq* puts b above the unseen tokens, though a beats it.
    """
    from proofs.next_token.max_margin_solver import solve

    (column,) = ((p, solve(p)) for p in attention_problems(CHAIN).values())
    problem, certificate = column
    entry = certificate.solution[MIDDLE]
    false = not check_certificate(problem, certificate) and MIDDLE in {b for _, b in problem.pairs} and entry > 0
    return decide(
        False,  # an example can refute, and nothing else
        evidence=Evidence.EXACT,
        scope="sentences [a,b,q], [b,c,q], [c,d,q] with the first token optimal",
        instances=1,
        found=f"W_kq*[b,q] = {entry}",
        predicted="above 0",
        counterexample=Counterexample(
            {"query": "q", "token": "b", "beaten_by": "a", "W_kq*": list(certificate.solution)},
            partial(rises_above_unseen, CHAIN, MIDDLE, UNSEEN, QUERY),
        )
        if false
        else None,
        certificate=Certificate({"datasets": [sentences_of(CHAIN)]}, {"W_kq": columns_of({QUERY: column})}),
        undecided="no beaten token of the chain lies above the unseen tokens in W_kq*",
    )


def rises_above_unseen(dataset: Dataset, token: int, unseen: int, query: int) -> bool:
    """Whether training by the slow formulas lifts the token above the unseen one, ever further."""
    from numerics.next_token.again import attention_again
    from numerics.next_token.stage import aligned_output

    again = attention_again(dataset, aligned_output([dataset], 3.0)[0], 0.5, 64)
    early, late = (W[token][query] - W[unseen][query] for W in again.halves)
    return bool(late > early > 0)
