"""Findings that `python -m verify.check shards=FOLDER` keeps, so that a check that was stopped goes on from there."""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar

from verify.claim import Certificate, Claim, Evidence, Finding, Verdict
from verify.printing import fraction_text, read_fraction
from verify.registry import is_path
from verify.report.plain import settings_as_plain
from verify.settings import CheckSettings, UsageError
from verify.shards import CODE, Shard, Store

EXACT_LIBRARIES = ("sympy", "mpmath", "python-flint", "clarabel")  # beside those of floats
DECIDED = (Verdict.VERIFIED, Verdict.REFUTED)  # what is kept: any other verdict may come out differently another time


@dataclass(frozen=True)
class ClaimShard(Shard[Finding]):
    """The check of one claim.

    paper     its name or its path
    settings  what the finding depends on, as JSON can hold it
    files     the digests of the files that the settings, or the path, name
    """

    paper: str
    settings: Mapping[str, Any]
    files: Mapping[str, str]
    id: str

    code: ClassVar[tuple[str, ...]] = CODE

    @property
    def name(self) -> str:
        return self.id

    @property
    def problem(self) -> Mapping[str, Any]:
        return {
            "paper": self.paper,
            "settings": self.settings,
            "files": self.files,
            "claim": self.id,
            "python": platform.python_version(),
            "exact libraries": {name: metadata.version(name) for name in EXACT_LIBRARIES},
        }

    def compute(self, executor: Executor | None = None) -> Finding:
        raise NotImplementedError("claims are checked in the order of what they rest on, by verify.runner")

    def encoded(self, result: Finding) -> Any:
        return {field.name: typed(getattr(result, field.name)) for field in fields(Finding)}

    def decoded(self, value: Any) -> Finding:
        found = Finding(**{name: untyped(part) for name, part in value.items()})
        texts = (found.scope, found.found, found.predicted, found.footnote, found.reason)
        if not (
            any(found.verdict is verdict for verdict in DECIDED)
            and type(found.evidence) is Evidence
            and type(found.instances) is int
            and found.instances > 0
            and all(type(text) is str for text in texts)
            and type(found.details) is dict
            and (found.certificate is None or type(found.certificate) is Certificate)
        ):
            raise ValueError("no finding that would have been kept")
        return found


@dataclass(frozen=True)
class Kept:
    """The findings of a paper's claims at these settings that a folder has, and is to have."""

    store: Store
    paper: str
    settings: Mapping[str, Any]
    files: Mapping[str, str]

    def read(self, id: str) -> Finding | None:
        return self.store.read(self._shard(id))

    def write(self, id: str, finding: Finding) -> None:
        """If it is decided; what has values that no file can hold is told, and checked again another time."""
        if finding.verdict not in DECIDED:
            return
        try:
            self.store.write(self._shard(id), finding)
        except TypeError as error:
            self.store.complain(f"shards={self.store.folder}: {id} is not kept: {error}")

    def _shard(self, id: str) -> ClaimShard:
        return ClaimShard(self.paper, self.settings, self.files, id)


def kept(
    settings: CheckSettings, words: Mapping[str, str], claims: Sequence[Claim], complain: Callable[[str], None]
) -> Kept | None:
    """What the key `shards` asks for; None without it. UsageError for a folder that cannot be used.

    A larger budget lets claims do more, so that findings belong to theirs. The files that words name count with their
    content, and so does the paper's code; what that reads or imports from elsewhere is not looked at.
    """
    if settings.shards is None:
        return None
    plain = {**settings_as_plain(settings), "budget": settings.budget, "select": None, "ignore": None}
    own = {key for key in CheckSettings.model_fields if key != "paper"}
    paths = {key: Path(word) for key, word in words.items() if key not in own and (key != "paper" or is_path(word))}
    paths |= {f"code of {name}": path for name, path in code_of(claims).items()}
    files = {key: content_digest(path) for key, path in paths.items() if path.exists()}
    return Kept(Store(settings.shards, complain), words.get("paper", settings.paper), plain, files)


def code_of(claims: Sequence[Claim]) -> dict[str, Path]:
    """Where the modules and packages lie that define the checks, those of this project apart. UsageError for a check
    that was typed in."""
    paths = {}
    for claim in claims:
        check = claim.check
        while isinstance(check, partial):
            check = check.func
        name = check.__module__.partition(".")[0]
        file = getattr(sys.modules[name], "__file__", None)
        if file is None:
            raise UsageError(f"shards: the check of {claim.id} is in no file, so that nobody can know when it changes")
        if name not in ClaimShard.code:
            paths[name] = Path(file).parent if Path(file).name == "__init__.py" else Path(file)
    return paths


def content_digest(path: Path) -> str:
    """SHA-256 of a file, of the Python files in a folder and below it, or of a Python file and those beside it, which
    it may import; with their names."""
    files = path.rglob("*.py") if path.is_dir() else path.parent.glob("*.py") if path.suffix == ".py" else [path]
    whole = hashlib.sha256()
    for file in sorted(files):
        whole.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return whole.hexdigest()


# --- values, so that they come back as what they were ---

ENUMS: dict[str, type[Verdict] | type[Evidence]] = {"verdict": Verdict, "evidence": Evidence}


def typed(value: Any) -> Any:
    """As JSON can hold it, with the type where JSON has none. TypeError for a type that is not known."""
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return {"float": value.hex()}
    if kind is Fraction:
        return {"fraction": fraction_text(value)}
    if kind is list:
        return [typed(item) for item in value]
    if kind is tuple:
        return {"tuple": [typed(item) for item in value]}
    if kind is dict:
        return {"dict": [[typed(key), typed(item)] for key, item in value.items()]}
    if kind is Certificate:
        return {"certificate": [typed(value.parameters), typed(value.witness)]}
    for name, enum in ENUMS.items():
        if kind is enum:
            return {name: value.value}
    raise TypeError(f"a file holds no value of type {kind.__module__}.{kind.__qualname__}")


def untyped(value: Any) -> Any:
    """What `typed` made this of. Some exception for anything else."""
    if isinstance(value, list):
        return [untyped(item) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind in ENUMS:
        return ENUMS[kind](content)
    return READERS[kind](content)


READERS: dict[str, Callable[[Any], Any]] = {
    "float": float.fromhex,
    "fraction": read_fraction,
    "tuple": lambda items: tuple(untyped(item) for item in items),
    "dict": lambda pairs: {untyped(key): untyped(item) for key, item in pairs},
    "certificate": lambda parts: Certificate(*map(untyped, parts)),
}
