"""What the checks of this paper share: the models that they look at, and how they speak of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import wraps
from random import Random
from typing import Any

from flint import arb, fmpq

from proofs.mean_field.instances import random_models
from proofs.mean_field.model import Model
from proofs.rational_matrix import matrix
from proofs.rationals import to_fraction
from verify.claim import Finding, Run, how_many
from verify.papers.mean_field.conditions import middle
from verify.papers.mean_field.settings import MeanFieldSettings
from verify.printing import fraction_text

SMALLEST, LARGEST = Fraction(sys.float_info.min), Fraction(sys.float_info.max)
Check = Callable[[MeanFieldSettings, Run], Finding]


def each_takes(seconds: Callable[[int, int], float]) -> Callable[[Check], Check]:
    """A check on `instances` random models, or on as many as half of its time allows: each takes seconds(k, m) of one
    core, as measured at (k, m) from (2, 16) to (6, 16).
    """

    def decorate(check: Check) -> Check:
        @wraps(check)
        def checked(settings: MeanFieldSettings, run: Run) -> Finding:
            count = max(1, how_many(settings.instances, seconds(settings.k, settings.m), run, share=1 / 2))
            return check(settings.model_copy(update={"instances": count}), run)

        return checked

    return decorate


def generator(settings: MeanFieldSettings, claim: str) -> Random:
    """One stream of random numbers per claim, so that `select` does not change what a claim sees."""
    return Random(f"{settings.seed} {claim}")


def given_model(settings: MeanFieldSettings) -> Model | None:
    given = settings.given
    return None if given is None else Model(matrix(given[0]), matrix(given[1]))


def models(settings: MeanFieldSettings, random: Random) -> list[Model]:
    """The model of the file, if there is one, and random ones."""
    given = given_model(settings)
    return [*([] if given is None else [given]), *random_models(random, settings.k, settings.m, settings.instances)]


def of_file(settings: MeanFieldSettings, used: bool = False, why: str = "") -> str:
    """For the scope: whether the matrices of the user's file are among those looked at, and why not."""
    if settings.matrices is None:
        return ""
    if used:
        return ", that of the file among them"
    return f"; not the matrices of the file{f' ({why})' if why else ''}"


def short(x: Any) -> str:
    """A number in a few characters: a short fraction as it is, anything else in decimals."""
    if isinstance(x, (fmpq, int, Fraction)):
        text = fraction_text(to_fraction(x))
        return text if len(text) <= 9 else significant(x, 5)
    return significant(x, 6 if isinstance(x, arb) else 5)


def significant(x: Any, digits: int) -> str:
    """The format `g` with so many digits, also of numbers that are too large or too small for a float."""
    if isinstance(x, float):
        return f"{x:.{digits}g}"
    value = middle(x) if isinstance(x, arb) else to_fraction(x)
    if value == 0 or SMALLEST <= abs(value) <= LARGEST:
        return f"{float(value):.{digits}g}"
    with localcontext(prec=digits):
        return f"{(Decimal(value.numerator) / Decimal(value.denominator)).normalize():e}"


def decimals(x: arb) -> str:
    """For details: 15 digits."""
    return str(x.str(15, radius=False))


def listed(values: Iterable[Any]) -> str:
    return ", ".join(short(x) for x in values)


def few(values: Sequence[Any]) -> str:
    """The first three and the last, where there are more than four."""
    return listed(values) if len(values) <= 4 else f"{listed(values[:3])} .. {short(values[-1])}"
