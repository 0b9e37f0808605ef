"""Shards: pieces of work named by all that their result depends on, and a folder that keeps the finished ones."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from fractions import Fraction
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from verify import __version__
from verify.command import write_whole
from verify.files import UnreadableError, read_bytes
from verify.printing import fraction_text
from verify.settings import UsageError

LARGEST_FILE = 2**30  # bytes
SCHEMA = "landscape-verifier/shard/1"
CODE = ("proofs", "numerics", "verify")  # this project's packages
FLOAT_LIBRARIES = ("numpy", "scipy", "torch")  # the last digits of a float depend on their versions

Result = TypeVar("Result")


class Shard(ABC, Generic[Result]):
    """A piece of work that any executor can do: it can be pickled, and its result depends on nothing but its key.

    code   the packages whose code computes it: a result of other code is never taken for one of this
    exact  whether floats, which depend on the versions of libraries, have no part in it
    parts  whether it can be computed in parts
    """

    code: ClassVar[tuple[str, ...]] = ("proofs", "numerics")
    exact: bool = False
    parts: bool = False

    @property
    @abstractmethod
    def name(self) -> str:
        """A few words for messages."""

    @property
    @abstractmethod
    def problem(self) -> Mapping[str, Any]:
        """All that the result depends on but code and libraries; what JSON cannot hold is written as str(...)."""

    @abstractmethod
    def compute(self, executor: Executor | None = None) -> Result:
        """The result; `executor` takes parts of the work, if there are any."""

    @abstractmethod
    def encoded(self, result: Result) -> Any:
        """The result as JSON can hold it, to the last bit: Fractions are written as strings."""

    @abstractmethod
    def decoded(self, value: Any) -> Result:
        """What `encoded` made a value of. Some exception for anything else."""

    @property
    def key(self) -> dict[str, Any]:
        """All that the result depends on, as JSON can hold it."""
        key = {
            "schema": SCHEMA,
            "version": __version__,
            "code": code_digest(self.code),
            "libraries": {} if self.exact else float_libraries(),
            **self.problem,
        }
        plain: dict[str, Any] = json.loads(json.dumps(key, default=str))
        return plain

    @property
    def digest(self) -> str:
        """Computed from the code and the libraries that are here: a worker's may be others."""
        return digest(self.key)


OTHER_CODE = "a worker has another landscape-verifier, or another numpy, scipy or torch; install the same"


def compute(shard: Shard[Result], expected: str, executor: Executor | None = None) -> Result:
    """The result of the shard, by one torch thread: sums of several come out differently in the last digits.

    Runs wherever an executor takes it, and leaves torch at one thread there.
    expected  the digest of the shard where it was asked for; UsageError if code or libraries are others here
    executor  takes the parts of the shard, if it can be computed in parts
    """
    if shard.digest != expected:
        raise UsageError(OTHER_CODE)
    if not shard.exact:
        importlib.import_module("torch").set_num_threads(1)
    return shard.compute(executor and SameCode(executor, shard.code))


class SameCode(Executor):
    """Hands work over to an executor, where it fails with UsageError if code or libraries are others there."""

    def __init__(self, executor: Executor, code: tuple[str, ...]) -> None:
        self.executor, self.code = executor, code

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return self.executor.submit(with_same_code, self.code, fingerprint(self.code), fn, *args, **kwargs)


def with_same_code(code: tuple[str, ...], expected: str, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    if fingerprint(code) != expected:
        raise UsageError(OTHER_CODE)
    return fn(*args, **kwargs)


def fingerprint(code: tuple[str, ...]) -> str:
    """Of the code and the libraries that compute."""
    return digest([code_digest(code), float_libraries()])


class Store:
    """A folder of finished shards: one JSON file each, named by the digest of the shard's key.

    complain  told, in one line, what is wrong with a file; the shard is then computed again
    """

    def __init__(self, folder: str, complain: Callable[[str], None]) -> None:
        self.folder, self.complain = Path(folder), complain
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise UsageError(f"shards={folder}: not a folder, and cannot be made one ({error.strerror})") from None
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise UsageError(f"shards={folder}: cannot be written; choose another folder")

    def path(self, shard: Shard[Result]) -> Path:
        return self.folder / f"{shard.digest}.json"

    def read(self, shard: Shard[Result]) -> Result | None:
        """The result that was written, to the last bit; None if there is none, or if the file is damaged."""
        path = self.path(shard)
        try:
            return result_in(read_bytes(path, LARGEST_FILE), shard) if path.exists() else None
        except UnreadableError as error:
            self.complain(f"shards={self.folder}: {path.name} {error}; {again(shard)}")
        except Exception:  # whatever JSON, fractions and dictionaries make of what somebody has put there
            self.complain(f"shards={self.folder}: {path.name} is damaged; {again(shard)}")
        return None

    def write(self, shard: Shard[Result], result: Result) -> None:
        """Writes the file as a whole or not at all."""
        path = self.path(shard)
        try:
            write_whole(path, content_of(shard, result))
        except OSError as error:  # the result itself is not lost: it is reported
            self.complain(f"shards={self.folder}: {path.name} cannot be written ({error.strerror})")


def again(shard: Shard[Any]) -> str:
    return f"{shard.name} is computed again"


def content_of(shard: Shard[Result], result: Result) -> bytes:
    """The content of a file."""
    value = shard.encoded(result)
    content = {"key": shard.key, "result": value, "sha256": digest(value)}
    return json.dumps(content, indent=1, default=entry_text).encode() + b"\n"


def result_in(content: bytes, shard: Shard[Result]) -> Result:
    """What `content_of` wrote. Some exception for anything else, also where somebody has made the digest fit."""
    stored = json.loads(content)
    value = stored["result"]
    if stored["key"] != shard.key or stored["sha256"] != digest(value):
        raise ValueError("the content does not have its digest")
    return shard.decoded(value)


def entry_text(x: object) -> str:
    if not isinstance(x, Fraction):
        raise TypeError(f"{x!r}: an entry is a fraction or a float")
    return fraction_text(x)


def digest(value: object) -> str:
    """SHA-256 of the value as canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=entry_text)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def float_libraries() -> dict[str, str]:
    return {name: metadata.version(name) for name in FLOAT_LIBRARIES}


@cache
def code_digest(packages: tuple[str, ...]) -> str:
    """SHA-256 of the code in these packages and the data beside it, and of this file."""
    whole = hashlib.sha256()
    for path in [Path(__file__), *(path for package in packages for path in _sources(package))]:
        whole.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return whole.hexdigest()


def _sources(package: str) -> list[Path]:
    importlib.import_module(package)
    file = sys.modules[package].__file__
    assert file is not None, "a package, not a namespace"
    return sorted(path for path in Path(file).parent.rglob("*.*") if path.suffix in (".py", ".json", ".npz"))
