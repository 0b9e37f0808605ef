"""Shards: one population gradient each, named by all that it depends on, and a folder that keeps the finished ones."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import cache
from importlib import metadata
from itertools import product
from pathlib import Path
from typing import Any

from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw, require_ngram_law
from proofs.sub_ngrams.score_blocks import Blocks, Number, ScoreBlocks, entries
from verify import __version__
from verify.command import write_whole
from verify.engines import Engine, Options, get_engine
from verify.files import UnreadableError, read_bytes
from verify.settings import UsageError

LARGEST_FILE = 2**30  # bytes
SCHEMA = "landscape-verifier/shard/1"
FLOAT_LIBRARIES = ("numpy", "scipy", "torch")  # the last digits of a float depend on their versions


@dataclass(frozen=True)
class Shard:
    """One population gradient to compute: the law, the configuration, the length, the engine and its options."""

    law: NGramLaw
    configuration: Configuration
    T: int
    engine: str
    options: Options

    def __post_init__(self) -> None:
        require_ngram_law(self.law)  # the key, by which results are kept, tells laws apart by S, n, alpha and initial

    @staticmethod
    def settle(law: NGramLaw, configuration: Configuration, T: int, engine: Engine, options: Options) -> Shard:
        """The shard with device=auto settled here, so that the result is the same wherever the shard runs."""
        if "device" in engine.takes and options.device == "auto":
            device = importlib.import_module("numerics.device").resolve_device("auto")
            options = replace(options, device=device.type)
        return Shard(law, configuration, T, engine.name, options)

    @property
    def name(self) -> str:
        return f"T={self.T} c={self.configuration.c:.6g} by {self.engine}"

    @property
    def key(self) -> dict[str, Any]:
        """All that the result depends on, as JSON can hold it: options that the engine does not take are left out."""
        engine = get_engine(self.engine)
        key = {
            "schema": SCHEMA,
            "version": __version__,
            "code": code_digest(),
            "libraries": {} if engine.exact else float_libraries(),
            "law": asdict(self.law),
            "configuration": {"lags": self.configuration.lags, "q": str(self.configuration.q)},
            "T": self.T,
            "engine": self.engine,
            "options": {name: getattr(self.options, name) for name in engine.takes},
        }
        plain: dict[str, Any] = json.loads(json.dumps(key, default=str))
        return plain

    @property
    def digest(self) -> str:
        """Computed from the code and the libraries that are here: a worker's may be others."""
        return digest(self.key)


OTHER_CODE = "a worker has another landscape-verifier, or another numpy, scipy or torch; install the same"


def compute(shard: Shard, expected: str, executor: Executor | None = None) -> ScoreBlocks:
    """The gradient of the shard, by one torch thread: sums of several come out differently in the last digits.

    Runs wherever an executor takes it, and leaves torch at one thread there.
    expected  the digest of the shard where it was asked for; UsageError if code or libraries are others here
    executor  takes the parts of the shard, if its engine can compute in parts
    """
    if shard.digest != expected:
        raise UsageError(OTHER_CODE)
    engine = get_engine(shard.engine)
    if not engine.exact:
        importlib.import_module("torch").set_num_threads(1)
    return engine.compute(shard.law, shard.configuration, shard.T, shard.options, executor and SameCode(executor))


class SameCode(Executor):
    """Hands work over to an executor, where it fails with UsageError if code or libraries are others there."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return self.executor.submit(with_same_code, fingerprint(), fn, *args, **kwargs)


def with_same_code(expected: str, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    if fingerprint() != expected:
        raise UsageError(OTHER_CODE)
    return fn(*args, **kwargs)


def fingerprint() -> str:
    """Of the code and the libraries that compute."""
    return digest([code_digest(), float_libraries()])


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

    def path(self, shard: Shard) -> Path:
        return self.folder / f"{shard.digest}.json"

    def read(self, shard: Shard) -> ScoreBlocks | None:
        """The gradient that was written, to the last bit; None if there is none, or if the file is damaged."""
        path = self.path(shard)
        try:
            return decoded(read_bytes(path, LARGEST_FILE), shard) if path.exists() else None
        except UnreadableError as error:
            self.complain(f"shards={self.folder}: {path.name} {error}; {again(shard)}")
        except Exception:  # whatever JSON, fractions and dictionaries make of what somebody has put there
            self.complain(f"shards={self.folder}: {path.name} is damaged; {again(shard)}")
        return None

    def write(self, shard: Shard, M: ScoreBlocks) -> None:
        """Writes the file as a whole or not at all."""
        path = self.path(shard)
        try:
            write_whole(path, encoded(shard, M))
        except OSError as error:  # the result itself is not lost: it is reported
            self.complain(f"shards={self.folder}: {path.name} cannot be written ({error.strerror})")


def again(shard: Shard) -> str:
    return f"{shard.name} is computed again"


def encoded(shard: Shard, M: ScoreBlocks) -> bytes:
    """The content of a file: exact entries as the strings of fractions, floats as repr writes them."""
    result = {
        "blocks": as_lists(M.blocks),
        "errors": None if M.errors is None else as_lists(M.errors),
        "level": M.level,
    }
    content = {"key": shard.key, "result": result, "sha256": digest(result)}
    return json.dumps(content, indent=1, default=fraction_text).encode() + b"\n"


def decoded(content: bytes, shard: Shard) -> ScoreBlocks:
    """What `encoded` wrote. Some exception for anything else, also where somebody has made the digest fit."""
    stored = json.loads(content)
    result = stored["result"]
    if stored["key"] != shard.key or stored["sha256"] != digest(result):
        raise ValueError("the content does not have its digest")
    blocks, level = as_blocks(result["blocks"], shard.law), result["level"]
    if get_engine(shard.engine).exact:
        if result["errors"] is not None or level is not None or any(isinstance(x, float) for x in entries(blocks)):
            raise ValueError("not exact")
        return ScoreBlocks(blocks)
    errors = as_blocks(result["errors"], shard.law)
    if any(x < 0 for x in entries(errors)) or not (level is None or (isinstance(level, float) and 0 < level < 1)):
        raise ValueError("an error below 0, or a level that is none")
    return ScoreBlocks(blocks, errors, level)


def as_lists(blocks: Blocks) -> dict[str, Any]:
    return {f"{a},{b}": block for (a, b), block in blocks.items()}


def as_blocks(lists: dict[str, Any], law: NGramLaw) -> Blocks:
    """S x S blocks for all lags 0..n-1. ValueError for any other shape."""
    blocks = {
        (a, b): tuple(tuple(number(x) for x in row) for row in lists[f"{a},{b}"])
        for a, b in product(range(law.n), repeat=2)
    }
    if len(lists) != len(blocks) or any(len(side) != law.S for block in blocks.values() for side in (block, *block)):
        raise ValueError("score blocks of another shape")
    return blocks


def number(x: object) -> Number:
    if isinstance(x, str):
        return Fraction(x)
    if isinstance(x, bool) or not isinstance(x, int | float):
        raise TypeError("not a number")
    return x


def fraction_text(x: object) -> str:
    if not isinstance(x, Fraction):
        raise TypeError(f"{x!r}: an entry is a fraction or a float")
    return str(x)


def digest(value: object) -> str:
    """SHA-256 of the value as canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=fraction_text)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def float_libraries() -> dict[str, str]:
    return {name: metadata.version(name) for name in FLOAT_LIBRARIES}


@cache
def code_digest() -> str:
    """SHA-256 of the code that computes: a shard of other code is never taken for one of this."""
    files = [Path(__file__).with_name("engines.py"), Path(__file__)]
    for package in ("proofs", "numerics"):
        file = importlib.import_module(package).__file__
        assert file is not None, "a package, not a namespace"
        files += sorted(Path(file).parent.rglob("*.py"))
    whole = hashlib.sha256()
    for path in files:
        whole.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return whole.hexdigest()
