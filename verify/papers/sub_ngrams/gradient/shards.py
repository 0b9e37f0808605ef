"""The population gradient as a shard: what `verify.gradient` hands to executors and keeps in folders."""

from __future__ import annotations

import importlib
from concurrent.futures import Executor
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from itertools import product
from typing import Any, ClassVar

from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.laws import KNOWN, Law, Mixture, StationaryStarts
from proofs.sub_ngrams.score_blocks import Blocks, Number, ScoreBlocks, entries
from verify.papers.sub_ngrams.engines import Engine, Options, get_engine
from verify.printing import read_fraction
from verify.shards import Shard


@dataclass(frozen=True)
class GradientShard(Shard[ScoreBlocks]):
    """One population gradient to compute: the law, the configuration, the length, the engine and its options."""

    law: NGramLaw | Law
    configuration: Configuration
    T: int
    engine: str
    options: Options

    code: ClassVar[tuple[str, ...]] = ("proofs", "numerics", "verify.papers.sub_ngrams")

    def __post_init__(self) -> None:
        described(self.law)

    @staticmethod
    def resolve(
        law: NGramLaw | Law, configuration: Configuration, T: int, engine: Engine, options: Options
    ) -> GradientShard:
        """The shard with device=auto resolved here, so that the result is the same wherever the shard runs."""
        if "device" in engine.takes and options.device == "auto":
            device = importlib.import_module("numerics.device").resolve_device("auto")
            options = replace(options, device=device.type)
        return GradientShard(law, configuration, T, engine.name, options)

    @property
    def name(self) -> str:
        heads = " literal heads" if self.configuration.heads == "literal" else ""
        return f"T={self.T} c={self.configuration.c:.6g}{heads} by {self.engine}"

    @property
    def exact(self) -> bool:  # type: ignore[override]  # depends on the engine
        return get_engine(self.engine).exact

    @property
    def parts(self) -> bool:  # type: ignore[override]  # likewise
        return get_engine(self.engine).parts

    @property
    def problem(self) -> dict[str, Any]:
        """Options that the engine does not take are left out."""
        return {
            "law": described(self.law),
            "configuration": {
                "lags": self.configuration.lags,
                "q": str(self.configuration.q),
                "heads": self.configuration.heads,
            },
            "T": self.T,
            "engine": self.engine,
            "options": {name: getattr(self.options, name) for name in get_engine(self.engine).takes},
        }

    def compute(self, executor: Executor | None = None) -> ScoreBlocks:
        return get_engine(self.engine).compute(self.law, self.configuration, self.T, self.options, executor)

    def encoded(self, result: ScoreBlocks) -> dict[str, Any]:
        """Exact entries as the strings of fractions, floats as repr writes them."""
        return {
            "blocks": as_lists(result.blocks),
            "errors": None if result.errors is None else as_lists(result.errors),
            "level": result.level,
            "rows": as_lists(result.rows),
            "row_errors": None if result.row_errors is None else as_lists(result.row_errors),
        }

    def decoded(self, value: Any) -> ScoreBlocks:
        blocks, level = as_blocks(value["blocks"], self.law), value["level"]
        rows = as_rows(value["rows"], self.configuration)
        every = [*entries(blocks), *entries(rows)]
        if self.exact:
            if value["errors"] is not None or value["row_errors"] is not None or level is not None:
                raise ValueError("not exact")
            if any(isinstance(x, float) for x in every):
                raise ValueError("not exact")
            if any(abs(Fraction(x)) > 1 for x in every):  # a score is a difference of two probabilities
                raise ValueError("no gradient")
            return ScoreBlocks(blocks, rows=rows)
        errors = as_blocks(value["errors"], self.law)
        row_errors = as_rows(value["row_errors"], self.configuration) if rows else None
        if any(x < 0 for x in [*entries(errors), *entries(row_errors or {})]):
            raise ValueError("an error below 0")
        if not (level is None or (isinstance(level, float) and 0 < level < 1)):
            raise ValueError("a level that is none")
        return ScoreBlocks(blocks, errors, level, rows, row_errors)


def described(law: NGramLaw | Law) -> dict[str, Any]:
    """What tells this law from all others. ValueError for one of one's own: nothing tells what its functions do."""
    if type(law) is Mixture:
        return {"mixture": [[str(weight), described(part)] for weight, part in law.parts]}
    if type(law) is StationaryStarts:
        return {"stationary starts": described(law.prior)}
    if not isinstance(law, KNOWN) or type(law) not in KNOWN:
        raise ValueError(f"the law is a {type(law).__name__}: results of laws of one's own cannot be kept apart")
    return {"law": type(law).__name__, **{field.name: getattr(law, field.name) for field in fields(law)}}


def as_lists(blocks: Blocks) -> dict[str, Any]:
    return {f"{a},{b}": block for (a, b), block in blocks.items()}


def as_blocks(lists: dict[str, Any], law: NGramLaw | Law) -> Blocks:
    """S x S blocks for all lags 0..n-1. ValueError for any other shape."""
    blocks = {
        (a, b): tuple(tuple(number(x) for x in row) for row in lists[f"{a},{b}"])
        for a, b in product(range(law.n), repeat=2)
    }
    if len(lists) != len(blocks) or any(len(side) != law.S for block in blocks.values() for side in (block, *block)):
        raise ValueError("score blocks of another shape")
    return blocks


def as_rows(lists: dict[str, Any], configuration: Configuration) -> Blocks:
    """The averaging rows of the configuration. ValueError for others."""
    rows = {(h, t): (tuple(number(x) for x in lists[f"{h},{t}"][0]),) for h, t in configuration.averaging_rows}
    if len(lists) != len(rows) or any(len(row[0]) != t for (_, t), row in rows.items()):
        raise ValueError("rows of another shape")
    return rows


def number(x: object) -> Number:
    if isinstance(x, str):
        return read_fraction(x)
    if isinstance(x, bool) or not isinstance(x, int | float):
        raise TypeError("not a number")
    return x
