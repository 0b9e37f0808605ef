"""The settings of `python -m verify.gradient`: the problem, as in every command, and where it is computed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from verify.papers.sub_ngrams.settings import SubNGramProblem
from verify.settings import ExecutorSettings


class GradientSettings(SubNGramProblem, ExecutorSettings):
    """What is computed, and where."""

    bound: Literal["no", "yes"] = Field(
        "no", exclude=True, description="yes: the bounds of SN16, SN17 and SN20 beside the computed numbers"
    )
    shards: str | None = Field(
        None,
        min_length=1,
        exclude=True,
        description="a folder for finished points, from which a stopped command goes on",
    )
