"""A lemma, and the ways in which it is called: with symbols, with numbers that write down, with plain fractions."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from proofs.lemma.domains import Domain, rationals
from proofs.lemma.recording import (
    CURRENT,
    AttemptEndedError,
    PrecisionError,
    Recording,
    Relation,
    Statement,
    Step,
    World,
    relations_of,
    statements,
)
from proofs.lemma.watch import Watch
from verify.printing import named

Entries = Mapping[str, Sequence[Any]]
Point = dict[str, list[Fraction]]
SHORT = 200  # characters of an exception


class MissedError(Exception):
    """Why an attempt has not decided the lemma.

    error  what the lemma itself has raised, if that was it
    """

    def __init__(self, reason: str, error: Exception | None = None) -> None:
        super().__init__(reason)
        self.reason, self.error = reason, error


@dataclass(frozen=True)
class Lemma:
    """A function and what its arguments run over.

    tolerance  up to which sides may differ in balls and in floats; None: they may not differ
    """

    id: str
    function: Callable[..., Any]
    domains: Mapping[str, Domain]
    tolerance: float | None = None

    def call(self, entries: Entries) -> Any:
        return self.function(**{name: domain.argument(entries[name]) for name, domain in self.domains.items()})


@dataclass(frozen=True)
class Program:
    """What a run has left: see `Recording`."""

    steps: tuple[Step, ...]
    relations: tuple[Relation, ...]
    branches: tuple[tuple[Relation, bool], ...] = ()

    @property
    def divides(self) -> bool:
        """Whether it is undefined somewhere, perhaps."""
        return any(
            name in ("log", "sqrt") or (name == "/" and self.steps[rest[1]][0] != "rational")
            for name, *rest in self.steps
        )

    def functions(self, names: Sequence[str]) -> bool:
        return any(name in names for name, *_ in self.steps)


def domains_of(function: Callable[..., Any], over: Mapping[str, Domain]) -> dict[str, Domain]:
    """A domain for each argument: rational numbers where `over` says nothing. Others keep their defaults.

    ValueError for arguments that are not there, for *args and **kwargs, and where there is none.
    """
    parameters = inspect.signature(function).parameters
    named_ones = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    if any(parameter.kind not in named_ones for parameter in parameters.values()):
        raise ValueError("a lemma takes its arguments by name: no *args, **kwargs or /")
    for name, domain in over.items():
        if name not in parameters:
            raise ValueError(f"over: the lemma has no argument {name!r}")
        if not isinstance(domain, Domain):
            raise ValueError(f"over: {name} is no rationals(...), kernels(...), stochastic(...) or their like")
    taken = [name for name, parameter in parameters.items() if name in over or parameter.default is parameter.empty]
    if not taken:
        raise ValueError("a lemma has at least one argument")
    return {name: over.get(name) or rationals() for name in taken}


def symbolic(lemma: Lemma, deadline: float) -> Program:
    """The lemma called with symbols; MissedError where it asks of them what symbols do not have."""
    run = Recording(None, deadline)
    with Watch() as watch:
        found = recorded(lemma, run, {name: [None] * domain.size for name, domain in lemma.domains.items()})
    if run.ended or watch.objection:
        raise MissedError(f"the lemma {run.ended or watch.objection}")
    return Program(tuple(run.steps), relations_in(found))


def relations_in(found: Sequence[Statement | bool]) -> tuple[Relation, ...]:
    return tuple(relation for item in found if type(item) is Statement for relation in relations_of(item))


def recorded(lemma: Lemma, run: Recording, values: Entries) -> list[Statement | bool]:
    """What the lemma says that is called with numbers of this run; MissedError where it does not come to that.

    ZeroDivisionError where it is undefined.
    """
    before = CURRENT.set(run)
    try:
        entries = {
            name: [run.entry(name, i, value) for i, value in enumerate(values[name])] for name in lemma.domains
        }  # fmt: skip
        return statements(lemma.call(entries), run)
    except AttemptEndedError as ended:
        raise MissedError(f"the lemma {run.ended or ended}") from None
    except ZeroDivisionError:
        if run.world is None:
            raise MissedError("the lemma divides by 0") from None
        raise
    except RecursionError as error:
        raise MissedError("the lemma calls itself without end", error) from None
    except Exception as error:
        raise MissedError(f"the lemma raises {named(error, SHORT)}", error) from error
    finally:
        CURRENT.reset(before)


def at_point(lemma: Lemma, world: World, values: Entries) -> tuple[bool, Recording]:
    """Whether it holds at a point, by numbers that write it down. PrecisionError where balls overlap."""
    run = Recording(world)
    found = recorded(lemma, run, values)
    holds = all(map(bool, found))
    if run.ended:
        raise MissedError(f"the lemma {run.ended}")
    if run.imprecise:
        raise PrecisionError("the lemma has handled that balls overlap")
    return holds, run


def plainly(lemma: Lemma, point: Point) -> bool:
    """Whether it holds at a point, by nothing but Fractions. ZeroDivisionError where it is undefined."""
    try:
        return bool(np.all([bool(item) for item in _flat(lemma.call({name: list(x) for name, x in point.items()}))]))
    except AttemptEndedError as ended:
        raise MissedError(f"the lemma {ended}") from None


def _flat(returned: Any) -> list[Any]:
    if isinstance(returned, list | tuple | np.ndarray):
        items = returned.flat if isinstance(returned, np.ndarray) else returned
        return [part for item in items for part in _flat(item)]
    return [returned]
