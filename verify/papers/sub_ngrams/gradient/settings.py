"""The settings of `python -m verify.gradient`: the problem, as in every command, and where it is computed."""

from __future__ import annotations

from verify.papers.sub_ngrams.settings import SubNGramProblem
from verify.settings import ExecutorSettings


class GradientSettings(SubNGramProblem, ExecutorSettings):
    """What is computed, and where. The result does not depend on where, so reports leave those keys out."""
