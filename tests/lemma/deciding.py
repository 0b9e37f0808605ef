"""What is found of a function that is taken for a lemma."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from proofs.lemma.domains import Domain
from verify.claim import Finding, Run
from verify.lemma.ladder import settle
from verify.lemma.runs import Lemma, domains_of

FEW = 40  # points


def lemma(
    function: Callable[..., Any], over: Mapping[str, Domain] | None = None, tolerance: float | None = None
) -> Lemma:
    return Lemma("XX1", function, domains_of(function, over or {}), tolerance)


def decided(
    function: Callable[..., Any],
    over: Mapping[str, Domain] | None = None,
    *,
    tolerance: float | None = None,
    seconds: float = 15.0,
    count: int = FEW,
) -> Finding:
    return settle(lemma(function, over, tolerance), Run(seconds=seconds), count=count, seed=0)
