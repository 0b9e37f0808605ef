"""Finds the rechecks of a paper: those beside this file, and installed ones by their entry points.

A recheck is a module with PAPER, its name; STATEMENTS, claim id -> the statement in words; and CLAIMS, (claim id,
verdict) -> a function of a `Certificate` that returns the scope or raises RejectedError. One of claims that it cannot
list, as their certificates hold what is compared, has RECORDED, verdict -> such a function. Standard library only.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

from verify import recheck
from verify.by_path import imported, loaded
from verify.printing import named, shown
from verify.recheck.certificate import Check, DeclinedError

GROUP = "landscape_verifier.rechecks"  # of entry points: NAME = "module"
DEFINES = re.compile(r"^PAPER\b.*=\s*[\"']", re.MULTILINE)
LONGEST_NAME = 100  # characters of a paper's, in a message


class Recheck(Protocol):
    """A module."""

    PAPER: str
    STATEMENTS: dict[str, str]
    CLAIMS: dict[tuple[str, str], Check]


@cache
def rechecks() -> dict[str, Recheck]:
    """Those beside this file, by the name of their paper."""
    modules = [
        importlib.import_module(f"{recheck.__name__}.{module.name}")
        for module in pkgutil.iter_modules(recheck.__path__)
        if module.ispkg
    ]
    return {module.PAPER: module for module in modules}


def recheck_of(paper: str) -> Recheck:
    """The recheck of this paper; DeclinedError if none is installed, or if it cannot be imported."""
    if paper in rechecks():
        return rechecks()[paper]
    for entry in metadata.entry_points(group=GROUP):
        if entry.name == paper:
            try:
                return _whole(loaded(entry))
            except Exception as error:  # somebody else's module
                raise DeclinedError(f"the recheck for {shown(paper)} is broken: {named(error)}") from None
    raise DeclinedError(f"no recheck installed for {shown(paper, LONGEST_NAME)}")


def recheck_at(path: str) -> Recheck:
    """The recheck in this file or folder; ValueError, with what is wrong, if there is none."""
    try:
        return _whole(imported(Path(path), DEFINES))
    except Exception as error:  # somebody else's module
        raise ValueError(named(error)) from None


def _whole(module: Any) -> Recheck:
    """Whatever is raised where it is no recheck."""
    found: Recheck = module
    assert found.STATEMENTS.keys() >= {claim for claim, _ in found.CLAIMS}, "a check without a statement"
    return found
