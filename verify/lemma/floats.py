"""The weakest evidence: the lemma is called with tensors in float64, and compares up to its tolerance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from numerics.approximate import REFUTES, Comparisons, approximate
from proofs.lemma.domains import Dataset, Domain
from verify.claim import Counterexample, Evidence, Finding, decide
from verify.lemma.draws import search
from verify.lemma.proof import drawn_from
from verify.lemma.runs import Lemma, MissedError, Point
from verify.printing import named


@dataclass
class Floats:
    """Points at which it holds, is undefined, or is off by an amount that decides nothing; the worst that held."""

    holds: int = 0
    undefined: int = 0
    open: int = 0
    worst: float = 0.0


def by_floats(lemma: Lemma, *, count: int, seed: int, seconds: float, footnote: str) -> Finding:
    """Only equalities and inequalities up to the tolerance; strict ones are taken as those that are not."""
    from verify.lemma.ladder import shown_point, values_of

    assert lemma.tolerance is not None, "asked before"
    tolerance, seen = lemma.tolerance, Floats()

    def fails(point: Point) -> bool:
        off = worst_at(lemma, point, tolerance)
        if off is None:
            seen.undefined += 1
        elif off <= tolerance:
            seen.holds, seen.worst = seen.holds + 1, max(seen.worst, off)
        elif off <= REFUTES * tolerance:
            seen.open += 1
        else:
            return True
        return False

    failing = search(lemma.domains, fails, count=count, seed=seed, seconds=seconds)
    if failing is not None:
        return decide(
            False,
            evidence=Evidence.NUMERIC,
            scope=f"one instance of {drawn_from(lemma)}; tolerance {tolerance:g}",
            instances=1,
            found=f"off by {worst_at(lemma, failing, tolerance):.1e} at {shown_point(failing)}",
            predicted=f"at most {tolerance:g}",
            undecided="",
            counterexample=Counterexample(values_of(lemma, failing), lambda: fails(failing)),
        )
    return decide(
        seen.holds > 0 and seen.open == 0,
        evidence=Evidence.NUMERIC,
        scope=f"{seen.holds} instances drawn: {drawn_from(lemma)}; tolerance {tolerance:g} times 1 + size",
        instances=seen.holds,
        found=f"off by {seen.worst:.1e} at most",
        predicted=f"at most {tolerance:g}",
        undecided=f"{seen.open} points are off by more than the tolerance and less than {REFUTES:g} times it,"
        f" {seen.undefined} are undefined",
        footnote=footnote,
    )


def worst_at(lemma: Lemma, point: Point, tolerance: float) -> float | None:
    """By how much a comparison fails at most, relative to 1 + size; infinite where it says False; None: undefined."""
    found = Comparisons()
    kind = approximate(tolerance, found)
    try:
        with torch.no_grad():
            returned = lemma.function(**{name: _tensors(d, point[name], kind) for name, d in lemma.domains.items()})
    except ZeroDivisionError:
        return None
    except Exception as error:
        raise MissedError(f"the lemma raises {named(error, 200)}", error) from error
    holds = _holds(returned)
    if not found.count:
        raise MissedError("it answers without having compared what it is given")
    if found.worst != found.worst:
        return None
    return found.worst if holds or found.worst > tolerance else float("inf")


def _tensors(domain: Domain, entries: Any, kind: type[torch.Tensor]) -> Any:
    argument = domain.argument([float(x) for x in entries])
    if isinstance(argument, Dataset):
        return Dataset(*(_tensor(part, kind) for part in argument))
    return _tensor(argument, kind)


def _tensor(x: Any, kind: type[torch.Tensor]) -> torch.Tensor:
    values = x.tolist() if hasattr(x, "tolist") else x
    return torch.tensor(values, dtype=torch.float64).as_subclass(kind)


def _holds(returned: Any) -> bool:
    if isinstance(returned, list | tuple):
        return bool(returned) and all(map(_holds, returned))
    if isinstance(returned, torch.Tensor):
        return bool(returned.all())
    if not isinstance(returned, bool):
        raise MissedError(f"the lemma returns a {type(returned).__name__}: a lemma returns a comparison")
    return returned
