"""@lemma and @control: claims made of functions that compare; and the paper that a file of them is."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from pydantic import Field

from proofs.lemma.domains import Domain
from verify.claim import Claim, Finding, Origin, Paper, Run, Verdict, claim, place
from verify.lemma.runs import Lemma, domains_of
from verify.recheck.lemmas import PAPER as RECHECK
from verify.settings import CheckSettings, Integer

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])
MARK = "__claim__"  # of a function that is a lemma


class LemmaSettings(CheckSettings):
    """The keys of a file of lemmas."""

    instances: Integer = Field(100, ge=1, le=10_000, description="a whole number from 1 to 10000, of points to draw")


def lemma(
    id: str,
    title: str,
    *,
    over: Mapping[str, Domain] | None = None,
    requires: Sequence[str] = (),
    assumptions: Sequence[str] = (),
    tolerance: float | None = None,
    expected: Verdict | None = None,
    origin: Origin = Origin.DERIVED,
    reference: str = "",
) -> Callable[[AnyFunction], AnyFunction]:
    """Makes a claim of a function that compares: `return left == right`, or <=, or a list of comparisons.

    The function stays what it is, and can be called by others. Its docstring is the statement, by default the title.

    over       what arguments run over: rationals(...), kernels(...), stochastic(...), positive_definite(...),
               orthogonal(...), datasets(...); those that are not named run over all rational numbers
    tolerance  up to which equal sides may differ where exp, log or sqrt are enclosed, and where floats are compared
    expected   the verdict that is right, if that is not VERIFIED

    The other arguments are those of `claim`. ValueError for arguments that the function does not have.
    """
    if tolerance is not None and not 0 < tolerance < 1:
        raise ValueError(f"lemma {id}: tolerance={tolerance!r} must be above 0 and below 1")

    def decorate(function: AnyFunction) -> AnyFunction:
        try:
            known = Lemma(id, function, domains_of(function, over or {}), tolerance)
        except ValueError as error:
            raise ValueError(f"lemma {id}: {error}") from None

        @wraps(function)
        def check(settings: Any, run: Run) -> Finding:
            from verify.lemma.ladder import settle  # what decides, only where it is needed

            chosen = settings if isinstance(settings, LemmaSettings) else LemmaSettings.model_validate({})
            return settle(known, run, count=chosen.instances, seed=chosen.seed)

        if not inspect.getdoc(function):
            check.__doc__ = f"{title[:1].upper()}{title[1:]}."
        facts: dict[str, Any] = {"requires": requires, "assumptions": assumptions, "reference": reference}
        predicted = None if expected is None else (lambda settings: expected)
        setattr(function, MARK, claim(id, title, expected=predicted, origin=origin, **facts)(check))
        return function

    return decorate


def control(
    id: str,
    title: str,
    *,
    over: Mapping[str, Domain] | None = None,
    requires: Sequence[str] = (),
    assumptions: Sequence[str] = (),
    tolerance: float | None = None,
    reference: str = "",
) -> Callable[[AnyFunction], AnyFunction]:
    """A lemma that is false on purpose: it must come out REFUTED. Arguments as for `lemma`."""
    return lemma(
        id,
        title if title.endswith("(control)") else f"{title} (control)",
        over=over,
        requires=requires,
        assumptions=assumptions,
        tolerance=tolerance,
        origin=Origin.CONTROL,
        reference=reference,
    )


def lemmas_of(module: ModuleType) -> tuple[Claim, ...]:
    """The claims of the lemmas in a module, by number. ValueError if two have one id."""
    found = {
        id(value): getattr(value, MARK)
        for value in vars(module).values()
        if isinstance(getattr(value, MARK, None), Claim)
    }
    ids = [claim.id for claim in found.values()]
    if len(set(ids)) < len(ids):
        raise ValueError(f"two lemmas are called {next(id for id in ids if ids.count(id) > 1)}")
    return tuple(sorted(found.values(), key=lambda claim: place(claim.id)))


def lemma_paper(module: ModuleType) -> Paper | None:
    """The lemmas of a module as a paper, called as the file is; None if it has none."""
    claims = lemmas_of(module)
    if not claims:
        return None
    title = " ".join((inspect.getdoc(module) or "").split("\n\n")[0].split())
    file = Path(str(module.__file__)).name
    return Paper(
        name=file,
        title=title or f"Lemmas of {file}",
        source=file,
        prefix="",
        settings=LemmaSettings,
        claims=claims,
        headline=lambda settings: f"instances={settings.instances}  seed={settings.seed}",
        recheck=RECHECK,
    )
