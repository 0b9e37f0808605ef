"""The conditions that the claims of the mean-field paper look at, for tests that turn them round."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from verify.claim import Finding, Run
from verify.papers.mean_field import PAPER
from verify.papers.mean_field import conditions as shared
from verify.papers.mean_field.conditions import Condition
from verify.papers.mean_field.settings import MeanFieldSettings
from verify.settings import validate

FLOATS = {f"verify.papers.mean_field.{name}" for name in ("numeric", "particle_runs", "simulations")}
MODULES = sorted({claim.check.__module__ for claim in PAPER.claims} - FLOATS)


def settings(**values: Any) -> MeanFieldSettings:
    return validate(MeanFieldSettings, {key: str(value) for key, value in values.items()})


def check(id: str, **values: Any) -> Finding:
    (claim,) = (claim for claim in PAPER.claims if claim.id == id)
    return claim(settings(**values), Run())


def conditions_of(id: str, **values: Any) -> list[Condition]:
    """What the check of a claim hands to `judge`."""
    seen: list[Condition] = []

    def judge(conditions: Sequence[Condition], **rest: Any) -> Finding:
        seen.extend(conditions)
        return shared.judge(conditions, **rest)

    with pytest.MonkeyPatch.context() as patch:
        for module in MODULES:
            patch.setattr(f"{module}.judge", judge, raising=False)
        check(id, **values)
    return seen
