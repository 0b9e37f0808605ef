"""What the checks of this paper share: the models they look at, and the two kinds of proof for all entries."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from random import Random
from typing import Any

from flint import arb, fmpq

from proofs.mean_field.identities import IDENTITIES
from proofs.mean_field.instances import random_models
from proofs.mean_field.model import Model
from proofs.mean_field.rational_functions import DIFFERENCES, Generic
from proofs.rational_matrix import matrix
from proofs.rationals import to_fraction
from verify.claim import Evidence, Finding, decide
from verify.claims.mean_field.settings import MeanFieldSettings

SMALL = Generic(2, 3)  # where identities are checked a second time, as rational functions of all entries


def proved(*names: str) -> bool:
    """Whether these identities hold for every k and m."""
    return all(IDENTITIES[name]().is_zero for name in names)


def proved_small(*names: str) -> bool:
    """Whether these identities hold for all entries at k = 2, m = 3."""
    return all(DIFFERENCES[name](SMALL).is_zero for name in names)


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


def vacuous(scope: str) -> Finding:
    """Nothing to check: undecided."""
    return decide(False, evidence=Evidence.EXACT, scope=scope, instances=0, found="nothing to check", predicted="")


def short(x: Any) -> str:
    """A number in a few characters: a short fraction as it is, anything else in decimals."""
    if isinstance(x, (fmpq, int, Fraction)):
        value = to_fraction(x)
        return str(value) if len(str(value)) <= 9 else f"{float(value):.5g}"
    if isinstance(x, arb):
        return f"{float(x.mid()):.6g}"
    return f"{x:.5g}"


def worst(values: Iterable[Any]) -> str:
    """The smallest of some numbers, for the table."""
    return short(min(values, key=float_of))


def float_of(x: Any) -> float:
    return float(x.mid()) if isinstance(x, arb) else float(to_fraction(x))
