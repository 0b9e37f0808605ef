"""The settings of `python -m verify.gradient`: the problem, as in every command, and where it is computed."""

from __future__ import annotations

from pydantic import Field

from verify.papers.sub_ngrams.settings import SubNGramProblem
from verify.settings import ExecutorSettings


class GradientSettings(SubNGramProblem, ExecutorSettings):
    """What is computed, and where."""

    shards: str | None = Field(
        None,
        min_length=1,
        exclude=True,
        description="a folder for finished points, from which a stopped command goes on",
    )
