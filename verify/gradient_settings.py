"""The settings of `python -m verify.gradient`: the problem, as in every command, and where it is computed."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from verify.claims.sub_ngrams.settings import SubNGramProblem
from verify.settings import Integer

DASK = "dask:"
CLUSTER = re.compile(rf"{DASK}(?:tcp|tls)://(?:\[[0-9a-fA-F:]+\]|[\w.-]+):(\d{{1,5}})")


def check_executor(name: str) -> str:
    """ValueError for anything but the name of an executor."""
    if name not in ("auto", "inline", "processes"):
        cluster = CLUSTER.fullmatch(name)
        if not cluster or not 0 < int(cluster[1]) < 2**16:
            raise ValueError
    return name


class GradientSettings(SubNGramProblem):
    """What is computed, and where. The result does not depend on the keys below, so reports leave them out."""

    executor: Annotated[str, AfterValidator(check_executor)] = Field(
        "auto",
        exclude=True,
        description="inline, processes, dask:tcp://HOST:PORT, or auto (processes for several points, inline for one)",
    )
    workers: Integer | None = Field(
        None,
        ge=1,
        le=1024,
        exclude=True,
        description="a whole number from 1 to 1024, of processes (default: one a core)",
    )
    shards: str | None = Field(
        None,
        min_length=1,
        exclude=True,
        description="a folder for finished points, from which a stopped command goes on",
    )

    @model_validator(mode="after")
    def workers_are_processes(self) -> GradientSettings:
        if self.workers is not None and self.executor not in ("auto", "processes"):
            raise ValueError(f"workers={self.workers}: workers belong to executor=processes, not {self.executor}")
        return self
