"""Finds papers: those in verify/papers, installed ones by their entry points, and one by the path of a file or folder.

A file that has lemmas, and no PAPER, is the paper of these.

Importing a paper imports none of the large libraries that check it: torch, sympy, scipy, matplotlib. One that cannot be
imported is told with the reason.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib import metadata
from pathlib import Path
from types import ModuleType

from verify.by_path import imported, loaded
from verify.claim import Paper
from verify.lemma.declared import lemma_paper, lemmas_of
from verify.printing import named, shown
from verify.settings import UsageError, did_you_mean

GROUP = "landscape_verifier.papers"  # of entry points: NAME = "package:PAPER"
HOME = "verify.papers"  # packages here define PAPER
FIRST = "sub-n-grams"  # where no paper is named
DEFINES = re.compile(r"^PAPER\b.*=.*\bPaper\(", re.MULTILINE)
MESSAGE = 300  # characters of what is wrong with a paper


@dataclass(frozen=True)
class Broken:
    """A paper that was found and cannot be used."""

    name: str
    reason: str


@cache
def found() -> tuple[Paper | Broken, ...]:
    """Every paper, the first one first and the others by name."""
    return tuple(sorted(_found(), key=lambda paper: (paper.name != FIRST, paper.name)))


def papers() -> dict[str, Paper]:
    """Those that can be used, by name."""
    return {paper.name: paper for paper in found() if isinstance(paper, Paper)}


def broken() -> list[Broken]:
    return [paper for paper in found() if isinstance(paper, Broken)]


def get_paper(name: str | None = None) -> Paper:
    """The paper of this name, or in the file or folder of this path; without a name the first one.

    UsageError with the nearest name, or with what is wrong, if there is none.
    """
    if name is not None and is_path(name):  # before the installed ones are imported, of which it may be a copy
        paper = _attempt(shown(name), lambda: _paper_in(imported(Path(name), DEFINES, instead=has_lemmas)))
        if isinstance(paper, Broken):
            raise UsageError(f"paper={paper.name}: {paper.reason}")
        return paper
    if name is not None and (at_home := _at_home(name)):
        return at_home
    known = papers()
    if name is None:
        return known.get(FIRST) or next(iter(known.values()))
    if name in known:
        return known[name]
    for paper in broken():
        if paper.name == name:
            raise UsageError(f"paper={shown(name)}: broken: {paper.reason}")
    if Path(name).is_dir():
        raise UsageError(f"paper={shown(name)}: unknown paper; for the folder of this name write paper=./{shown(name)}")
    raise UsageError(f"paper={shown(name)}: unknown paper{did_you_mean(name, known)}")


def paper_of(select: str) -> str | None:
    """The name of the only paper with claims that these words select (ids or prefixes, with commas between); None if
    there are several, or none."""
    words = [word for word in select.split(",") if word]
    able = [name for name, paper in papers().items() if words and all(_has(paper, word) for word in words)]
    return able[0] if len(able) == 1 else None


def _has(paper: Paper, word: str) -> bool:
    return any(claim.id.startswith(word) for claim in paper.claims)


def is_path(name: str) -> bool:
    """Whether a word names a file or folder rather than a paper."""
    return name.endswith(".py") or "/" in name or name in (".", "..")


def command(name: str) -> Callable[[Sequence[str]], int]:
    """The command that a paper brings under this name; UsageError if none does."""
    for paper in papers().values():
        if name in paper.commands:
            return load(paper.commands[name][2])
    raise UsageError(f"{shown(name)}: the paper that brings this command is not installed")


def load(place: str) -> Callable[..., int]:
    """What stands at "module:function"."""
    module, function = place.split(":")
    found: Callable[..., int] = getattr(importlib.import_module(module), function)
    return found


def _at_home(name: str) -> Paper | None:
    """The paper of this name if its folder here is called the same: then no other one is imported."""
    folders = [module.name for module in _home() if module.name.replace("_", "-") == name]
    paper = _attempt(name, lambda: importlib.import_module(f"{HOME}.{folders[0]}").PAPER) if folders else None
    return paper if isinstance(paper, Paper) and paper.name == name else None


def _home() -> Iterator[pkgutil.ModuleInfo]:
    return pkgutil.iter_modules(importlib.import_module(HOME).__path__)


def _found() -> Iterator[Paper | Broken]:
    for module in _home():
        name = module.name.replace("_", "-")
        yield _attempt(name, lambda place=f"{HOME}.{module.name}": importlib.import_module(place).PAPER)  # type: ignore[misc]  # bound now
    for entry in metadata.entry_points(group=GROUP):
        yield _attempt(entry.name, partial(loaded, entry))


def _attempt(name: str, load: Callable[[], object]) -> Paper | Broken:
    """Whatever goes wrong in a paper is its own: the others are still there."""
    try:
        paper = load()
    except Exception as error:
        return Broken(name, named(error, MESSAGE))
    return paper if isinstance(paper, Paper) else Broken(name, "its PAPER is no verify.claim.Paper")


def has_lemmas(module: ModuleType) -> bool:
    return bool(lemmas_of(module))


def _paper_in(module: ModuleType) -> object:
    """What the module says is its paper; else its lemmas."""
    return module.PAPER if hasattr(module, "PAPER") else lemma_paper(module)
